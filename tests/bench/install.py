"""How long installing takes where there are many invoices already.

``./dev bench install [--rows 100000] [--runs 5]``: Odoo's own ``odoo -i``, on a
database with a company and one invoice and on one with so many, in turns whose order
is swapped. A figure is the median of the pairs' ratios. For how long nobody could read
invoices, because the installing process held PostgreSQL's exclusive lock on their
table, is watched from outside.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time

from .. import databases
from ._fill import multiply, prepare
from ._measure import Bench, median

ADDON = "ropo_collection"
#: Seconds between two looks at the locks.
LOOK = 0.01
LOCKED = """
    SELECT 1 FROM pg_locks
     WHERE relation = 'account_move'::regclass AND granted
       AND mode = 'AccessExclusiveLock'
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def fill(env, rows):
    move = prepare(env)
    if int(rows):
        multiply(move, int(rows))


def installed(source):
    """Seconds of installing on a copy, and of the lock on the invoices."""
    with databases.throw_away(source) as database:
        command = [sys.executable, "-m", "odoo", "-d", database.name, "-i", ADDON]
        command += ["--stop-after-init", "--no-http", "--max-cron-threads=0"]
        started = time.perf_counter()
        with watched(database) as seen:
            subprocess.run([*command, "--log-level=warn"], check=True)
        seconds = time.perf_counter() - started
        state = database.query(
            "SELECT state FROM ir_module_module WHERE name = %s", (ADDON,)
        )
        assert state == [("installed",)], state
    return seconds, seen[-1] - seen[0] if seen else 0.0


@contextlib.contextmanager
def watched(database):
    """The moments at which the table of invoices was locked against readers."""
    seen, done = [], threading.Event()

    def watch():
        with database.connect() as connection, connection.cursor() as cursor:
            while not done.wait(LOOK):
                cursor.execute(LOCKED)
                if cursor.fetchone():
                    seen.append(time.perf_counter())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def main():
    from . import install

    with (
        Bench("install", __doc__, rows=100_000, runs=5) as result,
        databases.throw_away(os.environ["ROPO_DEV_BASE"]) as small,
        databases.throw_away(os.environ["ROPO_DEV_BASE"]) as large,
    ):
        options = result.options
        for database, rows in ((small, 0), (large, options.rows)):
            database.run(install.fill, rows, timeout=1800)
            # What it would do in the background, some time later
            database.query("VACUUM ANALYZE")
        installed(small.name)  # compiles what is not compiled yet
        took = {small: [], large: []}
        for run in range(options.runs):
            for database in (small, large) if run % 2 else (large, small):
                took[database].append(installed(database.name))
        for seconds, name in (
            ([[a[0] for a in took[d]] for d in (small, large)], "installing"),
            ([[a[1] for a in took[d]] for d in (small, large)], "invoices locked"),
        ):
            for values, where in zip(
                seconds, ("one invoice", f"{options.rows:,} invoices"), strict=True
            ):
                result.figure(
                    f"{name}, {where}",
                    round(median(values), 2),
                    "s",
                    spread=[round(value, 2) for value in values],
                )
        ratios = [
            many[0] / one[0] for one, many in zip(took[small], took[large], strict=True)
        ]
        result.figure(
            f"installing on {options.rows:,} invoices",
            round(median(ratios), 3),
            "times",
            at_most=1.1,
            spread=[round(ratio, 3) for ratio in ratios],
        )


if __name__ == "__main__":
    main()
