"""The customer portal: what is at Ropo is paid to Ropo."""

from odoo.exceptions import UserError
from odoo.http import request

from odoo.addons.account.controllers.portal import PortalAccount


class RopoPortalAccount(PortalAccount):
    """Refuses online payments of invoices at Ropo, where the company doesn't want them.

    Odoo makes one class of all that extend the portal. So the methods of payments are
    reached here without depending on ``payment``: without it, nobody calls them.
    """

    def _get_overdue_invoices_domain(self, partner_id=None):
        """What *Pay overdue* adds up and the customer's home page asks to pay."""
        customer = partner_id or request.env.user.partner_id.id
        refused = request.env["account.move"]._ropo_refused_online(customer)
        overdue = super()._get_overdue_invoices_domain(partner_id)
        return [*overdue, ("id", "not in", refused)]

    def _get_extra_payment_form_values(self, invoice_id=None, **kwargs):
        """The page of a payment link; Odoo has checked the link's token by now."""
        self._ropo_refuse([self._cast_as_int(invoice_id)] if invoice_id else [])
        return super()._get_extra_payment_form_values(invoice_id=invoice_id, **kwargs)

    def _create_transaction(self, *args, custom_create_values=None, **kwargs):
        """The one way to a payment, whichever page or script asks for it."""
        for command in (custom_create_values or {}).get("invoice_ids", []):
            self._ropo_refuse(command[2] or [command[1]])
        return super()._create_transaction(
            *args, custom_create_values=custom_create_values, **kwargs
        )

    def _ropo_refuse(self, invoice_ids):
        invoices = request.env["account.move"].sudo().browse(invoice_ids).exists()
        for invoice in invoices:
            if not invoice._ropo_takes_online_payment():
                raise UserError(invoice._ropo_online_payment_refusal())
