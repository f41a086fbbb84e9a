"""A Finnish company whose Ropo is a sandbox behind real HTTP on this machine."""

from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import tagged

from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.ropo_collection.maventa import client as maventa_client
from odoo.addons.ropo_collection.maventa.sandbox import Faults, Sandbox, serve

KEYS = {
    "maventa_company_uuid": "11111111-1111-4111-8111-111111111111",
    "maventa_user_api_key": "sample-user-key",
    "maventa_vendor_api_key": "sample-vendor-key",
}
#: The columns by which rows know how long they have waited.
CLOCKS = {
    "accepted_at",
    "attempt_at",
    "looked_at",
    "next_try_at",
    "ropo_poll_started",
    "ropo_trouble_until",
}


@tagged("post_install", "-at_install")
class RopoCommon(AccountTestInvoicingCommon):
    """Sets up company, sandbox, customers; plays payments and scheduled actions."""

    @classmethod
    def get_default_groups(cls):
        return super().get_default_groups() | cls.quick_ref("base.group_system")

    country_code = "FI"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]
        # Tests count days as `fields.Date.today` does, in UTC: late in the evening a
        # Finnish company and its Ropo would be a day ahead of them.
        cls.company.partner_id.tz = "UTC"
        cls.startClassPatcher(
            patch.object(Sandbox, "_today", lambda *_args: fields.Date.today())
        )
        cls.company.write(
            {
                **KEYS,
                "ropo_environment": "test",
                "ropo_service_state": "active",
                "ropo_agreement_email": "sample@example.com",
                "ropo_report_delay": 0,
            }
        )
        finland = cls.env.ref("base.fi")
        address = {"zip": "00100", "city": "Helsinki", "country_id": finland.id}
        cls.business = cls.env["res.partner"].create(
            {
                **address,
                "name": "Sample Business Oy",
                "is_company": True,
                "street": "Samplestreet 1",
                "company_registry": "1572860-0",
                "property_account_receivable_id": cls.company_data[
                    "default_account_receivable"
                ].id,
            }
        )
        cls.consumer = cls.env["res.partner"].create(
            {
                **address,
                "name": "Sample Consumer",
                "street": "Samplestreet 2",
                "property_account_receivable_id": cls.company_data[
                    "default_account_receivable"
                ].id,
            }
        )

    def setUp(self):
        super().setUp()
        maventa_client.TOKENS.clear()
        self.sandbox, self.faults = Sandbox(), Faults()
        self.sandbox.add_company(
            *KEYS.values(),
            name=self.company.name,
            business_id="1234567-1",
            country=self.company.account_fiscal_country_id.code,
        )
        self.sandbox.sign_agreement(KEYS["maventa_company_uuid"])
        self.server = serve(self.sandbox, faults=self.faults)
        self.addCleanup(self.server.close)
        self.company.write(
            {
                "maventa_ax_url": self.server.url,
                "maventa_receivables_url": self.server.url,
            }
        )

    # -- the company's side ---------------------------------------------
    def invoice(self, amount=100.0, *, partner=None, overdue=30, at_maventa=True):
        """A posted customer invoice, due ``overdue`` days ago."""
        today = fields.Date.today()
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or self.business).id,
                "invoice_date": today - timedelta(days=overdue + 14),
                "invoice_date_due": today - timedelta(days=overdue),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Sample", "price_unit": amount, "tax_ids": []}
                    )
                ],
            }
        )
        move.action_post()
        if at_maventa:
            self.at_maventa(move)
        return move

    def at_maventa(self, move, **changes):
        """Let the sandbox have the invoice, as if it had been sent with Maventa."""
        values = {
            "number": move.name,
            "date": move.invoice_date,
            "date_due": move.invoice_date_due,
            "total": str(move.amount_total),
            "currency": move.currency_id.name,
            "recipient_name": move.partner_id.name,
            "recipient_bid": "",
            **changes,
        }
        return self.sandbox.add_invoice(KEYS["maventa_company_uuid"], **values)

    def pay(self, move, amount, *, date=None, **values):
        """Register a payment the way a bookkeeper does."""
        wizard = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create(
                {
                    "amount": amount,
                    "payment_date": date or fields.Date.today(),
                    **values,
                }
            )
        )
        return wizard._create_payments()

    def loose_payment(self, amount):
        """Money of the business customer, posted and matched with nothing."""
        payment = self.env["account.payment"].create(
            {
                "amount": amount,
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.business.id,
            }
        )
        payment.action_post()
        return payment

    def credit(self, move, amount=None):
        """A posted credit note on this invoice."""
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "reason": "Sample"})
        )
        note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        if amount is not None:
            note.invoice_line_ids.price_unit = amount
        note.action_post()
        return note

    # -- the way to Ropo ------------------------------------------------
    def run_cron(self, *names):
        """Run scheduled actions as the scheduler does, with commits."""
        for name in names:
            with self.enter_registry_test_mode():
                self.env.ref(f"ropo_collection.cron_{name}").method_direct_trigger()
        self.env.invalidate_all()

    def transfer(self, moves, **values):
        """Press the button, confirm the wizard; return the queued cases."""
        action = moves.action_ropo_transfer()
        wizard = moves.env["ropo.transfer"].browse(action["res_id"])
        wizard.write(values)
        wizard.action_transfer()
        return wizard.assignment_ids

    def at_ropo(self, move=None):
        """A case that Ropo has opened."""
        move = move or self.invoice()
        case = self.transfer(move)
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent", case.error_message)
        return case

    def hand_overs(self, case):
        """How often the hand-over was sent, and how often Maventa accepted it."""
        path = f"/v2/invoices/{case.maventa_invoice_id}/assignment/ropo"
        sent = [call for call in self.server.requests if call[:2] == ("POST", path)]
        there = self.sandbox.case(case.maventa_invoice_id)
        return len(sent), there["requests"] if there else 0

    def let_pass(self, rows, **duration):
        """Let time pass for these rows: what they wait for comes that much nearer."""
        for row in rows.sudo():
            for name in CLOCKS & row._fields.keys():
                if row[name]:
                    row[name] -= timedelta(**duration)

    def told(self, case):
        """What the sandbox accepted for this case: ``{kind: [amounts]}``."""
        snapshot = self.sandbox.case(case.maventa_invoice_id)
        told = {"paid": [], "credit_note": []}
        for event in snapshot["events"]:
            if event.get("posted") and event["type"] in told:
                told[event["type"]].append(float(event["amount"]))
        return told
