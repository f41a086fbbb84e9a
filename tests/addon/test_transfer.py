"""Handing invoices over: what may go wrong on the way, and what people do meanwhile."""

import socket
from datetime import timedelta
from unittest.mock import patch

from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from odoo.addons.ropo_collection.maventa.client import Client

from .common import KEYS, RopoCommon

#: Where a hand-over is posted, and where it is looked for.
HAND_OVER = "/assignment/ropo"
STATUS = "/assignment"
WORKER = "odoo.addons.ropo_collection.models.ropo_worker"
COMPANY = "odoo.addons.ropo_collection.models.res_company"


@tagged("post_install", "-at_install")
class TestTransfer(RopoCommon):
    """Whatever breaks, and whatever people do meanwhile: handed over once at most."""

    def setUp(self):
        super().setUp()
        self.server.requests.clear()

    def queued(self, *, fault=None, times=1, **values):
        """A case that waits to be sent, whose hand-over will meet a fault."""
        move = self.invoice(**values)
        case = self.transfer(move)
        self.assertEqual(case.state, "queued")
        if fault:
            where = f"/{self.at_maventa(move)}{HAND_OVER}"
            self.faults.next("POST", where, fault, times)
        return case

    def assertHandedOver(self, case, *, sent=1, accepted=1):
        self.assertIn(case.state, ("pending", "sent"), case.error_message)
        self.assertEqual(self.hand_overs(case), (sent, accepted))

    def assertNotSent(self, case):
        sent = [path for verb, path, _status in self.server.requests if verb == "POST"]
        self.assertFalse([path for path in sent if path.endswith(HAND_OVER)])
        self.assertFalse(self.sandbox.case(case.maventa_invoice_id or "?"))

    def assertNeedsPerson(self, case, *words):
        """A clear sentence, and one activity for somebody."""
        self.assertTrue(case.needs_attention)
        self.assertEqual(len(case.activity_ids), 1)
        for word in words:
            self.assertIn(word, case.attention_reason)

    def look_again(self, case, **later):
        """The worker comes by again, ten minutes later or as much as is said."""
        self.let_pass(case, **(later or {"minutes": 10}))
        self.run_cron("transfer")

    # -- what breaks on the way -----------------------------------------------
    def test_answer_lost_after_maventa_accepted(self):
        faults = (
            "cut_after",
            "status_after:500",
            "status_after:502",
            "garbage",
            "html",
            "cut_body",
            "close_after",
        )
        cases = {fault: self.queued(fault=fault) for fault in faults}
        self.run_cron("transfer")
        for fault in ("cut_after", "status_after:500", "garbage", "html"):
            with self.subTest(fault, when="sent"):
                self.assertEqual(cases[fault].state, "unknown")
                self.assertIn("looks at Maventa", cases[fault].error_message)
        for case in cases.values():
            self.let_pass(case, minutes=10)
        self.run_cron("transfer")
        for fault, case in cases.items():
            with self.subTest(fault, when="looked for"):
                self.assertHandedOver(case)

    def test_no_answer_in_time_after_maventa_accepted(self):
        case = self.queued(fault="stall")
        with patch.dict(Client.__init__.__kwdefaults__, deadline=1.0):
            self.run_cron("transfer")
        self.assertEqual(case.state, "unknown")
        self.assertIn("in time", case.error_message)
        self.look_again(case)
        # The sandbox lists the first one when it is answered: never.
        self.assertHandedOver(case, sent=0)

    def test_hand_over_lost_before_it_arrived(self):
        faults = ("cut_before", "status:500", "status:502", "status:504")
        cases = {fault: self.queued(fault=fault) for fault in faults}
        for states in (("unknown",), ("unknown",), ("queued",), ("pending",)):
            self.run_cron("transfer")
            for fault, case in cases.items():
                with self.subTest(fault, then=states):
                    self.assertIn(case.state, states)
                self.let_pass(case, minutes=10)
        for fault, case in cases.items():
            with self.subTest(fault):
                self.assertHandedOver(case, sent=2)

    def test_impatient_clicks_do_not_send_again(self):
        """Two looks must lie minutes apart, whoever asks for the second one."""
        case = self.queued(fault="cut_before")
        self.run_cron("transfer")
        self.look_again(case)
        for _click in range(3):
            case.action_refresh()
            self.run_cron("transfer")
            case.action_retry()
            self.run_cron("transfer")
        self.assertEqual(case.state, "unknown")
        self.assertEqual(self.hand_overs(case), (1, 0))
        self.look_again(case)
        self.look_again(case)
        self.assertHandedOver(case, sent=2)

    def test_not_found_that_can_not_be_relied_on(self):
        """A proxy's page or a refused look never leads to a second hand-over."""
        for answer in ("html:404", "status:404", "status:500", "status:403"):
            with self.subTest(answer):
                case = self.queued(fault="cut_before")
                invoice_id = self.at_maventa(case.move_id)
                self.faults.next("GET", f"{invoice_id}{STATUS}", answer, times=99)
                self.run_cron("transfer")
                for _look in range(3):
                    self.look_again(case, minutes=30)
                self.assertEqual(case.state, "unknown")
                self.assertEqual(self.hand_overs(case), (1, 0))
                self.assertFalse(case.needs_attention)
                self.look_again(case, hours=5)
                self.assertEqual(self.hand_overs(case), (1, 0))
                self.assertNeedsPerson(case, "Maventa")

    def test_not_found_of_an_invoice_that_is_not_found_itself(self):
        """Maventa says so, too, when the keys have lost their access."""
        case = self.queued(fault="cut_before")
        self.run_cron("transfer")
        with self.sandbox.transaction() as state:
            hidden = state["invoices"].pop(case.maventa_invoice_id)
        for _look in range(4):
            self.look_again(case)
        self.assertEqual(case.state, "unknown")
        with self.sandbox.transaction() as state:
            state["invoices"][case.maventa_invoice_id] = hidden
        for _look in range(3):
            self.look_again(case, hours=5)
        self.assertHandedOver(case, sent=2)

    def test_maventa_asks_to_come_later(self):
        waits = {"status:429:7200": 7200, "status:503:9000": 9000, "status:503": 30}
        cases = {fault: self.queued(fault=fault) for fault in waits}
        start = fields.Datetime.now()
        self.run_cron("transfer")
        for fault, case in cases.items():
            with self.subTest(fault):
                self.assertEqual(case.state, "queued")
                earliest = start + timedelta(seconds=waits[fault])
                self.assertGreaterEqual(case.next_try_at, earliest)
                self.assertFalse(case.needs_attention)
                self.assertTrue(case.error_message)
        self.run_cron("transfer")
        for case in cases.values():
            self.assertEqual(self.hand_overs(case), (1, 0), "sent too early")
            self.let_pass(case, hours=4)
        self.run_cron("transfer")
        for case in cases.values():
            self.assertHandedOver(case, sent=2)

    def test_maventa_can_not_be_reached(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
        looked_up, linked = self.queued(), self.queued()
        linked.sudo().maventa_invoice_id = self.at_maventa(linked.move_id)
        self.company.maventa_ax_url = nobody
        self.run_cron("transfer")
        for case in (looked_up, linked):
            self.assertEqual(case.state, "queued")
            self.assertIn("can't be reached", case.error_message)
            self.assertGreater(case.next_try_at, fields.Datetime.now())
        self.company.maventa_ax_url = self.server.url
        self.let_pass(looked_up | linked, hours=1)
        self.run_cron("transfer")
        for case in (looked_up, linked):
            self.assertHandedOver(case)

    @mute_logger(COMPANY)
    def test_refused_keys_pause_the_company(self):
        cases = [self.queued(fault="status:401", times=2) for _case in range(2)]
        self.run_cron("transfer")
        self.assertTrue(self.company.ropo_trouble)
        # Whether the second was under way by then is a matter of time.
        refused = [self.hand_overs(case) for case in cases]
        self.assertIn((2, 0), refused)
        self.assertLessEqual(set(refused), {(0, 0), (2, 0)})
        self.faults.clear()
        calls = len(self.server.requests)
        self.run_cron("transfer", "poll", "report")
        self.assertEqual(len(self.server.requests), calls, "called while paused")
        for case in cases:
            self.assertEqual(case.state, "queued")
            self.assertFalse(case.needs_attention)
        self.assertEqual(len(self.company.partner_id.activity_ids), 1)
        self.let_pass(self.company, hours=2)
        self.run_cron("transfer")
        for case, (sent, _accepted) in zip(cases, refused, strict=True):
            self.assertHandedOver(case, sent=sent + 1)
        self.assertFalse(self.company.ropo_trouble)
        self.assertFalse(self.company.partner_id.activity_ids)

    @mute_logger(COMPANY)
    def test_forbidden_while_the_service_is_not_active(self):
        case = self.queued()
        self.sandbox.reject_agreement(KEYS["maventa_company_uuid"])
        self.run_cron("transfer")
        self.sandbox.sign_agreement(KEYS["maventa_company_uuid"])
        self.assertEqual(case.state, "queued")
        self.assertFalse(case.needs_attention)
        self.assertIn("not active", self.company.ropo_trouble)

    def test_refused_for_this_invoice(self):
        """One activity with the reason; after the correction it goes."""
        for status, words in {
            400: "does not accept",
            403: "does not allow",
            409: "done already",
            422: "does not accept",
        }.items():
            with self.subTest(status):
                case = self.queued(fault=f"status:{status}")
                self.run_cron("transfer")
                self.assertEqual(case.state, "error")
                self.assertNeedsPerson(case, words, "Try again later")
                self.assertFalse(self.company.ropo_trouble)
                self.run_cron("transfer")
                self.assertEqual(self.hand_overs(case), (1, 0), "sent by itself")
                case.action_retry()
                self.run_cron("transfer")
                self.assertHandedOver(case, sent=2)
                self.assertFalse(case.needs_attention)
                self.assertFalse(case.activity_ids)

    def test_refused_look_up_needs_a_person(self):
        case = self.queued()
        self.faults.next("GET", "/v1/invoices", "status:422")
        self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertNeedsPerson(case, "does not accept")

    def test_already_there_when_sent_again(self):
        """The first hand-over arrived after all, however late: it is adopted."""
        case = self.queued(fault="cut_before")
        self.run_cron("transfer")
        self.look_again(case)
        self.look_again(case)
        self.assertEqual(case.state, "queued")
        with self.company._ropo_client() as client:
            client.transfer(case.maventa_invoice_id, case._to_wire())
        self.look_again(case)
        self.assertEqual(case.state, "unknown")
        self.look_again(case)
        self.assertEqual(self.hand_overs(case)[1], 1)
        self.assertIn(case.state, ("pending", "sent"))

    def test_paid_between_a_late_hand_over_and_its_repetition(self):
        """Ropo has the first claim, so the payment made since has to be told."""
        case = self.queued(fault="cut_before")
        self.run_cron("transfer")
        first = case._to_wire()
        self.look_again(case)
        self.look_again(case)
        self.assertEqual(case.state, "queued")
        with self.company._ropo_client() as client:
            client.transfer(case.maventa_invoice_id, first)
        self.pay(case.move_id, 40.0)
        self.look_again(case)
        self.assertEqual(case.capital_amount, 60.0)
        self.look_again(case)
        self.run_cron("poll", "report")
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.capital_amount, 100.0)
        self.assertEqual(self.told(case)["paid"], [40.0])
        self.assertEqual(case.open_amount, 60.0)

    def not_received(self, case):
        """A manager says that Maventa never got it."""
        wizard = self.env["ropo.reason"].browse(case.action_not_received()["res_id"])
        with self.assertRaisesRegex(UserError, "reason"):
            wizard.action_confirm()
        wizard.reason = "Sample: told on the telephone"
        wizard.action_confirm()
        self.assertEqual(case.state, "error")
        self.assertIn("on the telephone", case.attention_reason)
        self.assertTrue(case.activity_ids)

    def test_a_person_knows_that_it_was_not_received(self):
        case = self.queued(fault="cut_before")
        self.run_cron("transfer")
        self.assertEqual(case.state, "unknown")
        self.not_received(case)
        self.run_cron("transfer")
        self.assertEqual(self.hand_overs(case), (1, 0))
        case.action_retry()
        self.run_cron("transfer")
        self.assertHandedOver(case, sent=2)
        with self.assertRaisesRegex(UserError, "known by now"):
            self.not_received(case)

    def test_a_person_was_wrong_that_it_was_not_received(self):
        case = self.queued(fault="cut_after")
        self.run_cron("transfer")
        self.not_received(case)
        case.action_retry()
        self.run_cron("transfer")
        self.assertEqual(case.state, "unknown")
        self.look_again(case)
        self.assertHandedOver(case, sent=2)

    def test_what_came_up_while_the_case_waited_is_asked_about(self):
        case = self.queued()
        self.loose_payment(30.0)
        self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertNotSent(case)
        self.assertNeedsPerson(case, "30.00")
        case.action_retry()
        self.run_cron("transfer")
        self.assertHandedOver(case)
        self.assertIn("30.00", case.warnings_confirmed)

    def test_what_was_confirmed_in_another_language_is_confirmed(self):
        self.env["res.lang"]._activate_lang("fi_FI")
        self.loose_payment(1234.5)
        self.business.country_id = self.env.ref("base.ee")
        move = self.invoice().with_context(lang="fi_FI")
        case = self.transfer(move, confirm_warnings=True)
        self.assertIn("1 234,50", case.warnings_confirmed.replace("\xa0", " "))
        self.run_cron("transfer")
        self.assertHandedOver(case)

    def test_paid_before_it_was_looked_up(self):
        case = self.queued(at_maventa=False)
        self.pay(case.move_id, 100.0)
        self.run_cron("transfer")
        self.assertEqual(case.state, "cancelled")
        self.assertFalse(self.server.requests)

    def test_what_is_mended_on_the_customer_counts_on_retry(self):
        case = self.queued()
        case.sudo().payer_ids.city = False
        self.run_cron("transfer")
        self.assertNeedsPerson(case, "city")
        self.business.city = "Turku"
        case.action_retry()
        self.run_cron("transfer")
        self.assertHandedOver(case)
        self.assertEqual(case.payer_ids.city, "Turku")

    def test_ropo_does_not_take_the_claim(self):
        self.sandbox.processing_seconds = 3600
        case = self.queued()
        self.run_cron("transfer")
        self.assertTrue(case.move_id.no_followup)
        self.sandbox.fail(case.maventa_invoice_id, "The debtor is bankrupt")
        self.run_cron("poll")
        self.sandbox.processing_seconds = 0
        self.assertEqual(case.state, "error")
        self.assertNeedsPerson(case, "The debtor is bankrupt")
        self.assertFalse(case.move_id.no_followup, "Odoo's own reminders go on")
        case.action_retry()
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")
        self.assertEqual(self.hand_overs(case), (2, 2))

    def test_in_process_for_days(self):
        self.sandbox.processing_seconds = 10 * 86400
        case = self.queued()
        self.run_cron("transfer", "poll")
        self.sandbox.processing_seconds = 0
        self.assertEqual(case.state, "pending")
        self.assertFalse(case.needs_attention)
        self.assertGreater(case.next_try_at, fields.Datetime.now())
        self.let_pass(case, days=3)
        self.run_cron("poll")
        self.assertEqual(case.state, "pending")
        self.assertNeedsPerson(case, "two days", case.maventa_invoice_id)
        case._mark_recheck()
        self.run_cron("report")
        self.assertNeedsPerson(case, "two days")
        self.sandbox.next_step(case.maventa_invoice_id)
        self.let_pass(case, days=1)
        self.run_cron("poll")
        self.assertEqual(case.state, "sent")
        self.assertFalse(case.needs_attention)
        self.assertFalse(case.activity_ids)

    @mute_logger(WORKER)
    def test_bad_rows_do_not_hold_up_the_others(self):
        good = [self.queued(), self.queued()]
        nameless, brief, broken = self.queued(), self.queued(), self.queued()
        late = self.queued()
        nameless.sudo().payer_ids.country_id = False
        self.env.flush_all()
        for column, value, case in (
            ("summary", "x", brief),
            ("reminder_amount", "NaN", broken),
        ):
            self.env.cr.execute(
                f"UPDATE ropo_assignment SET {column} = %s WHERE id = %s",
                (value, case.id),
            )
        self.env.invalidate_all()
        self.run_cron("transfer")
        for case in (*good, late):
            self.assertHandedOver(case)
        for case in (nameless, brief, broken):
            self.assertIn(case.state, ("queued", "error"))
            self.assertNeedsPerson(case)
            self.assertNotIn("Traceback", case.error_message)
        self.assertIn("country", nameless.attention_reason)

    # -- what people do between the click and Ropo's answer ----------------------
    def test_double_click(self):
        move = self.invoice()
        wizard = self.env["ropo.transfer"].browse(move.action_ropo_transfer()["res_id"])
        again = self.env["ropo.transfer"].browse(move.action_ropo_transfer()["res_id"])
        wizard.action_transfer()
        for second in (wizard, again):
            with self.assertRaisesRegex(UserError, "case at Ropo already"):
                second.action_transfer()
        self.assertEqual(len(move.ropo_assignment_ids), 1)

    def test_the_database_keeps_a_second_live_case_out(self):
        case = self.queued()
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(IntegrityError),
            self.env.cr.savepoint(),
        ):
            self.env["ropo.assignment"]._create_for(
                case.move_id,
                collection_type="collection",
                receivables_type="b2b",
                summary="Sample",
            )
        case.action_cancel()
        self.assertEqual(self.transfer(case.move_id).state, "queued")

    def test_undone_before_it_was_sent(self):
        case = self.queued()
        case.action_cancel()
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "cancelled")
        self.assertNotSent(case)
        self.assertFalse(case.move_id.no_followup)

    def test_paid_before_it_was_sent(self):
        case = self.queued()
        self.pay(case.move_id, 100.0)
        self.run_cron("transfer", "report")
        self.assertEqual(case.state, "cancelled")
        self.assertFalse(case.needs_attention)
        self.assertNotSent(case)
        notes = " ".join(case.move_id.message_ids.mapped("body"))
        self.assertIn("Not transferred to Ropo any more", notes)

    def test_part_paid_before_it_was_sent(self):
        case = self.queued()
        self.pay(case.move_id, 30.0)
        self.run_cron("transfer", "poll", "report")
        self.assertEqual(case.capital_amount, 70.0)
        there = self.sandbox.case(case.maventa_invoice_id)
        self.assertEqual(there["capital"], 70)
        self.assertEqual(self.told(case), {"paid": [], "credit_note": []})
        self.pay(case.move_id, 70.0)
        self.run_cron("report")
        self.assertEqual(self.told(case), {"paid": [70.0], "credit_note": []})

    def test_another_account_than_the_case_was_started_with(self):
        for name, value in (
            ("ropo_environment", "production"),
            ("maventa_company_uuid", "22222222-2222-4222-8222-222222222222"),
        ):
            with self.subTest(name):
                case, before = self.queued(), self.company[name]
                self.company[name] = value
                self.run_cron("transfer")
                self.assertEqual(case.state, "queued")
                self.assertIn("another environment or account", case.error_message)
                self.assertFalse(self.server.requests)
                self.company[name] = before
                self.let_pass(case, days=1)
                self.run_cron("transfer")
                self.assertEqual(case.state, "queued")
                self.assertIn("not active", case.error_message)
                self.company.action_ropo_refresh_service()
                self.run_cron("transfer")
                self.assertHandedOver(case)
                self.server.requests.clear()

    def test_switched_off(self):
        case = self.queued()
        self.company.ropo_environment = "off"
        self.run_cron("transfer", "poll", "report")
        self.assertEqual(case.state, "queued")
        self.assertFalse(self.server.requests)

    @mute_logger(COMPANY)
    def test_copy_of_a_database_sends_nothing(self):
        there, case = self.at_ropo(), self.queued()
        self.pay(there.move_id, 10.0)
        self.server.requests.clear()
        self.env["ir.config_parameter"].set_param("database.is_neutralized", "true")
        self.let_pass(self.company, days=1)
        self.run_cron("transfer", "poll", "report")
        self.assertEqual(case.state, "queued")
        self.assertFalse(self.server.requests)
        self.assertIn("neutralized", self.company.ropo_trouble)

    # -- finding the invoice at Maventa -----------------------------------
    def test_invoice_that_can_not_be_found_at_maventa(self):
        def changed(**values):
            move = self.invoice(at_maventa=False)
            self.at_maventa(move, **values)
            return move

        twice = self.invoice()
        with self.sandbox.transaction() as state:
            first = state["invoices"][self.at_maventa(twice)]
            state["invoices"]["another"] = {**first, "id": "another"}
            for numbers in state["numbers"].values():
                if first["id"] in numbers:
                    numbers.append("another")
        for move, words in (
            (self.invoice(at_maventa=False), "is not at Maventa"),
            (twice, "2 invoices with number"),
            (changed(total="99.00"), "differs"),
            (changed(date="2020-01-01"), "differs"),
            (changed(currency="SEK"), "differs"),
            (changed(status="FAILED"), "could not deliver"),
        ):
            with self.subTest(words):
                case = self.transfer(move)
                self.run_cron("transfer")
                self.assertEqual(case.state, "error")
                self.assertNeedsPerson(case, words)
                self.assertNotSent(case)

    def test_invoice_not_yet_found_goes_after_it_was_sent(self):
        move = self.invoice(at_maventa=False)
        case = self.transfer(move)
        self.run_cron("transfer")
        self.at_maventa(move)
        case.action_retry()
        self.run_cron("transfer")
        self.assertHandedOver(case)

    def test_invoice_still_being_delivered_waits(self):
        move = self.invoice(at_maventa=False)
        self.at_maventa(move, status="PENDING")
        case = self.transfer(move)
        self.run_cron("transfer")
        self.assertEqual(case.state, "queued")
        self.assertFalse(case.needs_attention)
        self.assertIn("still delivering", case.error_message)
        self.assertGreater(case.next_try_at, fields.Datetime.now())
        self.assertNotSent(case)
        self.sandbox.set_invoice_status(self.at_maventa(move), "DELIVERED")
        self.look_again(case)
        self.assertHandedOver(case)

    def test_invoice_whose_delivery_fails_in_the_end(self):
        move = self.invoice(at_maventa=False)
        self.at_maventa(move, status="PENDING")
        case = self.transfer(move)
        self.run_cron("transfer")
        self.at_maventa(move, status="FAILED")
        self.look_again(case)
        self.assertEqual(case.state, "error")
        self.assertNeedsPerson(case, "could not deliver")
        self.assertNotSent(case)

    # -- Odoo's own reminders ---------------------------------------------
    def test_odoo_does_not_remind_while_ropo_collects(self):
        case = self.at_ropo()
        self.assertTrue(case.move_id.no_followup)
        self.sandbox.close(case.external_id)
        self.company.ropo_poll_started = False
        self.run_cron("poll")
        self.assertEqual(case.state, "closed")
        self.assertFalse(case.move_id.no_followup)

    def test_reminders_that_were_off_stay_off(self):
        move = self.invoice()
        move.no_followup = True
        case = self.at_ropo(move)
        self.sandbox.close(case.external_id)
        self.company.ropo_poll_started = False
        self.run_cron("poll")
        self.assertTrue(move.no_followup)

    # -- what is refused while Ropo has the claim ---------------------------
    def test_invoice_at_ropo_can_not_be_undone(self):
        move = self.invoice()
        case = self.transfer(move)
        for state in ("sending", "unknown", "pending", "sent"):
            case.sudo().state = state
            for button in ("button_draft", "button_cancel", "unlink"):
                with (
                    self.subTest(button, state=state),
                    self.assertRaises(UserError) as refused,
                ):
                    getattr(move, button)()
                if button != "unlink":
                    self.assertIn("Withdraw from Ropo", str(refused.exception))
            with self.assertRaisesRegex(UserError, "Withdraw from Ropo"):
                case.action_cancel()
        self.assertEqual(move.state, "posted")

    def test_invoice_reset_before_it_was_sent(self):
        for button in ("button_draft", "button_cancel"):
            with self.subTest(button):
                case = self.queued()
                getattr(case.move_id, button)()
                self.assertEqual(case.state, "cancelled")
                self.run_cron("transfer")
                self.assertNotSent(case)

    def test_invoice_with_a_cancelled_case_can_be_deleted(self):
        case = self.queued()
        move = case.move_id
        move.button_draft()
        move.with_context(force_delete=True).unlink()
        self.env.flush_all()
        self.assertFalse(move.exists())

    def test_invoice_with_a_case_that_was_at_ropo_can_not_be_deleted(self):
        case = self.at_ropo()
        move = case.move_id
        case.sudo().state = "closed"
        move.button_draft()
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            move.with_context(force_delete=True).unlink()

    def test_case_can_not_be_deleted(self):
        case = self.at_ropo().sudo()
        for state in ("queued", "sending", "sent", "error", "closed"):
            case.state = state
            with self.subTest(state), self.assertRaisesRegex(UserError, "deleted"):
                case.unlink()
        case.state = "cancelled"
        case.unlink()

    def test_what_ropo_was_told_can_not_be_changed(self):
        case = self.at_ropo()
        move = case.move_id
        term = self.env.ref("account.account_payment_term_30days")
        for values in (
            {"invoice_date_due": fields.Date.today()},
            {"partner_id": self.consumer.id},
            {"invoice_payment_term_id": term.id},
        ):
            with self.subTest(values), self.assertRaisesRegex(UserError, "is at Ropo"):
                move.write(values)
        move.write({"invoice_date_due": move.invoice_date_due, "ref": "Sample"})
        self.assertEqual(move.ref, "Sample")

    def test_due_date_of_a_waiting_case_may_change(self):
        case = self.queued()
        with Form(case.move_id) as form:
            form.invoice_date_due = fields.Date.today()
        self.run_cron("transfer")
        self.assertEqual(case.state, "error")
        self.assertNeedsPerson(case, "Too early")
        self.assertNotSent(case)
