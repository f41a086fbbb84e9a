"""Settings: keys, rights, the service at Ropo, the environments."""

from odoo.exceptions import RedirectWarning, UserError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import file_open

from .common import KEYS, RopoCommon

ACCOUNT = KEYS["maventa_company_uuid"]


@tagged("post_install", "-at_install")
class TestService(RopoCommon):
    def press(self, button):
        """Press a button in Settings; return the message."""
        settings = self.env["res.config.settings"].create({})
        return getattr(settings, f"action_ropo_{button}")()["params"]

    def close(self, reason="Sample: another agency"):
        """Press Close the service and confirm it; return the message."""
        settings = self.env["res.config.settings"].create({})
        window = settings.action_ropo_close_service()
        wizard = self.env[window["res_model"]].browse(window["res_id"])
        wizard.reason = reason
        return wizard.action_confirm()["params"]

    def assertRefused(self, button, *words):
        with self.assertRaises(UserError) as refused:
            self.press(button)
        for word in words:
            self.assertIn(word, str(refused.exception))

    def setUp(self):
        super().setUp()
        self.server.requests.clear()
        self.sandbox.refuse_current = False
        self.account()
        self.sandbox.sign_agreement(ACCOUNT)

    def account(self, **values):
        """What Maventa knows of the company."""
        known = {
            "name": "Sample Company Oy",
            "business_id": "1572860-0",
            "country": "FI",
            **values,
        }
        self.sandbox.add_company(*KEYS.values(), **known)

    # -- test of the connection ------------------------------------------------
    def test_connection_names_company_and_rights(self):
        self.company.company_registry = "1572860-0"
        message = self.press("test_connection")
        self.assertEqual(message["type"], "success")
        for words in ("Sample Company Oy", "1572860-0", "receivables:assignments"):
            self.assertIn(words, message["message"])
        self.assertNotIn("Please check", message["message"])

    def test_connection_where_maventa_does_not_tell_who_we_are(self):
        self.sandbox.refuse_current = True
        message = self.press("test_connection")["message"]
        self.assertIn(ACCOUNT, message)
        self.assertIn("not told", message)

    def test_keys_of_another_company(self):
        self.company.company_registry = "0737546-2"
        message = self.press("test_connection")
        self.assertEqual(message["type"], "warning")
        self.assertIn("Please check", message["message"])
        self.company.company_registry = False
        self.company.vat = "FI15728600"
        self.assertEqual(self.press("test_connection")["type"], "success")

    def test_missing_right_is_named(self):
        self.account(scopes=["company", "invoice:send"])
        self.assertRefused("test_connection", "lack rights", "receivables:assignments")
        self.account()
        self.assertEqual(self.press("test_connection")["title"], "Connected to Maventa")

    def test_wrong_keys(self):
        for name in KEYS:
            with self.subTest(name):
                before = self.company[name]
                self.company[name] = "wrong-sample"
                self.assertRefused("test_connection", "refuses the keys")
                self.company[name] = False
                self.assertRefused("test_connection", "keys are missing")
                self.company[name] = before

    def test_trouble_of_maventa_is_told_in_a_sentence(self):
        for fault, words in (
            ("cut_before", "can't be reached"),
            ("status:503", "busy"),
            ("status:500", "problem of its own"),
            ("html", "can't be read"),
        ):
            with self.subTest(fault):
                self.faults.next("POST", "/oauth2/token", fault)
                self.assertRefused("test_connection", words)
                self.assertNotIn(
                    KEYS["maventa_user_api_key"], str(self.server.requests)
                )

    def test_good_connection_ends_a_pause(self):
        self.company.write(
            {"ropo_trouble": "Sample", "ropo_trouble_until": "2100-01-01 00:00:00"}
        )
        self.press("test_connection")
        self.assertFalse(self.company.ropo_trouble)
        self.assertFalse(self.company.ropo_trouble_until)

    # -- the service ---------------------------------------------------------------
    def test_ordered_signed_and_active(self):
        self.sandbox._set_service(ACCOUNT, "DISABLED")
        self.company.ropo_service_state = "inactive"
        message = self.press("activate")["message"]
        self.assertIn("sample@example.com", message)
        self.assertEqual(self.company.ropo_service_state, "pending")
        self.press("refresh_service")
        self.assertEqual(self.company.ropo_service_state, "pending")
        self.sandbox.sign_agreement(ACCOUNT)
        self.press("refresh_service")
        self.assertEqual(self.company.ropo_service_state, "active")

    def test_order_needs_an_address_and_a_country_of_ropos(self):
        self.company.ropo_agreement_email = False
        self.assertRefused("activate", "e-mail address")
        self.company.ropo_agreement_email = "sample@example.com"
        self.company.account_fiscal_country_id = self.env.ref("base.de")
        with self.assertRaisesRegex(RedirectWarning, "Finland, Sweden and Norway"):
            self.press("activate")
        self.assertFalse(self.server.requests)

    def test_state_of_the_service_as_told(self):
        for told, state in (
            ("ACTIVE", "active"),
            ("active", "active"),
            ("PENDING", "pending"),
            ("REJECTED", "rejected"),
            ("DISABLED", "closed"),
            ("ON_HOLD_BY_SAMPLE", "unknown"),
        ):
            with self.subTest(told):
                self.sandbox._set_service(ACCOUNT, told)
                self.press("refresh_service")
                self.assertEqual(self.company.ropo_service_state, state)
                self.assertEqual(self.company.ropo_service_detail, told)

    def test_service_that_never_was(self):
        with self.sandbox.transaction() as state:
            state["companies"][ACCOUNT]["service"] = None
        self.press("refresh_service")
        self.assertEqual(self.company.ropo_service_state, "inactive")

    def test_closing_cancels_what_waits_and_goes_on_with_the_rest(self):
        there, here = self.at_ropo(), self.transfer(self.invoice())
        self.close()
        self.assertEqual(self.company.ropo_service_state, "closed")
        self.assertEqual((there.state, here.state), ("sent", "cancelled"))
        self.pay(there.move_id, 25.0)
        self.sandbox.remind(there.external_id)
        self.company.ropo_poll_started = False
        self.run_cron("report", "poll")
        self.assertEqual(self.told(there)["paid"], [25.0])
        self.assertEqual(there.collection_status, "reminder_sent")
        with self.assertRaisesRegex(UserError, "service is not active"):
            self.transfer(self.invoice())

    def test_closing_that_fails_cancels_nothing(self):
        case = self.transfer(self.invoice())
        self.faults.next("DELETE", "/ropo/receivables", "status:500")
        with self.assertRaises(UserError):
            self.close()
        self.env.invalidate_all()
        self.assertEqual(case.state, "queued")

    def test_closing_that_worked_stays_whatever_comes_after(self):
        """Maventa closed it and can't say so: nothing waits to be sent any more."""
        case = self.transfer(self.invoice())
        self.faults.next("GET", "/ropo/receivables", "status:500")
        self.close()
        self.env.invalidate_all()
        self.assertEqual(self.company.ropo_service_state, "unknown")
        self.assertEqual(case.state, "cancelled")
        history = " ".join(self.company.partner_id.message_ids.mapped("body"))
        self.assertIn("closed the Ropo service", history)
        self.press("refresh_service")
        self.assertEqual(self.company.ropo_service_state, "closed")

    def test_closing_says_what_it_means_and_keeps_the_reason(self):
        self.at_ropo()
        case = self.transfer(self.invoice(50.0))
        action = self.company.action_ropo_close_service()
        wizard = self.env[action["res_model"]].browse(action["res_id"])
        self.assertRegex(wizard.waiting, r"^1 \(.*50\.00")
        self.assertRegex(wizard.at_ropo, r"^1 \(.*100\.00")
        with self.assertRaisesRegex(UserError, "give a reason"):
            wizard.action_confirm()
        self.assertEqual(case.state, "queued")
        self.assertEqual(self.company.ropo_service_state, "active")
        wizard.reason = "Sample: another agency"
        wizard.action_confirm()
        history = " ".join(self.company.partner_id.message_ids.mapped("body"))
        self.assertIn("Sample: another agency", history)
        self.assertIn(self.env.user.name, history)

    def test_closing_needs_administrator_and_accounting_manager(self):
        for groups in ("base.group_system", "account.group_account_manager"):
            user = new_test_user(
                self.env,
                login=f"sample_{groups}",
                groups=f"{groups},account.group_account_invoice",
                company_id=self.company.id,
            )
            with self.subTest(groups), self.assertRaises(UserError):
                self.company.with_user(user).action_ropo_close_service()

    def test_branch_uses_the_keys_of_its_root(self):
        branch = self.env["res.company"].create(
            {"name": "Sample Branch", "parent_id": self.company.id}
        )
        branch.action_ropo_refresh_service()
        self.assertEqual(self.company.ropo_service_state, "active")
        settings = self.env["res.config.settings"].with_company(branch).create({})
        self.assertEqual(settings.ropo_company_id, self.company)
        self.assertTrue(settings.ropo_is_branch)

    # -- environments ---------------------------------------------------------------
    def test_addresses(self):
        for url in (
            "http://maventa.example.com",
            "ftp://maventa.example.com",
            "https://user:secret@maventa.example.com",
            "maventa.example.com",
        ):
            for name in ("maventa_ax_url", "maventa_receivables_url"):
                with (
                    self.subTest(url, field=name),
                    self.assertRaises(ValidationError) as refused,
                ):
                    self.company[name] = url
                self.assertIn("can't be used", str(refused.exception))
                self.assertNotIn("secret", str(refused.exception))
        for url in ("https://maventa.example.com", "http://localhost:8080", False):
            self.company.maventa_ax_url = url

    def test_off_calls_nobody(self):
        self.company.ropo_environment = "off"
        self.assertRefused("test_connection", "switched off")
        self.assertFalse(self.server.requests)

    def test_neutralized_database_calls_nobody(self):
        self.env["ir.config_parameter"].set_param("database.is_neutralized", "true")
        for button in ("test_connection", "activate", "refresh_service"):
            self.assertRefused(button, "neutralized copy")
        with self.assertRaisesRegex(UserError, "neutralized copy"):
            self.invoice().action_ropo_link()
        self.assertFalse(self.server.requests)

    def test_neutralizing_takes_the_keys_away(self):
        case = self.transfer(self.invoice())
        self.env.flush_all()
        with file_open("ropo_collection/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        self.env.invalidate_all()
        self.assertEqual(self.company.ropo_environment, "off")
        for name in (*KEYS, "maventa_ax_url", "maventa_receivables_url"):
            self.assertFalse(self.company[name], name)
        self.run_cron("transfer", "poll", "report")
        self.assertEqual(case.state, "queued")
        self.company.ropo_environment = "production"
        self.assertRefused("test_connection", "keys are missing")
        self.assertFalse(self.server.requests)

    def test_demo_needs_no_keys_and_leaves_the_house_never(self):
        self.company.write(
            {
                **dict.fromkeys(KEYS, False),
                "ropo_environment": "demo",
                "ropo_service_state": "inactive",
            }
        )
        with self.enter_registry_test_mode():
            self.press("activate")
            self.assertEqual(self.company.ropo_service_state, "pending")
            self.press("next_step")
            self.assertEqual(self.company.ropo_service_state, "active")
        case = self.transfer(self.invoice(at_maventa=False))
        self.assertEqual(case.environment, "demo")
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent", case.error_message)
        steps = []
        for _step in range(4):
            with self.enter_registry_test_mode():
                case.action_next_step()
            self.run_cron("poll")
            steps.append((case.state, case.collection_status, case.paid_to_ropo))
        self.assertEqual(
            steps,
            [
                ("sent", "reminder_sent", 0.0),
                ("sent", "debt_collection", 0.0),
                ("sent", "debt_collection", 100.0),
                ("closed", "debt_collection", 100.0),
            ],
        )
        self.assertFalse(self.server.requests)

    def test_only_demo_has_steps_to_play(self):
        case = self.at_ropo()
        with self.assertRaisesRegex(UserError, "demo environment"):
            case.action_next_step()
        self.assertRefused("next_step", "demo environment")

    def test_another_environment_has_a_service_of_its_own(self):
        self.company.ropo_trouble = "Sample trouble"
        self.company.ropo_environment = "test"
        self.assertEqual(self.company.ropo_service_state, "active")
        self.company.ropo_environment = "production"
        self.assertEqual(self.company.ropo_service_state, "inactive")
        self.assertFalse(self.company.ropo_trouble)
        move = self.invoice(at_maventa=False)
        blocks = dict(move._ropo_verdicts()[move].blocks)
        self.assertIn("not active", blocks["service"])
