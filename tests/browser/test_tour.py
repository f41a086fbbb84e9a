"""The way of an invoice to Ropo as a bookkeeper sees it in the browser."""

import threading
from contextlib import contextmanager
from datetime import timedelta

from odoo import SUPERUSER_ID, Command, api, fields
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
            groups="account.group_account_invoice",
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

    @contextmanager
    def environment(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {})

    @contextmanager
    def scheduler(self):
        """Play the scheduler while the browser is busy: tours have no cron threads.

        It runs the addon's own scheduled actions, once there is work for them.
        """
        over = threading.Event()
        errors = []

        def is_due(env):
            domain = [("state", "in", ("queued", "pending"))]
            return env["ropo.assignment"].search_count(domain)

        def work():
            while not over.wait(1):
                with self.environment() as env:
                    if not is_due(env):
                        continue
                # Long enough for the window to show that it is on its way.
                over.wait(3)
                with self.environment() as env:
                    for name in ("cron_transfer", "cron_poll"):
                        env.ref(f"ropo_collection.{name}").method_direct_trigger()

        def guarded():
            try:
                work()
            except Exception as error:  # noqa: BLE001 told by the test itself
                errors.append(error)

        thread = threading.Thread(target=guarded, name="scheduler of the tour")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        self.assertFalse(errors)

    def test_transfer(self):
        url = f"/odoo/action-account.action_move_out_invoice/{self.invoice.id}"
        with self.scheduler():
            self.start_tour(url, "ropo_transfer_tour", login=self.bookkeeper.login)
        case = self.invoice.ropo_assignment_id
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.capital_amount, 100.0)
        self.assertEqual(case.requested_by_id, self.bookkeeper)
