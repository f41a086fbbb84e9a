"""Ropo's money finds its invoices: what a bookkeeper does, and what becomes of it."""

from datetime import timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .settlement import SettlementCommon


@tagged("post_install", "-at_install")
class TestSettlements(SettlementCommon):
    # -- from the bank line ---------------------------------------------------
    def test_bank_line_of_several_debtors(self):
        one, two = self.paid_to_ropo(100.0), self.paid_to_ropo(60.0, claim=80.0)
        line = self.money(160.0)
        settlement = self.settle(line)
        self.assertRecordValues(
            settlement.line_ids,
            [
                {"assignment_id": one.id, "amount": 100.0, "kind": "capital"},
                {"assignment_id": two.id, "amount": 60.0, "kind": "capital"},
            ],
        )
        self.assertTrue(all(settlement.line_ids.mapped("reason")))
        self.assertTrue(settlement.explanation)
        settlement.action_book()
        self.assertEqual(settlement.state, "booked")
        self.assertEqual(settlement.entry_id, line.move_id)
        self.assertTrue(line.is_reconciled)
        self.assertEqual((one.residual, two.residual), (0.0, 20.0))
        self.assertTold(one, [], settled_amount=100.0, to_come=0.0)
        self.assertTold(two, [], settled_amount=60.0, to_come=0.0)
        self.assertFalse(one.needs_attention or two.needs_attention)
        self.assertEqual(one.settlement_count, 1)
        self.assertEqual(one.action_view_settlements()["res_id"], settlement.id)

    def test_it_is_a_settlement_by_its_link_alone(self):
        """The bank's text names the customer, and no setting knows Ropo."""
        case = self.paid_to_ropo(40.0, claim=100.0)
        self.company.ropo_settlement_partner_id = False
        line = self.money(40.0, partner_id=self.business.id, payment_ref="RF Sample")
        self.settle(line).action_book()
        self.assertTold(case, [], settled_amount=40.0, open_amount=60.0)
        self.run_cron("audit", "report")
        self.assertTold(case, [], settled_amount=40.0, needs_attention=False)

    def test_undone_settlement_restores_everything(self):
        case = self.paid_to_ropo(100.0)
        line = self.money(130.0)
        before = self.snapshot()
        settlement = self.settle(line)
        settlement.action_book()
        self.assertNotEqual(self.snapshot(), before)
        settlement.action_undo()
        self.compare()
        self.assertEqual(settlement.state, "undone")
        self.assertEqual(self.snapshot(), before)
        self.assertFalse(line.is_reconciled)
        self.assertEqual((case.settled_amount, case.to_come), (0.0, 100.0))
        settlement.action_draft()
        settlement.action_book()
        self.compare()
        self.assertEqual((case.settled_amount, case.to_come), (100.0, 0.0))
        self.assertEqual(self.told(case)["paid"], [])

    def test_bank_line_undone_elsewhere_undoes_its_settlement(self):
        """The reconciliation widget calls the bank line's own method."""
        case = self.paid_to_ropo(100.0)
        line = self.money(100.0)
        settlement = self.settle(line)
        settlement.action_book()
        line.action_undo_reconciliation()
        self.assertEqual(settlement.state, "undone")
        self.compare()
        self.assertEqual(case.to_come, 100.0)

    def test_money_that_is_matched_already_is_not_settled_again(self):
        case = self.paid_to_ropo(100.0)
        line = self.money(100.0, counterpart_account_id=self.receivable.id)
        self.match(case.move_id, line.move_id)
        with self.assertRaises(UserError):
            line.action_ropo_settle()

    def test_bank_line_with_interest_mixed_in(self):
        tax = self.company_data["default_tax_sale"]
        self.interest.tax_ids = tax
        case = self.paid_to_ropo(100.0)
        line = self.money(125.5)
        before = self.snapshot()
        settlement = self.settle(line)
        self.assertEqual(settlement.remainder, 25.5)
        interest = self.env["ropo.settlement.line"].create(
            {"settlement_id": settlement.id, "kind": "interest", "amount": 25.5}
        )
        self.assertEqual(interest.account_id, self.interest)
        self.assertEqual(interest.tax_ids, tax)
        settlement.action_book()
        amounts = self.balances(line.move_id)
        net = round(25.5 / (1 + tax.amount / 100), 2)
        self.assertEqual(amounts[self.interest], -net)
        item = line.move_id.line_ids.filtered("tax_line_id")
        self.assertAlmostEqual(item.balance, net - 25.5, places=2)
        self.assertEqual(item.tax_line_id, tax)
        self.assertEqual(
            item.tax_tag_ids,
            tax.invoice_repartition_line_ids.filtered(
                lambda rep: rep.repartition_type == "tax"
            ).tag_ids,
        )
        self.assertTold(case, [], settled_amount=100.0)
        settlement.action_undo()
        self.compare()
        self.assertEqual(self.snapshot(), before)

    def test_rest_stays_on_the_clearing_account(self):
        self.paid_to_ropo(100.0)
        settlement = self.settle(self.money(112.0))
        settlement.action_book()
        left = settlement.entry_id.line_ids.filtered(
            lambda item: item.account_id == self.clearing
        )
        self.assertRecordValues(
            left,
            [{"balance": -12.0, "partner_id": self.ropo.id, "reconciled": False}],
        )
        # Later Ropo's statement says what it was.
        action = left.action_ropo_settle()
        later = self.env["ropo.settlement"].browse(action["res_id"])
        self.assertEqual((later.amount, later.source_amount), (0.0, 12.0))
        later.line_ids = [
            Command.clear(),
            Command.create({"kind": "interest", "amount": 12.0}),
        ]
        later.action_book()
        self.assertTrue(left.reconciled)
        self.assertEqual(self.balances(later.entry_id)[self.interest], -12.0)
        later.action_undo()
        self.assertFalse(left.reconciled)
        self.assertEqual(left.amount_residual, -12.0)

    def test_without_clearing_account_everything_has_to_be_allocated(self):
        self.company.ropo_clearing_account_id = False
        self.paid_to_ropo(100.0)
        settlement = self.settle(self.money(112.0))
        with self.assertRaisesRegex(UserError, "clearing account"):
            settlement.action_book()

    def test_net_of_fees_the_customer_is_cleared_gross(self):
        case = self.paid_to_ropo(100.0)
        settlement = self.settle(self.money(87.6))
        self.assertEqual(settlement.line_ids.amount, 100.0)
        self.assertEqual(settlement.remainder, -12.4)
        settlement.action_book()
        self.assertEqual(case.residual, 0.0)
        self.assertEqual(self.balances(settlement.entry_id)[self.clearing], 12.4)
        self.assertTold(case, [], settled_amount=100.0)
        # Ropo's bill explains the difference: it is set off without money.
        bill = self.bill(12.4)
        left = settlement.entry_id.line_ids.filtered(
            lambda item: item.account_id == self.clearing
        )
        settlement = self.env["ropo.settlement"].browse(
            left.action_ropo_settle()["res_id"]
        )
        self.assertEqual(settlement.source_amount, -12.4)
        settlement.line_ids = [
            Command.clear(),
            Command.create({"kind": "bill", "bill_id": bill.id, "amount": -12.4}),
        ]
        settlement.action_book()
        self.assertTrue(left.reconciled)
        self.assertEqual(bill.amount_residual, 0.0)

    def bill(self, amount):
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "partner_id": self.ropo.id,
                "invoice_date": fields.Date.today(),
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Sample", "price_unit": amount, "tax_ids": []}
                    )
                ],
            }
        )
        bill.action_post()
        return bill

    def test_settlement_of_zero(self):
        """Ropo's bill eats up everything: no money comes, all is booked."""
        case = self.paid_to_ropo(100.0)
        bill = self.bill(150.0)
        settlement = self.by_hand(
            0.0,
            [
                {"assignment_id": case.id, "amount": 100.0},
                {"kind": "bill", "bill_id": bill.id, "amount": -100.0},
            ],
        )
        settlement.action_book()
        self.assertEqual((case.residual, bill.amount_residual), (0.0, 50.0))
        self.assertTold(case, [], settled_amount=100.0, to_come=0.0)
        settlement.action_undo()
        self.assertEqual((case.residual, bill.amount_residual), (100.0, 150.0))

    def test_more_than_is_open_on_the_bill_is_refused(self):
        bill = self.bill(20.0)
        settlement = self.by_hand(
            0.0, [{"kind": "bill", "bill_id": bill.id, "amount": -25.0}]
        )
        with self.assertRaisesRegex(UserError, bill.name):
            settlement.action_book()
        settlement.line_ids = [
            Command.clear(),
            *(
                Command.create({"kind": "bill", "bill_id": bill.id, "amount": -15.0})
                for _twice in range(2)
            ),
        ]
        with self.assertRaisesRegex(UserError, bill.name):
            settlement.action_book()

    def test_ropo_takes_back_what_it_settled(self):
        """The debtor's payment bounced at Ropo after it was settled."""
        case = self.paid_to_ropo(60.0, claim=100.0)
        first = self.settle(self.money(60.0))
        first.action_book()
        self.paid_to_ropo(40.0, move=case.move_id)
        self.settle(self.money(40.0)).action_book()
        self.compare()
        self.assertEqual((case.residual, case.settled_amount), (0.0, 100.0))
        before = self.snapshot()
        back = self.settle(self.money(-25.0))
        back.line_ids = [
            Command.create({"assignment_id": case.id, "amount": -25.0}),
        ]
        back.action_book()
        self.compare()
        self.assertEqual(case.residual, 25.0)
        self.assertEqual((case.settled_amount, case.to_come), (75.0, 25.0))
        self.assertEqual(self.told(case)["paid"], [])
        with self.assertRaisesRegex(UserError, "Undo"):
            case.settlement_line_ids.settlement_id.filtered(
                lambda row: row.amount == 40.0
            ).action_undo()
        back.action_undo()
        self.compare()
        after = self.snapshot()
        self.assertEqual(case.residual, 0.0)
        self.assertEqual(case.settled_amount, 100.0)
        self.assertEqual(after["invoices"], before["invoices"])
        self.assertEqual(after["open"], before["open"])

    def test_more_can_not_be_taken_back_than_came(self):
        case = self.paid_to_ropo(60.0, claim=100.0)
        settlement = self.by_hand(-10.0, [{"assignment_id": case.id, "amount": -10.0}])
        with self.assertRaisesRegex(UserError, "take"):
            settlement.action_book()

    # -- what Ropo told, and what it did not ------------------------------------
    def test_no_case_is_settled_beyond_what_ropo_told(self):
        case = self.paid_to_ropo(60.0, claim=100.0)
        settlement = self.by_hand(80.0, [{"assignment_id": case.id, "amount": 80.0}])
        with self.assertRaisesRegex(UserError, "60"):
            settlement.action_book()
        settlement.line_ids.from_statement = True
        settlement.action_book()
        self.run_cron("report", "audit", "report")
        self.assertEqual(case.settled_unknown, 20.0)
        self.assertTrue(case.needs_attention)

    def test_the_bank_line_comes_before_ropos_event(self):
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        settlement = self.settle(self.money(40.0))
        self.assertFalse(settlement.line_ids)
        settlement.line_ids = [
            Command.create(
                {"assignment_id": case.id, "amount": 40.0, "from_statement": True}
            )
        ]
        settlement.action_book()
        self.assertTold(case, [])
        self.sandbox.debtor_pays(case.maventa_invoice_id, 40.0)
        self.look(case)
        self.assertTold(
            case, [], settled_amount=40.0, to_come=0.0, needs_attention=False
        )

    def test_a_reported_payment_that_was_ropos_money_is_asked_about(self):
        """Nothing knew the bank line as Ropo's; then Ropo tells of the payment."""
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 40.0)
        line = self.bank_line(40.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [], paid_to_ropo=40.0)  # read before it is reported
        question = self.question(case)
        self.answer(question, "paid")
        self.assertTold(case, [40.0])
        self.assertFalse(case.needs_attention)

    def test_a_report_that_turns_out_to_be_an_echo(self):
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        line = self.bank_line(40.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [40.0])
        self.sandbox.debtor_pays(case.maventa_invoice_id, 40.0)
        self.look(case)
        question = self.question(case)
        self.assertEqual(question.decision, "echo")
        self.answer(question, "settlement")
        self.compare()
        self.assertEqual((case.excess_paid, case.settled_amount), (40.0, 40.0))
        self.assertTrue(case.needs_attention)

    def test_an_echo_that_was_none(self):
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        line = self.bank_line(40.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [40.0])
        self.sandbox.debtor_pays(case.maventa_invoice_id, 40.0)
        self.look(case)
        self.answer(self.question(case), "paid")
        self.assertTold(
            case, [40.0], open_amount=20.0, excess_paid=0.0, needs_attention=False
        )
        self.run_cron("audit", "report")
        self.assertFalse(case.needs_attention)

    def test_words_on_a_bank_line_are_asked_about_before_anything_is_told(self):
        self.company.ropo_settlement_words = "tilitys, redovisning"
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        line = self.bank_line(
            40.0, partner=self.business, payment_ref="ROPO TILITYS 4711"
        )
        self.match(move, line.move_id)
        self.assertTold(case, [])
        question = self.question(case)
        self.assertEqual(question.decision, "origin")
        self.answer(question, "paid")
        self.assertTold(case, [40.0], needs_attention=False)

    def test_a_payment_without_amount_is_left_to_a_person(self):
        known, unknown = self.paid_to_ropo(70.0), self.at_ropo(self.invoice(50.0))
        self.env["ropo.assignment.event"].sudo().create(
            {
                "assignment_id": unknown.id,
                "company_id": self.company.id,
                "currency_id": unknown.currency_id.id,
                "direction": "in",
                "kind": "paid",
                "state": "received",
                "amount": 0.0,
                "booked_at": fields.Date.today(),
            }
        )
        settlement = self.settle(self.money(120.0))
        self.assertFalse(settlement.line_ids)
        self.assertIn(unknown.name, settlement.explanation)
        # What is exact all the same is proposed.
        settlement = self.settle(self.money(70.0))
        self.assertEqual(settlement.line_ids.assignment_id, known)

    def test_the_text_names_the_invoice(self):
        """Two debtors paid the same sum; the line has the newer one's reference."""
        older, newer = self.paid_to_ropo(100.0), self.paid_to_ropo(100.0)
        self.paid_to_ropo(30.0)
        reference = newer.move_id.payment_reference or newer.move_id.name
        settlement = self.settle(self.money(100.0, payment_ref=f"Sample {reference}"))
        self.assertEqual(settlement.line_ids.assignment_id, newer)
        self.assertNotEqual(settlement.line_ids.assignment_id, older)

    def test_what_is_in_a_draft_is_not_proposed_twice(self):
        self.paid_to_ropo(100.0)
        first, second = self.money(100.0), self.money(100.0)
        self.assertTrue(self.settle(first).line_ids)
        self.assertFalse(self.settle(second).line_ids)

    def test_one_of_several_possible_sets_has_to_be_compared(self):
        today = fields.Date.today()
        for amount, days in ((10.0, 9), (20.0, 7), (30.0, 5), (40.0, 3)):
            self.paid_to_ropo(amount, date=today - timedelta(days=days))
        settlement = self.settle(self.money(60.0))
        self.assertFalse(settlement.uncertain)  # the three oldest
        settlement.unlink()
        settlement = self.settle(self.money(50.0))
        self.assertEqual(settlement.line_ids.mapped("amount"), [20.0, 30.0])
        settlement.unlink()
        settlement = self.settle(self.money(40.0))
        self.assertEqual(settlement.line_ids.mapped("amount"), [40.0])
        settlement.unlink()
        self.paid_to_ropo(45.0, date=today - timedelta(days=2))
        settlement = self.settle(self.money(55.0))
        self.assertEqual(settlement.line_ids.mapped("amount"), [10.0, 45.0])
        settlement.unlink()
        self.paid_to_ropo(15.0, date=today - timedelta(days=1))
        settlement = self.settle(self.money(55.0))
        self.assertTrue(settlement.uncertain)
        with self.assertRaisesRegex(UserError, "Compare"):
            settlement.action_book()
        settlement.checked = True
        settlement.action_book()
        self.assertEqual(settlement.state, "booked")

    def test_money_in_another_currency(self):
        """Interest on an account in dollars: balanced in both currencies."""
        dollar = self.setup_other_currency("USD", rates=[("2020-01-01", 1.37)])
        journal = self.bank.copy({"currency_id": dollar.id, "name": "Sample dollars"})
        settlement = self.by_hand(
            10.01,
            [
                {"kind": "interest", "amount": 3.33},
                {"kind": "interest", "amount": 3.33},
            ],
            journal_id=journal.id,
        )
        settlement.action_book()
        items = settlement.entry_id.line_ids
        self.assertEqual(items.currency_id, dollar)
        self.assertAlmostEqual(sum(items.mapped("balance")), 0.0, places=2)
        self.assertEqual(
            sorted(items.mapped("amount_currency")), [-3.35, -3.33, -3.33, 10.01]
        )
        line = self.money(10.01, journal_id=journal.id)
        self.settle(line).action_book()
        self.assertTrue(line.is_reconciled)
        self.assertAlmostEqual(
            sum(line.move_id.line_ids.mapped("balance")), 0.0, places=2
        )

    def test_branch_is_settled_by_its_root(self):
        branch = self.env["res.company"].create(
            {"name": "Sample branch", "parent_id": self.company.id}
        )
        self.env.user.company_ids += branch
        self.business.with_company(
            branch
        ).property_account_receivable_id = self.receivable
        both = {"allowed_company_ids": (self.company | branch).ids}
        move = (
            self.env["account.move"]
            .with_context(**both)
            .with_company(branch)
            .create(
                {
                    "move_type": "out_invoice",
                    "company_id": branch.id,
                    "partner_id": self.business.id,
                    "invoice_date": fields.Date.today() - timedelta(days=60),
                    "invoice_line_ids": [
                        Command.create(
                            {"name": "Sample", "price_unit": 100.0, "tax_ids": []}
                        )
                    ],
                }
            )
        )
        move.action_post()
        case = self.env["ropo.assignment"]._create_for(
            move,
            state="sent",
            receivables_type="b2b",
            collection_type="collection",
            summary="Sample",
        )
        self.env["ropo.assignment.event"].sudo().create(
            {
                "assignment_id": case.id,
                "company_id": branch.id,
                "currency_id": case.currency_id.id,
                "direction": "in",
                "kind": "paid",
                "state": "received",
                "amount": 100.0,
                "booked_at": fields.Date.today(),
            }
        )
        case.sudo()._refresh_sums()
        line = self.money(100.0).with_context(**both)
        settlement = self.settle(line).with_context(**both)
        self.assertEqual(settlement.line_ids.assignment_id, case)
        settlement.action_book()
        self.assertEqual(move.amount_residual, 0.0)
        case.sudo()._recheck()
        self.assertEqual(case.settled_amount, 100.0)

    # -- by hand ------------------------------------------------------------------
    def test_registered_by_hand_and_the_bank_line_comes_later(self):
        case = self.paid_to_ropo(100.0)
        settlement = self.by_hand(100.0)
        settlement.action_propose()
        settlement.action_book()
        self.assertEqual(case.residual, 0.0)
        self.assertTold(case, [], settled_amount=100.0)
        line = self.money(100.0)
        later = self.settle(line)
        self.assertFalse(later.line_ids)
        self.assertEqual(later.remainder, 0.0)
        later.action_book()
        self.assertTrue(line.is_reconciled)
        self.assertTold(case, [], settled_amount=100.0, needs_attention=False)
        with self.assertRaises(UserError):
            settlement.entry_id.button_draft()
        before = case.settled_amount
        later.action_undo()
        self.compare()
        self.assertEqual(case.settled_amount, before)
        settlement.action_undo()
        self.compare()
        self.assertEqual((case.settled_amount, case.residual), (0.0, 100.0))
        self.assertEqual(settlement.entry_id.state, "cancel")

    def test_registered_payment_of_ropos(self):
        case = self.paid_to_ropo(100.0)
        payment = self.env["account.payment"].create(
            {
                "amount": 100.0,
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.ropo.id,
                "journal_id": self.bank.id,
            }
        )
        payment.action_post()
        self.assertTrue(payment.ropo_to_settle)
        before = self.snapshot()
        settlement = self.env["ropo.settlement"].browse(
            payment.action_ropo_settle()["res_id"]
        )
        self.assertEqual(settlement.line_ids.assignment_id, case)
        settlement.action_book()
        self.assertEqual(case.residual, 0.0)
        payment.invalidate_recordset()  # as the form reads it the next time
        self.assertFalse(payment.ropo_to_settle)
        self.assertTold(case, [], settled_amount=100.0)
        settlement.action_undo()
        self.compare()
        self.assertEqual(self.snapshot(), before)

    def test_journal_entry_from_ropos_report(self):
        case = self.paid_to_ropo(100.0)
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.clearing.id,
                            "partner_id": self.ropo.id,
                            "credit": 100.0,
                        }
                    ),
                    Command.create(
                        {"account_id": self.bank.suspense_account_id.id, "debit": 100.0}
                    ),
                ],
            }
        )
        entry.action_post()
        item = entry.line_ids.filtered("credit")
        settlement = self.env["ropo.settlement"].browse(
            item.action_ropo_settle()["res_id"]
        )
        settlement.action_book()
        self.assertTrue(item.reconciled)
        self.assertTold(case, [], settled_amount=100.0)
        settlement.action_undo()
        self.assertFalse(item.reconciled)
        self.assertEqual(case.residual, 100.0)

    def test_a_customers_money_is_not_settled(self):
        """It would never be reported."""
        payment = self.loose_payment(100.0)
        self.assertFalse(payment.ropo_to_settle)
        with self.assertRaisesRegex(UserError, "not Ropo's"):
            payment.action_ropo_settle()
        settlement = self.by_hand(
            0.0, source_item_ids=[Command.set(payment._ropo_open_items().ids)]
        )
        with self.assertRaisesRegex(UserError, "not Ropo's"):
            settlement.action_book()

    # -- after a write-off --------------------------------------------------------
    def test_money_after_a_write_off(self):
        tax = self.company_data["default_tax_sale"]
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        lost = self.entry(100.0, self.loss)
        self.match(move, lost)
        self.compare()
        self.answer(self.question(case), "keep")
        self.compare()
        self.paid_to_ropo(50.0, move=move)
        settlement = self.settle(self.money(50.0))
        line = settlement.line_ids
        self.assertRecordValues(
            line,
            [
                {
                    "kind": "recovered",
                    "amount": 50.0,
                    "account_id": self.recovered.id,
                    "tax_ids": [],
                }
            ],
        )
        self.assertTrue(settlement.has_recovered)
        line.tax_ids = tax
        settlement.action_book()
        net = round(50.0 / (1 + tax.amount / 100), 2)
        self.assertEqual(self.balances(settlement.entry_id)[self.recovered], -net)
        self.assertEqual(move.amount_residual, 0.0)
        self.assertTold(case, [], settled_amount=50.0, to_come=0.0)

    # -- closed periods, rights, guards ------------------------------------------
    def test_bank_line_whose_tax_return_is_filed(self):
        """Interest with tax can't be booked on the bank's day any more."""
        self.interest.tax_ids = self.company_data["default_tax_sale"]
        case = self.paid_to_ropo(100.0)
        today = fields.Date.today()
        day = today.replace(day=1) - timedelta(days=3)
        line = self.money(110.0, date=day)
        self.company.tax_lock_date = today.replace(day=1) - timedelta(days=1)
        before = self.snapshot()
        settlement = self.settle(line)
        settlement.line_ids = [Command.create({"kind": "interest", "amount": 10.0})]
        with self.assertRaisesRegex(UserError, "closed period"):
            settlement.action_book()
        settlement.date = today
        settlement.action_book()
        self.assertNotEqual(settlement.entry_id, line.move_id)
        self.assertEqual((settlement.entry_id.date, line.date), (today, day))
        self.assertTrue(line.is_reconciled)
        self.assertEqual(case.residual, 0.0)
        self.assertFalse(line.ropo_to_settle)
        items = (settlement.entry_id | line.move_id).line_ids.filtered(
            lambda item: item.account_id == self.clearing
        )
        self.assertEqual(items.mapped("reconciled"), [True, True])
        self.assertTold(case, [], settled_amount=100.0)
        line.action_undo_reconciliation()
        self.assertEqual(settlement.state, "undone")
        self.compare()
        self.assertEqual(self.snapshot(), before)

    def test_undone_after_the_month_was_closed(self):
        case = self.paid_to_ropo(100.0)
        today = fields.Date.today()
        day = today.replace(day=1) - timedelta(days=3)
        in_line = self.settle(self.money(60.0, date=day))
        in_line.line_ids = [
            Command.clear(),
            Command.create({"assignment_id": case.id, "amount": 60.0}),
        ]
        in_line.action_book()
        own = self.by_hand(40.0, [{"assignment_id": case.id, "amount": 40.0}], date=day)
        own.action_book()
        self.company.fiscalyear_lock_date = today.replace(day=1) - timedelta(days=1)
        with self.assertRaisesRegex(UserError, "closed period"):
            in_line.action_undo()
        own.action_undo()
        self.assertEqual(own.state, "undone")
        self.assertEqual(own.reversal_id.date, today)
        self.compare()
        self.assertEqual((case.residual, case.settled_amount), (40.0, 60.0))
        self.assertEqual(self.told(case)["paid"], [])

    def test_entry_of_a_settlement_is_not_taken_apart(self):
        self.paid_to_ropo(100.0)
        line = self.money(100.0)
        self.settle(line).action_book()
        for method in ("button_draft", "button_cancel", "_reverse_moves"):
            with self.subTest(method), self.assertRaisesRegex(UserError, "Undo"):
                getattr(line.move_id, method)()
        with self.assertRaisesRegex(UserError, "Undo"):
            line.unlink()

    def clerk(self, login, group):
        return new_test_user(
            self.env,
            login,
            groups=f"base.group_user,{group}",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )

    def test_invoicing_user_settles(self):
        clerk = self.clerk("sample-clerk", "account.group_account_invoice")
        case = self.paid_to_ropo(100.0)
        line = self.money(100.0).with_user(clerk)
        self.assertIn(line, line.search([("ropo_to_settle", "=", True)]))
        action = line.action_ropo_settle()
        settlement = (
            self.env["ropo.settlement"].with_user(clerk).browse(action["res_id"])
        )
        settlement.action_book()
        self.assertEqual(case.residual, 0.0)
        self.assertFalse(line.search([("ropo_to_settle", "=", True)]))
        settlement.action_undo()
        self.assertEqual(case.residual, 100.0)
        settlement.action_draft()
        settlement.unlink()
        by_hand = settlement.create({"amount": 100.0})
        by_hand.action_propose()
        by_hand.action_book()
        self.assertEqual(case.residual, 0.0)
        self.assertTrue(by_hand.line_ids.read())
        self.assertTrue(self.env["ropo.figures"].with_user(clerk).search([]).read())

    def test_reader_looks_and_changes_nothing(self):
        reader = self.clerk("sample-reader", "account.group_account_readonly")
        self.paid_to_ropo(100.0)
        line = self.money(100.0)
        settlement = self.settle(line)
        with self.assertRaises(AccessError):
            line.with_user(reader).action_ropo_settle()
        for method in ("action_book", "action_propose", "action_undo", "action_draft"):
            with self.subTest(method), self.assertRaises(AccessError):
                getattr(settlement.with_user(reader), method)()
        self.assertTrue(settlement.with_user(reader).read())
        self.assertTrue(
            self.env["ropo.settlement.open"].with_user(reader).search([]).read()
        )

    def test_other_companies_see_nothing(self):
        other = self.env["res.company"].create({"name": "Sample Other Oy"})
        stranger = new_test_user(
            self.env,
            "sample-stranger",
            groups="base.group_user,account.group_account_invoice",
            company_id=other.id,
            company_ids=[Command.set(other.ids)],
        )
        self.paid_to_ropo(100.0)
        settlement = self.settle(self.money(100.0))
        for records in (
            settlement,
            settlement.line_ids,
            self.env["ropo.settlement.open"].search([]),
            self.env["ropo.figures"].search([]),
        ):
            with self.subTest(records._name):
                self.assertTrue(records)
                self.assertFalse(records.with_user(stranger)._filtered_access("read"))
                self.assertFalse(records.with_user(stranger).search([]))

    def test_only_buttons_book(self):
        clerk = self.clerk("sample-clerk", "account.group_account_invoice")
        case = self.paid_to_ropo(100.0)
        settlement = self.settle(self.money(100.0)).with_user(clerk)
        other = self.pay(self.invoice(10.0), 10.0).move_id
        for values in ({"state": "booked"}, {"entry_id": other.id}):
            with self.subTest(values), self.assertRaises(AccessError):
                settlement.write(values)
            with self.subTest(values), self.assertRaises(AccessError):
                settlement.create({"amount": 1.0, **values})
        settlement.action_book()
        for record, values in (
            (settlement, {"amount": 1.0}),
            (settlement.line_ids, {"amount": 1.0}),
            (settlement, {"line_ids": [Command.clear()]}),
        ):
            with self.subTest(values), self.assertRaises(UserError):
                record.write(values)
        with self.assertRaises(UserError):
            settlement.line_ids.create(
                {"settlement_id": settlement.id, "assignment_id": case.id}
            )
        with self.assertRaises(UserError):
            settlement.unlink()
        with self.assertRaises(UserError):
            settlement.action_book()

    # -- recognised, late, what it cost ----------------------------------------
    def test_bank_lines_are_recognised_by_each_mark(self):
        company = self.company
        plain = {"partner_id": False}
        holder = self.env["res.partner.bank"].create(
            {"acc_number": "FI4250001510000023", "partner_id": self.ropo.id}
        )
        child = self.env["res.partner"].create(
            {"name": "Sample payments", "parent_id": self.ropo.id}
        )
        for setting, values, by_itself in (
            ({"ropo_settlement_partner_id": self.ropo.id}, {}, True),
            (
                {"ropo_settlement_partner_id": self.ropo.id},
                {"partner_id": child.id},
                True,
            ),
            (
                {"ropo_settlement_partner_id": self.ropo.id},
                {**plain, "account_number": "FI42 5000 1510 0000 23"},
                True,
            ),
            (
                {"ropo_settlement_partner_id": self.ropo.id},
                {**plain, "narration": "sample"},
                True,
            ),
            ({"ropo_settlement_journal_ids": self.bank.ids}, plain, True),
            (
                {"ropo_settlement_ibans": "FI21 1234 5600 0007 85"},
                {**plain, "account_number": "FI2112345600000785"},
                True,
            ),
            (
                {"ropo_settlement_names": "Ropo Sample Oy"},
                {**plain, "partner_name": "ROPO SAMPLE OY"},
                True,
            ),
            (
                {"ropo_settlement_words": "Tilitys"},
                {**plain, "payment_ref": "RopoTILITYS 12"},
                False,
            ),
        ):
            company.write(
                {
                    "ropo_settlement_partner_id": False,
                    "ropo_settlement_journal_ids": False,
                    "ropo_settlement_ibans": False,
                    "ropo_settlement_names": False,
                    "ropo_settlement_words": False,
                }
            )
            line, other = self.money(5.0, **values), self.money(5.0, **plain)
            if "narration" in values:
                line.move_id.partner_bank_id = holder
            lines = line | other
            find = [("ropo_to_settle", "=", True), ("id", "in", lines.ids)]
            with self.subTest(setting):
                self.assertFalse(lines.search(find))
                company.write(setting)
                expected = lines if "ropo_settlement_journal_ids" in setting else line
                self.assertEqual(lines.search(find), expected)
                self.assertEqual(lines.filtered("ropo_to_settle"), expected)
                case = self.env["ropo.assignment"].new({"company_id": company.id})
                self.assertEqual(case._is_settlement(line.move_id), by_itself)
                company.ropo_environment = "off"
                self.assertFalse(lines.search(find))
                company.ropo_environment = "test"

    def test_dashboard_counts_what_waits(self):
        self.money(5.0)
        data = self.bank._get_journal_dashboard_data_batched()[self.bank.id]
        self.assertEqual(data["ropo_to_settle"], 1)
        action = self.bank.action_ropo_bank_lines()
        found = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(len(found), 1)

    def test_money_that_does_not_come_is_told(self):
        self.company.ropo_responsible_id = self.env.user
        partner = self.company.partner_id

        def activity():
            self.run_cron("audit")
            return partner.activity_search(["ropo_collection.mail_activity_late_money"])

        monday = fields.Date.from_string("2026-11-16")
        with freeze_time("2026-11-16 10:00:00"):
            case = self.paid_to_ropo(100.0, date=monday)
        row = self.env["ropo.settlement.open"].search([("assignment_id", "=", case.id)])
        self.assertRecordValues(row, [{"amount": 100.0, "booked_at": monday}])
        for now, told in (
            ("2026-11-20 18:00:00", False),
            ("2026-11-22 18:00:00", False),
            ("2026-11-23 10:00:00", True),
        ):
            with self.subTest(now), freeze_time(now):
                self.assertEqual(bool(activity()), told)
        with freeze_time("2026-11-23 11:00:00"):
            self.assertEqual(activity().user_id, self.env.user)
            self.settle(self.money(100.0)).action_book()
            self.compare()
            self.assertFalse(activity())

    def test_recovery_figures(self):
        one, two = self.paid_to_ropo(60.0, claim=100.0), self.at_ropo()
        self.settle(self.money(60.0)).action_book()
        self.pay(one.move_id, 15.0)
        self.compare()
        bill = self.bill(30.0)
        bill.ropo_bill_case_ids = one | two
        rows = self.env["ropo.figures"].search(
            [("assignment_id", "in", (one | two).ids)], order="id"
        )
        self.assertRecordValues(
            rows,
            [
                {
                    "claim": 100.0,
                    "paid": 15.0,
                    "settled": 60.0,
                    "recovered": 75.0,
                    "to_come": 0.0,
                    "cost": 15.0,
                    "days_to_money": 0,
                },
                {
                    "claim": 100.0,
                    "paid": 0.0,
                    "settled": 0.0,
                    "recovered": 0.0,
                    "to_come": 0.0,
                    "cost": 15.0,
                    "days_to_money": 0,
                },
            ],
        )
        self.assertEqual(one.bill_ids, bill)

    def test_what_has_no_room_on_the_invoice_has_come_all_the_same(self):
        """The debtor paid Ropo and us: Ropo's money stays open on the customer."""
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        self.pay(move, 30.0)
        self.paid_to_ropo(100.0, move=move)
        self.settle(self.money(100.0)).action_book()
        self.compare()
        self.assertEqual((case.settled_amount, case.to_come), (100.0, 0.0))
        figures = self.env["ropo.figures"].search([("assignment_id", "=", case.id)])
        self.assertEqual((figures.settled, figures.to_come), (70.0, 0.0))
        self.assertFalse(
            self.env["ropo.settlement.open"].search([("assignment_id", "=", case.id)])
        )
