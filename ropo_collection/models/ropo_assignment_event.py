import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..maventa.errors import AccountTrouble, NotNow, Rejected
from .ropo_worker import Job

KINDS = [
    ("paid", "Payment"),
    ("credit_note", "Credit note"),
    ("comment", "Comment"),
    ("reminder", "Reminder"),
    ("letter", "Letter"),
    ("status", "Stage"),
    ("close", "Closed"),
    ("other", "Other"),
]
#: Told to Ropo, or perhaps told.
TOLD = ("sending", "unknown", "sent")
#: Nobody has answered yet for these.
UNRESOLVED = ("sending", "unknown")
#: Looks that could not tell whether Ropo has a report before a person is asked.
PATIENCE = 3


class RopoAssignmentEvent(models.Model):
    """One line of a case's timeline: told by Ropo (in) or reported to Ropo (out)."""

    _name = "ropo.assignment.event"
    _description = "Report or event of a Ropo case"
    _order = "booked_at desc, id desc"
    _rec_name = "display_label"

    assignment_id = fields.Many2one(
        "ropo.assignment", string="Case", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one("res.company", required=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True)
    partner_id = fields.Many2one(related="assignment_id.partner_id")
    move_id = fields.Many2one(related="assignment_id.move_id", string="Invoice")
    display_label = fields.Char(compute="_compute_display_label")
    direction = fields.Selection(
        [("in", "From Ropo"), ("out", "To Ropo")], required=True
    )
    kind = fields.Selection(KINDS, required=True)
    amount = fields.Monetary()
    corrected_amount = fields.Monetary(
        help="What of this report Ropo has corrected again.", copy=False
    )
    missing_there = fields.Boolean(
        copy=False, help="Reported and answered, but not in Ropo's own list."
    )
    booked_at = fields.Date(
        string="Date",
        help="For money the bank's booking date where there is one, else the "
        "payment's date.",
    )
    state = fields.Selection(
        [
            ("received", "Received"),
            ("queued", "To be sent"),
            ("sending", "Being sent"),
            ("unknown", "Sent, answer missing"),
            ("sent", "Told"),
            ("error", "Refused"),
            ("decision", "Needs a decision"),
            ("dropped", "Not needed"),
        ],
        required=True,
        index=True,
    )
    external_id = fields.Char(
        string="Event at Ropo", copy=False, help="Ropo's identifier of the event."
    )
    raw_type = fields.Char(help="The kind of event in Ropo's own word.")
    text = fields.Text()
    counterpart_move_id = fields.Many2one(
        "account.move",
        string="Entry",
        index="btree_not_null",
        ondelete="set null",
        help="The payment, bank entry or credit note that is reported.",
    )
    counterpart_ref = fields.Integer(
        help="The number of the entry, kept when the entry itself is deleted."
    )
    decision = fields.Selection(
        [
            ("misc", "An entry that is neither payment nor credit note"),
            ("write_off", "A written-off difference"),
            ("origin", "From the customer or from Ropo?"),
            ("echo", "Reported: from the customer, or Ropo's own money?"),
            ("full_credit", "Whole invoice credited though part was paid"),
            ("over_claim", "More than the claim"),
            ("surplus", "More than the claim, while Ropo has costs to get"),
        ],
        string="Question",
    )
    question = fields.Text(
        string="Question in full",
        compute="_compute_question",
    )
    details = fields.Text(
        compute="_compute_details",
        help="The entry reported, what Ropo wrote, why it waits.",
    )
    answer = fields.Selection(
        [
            ("paid", "Report as paid"),
            ("credit_note", "Report as credited"),
            ("settlement", "It came from Ropo"),
            ("keep", "Keep collecting"),
        ],
        copy=False,
        index="btree_not_null",
    )
    answered_by_id = fields.Many2one(
        "res.users", string="Answered by", readonly=True, copy=False
    )
    answered_at = fields.Datetime(string="Answered on", readonly=True, copy=False)
    error_message = fields.Text(string="Reason")
    due_at = fields.Datetime(
        copy=False,
        help="Sent not before then, so that a slip mended at once is silent.",
    )
    # The lease
    token = fields.Char(copy=False, groups="base.group_system")
    attempt_at = fields.Datetime(string="Last attempt", copy=False)
    attempts = fields.Integer(copy=False)
    next_try_at = fields.Datetime(string="Next attempt", copy=False)
    looks = fields.Integer(
        copy=False, help="Looks in a row that did not find this report at Ropo."
    )
    crowded_looks = fields.Integer(
        copy=False,
        help="Looks that could not tell: several events this report could be, or a "
        "list that lacked what Ropo is known to have.",
    )
    needs_word = fields.Boolean(
        string="Ropo has to say whether it has this",
        compute="_compute_needs_word",
    )
    seen_ids = fields.Json(
        copy=False,
        help="The events Ropo listed just before this was sent: only newer ones can be "
        "this report, when its answer is missing.",
    )

    _external_unique = models.UniqueIndex(
        "(assignment_id, external_id) WHERE external_id IS NOT NULL",
        "This event of Ropo is known already.",
    )
    _queue = models.Index(
        "(due_at, attempt_at) WHERE state IN ('queued', 'sending', 'unknown')"
    )
    # The list of reports, by date; what Ropo tells is ten times as much.
    _reports = models.Index("(booked_at, id) WHERE direction = 'out'")
    # Payments to Ropo: what is to come from there.
    _money_there = models.Index(
        "(assignment_id) WHERE direction = 'in' AND kind = 'paid' "
        "AND state = 'received'"
    )

    @api.model_create_multi
    def create(self, vals_list):
        events = super().create(vals_list)
        events._touch_cases()
        return events

    def write(self, vals):
        result = super().write(vals)
        self._touch_cases()
        return result

    def _touch_cases(self):
        """Let whoever waits for the lock of these cases see that they have changed.

        A transaction that has waited for a row still reads what was there before, and
        learns of a change only if the row itself was changed: then it is tried again.
        Otherwise it would compare with an old list of reports and events.
        """
        # Once a transaction. Odoo empties this with every commit and rollback.
        precommit = self.env.cr.precommit
        touched = precommit.data.setdefault("ropo.touched", set())
        if not touched:
            precommit.add(self._touch)
        touched.update(self.assignment_id.ids)

    @api.model
    def _touched_already(self, cases):
        """This transaction has changed the rows of these cases itself."""
        turned = self.env.cr.precommit.data.setdefault("ropo.turned", set())
        turned.update(cases.ids)

    @api.model
    def _touch(self):
        data = self.env.cr.precommit.data
        cases = data.pop("ropo.touched", set()) - data.pop("ropo.turned", set())
        if cases:
            self.env["ropo.assignment"].browse(cases)._change_rows()

    @api.depends("kind", "decision", "amount", "currency_id")
    def _compute_display_label(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        questions = dict(self._fields["decision"]._description_selection(self.env))
        for event in self:
            kind = questions.get(event.decision) or kinds[event.kind]
            amount = event.currency_id.format(event.amount) if event.amount else ""
            event.display_label = " ".join(filter(None, [kind, amount]))

    @api.depends("state", "crowded_looks", "missing_there")
    def _compute_needs_word(self):
        for event in self:
            event.needs_word = event.missing_there or (
                event.state == "unknown" and event.crowded_looks >= PATIENCE
            )

    @api.depends("decision", "state", "amount", "counterpart_move_id")
    def _compute_question(self):
        for event in self:
            event.question = event.state == "decision" and event._question()

    @api.depends(
        "question", "text", "error_message", "counterpart_move_id", "corrected_amount"
    )
    def _compute_details(self):
        for event in self:
            parts = [event.counterpart_move_id.name, event.text, event.error_message]
            if event.corrected_amount:
                corrected = event.currency_id.format(event.corrected_amount)
                parts.append(
                    self.env._("Ropo has corrected %(amount)s", amount=corrected)
                    if event.direction == "out"
                    else self.env._(
                        "%(amount)s of it was paid to the company", amount=corrected
                    )
                )
            event.details = event.question or ". ".join(filter(None, parts))

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    def action_retry(self):
        """Send a refused report again after what was wrong has been corrected."""
        self.assignment_id._check_worker_rights()
        for event in self.sudo():
            if event.state not in ("error", "queued"):
                raise UserError(
                    self.env._(
                        "Only reports that are waiting or refused can be retried."
                    )
                )
            event.write(
                {
                    "state": "queued",
                    "error_message": False,
                    "next_try_at": False,
                    "due_at": fields.Datetime.now(),
                }
            )
        self.sudo().assignment_id._mark_recheck()

    def action_arrived(self):
        """Ropo says it has this report: ask for the reason."""
        self.ensure_one()
        return self.env["ropo.reason"]._open_for("arrived", event=self)

    def action_not_arrived(self):
        """Ropo says it never got this report: ask for the reason."""
        self.ensure_one()
        return self.env["ropo.reason"]._open_for("not_arrived", event=self)

    def _take_word(self, arrived, reason):
        """What Ropo says of a report that Odoo can't find out about by itself.

        Its answer is missing, or it is not in Ropo's list.

        :param arrived: whether Ropo has it; if not, it is sent again
        :param reason: who at Ropo said so, and when
        """
        self.ensure_one()
        case = self.assignment_id.sudo()._lock_case()
        event = self.sudo()
        event.invalidate_recordset()
        if event.state != "unknown" and not event.missing_there:
            raise UserError(
                self.env._(
                    "It is known by now what became of the report of %(amount)s.",
                    amount=event.currency_id.format(event.amount),
                )
            )
        if arrived:
            # Without a number: the next list may show under which one.
            event._mark_sent(False)
            event.missing_there = False
            case.remote_digest = False
            text = self.env._("%(user)s: Ropo has the report of %(amount)s. %(reason)s")
        elif event.missing_there:
            # It was answered: the comparison finds that this must be told anew.
            event.missing_there = False
            event._correct(event.amount - event.corrected_amount)
            text = self.env._(
                "%(user)s: Ropo does not have the report of %(amount)s; it is sent "
                "again. %(reason)s"
            )
        else:
            event.write(
                {
                    "state": "queued",
                    "token": False,
                    "next_try_at": False,
                    "looks": 0,
                    "crowded_looks": 0,
                }
            )
            text = self.env._(
                "%(user)s: Ropo does not have the report of %(amount)s; it is sent "
                "again. %(reason)s"
            )
        case._message_log(
            body=text
            % {
                "user": self.env.user.name,
                "amount": event.currency_id.format(event.amount),
                "reason": reason,
            }
        )
        case._refresh_sums()
        case._mark_recheck()
        case._review()
        case._run_effects()

    def _answer(self, answer, reason=""):
        """Take a person's answer; the comparison does the rest.

        :param reason: why money is given up, with the answer *credit_note*
        """
        self.assignment_id._check_worker_rights()
        for event in self.sudo():
            if event.state != "decision" or answer not in event._answers():
                raise UserError(
                    self.env._("This question has been answered or does not arise.")
                )
            event.write(
                {
                    "state": "dropped",
                    "answer": answer,
                    "answer_reason": event.move_id._ropo_without_personal_ids(reason),
                    "answered_by_id": self.env.uid,
                    "answered_at": fields.Datetime.now(),
                }
            )
            answers = dict(self._fields["answer"]._description_selection(self.env))
            event.assignment_id._message_log(
                body=self.env._(
                    "%(user)s decided on %(amount)s: %(answer)s. %(reason)s",
                    user=self.env.user.name,
                    amount=event.currency_id.format(event.amount),
                    answer=answers[answer],
                    reason=reason,
                )
            )
        self.sudo().assignment_id._mark_recheck()

    def _answers(self):
        """Which answers make sense for this question."""
        self.ensure_one()
        return {
            "misc": ("paid", "credit_note", "keep"),
            "write_off": ("paid", "credit_note", "keep"),
            "origin": ("paid", "settlement"),
            "echo": ("paid", "settlement"),
            "full_credit": ("credit_note", "keep"),
            "over_claim": ("settlement", "keep"),
            "surplus": ("keep",),
        }.get(self.decision, ())

    def action_answer_paid(self):
        """Tell Ropo that the debtor paid this to the company."""
        self._answer("paid")

    def action_answer_credit_note(self):
        """Tell Ropo that this was credited: a manager gives the reason first."""
        self.ensure_one()
        return self.env["ropo.reason"]._open_for("credited", event=self)

    def action_answer_settlement(self):
        """It is Ropo's own money: nothing is told."""
        self._answer("settlement")

    def action_answer_keep(self):
        """Tell Ropo nothing: the debtor still owes it."""
        self._answer("keep")

    def _question(self):
        """The question of a decision, in words for the activity."""
        self.ensure_one()
        texts = {
            "misc": self.env._(
                "%(entry)s lowered the invoice by %(amount)s, and is neither a payment "
                "nor a credit note. Report it as paid, as credited, or keep collecting?"
            ),
            "write_off": self.env._(
                "With %(entry)s, %(amount)s of the invoice was written off. Report it "
                "as paid, as credited, or keep collecting?"
            ),
            "origin": self.env._(
                "%(entry)s brought %(amount)s. The debtor paid Ropo just that much: is "
                "it from the customer, or is it Ropo's settlement?"
            ),
            "echo": self.env._(
                "%(entry)s brought %(amount)s, and Ropo was told of it as a payment. "
                "Now Ropo says that the debtor paid just that much to Ropo: is it from "
                "the customer as well, or was it Ropo's settlement?"
            ),
            "full_credit": self.env._(
                "%(entry)s credits the whole invoice though part of it was paid; it "
                "lowered the invoice by %(amount)s. Report that to Ropo as credited, "
                "or keep collecting?"
            ),
            "over_claim": self.env._(
                "%(entry)s brought %(amount)s more than what is open at Ropo. Ropo is "
                "not told: find out with Ropo who gets money back."
            ),
            "surplus": self.env._(
                "%(entry)s brought %(amount)s more than the claim, and Ropo still has "
                "costs to get. Pass it on to Ropo, or give it back to the customer."
            ),
        }
        return texts[self.decision] % {
            "entry": self.counterpart_move_id.name or self.env._("A deleted entry"),
            "amount": self.currency_id.format(self.amount),
        }

    # ------------------------------------------------------------------
    # The way to Ropo: leases and what becomes of them
    # ------------------------------------------------------------------
    def _postpone_unexpected(self, reason):
        """After a fault nobody foresaw: this report stops, the others go on."""
        for event in self:
            if event.state == "queued":
                event.write({"state": "error", "error_message": reason, "token": False})
            else:
                event.next_try_at = self.env["ropo.worker"]._next_try(event.attempts)
            event.assignment_id._review()

    def _lease_report(self):
        """Compare, and ask for the events Ropo lists, before anything is sent."""
        return self._lease_events(("queued",), self.assignment_id._compare_locked())

    def _lease_look(self):
        """Ask for the events Ropo lists, to find what became of a report."""
        free = self.assignment_id.try_lock_for_update(allow_referencing=True)
        return self._lease_events(("sending", "unknown"), free)

    def _lease_events(self, states, free):
        """Lease those of these reports whose case is locked."""
        self.invalidate_recordset()
        ours = self.filtered(
            lambda event: event.state in states and event.assignment_id in free
        )
        home = ours.assignment_id._at_home()
        away = ours.filtered(lambda event: event.assignment_id not in home)
        away.next_try_at = fields.Datetime.now() + timedelta(hours=6)
        ours -= away
        # A call under way may have arrived by now.
        ours.filtered(lambda event: event.state == "sending").state = "unknown"
        # An answer names its report, too.
        ours.token = token = secrets.token_hex(8)
        return [event._events_job(token) for event in ours]

    def _events_job(self, token):
        case, case_id = self.assignment_id, self.assignment_id.external_id
        return Job(
            row=self,
            company=case.company_id.root_id,
            call=lambda client: client.events(case_id),
            token=token,
            case_id=case.id,
        )

    def _take_lease(self, seen_ids):
        """Mark as being sent, with what Ropo listed just before."""
        token = secrets.token_hex(8)
        self.write(
            {
                "state": "sending",
                "token": token,
                "seen_ids": seen_ids,
                "attempt_at": fields.Datetime.now(),
                "attempts": self.attempts + 1,
                "looks": 0,
                "crowded_looks": 0,
            }
        )
        return token

    def _mark_sent(self, external_id):
        """Ropo has it. Whoever calls this lets the case be read anew: Ropo's list must
        show it from now on, even if nothing else changes there.
        """
        self.write(
            {
                "state": "sent",
                "external_id": external_id or False,
                "token": False,
                "next_try_at": False,
                "error_message": False,
            }
        )

    def _settle_failure(self, error):
        """What becomes of a report whose call failed, by kind of error."""
        worker = self.env["ropo.worker"]
        refused = isinstance(error, Rejected)
        vals = {"token": False, "error_message": worker._explain(error)}
        if isinstance(error, AccountTrouble):
            vals.update(state="queued", next_try_at=False)
        elif isinstance(error, NotNow) or self.state == "queued" and not refused:
            vals.update(
                state="queued", next_try_at=worker._next_try(self.attempts, error)
            )
        elif refused:
            vals.update(state="error", next_try_at=False)
        else:
            vals.update(
                state="unknown",
                next_try_at=fields.Datetime.now() + timedelta(minutes=1),
            )
        self.write(vals)
        if self.next_try_at:
            worker._trigger_once("cron_report", at=self.next_try_at)

    def _known_ids(self):
        """Ropo's numbers of all these events, and of those it listed before them."""
        known = set(self.mapped("external_id"))
        for event in self:
            known.update(event.seen_ids or [])
        return known - {False, ""}

    def _is_taken_back(self):
        """Whether Ropo has corrected this report to nothing."""
        return not self.currency_id.compare_amounts(self.corrected_amount, self.amount)

    def _is_like(self, remote):
        """Same kind, amount and date as what Ropo lists."""
        return (
            remote.kind == self.kind
            and remote.amount is not None
            and self._may_be(remote)
            and remote.date in (None, self.booked_at)
        )

    def _may_be(self, remote):
        """Whether what Ropo lists could be this report under another name or date.

        How Ropo lists a report is not documented; what could be it, must not be sent
        again without asking.
        """
        if remote.amount is None:
            return remote.kind == self.kind
        return remote.kind in (
            self.kind,
            "other",
        ) and not self.currency_id.compare_amounts(float(remote.amount), self.amount)
