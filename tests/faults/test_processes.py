"""Real Odoo processes on one database: killed, racing, and with people in between."""

import time

import pytest

#: A user who waits for Maventa waits until the test lets it answer, so any figure
#: below the patience shows it; this one leaves room for a busy machine.
AT_ONCE = 5.0


def run_until_quiet(house, *names, rounds=4):
    """Let the scheduler come again and again, hours apart."""
    for _round in range(rounds):
        house.hours_pass()
        house.office.scheduled(*names)


# --------------------------------------------------------------------------------------
# Killed
# --------------------------------------------------------------------------------------


def test_killed_after_maventa_accepted_the_transfer(house, worker):
    [invoice] = house.invoices(100)
    house.office.run("transfer", move_ids=[invoice])
    held = house.sandbox.hold("POST", "/assignment/ropo", after=True)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    worker.kill()
    held.release()
    assert house.states([invoice]) == {"sending": 1}
    # Nobody else takes it up while the call could still be under way.
    house.office.scheduled("transfer")
    assert house.states([invoice]) == {"sending": 1}
    house.hours_pass()
    house.office.scheduled("transfer")
    assert house.states([invoice]) == {"pending": 1}
    run_until_quiet(house, "transfer", "poll")
    assert house.states([invoice]) == {"sent": 1}
    assert house.handed_over(invoice) == 1


def test_killed_before_the_transfer_reached_maventa(house, worker):
    [invoice] = house.invoices(100)
    house.office.run("transfer", move_ids=[invoice])
    held = house.sandbox.hold("POST", "/assignment/ropo", after=False)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    worker.kill()
    held.release()
    house.hours_pass()
    house.office.scheduled("transfer")
    # One look is not enough: the list may lag.
    assert house.states([invoice]) == {"unknown": 1}
    assert house.handed_over(invoice) == 0
    house.office.scheduled("transfer")
    assert house.states([invoice]) == {"unknown": 1}
    run_until_quiet(house, "transfer", "poll")
    assert house.states([invoice]) == {"sent": 1}
    assert house.handed_over(invoice) == 1


def test_killed_with_transfers_leased_ahead(house, worker):
    invoices = house.invoices(*[100] * 20)
    house.office.run("transfer", move_ids=invoices)
    # All are found at Maventa before the first of them is handed over.
    held = house.sandbox.hold("POST", "/assignment/ropo", after=True)
    house.server.latency = 1
    try:
        worker.start("scheduled", names=["transfer"], retrying=False)
        held.wait()
        worker.kill()
    finally:
        house.server.latency = 0
        held.release()
    # Some calls were under way, and those that had not begun are never made.
    leased = house.states(invoices)["sending"]
    made = sum(house.handed_over(invoice) for invoice in invoices)
    assert made < leased, (made, leased)
    run_until_quiet(house, "transfer", "poll")
    assert house.states(invoices) == {"sent": 20}
    assert [house.handed_over(invoice) for invoice in invoices] == [1] * 20


@pytest.mark.parametrize("method", ["_accounts_follow", "_settle_transfer"])
def test_killed_between_the_answer_to_a_transfer_and_the_commit(house, worker, method):
    [invoice] = house.invoices(100)
    house.office.run("transfer", move_ids=[invoice])
    before = house.sandbox.count("POST", "/assignment/ropo")
    model = "ropo.assignment" if method == "_settle_transfer" else "ropo.worker"
    worker.start("scheduled", names=["transfer"], pause=[model, method], retrying=False)
    worker.paused()
    while not house.sandbox.count("POST", "/assignment/ropo") > before:
        # The look-up of the invoice passes the same place.
        worker.go_on()
        worker.paused()
    worker.kill()
    assert house.states([invoice]) == {"sending": 1}
    run_until_quiet(house, "transfer", "poll")
    assert house.states([invoice]) == {"sent": 1}
    assert house.handed_over(invoice) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_killed_while_a_report_is_under_way(house, worker, arrived):
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40)
    held = house.sandbox.hold("POST", "/events", after=arrived)
    worker.start("scheduled", names=["report"], retrying=False)
    held.wait()
    worker.kill()
    held.release()
    # Not before the call can't be under way any more.
    house.office.scheduled("report")
    assert house.told(invoice) == ({"paid": [40.0]} if arrived else {})
    run_until_quiet(house, "report", "poll")
    assert house.told(invoice) == {"paid": [40.0]}


def test_killed_between_the_answer_to_a_report_and_the_commit(house, worker):
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40, times=2)
    worker.start(
        "scheduled",
        names=["report"],
        pause=["ropo.assignment", "_settle_report"],
        retrying=False,
    )
    worker.paused()
    worker.kill()
    assert house.told(invoice) == {"paid": [40.0]}
    run_until_quiet(house, "report", "poll", rounds=5)
    # Two equal payments on one day are two payments.
    assert house.told(invoice) == {"paid": [40.0, 40.0]}


def test_killed_while_looking_before_a_report(house, worker):
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40)
    held = house.sandbox.hold("GET", "/events", after=True)
    worker.start("scheduled", names=["report"], retrying=False)
    held.wait()
    worker.kill()
    held.release()
    run_until_quiet(house, "report", rounds=1)
    assert house.told(invoice) == {"paid": [40.0]}


# --------------------------------------------------------------------------------------
# Two at once
# --------------------------------------------------------------------------------------


def at_once(house, workers, *names, rounds=3):
    """Run scheduled actions in several processes at the same time, to their end."""
    for _round in range(rounds):
        for worker in workers:
            worker.start("scheduled", names=names, retrying=False)
        for worker in workers:
            worker.result()
        house.hours_pass()


def test_two_processes_deliver_the_same_queue(house, worker, other):
    count = 50
    ids = house.invoices(*[100] * count)
    house.office.run("transfer", move_ids=ids)
    house.server.latency = 0.02
    try:
        at_once(house, [worker, other], "transfer", "poll")
        assert house.states(ids) == {"sent": count}
        assert [house.handed_over(invoice) for invoice in ids] == [1] * count

        house.office.run("pay_many", move_ids=ids, amount=30, times=2)
        house.office.run("compare", retrying=False)
        at_once(house, [worker, other], "report", "poll")
    finally:
        house.server.latency = 0
    assert [house.told(invoice) for invoice in ids] == [{"paid": [30.0] * 2}] * count
    late = house.database.query(
        "SELECT count(*) FROM ropo_assignment_event WHERE direction = 'out' "
        "AND state != 'sent' AND assignment_id IN "
        "(SELECT id FROM ropo_assignment WHERE move_id IN %s)",
        (tuple(ids),),
    )
    assert late == [(0,)]


def paid_at_ropo(house, count):
    """Invoices at Ropo, each with a payment that is compared and not told yet."""
    invoices = house.at_ropo(*[100] * count)
    house.office.run("pay_many", move_ids=invoices, amount=40)
    house.office.run("compare", retrying=False)
    return invoices


def reports_in(house, state, invoices):
    """The invoices whose reports are in this state."""
    rows = house.database.query(
        "SELECT a.move_id FROM ropo_assignment_event e"
        " JOIN ropo_assignment a ON a.id = e.assignment_id"
        " WHERE a.move_id IN %s AND e.direction = 'out' AND e.state = %s",
        (tuple(invoices), state),
    )
    return [move_id for (move_id,) in rows]


def paused_with_answers(house, worker, place):
    """Six invoices, whose reports come to this place; all of Ropo's lists are there."""
    invoices = paid_at_ropo(house, 6)
    house.server.latency = 0.5
    worker.start("scheduled", names=["report"], pause=place, retrying=False)
    worker.paused()
    # Meanwhile the answers of all others come in.
    time.sleep(1)
    house.server.latency = 0
    return invoices


def wait_for(what):
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_killed_while_several_reports_are_prepared(house, worker):
    """What is written for some, but not committed, has not begun."""
    place = ["ropo.assignment.event", "_take_lease"]
    invoices, written = paused_with_answers(house, worker, place), 0
    while written == len(reports_in(house, "sending", invoices)):
        worker.go_on()
        worker.paused()
        written += 1
    worker.kill()
    begun = reports_in(house, "sending", invoices)
    assert len(begun) < written
    assert not any(house.told(invoice) for invoice in set(invoices) - set(begun))
    run_until_quiet(house, "report", "poll")
    assert [house.told(invoice) for invoice in invoices] == [{"paid": [40.0]}] * 6


@pytest.mark.parametrize("arrived", [True, False])
def test_killed_while_several_reports_are_under_way(house, worker, arrived):
    invoices = paid_at_ropo(house, 4)
    held = house.sandbox.hold("POST", "/events", after=arrived)
    house.server.latency = 1
    try:
        worker.start("scheduled", names=["report"], retrying=False)
        held.wait()
        wait_for(lambda: len(reports_in(house, "sending", invoices)) > 1)
        worker.kill()
    finally:
        house.server.latency = 0
        held.release()
    run_until_quiet(house, "report", "poll")
    assert [house.told(invoice) for invoice in invoices] == [{"paid": [40.0]}] * 4


def test_who_holds_a_case_holds_up_none_that_is_prepared_with_it(house, worker):
    place = ["ropo.worker", "_answered_together"]
    invoices = paused_with_answers(house, worker, place)
    worker.go_on()
    worker.paused()
    held, *others = reports_in(house, "queued", invoices)
    assert others
    with house.database.connect() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT 1 FROM ropo_assignment WHERE move_id = %s FOR NO KEY UPDATE",
            (held,),
        )
        worker.go_on()
        wait_for(lambda: all(house.told(other) for other in others))
        assert house.told(held) == {}
        cursor.execute("ROLLBACK")
    while "paused" in worker.end():
        worker.go_on()
    assert [house.told(invoice) for invoice in invoices] == [{"paid": [40.0]}] * 6


def test_the_audit_begins_while_the_list_is_read(house, worker):
    house.at_ropo(100)
    house.hours_pass()
    place = ["ropo.assignment", "_mark_recheck"]
    worker.start("scheduled", names=["audit"], pause=place, retrying=False)
    worker.paused()
    # Both write at the company how far the list is read.
    house.office.scheduled("poll")
    worker.go_on()
    worker.result()


def test_two_answers_bring_the_same_news(house, worker, other):
    """One waits for the other's lock, and must not go on with what it read before."""
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40)
    house.office.run("compare", retrying=False)
    house.office.run("refresh", move_id=invoice)
    house.sandbox.stage(house.remote_id(invoice), "debt_collection")
    held = house.sandbox.hold("GET", "/events", after=True)
    other.start(
        "scheduled",
        names=["report"],
        pause=["ropo.assignment.event", "_take_lease"],
        retrying=False,
    )
    held.wait()
    late = house.sandbox.hold("GET", "/v1/assignments/", after=True)
    worker.start("scheduled", names=["poll"], retrying=False)
    late.wait()
    # The news is in one process's timeline, and the lock still held.
    held.release()
    other.paused()
    late.release()
    time.sleep(1)
    answer = {"paused": True}
    while "paused" in answer:
        other.go_on()
        answer = other.end()
    worker.result()
    run_until_quiet(house, "report", "poll")
    assert house.told(invoice) == {"paid": [40.0]}
    [news] = house.database.query(
        "SELECT count(*) FROM ropo_assignment_event e"
        " JOIN ropo_assignment a ON a.id = e.assignment_id"
        " WHERE a.move_id = %s AND e.kind = 'status'",
        (invoice,),
    )
    assert news == (1,)


def test_double_click(house, worker, other):
    [invoice] = house.invoices(100)
    windows = [house.office.run("open_window", move_ids=[invoice]) for _ in range(2)]
    # Both have checked that there is no case yet, and create one at the same time.
    place = ["ropo.assignment", "_create_for"]
    for process, window in zip((worker, other), windows, strict=True):
        process.start("confirm_window", window_id=window, pause=place)
    worker.paused()
    other.paused()
    worker.go_on()
    worker.result()
    other.go_on()
    answer = other.end()
    while "paused" in answer:  # tried again by Odoo: the case is seen now
        other.go_on()
        answer = other.end()
    assert answer["error"].startswith(("UserError", "ValidationError")), answer
    assert "case at Ropo already" in answer["error"]
    run_until_quiet(house, "transfer", "poll")
    assert house.states([invoice]) == {"sent": 1}
    assert house.handed_over(invoice) == 1


# --------------------------------------------------------------------------------------
# People in between
# --------------------------------------------------------------------------------------


def user_acts(house, call, **values):
    """A person does something while a call is under way, and does not wait for it."""
    house.office.start(call, **values)
    answer = house.office.end()
    assert "error" not in answer, answer["error"]
    assert not answer["log"], answer["log"]
    assert answer["seconds"] < AT_ONCE
    return answer["result"]


def test_payment_while_the_transfer_is_under_way(house, worker):
    [invoice] = house.invoices(100)
    house.office.run("transfer", move_ids=[invoice])
    held = house.sandbox.hold("POST", "/assignment/ropo", after=True)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    user_acts(house, "pay", move_id=invoice, amount=40)
    held.release()
    worker.result()
    run_until_quiet(house, "poll", "report")
    assert house.handed_over(invoice) == 1
    case = house.sandbox.case(house.remote_id(invoice))
    assert case["capital"] == 100
    assert house.told(invoice) == {"paid": [40.0]}


def test_unmatching_while_the_transfer_is_under_way(house, worker):
    [invoice] = house.invoices(100)
    house.office.run("pay", move_id=invoice, amount=25)
    house.office.run("transfer", move_ids=[invoice])
    held = house.sandbox.hold("POST", "/assignment/ropo", after=True)
    worker.start("scheduled", names=["transfer"], retrying=False)
    held.wait()
    user_acts(house, "unmatch", move_id=invoice)
    held.release()
    worker.result()
    run_until_quiet(house, "poll", "report")
    assert house.sandbox.case(house.remote_id(invoice))["capital"] == 75
    assert house.told(invoice) == {}
    [[missing, attention]] = house.database.query(
        "SELECT excess_back, needs_attention FROM ropo_assignment WHERE move_id = %s",
        (invoice,),
    )
    assert (float(missing), attention) == (25.0, True)


def test_payment_while_a_report_is_under_way(house, worker):
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40)
    held = house.sandbox.hold("POST", "/events", after=True)
    worker.start("scheduled", names=["report"], retrying=False)
    held.wait()
    user_acts(house, "pay", move_id=invoice, amount=40)
    held.release()
    worker.result()
    run_until_quiet(house, "report")
    assert house.told(invoice) == {"paid": [40.0, 40.0]}


def test_unmatching_while_its_report_is_under_way(house, worker):
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40)
    held = house.sandbox.hold("POST", "/events", after=True)
    worker.start("scheduled", names=["report"], retrying=False)
    held.wait()
    user_acts(house, "unmatch", move_id=invoice)
    held.release()
    worker.result()
    run_until_quiet(house, "report")
    # It can't be taken back: a person has to tell Ropo.
    assert house.told(invoice) == {"paid": [40.0]}
    [[excess, attention]] = house.database.query(
        "SELECT excess_paid, needs_attention FROM ropo_assignment WHERE move_id = %s",
        (invoice,),
    )
    assert (float(excess), attention) == (40.0, True)


def test_payment_in_a_transaction_older_than_the_case(house, worker):
    [invoice] = house.invoices(100)
    worker.start("pay", move_id=invoice, amount=40, snapshot=True)
    worker.paused()
    house.office.run("transfer", move_ids=[invoice])
    house.office.scheduled("transfer", "poll", "report")
    assert house.states([invoice]) == {"sent": 1}
    worker.go_on()
    worker.result()
    # Both have changed the invoice: the payment was tried again, and saw the case.
    due = "SELECT count(*) FROM ropo_recheck WHERE due_at <= now() AT TIME ZONE 'UTC'"
    assert house.database.query(due) == [(1,)]
    run_until_quiet(house, "report")
    assert house.told(invoice) == {"paid": [40.0]}


def test_payment_without_a_marker_is_found_by_the_audit(house):
    [invoice] = house.at_ropo(100)
    house.office.run("pay", move_id=invoice, amount=40)
    house.database.query("DELETE FROM ropo_recheck")
    run_until_quiet(house, "report", rounds=1)
    assert house.told(invoice) == {}
    house.office.scheduled("audit", "report")
    assert house.told(invoice) == {"paid": [40.0]}
    run_until_quiet(house, "audit", "report")
    assert house.told(invoice) == {"paid": [40.0]}


def test_request_repeated_by_odoo_calls_nobody(house, worker):
    [invoice] = house.invoices(100)
    before = len(house.sandbox.done)
    [case] = worker.run("transfer", move_ids=[invoice], collisions=2)
    assert len(house.sandbox.done) == before
    assert house.states([invoice]) == {"queued": 1}
    house.office.scheduled("transfer", "poll", "report")
    worker.run("pay", move_id=invoice, amount=40, collisions=2)
    assert house.told(invoice) == {}
    run_until_quiet(house, "report")
    assert house.handed_over(invoice) == 1
    assert house.told(invoice) == {"paid": [40.0]}
