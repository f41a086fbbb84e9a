"""What may come between Ropo's money and its invoices: nothing is counted twice."""

from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .settlement import SettlementCommon


@tagged("post_install", "-at_install")
class TestSettlementGuards(SettlementCommon):
    def of_items(self, items):
        """A settlement of what these journal items have open."""
        return self.env["ropo.settlement"].browse(items.action_ropo_settle()["res_id"])

    def payment(self, amount=100.0):
        """A payment of Ropo's that a person registered."""
        payment = self.env["account.payment"].create(
            {
                "amount": amount,
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.ropo.id,
                "journal_id": self.bank.id,
            }
        )
        payment.action_post()
        return payment

    def left(self, settlement):
        """What it left on the clearing account."""
        return settlement.entry_id.line_ids.filtered(
            lambda item: item.account_id == self.clearing
        )

    def assertRefused(self, text, do):
        with self.assertRaisesRegex(UserError, text), self.env.cr.savepoint():
            do()

    # -- undone in another order than booked -----------------------------------
    def test_registered_by_hand_is_undone_after_its_bank_line(self):
        case = self.paid_to_ropo(100.0)
        first = self.by_hand(100.0)
        first.action_propose()
        first.action_book()
        line = self.money(100.0)
        before = self.snapshot()
        later = self.settle(line)
        later.action_book()
        self.assertRefused(f"Undo {later.display_name} first", first.action_undo)
        later.action_undo()
        self.assertEqual(self.snapshot(), before)
        first.action_undo()
        self.compare()
        self.assertEqual((case.residual, case.to_come), (100.0, 100.0))
        self.assertTrue(line.ropo_to_settle)

    def test_what_was_left_and_divided_up_later_is_undone_first(self):
        self.paid_to_ropo(100.0)
        line = self.money(112.0)
        settlement = self.settle(line)
        settlement.action_book()
        later = self.of_items(self.left(settlement))
        later.line_ids = [
            Command.clear(),
            Command.create({"kind": "interest", "amount": 12.0}),
        ]
        later.action_book()
        text = f"Undo {later.display_name} first"
        self.assertRefused(text, settlement.action_undo)
        self.assertRefused(text, line.action_undo_reconciliation)
        later.action_undo()
        line.action_undo_reconciliation()
        self.assertEqual(settlement.state, "undone")

    def test_bank_line_on_the_clearing_account_is_not_settled_twice(self):
        self.paid_to_ropo(100.0)
        line = self.money(100.0, counterpart_account_id=self.clearing.id)
        settlement = self.of_items(
            line.line_ids.filtered(lambda item: item.account_id == self.clearing)
        )
        settlement.action_book()
        self.assertRefused(
            f"Undo {settlement.display_name} first", line.action_undo_reconciliation
        )
        self.assertFalse(line.ropo_to_settle)
        settlement.action_undo()
        line.action_undo_reconciliation()
        self.assertTrue(line.ropo_to_settle)

    def test_what_ropo_took_back_and_sent_again(self):
        """Undoing the taking back alone would make it come twice."""
        case = self.paid_to_ropo(100.0)
        self.settle(self.money(100.0)).action_book()
        back = self.by_hand(-25.0, [{"assignment_id": case.id, "amount": -25.0}])
        back.action_book()
        again = self.by_hand(25.0, [{"assignment_id": case.id, "amount": 25.0}])
        again.action_book()
        self.assertRefused(f"Undo {again.display_name} first", back.action_undo)
        self.compare()
        self.assertEqual((case.settled_amount, case.residual), (100.0, 0.0))
        again.action_undo()
        back.action_undo()
        self.compare()
        self.assertEqual((case.settled_amount, case.residual), (100.0, 0.0))

    def test_bank_lines_own_undo_is_seen_by_who_books_meanwhile(self):
        """It changes the row of the case, as booking and undoing by button do."""
        case = self.paid_to_ropo(100.0)
        line = self.money(100.0)
        self.settle(line).action_book()
        turn = case.turn
        line.action_undo_reconciliation()
        case.invalidate_recordset()
        self.assertGreater(case.turn, turn)

    def test_bank_lines_that_are_undone_together(self):
        case = self.paid_to_ropo(100.0)
        line, back = self.money(100.0), self.money(-25.0)
        before = self.snapshot()
        self.settle(line).action_book()
        settlement = self.settle(back)
        settlement.line_ids = [
            Command.create({"assignment_id": case.id, "amount": -25.0})
        ]
        settlement.action_book()
        (line | back).action_undo_reconciliation()
        self.compare()
        self.assertEqual(self.snapshot(), before)
        self.assertEqual(case.settled_amount, 0.0)

    # -- what a settlement is made of --------------------------------------------
    def test_payment_behind_a_settlement_is_not_taken_away(self):
        case = self.paid_to_ropo(100.0)
        payment = self.payment()
        settlement = self.env["ropo.settlement"].browse(
            payment.action_ropo_settle()["res_id"]
        )
        payment.action_draft()  # a draft of a settlement keeps nobody from it
        payment.action_post()
        settlement.action_book()
        for method in ("action_draft", "action_cancel", "unlink"):
            with self.subTest(method):
                self.assertRefused("Undo the settlement", getattr(payment, method))
        self.compare()
        self.assertEqual((case.settled_amount, payment.state), (100.0, "in_process"))
        settlement.action_undo()
        payment.action_draft()

    def test_bank_line_of_another_day_is_not_taken_away(self):
        self.paid_to_ropo(100.0)
        today = fields.Date.today()
        line = self.money(100.0, date=today - timedelta(days=2))
        settlement = self.settle(line)
        settlement.date = today
        settlement.action_book()
        self.assertNotEqual(settlement.entry_id, line.move_id)
        for method in ("button_draft", "button_cancel"):
            with self.subTest(method):
                self.assertRefused("Undo the settlement", getattr(line.move_id, method))

    def test_bank_line_whose_entry_is_no_longer_posted(self):
        self.paid_to_ropo(100.0)
        line = self.money(100.0)
        settlement = self.settle(line)
        line.move_id.button_draft()
        self.assertRefused("changed meanwhile", settlement.action_book)
        line.move_id.action_post()
        settlement.action_book()

    def test_open_item_that_is_used_meanwhile(self):
        self.paid_to_ropo(100.0)
        payment = self.payment()
        settlement = self.env["ropo.settlement"].browse(
            payment.action_ropo_settle()["res_id"]
        )
        item = payment._ropo_open_items()
        other = self.entry(40.0)
        other_item = other.line_ids.filtered("debit")
        other.button_draft()
        other_item.account_id = item.account_id
        other.action_post()
        (item | other_item).reconcile()
        self.assertRefused("Propose the lines anew", settlement.action_book)
        settlement.action_propose()
        # What is left is shown before it is booked.
        self.assertEqual((settlement.source_amount, settlement.remainder), (60, -40))
        settlement.action_book()

    def test_open_items_of_another_currency(self):
        """The journal was changed after the items had been chosen."""
        dollar = self.setup_other_currency("USD", rates=[("2020-01-01", 2.0)])
        journal = self.bank.copy({"currency_id": dollar.id, "name": "Sample dollars"})
        settlement = self.env["ropo.settlement"].browse(
            self.payment().action_ropo_settle()["res_id"]
        )
        settlement.line_ids = [Command.clear()]
        settlement.journal_id = journal
        self.assertRefused("one currency", settlement.action_book)

    def test_open_items_in_another_currency_keep_their_rate(self):
        dollar = self.setup_other_currency("USD", rates=[("2020-01-01", 2.0)])
        journal = self.bank.copy({"currency_id": dollar.id, "name": "Sample dollars"})
        first = self.by_hand(100.0, journal_id=journal.id)
        first.action_book()
        self.env["res.currency.rate"].create(
            {
                "name": fields.Date.today(),
                "currency_id": dollar.id,
                "company_id": self.company.id,
                "rate": 4.0,
            }
        )
        later = self.of_items(self.left(first))
        later.write(
            {
                "date": fields.Date.today(),
                "line_ids": [
                    Command.clear(),
                    Command.create({"kind": "interest", "amount": 50.0}),
                    Command.create({"kind": "cost", "amount": 50.0}),
                ],
            }
        )
        later.action_book()
        amounts = self.balances(later.entry_id)
        self.assertEqual((amounts[self.interest], amounts[self.fees]), (-25.0, -25.0))

    # -- un-matched by hand ---------------------------------------------------------
    def test_settled_money_taken_off_its_invoice_is_told(self):
        case = self.paid_to_ropo(100.0)
        settlement = self.settle(self.money(100.0))
        settlement.action_book()
        self.unmatch(case.move_id)
        self.compare()
        self.assertEqual((case.settled_amount, case.to_come), (100.0, 0.0))
        self.assertTrue(case.needs_attention)
        self.assertRegex(case.attention_reason, r"100\.00.*is not matched with")
        self.assertTold(case, [])
        self.match(case.move_id, settlement.entry_id)
        self.compare()
        self.assertFalse(case.needs_attention)

    def test_settled_money_matched_with_another_case_of_its_settlement(self):
        """Ropo knows that one as less paid than the ledger says."""
        one, two = self.paid_to_ropo(100.0), self.paid_to_ropo(60.0, claim=200.0)
        settlement = self.settle(self.money(160.0))
        settlement.action_book()
        credit = settlement.line_ids.filtered(
            lambda line: line.assignment_id == one
        ).item_id
        self.unmatch(one.move_id)
        (credit | self.open_line(two.move_id)).reconcile()
        self.run_cron("report", "audit", "report")
        self.assertTold(two, [], settled_amount=160.0, settled_unknown=100.0)
        self.assertTrue(two.needs_attention and one.needs_attention)
        figures = self.env["ropo.figures"].search([("assignment_id", "=", two.id)])
        self.assertEqual((figures.settled, figures.to_come), (160.0, -100.0))
        self.unmatch(two.move_id)
        for line in settlement.line_ids:
            (line.item_id | self.open_line(line.move_id)).reconcile()
        self.run_cron("report", "audit", "report")
        self.assertFalse(two.needs_attention or one.needs_attention)

    def test_more_for_a_closed_case_than_ropo_told(self):
        case = self.paid_to_ropo(60.0, claim=100.0)
        self.sandbox.close(case.external_id)
        self.look(case)
        settlement = self.by_hand(
            100.0,
            [{"assignment_id": case.id, "amount": 100.0, "from_statement": True}],
        )
        settlement.action_book()
        self.compare()
        self.assertEqual((case.state, case.needs_attention), ("closed", False))
        self.run_cron("audit")
        self.assertEqual(case.settled_unknown, 40.0)
        self.assertTrue(case.needs_attention and case.activity_ids)
        settlement.action_undo()
        self.compare()
        self.assertFalse(case.needs_attention)

    # -- what is proposed, what is told as late --------------------------------------
    def test_money_of_an_environment_the_company_left(self):
        """What a debtor of the demo paid is never proposed for real money."""
        case = self.paid_to_ropo(100.0)
        for environment, found in (("demo", 0), ("test", 1), ("production", 0)):
            with self.subTest(environment):
                self.company.ropo_environment = environment
                settlement = self.settle(self.money(100.0))
                self.assertEqual(len(settlement.line_ids), found)
                settlement.unlink()
                rows = self.env["ropo.settlement.open"].search([])
                self.assertEqual(rows.assignment_id.ids, case.ids * found)

    def test_payment_without_a_day_is_missed_as_well(self):
        """It counts from the day Ropo told of it."""
        case = self.at_ropo(self.invoice())
        self.env["ropo.assignment.event"].sudo().create(
            {
                "assignment_id": case.id,
                "company_id": self.company.id,
                "currency_id": case.currency_id.id,
                "direction": "in",
                "kind": "paid",
                "state": "received",
                "amount": 100.0,
            }
        )
        event = case.event_ids.filtered(lambda event: event.kind == "paid")
        self.assertFalse(event.booked_at)
        long_ago = fields.Date.today() - timedelta(days=20)
        self.env.cr.execute(
            "UPDATE ropo_assignment_event SET create_date = %s WHERE id = %s",
            (long_ago, event.id),
        )
        row = self.env["ropo.settlement.open"].search([])
        self.assertRecordValues(row, [{"booked_at": long_ago, "age_group": "3"}])
        self.company.sudo()._ropo_tell_of_late_money()
        self.assertTrue(
            self.company.partner_id.activity_search(
                ["ropo_collection.mail_activity_late_money"]
            )
        )

    def test_no_more_is_recovered_than_was_lost(self):
        """The rest is the debtor's, who has paid more than he owed."""
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        self.match(move, self.entry(30.0, self.loss))
        self.compare()
        self.answer(self.question(case), "keep")
        self.compare()
        self.paid_to_ropo(60.0, move=move)
        self.pay(move, 20.0)
        self.paid_to_ropo(40.0, move=move)
        found = []
        for amount in (60.0, 40.0):
            settlement = self.settle(self.money(amount))
            lines = settlement.line_ids.sorted("kind")
            found.append(lines.mapped(lambda line: (line.kind, line.amount)))
            settlement.action_book()
        self.assertEqual(
            found,
            [
                [("capital", 50.0), ("recovered", 10.0)],
                [("capital", 20.0), ("recovered", 20.0)],
            ],
        )
