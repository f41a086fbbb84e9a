"""Uploads by processes that are killed or race: one invoice there, one hand-over."""

import pytest

from .house import House
from .test_processes import run_until_quiet

UPLOAD = "/v1/invoices"


@pytest.fixture(scope="module")
def house():
    with House() as house:
        house.office.run("complete_company")
        yield house


def printed_invoice(house, amount=100):
    """An invoice that Maventa does not have, queued to be uploaded: id and number."""
    [made] = house.office.run("invoices", partner_id=house.customer, amounts=[amount])
    house.office.run("transfer", move_ids=[made["id"]], upload=True)
    return made["id"], made["number"]


def there(house, number):
    """The ids of what Maventa has under a number."""
    with house.sandbox.transaction() as state:
        return [
            invoice["id"]
            for invoice in state["invoices"].values()
            if invoice["number"] == number
        ]


def stored_uuid(house, invoice):
    [[own_id]] = house.database.query(
        "SELECT maventa_upload_uuid FROM account_move WHERE id = %s", (invoice,)
    )
    return own_id


def assert_once(house, invoice, number):
    """One invoice there, under our own id; handed over once."""
    run_until_quiet(house, "transfer", "poll", rounds=5)
    assert house.states([invoice]) == {"sent": 1}
    assert there(house, number) == [stored_uuid(house, invoice)]
    assert house.remote_id(invoice) == stored_uuid(house, invoice)
    assert house.handed_over(invoice) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_killed_while_the_upload_is_under_way(house, worker, arrived):
    invoice, number = printed_invoice(house)
    held = house.sandbox.hold("POST", UPLOAD, after=arrived)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    # The id was committed before the call.
    own_id = stored_uuid(house, invoice)
    assert own_id
    worker.kill()
    held.release()
    assert there(house, number) == ([own_id] if arrived else [])
    # Nobody takes it up while the call could still be under way.
    house.office.scheduled("transfer")
    assert house.states([invoice]) == {"queued": 1}
    assert_once(house, invoice, number)
    assert stored_uuid(house, invoice) == own_id


@pytest.mark.parametrize("method", ["_accounts_follow", "_settle_upload"])
def test_killed_between_the_answer_and_the_commit(house, worker, method):
    invoice, number = printed_invoice(house)
    before = house.sandbox.count("POST", UPLOAD)
    model = "ropo.assignment" if method == "_settle_upload" else "ropo.worker"
    worker.start("scheduled", names=["transfer"], pause=[model, method], retrying=False)
    worker.paused()
    while not house.sandbox.count("POST", UPLOAD) > before:
        # The look-up passes the same place.
        worker.go_on()
        worker.paused()
    worker.kill()
    assert len(there(house, number)) == 1
    assert_once(house, invoice, number)


def test_killed_after_the_upload_while_the_list_lags(house, worker):
    """What is there does not show yet: the same id again is refused, and adopted."""
    invoice, number = printed_invoice(house)
    held = house.sandbox.hold("POST", UPLOAD, after=True)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    worker.kill()
    held.release()
    with house.sandbox.transaction() as state:
        hidden = dict(state["numbers"])
        state["numbers"].clear()
    before = house.sandbox.count("POST", UPLOAD)
    house.hours_pass()
    house.office.scheduled("transfer")
    assert house.sandbox.count("POST", UPLOAD) == before + 1
    with house.sandbox.transaction() as state:
        state["numbers"].update(hidden)
    assert_once(house, invoice, number)


def test_two_processes_upload_the_same_queue(house, worker, other):
    printed = [printed_invoice(house, 100 + number) for number in range(6)]
    house.server.latency = 0.02
    try:
        for _round in range(3):
            for process in (worker, other):
                process.start("scheduled", names=["transfer", "poll"], retrying=False)
            for process in (worker, other):
                process.result()
            house.hours_pass()
    finally:
        house.server.latency = 0
    for invoice, number in printed:
        assert_once(house, invoice, number)


def test_somebody_cannot_wait_while_the_upload_is_under_way(house, worker):
    """A second attempt beside the first one stores nothing a second time."""
    invoice, number = printed_invoice(house)
    held = house.sandbox.hold("POST", UPLOAD, after=True)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    house.office.run("retry", move_ids=[invoice])
    house.office.scheduled("transfer")
    held.release()
    worker.result()
    assert_once(house, invoice, number)
