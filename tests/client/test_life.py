"""One case from the first connection to the end, over real HTTP and in process."""

from decimal import Decimal

import pytest
from maventa import wire
from maventa.client import Account, Client
from maventa.errors import AccountTrouble, Rejected
from maventa.sandbox import Sandbox, SandboxAdapter

from .conftest import COMPANY, NOW, TODAY, transfer

UBL = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
 xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
 xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
 <cbc:ID>INV/7</cbc:ID><cbc:IssueDate>2026-09-01</cbc:IssueDate>
 <cbc:DueDate>2026-09-15</cbc:DueDate>
 <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
 <cac:AccountingCustomerParty><cac:Party><cac:PartyLegalEntity>
  <cbc:RegistrationName>Ålands Bageri Ab</cbc:RegistrationName>
  <cbc:CompanyID>7654321-4</cbc:CompanyID>
 </cac:PartyLegalEntity></cac:Party></cac:AccountingCustomerParty>
 <cac:LegalMonetaryTotal>
  <cbc:TaxInclusiveAmount currencyID="EUR">124.00</cbc:TaxInclusiveAmount>
 </cac:LegalMonetaryTotal>
</Invoice>""".encode()
UUID = "5b8a1d8e-93b4-4f16-9d2c-6f6a1c8c2a55"


def test_identity(world, client):
    identity = client.identity()
    assert identity.company_uuid == COMPANY
    assert identity.company_name == "Oy Esimerkki Ab"
    assert identity.business_id == "1234567-1"
    assert identity.country == "FI"
    assert identity.company_state == "VERIFIED"
    assert "invoice:send" in identity.scopes


def test_identity_without_the_right_to_ask(world, client):
    world.sandbox.refuse_current = True
    identity = client.identity()
    assert identity.company_uuid == COMPANY
    assert identity.company_name == ""
    assert identity.company_state == "VERIFIED"


@pytest.mark.parametrize("fault", ["status:401", "status:404", "html:404"])
def test_identity_when_both_calls_are_refused(world, client, fault):
    world.faults.next("GET", wire.CURRENT, fault, times=2)
    world.faults.next("GET", wire.AUTHENTICATED, fault, times=2)
    assert client.identity() == wire.Identity(
        company_uuid=COMPANY, company_state="VERIFIED"
    )


def test_service(world, client):
    with world.sandbox.transaction() as state:
        state["companies"][COMPANY]["service"] = None
    assert client.service().state == "inactive"
    assert client.activate("pomo@example.fi").state == "pending"
    assert client.service() == wire.ServiceStatus("pending", "PENDING")
    world.sandbox.reject_agreement(COMPANY)
    assert client.service().state == "rejected"
    client.activate("pomo@example.fi")
    world.sandbox.sign_agreement(COMPANY)
    assert client.service().state == "active"
    client.close_service()
    assert client.service().state == "closed"


def test_activation_answered_with_nothing(world, client):
    world.faults.next("PUT", wire.SERVICE, "empty")
    assert client.activate("pomo@example.fi").state == "active"
    world.faults.next("PUT", wire.SERVICE, "empty")
    world.faults.next("GET", wire.SERVICE, "status:503")
    assert client.activate("pomo@example.fi").state == "unknown"


def test_closing_what_never_was(world, client):
    with world.sandbox.transaction() as state:
        state["companies"][COMPANY]["service"] = None
    client.close_service()


def test_find_invoices(world, client):
    invoice_id = world.add_invoice("INV/2026/00012", total="124.10")
    world.add_invoice("INV/2026/00013")
    (found,) = client.find_invoices("INV/2026/00012")
    assert found.id == invoice_id
    assert found.status == "DELIVERED"
    assert found.number == "INV/2026/00012"
    assert found.total == Decimal("124.10")
    assert found.currency == "EUR"
    assert client.find_invoices("INV/99") == []
    assert client.invoice(invoice_id) == found


def test_upload(world, client):
    invoice = client.upload_invoice(UBL, "INV_7.xml", UUID)
    assert (invoice.id, invoice.number, invoice.status) == (UUID, "INV/7", "DELIVERED")
    assert invoice.total == 124
    assert invoice.recipient_name == "Ålands Bageri Ab"
    # The same again is the same invoice.
    assert client.upload_invoice(UBL, "INV_7.xml", UUID) == invoice
    assert client.find_invoices("INV/7") == [invoice]


def test_upload_refused(world, client):
    with pytest.raises(Rejected) as caught:
        client.upload_invoice(b"<nothing", "INV_7.xml", UUID)
    assert caught.value.status == 400
    assert caught.value.message == "the file is not XML"
    assert caught.value.method == "POST"


def play(client, sandbox):
    """Hand over, pay in two ways, and close."""
    invoice_id = sandbox.add_invoice(
        COMPANY, number="A1", date="2026-09-01", date_due="2026-09-15", total=100
    )
    assert client.transfer_status(invoice_id) is None
    assert client.find_assignment(invoice_id) is None
    client.transfer(invoice_id, transfer())
    status = client.transfer_status(invoice_id)
    assert status.status == "sent"
    assert status.collectable_amount == 100
    case = client.assignment(status.assignment_id)
    assert case == client.find_assignment(invoice_id)
    assert (case.stage, case.status, case.events) == ("", "open", ())
    assert (case.capital, case.open_amount) == (100, 100)
    assert case.concerns(invoice_id.upper())

    paid = client.report_paid(case.id, Decimal("30.5"), TODAY)
    credited = client.report_credit_note(case.id, Decimal("9.50"), TODAY)
    assert sandbox.next_step(invoice_id) == "reminder"
    ropo = sandbox.debtor_pays(invoice_id, "20")
    events = client.events(case.id)
    assert [(e.id, e.kind, e.amount, e.date) for e in events if e.amount] == [
        (paid, "paid", Decimal("30.5"), TODAY),
        (credited, "credit_note", Decimal("9.5"), TODAY),
        (ropo, "paid", Decimal("20"), TODAY),
    ]
    assert [e.kind for e in events] == ["paid", "credit_note", "reminder", "paid"]
    (case,) = client.iter_assignments()
    assert (case.stage, case.open_amount, case.events) == ("reminder_sent", 40, events)
    assert sandbox.next_step(invoice_id) == "debt_collection"
    assert sandbox.next_step(invoice_id) == "paid"
    assert client.assignment(case.id).status == "partially_closed"
    assert sandbox.next_step(case.id) == "closed"
    assert client.assignment(case.id).status == "closed"
    assert sandbox.next_step(case.id) == "nothing"
    snapshot = sandbox.case(invoice_id)
    assert snapshot["told_paid"] == Decimal("30.5")
    assert snapshot["told_credited"] == Decimal("9.5")
    assert snapshot["paid_to_ropo"] == 60
    assert snapshot["open_amount"] == 0


def test_life_over_http(world, client):
    play(client, world.sandbox)
    assert world.server.connections == 1  # kept alive from call to call


@pytest.mark.parametrize("urls", [("", ""), ("http://localhost/x", "https://a.b")])
def test_life_in_process(urls):
    sandbox = Sandbox(clock=lambda: NOW)
    sandbox.add_company(COMPANY, open_door=True)
    sandbox.sign_agreement(COMPANY)
    account = Account("demo", COMPANY, "", "", *urls)
    with Client(account, adapter=SandboxAdapter(sandbox)) as client:
        assert client.identity().company_uuid == COMPANY
        assert client.upload_invoice(UBL, "x.xml", UUID).id == UUID
        play(client, sandbox)


def test_what_an_empty_server_says(client):
    assert list(client.iter_assignments()) == []
    assert client.assignments() == wire.Page((), None, 0)


def test_a_case_that_is_not_there(client):
    for call in (client.assignment, client.events):
        with pytest.raises(Rejected) as caught:
            call("nothing")
        assert caught.value.reason == "not_found"


def test_service_not_active(world, client):
    invoice_id, case_id = world.add_case(client)
    client.close_service()
    other = world.add_invoice("INV/2")
    with pytest.raises(AccountTrouble) as caught:
        client.transfer(other, transfer())
    assert caught.value.reason == "service_not_active"
    # Ropo goes on with what it has, and so do reports.
    client.report_paid(case_id, Decimal(10), TODAY)
    assert world.sandbox.case(invoice_id)["told_paid"] == 10


def test_forbidden_while_the_service_is_active(world, client):
    _invoice_id, case_id = world.add_case(client)
    world.faults.next("POST", "/events", "status:403")
    with pytest.raises(Rejected) as caught:
        client.report_paid(case_id, Decimal(10), TODAY)
    assert caught.value.reason == "forbidden"


def test_forbidden_on_account_calls(world, client):
    world.faults.next("GET", wire.ASSIGNMENTS, "status:403")
    with pytest.raises(AccountTrouble) as caught:
        client.assignments()
    assert caught.value.reason == "no_access"


def test_a_failed_hand_over(world, client):
    invoice_id = world.add_invoice()
    world.sandbox.processing_seconds = 60
    client.transfer(invoice_id, transfer())
    assert client.transfer_status(invoice_id).status == "pending"
    world.sandbox.wait(invoice_id, "Ropo is busy")
    status = client.transfer_status(invoice_id)
    assert (status.status, status.error_reason) == ("pending", "Ropo is busy")
    world.sandbox.fail(invoice_id, "Address unknown")
    status = client.transfer_status(invoice_id)
    assert (status.status, status.error_reason) == ("error", "Address unknown")
    client.transfer(invoice_id, transfer())
    world.sandbox.move_clock(seconds=61)
    assert client.transfer_status(invoice_id).status == "sent"
    assert world.sandbox.case(invoice_id)["requests"] == 2


def test_nothing_unfit_leaves_the_house(world, client):
    invoice_id = world.add_invoice()
    before = len(world.server.requests)
    for call in (
        lambda: client.transfer(invoice_id, transfer(summary="x")),
        lambda: client.transfer(invoice_id, transfer(capital=Decimal("1.005"))),
        lambda: client.transfer("", transfer()),
        lambda: client.transfer("..", transfer()),
        lambda: client.report_paid("case", Decimal(0), TODAY),
        lambda: client.report_paid("case", Decimal("NaN"), TODAY),
        lambda: client.report_paid("case", Decimal(1), "2026-11-20"),
        lambda: client.activate("nobody"),
        lambda: client.assignment(""),
    ):
        with pytest.raises(Rejected) as caught:
            call()
        assert caught.value.reason == "invalid"
        assert caught.value.status is None
    assert len(world.server.requests) == before


def test_an_id_cannot_change_the_path(world, client):
    with pytest.raises(Rejected):
        client.assignment("../../v2/services/ropo/receivables?x=1#")
    assert world.paths()[-1] == (
        "/v1/assignments/..%2F..%2Fv2%2Fservices%2Fropo%2Freceivables%3Fx%3D1%23"
    )
