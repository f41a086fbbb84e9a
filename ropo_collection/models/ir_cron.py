from odoo import models


class IrCron(models.Model):
    _inherit = "ir.cron"

    def _update_failure_count(self, job, status):
        """Odoo switches off what fails for days: nobody would tell Ropo of payments."""
        result = super()._update_failure_count(job, status)
        cron = self.browse(job["id"])
        cron.invalidate_recordset(["active"])
        if job["active"] and not cron.active and cron._is_of_ropo():
            self.env["res.company"]._gc_ropo_watch()
        return result

    def _is_of_ropo(self):
        return self.get_external_id()[self.id].startswith("ropo_collection.")
