import secrets
from datetime import timedelta
from decimal import Decimal

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import SQL

from ..maventa import wire
from ..maventa.errors import AccountTrouble, NotNow, Rejected
from ..tools import summary
from .res_company import COLLECTION_TYPES, RECEIVABLES_TYPES
from .ropo_worker import LEASE, LOOK_APART, Job

# One case's way. Only the worker that holds the lease (`token`) moves a case out of
# `sending`; nothing is ever sent again without having looked first.
#
#    (proposed) → queued → sending → pending → sent ←───────────→ closed
#         │         ↑ │       │         │      (collection_status moves on here; Ropo
#         │         │ │       │         │       may open a case again)
#         │         │ │       └→ unknown┘  look first, then adopt or send again
#         ↓         │ ↓           │
#     cancelled ←── error ←───────┘  a person corrects → action_retry(), or gives up
STATES = [
    ("proposed", "Proposed"),
    ("queued", "Waiting to be sent"),
    ("sending", "Being sent"),
    ("unknown", "Sent, answer missing"),
    ("pending", "Received by Maventa"),
    ("sent", "At Ropo"),
    ("error", "Needs correction"),
    ("cancelled", "Cancelled"),
    ("closed", "Closed"),
]
#: The invoice has a case that may lead, or has led, to a hand-over.
LIVE = ("proposed", "queued", "sending", "unknown", "pending", "sent", "error")
#: Nothing has left the house.
UNSENT = ("proposed", "queued", "error")
#: Ropo has the claim, or may have it.
HANDED_OVER = ("sending", "unknown", "pending", "sent")
#: Payments of these are of interest to Ropo.
REPORTING = HANDED_OVER

#: What is read of a case that Maventa has accepted.
ACCEPTED = (
    "state",
    "collection_status",
    "needs_attention",
    "notes_due",
    "capital_amount",
)
#: Cases whose chatter and activities are brought in line in one run, and at once.
EFFECTS, EFFECTS_SLICE = 200, 20

STAGES = [
    ("reminder_sent", "Reminder sent"),
    ("debt_collection", "Debt collection"),
    ("legal_collection", "Legal collection"),
    ("payment_plan", "Payment plan"),
    ("other", "Other"),
]


class RopoAssignment(models.Model):
    """One invoice handed over to Ropo: a state machine and a comparison of ledgers."""

    _name = "ropo.assignment"
    _description = "Ropo case"
    _inherit = ["mail.thread", "mail.activity.mixin", "ropo.claim"]
    _order = "id desc"
    _rec_name = "name"
    # Cases are written by buttons and scheduled actions only; people may comment.
    _mail_post_access = "read"

    name = fields.Char(compute="_compute_name", store=True)
    move_id = fields.Many2one(
        "account.move", string="Invoice", required=True, index=True, ondelete="restrict"
    )
    journal_id = fields.Many2one(related="move_id.journal_id")
    company_id = fields.Many2one("res.company", required=True, index=True)
    partner_id = fields.Many2one(
        "res.partner",
        string="Customer",
        required=True,
        index=True,
        ondelete="restrict",
        help="The debtor: the commercial entity of the invoice's customer.",
    )
    currency_id = fields.Many2one("res.currency", required=True)
    environment = fields.Selection(
        [("demo", "Demo"), ("test", "Test"), ("production", "Production")],
        required=True,
        help="Where the case was started. It never moves to another environment.",
    )
    maventa_company_uuid = fields.Char(
        copy=False,
        groups="base.group_system",
        help="The account at Maventa the case was started with.",
    )
    maventa_invoice_id = fields.Char(
        string="Maventa's invoice id", index="btree_not_null", copy=False
    )
    external_id = fields.Char(
        string="Case at Ropo",
        index="btree_not_null",
        copy=False,
        help="Ropo's identifier of the case.",
    )
    collection_type = fields.Selection(COLLECTION_TYPES, required=True)
    receivables_type = fields.Selection(
        RECEIVABLES_TYPES, string="Kind of claim", required=True
    )
    summary = fields.Char(
        required=True,
        size=wire.SUMMARY_MAX,
        help="What the claim is for. Printed on Ropo's letters; 2 to 64 characters.",
    )
    payer_ids = fields.One2many(
        "ropo.assignment.payer", "assignment_id", string="Debtors"
    )
    capital_amount = fields.Monetary(
        string="Claim",
        help="The principal handed over: what the invoice had open at that moment.",
    )
    state = fields.Selection(STATES, required=True, default="queued", index=True)
    collection_status = fields.Selection(
        STAGES, string="Stage at Ropo", index=True, group_expand=True
    )
    collection_status_raw = fields.Char(
        string="Stage as told", help="The stage in Ropo's own word."
    )
    remote_status = fields.Char(
        string="Status as told", help="Open, partially closed or closed, as Ropo says."
    )
    remote_capital = fields.Monetary(
        string="Claim at Ropo", help="The principal Ropo shows, where it shows one."
    )
    remote_open = fields.Monetary(
        string="Open at Ropo as told", help="The open amount Ropo shows, where it does."
    )
    remote_shows_open = fields.Boolean(
        copy=False, help="Whether Ropo's list has an open amount at all."
    )
    remote_difference = fields.Monetary(
        string="Difference to Ropo",
        copy=False,
        help="Ropo's open amount less what it should be by what Ropo was told.",
    )
    remote_digest = fields.Char(
        copy=False, help="What the last list showed; nothing is written when unchanged."
    )
    reported_paid = fields.Monetary(
        string="Payments reported", help="Payments to our own account told to Ropo."
    )
    reported_credited = fields.Monetary(
        string="Credits reported", help="Credit notes told to Ropo."
    )
    paid_to_ropo = fields.Monetary(
        string="Paid to Ropo", help="What the debtor paid to Ropo."
    )
    settled_amount = fields.Monetary(
        string="Settled by Ropo",
        help="What Ropo has sent of it: booked in settlements, or matched with the "
        "invoice by hand.",
    )
    settled_unknown = fields.Monetary(
        string="Settled beyond the payments told",
        help="What Ropo sent beyond the payments it told of, as of the last daily "
        "audit.",
    )
    excess_paid = fields.Monetary(
        string="Payments reported too much",
        help="Told to Ropo and no longer true; Ropo has to correct it.",
    )
    excess_credited = fields.Monetary(
        string="Credits reported too much",
        help="Told to Ropo and no longer true; Ropo has to correct it.",
    )
    excess_back = fields.Monetary(
        string="Missing in the claim",
        help="What is open beyond the claim, because something matched before the "
        "transfer was taken away again.",
    )
    excess_since = fields.Datetime(copy=False, index="btree_not_null")
    open_amount = fields.Monetary(
        string="Open at Ropo",
        compute="_compute_open_amount",
        store=True,
        help="Claim less what Ropo was told and what was paid to Ropo.",
    )
    to_report = fields.Monetary(
        string="Still to report",
        compute="_compute_to_report",
        help="What the ledger says beyond what Ropo was told, at this moment.",
    )
    to_come = fields.Monetary(
        string="To come from Ropo",
        compute="_compute_to_come",
        help="Paid to Ropo and not settled yet.",
    )
    residual = fields.Monetary(
        related="move_id.amount_residual",
        depends=["move_id"],
        string="Open in the ledger",
    )
    event_ids = fields.One2many(
        "ropo.assignment.event", "assignment_id", string="Timeline"
    )
    error_message = fields.Text(string="Reason")
    needs_attention = fields.Boolean(
        index=True, help="A person has to look at this case."
    )
    attention_reason = fields.Text(string="What needs attention")
    attention_since = fields.Datetime(
        string="Waiting for a person since", copy=False, readonly=True
    )
    escalated = fields.Boolean(
        copy=False, help="A second person has been asked after a business day."
    )
    unmatched_money = fields.Monetary(
        currency_field="company_currency_id",
        help="Money of this customer that is not matched with any invoice, as of the "
        "last daily audit.",
    )
    company_currency_id = fields.Many2one(
        related="company_id.currency_id", string="Company currency"
    )
    last_change = fields.Datetime(
        default=fields.Datetime.now, help="When the case last changed."
    )
    baseline = fields.Json(
        copy=False,
        help="What was matched with the invoice when the claim was fixed.",
    )
    earlier_claims = fields.Json(
        copy=False,
        help="Claim and baseline of earlier hand-overs whose answer is missing: if one "
        "of them got there after all, it is the claim Ropo has.",
    )
    requested_by_id = fields.Many2one(
        "res.users",
        string="Transferred by",
        default=lambda self: self.env.user,
        readonly=True,
    )
    requested_at = fields.Datetime(
        string="Transferred on",
        default=fields.Datetime.now,
        readonly=True,
        index=True,
    )
    warnings_confirmed = fields.Text(
        string="Confirmed warnings",
        readonly=True,
        help="Warnings the person who transferred the invoice has confirmed.",
    )
    confirmed = fields.Json(
        copy=False, help="What the confirmed warnings were about, in no language."
    )
    accepted_at = fields.Datetime(string="Accepted on", copy=False)
    closed_at = fields.Datetime(string="Closed on", copy=False, index="btree_not_null")
    # The lease
    turn = fields.Integer(copy=False, help="Counts the changes of the timeline.")
    token = fields.Char(copy=False, groups="base.group_system")
    attempt_at = fields.Datetime(string="Last attempt", copy=False)
    attempts = fields.Integer(copy=False)
    next_try_at = fields.Datetime(string="Next attempt", copy=False)
    looks = fields.Integer(
        copy=False, help="Look-ups in a row that did not find the hand-over."
    )
    looked_at = fields.Datetime(
        copy=False, help="When the last of these look-ups did not find it."
    )
    # What follows an answer in a second, repeatable step
    notes_due = fields.Json(copy=False)
    effects_due = fields.Boolean(copy=False, index="btree_not_null")
    followup_before = fields.Selection(
        [("on", "Followed up"), ("off", "Not followed up")],
        copy=False,
        help="Whether Odoo's own reminders were on before the case, to restore it.",
    )
    refresh_due = fields.Boolean(
        copy=False, help="Someone asked to look at Ropo for this case now."
    )

    _live_unique = models.UniqueIndex(
        "(move_id) WHERE state IN ('proposed', 'queued', 'sending', 'unknown', "
        "'pending', 'sent', 'error')",
        "This invoice has a case at Ropo already.",
    )
    _due = models.Index(
        "(state, next_try_at, attempt_at) WHERE state IN ('queued', 'sending', "
        "'unknown', 'pending')"
    )
    # What differs, is disputed or waits is rare: filters find it without the rest.
    _differs = models.Index("(remote_difference) WHERE remote_difference != 0")

    @api.depends("move_id")
    def _compute_name(self):
        for case in self:
            case.name = case.move_id.name or "/"

    @api.depends("capital_amount", "reported_paid", "reported_credited", "paid_to_ropo")
    def _compute_open_amount(self):
        for case in self:
            case.open_amount = (
                case.capital_amount
                - case.reported_paid
                - case.reported_credited
                - case.paid_to_ropo
            )

    @api.constrains("summary")
    def _check_summary(self):
        for case in self:
            if not summary.fits(case.summary):
                raise ValidationError(
                    self.env._("The summary must have 2 to 64 characters.")
                )

    @api.model_create_multi
    def create(self, vals_list):
        cases = super().create(vals_list)
        for case in cases:
            # An invoice has one live case at most, and it is always the newest.
            case.move_id._ropo_aside().ropo_assignment_id = case
        return cases

    @api.model
    def _create_for(self, move, *, state="queued", payers=None, **vals):
        """A case for this invoice, with its debtors' data as they are now.

        :param payers: values of the debtors, where a person has edited them
        :param vals: ``collection_type``, ``receivables_type``, ``summary``, the fields
            of ``ropo.claim`` and, where a person has confirmed warnings,
            ``warnings_confirmed`` and ``confirmed``
        """
        environment, account = move.company_id._ropo_account_key()
        upload = move.company_id._ropo_root().ropo_upload_policy == "always"
        kind = vals["receivables_type"]
        stored = self.env["ropo.assignment.payer"]._stored
        payers = payers or move.partner_id._ropo_prepare_payers(kind)
        return self.sudo().create(
            {
                "upload_missing": upload,
                **vals,
                "summary": summary.cut(vals["summary"]),
                "move_id": move.id,
                "company_id": move.company_id.id,
                "partner_id": move.commercial_partner_id.id,
                "currency_id": move.currency_id.id,
                "environment": environment,
                "maventa_company_uuid": account,
                # What was still being delivered is looked up once more.
                "maventa_invoice_id": move.maventa_status != "PENDING"
                and move.maventa_invoice_id,
                "capital_amount": move.amount_residual,
                "state": state,
                "requested_by_id": self.env.uid,
                "payer_ids": [
                    fields.Command.create({**payer, **stored(payer, kind)})
                    for payer in payers
                ],
            }
        )

    @api.depends("paid_to_ropo", "settled_amount")
    def _compute_to_come(self):
        for case in self:
            case.to_come = case.paid_to_ropo - case.settled_amount

    # ------------------------------------------------------------------
    # Rights
    # ------------------------------------------------------------------
    def _check_worker_rights(self):
        """Buttons serve those who may invoice, and nobody else."""
        self.check_access("read")
        if not self.env.su and not self.env.user.has_group(
            "account.group_account_invoice"
        ):
            raise AccessError(
                self.env._("Only users with invoicing rights can work on Ropo cases.")
            )

    def _check_manager_rights(self):
        """Giving money up is for accounting managers."""
        self.check_access("read")
        if not self.env.su and not self.env.user.has_group(
            "account.group_account_manager"
        ):
            raise AccessError(
                self.env._(
                    "Only an administrator of invoicing can give up money that is at "
                    "Ropo."
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_handed_over(self):
        if any(case.state != "cancelled" for case in self):
            raise UserError(
                self.env._("A Ropo case can't be deleted; cancel it instead.")
            )

    def unlink(self):
        """An invoice whose newest case goes has the one before: its link decides
        whether anything is looked for when it is matched.
        """
        invoices = self.move_id
        result = super().unlink()
        for invoice in invoices:
            newest = invoice.ropo_assignment_ids[:1]
            if invoice.ropo_assignment_id != newest:
                invoice._ropo_aside().ropo_assignment_id = newest
        return result

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    def action_send(self):
        """Approve proposed cases: they are sent with the next run."""
        self._check_worker_rights()
        cases = self.sudo().filtered(lambda case: case.state == "proposed")
        # Days may have passed since they were proposed.
        cases.payer_ids._read_again()
        cases.write(
            {
                "state": "queued",
                "send_on": False,
                "error_message": False,
                "requested_by_id": self.env.uid,
                "requested_at": fields.Datetime.now(),
                "last_change": fields.Datetime.now(),
            }
        )
        cases._proposals_follow()
        self.env["ropo.worker"]._trigger_once("cron_transfer")

    def _proposals_follow(self):
        """The activity that names them is of today."""
        for company in self.company_id.root_id:
            company._ropo_tell_of_proposals()

    def action_retry(self):
        """Queue cases again after a person has corrected what was wrong."""
        self._check_worker_rights()
        for case in self.sudo():
            if case.state not in ("error", "queued", "unknown", "pending"):
                raise UserError(
                    self.env._(
                        "%(name)s can't be tried again: it is %(state)s.",
                        name=case.name,
                        state=case._state_label(),
                    )
                )
            vals = {"next_try_at": False, "last_change": fields.Datetime.now()}
            if case.state == "error":
                case.payer_ids._read_again()
                case._confirm_warnings()
                vals.update(
                    state="queued",
                    error_message=False,
                    attempts=0,
                    looks=0,
                    needs_attention=False,
                    attention_reason=False,
                    effects_due=True,
                )
            case.write(vals)
        self.env["ropo.worker"]._trigger_once("cron_transfer")
        self.env["ropo.worker"]._trigger_once("cron_poll")

    def _confirm_warnings(self):
        """Who retries has read why the case stopped, and confirms it with that."""
        verdict = self.move_id._ropo_verdicts(for_cases=self)[self.move_id]
        texts = [text for _code, text in verdict.warnings]
        if texts:
            self.warnings_confirmed = "\n".join(texts)
            self.confirmed = verdict.to_confirm
            self._message_log(
                body=self.env._(
                    "%(user)s confirmed: %(warnings)s",
                    user=self.env.user.name,
                    warnings=" ".join(texts),
                )
            )

    def action_not_received(self):
        """Maventa says it never got this transfer: ask for the reason."""
        self.ensure_one()
        return self.env["ropo.reason"]._open_for("not_received", assignment=self)

    def _take_not_received(self, reason):
        """Stop an unclear hand-over, so that a person may correct and retry it.

        :param reason: who at Maventa said so, and when
        """
        self.ensure_one()
        case = self.sudo()._lock_case()
        if case.state != "unknown":
            raise UserError(
                self.env._(
                    "It is known by now what became of the transfer of %(name)s.",
                    name=case.name,
                )
            )
        claim = [case.capital_amount, case.baseline or []]
        case.earlier_claims = [*(case.earlier_claims or []), claim]
        case._stop(
            self.env._(
                "%(user)s: Maventa did not receive this transfer. %(reason)s Press Try "
                "again to send it again.",
                user=self.env.user.name,
                reason=reason,
            )
        )
        case._run_effects()

    def action_cancel(self):
        """Undo cases that have not been sent. A person says no: see `declined_due`."""
        self._check_worker_rights()
        cases = self.sudo().filtered(lambda case: case.state != "cancelled")
        cases._cancel()
        for case in cases:
            case.write(
                {
                    "declined_due": case.move_id.invoice_date_due,
                    "capital_amount": case.move_id.amount_residual,
                }
            )

    def _cancel(self):
        """Take back what has not left the house."""
        cases = self.sudo().filtered(lambda case: case.state != "cancelled")
        for case in cases:
            if case.state not in UNSENT:
                raise UserError(case._undo_refusal())
        proposed = cases.filtered(lambda case: case.state == "proposed")
        cases.write(
            {
                "state": "cancelled",
                "send_on": False,
                "needs_attention": False,
                "attention_reason": False,
                "effects_due": True,
                "last_change": fields.Datetime.now(),
            }
        )
        text = self.env._(
            "Transfer to Ropo cancelled by %(user)s.", user=self.env.user.name
        )
        for records in (cases, cases.move_id):
            records._message_log_batch(bodies=dict.fromkeys(records.ids, text))
        cases._run_effects()
        proposed._proposals_follow()

    def action_refresh(self):
        """Look at Ropo again, as soon as possible."""
        self._check_worker_rights()
        cases = self.sudo().filtered(
            lambda case: case.state in (*HANDED_OVER, "closed")
        )
        cases.write({"next_try_at": False, "refresh_due": True})
        cases._mark_recheck()
        self.env["ropo.worker"]._trigger_once("cron_transfer")
        self.env["ropo.worker"]._trigger_once("cron_poll")

    def action_withdraw(self):
        """Ask for the reason, then open the full credit note: the only way back.

        Maventa's documentation: an assignment is cancelled by crediting the invoice
        in full; costs may arise.
        """
        self.ensure_one()
        self._check_manager_rights()
        if self.state not in HANDED_OVER:
            raise UserError(
                self.env._(
                    "%(name)s is not at Ropo: cancel it instead.", name=self.name
                )
            )
        return self.env["ropo.reason"]._open_for("withdraw", assignment=self)

    def action_view_move(self):
        """Open the invoice."""
        self.ensure_one()
        return self.move_id._get_records_action()

    def action_next_step(self):
        """Demo only: play Ropo's next step in this case."""
        self.ensure_one()
        self._check_worker_rights()
        if self.environment != "demo":
            raise UserError(
                self.env._("Only cases of the demo environment have steps.")
            )
        self.env["ropo.sandbox"]._next_step(self.sudo())
        self.action_refresh()

    def _state_label(self):
        self.ensure_one()
        return dict(self._fields["state"]._description_selection(self.env))[self.state]

    def _undo_refusal(self):
        """Why this case can't be undone, and what can be done instead."""
        self.ensure_one()
        return self.env._(
            "Invoice %(name)s has been handed over to Ropo (%(state)s). It can't be "
            "undone here. To take it back, use Withdraw from Ropo on the case: it "
            "credits the invoice in full, and Ropo may charge its costs.",
            name=self.move_id.name,
            state=self._state_label(),
        )

    # ------------------------------------------------------------------
    # Markers: the only thing that users' transactions write
    # ------------------------------------------------------------------
    @api.model
    def _mark_entries(self, move_ids):
        """Leave a marker for the cases of these entries.

        It updates no case, so it never waits for a worker, and no worker waits for it.
        """
        if not move_ids:
            return
        self.flush_model(["move_id", "state"])
        self.env.cr.execute(
            """
            INSERT INTO ropo_recheck (assignment_id, due_at)
            SELECT id, %s::timestamp
              FROM ropo_assignment
             WHERE move_id IN %s AND state NOT IN ('cancelled', 'proposed')
            RETURNING assignment_id
            """,
            (fields.Datetime.now(), tuple(move_ids)),
        )
        self._look_again()

    @api.model
    def _mark_counterparts(self, moves):
        """The same for the cases that these entries are matched with.

        An entry that is posted, reset to draft or cancelled keeps its matches and
        makes no partial reconciliation, but it changes what counts.
        """
        matched = moves.line_ids.filtered("matching_number")
        if not matched:
            return
        self.flush_model(["move_id", "state"])
        self.env["account.partial.reconcile"].flush_model()
        self.env.cr.execute(
            """
            INSERT INTO ropo_recheck (assignment_id, due_at)
            SELECT DISTINCT a.id, %s::timestamp
              FROM account_move_line mine
              JOIN account_partial_reconcile p
                ON mine.id IN (p.debit_move_id, p.credit_move_id)
              JOIN account_move_line theirs
                ON theirs.id IN (p.debit_move_id, p.credit_move_id)
               AND theirs.id != mine.id
              JOIN ropo_assignment a ON a.move_id = theirs.move_id
             WHERE mine.id IN %s AND a.state NOT IN ('cancelled', 'proposed')
            RETURNING assignment_id
            """,
            (fields.Datetime.now(), tuple(matched.ids)),
        )
        self._look_again()

    @api.model
    def _look_again(self):
        """What the ledger says of the cases just marked is read anew, and compared.

        The fields that show it don't depend on the ledger's: Odoo would look for the
        cases of every entry that anybody posts or matches.
        """
        cases = self.browse(row[0] for row in self.env.cr.fetchall())
        if cases:
            cases.invalidate_recordset(["residual"], flush=False)
            cases.modified(["residual"])
            self.env["ropo.worker"]._trigger_once("cron_report")

    def _mark_recheck(self, *times):
        """Compare these cases with the ledger, now or at given times (UTC)."""
        times = times or (None,)
        self.env["ropo.recheck"].sudo().create(
            [
                {"assignment_id": case.id, "due_at": at or fields.Datetime.now()}
                for case in self
                for at in times
            ]
        )
        for at in times if self else ():
            self.env["ropo.worker"]._trigger_once("cron_report", at=at)

    def _mark_older_matches(self):
        """Look again after the claim has been fixed.

        Somebody may be matching a payment in a transaction that began before the case,
        and could leave no marker.
        """
        now = fields.Datetime.now()
        self._mark_recheck(now + LEASE, now + timedelta(hours=1))

    # ------------------------------------------------------------------
    # Transfer: the scheduled action
    # ------------------------------------------------------------------
    @api.model
    def _cron_transfer(self):
        """Send queued cases; find out about those whose answer is missing."""
        worker = self.env["ropo.worker"]
        cases, lookups = type(self), self.env["ropo.lookup"]
        for find, lease, settle in (
            (self._look_up_due, cases._lease_look_up, self._settle_look_up),
            (self._transfer_due, cases._lease_transfer, self._settle_transfer),
            (self._unknown_due, cases._lease_look, self._settle_look),
            (lookups._due, type(lookups)._lease, lookups._settle),
        ):
            if not worker._drain(find, lease, settle):
                break
        if self._pending_due(1):
            worker._trigger_once("cron_poll")
        self._run_due_effects()

    @api.model
    def _due_domain(self, states):
        """Rows in these states whose time has come, of companies that may call."""
        now = fields.Datetime.now()
        return (
            Domain("state", "in", states)
            & Domain(
                "company_id", "child_of", self.env["res.company"]._ropo_active().ids
            )
            & (Domain("next_try_at", "=", False) | Domain("next_try_at", "<=", now))
        )

    @api.model
    def _find_due(self, domain, limit):
        """The oldest attempt first, so that no row is left behind by others."""
        return self.search(domain, order="attempt_at NULLS FIRST, id", limit=limit)

    @api.model
    def _look_up_due(self, limit):
        return self._find_due(
            self._due_domain(("queued",)) & Domain("maventa_invoice_id", "=", False),
            limit,
        )

    @api.model
    def _transfer_due(self, limit):
        return self._find_due(
            self._due_domain(("queued",)) & Domain("maventa_invoice_id", "!=", False),
            limit,
        )

    @api.model
    def _unknown_due(self, limit):
        """Cases without an answer, once their call can't be under way any more."""
        over = fields.Datetime.now() - LEASE
        domain = self._due_domain(("unknown",)) | (
            self._due_domain(("sending",)) & Domain("attempt_at", "<=", over)
        )
        return self._find_due(domain, limit)

    def _lock_in(self, states):
        """Lock what of these cases is free and still in one of the states.

        Must be the first statement of its transaction.
        """
        cases = self.try_lock_for_update(allow_referencing=True)
        cases.invalidate_recordset()
        return cases.filtered(lambda case: case.state in states)

    def _at_home(self):
        """Those that may be called for: same environment and account as at birth.

        The others wait and say so; a case never moves to another account.
        """
        home = self.browse()
        for case in self:
            born = (case.environment, case.sudo().maventa_company_uuid or "")
            if born == case.company_id._ropo_account_key():
                home |= case
            else:
                case.write(
                    {
                        "next_try_at": fields.Datetime.now() + timedelta(hours=6),
                        "error_message": self.env._(
                            "The case belongs to another environment or account at "
                            "Maventa than the company has now; it waits until that "
                            "is set again."
                        ),
                    }
                )
        return home

    def _take_lease(self, **vals):
        """Write a new lease; its token is what an answer must come back with.

        Cases that are leased together share it: an answer names its case, too.
        """
        token, now = secrets.token_hex(8), fields.Datetime.now()
        for attempts, cases in self.grouped("attempts").items():
            cases.write(
                {**vals, "token": token, "attempt_at": now, "attempts": attempts + 1}
            )
        return token

    def _job(self, token, call):
        """The call that this case has been leased for."""
        self.ensure_one()
        company = self.company_id.sudo().root_id
        return Job(row=self, company=company, call=call, token=token)

    def _give_back(self, error, **vals):
        """Not now: try again later, and say why in the meantime."""
        worker = self.env["ropo.worker"]
        self.write(
            {
                "token": False,
                "next_try_at": worker._next_try(self.attempts, error),
                "error_message": worker._explain(error),
                **vals,
            }
        )
        self._wake("cron_poll" if self.state == "pending" else "cron_transfer")

    def _wake(self, cron):
        """One trigger for the time when this row's turn comes."""
        self.env["ropo.worker"]._trigger_once(cron, at=self.next_try_at or None)

    def _stop(self, reason):
        """This one is wrong: a person has to correct it or give it up."""
        self.write(
            {
                "state": "error",
                "token": False,
                "next_try_at": False,
                "error_message": reason,
                "needs_attention": True,
                "attention_reason": reason,
                "effects_due": True,
                "last_change": fields.Datetime.now(),
            }
        )
        self._note(self.env._("Transfer to Ropo stopped: %(reason)s", reason=reason))

    def _postpone_unexpected(self, reason):
        """After a fault nobody foresaw: out of the way of the others."""
        for case in self:
            case.write(
                {
                    "next_try_at": self.env["ropo.worker"]._next_try(case.attempts + 2),
                    "attempts": case.attempts + 1,
                    "attempt_at": case.attempt_at
                    if case.state == "sending"
                    else fields.Datetime.now(),
                    "error_message": reason,
                    "needs_attention": True,
                    "attention_reason": reason,
                    "effects_due": True,
                }
            )

    def _hold(self, token, states, needed=()):
        """The case, locked, if this answer still belongs to it.

        Must be the first statement of its transaction. Waits for whoever holds the
        case for a moment; the answer it brings must not get lost.

        :param needed: the fields that are read, where it is to be quick
        """
        self.ensure_one()
        held = self._lock_row(SQL("token"), SQL("state"), read=needed)
        if held not in [(token, state) for state in states]:
            return self.browse()
        return self

    @api.model
    def _go_on(self, company):
        """The service is there again: what waits for it is sent now."""
        waiting = self.search(
            [
                ("company_id", "child_of", company.id),
                ("state", "=", "queued"),
                ("next_try_at", "!=", False),
            ]
        )
        if waiting:
            waiting.next_try_at = False
            self.env["ropo.worker"]._trigger_once("cron_transfer")

    def _take_back_to_queue(self):
        """The company is paused: the case waits as if it had not been touched."""
        self.write({"state": "queued", "token": False, "next_try_at": False})

    # -- transfer -------------------------------------------------------
    def _lease_transfer(self):
        """Check everything once more under the lock, and fix the claim."""
        cases = self._lock_in(("queued",))._at_home()
        verdicts = cases.move_id._ropo_verdicts(for_cases=cases)
        baselines = cases._baselines_now()
        ready = self.browse()
        for case in cases:
            verdict = verdicts[case.move_id]
            if verdict.blocks:
                case._refuse(verdict)
            elif not case._has_new_warnings(verdict):
                case._fix_claim(baselines[case])
                ready |= case
        token = ready._take_lease(
            state="sending",
            error_message=False,
            next_try_at=False,
            last_change=fields.Datetime.now(),
        )
        ready._mark_older_matches()
        return [case._job(token, case._hand_over_call()) for case in ready]

    def _fix_claim(self, baseline):
        """What is open now is the claim, which leaves out what is matched by now.

        Mostly that has not changed while the case was waiting.
        """
        amount = self.move_id.amount_residual
        if (self.capital_amount, self.baseline or []) != (amount, baseline):
            self.write({"capital_amount": amount, "baseline": baseline})

    def _hand_over_call(self):
        invoice_id, transfer = self.maventa_invoice_id, self._to_wire()
        return lambda client: client.transfer(invoice_id, transfer)

    def _refuse(self, verdict):
        """Not to be sent (any more). What is settled is simply cancelled."""
        reason = " ".join(text for _code, text in verdict.blocks)
        codes = {code for code, _text in verdict.blocks}
        if codes & {"off", "service"}:
            # Not this case's fault: it waits for the service.
            now = fields.Datetime.now()
            self.write(
                {"next_try_at": now + timedelta(hours=1), "error_message": reason}
            )
        elif codes & {"nothing_open", "not_posted"}:
            self.write(
                {
                    "state": "cancelled",
                    "error_message": reason,
                    "needs_attention": False,
                    "attention_reason": False,
                    "last_change": fields.Datetime.now(),
                }
            )
            self._note(
                self.env._(
                    "Not transferred to Ropo any more: %(reason)s", reason=reason
                )
            )
        else:
            self._stop(reason)

    def _has_new_warnings(self, verdict):
        """Stop for what nobody has confirmed: it came up while the case was waiting."""
        confirmed = set(self.confirmed or [])
        new = [
            text
            for (_code, text), about in zip(
                verdict.warnings, verdict.to_confirm, strict=True
            )
            if about not in confirmed
        ]
        if new:
            self._stop(
                self.env._(
                    "Please check first, then press Try again: %(warnings)s",
                    warnings=" ".join(new),
                )
            )
        return bool(new)

    def _settle_claim(self, remote_capital):
        """Take the claim Ropo has, where it is not the one of the last attempt.

        An earlier hand-over may have got there after all; or Ropo may have taken the
        invoice's total: then what was paid before is still to be told. Without a word
        from Ropo the earliest claim counts: it leaves out no payment.
        """
        candidates = [
            [self.capital_amount, self.baseline],
            *(self.earlier_claims or []),
        ]
        if not remote_capital:
            chosen = candidates[1] if self.earlier_claims else candidates[0]
        else:
            candidates.append([self.move_id.amount_total, []])
            chosen = next(
                (
                    claim
                    for claim in candidates
                    if not self.currency_id.compare_amounts(claim[0], remote_capital)
                ),
                candidates[0],
            )
        self.write(
            {
                "capital_amount": chosen[0],
                "baseline": chosen[1],
                "earlier_claims": False,
            }
        )

    def _claim(self):
        """The claim as :meth:`account.move._ropo_verdicts` takes it."""
        self.ensure_one()
        return {
            **self._claim_data(),
            "receivables_type": self.receivables_type,
            "collection_type": self.collection_type,
            "payers": [payer._to_dict() for payer in self.payer_ids] or None,
        }

    def _to_wire(self):
        """The claim as the client sends it."""
        self.ensure_one()
        return wire.Transfer(
            collection_type=self.collection_type,
            receivables_type=self.receivables_type,
            summary=self.summary,
            payers=tuple(payer._to_wire() for payer in self.payer_ids),
            capital=self._exact(self.capital_amount),
            reminder=self._exact(self.reminder_amount),
            interest=self._exact(self.interest_amount),
            interest_date=self.interest_date or None,
            rental=self._rental_to_wire(),
        )

    def _rental_to_wire(self):
        """The rented property and its contract, where the claim is for rent."""
        if not self.receivables_type.endswith("_rental"):
            return None
        temporary = self.rental_contract_type == "temporary"
        return wire.Rental(
            address=self.rental_address,
            contract_type=self.rental_contract_type,
            contract_expiry_date=temporary and self.rental_contract_expiry or None,
            current_target_amount=self.rental_target_amount
            and self._exact(self.rental_target_amount)
            or None,
        )

    def _exact(self, amount):
        """A float of the database as the decimal it stands for."""
        return Decimal(str(self.currency_id.round(amount)))

    def _settle_transfer(self, job):
        quick = ACCEPTED if job.error is None else ()
        case = job.row._hold(job.token, ("sending",), quick)
        if not case:
            return
        error = job.error
        if error is None:
            case._accept()
            return
        if isinstance(error, NotNow):
            case._give_back(error, state="queued")
        elif isinstance(error, AccountTrouble):
            case._take_back_to_queue()
        elif not isinstance(error, Rejected):
            case._lose_sight(error)
        elif error.reason == "conflict" and case.earlier_claims:
            # Perhaps it was an earlier attempt of ours that got there after all.
            case._lose_sight(error)
        else:
            case._stop(case._explain_refusal(error))
        case.last_change = fields.Datetime.now()

    def _accept(self):
        """Maventa has taken the claim for processing."""
        now = fields.Datetime.now()
        self.write(
            {
                "state": "pending",
                "token": False,
                "looks": 0,
                "next_try_at": False,
                "error_message": False,
                "accepted_at": now,
                "last_change": now,
                **self._noted({"handed_over": self.capital_amount}),
            }
        )
        if self.needs_attention:
            self._review()

    def _lose_sight(self, error):
        """The call may have arrived or not: look, and only later send again."""
        self.write(
            {
                "state": "unknown",
                "token": False,
                "looks": 0,
                "next_try_at": fields.Datetime.now() + timedelta(minutes=1),
                "error_message": self.env._(
                    "%(reason)s Odoo looks at Maventa before anything is sent again.",
                    reason=self.env["ropo.worker"]._explain(error),
                ),
            }
        )
        self._wake("cron_transfer")

    # -- what became of it ----------------------------------------------
    def _lease_look(self):
        """Ask what Maventa knows of a hand-over whose answer is missing."""
        jobs = []
        for case in self._lock_in(("unknown", "sending"))._at_home():
            token = secrets.token_hex(8)
            case.write(
                {
                    "state": "unknown",
                    "token": token,
                    "attempts": case.attempts + 1,
                    "next_try_at": fields.Datetime.now() + LEASE,
                }
            )
            invoice_id = case.maventa_invoice_id
            jobs.append(
                case._job(
                    token,
                    lambda client, i=invoice_id: (
                        client.transfer_status(i) or client.find_assignment(i)
                    ),
                )
            )
        return jobs

    def _settle_look(self, job):
        case = job.row._hold(job.token, ("unknown",))
        if not case:
            return
        if job.error:
            case._give_back(job.error)
            case._review()
            return
        if job.result:
            case._accept()
            return
        now = fields.Datetime.now()
        if not case.looks:
            vals = {"looks": 1, "looked_at": now, "next_try_at": now + LOOK_APART}
        elif case.looked_at + LOOK_APART > now:
            # Somebody could not wait; that makes no second opinion.
            vals = {"next_try_at": case.looked_at + LOOK_APART}
        else:
            # Two believable answers, minutes apart: it never arrived, we must think.
            claim = [case.capital_amount, case.baseline or []]
            vals = {
                "state": "queued",
                "next_try_at": False,
                "looks": 0,
                "earlier_claims": [*(case.earlier_claims or []), claim],
            }
        case.write({**vals, "token": False})
        case._review()
        case._wake("cron_transfer")

    # ------------------------------------------------------------------
    # The second step: what follows, repeatable
    # ------------------------------------------------------------------
    def _note(self, *texts):
        """Remember lines for the chatter; written after the answer is safe.

        :param texts: each a text, or what :meth:`_note_text` makes one of
        """
        self.ensure_one()
        if texts:
            self.write(self._noted(*texts))

    def _noted(self, *texts):
        """The same as values to write."""
        return {"notes_due": [*(self.notes_due or []), *texts], "effects_due": True}

    @api.model
    def _run_due_effects(self):
        """Chatter, activities, fields elsewhere: some cases a transaction."""
        worker = self.env["ropo.worker"]
        due = self.search([("effects_due", "=", True)], limit=EFFECTS)
        if len(due) == EFFECTS:
            worker._trigger_once("cron_report")
        worker._end_transaction()
        for start in range(0, len(due), EFFECTS_SLICE):
            worker._each(
                due[start : start + EFFECTS_SLICE],
                lambda rows: rows._lock_in(dict(STATES))._run_effects(),
            )

    def _run_effects(self):
        """Bring chatter, follow-up and activities in line with the cases."""
        noted = self.filtered("notes_due")
        # In one message: there may be thousands. Joining escapes them.
        texts = {
            case: Markup("<br/>").join(map(case._note_text, case.notes_due))
            for case in noted
        }
        noted._message_log_batch({case.id: text for case, text in texts.items()})
        noted.move_id._message_log_batch(
            {
                move.id: Markup("<br/>").join(texts[case] for case in cases)
                for move, cases in noted.grouped("move_id").items()
            }
        )
        self._follow_up_follows()
        self._activities_follow()
        self.write({"notes_due": False, "effects_due": False})

    def _note_text(self, note):
        """A line for the chatter, where it was not worth the time before."""
        if isinstance(note, str):
            return note
        return self.env._(
            "Handed over to Ropo: a claim of %(amount)s.",
            amount=self.currency_id.format(note["handed_over"]),
        )

    def _follow_up_follows(self):
        """Odoo's own reminders stop while Ropo collects, and come back after."""
        moves = self.move_id._ropo_aside().browse()
        stop, on_again, off_again = moves, moves, moves
        for case in self:
            move = case.move_id._ropo_aside()
            if case.state in HANDED_OVER and not case.followup_before:
                case.followup_before = "off" if move.no_followup else "on"
                stop |= move
            elif case.state not in HANDED_OVER and case.followup_before:
                if case.followup_before == "off":
                    off_again |= move
                else:
                    on_again |= move
                case.followup_before = False
        for moves, off in ((on_again, False), (off_again | stop, True)):
            # The lines at once: invoice by invoice, Odoo compares all of each.
            moves.line_ids.filtered(
                lambda line: line.account_type == "asset_receivable"
            ).no_followup = off

    def _activities_follow(self):
        """One activity while a person is needed, none when the matter is over."""
        kind = "ropo_collection.mail_activity_attention"
        known = self.activity_search([kind]).grouped("res_id")
        over = self.env["mail.activity"]
        for case in self:
            existing = known.get(case.id, over.browse())
            note = case.attention_reason or ""
            if not case.needs_attention:
                over |= existing
            elif existing:
                existing.write({"note": note})
            else:
                case.activity_schedule(
                    kind,
                    user_id=case._responsible().id,
                    summary=self.env._("Ropo: %(name)s needs a person", name=case.name),
                    note=note,
                )
        over.unlink()

    def _responsible(self):
        """Who is asked: the company's responsible, else who transferred the invoice."""
        self.ensure_one()
        candidates = (
            self.company_id.root_id.ropo_responsible_id,
            self.requested_by_id,
            self.move_id.invoice_user_id,
        )
        for user in candidates:
            if (
                user
                and user.active
                and not user.share
                and user.id != self.env.ref("base.user_root").id
            ):
                return user
        return self.env.ref("base.user_admin")
