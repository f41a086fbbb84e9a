"""Reading Ropo's list of cases, beside a bare client that lists and parses it.

``./dev bench poll [--runs 3] [--largest 100000] [--latency 0.02] [--unchanged]``

The bare client asks for page after page with `requests` and parses the JSON; it keeps
nothing and compares nothing. Ours is the scheduled action as Odoo runs it, in runs of
ten seconds, in a process of its own for each reading. Where nothing has changed the
wire of long lists takes no time, so that nothing hides behind it; where 1 % has, and
in a list of ten pages, which takes no longer than the run itself, each call takes
``--latency`` seconds. Every changed case is committed alone; its chatter, which follows
when the list was read, has a figure of its own, as with transfers and reports.

Rows written are PostgreSQL's own count, of all tables but the scheduler's (`ir_cron…`),
where Odoo notes how a run gets on. ``--unchanged`` leaves out what has changed.
"""

import json
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import requests

from .. import databases
from ..faults.house import wire
from . import _calls
from ._measure import Bench, growth, median
from ._ropo import ropo

SIZES = (1000, 10_000, 100_000)
#: Letters a case has had.
EVENTS = 2
#: A list that is measured without a wire.
LONG = 10_000
#: A reading that has not come to its end after so many runs never does.
MOST_RUNS = 10
#: Memory that 100,000 cases may take more than 10,000, in MB.
GROWTH = 32


def fill(env, rows, url):
    """Cases of which all is known that the list shows."""
    _calls.fill(env, rows, "sent")
    _calls.connect(env, url)
    with env.company._ropo_client() as client:
        for page in client.iter_listed_pages():
            env.cr.execute(
                """
                UPDATE ropo_assignment SET
                       remote_digest = listed.mark,
                       collection_status = 'reminder_sent',
                       collection_status_raw = 'reminder_sent',
                       remote_status = 'open', remote_shows_open = true,
                       remote_capital = capital_amount, remote_open = capital_amount
                  FROM unnest(%s, %s) AS listed (id, mark)
                 WHERE external_id = listed.id
                """,
                (
                    [listed.id for listed in page.items],
                    [listed.mark for listed in page.items],
                ),
            )
    env.cr.execute(
        """
        INSERT INTO ropo_assignment_event (
               assignment_id, company_id, currency_id, direction, state, kind,
               raw_type, external_id, text, amount)
        SELECT id, company_id, currency_id, 'in', 'received', 'reminder', 'reminder',
               left(external_id, 8) || '-0000-4000-a000-' || lpad(to_hex(n), 12, '0'),
               'A reminder was sent.', 0
          FROM ropo_assignment CROSS JOIN generate_series(0, %s) n
        """,
        (EVENTS - 1,),
    )
    # Odoo's own reminders stopped when the cases came to Ropo, not now.
    env.cr.execute("UPDATE ropo_assignment SET followup_before = 'on'")
    env.cr.execute(
        "UPDATE account_move_line SET no_followup = true"
        " WHERE display_type = 'payment_term'"
    )


def work(env):
    """Run the scheduled action until the list was read to its end, or it never is."""
    from odoo.addons.ropo_collection.models import ropo_assignment_follow

    cron = env.ref("ropo_collection.cron_poll")
    # Workers live long: what is loaded once only does not count. The list counts as
    # read just now, and is not read.
    cron.method_direct_trigger()
    env.cr.commit()
    ropo_assignment_follow.LIST_EVERY = timedelta()
    effects = Stopwatch(type(env["ropo.assignment"]), "_run_due_effects")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    runs, whole = [], False
    while not whole and len(runs) < MOST_RUNS:
        started = time.perf_counter()
        cron.method_direct_trigger()
        runs.append(time.perf_counter() - started)
        env.cr.commit()
        env.invalidate_all()
        whole = bool(env.company.ropo_last_poll)
    figures = {"runs": runs, "effects": effects.seconds, "peak": memory()}
    print(json.dumps({**figures, "whole": whole}))


class Stopwatch:
    """The seconds spent in a method of a class from now on."""

    def __init__(self, cls, name):
        self.seconds = 0.0
        method, self.inside = getattr(cls, name), False

        def timed(*args):
            if self.inside:
                return method(*args)
            self.inside, started = True, time.perf_counter()
            try:
                return method(*args)
            finally:
                self.inside = False
                self.seconds += time.perf_counter() - started

        setattr(cls, name, timed)


def memory():
    """The most memory this process had, in MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def bare(url, size):
    """Seconds of a client that only lists and parses."""
    session = _calls.bare_session(url)
    started, page, listed = time.perf_counter(), 1, 0
    while page:
        answer = session.get(
            f"{url}{wire.ASSIGNMENTS}",
            params={"page": page, "per_page": wire.PER_PAGE},
            timeout=30,
        )
        answer.raise_for_status()
        listed += len(answer.json())
        page = int(answer.headers["X-Next-Page"] or 0)
    assert listed == size, listed
    return time.perf_counter() - started


def calls(url):
    """How often the list was asked for so far."""
    answer = requests.post(f"{url}/_sandbox/requests", timeout=30)
    return sum(path == wire.ASSIGNMENTS for _m, path, _s in answer.json()["result"])


def ours(database, url):
    """One whole reading by a process of its own."""
    database.query(
        "UPDATE res_company SET maventa_ax_url = %(url)s,"
        " maventa_receivables_url = %(url)s, ropo_last_poll = NULL,"
        " ropo_poll_started = now() AT TIME ZONE 'UTC', ropo_poll_page = 1"
        " WHERE maventa_company_uuid IS NOT NULL",
        {"url": url},
    )
    asked, written = calls(url), rows_written(database)
    figures = json.loads(database.run(work, timeout=1800))
    figures["seconds"] = sum(figures["runs"]) - figures["effects"]
    figures["calls"] = calls(url) - asked
    written = rows_written(database) - written
    # How far the runs came, and when the list was read.
    figures["place"] = written.pop("res_company", 0)
    figures["written"] = written.total()
    return figures


def rows_written(database):
    """``{table: rows}`` inserted, updated and deleted so far, by PostgreSQL's count."""
    counts = database.query(
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del"
        " FROM pg_stat_user_tables WHERE relname NOT LIKE 'ir\\_cron%'"
    )
    return Counter(dict(counts))


def read(database, size, runs, *, changed=0, latency=0.0):
    """``(ours, seconds of the bare client)`` of some readings, one after the other."""
    done = []
    for run in range(runs):
        # There and back again: each time as many have changed.
        now = changed if run % 2 == 0 else 0
        with ropo(size, cases=size, changed=now, events=EVENTS, latency=latency) as url:
            first = bare(url, size)
            figures = ours(database, url)
            # On both sides, since machines get slower and faster.
            done.append((figures, (first + bare(url, size)) / 2))
    return done


def tell(result, size, what, done):
    """Print the figures that all readings have."""
    ratios = [figures["seconds"] / seconds for figures, seconds in done]
    result.figure(
        f"poll: {size:,} cases, {what}, times the bare client",
        round(median(ratios), 3),
        at_most=2,
        spread=[round(ratio, 3) for ratio in ratios],
    )
    for name, values in (
        ("seconds", [figures["seconds"] for figures, _seconds in done]),
        ("seconds of the bare client", [seconds for _figures, seconds in done]),
        ("seconds of chatter", [figures["effects"] for figures, _seconds in done]),
    ):
        result.figure(
            f"poll: {size:,} cases, {what}, {name}",
            round(median(values), 3),
            "s",
            spread=[round(value, 3) for value in values],
        )
    result.figure(
        f"poll: {size:,} cases, {what}, calls",
        max(figures["calls"] for figures, _seconds in done),
        at_most=-(-size // wire.PER_PAGE),
    )
    result.figure(
        f"poll: {size:,} cases, {what}, runs of the scheduled action",
        max(len(figures["runs"]) for figures, _seconds in done),
    )
    result.figure(
        f"poll: {size:,} cases, {what}, readings that came to their end",
        sum(figures["whole"] for figures, _seconds in done),
        at_least=len(done),
    )


def main():
    with Bench(
        "poll",
        __doc__,
        runs=3,
        largest=SIZES[-1],
        latency=0.02,
        unchanged=False,
    ) as result:
        options = result.options
        sizes = [size for size in SIZES if size <= options.largest]
        peaks, seconds = {}, {}
        for size in sizes:
            with databases.throw_away() as filled:
                with ropo(size, cases=size, events=EVENTS) as url:
                    filled.run(fill, size, url, timeout=1800)
                latency = 0.0 if size >= LONG else options.latency
                done = read(filled, size, options.runs, latency=latency)
                tell(result, size, "same", done)
                result.figure(
                    f"poll: {size:,} cases, same, rows written",
                    max(figures["written"] for figures, _seconds in done),
                    at_most=0,
                )
                result.figure(
                    f"poll: {size:,} cases, same, writes of the company a run",
                    max(figs["place"] / len(figs["runs"]) for figs, _seconds in done),
                    at_most=1,
                )
                peaks[size] = max(figures["peak"] for figures, _seconds in done)
                seconds[size] = median([figures["seconds"] for figures, _s in done])
                result.figure(
                    f"poll: {size:,} cases, same, peak memory", round(peaks[size]), "MB"
                )
                if options.unchanged:
                    continue
                done = read(
                    filled,
                    size,
                    options.runs if size <= LONG else 1,
                    changed=size // 100,
                    latency=options.latency,
                )
                tell(result, size, "1 % changed", done)
                result.figure(
                    f"poll: {size:,} cases, 1 % changed, rows written a changed case",
                    round(
                        median([figures["written"] for figures, _seconds in done])
                        / (size // 100),
                        2,
                    ),
                )
        long = [size for size in sizes if size >= LONG]
        if len(long) > 1:
            exponent, name = growth([(size, seconds[size]) for size in long])
            result.figure(f"poll: seconds grow with the cases: {name}", exponent)
            result.figure(
                f"poll: memory from {long[-2]:,} to {long[-1]:,} cases",
                round(peaks[long[-1]] - peaks[long[-2]], 1),
                "MB",
                at_most=GROWTH,
            )


if __name__ == "__main__":
    from . import poll

    poll.main()
