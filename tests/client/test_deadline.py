"""The deadline is total: for headers, bodies, writes and everything in between."""

import io
import socket
import threading
import time
from decimal import Decimal

import pytest
from maventa import wire
from maventa.errors import NotNow, OutcomeUnknown, Rejected

from .conftest import TODAY
from .test_outcomes import (
    certificate,  # noqa: F401  a fixture
    listener,
    raised,
    read_request,
    tls_listener,
)

DEADLINE = 0.6
# How late an answer may be on a busy machine; far below what a drip would take.
LATE = 3.0


def timed(call, *args):
    started = time.monotonic()
    error = raised(call, *args)
    seconds = time.monotonic() - started
    assert error.reason == "timeout"
    assert seconds < DEADLINE + LATE
    return error, seconds


SLOW = ("stall", "drip_header", "drip_body")


@pytest.fixture
def ready(world):
    """A client with a short deadline that has its token and a case."""
    world.server.drip_seconds = 0.1
    with world.client() as client:
        ids = world.add_case(client)
    return world.client(deadline=DEADLINE), *ids


@pytest.mark.parametrize("fault", SLOW)
def test_a_slow_look(world, ready, fault):
    client, _invoice_id, _case_id = ready
    world.faults.next("GET", wire.ASSIGNMENTS, fault)
    error, seconds = timed(client.assignments)
    assert type(error) is NotNow
    assert seconds >= DEADLINE * 0.9
    # It ends there: no second attempt.
    assert world.paths().count(wire.ASSIGNMENTS) == (fault != "stall")


@pytest.mark.parametrize("fault", SLOW)
def test_a_slow_report(world, ready, fault):
    client, _invoice_id, case_id = ready
    world.faults.next("POST", "/events", fault)
    error, _seconds = timed(client.report_paid, case_id, Decimal(1), TODAY)
    assert type(error) is OutcomeUnknown
    assert world.sandbox.case(case_id)["told_paid"] == 1


@pytest.mark.parametrize("fault", SLOW)
def test_a_slow_token(world, fault):
    world.server.drip_seconds = 0.1
    client = world.client(deadline=DEADLINE)
    world.faults.next("POST", wire.TOKEN, fault)
    error, _seconds = timed(client.report_paid, "x", Decimal(1), TODAY)
    assert type(error) is NotNow
    assert error.path == wire.TOKEN


def test_one_deadline_for_everything_a_method_does(world, ready):
    """A refused token, its renewal and the repetition share one."""
    client, _invoice_id, case_id = ready
    world.sandbox.revoke_tokens()
    world.server.latency = DEADLINE * 0.4
    error, seconds = timed(client.report_paid, case_id, Decimal(1), TODAY)
    assert isinstance(error, NotNow | OutcomeUnknown)
    assert seconds < DEADLINE * 2.5
    time.sleep(DEADLINE)
    assert world.sandbox.case(case_id)["told_paid"] in (0, 1)


def test_too_late_to_ask(world, ready):
    """Nothing is sent that could not be heard out."""
    client, _invoice_id, case_id = ready
    world.sandbox.revoke_tokens()
    world.faults.next("POST", "/events", "status:401")
    posts = []
    handle = world.sandbox.handle

    def slow_token(method, url, headers, body=b""):
        if url.endswith(wire.TOKEN):
            time.sleep(DEADLINE * 0.9)
        posts.append(url)
        return handle(method, url, headers, body)

    world.sandbox.handle = slow_token
    error, _seconds = timed(client.report_paid, case_id, Decimal(1), TODAY)
    assert type(error) is NotNow
    assert not [url for url in posts if url.endswith("/events")]


def test_tls(world, certificate):  # noqa: F811
    """Also where the bytes that drip are only those of a TLS record."""

    def drip(peer, number):
        read_request(peer)
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b" " * 9999
        for index in range(200):
            peer.sendall(answer[index : index + 1])
            time.sleep(0.02)

    world.client().service()
    with tls_listener(certificate, drip) as address:
        account = world.account(receivables_url=f"https://{address}")
        world.client(account).service()
        client = world.client(account, deadline=DEADLINE)
        client._session.verify = str(certificate[0])
        error, _seconds = timed(client.report_paid, "x", Decimal(1), TODAY)
    assert type(error) is OutcomeUnknown


def test_a_handshake_that_never_ends(world):
    with listener(lambda peer, number: peer.recv(9999) and peer.recv(1)) as address:
        account = world.account(receivables_url=f"https://{address}")
        world.client(account).service()
        client = world.client(account, deadline=DEADLINE)
        error, _seconds = timed(client.report_paid, "x", Decimal(1), TODAY)
        client.close()
    assert type(error) is NotNow


def test_a_server_that_does_not_read(world):
    """Writing is under the deadline, too."""
    stop = threading.Event()
    with listener(lambda peer, number: stop.wait(10)) as address:
        account = world.account(ax_url=f"http://{address}")
        # The token comes from the cache.
        client = world.client(account, deadline=DEADLINE)
        token = _token(world)
        client._token_slot["token"] = token
        xml = io.BytesIO(b" " * 30_000_000).getvalue()
        error, _seconds = timed(client.upload_invoice, xml, "x.xml", "u")
        stop.set()
    assert type(error) is OutcomeUnknown


def _token(world):
    client = world.client()
    client.service()
    return client._token_slot["token"]


def test_connecting_without_end(world):
    """A full backlog leaves new connections hanging."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        address = server.getsockname()
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        time.sleep(0.1)
        account = world.account(receivables_url=f"http://127.0.0.1:{address[1]}")
        world.client(account).service()
        client = world.client(account, deadline=DEADLINE)
        error, _seconds = timed(client.report_paid, "x", Decimal(1), TODAY)
        for filler in fillers:
            filler.close()
    assert type(error) is NotNow


def test_a_connection_is_good_after_a_slow_one(world, ready):
    client, _invoice_id, case_id = ready
    world.faults.next("GET", "/events", "drip_body")
    client.report_paid(case_id, Decimal(1), TODAY)
    for _ in range(2):
        try:
            client.events(case_id)
        except NotNow:
            pass
    assert client.assignment(case_id).id == case_id


def test_threads_waiting_for_a_token_wait_no_longer_than_their_deadline(world):
    client = world.client(deadline=DEADLINE)
    with client._token_lock:
        error, _seconds = timed(client.service)
    assert type(error) is NotNow
    assert client.service().state == "active"


def test_no_thread_is_left(world, ready):
    client, _invoice_id, _case_id = ready
    before = {t for t in threading.enumerate() if "process_request" not in t.name}
    world.faults.next("GET", wire.ASSIGNMENTS, "drip_body")
    timed(client.assignments)
    after = {t for t in threading.enumerate() if "process_request" not in t.name}
    assert after == before


def test_pages_have_a_deadline_each(world):
    client = world.client(deadline=5)
    for number in range(4):
        world.add_case(client, number=f"N{number}")
    client = world.client(deadline=1.5)
    client.service()
    world.sandbox.per_page_cap = 1
    world.server.latency = 0.5
    assert len(list(client.iter_assignments())) == 4


def test_it_takes_time_from_nobody_else(world, client):
    """A rejected call ends at once; the deadline is no waiting time."""
    started = time.monotonic()
    with pytest.raises(Rejected):
        client.assignment("nothing")
    assert time.monotonic() - started < 5
