"""Taking over a case that is at Ropo already: no transfer, and nothing told twice."""

from odoo import api, fields, models

from ..tools import ledger, takeover

#: The questions of cases that were taken over, and what may be answered.
_ANSWERS = {
    "adopted": ("paid", "settlement", "known"),
    "adopted_credit": ("credit_note", "known_credit"),
    "adopted_misc": ("paid", "credit_note", "known", "keep"),
}


class RopoAssignment(models.Model):
    # A case has several concerns, each with a file of its own.
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    adopted_at = fields.Datetime(
        string="Taken over on",
        copy=False,
        readonly=True,
        help="The case was at Ropo already, and was not handed over from here.",
    )
    adopted_unsure = fields.Json(
        copy=False,
        help="What was matched with the invoice when the case was taken over, and of "
        "which nobody can tell whether Ropo knows it.",
    )

    @api.model
    def _adopt(self, move, remote):
        """Begin a case that Ropo has already.

        :param remote: the case as Ropo shows it, with its events
        """
        case = self._create_for(
            move,
            state="sent",
            collection_type=move.company_id._ropo_root().ropo_collection_type,
            receivables_type=move._ropo_type(),
            summary=move._ropo_summary(),
        )
        events = [
            event
            for event in remote.events
            if event.kind in ledger.REPORTED and event.amount is not None
        ]
        total = move.amount_total
        open_amount = None if remote.open_amount is None else float(remote.open_amount)
        facts = [_Fact(event) for event in events]
        claim = takeover.find_claim(
            total=total,
            capital=float(remote.capital or 0),
            open_amount=open_amount,
            events=facts,
        )
        parts, _waiting, _again = case._ledger_parts()[case]
        begin = takeover.take_over(
            total=total,
            claim=claim,
            open_amount=open_amount,
            parts=parts,
            events=facts,
            currency=case.currency_id,
        )
        case.write(
            {
                "external_id": remote.id,
                "maventa_invoice_id": move.maventa_invoice_id,
                "capital_amount": case.currency_id.round(claim),
                "baseline": [
                    [part.move_id, part.kind, part.amount] for part in begin.baseline
                ],
                "adopted_unsure": [
                    [part.move_id, part.kind, part.amount] for part in begin.unsure
                ],
                "adopted_at": fields.Datetime.now(),
            }
        )
        for fact, part in begin.told:
            case._tell_as_known(part, part.kind, external_id=fact.id)
        case._take_assignment(remote)
        # Its history is in the timeline; the chatter begins here.
        case.notes_due = False
        case._note(
            self.env._(
                "Taken over: the invoice was at Ropo already, as case %(case)s with a "
                "claim of %(amount)s. Nothing was handed over from here.",
                case=remote.id,
                amount=case.currency_id.format(claim),
            )
        )
        case._mark_recheck()
        case._mark_older_matches()
        return case

    def _tell_as_known(self, part, kind, external_id=False):
        """A report that others have made: Ropo knows, and is not told again."""
        self.env["ropo.assignment.event"].create(
            {
                **self._event_values(part),
                "kind": kind,
                "state": "sent",
                "external_id": external_id,
                "text": self.env._("Ropo knew it when the case was taken over"),
            }
        )

    def _questions(self, parts, told):
        """Ask about what nobody can tell of, before anything else is asked."""
        unsure = {
            (ref, kind): amount for ref, kind, amount in self.adopted_unsure or []
        }
        questions = {
            ledger.PAID: "adopted",
            ledger.CREDIT_NOTE: "adopted_credit",
            ledger.DECISION: "adopted_misc",
        }
        sure = []
        for part in parts:
            asked = min(part.amount, unsure.get((part.move_id, part.kind), 0.0))
            rest = self.currency_id.round(part.amount - asked)
            if self.currency_id.compare_amounts(asked, 0) > 0:
                yield ledger.replace(
                    part,
                    kind=ledger.DECISION,
                    amount=asked,
                    decision=questions[part.kind],
                )
            if self.currency_id.compare_amounts(rest, 0) > 0:
                sure.append(ledger.replace(part, amount=rest))
        yield from super()._questions(sure, told)

    def _know(self, question):
        """Ropo knows this already: it was told by others, in an event or without one.

        Ropo's event for it was taken for money paid to Ropo; it is that no longer.
        """
        self.ensure_one()
        kind = ledger.CREDIT_NOTE if question.answer == "known_credit" else ledger.PAID
        left = question.amount
        listed = self.event_ids.filtered(
            lambda event: event.direction == "in" and event.kind == kind
        )
        # Just this sum first.
        asked = question.amount
        for event in listed.sorted(lambda event: (event.amount != asked, event.id)):
            take = min(event.amount - event.corrected_amount, left)
            event._correct(take)
            left = self.currency_id.round(left - take)
        part = ledger.Part(
            question.counterpart_ref, kind, question.amount, question.booked_at
        )
        self._tell_as_known(part, kind)
        self._refresh_sums()
        self._judge_balance()


class _Fact:
    """An event of Ropo's with its amount as the ledger counts."""

    def __init__(self, event):
        self.id, self.kind, self.date = event.id, event.kind, event.date
        self.amount = float(event.amount)


class RopoAssignmentEvent(models.Model):
    _inherit = "ropo.assignment.event"

    decision = fields.Selection(
        selection_add=[
            ("adopted", "Money matched before the case was taken over"),
            ("adopted_credit", "Credit note matched before the case was taken over"),
            ("adopted_misc", "Entry matched before the case was taken over"),
        ]
    )
    answer = fields.Selection(
        selection_add=[
            ("known", "Ropo knows it already"),
            ("known_credit", "Ropo knows this credit already"),
        ]
    )

    def _answers(self):
        return _ANSWERS.get(self.decision) or super()._answers()

    def _question(self):
        if self.decision not in _ANSWERS:
            return super()._question()
        return self.env._(
            "%(entry)s lowered the invoice by %(amount)s before the case was taken "
            "over, and Ropo's figures do not tell whether Ropo knows it. Look on "
            "Ropo's pages or ask Ropo; nothing is told before your answer.",
            entry=self.counterpart_move_id.name or self.env._("A deleted entry"),
            amount=self.currency_id.format(self.amount),
        )

    def action_answer_known(self):
        """Ropo knows it from elsewhere: nothing is told."""
        for event in self:
            is_credit = event.decision == "adopted_credit"
            event._answer("known_credit" if is_credit else "known")

    def _answer(self, answer, reason=""):
        result = super()._answer(answer, reason)
        if answer in ("known", "known_credit"):
            for event in self.sudo():
                event.assignment_id._know(event)
        return result
