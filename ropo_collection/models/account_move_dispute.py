"""The invoice: what its customer disputes is not handed over."""

from odoo import fields, models
from odoo.exceptions import UserError

from ..tools import privacy
from .ropo_assignment import HANDED_OVER, UNSENT


class AccountMove(models.Model):
    # A concern with a file of its own
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    # Not Odoo's own "blocked" payment state, though it keeps an invoice from being
    # handed over, too: that one has no reason, can't be set while a payment is on its
    # way, and hides that a disputed invoice was paid after all.
    ropo_dispute_reason = fields.Text(
        string="Disputed because",
        copy=False,
        readonly=True,
        help="What the customer objects to. A disputed invoice is not handed over.",
        prefetch="ropo",
    )

    _ropo_disputed = models.Index("(id) WHERE ropo_dispute_reason IS NOT NULL")

    def action_ropo_dispute(self):
        """Ask what the customer objects to."""
        self.ensure_one()
        self._ropo_check_rights()
        if self.move_type != "out_invoice" or self.state != "posted":
            raise UserError(
                self.env._("Only posted customer invoices can be marked as disputed.")
            )
        return self.env["ropo.tell"]._open_for("dispute", self)

    def action_ropo_undispute(self):
        """The matter is settled: Ropo is told where it has the case."""
        self.ensure_one()
        self._ropo_check_rights()
        if self._ropo_live(HANDED_OVER):
            return self.env["ropo.tell"]._open_for("undisputed", self)
        self._ropo_take_undisputed()
        return None

    def _ropo_take_dispute(self, reason):
        """Nothing that is disputed is handed over; what waits for it is cancelled."""
        self.ensure_one()
        self.sudo().ropo_dispute_reason = reason
        self._ropo_log(
            self.env._(
                "Disputed, as %(user)s heard: %(reason)s",
                user=self.env.user.name,
                reason=reason,
            )
        )
        self._ropo_live(UNSENT)._cancel()

    def _ropo_take_undisputed(self):
        """Free to be handed over again."""
        self.ensure_one()
        self.sudo().ropo_dispute_reason = False
        self._ropo_log(
            self.env._("Not disputed any more, says %(user)s.", user=self.env.user.name)
        )

    def _ropo_log(self, text):
        """A line in the history of the invoice and of its case at Ropo."""
        for record in (self, self._ropo_live(HANDED_OVER)):
            if record:
                record.sudo()._message_log(
                    body=text, author_id=self.env.user.partner_id.id
                )

    def _ropo_without_personal_ids(self, text):
        """Free text as it may be kept: everyone who sees the invoice can read it."""
        payers = self.sudo().ropo_assignment_ids.payer_ids
        partners = (self.partner_id | self.commercial_partner_id).sudo()
        known = {*payers.mapped("ssn"), *partners.mapped("ropo_personal_id")}
        return privacy.mask(text, known)
