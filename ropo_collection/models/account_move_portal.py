"""The invoice on the customer portal: what is at Ropo is paid to Ropo."""

from odoo import api, models
from odoo.http import request

from .ropo_assignment import HANDED_OVER


class AccountMove(models.Model):
    # A concern with a file of its own
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    def _ropo_portal_case(self):
        """The case that the customer is told of, or none.

        Customers are told of real cases only. Demo and test cases show to the
        company's own people, who look at the page with *Preview*.
        """
        self.ensure_one()
        # The portal reads the invoice as superuser: that is not who looks at it.
        visitor = request.env.user if request else self.env.user
        case = self.sudo().ropo_assignment_id
        shown = (
            case.state in HANDED_OVER
            and self.company_id._ropo_is_on()
            and (case.environment == "production" or visitor._is_internal())
        )
        return case if shown else case.browse()

    def _ropo_takes_online_payment(self):
        """Whether the portal may offer to pay this invoice."""
        allowed = self.company_id._ropo_root().ropo_portal_payment
        return allowed or not self._ropo_portal_case()

    def _ropo_online_payment_refusal(self):
        return self.env._(
            "Invoice %(name)s is with Ropo now, so it can't be paid here. Please pay "
            "it to Ropo, with the account and reference that Ropo sends you.",
            name=self.name,
        )

    @api.model
    def _ropo_refused_online(self, partner_id):
        """Ids of a customer's invoices that the portal does not add up for payment."""
        at_ropo = self.sudo().search(
            [
                ("partner_id", "=", partner_id),
                ("ropo_assignment_id.state", "in", HANDED_OVER),
            ]
        )
        return at_ropo.filtered(lambda inv: not inv._ropo_takes_online_payment()).ids

    # These two are of `account_payment`, which need not be there: it is loaded before
    # this addon, and without it only our own page asks.
    def _has_to_be_paid(self):
        offered = getattr(super(), "_has_to_be_paid", None)
        return bool(offered and self._ropo_takes_online_payment() and offered())

    def _get_online_payment_error(self):
        if not self._ropo_takes_online_payment():
            return self._ropo_online_payment_refusal()
        return super()._get_online_payment_error()
