from odoo import api, fields, models
from odoo.exceptions import UserError


class RopoReason(models.TransientModel):
    """What only an accounting manager decides, such as giving money up: the reason."""

    _name = "ropo.reason"
    _description = "Reason for giving up money at Ropo"

    kind = fields.Selection(
        [
            ("corrected", "Ropo has corrected it"),
            ("credited", "Report as credited"),
            ("arrived", "Ropo has this report"),
            ("not_arrived", "Ropo does not have this report: send it again"),
            ("not_received", "Maventa did not receive this transfer"),
            ("withdraw", "Withdraw from Ropo"),
        ],
        required=True,
        readonly=True,
    )
    assignment_id = fields.Many2one(
        "ropo.assignment", string="Case", required=True, readonly=True
    )
    event_id = fields.Many2one("ropo.assignment.event", string="Report", readonly=True)
    facts = fields.Text(readonly=True, help="What it is about.")
    currency_id = fields.Many2one(related="assignment_id.currency_id")
    paid = fields.Monetary(
        string="Payments taken back",
        help="What Ropo has taken off the payments it was told of.",
    )
    credited = fields.Monetary(
        string="Credits taken back",
        help="What Ropo has taken off the credit notes it was told of.",
    )
    back = fields.Monetary(
        string="Claim raised by", help="What Ropo has added to the claim."
    )
    reason = fields.Text(
        help="Who decided it and why, or who at Ropo confirmed it and when. It is kept "
        "in the history of the case."
    )

    @api.model
    def _open_for(self, kind, *, assignment=None, event=None):
        """The action that asks for the reason."""
        case = assignment or event.assignment_id
        case._check_manager_rights()
        if kind == "withdraw":
            facts = case._withdraw_facts()
        else:
            facts = (event and event.question) or case.attention_reason
        wizard = self.create(
            {
                "kind": kind,
                "assignment_id": case.id,
                "event_id": event.id if event else False,
                "facts": facts,
                "paid": case.excess_paid,
                "credited": case.excess_credited,
                "back": case.excess_back,
            }
        )
        labels = dict(self._fields["kind"]._description_selection(self.env))
        # What the page it comes from says of its own views is not for this window.
        return wizard._get_records_action(name=labels[kind], target="new", context={})

    def action_confirm(self):
        """Do it, and keep the reason."""
        self.ensure_one()
        case = self.assignment_id
        case._check_manager_rights()
        if not (self.reason or "").strip():
            raise UserError(self.env._("Please give a reason."))
        self._keep_for_control()
        if self.kind == "withdraw":
            return case._withdraw(self.reason)
        if self.kind == "corrected":
            case._take_correction(
                self.reason,
                paid=self.paid,
                credited=self.credited,
                back=self.back,
            )
        elif self.kind == "not_received":
            case._take_not_received(self.reason)
        elif self.kind == "credited":
            self.event_id._answer("credit_note", self.reason)
        else:
            self.event_id._take_word(self.kind == "arrived", self.reason)
        return {"type": "ir.actions.act_window_close"}

    def _keep_for_control(self):
        """Who decided it and why, for the control list; answers keep it themselves."""
        if self.kind == "credited":
            return
        move = self.assignment_id.move_id
        labels = dict(self._fields["kind"]._description_selection(self.env))
        reason = move._ropo_without_personal_ids(self.reason)
        self.env["ropo.log"].sudo().create(
            {
                "kind": "word",
                "company_id": move.company_id.id,
                "assignment_id": self.assignment_id.id,
                "move_id": move.id,
                "partner_id": self.assignment_id.partner_id.id,
                "text": f"{labels[self.kind]}: {reason}",
            }
        )
