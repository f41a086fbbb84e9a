"""What Ropo is told of what the bookkeeper does, row by row."""

from datetime import datetime, time, timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestLedger(LedgerCommon):
    # -- payments ---------------------------------------------------------
    def test_part_and_full_payment(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0], open_amount=60.0)
        self.pay(move, 60.0)
        self.assertTold(case, [40.0, 60.0], open_amount=0.0)
        self.assertEqual(move.amount_residual, 0.0)

    def test_two_equal_payments_of_one_day_are_two(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 30.0)
        self.pay(move, 30.0)
        self.assertTold(case, [30.0, 30.0], open_amount=40.0)

    def test_bank_line_tells_the_banks_date(self):
        move = self.invoice()
        case = self.at_ropo(move)
        booked = fields.Date.today() - timedelta(days=3)
        line = self.bank_line(25.0, partner=self.business, date=booked)
        self.match(move, line.move_id)
        self.assertTold(case, [25.0])
        self.assertEqual(
            case.event_ids.filtered(lambda ev: ev.direction == "out").booked_at, booked
        )

    def test_payment_of_several_invoices_tells_each_its_share(self):
        one, two = self.invoice(100.0), self.invoice(60.0)
        cases = self.at_ropo(one), self.at_ropo(two)
        self.pay(one | two, 160.0, group_payment=True)
        self.assertTold(cases[0], [100.0])
        self.assertTold(cases[1], [60.0])

    def test_nothing_is_told_twice(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.run_cron("report", "report", "audit", "report")
        self.assertTold(case, [40.0])

    def test_payment_in_draft_counts_when_it_is_posted(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        payment.move_id.button_draft()
        self.assertTold(case, [])
        payment.move_id.action_post()
        self.assertTold(case, [40.0])

    def test_undone_before_it_was_sent_is_silent(self):
        self.company.ropo_report_delay = 15
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [])
        self.assertEqual(case.to_report, 0.0 or case.to_report)
        self.unmatch(move)
        self.run_cron("report")
        waiting = case.event_ids.filtered(lambda event: event.state == "queued")
        self.assertFalse(waiting)

    def test_the_difference_shows_at_once(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.assertEqual(case.to_report, 0.0)
        self.pay(move, 40.0)
        self.assertEqual(case.to_report, 40.0)

    # -- before the transfer ----------------------------------------------
    def test_what_was_paid_before_is_not_told(self):
        move = self.invoice()
        self.pay(move, 40.0)
        case = self.at_ropo(move)
        self.assertEqual(case.capital_amount, 60.0)
        self.assertTold(case, [])

    def test_unmatched_and_matched_again_is_not_told(self):
        move = self.invoice()
        payment = self.pay(move, 40.0)
        case = self.at_ropo(move)
        self.unmatch(move)
        self.match(move, payment.move_id)
        self.assertTold(case, [])

    def test_another_payment_in_place_of_an_earlier_one_is_not_told(self):
        move = self.invoice()
        self.pay(move, 40.0)
        other = self.bank_line(40.0, partner=self.business)
        case = self.transfer(move, confirm_warnings=True)
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")
        self.unmatch(move)
        self.match(move, other.move_id)
        self.assertTold(case, [])

    def test_money_booked_before_and_matched_after_goes_at_once(self):
        self.company.ropo_report_delay = 60
        move = self.invoice()
        line = self.bank_line(
            40.0, partner=self.business, date=fields.Date.today() - timedelta(days=5)
        )
        case = self.transfer(move, confirm_warnings=True)
        self.run_cron("transfer", "poll")
        self.match(move, line.move_id)
        self.assertTold(case, [40.0])

    def test_a_payment_of_before_taken_away_needs_a_person(self):
        move = self.invoice()
        self.pay(move, 40.0)
        case = self.at_ropo(move)
        self.unmatch(move)
        self.assertTold(case, [])
        self.assertEqual(case.excess_back, 40.0)
        self.assertTrue(case.needs_attention)
        self.assertIn("40.00", case.attention_reason)

    # -- undone after sent ------------------------------------------------
    def test_undone_after_sent_needs_a_person_until_matched_again(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.assertTold(case, [40.0], excess_paid=40.0)
        self.assertTrue(case.needs_attention)
        self.assertTrue(case.activity_ids)
        self.match(move, payment.move_id)
        self.assertTold(case, [40.0], excess_paid=0.0)
        self.assertFalse(case.needs_attention)
        self.assertFalse(case.activity_ids)

    def test_a_payment_stands_in_for_another_but_not_for_a_credit(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0], excess_paid=0.0)
        self.unmatch(move)
        self.credit(move, 40.0)
        self.assertTold(case, [40.0], [40.0], excess_paid=40.0)

    # -- credit notes -----------------------------------------------------
    def test_part_and_full_credit(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.credit(move, 30.0)
        self.assertTold(case, [], [30.0], open_amount=70.0)
        self.credit(move, 70.0)
        self.assertTold(case, [], [30.0, 70.0], open_amount=0.0)

    def test_credit_larger_than_the_invoice_tells_what_it_credits(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.credit(move, 150.0)
        self.assertTold(case, [], [100.0])

    def test_whole_credit_after_part_payment_is_asked_about(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.credit(move)
        self.assertTold(case, [40.0], [])
        question = self.question(case)
        self.assertEqual(question.decision, "full_credit")

    # -- settlements ------------------------------------------------------
    def settled(self, **bank_values):
        """The debtor paid Ropo; Ropo's money comes in and is matched."""
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 100.0)
        self.look(case)
        self.assertEqual(case.paid_to_ropo, 100.0)
        line = self.bank_line(100.0, **bank_values)
        self.match(move, line.move_id)
        return case

    def test_settlement_by_partner(self):
        self.company.ropo_settlement_partner_id = self.ropo
        case = self.settled(partner=self.ropo)
        self.assertTold(case, [], settled_amount=100.0, needs_attention=False)

    def test_settlement_by_journal(self):
        self.company.ropo_settlement_journal_ids = self.bank
        case = self.settled(partner=self.business)
        self.assertTold(case, [], settled_amount=100.0)

    def test_settlement_by_account_number(self):
        self.company.ropo_settlement_ibans = "FI21 1234 5600 0007 85"
        case = self.settled(account_number="FI2112345600000785")
        self.assertTold(case, [], settled_amount=100.0)

    def test_settlement_by_name_on_the_bank_line(self):
        self.company.ropo_settlement_names = "Ropo Sample Oy"
        case = self.settled(partner_name="ROPO SAMPLE OY")
        self.assertTold(case, [], settled_amount=100.0)

    def test_the_free_text_of_a_bank_line_proves_nothing(self):
        self.company.ropo_settlement_names = "Ropo Sample Oy"
        move = self.invoice()
        case = self.at_ropo(move)
        line = self.bank_line(
            100.0, partner=self.business, payment_ref="Ropo Sample Oy case 7"
        )
        self.match(move, line.move_id)
        self.assertTold(case, [100.0])

    def test_what_looks_like_a_settlement_is_asked_about(self):
        case = self.settled(partner=self.business)
        self.assertTold(case, [])
        question = self.question(case)
        self.assertEqual(question.decision, "origin")
        question.action_answer_settlement()
        self.assertTold(case, [], settled_amount=100.0, needs_attention=False)

    def test_a_debtor_who_paid_both_is_found_out(self):
        case = self.settled(partner=self.business)
        self.run_cron("report")
        self.assertEqual(case.state, "closed")
        self.question(case).action_answer_paid()
        self.assertTold(case, [])
        self.assertEqual(self.question(case).decision, "over_claim")

    def test_from_the_customer_all_the_same_is_told_up_to_the_claim(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 40.0)
        self.look(case)
        self.pay(move, 40.0)
        self.assertTold(case, [])
        self.question(case).action_answer_paid()
        self.assertTold(case, [40.0], open_amount=20.0, needs_attention=False)

    # -- write-offs and other entries -------------------------------------
    def write_off(self, amount, account, paid=95.0):
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(
            move,
            paid,
            payment_difference_handling="reconcile",
            writeoff_account_id=account.id,
        )
        self.assertEqual(move.amount_residual, 0.0)
        self.assertEqual(paid + amount, 100.0)
        return case

    def test_write_off_as_our_loss_is_not_told(self):
        case = self.write_off(5.0, self.loss)
        self.assertTold(case, [95.0], open_amount=5.0, needs_attention=False)

    def test_small_write_off_is_a_credit(self):
        case = self.write_off(0.5, self.expense, paid=99.5)
        self.assertTold(case, [99.5], [0.5], open_amount=0.0)

    def test_larger_write_off_is_asked_about(self):
        case = self.write_off(5.0, self.expense)
        self.assertTold(case, [95.0])
        question = self.question(case)
        self.assertEqual((question.decision, question.amount), ("write_off", 5.0))
        self.answer(question, "credit_note")
        self.assertTold(case, [95.0], [5.0], needs_attention=False)

    def test_other_entry_is_asked_about(self):
        for answer, paid, credited in (
            ("paid", [20.0], []),
            ("credit_note", [], [20.0]),
            ("keep", [], []),
        ):
            with self.subTest(answer):
                move = self.invoice()
                case = self.at_ropo(move)
                self.match(move, self.entry(20.0))
                self.assertTold(case, [])
                question = self.question(case)
                self.assertEqual(question.decision, "misc")
                self.answer(question, answer)
                self.assertTold(case, paid, credited, needs_attention=False)

    def test_a_question_goes_when_its_matter_goes(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.match(move, self.entry(20.0))
        self.assertTold(case, [])
        self.question(case)
        self.unmatch(move)
        self.assertTold(case, [], needs_attention=False)
        self.assertFalse(case.event_ids.filtered(lambda ev: ev.state == "decision"))
        self.assertFalse(case.activity_ids)

    def test_a_day_comes_when_it_begins_where_the_company_is(self):
        """At half past midnight in Helsinki it is still yesterday in London."""
        move, other = self.invoice(), self.invoice()
        case = self.at_ropo(move)
        tomorrow = fields.Date.today() + timedelta(days=1)
        for invoice in (move, other):
            self.pay(invoice, 40.0, date=tomorrow)
        # Nobody's own time zone: scheduled actions have none. A contact rarely has one.
        self.env.user.tz = False
        now = datetime.combine(fields.Date.today(), time(22, 30))
        for zone, to_tell in (
            ("UTC", 0.0),
            ("Europe/Helsinki", 40.0),
            ("America/New_York", 0.0),
            (False, 40.0),
        ):
            self.company.partner_id.tz = zone
            case.invalidate_recordset()
            with self.subTest(zone), freeze_time(now):
                self.assertEqual(case.to_report, to_tell)
                codes = [code for code, _text in other._ropo_verdicts()[other].blocks]
                self.assertEqual(codes, [] if to_tell else ["draft_match"])

    def test_what_was_booked_before_the_transfer_is_late_already(self):
        """Accepted at half past midnight: the day before is over."""
        self.company.ropo_report_delay = 600
        move = self.invoice()
        case = self.at_ropo(move)
        today = fields.Date.today()
        accepted = datetime.combine(today - timedelta(days=1), time(22, 30))
        case.sudo().accepted_at = accepted
        self.company.partner_id.tz = "Europe/Helsinki"
        for day, waits in ((today - timedelta(days=1), False), (today, True)):
            with self.subTest(day):
                self.pay(move, 10.0, date=day)
                self.run_cron("report")
                report = case.event_ids.filtered(
                    lambda event, day=day: event.booked_at == day
                )
                self.assertEqual(report.due_at > fields.Datetime.now(), waits)

    def test_entry_of_the_future_waits_for_its_day(self):
        move = self.invoice()
        case = self.at_ropo(move)
        tomorrow = fields.Date.today() + timedelta(days=1)
        line = self.bank_line(20.0, partner=self.business, date=tomorrow)
        self.match(move, line.move_id)
        self.assertTold(case, [])
        self.assertFalse(case.needs_attention)

    def test_more_than_the_claim_is_held(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 70.0)
        self.look(case)
        self.pay(move, 60.0)
        self.assertTold(case, [30.0])
        self.assertEqual(self.question(case).decision, "over_claim")
        self.assertEqual(self.question(case).amount, 30.0)

    def test_answers_about_one_payment_add_up(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 60.0)
        self.look(case)
        self.pay(move, 50.0)
        self.assertTold(case, [40.0])
        self.assertEqual(self.question(case).amount, 10.0)
        self.answer(self.question(case), "keep")
        self.assertTold(case, [40.0], needs_attention=False)
        self.run_cron("audit", "report")
        self.assertTold(case, [40.0], needs_attention=False)

    def test_reported_as_paid_and_more_than_the_claim_is_asked_once_each(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 95.0)
        self.look(case)
        self.match(move, self.entry(20.0))
        self.assertTold(case, [])
        self.answer(self.question(case), "paid")
        self.assertTold(case, [5.0])
        question = self.question(case)
        self.assertEqual((question.decision, question.amount), ("over_claim", 15.0))
        self.answer(question, "keep")
        self.assertTold(case, [5.0], needs_attention=False)

    def test_a_question_about_the_origin_stays_until_it_is_answered(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 40.0)
        self.look(case)
        line = self.bank_line(40.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [])
        self.sandbox.debtor_pays(case.maventa_invoice_id, 15.0)
        self.look(case)
        self.assertTold(case, [])
        self.assertEqual(self.question(case).decision, "origin")

    def test_surplus_is_asked_about_while_ropo_has_costs(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.stage(case.maventa_invoice_id, "debt_collection")
        line = self.bank_line(107.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [100.0])
        case.action_refresh()
        self.run_cron("poll", "report")
        self.assertEqual((case.state, case.remote_status), ("sent", "partially_closed"))
        question = self.question(case)
        self.assertEqual((question.decision, question.amount), ("surplus", 7.0))
        self.answer(question, "keep")
        self.assertTold(case, [100.0], needs_attention=False)

    # -- what it costs those who are not at Ropo --------------------------
    def test_no_query_more_when_nothing_is_at_ropo(self):
        partials = type(self.env["account.partial.reconcile"])
        nothing = self.env["account.move"]

        def queries(act, *args):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            act(*args)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        def matched_and_unmatched():
            move = self.invoice(at_maventa=False)
            line = self.bank_line(100.0, partner=self.business)
            return queries(self.match, move, line.move_id), queries(self.unmatch, move)

        matched_and_unmatched()  # what Odoo keeps for all requests
        ours = matched_and_unmatched()
        with patch.object(partials, "_ropo_invoices", lambda _self: nothing):
            theirs = matched_and_unmatched()
        self.assertEqual(ours, theirs)

    # -- corrections, clocks, audit ---------------------------------------
    def correct(self, case):
        action = case.action_corrected()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        with self.assertRaises(UserError):
            wizard.action_confirm()
        wizard.reason = "Sample: confirmed by telephone"
        wizard.action_confirm()

    def test_ropo_has_corrected_what_it_was_told_too_much(self):
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.pay(move, 40.0)
        self.assertTold(case, [40.0])
        self.unmatch(move)
        self.assertTold(case, [40.0], excess_paid=40.0)
        self.sandbox.correct(case.maventa_invoice_id, "paid", 40.0)
        self.correct(case)
        self.assertEqual((case.reported_paid, case.open_amount), (0.0, 100.0))
        self.assertFalse(case.needs_attention)
        self.assertFalse(case.activity_ids)
        self.match(move, payment.move_id)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [40.0, 40.0])
        self.assertEqual((case.reported_paid, case.open_amount), (40.0, 60.0))

    def test_ropo_has_raised_its_claim(self):
        move = self.invoice()
        self.pay(move, 40.0)
        case = self.at_ropo(move)
        self.unmatch(move)
        self.assertTold(case, [], excess_back=40.0)
        self.correct(case)
        self.assertEqual((case.capital_amount, case.excess_back), (100.0, 0.0))
        self.pay(move, 25.0)
        self.assertTold(case, [25.0], open_amount=75.0)

    def test_a_second_person_is_asked_after_a_business_day(self):
        self.company.ropo_responsible_id = self.env.user
        second = new_test_user(
            self.env, "second", groups="account.group_account_manager"
        )
        self.company.ropo_substitute_id = second
        move = self.invoice()
        case = self.at_ropo(move)
        self.match(move, self.entry(20.0))
        self.assertTold(case, [])
        self.assertEqual(case.activity_ids.user_id, self.env.user)
        self.run_cron("report")
        self.assertEqual(len(case.activity_ids), 1)
        case.sudo().attention_since = fields.Datetime.now() - timedelta(days=4)
        self.run_cron("report", "report")
        self.assertEqual(case.activity_ids.user_id, self.env.user | second)
        self.answer(self.question(case), "keep")
        self.assertTold(case, [])
        self.assertFalse(case.activity_ids)

    def test_loose_money_of_a_debtor_is_found_every_day(self):
        case = self.at_ropo()
        self.loose_payment(15.0)
        self.run_cron("audit")
        self.assertIn("15.00", case.attention_reason)
        self.match(
            case.move_id, self.env["account.payment"].search([], limit=1).move_id
        )
        self.run_cron("audit")
        self.assertTold(case, [15.0], needs_attention=False)

    def test_a_credit_note_says_what_it_will_do_at_ropo(self):
        move = self.invoice()
        self.at_ropo(move)
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Sample"})
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        self.assertIn("ropo_credit_note", note._get_alerts())
        note.action_post()
        self.assertNotIn("ropo_credit_note", note._get_alerts())

    def test_a_credit_that_maventa_connected_by_itself_is_not_told_again(self):
        move = self.invoice()
        case = self.at_ropo(move)
        self.sandbox.connect_credit_note(case.maventa_invoice_id, 30.0)
        self.look(case)
        self.credit(move, 30.0)
        self.assertTold(case, [], [], needs_attention=False)
        self.assertEqual(case.reported_credited, 30.0)
        self.assertEqual(case.open_amount, 70.0)
