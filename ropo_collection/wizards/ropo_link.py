from odoo import api, fields, models
from odoo.exceptions import UserError

from ..maventa.errors import MaventaError


class RopoLink(models.TransientModel):
    """Find one invoice at Maventa while the user waits, and remember which it is.

    Reading only: it may be repeated, and touches no ledger.
    """

    _name = "ropo.link"
    _description = "Find an invoice at Maventa"

    move_id = fields.Many2one("account.move", required=True, readonly=True)
    line_ids = fields.One2many("ropo.link.line", "wizard_id", string="Found")
    message = fields.Text(readonly=True)
    maventa_id = fields.Char(
        string="Maventa's invoice id",
        help="The id that Maventa shows for the invoice, where the search fails.",
    )

    @api.model
    def _open_for(self, move):
        """Search by number, and show what was found."""
        if move.move_type != "out_invoice" or move.state != "posted":
            raise UserError(
                self.env._("Only posted customer invoices can be found at Maventa.")
            )
        found = self._ask(move, lambda client: client.find_invoices(move.name))
        hit, reason = move._ropo_pick_invoice(found)
        return self.create(
            {
                "move_id": move.id,
                "message": reason
                or self.env._("Found: number, date, currency and total agree."),
                "line_ids": [
                    fields.Command.create(self._line_values(move, item))
                    for item in sorted(found, key=lambda item: item is not hit)
                ],
            }
        )

    @api.model
    def _line_values(self, move, item):
        return {
            "maventa_id": item.id,
            "status": item.status,
            "number": item.number,
            "date": item.date,
            "total": float(item.total or 0),
            "currency": item.currency,
            "recipient": item.recipient_name,
            "agrees": move._ropo_is_hit(item),
        }

    @api.model
    def _ask(self, move, question):
        """Ask Maventa for a person who waits; errors become sentences."""
        move._ropo_check_rights()
        company = move.company_id._ropo_root()
        if company.ropo_environment == "demo":
            self.env["ropo.sandbox"].sudo()._learn_invoice(move.sudo())
        try:
            with company._ropo_client() as client:
                return question(client)
        except MaventaError as error:
            raise UserError(self.env["ropo.worker"]._explain(error)) from None

    def action_link_entered(self):
        """Link the invoice with the id that was entered."""
        self.ensure_one()
        wanted = (self.maventa_id or "").strip()
        if not wanted:
            raise UserError(self.env._("Enter Maventa's invoice id."))
        return self._link(wanted)

    def _link(self, maventa_id):
        """Ask Maventa for the invoice, and link it if it can be this one."""
        move = self.move_id
        hit = self._ask(move, lambda client: client.invoice(maventa_id))
        if hit.number and hit.number != move.name:
            raise UserError(
                self.env._(
                    "This is invoice %(there)s at Maventa, not %(here)s.",
                    there=hit.number,
                    here=move.name,
                )
            )
        taken = (
            self.env["account.move"]
            .sudo()
            .search(
                [("maventa_invoice_id", "=", hit.id), ("id", "!=", move.id)], limit=1
            )
        )
        if taken:
            raise UserError(
                self.env._(
                    "This invoice at Maventa is linked with %(other)s already.",
                    other=taken.name,
                )
            )
        if move._ropo_live(("sending", "unknown", "pending", "sent")):
            raise UserError(self.env._("%(name)s is at Ropo already.", name=move.name))
        move._ropo_take_hit(hit)
        move.message_post(
            body=self.env._("Found at Maventa: invoice id %(id)s.", id=hit.id)
        )
        return {"type": "ir.actions.act_window_close"}


class RopoLinkLine(models.TransientModel):
    _name = "ropo.link.line"
    _description = "Invoice found at Maventa"

    wizard_id = fields.Many2one("ropo.link", required=True, ondelete="cascade")
    maventa_id = fields.Char(string="Maventa's invoice id")
    status = fields.Char()
    number = fields.Char()
    date = fields.Date()
    total = fields.Float(help="With tax.")
    currency = fields.Char()
    recipient = fields.Char()
    agrees = fields.Boolean(help="Number, date, currency and total are the same.")

    def action_link(self):
        """This is the invoice."""
        self.ensure_one()
        return self.wizard_id._link(self.maventa_id)
