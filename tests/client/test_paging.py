"""Lists end, are complete, and bring every item once, whatever the server does."""

import copy
from decimal import Decimal

import pytest
from maventa import client as client_module
from maventa import wire
from maventa.errors import MaventaError, NotNow, Rejected

from .conftest import COMPANY, TODAY

COUNT = 7


@pytest.fixture
def ids(world, client):
    return [world.add_case(client, number=f"N{number}")[1] for number in range(COUNT)]


def listed(client):
    return [case.id for case in client.iter_assignments()]


@pytest.mark.parametrize("headers", [True, False])
@pytest.mark.parametrize("wrap", ["", "assignments", "data", "items"])
@pytest.mark.parametrize("cap", [0, 1, 3, 7])
def test_everything_once(world, client, ids, headers, wrap, cap):
    world.sandbox.page_headers = headers
    world.sandbox.wrap_lists = wrap
    world.sandbox.per_page_cap = cap
    before = len(world.server.requests)
    assert listed(client) == ids
    calls = len(world.server.requests) - before
    pages = -(-COUNT // (cap or COUNT))
    # Without headers only an empty page tells the end.
    assert calls == (pages if headers else pages + 1)


def test_a_server_that_ignores_the_page(world, client, ids):
    world.sandbox.ignore_page = True
    before = len(world.server.requests)
    assert listed(client) == ids
    assert len(world.server.requests) - before == 2
    world.sandbox.per_page_cap = 2
    assert listed(client) == ids[:2]


def test_pages_can_be_resumed(world, client, ids):
    world.sandbox.per_page_cap = 3
    first = client.assignments()
    assert ([case.id for case in first.items], first.next_page) == (ids[:3], 2)
    assert first.total == COUNT
    rest = list(client.iter_assignment_pages(start=first.next_page))
    assert [case.id for page in rest for case in page.items] == ids[3:]
    assert [page.next_page for page in rest] == [3, None]
    assert list(client.iter_assignment_pages(start=99)) == []


def test_a_list_that_shifts_while_it_is_read(world, client, ids):
    world.sandbox.per_page_cap = 3
    pages = client.iter_assignment_pages()
    seen = [case.id for case in next(pages).items]
    with world.sandbox.transaction() as state:
        order = state["order"][COMPANY]
        order.insert(0, order.pop())
    seen += [case.id for page in pages for case in page.items]
    # What was on the first page comes again on the second, and is left out.
    assert len(seen) == len(set(seen))
    assert set(ids[:-1]) <= set(seen)


def test_a_page_fails(world, client, ids):
    world.sandbox.per_page_cap = 3
    cases = client.iter_assignments()
    assert [next(cases).id for _ in range(3)] == ids[:3]
    world.faults.next("GET", wire.ASSIGNMENTS, "status:500")
    with pytest.raises(NotNow):
        next(cases)


def test_events_of_all_pages(world, client, ids):
    world.sandbox.per_page_cap = 2
    texts = [f"comment {number}" for number in range(5)]
    for text in texts:
        world.sandbox.comment(ids[0], text)
    for headers in (True, False):
        world.sandbox.page_headers = headers
        assert [event.text for event in client.events(ids[0])] == texts


def test_two_equal_events_are_two(world, client, ids):
    for _ in range(2):
        client.report_paid(ids[0], 10, TODAY)
    for cap in (0, 1):
        world.sandbox.per_page_cap = cap
        events = client.events(ids[0])
        assert [event.amount for event in events] == [10, 10]
        assert events[0].id != events[1].id


def test_a_list_that_lags(world, client):
    world.sandbox.list_lag_seconds = 60
    invoice_id, case_id = world.add_case(client)
    client.report_paid(case_id, 10, TODAY)
    assert client.find_assignment(invoice_id) is None
    assert client.events(case_id) == ()
    assert client.assignment(case_id).events == ()
    world.sandbox.move_clock(seconds=61)
    assert client.find_assignment(invoice_id).id == case_id
    assert len(client.events(case_id)) == 1


@pytest.mark.parametrize("refused", [False, True])
def test_finding_one_case(world, client, refused):
    world.sandbox.refuse_filters = refused
    found = [world.add_case(client, number=f"N{number}") for number in range(3)]
    for invoice_id, case_id in found:
        assert client.find_assignment(invoice_id).id == case_id
    assert client.find_assignment("another") is None


def test_a_filter_that_is_ignored(world, client, ids):
    """Every case is checked; a list that was not filtered does no harm."""
    handle = world.sandbox.handle

    def deaf(method, url, headers, body=b""):
        return handle(method, url.split(f"&{wire.FILTER_INVOICE}")[0], headers, body)

    world.sandbox.handle = deaf
    world.sandbox.per_page_cap = 2
    invoice_id = world.sandbox.case(ids[5])["invoice_id"]
    assert client.find_assignment(invoice_id).id == ids[5]
    assert client.find_assignment("another") is None


def test_more_candidates_than_make_sense(world, client, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_CANDIDATE_PAGES", 2)
    with world.sandbox.transaction() as state:
        invoices = []
        for number in range(250):
            invoice_id = world.add_invoice(f"N{number}")
            invoices.append(invoice_id)
        state["numbers"][f"{COMPANY}\nX"] = invoices[:200]
    assert len(client.find_invoices("X")) == 200
    with world.sandbox.transaction() as state:
        state["numbers"][f"{COMPANY}\nX"] = invoices
    with pytest.raises(Rejected) as caught:
        client.find_invoices("X")
    assert caught.value.reason == "too_many"


@pytest.mark.parametrize(
    ("headers", "page", "items", "next_page", "total"),
    [
        ({}, 1, 2, 2, None),
        ({}, 3, 0, None, None),
        ({"X-Total": "9"}, 1, 2, 2, 9),
        ({"X-Total-Pages": "3"}, 2, 2, 3, None),
        ({"X-Total-Pages": "3"}, 3, 2, None, None),
        ({"X-Total-Pages": "0"}, 1, 0, None, None),
        ({"X-Next-Page": "4"}, 3, 2, 4, None),
        ({"X-Next-Page": ""}, 3, 2, None, None),
        ({"X-Next-Page": "2"}, 3, 2, None, None),
        ({"X-Total-Pages": "many", "X-Total": "-1"}, 1, 2, 2, None),
        ({"X-Total-Pages": "9" * 5000}, 1, 2, 2, None),
        ({"X-Total": "²"}, 1, 1, 2, None),
    ],
)
def test_what_the_headers_say(headers, page, items, next_page, total):
    data = [{"id": str(number)} for number in range(items)]
    found = wire.read_page(data, headers, page, wire.read_assignment)
    assert (len(found.items), found.next_page, found.total) == (
        items,
        next_page,
        total,
    )


def test_no_endless_list(monkeypatch, world, client):
    """Even a server that makes up a new item for every page comes to an end."""
    monkeypatch.setattr(client_module, "MAX_PAGES", 5)
    numbers = iter(range(10**6))
    handle = world.sandbox.handle

    def endless(method, url, headers, body=b""):
        if url.endswith(wire.TOKEN):
            return handle(method, url, headers, body)
        return 200, {}, b'[{"id": "%d"}]' % next(numbers)

    world.sandbox.handle = endless
    with pytest.raises(MaventaError):
        list(client.iter_assignments())


CASE = {
    "id": "case",
    "invoice_id": "one",
    "reference_ids": ["two"],
    "collection_status": "reminder_sent",
    "status": "open",
    "capital_amount": Decimal("100.0"),
    "open_amount": Decimal("60.0"),
    "events": [
        {
            "id": "event",
            "type": "paid",
            "booked_at": "2026-11-20",
            "sum_paid": Decimal("40.0"),
            "text": "A sample",
        }
    ],
}


def test_amounts_apart_mark_a_case():
    amounts = {"capital": Decimal(100), "open_amount": Decimal(60)}
    one = wire.read_assignment({"id": "case", "amounts": amounts})
    amounts["interest that grows"] = Decimal("1.05")
    assert wire.read_assignment({"id": "case", "amounts": amounts}).mark == one.mark
    amounts["open_amount"] -= 1
    assert wire.read_assignment({"id": "case", "amounts": amounts}).mark != one.mark


@pytest.mark.parametrize("within", [CASE, CASE["events"][0]])
def test_whatever_is_read_marks_a_case(within):
    """And nothing else does: what is read of a case is what it is followed by."""
    before = wire.read_assignment(CASE)
    assert wire.read_listed(CASE).mark == before.mark
    for name in (*within, "a field nobody knows"):
        case = copy.deepcopy(CASE)
        for found in (case, case["events"][0]):
            if found.get("id") == within["id"]:
                # Another one of its kind, or the first.
                value = found.get(name, "")
                found[name] = value and (
                    value[:-1] if isinstance(value, list) else f"{value}9"[1:]
                )
                found["a field nobody knows"] = name
        after = wire.read_assignment(case)
        assert (after.mark == before.mark) == (after == before), name
        assert wire.read_listed(case).assignment() == after


def test_a_case_of_a_list_is_read_where_that_is_asked_for(world, client, ids):
    world.sandbox.remind(ids[1])
    [page] = client.iter_listed_pages()
    assert [listed.assignment() for listed in page.items] == list(
        client.iter_assignments()
    )
    again = next(client.iter_listed_pages())
    assert [case.mark for case in again.items] == [case.mark for case in page.items]
    world.sandbox.comment(ids[2], "A sample")
    changed = next(client.iter_listed_pages())
    differ = zip(page.items, changed.items, strict=True)
    assert [one.id for one, two in differ if one.mark != two.mark] == [ids[2]]


def test_a_case_that_can_not_be_read_spoils_no_list():
    page = wire.read_page([{**CASE, "events": ["none"]}, CASE], {}, 1, wire.read_listed)
    bad, good = page.items
    with pytest.raises(wire.WireError):
        bad.assignment()
    assert good.assignment().id == "case"
    assert "sample" not in repr(page)
