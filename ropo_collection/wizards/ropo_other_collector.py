from odoo import fields, models
from odoo.exceptions import UserError


class RopoOtherCollector(models.TransientModel):
    """Invoices that another agency collects, or that came back from it."""

    _name = "ropo.other.collector"
    _description = "Invoices with another collector"

    move_ids = fields.Many2many("account.move", string="Invoices", readonly=True)
    comes_back = fields.Boolean(readonly=True)
    reason = fields.Text(
        help="Which agency and since when, or why they are back. It is kept in the "
        "history of each invoice."
    )

    def action_confirm(self):
        """Mark the invoices, and keep the reason."""
        self.ensure_one()
        moves = self.move_ids
        moves._ropo_check_rights()
        if not (self.reason or "").strip():
            raise UserError(self.env._("Please give a reason."))
        at_ropo = moves._ropo_live(("sending", "unknown", "pending", "sent"))
        if at_ropo and not self.comes_back:
            raise UserError(
                self.env._("%(name)s is at Ropo already.", name=at_ropo[0].name)
            )
        moves.write({"ropo_other_collector": not self.comes_back})
        text = (
            self.env._("Back from the other collector. %(reason)s", reason=self.reason)
            if self.comes_back
            else self.env._("With another collector: %(reason)s", reason=self.reason)
        )
        moves._message_log_batch({move.id: text for move in moves})
        return {"type": "ir.actions.act_window_close"}
