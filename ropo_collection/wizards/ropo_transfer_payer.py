from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..models.ropo_payer import PAYER_DATA
from ..tools import identity
from ..tools.sealed import Sealed

#: Where a customer keeps what was typed. The name is changed on the customer only.
WRITE_BACK = {
    "street": "street",
    "zip": "zip",
    "city": "city",
    "country_id": "country_id",
    "bid": "company_registry",
    "email": "email",
    "phone": "phone",
    "language": "lang",
}
ADDRESS = {"street", "zip", "city", "country_id"}


class RopoTransferPayer(models.TransientModel):
    """A debtor of an invoice in the transfer window: read, corrected, or added."""

    _name = "ropo.transfer.payer"
    _inherit = "ropo.payer"
    _description = "Debtor in the transfer window"

    line_id = fields.Many2one("ropo.transfer.line", required=True, ondelete="cascade")
    kind = fields.Selection(default="person")
    # Who types it sees it; it is erased with the transfer.
    ssn = Sealed(masked=False)
    origin = fields.Json(
        help="What was read from the customer: the rest has been typed.",
    )
    needs_ssn = fields.Boolean(compute="_compute_needs_ssn")
    problems = fields.Text(
        string="To be mended", compute="_compute_problems", compute_sudo=True
    )

    @api.model
    def _prepare(self, line):
        """Values of all the debtors of this line's invoice."""
        partner = line.move_id.partner_id
        return [
            {**self._without_ssn(vals), "origin": _data(vals)}
            for vals in partner._ropo_prepare_payers(line._kind())
        ]

    @api.model
    def _without_ssn(self, vals):
        """A number on file is used, but not copied here."""
        return {name: value for name, value in vals.items() if name != "ssn"}

    @api.model_create_multi
    def create(self, vals_list):
        payers = super().create(vals_list)
        payers._hide_personal()
        return payers

    def write(self, vals):
        result = super().write(vals)
        if vals.get("bid"):
            self._hide_personal()
        return result

    def _hide_personal(self):
        """A personal number typed as a business id goes where only few may see it."""
        for payer in self.sudo():
            if identity.is_personal(payer.country_id.code, payer.bid):
                clean = self._normalized(payer._to_dict(), payer.line_id._kind())
                payer.write({name: clean[name] for name in ("kind", "ssn", "bid")})

    def _on_file(self):
        """The customer's data as they are now, the personal number included."""
        self.ensure_one()
        partner = self.line_id.move_id.partner_id if self.main else self.partner_id
        return partner.sudo()._ropo_prepare_payer(self.line_id._kind(), main=self.main)

    @api.onchange("partner_id")
    def _onchange_partner_id(self):
        """Another co-debtor, or the same customer after it was opened and mended."""
        if self.main:
            self.partner_id = self.line_id.partner_id
        if self.partner_id and self.partner_id == self._origin.partner_id:
            self._read_again()
        elif self.partner_id:
            fresh = self._without_ssn(self._on_file())
            self.update({**fresh, "origin": _data(fresh)})

    def _read_again(self):
        """Take what changed on the customer meanwhile; keep what was typed."""
        for payer in self.filtered("partner_id"):
            fresh, origin = _data(payer._on_file()), payer.origin or {}
            shown = _data(payer._to_dict())
            payer.update(
                {
                    **{
                        name: fresh[name]
                        for name in PAYER_DATA
                        if shown[name] == (origin.get(name) or False)
                    },
                    "origin": fresh,
                }
            )

    def _entered(self):
        """Names of what differs from the customer's data."""
        self.ensure_one()
        shown, origin = _data(self._to_dict()), self.origin or {}
        return [
            name for name in PAYER_DATA if shown[name] != (origin.get(name) or False)
        ]

    def _to_dict(self):
        """The debtor as plain values; a number on file counts where one is needed."""
        vals = super()._to_dict()
        needed = self._needs_ssn(vals, self.line_id._kind())
        if not needed:
            vals["ssn"] = False
        elif not vals["ssn"] and self.partner_id:
            vals["ssn"] = self._on_file()["ssn"]
        return vals

    def _case_vals(self):
        """Values of the case's debtor."""
        self.ensure_one()
        typed = ["ssn"] if self.sudo().ssn else []
        return {**self._to_dict(), "entered": self._entered() + typed}

    @api.depends("kind", "country_id", "main", "line_id.receivables_type")
    def _compute_needs_ssn(self):
        for payer in self:
            vals = {
                "kind": payer.kind,
                "country_id": payer.country_id.id,
                "main": payer.main,
            }
            payer.needs_ssn = self._needs_ssn(vals, payer.line_id._kind())

    @api.depends("partner_id", "needs_ssn")
    def _compute_ssn_masked(self):
        for payer in self:
            payer.ssn_masked = identity.mask(payer._to_dict()["ssn"])

    @api.depends(*PAYER_DATA, "ssn", "main", "line_id.receivables_type")
    def _compute_problems(self):
        for payer in self:
            vals, kind = payer._to_dict(), payer.line_id._kind()
            problems = self._wrong_in(vals, kind)
            missing = self._missing_in(vals, kind)
            if missing:
                problems.insert(
                    0, self.env._("Missing: %(missing)s.", missing=", ".join(missing))
                )
            payer.problems = " ".join(problems)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_main(self):
        if any(self.mapped("main")):
            raise UserError(self.env._("The invoice's customer stays its main debtor."))

    # ------------------------------------------------------------------
    # Back to the customer
    # ------------------------------------------------------------------
    def _write_back(self):
        """Keep on the customers what was mended here, with the user's own rights."""
        for payer in self.filtered("partner_id"):
            names = [name for name in payer._entered() if name in WRITE_BACK]
            if payer.sudo().ssn:
                names.append("ssn")
            try:
                payer._write_to_partner(names)
            except AccessError as error:
                raise UserError(
                    self.env._(
                        "You may not change customers. Untick Write back to the "
                        "customer, or ask somebody who may, for invoice %(invoice)s.",
                        invoice=payer.line_id.move_id.name,
                    )
                ) from error

    def _write_to_partner(self, names):
        partner, move = self.partner_id, self.line_id.move_id
        source = move.partner_id if self.main else partner
        address = source._ropo_payer_address(self.main)
        clean = self._normalized(self._to_dict(), self.line_id._kind())
        # What was emptied is only not told to Ropo; the customer keeps it.
        names = [name for name in names if clean[name]]
        for name in names:
            target = address if name in ADDRESS else partner
            if name == "ssn":
                partner.ropo_personal_id = clean["ssn"]
            elif name == "language":
                partner.lang = self._installed_language() or partner.lang
            else:
                target[WRITE_BACK[name]] = clean[name]
            if name == "street":
                target.street2 = False
        if names:
            labels = self.fields_get(names, ["string"]).values()
            partner._message_log(
                body=self.env._(
                    "Corrected with the transfer of %(invoice)s to Ropo: %(names)s",
                    invoice=move.name,
                    names=", ".join(label["string"] for label in labels),
                )
            )

    def _installed_language(self):
        """Odoo's code of the language, where it is installed."""
        for code, _name in self.env["res.lang"].get_installed():
            if self.env["res.partner"]._ropo_language_of(code) == self.language:
                return code
        return False


def _data(vals):
    """What is compared and remembered of a debtor; never the personal number."""
    return {name: vals.get(name) or False for name in PAYER_DATA}
