from odoo import fields, models


class RopoShare(models.Model):
    """What an entry matched with an invoice at Ropo counts as, and how much of it.

    Written by the comparison, so that SQL can sort what is matched without knowing
    its rules. Dates are not kept here: they are those of invoice and entry. Whoever
    reads this must go by what is matched now: a row may be older than the last match,
    and an entry without a row has not been compared yet. Amounts are in the invoice's
    currency.
    """

    _name = "ropo.share"
    _description = "What a match counts as at Ropo"
    _log_access = False

    assignment_id = fields.Many2one(
        "ropo.assignment", required=True, ondelete="cascade"
    )
    counterpart_move_id = fields.Many2one(
        "account.move", string="Entry", required=True, index=True, ondelete="cascade"
    )
    kind = fields.Selection(
        [
            ("before", "Matched before the transfer"),
            ("paid", "Paid"),
            ("credit_note", "Credited"),
            ("settlement", "Settled by Ropo"),
            ("silent", "Written off"),
            ("decision", "Needs a decision"),
        ],
        string="Counts as",
        required=True,
    )
    currency_id = fields.Many2one(related="assignment_id.currency_id")
    amount = fields.Monetary(required=True)
    date = fields.Date(related="counterpart_move_id.date")

    _one = models.UniqueIndex("(assignment_id, counterpart_move_id, kind)")
