"""The daily audit of cases at Ropo, without Ropo's list.

``./dev bench audit [--rows 2000]``: every case is compared with the ledger and its
debtor's loose money is looked for, as each night. Nothing has happened in these cases
since the night before, and nobody waits for it: the figure says how many cases a night
holds. Some more have a payment each, which Ropo has been told of.
"""

import json
import time

from .. import databases
from ._fill import connect, make_cases, multiply, pay, prepare
from ._measure import Bench, growth, median

PARTS = (4, 1)
PAID = 40
#: A figure is the median of so many.
NIGHTS = 5


def fill(env, rows, paid):
    moves = multiply(prepare(env), int(rows))
    connect(env, "http://127.0.0.1:9")
    cases = make_cases(env, moves, "sent")
    if int(paid):
        pay(env, moves, int(paid))
        cases._compare_marked()
        for event in cases.event_ids:
            event._mark_sent(event.id)
            event.assignment_id._refresh_sums()


def work(env):
    cases = env["ropo.assignment"]
    # The list is read by another action.
    env.ref("ropo_collection.cron_poll").active = False
    env.cr.commit()
    took, queries = [], env.cr.sql_log_count
    for _night in range(NIGHTS):
        started = time.perf_counter()
        cases._cron_audit()
        cases._cron_report()
        took.append(time.perf_counter() - started)
    figures = {
        "seconds": median(took),
        "queries": (env.cr.sql_log_count - queries) / NIGHTS,
        "left": env["ropo.recheck"].search_count([]),
        "told": sum(cases.search([]).mapped("reported_paid")),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    from . import audit

    with Bench("audit", __doc__, rows=2000) as result:
        rows = result.options.rows
        points = []
        for number, paid, what in (
            *((rows // part, 0, "cases") for part in PARTS),
            (rows // PARTS[0], PAID, "cases with a payment"),
        ):
            with databases.throw_away() as database:
                database.run(audit.fill, number, paid, timeout=1800)
                database.query("VACUUM ANALYZE")
                figures = json.loads(database.run(audit.work, timeout=3600))
            assert (figures["left"], figures["told"]) == (0, number * paid), figures
            if not paid:
                points.append((number, figures["seconds"]))
            each = round(1000 * figures["seconds"] / number, 2)
            result.figure(f"audit: {number:,} {what}, a case", each, "ms")
            result.figure(
                f"audit: {number:,} {what}, queries a case",
                round(figures["queries"] / number, 1),
                # A case that is compared alone takes about thirty.
                at_most=6,
            )
        exponent, name = growth(points)
        result.figure(f"audit: growth ({name})", exponent, at_most=1.15)
