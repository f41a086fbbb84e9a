"""What Ropo was told of a payment, a bank line or a credit note, or why it wasn't."""

from odoo.tools import format_date, format_datetime

from ..tools import ledger


class Told:
    """The sentences about one entry on one case; what is left goes down to 0."""

    def __init__(self, move, case, matched, ledger_parts):
        self.case = case
        self.env, self.currency = move.env, case.currency_id
        self.left = matched
        self.all_parts, self.waiting, _again = ledger_parts
        self.entry_id = move._origin.id
        self.parts = [part for part in self.all_parts if part.move_id == self.entry_id]
        self.calm = True
        self.told = 0.0

    def lines(self):
        lines = self._before() + self._reports()
        if self._more(self.told):
            self.calm = self.calm and not self.case.needs_attention
            text = self.env._(
                "%(invoice)s: Ropo was told of %(amount)s, which is not matched any "
                "more."
            )
            lines.append(self._say(text, self.told))
        return lines + self._not_reported() + self._rest()

    def _more(self, amount):
        return self.currency.compare_amounts(amount, 0) > 0

    def _say(self, text, amount, **more):
        return text % {
            "invoice": self.case.move_id.name,
            "amount": self.currency.format(amount),
            **more,
        }

    def _take(self, amount):
        """As much of this amount as is still unexplained."""
        taken = self.currency.round(min(amount, self.left))
        self.left = self.currency.round(self.left - taken)
        return taken

    def _before(self):
        amount = self._take(
            sum(
                amount
                for move_id, _kind, amount in self.case.baseline or []
                if move_id == self.entry_id
            )
        )
        if not self._more(amount):
            return []
        return [
            self._say(
                self.env._(
                    "%(invoice)s: %(amount)s was matched before the transfer, so it is "
                    "not part of the claim."
                ),
                amount,
            )
        ]

    def _reports(self):
        """What was reported, is to be reported, or waits for somebody."""
        lines = []
        for event in self.case.event_ids.sorted("id"):
            if event.direction != "out" or event.counterpart_ref != self.entry_id:
                continue
            if event.state == "dropped":
                lines += self._decided(event)
                continue
            amount = event.amount - event.corrected_amount
            known = self._take(amount)
            if event.state in ("sending", "unknown", "sent"):
                self.told = self.currency.round(self.told + amount - known)
            self.calm = self.calm and event.state in ("queued", "sending", "sent")
            lines.append(
                self._say(
                    self._report_text(event),
                    event.amount,
                    date=format_date(self.env, event.booked_at),
                    moment=format_datetime(
                        self.env,
                        event.due_at if event.state == "queued" else event.attempt_at,
                        dt_format="short",
                    ),
                    reason=event.error_message or "",
                    question=event.question or "",
                )
            )
        return lines

    def _report_text(self, event):
        if event.state == "sent" and not event.attempt_at:
            return self.env._(
                "%(invoice)s: Ropo knew of %(amount)s, booked on %(date)s, already."
            )
        if event.state == "sent" and event.kind == "credit_note":
            return self.env._(
                "%(invoice)s: %(amount)s reported to Ropo as credited on %(date)s. "
                "Told on %(moment)s."
            )
        return {
            "sent": self.env._(
                "%(invoice)s: %(amount)s reported to Ropo as paid on %(date)s. Told on "
                "%(moment)s."
            ),
            "queued": self.env._(
                "%(invoice)s: %(amount)s waits to be reported to Ropo, from %(moment)s "
                "on."
            ),
            "sending": self.env._("%(invoice)s: %(amount)s is being reported to Ropo."),
            "unknown": self.env._(
                "%(invoice)s: %(amount)s was reported to Ropo; the answer is missing."
            ),
            "error": self.env._(
                "%(invoice)s: Ropo refused the report of %(amount)s: %(reason)s"
            ),
            "decision": self.env._(
                "%(invoice)s: %(amount)s waits for a decision. %(question)s"
            ),
        }[event.state]

    def _decided(self, event):
        """A person has said that nothing is to be told."""
        if event.answer not in ("keep", "settlement"):
            return []
        amount = self._take(event.amount)
        if not self._more(amount):
            return []
        text = (
            self.env._(
                "%(invoice)s: %(amount)s came from Ropo, so nothing is reported. "
                "Decided by %(user)s."
            )
            if event.answer == "settlement"
            else self.env._(
                "%(invoice)s: %(amount)s is not reported to Ropo. Decided by %(user)s."
            )
        )
        return [self._say(text, amount, user=event.answered_by_id.name)]

    def _not_reported(self):
        """Money from Ropo, and losses of our own."""
        texts = {
            ledger.SETTLEMENT: self.env._(
                "%(invoice)s: %(amount)s came from Ropo, so nothing is reported."
            ),
            ledger.SILENT: self.env._(
                "%(invoice)s: %(amount)s is written off as your loss, so nothing is "
                "reported."
            ),
        }
        lines = []
        for part in self.parts:
            if part.kind in texts:
                amount = self._take(part.amount)
                if self._more(amount):
                    lines.append(self._say(texts[part.kind], amount))
        return lines

    def _rest(self):
        """What nobody has said anything about yet."""
        if not self._more(self.left):
            return []
        comparison = self.case._compare(self.all_parts, self.waiting)
        if not self.parts:
            text = self.env._(
                "%(invoice)s: %(amount)s counts only when the entry is posted and its "
                "date has come."
            )
        elif self.case.state == "closed":
            text = self.env._(
                "%(invoice)s: %(amount)s is not reported, because Ropo has closed the "
                "case."
            )
        elif self._is_among(comparison.to_tell):
            text = self.env._(
                "%(invoice)s: %(amount)s will be reported to Ropo by itself."
            )
        elif self._is_among(comparison.to_decide):
            text = self.env._(
                "%(invoice)s: you will be asked what to report of %(amount)s."
            )
        else:
            text = self.env._(
                "%(invoice)s: nothing is to be reported of %(amount)s; what Ropo was "
                "told is right without it."
            )
        return [self._say(text, self.left)]

    def _is_among(self, parts):
        return any(part.move_id == self.entry_id for part in parts)
