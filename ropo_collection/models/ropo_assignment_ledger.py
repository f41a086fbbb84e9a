"""Ropo's picture of a case against the ledger: reports, decisions, excess."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from dateutil import rrule

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools import ledger
from .res_company_state import plain_set
from .ropo_assignment import REPORTING, STATES
from .ropo_assignment_event import TOLD
from .ropo_worker import LEASE, LOOK_APART, Job

#: A report is sent again only when Ropo's list does not show it this long after the
#: call: a list may lag, and what is told twice can't be taken back.
LIST_LAG = timedelta(hours=1)
#: What is read of a case, its currency and its events, to send a report and write its
#: answer.
REPORTED = (
    "state",
    "external_id",
    "collection_status",
    "company_id",
    "currency_id",
    "capital_amount",
    "reported_paid",
    "reported_credited",
    "paid_to_ropo",
    "settled_amount",
    "settled_unknown",
    "remote_digest",
)
REPORTED_CURRENCY = ("rounding", "decimal_places")
REPORTED_EVENTS = (
    "assignment_id",
    "currency_id",
    "direction",
    "kind",
    "state",
    "amount",
    "corrected_amount",
    "booked_at",
    "external_id",
    "seen_ids",
    "token",
    "attempts",
)


def _columns(table, names):
    return SQL(", ").join(SQL.identifier(table, name) for name in names)


#: What is read of a case in `held`, for a report. A marker counts whenever it is due:
#: the clock of the server that left it may be ahead.
READ_REPORTED = SQL(
    """
    SELECT now() AT TIME ZONE 'UTC', held.id,
           EXISTS (SELECT 1 FROM ropo_recheck WHERE assignment_id = held.id),
           %s, %s, event.id, %s
      FROM held
      JOIN res_currency currency ON currency.id = held.currency_id
      JOIN ropo_assignment_event event ON event.assignment_id = held.id
    """,
    _columns("held", REPORTED),
    _columns("currency", REPORTED_CURRENCY),
    _columns("event", REPORTED_EVENTS),
)
#: Cases audited in one transaction.
AUDIT_SLICE = 100


@dataclass
class Held:
    """A report that was called for.

    :param case: its case, which is locked
    :param events: all events of its case
    :param is_marked: whether something has happened in the ledger since the comparison
        under the lease; it leaves a marker in its own transaction
    """

    event: models.BaseModel
    case: models.BaseModel
    events: models.BaseModel
    is_marked: bool

    def has_changed(self, remote_events):
        """Whether the comparison under the lease may be wrong by now."""
        known = self.events._known_ids()
        news = any(remote.id and remote.id not in known for remote in remote_events)
        return news or self.is_marked or self.case.state != "sent"


class RopoAssignment(models.Model):
    # A case has three concerns, each with a file of its own.
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    # ------------------------------------------------------------------
    # What the ledger says
    # ------------------------------------------------------------------
    def _matches(self):
        """What is matched with the invoices of these cases, summed by entry.

        The instalments of one payment on one invoice are one match. Only the debt
        itself counts: other lines of an invoice are matched, too (with deliveries of
        stock, for example). Exchange differences and matches of zero do not count.

        :return: ``{case id: [(entry id, amount in the invoice's currency)]}``
        """
        self.env["account.partial.reconcile"].flush_model()
        self.env["account.move.line"].flush_model(["move_id", "account_id"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT a.id, theirs.move_id, SUM(p.debit_amount_currency)
                  FROM ropo_assignment a
                  JOIN account_move_line mine ON mine.move_id = a.move_id
                  JOIN account_account account ON account.id = mine.account_id
                  JOIN account_partial_reconcile p ON p.debit_move_id = mine.id
                  JOIN account_move_line theirs ON theirs.id = p.credit_move_id
                 WHERE a.id IN %s AND account.account_type = 'asset_receivable'
                   AND NOT EXISTS (
                       SELECT 1 FROM account_partial_reconcile x
                        WHERE x.exchange_move_id = theirs.move_id)
                 GROUP BY a.id, theirs.move_id
                """,
                tuple(self.ids) or (0,),
            )
        )
        matches = defaultdict(list)
        for case_id, move_id, amount in rows:
            matches[case_id].append((move_id, amount))
        return matches

    def _ledger_parts(self):
        """Everything matched with the invoices, by kind, and what does not count yet.

        :return: ``{case: (parts, waiting amount, dates to look again)}``
        """
        today = {company: company._ropo_today() for company in self.company_id}
        matches = self._matches()
        entries = self.env["account.move"].browse(
            {move_id for rows in matches.values() for move_id, _amount in rows}
        )
        self._read_bank_lines(entries.origin_payment_id)
        by_id = {move.id: move for move in entries}
        result = {}
        for case in self:
            parts, waiting, again = [], 0.0, set()
            for move_id, amount in matches[case.id]:
                entry = by_id[move_id]
                if case.currency_id.compare_amounts(amount, 0) <= 0:
                    continue
                if entry.state != "posted" or entry.date > today[case.company_id]:
                    # A draft is nobody's money yet; a future date has not come.
                    waiting += amount
                    if entry.state == "posted":
                        again.add(entry.date)
                    continue
                parts += case._split_entry(entry, amount)
            result[case] = (parts, case.currency_id.round(waiting), again)
        return result

    @api.model
    def _read_bank_lines(self, payments):
        """Read ahead which bank lines these payments are matched with.

        As Odoo does for this field, for which it finds invoices and bills, too.
        """
        if not payments:
            return
        self.env["account.payment"].flush_model(["move_id", "outstanding_account_id"])
        self.env["account.move.line"].flush_model(["statement_line_id"])
        found = dict(
            self.env.execute_query(
                SQL(
                    """
                    SELECT payment.id, ARRAY_AGG(DISTINCT theirs.statement_line_id)
                      FROM account_payment payment
                      JOIN account_move_line mine
                        ON mine.move_id = payment.move_id
                       AND mine.account_id = payment.outstanding_account_id
                      JOIN account_partial_reconcile p
                        ON mine.id IN (p.debit_move_id, p.credit_move_id)
                      JOIN account_move_line theirs
                        ON theirs.id IN (p.debit_move_id, p.credit_move_id)
                     WHERE payment.id IN %s AND theirs.statement_line_id IS NOT NULL
                     GROUP BY payment.id
                    """,
                    tuple(payments.ids),
                )
            )
        )
        payments._fields["reconciled_statement_line_ids"]._insert_cache(
            payments, [tuple(found.get(payment.id, ())) for payment in payments]
        )

    def _split_entry(self, entry, amount):
        """One matched entry as the kinds of :mod:`..tools.ledger`."""
        if entry.move_type == "out_refund":
            booked_at = entry.invoice_date or entry.date
            return [ledger.Part(entry.id, ledger.CREDIT_NOTE, amount, booked_at)]
        payment, line = entry.origin_payment_id, entry.statement_line_id
        if self._is_settlement(entry):
            return [ledger.Part(entry.id, ledger.SETTLEMENT, amount, entry.date)]
        if not payment and not line:
            return [
                ledger.Part(
                    entry.id, ledger.DECISION, amount, entry.date, decision="misc"
                )
            ]
        booked_at = self._booked_at(entry)
        parts = []
        for kind, share in self._split_write_off(entry, amount):
            decision = "write_off" if kind == ledger.DECISION else ""
            parts.append(ledger.Part(entry.id, kind, share, booked_at, decision))
        return parts

    @api.model
    def _booked_at(self, entry):
        """The bank's booking date where there is one, else the payment's date.

        It decides who bears costs; the day of matching never does.
        """
        if entry.statement_line_id:
            return entry.statement_line_id.date
        lines = entry.origin_payment_id.reconciled_statement_line_ids
        return min(lines.mapped("date"), default=entry.date)

    def _split_write_off(self, entry, amount):
        """Money and write-off in a payment or bank entry, pro rata to this match.

        A payment of 95 with 5 written off is matched with 100: the match alone does
        not say what was paid.

        :return: ``[(kind, amount)]``
        """
        if len(entry.line_ids) == 2:
            # The debt and the money: there is no third line to be a write-off.
            return [(ledger.PAID, amount)]
        origin = entry.origin_payment_id or entry.statement_line_id
        first, second, third = origin._seek_for_lines()
        receivable = "asset_receivable"
        if entry.origin_payment_id:
            written_off = third
        else:
            # A bank entry: what is neither bank, suspense nor receivable.
            written_off = third.filtered(lambda ln: ln.account_type != receivable)
        written_off = written_off.filtered(lambda ln: ln.account_type != receivable)
        credited = -sum(
            entry.line_ids.filtered(lambda ln: ln.account_type == receivable).mapped(
                "balance"
            )
        )
        if not written_off or credited <= 0:
            return [(ledger.PAID, amount)]
        kinds, shares = [], []
        money = credited - sum(written_off.mapped("balance"))
        for line in written_off:
            if line.balance > 0:
                kinds.append(
                    self._write_off_kind(line, amount * line.balance / credited)
                )
                shares.append(line.balance)
        # Income booked along with it (balance < 0) did not lower the invoice.
        kinds.append(ledger.PAID)
        shares.append(min(money, credited) if shares else credited)
        amounts = ledger.split(amount, shares, self.currency_id)
        return [
            (kind, share)
            for kind, share in zip(kinds, amounts, strict=True)
            if not self.currency_id.is_zero(share)
        ]

    def _write_off_kind(self, line, amount):
        """What a written-off difference is, by its account and size."""
        company = self.company_id.root_id
        if line.account_id in company.ropo_loss_account_ids:
            return ledger.SILENT
        if amount <= company.ropo_write_off_tolerance:
            return ledger.CREDIT_NOTE
        return ledger.DECISION

    def _is_settlement(self, entry):
        """Whether this money came from Ropo: booked as such, or by its marks.

        The marks are partner, journal and bank line. The free text of a bank line
        proves nothing: debtors write "Ropo" too.
        """
        if "booked" in entry.sudo().ropo_settlement_ids.mapped("state"):
            return True
        company = self.company_id.root_id
        if entry.journal_id in company.ropo_settlement_journal_ids:
            return True
        line, payment = entry.statement_line_id, entry.origin_payment_id
        if not line and not payment:
            return False
        lines = line | payment.reconciled_statement_line_ids
        partner = company.ropo_settlement_partner_id.commercial_partner_id
        if (
            partner
            and partner
            in (
                lines.partner_id | payment.partner_id | lines.partner_bank_id.partner_id
            ).commercial_partner_id
        ):
            return True
        if not lines:
            return False
        ibans = plain_set(company.ropo_settlement_ibans)
        ibans |= plain_set(",".join(partner.bank_ids.mapped("acc_number")))
        names = plain_set(company.ropo_settlement_names)
        for bank_line in lines:
            account = bank_line.account_number or bank_line.partner_bank_id.acc_number
            if ibans & plain_set(account) or names & plain_set(bank_line.partner_name):
                return True
        return False

    def _residual_that_counts(self, waiting):
        """What is open, taking as open what is matched with drafts or the future."""
        move = self.move_id
        if move.state != "posted":
            return self.capital_amount
        return self.currency_id.round(move.amount_residual + waiting)

    def _baselines_now(self):
        """What is matched with the invoices: contained in the claim from here on.

        :return: ``{case: [[entry id, kind, amount]]}``
        """
        return {
            case: [[part.move_id, part.kind, part.amount] for part in parts]
            for case, (parts, _waiting, _again) in self._ledger_parts().items()
        }

    # ------------------------------------------------------------------
    # The comparison
    # ------------------------------------------------------------------
    def _told(self):
        """What Ropo was told or may have been told: ``{(entry id, kind): amount}``."""
        told = defaultdict(float)
        for event in self.event_ids:
            if event.kind not in ledger.REPORTED:
                continue
            if event.direction == "out" and event.state in TOLD:
                amount = event.amount - event.corrected_amount
                told[event.counterpart_ref, event.kind] += amount
            elif event.direction == "in" and event.kind == ledger.CREDIT_NOTE:
                # Somebody else told Ropo: Maventa connects credit notes itself.
                told[0, event.kind] += event.amount - event.corrected_amount
        return dict(told)

    def _answered(self, parts, told):
        """Turn questions that a person has answered into what was answered.

        What was decided to be reported may still have been more than the claim, and
        have been decided on a second time as that.
        """
        parts = self._take_answers(
            self._questions(parts, told), lambda part: part.decision
        )
        parts = self._take_answers(
            parts, lambda part: part.kind in ledger.REPORTED and "over_claim"
        )
        return self._take_answers(
            parts, lambda part: part.kind == ledger.PAID and "echo"
        )

    def _take_answers(self, parts, question_of):
        """Split parts by the answers to their question, as far as those reach.

        A question may come back for more of the same entry: its answers add up.
        """
        kinds = {
            "paid": ledger.PAID,
            "credit_note": ledger.CREDIT_NOTE,
            "settlement": ledger.SETTLEMENT,
            "keep": ledger.SILENT,
            # Told by others: a report stands for it, see _know().
            "known": ledger.PAID,
            "known_credit": ledger.CREDIT_NOTE,
        }
        answers = self.event_ids.filtered("answer").sorted("id")
        left = {event: event.amount for event in answers}
        result = []
        for part in parts:
            rest, question = part.amount, question_of(part)
            for event in answers:
                if (event.counterpart_ref, event.decision) != (part.move_id, question):
                    continue
                known = self.currency_id.round(min(rest, left[event]))
                if self.currency_id.is_zero(known):
                    continue
                left[event] -= known
                rest = self.currency_id.round(rest - known)
                result.append(
                    ledger.replace(
                        part, kind=kinds[event.answer], amount=known, decision=""
                    )
                )
            if not self.currency_id.is_zero(rest):
                result.append(ledger.replace(part, amount=rest))
        return result

    def _questions(self, parts, told):
        """Put the questions that arise only from the whole picture of the case."""
        received = self.event_ids.filtered(
            lambda event: event.direction == "in" and event.kind == ledger.PAID
        )
        settled = sum(part.amount for part in parts if part.kind == ledger.SETTLEMENT)
        unsettled = self.currency_id.round(self.paid_to_ropo - settled)
        sums = {*received.mapped("amount"), unsettled} if unsettled > 0 else set()
        money = (
            self.paid_to_ropo
            + sum(amount for (_id, kind), amount in told.items() if kind == ledger.PAID)
            + sum(amt for _id, kind, amt in self.baseline or [] if kind == ledger.PAID)
            + sum(part.amount for part in parts if part.kind == ledger.PAID)
        )
        baseline = {(move_id, kind) for move_id, kind, _amount in self.baseline or []}
        # Once asked, only an answer tells: other sums may come and go meanwhile.
        asked = self.event_ids.filtered(
            lambda event: event.state == "decision" and event.decision == "origin"
        ).mapped("counterpart_ref")
        for part in parts:
            key = (part.move_id, part.kind)
            if key in told or key in baseline:
                yield part
            elif part.kind == ledger.PAID and (
                any(
                    self.currency_id.compare_amounts(part.amount, amount) == 0
                    for amount in sums
                )
                or (sums and part.move_id in asked)
                or self._has_ropos_words(part)
            ):
                yield ledger.replace(part, kind=ledger.DECISION, decision="origin")
            elif (
                part.kind == ledger.CREDIT_NOTE
                and money > 0
                and self._credits_all(part)
            ):
                yield ledger.replace(part, kind=ledger.DECISION, decision="full_credit")
            else:
                yield part

    def _has_ropos_words(self, part):
        """Whether a bank line has the words by which the company knows settlements."""
        words = plain_set(self.company_id.root_id.ropo_settlement_words)
        if not words:
            return False
        entry = self.env["account.move"].browse(part.move_id)
        lines = entry.statement_line_id
        lines |= entry.origin_payment_id.reconciled_statement_line_ids
        texts = ["".join((line.payment_ref or "").split()).upper() for line in lines]
        return any(word in text for text in texts for word in words)

    def _echoes(self, parts, settled):
        """Reported payments that may have been Ropo's own money.

        The bank line came first, then Ropo's event: the debtor paid just that much to
        Ropo on the same day or before, and no other money of Ropo's has come for it.
        """
        told = self._told()
        open_there = self.currency_id.round(self.paid_to_ropo - settled)
        answered = {
            event.counterpart_ref
            for event in self.event_ids
            if event.decision in ("echo", "origin") and event.answer
        }
        paid = [
            event
            for event in self.event_ids
            if (event.direction, event.kind) == ("in", ledger.PAID)
        ]
        for part in parts:
            if (
                part.kind == ledger.PAID
                and part.move_id not in answered
                and self.currency_id.compare_amounts(part.amount, open_there) <= 0
                and not self.currency_id.compare_amounts(
                    told.get((part.move_id, ledger.PAID), 0.0), part.amount
                )
                and any(
                    event.booked_at
                    and event.booked_at <= part.booked_at
                    and not self.currency_id.compare_amounts(event.amount, part.amount)
                    for event in paid
                )
            ):
                yield ledger.replace(part, kind=ledger.DECISION, decision="echo")

    def _credits_all(self, part):
        """Whether a credit note is for the whole invoice, whatever is left to match."""
        note = self.env["account.move"].browse(part.move_id)
        return (
            note.move_type == "out_refund"
            and note.currency_id == self.currency_id
            and self.currency_id.compare_amounts(
                note.amount_total, self.move_id.amount_total
            )
            >= 0
        )

    def _surplus(self, parts, comparison):
        """What the debtor paid beyond the claim while Ropo still has costs to get.

        The rest of such a payment is open in the ledger: it may be meant for the costs,
        and a person passes it on or gives it back.
        """
        paid = self.currency_id.compare_amounts(
            comparison.reduction, self.capital_amount
        )
        if self.remote_status != "partially_closed" or paid < 0:
            return
        answered = {
            event.counterpart_ref: event.amount
            for event in self.event_ids
            if event.decision == "surplus" and event.answer
        }
        for part in parts:
            if part.kind != ledger.PAID:
                continue
            lines = (
                self.env["account.move"]
                .browse(part.move_id)
                .line_ids.filtered(
                    lambda line: line.account_type == "asset_receivable"
                    and line.currency_id == self.currency_id
                )
            )
            rest = -sum(lines.mapped("amount_residual_currency"))
            known = answered.get(part.move_id, 0.0)
            if self.currency_id.compare_amounts(rest, known) > 0:
                yield ledger.replace(
                    part, kind=ledger.DECISION, amount=rest, decision="surplus"
                )

    def _compare(self, parts, waiting):
        """The :class:`~..tools.ledger.Comparison` of this case."""
        self.ensure_one()
        told = self._told()
        return ledger.compare(
            claim=self.capital_amount,
            residual=self._residual_that_counts(waiting),
            parts=self._answered(parts, told),
            baseline={
                (move_id, kind): amount for move_id, kind, amount in self.baseline or []
            },
            told=told,
            paid_to_ropo=self.paid_to_ropo,
            currency=self.currency_id,
        )

    @api.depends("residual", "event_ids.state", "event_ids.amount")
    def _compute_to_report(self):
        self.to_report = 0.0
        live = self.filtered(lambda case: case.state in REPORTING).sudo()
        for case, (parts, waiting, _again) in live._ledger_parts().items():
            comparison = case._compare(parts, waiting)
            case.to_report = sum(part.amount for part in comparison.to_tell)

    def _recheck(self):
        """Bring reports and decisions in line with the ledger. Needs the lock.

        Repeatable: run twice, it changes nothing the second time.
        """
        self.event_ids.invalidate_recordset()
        cases = self.filtered(lambda case: case.state in (*REPORTING, "closed"))
        booked, shares = cases._booked_settlements(), cases._shares()
        for case, (parts, waiting, again) in cases._ledger_parts().items():
            comparison = case._compare(parts, waiting)
            settled = case._settled_sums(parts, comparison, booked[case])
            echoes = [*case._echoes(parts, settled["settled_amount"])]
            if case.state == "closed":
                # Ropo takes no reports for a closed case, and chases nobody for it.
                # Whether the debtor paid twice still has to be found out, and whether
                # the case was closed for something that is not true any more.
                case._sync_reports(())
                case._sync_decisions(
                    part
                    for part in [*comparison.to_decide, *echoes]
                    if part.decision in ("origin", "over_claim", "echo")
                )
                case._sync_excess(ledger.replace(comparison, back=0.0))
            else:
                for date in again:
                    case._mark_recheck(fields.Datetime.to_datetime(date))
                case._sync_reports(comparison.to_tell)
                case._sync_decisions(
                    [
                        *comparison.to_decide,
                        *case._surplus(parts, comparison),
                        *echoes,
                    ]
                )
                case._sync_excess(comparison)
            case._refresh_sums(settled)
            case._keep_shares(shares[case], parts, comparison.counted)
            case._review()

    def _sync_reports(self, parts):
        """Queue what is owed, and drop what waits and is not owed any more."""
        waiting = self.event_ids.filtered(
            lambda event: event.direction == "out"
            and event.state in ("queued", "error")
        )
        for part in parts:
            same = waiting.filtered(
                lambda event, part=part: event.counterpart_ref == part.move_id
                and event.kind == part.kind
                and event.booked_at == part.booked_at
            )[:1]
            waiting -= same
            if not same:
                self._queue_report(part)
            elif self.currency_id.compare_amounts(same.amount, part.amount):
                same.write(
                    {
                        "amount": part.amount,
                        "state": "queued",
                        "error_message": False,
                        "seen_ids": False,
                    }
                )
        waiting.write({"state": "dropped"})

    def _queue_report(self, part):
        now = fields.Datetime.now()
        delay = timedelta(minutes=self.company_id.root_id.ropo_report_delay)
        if self.accepted_at:
            accepted_on = self.company_id._ropo_local_date(self.accepted_at)
            if part.booked_at < accepted_on:
                # Booked before the transfer and matched only now: it is late already.
                delay = timedelta()
        event = self.env["ropo.assignment.event"].create(
            {
                **self._event_values(part),
                "kind": part.kind,
                "state": "queued",
                "due_at": now + delay,
            }
        )
        self.env["ropo.worker"]._trigger_once("cron_report", at=event.due_at)

    def _event_values(self, part):
        return {
            "assignment_id": self.id,
            "company_id": self.company_id.id,
            "currency_id": self.currency_id.id,
            "direction": "out",
            "amount": part.amount,
            "booked_at": part.booked_at,
            "counterpart_move_id": part.move_id,
            "counterpart_ref": part.move_id,
        }

    def _sync_decisions(self, parts):
        """Ask what must be asked, and forget questions whose matter is gone."""
        open_questions = self.event_ids.filtered(lambda ev: ev.state == "decision")
        for part in parts:
            same = open_questions.filtered(
                lambda event, part=part: event.counterpart_ref == part.move_id
                and event.decision == part.decision
            )[:1]
            open_questions -= same
            if not same:
                self.env["ropo.assignment.event"].create(
                    {
                        **self._event_values(part),
                        "kind": "other",
                        "state": "decision",
                        "decision": part.decision,
                    }
                )
            elif self.currency_id.compare_amounts(same.amount, part.amount):
                same.amount = part.amount
        open_questions.write({"state": "dropped"})

    def _sync_excess(self, comparison):
        """What was told and is not true any more, after the delay: a person."""
        excess = {item.kind: item.amount for item in comparison.excess}
        vals = {
            "excess_paid": excess.get(ledger.PAID, 0.0),
            "excess_credited": excess.get(ledger.CREDIT_NOTE, 0.0),
            "excess_back": comparison.back,
        }
        if not any(vals.values()):
            vals["excess_since"] = False
        elif not self.excess_since:
            now = fields.Datetime.now()
            vals["excess_since"] = now
            delay = timedelta(minutes=self.company_id.root_id.ropo_report_delay)
            if delay:
                self._mark_recheck(now + delay)
        self._write_changes(vals)

    def _refresh_sums(self, others=None, events=None):
        """The plain columns the case shows, from its timeline.

        :param others: what else to write, those of :meth:`_settled_sums` among them
        :param events: its events, where they are known
        """
        sums = defaultdict(float)
        for event in self.event_ids if events is None else events:
            if event.direction == "in" and event.state == "received":
                sums["in", event.kind] += event.amount - event.corrected_amount
            elif event.direction == "out" and event.state == "sent":
                sums["out", event.kind] += event.amount - event.corrected_amount
        vals = {
            "reported_paid": sums["out", "paid"],
            "reported_credited": sums["out", "credit_note"] + sums["in", "credit_note"],
            "paid_to_ropo": sums["in", "paid"],
        }
        vals.update(others or {})
        known = vals["paid_to_ropo"] - vals.get("settled_amount", self.settled_amount)
        if self.currency_id.compare_amounts(known, 0) >= 0:
            vals["settled_unknown"] = 0.0
        self._write_changes(vals)

    def _write_changes(self, vals):
        """Write only what is different: an unchanged case is not touched."""
        changed = {}
        for name, value in vals.items():
            field = self._fields[name]
            if field.type == "monetary":
                if self.currency_id.compare_amounts(self[name], value):
                    changed[name] = self.currency_id.round(value)
            elif (self[name] or False) != (value or False):
                changed[name] = value
        if changed:
            self.write({**changed, "last_change": fields.Datetime.now()})

    # ------------------------------------------------------------------
    # What a person has to look at
    # ------------------------------------------------------------------
    def _review(self):
        """Whether this case needs a person, and why, from its present state."""
        for case in self:
            reasons = case._attention_reasons()
            vals = {
                "needs_attention": bool(reasons),
                "attention_reason": "\n".join(reasons) or False,
            }
            if (case.needs_attention, case.attention_reason or False) != (
                vals["needs_attention"],
                vals["attention_reason"],
            ):
                if not case.needs_attention:
                    vals["attention_since"] = fields.Datetime.now()
                    vals["escalated"] = False
                case.write({**vals, "effects_due": True})

    def _attention_reasons(self):
        reasons = []
        if self.state == "error" and self.error_message:
            reasons.append(self.error_message)
        reasons += self._waiting_reasons()
        for event in self.event_ids.sorted("id"):
            if event.state == "decision":
                reasons.append(event._question())
            elif event.direction == "out" and event.state == "error":
                reasons.append(
                    self.env._(
                        "Ropo refused a report of %(amount)s: %(reason)s",
                        amount=self.currency_id.format(event.amount),
                        reason=event.error_message,
                    )
                )
            elif event.needs_word:
                reasons.append(
                    self.env._(
                        "It can't be told whether Ropo received the report of "
                        "%(amount)s booked on %(date)s. Ask Ropo before anything else.",
                        amount=self.currency_id.format(event.amount),
                        date=event.booked_at,
                    )
                )
            elif event.missing_there:
                reasons.append(
                    self.env._(
                        "The report of %(amount)s booked on %(date)s is not in Ropo's "
                        "list. Ask Ropo whether it has it.",
                        amount=self.currency_id.format(event.amount),
                        date=event.booked_at,
                    )
                )
        reasons += self._excess_reasons()
        reasons += self._balance_reasons()
        if self.settled_unknown:
            reasons.append(
                self.env._(
                    "Ropo sent %(settled)s for this case, but told of only %(paid)s "
                    "paid to it. Ask Ropo what the rest is.",
                    settled=self.currency_id.format(self.settled_amount),
                    paid=self.currency_id.format(self.paid_to_ropo),
                )
            )
        if self.unmatched_money and self.state in REPORTING:
            reasons.append(
                self.env._(
                    "%(amount)s of this customer is not matched with any invoice. Ropo "
                    "hears of money only once it is matched.",
                    amount=self.company_id.currency_id.format(self.unmatched_money),
                )
            )
        claim_there = self.remote_capital
        if (
            claim_there
            and self.state == "sent"
            and self.currency_id.compare_amounts(claim_there, self.capital_amount)
        ):
            reasons.append(
                self.env._(
                    "Ropo shows a claim of %(there)s, but %(here)s was handed over.",
                    there=self.currency_id.format(claim_there),
                    here=self.currency_id.format(self.capital_amount),
                )
            )
        return reasons

    def _judge_balance(self):
        """Compare Ropo's own open amount with what it was told, once that is settled.

        The list may lag behind a report, so a case is judged only when its last report
        is an hour old and the list has been read since.
        """
        self.ensure_one()
        reports = self.event_ids.filtered(lambda event: event.direction == "out")
        last = max(
            reports.mapped(lambda ev: ev.attempt_at or ev.create_date), default=0
        )
        read_at = self.company_id.root_id.ropo_last_poll
        under_way = {"queued", "sending", "unknown", "error"} & set(
            reports.mapped("state")
        )
        settled = not last or (
            last + timedelta(hours=1) < fields.Datetime.now()
            and read_at
            and last < read_at
        )
        difference = 0.0
        if (
            self.state == "sent"
            and self.remote_shows_open
            and settled
            and not under_way
        ):
            difference = self.remote_open - self.open_amount
        self._write_changes({"remote_difference": difference})

    def _balance_reasons(self):
        if not self.remote_difference:
            return []
        return [
            self.env._(
                "Ropo shows %(there)s open, but by what it was told it is %(here)s.",
                there=self.currency_id.format(self.remote_open),
                here=self.currency_id.format(self.remote_open - self.remote_difference),
            )
        ]

    def _excess_reasons(self):
        delay = timedelta(minutes=self.company_id.root_id.ropo_report_delay)
        if not self.excess_since or self.excess_since + delay > fields.Datetime.now():
            return []
        reasons = []
        number = self.external_id or self.maventa_invoice_id or self.name
        for amount, text in (
            (
                self.excess_paid,
                self.env._(
                    "Ropo was told of payments that are not matched any more. Ask Ropo "
                    "to correct it: case %(case)s, invoice %(name)s, payments reported "
                    "too much %(amount)s."
                ),
            ),
            (
                self.excess_credited,
                self.env._(
                    "Ropo was told of credit notes that are not matched any more. Ask "
                    "Ropo to correct it: case %(case)s, invoice %(name)s, credits "
                    "reported too much %(amount)s."
                ),
            ),
            (
                self.excess_back,
                self.env._(
                    "More is open than was handed over: something matched before the "
                    "transfer was taken away. Ask Ropo to raise the claim: case "
                    "%(case)s, invoice %(name)s, missing %(amount)s."
                ),
            ),
        ):
            if amount:
                reasons.append(
                    text
                    % {
                        "case": number,
                        "name": self.name,
                        "amount": self.currency_id.format(amount),
                    }
                )
        return reasons

    # ------------------------------------------------------------------
    # Reports: the scheduled action
    # ------------------------------------------------------------------
    @api.model
    def _cron_report(self):
        """Compare marked cases with the ledger, then tell Ropo what is due."""
        self._compare_marked()
        worker = self.env["ropo.worker"]
        events = type(self.env["ropo.assignment.event"])
        looked = worker._drain(
            self._unknown_reports, events._lease_look, self._settle_report_look
        )
        if looked:
            worker._drain(
                self._due_reports,
                events._lease_report,
                self._settle_before_report,
                together=self._settle_before_reports,
            )
        self._escalate_due()
        self._run_due_effects()

    @api.model
    def _compare_marked(self):
        """Work off the markers, a few cases a transaction."""
        worker = self.env["ropo.worker"]
        tried = set()
        while True:
            self.env.cr.execute(
                """
                SELECT DISTINCT assignment_id FROM ropo_recheck
                 WHERE due_at <= %s AND NOT assignment_id = ANY(%s)
                 ORDER BY assignment_id LIMIT 50
                """,
                (fields.Datetime.now(), list(tried)),
            )
            cases = self.browse(row[0] for row in self.env.cr.fetchall())
            tried.update(cases.ids)
            if worker._end_transaction(remaining=len(cases)) <= 0 or not cases:
                return
            worker._each(cases, lambda rows: rows._compare_locked() and [])

    def _compare_locked(self):
        """Lock, delete the markers that are due, compare.

        The markers go in the same transaction and the same snapshot that the ledger
        is read in: one left by a match not seen yet stays for the next time.
        """
        cases = self.try_lock_for_update(allow_referencing=True)
        if not cases:
            return cases
        cases.invalidate_recordset()
        self.env.cr.execute(
            "DELETE FROM ropo_recheck WHERE assignment_id IN %s AND due_at <= %s",
            (tuple(cases.ids), fields.Datetime.now()),
        )
        queued = cases.filtered(lambda case: case.state == "queued")
        if queued:
            self.env["ropo.worker"]._trigger_once("cron_transfer")
        cases._recheck()
        return cases

    @api.model
    def _reports_where(self, condition, limit):
        """Reports of cases at Ropo whose company may call, oldest attempt first."""
        companies = self.env["res.company"].search(
            [("id", "child_of", self.env["res.company"]._ropo_active().ids)]
        )
        self.env["ropo.assignment.event"].flush_model()
        self.flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT e.id
                  FROM ropo_assignment_event e
                  JOIN ropo_assignment a ON a.id = e.assignment_id
                 WHERE e.direction = 'out' AND a.company_id IN %s
                   AND a.state IN ('sent', 'closed') AND %s
                 ORDER BY e.attempt_at NULLS FIRST, e.due_at, e.id LIMIT %s
                """,
                tuple(companies.ids) or (0,),
                condition,
                limit,
            )
        )
        return self.env["ropo.assignment.event"].browse(row[0] for row in rows)

    @api.model
    def _due_reports(self, limit):
        """The first waiting report of each case, where none is under way."""
        now = fields.Datetime.now()
        return self._reports_where(
            SQL(
                """
                e.state = 'queued' AND e.due_at <= %(now)s
                AND (e.next_try_at IS NULL OR e.next_try_at <= %(now)s)
                AND NOT EXISTS (
                    SELECT 1 FROM ropo_assignment_event o
                     WHERE o.assignment_id = e.assignment_id AND o.direction = 'out'
                       AND o.state IN ('queued', 'sending', 'unknown')
                       AND (o.state != 'queued'
                            OR (o.due_at <= %(now)s OR o.next_try_at > %(now)s)
                            AND (o.booked_at, o.id) < (e.booked_at, e.id)))
                """,
                now=now,
            ),
            limit,
        )

    @api.model
    def _unknown_reports(self, limit):
        """Reports without an answer, once their call can't be under way any more."""
        now = fields.Datetime.now()
        return self._reports_where(
            SQL(
                """
                (e.state = 'unknown'
                 OR e.state = 'sending' AND e.attempt_at <= %(over)s)
                AND (e.next_try_at IS NULL OR e.next_try_at <= %(now)s)
                """,
                over=now - LEASE,
                now=now,
            ),
            limit,
        )

    @api.model
    def _hold_report(self, job, state):
        """Lock the case of a report, and read what its answer needs.

        :param state: what the report must be in, for the answer to be its own
        :return: :class:`Held`, or ``None``
        """
        case = job.row.env["ropo.assignment"].browse(job.case_id)
        return self._held(job, state, case._lock_with_events())

    @api.model
    def _held(self, job, state, locked):
        """The same, where its case is locked already."""
        event, case = job.row, job.row.env["ropo.assignment"].browse(job.case_id)
        events, is_marked = locked.get(case, (event.browse(), False))
        if event not in events or (event.state, event.token) != (state, job.token):
            return None
        return Held(event, case, events, is_marked)

    def _lock_with_events(self, wait=True):
        """Lock these cases and read what the answers to their reports need.

        Must be the first statement of its transaction. The lock is that change of the
        row which :meth:`ropo.assignment.event._touch_cases` is for.

        :param wait: whether to wait for who holds one of them, or leave it out
        :return: ``{case: (its events, whether it is marked to be compared)}``
        """
        env, event = self.env, self.env["ropo.assignment.event"]
        ids = SQL("%s", tuple(self.ids))
        if not wait:
            ids = SQL(
                "(SELECT id FROM ropo_assignment WHERE id IN %s"
                " FOR NO KEY UPDATE SKIP LOCKED)",
                ids,
            )
        # In one statement: each costs as much as all that is computed for a report.
        env.cr.execute(
            SQL(
                "WITH held AS (UPDATE ropo_assignment SET turn = COALESCE(turn, 0) + 1"
                " WHERE id IN %s RETURNING id, %s) %s",
                ids,
                _columns("ropo_assignment", REPORTED),
                READ_REPORTED,
            )
        )
        rows = env.cr.fetchall()
        # All of it, which is quicker than one record: it may be older than the lock.
        env.invalidate_all()
        if not rows:
            return {}
        columns = zip(*rows, strict=True)
        # Otherwise the write that follows would ask in a statement of its own.
        [env.cr._now, *_same], case_ids = next(columns), next(columns)
        is_marked = dict(zip(case_ids, next(columns), strict=True))
        # A case stands there as often as it has events.
        cases = self.browse(case_ids)
        reported = {name: next(columns) for name in REPORTED}
        for name, values in reported.items():
            cases._fields[name]._insert_cache(cases, values)
        currencies = env["res.currency"].browse(reported["currency_id"])
        for name in REPORTED_CURRENCY:
            currencies._fields[name]._insert_cache(currencies, next(columns))
        events = event.browse(next(columns))
        for name in REPORTED_EVENTS:
            events._fields[name]._insert_cache(events, next(columns))
        event._touched_already(cases)
        return {
            case: (of_case, is_marked[case.id])
            for case, of_case in events.grouped("assignment_id").items()
        }

    @api.model
    def _settle_before_report(self, job):
        """The events Ropo lists now are known: write them down, then send."""
        return self._lease_call(job, self._hold_report(job, "queued"))

    @api.model
    def _settle_before_reports(self, jobs):
        """The same for several in one transaction: so far Ropo was only asked.

        :return: the jobs that report, and those of these jobs to be settled alone, as
            somebody else holds their case
        """
        cases = jobs[0].row.env["ropo.assignment"].browse(job.case_id for job in jobs)
        locked = cases._lock_with_events(wait=False)
        free = {case.id for case in locked}
        following = [
            self._lease_call(job, self._held(job, "queued", locked))
            for job in jobs
            if job.case_id in free
        ]
        return filter(None, following), [j for j in jobs if j.case_id not in free]

    @api.model
    def _lease_call(self, job, held):
        """The call that reports, where it is still to be made.

        :param job: the call that asked for the events Ropo lists
        :param held: its :class:`Held`, ``None`` if the answer is not its own any more
        """
        if not held:
            return None
        event = held.event
        if job.error:
            event._settle_failure(job.error)
            return None
        if held.has_changed(job.result) and not self._is_still_due(event, job.result):
            return None
        token = event._take_lease([remote.id for remote in job.result if remote.id])
        case_id, booked_at = held.case.external_id, event.booked_at
        # The client refuses an amount that is not rounded.
        amount = Decimal(str(event.amount))

        def report(client, kind=event.kind):
            if kind == ledger.PAID:
                return client.report_paid(case_id, amount, booked_at)
            return client.report_credit_note(case_id, amount, booked_at)

        return Job(
            row=event,
            company=job.company,
            call=report,
            token=token,
            settle=self._settle_report,
            case_id=job.case_id,
        )

    @api.model
    def _is_still_due(self, event, remote_events):
        """Compare again, with what Ropo tells; set aside what is not to be sent now."""
        case = event.assignment_id
        case._take_events(remote_events)
        case._recheck()
        if event.state == "queued" and case.state == "sent":
            return True
        event.token = False
        if event.state == "queued" and case.state == "closed":
            # Ropo takes no report of a closed case: a person has to know.
            event.write(
                {
                    "state": "error",
                    "next_try_at": False,
                    "error_message": self.env._("Ropo has closed the case."),
                }
            )
            case._review()
        return False

    @api.model
    def _settle_report(self, job):
        """Write Ropo's answer to the report, if this is still our lease."""
        held = self._hold_report(job, "sending")
        if not held:
            return
        case = held.case
        if job.error:
            held.event._settle_failure(job.error)
            case._refresh_sums()
            case._review()
            return
        held.event._mark_sent(job.result)
        # No reason for a person begins or ends with that.
        case._refresh_sums({"remote_digest": False}, held.events)

    @api.model
    def _settle_report_look(self, job):
        """A report whose answer is missing: is it among Ropo's newer events?"""
        held = self._hold_report(job, "unknown")
        if not held:
            return
        event, case = held.event, held.case
        if job.error:
            event.write(
                {
                    "token": False,
                    "next_try_at": self.env["ropo.worker"]._next_try(
                        event.attempts, job.error
                    ),
                }
            )
            self.env["ropo.worker"]._trigger_once("cron_report", at=event.next_try_at)
            return
        case._match_report(event, job.result)
        case._take_events(job.result)
        case._recheck()

    def _match_report(self, event, remote_events):
        """Find the report among events that are newer than its call.

        Equal sums on one day are real: candidates are counted, not compared as a set.
        One candidate is it. None means that it never arrived, but only when two looks
        agree, the later of them when a list can't lag that far behind any more.
        Several, one that may be it under another date, or a list that lacks what Ropo
        is known to have, are looked at again, and then for a person.
        """
        now = fields.Datetime.now()
        known = self.event_ids._known_ids()
        newer = [remote for remote in remote_events if remote.id not in known]
        candidates = [remote for remote in newer if event._is_like(remote)]
        if len(candidates) == 1:
            event._mark_sent(candidates[0].id)
            self.remote_digest = False
            return
        vals = {"token": False, "next_try_at": now + LOOK_APART}
        expected = {*self.event_ids.mapped("external_id"), *(event.seen_ids or [])}
        lacking = expected - {False, *(remote.id for remote in remote_events)}
        if lacking or any(event._may_be(remote) for remote in newer):
            vals.update(looks=0, crowded_looks=event.crowded_looks + 1)
        elif not event.looks or now < event.attempt_at + LIST_LAG:
            wait = LOOK_APART * 2 ** min(event.looks, 3)
            vals.update(looks=event.looks + 1, next_try_at=now + wait)
        else:
            vals.update(state="queued", next_try_at=False, looks=0, seen_ids=False)
        event.write(vals)
        self.env["ropo.worker"]._trigger_once(
            "cron_report", at=event.next_try_at or None
        )

    def _lock_case(self):
        """Lock this case, waiting for whoever has it for a moment."""
        self._lock_row(SQL("id"))
        return self

    def _lock_row(self, *columns, read=()):
        """The same for its row.

        Must be the first statement of its transaction.

        :param read: stored fields that are read along with it
        :return: the columns as they are under the lock, ``None`` if there is no row
        """
        self.env.cr.execute(
            SQL(
                "SELECT now() AT TIME ZONE 'UTC', %s FROM ropo_assignment"
                " WHERE id = %s FOR NO KEY UPDATE",
                SQL(", ").join([*columns, *map(SQL.identifier, read)]),
                self.id,
            )
        )
        row = self.env.cr.fetchone()
        # All of it, which is quicker than one record: it may be older than the lock.
        self.env.invalidate_all()
        if row is None:
            return None
        # Otherwise the write that follows would ask in a statement of its own.
        self.env.cr._now, row = row[0], row[1:]
        for name, value in zip(read, row[len(columns) :], strict=True):
            self._fields[name]._insert_cache(self, [value])
        return row[: len(columns)]

    def _change_rows(self):
        """Change the rows of these cases, for whoever waits for their locks."""
        self.env.cr.execute(
            SQL(
                "UPDATE ropo_assignment SET turn = COALESCE(turn, 0) + 1"
                " WHERE id IN %s",
                tuple(self.ids),
            )
        )

    # ------------------------------------------------------------------
    # The daily audit
    # ------------------------------------------------------------------
    @api.model
    def _cron_audit(self):
        """Compare every live case with the ledger and with Ropo's own list.

        What can be told is told, the rest is shown to a person; run twice, it changes
        nothing the second time.
        """
        worker = self.env["ropo.worker"]
        live = self.search([("state", "in", REPORTING)], order="id")
        live._mark_recheck()
        worker._end_transaction()
        for company in live.company_id.root_id:
            # One that is busy is having its list read at this moment.
            worker._each(company, lambda row: row.write({"ropo_poll_started": False}))
        worker._trigger_once("cron_poll")
        worker._end_transaction()
        for start in range(0, len(live), AUDIT_SLICE):
            worker._each(live[start : start + AUDIT_SLICE], type(self)._audit_locked)
        self._run_due_effects()
        self.env["ropo.assignment.payer"]._erase_due()
        self.env["ropo.assignment.payer"]._seal_again()
        self.env["res.company"]._gc_ropo_watch()

    def _audit_locked(self):
        """Look for loose money of the debtors, and for questions nobody answers."""
        cases = self.try_lock_for_update(allow_referencing=True)
        cases.invalidate_recordset()
        loose = cases.move_id._ropo_loose_money()
        for case in cases:
            key = (case.company_id.id, case.partner_id.id)
            case._write_changes(
                {
                    "unmatched_money": loose.get(key, 0.0),
                    "settled_unknown": max(case.settled_amount - case.paid_to_ropo, 0),
                }
            )
            case._judge_balance()
            case._review()

    @api.model
    def _escalate_due(self):
        """Ask a second person where the first has not answered for a business day."""
        worker = self.env["ropo.worker"]
        waiting = self.search(
            [
                ("needs_attention", "=", True),
                ("escalated", "=", False),
                ("attention_since", "<=", fields.Datetime.now() - timedelta(days=1)),
            ]
        )
        worker._end_transaction()
        for case in waiting:
            worker._each(case, lambda row: row._lock_in(dict(STATES))._escalate())

    def _escalate(self):
        """After a business day without an answer, a second person is asked."""
        if not self.needs_attention or self.escalated or not self.attention_since:
            return
        next_days = rrule.rrule(
            rrule.DAILY,
            dtstart=self.attention_since + timedelta(days=1),
            byweekday=(rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR),
            count=1,
        )
        if next_days[0] > fields.Datetime.now():
            return
        self.escalated = True
        self.activity_schedule(
            "ropo_collection.mail_activity_attention",
            user_id=self._substitute().id,
            summary=self.env._(
                "Ropo: %(name)s has waited for a business day", name=self.name
            ),
            note=self.attention_reason,
        )

    def _substitute(self):
        """The second person: the company's substitute, else an accounting manager."""
        chosen = self.company_id.root_id.ropo_substitute_id
        first = self._responsible()
        return (
            (chosen if chosen.active else False)
            or self.env["res.users"].search(
                [
                    (
                        "all_group_ids",
                        "in",
                        self.env.ref("account.group_account_manager").ids,
                    ),
                    ("company_ids", "in", self.company_id.ids),
                    ("share", "=", False),
                    ("id", "!=", first.id),
                ],
                order="id",
                limit=1,
            )
            or first
        )

    # ------------------------------------------------------------------
    # What Ropo corrected
    # ------------------------------------------------------------------
    def action_corrected(self):
        """Ask for the reason, then :meth:`_take_correction`."""
        self.ensure_one()
        return self.env["ropo.reason"]._open_for("corrected", assignment=self)

    def _take_correction(self, reason, *, paid=0.0, credited=0.0, back=0.0):
        """Ropo has taken back what it was told too much, or raised its claim.

        The amounts are those the person has agreed on with Ropo: the ledger may have
        moved on since, and what is not right yet is compared anew.

        :param reason: who at Ropo said so, and when; kept in the chatter with what
            Ropo showed at that moment
        :param paid: taken off the payments reported, in the invoice's currency
        :param credited: taken off the credit notes reported
        :param back: added to the claim
        """
        self.ensure_one()
        case = self.sudo()._lock_case()
        amounts = {ledger.PAID: paid, ledger.CREDIT_NOTE: credited}
        for amount, most in (
            (paid, sum(case._correctable(ledger.PAID).values())),
            (credited, sum(case._correctable(ledger.CREDIT_NOTE).values())),
            (back, case._withdrawn_from_baseline()),
        ):
            if amount < 0 or case.currency_id.compare_amounts(amount, most) > 0:
                raise UserError(
                    self.env._(
                        "Ropo can't have corrected %(amount)s in %(name)s: at most "
                        "%(most)s can be meant.",
                        amount=case.currency_id.format(amount),
                        name=case.name,
                        most=case.currency_id.format(most),
                    )
                )
        if not any((paid, credited, back)):
            raise UserError(
                self.env._("Enter what Ropo has corrected in %(name)s.", name=case.name)
            )
        for kind, amount in amounts.items():
            case._correct_reports(kind, amount)
        if back:
            case._raise_claim(back)
        case._message_log(
            body=self.env._(
                "%(user)s: Ropo has corrected it (payments %(paid)s, credit notes "
                "%(credited)s, claim %(back)s). %(reason)s Ropo showed %(open)s open.",
                user=self.env.user.name,
                paid=case.currency_id.format(-paid),
                credited=case.currency_id.format(-credited),
                back=case.currency_id.format(back),
                reason=reason,
                open=case.currency_id.format(case.remote_open),
            )
        )
        case._recheck()
        case._run_effects()

    def _correctable(self, kind):
        """``{report: amount}`` of this kind that Ropo has and may take back."""
        return {
            event: event.amount - event.corrected_amount
            for event in self.event_ids.sorted("id", reverse=True)
            if (event.direction, event.state, event.kind) == ("out", "sent", kind)
        }

    def _matched_now(self):
        """``{entry id: amount}`` matched with the invoice, of what counts now."""
        parts, _waiting, _again = self._ledger_parts()[self]
        matched = defaultdict(float)
        for part in parts:
            matched[part.move_id] += part.amount
        return matched

    def _withdrawn_from_baseline(self):
        """How much of what was matched before the transfer is matched no more."""
        matched = self._matched_now()
        return self.currency_id.round(
            sum(max(known - matched[id_], 0.0) for id_, _kind, known in self.baseline)
            if self.baseline
            else 0.0
        )

    def _correct_reports(self, kind, amount):
        """Take an amount off the reports of a kind: what is not matched any more first.

        If the rest is true by now, it is told anew: Ropo has taken it back.
        """
        matched = defaultdict(float)
        parts, _waiting, _again = self._ledger_parts()[self]
        for part in self._answered(parts, self._told()):
            if part.kind == kind:
                matched[part.move_id] += part.amount
        for only_untrue in (True, False):
            for event, told in self._correctable(kind).items():
                over = told - matched[event.counterpart_ref] if only_untrue else told
                take = self.currency_id.round(min(max(over, 0.0), amount))
                if take:
                    event._correct(take)
                    amount = self.currency_id.round(amount - take)

    def _raise_claim(self, amount):
        """The claim is higher at Ropo now: what was withdrawn no longer lowers it."""
        matched, left, baseline = self._matched_now(), amount, []
        for move_id, kind, known in self.baseline or []:
            take = min(max(known - matched[move_id], 0.0), left)
            left -= take
            baseline.append([move_id, kind, self.currency_id.round(known - take)])
        self.write(
            {
                "capital_amount": self.capital_amount + amount,
                "raised_amount": self.raised_amount + amount,
                "raised_on": self.company_id._ropo_today(),
                "baseline": baseline,
            }
        )
