"""The way of an invoice to Ropo as a bookkeeper sees it in the browser."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import new_test_user, tagged

from odoo.addons.account.tests.common import (
    AccountTestInvoicingCommon,
    AccountTestInvoicingHttpCommon,
)


@tagged("post_install", "-at_install")
class TestTour(AccountTestInvoicingHttpCommon):
    """Everything happens in the demo environment: nothing leaves the database."""

    @classmethod
    @AccountTestInvoicingCommon.setup_country("fi")
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        cls.company.write(
            {
                "ropo_environment": "demo",
                "ropo_agreement_email": "sample@example.com",
                "ropo_report_delay": 0,
            }
        )
        company = cls.company.with_user(cls.env.ref("base.user_root"))
        company.action_ropo_activate()
        company.action_ropo_next_step()
        cls.bookkeeper = new_test_user(
            cls.env,
            login="ropo_bookkeeper",
            # Settings: the tour presses "Run Manually" on the scheduled actions.
            groups="account.group_account_invoice,base.group_partner_manager,"
            "base.group_system",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )
        customer = cls.env["res.partner"].create(
            {
                "name": "Sample Business Oy",
                "is_company": True,
                "street": "Samplestreet 1",
                "zip": "00100",
                "city": "Helsinki",
                "country_id": cls.env.ref("base.fi").id,
                "company_registry": "9000001-1",
            }
        )
        today = fields.Date.today()
        cls.invoice = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": today - timedelta(days=44),
                "invoice_date_due": today - timedelta(days=30),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create({"name": "Sample", "price_unit": 100, "tax_ids": []})
                ],
            }
        )
        cls.invoice.action_post()

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
