"""Who may be handed over, for many invoices; and the window that shows it.

``./dev bench eligibility [--json]``: seconds and queries of the eligibility of 100,
1,000 and 10,000 invoices, and of the transfer window of 500 as the browser opens it.
Nothing is cached when a measurement begins.
"""

import argparse
import json
import time

from .. import databases
from ._fill import multiply, prepare

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
    return {
        "what": "eligibility",
        "invoices": len(moves),
        "ready": ready,
        "seconds": round(seconds, 3),
        "queries": queries,
    }


def measure_window(moves):
    def open_it():
        action = moves.action_ropo_transfer()
        wizard = moves.env["ropo.transfer"].browse(action["res_id"])
        return wizard.web_read(SHOWN)[0]

    shown, seconds, queries = timed(moves.env, open_it)
    return {
        "what": "window",
        "invoices": len(moves),
        "ready": shown["ready_count"],
        "seconds": round(seconds, 3),
        "queries": queries,
    }


def report(figures):
    return (
        f"{figures['what']:<12}{figures['invoices']:>7} invoices "
        f"{figures['ready']:>6} ready {figures['seconds']:>8.3f} s "
        f"{figures['queries']:>5} queries"
    )


def run(env, as_json=""):
    move = prepare(env)
    everything = [
        measure_eligibility(multiply(move, 5)),  # the first call loads the code
        *(measure_eligibility(multiply(move, size)) for size in SIZES),
        measure_window(multiply(move, WINDOW)),
    ][1:]
    for figures in everything:
        print(json.dumps(figures) if as_json else report(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="dev bench eligibility")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with databases.throw_away() as database:
        # By its own name: the process that runs it imports this module anew.
        from . import eligibility

        print(database.run(eligibility.run, "json" if options.json else ""), end="")
