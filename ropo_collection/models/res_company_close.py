"""The company: closing its Ropo service, and what keeps it from going away."""

from odoo import api, models
from odoo.exceptions import ValidationError

from .res_company import REAL
from .ropo_assignment import HANDED_OVER


class ResCompany(models.Model):
    # A concern with a file of its own
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    @api.constrains("active")
    def _check_ropo_archived(self):
        """An archived company is not followed: Ropo would hear of nothing."""
        for company in self.filtered(lambda company: not company.active):
            cases = company._ropo_open_cases()
            if cases:
                raise ValidationError(
                    self.env._(
                        "%(company)s can't be archived: %(count)s of its invoices are "
                        "at Ropo, %(first)s among them, and payments would not be "
                        "reported any more. Wait until the cases are closed.",
                        company=company.name,
                        count=len(cases),
                        first=cases[0].name,
                    )
                )

    def _ropo_open_cases(self):
        """Cases of these companies and their branches that Maventa or Ropo has."""
        return (
            self.env["ropo.assignment"]
            .sudo()
            .search(
                [
                    ("company_id", "child_of", self.ids),
                    ("environment", "in", REAL),
                    ("state", "in", HANDED_OVER),
                ]
            )
        )

    def action_ropo_close_service(self):
        """Say what closing the service means, and ask for the reason."""
        self.ensure_one()
        return self.env["ropo.close"]._open_for(self._ropo_root())

    def _ropo_check_closing(self):
        """It needs who sets up the service, with the right to give money up."""
        self._ropo_check_administrator()
        # A root company is read with sudo; what counts is the person.
        self.env["ropo.assignment"].sudo(False)._check_manager_rights()

    def _ropo_close_service(self, reason):
        """Cancel what is not at Ropo yet, then close the service.

        :param reason: who decided it and why
        """
        self.ensure_one()
        self._ropo_check_closing()
        # Those of all branches, whichever companies are ticked in the menu.
        waiting = self.env["ropo.assignment"].search(
            [
                ("company_id", "child_of", self.id),
                ("state", "in", ("proposed", "queued")),
            ]
        )
        waiting._cancel()
        self.partner_id._message_log(
            body=self.env._(
                "%(user)s closed the Ropo service of %(company)s. %(reason)s",
                user=self.env.user.name,
                company=self.name,
                reason=reason,
            )
        )
        self._ropo_take_service(self._ropo_ask(lambda client: client.close_service()))
        return self._ropo_notify(
            self.env._("Service closed"),
            self.env._(
                "No new invoices can be transferred. Ropo goes on with its open cases, "
                "and Odoo goes on reporting payments for them."
            ),
        )
