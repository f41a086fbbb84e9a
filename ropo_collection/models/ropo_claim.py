from odoo import fields, models

CLAIM_DATA = (
    "reminder_date",
    "reminder_channel",
    "reminder_deadline",
    "reminder_amount",
    "interest_amount",
    "interest_date",
    "rental_address",
    "rental_contract_type",
    "rental_contract_expiry",
    "rental_target_amount",
)


class RopoClaim(models.AbstractModel):
    """What a person says about a claim, in the transfer window and on the case."""

    _name = "ropo.claim"
    _description = "Data of a claim"

    currency_id = fields.Many2one("res.currency")
    reminder_date = fields.Date(
        string="Own reminder sent on",
        help="When you sent the debtor your last reminder; in Norway, the "
        "inkassovarsel.",
    )
    reminder_channel = fields.Selection(
        [
            ("letter", "Letter"),
            ("email", "E-mail"),
            ("electronic", "E-invoice or digital mailbox"),
            ("other", "Another way"),
        ],
        string="Sent by",
        help="How the reminder, in Norway the inkassovarsel, was sent.",
    )
    reminder_deadline = fields.Date(
        string="To be paid until",
        help="The last day to pay that the inkassovarsel gave: at least 14 days after "
        "it was sent.",
    )
    reminder_amount = fields.Monetary(
        string="Own reminder fees",
        help="Fees of your own reminders that the debtor owes. Stated apart from the "
        "claim, never part of it.",
    )
    interest_amount = fields.Monetary(
        string="Own interest",
        help="Late-payment interest you have charged yourself. Stated apart from the "
        "claim, never part of it.",
    )
    interest_date = fields.Date(
        string="Interest from",
        help="From when Ropo calculates interest, where you have charged it before.",
    )
    rental_address = fields.Char(
        string="Rented property", help="The address of what is rented out."
    )
    rental_contract_type = fields.Selection(
        [("continuous", "Until further notice"), ("temporary", "Fixed term")],
        string="Rental contract",
    )
    rental_contract_expiry = fields.Date(
        string="Contract ends on", help="The last day of a contract of fixed term."
    )
    rental_target_amount = fields.Monetary(
        string="Current rent",
        help="Left empty, Ropo takes the sum of the invoice.",
    )

    def _claim_data(self):
        """The claim as plain values, as the checks take them."""
        self.ensure_one()
        return {name: self[name] for name in CLAIM_DATA}
