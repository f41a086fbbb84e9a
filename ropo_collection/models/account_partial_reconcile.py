from odoo import api, models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        self.env["ropo.assignment"]._mark_entries(partials._ropo_entries().ids)
        return partials

    def unlink(self):
        if not self:
            return super().unlink()
        entries = self._ropo_entries()
        result = super().unlink()
        self.env["ropo.assignment"]._mark_entries(entries.ids)
        return result

    def _ropo_entries(self):
        """What is matched here: invoices, payments, credit notes."""
        partials = self.sudo()
        return (partials.debit_move_id | partials.credit_move_id).move_id
