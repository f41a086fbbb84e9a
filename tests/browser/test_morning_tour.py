"""A bookkeeper's morning as she sees it in the browser."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestMorningTour(RopoTourCommon):
    def test_from_the_dashboard_to_the_decision(self):
        move = self.overdue()
        case = self.at_ropo(move)
        self.set_off(move, 20.0)
        self.run_cron("report")
        self.assertTrue(case.needs_attention)
        self.start_tour(
            "/odoo/accounting", "ropo_morning_tour", login=self.bookkeeper.login
        )
        self.assertEqual(case.reported_paid, 20.0)
        self.assertFalse(case.needs_attention)
        self.assertFalse(case.activity_ids)
