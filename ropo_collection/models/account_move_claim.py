from datetime import timedelta

from odoo import models
from odoo.tools import SQL, format_date, formatLang

from ..tools import summary
from .ropo_claim import CLAIM_DATA

#: Days between an own reminder and the hand-over for collection alone. Finland: the
#: Debt Collection Act (laki saatavien perinnästä); Norway: inkassoloven § 9.
DAYS_AFTER_REMINDER = {"b2c": 14, "b2b": 10}
DAYS_INKASSOVARSEL = 14


class AccountMove(models.Model):
    """What is claimed: kind, own reminders and fees, rental contract, summary."""

    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

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
