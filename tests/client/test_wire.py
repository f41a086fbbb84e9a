"""Building is strict, reading is lenient, and neither ever surprises."""

import json
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from maventa import wire
from maventa.errors import clean_text
from maventa.sandbox import Refusal, _check_transfer

from ..examples import examples
from .conftest import TODAY, payer, person, transfer

FINLAND = {"country": "FI"}


# -- addresses -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://ax.maventa.com",
        "https://proxy.example:8443/maventa/",
        "http://127.0.0.1:8070",
        "http://127.9.9.9",
        "http://localhost:1",
        "http://[::1]:80",
        " https://ax.maventa.com/ ",
    ],
)
def test_allowed_base_urls(url):
    assert wire.check_base_url(url) == url.strip().rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        "ax.maventa.com",
        "http://ax.maventa.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://0.0.0.0",
        "ftp://127.0.0.1",
        "https://user:secret@ax.maventa.com",
        "https://user@ax.maventa.com",
        "https://@ax.maventa.com",
        "https://ax.maventa.com?x=1",
        "https://ax.maventa.com#x",
        "https://",
        "https://[::1",
        "https://ax.maventa.com:port",
        "https://ax.maventa.com:99999",
        "https://ax.mav enta.com",
        "https://ax.maventa.com\\@evil.example",
        "javascript:alert(1)",
    ],
)
def test_refused_base_urls(url):
    with pytest.raises(ValueError):
        wire.check_base_url(url)


@pytest.mark.parametrize("value", ["", ".", "..", " ", None, 7, "\ud800"])
def test_unusable_ids(value):
    with pytest.raises(wire.WireError):
        wire.path(wire.INVOICE, id=value)


# -- building --------------------------------------------------------------------------


def test_a_hand_over_in_full():
    body = wire.build_transfer(
        transfer(
            receivables_type="b2c_rental",
            summary="  Rent 11/2026 ",
            payers=(
                person(main=False, ssn="131052-308T", name="Second"),
                person(
                    ssn="131052-308T",
                    name="First",
                    email="a@b.fi",
                    phone="+358401234567",
                    language="sv",
                ),
            ),
            capital=Decimal("1234.5"),
            reminder=Decimal(5),
            interest=Decimal("0.10"),
            interest_date=date(2026, 10, 1),
            rental=wire.Rental(
                address="Katu 1 A 2",
                contract_type="temporary",
                contract_expiry_date=date(2027, 1, 31),
                current_target_amount=Decimal("800"),
            ),
        )
    )
    assert json.loads(json.dumps(body)) == {
        "collection_type": "reminder_and_collection",
        "receivables_type": "b2c_rental",
        "assignment_summary": "Rent 11/2026",
        "payers": [
            {
                "type": "person",
                "name": "First",
                "ssn": "131052-308T",
                "street_address": "Katu 1",
                "post_code": "00100",
                "city": "Helsinki",
                "country": "FI",
                "email": "a@b.fi",
                "phone_number": "+358401234567",
                "language": "sv",
                "main": True,
            },
            {
                "type": "person",
                "name": "Second",
                "ssn": "131052-308T",
                "street_address": "Katu 1",
                "post_code": "00100",
                "city": "Helsinki",
                "country": "FI",
                "main": False,
            },
        ],
        "amounts": {
            "capital_amount": 1234.5,
            "reminder_amount": 5.0,
            "interest_amount": 0.1,
            "interest_calculation_date": "2026-10-01",
        },
        "industry_specific_options": {
            "rental": {
                "address": "Katu 1 A 2",
                "contract_type": "temporary",
                "contract_expiry_date": "2027-01-31",
                "current_target_amount": 800.0,
            }
        },
    }
    _check_transfer(_as_received(body), FINLAND)


@pytest.mark.parametrize(
    "change",
    [
        {"collection_type": "other"},
        {"receivables_type": "b2g"},
        {"summary": "x"},
        {"summary": "x" * 65},
        {"summary": "  x  "},
        {"payers": ()},
        {"payers": (payer(main=False),)},
        {"payers": (payer(), payer())},
        {"payers": (payer(kind="dog"),)},
        {"capital": Decimal(0)},
        {"capital": Decimal(-1)},
        {"capital": Decimal("NaN")},
        {"capital": Decimal("Infinity")},
        {"capital": Decimal("1.001")},
        {"capital": Decimal("1e13")},
        {"capital": None},
        {"reminder": Decimal("-0.01")},
        {"interest": Decimal("0.005")},
        {"interest_date": "2026-01-01"},
        {"receivables_type": "b2b_rental"},
        {"rental": wire.Rental(address="x")},
        {
            "receivables_type": "b2b_rental",
            "rental": wire.Rental(address="x", contract_type="forever"),
        },
    ],
)
def test_what_cannot_be_right_is_not_built(change):
    with pytest.raises(wire.WireError):
        wire.build_transfer(transfer(**change))


def test_events():
    assert wire.build_event("paid", Decimal("100.00"), TODAY) == {
        "type": "paid",
        "sum_paid": 100.0,
        "booked_at": "2026-11-20",
    }
    assert wire.build_event("credit_note", Decimal("40"), TODAY) == {
        "type": "credit_note",
        "credit_sum": 40.0,
        "booked_at": "2026-11-20",
    }
    # What floats leave behind is rounded away.
    assert wire.build_event("paid", 0.1 + 0.2, TODAY)["sum_paid"] == 0.3


# -- reading ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("ACTIVE", "active"),
        ("active", "active"),
        ("Pending", "pending"),
        ("DISABLED", "closed"),
        ("rejected", "rejected"),
        ("ACTIVE_SOON", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
        (["ACTIVE"], "unknown"),
    ],
)
def test_service_states(status, state):
    assert wire.read_service({"status": status}).state == state


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://sign.example/x?y=1#z", True),
        ("http://sign.example/x", False),
        ("javascript:alert(1)", False),
        ("https://a@b.example/", False),
        (7, False),
    ],
)
def test_links_are_fit_to_be_shown(url, shown):
    found = wire.read_service({"status": "PENDING", "activation_url": url})
    assert found.activation_url == (url if shown else "")


@pytest.mark.parametrize(
    ("raw", "stage"),
    [
        ("reminder_sent", "reminder_sent"),
        ("Reminder Sent", "reminder_sent"),
        ("REMINDER-SENT", "reminder_sent"),
        ("debtCollection", "debt_collection"),
        (" legal - collection ", "legal_collection"),
        ("payment_plan", "payment_plan"),
        ("bailiff", "other"),
        ("", ""),
        (None, ""),
        ({"name": "x"}, ""),
    ],
)
def test_stages(raw, stage):
    found = wire.read_assignment({"id": "1", "collection_status": raw})
    assert found.stage == stage
    if isinstance(raw, str):
        assert found.stage_raw == " ".join(raw.split())


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("open", "open"),
        ("Partially Closed", "partially_closed"),
        ("CLOSED", "closed"),
        ("closing", "unknown"),
        (None, ""),
    ],
)
def test_statuses(raw, status):
    assert wire.read_assignment({"id": "1", "status": raw}).status == status


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        ("paid", "paid"),
        ("PAID", "paid"),
        ("credit_note", "credit_note"),
        ("Credit Note", "credit_note"),
        ("creditNote", "credit_note"),
        ("comment", "comment"),
        ("close", "close"),
        ("closed", "close"),
        ("reminder_sent", "reminder"),
        ("SecondReminderLetter", "reminder"),
        ("demand letter", "letter"),
        ("status_changed", "status"),
        # Money moves only under the documented names.
        ("payment_plan", "other"),
        ("payment", "other"),
        ("unpaid", "other"),
        ("paid_back", "other"),
        ("credit", "other"),
        ("kreditering", "other"),
        ("", "other"),
        (None, "other"),
        (5, "other"),
    ],
)
def test_event_kinds(raw, kind):
    assert wire.read_event({"id": "e", "type": raw}).kind == kind


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("12.50", "12.50"),
        ("12", "12"),
        ("1e3", "1000"),
        ("-3.5", "-3.5"),
        ("100.10000000000001", "100.100000"),
        ('"99.90"', "99.90"),
        ('" 7 "', "7"),
        ('"7,50"', None),
        ('"NaN"', None),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("1e400", None),
        ("1e999999999999999999999", None),
        ("1e-400", None),
        ("0", "0"),
        ("0.0", "0.0"),
        ("true", None),
        ("null", None),
        ("[1]", None),
        ("{}", None),
        ("9" * 40, None),
    ],
)
def test_amounts(value, amount):
    data = wire.parse(f'{{"id": "e", "type": "paid", "sum_paid": {value}}}'.encode())
    found = wire.read_event(data).amount
    assert found == (None if amount is None else Decimal(amount))
    if found is not None:
        assert len(f"{found:f}") < 40


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-11-20", date(2026, 11, 20)),
        ("2026-11-20T10:00:00Z", date(2026, 11, 20)),
        ("2026-11-20T23:30:00.123456789Z", date(2026, 11, 20)),
        ("2026-11-20T00:30:00+02:00", date(2026, 11, 19)),
        ("2026-11-20T10:00:00", date(2026, 11, 20)),
        ("20.11.2026", None),
        ("2026-02-30", None),
        ("0000-00-00", None),
        ("0001-01-01T00:00:00+05:00", None),
        ("0001-01-01", None),
        ("9999-12-31", None),
        ("9999-12-31T23:59:59Z", None),
        ("", None),
        (20261120, None),
        (None, None),
        (["2026-11-20"], None),
    ],
)
def test_dates(value, day):
    assert wire.read_event({"id": "e", "booked_at": value}).date == day


def test_the_first_date_that_is_one():
    data = {"booked_at": "soon", "date": None, "created_at": "2026-11-20T10:00:00Z"}
    assert wire.read_event(data).date == TODAY


def test_an_assignment_with_wrong_types_everywhere():
    wrong = [None, 7, "x", [], {}, True, Decimal(1)]
    names = (
        "invoice_id",
        "reference_ids",
        "collection_status",
        "status",
        "amounts",
        "capital_amount",
        "open_amount",
    )
    for value in wrong:
        found = wire.read_assignment({"id": "a", **dict.fromkeys(names, value)})
        assert found.id == "a"
        assert found.events is None


def test_events_absent_and_empty_differ():
    assert wire.read_assignment({"id": "a"}).events is None
    assert wire.read_assignment({"id": "a", "events": None}).events is None
    assert wire.read_assignment({"id": "a", "events": []}).events == ()


@pytest.mark.parametrize(
    ("data", "ids"),
    [
        ({"invoice_id": "i"}, ("i",)),
        ({"reference_ids": ["i", "j", "i", None, 7, {}]}, ("i", "j", "7")),
        ({"reference_ids": "i"}, ("i",)),
        ({"invoice_id": "j", "reference_ids": ["i", "j"]}, ("j", "i")),
        ({}, ()),
    ],
)
def test_invoices_of_a_case(data, ids):
    assert wire.read_assignment({"id": "a", **data}).invoice_ids == ids


@pytest.mark.parametrize("data", [None, [], "x", 7, {}, {"id": None}, {"id": ""}])
def test_nothing_to_be_made_of_it(data):
    for reader in (wire.read_assignment, wire.read_invoice):
        with pytest.raises(wire.WireError):
            reader(data)


HERE = "https://receivables.maventa.com"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"assignment_id": "a", "id": "b", "url": f"{HERE}/v1/x/c"}, "a"),
        ({"id": "b", "url": f"{HERE}/v1/assignments/c"}, "b"),
        ({"id": "INVOICE", "url": f"{HERE}/v1/assignments/c"}, "c"),
        ({"url": f"{HERE}/v1/assignments/c/"}, "c"),
        ({"url": f"{HERE}/v1/assignments/c?x=1#y"}, "c"),
        ({"url": "https://evil.example/v1/assignments/c"}, ""),
        ({"url": "https://receivables.maventa.com.evil.example/v1/c"}, ""),
        ({"url": "https://receivables.maventa.com@evil.example/v1/c"}, ""),
        ({"url": f"{HERE}:444/v1/assignments/c"}, ""),
        ({"url": f"{HERE}/v1/assignments/%2e%2e"}, ""),
        ({"url": "javascript:c"}, ""),
        ({"url": 7}, ""),
        ({}, ""),
    ],
)
def test_where_the_case_is(data, found):
    status = wire.read_transfer_status(
        {"status": "sent", **data}, invoice_id="invoice", receivables_url=HERE
    )
    assert status.assignment_id == found


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            {"code": "invalid", "message": "No", "details": ["a", "b"]},
            ("invalid", "No", ("a", "b")),
        ),
        ({"code": "x", "details": "only text"}, ("x", "", ("only text",))),
        (
            {"code": "x", "details": {"city": "is missing", "zip": ["bad"]}},
            ("x", "", ("city: is missing", "zip: bad")),
        ),
        (
            {"details": {"payers": [{"city": ["is missing", "is short"]}], "n": [7]}},
            (
                "",
                "",
                ("payers[0].city: is missing", "payers[0].city: is short", "n[0]"),
            ),
        ),
        ({"details": [{"field": "city", "text": "bad"}, 7]}, ("", "", ("city, bad",))),
        (
            {"error": "invalid_client", "error_description": "Unknown"},
            ("invalid_client", "Unknown", ()),
        ),
        ({"code": 7, "message": ["x"], "details": None}, ("", "", ())),
        ({"details": ["x"] * 50}, ("", "", ("x",) * 10)),
        ([], ("", "", ())),
        (None, ("", "", ())),
    ],
)
def test_errors(data, expected):
    assert wire.read_error(data) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["payers[1].post_code is invalid"], [("payer", "zip", 1)]),
        (["post_code is not a proper text"], [("payer", "zip", None)]),
        (["The post code is wrong", "city"], [("payer", "city", None)]),
        (["payers: ssn bad", "ssn bad"], [("payer", "ssn", None)]),
        (["amounts.capital_amount too big"], [("amounts", "capital", None)]),
        (["amounts"], [("transfer", "amounts", None)]),
        (["assignment_summary too long"], [("transfer", "summary", None)]),
        (["rental.contract_type"], [("rental", "contract_type", None)]),
        (["'country' unknown", "email: bad"],
         [("payer", "country", None), ("payer", "email", None)]),
        (["A country of that name and type"], []),
        (["", "capital_amounts"], []),
    ],
)  # fmt: skip
def test_fields_that_an_error_names(texts, expected):
    assert wire.find_fields(*texts) == expected


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.text(), max_size=4))
def test_errors_may_name_anything(texts):
    for group, attribute, _number in wire.find_fields(*texts):
        assert group in ("transfer", "amounts", "payer", "rental") and attribute


# -- any JSON at all -------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(max_size=40)
    | st.sampled_from(["paid", "2026-11-20", "a-1", "sent", "ACTIVE", "12.5", "NaN"])
)
keys = st.sampled_from(
    """id assignment_id event_id status collection_status events assignments data items
    invoice_id reference_ids amounts capital_amount open_amount type sum_paid credit_sum
    booked_at date created_at text message comment url error_reason collectable_amount
    number reference date_due sum_tax currency recipient bid name company scopes
    client_id company_state access_token expires_in scope activation_url code details
    error error_description event""".split()
) | st.text(max_size=5)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner),
    max_leaves=25,
)
READERS = (
    wire.read_service,
    wire.read_invoice,
    wire.read_event,
    wire.read_assignment,
    wire.read_token,
    lambda data: wire.read_transfer_status(
        data, invoice_id="i", receivables_url="https://r.example"
    ),
    lambda data: wire.read_page(data, {}, 1, wire.read_assignment),
    lambda data: wire.read_page(data, {}, 1, wire.read_event),
)


@settings(max_examples=examples(200), deadline=None)
@given(json_values | st.dictionaries(keys, json_values))
def test_readers_take_anything(data):
    for reader in READERS:
        try:
            _check_storable(reader(data))
        except wire.WireError:
            pass
    _check_storable(wire.read_identity(data, data, "uuid"))
    _check_storable(wire.read_error(data))
    _check_storable(wire.read_event_id(data))


def _check_storable(value):
    """Whatever was read fits PostgreSQL's text and a numeric column."""
    if isinstance(value, str):
        value.encode()
        assert "\0" not in value
    elif isinstance(value, Decimal):
        assert value.is_finite()
        assert abs(value) < 10**16
    elif isinstance(value, tuple):
        for item in value:
            _check_storable(item)
    elif hasattr(value, "__dataclass_fields__"):
        hash(value)
        repr(value)
        for name in value.__dataclass_fields__:
            _check_storable(getattr(value, name))


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_bodies_may_hold_anything(body):
    try:
        wire.parse(body)
    except wire.WireError:
        pass


@settings(max_examples=examples(100), deadline=None)
@given(st.text(), st.lists(st.text(min_size=4, max_size=10), max_size=3))
def test_texts_may_hold_anything(text, secrets):
    cleaned = clean_text(text, 50, secrets)
    cleaned.encode()
    assert len(cleaned) <= 50
    assert cleaned.isprintable() or not text.isprintable()


# -- there and back --------------------------------------------------------------------

words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Z")), min_size=2
).map(lambda text: text[:64])
money = st.decimals(min_value=0, max_value=10**9, places=2)
payers = st.builds(
    payer,
    kind=st.sampled_from(["company", "person"]),
    name=words,
    street=words,
    zip=words,
    city=words,
    country=st.sampled_from(["FI", "SE", "NO", "AX"]),
    email=st.sampled_from(["", "a@b.fi"]),
    language=st.sampled_from(["", *wire.LANGUAGES]),
    main=st.just(False),
)
transfers = st.builds(
    transfer,
    collection_type=st.sampled_from(wire.COLLECTION_TYPES),
    receivables_type=st.sampled_from(["b2b", "b2c"]),
    summary=words,
    payers=st.tuples(payers, st.builds(payer, name=words), payers),
    capital=money.filter(bool),
    reminder=money,
    interest=money,
    interest_date=st.none() | st.dates(),
)


def _as_received(body):
    return json.loads(json.dumps(body), parse_float=Decimal, parse_int=Decimal)


@settings(max_examples=examples(100), deadline=None)
@given(transfers)
def test_what_is_built_is_understood(transfer):
    received = _as_received(wire.build_transfer(transfer))
    amounts = _check_transfer(received, FINLAND)
    assert amounts == {
        "capital": transfer.capital,
        "reminder": transfer.reminder,
        "interest": transfer.interest,
    }
    names = [payer["name"] for payer in received["payers"]]
    assert names == [transfer.payers[i].name for i in (1, 0, 2)]


@settings(max_examples=examples(100), deadline=None)
@given(
    money.filter(bool),
    st.sampled_from(["paid", "credit_note"]),
    st.dates(date(1900, 1, 1), date(2199, 12, 31)),
)
def test_a_report_comes_back_as_it_went(amount, kind, day):
    body = wire.build_event(kind, amount, day)
    event = wire.read_event(wire.parse(json.dumps({"id": "e", **body}).encode()))
    assert (event.kind, event.amount, event.date) == (kind, amount, day)


@settings(max_examples=examples(200), deadline=None)
@given(json_values)
def test_the_sandbox_takes_anything(data):
    try:
        _check_transfer(data, FINLAND)
    except Refusal:
        pass
    else:
        raise AssertionError("accepted nonsense")
