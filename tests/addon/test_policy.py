"""Policies: what is proposed, approved, stopped, and sent by itself."""

from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.ropo_collection.models import ropo_assignment_propose

from .common import RopoCommon

PROPOSALS = ["ropo_collection.mail_activity_proposals"]
#: A Wednesday: Thursday, Friday and Monday are its three business days.
WEDNESDAY = "2026-03-04 10:00:00"


@tagged("post_install", "-at_install")
class TestPolicy(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.ropo_transfer_policy = "propose"
        cls.responsible = new_test_user(
            cls.env,
            login="ropo_responsible",
            groups="account.group_account_invoice",
            company_id=cls.company.id,
        )
        cls.company.ropo_responsible_id = cls.responsible

    def proposed(self, moves=None):
        domain = [("state", "=", "proposed"), ("company_id", "=", self.company.id)]
        found = self.env["ropo.assignment"].search(domain)
        return found if moves is None else found.filtered(lambda c: c.move_id in moves)

    def activity(self):
        return self.company.partner_id.activity_search(PROPOSALS)

    def assertNothingSent(self):
        self.assertFalse(self.server.requests)

    # -- propose ----------
    def test_by_hand_proposes_nothing(self):
        self.company.ropo_transfer_policy = "manual"
        self.invoice()
        self.run_cron("propose", "transfer")
        self.assertFalse(self.proposed())
        self.assertFalse(self.activity())
        self.assertNothingSent()

    def test_list_to_approve_all_or_some(self):
        moves = [self.invoice(100.0), self.invoice(20.0), self.invoice(3.0)]
        self.run_cron("propose", "transfer")
        cases = self.proposed()
        self.assertEqual(cases.move_id, moves[0] | moves[1] | moves[2])
        self.assertFalse(any(cases.mapped("send_on")))
        self.assertNothingSent()
        activity = self.activity()
        self.assertEqual(activity.user_id, self.responsible)
        self.assertIn("transfer: 3", activity.summary)
        self.assertIn("approval: 3, 123.00", activity.note)
        self.assertIn("To approve", activity.note)
        first = cases.filtered(lambda case: case.move_id == moves[0])
        payer = first.payer_ids
        first.with_user(self.responsible).action_send()
        self.assertEqual(first.requested_by_id, self.responsible)
        self.assertEqual(first.payer_ids, payer, "the customer has not changed")
        self.assertIn("approval: 2, 23.00", self.activity().note)
        self.run_cron("transfer", "poll")
        self.assertEqual(first.state, "sent")
        rest = cases - first
        self.assertEqual(set(rest.mapped("state")), {"proposed"})
        rest.with_user(self.responsible).action_cancel()
        self.assertFalse(self.activity())
        self.run_cron("propose", "transfer")
        self.assertFalse(self.proposed())
        self.assertEqual(len(self.sandbox_cases()), 1)

    def sandbox_cases(self):
        return [
            call
            for call in self.server.requests
            if call[0] == "POST" and call[1].endswith("/assignment/ropo")
        ]

    def test_one_activity_however_often_it_runs(self):
        self.invoice()
        self.run_cron("propose")
        self.invoice()
        self.run_cron("propose", "propose")
        self.assertEqual(len(self.proposed()), 2)
        self.assertEqual(len(self.activity()), 1)
        self.assertIn("transfer: 2", self.activity().summary)

    def test_without_a_responsible_a_manager_is_asked(self):
        self.company.ropo_responsible_id = False
        self.invoice()
        self.run_cron("propose")
        user = self.activity().user_id
        self.assertTrue(user.has_group("account.group_account_manager"))

    def test_warnings_and_blocks_are_left_for_a_person(self):
        self.invoice(partner=self.business.copy({"ropo_special": "estate"}))
        self.invoice(partner=self.business.copy({"street": False}))
        self.invoice(overdue=1)
        self.invoice().ropo_excluded = True
        self.invoice()._ropo_take_dispute("Sample")
        self.run_cron("propose")
        self.assertFalse(self.proposed())

    def test_start_date_and_minimum_amount(self):
        self.company.ropo_policy_start = fields.Date.today() - timedelta(days=30)
        self.company.ropo_minimum_amount = 50.0
        good = self.invoice(50.0, overdue=30)
        self.invoice(49.99, overdue=30)
        self.invoice(50.0, overdue=31)
        part_paid = self.invoice(60.0, overdue=30)
        self.pay(part_paid, 11.0)
        self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, good)

    def test_extra_days(self):
        self.company.ropo_extra_days = 3
        self.invoice(overdue=9)
        late = self.invoice(overdue=10)
        self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, late)

    def test_numbers_that_can_not_be(self):
        with self.assertRaises(ValidationError):
            self.company.ropo_minimum_amount = -1
        for days in (0, -1):
            with self.assertRaisesRegex(ValidationError, "at least one"):
                self.company.ropo_veto_days = days

    def test_declined_comes_back_only_when_something_changes(self):
        declined, paying, later = self.invoice(), self.invoice(), self.invoice()
        self.run_cron("propose")
        self.proposed().action_cancel()
        self.run_cron("propose")
        self.assertFalse(self.proposed())
        self.pay(paying, 40.0)
        later.invoice_date_due -= timedelta(days=1)
        self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, paying | later)
        self.assertEqual(
            self.proposed(paying).capital_amount, 60.0, "the claim of today"
        )
        self.proposed().action_cancel()
        self.run_cron("propose")
        self.assertFalse(self.proposed())
        self.assertEqual(self.transfer(declined).state, "queued", "by hand: any time")

    def test_cancelled_by_a_person_before_it_was_sent_is_declined(self):
        case = self.transfer(self.invoice())
        case.action_cancel()
        self.run_cron("propose")
        self.assertFalse(self.proposed())

    def test_reset_invoice_is_proposed_again(self):
        """Nobody has declined it: it was put right."""
        move = self.invoice()
        self.run_cron("propose")
        move.button_draft()
        self.assertFalse(self.proposed())
        move.action_post()
        self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, move)

    def test_what_is_not_owed_any_more_leaves_the_list(self):
        paid, disputed, kept = self.invoice(), self.invoice(), self.invoice()
        self.run_cron("propose")
        cases = {case.move_id: case for case in self.proposed()}
        self.pay(paid, 100.0)
        disputed._ropo_take_dispute("Sample")
        self.assertEqual(cases[disputed].state, "cancelled")
        self.let_review()
        self.run_cron("propose", "transfer")
        self.assertEqual(self.proposed().move_id, kept)
        self.assertEqual(cases[paid].state, "cancelled")
        self.assertIn("Nothing is open", cases[paid].error_message)
        self.assertIn("transfer: 1", self.activity().summary)
        disputed.action_ropo_undispute()
        self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, kept | disputed)

    def let_review(self):
        """As on another day: proposals are checked again once a day."""
        self.proposed().sudo().reviewed_on = False

    def test_warning_that_comes_up_shows_on_the_list(self):
        move = self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        payment = self.loose_payment(5.0)
        self.let_review()
        self.run_cron("propose")
        self.assertEqual(case.state, "proposed")
        self.assertIn("not matched", case.error_message)
        payment.action_draft()
        payment.action_cancel()
        self.let_review()
        self.run_cron("propose")
        self.assertFalse(case.error_message)
        self.assertEqual(case.move_id, move)

    def test_approved_with_an_unseen_warning_stops(self):
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.loose_payment(5.0)
        case.with_user(self.responsible).action_send()
        self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertIn("not matched", case.error_message)
        self.assertFalse(self.sandbox_cases())
        case.with_user(self.responsible).action_retry()
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")

    def test_address_mended_between_proposal_and_approval(self):
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.business.street = "Samplestreet 99"
        case.action_send()
        self.run_cron("transfer", "poll")
        sent = self.sandbox.case(case.maventa_invoice_id)["body"]["payers"][0]
        self.assertEqual(sent["street_address"], "Samplestreet 99")

    # -- automatic ----------
    def automatic(self, **values):
        self.company.write({"ropo_transfer_policy": "automatic", **values})

    def test_sent_when_nobody_has_stopped_it(self):
        with freeze_time(WEDNESDAY) as clock:
            self.automatic(ropo_veto_days=3)
            move, stopped = self.invoice(100.0), self.invoice(7.0)
            self.run_cron("propose", "transfer")
            case, other = self.proposed(move), self.proposed(stopped)
            tuesday = fields.Date.to_date("2026-03-10")
            self.assertEqual(set((case | other).mapped("send_on")), {tuesday})
            activity = self.activity()
            self.assertEqual(activity.date_deadline, tuesday)
            self.assertIn("03/10/2026", activity.note)
            self.assertIn("unless somebody stops", activity.note)
            self.assertNothingSent()
            other.with_user(self.responsible).action_cancel()
            for day in ("2026-03-05", "2026-03-06", "2026-03-07", "2026-03-09"):
                clock.move_to(f"{day} 23:50:00")
                self.run_cron("propose", "transfer")
                self.assertEqual(case.state, "proposed", day)
            self.assertNothingSent()
            clock.move_to("2026-03-10 01:00:00")
            self.run_cron("propose", "transfer", "poll")
            self.assertEqual(case.state, "sent", case.error_message)
            self.assertEqual(other.state, "cancelled")
            self.assertEqual(len(self.sandbox_cases()), 1)
            self.assertFalse(self.activity())
            history = " ".join(move.message_ids.mapped("body"))
            self.assertIn("policy Automatic", history)

    def test_one_day_is_a_whole_business_day(self):
        for start, send_on in (
            ("2026-03-04", "2026-03-06"),
            ("2026-03-06", "2026-03-10"),
            ("2026-03-07", "2026-03-10"),
        ):
            with self.subTest(start), freeze_time(f"{start} 22:00:00"):
                self.automatic(ropo_veto_days=1)
                move = self.invoice()
                self.run_cron("propose")
                case = self.proposed(move)
                self.assertEqual(case.send_on, fields.Date.to_date(send_on))

    def test_the_days_to_stop_it_are_those_where_the_company_is(self):
        """Wednesday 22:30 in London is Thursday in Helsinki: Friday is the day."""
        self.automatic(ropo_veto_days=1)
        self.company.partner_id.tz = "Europe/Helsinki"
        with freeze_time("2026-03-04 22:30:00"):
            move = self.invoice()
            self.run_cron("propose")
            case = self.proposed(move)
        self.assertEqual(case.send_on, fields.Date.to_date("2026-03-09"))
        for moment, state in (
            ("2026-03-08 21:30:00", "proposed"),
            ("2026-03-08 22:30:00", "queued"),
        ):
            case.sudo().reviewed_on = False
            with self.subTest(moment), freeze_time(moment):
                self.run_cron("propose")
                self.assertEqual(case.state, state)

    def at_its_day(self, case):
        case.sudo().write({"send_on": fields.Date.today(), "reviewed_on": False})

    def test_first_case_of_a_consumer_is_a_persons(self):
        self.automatic()
        first, business = self.invoice(partner=self.consumer), self.invoice()
        self.run_cron("propose")
        self.assertTrue(self.proposed(business).send_on)
        case = self.proposed(first)
        self.assertFalse(case.send_on)
        self.let_review()
        self.run_cron("propose", "transfer")
        self.assertFalse(case.send_on)
        self.assertEqual(case.state, "proposed")
        case.with_user(self.responsible).action_send()
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")
        second = self.invoice(partner=self.consumer)
        self.run_cron("propose")
        self.assertTrue(self.proposed(second).send_on, "she knows this customer")

    def test_cancelled_case_makes_no_known_customer(self):
        self.automatic()
        self.transfer(self.invoice(partner=self.consumer)).action_cancel()
        second = self.invoice(partner=self.consumer)
        self.run_cron("propose")
        self.assertFalse(self.proposed(second).send_on)

    def test_warning_on_its_day_stops_it(self):
        self.automatic()
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.at_its_day(case)
        payment = self.loose_payment(5.0)
        self.run_cron("propose", "transfer")
        self.assertEqual(case.state, "proposed")
        self.assertFalse(case.send_on)
        payment.action_draft()
        payment.action_cancel()
        self.let_review()
        self.run_cron("propose", "transfer")
        self.assertGreater(case.send_on, fields.Date.today(), "its days begin anew")
        self.assertFalse(self.sandbox_cases())

    def test_warning_after_it_was_queued_stops_it(self):
        self.automatic()
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.at_its_day(case)
        self.run_cron("propose")
        self.assertEqual(case.state, "queued")
        self.loose_payment(5.0)
        self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertFalse(self.sandbox_cases())

    def test_address_of_its_day(self):
        self.automatic()
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.business.street = "Samplestreet 98"
        self.at_its_day(case)
        self.run_cron("propose", "transfer", "poll")
        sent = self.sandbox.case(case.maventa_invoice_id)["body"]["payers"][0]
        self.assertEqual(sent["street_address"], "Samplestreet 98")

    def test_paid_before_its_day(self):
        self.automatic()
        move = self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.pay(move, 100.0)
        self.at_its_day(case)
        self.run_cron("propose", "transfer")
        self.assertEqual(case.state, "cancelled")
        self.assertFalse(self.sandbox_cases())

    def test_other_policy_stops_what_would_send_itself(self):
        self.automatic()
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        for policy in ("propose", "manual"):
            self.company.ropo_transfer_policy = policy
            self.at_its_day(case)
            self.run_cron("propose", "transfer")
            self.assertEqual((case.state, case.send_on), ("proposed", False), policy)
        self.assertFalse(self.sandbox_cases())

    def test_service_that_is_not_active_waits(self):
        self.automatic()
        self.invoice()
        self.run_cron("propose")
        case = self.proposed()
        self.company.ropo_service_state = "pending"
        self.at_its_day(case)
        self.run_cron("propose", "transfer")
        self.assertEqual(case.state, "proposed")
        self.assertIn("not active", case.error_message)

    # -- many ----------
    def test_goes_on_where_its_time_was_over(self):
        moves = self.env["account.move"]
        for _index in range(5):
            moves |= self.invoice()
        proposed = []
        cases = type(self.env["ropo.assignment"])
        propose = cases._propose

        def counted(model, some):
            proposed.append(some.ids)
            return propose(model, some)

        def out_of_time(cron, processed=0, *, remaining=None, deactivate=False):
            cron.env.cr.commit()
            return 0 if proposed and remaining else 10

        with (
            patch.object(ropo_assignment_propose, "SLICE", 3),
            patch.object(ropo_assignment_propose, "CHUNK", 2),
            patch.object(cases, "_propose", counted),
        ):
            with patch.object(
                type(self.env["ir.cron"]), "_commit_progress", out_of_time
            ):
                self.run_cron("propose")
            self.assertEqual(proposed, [moves[:2].ids])
            self.assertEqual(self.company.ropo_propose_after, moves[1].id)
            self.run_cron("propose")
        self.assertEqual(proposed, [moves[:2].ids, moves[2:4].ids, moves[4].ids])
        self.assertEqual(self.proposed().move_id, moves)
        self.assertEqual(self.company.ropo_propose_after, 0)

    def test_one_that_fails_does_not_hold_up_the_others(self):
        moves = self.invoice() | self.invoice() | self.invoice()
        create_for = type(self.env["ropo.assignment"])._create_for

        def failing(cases, move, **values):
            if move == moves[1]:
                raise ValueError("Sample")
            return create_for(cases, move, **values)

        with (
            patch.object(type(self.env["ropo.assignment"]), "_create_for", failing),
            self.assertLogs("odoo.addons.ropo_collection", "ERROR"),
        ):
            self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, moves[0] | moves[2])

    def test_one_that_can_not_be_judged_does_not_hold_up_the_others(self):
        moves = self.invoice() | self.invoice() | self.invoice()
        check_care = type(moves)._ropo_check_care

        def failing(move, verdict, facts):
            if move == moves[1]:
                raise ValueError("Sample")
            return check_care(move, verdict, facts)

        with (
            patch.object(type(moves), "_ropo_check_care", failing),
            self.assertLogs("odoo.addons.ropo_collection", "ERROR"),
        ):
            self.run_cron("propose")
        self.assertEqual(self.proposed().move_id, moves[0] | moves[2])
