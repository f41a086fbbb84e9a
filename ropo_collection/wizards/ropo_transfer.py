from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.res_company import COLLECTION_TYPES, RECEIVABLES_TYPES
from ..tools import summary


class RopoTransfer(models.TransientModel):
    """Hand over selected invoices: a verdict for each, then the progress.

    Nothing is sent from here. The cases are queued, a scheduled action sends them,
    and the window may be closed.
    """

    _name = "ropo.transfer"
    _description = "Transfer to Ropo"

    state = fields.Selection(
        [("choose", "Choose"), ("progress", "Progress")], default="choose"
    )
    line_ids = fields.One2many("ropo.transfer.line", "wizard_id", string="Invoices")
    collection_type = fields.Selection(
        COLLECTION_TYPES, required=True, default="reminder_and_collection"
    )
    confirm_warnings = fields.Boolean(
        string="I have checked the warnings; hand these over too",
        help="Kept on the cases with your name.",
    )
    upload_policy = fields.Selection(
        [("ask", "Ask"), ("always", "Always"), ("never", "Never")], readonly=True
    )
    upload_missing = fields.Boolean(
        string="Upload invoices that Maventa does not have",
        help="Each invoice is looked up at Maventa first. One that is not there, as it "
        "was printed, mailed or sent through another operator, is uploaded: Maventa "
        "stores it for Ropo. Nothing is sent to the customer by that.",
    )
    choose_count = fields.Integer(compute="_compute_choose_count")
    currency_id = fields.Many2one("res.currency", compute="_compute_totals")
    ready_count = fields.Integer(string="To hand over", compute="_compute_totals")
    ready_amount = fields.Monetary(string="Sum", compute="_compute_totals")
    warning_count = fields.Integer(compute="_compute_totals")
    blocked_count = fields.Integer(compute="_compute_totals")
    more_count = fields.Integer(
        readonly=True,
        help="Other invoices of the same customers that may be handed over, too.",
    )
    assignment_ids = fields.Many2many("ropo.assignment", string="Cases")
    in_progress = fields.Boolean(compute="_compute_progress")
    done_count = fields.Integer(string="At Ropo", compute="_compute_progress")
    waiting_count = fields.Integer(string="On the way", compute="_compute_progress")
    failed_count = fields.Integer(string="Need a person", compute="_compute_progress")

    @api.model
    def _open_for(self, invoices):
        """A wizard for these invoices, with its verdicts.

        Whether a sole trader bought for the business, only a person knows: the kind
        stays open.
        """
        company = invoices.company_id[:1]
        return self.create(
            {
                "collection_type": company._ropo_default_collection_type(),
                "upload_policy": company._ropo_root().ropo_upload_policy,
                "upload_missing": company._ropo_root().ropo_upload_policy == "always",
                "more_count": len(invoices._ropo_more_of_customers()),
                "line_ids": self._lines_for(invoices),
            }
        )

    @api.model
    def _lines_for(self, invoices):
        return [
            fields.Command.create(
                {
                    "move_id": move.id,
                    "receivables_type": not move.partner_id._ropo_is_sole_trader()
                    and move._ropo_type(),
                    "summary": move._ropo_summary(),
                }
            )
            for move in invoices
        ]

    def action_add_more(self):
        """Offer all invoices of these customers together."""
        self.ensure_one()
        more = self.line_ids.move_id._ropo_more_of_customers()
        self.write({"line_ids": self._lines_for(more), "more_count": 0})
        return self._open()

    def _chosen(self):
        """The lines that would be handed over now."""
        self.ensure_one()
        wanted = {"ready", "warning"} if self.confirm_warnings else {"ready"}
        return self.line_ids.filtered(
            lambda line: line.include
            and line.receivables_type
            and line.verdict in wanted
        )

    @api.depends("line_ids.verdict", "line_ids.include", "confirm_warnings")
    def _compute_totals(self):
        for wizard in self:
            chosen = wizard._chosen()
            currencies = chosen.currency_id or wizard.line_ids.currency_id
            wizard.currency_id = currencies[:1] or self.env.company.currency_id
            wizard.ready_count = len(chosen)
            wizard.ready_amount = sum(chosen.mapped("amount"))
            verdicts = wizard.line_ids.mapped("verdict")
            wizard.warning_count = verdicts.count("warning")
            wizard.blocked_count = verdicts.count("blocked")

    @api.depends("line_ids.maventa")
    def _compute_choose_count(self):
        for wizard in self:
            wizard.choose_count = wizard.line_ids.mapped("maventa").count("choose")

    @api.depends("assignment_ids.state")
    def _compute_progress(self):
        for wizard in self:
            states = wizard.assignment_ids.mapped("state")
            wizard.done_count = sum(state in ("sent", "closed") for state in states)
            wizard.failed_count = sum(
                state in ("error", "cancelled") for state in states
            )
            wizard.waiting_count = len(states) - wizard.done_count - wizard.failed_count
            wizard.in_progress = bool(wizard.waiting_count)

    def action_transfer(self):
        """Queue the chosen invoices and show the progress."""
        self.ensure_one()
        lines = self._chosen()
        lines.move_id._ropo_check_rights()
        # What the window shows may be old: everything is checked once more here,
        # and again under the lock before each is sent.
        lines.payer_ids._read_again()
        lines._compute_verdict()
        lines = self._chosen()
        if not lines:
            why = "\n".join(
                f"{line.move_id.name}: {line.reasons}" for line in self.line_ids[:10]
            )
            raise UserError(
                self.env._("Nothing is ready to be handed over.\n%(why)s", why=why)
            )
        cases = self.env["ropo.assignment"]
        claims = {line: line._case_vals() for line in lines}
        lines._keep_decisions()
        for line in lines:
            cases |= cases._create_for(
                line.move_id,
                collection_type=self.collection_type,
                **claims[line],
                upload_missing=self.upload_missing,
                warnings_confirmed=line.reasons if line.verdict == "warning" else False,
                confirmed=line.to_confirm,
            )
        self.env["ropo.worker"]._trigger_once("cron_transfer")
        self.write({"state": "progress", "assignment_ids": [(6, 0, cases.ids)]})
        return self._open()

    def _open(self):
        """This wizard in a window wide enough for the reasons."""
        return self._get_records_action(
            name=self.env._("Transfer to Ropo"),
            target="new",
            context={**self.env.context, "dialog_size": "extra-large"},
        )

    def action_view_cases(self):
        """The cases of this transfer as a list."""
        return self.assignment_ids._get_records_action(name=self.env._("Ropo cases"))


class RopoTransferLine(models.TransientModel):
    _name = "ropo.transfer.line"
    _description = "Invoice to hand over to Ropo"
    _order = "rank, id"

    wizard_id = fields.Many2one("ropo.transfer", required=True, ondelete="cascade")
    move_id = fields.Many2one("account.move", string="Invoice", required=True)
    partner_id = fields.Many2one(related="move_id.commercial_partner_id")
    currency_id = fields.Many2one(related="move_id.currency_id")
    amount = fields.Monetary(related="move_id.amount_residual", string="Claim")
    invoice_date_due = fields.Date(related="move_id.invoice_date_due")
    receivables_type = fields.Selection(RECEIVABLES_TYPES, string="Kind of claim")
    summary = fields.Char(
        required=True,
        help="What the claim is for, printed on Ropo's letters: 2 to 64 characters.",
    )
    maventa = fields.Selection(
        [
            ("found", "Found"),
            ("unknown", "Not looked up yet"),
            ("upload", "Upload it"),
            ("choose", "Choose"),
            ("missing", "Not there"),
        ],
        string="At Maventa",
        compute="_compute_maventa",
        help="Whether Maventa has the invoice. Each is looked up before it is handed "
        "over.",
    )
    include = fields.Boolean(string="Hand over", default=True)
    verdict = fields.Selection(
        [("blocked", "Not possible"), ("warning", "Check first"), ("ready", "Ready")],
        compute="_compute_verdict",
        store=True,
    )
    reasons = fields.Text(compute="_compute_verdict", store=True)
    to_confirm = fields.Json(compute="_compute_verdict", store=True)
    rank = fields.Integer(
        compute="_compute_rank", store=True, help="What needs a look comes first."
    )

    @api.depends("move_id", "receivables_type", "summary", "wizard_id.collection_type")
    def _compute_verdict(self):
        verdicts = self.move_id._ropo_verdicts(
            claims={line.move_id: line._claim() for line in self}
        )
        for line in self:
            verdict = verdicts.get(line.move_id)
            if verdict is None:
                line.verdict, line.reasons, line.to_confirm = "blocked", False, []
                continue
            blocks = [text for _code, text in verdict.blocks]
            blocks += line._own_blocks()
            warnings = [text for _code, text in verdict.warnings]
            line.to_confirm = verdict.to_confirm
            line.verdict = "blocked" if blocks else "warning" if warnings else "ready"
            line.reasons = "\n".join(blocks or warnings) or line._ready_note()

    @api.depends(
        "move_id.maventa_invoice_id",
        "move_id.maventa_lookup",
        "wizard_id.upload_missing",
    )
    def _compute_maventa(self):
        for line in self:
            known = line.move_id.maventa_lookup
            if line.move_id.maventa_invoice_id:
                line.maventa = "found"
            elif known == "missing":
                line.maventa = "upload" if line.wizard_id.upload_missing else "missing"
            else:
                line.maventa = "choose" if known == "choose" else "unknown"

    def action_choose(self):
        """Open the choice among what Maventa has under the invoice's number."""
        self.ensure_one()
        action = self.move_id.action_ropo_link()
        # One window takes the place of the other; this one comes back afterwards.
        action["context"] = {
            **self.env.context,
            **(action.get("context") or {}),
            "ropo_transfer_id": self.wizard_id.id,
        }
        return action

    @api.depends("verdict")
    def _compute_rank(self):
        order = ("warning", "blocked", "ready")
        for line in self:
            line.rank = order.index(line.verdict) if line.verdict else len(order)

    def _own_blocks(self):
        """What is wrong with the data entered in this line."""
        blocks = []
        if not summary.fits(self.summary):
            blocks.append(self.env._("The summary must have 2 to 64 characters."))
        return blocks

    def _ready_note(self):
        if self.move_id.maventa_status == "PENDING":
            return self.env._(
                "Maventa is still delivering the invoice; it is handed over after that."
            )
        if self.move_id.maventa_invoice_id:
            return False
        if self.move_id.maventa_lookup == "choose":
            return self.env._(
                "Maventa has several invoices with this number, or one that differs: "
                "choose which it is."
            )
        if self.move_id.maventa_lookup == "missing":
            return self.env._(
                "Maventa did not have it when it was looked up; that is done again."
            )
        return self.env._("Not looked up at Maventa yet; that happens first.")
