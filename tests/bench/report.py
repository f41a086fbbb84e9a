"""Reports of payments beside a bare loop that makes the same calls.

``./dev bench report [--rows 1000] [--runs 3] [--latency 0.02]
[--overlaps 1,4,8]``: see
`tests/bench/_calls.py`. A report takes two calls: what Ropo has is read before.
"""

import json
from datetime import date
from decimal import Decimal

from ..faults.house import wire
from . import _calls
from ._fill import pay
from ._ropo import case_id

PAID = 40
STATEMENTS = 8


def fill(env, rows):
    """Cases at Ropo, each with a payment that is matched and not told yet."""
    cases = _calls.fill(env, rows, "sent")
    pay(env, cases.move_id, PAID)
    env["ropo.assignment"]._compare_marked()
    queued = env["ropo.assignment.event"].search_count([("state", "=", "queued")])
    assert queued == len(cases), queued


BODY = wire.build_event(wire.PAID, Decimal(PAID), date.today())


def calls(number):
    path = wire.path(wire.EVENTS, id=case_id(number))
    yield "GET", f"{path}?page=1&per_page={wire.PER_PAGE}", None
    yield "POST", path, BODY


def work(env, url, overlap):
    cases = env["ropo.assignment"]
    events = env["ropo.assignment.event"]

    def drain(find):
        env["ropo.worker"]._drain(
            find,
            type(events)._lease_report,
            cases._settle_before_report,
            size=int(overlap),
            together=cases._settle_before_reports,
        )

    figures = _calls.timed(env, url, cases._due_reports, drain)
    figures["done"] = events.search_count([("state", "=", "sent")])
    print(json.dumps(figures))


if __name__ == "__main__":
    from . import report

    _calls.bench("report", report, __doc__)
