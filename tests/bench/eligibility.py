"""Who may be handed over, for many invoices; and the window that shows it.

``./dev bench eligibility [--runs 5]``: seconds and queries of the eligibility of 100,
1,000 and 10,000 invoices, beside what Odoo takes to read the same fields of the same
invoices and customers; and of the transfer window of 500 as the browser opens it.
Nothing is cached when a measurement begins. A customer has ten invoices, and in one
figure only one: then nothing is the same for two invoices.
"""

import json
import time

from .. import databases
from . import _fill
from ._fill import multiply, prepare
from ._measure import Bench, growth, median

SIZES = (100, 1_000, 10_000)
WINDOW = 500
#: What the browser asks for when it opens the window (40 lines a page).
SHOWN = {
    "state": {},
    "ready_count": {},
    "ready_amount": {},
    "warning_count": {},
    "blocked_count": {},
    "collection_type": {},
    "line_ids": {
        "limit": 40,
        "fields": {
            "move_id": {"fields": {"display_name": {}}},
            "partner_id": {"fields": {"display_name": {}}},
            "invoice_date_due": {},
            "amount": {},
            "receivables_type": {},
            "summary": {},
            "verdict": {},
            "reasons": {},
        },
    },
}


def timed(env, work):
    """``(result, seconds, queries)`` of something done with an empty cache."""
    env.flush_all()
    env.invalidate_all()
    queries, started = env.cr.sql_log_count, time.perf_counter()
    result = work()
    env.flush_all()
    seconds = time.perf_counter() - started
    return result, seconds, env.cr.sql_log_count - queries


def measure_eligibility(moves):
    verdicts, seconds, queries = timed(moves.env, moves._ropo_verdicts)
    ready = sum(not verdict.blocks for verdict in verdicts.values())
    return {"ready": ready, "seconds": seconds, "queries": queries}


def measure_read(moves):
    """Odoo's own reading of what the checks read."""
    from odoo.addons.ropo_collection.models import account_move_verdict as checks

    def read():
        moves.read(checks.READ_OF_INVOICE, load=None)
        customers = moves.partner_id | moves.commercial_partner_id
        customers.read(checks.READ_OF_CUSTOMER, load=None)

    _nothing, seconds, queries = timed(moves.env, read)
    return {"seconds": seconds, "queries": queries}


def measure_window(moves):
    def open_it():
        action = moves.action_ropo_transfer()
        wizard = moves.env["ropo.transfer"].browse(action["res_id"])
        return wizard.web_read(SHOWN)[0]

    shown, seconds, queries = timed(moves.env, open_it)
    return {"ready": shown["ready_count"], "seconds": seconds, "queries": queries}


def run(env, runs):
    """Print what was measured, in JSON: ``{what: [figures of each run]}``."""
    move = prepare(env)
    measure_window(multiply(move, 5))  # the first call loads code and views
    window = multiply(move, WINDOW)
    sizes = {size: multiply(move, size) for size in SIZES}
    _fill.EACH = 1
    single = multiply(move, SIZES[-1] + 1)[1:]
    measured = {}
    for _run in range(int(runs)):
        for size, moves in sizes.items():
            measured.setdefault(f"ours {size}", []).append(measure_eligibility(moves))
            measured.setdefault(f"read {size}", []).append(measure_read(moves))
        measured.setdefault("single", []).append(measure_eligibility(single))
        measured.setdefault("window", []).append(measure_window(window))
    print(json.dumps(measured))


def seconds_of(measured):
    return [run["seconds"] for run in measured]


def report(bench, what, measured, ready, *, seconds, queries):
    """Figures of something measured several times, with its bars."""
    assert {run["ready"] for run in measured} == {ready}, measured
    values = [round(value, 3) for value in seconds_of(measured)]
    bench.figure(
        f"{what}, seconds", median(values), "s", at_most=seconds, spread=values
    )
    most = max(run["queries"] for run in measured)
    bench.figure(f"{what}, queries", most, at_most=queries)


if __name__ == "__main__":
    # By its own name: the process that runs it imports this module anew.
    from . import eligibility

    with Bench("eligibility", __doc__, runs=5) as result:
        with databases.throw_away() as database:
            printed = database.run(eligibility.run, result.options.runs, timeout=600)
        figures = json.loads(printed)
        points = []
        for size in SIZES:
            ours, read = figures[f"ours {size}"], figures[f"read {size}"]
            what = f"{size:,} invoices"
            # Not a query more for more invoices.
            bars = {"queries": 30, "seconds": 1 if size == SIZES[-1] else None}
            report(result, what, ours, size, **bars)
            pairs = zip(seconds_of(ours), seconds_of(read), strict=True)
            ratios = [round(mine / theirs, 2) for mine, theirs in pairs]
            result.figure(
                f"{what}, times Odoo's own reading",
                median(ratios),
                at_most=5 if size == SIZES[-1] else None,
                spread=ratios,
            )
            points.append((size, median(seconds_of(ours))))
        exponent, name = growth(points)
        result.figure(f"growth with the invoices: {name}", exponent, at_most=1.05)
        report(
            result,
            f"{SIZES[-1]:,} invoices, each of another customer",
            figures["single"],
            SIZES[-1],
            seconds=2.5,
            queries=30,
        )
        report(
            result,
            f"window of {WINDOW}",
            figures["window"],
            WINDOW,
            seconds=1.5,
            queries=45,
        )
