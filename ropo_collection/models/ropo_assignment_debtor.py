"""The case: what has to be told to Ropo by a person."""

from odoo import fields, models

#: Of a partner, what Ropo was told with the hand-over.
DEBTOR_FIELDS = {
    "name",
    "street",
    "street2",
    "zip",
    "city",
    "country_id",
    "vat",
    "company_registry",
}
#: A Swedish sole trader's business id is his personal identity number.
NOT_SHOWN = {"vat", "company_registry"}


class RopoAssignment(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.assignment"  # pylint: disable=consider-merging-classes-inherited

    dispute_reason = fields.Text(related="move_id.ropo_dispute_reason")

    def action_tell(self):
        """Open a text for Ropo to copy, about something the debtor has said."""
        self.ensure_one()
        self._check_worker_rights()
        return self.env["ropo.tell"]._open_for("promise", self.move_id)

    def action_dispute(self):
        """See :meth:`account.move.action_ropo_dispute`."""
        self.ensure_one()
        self._check_worker_rights()
        return self.move_id.action_ropo_dispute()

    def action_undispute(self):
        """See :meth:`account.move.action_ropo_undispute`."""
        self.ensure_one()
        self._check_worker_rights()
        return self.move_id.action_ropo_undispute()

    def _debtor_now(self):
        """Name, address and business ids of the debtor as they are here now."""
        self.ensure_one()
        debtor = self.partner_id
        address = debtor if debtor.street else self.move_id.partner_id
        whose = {"name": debtor, "vat": debtor, "company_registry": debtor}
        return {name: whose.get(name, address)[name] for name in DEBTOR_FIELDS}

    def _tell_changed_debtor(self, before):
        """Ask a person to tell Ropo what has changed.

        :param before: ``{case: what _debtor_now() said before the change}``
        """
        for case in self:
            now = case._debtor_now()
            changed = [name for name in before[case] if before[case][name] != now[name]]
            if changed:
                case._ask_to_tell_debtor(before[case], now, sorted(changed))

    def _ask_to_tell_debtor(self, before, now, changed):
        """A note with old and new, and one activity until Ropo has been told."""
        note = self.env._(
            "The customer was changed here, and Ropo does not hear of it: %(changes)s. "
            "Press Tell Ropo on the case for a text to send.",
            changes="; ".join(
                self._say_change(name, before[name], now[name]) for name in changed
            ),
        )
        self._message_log(body=note, author_id=self.env.user.partner_id.id)
        kind = "ropo_collection.mail_activity_tell"
        waiting = self.activity_search([kind])
        if waiting:
            waiting.note = note
            return
        self.activity_schedule(
            kind,
            user_id=self._responsible().id,
            summary=self.env._(
                "Tell Ropo: %(name)s has a changed debtor", name=self.name
            ),
            note=note,
        )

    def _say_change(self, name, before, now):
        label = self.env["res.partner"]._fields[name]._description_string(self.env)
        if name in NOT_SHOWN:
            return label
        if name == "country_id":
            before, now = before.name, now.name
        return self.env._(
            "%(field)s: %(before)s → %(now)s",
            field=label,
            before=before or "–",
            now=now or "–",
        )

    def _withdraw_facts(self):
        """What crediting the whole invoice means in money."""
        self.ensure_one()
        move, money = self.move_id, self.currency_id
        text = self.env._(
            "Invoice %(name)s of %(partner)s: %(total)s are credited, %(open)s of it "
            "is still open.",
            name=move.name,
            partner=self.partner_id.name,
            total=money.format(move.amount_total),
            open=money.format(move.amount_residual),
        )
        paid = move.amount_total - move.amount_residual
        if money.compare_amounts(paid, 0) > 0:
            text += " " + self.env._(
                "%(paid)s has been paid or credited before; if you credit that, too, "
                "it belongs to the customer. Else lower the credit note.",
                paid=money.format(paid),
            )
        return text

    def _withdraw(self, reason):
        """A draft of the full credit note, and why: kept before anything is posted.

        :return: the action that opens the draft
        """
        self.ensure_one()
        self._check_manager_rights()
        move = self.move_id
        drafts = move.reversal_move_ids.filtered(lambda note: note.state == "draft")
        if drafts:
            note = drafts[:1]
        else:
            wizard = (
                self.env["account.move.reversal"]
                .with_context(active_model="account.move", active_ids=move.ids)
                .create({"journal_id": move.journal_id.id})
            )
            note = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        move._ropo_log(
            self.env._(
                "%(user)s withdraws the case from Ropo: %(reason)s. It ends when the "
                "credit note is posted.",
                user=self.env.user.name,
                reason=move._ropo_without_personal_ids(reason).rstrip(". "),
            )
        )
        return note._get_records_action(name=self.env._("Credit note"))
