"""Sending an invoice while Ropo collects it."""

from odoo import models

from .ropo_assignment import HANDED_OVER


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    def _get_alerts(self, moves, moves_data):
        """The customer would be asked to pay to two accounts."""
        alerts = super()._get_alerts(moves, moves_data)
        at_ropo = moves.filtered(
            lambda move: move.ropo_state in HANDED_OVER
            and move.company_id._ropo_is_on()
        )
        if at_ropo:
            alerts["ropo_at_ropo"] = {
                "level": "warning",
                "message": self.env._(
                    "At Ropo: %(names)s. What you send asks the customer to pay to "
                    "your own account, while Ropo asks for the same money.",
                    names=", ".join(at_ropo.mapped("name")),
                ),
                "action_text": self.env._("Open the Ropo case"),
                "action": at_ropo.action_ropo_view_assignment(),
            }
        return alerts
