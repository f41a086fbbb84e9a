"""A server that means harm: nothing crashes, hangs, leaks or fills the memory."""

import datetime as dt
import json
import random
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from maventa import wire
from maventa.client import _retry_after
from maventa.errors import REASONS, MaventaError, NotNow, OutcomeUnknown

from ..examples import examples
from .attacks import ATTACKS, HEAD, MANY, _sized
from .conftest import TODAY, USER_KEY, VENDOR_KEY, World, person, transfer
from .test_deadline import LATE
from .test_outcomes import certificate, listener, raised, tls_listener  # noqa: F401

MEMORY = 50  # MiB that one answer may take at its peak
DEADLINE = 2.0

TOKEN = json.dumps({"access_token": "sample", "expires_in": 3600}).encode()


def read_path(peer):
    """The path of a request, its body left unread but for what comes along."""
    data = b""
    while b"\r\n\r\n" not in data:
        received = peer.recv(65_536)
        if not received:
            raise OSError
        data += received
    return data.split()[1].decode()


def hostile(peer, number):
    """Answers as the first part of the path says."""
    while True:
        path = read_path(peer)
        name = path.split("/")[1].replace("_", " ")
        if path.endswith(wire.TOKEN):
            answer = _sized(TOKEN)
        elif name in ATTACKS:
            answer = ATTACKS[name]()
        elif name == "many events paged":
            page = int(path.partition("page=")[2].partition("&")[0])
            rows = [
                {"id": f"{page}-{n}", "type": "paid", "sum_paid": 1.5}
                for n in range(100 if page <= MANY / 100 else 0)
            ]
            answer = _sized(json.dumps(rows).encode())
        else:
            answer = _sized(b"[]")
        for piece in answer:
            peer.sendall(piece)


@pytest.fixture(scope="module")
def measured():
    """Every attack, suffered by a process of its own."""
    program = Path(__file__).with_name("attacks.py")
    with listener(hostile) as address:
        names = [*ATTACKS, "many events paged"]
        command = [sys.executable, program, f"http://{address}", str(DEADLINE), *names]
        found = subprocess.run(command, check=True, capture_output=True, timeout=120)
    return json.loads(found.stdout)


REFUSED = {
    "deep JSON": "unreadable_answer",
    "wide JSON of lists": "unreadable_answer",
    "wide JSON of numbers": "unreadable_answer",
    "wide JSON of names": "unreadable_answer",
    "a number of seven million digits": "unreadable_answer",
    "many events on one case": "unreadable_answer",
    "many events paged": "too_many",
    "byte by byte": "timeout",
    "headers byte by byte": "timeout",
    # A list of cases, one of them without its events.
    "cases of nothing but events": "",
}


@pytest.mark.parametrize("name", [*ATTACKS, "many events paged"])
def test_memory_and_time(measured, name):
    seconds, megabytes, cls, reason = measured[name]
    assert megabytes < MEMORY
    assert seconds < DEADLINE + LATE
    # On a busy machine time may run out before the bytes do.
    assert reason in (REFUSED.get(name, "too_large"), "timeout")
    assert cls == ("NotNow" if reason else "")


def test_a_changing_call_is_cut_off_too(world):
    """And its outcome is open."""
    for name in ("one_gigabyte", "one_gigabyte_with_a_redirect", "byte_by_byte"):
        with listener(hostile) as address:
            account = world.account(receivables_url=f"http://{address}/{name}")
            client = world.client(account, deadline=DEADLINE)
            started = time.monotonic()
            error = raised(client.report_paid, "x", Decimal(1), TODAY)
            assert type(error) is OutcomeUnknown
            assert time.monotonic() - started < DEADLINE + LATE


def test_pages_without_end(world):
    """Every page is new, quick and honest-looking; together they are not."""
    client = world.client(deadline=1)
    client.service()
    pages = []

    def endless(method, url, headers, body=b""):
        pages.append(url)
        time.sleep(0.05)
        return 200, {}, json.dumps([{"id": f"e{len(pages)}"}]).encode()

    world.sandbox.handle = endless
    for call in (client.events, client.find_invoices, client.find_assignment):
        started = time.monotonic()
        error = raised(call, "x")
        assert error.reason in ("timeout", "too_many")
        assert time.monotonic() - started < 2 + LATE


def test_repeated_and_reordered_pages(world, client):
    """Each case once, whatever comes again; nothing is lost."""
    pages = [["a", "b"], ["b", "a"], ["c", "a"], ["d"]]
    served = []

    def shuffled(method, url, headers, body=b""):
        page = pages[len(served)] if len(served) < len(pages) else []
        served.append(url)
        return 200, {}, json.dumps([{"id": name} for name in page]).encode()

    client.service()
    world.sandbox.handle = shuffled
    # A page that brings nothing new is the end: this server would never come to one.
    assert [case.id for case in client.iter_assignments()] == ["a", "b"]
    del pages[1], served[:]
    assert [case.id for case in client.iter_assignments()] == ["a", "b", "c", "d"]


# -- what no sane server puts into its headers -----------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "Content-Type: text/html; charset",
        "Content-Type: ; ; =; charset==\xff",
        "Content-Length: " + "9" * 5_000,
        "Content-Length: -1",
        "Content-Length: 5, 7",
        "Content-Encoding: nonsense",
        "Content-Encoding: gzip",
        "Content-Encoding: " + "gzip," * 50,
        "Transfer-Encoding: nonsense",
        "Retry-After: Mon, 01 Jan 2024 00:00:00 +99999999999999999",
        "Retry-After: 1e999",
        "Location: http://[",
        "Location: \x00",
        "Location: ///",
        "Location: http://a b:99999999/\xff",
        "X-Total-Pages: " + "9" * 5_000,
        "X-Total-Pages: \xb2",
        "X-Next-Page: -1",
        "Set-Cookie: a=b; Domain=.example; Max-Age=x; Expires=" + "9" * 999,
        "Connection: \x00",
        "",
    ],
)
@pytest.mark.parametrize("status", [200, 302, 404, 429, 503])
def test_headers(world, line, status):
    def serve_one(peer, number):
        while True:
            path = read_path(peer)
            if path.endswith(wire.TOKEN):
                answer = _sized(TOKEN)
            else:
                answer = [HEAD % status, line.encode("latin-1"), b"\r\n\r\n[]"]
            for piece in answer:
                peer.sendall(piece)
            if not path.endswith(wire.TOKEN):
                return

    with listener(serve_one) as address:
        url = f"http://{address}"
        client = world.client(world.account(ax_url=url, receivables_url=url))
        for call in (
            client.assignments,
            lambda: client.report_paid("x", Decimal(1), TODAY),
        ):
            try:
                call()
            except MaventaError as error:
                assert error.reason in REASONS
                assert error.__cause__ is None


@pytest.mark.parametrize(
    "value",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2024 00:00:00 +99999999999999999",
    ],
)
def test_retry_after_beyond_all_bounds(value):
    assert _retry_after(value) is None


# -- TLS -------------------------------------------------------------------------------


def test_a_certificate_for_somebody_else(world, certificate):  # noqa: F811
    """Trusted, but its name is another one: nothing is sent."""
    seen = []
    with tls_listener(
        certificate, lambda peer, number: seen.append(peer.recv(9))
    ) as at:
        port = at.rpartition(":")[2]
        # The certificate is that of 127.0.0.1.
        account = world.account(receivables_url=f"https://localhost:{port}")
        client = world.client(account)
        client._session.verify = str(certificate[0])
        error = raised(client.report_paid, "x", Decimal(1), TODAY)
    assert (type(error), error.reason) == (NotNow, "unreachable")
    assert "certificate verify failed" in error.message
    assert not any(seen)


# -- any answer at all to a whole conversation -----------------------------------------

VALUES = (
    None, True, False, 0, -1, 1e308, -100.0, 10**40, "", " ", "NaN", "\x00\ud800",
    "9999-12-31", "0001-01-01", "9999-12-31T23:59:59-23:59", "-1", "1e15", [], {}, [[]],
    [None], {"a": []}, "paid", "credit_note", "sent", "error", "active", "x" * 5_000,
    "https://elsewhere.example/v1/assignments/1", "131052-308T", float("nan"),
    float("inf"), {"id": {}}, [{"id": 1}, {"id": 1}], "😀",
)  # fmt: skip
STATUSES = [200] * 8 + [201, 204, 301, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503]


def spoil(generator, data, depth=0):
    """A recorded answer with something in it replaced, doubled, dropped or wrapped."""
    if generator.random() < 0.15 or not data or not isinstance(data, dict | list):
        return generator.choice(VALUES)
    if isinstance(data, list):
        data = list(data)
        index = generator.randrange(len(data))
        kind = generator.random()
        if kind < 0.2:
            data.append(data[index])
        elif kind < 0.4:
            generator.shuffle(data)
        elif kind < 0.5:
            del data[index]
        else:
            data[index] = spoil(generator, data[index], depth + 1)
        return data
    data = dict(data)
    name = generator.choice(list(data))
    kind = generator.random()
    if kind < 0.1:
        del data[name]
    elif kind < 0.2:
        return generator.choice([{"data": data}, [data], {name: data}])
    else:
        data[name] = spoil(generator, data[name], depth + 1)
    return data


class SpoiltWorld(World):
    """A sandbox whose answers are spoilt; one for all examples, being slow to start."""

    def __init__(self):
        super().__init__()
        self.generator, self.rate = None, 0
        self.good = self.sandbox.handle
        self.sandbox.handle = self.spoilt
        self.shared = self.client(deadline=2)
        self.ids = self.add_case(self.shared)
        self.shared.report_paid(self.ids[1], Decimal("12.34"), TODAY)
        self.sandbox.extra_fields = True

    def spoilt(self, method, url, headers, body=b""):
        status, answer_headers, answer = self.good(method, url, headers, body)
        generator = self.generator
        if not generator or generator.random() > self.rate:
            return status, answer_headers, answer
        for _ in range(generator.randint(1, 3)):
            data = spoil(generator, json.loads(answer) if answer else None)
            answer = json.dumps(data).encode("utf-8", "replace")
        if generator.random() < 0.1:
            answer = generator.choice(
                [b"", b"\xef\xbb\xbf" + answer, b"<html>", answer[:-2], b"\xff\x00"]
            )
        names = ("X-Total", "X-Total-Pages", "X-Next-Page", "Retry-After")
        spoilt = {
            generator.choice(names): generator.choice(["-1", "", "x", "9" * 50, "2"])
        }
        return (
            generator.choice([status, *STATUSES]),
            {**answer_headers, **spoilt},
            answer,
        )


@pytest.fixture(scope="module")
def spoilt():
    world = SpoiltWorld()
    yield world
    world.close()


def conversation(client, invoice_id, case_id):
    """Every method once."""
    yield client.identity
    yield client.service
    yield lambda: client.activate("a@example.com")
    yield client.close_service
    yield lambda: client.find_invoices("INV/1")
    yield lambda: client.invoice(invoice_id)
    yield lambda: client.upload_invoice(b"<x/>", "x.xml", invoice_id)
    people = (person(ssn="131052-308T", email="a@example.com"),)
    yield lambda: client.transfer(
        invoice_id, transfer(receivables_type="b2c", payers=people)
    )
    yield lambda: client.transfer_status(invoice_id)
    yield client.assignments
    yield lambda: list(client.iter_assignments())
    yield lambda: client.find_assignment(invoice_id)
    yield lambda: client.assignment(case_id)
    yield lambda: client.events(case_id)
    yield lambda: client.report_paid(case_id, Decimal(1), TODAY)
    yield lambda: client.report_credit_note(case_id, Decimal(1), TODAY)


def check(value):
    """What was read fits PostgreSQL, a calendar and a bookkeeper's column."""
    if isinstance(value, str):
        value.encode()
        assert "\0" not in value
    elif isinstance(value, Decimal):
        assert value.is_finite() and abs(value) < 10**15
    elif isinstance(value, dt.date):
        assert 1900 <= value.year < 2200
    elif isinstance(value, tuple | list):
        for item in value:
            check(item)
    elif hasattr(value, "__dataclass_fields__"):
        hash(value)
        for name in value.__dataclass_fields__:
            check(getattr(value, name))


@settings(
    max_examples=examples(150),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(0, 2**32), st.sampled_from([0.3, 1.0]))
def test_whole_conversations(spoilt, seed, rate):
    """Every method answers with what can be stored, or with an error of ours that
    tells no secret."""
    client = spoilt.shared
    spoilt.generator, spoilt.rate = random.Random(seed), rate
    client._token_slot.pop("token", None)
    try:
        for call in conversation(client, *spoilt.ids):
            started = time.monotonic()
            try:
                check(call())
            except MaventaError as error:
                assert error.reason in REASONS
                shown = f"{error} {error!r} {error.details}"
                for secret in (USER_KEY, VENDOR_KEY, "131052-308T"):
                    assert secret not in shown
            assert time.monotonic() - started < 4 + LATE
    finally:
        spoilt.generator = None
