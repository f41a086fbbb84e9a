from dataclasses import dataclass, field
from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ..maventa import wire
from .res_company import COUNTRY_CURRENCY, ENVIRONMENTS
from .ropo_assignment import HANDED_OVER, LIVE

#: Days after the due date from which a claim may be handed over
#: (Maventa's Ropo receivables documentation).
DAYS_B2B, DAYS_B2C = 7, 14
#: What Ropo was told of a live case; changing it here would tell Ropo nothing.
GUARDED = {
    "invoice_date_due",
    "invoice_payment_term_id",
    "partner_id",
    "currency_id",
    "company_id",
}
#: What the checks read of each invoice and of each customer.
READ_OF_INVOICE = (
    "amount_residual",
    "commercial_partner_id",
    "company_id",
    "currency_id",
    "invoice_date_due",
    "matched_payment_ids",
    "maventa_status",
    "move_type",
    "partner_bank_id",
    "partner_id",
    "payment_state",
    "ropo_dispute_reason",
    "ropo_excluded",
    "ropo_other_collector",
    "state",
)
READ_OF_CUSTOMER = (
    "child_ids",
    "city",
    "commercial_partner_id",
    "company_registry",
    "country_id",
    "email",
    "is_company",
    "lang",
    "name",
    "phone",
    "ropo_codebtor_ids",
    "ropo_receivables_type",
    "ropo_special",
    "street",
    "street2",
    "type",
    "vat",
    "zip",
)
#: Fields of the screens that don't depend on what posting and matching change: Odoo
#: would look for them in every such step of every entry. A new due date they hear of.
NOT_HEARD = (
    "ropo_days_overdue",
    "ropo_eligible_from",
    "ropo_reasons",
    "ropo_verdict",
)


@dataclass
class Verdict:
    """Whether an invoice may be handed over, with reasons as ``(code, text)``.

    ``blocks`` forbid it; ``warnings`` must be confirmed by a person and stop every
    automatic path. ``to_confirm`` says in no language what the warnings are about, to
    know later what was confirmed.
    """

    blocks: list = field(default_factory=list)
    warnings: list = field(default_factory=list)
    to_confirm: list = field(default_factory=list)
    eligible_from: date | None = None

    def block(self, code, text):
        self.blocks.append((code, text))

    def warn(self, code, text, about=""):
        self.warnings.append((code, text))
        self.to_confirm.append(f"{code}:{about}")

    def take(self, other):
        """Add the reasons of another verdict to these."""
        self.blocks += other.blocks
        self.warnings += other.warnings
        self.to_confirm += other.to_confirm


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
        index="btree_not_null",
        ondelete="set null",
        help="The live case of this invoice, else its newest one.",
    )
    ropo_state = fields.Selection(related="ropo_assignment_id.state", string="Ropo")
    ropo_collection_status = fields.Selection(
        related="ropo_assignment_id.collection_status", string="Stage at Ropo"
    )
    ropo_eligible_from = fields.Date(
        string="Ready for Ropo from",
        compute="_compute_ropo_eligible_from",
        search="_search_ropo_eligible_from",
        help="From this day the invoice may be handed over: 7 days after the due date "
        "for companies, 14 for consumers, and the company's extra days. With "
        "instalments the latest due date counts.",
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
    # When
    # ------------------------------------------------------------------
    def _ropo_type(self):
        """The kind of claim: as the customer says, else company or consumer."""
        self.ensure_one()
        return self.partner_id._ropo_default_receivables_type()

    def _ropo_waiting_days(self, receivables_type):
        """Days between due date and transfer; the rental kinds follow their side."""
        days = DAYS_B2B if receivables_type.startswith("b2b") else DAYS_B2C
        return days + self.company_id._ropo_root().ropo_extra_days

    def _ropo_due_date(self):
        """The latest due date of all instalments."""
        self.ensure_one()
        return self.invoice_date_due

    @api.depends(
        "move_type",
        "partner_id.ropo_receivables_type",
        "commercial_partner_id.is_company",
        "commercial_partner_id.ropo_receivables_type",
    )
    def _compute_ropo_eligible_from(self):
        for move in self:
            due = move._ropo_due_date()
            if move.move_type != "out_invoice" or not due or not move.partner_id:
                move.ropo_eligible_from = False
                continue
            days = move._ropo_waiting_days(move._ropo_type())
            move.ropo_eligible_from = due + timedelta(days=days)

    def _search_ropo_eligible_from(self, operator, value):
        """Searchable by date, by way of the due date and the kind of customer."""
        if operator == "in":
            return Domain.OR(self._search_ropo_eligible_from("=", day) for day in value)
        if operator not in ("<", "<=", ">", ">=", "="):
            return NotImplemented
        dated = (
            Domain("move_type", "=", "out_invoice")
            & Domain("invoice_date_due", "!=", False)
            & Domain("partner_id", "!=", False)
        )
        if not value:
            return ~dated
        value = fields.Date.to_date(value)
        extra = {
            company: company._ropo_root().ropo_extra_days
            for company in self.env.companies
        }
        business = Domain.OR(
            [
                Domain("partner_id.ropo_receivables_type", "=like", "b2b%"),
                Domain("partner_id.ropo_receivables_type", "=", False)
                & (
                    Domain(
                        "commercial_partner_id.ropo_receivables_type", "=like", "b2b%"
                    )
                    | (
                        Domain(
                            "commercial_partner_id.ropo_receivables_type", "=", False
                        )
                        & Domain("commercial_partner_id.is_company", "=", True)
                    )
                ),
            ]
        )
        domains = []
        for company, more in extra.items():
            for kind, days in ((business, DAYS_B2B), (~business, DAYS_B2C)):
                due = value - timedelta(days=days + more)
                domains.append(
                    Domain("company_id", "=", company.id)
                    & kind
                    & Domain("invoice_date_due", operator, due)
                )
        return dated & Domain.OR(domains)

    # ------------------------------------------------------------------
    # Whether: the one function used by button, wizard, scheduled actions
    # ------------------------------------------------------------------
    def _ropo_verdicts(self, for_cases=None, receivables_types=None, claims=None):
        """Whether each of these invoices may be handed over to Ropo, with reasons.

        Works on any number of invoices with a handful of queries per thousand.

        :param for_cases: cases being sent just now; they don't stand in their own way,
            and their data count instead of the customer's
        :param receivables_types: ``{invoice: kind of claim}`` chosen by a person
        :param claims: ``{invoice: data of the claim}`` entered by a person, see
            :meth:`_ropo_claim`; what is not said there is as usual
        :return: ``{invoice: Verdict}``
        """
        cases = {case.move_id: case for case in for_cases or ()}
        self._ropo_read_ahead()
        facts = self._ropo_facts(for_cases)
        verdicts = {}
        for move in self:
            case = cases.get(move)
            claim = move._ropo_claim(
                case._claim() if case else (claims or {}).get(move) or {},
                (receivables_types or {}).get(move),
            )
            kind = claim["receivables_type"]
            verdict = Verdict()
            if move.move_type != "out_invoice":
                verdict.block(
                    "not_customer_invoice",
                    self.env._("Only customer invoices can be handed over."),
                )
            elif move.state != "posted":
                verdict.block("not_posted", self.env._("The invoice is not posted."))
            else:
                verdict.blocks += move._ropo_company_blocks(kind, facts)
                move._ropo_check_debt(verdict, kind, facts)
                move._ropo_check_money_around(verdict, facts)
                verdict.take(move._ropo_debtor_verdict(claim, facts))
                move._ropo_check_claim(verdict, claim)
                move._ropo_check_care(verdict, facts)
            verdicts[move] = verdict
        return verdicts

    def _ropo_read_ahead(self):
        """Read at once what the checks read of these invoices and their customers.

        By itself Odoo reads every field, of a thousand records at a time.
        """
        self.fetch(READ_OF_INVOICE)
        customers = (self.partner_id | self.commercial_partner_id).sudo()
        customers.fetch(READ_OF_CUSTOMER)
        others = customers.child_ids | customers.ropo_codebtor_ids
        others.fetch(READ_OF_CUSTOMER)

    def _ropo_facts(self, for_cases=None):
        """What the checks need to know beyond the invoices' own fields, in bulk."""
        posted = self.filtered(lambda m: m.state == "posted" and m.is_sale_document())
        by_company = posted.grouped("company_id")
        ids = tuple(posted.ids) or (0,)
        partners = tuple(posted.commercial_partner_id.ids) or (0,)
        self.env["account.move.line"].flush_model()
        self.env["account.partial.reconcile"].flush_model()
        self.env["account.bank.statement.line"].flush_model()
        self.env["res.partner"].flush_model(["commercial_partner_id"])
        live = (
            self.env["ropo.assignment"]
            .sudo()
            .search_fetch(
                [
                    ("move_id", "in", ids),
                    ("state", "in", (*LIVE, "closed")),
                    ("id", "not in", for_cases.ids if for_cases else []),
                ],
                ["move_id", "state"],
            )
        )
        companies = self.env["res.company"]
        today = {company: company._ropo_today() for company in by_company}
        matched = self.env.execute_query(
            SQL(
                """
                SELECT mine.move_id, mine.company_id, MAX(theirs.date),
                       BOOL_OR(theirs.parent_state != 'posted')
                  FROM account_move_line mine
                  JOIN account_account a ON a.id = mine.account_id
                  JOIN account_partial_reconcile p ON p.debit_move_id = mine.id
                  JOIN account_move_line theirs ON theirs.id = p.credit_move_id
                 WHERE mine.move_id IN %s AND a.account_type = 'asset_receivable'
                 GROUP BY mine.move_id, mine.company_id
                """,
                ids,
            )
        )
        bank = self.env.execute_query(
            SQL(
                """
                SELECT s.company_id, p.commercial_partner_id
                  FROM account_bank_statement_line s
                  JOIN res_partner p ON p.id = s.partner_id
                 WHERE p.commercial_partner_id IN %s AND s.amount > 0
                   AND NOT s.is_reconciled
                 GROUP BY s.company_id, p.commercial_partner_id
                """,
                partners,
            )
        )
        return {
            "live": {case.move_id.id: case for case in live},
            "drafts": {
                move_id
                for move_id, company_id, latest, has_draft in matched
                if has_draft or latest > today[companies.browse(company_id)]
            },
            "loose": posted._ropo_loose_money(),
            "bank": {(row[0], row[1]) for row in bank},
            "in_payment": self._ropo_in_payment(posted),
            "special_texts": self._ropo_special_texts(),
            "only_fees": posted._ropo_only_fees(),
            # The same for many invoices: found once.
            "company": {},
            "days": {},
            "debtors": {},
            "excluded": {
                company: moves._ropo_excluded_customers(company)
                for company, moves in by_company.items()
            },
            "newest_bank_lines": posted._ropo_newest_bank_lines(),
            "today": today,
            "nearly_time_barred": {
                company: self._ropo_nearly_time_barred(day)
                for company, day in today.items()
            },
        }

    def _ropo_loose_money(self):
        """Payments and credit notes of these customers matched with nothing.

        :return: ``{(company id, commercial partner id): amount in company currency}``
        """
        self.env["account.move.line"].flush_model()
        loose = self.env.execute_query(
            SQL(
                """
                SELECT l.company_id, p.commercial_partner_id, SUM(-l.amount_residual)
                  FROM account_move_line l
                  JOIN account_account a ON a.id = l.account_id
                  JOIN res_partner p ON p.id = l.partner_id
                 WHERE p.commercial_partner_id IN %s AND l.parent_state = 'posted'
                   AND a.account_type = 'asset_receivable' AND NOT l.reconciled
                   AND l.amount_residual < 0
                 GROUP BY l.company_id, p.commercial_partner_id
                """,
                tuple(self.commercial_partner_id.ids) or (0,),
            )
        )
        return {(row[0], row[1]): row[2] for row in loose}

    def _ropo_excluded_customers(self, company):
        """Ids of the customers whose invoices this company never hands over."""
        customers = self.partner_id | self.commercial_partner_id
        customers = customers.with_company(company)
        # Alone: Odoo would read the company's other fields of a customer, too.
        customers.fetch(["ropo_excluded"])
        return set(customers.filtered("ropo_excluded").ids)

    @api.model
    def _ropo_in_payment(self, moves):
        """Invoices with money on its way that the ledger does not show yet."""
        waiting = moves.matched_payment_ids.filtered(
            lambda payment: payment.state in ("in_process", "paid")
            and not payment.move_id
        )
        concerned = set()
        if waiting:
            concerned |= {mv.id for mv in moves if mv.matched_payment_ids & waiting}
        if "transaction_ids" in self._fields:
            moves = moves.sudo()
            moves.fetch(["transaction_ids"])
            under_way = moves.transaction_ids.filtered(
                lambda tx: tx.state in ("pending", "authorized")
                or (tx.state == "done" and not tx.payment_id.move_id)
            )
            if under_way:
                concerned |= {mv.id for mv in moves if mv.transaction_ids & under_way}
        return concerned

    def _ropo_company_blocks(self, kind, facts):
        """What the company's state forbids: the same for many invoices."""
        key = (self.company_id, self.currency_id, kind)
        if key not in facts["company"]:
            verdict = Verdict()
            self._ropo_check_company(verdict, kind)
            facts["company"][key] = verdict.blocks
        return facts["company"][key]

    def _ropo_check_company(self, verdict, kind):
        """The company: switched on, served, in a country and currency of Ropo's."""
        root = self.company_id.root_id.sudo()
        country = root.account_fiscal_country_id.code
        if root.ropo_environment == "off":
            verdict.block(
                "off", self.env._("Ropo is switched off for this company (Settings).")
            )
        elif root.ropo_service_state != "active":
            verdict.block(
                "service", self.env._("The Ropo service is not active (Settings).")
            )
        if country not in COUNTRY_CURRENCY:
            verdict.block(
                "country",
                self.env._(
                    "Ropo collects for companies in Finland, Sweden and Norway."
                ),
            )
        elif self.currency_id.name != COUNTRY_CURRENCY[country]:
            verdict.block(
                "currency",
                self.env._(
                    "The invoice is in %(currency)s; your Ropo account takes "
                    "%(account)s only.",
                    currency=self.currency_id.name,
                    account=COUNTRY_CURRENCY[country],
                ),
            )
        if kind.endswith("_rental") and country not in wire.RENTAL_COUNTRIES:
            verdict.block(
                "rental",
                self.env._("Rental claims can be handed over in Finland only."),
            )

    def _ropo_check_debt(self, verdict, kind, facts):
        """The debt: open, due long enough, undisputed, not being paid."""
        live = facts["live"].get(self.id)
        if live and live.state == "closed":
            verdict.block(
                "live",
                self.env._(
                    "The invoice has been at Ropo, and Ropo has closed the case. It "
                    "can't be handed over a second time."
                ),
            )
        elif live:
            verdict.block(
                "live",
                self.env._(
                    "The invoice has a case at Ropo already (%(state)s).",
                    state=live._state_label(),
                ),
            )
        if self.currency_id.compare_amounts(self.amount_residual, 0) <= 0:
            verdict.block("nothing_open", self.env._("Nothing is open on the invoice."))
        self._ropo_check_date(verdict, kind, facts)
        if self.ropo_dispute_reason:
            verdict.block(
                "disputed",
                self.env._(
                    "The customer disputes the invoice: %(reason)s",
                    reason=self.ropo_dispute_reason,
                ),
            )
        if self.payment_state == "blocked":
            verdict.block(
                "blocked", self.env._("The invoice is blocked for payment (disputed).")
            )
        if self.ropo_excluded:
            verdict.block("excluded", self.env._("The invoice is marked Not to Ropo."))
        if self.id in facts["in_payment"]:
            verdict.block(
                "in_payment",
                self.env._(
                    "A payment of this invoice is on its way. Wait for the bank, or "
                    "cancel the payment."
                ),
            )
        if self.id in facts["drafts"]:
            verdict.block(
                "draft_match",
                self.env._(
                    "The invoice is matched with an entry that is still a draft or "
                    "dated in the future. Post it or undo the match."
                ),
            )
        if self.maventa_status == "FAILED":
            verdict.block("failed", self._ropo_failed_text())
        if self.id in facts["only_fees"]:
            verdict.block(
                "only_fees",
                self.env._(
                    "The invoice charges nothing but fees or interest. Hand over the "
                    "invoice they belong to, and enter them there."
                ),
            )

    def _ropo_failed_text(self):
        return self.env._(
            "Maventa could not deliver the invoice: the customer never got it. Send it "
            "again, then press Find at Maventa."
        )

    def _ropo_check_date(self, verdict, kind, facts):
        due = self._ropo_due_date()
        key = (self.company_id.id, kind)
        if key not in facts["days"]:
            facts["days"][key] = self._ropo_waiting_days(kind)
        start = due + timedelta(days=facts["days"][key])
        verdict.eligible_from = start
        if facts["today"][self.company_id] < start:
            verdict.block(
                "too_early",
                self.env._(
                    "Too early: due on %(due)s, it can be handed over from %(start)s.",
                    due=format_date(self.env, due),
                    start=format_date(self.env, start),
                ),
            )

    def _ropo_check_money_around(self, verdict, facts):
        """Money that may belong to this invoice, or may not come to the company."""
        key = (self.company_id.id, self.commercial_partner_id.id)
        if facts["loose"].get(key):
            verdict.warn(
                "loose",
                self.env._(
                    "%(amount)s from this customer is not matched yet. Match it first "
                    "if it belongs to this invoice.",
                    amount=self.company_id.currency_id.format(facts["loose"][key]),
                ),
                about=f"{facts['loose'][key]:.2f}",
            )
        if key in facts["bank"]:
            verdict.warn(
                "bank_line",
                self.env._(
                    "A bank line of this customer is not matched yet. Match it first "
                    "if it belongs to this invoice."
                ),
            )
        bank = self.partner_bank_id
        payee = bank and bank.partner_id.commercial_partner_id
        if payee and payee not in (
            self.company_id.partner_id | self.company_id._ropo_root().partner_id
        ):
            verdict.warn(
                "foreign_account",
                self.env._(
                    "The invoice is to be paid to an account that is not the company's "
                    "own."
                ),
                about=payee.id,
            )

    def _ropo_debtor_verdict(self, claim, facts):
        """What speaks against the debtors: the same for all invoices of a customer."""
        key = (self.company_id.id, self.partner_id.id, claim["receivables_type"])
        known = facts["debtors"]
        if claim["payers"] is None and key in known:
            return known[key]
        verdict = Verdict()
        self._ropo_check_debtor(verdict, claim, facts)
        if claim["payers"] is None:
            known[key] = verdict
        return verdict

    def _ropo_check_debtor(self, verdict, claim, facts):
        """The debtors: not excluded, data complete and possible."""
        partner = self.commercial_partner_id
        kind, payers = claim["receivables_type"], self.env["ropo.payer"]
        excluded = facts["excluded"][self.company_id]
        if self.partner_id.id in excluded or partner.id in excluded:
            verdict.block(
                "partner_excluded", self.env._("The customer is marked Never to Ropo.")
            )
        debtors = claim["payers"]
        if debtors is None:
            debtors = self.partner_id._ropo_prepare_payers(kind)
        for vals in debtors:
            name = vals["name"] or partner.display_name
            missing = payers._missing_in(vals, kind)
            if missing:
                verdict.block(
                    "incomplete",
                    self.env._(
                        "Missing for %(partner)s: %(missing)s.",
                        partner=name,
                        missing=", ".join(missing),
                    ),
                )
            for text in payers._wrong_in(vals, kind):
                verdict.block(
                    "invalid",
                    self.env._("%(partner)s: %(wrong)s", partner=name, wrong=text),
                )
        country = partner.country_id
        if country and country != self.company_id.account_fiscal_country_id:
            verdict.warn(
                "abroad",
                self.env._(
                    "The debtor's address is in %(country)s.", country=country.name
                ),
                about=country.code,
            )

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

    def button_draft(self):
        self._ropo_let_go()
        result = super().button_draft()
        self.env["ropo.assignment"]._mark_counterparts(self)
        return result

    def button_cancel(self):
        self._ropo_let_go()
        # Cancelling takes the matches away: look for them before.
        self.env["ropo.assignment"]._mark_counterparts(self)
        return super().button_cancel()

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


def _is_new(move, name, value):
    """Whether writing ``value`` would change the field (core rewrites equal values)."""
    present = move._fields[name].convert_to_write(move[name], move)
    return str(present or False) != str(value or False)
