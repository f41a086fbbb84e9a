"""The first day: an administrator sets Ropo up and hands over a first invoice."""

from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestSetupTour(RopoTourCommon):
    def test_from_off_to_the_first_transfer(self):
        company = self.company.with_user(self.env.ref("base.user_root"))
        company._ropo_close_service("Sample: begin anew")
        self.company.write(
            {
                "ropo_environment": "off",
                "ropo_agreement_email": False,
                "company_registry": "1572860-0",
            }
        )
        # The settings' form minds the cash basis taxes of Odoo's test company.
        self.company.tax_exigibility = True
        self.bookkeeper.group_ids += self.env.ref("account.group_account_manager")
        invoice = self.overdue()
        login = self.bookkeeper.login
        self.start_tour("/odoo/settings", "ropo_setup_tour", login=login)
        self.assertEqual(self.company.ropo_environment, "demo")
        self.assertEqual(self.company.ropo_service_state, "active")
        self.start_tour("/odoo/ropo-ready", "ropo_guide_tour", login=login)
        case = invoice.ropo_assignment_id
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.collection_status, "reminder_sent")
