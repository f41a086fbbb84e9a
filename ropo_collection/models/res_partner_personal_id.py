from odoo import models


class ResPartner(models.Model):
    # The personal identity number has a file of its own.
    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    def action_ropo_show_personal_id(self):
        """Show the number to a person who may see it, and keep that it was shown."""
        self.ensure_one()
        self.check_access("read")
        readings = self.env["ropo.personal.id.reading"]
        readings._check_may_see()
        readings.sudo().create(
            {
                "user_id": self.env.uid,
                "partner_id": self.id,
                "company_id": self.env.company.id,
                "subject": self.display_name,
            }
        )
        number = self.sudo().ropo_personal_id
        return self.env.company._ropo_notify(self.display_name, number or "-", "info")

    def action_ropo_erase_personal_id(self):
        """Erase the number here and on all cases, as the person it names may demand.

        A case that is not sent yet and needs the number says so then.
        """
        self.check_access("write")
        self.env["ropo.personal.id.reading"]._check_may_see()
        payers = self.env["ropo.assignment.payer"].sudo()
        for partner in self:
            partner.sudo().ropo_personal_id = False
            payers.search([("partner_id", "=", partner.id)]).ssn = False
            partner._message_log(
                body=self.env._(
                    "%(user)s erased the personal identity number, here and on cases "
                    "at Ropo.",
                    user=self.env.user.name,
                )
            )
