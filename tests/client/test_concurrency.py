"""Threads share one client, its connections and its token."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

from maventa import wire
from maventa.errors import MaventaError, NotNow, OutcomeUnknown

from .conftest import TODAY, transfer

THREADS = 8


def test_eight_threads_one_client(world, client):
    invoices = [world.add_invoice(f"N{number}") for number in range(40)]

    def life(invoice_id):
        client.transfer(invoice_id, transfer())
        case_id = client.transfer_status(invoice_id).assignment_id
        client.report_paid(case_id, Decimal(30), TODAY)
        client.report_credit_note(case_id, Decimal(20), TODAY)
        return client.assignment(case_id).open_amount

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(life, invoices)) == [50] * len(invoices)
    assert world.paths().count(wire.TOKEN) == 1
    assert world.server.connections <= THREADS


def test_one_thread_renews_for_all(world, client):
    client.service()
    world.sandbox.revoke_tokens()
    barrier = threading.Barrier(THREADS)

    def look():
        barrier.wait()
        return client.service().state

    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [pool.submit(look) for _ in range(THREADS)]
        assert {job.result() for job in jobs} == {"active"}
    assert world.paths().count(wire.TOKEN) == 2


def test_calls_overlap(world, client):
    client.service()
    inside, most = [], []
    handle = world.sandbox.handle
    gate = threading.Barrier(THREADS)

    def slow(*args):
        inside.append(1)
        most.append(len(inside))
        gate.wait(10)
        inside.pop()
        return handle(*args)

    world.sandbox.handle = slow
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: client.service(), range(THREADS)))
    assert max(most) == THREADS


def test_faults_in_one_thread_are_nobody_elses(world):
    """Random faults, many threads: every outcome is told right."""
    client = world.client(deadline=5)
    cases = [world.add_case(client, number=f"N{n}", total=1000) for n in range(8)]
    world.faults.random(seed=7, rate=0.3)
    sure, open_ends = {}, {}

    def report(number):
        generator = random.Random(number)
        _invoice_id, case_id = cases[number]
        sure[case_id], open_ends[case_id] = 0, 0
        for _ in range(12):
            amount = generator.randint(1, 8)
            try:
                client.report_paid(case_id, Decimal(amount), TODAY)
                sure[case_id] += amount
            except OutcomeUnknown:
                open_ends[case_id] += amount
            except NotNow:
                pass
            except MaventaError as error:
                raise AssertionError(error) from error

    with ThreadPoolExecutor(len(cases)) as pool:
        list(pool.map(report, range(len(cases))))
    world.faults.clear()
    for _invoice_id, case_id in cases:
        told = world.sandbox.case(case_id)["told_paid"]
        assert sure[case_id] <= told <= sure[case_id] + open_ends[case_id]
    assert sum(open_ends.values()) > 0
