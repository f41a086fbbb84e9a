"""The payment: what Ropo was told of it, and money from Ropo to settle."""

from odoo import api, fields, models

from .account_move import READERS


class AccountPayment(models.Model):
    _inherit = "account.payment"

    ropo_alerts = fields.Json(
        compute="_compute_ropo_alerts",
        groups=READERS,
        help="What was reported of this payment to Ropo, or why nothing was.",
    )
    ropo_to_settle = fields.Boolean(compute="_compute_ropo_to_settle")

    @api.depends("partner_id")
    def _compute_ropo_alerts(self):
        told = self.move_id._ropo_told()
        for payment in self:
            alerts = {
                "ropo_told": told.get(payment.move_id),
                "ropo_unmatched": payment._ropo_unmatched_alert(),
            }
            payment.ropo_alerts = {
                key: alert for key, alert in alerts.items() if alert
            } or False

    def _ropo_unmatched_alert(self):
        """Money of a debtor helps him only once it is matched."""
        partner = self.partner_id.commercial_partner_id
        if (
            self.payment_type != "inbound"
            or self.state not in ("in_process", "paid")
            or not self._ropo_is_unmatched()
            or not self.company_id._ropo_is_on()
            or not partner.ropo_live_count
        ):
            return None
        if self.move_id:
            text = self.env._(
                "%(name)s has invoices at Ropo, which hears of this payment only once "
                "it is matched with them.",
                name=partner.name,
            )
        else:
            text = self.env._(
                "%(name)s has invoices at Ropo, which hears of this payment only once "
                "its bank line is matched.",
                name=partner.name,
            )
        return {
            "level": "warning" if self.move_id else "info",
            "message": text,
            "action_text": self.env._("Open the cases"),
            "action": partner.action_ropo_view_live(),
        }

    def _ropo_is_unmatched(self):
        """Without an entry, a payment is as good as what its invoices have open."""
        if self.move_id:
            return not self.is_reconciled
        return any(
            invoice.currency_id.compare_amounts(invoice.amount_residual, 0) > 0
            for invoice in self.invoice_ids
        )

    @api.depends("partner_id", "journal_id")
    def _compute_ropo_to_settle(self):
        """Money from Ropo that a person registered and that is not matched."""
        for payment in self:
            root = (payment.company_id or self.env.company)._ropo_root()
            payment.ropo_to_settle = (
                root.ropo_environment != "off"
                and payment.payment_type == "inbound"
                and bool(payment._ropo_open_items())
                and (
                    payment.journal_id in root.ropo_settlement_journal_ids
                    or bool(
                        payment.partner_id.commercial_partner_id & root._ropo_partner()
                    )
                )
            )

    def _ropo_open_items(self):
        """The journal item by which the payment waits for its invoices."""
        _liquidity, counterpart, _write_off = self._seek_for_lines()
        return counterpart.filtered(
            lambda item: item.parent_state == "posted" and not item.reconciled
        )

    def action_ropo_settle(self):
        """A settlement of what this payment brought."""
        self.ensure_one()
        return self._ropo_open_items()._ropo_settle(self.date)
