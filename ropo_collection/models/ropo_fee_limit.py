from odoo import api, fields, models
from odoo.fields import Domain


class RopoFeeLimit(models.Model):
    """What the law lets a creditor charge for a reminder and as interest; dated.

    It only warns: whether a fee is owed at all is for a person to know.
    """

    _name = "ropo.fee.limit"
    _description = "Limit of reminder fees and interest"
    _order = "country_id, kind, receivables_type, date_from desc"

    kind = fields.Selection(
        [("reminder", "Reminder fee"), ("interest", "Late-payment interest")],
        required=True,
        default="reminder",
    )

    country_id = fields.Many2one(
        "res.country",
        required=True,
        ondelete="cascade",
        help="The country of the company that charges the fee.",
    )
    receivables_type = fields.Selection(
        [("b2b", "Companies"), ("b2c", "Consumers"), ("all", "All")],
        string="Debtors",
        required=True,
    )
    date_from = fields.Date(
        string="From",
        required=True,
        help="For invoices due, or interest running, on this day or later.",
    )
    date_to = fields.Date(string="Until")
    amount = fields.Monetary(string="Most for a reminder")
    rate = fields.Float(string="Most interest", help="Percent a year.")
    currency_id = fields.Many2one("res.currency", required=True)
    condition = fields.Char(
        translate=True, help="What else the fee depends on; shown with it."
    )
    ask_always = fields.Boolean(
        string="Always ask",
        help="Whoever enters a fee confirms the condition, however small the fee is.",
    )
    source = fields.Char(
        required=True, help="Where the figure is from, and how sure it is."
    )

    @api.depends("country_id", "kind")
    def _compute_display_name(self):
        labels = dict(self._fields["kind"]._description_selection(self.env))
        for limit in self:
            limit.display_name = f"{limit.country_id.name}: {labels.get(limit.kind)}"

    @api.model
    def _limit(self, country, receivables_type, due):
        """The row for the fee of a reminder of an invoice due on this day, or none."""
        rows = self._rows("reminder", country, receivables_type, due, due)
        return rows[:1]

    @api.model
    def _highest_rate(self, country, receivables_type, start, end):
        """The highest rate of interest between two days; 0 where none is known."""
        rows = self._rows("interest", country, receivables_type, start, end)
        return max(rows.mapped("rate"), default=0.0)

    @api.model
    def _rows(self, kind, country, receivables_type, start, end):
        return self.search(
            Domain("kind", "=", kind)
            & Domain("country_id", "=", country.id)
            & Domain("receivables_type", "in", (receivables_type[:3], "all"))
            & Domain("date_from", "<=", end)
            & (Domain("date_to", "=", False) | Domain("date_to", ">=", start)),
            order="date_from desc",
        )
