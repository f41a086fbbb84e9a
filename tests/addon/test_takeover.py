"""Taking cases over: whatever went before, nothing that Ropo knows is told again."""

from collections import Counter
from datetime import date, timedelta
from types import SimpleNamespace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import TransactionCase, tagged

from odoo.addons.ropo_collection.tools import ledger
from odoo.addons.ropo_collection.tools.takeover import find_claim, take_over

from ..examples import examples

DAY = date(2026, 11, 2)
#: Few sums and days, so that many of them are equal.
MONEY = st.tuples(
    st.sampled_from([10.0, 20.0, 30.0]),
    st.integers(0, 3).map(lambda days: DAY + timedelta(days=days)),
    st.sampled_from([ledger.PAID, ledger.CREDIT_NOTE]),
)
MANY = st.lists(MONEY, max_size=4)


@tagged("post_install", "-at_install")
class TestTakeover(TransactionCase):
    @settings(
        max_examples=examples(400),
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(
        before=MANY,
        told=MANY,
        unknown=MANY,
        to_ropo=st.lists(st.sampled_from([10.0, 20.0, 30.0]), max_size=2),
        shows_open=st.booleans(),
    )
    def test_nothing_known_is_told(self, before, told, unknown, to_ropo, shows_open):
        """A history that is known here in full, and taken over by what shows of it."""
        total = 1000.0
        # Matched before the claim, told by others after it, and told by nobody.
        before = [
            (amount, day - timedelta(days=30), kind) for amount, day, kind in before
        ]
        later = timedelta(days=10)
        unknown = [(amount, day + later, kind) for amount, day, kind in unknown]
        parts = [
            ledger.Part(number, kind, amount, day)
            for number, (amount, day, kind) in enumerate([*before, *told, *unknown], 1)
        ]
        claim = total - sum(amount for amount, _day, _kind in before)
        events = [
            SimpleNamespace(id=str(number), kind=kind, amount=amount, date=day)
            for number, (amount, day, kind) in enumerate(told)
        ]
        events += [
            SimpleNamespace(id=f"r{number}", kind=ledger.PAID, amount=amount,
                            date=DAY + timedelta(days=90 + number))
            for number, amount in enumerate(to_ropo)
        ]  # fmt: skip
        open_amount = claim - sum(event.amount for event in events)
        begin = take_over(
            total=total,
            claim=claim,
            open_amount=open_amount if shows_open else None,
            parts=parts,
            events=events,
            currency=self.env.ref("base.EUR"),
        )
        self.assertAlmostEqual(
            sum(part.amount for part in begin.baseline), total - claim
        )
        unsure = Counter()
        for part in begin.unsure:
            unsure[part.move_id] += part.amount
        paired = {event.id for event, _part in begin.told}
        comparison = ledger.compare(
            claim=claim,
            residual=total - sum(part.amount for part in parts),
            parts=[
                ledger.replace(part, kind=ledger.DECISION, decision="adopted")
                if unsure[part.move_id]
                else part
                for part in parts
            ],
            baseline={
                (part.move_id, part.kind): part.amount for part in begin.baseline
            },
            told={
                **{
                    (part.move_id, part.kind): part.amount
                    for _event, part in begin.told
                },
                (0, ledger.CREDIT_NOTE): sum(
                    event.amount
                    for event in events
                    if event.kind == ledger.CREDIT_NOTE and event.id not in paired
                ),
            },
            paid_to_ropo=sum(
                event.amount
                for event in events
                if event.kind == ledger.PAID and event.id not in paired
            ),
            currency=self.env.ref("base.EUR"),
        )
        # What is told is of the money nobody told of yet: in sum, and kind by kind.
        for kind in ledger.REPORTED:
            tells = sum(part.amount for part in comparison.to_tell if part.kind == kind)
            nobody_told = sum(amount for amount, _day, of in unknown if of == kind)
            self.assertLessEqual(tells, nobody_told + 0.001)
        if not shows_open:
            self.assertFalse(comparison.to_tell, "nothing says that Ropo can't know it")
        self.assertFalse([item for item in comparison.excess if item.amount > 0.001])

    def test_claim_that_ropo_does_not_name(self):
        events = [SimpleNamespace(kind=ledger.PAID, amount=30.0),
                  SimpleNamespace(kind="comment", amount=0.0)]  # fmt: skip
        for capital, open_amount, claim in (
            (70.0, 10.0, 70.0),
            (0.0, 40.0, 70.0),
            (0.0, None, 100.0),
        ):
            found = find_claim(
                total=100.0, capital=capital, open_amount=open_amount, events=events
            )
            self.assertEqual(found, claim)
