"""The daily audit of cases at Ropo, without Ropo's list.

``./dev bench audit [--rows 2000]``: every case is compared with the ledger and its
debtor's loose money is looked for, as each night. Cases where nothing has happened, and
nobody waits for it: the figure says how many cases a night holds.
"""

import json
import time

from .. import databases
from ._fill import connect, make_cases, multiply, prepare
from ._measure import Bench, growth

PARTS = (4, 1)


def fill(env, rows):
    moves = multiply(prepare(env), int(rows))
    connect(env, "http://127.0.0.1:9")
    make_cases(env, moves, "sent")


def work(env):
    cases = env["ropo.assignment"]
    # The list is read by another action.
    env.ref("ropo_collection.cron_poll").active = False
    env.cr.commit()
    queries, started = env.cr.sql_log_count, time.perf_counter()
    cases._cron_audit()
    cases._cron_report()
    figures = {
        "seconds": time.perf_counter() - started,
        "queries": env.cr.sql_log_count - queries,
        "left": env["ropo.recheck"].search_count([]),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    from . import audit

    with Bench("audit", __doc__, rows=2000) as result:
        points = []
        for part in PARTS:
            rows = result.options.rows // part
            with databases.throw_away() as database:
                database.run(audit.fill, rows, timeout=1800)
                figures = json.loads(database.run(audit.work, timeout=3600))
            assert not figures["left"], figures
            points.append((rows, figures["seconds"]))
            each = round(1000 * figures["seconds"] / rows, 2)
            result.figure(f"audit: {rows:,} cases, a case", each, "ms")
            result.figure(
                f"audit: {rows:,} cases, queries a case",
                round(figures["queries"] / rows, 1),
                # A case that is compared alone takes about thirty.
                at_most=6,
            )
        exponent, name = growth(points)
        result.figure(f"audit: growth ({name})", exponent, at_most=1.15)
