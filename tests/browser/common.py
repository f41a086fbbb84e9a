"""A Finnish company whose Ropo is the demo environment: nothing leaves the database."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import new_test_user

from odoo.addons.account.tests.common import (
    AccountTestInvoicingCommon,
    AccountTestInvoicingHttpCommon,
)


class RopoTourCommon(AccountTestInvoicingHttpCommon):
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
        cls.customer = cls.env["res.partner"].create(
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

    @classmethod
    def overdue(cls, amount=100.0, *, partner=None, overdue=30):
        """A posted customer invoice, due ``overdue`` days ago."""
        today = fields.Date.today()
        move = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or cls.customer).id,
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
        return move

    def set_off(self, move, amount):
        """Match an entry that is neither payment nor credit note."""
        line = move.line_ids.filtered(lambda ln: ln.account_type == "asset_receivable")
        expense = self.company_data["default_account_expense"]
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.company_data["default_journal_misc"].id,
                "date": fields.Date.today(),
                "line_ids": [
                    Command.create(
                        {
                            "account_id": line.account_id.id,
                            "partner_id": line.partner_id.id,
                            "credit": amount,
                        }
                    ),
                    Command.create({"account_id": expense.id, "debit": amount}),
                ],
            }
        )
        entry.action_post()
        (line | entry.line_ids.filtered("credit")).reconcile()

    def run_cron(self, *names):
        for name in names:
            with self.enter_registry_test_mode():
                self.env.ref(f"ropo_collection.cron_{name}").method_direct_trigger()
        self.env.invalidate_all()

    def at_ropo(self, move):
        """A case that Ropo has opened."""
        self.env["ropo.transfer"]._open_for(move).action_transfer()
        self.run_cron("transfer", "poll")
        case = move.ropo_assignment_id
        self.assertEqual(case.state, "sent", case.error_message)
        return case
