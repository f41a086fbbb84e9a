"""The invoice: choosing what is handed over, with care."""

from datetime import datetime, timedelta

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, format_date

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


class AccountMove(models.Model):
    # A concern with a file of its own
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

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

    # Nothing that posting or matching changes, see `NOT_HEARD`
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
