"""Each report reaches Ropo exactly once, in order, whatever happens on its way."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestReports(LedgerCommon):
    def setUp(self):
        super().setUp()
        self.move = self.invoice()
        self.case = self.at_ropo(self.move)

    def reports(self):
        return self.case.event_ids.filtered(lambda ev: ev.direction == "out")

    def lose(self, amount, fault="cut_before"):
        """Pay, and lose the answer to the report; return the report."""
        self.pay(self.move, amount)
        self.faults.next("POST", "/events", fault)
        self.run_cron("report")
        [report] = self.reports().filtered(lambda ev: ev.state == "unknown")
        return report

    def later(self, report, **duration):
        self.let_pass(report, **duration)
        self.run_cron("report")

    # -- unknown outcomes ---------------------------------------------------
    def test_answer_lost_after_ropo_accepted(self):
        report = self.lose(40.0, "cut_after")
        self.later(report, minutes=2)
        self.assertEqual(report.state, "sent")
        self.assertTold(self.case, [40.0])

    def test_lost_before_it_arrived_is_sent_again_after_an_hour(self):
        report = self.lose(40.0)
        for _look in range(4):
            self.later(report, minutes=11)
            self.assertEqual(
                (report.state, self.told(self.case)["paid"]), ("unknown", [])
            )
        self.later(report, minutes=30)
        self.assertTold(self.case, [40.0])

    def test_list_that_lags_behind_the_report(self):
        """Accepted, answer lost, and the list shows it only after 40 minutes."""
        self.sandbox.list_lag_seconds = 40 * 60
        report = self.lose(40.0, "cut_after")
        for _look in range(3):
            self.later(report, minutes=12)
            self.sandbox.move_clock(seconds=12 * 60)
            self.assertEqual(report.state, "unknown")
        self.sandbox.move_clock(seconds=10 * 60)
        self.later(report, minutes=30)
        self.assertEqual(report.state, "sent")
        self.assertTold(self.case, [40.0])

    def test_list_that_lacks_what_ropo_is_known_to_have_proves_nothing(self):
        self.pay(self.move, 10.0)
        self.assertTold(self.case, [10.0])
        self.sandbox.list_lag_seconds = 10 * 3600
        report = self.lose(40.0, "cut_after")
        for _look in range(4):
            self.later(report, hours=2)
        self.assertEqual(report.state, "unknown")
        self.assertEqual(sorted(self.told(self.case)["paid"]), [10.0, 40.0])
        # It can't be told: a person asks Ropo.
        self.assertTrue(report.needs_word)
        self.assertIn("40.00", self.case.attention_reason)
        self.assertTrue(self.case.activity_ids)
        self.say(report.action_arrived())
        self.assertEqual((report.state, report.needs_word), ("sent", False))
        self.sandbox.move_clock(seconds=11 * 3600)
        self.look(self.case)
        self.assertTold(self.case, [10.0, 40.0], needs_attention=False, paid_to_ropo=0)
        self.assertTrue(report.external_id)

    def say(self, action):
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        with self.assertRaises(UserError):
            wizard.action_confirm()
        wizard.reason = "Sample: told on the telephone"
        wizard.action_confirm()

    def test_several_events_it_could_be(self):
        self.pay(self.move, 20.0)
        self.faults.next("POST", "/events", "cut_before")
        self.run_cron("report")
        [report] = self.reports()
        for _payment in range(2):
            self.sandbox.debtor_pays(self.case.maventa_invoice_id, 20.0)
        for _look in range(3):
            self.later(report, hours=2)
        self.assertEqual((report.state, report.needs_word), ("unknown", True))
        self.assertEqual(self.told(self.case)["paid"], [])
        clerk = new_test_user(
            self.env,
            "sample-clerk",
            groups="account.group_account_invoice",
            company_id=self.company.id,
        )
        with self.assertRaises(AccessError):
            report.with_user(clerk).action_not_arrived()
        self.say(report.action_not_arrived())
        self.assertTold(self.case, [])
        # Only now it is clear that the debtor paid the same sum to Ropo as well.
        self.answer(self.question(self.case), "paid")
        self.assertTold(self.case, [20.0], paid_to_ropo=40.0, open_amount=40.0)
        with self.assertRaises(UserError):
            self.say(report.action_arrived())

    def test_the_debtor_pays_ropo_another_sum_meanwhile(self):
        report = self.lose(40.0)
        self.sandbox.debtor_pays(self.case.maventa_invoice_id, 15.0)
        self.later(report, minutes=2)
        # Not ours; but as long as ours is missing it is not counted either.
        self.assertEqual(report.state, "unknown")
        for _look in range(3):
            self.later(report, hours=1)
        self.look(self.case)
        self.assertTold(self.case, [40.0], paid_to_ropo=15.0, open_amount=45.0)

    def test_equal_sums_of_one_day_with_one_answer_lost(self):
        self.pay(self.move, 30.0)
        self.assertTold(self.case, [30.0])
        report = self.lose(30.0, "cut_after")
        self.later(report, minutes=2)
        self.assertTold(self.case, [30.0, 30.0])
        report = self.lose(30.0)
        for _look in range(4):
            self.later(report, hours=1)
        self.assertTold(self.case, [30.0, 30.0, 30.0])

    def test_unmatched_while_its_answer_is_missing(self):
        """It may have been told: that is sorted out first, then a person is asked."""
        report = self.lose(40.0, "cut_after")
        self.unmatch(self.move)
        self.later(report, minutes=2)
        self.assertTold(self.case, [40.0], excess_paid=40.0, needs_attention=True)

    def test_unmatched_while_it_is_lost(self):
        report = self.lose(40.0)
        self.unmatch(self.move)
        for _look in range(4):
            self.later(report, hours=1)
        self.assertTold(self.case, [], excess_paid=0.0, needs_attention=False)
        self.assertEqual(report.state, "dropped")

    def listed_otherwise(self, **changes):
        """How Ropo lists reports is another than how they were posted."""
        original = type(self.sandbox)._events_json

        def events_json(sandbox, state, case):
            posted = {ev["id"] for ev in case["events"] if ev.get("posted")}
            return [
                {**event, **(changes if event["id"] in posted else {})}
                for event in original(sandbox, state, case)
            ]

        patcher = patch.object(type(self.sandbox), "_events_json", events_json)
        patcher.start()
        self.addCleanup(patcher.stop)

    def test_listed_with_the_day_it_was_posted(self):
        """Not the date it was booked at: it may be ours, so it is not sent again."""
        self.listed_otherwise(date="2026-01-01", booked_at="2026-01-01")
        report = self.lose(40.0, "cut_after")
        for _look in range(4):
            self.later(report, hours=2)
        self.assertTrue(report.needs_word)
        self.assertEqual(self.told(self.case)["paid"], [40.0])
        self.say(report.action_arrived())
        self.assertTold(self.case, [40.0])

    def test_listed_under_a_name_nobody_knows(self):
        self.listed_otherwise(type="direct_payment")
        report = self.lose(40.0, "cut_after")
        for _look in range(4):
            self.later(report, hours=2)
        self.assertTrue(report.needs_word)
        self.assertEqual(self.told(self.case)["paid"], [40.0])

    def test_listed_under_another_number_than_it_was_answered_with(self):
        self.listed_otherwise(id="sample-other-number")
        self.pay(self.move, 40.0)
        self.assertTold(self.case, [40.0])
        self.look(self.case)
        self.assertTold(self.case, [40.0], paid_to_ropo=0.0, open_amount=60.0)
        self.assertEqual(self.reports().external_id, "sample-other-number")
        self.let_pass(self.reports(), days=2)
        self.look(self.case)
        self.assertFalse(self.case.needs_attention)

    def forgotten(self, has_it):
        """A report that Ropo answered two days ago, and does not list."""
        self.pay(self.move, 40.0)
        self.assertTold(self.case, [40.0])
        with self.sandbox.transaction() as state:
            [there] = state["cases"].values()
            there["events"] = [ev for ev in there["events"] if not ev.get("posted")]
            there["told_paid"] = "40" if has_it else "0"
        self.let_pass(self.reports(), days=2)
        self.look(self.case)
        [report] = self.reports()
        self.assertTrue(report.missing_there)
        self.assertTrue(report.needs_word)
        self.assertIn("40.00", self.case.attention_reason)
        return report

    def test_answered_and_not_listed_and_ropo_has_it(self):
        report = self.forgotten(has_it=True)
        self.say(report.action_arrived())
        self.assertFalse(self.case.needs_attention)
        self.let_pass(report, days=2)
        self.look(self.case)
        self.assertEqual(self.case.reported_paid, 40.0)

    def test_answered_and_not_listed_and_ropo_does_not_have_it(self):
        report = self.forgotten(has_it=False)
        self.say(report.action_not_arrived())
        self.assertTold(self.case, [40.0], open_amount=60.0)
        self.let_pass(self.reports(), days=2)
        self.look(self.case)
        self.assertTold(self.case, [40.0], needs_attention=False, open_amount=60.0)

    # -- refused, closed ----------------------------------------------------
    def test_refused_report_does_not_hold_up_the_next_and_can_be_sent_again(self):
        self.pay(self.move, 40.0)
        self.faults.next("POST", "/events", "status:422")
        self.run_cron("report")
        [report] = self.reports()
        self.assertEqual(report.state, "error")
        self.assertTrue(self.case.needs_attention)
        self.pay(self.move, 10.0)
        self.assertTold(self.case, [10.0], needs_attention=True)
        report.action_retry()
        self.assertTold(self.case, [10.0, 40.0], needs_attention=False)

    def test_a_report_of_another_case_is_not_held_up(self):
        other = self.invoice()
        case = self.at_ropo(other)
        self.lose(40.0)
        self.pay(other, 25.0)
        self.assertTold(case, [25.0])

    def test_closed_by_ropo_while_a_report_waits(self):
        self.company.ropo_report_delay = 15
        self.pay(self.move, 40.0)
        self.run_cron("report")
        self.sandbox.close(self.case.maventa_invoice_id, "Sample: bankrupt")
        self.look(self.case)
        self.assertEqual(self.case.state, "closed")
        self.assertTold(self.case, [])
        self.assertEqual(self.reports().state, "dropped")

    def test_paid_closed_and_then_the_payment_is_taken_back(self):
        """Ropo closed it because of what we told; now that is not true."""
        self.pay(self.move, 100.0)
        self.assertTold(self.case, [100.0])
        self.look(self.case)
        self.assertEqual(self.case.state, "closed")
        self.assertFalse(self.case.needs_attention)
        self.unmatch(self.move)
        self.assertTold(self.case, [100.0], excess_paid=100.0, needs_attention=True)
        self.assertIn("100.00", self.case.attention_reason)
        self.assertTrue(self.case.activity_ids)

    def test_opened_again_by_ropo_after_a_correction(self):
        """From then on money is reported again."""
        payment = self.pay(self.move, 100.0)
        self.assertTold(self.case, [100.0])
        self.look(self.case)
        self.assertEqual(self.case.state, "closed")
        payment.action_cancel()
        self.run_cron("report")
        action = self.case.action_corrected()
        self.sandbox.correct(self.case.maventa_invoice_id, "paid", 100.0)
        self.say(action)
        self.assertEqual(self.case.reported_paid, 0.0)
        self.look(self.case)
        self.assertEqual((self.case.state, self.case.needs_attention), ("sent", False))
        self.assertTrue(self.move.no_followup)
        self.pay(self.move, 30.0)
        self.run_cron("report")
        self.assertEqual(self.told(self.case)["paid"], [100.0, 30.0])
        self.assertEqual(self.case.open_amount, 70.0)

    def test_ropo_reopens_nothing_when_the_claim_is_short_after_closing(self):
        """What is open beyond the claim of a closed case is not Ropo's any more."""
        move = self.invoice()
        before = self.pay(move, 40.0)
        case = self.at_ropo(move)
        self.sandbox.close(case.maventa_invoice_id, "Sample: bankrupt")
        self.look(case)
        before.action_cancel()
        self.assertTold(case, [], excess_back=0.0, needs_attention=False)

    # -- order and delay ----------------------------------------------------
    def test_rows_of_a_case_go_out_in_the_order_of_their_dates(self):
        days = [5, 1, 3]
        for number, ago in enumerate(days):
            self.pay(
                self.move,
                10.0 + number,
                date=fields.Date.today() - timedelta(days=ago),
            )
        self.assertTold(self.case, [10.0, 11.0, 12.0])
        posted = self.sandbox.case(self.case.maventa_invoice_id)["events"]
        amounts = [float(ev["amount"]) for ev in posted if ev.get("posted")]
        self.assertEqual(amounts, [10.0, 12.0, 11.0])

    def test_a_question_holds_up_only_itself(self):
        self.match(self.move, self.entry(20.0))
        self.pay(self.move, 30.0)
        self.assertTold(self.case, [30.0])
        self.assertEqual(self.question(self.case).amount, 20.0)

    def test_nothing_is_told_before_the_delay_is_over(self):
        self.company.ropo_report_delay = 15
        self.pay(self.move, 30.0)
        self.assertTold(self.case, [])
        [report] = self.reports()
        left = report.due_at - fields.Datetime.now()
        self.assertTrue(timedelta(minutes=14) < left <= timedelta(minutes=15), left)
        trigger = self.env["ir.cron.trigger"].search(
            [
                ("cron_id", "=", self.env.ref("ropo_collection.cron_report").id),
                ("call_at", ">=", report.due_at),
            ]
        )
        self.assertTrue(trigger)
        report.sudo().due_at = fields.Datetime.now()
        self.assertTold(self.case, [30.0])

    def test_an_earlier_row_holds_up_others_when_it_was_tried_not_when_it_waits(self):
        self.company.ropo_report_delay = 15
        self.case.sudo().accepted_at -= timedelta(days=5)
        for ago, amount in ((2, 10.0), (1, 20.0)):
            self.pay(self.move, amount, date=fields.Date.today() - timedelta(days=ago))
        self.assertTold(self.case, [])
        earlier, later = self.reports().sudo().sorted("booked_at")
        now, hour = fields.Datetime.now(), timedelta(hours=1)
        later.due_at = now
        earlier.write({"due_at": now, "next_try_at": now + hour})
        self.assertTold(self.case, [])
        earlier.write({"due_at": now + hour, "next_try_at": False})
        self.assertTold(self.case, [20.0])

    @mute_logger("odoo.addons.ropo_collection.models.ropo_worker")
    def test_one_bad_case_does_not_hold_up_the_others(self):
        other = self.invoice()
        case = self.at_ropo(other)
        self.pay(self.move, 30.0)
        self.pay(other, 25.0)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE ropo_assignment SET baseline = '[[1]]' WHERE id = %s",
            [self.case.id],
        )
        self.env.invalidate_all()
        self.assertTold(case, [25.0])

    # -- the audit ----------------------------------------------------------
    def test_audit_twice_changes_nothing(self):
        self.pay(self.move, 30.0)
        self.assertTold(self.case, [30.0])
        self.let_pass(self.case, hours=3)
        self.let_pass(self.reports(), hours=3)
        self.run_cron("audit", "poll", "report")
        before = self.everything()
        self.run_cron("audit", "poll", "report")
        self.assertEqual(before, self.everything())

    def everything(self):
        """All that is stored of the case and its timeline."""
        rows = []
        for records in (self.case, self.case.event_ids):
            names = [name for name, field in records._fields.items() if field.store]
            rows += records.sudo().read(names)
        return rows

    def test_money_from_ropo_that_ropo_never_told_of(self):
        self.company.ropo_settlement_partner_id = self.ropo
        line = self.bank_line(40.0, partner=self.ropo)
        self.match(self.move, line.move_id)
        self.assertTold(self.case, [], settled_amount=40.0, needs_attention=False)
        # The bank may be quicker than Ropo's list; a day later it may not.
        self.run_cron("audit")
        self.assertTrue(self.case.needs_attention)
        self.assertIn("40.00", self.case.attention_reason)
        self.sandbox.debtor_pays(self.case.maventa_invoice_id, 40.0)
        self.look(self.case)
        self.assertTold(self.case, [], needs_attention=False, to_come=0.0)

    def test_balance_that_differs_is_shown(self):
        self.pay(self.move, 40.0)
        self.assertTold(self.case, [40.0])
        self.sandbox.correct(self.case.maventa_invoice_id, "paid", 15.0)
        self.let_pass(self.reports(), hours=2)
        self.run_cron("audit", "poll", "audit")
        self.assertEqual(self.case.remote_difference, 15.0)
        self.assertIn("75.00", self.case.attention_reason)
