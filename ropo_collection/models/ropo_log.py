"""What an auditor asks about and no other record keeps: who did it, when and why."""

from odoo import api, fields, models
from odoo.exceptions import UserError

from .res_company import SETTLEMENT

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

    @api.model
    def _log_exclusion(self, records, wanted):
        """Invoices or customers are about to be excluded, or not any more."""
        facts = []
        for record in records.filtered(lambda one: one.ropo_excluded != bool(wanted)):
            if record._name == "account.move":
                name = record.name or "/"
                company, move = record.company_id, record
                partner = record.commercial_partner_id
            else:
                name = record.name
                company, move = self.env.company, self.env["account.move"]
                partner = record
            facts.append(
                {
                    "kind": "exclusion",
                    "company_id": company.id,
                    "move_id": move.id,
                    "partner_id": partner.id,
                    "text": self.env._("%(name)s is excluded from Ropo.", name=name)
                    if wanted
                    else self.env._(
                        "%(name)s is not excluded from Ropo any more.", name=name
                    ),
                }
            )
        self.sudo().create(facts)

    @api.model
    def _settings(self, companies, names):
        """What those of these fields that are logged say, for people."""
        return {
            (company, name): self._say(company.sudo()[name])
            for company in companies
            for name in SETTLEMENT_FIELDS
            if name in names
        }

    @api.model
    def _log_settings(self, before):
        """What has changed since :meth:`_settings` told this."""
        for (company, name), then in before.items():
            now = self._say(company.sudo()[name])
            if now != then:
                self.sudo().create(
                    {
                        "kind": "settlement",
                        "company_id": company.id,
                        "text": self.env._(
                            "%(field)s: %(before)s → %(now)s",
                            field=company._fields[name]._description_string(self.env),
                            before=then or "–",
                            now=now or "–",
                        ),
                    }
                )

    @api.model
    def _say(self, value):
        """A field's value for people."""
        if isinstance(value, models.BaseModel):
            return ", ".join(value.mapped("display_name"))
        return value or ""
