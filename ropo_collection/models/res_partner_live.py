"""The customer whose invoices are at Ropo."""

from odoo import api, fields, models
from odoo.fields import Domain

from .ropo_assignment import HANDED_OVER
from .ropo_assignment_debtor import DEBTOR_FIELDS


class ResPartner(models.Model):
    # A concern with a file of its own
    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    ropo_live_count = fields.Integer(
        string="Cases at Ropo",
        compute="_compute_ropo_live_count",
        compute_sudo=True,
        help="Invoices of this customer that are at Ropo now.",
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("allowed_company_ids")
    def _compute_ropo_live_count(self):
        counted = dict(
            self.env["ropo.assignment"]._read_group(
                [
                    ("partner_id", "in", self.commercial_partner_id.ids),
                    ("state", "in", HANDED_OVER),
                    ("company_id", "in", self.env.companies.ids),
                ],
                ["partner_id"],
                ["__count"],
            )
        )
        for partner in self:
            partner.ropo_live_count = counted.get(partner.commercial_partner_id, 0)

    def action_ropo_view_live(self):
        """The cases of this customer that are at Ropo."""
        self.ensure_one()
        cases = self.env["ropo.assignment"].search(
            [
                ("partner_id", "=", self.commercial_partner_id.id),
                ("state", "in", HANDED_OVER),
            ]
        )
        return cases._get_records_action(name=self.env._("Ropo cases"))

    def _ropo_live_cases(self):
        """Cases at Ropo that have to do with these partners: one query."""
        if not self.ids:
            return self.env["ropo.assignment"].sudo()
        return (
            self.env["ropo.assignment"]
            .sudo()
            .search(
                Domain("state", "in", HANDED_OVER)
                & (
                    Domain("partner_id", "in", self.ids)
                    | Domain("payer_ids.partner_id", "in", self.ids)
                    | Domain("move_id.partner_id", "in", self.ids)
                )
            )
        )

    def write(self, vals):
        """Ropo does not hear of a debtor's new name or address: a person tells it."""
        if not DEBTOR_FIELDS & vals.keys():
            return super().write(vals)
        cases = self._ropo_live_cases()
        before = {case: case._debtor_now() for case in cases}
        result = super().write(vals)
        cases._tell_changed_debtor(before)
        return result
