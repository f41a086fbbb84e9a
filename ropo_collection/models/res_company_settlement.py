"""The company: by what Ropo's money is known, and where it is booked."""

from datetime import datetime, time

from dateutil import rrule
from dateutil.relativedelta import relativedelta
from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL, format_date

BUSINESS_DAYS = (rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR)


class ResCompany(models.Model):
    # A concern with a file of its own
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    ropo_settlement_words = fields.Char(
        string="Words on Ropo's bank lines",
        help="Words in the text of a bank line by which you know a settlement, "
        "separated by commas. Such a line is offered to be settled, and a payment with "
        "such a text is asked about. Debtors may write the same, so a person decides.",
        prefetch="ropo",
    )
    ropo_clearing_account_id = fields.Many2one(
        "account.account",
        string="Clearing account",
        domain="[('reconcile', '=', True)]",
        help="What is left of a settlement stays open here until Ropo's own document "
        "explains it: deducted fees, for example. The account must allow "
        "reconciliation.",
        prefetch="ropo",
    )
    ropo_interest_account_id = fields.Many2one(
        "account.account",
        string="Interest account",
        help="Late-payment interest that Ropo settles. Taxes of the account apply.",
        prefetch="ropo",
    )
    ropo_cost_account_id = fields.Many2one(
        "account.account",
        string="Account of fees",
        help="Fees that Ropo settles or deducts without a bill. Taxes of the account "
        "apply.",
        prefetch="ropo",
    )
    ropo_recovered_account_id = fields.Many2one(
        "account.account",
        string="Recovered credit losses",
        help="Money from Ropo for what was written off before.",
        prefetch="ropo",
    )
    ropo_settlement_days = fields.Integer(
        string="Days to settle",
        default=5,
        help="Business days (Monday to Friday) after which the responsible is told "
        "that money paid to Ropo has not come.",
        prefetch="ropo",
    )

    @api.constrains("ropo_settlement_days")
    def _check_ropo_settlement_days(self):
        for company in self:
            if company.ropo_settlement_days < 1:
                raise ValidationError(
                    self.env._("Give Ropo at least one business day to settle.")
                )

    @api.constrains("ropo_clearing_account_id")
    def _check_ropo_clearing_account(self):
        for company in self:
            account = company.ropo_clearing_account_id
            if account and not account.reconcile:
                raise ValidationError(
                    self.env._(
                        "%(account)s can't be the clearing account: it does not allow "
                        "reconciliation.",
                        account=account.display_name,
                    )
                )

    def _ropo_partner(self):
        """Ropo as a partner, where the settings name it."""
        return self._ropo_root().ropo_settlement_partner_id.commercial_partner_id

    # -- which bank lines are Ropo's --------------------------------------------
    def _ropo_bank_lines(self):
        """Bank lines that look like Ropo's and are not matched yet.

        By the same marks as :meth:`ropo.assignment._is_settlement`, and by the words of
        the settings, too: here a person looks at each.

        :return: ids of ``account.bank.statement.line``
        """
        self.env["account.bank.statement.line"].flush_model()
        self.env["account.move"].flush_model(["partner_bank_id", "state"])
        ids = []
        for root, companies in self.grouped(
            lambda company: company._ropo_root()
        ).items():
            conditions = root._ropo_marks()
            if root.ropo_environment == "off" or not conditions:
                continue
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT line.id
                      FROM account_bank_statement_line line
                      JOIN account_move move ON move.id = line.move_id
                      LEFT JOIN res_partner partner ON partner.id = line.partner_id
                      LEFT JOIN res_partner_bank bank ON bank.id = move.partner_bank_id
                      LEFT JOIN res_partner holder ON holder.id = bank.partner_id
                     WHERE line.is_reconciled IS NOT TRUE AND line.company_id IN %s
                       AND move.state = 'posted' AND (%s)
                    """,
                    tuple(companies.ids),
                    SQL(" OR ").join(conditions),
                )
            )
            ids += [row[0] for row in rows]
        return ids

    def _ropo_marks(self):
        """The marks of Ropo's bank lines as conditions on the query above."""
        self.ensure_one()
        marks = []
        if self.ropo_settlement_journal_ids:
            journals = tuple(self.ropo_settlement_journal_ids.ids)
            marks.append(SQL("line.journal_id IN %s", journals))
        partner = self._ropo_partner()
        if partner:
            marks.append(SQL("partner.commercial_partner_id = %s", partner.id))
            marks.append(SQL("holder.commercial_partner_id = %s", partner.id))
        for names, columns in (
            (
                (self.ropo_settlement_ibans, *partner.bank_ids.mapped("acc_number")),
                ("line.account_number", "bank.acc_number"),
            ),
            ((self.ropo_settlement_names,), ("line.partner_name",)),
        ):
            texts = tuple(plain_set(",".join(filter(None, names))))
            for column in columns if texts else ():
                marks.append(
                    SQL(
                        r"UPPER(REGEXP_REPLACE(%s, '\s', '', 'g')) IN %s",
                        SQL.identifier(*column.split(".")),
                        texts,
                    )
                )
        for word in plain_set(self.ropo_settlement_words):
            marks.append(
                SQL(
                    "STRPOS(UPPER(REGEXP_REPLACE(line.payment_ref, "
                    r"'\s', '', 'g')), %s) > 0",
                    word,
                )
            )
        return marks

    # -- money that does not come -------------------------------------------------
    def _ropo_settled_until(self):
        """What debtors paid to Ropo on this day or before should have come by now."""
        today = datetime.combine(self._ropo_today(), time())
        days = rrule.rrule(
            rrule.DAILY,
            dtstart=today - relativedelta(days=2 * self.ropo_settlement_days + 7),
            until=today,
            byweekday=BUSINESS_DAYS,
        )
        return list(days)[-1 - self.ropo_settlement_days].date()

    def _ropo_tell_of_late_money(self):
        """One activity while money that debtors paid to Ropo is late, or none."""
        self.ensure_one()
        kind = "ropo_collection.mail_activity_late_money"
        groups = (
            self.env["ropo.settlement.open"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "child_of", self.id),
                    ("booked_at", "<=", self._ropo_settled_until()),
                    ("amount", ">", 0),
                ],
                ["currency_id"],
                ["__count", "amount:sum", "booked_at:min"],
            )
        )
        waiting = self.partner_id.activity_search([kind])
        if not groups:
            waiting.unlink()
            return
        lines = [
            self.env._(
                "Debtors paid %(amount)s to Ropo in %(count)s payments, the oldest on "
                "%(date)s, and it has not come.",
                amount=currency.format(amount),
                count=count,
                date=format_date(self.env, oldest),
            )
            for currency, count, amount, oldest in groups
        ]
        link = Markup('<a href="/odoo/money-at-ropo">%s</a>')
        lines.append(link % self.env._("Customers › Ropo collection › Money at Ropo"))
        values = {
            "summary": self.env._("Ropo: money has not come"),
            "note": Markup("<br/>").join(lines),
        }
        if waiting:
            waiting.write(values)
        else:
            self.partner_id.activity_schedule(
                kind, user_id=self._ropo_proposals_for().id, **values
            )


def plain_set(text):
    """The parts of a comma separated text, without spaces and upper case."""
    parts = ("".join(part.split()).upper() for part in (text or "").split(","))
    return {part for part in parts if part}
