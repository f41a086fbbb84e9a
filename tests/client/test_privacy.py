"""Keys, tokens and personal ids show up nowhere: no repr, text, log or traceback."""

import io
import json
import logging
import pickle
import traceback

import pytest
from maventa import wire
from maventa.client import TOKENS
from maventa.errors import MASK, MaventaError, NotNow, clean_text

from .conftest import USER_KEY, VENDOR_KEY, person, transfer

SSN = "131052-308T"
SWEDISH = "19811218-9876"
NORWEGIAN = "13097248022"
BID_OF_A_PERSON = "811218-9876"


def people():
    return transfer(
        receivables_type="b2c",
        payers=(
            person(ssn=SSN, email="maija@example.fi", phone="+358401234567"),
            person(ssn=SWEDISH, bid=BID_OF_A_PERSON, main=False),
            person(ssn=NORWEGIAN, main=False),
        ),
    )


PRIVATE = (
    USER_KEY,
    VENDOR_KEY,
    SSN,
    SWEDISH,
    NORWEGIAN,
    BID_OF_A_PERSON,
    "Maija",
    "maija@example.fi",
    "+358401234567",
    "Katu 1",
)


def test_dataclasses(world):
    shown = [
        repr(people()),
        str(people().payers[0]),
        repr(world.account()),
        str(world.account()),
        repr(world.client()),
        repr(wire.Rental(address="Katu 1")),
        repr(wire.MaventaInvoice(id="i", recipient_name="Maija", recipient_bid=SSN)),
        repr(wire.Event(id="e", kind="comment", text="Maija")),
        f"{people()!s:.999}",
    ]
    for text in shown:
        assert not [secret for secret in PRIVATE if secret in text]


@pytest.fixture
def log():
    """Everything that anything logs, at the finest level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


def chain(error):
    """Every exception and frame that hangs on an error, as text."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


ECHO = json.dumps(
    {
        "code": "invalid_parameters",
        "message": f"payer {SSN} with {USER_KEY} and\r\n\x00{SWEDISH} is wrong",
        "details": {"ssn": f"{NORWEGIAN} bad", "bid": BID_OF_A_PERSON},
    }
)


@pytest.mark.parametrize(
    "fault",
    [
        "cut_before",
        "cut_after",
        "status:500",
        "html",
        "garbage",
        "redirect:https://x.example/",
        "status:401",
        "status:403",
        "status:422",
        None,
    ],
)
def test_errors_and_logs(world, log, fault):
    client = world.client()
    invoice_id = world.add_invoice()
    client.service()
    token = client._token_slot["token"].text
    if fault:
        world.faults.next("POST", "/assignment/ropo", fault, times=2)
    else:
        handle = world.sandbox.handle

        def echo(method, url, headers, body=b""):
            if method == "POST" and "assignment" in url:
                return 400, {}, ECHO.encode()
            return handle(method, url, headers, body)

        world.sandbox.handle = echo
    with pytest.raises(MaventaError) as caught:
        client.transfer(invoice_id, people())
    error = caught.value
    texts = [log.getvalue(), *traceback.format_exception(error)]
    for link in chain(error):
        texts += [str(link), repr(link), repr(getattr(link, "__dict__", {}))]
        # Requests' exceptions carry the whole request along.
        assert getattr(link, "request", None) is None
    for text in texts:
        for secret in (*PRIVATE, token):
            assert secret not in text, secret
    if not fault:
        assert error.message == f"payer {MASK} with {MASK} and {MASK} is wrong"
        assert error.details == (f"ssn: {MASK} bad", f"bid: {MASK}")


def test_one_line_a_call(world, log, client):
    client.service()
    world.faults.next("GET", wire.INVOICES, "status:500")
    invoice_id = world.add_invoice()
    with pytest.raises(NotNow):
        client.invoice(invoice_id)
    lines = [line for line in log.getvalue().splitlines() if line.startswith("maventa")]
    shapes = [line.rsplit(" ", 2)[0] for line in lines]
    assert shapes == [
        "maventa POST /oauth2/token 200",
        "maventa GET /v2/services/ropo/receivables 200",
        "maventa GET /v1/invoices/… 500",
    ]
    assert all(line.endswith(" ms") for line in lines)


def test_what_an_error_says():
    error = NotNow(
        "busy",
        status=503,
        code="x",
        message="later",
        details=["a"],
        method="GET",
        path="/p",
        retry_after=3.0,
    )
    assert str(error) == "GET /p 503: busy: x; later; a"
    assert repr(error) == "NotNow('busy')"
    assert error.args == ("busy",)
    with pytest.raises(ValueError):
        NotNow("made up")
    copy = pickle.loads(pickle.dumps(error))
    assert vars(copy) == vars(error)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"ssn {SSN}.", f"ssn {MASK}."),
        ("131052-308t", MASK),
        ("131052A308T", MASK),
        ("(811218-9876)", f"({MASK})"),
        ("198112189876", MASK),
        ("8112189876", MASK),
        ("811218+9876", MASK),
        ("130972 48022", MASK),
        # Nobody's: business ids, dates, sums, references, UUIDs.
        ("0737546-2", "0737546-2"),
        ("FI07375462", "FI07375462"),
        ("556036-0793", "556036-0793"),
        ("974760673", "974760673"),
        ("2026-11-20", "2026-11-20"),
        ("100.50", "100.50"),
        ("RF18 5390 0754 7034", "RF18 5390 0754 7034"),
        ("case 99887766554", "case 99887766554"),
        ("1300123456", "1300123456"),
        (
            "5b8a1d8e-93b4-4f16-9d2c-131052308123",
            "5b8a1d8e-93b4-4f16-9d2c-131052308123",
        ),
    ],
)
def test_personal_ids(text, masked):
    assert clean_text(text) == masked


def test_long_and_odd_texts():
    assert clean_text("a" * 400) == "a" * 299 + "…"
    assert clean_text(" a\r\n\tb\x00c\u2028d ") == "a b c d"
    assert clean_text("\ud800x") == "?x"
    assert clean_text("key abc and key-12", secrets=["abc", "key-12", ""]) == (
        f"key abc and {MASK}"
    )


def test_tokens_are_kept_under_a_fingerprint(world):
    world.client().service()
    shown = repr(TOKENS._slots)
    token = next(iter(TOKENS._slots.values()))[1]["token"].text
    for secret in (USER_KEY, VENDOR_KEY, token):
        assert secret not in shown
