"""Does the comparison at the end of a history bite? Each mistake here must be found.

Every mutant is a mistake that one could make in the models, with a history that is
right without it and found wrong with it. ``python -m tests.faults.mutants``
"""

import contextlib
import dataclasses
import sys
from datetime import timedelta

from .campaign import Campaign, History, opened

MUTANTS = {}


def mutant(function):
    MUTANTS[function.__name__] = function
    return function


@contextlib.contextmanager
def replaced(owner, name, value):
    """Replace an attribute for the time of the block."""
    own = vars(owner).get(name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, name)
        else:
            setattr(owner, name, own)


def next_morning(clock):
    """Payments hours apart are of one day then, at whatever hour this runs."""
    tomorrow = clock.now() + timedelta(days=1)
    clock.offset += tomorrow.replace(hour=6, minute=0) - clock.now()


def paid(history, faults=(), days_ago=0):
    """A fifth of the invoice is paid, and the report goes out."""
    history.pay(0, 0.2, days_ago)
    history._come(("report",))
    history.time_goes_by(16)
    history._come(("report",), faults)


@mutant
def marker_not_inserted(registry):
    def play(history):
        history.begin(1)
        # After an hour every case is looked at once more, and after Ropo's news.
        history.time_goes_by(61)
        history._come(("poll", "report"))
        paid(history)

    cases = registry["ropo.assignment"]
    return play, cases, "_mark_entries", lambda self, move_ids: None


@mutant
def transfer_sent_again_without_a_look(registry):
    def play(history):
        history.begin(0)
        history.transfer(0)
        # A token, the look-up of the invoice, the hand-over.
        history._come(("transfer",), {3: "cut_after"})

    def lose_sight(self, error):
        self.write({"state": "queued", "token": False, "next_try_at": False})

    return play, registry["ropo.assignment"], "_lose_sight", lose_sight


@mutant
def report_sent_again_without_a_look(registry):
    def play(history):
        history.begin(1)
        paid(history, {2: "cut_after"})

    def settle_failure(self, error):
        self.write({"state": "queued", "token": False, "next_try_at": False})

    return play, registry["ropo.assignment.event"], "_settle_failure", settle_failure


def matching(known):
    """``_match_report`` with another idea of which events are known already."""

    def match_report(self, event, remote_events):
        for remote in remote_events:
            if event._is_like(remote) and remote.id not in known(self, event):
                event._mark_sent(False)
                return
        event.write({"state": "queued", "token": False, "next_try_at": False})

    return match_report


@mutant
def a_set_instead_of_a_multiset(registry):
    def play(history):
        history.begin(1)
        paid(history)
        paid(history, {2: "status:500"})

    match_report = matching(lambda case, event: ())
    return play, registry["ropo.assignment"], "_match_report", match_report


@mutant
def events_of_before_the_call_forgotten(registry):
    def play(history):
        history.begin(1)
        history.debtor_pays_ropo(0, 0.2)
        history.time_goes_by(61)
        history._come(("poll",))
        history.pay(0, 0.2, 0)
        history.time_goes_by(16)
        history._come(("report",))
        history.answer(0, 0)
        history._come(("report",))
        history.time_goes_by(16)
        history._come(("report",), {2: "status:500"})

    def ours(case, event):
        told = case.event_ids.filtered(lambda other: other.direction == "out")
        return told.mapped("external_id")

    return play, registry["ropo.assignment"], "_match_report", matching(ours)


@mutant
def a_list_that_lags_believed(registry):
    from odoo.addons.ropo_collection.models import ropo_assignment_ledger

    def play(history):
        history.begin(1, lag=20)
        history.time_goes_by(61)
        history._come(("poll", "report"))
        paid(history, {2: "cut_after"})
        for _look in range(3):
            history.time_goes_by(6)
            history._come(("report",))

    return play, ropo_assignment_ledger, "LIST_LAG", timedelta()


@mutant
def settlement_not_recognised(registry):
    def play(history):
        history.begin(1)
        history.debtor_pays_ropo(0, 0.5)
        history.time_goes_by(61)
        history._come(("poll",))
        history.settle(0, False, True)

    cases = registry["ropo.assignment"]
    return play, cases, "_is_settlement", lambda self, entry: False


@mutant
def netting_across_kinds(registry):
    from odoo.addons.ropo_collection.tools import ledger

    def play(history):
        history.begin(1)
        paid(history)
        history.unmatch(0)
        history.credit(0, 0.2)

    compare = ledger.compare

    def netting(**values):
        found = compare(**values)
        return dataclasses.replace(found, to_tell=()) if found.excess else found

    return play, ledger, "compare", netting


@mutant
def baseline_by_date(registry):
    cases = registry["ropo.assignment"]
    compare = cases._compare

    def play(history):
        history.begin(1)
        paid(history, days_ago=40)

    def by_date(self, parts, waiting):
        start = self.requested_at.date()
        return compare(self, [p for p in parts if p.booked_at >= start], waiting)

    return play, cases, "_compare", by_date


def find(history_of, registry):
    """What the comparison says without and with the mistake."""
    play, owner, name, value = history_of(registry)
    found = []
    for mistaken in (False, True):
        with contextlib.ExitStack() as stack:
            if mistaken:
                stack.enter_context(replaced(owner, name, value))
            history = History()
            next_morning(history.campaign.clock)
            try:
                play(history)
                history.teardown()
            except AssertionError as error:
                found.append(str(error))
            else:
                found.append("")
    return found


def main():
    blind = 0
    with opened() as campaign:
        for name, history_of in MUTANTS.items():
            without, mistaken = find(history_of, campaign.registry)
            good = mistaken and not without
            blind += not good
            print(f"{name}: {'found' if good else 'NOT AS IT SHOULD BE'}")
            if not good:
                print(f"without: {without or 'right'}\nwith: {mistaken or 'right'}")
    Campaign.count.clear()
    return blind


if __name__ == "__main__":
    sys.exit(main())
