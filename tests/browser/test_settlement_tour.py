"""From an imported bank line to settled cases, as a bookkeeper sees it."""

from odoo import fields
from odoo.tests import tagged

from .common import RopoTourCommon


@tagged("post_install", "-at_install")
class TestSettlementTour(RopoTourCommon):
    def debtor_pays(self, case):
        """Play Ropo until the debtor has paid."""
        for _step in range(5):
            case.action_next_step()
            self.run_cron("poll", "report")
            if case.paid_to_ropo:
                return
        self.fail("The debtor never paid.")

    def test_settlement(self):
        revenue = self.company_data["default_account_revenue"]
        interest = revenue.copy({"code": "399991", "name": "Sample interest"})
        interest.tax_ids = False
        self.company.write(
            {
                "ropo_settlement_names": "Ropo (sample)",
                "ropo_interest_account_id": interest.id,
            }
        )
        cases = self.at_ropo(self.overdue(100.0)) | self.at_ropo(self.overdue(60.0))
        for case in cases:
            self.debtor_pays(case)
        self.assertEqual(sum(cases.mapped("to_come")), 160.0)
        lines = self.env["account.bank.statement.line"].create(
            [
                {
                    "journal_id": self.company_data["default_journal_bank"].id,
                    "date": fields.Date.today(),
                    "payment_ref": text,
                    "partner_name": name,
                    "amount": amount,
                }
                for text, name, amount in (
                    ("Sample settlement", "Ropo (sample)", 169.5),
                    ("Sample customer", "Sample Business Oy", 20.0),
                )
            ]
        )
        url = "/odoo/bank-lines-from-ropo"
        self.start_tour(url, "ropo_settlement_tour", login=self.bookkeeper.login)
        self.env.invalidate_all()
        self.assertEqual(lines.mapped("is_reconciled"), [True, False])
        self.assertEqual(cases.move_id.mapped("amount_residual"), [0.0, 0.0])
        self.assertEqual(cases.mapped("to_come"), [0.0, 0.0])
        self.assertEqual(cases.mapped("reported_paid"), [0.0, 0.0])
        booked = lines[0].move_id.line_ids.filtered(
            lambda item: item.account_id == interest
        )
        self.assertEqual(booked.balance, -9.5)
