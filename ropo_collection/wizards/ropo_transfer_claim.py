from datetime import timedelta

from odoo import api, fields, models

from ..models.account_move_verdict import DAYS_INKASSOVARSEL
from ..models.ropo_claim import CLAIM_DATA
from ..models.ropo_payer import PAYER_DATA

DEBTOR_FIELDS = [f"payer_ids.{name}" for name in PAYER_DATA]
RENTAL_DATA = [name for name in CLAIM_DATA if name.startswith("rental_")]


class RopoTransfer(models.TransientModel):
    _inherit = "ropo.transfer"

    proposed_count = fields.Integer(compute="_compute_proposed_count")

    @api.depends("line_ids.proposed_date", "line_ids.reminder_date")
    def _compute_proposed_count(self):
        for wizard in self:
            wizard.proposed_count = len(
                wizard.line_ids.filtered(
                    lambda line: line.proposed_date and not line.reminder_date
                )
            )

    def action_use_proposals(self):
        """Confirm that the messages Odoo sent after the due dates were reminders."""
        self.ensure_one()
        lines = self.line_ids.filtered(lambda line: not line.reminder_date)
        lines._use_proposal()
        return self._open()


class RopoTransferLine(models.TransientModel):
    """The line's own form: debtors, kind, rental contract, reminders, fees, summary."""

    _name = "ropo.transfer.line"
    _inherit = ["ropo.transfer.line", "ropo.claim"]

    currency_id = fields.Many2one(related="move_id.currency_id")
    country_code = fields.Char(
        related="move_id.company_id.account_fiscal_country_id.code"
    )
    collection_type = fields.Selection(related="wizard_id.collection_type")
    payer_ids = fields.One2many(
        "ropo.transfer.payer", "line_id", string="Debtors", copy=False
    )
    write_back = fields.Boolean(
        string="Write back to the customer",
        help="What you have corrected here is kept on the customers, too, where you "
        "may change them.",
    )
    is_edited = fields.Boolean(compute="_compute_is_edited")
    proposed_date = fields.Date(
        compute="_compute_proposed",
        help="When Odoo last sent the customer a message on this invoice after the due "
        "date. Whether it was a reminder, you know.",
    )
    proposed_channel = fields.Selection(
        [("email", "e-mail"), ("letter", "letter")], compute="_compute_proposed"
    )

    @api.depends("move_id", "wizard_id.collection_type")
    def _compute_proposed(self):
        lines = self.filtered(
            lambda line: line.collection_type == "collection"
            and line.country_code in ("FI", "NO")
        )
        sent = lines.move_id._ropo_reminders_sent() if lines else {}
        for line in self:
            move = line.move_id if line in lines else None
            line.proposed_date, line.proposed_channel = sent.get(move, (False, False))

    @api.depends("payer_ids.origin", "payer_ids.ssn", *DEBTOR_FIELDS)
    def _compute_is_edited(self):
        for line in self:
            line.is_edited = any(
                payer._entered() or payer.sudo().ssn for payer in line.payer_ids
            )

    @api.depends(*CLAIM_DATA, "payer_ids.ssn", "payer_ids.partner_id", *DEBTOR_FIELDS)
    def _compute_verdict(self):
        return super()._compute_verdict()

    # ------------------------------------------------------------------
    # Data that follow other data
    # ------------------------------------------------------------------
    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        lines._fill_rental()
        return lines

    def write(self, vals):
        result = super().write(vals)
        if "receivables_type" in vals:
            self._fill_rental()
            self.payer_ids._read_again()
        return result

    @api.onchange("receivables_type")
    def _onchange_receivables_type(self):
        self._fill_rental()
        self.payer_ids._read_again()

    @api.onchange("reminder_date")
    def _onchange_reminder_date(self):
        """The usual time to pay of an inkassovarsel."""
        if self.country_code == "NO" and self.reminder_date:
            self.reminder_deadline = self.reminder_date + timedelta(
                days=DAYS_INKASSOVARSEL
            )

    def _fill_rental(self):
        """The contract of the same customer's last rental claim, if any."""
        lines = self.filtered(
            lambda line: (line.receivables_type or "").endswith("_rental")
            and not line.rental_address
        )
        if not lines:
            return
        cases = (
            self.env["ropo.assignment"]
            .sudo()
            .search(
                [
                    ("partner_id", "in", lines.partner_id.ids),
                    ("company_id", "in", lines.move_id.company_id.ids),
                    ("rental_address", "!=", False),
                ],
                order="id",
            )
        )
        last = {(case.company_id, case.partner_id): case for case in cases}
        for line in lines:
            case = last.get((line.move_id.company_id, line.partner_id))
            if case:
                line.update({name: case[name] for name in RENTAL_DATA})

    def _kind(self):
        """The kind of claim that debtors are prepared for."""
        return self.receivables_type or self.move_id._ropo_type()

    def _use_proposal(self):
        for line in self.filtered("proposed_date"):
            line.reminder_date = line.proposed_date
            line.reminder_channel = line.proposed_channel
            line._onchange_reminder_date()

    # ------------------------------------------------------------------
    # Buttons
    # ------------------------------------------------------------------
    def action_details(self):
        """Open everything that can be said about this claim."""
        self.ensure_one()
        if not self.payer_ids:
            payers = self.env["ropo.transfer.payer"]._prepare(self)
            self.payer_ids = [fields.Command.create(vals) for vals in payers]
        return self._get_records_action(
            name=self.env._("Invoice %(name)s", name=self.move_id.name),
            target="new",
            context={**self.env.context, "dialog_size": "extra-large"},
        )

    def action_back(self):
        """Back to the list, with a new verdict."""
        self.ensure_one()
        self.payer_ids._read_again()
        self._compute_verdict()
        return self.wizard_id._open()

    def action_use_proposal(self):
        """Confirm that the message Odoo sent was the reminder."""
        self._use_proposal()
        return self.action_details()

    # ------------------------------------------------------------------
    # The transfer
    # ------------------------------------------------------------------
    def _claim(self):
        """The claim as :meth:`account.move._ropo_verdicts` takes it."""
        self.ensure_one()
        return {
            **self._claim_data(),
            "receivables_type": self.receivables_type,
            "collection_type": self.wizard_id.collection_type,
            "payers": [payer._to_dict() for payer in self.payer_ids] or None,
        }

    def _case_vals(self):
        """What a case takes over from this line."""
        self.ensure_one()
        claim = self._claim_data()
        if not self.receivables_type.endswith("_rental"):
            claim.update(dict.fromkeys(RENTAL_DATA, False))
        if not self.interest_amount:
            claim["interest_date"] = False
        return {
            **claim,
            "receivables_type": self.receivables_type,
            "summary": self.summary,
            "payers": [payer._case_vals() for payer in self.sudo().payer_ids],
        }

    def _keep_decisions(self):
        """Before the cases: what was mended goes back to customers where wanted."""
        self.filtered("write_back").payer_ids._write_back()
        for line in self:
            usual = line.move_id._ropo_type()
            asked = line.move_id.partner_id._ropo_is_sole_trader()
            if line.receivables_type[:3] != usual[:3] and not usual.startswith("b2b"):
                line._note_business(usual)
            if asked and line.partner_id.has_access("write"):
                # The answer of who knows: not asked again.
                line.partner_id.ropo_receivables_type = line.receivables_type
        # What was typed of personal numbers lives on the cases only.
        self.sudo().payer_ids.ssn = False

    def _note_business(self, usual):
        """Making a consumer's claim a company's is a deliberate act."""
        labels = dict(self._fields["receivables_type"]._description_selection(self.env))
        self.move_id._message_log(
            body=self.env._(
                "%(user)s hands this over to Ropo as %(chosen)s instead of %(usual)s.",
                user=self.env.user.name,
                chosen=labels[self.receivables_type],
                usual=labels[usual],
            )
        )
