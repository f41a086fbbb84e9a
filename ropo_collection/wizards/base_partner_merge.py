from odoo import models


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Whoever is never handed over to Ropo stays so under the other name.

        Cases, debtors and invoices follow by their references, without their models
        hearing of it; what Ropo is told does not depend on the partner.
        """
        result = super()._update_foreign_keys(src_partners, dst_partner)
        companies = self.env["res.company"].sudo()
        served = companies.search([("ropo_environment", "!=", "off")])
        for company in companies.search([("id", "child_of", served.ids)]):
            partners = (src_partners | dst_partner).sudo().with_company(company)
            if any(partners.mapped("ropo_excluded")):
                dst_partner.sudo().with_company(company).ropo_excluded = True
        return result
