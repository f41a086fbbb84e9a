"""The controller's figures as of an earlier day, in the browser."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import new_test_user, tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestControllerTour(RopoTourCommon):
    def test_from_the_menu_to_one_case(self):
        today = fields.Date.today()
        for amount, ago in ((100.0, 20), (50.0, 3)):
            case = self.at_ropo(self.overdue(amount, overdue=60))
            case.sudo().accepted_at -= timedelta(days=ago)
            self.env["account.payment.register"].with_context(
                active_model="account.move", active_ids=case.move_id.ids
            ).create(
                {"amount": 40.0, "payment_date": today - timedelta(days=2)}
            )._create_payments()
        self.run_cron("report")
        controller = new_test_user(
            self.env,
            login="ropo_controller",
            groups="base.group_user,account.group_account_readonly",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        url = "/odoo/action-ropo_collection.ropo_figures_action_figures"
        self.start_tour(url, "ropo_controller_tour", login=controller.login)
