"""The comparison itself, on random histories of one case."""

from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.tests import TransactionCase, tagged

from odoo.addons.ropo_collection.tools import ledger

from ..examples import examples

CENTS = st.integers(1, 12_000).map(lambda cents: cents / 100)
DAYS = st.integers(0, 30).map(lambda days: date(2026, 1, 1) + timedelta(days=days))
KINDS = st.sampled_from(
    [
        ledger.PAID,
        ledger.CREDIT_NOTE,
        ledger.SETTLEMENT,
        ledger.SILENT,
        ledger.DECISION,
    ]
)


@st.composite
def cases(draw):
    """A claim, what is matched with it, and what was told before."""
    claim = draw(CENTS)
    parts, left = [], claim
    for move_id in range(1, draw(st.integers(0, 6)) + 1):
        amount = round(min(draw(CENTS), left), 2)
        if amount <= 0:
            break
        left = round(left - amount, 2)
        parts.append(ledger.Part(move_id, draw(KINDS), amount, draw(DAYS)))
    paid_to_ropo = draw(st.sampled_from([0.0, round(claim / 2, 2), claim]))
    return claim, round(left, 2), parts, paid_to_ropo


@tagged("post_install", "-at_install")
class TestCompare(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currency = cls.env.ref("base.EUR")

    def compare(self, case, told, baseline=None):
        claim, residual, parts, paid_to_ropo = case
        return ledger.compare(
            claim=claim,
            residual=residual,
            parts=parts,
            baseline=baseline or {},
            told=told,
            paid_to_ropo=paid_to_ropo,
            currency=self.currency,
        )

    @settings(
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=examples(300),
    )
    @given(case=cases())
    def test_told_once_and_never_beyond_the_claim(self, case):
        claim, _residual, parts, paid_to_ropo = case
        first = self.compare(case, {})
        told = {}
        for part in first.to_tell:
            key = part.move_id, part.kind
            told[key] = told.get(key, 0.0) + part.amount
        again = self.compare(case, told)
        self.assertFalse(again.to_tell, "the same is told a second time")
        self.assertFalse(again.excess)
        room = max(claim - max(paid_to_ropo, first.settled), 0.0)
        self.assertLessEqual(sum(told.values()), room + 0.001)
        for kind in ledger.REPORTED:
            due = sum(part.amount for part in parts if part.kind == kind)
            sums = sum(amount for (_id, k), amount in told.items() if k == kind)
            self.assertLessEqual(sums, due + 0.001)

    @settings(
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=examples(300),
    )
    @given(case=cases(), count=st.integers(0, 6))
    def test_what_is_in_the_baseline_is_never_told(self, case, count):
        claim, residual, parts, paid_to_ropo = case
        known = parts[:count]
        baseline = {(part.move_id, part.kind): part.amount for part in known}
        handed_over = round(claim - sum(part.amount for part in known), 2)
        result = self.compare((handed_over, residual, parts, 0.0), {}, baseline)
        told = {part.move_id for part in result.to_tell}
        self.assertFalse(told & {part.move_id for part in known})
        self.assertAlmostEqual(result.reduction, handed_over - residual, places=2)

    @settings(
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=examples(300),
    )
    @given(case=cases(), gone=st.integers(0, 5))
    def test_what_is_undone_is_excess_of_its_own_kind(self, case, gone):
        claim, residual, parts, _paid_to_ropo = case
        reported = [part for part in parts if part.kind in ledger.REPORTED]
        told = {(part.move_id, part.kind): part.amount for part in reported}
        if gone >= len(parts):
            return
        undone = parts[gone]
        rest = [part for part in parts if part is not undone]
        result = self.compare((claim, residual + undone.amount, rest, 0.0), told)
        excess = {item.kind: item.amount for item in result.excess}
        if undone.kind in ledger.REPORTED:
            self.assertEqual(list(excess), [undone.kind])
            self.assertAlmostEqual(excess[undone.kind], undone.amount, places=2)
        else:
            self.assertFalse(excess)
        self.assertFalse(result.to_tell)

    @given(
        total=CENTS,
        shares=st.lists(st.integers(1, 9999), min_size=1, max_size=7),
    )
    def test_a_split_adds_up_to_the_cent(self, total, shares):
        parts = ledger.split(total, shares, self.currency)
        self.assertAlmostEqual(sum(parts), total, places=2)
        self.assertEqual(len(parts), len(shares))
