"""The customer whose invoices are at Ropo."""

from odoo import api, fields, models
from odoo.fields import Domain

from .account_move_alerts import READERS
from .ropo_assignment import HANDED_OVER
from .ropo_assignment_debtor import DEBTOR_FIELDS


class ResPartner(models.Model):
    # A concern with a file of its own
    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    ropo_live_count = fields.Integer(
        string="Cases at Ropo",
        compute="_compute_ropo_live",
        compute_sudo=True,
        groups=READERS,
        help="Invoices of this customer that are at Ropo now.",
    )
    ropo_open_amount = fields.Monetary(
        string="Open at Ropo",
        compute="_compute_ropo_live",
        compute_sudo=True,
        groups=READERS,
        help="What is open at Ropo of this customer's invoices, in the company's "
        "currency at today's rate.",
    )

    @api.depends("commercial_partner_id")
    @api.depends_context("allowed_company_ids", "company")
    def _compute_ropo_live(self):
        """Of the commercial entity, in the companies chosen in the menu."""
        companies = self.env.companies.filtered(lambda company: company._ropo_is_on())
        found = {}
        today = fields.Date.context_today(self)
        for partner, company, currency, count, amount in self.env[
            "ropo.assignment"
        ]._read_group(
            [
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("state", "in", HANDED_OVER),
                ("company_id", "in", companies.ids),
            ],
            ["partner_id", "company_id", "currency_id"],
            ["__count", "open_amount:sum"],
        ):
            counted, summed = found.get(partner, (0, 0.0))
            amount = currency._convert(
                amount, self.env.company.currency_id, company, today
            )
            found[partner] = counted + count, summed + amount
        for partner in self:
            count, amount = found.get(partner.commercial_partner_id, (0, 0.0))
            partner.ropo_live_count = count
            partner.ropo_open_amount = amount

    def _ropo_debtor_text(self):
        """One sentence for those who sell to a debtor, or nothing.

        Sellers need not see invoices: number and sum are all they are told.
        """
        partner = self.sudo()
        if not partner.ropo_live_count:
            return ""
        values = {
            "name": partner.name,
            "number": partner.ropo_live_count,
            "open": self.env.company.currency_id.format(partner.ropo_open_amount),
        }
        if partner.ropo_live_count == 1:
            return self.env._(
                "%(name)s has an invoice at Ropo, with %(open)s open.", **values
            )
        return self.env._(
            "%(name)s has %(number)s invoices at Ropo, with %(open)s open.", **values
        )

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

    def _ropo_forget_languages(self):
        """See :meth:`res.company._ropo_languages`, where one of these counts."""
        counts = Domain("partner_id", "in", self.ids) | Domain(
            "ropo_responsible_id.partner_id", "in", self.ids
        )
        if self.env["res.company"].sudo().search_count(counts, limit=1):
            self.env.registry.clear_cache()

    def _track_prepare(self, fields_iter):
        """Who does not write the kind of claim does not have it read for the chatter.

        Odoo reads what is tracked before any write, and when posting an invoice counts
        up the customer's rank, with a query for each field.
        """
        if not self.env.context.get("ropo_kind_written"):
            fields_iter = set(fields_iter) - {"ropo_receivables_type"}
        return super()._track_prepare(fields_iter)

    def write(self, vals):
        """Ropo does not hear of a debtor's new name or address: a person tells it."""
        if "lang" in vals:
            self._ropo_forget_languages()
        if "ropo_receivables_type" in vals:
            self = self.with_context(ropo_kind_written=True)
        if not DEBTOR_FIELDS & vals.keys():
            return super().write(vals)
        cases = self._ropo_live_cases()
        before = {case: case._debtor_now() for case in cases}
        result = super().write(vals)
        cases._tell_changed_debtor(before)
        return result
