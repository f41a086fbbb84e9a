from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tools import format_date

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

    @api.depends("entry_id", "date")
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
        self._check_items(items)
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

    @api.model
    def _check_items(self, items):
        """Open items must be Ropo's: a customer's money is reported, not settled."""
        root = items.company_id[:1].root_id
        ropo = root.ropo_settlement_partner_id.commercial_partner_id
        for item in items:
            if (
                item.reconciled
                or item.parent_state != "posted"
                or not item.account_id.reconcile
            ):
                raise UserError(
                    self.env._(
                        "%(item)s has nothing open that could be settled.",
                        item=item.display_name,
                    )
                )
            if not (
                item.account_id == root.ropo_clearing_account_id
                or item.journal_id in root.ropo_settlement_journal_ids
                or item.partner_id.commercial_partner_id & ropo
                or item.move_id.sudo().ropo_settlement_ids
            ):
                raise UserError(
                    self.env._(
                        "%(item)s is not Ropo's: it is neither on the clearing account "
                        "nor of Ropo as a partner.",
                        item=item.display_name,
                    )
                )

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
        self.check_access("read")
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
