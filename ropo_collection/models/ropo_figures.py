from odoo import api, fields, models
from odoo.tools import SQL

from .res_company import COLLECTION_TYPES, RECEIVABLES_TYPES
from .ropo_assignment import STAGES

#: Days since the transfer, and since the oldest money that Ropo has not sent on yet.
AGES = [
    ("030", "0–30 days"),
    ("060", "31–60 days"),
    ("090", "61–90 days"),
    ("180", "91–180 days"),
    ("365", "181–365 days"),
    ("999", "More than a year"),
]
MONEY_AGES = [
    ("03", "0–3 days"),
    ("07", "4–7 days"),
    ("30", "8–30 days"),
    ("99", "More than 30 days"),
]


class RopoFigures(models.Model):
    """The figures of every case as of the end of a day, made from dated facts.

    The day is the context's ``ropo_figures_date``, today without it. What stands in the
    ledger counts from the day Odoo counts it from (``max_date`` of the match: the later
    date of invoice and entry), so that *open here* is the receivable of that day. What
    Ropo told counts by Ropo's own dates, reports by the day they were sent. For each
    case:

    * open here = claim - paid - credited - written off - settled - undecided
      + not explained
    * open at Ropo = claim - reported as paid - reported as credited - paid to Ropo

    What a match counts as is kept by the comparison (``ropo.share``). A match that has
    not been compared yet, or stands in a draft, is *undecided*; one that is gone counts
    no more, whatever is kept of it. So the sums are right at any moment, and only the
    kind of the newest matches may take a minute to show.
    """

    _name = "ropo.figures"
    _description = "Ropo figures"
    _auto = False
    _order = "transferred_on desc, id desc"
    _rec_name = "assignment_id"

    assignment_id = fields.Many2one("ropo.assignment", string="Case", readonly=True)
    move_id = fields.Many2one("account.move", string="Invoice", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    currency_id = fields.Many2one("res.currency", readonly=True)
    collection_type = fields.Selection(COLLECTION_TYPES, readonly=True)
    receivables_type = fields.Selection(
        RECEIVABLES_TYPES, string="Kind of claim", readonly=True
    )
    as_of = fields.Date(string="Figures as of", readonly=True)
    transferred_on = fields.Date(
        string="Transferred on", readonly=True, help="When Maventa accepted the claim."
    )
    stage = fields.Selection(
        [("none", "No stage yet"), *STAGES, ("closed", "Closed")],
        string="Stage at Ropo",
        readonly=True,
        help="As Odoo had heard by the end of the day.",
    )
    outcome = fields.Selection(
        [
            ("open", "Not ended"),
            ("paid", "Ended by payment"),
            ("credited", "Ended by credit"),
            ("part", "Ended partly paid"),
            ("unpaid", "Ended unpaid"),
        ],
        readonly=True,
        help="What ended the case: more of it credited than paid, paid in full, paid "
        "in part, or nothing paid.",
    )
    age = fields.Integer(string="Days since transfer", aggregator="avg", readonly=True)
    age_group = fields.Selection(AGES, string="Age", readonly=True)
    claim = fields.Monetary(readonly=True)
    paid = fields.Monetary(
        string="Paid directly",
        readonly=True,
        help="Paid to the company's own account since the transfer.",
    )
    credited = fields.Monetary(readonly=True)
    written_off = fields.Monetary(
        string="Written off",
        readonly=True,
        help="Taken off here while the debtor still owes it at Ropo.",
    )
    settled = fields.Monetary(
        string="Settled by Ropo",
        readonly=True,
        help="Money from Ropo matched with the invoice.",
    )
    undecided = fields.Monetary(
        readonly=True,
        help="Matched with entries that wait for a decision, are in draft or have not "
        "been compared yet.",
    )
    unexplained = fields.Monetary(
        string="Not explained",
        readonly=True,
        help="Open here beyond the claim less all that has reduced it: something "
        "matched before the transfer was taken away again.",
    )
    open_here = fields.Monetary(
        string="Open here",
        readonly=True,
        help="What the invoice had open in the receivable account.",
    )
    paid_to_ropo = fields.Monetary(
        string="Paid to Ropo", readonly=True, help="What the debtor paid to Ropo."
    )
    to_come = fields.Monetary(
        string="To come from Ropo",
        readonly=True,
        help="Paid to Ropo and not settled yet.",
    )
    money_age_group = fields.Selection(
        MONEY_AGES,
        string="Age of money at Ropo",
        readonly=True,
        help="Days since the debtor paid what Ropo has not settled yet; the oldest "
        "payment counts as settled first.",
    )
    reported = fields.Monetary(
        readonly=True, help="Payments and credits Ropo had been told of."
    )
    not_reported = fields.Monetary(
        string="Not yet reported",
        readonly=True,
        help="Paid directly and credited, less what Ropo had been told. Below zero: "
        "Ropo was told too much.",
    )
    open_at_ropo = fields.Monetary(
        string="Open at Ropo",
        readonly=True,
        help="Claim less what Ropo was told and what was paid to Ropo.",
    )
    recovered = fields.Monetary(
        readonly=True, help="Paid directly or to Ropo since the transfer."
    )
    recovered_rate = fields.Float(
        string="Recovered %",
        aggregator="avg",
        readonly=True,
        help="Recovered money in relation to the claims.",
    )
    credited_rate = fields.Float(
        string="Credited %",
        aggregator="avg",
        readonly=True,
        help="Credits in relation to the claims.",
    )
    days_to_money = fields.Float(
        string="Days to money",
        aggregator="avg",
        digits=(16, 1),
        readonly=True,
        help="Days from the transfer to the payment, weighted by the amounts.",
    )

    cost = fields.Monetary(
        string="Ropo's costs",
        readonly=True,
        help="Of Ropo's bills for the case: without tax, in equal shares with the "
        "other cases of the bill.",
    )

    _depends = {
        "account.account": ["account_type"],
        "account.move": [
            "amount_untaxed",
            "date",
            "move_type",
            "ropo_bill_case_ids",
            "state",
        ],
        "account.move.line": [
            "account_id",
            "amount_currency",
            "date",
            "move_id",
            "parent_state",
        ],
        "account.partial.reconcile": [
            "credit_move_id",
            "debit_amount_currency",
            "debit_move_id",
            "exchange_move_id",
            "max_date",
        ],
        "res.company": ["parent_path", "ropo_environment"],
        "ropo.assignment": [
            "accepted_at",
            "adopted_at",
            "capital_amount",
            "collection_type",
            "company_id",
            "currency_id",
            "environment",
            "move_id",
            "partner_id",
            "raised_amount",
            "raised_on",
            "receivables_type",
            "state",
        ],
        "ropo.assignment.event": [
            "amount",
            "assignment_id",
            "attempt_at",
            "booked_at",
            "corrected_amount",
            "corrected_on",
            "direction",
            "kind",
            "state",
        ],
        "ropo.settlement": ["date", "entry_id", "state"],
        "ropo.settlement.line": ["amount", "assignment_id", "settlement_id"],
        "ropo.share": ["amount", "assignment_id", "counterpart_move_id", "kind"],
        "ropo.stage.change": ["assignment_id", "changed_at", "closed", "stage"],
    }

    @property
    def _table_query(self):
        day = fields.Date.to_date(self.env.context.get("ropo_figures_date"))
        day = day or fields.Date.context_today(self)
        return SQL(
            """
            WITH cases AS (%(cases)s),
                 mine AS (%(mine)s),
                 booked AS (%(booked)s),
                 ledger AS (%(ledger)s),
                 came AS (%(came)s),
                 told AS (%(told)s),
                 stages AS (%(stages)s),
                 bills AS (%(bills)s)
            SELECT figures.*,
                   recovered / NULLIF(claim, 0) AS recovered_rate,
                   credited / NULLIF(claim, 0) AS credited_rate,
                   %(age_group)s AS age_group,
                   CASE WHEN to_come > 0.004 THEN %(money_age)s END AS money_age_group,
                   CASE WHEN stage != 'closed' THEN 'open'
                        WHEN credited > 0 AND credited >= recovered THEN 'credited'
                        WHEN recovered > 0 AND claim - recovered - credited < 0.005
                        THEN 'paid'
                        WHEN recovered > 0 THEN 'part'
                        ELSE 'unpaid' END AS outcome
              -- Nobody can guess how many cases a filter on a sum leaves, and taken
              -- for a few of them they would be joined one by one.
              FROM (%(figures)s OFFSET 0) figures
            """,
            cases=self._select_cases(day),
            mine=self._select_mine(day),
            booked=self._select_booked(day),
            ledger=self._select_ledger(day),
            came=self._select_came(),
            told=self._select_told(day),
            stages=self._select_stages(day),
            bills=self._select_bills(day),
            figures=self._select_figures(day),
            age_group=self._group(SQL("age"), AGES),
            money_age=self._group(SQL("GREATEST(as_of - money_since, 0)"), MONEY_AGES),
        )

    def _day_of(self, column):
        """The user's day of a point in time."""
        return SQL(
            "(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", column, str(self.env.tz)
        )

    @api.model
    def _group(self, days, groups):
        """The key of a group of ages: its key is its last day, the last has no end."""
        *first, (last, _label) = groups
        return SQL(
            "CASE %s ELSE %s END",
            SQL(" ").join(
                SQL("WHEN %s <= %s THEN %s", days, int(key), key)
                for key, _label in first
            ),
            last,
        )

    def _select_cases(self, day):
        """The cases that Maventa had accepted by that day.

        Those of the demo and test environments count only while the company is there.
        """
        since = self._day_of(SQL("COALESCE(a.accepted_at, a.adopted_at)"))
        return SQL(
            """
            SELECT a.id, a.move_id, a.partner_id, a.company_id, a.currency_id,
                   a.collection_type, a.receivables_type, %(since)s AS transferred_on,
                   a.capital_amount - CASE WHEN a.raised_on > %(day)s
                       THEN COALESCE(a.raised_amount, 0) ELSE 0 END AS claim
              FROM ropo_assignment a
              JOIN res_company company ON company.id = a.company_id
              JOIN res_company root
                ON root.id = split_part(company.parent_path, '/', 1)::integer
             WHERE a.state IN ('pending', 'sent', 'closed') AND %(since)s <= %(day)s
               AND a.environment IN ('production', root.ropo_environment)
            """,
            since=since,
            day=day,
        )

    @api.model
    def _select_mine(self, day):
        """The receivable items of the cases' invoices, and what they say on the day."""
        return SQL(
            """
            SELECT cases.id AS case_id, cases.transferred_on, line.id AS line_id,
                   CASE WHEN line.parent_state = 'posted' AND line.date <= %(day)s
                        THEN line.amount_currency ELSE 0 END AS amount
              FROM cases
              JOIN account_move_line line ON line.move_id = cases.move_id
              JOIN account_account account ON account.id = line.account_id
               AND account.account_type = 'asset_receivable'
            """,
            day=day,
        )

    @api.model
    def _select_booked(self, day):
        """What booked settlements had for the cases, by their entries."""
        return SQL(
            """
            SELECT line.assignment_id, settlement.entry_id, SUM(line.amount) AS amount
              FROM ropo_settlement_line line
              JOIN ropo_settlement settlement ON settlement.id = line.settlement_id
             WHERE settlement.state = 'booked' AND settlement.date <= %s
               AND line.assignment_id IS NOT NULL
             GROUP BY line.assignment_id, settlement.entry_id
            """,
            day,
        )

    @api.model
    def _select_came(self):
        """What had come from Ropo: with settlements, and matched by hand.

        As the case counts it (``_settled_sums``): money of a settlement that had no
        room on the invoice any more has come all the same.
        """
        return SQL(
            """
            SELECT case_id, SUM(amount) AS amount
              FROM (SELECT case_id, by_hand AS amount FROM ledger
                     UNION ALL
                    SELECT assignment_id, amount FROM booked) money
             GROUP BY case_id
            """
        )

    @api.model
    def _select_ledger(self, day):
        """What is matched with the invoices, by what it counts as.

        One entry's matches with one invoice share their date.
        """
        return SQL(
            """
            SELECT case_id, SUM(matched) AS matched,
                   SUM(part * before) AS before,
                   SUM(part * paid) AS paid,
                   SUM(part * credited) AS credited,
                   SUM(part * settled) AS settled,
                   SUM(GREATEST(part * settled - booked, 0)) AS by_hand,
                   SUM(part * silent) AS written_off,
                   SUM(CASE WHEN NOT exchange
                       THEN matched - part * (compared - decision) ELSE 0 END)
                       AS undecided,
                   SUM(part * paid * GREATEST(day - transferred_on, 0)) AS paid_days
              FROM (
                SELECT m.*, GREATEST(b.amount, 0) AS booked,
                       COALESCE(s.before, 0) AS before,
                       COALESCE(s.paid, 0) AS paid,
                       COALESCE(s.credited, 0) AS credited,
                       COALESCE(s.settled, 0) AS settled,
                       COALESCE(s.silent, 0) AS silent,
                       COALESCE(s.decision, 0) AS decision,
                       COALESCE(s.compared, 0) AS compared,
                       -- What was kept of more than is matched now counts in part.
                       CASE WHEN NOT posted OR exchange OR s.compared IS NULL THEN 0
                            WHEN s.compared <= matched + 0.004 THEN 1
                            ELSE matched / s.compared END AS part
                  FROM (
                    SELECT mine.case_id, mine.transferred_on, theirs.move_id AS entry,
                           BOOL_AND(theirs.parent_state = 'posted') AS posted,
                           EXISTS (
                               SELECT 1 FROM account_partial_reconcile x
                                WHERE x.exchange_move_id IS NOT NULL
                                  AND x.exchange_move_id = theirs.move_id) AS exchange,
                           MAX(p.max_date) AS day,
                           SUM(p.debit_amount_currency) AS matched
                      FROM mine
                      JOIN account_partial_reconcile p ON p.debit_move_id = mine.line_id
                       AND p.max_date <= %(day)s
                      JOIN account_move_line theirs ON theirs.id = p.credit_move_id
                     GROUP BY mine.case_id, mine.transferred_on, theirs.move_id) m
                  LEFT JOIN (
                    SELECT assignment_id, counterpart_move_id, SUM(amount) AS compared,
                           SUM(amount) FILTER (WHERE kind = 'before') AS before,
                           SUM(amount) FILTER (WHERE kind = 'paid') AS paid,
                           SUM(amount) FILTER (WHERE kind = 'credit_note') AS credited,
                           SUM(amount) FILTER (WHERE kind = 'settlement') AS settled,
                           SUM(amount) FILTER (WHERE kind = 'silent') AS silent,
                           SUM(amount) FILTER (WHERE kind = 'decision') AS decision
                      FROM ropo_share
                     GROUP BY assignment_id, counterpart_move_id) s
                    ON s.assignment_id = m.case_id AND s.counterpart_move_id = m.entry
                  LEFT JOIN booked b
                    ON b.assignment_id = m.case_id AND b.entry_id = m.entry
                ) entries
             GROUP BY case_id
            """,
            day=day,
        )

    def _select_told(self, day):
        """What Ropo told of, and what it had been told, with the running sum of money.

        ``money_days`` weighs what was paid to Ropo by the days it took.
        """
        return SQL(
            """
            SELECT case_id,
                   SUM(amount) FILTER (WHERE what = 'money') AS paid_to_ropo,
                   SUM(amount) FILTER (WHERE what = 'paid') AS reported_paid,
                   SUM(amount) FILTER (WHERE what = 'credit_note') AS reported_credited,
                   SUM(amount * GREATEST(day - transferred_on, 0))
                       FILTER (WHERE what = 'money') AS money_days,
                   MIN(day) FILTER (WHERE what = 'money' AND running > settled + 0.004)
                       AS money_since
              FROM (
                SELECT facts.*,
                       SUM(amount) OVER (
                           PARTITION BY case_id, what ORDER BY day, id) AS running
                  FROM (
                    SELECT e.id, cases.id AS case_id, cases.transferred_on,
                           COALESCE(came.amount, 0) AS settled,
                           CASE WHEN e.direction = 'in' AND e.kind = 'paid'
                                THEN 'money' ELSE e.kind END AS what,
                           e.amount - CASE WHEN e.corrected_on > %(day)s THEN 0
                               ELSE COALESCE(e.corrected_amount, 0) END AS amount,
                           CASE WHEN e.direction = 'out' AND e.attempt_at IS NOT NULL
                                THEN %(sent_on)s
                                ELSE COALESCE(e.booked_at, %(heard_on)s) END AS day
                      FROM cases
                      JOIN ropo_assignment_event e ON e.assignment_id = cases.id
                      LEFT JOIN came ON came.case_id = cases.id
                     WHERE e.kind IN ('paid', 'credit_note')
                       AND (e.direction, e.state)
                           IN (('in', 'received'), ('out', 'sent'))) facts
                 WHERE day <= %(day)s) sums
             GROUP BY case_id
            """,
            day=day,
            sent_on=self._day_of(SQL("e.attempt_at")),
            heard_on=self._day_of(SQL("e.create_date")),
        )

    def _select_stages(self, day):
        """The last stage heard of by that day."""
        return SQL(
            """
            SELECT DISTINCT ON (assignment_id) assignment_id, stage, closed
              FROM ropo_stage_change
             WHERE %s <= %s
             ORDER BY assignment_id, changed_at DESC, id DESC
            """,
            self._day_of(SQL("changed_at")),
            day,
        )

    @api.model
    def _select_figures(self, day):
        """One row a case: the columns that others are made of."""
        return SQL(
            """
            SELECT sums.*,
                   open_here - (claim - paid - credited - written_off - settled
                       - undecided) AS unexplained,
                   paid_to_ropo - came AS to_come,
                   reported_paid + reported_credited AS reported,
                   paid + credited - reported_paid - reported_credited AS not_reported,
                   claim - reported_paid - reported_credited - paid_to_ropo
                       AS open_at_ropo,
                   paid + GREATEST(paid_to_ropo, came) AS recovered,
                   (paid_days + money_days) / NULLIF(paid + paid_to_ropo, 0)
                       AS days_to_money
              FROM (
                SELECT cases.*, cases.id AS assignment_id, %(day)s::date AS as_of,
                       %(day)s::date - cases.transferred_on AS age,
                       CASE WHEN stages.closed THEN 'closed'
                            ELSE COALESCE(stages.stage, 'none') END AS stage,
                       open.amount - COALESCE(ledger.matched, 0) AS open_here,
                       COALESCE(ledger.paid, 0) AS paid,
                       COALESCE(ledger.credited, 0) AS credited,
                       COALESCE(ledger.settled, 0) AS settled,
                       COALESCE(ledger.written_off, 0) AS written_off,
                       COALESCE(ledger.undecided, 0) AS undecided,
                       COALESCE(ledger.paid_days, 0) AS paid_days,
                       COALESCE(told.paid_to_ropo, 0) AS paid_to_ropo,
                       COALESCE(told.reported_paid, 0) AS reported_paid,
                       COALESCE(told.reported_credited, 0) AS reported_credited,
                       COALESCE(told.money_days, 0) AS money_days,
                       COALESCE(bills.cost, 0) AS cost,
                       COALESCE(came.amount, 0) AS came,
                       told.money_since
                  FROM cases
                  JOIN (SELECT case_id, SUM(amount) AS amount
                          FROM mine GROUP BY case_id) open ON open.case_id = cases.id
                  LEFT JOIN ledger ON ledger.case_id = cases.id
                  LEFT JOIN came ON came.case_id = cases.id
                  LEFT JOIN told ON told.case_id = cases.id
                  LEFT JOIN bills ON bills.assignment_id = cases.id
                  LEFT JOIN stages ON stages.assignment_id = cases.id) sums
            """,
            day=day,
        )

    @api.model
    def _select_bills(self, day):
        """What Ropo has billed for the cases, a bill in equal shares."""
        return SQL(
            """
            SELECT rel.assignment_id,
                   SUM(CASE WHEN bill.move_type = 'in_refund' THEN -1 ELSE 1 END
                       * bill.amount_untaxed / shared.cases) AS cost
              FROM ropo_bill_case_rel rel
              JOIN account_move bill ON bill.id = rel.move_id
               AND bill.state = 'posted' AND bill.date <= %(day)s
              JOIN (SELECT move_id, COUNT(*) AS cases
                      FROM ropo_bill_case_rel GROUP BY move_id) shared
                ON shared.move_id = rel.move_id
             GROUP BY rel.assignment_id
            """,
            day=day,
        )

    def _read_group_select(self, aggregate_spec, query):
        """Rates and days of a group are those of its sums, not of its cases' rates."""
        sums = {
            "recovered_rate:avg": ("recovered", "claim"),
            "credited_rate:avg": ("credited", "claim"),
        }
        if aggregate_spec in sums:
            part, whole = (
                self._field_to_sql(self._table, name, query)
                for name in sums[aggregate_spec]
            )
            return SQL("SUM(%s) / NULLIF(SUM(%s), 0)", part, whole)
        if aggregate_spec == "days_to_money:avg":
            days, money = (
                self._field_to_sql(self._table, name, query)
                for name in ("days_to_money", "recovered")
            )
            return SQL("SUM(%s * %s) / NULLIF(SUM(%s), 0)", days, money, money)
        return super()._read_group_select(aggregate_spec, query)

    def action_open_case(self):
        """Open the case these figures are about."""
        self.ensure_one()
        return self.assignment_id._get_records_action()
