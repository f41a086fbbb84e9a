from odoo import api, fields, models
from odoo.exceptions import UserError

KINDS = [
    ("capital", "Principal"),
    ("recovered", "Recovered credit loss"),
    ("interest", "Interest"),
    ("cost", "Fees"),
    ("bill", "Ropo's bill"),
]
#: These are money for a case.
OF_A_CASE = ("capital", "recovered")


class RopoSettlementLine(models.Model):
    """One share of a settlement: for a case, interest or fees, or against a bill."""

    _name = "ropo.settlement.line"
    _description = "Line of a Ropo settlement"
    _order = "settlement_id, sequence, id"
    _rec_name = "label"

    settlement_id = fields.Many2one(
        "ropo.settlement", required=True, index=True, ondelete="cascade"
    )
    sequence = fields.Integer(default=10)
    kind = fields.Selection(KINDS, required=True, default="capital")
    label = fields.Char(string="Text", help="Printed on the journal item.")
    assignment_id = fields.Many2one(
        "ropo.assignment",
        string="Case",
        index="btree_not_null",
        ondelete="restrict",
        domain="[('currency_id', '=', currency_id),"
        " ('state', 'in', ('sent', 'closed')), ('company_id', 'child_of', company_id)]",
    )
    event_id = fields.Many2one(
        "ropo.assignment.event",
        string="Payment to Ropo",
        index="btree_not_null",
        ondelete="set null",
        readonly=True,
        help="The payment that Ropo told of.",
    )
    bill_id = fields.Many2one(
        "account.move",
        ondelete="restrict",
        index="btree_not_null",
        domain="[('move_type', '=', 'in_invoice'), ('state', '=', 'posted'),"
        " ('payment_state', 'in', ('not_paid', 'partial')),"
        " ('currency_id', '=', currency_id), ('company_id', '=', company_id)]",
        help="A posted bill of Ropo's that is deducted from the settlement.",
    )
    move_id = fields.Many2one(related="assignment_id.move_id", string="Invoice")
    partner_id = fields.Many2one(related="assignment_id.partner_id", string="Customer")
    paid_at = fields.Date(related="event_id.booked_at", string="Paid to Ropo on")
    company_id = fields.Many2one(
        related="settlement_id.company_id", store=True, index=True
    )
    currency_id = fields.Many2one(related="settlement_id.currency_id")
    state = fields.Selection(related="settlement_id.state")
    entry_id = fields.Many2one(related="settlement_id.entry_id")
    amount = fields.Monetary(
        help="With tax. Below 0 for what Ropo takes back or deducts.",
    )
    account_id = fields.Many2one(
        "account.account",
        compute="_compute_account_id",
        store=True,
        readonly=False,
        precompute=True,
        ondelete="restrict",
        help="Of interest, fees and recovered losses. A principal goes to the "
        "invoice's receivable account.",
    )
    tax_ids = fields.Many2many(
        "account.tax",
        string="Taxes",
        compute="_compute_tax_ids",
        store=True,
        readonly=False,
        help="Contained in the amount.",
    )
    from_statement = fields.Boolean(
        string="On Ropo's statement",
        help="Ropo's own statement says so, though Ropo has not told of the payment.",
    )
    reason = fields.Char(string="Why", readonly=True, help="Why this is proposed.")
    item_id = fields.Many2one(
        "account.move.line",
        string="Journal item",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
    )

    @api.depends("kind")
    def _compute_account_id(self):
        for line in self:
            root = line.settlement_id.company_id.root_id
            line.account_id = {
                "interest": root.ropo_interest_account_id,
                "cost": root.ropo_cost_account_id,
                "recovered": root.ropo_recovered_account_id,
            }.get(line.kind, False)

    @api.depends("account_id", "kind")
    def _compute_tax_ids(self):
        for line in self:
            # Whether tax is due again on a recovered loss is for a person to say.
            taxes = line.kind != "recovered" and line.account_id.tax_ids
            line.tax_ids = taxes and taxes._filter_taxes_by_company(
                line.settlement_id.company_id
            )

    @api.onchange("kind", "assignment_id", "bill_id")
    def _onchange_amount(self):
        """Offer what is left, what is to come, or what the bill has open."""
        if self.kind not in OF_A_CASE:
            self.assignment_id = False
        if self.kind != "bill":
            self.bill_id = False
        if self.event_id.assignment_id != self.assignment_id:
            self.event_id = False
        if self.amount:
            return
        if self.bill_id:
            self.amount = -self.bill_id.amount_residual
        elif self.assignment_id:
            self.amount = max(self.assignment_id.to_come, 0.0)
        elif self.kind in ("interest", "cost"):
            self.amount = self.settlement_id.remainder

    # -- guards -------------------------------------------------------------------
    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines.settlement_id._check_draft()
        return lines

    def write(self, vals):
        self.settlement_id._check_draft()
        result = super().write(vals)
        self.settlement_id._check_draft()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_booked(self):
        self.settlement_id._check_draft()

    def _tidy(self):
        """Forget what the line was before it was edited."""
        for line in self:
            if line.kind not in OF_A_CASE and line.assignment_id:
                line.assignment_id = False
            if line.event_id and line.event_id.assignment_id != line.assignment_id:
                line.event_id = False

    # -- booking ------------------------------------------------------------------
    def _check_complete(self):
        """Say what is missing, for which line."""
        for line in self:
            name = line.move_id.name or line.bill_id.name or line.label or line._kind()
            if line.kind in OF_A_CASE and not line.assignment_id:
                text = self.env._("%(line)s: choose the case.", line=name)
            elif line.currency_id.is_zero(line.amount):
                text = self.env._("%(line)s: enter the amount.", line=name)
            elif line.kind == "bill" and not (
                line.bill_id.state == "posted"
                and line.bill_id.move_type == "in_invoice"
            ):
                text = self.env._(
                    "%(line)s: choose a posted bill of Ropo's.", line=name
                )
            elif line.kind == "bill" and line._is_beyond_bill():
                text = self.env._(
                    "%(line)s: at most %(open)s is open on this bill, and it is "
                    "deducted (below 0).",
                    line=name,
                    open=line.currency_id.format(line.bill_id.amount_residual),
                )
            elif line.kind not in ("capital", "bill") and not line.account_id:
                text = self.env._(
                    "%(line)s: choose the account, here or in the settings.", line=name
                )
            elif line.assignment_id and (
                line.assignment_id.currency_id != line.currency_id
                or line.assignment_id.company_id.root_id != line.company_id.root_id
            ):
                text = self.env._(
                    "%(line)s: the case has another currency or company.", line=name
                )
            else:
                continue
            raise UserError(text)

    def _kind(self):
        return dict(self._fields["kind"]._description_selection(self.env))[self.kind]

    def _is_beyond_bill(self):
        lines = self.settlement_id.line_ids.filtered(
            lambda line: line.bill_id == self.bill_id
        )
        deducted = -sum(lines.mapped("amount"))
        return (
            self.amount > 0
            or self.currency_id.compare_amounts(deducted, self.bill_id.amount_residual)
            > 0
        )

    def _document(self):
        """The invoice or bill whose balance this line changes."""
        if self.kind == "capital":
            return self.move_id
        return self.bill_id if self.kind == "bill" else self.env["account.move"]

    def _document_items(self):
        """The journal items of the document on its receivable or payable account."""
        return self._document().line_ids.filtered(
            lambda item: item.account_type in ("asset_receivable", "liability_payable")
        )

    def _prepare_items(self):
        """The journal items of this line, the one it stands for first.

        Taxes are contained in the amount. ``amount_currency`` is below 0 for a credit.
        """
        self.ensure_one()
        ropo = self.settlement_id.company_id._ropo_partner()
        if self.kind in ("capital", "bill"):
            document, items = self._document(), self._document_items()
            items = items.filtered(lambda item: not item.reconciled) or items
            return [
                {
                    "name": self.label or document.name,
                    "partner_id": document.commercial_partner_id.id,
                    "account_id": items[:1].account_id.id,
                    "amount_currency": -self.amount,
                }
            ]
        partner = self.partner_id or ropo
        base = {
            "name": self.label or self._kind(),
            "partner_id": partner.id,
            "account_id": self.account_id.id,
            "amount_currency": -self.amount,
        }
        if not self.tax_ids:
            return [base]
        # Money that comes in is like a sale, what is deducted like a purchase; either
        # way round for the other kind of tax it is a refund.
        sale = self.tax_ids[:1].type_tax_use == "sale"
        sign = 1 if self.amount > 0 else -1
        computed = self.tax_ids.with_context(force_price_include=True).compute_all(
            abs(self.amount),
            currency=self.currency_id,
            partner=partner,
            is_refund=sale != (sign > 0),
        )
        items = [
            {
                "name": tax["name"],
                "partner_id": partner.id,
                "account_id": tax["account_id"] or self.account_id.id,
                "amount_currency": -sign * tax["amount"],
                "tax_repartition_line_id": tax["tax_repartition_line_id"],
                "tax_tag_ids": [fields.Command.set(tax["tag_ids"])],
                "tax_ids": [fields.Command.set(tax["tax_ids"])],
                "tax_base_amount": tax["base"],
                "group_tax_id": tax["group"].id if tax["group"] else False,
            }
            for tax in computed["taxes"]
            if tax["amount"]
        ]
        base.update(
            {
                "amount_currency": -self.amount
                - sum(item["amount_currency"] for item in items),
                "tax_ids": [fields.Command.set(self.tax_ids.ids)],
                "tax_tag_ids": [fields.Command.set(computed["base_tags"])],
            }
        )
        return [base, *items]

    def _take_back(self, item):
        """Open the invoice again by what Ropo takes back.

        The money an earlier settlement brought is un-matched from the invoice, the
        newest first; what is taken back is matched with it, the rest with the invoice
        again. Without such money it stays open on the customer, for a person.
        """
        earlier = self.search(
            [
                ("assignment_id", "=", self.assignment_id.id),
                ("kind", "=", "capital"),
                ("amount", ">", 0),
                ("state", "=", "booked"),
                ("settlement_id", "!=", self.settlement_id.id),
                ("item_id.account_id", "=", item.account_id.id),
            ],
            order="id desc",
        )
        invoice_items = self._document_items()
        for line in earlier:
            if item.reconciled:
                break
            credit = line.item_id
            credit.matched_debit_ids.filtered(
                lambda match: match.debit_move_id in invoice_items
            ).unlink()
            if credit.reconciled:
                # Taken back before.
                continue
            (credit | item).reconcile()
            again = invoice_items.filtered(lambda owed: not owed.reconciled)
            if not credit.reconciled:
                (credit | again).reconcile()
