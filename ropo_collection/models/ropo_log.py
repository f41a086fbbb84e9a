"""What an auditor asks about and no other record keeps: who did it, when and why."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from .res_company_setup import SETTLEMENT

#: Of a company, what decides whether money is Ropo's, or a loss.
SETTLEMENT_FIELDS = (*SETTLEMENT, "ropo_settlement_words", "ropo_loss_account_ids")
LOGGED = [
    ("exclusion", "Excluded from Ropo, or not any more"),
    ("settlement", "Settlement settings changed"),
    ("word", "Manager's decision"),
    ("shown", "Personal identity number shown"),
]


class RopoLog(models.Model):
    """A fact for the control list. Written once; nobody changes or deletes it."""

    _name = "ropo.log"
    _description = "Fact for the Ropo control list"
    _log_access = False

    kind = fields.Selection(LOGGED, required=True, readonly=True)
    date = fields.Datetime(required=True, readonly=True, default=fields.Datetime.now)
    user_id = fields.Many2one(
        "res.users", required=True, readonly=True, default=lambda self: self.env.uid
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True)
    assignment_id = fields.Many2one("ropo.assignment", string="Case", readonly=True)
    move_id = fields.Many2one(
        "account.move", string="Invoice", ondelete="set null", readonly=True
    )
    partner_id = fields.Many2one("res.partner", ondelete="set null", readonly=True)
    text = fields.Text(readonly=True)

    def write(self, vals):
        if self:
            raise UserError(self.env._("The control list can't be changed."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_never(self):
        raise UserError(self.env._("The control list can't be changed."))


class AccountMove(models.Model):
    # What is logged is a concern of its own.
    _inherit = "account.move"  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        if "ropo_excluded" in vals:
            wanted = bool(vals["ropo_excluded"])
            changed = self.filtered(lambda move: move.ropo_excluded != wanted)
            self.env["ropo.log"].sudo().create(
                [
                    {
                        "kind": "exclusion",
                        "company_id": move.company_id.id,
                        "move_id": move.id,
                        "partner_id": move.commercial_partner_id.id,
                        "text": _excluded(self.env, wanted, move.name or "/"),
                    }
                    for move in changed
                ]
            )
        return super().write(vals)


class ResPartner(models.Model):
    # What is logged is a concern of its own.
    _inherit = "res.partner"  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        if "ropo_excluded" in vals:
            wanted = bool(vals["ropo_excluded"])
            changed = self.filtered(lambda partner: partner.ropo_excluded != wanted)
            self.env["ropo.log"].sudo().create(
                [
                    {
                        "kind": "exclusion",
                        "company_id": self.env.company.id,
                        "partner_id": partner.id,
                        "text": _excluded(self.env, wanted, partner.name),
                    }
                    for partner in changed
                ]
            )
        return super().write(vals)


def _excluded(env, wanted, name):
    if wanted:
        return env._("%(name)s is excluded from Ropo.", name=name)
    return env._("%(name)s is not excluded from Ropo any more.", name=name)


class ResCompany(models.Model):
    # What is logged is a concern of its own.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    def write(self, vals):
        names = [name for name in SETTLEMENT_FIELDS if name in vals]
        before = {
            (company, name): company._ropo_say(name)
            for company in self
            for name in names
        }
        result = super().write(vals)
        for (company, name), then in before.items():
            now = company._ropo_say(name)
            if now != then:
                self.env["ropo.log"].sudo().create(
                    {
                        "kind": "settlement",
                        "company_id": company.id,
                        "text": self.env._(
                            "%(field)s: %(before)s → %(now)s",
                            field=self._fields[name]._description_string(self.env),
                            before=then or "–",
                            now=now or "–",
                        ),
                    }
                )
        return result

    def _ropo_say(self, name):
        """A field's value for people."""
        value = self.sudo()[name]
        if isinstance(value, models.BaseModel):
            return ", ".join(value.mapped("display_name"))
        return value or ""
