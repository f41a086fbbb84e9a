from odoo import api, fields, models


class AccountPayment(models.Model):
    # Settling has a file of its own.
    _inherit = "account.payment"  # pylint: disable=consider-merging-classes-inherited

    ropo_to_settle = fields.Boolean(compute="_compute_ropo_to_settle")

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
