"""Random histories of cases and of Ropo's money: what holds whatever happens."""

from collections import Counter

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ..examples import examples
from .settlement import SettlementCommon

CLAIMS = (100.0, 80.0, 55.55, 40.0)
CASES = st.integers(0, len(CLAIMS) - 1)
SHARES = st.sampled_from([0.2, 0.5, 1.0])
STEPS = st.one_of(
    st.tuples(st.just("debtor_pays"), CASES, SHARES),
    st.tuples(st.just("debtor_pays"), CASES, SHARES),
    # What Ropo sends: of these cases, with interest or less fees, now or in an entry
    # of its own.
    st.tuples(
        st.just("money"),
        st.sets(CASES, min_size=1),
        SHARES,
        st.sampled_from([0.0, 0.0, 7.77, -3.5]),
        st.booleans(),
    ),
    st.tuples(st.just("unexplained"), st.sampled_from([12.34, 50.0, 100.0])),
    st.tuples(st.just("paid_direct"), CASES, SHARES),
    st.tuples(st.just("takes_back"), CASES, SHARES),
    st.tuples(st.just("undo"), st.integers(0, 9)),
)


@tagged("post_install", "-at_install")
class TestSettlementHistories(SettlementCommon):
    def setUp(self):
        super().setUp()
        self.happened = Counter()
        self.cases = self.env["ropo.assignment"].browse(
            self.open_case(self.invoice(claim, at_maventa=False)).id for claim in CLAIMS
        )

    def open_case(self, move):
        """A case that Ropo has, without the way there."""
        return self.env["ropo.assignment"]._create_for(
            move,
            state="sent",
            receivables_type="b2b",
            collection_type="reminder_and_collection",
            summary="Sample",
        )

    def test_histories(self):
        self.whatever_happens()
        # They were histories of something.
        for name in (
            "booked",
            "in_own_entry",
            "matched_with_entry",
            "taken_back",
            "undone",
            "paid_direct",
        ):
            self.assertTrue(self.happened[name], self.happened)

    @settings(
        max_examples=examples(15),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(steps=st.lists(STEPS, min_size=3, max_size=9))
    @example(
        steps=[
            ("debtor_pays", 0, 1.0),
            ("debtor_pays", 1, 0.5),
            ("money", {0, 1}, 1.0, 7.77, False),
            ("takes_back", 0, 0.5),
            ("undo", 1),
            ("debtor_pays", 2, 1.0),
            ("money", {0}, 1.0, 0.0, True),
            ("paid_direct", 0, 0.5),
            ("takes_back", 0, 1.0),
        ]
    )
    @example(
        steps=[
            ("money", {0}, 0.2, 7.77, True),
            ("debtor_pays", 0, 1.0),
            ("money", {0}, 0.0, 7.77, False),
            ("undo", 0),
        ]
    )
    def whatever_happens(self, steps):
        savepoint = self.env.cr.savepoint()
        try:
            self.settlements = self.env["ropo.settlement"]
            self.overpaid = set()
            for name, *values in steps:
                getattr(self, name)(*values)
                self.compare()
                self.check()
            for settlement in self.settlements.sorted("id", reverse=True):
                if settlement.state == "booked":
                    settlement.action_undo()
                    self.compare()
                    self.check()
            self.assertFalse(any(self.cases.mapped("settled_amount")))
            for case in self.cases:
                self.assertAlmostEqual(
                    case.residual,
                    case.capital_amount - self.direct(case),
                    places=2,
                )
            self.happened["histories"] += 1
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    # -- what may happen ------------------------------------------------------
    def one_of(self, index, name):
        """One of the cases that have this amount, if any."""
        cases = self.cases.filtered(name)
        return cases[index % len(cases)] if cases else cases

    def compare(self):
        self.cases.sudo()._recheck()

    def debtor_pays(self, index, share):
        case = self.cases[index]
        room = case.capital_amount - case.paid_to_ropo - case.reported_paid
        amount = case.currency_id.round(room * share)
        if amount > 0:
            self.env["ropo.assignment.event"].sudo().create(
                {
                    "assignment_id": case.id,
                    "company_id": case.company_id.id,
                    "currency_id": case.currency_id.id,
                    "direction": "in",
                    "kind": "paid",
                    "state": "received",
                    "amount": amount,
                    "booked_at": fields.Date.today(),
                }
            )
            case.sudo()._refresh_sums()

    def money(self, indexes=None, share=1.0, other=0.0, own_entry=False, **values):
        if indexes is None or isinstance(indexes, float):
            return super().money(indexes, **values)
        cases = self.cases.browse().union(
            *(self.one_of(index, "to_come") for index in indexes)
        )
        total = sum(
            case.currency_id.round(max(case.to_come, 0.0) * share) for case in cases
        )
        return self.book(round(total + other, 2), own_entry)

    def unexplained(self, amount):
        self.book(amount, False)

    def book(self, amount, own_entry):
        if amount <= 0:
            return
        before = self.snapshot_of_items()
        if own_entry:
            settlement = self.by_hand(amount)
            settlement.action_propose()
        else:
            settlement = self.settle(super().money(amount))
            before = self.snapshot_of_items()
        # A line may belong to what was registered by hand before: all of it is there.
        self.assertAlmostEqual(
            settlement.allocated + settlement.remainder,
            amount + settlement.source_amount,
            places=2,
        )
        self.happened["matched_with_entry"] += bool(settlement.source_item_ids)
        settlement.checked = True
        self.settlements |= settlement
        settlement.action_book()
        self.compare()
        # Undone at once, everything is as before; then it is booked for good.
        settlement.action_undo()
        self.compare()
        self.assertEqual(self.snapshot_of_items(), before)
        settlement.action_draft()
        settlement.action_book()
        self.happened["booked"] += 1
        self.happened["in_own_entry"] += own_entry

    def snapshot_of_items(self):
        found = self.snapshot()
        return found["invoices"], found["entries"], found["open"]

    def paid_direct(self, index, share):
        case = self.one_of(index, "residual")
        if not case:
            return
        amount = case.currency_id.round(case.residual * share)
        if amount > 0:
            self.pay(case.move_id, amount)
            self.happened["paid_direct"] += 1

    def takes_back(self, index, share):
        case = self.one_of(index, "settled_amount")
        if not case:
            return
        amount = case.currency_id.round(case.settled_amount * share)
        if amount > 0:
            settlement = self.by_hand(
                -amount, [{"assignment_id": case.id, "amount": -amount}]
            )
            settlement.action_book()
            self.settlements |= settlement
            self.happened["taken_back"] += 1

    def undo(self, index):
        booked = self.settlements.filtered(lambda row: row.state == "booked")
        if booked:
            settlement = booked[index % len(booked)]
            try:
                with self.env.cr.savepoint():
                    settlement.action_undo()
                    self.happened["undone"] += 1
            except UserError as error:
                # Another one builds on it, or money came again: that one first.
                self.assertRegex(str(error), "Undo .* first")

    # -- what holds -------------------------------------------------------------
    def direct(self, case):
        matched = case._matches()[case.id]
        entries = self.settlements.entry_id.ids
        return sum(amount for move_id, amount in matched if move_id not in entries)

    def check(self):
        booked = self.settlements.filtered(lambda row: row.state == "booked")
        for case in self.cases:
            euro = case.currency_id
            self.assertLessEqual(
                euro.compare_amounts(case.settled_amount, case.paid_to_ropo), 0
            )
            lines = booked.line_ids.filtered(lambda ln, c=case: ln.assignment_id == c)
            self.assertAlmostEqual(
                case.settled_amount, sum(lines.mapped("amount")), places=2
            )
            to_come = self.env["ropo.settlement.open"].search(
                [("assignment_id", "=", case.id)]
            )
            self.assertAlmostEqual(
                sum(to_come.mapped("amount")), case.to_come, places=2
            )
            # Once a debtor has paid twice, money may be left open on the customer.
            left = case.capital_amount - self.direct(case) - case.settled_amount
            if euro.compare_amounts(left, 0) < 0:
                self.overpaid.add(case)
            elif case not in self.overpaid:
                self.assertAlmostEqual(case.residual, left, places=2)
            # Nothing of Ropo's own money is told to Ropo, or asked about.
            echoed = case.event_ids.filtered(
                lambda event: event.direction == "out"
                and event.state != "dropped"
                and event.counterpart_move_id in booked.entry_id
            )
            self.assertFalse(echoed)
        for settlement in booked:
            items = settlement.entry_id.line_ids
            self.assertAlmostEqual(sum(items.mapped("balance")), 0.0, places=2)
            line = settlement.statement_line_id
            self.assertTrue(not line or line.is_reconciled)
            rest = items.filtered(lambda item: item.account_id == self.clearing)
            self.assertAlmostEqual(
                settlement.amount + settlement.source_amount,
                sum(settlement.line_ids.mapped("amount")) - sum(rest.mapped("balance")),
                places=2,
            )
