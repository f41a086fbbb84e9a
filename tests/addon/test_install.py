from odoo.tests import TransactionCase, new_test_user, tagged

MODULE = "ropo_collection"


@tagged("post_install", "-at_install")
class TestInstall(TransactionCase):
    """What Odoo checks only when somebody opens it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env, "ropo_opens_all", groups="account.group_account_manager"
        )

    def records_of_module(self, model):
        data = self.env["ir.model.data"].search(
            [("module", "=", MODULE), ("model", "=", model)]
        )
        return self.env[model].browse(data.mapped("res_id"))

    def test_installed(self):
        module = self.env.ref(f"base.module_{MODULE}")
        self.assertEqual(module.state, "installed")

    def test_every_view_opens(self):
        views = self.records_of_module("ir.ui.view").filtered("model")
        self.assertTrue(views)
        for view in views:
            with self.subTest(view=view.xml_id):
                opened = view if view.mode == "primary" else view.inherit_id
                arch = self.env[view.model].get_view(opened.id, opened.type)["arch"]
                self.assertTrue(arch)

    def test_every_action_opens_for_the_accounting_manager(self):
        """All views of the action, and what they show: nothing, but without error."""
        actions = self.records_of_module("ir.actions.act_window")
        self.assertTrue(actions)
        for action in actions:
            with self.subTest(action=action.xml_id):
                model = self.env[action.res_model].with_user(self.manager)
                views = [(view or None, kind) for view, kind in action.views]
                shown = model.get_views(views, {"action_id": action.id})
                self.assertEqual(
                    set(shown["views"]), {kind for _view, kind in action.views}
                )
                fields = list(shown["models"][action.res_model]["fields"])
                model.search_read([], fields, limit=1)

    def test_every_menu_leads_somewhere(self):
        menus = self.records_of_module("ir.ui.menu")
        self.assertTrue(menus)
        for menu in menus:
            with self.subTest(menu=menu.complete_name):
                self.assertTrue(menu.action or menu.child_id)
