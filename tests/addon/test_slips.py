"""What is undone, changed, deleted or matched anew, before and after Ropo hears."""

from datetime import datetime, time, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestSlips(LedgerCommon):
    # -- payments -----------------------------------------------------------
    def test_payment_reset_changed_and_posted_again(self):
        """40 was told; the payment was really 30."""
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        payment.action_draft()
        payment.amount = 30.0
        payment.action_post()
        self.assertTold(case, [40.0], excess_paid=40.0)
        self.match(move, payment.move_id)
        self.assertTold(case, [40.0], excess_paid=10.0)
        self.assertIn("10.00", case.attention_reason)

    def test_payment_changed_before_it_was_told(self):
        self.company.ropo_report_delay = 15
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [])
        payment.action_draft()
        payment.amount = 30.0
        payment.action_post()
        self.match(move, payment.move_id)
        self.run_cron("report")
        self.let_events_pass(case)
        self.assertTold(case, [30.0], needs_attention=False)

    def let_events_pass(self, case):
        """The delay of what waits is over."""
        waiting = case.event_ids.filtered(lambda event: event.state == "queued")
        waiting.sudo().due_at = fields.Datetime.now()

    def test_payment_with_a_changed_date_is_not_told_again(self):
        """Reset and posted again the match stays; only the date is another."""
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        payment.move_id.button_draft()
        payment.move_id.date -= timedelta(days=2)
        payment.move_id.action_post()
        self.assertTold(case, [40.0], excess_paid=0.0, needs_attention=False)

    def test_payment_reset_to_draft_is_no_payment_until_posted(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        payment.action_draft()
        self.assertTold(case, [40.0], excess_paid=40.0, needs_attention=True)
        payment.action_post()
        self.assertTold(case, [40.0], excess_paid=0.0, needs_attention=False)

    def test_payment_cancelled(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        payment.action_cancel()
        self.assertTold(case, [40.0], excess_paid=40.0, needs_attention=True)

    def test_payment_deleted(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        payment.action_draft()
        payment.unlink()
        self.assertTold(case, [40.0], excess_paid=40.0, needs_attention=True)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0], excess_paid=0.0, needs_attention=False)

    def test_matched_anew_in_one_transaction(self):
        """Un-matched and matched again before any worker came: nothing happened."""
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        for _time in range(3):
            self.unmatch(move)
            self.match(move, payment.move_id)
        self.assertTold(case, [40.0], excess_paid=0.0, needs_attention=False)
        self.assertEqual(len(case.event_ids.filtered("amount")), 1)

    def test_matched_with_the_right_invoice_after_the_wrong_one(self):
        wrong, right = self.invoice(), self.invoice()
        cases = self.at_ropo(wrong), self.at_ropo(right)
        payment = self.pay(wrong, 40.0)
        self.assertTold(cases[0], [40.0])
        self.unmatch(wrong)
        self.match(right, payment.move_id)
        self.assertTold(cases[0], [40.0], excess_paid=40.0, needs_attention=True)
        self.assertTold(cases[1], [40.0], excess_paid=0.0)

    def test_undone_and_undone_again_within_the_delay_is_silent(self):
        self.company.ropo_report_delay = 15
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.run_cron("report")
        self.let_events_pass(case)
        self.assertTold(case, [40.0])
        payment = self.env["account.payment"].search([], limit=1)
        self.unmatch(move)
        self.assertTold(case, [40.0], excess_paid=40.0)
        # Ropo can wait for a quarter of an hour, and so can the bookkeeper.
        self.assertFalse(case.needs_attention)
        case.sudo().excess_since -= timedelta(minutes=16)
        case._mark_recheck()
        self.assertTold(case, [40.0], needs_attention=True)
        self.match(move, payment.move_id)
        self.assertTold(case, [40.0], needs_attention=False)

    def test_the_words_for_ropo_name_case_invoice_and_sum(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.run_cron("report")
        self.assertEqual(len(case.activity_ids), 1)
        self.assertEqual(case.activity_ids.date_deadline, fields.Date.today())
        for words in (case.external_id, move.name, "40.00"):
            self.assertIn(words, str(case.activity_ids.note))

    # -- credit notes -------------------------------------------------------
    def test_credit_note_of_the_customer_counts_when_it_is_assigned(self):
        """Made without the invoice, posted, matched by hand days later."""
        move = self.invoice()
        case = self.at_ropo(move)
        note = self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": self.business.id,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Sample", "price_unit": 30.0, "tax_ids": []}
                    )
                ],
            }
        )
        note.action_post()
        self.assertTold(case, [], [])
        move.js_assign_outstanding_line(self.open_line(note).id)
        self.assertTold(case, [], [30.0], open_amount=70.0)

    def test_credit_note_reset_changed_posted_cancelled(self):
        move = self.invoice()
        case = self.at_ropo(move)
        note = self.credit(move, 30.0)
        self.assertTold(case, [], [30.0])
        note.button_draft()
        self.assertTold(case, [], [30.0], excess_credited=30.0, needs_attention=True)
        note.action_post()
        self.assertTold(case, [], [30.0], excess_credited=0.0, needs_attention=False)
        note.button_draft()
        note.button_cancel()
        self.assertTold(case, [], [30.0], excess_credited=30.0, needs_attention=True)

    def test_credit_note_in_draft_or_of_tomorrow_says_nothing_yet(self):
        move = self.invoice()
        case = self.at_ropo(move)
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create(
                {
                    "journal_id": move.journal_id.id,
                    "reason": "Sample",
                    "date": fields.Date.today() + timedelta(days=1),
                }
            )
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        self.assertEqual(note.state, "draft")
        self.assertTold(case, [], [], needs_attention=False)

    def test_part_paid_invoice_credited_whole_asks_first(self):
        """40 was paid and told; then a credit note for all of the 100 is posted."""
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        note = self.credit(move)
        self.assertEqual((note.amount_total, move.amount_residual), (100.0, 0.0))
        self.assertTold(case, [40.0], [])
        question = self.question(case)
        self.assertEqual((question.decision, question.amount), ("full_credit", 60.0))
        self.answer(question, "credit_note")
        self.assertTold(case, [40.0], [60.0], needs_attention=False)

    def test_unpaid_invoice_credited_whole_is_told_at_once(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.credit(move)
        self.assertTold(case, [], [100.0])

    def test_credited_in_part_after_part_payment_is_told_at_once(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.credit(move, 60.0)
        self.assertTold(case, [40.0], [60.0])

    def modify(self, move):
        """*Reverse and create invoice*: core un-matches what was paid, and credits."""
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Sample"})
        )
        wizard.modify_moves()

    def test_part_paid_invoice_reversed_and_made_anew(self):
        """The payment is loose again, the invoice credited: never netted."""
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.modify(move)
        self.assertTold(case, [40.0], [], excess_paid=40.0)
        question = self.question(case)
        self.assertEqual((question.decision, question.amount), ("full_credit", 100.0))
        self.answer(question, "credit_note")
        # Told and credited together stay within the claim; the rest is asked about.
        self.assertTold(case, [40.0], [60.0], excess_paid=40.0)
        self.assertEqual(self.question(case).decision, "over_claim")

    def test_unpaid_invoice_reversed_and_made_anew(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.modify(move)
        self.assertTold(case, [], [100.0], needs_attention=False)

    # -- the baseline -------------------------------------------------------
    def test_withdrawn_from_the_baseline_and_paid_by_other_means(self):
        """40 was paid before, bounced after, and the debtor paid 60: 20 are news."""
        move = self.invoice()
        before = self.pay(move, 40.0)
        case = self.at_ropo(move)
        before.action_cancel()
        self.assertTold(case, [], excess_back=40.0)
        self.pay(move, 60.0)
        self.assertTold(case, [20.0], excess_back=0.0, open_amount=40.0)

    def test_settings_do_not_make_news_of_what_was_paid_before(self):
        """What was paid before is in the claim, even if it turns out to be Ropo's."""
        move = self.invoice()
        self.pay(move, 40.0)
        case = self.at_ropo(move)
        self.company.ropo_settlement_journal_ids = self.bank
        line = self.bank_line(20.0, partner=self.business)
        self.company.ropo_settlement_journal_ids = False
        self.match(move, line.move_id)
        self.company.ropo_settlement_partner_id = self.business
        case._mark_recheck()
        self.assertTold(case, [], settled_amount=20.0)
        self.company.ropo_settlement_partner_id = False
        case._mark_recheck()
        self.assertTold(case, [20.0], settled_amount=0.0)

    def test_a_report_that_was_ropos_own_money_is_found_out(self):
        move = self.invoice()
        case = self.at_ropo(move)
        line = self.bank_line(20.0, partner=self.business, partner_name="Sample AB")
        self.match(move, line.move_id)
        self.assertTold(case, [20.0])
        self.company.ropo_settlement_names = "Sample AB"
        self.run_cron("audit", "report")
        self.assertTold(case, [20.0], excess_paid=20.0, needs_attention=True)

    # -- what Ropo has corrected --------------------------------------------
    def corrected(self, case, **amounts):
        action = case.action_corrected()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        wizard.write({"reason": "Sample: told on the telephone", **amounts})
        wizard.action_confirm()

    def test_what_came_up_after_the_telephone_call_is_not_corrected(self):
        """Agreed on 40 with Ropo; then another payment of 30 bounced."""
        move = self.invoice()
        case = self.at_ropo(move)
        first, second = self.pay(move, 40.0), self.pay(move, 30.0)
        self.assertTold(case, [40.0, 30.0])
        first.action_cancel()
        self.run_cron("report")
        action = case.action_corrected()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(wizard.paid, 40.0)
        second.action_cancel()
        self.run_cron("report")
        wizard.reason = "Sample: told on the telephone"
        wizard.action_confirm()
        self.assertEqual((case.reported_paid, case.excess_paid), (30.0, 30.0))

    def test_matched_again_after_the_telephone_call_is_told_again(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.run_cron("report")
        action = case.action_corrected()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        self.match(move, payment.move_id)
        self.run_cron("report")
        self.sandbox.correct(case.maventa_invoice_id, "paid", 40.0)
        wizard.reason = "Sample: told on the telephone"
        wizard.action_confirm()
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [40.0, 40.0])
        self.assertEqual((case.reported_paid, case.excess_paid), (40.0, 0.0))
        there = self.sandbox.case(case.maventa_invoice_id)
        self.assertEqual(float(there["open_amount"]), 60.0)

    def test_ropo_has_corrected_a_part(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.run_cron("report")
        self.corrected(case, paid=25.0)
        self.assertEqual((case.reported_paid, case.excess_paid), (15.0, 15.0))
        self.assertTrue(case.needs_attention)
        with self.assertRaises(UserError):
            self.corrected(case, paid=15.01)
        with self.assertRaises(UserError):
            self.corrected(case, paid=0.0)
        self.corrected(case)
        self.assertEqual((case.reported_paid, case.needs_attention), (0.0, False))

    def test_a_correction_has_the_day_where_the_company_is(self):
        """What a month's figures say must not depend on the hour in London."""
        move = self.invoice()
        self.pay(move, 20.0)
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.run_cron("report")
        self.company.partner_id.tz = "Europe/Helsinki"
        today = fields.Date.today()
        with freeze_time(datetime.combine(today, time(22, 30))):
            self.corrected(case)
        told = case.event_ids.filtered(lambda event: event.kind == "paid")
        tomorrow = today + timedelta(days=1)
        self.assertEqual((told.corrected_on, case.raised_on), (tomorrow, tomorrow))

    # -- other records ------------------------------------------------------
    def merge(self, source, target):
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard.sudo()._merge((source | target).ids, target)

    def test_merged_customers(self):
        twin = self.business.copy({"name": "Sample Business (twin)"})
        move = self.invoice(partner=twin)
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.merge(twin, self.business)
        self.env.invalidate_all()
        self.assertEqual(case.partner_id, self.business)
        self.assertEqual(case.payer_ids.partner_id, self.business)
        self.assertTold(case, [40.0])
        self.pay(move, 60.0)
        self.assertTold(case, [40.0, 60.0], open_amount=0.0)

    def test_merged_customers_one_of_whom_is_never_handed_over(self):
        twin = self.business.copy({"name": "Sample Business (twin)"})
        twin.ropo_excluded = True
        self.merge(twin, self.business)
        self.assertTrue(self.business.ropo_excluded)

    def test_merged_ropo_stays_ropo(self):
        twin = self.env["res.partner"].create({"name": "Ropo (sample, twin)"})
        self.company.ropo_settlement_partner_id = twin
        self.merge(twin, self.ropo)
        self.env.invalidate_all()
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 100.0)
        self.look(case)
        line = self.bank_line(100.0, partner=self.ropo)
        self.match(move, line.move_id)
        self.assertTold(case, [], settled_amount=100.0, needs_attention=False)

    # -- people -------------------------------------------------------------
    def test_only_a_manager_says_that_ropo_corrected_it(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.run_cron("report")
        clerk = new_test_user(
            self.env,
            "sample-clerk",
            groups="account.group_account_invoice",
            company_id=self.company.id,
        )
        with self.assertRaises(AccessError):
            case.with_user(clerk).action_corrected()

    def test_nobody_is_escalated_to_over_the_weekend(self):
        self.company.ropo_responsible_id = self.env.user
        second = new_test_user(
            self.env, "second", groups="account.group_account_manager"
        )
        self.company.ropo_substitute_id = second
        case = self.at_ropo()
        friday = fields.Datetime.to_datetime("2026-11-20 15:00:00")
        for now, asked in (
            ("2026-11-22 20:00:00", False),
            ("2026-11-23 14:59:00", False),
            ("2026-11-23 15:01:00", True),
        ):
            case.sudo().write(
                {
                    "needs_attention": True,
                    "attention_reason": "Sample",
                    "attention_since": friday,
                    "escalated": False,
                }
            )
            with self.subTest(now), self.at(now):
                case.sudo()._escalate()
                self.assertEqual(case.escalated, asked)

    def at(self, moment):
        """Odoo's clock stands at this moment (UTC)."""
        now = fields.Datetime.to_datetime(moment)
        return patch.object(fields.Datetime, "now", staticmethod(lambda *_a: now))
