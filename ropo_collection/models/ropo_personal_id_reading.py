from odoo import api, fields, models
from odoo.exceptions import AccessError


class RopoPersonalIdReading(models.Model):
    """One showing of a personal identity number. Nobody can change it."""

    _name = "ropo.personal.id.reading"
    _description = "Showing of a personal identity number"
    _order = "id desc"
    _rec_name = "subject"

    user_id = fields.Many2one("res.users", string="Shown to", required=True)
    partner_id = fields.Many2one("res.partner", string="Customer", ondelete="set null")
    company_id = fields.Many2one("res.company", required=True)
    subject = fields.Char(string="Whose number", required=True)
    shown_at = fields.Datetime(
        string="Shown on", required=True, default=fields.Datetime.now
    )

    @api.model
    def _check_may_see(self):
        if not self.env.user.has_group("ropo_collection.group_personal_id"):
            raise AccessError(
                self.env._(
                    "Only members of the group Personal identity numbers for Ropo can "
                    "do that."
                )
            )
