"""Who sees what: every view opens for every kind of user, and hides what it should."""

from lxml import etree

from odoo.tests import new_test_user, tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

VIEWS = {
    "ropo.assignment": "list kanban form search pivot graph activity",
    "ropo.assignment.event": "list kanban form search pivot",
    "account.move": "list form search",
    "res.partner": "form",
    "account.payment": "form",
}


@tagged("post_install", "-at_install")
class TestViews(AccountTestInvoicingCommon):
    def as_user(self, group):
        login = f"ropo_{group.rpartition('.')[2]}"
        user = new_test_user(
            self.env,
            login=login,
            groups=f"base.group_user,{group}",
            company_id=self.env.company.id,
        )
        return self.env(user=user)

    def views(self, env, model):
        wanted = VIEWS[model].split()
        return env[model].get_views([(False, kind) for kind in wanted])["views"]

    def names(self, env, model, kind, view_id=False):
        arch = env[model].get_view(view_id, kind)["arch"]
        return set(etree.fromstring(arch).xpath("//@name"))

    def test_open_for_everyone(self):
        self.env.company.ropo_environment = "demo"
        for group in (
            "account.group_account_readonly",
            "account.group_account_invoice",
            "account.group_account_manager",
        ):
            env = self.as_user(group)
            for model in VIEWS:
                with self.subTest(group=group, model=model):
                    self.assertTrue(self.views(env, model))

    def test_readonly_user_has_no_buttons(self):
        self.env.company.ropo_environment = "demo"
        env = self.as_user("account.group_account_readonly")
        names = self.names(env, "ropo.assignment", "form")
        self.assertIn("capital_amount", names)
        buttons = {name for name in names if name.startswith("action_")}
        self.assertEqual(buttons, {"action_view_move", "action_view_settlements"})

    def test_giving_up_is_for_managers(self):
        invoice = self.as_user("account.group_account_invoice")
        manager = self.as_user("account.group_account_manager")
        for model, name in (
            ("ropo.assignment", "action_withdraw"),
            ("ropo.assignment.event", "action_answer_credit_note"),
        ):
            self.assertNotIn(name, self.names(invoice, model, "form"))
            self.assertIn(name, self.names(manager, model, "form"))

    def test_off_hides_everything(self):
        listed = self.env.ref("account.view_out_invoice_tree").id
        search = self.env.ref("account.view_account_invoice_filter").id
        env = self.as_user("account.group_account_invoice")
        for environment, shown in (("off", False), ("demo", True)):
            self.env.company.ropo_environment = environment
            for model, kind, view, name in (
                ("account.move", "list", listed, "ropo_state"),
                ("account.move", "search", search, "ropo_ready"),
                ("res.partner", "form", False, "ropo_excluded"),
            ):
                with self.subTest(environment=environment, model=model, kind=kind):
                    names = self.names(env, model, kind, view)
                    self.assertEqual(name in names, shown)

    def test_personal_id_needs_its_group(self):
        self.env.company.ropo_environment = "demo"
        env = self.as_user("account.group_account_manager")
        self.assertNotIn("ropo_personal_id", self.names(env, "res.partner", "form"))
        env.user.sudo().group_ids += self.env.ref("ropo_collection.group_personal_id")
        self.assertIn("ropo_personal_id", self.names(env, "res.partner", "form"))
