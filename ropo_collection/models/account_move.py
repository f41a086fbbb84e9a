"""The invoice and its case: fields, buttons, guards, and what people are told of it."""

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.http import request
from odoo.tools import SQL, format_date

from ..tools import privacy
from .account_move_told import Told
from .res_company import ENVIRONMENTS
from .ropo_assignment import HANDED_OVER, LIVE, UNSENT

#: What Ropo was told of a live case; changing it here would tell Ropo nothing.
GUARDED = {
    "invoice_date_due",
    "invoice_payment_term_id",
    "partner_id",
    "currency_id",
    "company_id",
}
#: Fields of the screens that don't depend on what posting and matching change: Odoo
#: would look for them in every such step of every entry. A new due date they hear of.
NOT_HEARD = (
    "ropo_days_overdue",
    "ropo_eligible_from",
    "ropo_reasons",
    "ropo_verdict",
)
#: Who may see what Ropo is about.
READERS = "account.group_account_invoice,account.group_account_readonly"


class AccountMove(models.Model):
    _inherit = "account.move"

    maventa_invoice_id = fields.Char(
        string="Maventa's invoice id",
        copy=False,
        index="btree_not_null",
        help="The identifier of this invoice at Maventa; a transfer needs it.",
        prefetch="ropo",
    )
    maventa_status = fields.Char(
        string="Status at Maventa",
        copy=False,
        help="PENDING, DELIVERED or FAILED, as Maventa last told it.",
        prefetch="ropo",
    )
    ropo_assignment_ids = fields.One2many(
        "ropo.assignment", "move_id", string="Ropo cases"
    )
    # Read along with Odoo's own fields: it tells without a query which matches concern
    # no case (see account_partial_reconcile.py).
    ropo_assignment_id = fields.Many2one(
        "ropo.assignment",
        string="Ropo case",
        copy=False,
        ondelete="set null",
        help="The live case of this invoice, else its newest one.",
    )
    ropo_state = fields.Selection(related="ropo_assignment_id.state", string="Ropo")
    ropo_collection_status = fields.Selection(
        related="ropo_assignment_id.collection_status", string="Stage at Ropo"
    )
    ropo_excluded = fields.Boolean(
        string="Not to Ropo",
        copy=False,
        help="This invoice is never offered for transfer.",
        prefetch="ropo",
    )
    ropo_needs_attention = fields.Boolean(related="ropo_assignment_id.needs_attention")
    ropo_attention_reason = fields.Text(related="ropo_assignment_id.attention_reason")
    # What the invoice's form shows of its case
    ropo_capital_amount = fields.Monetary(related="ropo_assignment_id.capital_amount")
    ropo_reported_paid = fields.Monetary(related="ropo_assignment_id.reported_paid")
    ropo_reported_credited = fields.Monetary(
        related="ropo_assignment_id.reported_credited"
    )
    ropo_paid_to_ropo = fields.Monetary(related="ropo_assignment_id.paid_to_ropo")
    ropo_open_amount = fields.Monetary(related="ropo_assignment_id.open_amount")
    ropo_to_come = fields.Monetary(related="ropo_assignment_id.to_come")
    ropo_to_report = fields.Monetary(related="ropo_assignment_id.to_report")
    ropo_event_ids = fields.One2many(
        related="ropo_assignment_id.event_ids", string="Ropo timeline"
    )
    ropo_environment = fields.Selection(
        ENVIRONMENTS,
        compute="_compute_ropo_environment",
        help="The environment of the invoice's company; what it hides depends on it.",
    )
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
    ropo_other_collector = fields.Boolean(
        string="With another collector",
        copy=False,
        help="Another agency collects this invoice: it is not handed over to Ropo.",
        prefetch="ropo",
    )
    ropo_settlement_ids = fields.One2many(
        "ropo.settlement", "entry_id", string="Ropo settlements"
    )
    ropo_bill_case_ids = fields.Many2many(
        "ropo.assignment",
        "ropo_bill_case_rel",
        "move_id",
        "assignment_id",
        string="For cases at Ropo",
        copy=False,
        help="Of a bill of Ropo's: the cases it is for. Its amount without tax counts "
        "as their cost, in equal shares.",
    )

    # Entries with a case, to choose at Maventa or not there, or with another collector.
    # Together, for PostgreSQL looks through a table's indexes with each statement about
    # it, also for those who post without Ropo.
    _ropo_known = models.Index(
        """(ropo_assignment_id, maventa_lookup, ropo_other_collector)
           WHERE ropo_assignment_id IS NOT NULL
              OR maventa_lookup IN ('choose', 'missing')
              OR ropo_other_collector IS TRUE"""
    )
    # Apart: of a text in an index of several, PostgreSQL guesses half to be filled in.
    _ropo_disputed = models.Index("(id) WHERE ropo_dispute_reason IS NOT NULL")

    @api.depends("company_id")
    def _compute_ropo_environment(self):
        for move in self:
            root = move.company_id._ropo_root() if move.company_id else move.company_id
            move.ropo_environment = root.ropo_environment or "off"

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, any(company._ropo_is_on() for company in self.env.companies))

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Nothing of Ropo shows where no company uses it."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type in ("list", "search"):
            self.env.companies._ropo_hide(arch)
        return arch, view

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    def _ropo_check_rights(self):
        self.check_access("read")
        if not self.env.user.has_group("account.group_account_invoice"):
            raise AccessError(
                self.env._("Only users with invoicing rights can hand over invoices.")
            )

    def action_ropo_transfer(self):
        """Open the wizard for the selected invoices, with a verdict for each."""
        self._ropo_check_rights()
        invoices = self.filtered(lambda move: move.move_type == "out_invoice")
        if not invoices:
            raise UserError(
                self.env._("Select customer invoices to hand over to Ropo.")
            )
        wizard = self.env["ropo.transfer"]._open_for(invoices)
        return wizard._open()

    def action_ropo_view_assignment(self):
        """Open the case, or the cases, of these invoices."""
        cases = self.ropo_assignment_ids
        if len(self) == 1 and self.ropo_assignment_id and len(cases) == 1:
            return cases._get_records_action()
        return cases._get_records_action(name=self.env._("Ropo cases"))

    # ------------------------------------------------------------------
    # Guards and markers
    # ------------------------------------------------------------------
    def _ropo_live(self, states=LIVE):
        """The live cases of these entries, in the given states."""
        invoices = self.filtered(lambda move: move.move_type == "out_invoice")
        if not invoices.ids:
            return self.env["ropo.assignment"]
        return (
            self.env["ropo.assignment"]
            .sudo()
            .search([("move_id", "in", invoices.ids), ("state", "in", states)])
        )

    def _ropo_aside(self):
        """These entries for writing what has nothing to do with their accounting.

        Odoo compares all lines and taxes before and after each write otherwise.
        """
        return self.sudo().with_context(
            skip_invoice_sync=True, skip_is_manually_modified=True
        )

    def _ropo_let_go(self):
        """What is at Ropo can't be undone here; what still waits is cancelled."""
        live = self._ropo_live()
        if not live:
            return
        handed_over = live.filtered(lambda case: case.state in HANDED_OVER)
        if handed_over:
            raise UserError(handed_over[0]._undo_refusal())
        live._cancel()

    def _ropo_check_settled(self):
        """Refuse what would take a booked settlement apart behind its back.

        Be it its entry, its bank line or what it divides up.
        """
        if not self.ids or self.env.context.get("ropo_undo"):
            return
        concerned = Domain.OR(
            Domain(name, "in", self.ids)
            for name in (
                "entry_id",
                "statement_line_id.move_id",
                "source_item_ids.move_id",
            )
        )
        settlement = (
            self.env["ropo.settlement"]
            .sudo()
            .search(concerned & Domain("state", "=", "booked"), limit=1)
        )
        if settlement:
            raise UserError(
                self.env._(
                    "%(entry)s is a settlement of Ropo's. Undo the settlement instead: "
                    "Customers › Ropo collection › Settlements.",
                    entry=settlement.entry_id.name,
                )
            )

    def button_draft(self):
        if not self:  # Odoo asks for it with each posting
            return super().button_draft()
        self._ropo_check_settled()
        self._ropo_let_go()
        result = super().button_draft()
        self.env["ropo.assignment"]._mark_counterparts(self)
        # What is changed is another invoice than the one at Maventa.
        known = self.filtered(
            lambda move: move.maventa_invoice_id or move.maventa_lookup
        )
        if known:
            known._ropo_forget_hit()
        return result

    def button_cancel(self):
        self._ropo_check_settled()
        self._ropo_let_go()
        # Cancelling takes the matches away: look for them before.
        self.env["ropo.assignment"]._mark_counterparts(self)
        return super().button_cancel()

    def _reverse_moves(self, default_values_list=None, cancel=False):
        self._ropo_check_settled()
        return super()._reverse_moves(default_values_list, cancel)

    def _post(self, soft=True):
        again = self.filtered("posted_before")
        posted = super()._post(soft)
        (posted & again)._ropo_rename_cases()
        self.env["ropo.assignment"]._mark_counterparts(posted)
        return posted

    def _ropo_rename_cases(self):
        """Their cases have the invoices' names, and don't watch them."""
        if self:
            cases = self.env["ropo.assignment"].sudo()
            cases = cases.search([("move_id", "in", self.ids)])
            self.env.add_to_compute(cases._fields["name"], cases)

    def write(self, vals):
        if "ropo_assignment_id" in vals and not self.env.su:
            raise AccessError(
                self.env._("The Ropo case of an invoice can't be changed by hand.")
            )
        if "ropo_excluded" in vals:
            self.env["ropo.log"]._log_exclusion(self, vals["ropo_excluded"])
        guarded = GUARDED & vals.keys()
        if guarded:
            for case in self._ropo_live(HANDED_OVER):
                move = case.move_id
                if any(_is_new(move, name, vals[name]) for name in guarded):
                    raise UserError(
                        self.env._(
                            "Invoice %(name)s is at Ropo, which would not hear of this "
                            "change. Tell Ropo, or withdraw the case first.",
                            name=case.move_id.name,
                        )
                    )
        result = super().write(vals)
        if guarded:
            self.invalidate_recordset(NOT_HEARD, flush=False)
        if "name" in vals:
            self._ropo_rename_cases()
        return result

    def unlink(self):
        """What never left the house goes with its invoice."""
        if not self:
            return super().unlink()
        self.env["ropo.assignment"].sudo().search(
            [("move_id", "in", self.ids), ("state", "=", "cancelled")]
        ).unlink()
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_at_ropo(self):
        cases = (
            self.env["ropo.assignment"]
            .sudo()
            .search([("move_id", "in", self.ids), ("state", "!=", "cancelled")])
        )
        if cases:
            raise UserError(
                self.env._(
                    "Invoice %(name)s has a case at Ropo and can't be deleted. Use "
                    "Withdraw from Ropo on the case to take it back, or Cancel "
                    "transfer while it has not been sent.",
                    name=cases[0].name,
                )
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_settled(self):
        self._ropo_check_settled()

    # ------------------------------------------------------------------
    # Disputed by the customer, or with another collector
    # ------------------------------------------------------------------
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

    def action_ropo_other_collector(self):
        """Ask who collects these invoices, or why they are back."""
        self._ropo_check_rights()
        wizard = self.env["ropo.other.collector"].create(
            {
                "move_ids": self.filtered(
                    lambda move: move.move_type == "out_invoice"
                ).ids,
                "comes_back": bool(self) and all(self.mapped("ropo_other_collector")),
            }
        )
        return wizard._get_records_action(
            name=self.env._("Already with another collector"), target="new"
        )

    # ------------------------------------------------------------------
    # What its form says at the top
    # ------------------------------------------------------------------
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

    # ------------------------------------------------------------------
    # What Ropo was told of an entry
    # ------------------------------------------------------------------
    def _ropo_counterpart_cases(self):
        """Cases whose invoices these entries are matched with, or that report them.

        :return: ``{entry: {case: matched amount in the invoice's currency}}``; a case
            that reports what is matched no more has 0
        """
        cases_of = {move: {} for move in self}
        if not self.ids:
            return cases_of
        self.env["account.partial.reconcile"].flush_model()
        self.env["account.move.line"].flush_model(["move_id", "account_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT theirs.move_id, c.id, SUM(p.debit_amount_currency)
                  FROM account_move_line theirs
                  JOIN account_partial_reconcile p ON p.credit_move_id = theirs.id
                  JOIN account_move_line mine ON mine.id = p.debit_move_id
                  JOIN account_account a ON a.id = mine.account_id
                  JOIN ropo_assignment c ON c.move_id = mine.move_id
                 WHERE theirs.move_id IN %s AND a.account_type = 'asset_receivable'
                   AND c.state IN %s
                   AND NOT EXISTS (
                       SELECT 1 FROM account_partial_reconcile x
                        WHERE x.exchange_move_id = theirs.move_id)
                 GROUP BY theirs.move_id, c.id
                """,
                tuple(self.ids),
                (*HANDED_OVER, "closed"),
            )
        )
        cases = self.env["ropo.assignment"].sudo()
        reports = self.env["ropo.assignment.event"].sudo()
        by_id = {move._origin.id: move for move in self}
        prefetched = cases.browse({case_id for _move, case_id, _amount in rows})
        case_of = {case.id: case for case in prefetched}
        for move_id, case_id, amount in rows:
            cases_of[by_id[move_id]][case_of[case_id]] = amount
        for report in reports.search(
            [
                ("counterpart_move_id", "in", self.ids),
                ("direction", "=", "out"),
                ("state", "!=", "dropped"),
            ],
            order="id",
        ):
            found = cases_of[by_id[report.counterpart_move_id.id]]
            found.setdefault(report.assignment_id, 0.0)
        return cases_of

    def _ropo_told(self):
        """What became of these entries at Ropo, as alerts of Odoo's forms.

        :return: ``{entry: alert or None}``
        """
        on = self.filtered(lambda move: move.company_id._ropo_is_on())
        cases_of = on._ropo_counterpart_cases()
        none = self.env["ropo.assignment"].sudo()
        ledger_parts = none.union(*(none.union(*found) for found in cases_of.values()))
        ledger_parts = ledger_parts._ledger_parts()
        result = dict.fromkeys(self)
        for move, matched in cases_of.items():
            texts, calm = [], True
            for case in sorted(matched, key=lambda case: case.id):
                told = Told(move, case, matched[case], ledger_parts[case])
                texts += told.lines()
                calm = calm and told.calm
            if texts:
                cases = none.union(*matched).sudo(False)
                result[move] = {
                    "level": "info" if calm else "warning",
                    "message": "\n".join(texts),
                    "action_text": self.env._("Open the Ropo case")
                    if len(cases) == 1
                    else self.env._("Open the cases"),
                    "action": cases._get_records_action(name=self.env._("Ropo cases")),
                }
        return result

    # ------------------------------------------------------------------
    # The customer portal: what is at Ropo is paid to Ropo
    # ------------------------------------------------------------------
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


def _is_new(move, name, value):
    """Whether writing ``value`` would change the field (core rewrites equal values)."""
    present = move._fields[name].convert_to_write(move[name], move)
    return str(present or False) != str(value or False)
