from odoo import api, models


class AccountPartialReconcile(models.Model):
    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        partials = super().create(vals_list)
        partials._ropo_mark()
        return partials

    def unlink(self):
        if not self:
            return super().unlink()
        lines = self.debit_move_id | self.credit_move_id
        result = super().unlink()
        self.env["ropo.assignment"]._mark_lines(lines.ids)
        return result

    def _ropo_mark(self):
        """Leave a marker for the cases whose invoice is matched here."""
        self.env["ropo.assignment"]._mark_lines(
            (self.debit_move_id | self.credit_move_id).ids
        )
