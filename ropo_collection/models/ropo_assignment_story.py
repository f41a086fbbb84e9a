"""The case: how long, what happens next and what it may cost, in words."""

from odoo import api, fields, models
from odoo.tools import format_datetime


class RopoAssignment(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    days_at_ropo = fields.Integer(
        string="Days at Ropo",
        compute="_compute_days_at_ropo",
        help="Days from the transfer until today, or until the case was closed.",
    )
    next_steps = fields.Text(string="What happens next", compute="_compute_next_steps")
    cost_note = fields.Text(string="What it may cost", compute="_compute_cost_note")
    share_ids = fields.One2many(
        "ropo.share", "assignment_id", string="Matched with the invoice"
    )

    @api.depends("accepted_at", "adopted_at", "closed_at", "state")
    def _compute_days_at_ropo(self):
        now = fields.Datetime.now()
        for case in self:
            since = case.accepted_at or case.adopted_at
            until = case.closed_at or now
            case.days_at_ropo = (until - since).days if since else 0

    @api.depends(
        "state",
        "next_try_at",
        "send_on",
        "event_ids.state",
        "event_ids.due_at",
        "to_come",
        "residual",
        "collection_status",
    )
    def _compute_next_steps(self):
        for case in self:
            case.next_steps = "\n".join(case._steps())

    def _steps(self):
        """What Odoo or a person does next. What Ropo does is Ropo's."""
        self.ensure_one()
        yield from self._steps_with_money()
        if self.state == "proposed":
            yield self.env._("It waits for somebody to approve it.")
        elif self.state in ("queued", "sending"):
            if self.next_try_at:
                yield self.env._(
                    "Odoo tries to hand it over again on %(time)s.",
                    time=format_datetime(self.env, self.next_try_at),
                )
            else:
                yield self.env._("Odoo hands it over with the next run.")
        elif self.state == "unknown":
            yield self.env._("Odoo looks at Maventa whether it has arrived.")
        elif self.state == "pending":
            yield self.env._("Maventa passes it on to Ropo; Odoo asks again by itself.")
        elif self.state == "error":
            yield self.env._("Correct what is wrong and press Try again, or cancel it.")
        elif self.state == "sent":
            yield from self._steps_at_ropo()
        elif self.state == "closed":
            yield from self._steps_after()

    def _steps_at_ropo(self):
        if not self.collection_status and (
            self.collection_type == "reminder_and_collection"
        ):
            yield self.env._("Ropo reminds the debtor first, and collects after that.")
        if self.collection_status in ("reminder_sent", "debt_collection"):
            yield self.env._(
                "Legal collection does not start without your authorisation."
            )
        yield self.env._("The debtor pays Ropo; what reaches your own account is told.")
        read_at = self.company_id._ropo_root().ropo_last_poll
        if read_at:
            yield self.env._(
                "Odoo reads Ropo's list every hour, last on %(time)s.",
                time=format_datetime(self.env, read_at),
            )

    def _steps_after(self):
        if self.currency_id.compare_amounts(self.residual, self.to_come) > 0:
            yield self.env._(
                "Ropo has closed the case, and %(amount)s is open. Nothing is written "
                "off by that: decide on a credit loss or keep following it yourself.",
                amount=self.currency_id.format(self.residual),
            )

    def _steps_with_money(self):
        if self.event_ids.filtered(lambda event: event.state == "decision"):
            yield self.env._("A question waits for your decision: see the timeline.")
        waiting = self.event_ids.filtered(lambda event: event.state == "queued")
        for event in waiting.sorted("due_at"):
            yield self.env._(
                "Odoo reports %(amount)s to Ropo on %(time)s.",
                amount=self.currency_id.format(event.amount),
                time=format_datetime(self.env, event.next_try_at or event.due_at),
            )
        if self.currency_id.compare_amounts(self.to_come, 0) > 0:
            yield self.env._(
                "Ropo's settlement of %(amount)s is to come: match it with the "
                "invoice.",
                amount=self.currency_id.format(self.to_come),
            )

    @api.depends("state", "collection_status")
    def _compute_cost_note(self):
        for case in self:
            case.cost_note = " ".join(case._costs()) or False

    def _costs(self):
        """What Maventa's documentation of Ropo's service says of costs."""
        self.ensure_one()
        if self.state in ("cancelled", "closed"):
            return
        yield self.env._(
            "As of November 2026, by Maventa's documentation: using the service is "
            "free. Costs may arise in later stages and when a case is withdrawn."
        )
        if self.collection_status in ("debt_collection", "legal_collection"):
            yield self.env._(
                "Authority fees of legal collection are charged to the creditor. If "
                "you are liable for VAT, you are invoiced the VAT of fees the debtor "
                "paid."
            )
