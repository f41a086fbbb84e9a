"""The accounting dashboard: what needs a person, and what waits to be settled."""

from collections import Counter

from odoo import models


class AccountJournal(models.Model):
    _inherit = "account.journal"

    def _fill_sale_purchase_dashboard_data(self, dashboard_data):
        result = super()._fill_sale_purchase_dashboard_data(dashboard_data)
        cases = self.env["ropo.assignment"]
        journals = self.filtered(
            lambda journal: journal.type == "sale" and journal.company_id._ropo_is_on()
        )
        if journals and cases.has_access("read"):
            for journal, count in cases._read_group(
                [("needs_attention", "=", True), ("journal_id", "in", journals.ids)],
                ["journal_id"],
                ["__count"],
            ):
                dashboard_data[journal.id]["ropo_attention"] = count
        return result

    def action_ropo_attention(self):
        """The cases of this journal's invoices that need a person."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ropo_collection.ropo_assignment_action_attention"
        )
        domain = [("needs_attention", "=", True), ("journal_id", "=", self.id)]
        return {**action, "domain": domain}

    def _fill_bank_cash_dashboard_data(self, dashboard_data):
        """Also count the bank lines that wait to be settled."""
        result = super()._fill_bank_cash_dashboard_data(dashboard_data)
        lines = self.env["account.bank.statement.line"].search(
            [("ropo_to_settle", "=", True), ("journal_id", "in", self.ids)]
        )
        counts = Counter(lines.mapped("journal_id.id"))
        for journal in self:
            dashboard_data[journal.id]["ropo_to_settle"] = counts[journal.id]
        return result

    def action_ropo_bank_lines(self):
        """Open the bank lines of this journal that wait to be settled."""
        self.ensure_one()
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ropo_collection.account_bank_statement_line_action"
        )
        action["domain"] = [
            ("ropo_to_settle", "=", True),
            ("journal_id", "=", self.id),
        ]
        return action
