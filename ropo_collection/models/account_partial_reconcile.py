from odoo import api, models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        self.env["ropo.assignment"]._mark_entries(partials._ropo_invoices().ids)
        return partials

    def unlink(self):
        if not self:
            return super().unlink()
        invoices = self._ropo_invoices()
        result = super().unlink()
        self.env["ropo.assignment"]._mark_entries(invoices.ids)
        return result

    def _ropo_invoices(self):
        """Of the entries that are matched here, those that have or had a case.

        Without a query for all others: Odoo reads the link with what it needs itself.
        The link is written with the case, into the invoice's row, which a match
        changes, too: who does not see the case yet collides with its creation, and is
        tried again.
        """
        partials = self.sudo()
        entries = (partials.debit_move_id | partials.credit_move_id).move_id
        return entries.filtered("ropo_assignment_id")
