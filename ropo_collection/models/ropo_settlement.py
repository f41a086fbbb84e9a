import re

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tools import format_date

from ..tools import settle

#: Set by buttons only.
GUARDED = {"state", "entry_id", "reversal_id", "statement_line_id"}
#: Notes and activities may be added whatever the state.
FREE = ("message_", "activity_", "website_message_", "rating_")


class RopoSettlement(models.Model):
    """Money from Ropo: which debtors' payments, interest and fees it is made of.

    A draft is a proposal that a person edits. Booked, it is a journal entry: the bank
    line's own one, or one of its own. Its entry is Ropo's money by this link, whatever
    the bank's text says, so nothing of it is ever reported to Ropo.
    """

    _name = "ropo.settlement"
    _description = "Settlement of Ropo"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _rec_name = "reference"
    _rec_names_search = ["reference", "entry_id.name"]

    company_id = fields.Many2one(
        related="journal_id.company_id", store=True, index=True, precompute=True
    )
    currency_id = fields.Many2one(
        "res.currency", compute="_compute_currency_id", store=True, precompute=True
    )
    state = fields.Selection(
        [("draft", "Draft"), ("booked", "Booked"), ("undone", "Undone")],
        required=True,
        default="draft",
        readonly=True,
        copy=False,
        tracking=True,
    )
    journal_id = fields.Many2one(
        "account.journal",
        required=True,
        default=lambda self: self._default_journal(),
        domain="[('type', 'in', ('bank', 'cash')),"
        " ('company_id', 'in', allowed_company_ids)]",
        help="The bank journal the money came to.",
    )
    date = fields.Date(
        required=True,
        default=fields.Date.context_today,
        help="When it is booked: the bank's day, unless that is closed already.",
    )
    reference = fields.Char(help="Of Ropo's statement or of the bank line.")
    statement_line_id = fields.Many2one(
        "account.bank.statement.line",
        string="Bank line",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
    )
    in_bank_line = fields.Boolean(
        compute="_compute_in_bank_line",
        help="Booked in the bank line's own journal entry.",
    )
    amount = fields.Monetary(
        string="Money",
        help="What came to the bank. 0 for a settlement without money; below 0 where "
        "Ropo took money back.",
    )
    source_item_ids = fields.Many2many(
        "account.move.line",
        "ropo_settlement_source_rel",
        string="Open items",
        copy=False,
        domain="[('company_id', '=', company_id), ('parent_state', '=', 'posted'),"
        " ('reconciled', '=', False), ('account_id.reconcile', '=', True),"
        " ('currency_id', '=', currency_id),"
        " '|', ('account_id', '=', clearing_account_id),"
        " ('partner_id', 'child_of', ropo_partner_id)]",
        help="What else is divided up here: a registered payment of Ropo's, an entry "
        "from its report, or what earlier settlements left on the clearing account.",
    )
    source_amount = fields.Monetary(
        string="From open items",
        compute="_compute_source_amount",
        store=True,
        help="What they had open.",
    )
    line_ids = fields.One2many("ropo.settlement.line", "settlement_id", copy=True)
    allocated = fields.Monetary(compute="_compute_sums")
    remainder = fields.Monetary(
        string="Left for the clearing account",
        compute="_compute_sums",
        help="Stays open there. Below 0: Ropo sent less than it settles, for fees it "
        "will bill.",
    )
    explanation = fields.Text(
        string="Proposal", readonly=True, copy=False, help="Why these lines."
    )
    uncertain = fields.Boolean(
        readonly=True, copy=False, help="Other payments would make the same sum."
    )
    checked = fields.Boolean(
        string="Compared with Ropo's statement",
        copy=False,
        help="The proposal is one of several that make this sum.",
    )
    # Which columns the lines need
    has_recovered = fields.Boolean(compute="_compute_sums")
    has_bill = fields.Boolean(compute="_compute_sums")
    has_account = fields.Boolean(compute="_compute_sums")
    has_untold = fields.Boolean(compute="_compute_sums")
    entry_id = fields.Many2one(
        "account.move",
        string="Journal entry",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
    )
    reversal_id = fields.Many2one(
        "account.move",
        readonly=True,
        copy=False,
        ondelete="set null",
    )
    clearing_account_id = fields.Many2one(
        "account.account", compute="_compute_settings"
    )
    ropo_partner_id = fields.Many2one("res.partner", compute="_compute_settings")
    case_count = fields.Integer(compute="_compute_sums")

    _bank_line_unique = models.UniqueIndex(
        "(statement_line_id) WHERE statement_line_id IS NOT NULL AND state <> 'undone'",
        "This bank line has a settlement already.",
    )

    def _default_journal(self):
        company = self.env.company
        mine = company._ropo_root().ropo_settlement_journal_ids.filtered(
            lambda journal: journal.company_id == company
        )
        return mine[:1] or self.env["account.journal"].search(
            [("company_id", "=", company.id), ("type", "=", "bank")], limit=1
        )

    @api.depends("entry_id.name", "date")
    def _compute_display_name(self):
        for settlement in self:
            settlement.display_name = settlement.entry_id.name or self.env._(
                "Settlement of %(date)s",
                date=format_date(self.env, settlement.date),
            )

    @api.depends("journal_id")
    def _compute_currency_id(self):
        for settlement in self:
            journal = settlement.journal_id
            settlement.currency_id = (
                journal.currency_id or journal.company_id.currency_id
            )

    @api.depends("entry_id", "statement_line_id")
    def _compute_in_bank_line(self):
        for settlement in self:
            line = settlement.statement_line_id
            settlement.in_bank_line = line and line.move_id == settlement.entry_id

    @api.depends("source_item_ids")
    def _compute_source_amount(self):
        """Their open balance: read again when it is booked, and kept from then on."""
        for settlement in self:
            settlement.source_amount = -sum(
                settlement.source_item_ids.mapped("amount_residual_currency")
            )

    @api.depends(
        "amount",
        "source_amount",
        "line_ids.amount",
        "line_ids.kind",
        "line_ids.assignment_id",
    )
    def _compute_sums(self):
        for settlement in self:
            lines, currency = settlement.line_ids, settlement.currency_id
            settlement.allocated = sum(lines.mapped("amount"))
            settlement.remainder = (
                settlement.amount + settlement.source_amount - settlement.allocated
            )
            if currency:
                settlement.remainder = currency.round(settlement.remainder)
            kinds = set(lines.mapped("kind"))
            settlement.has_recovered = "recovered" in kinds
            settlement.has_bill = "bill" in kinds
            settlement.has_account = bool(kinds - {"capital", "bill"})
            settlement.has_untold = any(
                line.assignment_id and not line.event_id for line in lines
            )
            settlement.case_count = len(lines.assignment_id)

    @api.depends("company_id")
    def _compute_settings(self):
        for settlement in self:
            company = settlement.company_id or self.env.company
            settlement.clearing_account_id = (
                company._ropo_root().ropo_clearing_account_id
            )
            settlement.ropo_partner_id = company._ropo_partner()

    # ------------------------------------------------------------------
    # Rights and guards
    # ------------------------------------------------------------------
    def _check_rights(self):
        """Settlements are booked by those who may invoice."""
        if not self.env.su and not self.env.user.has_group(
            "account.group_account_invoice"
        ):
            raise AccessError(
                self.env._("Only users with invoicing rights can settle Ropo's money.")
            )
        self.check_access("write")

    def _check_draft(self):
        """What is booked stays as it is."""
        if not self.env.su and any(row.state != "draft" for row in self):
            raise UserError(
                self.env._(
                    "A settlement can be changed only as a draft. Undo it first."
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su and any(GUARDED & vals.keys() for vals in vals_list):
            raise AccessError(self.env._("A settlement begins as a draft."))
        return super().create(vals_list)

    def write(self, vals):
        if not self.env.su and not all(name.startswith(FREE) for name in vals):
            self._check_draft()
            if GUARDED & vals.keys():
                raise AccessError(
                    self.env._("A settlement is booked and undone by its buttons.")
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_booked(self):
        if any(row.state == "booked" for row in self):
            raise UserError(
                self.env._("A booked settlement can't be deleted. Undo it first.")
            )

    # ------------------------------------------------------------------
    # Where it starts
    # ------------------------------------------------------------------
    @api.model
    def _prepare_from_bank_line(self, line):
        """A draft of what the bank line brought."""
        return {
            "journal_id": line.journal_id.id,
            "statement_line_id": line.id,
            "date": line.date,
            "amount": line.amount,
            "reference": line.payment_ref,
        }

    @api.model
    def _prepare_from_items(self, items, date):
        """A draft of what journal items have open."""
        company = items.company_id
        if len(company) != 1 or len(items.currency_id) != 1:
            raise UserError(
                self.env._("Choose items of one company and one currency only.")
            )
        for item in items:
            if item.reconciled or not item.account_id.reconcile:
                raise UserError(
                    self.env._(
                        "%(item)s has nothing open that could be settled.",
                        item=item.display_name,
                    )
                )
        journal = self.with_company(company)._default_journal()
        currency = journal.currency_id or company.currency_id
        if currency != items.currency_id:
            journal = journal.search(
                [
                    ("company_id", "=", company.id),
                    ("type", "=", "bank"),
                    ("currency_id", "=", items.currency_id.id),
                ],
                limit=1,
            )
        return {
            "journal_id": journal.id,
            "date": date,
            "amount": 0.0,
            "source_item_ids": [Command.set(items.ids)],
            "reference": ", ".join(
                dict.fromkeys(filter(None, items.mapped("move_id.name")))
            ),
        }

    # ------------------------------------------------------------------
    # The proposal
    # ------------------------------------------------------------------
    def action_propose(self):
        """Replace the lines by what the money may be, and say why."""
        self._check_rights()
        self._check_draft()
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

    # ------------------------------------------------------------------
    # Booking
    # ------------------------------------------------------------------
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
        self._compute_source_amount()
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
                amount=self.currency_id.format(self.amount + self.source_amount)
                if not self.source_item_ids
                else self.currency_id.format(self.allocated),
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
            self.env.cr.execute(
                "UPDATE ropo_assignment SET turn = COALESCE(turn, 0) + 1 "
                "WHERE id IN %s",
                (tuple(sorted(cases.ids)),),
            )
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
        for item in self.source_item_ids:
            if item.reconciled or item.parent_state != "posted":
                raise UserError(
                    self.env._(
                        "%(item)s has nothing open that could be settled.",
                        item=item.display_name,
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
        if others or self.currency_id.compare_amounts(line.amount, self.amount):
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
        rate = (
            balance / money
            if money
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

    def _release(self):
        """Check that nothing later builds on these settlements.

        :return: journal items of earlier settlements that these ones took back from
            their invoices
        """
        given_back = {}
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

    def _finish_undo(self, given_back):
        """The second half of undoing, once the entry is gone."""
        for item, invoice in given_back.items():
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

    # ------------------------------------------------------------------
    # Other buttons
    # ------------------------------------------------------------------
    def action_view_entry(self):
        """Open the journal entry."""
        self.ensure_one()
        return self.entry_id._get_records_action()

    def action_view_cases(self):
        """Open the cases it has money for."""
        self.ensure_one()
        return self.line_ids.assignment_id._get_records_action(name=self.env._("Cases"))

    def action_view_clearing(self):
        """What is open on the clearing account."""
        account = self.env.company._ropo_root().ropo_clearing_account_id

        def view(name):
            return self.env.ref(f"ropo_collection.account_move_line_view_{name}")

        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Open on the clearing account"),
            "res_model": "account.move.line",
            "view_mode": "list",
            "views": [(view("clearing").id, "list")],
            "search_view_id": [view("clearing_search").id],
            "domain": [
                ("account_id", "=", account.id),
                ("parent_state", "=", "posted"),
                ("reconciled", "=", False),
            ],
        }


def _open_items(document, account):
    """What a document has open on an account."""
    return document.line_ids.filtered(
        lambda item: item.account_id == account
        and item.parent_state == "posted"
        and not item.reconciled
    )
