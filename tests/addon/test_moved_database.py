"""A copy, a renamed or a moved database asks an administrator before it calls."""

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import RopoCommon

# What the log tells the administrator is expected here.
LOUD = ("odoo.addons.ropo_collection.models.res_company",)


@tagged("post_install", "-at_install")
class TestMovedDatabase(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bookkeeper = new_test_user(
            cls.env,
            "ropo_moved_bookkeeper",
            groups="base.group_user,account.group_account_invoice",
            company_id=cls.company.id,
        )

    def move(self, name="web.base.url", value="https://staging.example.com"):
        self.env["ir.config_parameter"].sudo().set_param(name, value)
        self.company.invalidate_recordset(["ropo_is_moved"])

    def run_cron(self, *names):
        with mute_logger(*LOUD):
            return super().run_cron(*names)

    def requests(self):
        return len(self.server.requests)

    def answer(self, button):
        with mute_logger(*LOUD):
            getattr(self.settings(), f"action_ropo_{button}")()

    def settings(self):
        return self.env["res.config.settings"].create({})

    def test_at_home_nothing_is_asked(self):
        self.assertFalse(self.company.ropo_is_moved)
        self.assertTrue(self.at_ropo())

    def test_nothing_leaves_a_database_at_another_address(self):
        case = self.at_ropo()
        waiting = self.invoice()
        self.transfer(waiting)
        self.pay(case.move_id, 40.0)
        before = self.requests()
        self.move()
        self.run_cron("transfer", "report", "poll", "audit", "propose")
        self.assertEqual(self.requests(), before)
        self.assertEqual(waiting.ropo_assignment_id.state, "queued")
        self.assertEqual(case.to_report, 40.0)
        for button in (
            "action_ropo_test_connection",
            "action_ropo_refresh_service",
            "action_ropo_activate",
        ):
            with self.subTest(button=button), self.assertRaises(UserError) as caught:
                getattr(self.company, button)()
            self.assertIn("another name or web address", str(caught.exception))
        with self.assertRaisesRegex(UserError, "another name or web address"):
            self.company._ropo_close_service("Sample reason")
        self.assertEqual(self.requests(), before)

    def test_a_copy_made_by_the_database_manager_has_another_identifier(self):
        self.move("database.uuid", "22222222-2222-4222-8222-222222222222")
        self.assertTrue(self.company.ropo_is_moved)

    def test_an_administrator_is_told_once_and_loudly(self):
        self.transfer(self.invoice())
        self.move()
        for _round in range(3):
            self.company.ropo_trouble_until = False
            self.run_cron("transfer")
        activities = self.company.partner_id.activity_ids
        self.assertEqual(len(activities), 1)
        self.assertIn("another name or web address", str(activities.note))
        self.assertTrue(activities.user_id.has_group("base.group_system"))
        self.assertIn("another name", self.company.ropo_trouble)
        self.assertTrue(self.settings().ropo_is_moved)
        self.assertIn("staging.example.com", self.settings().ropo_moved_text)

    def test_confirmed_once_what_waited_goes_out(self):
        move = self.invoice()
        self.transfer(move)
        self.move()
        self.run_cron("transfer")
        self.answer("confirm_home")
        self.assertFalse(self.company.ropo_is_moved)
        self.assertFalse(self.company.ropo_trouble)
        self.assertFalse(self.company.partner_id.activity_ids)
        self.assertIn("confirmed", str(self.company.partner_id.message_ids[0].body))
        self.run_cron("transfer", "poll")
        self.assertEqual(move.ropo_assignment_id.state, "sent")

    def test_both_addresses_count_once_both_are_confirmed(self):
        old = self.env["ir.config_parameter"].sudo().get_param("web.base.url")
        self.move()
        self.answer("confirm_home")
        self.move(value=old)
        self.assertFalse(self.company.ropo_is_moved)

    def test_saving_the_settings_confirms_nothing(self):
        self.move()
        settings = self.settings()
        settings.ropo_report_delay = 30
        settings.execute()
        self.company.write({"ropo_environment": "test"})
        self.company.invalidate_recordset(["ropo_is_moved"])
        self.assertTrue(self.company.ropo_is_moved)

    def test_a_copy_is_switched_off_and_forgets_the_keys(self):
        case = self.at_ropo()
        self.move()
        self.answer("is_copy")
        company = self.company
        self.assertEqual(company.ropo_environment, "off")
        self.assertFalse(company.maventa_user_api_key or company.maventa_vendor_api_key)
        self.assertFalse(company.maventa_company_uuid)
        before = self.requests()
        self.pay(case.move_id, 40.0)
        self.run_cron("transfer", "report", "poll")
        self.assertEqual(self.requests(), before)

    def test_only_an_administrator_answers(self):
        self.move()
        for button in ("action_ropo_confirm_home", "action_ropo_is_copy"):
            with self.assertRaises(Exception) as caught:
                getattr(self.company.with_user(self.bookkeeper), button)()
            self.assertEqual(type(caught.exception).__module__, "odoo.exceptions")
        self.assertTrue(self.company.ropo_is_moved)

    def test_the_demo_environment_needs_no_home(self):
        self.company.ropo_environment = "demo"
        self.move()
        self.assertFalse(self.company.ropo_is_moved)
