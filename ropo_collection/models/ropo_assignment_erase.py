"""Personal data of debtors, erased from cases some time after these have ended."""

from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

#: What Ropo needed to reach a debtor. Names, claim and decisions stay: they are
#: accounting records, as the invoice is.
CONTACT = ("ssn", "email", "phone")
#: Of people besides; a company's address is no secret.
PERSONAL = ("bid", "street", "zip", "city")


class ResCompany(models.Model):
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    ropo_erase_days = fields.Integer(
        string="Erase debtors' data",
        default=90,
        help="Days after the end of a case at which the debtors' personal identity "
        "numbers, addresses, e-mail addresses and phone numbers are erased from it. "
        "Ropo may open a case again within 90 days. 0 erases nothing.",
    )

    @api.constrains("ropo_erase_days")
    def _check_ropo_erase_days(self):
        if any(company.ropo_erase_days < 0 for company in self):
            raise ValidationError(
                self.env._("The days until debtors' data are erased can't be negative.")
            )


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"  # pylint: disable=consider-merging-classes-inherited

    ropo_erase_days = fields.Integer(
        related="ropo_company_id.ropo_erase_days", readonly=False
    )


class RopoAssignment(models.Model):
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _cron_audit(self):
        result = super()._cron_audit()
        self._erase_due()
        return result

    @api.model
    def _erase_due(self, size=1000):
        """Erase what is due, so many debtors in one transaction."""
        worker = self.env["ropo.worker"]
        payers = self.env["ropo.assignment.payer"]
        # Switched off or not: who stops working with Ropo has no need of them either.
        roots = self.env["res.company"].search(
            [("parent_id", "=", False), ("ropo_erase_days", ">", 0)]
        )
        for company in roots:
            ended = fields.Datetime.now() - timedelta(days=company.ropo_erase_days)
            due = (
                Domain("company_id", "child_of", company.id)
                & (
                    Domain("assignment_id.state", "=", "closed")
                    & Domain("assignment_id.closed_at", "<=", ended)
                    | Domain("assignment_id.state", "=", "cancelled")
                    & Domain("assignment_id.last_change", "<=", ended)
                )
                & (
                    Domain.OR(Domain(name, "!=", False) for name in CONTACT)
                    | Domain("kind", "=", "person")
                    & Domain.OR(Domain(name, "!=", False) for name in PERSONAL)
                )
            )
            last = 0
            while found := payers.search(
                due & Domain("id", ">", last), order="id", limit=size
            ):
                last = found[-1].id
                worker._each(found, type(found)._erase)


class RopoAssignmentPayer(models.Model):
    _inherit = "ropo.assignment.payer"

    def _erase(self):
        """Forget how to reach these debtors, and who people are to the authorities."""
        people = self.filtered(lambda payer: payer.kind == "person")
        self.write(dict.fromkeys(CONTACT, False))
        people.write(dict.fromkeys(PERSONAL, False))
        text = self.env._("The debtors' personal data have been erased.")
        cases = self.assignment_id
        cases._message_log_batch(bodies=dict.fromkeys(cases.ids, text))
