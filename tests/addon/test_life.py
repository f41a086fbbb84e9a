"""One invoice's whole way, from overdue to closed."""

from odoo.tests import tagged

from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestLife(RopoCommon):
    def test_whole_life(self):
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        self.assertEqual(move.ropo_state, "sent")
        self.assertTrue(move.no_followup)
        self.pay(move, 40.0)
        self.credit(move, 30.0)
        self.run_cron("report")
        self.assertEqual(self.told(case), {"paid": [40.0], "credit_note": [30.0]})
        self.assertEqual(case.open_amount, 30.0)
        self.assertEqual(case.open_amount, move.amount_residual)
