from odoo import models
from odoo.exceptions import UserError

from .res_company import REAL


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def button_uninstall(self):
        """Not while Ropo collects: nobody would tell it of payments any more."""
        removed = self | self.downstream_dependencies()
        # Others are refused by Odoo, and learn nothing of the cases.
        if self.env.is_system() and "ropo_collection" in removed.mapped("name"):
            self._ropo_check_uninstall()
        return super().button_uninstall()

    def _ropo_check_uninstall(self):
        companies = self.env["res.company"].sudo().with_context(active_test=False)
        following = companies.search([("ropo_environment", "in", REAL)])
        cases = following._ropo_open_cases()
        if cases:
            raise UserError(
                self.env._(
                    "%(count)s invoices of %(companies)s are at Ropo, %(first)s among "
                    "them. Without this app nobody tells Ropo of payments and credit "
                    "notes, and debtors are chased for what they have paid. Wait until "
                    "the cases are closed. If another system reports from now on, "
                    "switch the environment off in Settings first.",
                    count=len(cases),
                    companies=", ".join(cases.company_id.mapped("name")),
                    first=cases[0].name,
                )
            )
