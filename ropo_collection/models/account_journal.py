"""The accounting dashboard: what needs a person at Ropo, on the card of the sales."""

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
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "ropo_collection.ropo_assignment_action_attention"
        )
        domain = [("needs_attention", "=", True), ("journal_id", "=", self.id)]
        return {**action, "domain": domain}
