"""Which class of error follows from what happened, and what had happened there."""

import socket
import ssl
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime

import pytest
import requests
from maventa import client as client_module
from maventa import wire
from maventa.errors import (
    REASONS,
    AccountTrouble,
    MaventaError,
    NotNow,
    OutcomeUnknown,
    Rejected,
)

from .conftest import TODAY, transfer


def raised(call, *args, **kwargs):
    with pytest.raises(MaventaError) as caught:
        call(*args, **kwargs)
    error = caught.value
    assert error.reason in REASONS
    # Whatever was handled on the way holds the request with its secrets.
    assert error.__cause__ is None
    return error


# Fault → (class and reason for a POST, the same for a GET, was it carried out?)
FAULTS = {
    "cut_before": (OutcomeUnknown, "unreachable", None, None, False),
    "cut_after": (OutcomeUnknown, "unreachable", None, None, True),
    "cut_body": (OutcomeUnknown, None, NotNow, None, True),
    "status:500": (OutcomeUnknown, "server_error", NotNow, "server_error", False),
    "status_after:500": (OutcomeUnknown, "server_error", NotNow, "server_error", True),
    "status_after:502": (OutcomeUnknown, "server_error", NotNow, "server_error", True),
    "status:504": (OutcomeUnknown, "timeout", NotNow, "timeout", False),
    "status:408": (OutcomeUnknown, "timeout", NotNow, "timeout", False),
    "status:599": (OutcomeUnknown, "server_error", NotNow, "server_error", False),
    "status:429:7": (NotNow, "busy", NotNow, "busy", False),
    "status:503": (NotNow, "busy", NotNow, "busy", False),
    "html:503": (NotNow, "busy", NotNow, "busy", False),
    "html:502": (OutcomeUnknown, "server_error", NotNow, "server_error", False),
    "html": (OutcomeUnknown, "unreadable_answer", NotNow, "unreadable_answer", True),
    "garbage": (OutcomeUnknown, "unreadable_answer", NotNow, "unreadable_answer", True),
    "redirect:/x": (OutcomeUnknown, "redirected", NotNow, "redirected", False),
    "html:404": (OutcomeUnknown, "not_believable", NotNow, "not_believable", False),
    "status:404": (OutcomeUnknown, "not_believable", NotNow, "not_believable", False),
    "status:400": (Rejected, "invalid", Rejected, "invalid", False),
    "html:400": (Rejected, "invalid", Rejected, "invalid", False),
    "status:409": (Rejected, "conflict", Rejected, "conflict", False),
    "status:413": (Rejected, "too_large", Rejected, "too_large", False),
    "status:422": (Rejected, "invalid", Rejected, "invalid", False),
    "status:403": (Rejected, "forbidden", Rejected, "forbidden", False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_reporting(world, client, fault):
    """A report goes out once, whatever the connection does."""
    _invoice_id, case_id = world.add_case(client)
    world.faults.next("POST", "/events", fault)
    cls, reason, _, _, carried_out = FAULTS[fault]
    error = raised(client.report_paid, case_id, Decimal("12.34"), TODAY)
    assert type(error) is cls
    assert error.reason == (reason or error.reason)
    assert (error.method, error.path) == ("POST", "/v1/assignments/…/events")
    assert world.paths("POST").count(f"/v1/assignments/{case_id}/events") == 1
    told = [event["amount"] for event in world.sandbox.case(case_id)["events"]]
    assert told == [Decimal("12.34")] * carried_out
    # Looking tells.
    assert len(client.events(case_id)) == carried_out


@pytest.mark.parametrize("fault", FAULTS)
def test_handing_over(world, client, fault):
    invoice_id = world.add_invoice()
    world.faults.next("POST", "/assignment/ropo", fault)
    cls, reason, _, _, carried_out = FAULTS[fault]
    if fault == "cut_body":  # there is no body that could be cut
        client.transfer(invoice_id, transfer())
    else:
        error = raised(client.transfer, invoice_id, transfer())
        assert type(error) is cls
        assert error.reason == reason
        if isinstance(error, NotNow) and ":7" in fault:
            assert error.retry_after == 7
    assert world.paths("POST").count(f"/v2/invoices/{invoice_id}/assignment/ropo") == 1
    case = world.sandbox.case(invoice_id)
    assert bool(case) == carried_out
    assert not case or case["requests"] == 1
    status = client.transfer_status(invoice_id)
    assert (status is not None) == carried_out


@pytest.mark.parametrize("fault", FAULTS)
def test_looking(world, client, fault):
    _invoice_id, case_id = world.add_case(client)
    world.faults.next("GET", f"/v1/assignments/{case_id}", fault)
    _, _, cls, reason, _ = FAULTS[fault]
    if cls is None:  # a broken connection is no reason not to look again at once
        assert client.assignment(case_id).id == case_id
    else:
        error = raised(client.assignment, case_id)
        assert type(error) is cls
        assert error.reason == (reason or error.reason)


@pytest.mark.parametrize("fault", ["empty", "bom"])
def test_a_strange_but_good_answer_to_a_report(world, client, fault):
    _invoice_id, case_id = world.add_case(client)
    world.faults.next("POST", "/events", fault)
    event_id = client.report_paid(case_id, Decimal(1), TODAY)
    (event,) = client.events(case_id)
    assert event_id == ("" if fault == "empty" else event.id)


def test_bom_and_unknown_fields(world, client):
    world.sandbox.extra_fields = True
    invoice_id, case_id = world.add_case(client)
    world.faults.next("GET", "/v1/assignments", "bom")
    (case,) = client.iter_assignments()
    assert case.id == case_id
    client.report_paid(case_id, Decimal(1), TODAY)
    assert [event.amount for event in client.events(case_id)] == [1]
    assert client.invoice(invoice_id).total == 100
    assert client.service().state == "active"
    assert client.identity().company_name


@pytest.mark.parametrize("fault", ["empty", "body:null", "body:{}", "body:[[]]"])
def test_an_answer_without_what_was_asked_for(world, client, fault):
    world.faults.next("GET", "/v1/assignments", fault)
    error = raised(client.assignments)
    assert type(error) is NotNow
    assert error.reason == "unreadable_answer"


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"a":' * 100_000, "9" * 10_000, '"\ud800', "﻿﻿[]", "{,}"]
)
def test_hostile_json(world, client, body):
    world.sandbox.handle = _answering(world, body.encode("utf-8", "surrogatepass"))
    assert raised(client.assignments).reason == "unreadable_answer"


def _answering(world, body):
    handle = world.sandbox.handle

    def answer(method, url, headers, data=b""):
        if url.endswith(wire.TOKEN):
            return handle(method, url, headers, data)
        return 200, {}, body

    return answer


def test_a_body_without_end(world, client, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_BODY", 2**20)
    world.faults.next("GET", "/v1/assignments", "huge")
    error = raised(client.assignments)
    assert (type(error), error.reason) == (NotNow, "too_large")
    _invoice_id, case_id = world.add_case(client)
    world.faults.next("POST", "/events", "huge")
    error = raised(client.report_paid, case_id, Decimal(1), TODAY)
    assert (type(error), error.reason) == (OutcomeUnknown, "too_large")


# -- Retry-After -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("120", 120, 120),
        ("0", 0, 0),
        ("1.5", 1.5, 1.5),
        (timedelta(minutes=10), 500, 600),
        (timedelta(days=-1), 0, 0),
        ("-5", 0, 0),
        ("1e99", 86_400, 86_400),
        (timedelta(days=4000), 86_400, 86_400),
    ],
)
def test_retry_after(world, client, value, low, high):
    if isinstance(value, timedelta):
        moment = datetime.now(timezone.utc) + value
        value = format_datetime(moment, usegmt=True)
    world.faults.next("GET", wire.SERVICE, f"status:429:{value}")
    error = raised(client.service)
    assert low <= error.retry_after <= high


@pytest.mark.parametrize("value", ["", "soon", "nan", "Mon, 99 Foo"])
def test_no_usable_retry_after(value):
    assert client_module._retry_after(value) is None


def test_it_is_not_waited_for(world, client):
    world.faults.next("GET", wire.SERVICE, "status:503:3600")
    started = time.monotonic()
    assert raised(client.service).retry_after == 3600
    assert time.monotonic() - started < 5
    assert world.paths().count(wire.SERVICE) == 1


# -- "not found" -----------------------------------------------------------------------


def test_no_request_yet(world, client):
    assert client.transfer_status(world.add_invoice()) is None


def test_not_found_for_want_of_access(world, client):
    """The invoice itself is not found either: then we know nothing."""
    error = raised(client.transfer_status, "unknown-invoice")
    assert (type(error), error.reason) == (NotNow, "not_believable")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("html:404", "not_believable"),
        ("status:404", "not_believable"),
        ("status:403", "not_believable"),
        ("status:503", "busy"),
        ("garbage", "unreadable_answer"),
        ('body:{"id": "another"}', "not_believable"),
    ],
)
def test_not_found_while_the_invoice_cannot_be_seen(world, client, fault, reason):
    invoice_id = world.add_invoice()
    world.faults.next("GET", f"/v1/invoices/{invoice_id}", fault)
    error = raised(client.transfer_status, invoice_id)
    assert (type(error), error.reason) == (NotNow, reason)


def test_a_proxys_not_found(world, client):
    invoice_id = world.add_invoice()
    world.faults.next("GET", "/assignment", "html:404")
    error = raised(client.transfer_status, invoice_id)
    assert (type(error), error.reason) == (NotNow, "not_believable")
    world.faults.next("GET", wire.SERVICE, "html:404")
    assert type(raised(client.service)) is NotNow


# -- elsewhere -------------------------------------------------------------------------


@contextmanager
def listener(serve_one):
    """A bare TCP server: ``serve_one(socket, number)`` for each connection."""
    server = socket.create_server(("127.0.0.1", 0))
    threads = []

    def accept():
        number = 0
        while True:
            try:
                peer, _address = server.accept()
            except OSError:
                return
            number += 1
            thread = threading.Thread(target=run, args=(peer, number), daemon=True)
            thread.start()
            threads.append(thread)

    def run(peer, number):
        with peer:
            try:
                serve_one(peer, number)
            except OSError:
                pass

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        accepting.join(5)
        for thread in threads:
            thread.join(5)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_follows_nowhere(world, client, status):
    seen = []
    with listener(lambda peer, number: seen.append(peer.recv(9999))) as elsewhere:

        def redirect(method, url, headers, body=b""):
            if url.endswith(wire.TOKEN):
                return handle(method, url, headers, body)
            return status, {"Location": f"http://{elsewhere}/steal"}, b""

        handle = world.sandbox.handle
        world.sandbox.handle = redirect
        assert raised(client.service).reason == "redirected"
        assert raised(client.report_paid, "x", Decimal(1), TODAY).status == status
    assert seen == []


def test_a_link_to_another_host_is_not_followed(world, client):
    invoice_id, case_id = world.add_case(client)
    link = f"https://evil.example/v1/assignments/{case_id}"
    body = f'body:{{"status": "sent", "url": "{link}"}}'
    world.faults.next("GET", "/assignment", body)
    status = client.transfer_status(invoice_id)
    assert (status.status, status.assignment_id, status.url) == ("sent", "", link)
    assert client.find_assignment(invoice_id).id == case_id


# -- connections -----------------------------------------------------------------------


def test_connection_refused(world, client):
    world.server.close()
    for call in (
        client.service,
        lambda: client.transfer("x", transfer()),
        lambda: client.report_paid("x", Decimal(1), TODAY),
    ):
        error = raised(call)
        assert (type(error), error.reason) == (NotNow, "unreachable")
        assert "refused" in error.message


def test_refused_between_token_and_call(world):
    """The API host is down while the token still comes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    account = world.account(receivables_url=f"http://127.0.0.1:{port}")
    error = raised(world.client(account).report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (NotNow, "unreachable")


def test_unknown_host(world):
    account = world.account(receivables_url="https://no-such-host.invalid")
    error = raised(world.client(account).report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (NotNow, "unreachable")


def test_a_pooled_connection_that_the_server_has_closed(world, client):
    """The usual end of keep-alive is noticed before anything is sent."""
    _invoice_id, case_id = world.add_case(client)
    world.faults.next("GET", wire.SERVICE, "close_after")
    client.service()
    time.sleep(0.1)
    client.report_paid(case_id, Decimal(1), TODAY)
    assert world.server.connections == 2
    assert world.sandbox.case(case_id)["told_paid"] == 1


def reset(peer):
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def read_request(peer):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65_536)
        if not piece:
            return None
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            while len(body) < int(line.split(b":")[1]):
                body += peer.recv(65_536)
    return head.split(b" ")[0]


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_a_pooled_connection_that_breaks_at_the_next_request(world):
    """Nobody can know whether the second request was carried out."""
    posts = []

    def serve_one(peer, number):
        read_request(peer)
        peer.sendall(OK)
        posts.append(read_request(peer))
        reset(peer)

    with listener(serve_one) as address:
        account = world.account(receivables_url=f"http://{address}")
        client = world.client(account)
        client.report_paid("x", Decimal(1), TODAY)
        error = raised(client.report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (OutcomeUnknown, "unreachable")
    assert posts == [b"POST"]


@pytest.mark.parametrize("breaks", [1, 2])
def test_a_safe_call_is_repeated_at_once(world, breaks):
    def serve_one(peer, number):
        read_request(peer)
        if number <= breaks:
            reset(peer)
        else:
            peer.sendall(
                b"HTTP/1.1 200 OK\r\nX-Total-Pages: 0\r\nContent-Length: 2\r\n\r\n[]"
            )

    with listener(serve_one) as address:
        account = world.account(receivables_url=f"http://{address}")
        assert list(world.client(account).iter_assignments()) == []


def test_a_safe_call_is_not_repeated_for_ever(world):
    count = []

    def serve_one(peer, number):
        read_request(peer)
        count.append(number)
        reset(peer)

    with listener(serve_one) as address:
        account = world.account(receivables_url=f"http://{address}")
        error = raised(world.client(account).assignments)
    assert (type(error), error.reason) == (NotNow, "unreachable")
    assert len(count) == 3


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
    ],
)
def test_broken_http(world, answer):
    posts = []

    def serve_one(peer, number):
        posts.append(read_request(peer))
        peer.sendall(answer)

    with listener(serve_one) as address:
        account = world.account(receivables_url=f"http://{address}")
        error = raised(world.client(account).report_paid, "x", Decimal(1), TODAY)
    assert type(error) is OutcomeUnknown
    assert posts == [b"POST"]


# -- TLS and proxies -------------------------------------------------------------------


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes"]
    command += ["-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the openssl program")
    return cert, key


@contextmanager
def tls_listener(certificate, serve_one):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def serve_tls(peer, number):
        with context.wrap_socket(peer, server_side=True) as tls:
            serve_one(tls, number)

    with listener(serve_tls) as address:
        yield address


def test_an_untrusted_certificate(world, certificate):
    requests_seen = []

    def serve_one(peer, number):
        requests_seen.append(read_request(peer))

    with tls_listener(certificate, serve_one) as address:
        account = world.account(receivables_url=f"https://{address}")
        error = raised(world.client(account).report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (NotNow, "unreachable")
    assert "certificate verify failed" in error.message
    assert requests_seen == []


def test_a_server_without_tls(world):
    def serve_one(peer, number):
        peer.recv(9999)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with listener(serve_one) as address:
        account = world.account(receivables_url=f"https://{address}")
        error = raised(world.client(account).report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (NotNow, "unreachable")


def test_tls_breaks_in_the_middle_of_an_answer(world, certificate):
    """urllib3 would repeat even a POST here, were it not told otherwise."""
    posts = []

    def serve_one(peer, number):
        posts.append(read_request(peer))
        raw = socket.socket(fileno=peer.detach())
        raw.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)  # no such record

    with tls_listener(certificate, serve_one) as address:
        account = world.account(receivables_url=f"https://{address}")
        client = world.client(account)
        client._session.verify = str(certificate[0])
        error = raised(client.report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (OutcomeUnknown, "unreachable")
    assert posts == [b"POST"]


def test_tls_connections_are_kept(world, certificate):
    connections = []

    def serve_one(peer, number):
        connections.append(number)
        while read_request(peer):
            peer.sendall(OK)

    with tls_listener(certificate, serve_one) as address:
        account = world.account(receivables_url=f"https://{address}")
        client = world.client(account)
        client._session.verify = str(certificate[0])
        for _ in range(5):
            client.report_paid("x", Decimal(1), TODAY)
        client.close()
    assert connections == [1]


def test_a_proxy_that_refuses(world):
    """The tunnel's own request is not ours: nothing has left the house."""
    seen = []

    def serve_one(peer, number):
        seen.append(read_request(peer))
        peer.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with listener(serve_one) as address:
        account = world.account(receivables_url="https://receivables.example")
        client = world.client(account)
        client._session.proxies = {"https": f"http://{address}"}
        error = raised(client.report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (NotNow, "unreachable")
    assert set(seen) == {b"CONNECT"}


def test_an_error_of_the_caller_is_not_ours(world, client):
    """What the caller is handling already says nothing about this call."""
    world.server.close()
    try:
        raise TimeoutError("something else, and secret")
    except TimeoutError:
        error = raised(client.service)
    assert error.reason == "unreachable"
    assert "secret" not in str(error)


def test_blocked_by_odoos_tests(world, client, monkeypatch):
    """Odoo's test suite patches Session.send; whoever does sees numbers only."""
    send = requests.Session.send

    def patched(session, request, **kwargs):
        assert kwargs["timeout"] > 0
        kwargs["timeout"] = max(kwargs["timeout"], 10)
        return send(session, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", patched)
    assert client.service().state == "active"


def test_account_trouble_stops_a_company(world, client):
    world.faults.next("PUT", wire.SERVICE, "status:403")
    assert type(raised(client.activate, "a@b.fi")) is AccountTrouble
