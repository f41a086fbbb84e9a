"""Whether an invoice may be handed over, from when, and what is claimed with it."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date, formatLang

from ..maventa import wire
from ..tools import summary
from .res_company import COUNTRY_CURRENCY
from .ropo_assignment import LIVE
from .ropo_claim import CLAIM_DATA

#: Days after the due date from which a claim may be handed over
#: (Maventa's Ropo receivables documentation).
DAYS_B2B, DAYS_B2C = 7, 14
#: Days between an own reminder and the hand-over for collection alone. Finland: the
#: Debt Collection Act (laki saatavien perinnästä); Norway: inkassoloven § 9.
DAYS_AFTER_REMINDER = {"b2c": 14, "b2b": 10}
DAYS_INKASSOVARSEL = 14
#: Days without a new bank line after which payments may be waiting outside of Odoo.
#: A choice of ours: companies read their bank daily to weekly.
STATEMENT_DAYS = 7
#: From this age a claim is worth a look before it is handed over. As a rule claims
#: become time-barred about three years after the due date, unless something has
#: interrupted that; rules and exceptions differ by country and kind, so this only
#: asks for a look, three months ahead.
TIME_BAR_MONTHS = 33

VERDICTS = [
    ("blocked", "Not possible"),
    ("warning", "Check first"),
    ("ready", "Ready"),
]
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
    # Long enough for a file of its own
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    ropo_eligible_from = fields.Date(
        string="Ready for Ropo from",
        compute="_compute_ropo_eligible_from",
        search="_search_ropo_eligible_from",
        help="From this day the invoice may be handed over: 7 days after the due date "
        "for companies, 14 for consumers, and the company's extra days. With "
        "instalments the latest due date counts.",
    )
    # Only the list of what is ready shows these: they cost the checks of its page.
    ropo_verdict = fields.Selection(
        VERDICTS, string="Verdict", compute="_compute_ropo_verdict"
    )
    ropo_reasons = fields.Text(
        string="Why",
        compute="_compute_ropo_verdict",
        help="What stands in the way of handing the invoice over, or what a person has "
        "to check first.",
    )
    ropo_days_overdue = fields.Integer(
        string="Days overdue",
        compute="_compute_ropo_days_overdue",
        help="Days since the (latest) due date.",
    )

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
        self._ropo_check_elsewhere(verdicts)
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

    def _ropo_check_elsewhere(self, verdicts):
        """Nobody else has these invoices."""
        elsewhere = {
            row.move_id: row.external_id
            for row in self.env["ropo.adoption"]
            .sudo()
            .search_fetch(
                [("move_id", "in", self.ids), ("state", "!=", "adopted")],
                ["move_id", "external_id"],
            )
        }
        for move, verdict in verdicts.items():
            if move.ropo_other_collector:
                verdict.block(
                    "other_collector",
                    self.env._(
                        "The invoice is with another collector already. If it came "
                        "back, press Back from the other collector."
                    ),
                )
            if move in elsewhere:
                verdict.block(
                    "at_ropo",
                    self.env._(
                        "Ropo has this invoice already, as case %(case)s. Take it over "
                        "with Cases already at Ropo.",
                        case=elsewhere[move],
                    ),
                )

    # ------------------------------------------------------------------
    # The claim: kind, own reminders and fees, rental contract, summary
    # ------------------------------------------------------------------
    def _ropo_claim(self, said, receivables_type=None):
        """The data of this claim: what was said, and the usual for the rest.

        :param dict said: ``receivables_type``, ``collection_type``, ``payers`` (a list
            of values of ``ropo.payer``) and the fields of ``ropo.claim``
        :param receivables_type: said on its own
        """
        self.ensure_one()
        told = said.get("receivables_type") or receivables_type
        return {
            **dict.fromkeys(CLAIM_DATA, False),
            "payers": None,
            **said,
            "receivables_type": told or self._ropo_type(),
            # Whether a person has said which kind it is.
            "kind_told": bool(told),
            "collection_type": said.get("collection_type")
            or self.company_id._ropo_default_collection_type(),
        }

    def _ropo_summary(self):
        """What the claim is for, in the customer's language, as letters print it."""
        self.ensure_one()
        lang = self.partner_id.lang or self.env.lang
        move = self.with_context(lang=lang)
        root = move.company_id._ropo_root()
        lines = move.invoice_line_ids.filtered(
            lambda line: line.display_type == "product"
        )
        return summary.fill(
            root.ropo_summary_template,
            {
                "number": move.name,
                "date": format_date(move.env, move.invoice_date),
                "due": format_date(move.env, move.invoice_date_due),
                "line": lines[:1].name or lines[:1].product_id.name,
                "reference": move.ref,
            }
            if root.ropo_summary_template
            else {},
            default=move.env._("Invoice %(name)s", name=self.name),
        )

    def _ropo_only_fees(self):
        """Ids of the invoices that charge nothing but fees or interest.

        Known by the products and accounts in the settings.
        """
        found = set()
        for root in self.sudo().company_id.root_id:
            products, accounts = root.ropo_fee_product_ids, root.ropo_fee_account_ids
            if not (products or accounts):
                continue
            moves = self.filtered(
                lambda m, root=root: m.sudo().company_id.root_id == root
            )
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT move_id
                      FROM account_move_line
                     WHERE move_id IN %s AND display_type = 'product'
                       AND price_total != 0
                     GROUP BY move_id
                    HAVING bool_and(COALESCE(product_id IN %s, FALSE)
                                    OR COALESCE(account_id IN %s, FALSE))
                    """,
                    tuple(moves.ids),
                    tuple(products.ids) or (0,),
                    tuple(accounts.ids) or (0,),
                )
            )
            found.update(row[0] for row in rows)
        return found

    def _ropo_check_claim(self, verdict, claim):
        """What a person says about the claim: possible, complete, lawful."""
        self._ropo_check_kind(verdict, claim)
        if claim["receivables_type"].endswith("_rental"):
            self._ropo_check_rental(verdict, claim)
        if claim["collection_type"] == "collection":
            self._ropo_check_reminder(verdict, claim)
        if claim["reminder_amount"] or claim["interest_amount"]:
            self._ropo_check_fees(verdict, claim)

    def _ropo_check_kind(self, verdict, claim):
        """Company or consumer: who says so takes it on himself."""
        if not claim["kind_told"]:
            if self.partner_id._ropo_is_sole_trader():
                verdict.warn(
                    "sole_trader",
                    self.env._(
                        "%(name)s is a person with a business id. Choose the kind of "
                        "claim: Company if bought for the business, else Consumer.",
                        name=self.commercial_partner_id.name,
                    ),
                )
        elif (
            claim["receivables_type"].startswith("b2b")
            and not self._ropo_type().startswith("b2b")
            and not self.partner_id._ropo_is_sole_trader()
        ):
            verdict.warn(
                "made_business",
                self.env._(
                    "%(name)s counts as a consumer, and you chose a company's claim.",
                    name=self.commercial_partner_id.name,
                ),
            )

    def _ropo_check_rental(self, verdict, claim):
        missing = []
        if not claim["rental_address"]:
            missing.append(self.env._("rented property"))
        if not claim["rental_contract_type"]:
            missing.append(self.env._("kind of contract"))
        if (
            claim["rental_contract_type"] == "temporary"
            and not (claim["rental_contract_expiry"])
        ):
            missing.append(self.env._("end of the contract"))
        if missing:
            verdict.block(
                "rental_data",
                self.env._(
                    "Missing for the rental claim: %(missing)s.",
                    missing=", ".join(missing),
                ),
            )
        if (claim["rental_target_amount"] or 0) < 0:
            verdict.block("rental_data", self.env._("The rent can't be negative."))

    def _ropo_check_reminder(self, verdict, claim):
        """Collection alone: the creditor has reminded, and has waited."""
        country = self.company_id.account_fiscal_country_id.code
        if country not in ("FI", "NO"):
            return
        sent, due, today = (
            claim["reminder_date"],
            self._ropo_due_date(),
            self.company_id._ropo_today(),
        )
        if country == "NO" and not (sent and claim["reminder_channel"]):
            verdict.block(
                "inkassovarsel",
                self.env._(
                    "Norway: collection only is possible after an inkassovarsel. Enter "
                    "when and how it was sent, or choose reminder and collection."
                ),
            )
        elif not sent:
            verdict.block(
                "reminder",
                self.env._(
                    "Collection only: enter when your own reminder was sent, or choose "
                    "reminder and collection."
                ),
            )
        elif not due < sent <= today:
            verdict.block(
                "reminder",
                self.env._(
                    "The reminder must have been sent after the due date, %(due)s, and "
                    "not in the future.",
                    due=format_date(self.env, due),
                ),
            )
        elif country == "NO":
            self._ropo_check_inkassovarsel(verdict, claim)
        else:
            self._ropo_check_wait(verdict, claim)

    def _ropo_check_inkassovarsel(self, verdict, claim):
        first = claim["reminder_date"] + timedelta(days=DAYS_INKASSOVARSEL)
        deadline = claim["reminder_deadline"] or first
        if deadline < first:
            verdict.block(
                "inkassovarsel",
                self.env._(
                    "The inkassovarsel must give at least %(days)s days to pay: until "
                    "%(first)s or later.",
                    days=DAYS_INKASSOVARSEL,
                    first=format_date(self.env, first),
                ),
            )
        elif self.company_id._ropo_today() <= deadline:
            verdict.block(
                "inkassovarsel",
                self.env._(
                    "The time to pay that the inkassovarsel gave runs until "
                    "%(deadline)s.",
                    deadline=format_date(self.env, deadline),
                ),
            )

    def _ropo_check_wait(self, verdict, claim):
        side = claim["receivables_type"][:3]
        start = claim["reminder_date"] + timedelta(days=DAYS_AFTER_REMINDER[side])
        if self.company_id._ropo_today() >= start:
            return
        if side == "b2c":
            verdict.block(
                "reminder",
                self.env._(
                    "A consumer has 14 days after your reminder: hand it over from "
                    "%(start)s.",
                    start=format_date(self.env, start),
                ),
            )
        else:
            verdict.warn(
                "reminder",
                self.env._(
                    "Your reminder is less than 10 days old. As far as we know, costs "
                    "of a demand can be claimed from a company only after that: from "
                    "%(start)s.",
                    start=format_date(self.env, start),
                ),
                about=claim["reminder_date"],
            )

    def _ropo_check_fees(self, verdict, claim):
        """Own reminder fees and interest: possible, and not more than usual."""
        due, fee = self._ropo_due_date(), claim["reminder_amount"]
        if min(fee, claim["interest_amount"]) < 0:
            verdict.block(
                "fees", self.env._("Own reminder fees and interest can't be negative.")
            )
            return
        country = self.company_id.account_fiscal_country_id
        if claim["interest_amount"]:
            self._ropo_check_interest(verdict, claim, country)
        if not fee:
            return
        limits = self.env["ropo.fee.limit"].sudo()
        limit = limits._limit(country, claim["receivables_type"], due)
        too_much = limit and limit.currency_id.compare_amounts(fee, limit.amount) > 0
        if too_much or limit.ask_always:
            verdict.warn(
                "fees",
                self.env._(
                    "Own reminder fees of %(fee)s. As far as we know, the most is "
                    "%(limit)s%(condition)s.",
                    fee=self.currency_id.format(fee),
                    limit=limit.currency_id.format(limit.amount),
                    condition=limit.condition and f" ({limit.condition})" or "",
                ),
                about=f"{fee:.2f}",
            )

    def _ropo_check_interest(self, verdict, claim, country):
        """Own interest: for which time, and not more than a consumer can owe."""
        due, until = self._ropo_due_date(), claim["interest_date"]
        if not until:
            verdict.block(
                "interest",
                self.env._(
                    "Own interest: enter from which day Ropo goes on calculating, or "
                    "the debtor pays interest twice."
                ),
            )
            return
        if until < due:
            verdict.block(
                "interest",
                self.env._(
                    "Interest can't start before the due date, %(due)s.",
                    due=format_date(self.env, due),
                ),
            )
            return
        limits = self.env["ropo.fee.limit"].sudo()
        rate = limits._highest_rate(country, claim["receivables_type"], due, until)
        years = (until - due).days / 365
        interest = claim["interest_amount"]
        most = self.currency_id.round(self.amount_total * rate / 100 * years)
        if rate and self.currency_id.compare_amounts(interest, most) > 0:
            verdict.warn(
                "interest",
                self.env._(
                    "Own interest of %(interest)s. As far as we know, a consumer owes "
                    "%(rate)s %% a year at most: %(most)s until %(until)s.",
                    interest=self.currency_id.format(interest),
                    rate=formatLang(self.env, rate),
                    most=self.currency_id.format(most),
                    until=format_date(self.env, until),
                ),
                about=f"{interest:.2f}",
            )

    def _ropo_reminders_sent(self):
        """The last message to the customer after the due date, as Odoo sent it.

        A proposal for the date of the own reminder; whether it was one, a person
        knows.

        :return: ``{invoice: (date, channel)}``
        """
        Notification = self.env["mail.notification"].sudo()
        channels = {"email": "email", "snail": "letter"}
        sent = Notification.search_fetch(
            [
                ("mail_message_id.model", "=", "account.move"),
                ("mail_message_id.res_id", "in", self.ids),
                ("notification_type", "in", list(channels)),
                ("notification_status", "in", ("pending", "sent")),
            ],
            ["mail_message_id", "res_partner_id", "notification_type"],
        )
        found, moves = {}, {move.id: move for move in self}
        for one in sent:
            message = one.mail_message_id
            move = moves[message.res_id]
            theirs = one.res_partner_id.commercial_partner_id
            day = move.company_id._ropo_local_date(message.date)
            if theirs == move.commercial_partner_id and day > move._ropo_due_date():
                found[move] = max(
                    found.get(move, (day, "")), (day, channels[one.notification_type])
                )
        return found

    # ------------------------------------------------------------------
    # The list of what is ready
    # ------------------------------------------------------------------
    # Nothing that posting or matching changes, see `NOT_HEARD` in account_move.py
    @api.depends(
        "partner_id",
        "ropo_excluded",
        "ropo_dispute_reason",
        "ropo_assignment_id.state",
    )
    def _compute_ropo_verdict(self):
        """What :meth:`_ropo_verdicts` says, for the whole page at once."""
        verdicts = self._ropo_verdicts()
        for move in self:
            blocks = [text for _code, text in verdicts[move].blocks]
            warnings = [text for _code, text in verdicts[move].warnings]
            move.ropo_reasons = "\n".join(blocks or warnings)
            move.ropo_verdict = (
                "blocked" if blocks else "warning" if warnings else "ready"
            )

    @api.depends("move_type")
    def _compute_ropo_days_overdue(self):
        for move in self:
            due = move._ropo_due_date()
            move.ropo_days_overdue = (
                (move.company_id._ropo_today() - due).days if due else 0
            )

    @api.model
    def _ropo_ready_domain(self):
        """What the filter *Ready for Ropo* says, for those who search in Python."""
        never = Domain("ropo_excluded", "=", True)
        return (
            Domain("move_type", "=", "out_invoice")
            & Domain("state", "=", "posted")
            & Domain("payment_state", "in", ("not_paid", "partial"))
            & Domain("amount_residual", ">", 0)
            & Domain("ropo_eligible_from", "<=", fields.Date.context_today(self))
            & ~never
            & Domain("ropo_dispute_reason", "=", False)
            & ~Domain("partner_id", "any", never)
            & ~Domain("commercial_partner_id", "any", never)
            & Domain("ropo_assignment_ids", "not any", [("state", "!=", "cancelled")])
        )

    def _ropo_more_of_customers(self):
        """Other invoices of the same customers and companies that look ready.

        Ropo writes to a debtor about all of them at once.
        """
        return self.search(
            self._ropo_ready_domain()
            & Domain("commercial_partner_id", "in", self.commercial_partner_id.ids)
            & Domain("company_id", "in", self.company_id.ids)
            & Domain("id", "not in", self.ids),
            order="invoice_date_due, id",
        )

    # ------------------------------------------------------------------
    # What a careful person looks at; called by the one function of eligibility
    # ------------------------------------------------------------------
    @api.model
    def _ropo_nearly_time_barred(self, today):
        """Due on this day or before: worth a look."""
        return today - relativedelta(months=TIME_BAR_MONTHS)

    def _ropo_newest_bank_lines(self):
        """How far the bank has been read.

        :return: ``{root company id: {bank account id or None: date}}``, for active
            bank journals that have lines at all
        """
        roots = self.company_id.sudo().root_id
        self.env["account.bank.statement.line"].flush_model()
        self.env["account.journal"].flush_model(["active", "bank_account_id", "type"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT split_part(own.parent_path, '/', 1)::int, j.bank_account_id,
                       MAX(newest.day)
                  FROM account_journal j
                  JOIN res_company own ON own.id = j.company_id
                  JOIN res_company branch
                    ON split_part(branch.parent_path, '/', 1)
                       = split_part(own.parent_path, '/', 1)
                 CROSS JOIN LATERAL (
                       SELECT LEFT(s.internal_index, 8) AS day
                         FROM account_bank_statement_line s
                        WHERE s.journal_id = j.id AND s.company_id = branch.id
                        ORDER BY s.internal_index DESC
                        LIMIT 1
                       ) newest
                 WHERE j.type = 'bank' AND j.active
                   AND split_part(own.parent_path, '/', 1) IN %s
                 GROUP BY 1, 2
                """,
                tuple(str(id_) for id_ in roots.ids) or ("0",),
            )
        )
        newest = {}
        for root, account, day in rows:
            if day:
                day = datetime.strptime(day, "%Y%m%d").date()
                newest.setdefault(root, {})[account] = day
        return newest

    def _ropo_check_care(self, verdict, facts):
        """Claims, bank data and debtors that need a person's judgement."""
        today = facts["today"][self.company_id]
        accounts = facts["newest_bank_lines"].get(self.company_id.root_id.id)
        if accounts:
            # The account the invoice asks to be paid to, else any.
            read = accounts.get(self.partner_bank_id.id) or max(accounts.values())
            if read < today - timedelta(days=STATEMENT_DAYS):
                verdict.warn(
                    "old_statement",
                    self.env._(
                        "The newest bank line is of %(date)s. Import the bank "
                        "statements first: the invoice may have been paid since.",
                        date=format_date(self.env, read),
                    ),
                    about=read,
                )
        due = self._ropo_due_date()
        if due <= facts["nearly_time_barred"][self.company_id]:
            verdict.warn(
                "time_barred",
                self.env._(
                    "Due on %(due)s, so it may be time-barred soon, or is already: "
                    "often about three years after the due date. Please check.",
                    due=format_date(self.env, due),
                ),
            )
        special = (
            self.partner_id.ropo_special or self.commercial_partner_id.ropo_special
        )
        if special:
            verdict.warn("special", facts["special_texts"][special], about=special)

    @api.model
    def _ropo_special_texts(self):
        return {
            "estate": self.env._(
                "The customer is marked as the estate of a deceased person."
            ),
            "minor": self.env._("The customer is marked as a minor."),
            "insolvent": self.env._("The customer is marked as insolvent."),
        }

    # ------------------------------------------------------------------
    # What the company's policy may propose
    # ------------------------------------------------------------------
    @api.model
    def _ropo_policy_domain(self, company):
        """What the policy of this company may propose, as far as a search can tell."""

        def not_declined(model, alias, query):
            return SQL(
                """
                NOT EXISTS (
                    SELECT 1 FROM ropo_assignment declined
                     WHERE declined.move_id = %(id)s
                       AND declined.declined_due = %(due)s
                       AND declined.capital_amount = %(open)s
                )
                """,
                id=SQL.identifier(alias, "id"),
                due=SQL.identifier(alias, "invoice_date_due"),
                open=SQL.identifier(alias, "amount_residual"),
            )

        domain = (
            self._ropo_ready_domain()
            & Domain("company_id", "child_of", company.id)
            & Domain("amount_residual", ">=", company.ropo_minimum_amount)
            & Domain.custom(to_sql=not_declined)
        )
        if company.ropo_policy_start:
            domain &= Domain("invoice_date_due", ">=", company.ropo_policy_start)
        return domain

    def _ropo_known_debtors(self):
        """Customers of whom a person has handed over an invoice before.

        :return: ``{(root company id, commercial partner id)}``
        """
        handed_over = (
            self.env["ropo.assignment"]
            .sudo()
            ._read_group(
                [
                    ("partner_id", "in", self.commercial_partner_id.ids),
                    ("accepted_at", "!=", False),
                    ("requested_by_id", "!=", self.env.ref("base.user_root").id),
                ],
                ["company_id", "partner_id"],
            )
        )
        return {(company.root_id.id, partner.id) for company, partner in handed_over}
