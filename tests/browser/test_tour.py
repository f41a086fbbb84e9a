"""The way of an invoice to Ropo as a bookkeeper sees it in the browser."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestTour(RopoTourCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.invoice = cls.overdue()

    def test_transfer(self):
        url = f"/odoo/action-account.action_move_out_invoice/{self.invoice.id}"
        self.start_tour(url, "ropo_transfer_tour", login=self.bookkeeper.login)
        case = self.invoice.ropo_assignment_id
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.capital_amount, 100.0)
        self.assertEqual(case.requested_by_id, self.bookkeeper)
