from odoo import models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def action_ropo_settle(self):
        """A settlement of what these journal items have open."""
        return self._ropo_settle(max(self.mapped("date")))

    def _ropo_settle(self, date):
        settlements = self.env["ropo.settlement"]
        settlements._check_rights()
        settlement = settlements.create(settlements._prepare_from_items(self, date))
        settlement.action_propose()
        return settlement._get_records_action()
