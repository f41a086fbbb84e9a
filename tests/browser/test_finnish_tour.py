"""A Finnish bookkeeper hands an invoice over: all on the way is in Finnish."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestFinnishTour(RopoTourCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("fi_FI")
        modules = ["base", "web", "mail", "account", "ropo_collection"]
        cls.env["ir.module.module"]._load_module_terms(modules, ["fi_FI"])
        (cls.bookkeeper.partner_id | cls.company.partner_id).lang = "fi_FI"

    def test_transfer_in_finnish(self):
        move = self.overdue()
        self.start_tour(
            "/odoo/ropo-ready", "ropo_finnish_tour", login=self.bookkeeper.login
        )
        case = move.ropo_assignment_id
        self.assertEqual(case.state, "sent")
        said = " ".join(move.message_ids.mapped("body"))
        self.assertIn("Siirretty Ropolle", said)
