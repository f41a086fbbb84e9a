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
