"""Transfers or reports of many cases, beside a bare loop that makes the same calls.

The bare loop has a `requests` session and as many threads; it knows what to send and
keeps nothing. Ours leases, calls, and commits each answer before the next step of that
case. Both begin with a fresh service in another process. Scheduled actions run in
processes that live long: what such a process loads once is loaded before.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from odoo import sql_db

from .. import databases
from ..faults.house import wire
from ._fill import connect, make_cases, multiply, prepare
from ._measure import Bench, median
from ._ropo import COMPANY, KEYS, ropo

#: Rows that are worked off before the clock starts.
FIRST = 16


def bench(name, module, description):
    """Measure and print; see the module's ``fill``, ``calls`` and ``work``.

    A row may take as many statements as its ``STATEMENTS``, its share of what is done
    for many at once among them.
    """
    with Bench(
        name, description, rows=1000, runs=3, latency=0.02, overlaps="1,4,8"
    ) as result:
        options = result.options
        rows = options.rows + FIRST
        cases = rows if name == "report" else 0
        with databases.throw_away() as filled:
            filled.run(module.fill, rows, timeout=1800)
            filled.query("VACUUM ANALYZE")  # as autovacuum leaves it
            for overlap in map(int, options.overlaps.split(",")):
                ratios, ours, bares = [], [], []
                for _run in range(options.runs):
                    with ropo(rows, cases=cases, latency=options.latency) as url:
                        bare = bare_loop(url, options.rows, overlap, module.calls)
                    with (
                        ropo(rows, cases=cases, latency=options.latency) as url,
                        databases.throw_away(filled.name) as copy,
                    ):
                        printed = copy.run(module.work, url, overlap, timeout=1800)
                    ours.append(json.loads(printed))
                    bares.append(bare)
                    ratios.append(bare / ours[-1]["seconds"])
                done = {run["done"] for run in ours}
                assert done == {rows}, done
                result.figure(
                    f"{name}: {overlap} at a time, share of the bare loop",
                    round(median(ratios), 3),
                    at_least=0.8,
                    spread=[round(ratio, 3) for ratio in ratios],
                )
                result.figure(
                    f"{name}: {overlap} at a time, statements a {name}",
                    round(max(run["statements"] for run in ours) / options.rows, 1),
                    at_most=module.STATEMENTS,
                )
                for what, seconds in (
                    ("seconds of ours", [run["seconds"] for run in ours]),
                    ("seconds of the bare loop", bares),
                    ("seconds of chatter and activities", [r["effects"] for r in ours]),
                ):
                    result.figure(
                        f"{name}: {overlap} at a time, {what}",
                        round(median(seconds), 2),
                        "s",
                        spread=[round(value, 2) for value in seconds],
                    )


def bare_session(url, overlap=1):
    """A `requests` session that may call."""
    session = requests.Session()
    adapter = requests.adapters.HTTPAdapter(pool_maxsize=overlap)
    session.mount("http://", adapter)
    token = session.post(
        f"{url}{wire.TOKEN}",
        data={
            "grant_type": "client_credentials",
            "client_id": COMPANY,
            "client_secret": KEYS["user_api_key"],
            "vendor_api_key": KEYS["vendor_api_key"],
            "scope": "company invoice:send receivables:assignments",
        },
    )
    session.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
    return session


def bare_loop(url, rows, overlap, calls):
    """Seconds of a loop that only makes the calls."""
    session = bare_session(url, overlap)

    def row(number):
        for method, path, body in calls(number):
            answer = session.request(method, url + path, json=body, timeout=30)
            answer.raise_for_status()
            if answer.content:
                answer.json()

    with ThreadPoolExecutor(overlap) as pool:
        started = time.perf_counter()
        for _done in pool.map(row, range(rows)):
            pass
        return time.perf_counter() - started


def fill(env, rows, state):
    """A company with so many cases; Maventa's address is set when it is known."""
    moves = multiply(prepare(env), int(rows))
    connect(env, "http://127.0.0.1:9")
    return make_cases(env, moves, state)


def timed(env, url, find, drain):
    """Seconds of the calls with their commits, and of what follows.

    :param find: returns the rows that are due
    :param drain: works off what such a function returns
    """
    connect(env, url)
    env.cr.commit()
    first = find(FIRST)
    drain(lambda limit: find(limit) & first)
    effects(env)
    started, before = time.perf_counter(), sql_db.sql_counter
    drain(find)
    seconds, statements = time.perf_counter() - started, sql_db.sql_counter - before
    started = time.perf_counter()
    effects(env)
    return {
        "seconds": seconds,
        "statements": statements,
        "effects": time.perf_counter() - started,
    }


def effects(env):
    """Chatter and activities, to the end."""
    cases = env["ropo.assignment"]
    while cases.search_count([("effects_due", "=", True)], limit=1):
        cases._run_due_effects()
