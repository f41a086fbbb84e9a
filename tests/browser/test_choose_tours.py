"""Choosing, approving and withdrawing as a bookkeeper sees them in the browser."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestChooseTours(RopoTourCommon):
    def test_bulk_transfer_with_mixed_verdicts(self):
        ready = self.overdue(100.0)
        warned = self.overdue(
            50.0, partner=self.customer.copy({"ropo_special": "minor"})
        )
        blocked = self.overdue(7.0, partner=self.customer.copy({"street": False}))
        url = "/odoo/action-ropo_collection.account_move_action_ready"
        self.start_tour(url, "ropo_bulk_transfer_tour", login=self.bookkeeper.login)
        self.assertEqual((ready | warned).mapped("ropo_state"), ["sent", "sent"])
        self.assertIn("minor", warned.ropo_assignment_id.warnings_confirmed)
        self.assertFalse(blocked.ropo_assignment_ids)

    def test_approving_proposals(self):
        self.company.ropo_transfer_policy = "propose"
        moves = [self.overdue(amount) for amount in (100.0, 200.0, 300.0)]
        self.run_cron("propose")
        url = "/odoo/action-ropo_collection.ropo_assignment_action_proposed"
        self.start_tour(url, "ropo_approve_tour", login=self.bookkeeper.login)
        states = [move.ropo_state for move in moves]
        self.assertEqual(states, ["cancelled", "cancelled", "sent"])
        self.assertEqual(moves[2].ropo_assignment_id.requested_by_id, self.bookkeeper)

    def test_withdrawing_a_case(self):
        self.bookkeeper.group_ids += self.env.ref("account.group_account_manager")
        move = self.overdue()
        case = self.at_ropo(move)
        url = f"/odoo/action-ropo_collection.ropo_assignment_action/{case.id}"
        self.start_tour(url, "ropo_withdraw_tour", login=self.bookkeeper.login)
        self.assertEqual(case.reported_credited, 100.0)
        self.assertEqual(move.payment_state, "reversed")
        history = " ".join(case.message_ids.mapped("body"))
        self.assertIn("The goods came back", history)
