from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.ropo_assignment import HANDED_OVER

#: Not sent yet: cancelled before the service is closed.
WAITING = ("proposed", "queued")


class RopoClose(models.TransientModel):
    """Close the Ropo service: what it means for which cases, and why."""

    _name = "ropo.close"
    _description = "Close the Ropo service"

    company_id = fields.Many2one("res.company", required=True, readonly=True)
    waiting = fields.Char(compute="_compute_cases", help="Number and sum.")
    at_ropo = fields.Char(compute="_compute_cases", help="Number and sum.")
    reason = fields.Text(help="Who decided it and why. It is kept on the company.")

    @api.model
    def _open_for(self, company):
        """The action that asks before the service is closed."""
        company._ropo_check_closing()
        wizard = self.create({"company_id": company.id})
        return wizard._get_records_action(
            name=self.env._("Close the Ropo service"), target="new", context={}
        )

    @api.depends("company_id")
    def _compute_cases(self):
        for wizard in self:
            wizard.waiting = wizard._count(WAITING, "capital_amount")
            wizard.at_ropo = wizard._count(HANDED_OVER, "open_amount")

    def _count(self, states, amount):
        """Number and sum of the cases in these states, in each currency."""
        groups = (
            self.env["ropo.assignment"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "child_of", self.company_id.id),
                    ("state", "in", states),
                ],
                ["currency_id"],
                ["__count", f"{amount}:sum"],
            )
        )
        return ", ".join(
            f"{count} ({currency.format(total)})" for currency, count, total in groups
        )

    def action_confirm(self):
        """Close it, and keep the reason."""
        self.ensure_one()
        reason = (self.reason or "").strip()
        if not reason:
            raise UserError(self.env._("Please give a reason."))
        return self.company_id._ropo_root()._ropo_close_service(reason)
