"""Who sees and may do what on the screens of Ropo collection."""

from lxml import etree

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from .common import RopoCommon

MENU = "ropo_collection.ropo_collection_menu"
SCREENS = {
    "ropo.assignment": "list kanban form pivot graph activity search",
    "ropo.figures": "list pivot graph search",
    "ropo.control": "list form search",
}


@tagged("post_install", "-at_install")
class TestScreensCases(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls.new_user("clerk", "account.group_account_invoice", cls.company)
        cls.reader = cls.new_user(
            "reader", "account.group_account_readonly", cls.company
        )

    @classmethod
    def new_user(cls, login, groups, companies):
        return new_test_user(
            cls.env,
            f"ropo_screens_{login}",
            groups=f"base.group_user,{groups}",
            company_id=companies[:1].id,
            company_ids=[fields.Command.set(companies.ids)],
        )

    def menus(self, user):
        """The menus of Ropo collection that the web client gets for this user."""
        loaded = self.env["ir.ui.menu"].with_user(user).load_menus(False)
        menu = self.env.ref(MENU)
        of_ropo = self.env["ir.ui.menu"].search([("id", "child_of", menu.id)])
        return of_ropo.filtered(lambda menu: menu.id in loaded)

    # -- hidden where the company is off ----------------------------------
    def test_no_menu_where_every_company_is_off(self):
        other = self.env["res.company"].create({"name": "Sample Other Oy"})
        outsider = self.new_user("outsider", "account.group_account_manager", other)
        both = self.new_user(
            "both", "account.group_account_manager", other | self.company
        )
        for user, shown in ((self.clerk, True), (outsider, False), (both, True)):
            self.assertEqual(bool(self.menus(user)), shown, user.login)

    def test_the_menu_follows_the_setting_at_once(self):
        for environment, shown in (("off", False), ("demo", True), ("off", False)):
            self.company.ropo_environment = environment
            self.assertEqual(self.env.ref(MENU) in self.menus(self.clerk), shown)

    def test_the_menu_follows_the_users_companies(self):
        other = self.env["res.company"].create({"name": "Sample Other Oy"})
        user = self.new_user("moving", "account.group_account_invoice", other)
        self.assertFalse(self.menus(user))
        user.company_ids += self.company
        self.assertTrue(self.menus(user))

    def test_a_branch_follows_its_root(self):
        branch = self.env["res.company"].create(
            {"name": "Sample Branch", "parent_id": self.company.id}
        )
        user = self.new_user("branch", "account.group_account_invoice", branch)
        self.assertTrue(self.menus(user))

    def test_settings_stay_where_the_company_is_off(self):
        self.company.ropo_environment = "off"
        arch = self.env["res.config.settings"].get_view(
            self.env.ref("account.res_config_settings_view_form").id, "form"
        )["arch"]
        names = etree.fromstring(arch).xpath("//@name")
        self.assertIn("ropo_environment", names)

    def test_employees_without_accounting_have_no_menu(self):
        employee = self.new_user("employee", "base.group_user", self.company)
        self.assertFalse(self.menus(employee))

    # -- per group ---------------------------------------------------------
    def test_every_screen_opens_with_its_data(self):
        case = self.at_ropo()
        for user in (self.clerk, self.reader):
            for model, kinds in SCREENS.items():
                records = self.env[model].with_user(user)
                for kind in kinds.split():
                    with self.subTest(user=user.login, model=model, kind=kind):
                        self.assertTrue(records.get_view(view_type=kind)["arch"])
            shown = self.env["ropo.figures"].with_user(user).search([])
            self.assertIn(case, shown.assignment_id)
            self.assertTrue(case.with_user(user).next_steps)

    def test_a_reader_reads_only(self):
        case = self.at_ropo()
        mine = case.with_user(self.reader)
        for kind in ("form", "list"):
            arch = etree.fromstring(mine.get_view(view_type=kind)["arch"])
            buttons = set(arch.xpath("//button/@name"))
            looking = {"action_view_move", "action_view_settlements"}
            self.assertLessEqual(buttons, {*looking, "get_formview_action"})
        for name in ("action_refresh", "action_retry", "action_cancel", "action_tell"):
            with self.subTest(button=name), self.assertRaises(AccessError):
                getattr(mine, name)()
        with self.assertRaises(AccessError):
            mine.write({"summary": "Sample"})
        with self.assertRaises(AccessError):
            self.env["ropo.figures"].with_user(self.reader).create({})

    def test_an_invoicing_user_works(self):
        case = self.at_ropo()
        mine = case.with_user(self.clerk)
        buttons = etree.fromstring(mine.get_view(view_type="form")["arch"])
        self.assertIn("action_refresh", buttons.xpath("//button/@name"))
        mine.action_refresh()
        self.assertTrue(case.refresh_due)

    # -- the story of a case ------------------------------------------------
    def test_a_case_says_what_happens_next(self):
        self.company.ropo_report_delay = 60
        case = self.transfer(self.invoice())
        self.assertIn("with the next run", case.next_steps)
        self.run_cron("transfer")
        self.assertIn("Maventa passes it on", case.next_steps)
        self.run_cron("poll")
        self.assertIn("Ropo reminds the debtor first", case.next_steps)
        self.assertIn("Costs may arise", case.cost_note)
        self.assertNotIn("Authority fees", case.cost_note)
        self.sandbox.stage(case.maventa_invoice_id, "debt_collection")
        self.sandbox.debtor_pays(case.maventa_invoice_id, 25.0)
        case.action_refresh()
        self.run_cron("poll")
        self.assertIn("Legal collection does not start", case.next_steps)
        self.assertIn("25.00", case.next_steps)
        self.assertIn("Authority fees", case.cost_note)
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        self.assertIn("Odoo reports", case.next_steps)
        self.assertEqual(case.share_ids.mapped("kind"), ["paid"])
        self.sandbox.close(case.maventa_invoice_id)
        case.action_refresh()
        self.run_cron("poll")
        self.assertIn("Nothing is written off by that", case.next_steps)
        self.assertFalse(case.cost_note)

    # -- measures -----------------------------------------------------------
    def test_measures_are_of_use(self):
        """Nothing that only counts Odoo's own work can be chosen as a measure."""
        for kind in ("pivot", "graph"):
            view = self.env["ropo.assignment"].get_view(view_type=kind)
            arch = etree.fromstring(view["arch"])
            hidden = set(arch.xpath("//field[@invisible='1']/@name"))
            measures = {
                name
                for name, field in self.env["ropo.assignment"]._fields.items()
                if field.store
                and field.type in ("integer", "float", "monetary")
                and name != "id"
            } - hidden
            self.assertFalse(
                measures & {"attempts", "looks", "turn", "unmatched_money"}, kind
            )
