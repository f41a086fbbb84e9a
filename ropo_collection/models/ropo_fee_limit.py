from odoo import api, fields, models
from odoo.fields import Domain


class RopoFeeLimit(models.Model):
    """What the law lets a creditor charge for a reminder; a dated table.

    It only warns: whether a fee is owed at all is for a person to know.
    """

    _name = "ropo.fee.limit"
    _description = "Limit of reminder fees"
    _order = "country_id, receivables_type, date_from desc"

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
        string="Due from",
        required=True,
        help="For invoices due on this day or later.",
    )
    date_to = fields.Date(string="Due until")
    amount = fields.Monetary(string="Most for a reminder", required=True)
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

    @api.depends("country_id", "amount", "currency_id")
    def _compute_display_name(self):
        for limit in self:
            limit.display_name = (
                f"{limit.country_id.name}: {limit.currency_id.format(limit.amount)}"
            )

    @api.model
    def _limit(self, country, receivables_type, due):
        """The row that holds for an invoice due on this day, or none."""
        return self.search(
            Domain("country_id", "=", country.id)
            & Domain("receivables_type", "in", (receivables_type[:3], "all"))
            & Domain("date_from", "<=", due)
            & (Domain("date_to", "=", False) | Domain("date_to", ">=", due)),
            order="date_from desc",
            limit=1,
        )
