"""A settlement: booked, and undone."""

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date


class RopoSettlement(models.Model):
    # A concern with a file of its own
    _inherit = "ropo.settlement"  # pylint: disable=consider-merging-classes-inherited

    def action_book(self):
        """Book the money and match it with the invoices."""
        self._check_rights()
        for settlement in self:
            settlement._book()

    def _book(self):
        self.ensure_one()
        self._hold()
        if self.state != "draft":
            raise UserError(
                self.env._("%(name)s is booked already.", name=self.display_name)
            )
        # A line that was edited may be for another payment than the one proposed.
        self.line_ids._tidy()
        self._check_sources()
        self._check_bookable()
        bank_line = self._open_bank_line().sudo()
        settlement = self.sudo()
        if bank_line and bank_line.date == self.date:
            entry, placed = settlement._book_in_bank_line(bank_line)
        else:
            entry, placed = settlement._book_in_own_entry(bank_line)
        settlement.write({"state": "booked", "entry_id": entry.id})
        settlement._match(placed)
        settlement._after_change()
        settlement._message_log(
            body=self.env._(
                "%(user)s booked %(amount)s for %(count)s cases.",
                user=self.env.user.name,
                amount=self.currency_id.format(self.allocated),
                count=self.case_count,
            )
        )

    def _hold(self):
        """Lock the settlement and its cases, and have others see that they changed.

        Who has waited for a lock still reads what was there before: the change of the
        row makes PostgreSQL refuse it, and Odoo tries the request again.
        """
        self.flush_recordset()
        self.env.cr.execute(
            "UPDATE ropo_settlement SET write_date = now() AT TIME ZONE 'UTC' "
            "WHERE id = %s",
            (self.id,),
        )
        cases = self.line_ids.assignment_id
        if cases:
            cases._change_rows()
        self.invalidate_recordset()
        cases.invalidate_recordset()

    def _check_bookable(self):
        """Say what keeps it from being booked."""
        lines = self.line_ids
        if not lines and not self.amount and not self.source_item_ids:
            raise UserError(self.env._("Enter what came, or what it settles."))
        lines._check_complete()
        if self.uncertain and not self.checked:
            raise UserError(
                self.env._(
                    "Other payments would make the same sum. Compare with Ropo's "
                    "statement and tick that, or choose the lines yourself."
                )
            )
        if self.remainder and not self.clearing_account_id:
            raise UserError(
                self.env._(
                    "%(amount)s is left: choose a clearing account in the settings of "
                    "Ropo, or allocate it.",
                    amount=self.currency_id.format(self.remainder),
                )
            )
        self._check_paid_to_ropo()
        self._check_open(self.date, bool(lines.tax_ids))
        bank_line = self.statement_line_id
        if bank_line and bank_line.date != self.date:
            self._check_open(bank_line.date)
            if not self.clearing_account_id:
                raise UserError(
                    self.env._(
                        "Another day than the bank line's needs a clearing account: "
                        "choose it in the settings of Ropo."
                    )
                )

    def _check_sources(self):
        """The open items are what the person saw: nothing of them went elsewhere."""
        items, seen = self.source_item_ids, self.source_amount
        self._check_items(items)
        if items and (
            items.currency_id != self.currency_id
            or items.company_id.root_id != self.company_id.root_id
        ):
            raise UserError(
                self.env._("Choose items of one company and one currency only.")
            )
        self._compute_source_amount()
        if self.currency_id.compare_amounts(self.source_amount, seen):
            raise UserError(
                self.env._(
                    "The open items had %(before)s open and have %(now)s now. Propose "
                    "the lines anew.",
                    before=self.currency_id.format(seen),
                    now=self.currency_id.format(self.source_amount),
                )
            )

    def _check_open(self, date, has_tax=False):
        """Nothing is booked in a closed period."""
        locks = self._locks(date, has_tax)
        if locks:
            raise UserError(
                self.env._(
                    "%(date)s lies in a closed period: %(locks)s. Choose a later date, "
                    "or have an accounting manager make an exception.",
                    date=format_date(self.env, date),
                    locks=self.env["res.company"]._format_lock_dates(locks),
                )
            )

    def _locks(self, date, has_tax=False):
        """The lock dates that close this day."""
        return self.company_id.sudo()._get_lock_date_violations(
            date, fiscalyear=True, sale=False, purchase=False, tax=has_tax, hard=True
        )

    def _check_paid_to_ropo(self):
        """No case is settled beyond what Ropo told was paid to it."""
        lines = self.line_ids.filtered("assignment_id")
        settled = lines.assignment_id.sudo()._settled_now()
        for case, mine in lines.grouped("assignment_id").items():
            sure = mine.filtered(lambda line: not line.from_statement)
            amount = sum(sure.mapped("amount"))
            after = settled[case] + amount
            if amount > 0 and (
                self.currency_id.compare_amounts(after, case.paid_to_ropo) > 0
            ):
                raise UserError(
                    self.env._(
                        "%(name)s: Ropo told of %(paid)s paid to it, and %(settled)s "
                        "of that has come. Lower the amount and leave the rest on the "
                        "clearing account, or tick On Ropo's statement if it is there.",
                        name=case.name,
                        paid=self.currency_id.format(case.paid_to_ropo),
                        settled=self.currency_id.format(settled[case]),
                    )
                )
            if amount < 0 and self.currency_id.compare_amounts(after, 0) < 0:
                raise UserError(
                    self.env._(
                        "%(name)s: only %(settled)s has come from Ropo, so it can't "
                        "take back more.",
                        name=case.name,
                        settled=self.currency_id.format(settled[case]),
                    )
                )

    def _open_bank_line(self):
        """The bank line, if it waits to be matched as a whole."""
        line = self.statement_line_id
        if not line:
            return line
        _bank, _suspense, others = line._seek_for_lines()
        if (
            others
            or line.move_id.state != "posted"
            or self.currency_id.compare_amounts(line.amount, self.amount)
        ):
            raise UserError(
                self.env._(
                    "The bank line %(name)s has been matched or changed meanwhile. "
                    "Start anew from the bank line.",
                    name=line.payment_ref or line.move_id.name,
                )
            )
        return line

    def _book_in_bank_line(self, bank_line):
        """Let the journal items take the place of the bank line's suspense item."""
        bank, _suspense, _others = bank_line._seek_for_lines()
        rows = self._prepare_rows(bank.balance, bank.amount_currency)
        items = self._replace_suspense(bank_line, rows)
        return bank_line.move_id, list(zip(rows, items, strict=True))

    def _replace_suspense(self, bank_line, rows):
        """Write journal items into a bank line, as its reconciliation would."""
        _bank, suspense, _others = bank_line._seek_for_lines()
        entry = bank_line.move_id
        before = entry.line_ids
        entry.with_context(force_delete=True, skip_readonly_check=True).write(
            {
                "line_ids": [
                    *(Command.delete(item.id) for item in suspense),
                    *(Command.create(row["values"]) for row in rows),
                ]
            }
        )
        return (entry.line_ids - before).sorted("id")

    def _book_in_own_entry(self, bank_line):
        """An entry of its own, against the account where the money waits.

        That is the clearing account for the money of a bank line of another day.
        """
        money = []
        if self.amount:
            account = self.clearing_account_id if bank_line else self._money_account()
            money = [{"values": self._prepare_rest(account, self.amount)}]
        rows = money + self._prepare_rows(0.0, 0.0, money)
        if bank_line and money:
            bank, _suspense, _others = bank_line._seek_for_lines()
            parked = self._prepare_rest(account, -self.amount)
            parked.update(currency_id=self.currency_id.id, balance=-bank.balance)
            money[0]["match"] = self._replace_suspense(bank_line, [{"values": parked}])
        entry = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.journal_id.id,
                "date": self.date,
                "ref": self.reference,
                "line_ids": [Command.create(row["values"]) for row in rows],
            }
        )
        entry.action_post()
        items = entry.line_ids.sorted("id")
        return entry, list(zip(rows, items, strict=True))

    def _prepare_rest(self, account, amount):
        """A journal item of Ropo's money itself: of no case, interest or fee."""
        return {
            "name": self.reference or self.display_name,
            "partner_id": self.ropo_partner_id.id,
            "account_id": account.id,
            "amount_currency": amount,
        }

    def _money_account(self):
        """Where money waits for its bank line, as for a registered payment."""
        methods = self.journal_id.inbound_payment_method_line_ids
        return methods.payment_account_id[:1] or self.env["account.payment"].new(
            {"journal_id": self.journal_id.id, "company_id": self.company_id.id}
        )._get_outstanding_account("inbound")

    def _prepare_rows(self, balance, money, given=()):
        """The journal items, and what each is to be matched with.

        :param balance: what the entry has already, in the company's currency
        :param money: the same in the settlement's currency: they make the rate
        :param given: rows that are there already
        """
        rows = []
        for source in self.source_item_ids:
            rows.append(
                {
                    "values": {
                        "name": source.name or source.move_id.name,
                        "partner_id": source.partner_id.id,
                        "account_id": source.account_id.id,
                        "amount_currency": -source.amount_residual_currency,
                        "balance": -source.amount_residual,
                    },
                    "match": source,
                }
            )
        for line in self.line_ids:
            first, *taxes = line._prepare_items()
            rows.append({"values": first, "line": line})
            rows += [{"values": values} for values in taxes]
        if self.remainder:
            account = self.clearing_account_id
            rows.append({"values": self._prepare_rest(account, -self.remainder)})
        company = self.company_id
        known, in_currency = balance, money
        if not money and not given:
            # Open items alone are divided up at the rate they were booked with.
            known = sum(self.source_item_ids.mapped("amount_residual"))
            in_currency = -self.source_amount
        rate = (
            known / in_currency
            if known * in_currency > 0
            else self.env["res.currency"]._get_conversion_rate(
                self.currency_id, company.currency_id, company, self.date
            )
        )
        for row in (*given, *rows):
            values = row["values"]
            values["currency_id"] = self.currency_id.id
            values.setdefault(
                "balance", company.currency_id.round(values["amount_currency"] * rate)
            )
        if rows and self.currency_id != company.currency_id:
            # Rounding in the company's currency goes to the last one.
            everything = sum(row["values"]["balance"] for row in (*given, *rows))
            rows[-1]["values"]["balance"] -= everything + balance
        return rows

    def _match(self, placed):
        """Match the new items with invoices, bills and open items."""
        plan = {}
        for row, item in placed:
            line = row.get("line")
            if line:
                line.item_id = item
            if row.get("match"):
                plan[row["match"]] = row["match"] | item
            elif line and line.kind == "capital" and line.amount < 0:
                line._take_back(item)
            elif line and line._document():
                key = (line._document(), item.account_id)
                plan[key] = plan.get(key, item) | item
        batches = []
        for key, items in plan.items():
            if isinstance(key, tuple):
                document, account = key
                items |= _open_items(document, account)
            batches.append(items)
        self.env["account.move.line"]._reconcile_plan(batches)

    def _after_change(self):
        """Have the cases compared with the ledger."""
        cases = self.line_ids.assignment_id.sudo()
        if cases:
            cases._mark_recheck()
        self.env["ropo.settlement.open"].invalidate_model()

    # ------------------------------------------------------------------
    # Undoing
    # ------------------------------------------------------------------
    def action_undo(self):
        """Put everything back: matches, bank line, open items."""
        self._check_rights()
        for settlement in self:
            settlement._undo()

    def _undo(self):
        self.ensure_one()
        self._hold()
        if self.state != "booked":
            raise UserError(
                self.env._("%(name)s is not booked.", name=self.display_name)
            )
        settlement = self.sudo()
        bank_line = settlement.statement_line_id
        if bank_line:
            # The bank line undoes its settlement with it.
            self._check_open(
                bank_line.date, self.in_bank_line and bool(self.line_ids.tax_ids)
            )
            bank_line.action_undo_reconciliation()
        else:
            settlement._undo_own_entry()

    def _undo_own_entry(self):
        """Take back an entry of its own: cancelled, or reversed in a closed period."""
        entry = self.entry_id.with_context(ropo_undo=True)
        self._check_last(entry.line_ids)
        given_back = self._release()
        entry.line_ids.remove_move_reconcile()
        if entry.inalterable_hash or self._locks(
            entry.date, bool(self.line_ids.tax_ids)
        ):
            today = fields.Date.context_today(self)
            self.reversal_id = entry._reverse_moves(
                [{"date": today, "ref": self.display_name}], cancel=True
            )
        else:
            entry.button_draft()
            entry.button_cancel()
        self._finish_undo(given_back)

    def _check_last(self, items):
        """No other settlement divides up what these items left open."""
        later = self.sudo().search(
            [
                ("source_item_ids", "in", items.ids),
                ("state", "=", "booked"),
                ("id", "not in", self.ids),
            ],
            limit=1,
        )
        if later:
            raise UserError(self.env._("Undo %(name)s first.", name=later.display_name))

    def _release(self):
        """Check that nothing later builds on these settlements.

        :return: journal items of earlier settlements that these ones took back from
            their invoices
        """
        given_back = {}
        self._check_not_sent_again()
        for line in self.line_ids:
            if line.kind != "capital":
                continue
            if line.amount < 0:
                for item in line.item_id.matched_credit_ids.credit_move_id:
                    given_back[item] = line.move_id
                continue
            later = line.search(
                [
                    ("item_id", "in", line.item_id.matched_debit_ids.debit_move_id.ids),
                    ("state", "=", "booked"),
                    ("settlement_id", "not in", self.ids),
                ],
                limit=1,
            )
            if later:
                raise UserError(
                    self.env._(
                        "%(later)s takes back what %(name)s brought for %(invoice)s. "
                        "Undo %(later)s first.",
                        later=later.settlement_id.display_name,
                        name=line.settlement_id.display_name,
                        invoice=line.move_id.name,
                    )
                )
        return given_back

    def _check_not_sent_again(self):
        """What Ropo took back does not come a second time by undoing it."""
        lines = self.line_ids.filtered("assignment_id")
        for case, mine in lines.grouped("assignment_id").items():
            amount = sum(mine.mapped("amount"))
            if amount >= 0:
                continue
            after = case.sudo()._settled_now()[case] - amount
            if self.currency_id.compare_amounts(after, case.paid_to_ropo) <= 0:
                continue
            later = lines.search(
                [
                    ("assignment_id", "=", case.id),
                    ("amount", ">", 0),
                    ("state", "=", "booked"),
                    ("item_id", ">", max(mine.item_id.ids, default=0)),
                    ("settlement_id", "not in", self.ids),
                ],
                order="item_id desc",
                limit=1,
            )
            if later:
                raise UserError(
                    self.env._(
                        "Undo %(name)s first.", name=later.settlement_id.display_name
                    )
                )

    def _finish_undo(self, given_back):
        """The second half of undoing, once the entry is gone."""
        for item, invoice in given_back.items():
            if not item.exists():
                # Of a bank line that is undone together with this one.
                continue
            (item | _open_items(invoice, item.account_id)).reconcile()
        for settlement in self:
            values = {"state": "undone"}
            if settlement.in_bank_line:
                values["entry_id"] = False
            settlement.write(values)
            settlement._message_log(
                body=self.env._("%(user)s undid it.", user=self.env.user.name)
            )
        self._after_change()

    def action_draft(self):
        """Take an undone settlement up again."""
        self._check_rights()
        for settlement in self:
            if settlement.state != "undone":
                raise UserError(
                    self.env._("Undo %(name)s first.", name=settlement.display_name)
                )
            values = {"state": "draft", "entry_id": False, "reversal_id": False}
            settlement.sudo().write(values)


def _open_items(document, account):
    """What a document has open on an account."""
    return document.line_ids.filtered(
        lambda item: item.account_id == account
        and item.parent_state == "posted"
        and not item.reconciled
    )
