from odoo import fields, models


class RopoRecheck(models.Model):
    """A marker: something that concerns this case happened in the ledger.

    Matching and un-matching only insert a row here, in the user's own transaction.
    The case itself is never touched by it, so that neither the user nor the worker
    that holds the case waits for the other.
    """

    _name = "ropo.recheck"
    _description = "Ropo case to compare with the ledger"
    _log_access = False

    assignment_id = fields.Many2one(
        "ropo.assignment", required=True, index=True, ondelete="cascade"
    )
    due_at = fields.Datetime(
        required=True, index=True, help="The comparison waits until then."
    )
