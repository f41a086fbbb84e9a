"""A settlement: what its money may be."""

import re

from odoo import fields, models
from odoo.fields import Command

from ..tools import settle


class RopoSettlement(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.settlement"  # pylint: disable=consider-merging-classes-inherited

    def action_propose(self):
        """Replace the lines by what the money may be, and say why."""
        self._check_rights()
        self._check_draft()
        self._compute_source_amount()
        for settlement in self:
            known = settlement._registered_by_hand()
            if known:
                settlement.write(
                    {
                        "line_ids": [Command.clear()],
                        "source_item_ids": [Command.set(known.ids)],
                        "uncertain": False,
                        "explanation": self.env._(
                            "%(entry)s was registered with this sum already. The bank "
                            "line is matched with it, and nothing is settled twice.",
                            entry=known.move_id.name,
                        ),
                    }
                )
            else:
                settlement._propose()

    def _registered_by_hand(self):
        """The open money item of a settlement that the bank line may belong to."""
        if not self.statement_line_id:
            return self.source_item_ids.browse()
        booked = self.search(
            [
                ("state", "=", "booked"),
                ("journal_id", "=", self.journal_id.id),
                ("statement_line_id", "=", False),
                ("amount", "=", self.amount),
            ],
            order="date",
        )
        items = booked.entry_id.line_ids.filtered(
            lambda item: item.account_id
            == item.move_id.ropo_settlement_ids[:1]._money_account()
            and item.account_id.reconcile
            and not item.reconciled
            and not item.currency_id.compare_amounts(
                item.amount_residual_currency, self.amount
            )
        )
        return items[:1]

    def _open_payments(self):
        """What debtors paid to Ropo and no settlement has, booked or in draft."""
        in_drafts = self.env["ropo.settlement.line"].search(
            [
                ("state", "=", "draft"),
                ("settlement_id", "!=", self.id),
                ("event_id", "!=", False),
            ]
        )
        return self.env["ropo.settlement.open"].search(
            [
                ("company_id", "child_of", self.company_id.id),
                ("currency_id", "=", self.currency_id.id),
                ("event_id", "not in", in_drafts.event_id.ids),
            ],
            order="booked_at, id",
        )

    def _unknown_payments(self):
        """Cases for which Ropo told of a payment without its amount."""
        events = self.env["ropo.assignment.event"].search(
            [
                ("company_id", "child_of", self.company_id.id),
                ("currency_id", "=", self.currency_id.id),
                (
                    "assignment_id.environment",
                    "in",
                    ["production", self.company_id._ropo_root().ropo_environment],
                ),
                ("direction", "=", "in"),
                ("kind", "=", "paid"),
                ("amount", "=", 0),
                ("move_id.amount_residual", ">", 0),
            ]
        )
        return events.assignment_id

    def _propose(self):
        """The lines of :func:`..tools.settle.propose`."""
        open_payments = self._open_payments()
        open_payments.fetch(["amount", "booked_at", "assignment_id", "move_id"])
        payments = {payment.id: payment for payment in open_payments}
        cents = self.currency_id.rounding
        named = set(self._named(open_payments.move_id).ids)
        total = self.amount + self.source_amount
        proposal = settle.propose(
            round(total / cents),
            [
                settle.Item(
                    payment.id,
                    round(payment.amount / cents),
                    payment.booked_at or fields.Date.today(),
                    payment.move_id.id in named,
                )
                for payment in open_payments
            ],
        )
        unknown = self._unknown_payments()
        if unknown and proposal.rule not in (
            settle.NAMED,
            settle.EVERYTHING,
            settle.OLDEST,
            settle.DAYS,
        ):
            # The missing amounts may be what makes the sum: a guess would be wrong.
            proposal = settle.Proposal(settle.NOTHING, (), round(total / cents))
        chosen = open_payments.browse(item.key for item in proposal.items)
        self.write(
            {
                "line_ids": [
                    Command.clear(),
                    *self._prepare_lines(
                        [payments[key] for key in chosen.ids], proposal.rule
                    ),
                ],
                "uncertain": proposal.others,
                "checked": False,
                "explanation": self._explain(proposal, unknown),
            }
        )

    def _named(self, moves):
        """The invoices whose number or payment reference the money's text has."""
        line = self.statement_line_id
        text = " ".join(filter(None, (line.payment_ref, self.reference))).upper()
        plain = "".join(text.split())
        named = moves.browse()
        for move in moves if text else ():
            # Banks write references with and without spaces and leading zeros.
            for name, where, edge in (
                (move.name, text, "[0-9A-Z]"),
                (move.payment_reference, plain, "[0-9]"),
            ):
                name = "".join((name or "").upper().split()).lstrip("0")
                if len(name) >= 4 and re.search(
                    rf"(?<!{edge})0*{re.escape(name)}(?!{edge})", where
                ):
                    named |= move
        return named

    def _prepare_lines(self, payments, rule):
        """Lines for these open payments; what was written off comes back as such."""
        reason = self._reasons().get(rule, "")
        cases = self.env["ropo.assignment"].union(
            *(payment.assignment_id for payment in payments)
        )
        room = {case: case.move_id.amount_residual for case in cases}
        short = cases.browse()
        for payment in payments:
            room[payment.assignment_id] -= payment.amount
        for case in cases:
            if room[case] < 0:
                short |= case
            room[case] = case.move_id.amount_residual
        lost = short.sudo()._lost_amount() if short else {}
        commands = []
        for payment in payments:
            case, amount = payment.assignment_id, payment.amount
            values = {
                "assignment_id": case.id,
                "event_id": payment.event_id.id,
                "reason": reason,
                "sequence": len(commands),
            }
            beyond = max(amount - max(room[case], 0.0), 0.0)
            recovered = self.currency_id.round(min(beyond, lost.get(case, 0.0)))
            room[case] -= amount - recovered
            if recovered:
                lost[case] -= recovered
                commands.append(
                    Command.create({**values, "kind": "recovered", "amount": recovered})
                )
            rest = self.currency_id.round(amount - recovered)
            if rest:
                commands.append(Command.create({**values, "amount": rest}))
        return commands

    def _reasons(self):
        return {
            settle.NAMED: self.env._("Named in the text"),
            settle.EVERYTHING: self.env._("All that is to come"),
            settle.OLDEST: self.env._("Among the oldest"),
            settle.DAYS: self.env._("Paid on these days"),
            settle.RUN: self.env._("One after the other"),
            settle.COMBINATION: self.env._("Makes the sum with the others"),
            settle.NAMED_ABOUT: self.env._("Named in the text"),
            settle.FITTING: self.env._("Among the oldest that fit"),
            settle.COVERING: self.env._("Covers the sum"),
        }

    def _explain(self, proposal, unknown):
        """Why these lines, what is left over, what to look at."""
        texts = {
            settle.NAMED: self.env._(
                "The text names these invoices, and they make the sum."
            ),
            settle.EVERYTHING: self.env._(
                "All that debtors paid to Ropo and has not come makes the sum."
            ),
            settle.OLDEST: self.env._("The oldest payments to Ropo make the sum."),
            settle.DAYS: self.env._(
                "What was paid to Ropo on whole days makes the sum."
            ),
            settle.RUN: self.env._(
                "Payments to Ropo, one after the other, make the sum."
            ),
            settle.COMBINATION: self.env._("These payments to Ropo make the sum."),
            settle.NAMED_ABOUT: self.env._("The text names these invoices."),
            settle.FITTING: self.env._(
                "Nothing makes the sum. These are the oldest payments that fit."
            ),
            settle.COVERING: self.env._(
                "Nothing makes the sum. This is the smallest payment that covers it: "
                "Ropo may have deducted fees."
            ),
            settle.NOTHING: self.env._(
                "Nothing that debtors paid to Ropo makes this sum. Allocate it by "
                "Ropo's statement; what is left stays on the clearing account."
            ),
        }
        lines = [texts[proposal.rule]]
        if proposal.difference and proposal.items:
            lines.append(
                self.env._(
                    "The difference is %(amount)s.",
                    amount=self.currency_id.format(
                        proposal.difference * self.currency_id.rounding
                    ),
                )
            )
        if proposal.others:
            lines.append(
                self.env._(
                    "Others would make the same sum. Compare with Ropo's statement."
                )
            )
        if proposal.unseen:
            lines.append(
                self.env._(
                    "The %(count)s newest payments were left out of the search.",
                    count=proposal.unseen,
                )
            )
        if unknown:
            lines.append(
                self.env._(
                    "Ropo told of payments without an amount, enter them by its "
                    "statement: %(names)s.",
                    names=", ".join(unknown[:10].mapped("name")),
                )
            )
        return "\n".join(lines)
