"""Answering a question as a bookkeeper sees it in the browser."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestDecideTour(RopoTourCommon):
    def test_answer_that_gives_money_up(self):
        self.bookkeeper.group_ids += self.env.ref("account.group_account_manager")
        move = self.overdue()
        case = self.at_ropo(move)
        self.set_off(move, 20.0)
        self.run_cron("report")
        self.assertTrue(case.needs_attention)
        url = f"/odoo/action-ropo_collection.ropo_assignment_action/{case.id}"
        self.start_tour(url, "ropo_decide_tour", login=self.bookkeeper.login)
        self.assertEqual(case.reported_credited, 20.0)
        self.assertFalse(case.needs_attention)
        history = " ".join(case.message_ids.mapped("body"))
        self.assertIn("discount agreed", history)
