from odoo import api, models


class WebTourTour(models.Model):
    _inherit = "web_tour.tour"

    @api.model
    def get_current_tour(self):
        """Ropo's tour is for administrators of a company in the demo environment."""
        tour = super().get_current_tour()
        if tour and tour["name"] == "ropo_collection_tour":
            company = self.env.company._ropo_root()
            ready = (
                company.ropo_environment == "demo"
                and company.ropo_service_state == "active"
                and self.env.user.has_group("base.group_system")
            )
            return ready and tour
        return tour
