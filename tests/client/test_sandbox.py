"""Each rule of the contract: the sandbox refuses what breaks it."""

import io
import json
import urllib.error
import urllib.request
from datetime import timedelta
from decimal import Decimal

import pytest
import requests
from maventa import wire
from maventa.client import Client
from maventa.errors import Rejected
from maventa.sandbox import Faults, MemoryStore, Sandbox, SandboxAdapter, serve

from .conftest import COMPANY, NOW, TODAY, USER_KEY, VENDOR_KEY, payer, person, transfer


class Caller:
    """Speaks to a sandbox without the client, so that it can break every rule."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        form = wire.build_token(COMPANY, USER_KEY, VENDOR_KEY, erp_version="19.0")
        status, _headers, body = self.send("POST", wire.TOKEN, data=form, token=None)
        assert status == 200
        self.token = json.loads(body)["access_token"]

    def send(self, method, path, *, token="", **kwargs):
        request = requests.Request(
            method, "https://sandbox.example" + path, **kwargs
        ).prepare()
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token or self.token}"
        body = request.body or b""
        return self.sandbox.handle(
            request.method,
            request.url,
            request.headers,
            body.encode() if isinstance(body, str) else body,
        )

    def status(self, *args, **kwargs):
        return self.send(*args, **kwargs)[0]

    def refusal(self, *args, **kwargs):
        status, _headers, body = self.send(*args, **kwargs)
        assert 400 <= status < 500, body
        data = json.loads(body)
        assert set(data) == {"code", "message", "details"}
        return status, data["code"]


@pytest.fixture
def sandbox():
    sandbox = Sandbox(clock=lambda: NOW)
    sandbox.add_company(COMPANY, USER_KEY, VENDOR_KEY, name="Oy")
    sandbox.sign_agreement(COMPANY)
    return sandbox


@pytest.fixture
def call(sandbox):
    return Caller(sandbox)


def add_invoice(sandbox, number="1", days=30, **kwargs):
    values = {"date": "2026-09-01", "total": 100, **kwargs}
    due = TODAY - timedelta(days=days)
    return sandbox.add_invoice(COMPANY, number=number, date_due=due, **values)


def changed(body, path, value):
    """Return a copy of a body with one place changed, or gone."""
    body = json.loads(json.dumps(body))
    *parents, last = path
    place = body
    for step in parents:
        place = place[step]
    if value is GONE:
        del place[last]
    else:
        place[last] = value
    return body


GONE = object()
BODY = wire.build_transfer(
    transfer(payers=(payer(), payer(name="Second Oy", main=False)))
)
RENTAL = wire.build_transfer(
    transfer(
        receivables_type="b2c_rental",
        payers=(person(ssn="131052-308T"),),
        rental=wire.Rental(address="Katu 1"),
    )
)


def hand_over(call, invoice_id, body=BODY):
    return call.send("POST", wire.path(wire.TRANSFER, id=invoice_id), json=body)[0]


@pytest.mark.parametrize("body", [BODY, RENTAL])
def test_a_good_hand_over(sandbox, call, body):
    assert hand_over(call, add_invoice(sandbox), body) == 202


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["extra"], 1),
        (["collection_type"], "reminder"),
        (["collection_type"], GONE),
        (["receivables_type"], "B2B"),
        (["receivables_type"], GONE),
        (["assignment_summary"], "x"),
        (["assignment_summary"], "x" * 65),
        (["assignment_summary"], 12),
        (["assignment_summary"], GONE),
        (["payers"], []),
        (["payers"], {}),
        (["payers"], GONE),
        (["payers", 0], "Velallinen"),
        (["payers", 0, "extra"], 1),
        (["payers", 0, "type"], "firm"),
        (["payers", 0, "name"], ""),
        (["payers", 0, "name"], GONE),
        (["payers", 0, "street_address"], " "),
        (["payers", 0, "street_address"], GONE),
        (["payers", 0, "post_code"], GONE),
        (["payers", 0, "post_code"], 100),
        (["payers", 0, "city"], GONE),
        (["payers", 0, "country"], "Finland"),
        (["payers", 0, "country"], "fi"),
        (["payers", 0, "country"], GONE),
        (["payers", 0, "language"], "no"),
        (["payers", 0, "email"], None),
        (["payers", 0, "main"], "true"),
        (["payers", 0, "main"], False),
        (["payers", 0, "main"], GONE),
        (["payers", 1, "main"], True),
        (["payers", 0, "bid"], GONE),
        (["payers", 0, "ssn"], "131052-308T"),
        (["amounts"], GONE),
        (["amounts"], 100),
        (["amounts", "extra"], 1),
        (["amounts", "capital_amount"], GONE),
        (["amounts", "reminder_amount"], GONE),
        (["amounts", "interest_amount"], GONE),
        (["amounts", "capital_amount"], 0),
        (["amounts", "capital_amount"], -1),
        (["amounts", "capital_amount"], "100"),
        (["amounts", "capital_amount"], True),
        (["amounts", "capital_amount"], 100.001),
        (["amounts", "capital_amount"], float("nan")),
        (["amounts", "reminder_amount"], -1),
        (["amounts", "interest_amount"], None),
        (["amounts", "interest_calculation_date"], "20.11.2026"),
        (["amounts", "interest_calculation_date"], "2026-02-30"),
        (["industry_specific_options"], {"rental": {"address": "Katu 1"}}),
    ],
)
def test_a_bad_hand_over(sandbox, call, path, value):
    invoice_id = add_invoice(sandbox)
    body = json.dumps(changed(BODY, path, value))
    headers = {"Content-Type": "application/json"}
    where = wire.path(wire.TRANSFER, id=invoice_id)
    assert call.refusal("POST", where, data=body, headers=headers) == (
        400,
        "invalid_parameters",
    )
    assert sandbox.case(invoice_id) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["industry_specific_options"], GONE),
        (["industry_specific_options"], {}),
        (["industry_specific_options", "rental", "address"], GONE),
        (["industry_specific_options", "rental", "extra"], 1),
        (["industry_specific_options", "rental", "contract_type"], "yearly"),
        (["industry_specific_options", "rental", "contract_type"], "temporary"),
        (
            ["industry_specific_options", "rental", "contract_expiry_date"],
            "2027-01-01",
        ),
        (["industry_specific_options", "rental", "current_target_amount"], "1"),
        (["payers", 0, "ssn"], GONE),
    ],
)
def test_a_bad_rental_hand_over(sandbox, call, path, value):
    body = changed(RENTAL, path, value)
    assert hand_over(call, add_invoice(sandbox), body) == 400


def test_rental_only_in_finland(sandbox, call):
    sandbox.add_company(COMPANY, USER_KEY, VENDOR_KEY, country="SE")
    invoice_id = add_invoice(sandbox, currency="SEK")
    assert hand_over(call, invoice_id, RENTAL) == 400
    assert hand_over(call, invoice_id) == 202


def test_a_person_needs_no_business_id(sandbox, call):
    body = wire.build_transfer(
        transfer(receivables_type="b2c", payers=(person(country="AX"),))
    )
    assert hand_over(call, add_invoice(sandbox), body) == 202
    # A sole trader is a person, too.
    body = wire.build_transfer(transfer(payers=(person(),)))
    assert hand_over(call, add_invoice(sandbox, "2"), body) == 202


@pytest.mark.parametrize(
    ("country", "currency", "status"),
    [
        ("FI", "EUR", 202),
        ("SE", "SEK", 202),
        ("NO", "NOK", 202),
        ("FI", "SEK", 400),
        ("SE", "EUR", 400),
        ("NO", "EUR", 400),
    ],
)
def test_one_currency_a_country(sandbox, call, country, currency, status):
    sandbox.add_company(COMPANY, USER_KEY, VENDOR_KEY, country=country)
    invoice_id = add_invoice(sandbox, currency=currency)
    assert hand_over(call, invoice_id) == status


@pytest.mark.parametrize(
    ("kind", "days", "status"),
    [
        ("b2b", 6, 400),
        ("b2b", 7, 202),
        ("b2c", 13, 400),
        ("b2c", 14, 202),
        ("b2b_rental", 7, 202),
        ("b2c_rental", 13, 400),
        ("b2c_rental", 14, 202),
    ],
)
def test_days_after_the_due_date(sandbox, call, kind, days, status):
    base = RENTAL if kind.endswith("rental") else BODY
    body = {**base, "receivables_type": kind}
    invoice_id = add_invoice(sandbox, days=days)
    assert hand_over(call, invoice_id, body) == status
    if status == 400:
        sandbox.transfers_before_due_ok = True
        assert hand_over(call, invoice_id, body) == 202


@pytest.mark.parametrize(
    ("country", "currency", "hour_utc", "status"),
    [
        # Midnight comes to Helsinki at 22 UTC in winter, to Oslo an hour later.
        ("FI", "EUR", 21, 400),
        ("FI", "EUR", 22, 202),
        ("NO", "NOK", 22, 400),
        ("NO", "NOK", 23, 202),
        ("SE", "SEK", 22, 400),
        ("SE", "SEK", 23, 202),
    ],
)
def test_days_count_in_the_companys_time_zone(country, currency, hour_utc, status):
    sandbox = Sandbox(clock=lambda: NOW.replace(hour=hour_utc, minute=30))
    sandbox.add_company(COMPANY, USER_KEY, VENDOR_KEY, country=country)
    sandbox.sign_agreement(COMPANY)
    # Seven days after the due date is tomorrow, by UTC.
    invoice_id = add_invoice(sandbox, days=6, currency=currency)
    assert hand_over(Caller(sandbox), invoice_id) == status


@pytest.mark.parametrize("status", ["FAILED", "PENDING"])
def test_an_invoice_that_was_not_delivered(sandbox, call, status):
    invoice_id = add_invoice(sandbox)
    sandbox.set_invoice_status(invoice_id, status)
    assert hand_over(call, invoice_id) == 400


def test_handed_over_twice(sandbox, call):
    invoice_id = add_invoice(sandbox)
    where = wire.path(wire.TRANSFER, id=invoice_id)
    assert hand_over(call, invoice_id) == 202
    assert call.refusal("POST", where, json=BODY) == (409, "conflict")
    sandbox.next_step(invoice_id)
    assert call.refusal("POST", where, json=BODY) == (409, "conflict")
    assert sandbox.case(invoice_id)["requests"] == 1


@pytest.mark.parametrize("state", [None, "PENDING", "REJECTED", "DISABLED"])
def test_a_service_that_is_not_active(sandbox, call, state):
    with sandbox.transaction() as data:
        data["companies"][COMPANY]["service"] = state and {"status": state}
    where = wire.path(wire.TRANSFER, id=add_invoice(sandbox))
    assert call.refusal("POST", where, json=BODY) == (403, "forbidden")


def test_an_invoice_of_somebody_else(sandbox, call):
    sandbox.add_company("other", "x", "y")
    invoice_id = sandbox.add_invoice(
        "other", number="1", date="2026-01-01", date_due="2026-01-15", total=1
    )
    for method, template in (
        ("GET", wire.INVOICE),
        ("GET", wire.TRANSFER_STATUS),
        ("POST", wire.TRANSFER),
    ):
        where = wire.path(template, id=invoice_id)
        assert call.refusal(method, where, json=BODY) == (404, "not_found")
    assert call.refusal("GET", wire.path(wire.INVOICE, id="x"))[0] == 404


# -- events ----------------------------------------------------------------------------


@pytest.fixture
def case(sandbox, call):
    invoice_id = add_invoice(sandbox)
    hand_over(call, invoice_id)
    sandbox.next_step(invoice_id)
    return sandbox.case(invoice_id)["assignment_id"]


def report(call, case, **kwargs):
    body = {"type": "paid", "sum_paid": 10, "booked_at": "2026-11-20", **kwargs}
    body = {name: value for name, value in body.items() if value is not GONE}
    return call.send("POST", wire.path(wire.EVENTS, id=case), json=body)[0]


def test_the_same_report_twice_is_two(sandbox, call, case):
    assert report(call, case) == 201
    assert report(call, case) == 201
    assert sandbox.case(case)["told_paid"] == 20


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"type": "comment"}, 400),
        ({"type": GONE}, 400),
        ({"extra": 1}, 400),
        ({"sum_paid": GONE}, 400),
        ({"sum_paid": 0}, 400),
        ({"sum_paid": -1}, 400),
        ({"sum_paid": "10"}, 400),
        ({"sum_paid": 1.001}, 400),
        ({"credit_sum": 1}, 400),
        ({"booked_at": GONE}, 400),
        ({"booked_at": "20.11.2026"}, 400),
        ({"booked_at": "2026-11-20T00:00:00Z"}, 400),
        ({"booked_at": "2026-11-21"}, 422),
        ({"sum_paid": 100.01}, 422),
        ({"sum_paid": 100}, 201),
        ({"type": "credit_note", "sum_paid": GONE, "credit_sum": 100}, 201),
        ({"type": "credit_note"}, 400),
    ],
)
def test_reports(sandbox, call, case, change, status):
    assert report(call, case, **change) == status
    told = sandbox.case(case)["told_paid"] + sandbox.case(case)["told_credited"]
    assert told == (100 if status == 201 else 0)


def test_not_above_what_is_open(sandbox, call, case):
    sandbox.debtor_pays(case, 40)
    sandbox.connect_credit_note(case, 20)
    assert report(call, case, sum_paid=40.01) == 422
    assert report(call, case, sum_paid=40) == 201


def test_a_closed_case_takes_nothing(sandbox, call, case):
    sandbox.close(case, "Given up")
    assert report(call, case) == 422
    assert sandbox.case(case)["events"][-1]["text"] == "Given up"


def test_reports_to_nobody(sandbox, call, case):
    assert report(call, "unknown") == 404
    # The invoice's own id is not the id of the case.
    assert report(call, sandbox.case(case)["invoice_id"]) == 404


def test_a_case_closes_when_nothing_is_left(sandbox, call, case):
    assert report(call, case, sum_paid=100) == 201
    assert sandbox.case(case)["closed"]


def test_charges_keep_a_paid_case_open(sandbox, call, case):
    sandbox.stage(case, "debt_collection")
    report(call, case, sum_paid=100)
    assert not sandbox.case(case)["closed"]
    assert sandbox.case(case)["partial"]


def test_crediting_in_full_cancels(sandbox, call, case):
    sandbox.stage(case, "debt_collection")
    report(call, case, type="credit_note", sum_paid=GONE, credit_sum=100)
    assert sandbox.case(case)["closed"]


def test_ropo_takes_a_report_back(sandbox, call, case):
    report(call, case, sum_paid=100)
    sandbox.correct(case, "paid", 100)
    snapshot = sandbox.case(case)
    assert (snapshot["told_paid"], snapshot["open_amount"]) == (0, 100)
    assert report(call, case, sum_paid=100) == 201


def test_ropos_part(sandbox, call, case):
    sandbox.remind(case)
    sandbox.stage(case, "bailiff")
    sandbox.comment(case, "Where does he live?")
    sandbox.event(case, "something_new", "Text", amount="1.50", date="2026-11-01")
    with Client(_demo(), adapter=SandboxAdapter(sandbox)) as client:
        found = client.assignment(case)
    assert (found.stage, found.stage_raw) == ("other", "bailiff")
    assert [(event.kind, event.amount) for event in found.events] == [
        ("reminder", None),
        ("status", None),
        ("comment", None),
        ("other", Decimal("1.5")),
    ]
    with pytest.raises(KeyError):
        sandbox.comment("nothing", "x")


def _demo():
    from maventa.client import Account

    return Account("demo", COMPANY, USER_KEY, VENDOR_KEY)


# -- token, service, lists, upload -----------------------------------------------------


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"grant_type": "password"}, 400),
        ({"extra": "1"}, 400),
        ({"client_id": "other"}, 401),
        ({"client_secret": "other"}, 401),
        ({"vendor_api_key": "other"}, 401),
        ({"license_data": "nothing"}, 400),
        ({"license_data": "[]"}, 400),
        ({"license_data": '{"extra": 1}'}, 400),
        ({"license_data": '{"key": "k", "meta": {}}'}, 200),
    ],
)
def test_tokens(call, change, status):
    form = wire.build_token(COMPANY, USER_KEY, VENDOR_KEY, erp_version="")
    assert call.status("POST", wire.TOKEN, data={**form, **change}) == status


def test_a_token_is_a_form(call):
    form = wire.build_token(COMPANY, USER_KEY, VENDOR_KEY, erp_version="")
    assert call.status("POST", wire.TOKEN, json=form) == 400


def test_tokens_end(sandbox, call):
    assert call.status("GET", wire.SERVICE) == 200
    sandbox.move_clock(seconds=3599)
    assert call.status("GET", wire.SERVICE) == 200
    sandbox.move_clock(seconds=1)
    assert call.refusal("GET", wire.SERVICE) == (401, "unauthorized")
    assert call.status("GET", wire.SERVICE, token="made-up") == 401
    assert call.status("GET", wire.SERVICE, token=None) == 401
    Caller(sandbox)  # whoever comes next sweeps
    with sandbox.transaction() as state:
        assert len(state["tokens"]) == 1


@pytest.mark.parametrize(
    ("scopes", "method", "path"),
    [
        ("invoice:send", "GET", wire.SERVICE),
        ("company:read", "PUT", wire.SERVICE),
        ("company", "GET", wire.INVOICES),
        ("company", "GET", wire.ASSIGNMENTS),
    ],
)
def test_rights(sandbox, scopes, method, path):
    form = wire.build_token(COMPANY, USER_KEY, VENDOR_KEY, erp_version="")
    caller = Caller(sandbox)
    _status, _headers, body = caller.send(
        "POST", wire.TOKEN, data={**form, "scope": scopes}
    )
    token = json.loads(body)["access_token"]
    assert caller.refusal(method, path, token=token) == (403, "forbidden")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"agreement_contact_email": "nobody"},
        {"agreement_contact_email": None},
        {"agreement_contact_email": "a@b.fi", "extra": 1},
    ],
)
def test_activation(call, body):
    assert call.status("PUT", wire.SERVICE, json=body) == 400


@pytest.mark.parametrize(
    "query",
    ["?page=0", "?per_page=101", "?per_page=x", "?unknown=1", "?page=1&page=2"],
)
def test_list_queries(call, query):
    assert call.status("GET", wire.ASSIGNMENTS + query) == 400
    assert call.status("GET", wire.INVOICES + query) == 400


def test_received_invoices_are_the_default(sandbox, call):
    add_invoice(sandbox, "1")
    _status, _headers, body = call.send("GET", wire.INVOICES + "?number=1")
    assert body == b"[]"


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"format": "PDF"}, "x.xml"),
        ({"uuid": "not-one"}, "x.xml"),
        ({"prevent_routing": "yes"}, "x.xml"),
        ({"extra": "1"}, "x.xml"),
        ({}, ""),
    ],
)
def test_uploads(call, fields, name):
    uuid = "5b8a1d8e-93b4-4f16-9d2c-6f6a1c8c2a55"
    data = {**wire.build_upload(uuid), **fields}
    files = {"file": (name, io.BytesIO(b"<x/>"))}
    assert call.status("POST", wire.INVOICES, data=data, files=files) == 400
    assert call.status("POST", wire.INVOICES, json={}) == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/v1/unknown"), ("PATCH", wire.SERVICE)],
)
def test_what_is_not_there(call, method, path):
    assert call.refusal(method, path) == (404, "not_found")


def test_a_country_without_ropo(sandbox):
    with pytest.raises(ValueError):
        sandbox.add_company("x", country="DE")


# -- store, options, server ------------------------------------------------------------


def test_everything_is_in_the_store(sandbox, call, case):
    """A second sandbox on the same state, as in another process, goes on."""
    store = MemoryStore()
    with sandbox.transaction() as state, store.transaction() as copy:
        copy.update(json.loads(json.dumps(state)))
    other = Sandbox(store, clock=lambda: NOW)
    assert other.case(case) == sandbox.case(case)
    call.sandbox = other
    assert report(call, case) == 201
    other.per_page_cap = 3
    assert Sandbox(store).per_page_cap == 3
    assert sandbox.per_page_cap == 0


def test_an_invoice_is_known_by_its_number(sandbox):
    first = add_invoice(sandbox, "A", total=1)
    assert add_invoice(sandbox, "A", total=2) == first
    assert add_invoice(sandbox, "B") != first


def test_steps_for_other_processes(sandbox):
    faults = Faults()
    with serve(sandbox, faults=faults, control=True) as server:

        def control(name, **arguments):
            request = urllib.request.Request(
                f"{server.url}/_sandbox/{name}", json.dumps(arguments).encode()
            )
            with urllib.request.urlopen(request) as answer:
                return json.loads(answer.read())["result"]

        invoice_id = control(
            "add_invoice",
            company_uuid=COMPANY,
            number="1",
            date="2026-09-01",
            date_due="2026-09-15",
            total=100,
        )
        assert control("case", case=invoice_id) is None
        control("set_option", per_page_cap=3)
        assert sandbox.per_page_cap == 3
        assert control("cases") == []
        assert control("requests") == []
        control("faults_next", method="GET", path_part="/", fault="status:503")
        assert faults("GET", "/x", 1) == "status:503"
        for name in ("handle", "__class__", "transaction", "unknown", "faults_x"):
            with pytest.raises(urllib.error.HTTPError):
                control(name)
    with serve(sandbox) as server:
        request = urllib.request.Request(f"{server.url}/_sandbox/cases", b"{}")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(request)


def test_faults():
    faults = Faults()
    assert faults("GET", "/x", 1) is None
    faults.next("POST", "/events", "cut_after", times=2)
    faults.next("*", "/", "status:503")
    assert faults("POST", "/v1/assignments/1/events", 1) == "cut_after"
    assert faults("GET", "/x", 1) == "status:503"
    assert faults("GET", "/x", 1) is None
    assert faults("POST", "/events", 1) == "cut_after"
    assert faults("POST", "/events", 1) is None
    faults.random(seed=1, rate=0.5)
    first = [faults("GET", "/", number) for number in range(50)]
    faults.random(seed=1, rate=0.5)
    assert [faults("GET", "/", number) for number in range(50)] == first
    assert set(first) - {None} <= set(Faults.NAMES)
    assert 10 < first.count(None) < 40
    faults.clear()
    assert faults("GET", "/", 1) is None


def test_two_hand_overs_in_a_row_through_the_client(world, client):
    invoice_id, _case_id = world.add_case(client)
    with pytest.raises(Rejected) as caught:
        client.transfer(invoice_id, transfer())
    assert caught.value.reason == "conflict"
