"""Administrators see, and are told, when the work does not get on."""

import json
import logging
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.base.models.ir_cron import CompletionStatus

from .common import KEYS, RopoCommon


@tagged("post_install", "-at_install")
class TestHealth(RopoCommon):
    def setUp(self):
        super().setUp()
        # As on a server whose scheduled actions run.
        for name in ("transfer", "report", "poll", "propose", "audit"):
            cron = self.env.ref(f"ropo_collection.cron_{name}").sudo()
            cron.nextcall = fields.Datetime.now() + timedelta(minutes=10)

    def problems(self):
        return self.company._ropo_health()["problems"]

    def activity(self):
        kind = ["ropo_collection.mail_activity_watch"]
        return self.company.partner_id.activity_search(kind)

    def watch(self):
        """Odoo's own daily cleaning."""
        self.env["res.company"]._gc_ropo_watch()

    def fail_for_a_month(self, cron):
        """As Odoo's scheduler does after the last of many failures."""
        job = {
            "id": cron.id,
            "cron_name": cron.name,
            "active": True,
            "failure_count": 50,
            "first_failure_date": fields.Datetime.now() - timedelta(days=30),
        }
        with self.assertLogs("odoo.addons.base.models.ir_cron", "WARNING"):
            cron._update_failure_count(job, CompletionStatus.FAILED)

    def test_all_is_well(self):
        self.at_ropo()
        self.assertEqual(self.problems(), [])
        self.watch()
        self.assertFalse(self.activity())
        settings = self.env["res.config.settings"].create({})
        self.assertFalse(settings.ropo_problems)
        self.assertIn("waiting to be sent: 0", settings.ropo_waiting)

    def test_a_scheduled_action_that_odoo_switched_off(self):
        cron = self.env.ref("ropo_collection.cron_report").sudo()
        self.fail_for_a_month(cron)
        self.assertFalse(cron.active)
        self.assertIn("switched off", self.activity().note)
        self.assertIn(cron.name, self.problems()[0])
        self.assertTrue(self.activity().user_id.has_group("base.group_system"))
        cron.active = True
        self.watch()
        self.assertFalse(self.activity())

    def test_a_failure_of_another_action_is_not_ours(self):
        cron = self.env.ref("base.autovacuum_job").sudo()
        self.fail_for_a_month(cron)
        self.assertFalse(self.activity())

    def test_scheduled_actions_that_do_not_run(self):
        cron = self.env.ref("ropo_collection.cron_transfer").sudo()
        cron.nextcall = fields.Datetime.now() - timedelta(hours=5)
        self.assertIn("max_cron_threads", self.problems()[0])

    def test_a_queue_that_stalls_is_told_once(self):
        case = self.transfer(self.invoice())
        self.watch()
        self.assertFalse(self.activity())
        case.sudo().requested_at -= timedelta(hours=5)
        for _day in range(3):
            self.watch()
        self.assertEqual(len(self.activity()), 1)
        self.assertIn("has waited since", self.activity().note)
        self.run_cron("transfer", "poll")
        self.watch()
        self.assertFalse(self.activity())

    def test_a_report_that_waits(self):
        case = self.at_ropo()
        self.company.ropo_report_delay = 60
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        report = case.event_ids.filtered(lambda event: event.state == "queued")
        report.sudo().due_at -= timedelta(hours=6)
        self.assertIn("A report to Ropo has waited", self.problems()[0])

    def test_a_list_not_read_for_a_day(self):
        self.at_ropo()
        self.company.ropo_last_poll -= timedelta(days=2)
        self.assertIn("last read on", self.problems()[0])

    def test_a_paused_company_has_told_why_already(self):
        case = self.transfer(self.invoice())
        case.sudo().requested_at -= timedelta(hours=5)
        self.company.ropo_trouble = "Sample trouble"
        self.assertEqual(len(self.problems()), 1)
        self.assertIn("paused", self.problems()[0])

    def test_a_missing_key_of_personal_numbers(self):
        self.env.cr.execute(
            "UPDATE res_partner SET ropo_personal_id = 'sealed:x' WHERE id = %s",
            (self.consumer.id,),
        )
        self.assertIn("ROPO_PERSONAL_ID_KEY", self.problems()[0])

    def test_nothing_where_the_company_is_off(self):
        self.env.ref("ropo_collection.cron_poll").sudo().active = False
        self.company.ropo_environment = "off"
        (self.env["res.company"].search([]) - self.company).ropo_environment = "off"
        self.watch()
        self.assertFalse(self.activity())

    def test_failures_by_kind(self):
        def failures():
            self.env.invalidate_all()
            return self.company._ropo_health()["failures"]

        none = {"not_now": 0, "outcome_unknown": 0, "wrong": 0}
        self.assertEqual(
            failures(), {"cases": none, "reports": none, "account_trouble": False}
        )
        cases = self.env["ropo.assignment"]
        for fault, kind in (
            ("status:503", "not_now"),
            ("status_after:500", "outcome_unknown"),
            ("status:400", "wrong"),
        ):
            cases |= self.transfer(self.invoice())
            self.faults.next("POST", "/assignment/ropo", fault)
            self.run_cron("transfer")
            self.assertEqual(failures()["cases"][kind], 1, fault)

    def test_the_log_finds_the_case(self):
        case = self.transfer(self.invoice())
        self.faults.next("POST", "/assignment/ropo", "status:503")
        with self.assertLogs("odoo.addons.ropo_collection", logging.INFO) as caught:
            self.run_cron("transfer")
        self.assertIn(f"ropo.assignment({case.id},): busy", str(caught.output))

    def test_diagnostics_hold_no_secret_and_nobody(self):
        self.business.ref = "Sample reference"
        case = self.at_ropo()
        case.sudo().error_message = "Sample reason"
        self.company.ropo_agreement_email = "sample@example.com"
        text = json.dumps(self.env["res.company"]._ropo_diagnostics(), default=str)
        for private in (
            *KEYS.values(),
            self.business.name,
            case.move_id.name,
            case.external_id,
            "sample@example.com",
            "Sample reason",
            self.company.name,
        ):
            self.assertNotIn(private, text)
        for fact in ('"sent": 1', '"python"', '"cron_poll"', '"keys_entered": true'):
            self.assertIn(fact, text)

    def test_diagnostics_are_for_administrators(self):
        user = new_test_user(
            self.env,
            "ropo_no_administrator",
            groups="account.group_account_manager",
            company_id=self.company.id,
        )
        with self.assertRaises(UserError):
            self.company.with_user(user).action_ropo_diagnostics()


@tagged("post_install", "-at_install")
class TestDiagnosticsDownload(HttpCase):
    def test_download(self):
        for groups, status in (
            ("base.group_user,base.group_system", 200),
            ("base.group_user,account.group_account_manager", 403),
        ):
            login = f"ropo_download_{status}"
            new_test_user(self.env, login, groups=groups)
            self.authenticate(login, login)
            with patch("odoo.http._logger"):
                answer = self.url_open("/ropo_collection/diagnostics")
            self.assertEqual(answer.status_code, status)
            if status == 200:
                self.assertIn("attachment", answer.headers["Content-Disposition"])
                self.assertIn("companies", answer.json())
        self.logout()
        answer = self.url_open("/ropo_collection/diagnostics", allow_redirects=False)
        self.assertNotEqual(answer.status_code, 200)
