from odoo import models


class BasePartnerMerge(models.TransientModel):
    _inherit = "base.partner.merge.automatic.wizard"

    def _merge(self, partner_ids, dst_partner=None, extra_checks=True):
        """Ropo does not hear that its debtor is somebody else now.

        Merging writes foreign keys by SQL, so no hook of the cases would see it.
        """
        partners = self.env["res.partner"].browse(partner_ids).exists()
        cases = partners._ropo_live_cases()
        before = {case: case._debtor_now() for case in cases}
        result = super()._merge(partner_ids, dst_partner, extra_checks)
        cases.invalidate_recordset()
        cases._tell_changed_debtor(before)
        return result

    def _update_foreign_keys(self, src_partners, dst_partner):
        """Whoever is never handed over to Ropo stays so under the other name."""
        result = super()._update_foreign_keys(src_partners, dst_partner)
        companies = self.env["res.company"].sudo()
        served = companies.search([("ropo_environment", "!=", "off")])
        for company in companies.search([("id", "child_of", served.ids)]):
            partners = (src_partners | dst_partner).sudo().with_company(company)
            if any(partners.mapped("ropo_excluded")):
                dst_partner.sudo().with_company(company).ropo_excluded = True
        return result
