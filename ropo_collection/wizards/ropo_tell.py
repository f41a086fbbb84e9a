from odoo import api, fields, models
from odoo.exceptions import UserError

from ..models.ropo_assignment import HANDED_OVER

#: What marks the customer, when Ropo is told of it.
MARKS = {"death": "estate", "insolvency": "insolvent"}


class RopoTell(models.TransientModel):
    """What Ropo has to hear from a person: a text to copy, kept in the history.

    The interface knows payments and credit notes only (Maventa's Ropo receivables
    documentation); everything else is told by e-mail or phone.
    """

    _name = "ropo.tell"
    _description = "Tell Ropo"

    move_id = fields.Many2one(
        "account.move", string="Invoice", required=True, readonly=True
    )
    assignment_id = fields.Many2one(
        "ropo.assignment",
        string="Case",
        readonly=True,
        help="The case at Ropo; none where the invoice has not been handed over.",
    )
    kind = fields.Selection(
        [
            ("promise", "The debtor says it is paid, or promises to pay"),
            ("dispute", "The debtor disputes the invoice"),
            ("undisputed", "The invoice is not disputed any more"),
            ("address", "Name or address has changed"),
            ("death", "The debtor has died"),
            ("insolvency", "Bankruptcy, restructuring or arrangement of debts"),
            ("other", "Something else"),
        ],
        string="What it is about",
        required=True,
        default="promise",
    )
    promise_date = fields.Date(
        string="Paid or promised on",
        help="You get an activity on this day, to look whether the money has come.",
    )
    details = fields.Text(
        help="What you have heard, when and from whom. Leave personal identity numbers "
        "out: Ropo knows the debtor by the case number."
    )
    text = fields.Text(
        string="Text for Ropo", compute="_compute_text", help="To be copied and sent."
    )
    contact = fields.Char(string="Ropo's contact", compute="_compute_contact")

    @api.model
    def _open_for(self, kind, move):
        """The action that opens the window about this invoice."""
        wizard = self.create(
            {
                "move_id": move.id,
                "assignment_id": move._ropo_live(HANDED_OVER).id,
                "kind": kind,
            }
        )
        name = wizard._title()
        return wizard._get_records_action(name=name, target="new")

    def _title(self):
        if self.assignment_id:
            return self.env._("Tell Ropo")
        return self.env._("Disputed")

    @api.depends("move_id")
    def _compute_contact(self):
        for wizard in self:
            wizard.contact = wizard.move_id.company_id._ropo_root().ropo_contact

    @api.depends("kind", "promise_date", "details")
    def _compute_text(self):
        for wizard in self:
            lines = [wizard._which_case(), wizard._what(), wizard._told()]
            wizard.text = "\n".join(filter(None, lines))

    def _told(self):
        return self.move_id._ropo_without_personal_ids(self.details).strip()

    def _which_case(self):
        """By what Ropo finds the case."""
        case = self.assignment_id
        return self.env._(
            "Case %(case)s, invoice %(invoice)s of %(date)s, %(debtor)s, %(amount)s "
            "open.",
            case=case.external_id or case.maventa_invoice_id or "–",
            invoice=self.move_id.name,
            date=self.move_id.invoice_date,
            debtor=self.move_id.commercial_partner_id.name,
            amount=self.move_id.currency_id.format(self.move_id.amount_residual),
        )

    def _what(self):
        """The matter in a sentence for Ropo."""
        return {
            "promise": self.env._(
                "The debtor says that it is paid, or will be, on %(date)s.",
                date=self.promise_date,
            )
            if self.promise_date
            else self.env._("The debtor says that it is paid or will be paid."),
            "dispute": self.env._(
                "The debtor disputes the invoice. Please hold the case."
            ),
            "undisputed": self.env._(
                "The invoice is not disputed any more. Please go on with the case."
            ),
            "address": self._address_now(),
            "death": self.env._("The debtor has died."),
            "insolvency": self.env._(
                "The debtor is in bankruptcy, restructuring or an arrangement of debts."
            ),
        }.get(self.kind, "")

    def _address_now(self):
        debtor = self.move_id.commercial_partner_id
        address = debtor if debtor.street else self.move_id.partner_id
        place = [address.street, address.street2]
        place += [" ".join(filter(None, [address.zip, address.city]))]
        return self.env._(
            "The debtor's name and address are now: %(address)s.",
            address=", ".join(
                filter(None, [debtor.name, *place, address.country_id.name])
            ),
        )

    def action_confirm(self):
        """Keep it in the history, and do here what follows from it."""
        self.ensure_one()
        move, case = self.move_id, self.assignment_id
        move._ropo_check_rights()
        told = self._told()
        if self.kind in ("dispute", "other") and not told:
            raise UserError(self.env._("Please say what it is about, under Details."))
        if self.kind == "dispute":
            move._ropo_take_dispute(told)
        elif self.kind == "undisputed":
            move._ropo_take_undisputed()
        if self.kind in MARKS:
            debtor = move.commercial_partner_id.sudo()
            debtor.ropo_special = MARKS[self.kind]
        if case:
            self._remember(case)
        return {"type": "ir.actions.act_window_close"}

    def _remember(self, case):
        """In the history; with an activity for the day on which money should come."""
        self.move_id._ropo_log(
            self.env._("For Ropo, by %(user)s:", user=self.env.user.name)
            + f" {self.text}"
        )
        if self.kind == "address":
            case.sudo().activity_unlink(["ropo_collection.mail_activity_tell"])
        if self.kind == "promise" and self.promise_date:
            case.sudo().activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=self.promise_date,
                user_id=self.env.uid,
                summary=self.env._("Has the money for %(name)s come?", name=case.name),
                note=self._told(),
            )
