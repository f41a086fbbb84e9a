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

    def test_missing_address_is_mended_in_the_window(self):
        customer = self.invoice.partner_id
        customer.write({"street": False, "zip": False})
        url = f"/odoo/action-account.action_move_out_invoice/{self.invoice.id}"
        self.start_tour(url, "ropo_mend_address_tour", login=self.bookkeeper.login)
        case = self.invoice.ropo_assignment_id
        self.assertEqual(case.state, "sent")
        self.assertRecordValues(
            case.payer_ids, [{"street": "Samplestreet 7", "zip": "00700"}]
        )
        self.assertEqual((customer.street, customer.zip), ("Samplestreet 7", "00700"))
