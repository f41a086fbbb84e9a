"""What the form of an invoice, credit note or entry says of Ropo at its top."""

from odoo import api, models
from odoo.tools import format_date

from .ropo_assignment import HANDED_OVER

#: Who may see what Ropo is about.
READERS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    # A concern with a file of its own
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    @api.depends(
        "partner_id",
        "move_type",
        "company_id",
        "reversed_entry_id",
        "ropo_dispute_reason",
        "ropo_assignment_id.needs_attention",
        "ropo_assignment_id.attention_reason",
        "ropo_assignment_id.state",
        "ropo_assignment_id.collection_status",
        "ropo_assignment_id.open_amount",
    )
    def _compute_alerts(self):
        return super()._compute_alerts()

    def _get_alerts(self):
        alerts = super()._get_alerts()
        if self.ropo_environment != "off" and self.env.user.has_groups(READERS):
            alerts.update(self._ropo_alerts())
        return alerts

    def _ropo_alerts(self):
        """Alerts of one entry: what is at Ropo, what needs a person, and why."""
        if self.move_type == "out_invoice":
            alerts = {
                "ropo_attention": self._ropo_attention_alert(),
                "ropo_disputed": self._ropo_disputed_alert(),
                "ropo_at_ropo": self._ropo_at_ropo_alert(),
                "ropo_orders_again": self._ropo_orders_again_alert(),
            }
        elif self.move_type in ("out_refund", "entry"):
            alerts = {
                "ropo_credit_note": self._ropo_credit_note_alert(),
                "ropo_told": self.state == "posted" and self._ropo_told()[self],
            }
        else:
            alerts = {}
        return {key: alert for key, alert in alerts.items() if alert}

    def _ropo_attention_alert(self):
        return self.ropo_needs_attention and {
            "level": "warning",
            "message": self.ropo_attention_reason,
            "action_text": self.env._("Open the Ropo case"),
            "action": self.ropo_assignment_id._get_records_action(),
        }

    def _ropo_disputed_alert(self):
        return self.ropo_dispute_reason and {
            "level": "warning",
            "message": self.env._(
                "The customer disputes the invoice, so it is not handed over to "
                "Ropo: %(reason)s",
                reason=self.ropo_dispute_reason,
            )
            if not self._ropo_live(HANDED_OVER)
            else self.env._(
                "The customer disputes the invoice, which is at Ropo: %(reason)s",
                reason=self.ropo_dispute_reason,
            ),
        }

    def _ropo_at_ropo_alert(self):
        """Where the claim is and how much of it is open there, in one line."""
        case = self.sudo().ropo_assignment_id
        if case.state not in HANDED_OVER:
            return None
        stages = dict(
            case._fields["collection_status"]._description_selection(self.env)
        )
        values = {
            "stage": stages.get(case.collection_status),
            "open": case.currency_id.format(case.open_amount),
            "claim": case.currency_id.format(case.capital_amount),
            "date": format_date(self.env, case.accepted_at),
        }
        if not case.accepted_at:
            text = self.env._("On its way to Ropo. The claim is %(claim)s.", **values)
        elif values["stage"]:
            text = self.env._(
                "At Ropo since %(date)s: %(stage)s. %(open)s of %(claim)s is open "
                "there.",
                **values,
            )
        else:
            text = self.env._(
                "At Ropo since %(date)s. %(open)s of %(claim)s is open there.", **values
            )
        return {
            "level": "info",
            "message": text,
            "action_text": self.env._("Open the Ropo case"),
            "action": self.ropo_assignment_id._get_records_action(),
        }

    def _ropo_orders_again_alert(self):
        """A debtor gets another invoice."""
        partner = self.partner_id.commercial_partner_id
        text = self.state == "draft" and partner._ropo_debtor_text()
        return text and {
            "level": "info",
            "message": text,
            "action_text": self.env._("Open the cases"),
            "action": partner.action_ropo_view_live(),
        }

    def _ropo_credit_note_alert(self):
        """What a credit note will do at Ropo, or why it does nothing yet."""
        invoice = self.reversed_entry_id
        if self.move_type != "out_refund" or not invoice._ropo_live(HANDED_OVER):
            return None
        if self.state == "draft":
            return {
                "level": "info",
                "message": self.env._(
                    "Invoice %(name)s is at Ropo. When this credit note is posted, "
                    "Ropo is told of it and collects that much less. A credit of "
                    "the whole invoice ends the case, and Ropo may charge its costs.",
                    name=invoice.name,
                ),
            }
        is_open = self.currency_id.compare_amounts(self.amount_residual, 0) > 0
        return (
            self.state == "posted"
            and is_open
            and {
                "level": "warning",
                "message": self.env._(
                    "%(amount)s of this credit note is not matched. Invoice %(name)s "
                    "is at Ropo, which hears of a credit only once it is matched.",
                    amount=self.currency_id.format(self.amount_residual),
                    name=invoice.name,
                ),
            }
        )

    def _build_credit_warning_message(self, record, *args, **kwargs):
        """Say on a sales order that the customer's invoices are at Ropo.

        Odoo's one place for a customer's credit warning: `sale` shows it on quotations
        where the sales credit limit is on. Invoices have an alert of their own.
        """
        message = super()._build_credit_warning_message(record, *args, **kwargs)
        if record._name == self._name or not record.company_id._ropo_is_on():
            return message
        text = record.partner_id.commercial_partner_id._ropo_debtor_text()
        return "\n".join(filter(None, [message, text]))
