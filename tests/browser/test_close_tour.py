"""Closing the service as an administrator sees it in the browser."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestCloseTour(RopoTourCommon):
    def test_closing_the_service(self):
        # The settings' form minds the cash basis taxes of Odoo's test company.
        self.company.tax_exigibility = True
        self.bookkeeper.group_ids += self.env.ref("account.group_account_manager")
        there = self.at_ropo(self.overdue(100.0))
        waiting = self.overdue(50.0)
        self.env["ropo.transfer"]._open_for(waiting).action_transfer()
        self.start_tour(
            "/odoo/settings", "ropo_close_tour", login=self.bookkeeper.login
        )
        self.assertEqual(self.company.ropo_service_state, "closed")
        self.assertEqual(waiting.ropo_state, "cancelled")
        self.assertEqual(there.state, "sent")
        history = " ".join(self.company.partner_id.message_ids.mapped("body"))
        self.assertIn("Sample: another agency", history)
