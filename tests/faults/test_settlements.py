"""Two people book the same money of Ropo's; one is cut off in the middle."""

import time


def paid_to_ropo(house, amount):
    """An invoice of 100 whose debtor has paid so much to Ropo."""
    [invoice] = house.at_ropo(100)
    house.sandbox.debtor_pays(house.remote_id(invoice), amount)
    house.office.run("refresh", move_id=invoice)
    house.office.scheduled("poll")
    return invoice


def residual(house, invoice):
    [[amount]] = house.database.query(
        "SELECT amount_residual FROM account_move WHERE id = %s", (invoice,)
    )
    return float(amount)


def refused(answer):
    return "UserError" in answer.get("error", "") and "Ropo told of" in answer["error"]


def test_two_people_book_at_the_same_time(house, worker, other):
    invoice = paid_to_ropo(house, 60)
    one, two = house.office.run("settlements", move_id=invoice, amounts=[60, 60])
    place = ["ropo.settlement", "_check_paid_to_ropo"]
    worker.start("book_settlement", settlement_id=one, pause=place)
    worker.paused()
    # Waits for the case, and looks again at what has come for it.
    other.start("book_settlement", settlement_id=two)
    time.sleep(1)
    worker.go_on()
    assert worker.result() == "booked"
    assert refused(other.end())
    assert residual(house, invoice) == 40


def test_one_who_began_earlier_sees_what_was_booked_meanwhile(house, worker, other):
    invoice = paid_to_ropo(house, 60)
    one, two = house.office.run("settlements", move_id=invoice, amounts=[60, 60])
    other.start("book_settlement", settlement_id=two, snapshot=True)
    other.paused()
    worker.run("book_settlement", settlement_id=one)
    other.go_on()
    assert refused(other.end())
    assert residual(house, invoice) == 40


def test_one_settlement_booked_twice_at_once(house, worker, other):
    invoice = paid_to_ropo(house, 60)
    [one] = house.office.run("settlements", move_id=invoice, amounts=[30])
    other.start("book_settlement", settlement_id=one, snapshot=True)
    other.paused()
    worker.run("book_settlement", settlement_id=one)
    other.go_on()
    assert "booked already" in other.end()["error"]
    assert residual(house, invoice) == 70


def test_cut_off_in_the_middle_nothing_is_booked(house, worker):
    invoice = paid_to_ropo(house, 60)
    [one] = house.office.run("settlements", move_id=invoice, amounts=[60])
    worker.start(
        "book_settlement", settlement_id=one, pause=["ropo.settlement", "_after_change"]
    )
    worker.paused()
    worker.kill()
    assert residual(house, invoice) == 100
    assert house.office.run("book_settlement", settlement_id=one) == "booked"
    house.office.scheduled("report")
    assert residual(house, invoice) == 40
    assert house.told(invoice) == {}
