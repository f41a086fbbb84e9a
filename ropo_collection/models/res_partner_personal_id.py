from odoo import models
from odoo.exceptions import AccessError


class ResPartner(models.Model):
    # The personal identity number has a file of its own.
    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    def action_ropo_show_personal_id(self):
        """Show the number to a person who may see it, and keep that it was shown."""
        self.ensure_one()
        self.check_access("read")
        self._ropo_check_personal_id()
        self.env["ropo.log"].sudo().create(
            {
                "kind": "shown",
                "user_id": self.env.uid,
                "company_id": self.env.company.id,
                "partner_id": self.id,
                "text": self.display_name,
            }
        )
        number = self.sudo().ropo_personal_id
        return self.env.company._ropo_notify(self.display_name, number or "-", "info")

    def action_ropo_erase_personal_id(self):
        """Erase the number here and on all cases, as the person it names may demand.

        A case that is not sent yet and needs the number says so then.
        """
        self.check_access("write")
        self._ropo_check_personal_id()
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

    def _ropo_check_personal_id(self):
        if not self.env.user.has_group("ropo_collection.group_personal_id"):
            raise AccessError(
                self.env._(
                    "Only members of the group Personal identity numbers for Ropo can "
                    "do that."
                )
            )
