from odoo import api, fields, models
from odoo.exceptions import UserError

from ..maventa.errors import MaventaError


class RopoLink(models.TransientModel):
    """Find one invoice at Maventa while the user waits, and remember which it is.

    Reading only: it may be repeated, and touches no ledger.
    """

    _name = "ropo.link"
    _description = "Find an invoice at Maventa"

    move_id = fields.Many2one(
        "account.move", string="Invoice", required=True, readonly=True
    )
    line_ids = fields.One2many("ropo.link.line", "wizard_id", string="Found")
    message = fields.Text(readonly=True)
    maventa_id = fields.Char(
        string="Maventa's invoice id",
        help="The id that Maventa shows for the invoice, where the search fails.",
    )

    @api.model
    def _open_for(self, move):
        """Search by number, and show what was found.

        What a look-up in the background has found, and nobody has chosen from yet, is
        shown as it was kept.
        """
        if move.move_type != "out_invoice" or move.state != "posted":
            raise UserError(
                self.env._("Only posted customer invoices can be found at Maventa.")
            )
        wizard = self.create({"move_id": move.id})
        if move.maventa_candidates:
            wizard._show(
                move.maventa_candidates,
                self.env._(
                    "Found under this number when it was last looked up. Choose which "
                    "of them is the invoice, or search again."
                ),
            )
        else:
            wizard.action_search()
        return wizard

    def action_search(self):
        """Ask Maventa what it has under the number of the invoice."""
        self.ensure_one()
        move = self.move_id
        found = self._ask(move, lambda client: client.find_invoices(move.name))
        hit, reason = move._ropo_pick_invoice(found)
        items = [
            {**move._ropo_candidate(item), "differs": move._ropo_differences(item)}
            for item in sorted(found, key=lambda item: item is not hit)
        ]
        self._show(
            items,
            reason or self.env._("Found: number, date, currency and total agree."),
        )
        return self._get_records_action(
            name=self.env._("Find the invoice at Maventa"), target="new"
        )

    def _show(self, items, message):
        self.write(
            {
                "message": message,
                "line_ids": [
                    fields.Command.clear(),
                    *(
                        fields.Command.create(
                            {
                                **item,
                                "differs": ", ".join(item["differs"]),
                                "agrees": not item["differs"],
                            }
                        )
                        for item in items
                    ),
                ],
            }
        )

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
        taken = move._ropo_linked_with(hit.id)
        if taken:
            raise UserError(move._ropo_taken_text(taken))
        if move._ropo_live(("sending", "unknown", "pending", "sent")):
            raise UserError(self.env._("%(name)s is at Ropo already.", name=move.name))
        move._ropo_take_hit(hit)
        differs = move._ropo_differences(hit)
        if differs:
            body = self.env._(
                "%(user)s chose this invoice at Maventa, though %(what)s differs: "
                "invoice id %(id)s.",
                user=self.env.user.name,
                what=move._ropo_and(differs),
                id=hit.id,
            )
        else:
            body = self.env._("Found at Maventa: invoice id %(id)s.", id=hit.id)
        move.message_post(body=body)
        move._ropo_live()._take_choice()
        window = self.env.context.get("ropo_transfer_id")
        if window:
            return self.env["ropo.transfer"].browse(window)._open()
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
    differs = fields.Char(help="What is not the same as in the invoice here.")

    def action_link(self):
        """This is the invoice."""
        self.ensure_one()
        return self.wizard_id._link(self.maventa_id)
