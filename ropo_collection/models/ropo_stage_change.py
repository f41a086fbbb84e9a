from odoo import fields, models

from .ropo_assignment import STAGES


class RopoStageChange(models.Model):
    """When a case came to a stage, was closed or opened again, as Odoo heard of it."""

    _name = "ropo.stage.change"
    _description = "Change of a Ropo case's stage"
    _log_access = False

    assignment_id = fields.Many2one(
        "ropo.assignment", required=True, ondelete="cascade"
    )
    changed_at = fields.Datetime(required=True, default=fields.Datetime.now)
    stage = fields.Selection(STAGES)
    closed = fields.Boolean()

    _last = models.Index("(assignment_id, changed_at, id)")
