"""Settings: what is missing, and somebody who shows the way."""

from odoo import api, fields, models

from .res_company import ENTERED


class ResConfigSettings(models.TransientModel):
    # A concern with a file of its own
    _inherit = "res.config.settings"  # pylint: disable=consider-merging-classes-inherited

    ropo_setup = fields.Json(compute="_compute_ropo_setup")

    @api.depends(*ENTERED, "ropo_service_state", "ropo_company_id.ropo_tested_at")
    def _compute_ropo_setup(self):
        for settings in self:
            company = settings.ropo_company_id
            settings.ropo_setup = company._origin._ropo_setup(settings)

    def action_ropo_tour(self):
        """Show a new user around in the demo environment."""
        self.execute()
        return {
            "type": "ir.actions.act_url",
            "url": "/odoo/ropo-ready?tour=ropo_collection_tour",
            "target": "self",
        }
