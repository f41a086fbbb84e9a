from odoo import api, fields, models

from ..maventa import wire


class RopoAssignmentPayer(models.Model):
    """A debtor of a case, as told to Ropo when the case was handed over."""

    _name = "ropo.assignment.payer"
    _description = "Debtor of a Ropo case"
    _order = "main desc, id"

    assignment_id = fields.Many2one(
        "ropo.assignment", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="assignment_id.company_id", store=True, index=True
    )
    partner_id = fields.Many2one("res.partner", string="Customer", ondelete="restrict")
    kind = fields.Selection(
        [("company", "Company"), ("person", "Person")], required=True
    )
    main = fields.Boolean(string="Main debtor")
    name = fields.Char(required=True)
    bid = fields.Char(string="Business id")
    ssn = fields.Char(
        string="Personal identity number",
        groups="ropo_collection.group_personal_id",
        copy=False,
    )
    ssn_masked = fields.Char(
        string="Personal id", compute="_compute_ssn_masked", compute_sudo=True
    )
    street = fields.Char()
    zip = fields.Char()
    city = fields.Char()
    country_id = fields.Many2one("res.country")
    email = fields.Char()
    phone = fields.Char(help="In international form, such as +358 40 123456.")
    language = fields.Selection(
        [
            ("fi", "Finnish"),
            ("sv", "Swedish"),
            ("nb", "Norwegian Bokmål"),
            ("en", "English"),
        ],
        help="The language Ropo writes to this debtor in.",
    )

    @api.depends("ssn")
    def _compute_ssn_masked(self):
        for payer in self:
            payer.ssn_masked = f"…{payer.ssn[-2:]}" if payer.ssn else False

    def _missing(self, receivables_type):
        """What Ropo needs and is not there, in words."""
        self.ensure_one()
        return self._missing_in(self._to_dict(), receivables_type)

    def _to_dict(self):
        payer = self.sudo()
        return {
            name: payer[name].id if name.endswith("_id") else payer[name]
            for name in (
                "kind",
                "name",
                "bid",
                "ssn",
                "street",
                "zip",
                "city",
                "country_id",
            )
        }

    @api.model
    def _missing_in(self, vals, receivables_type):
        """The same for values that are not a record yet.

        :return: a list of translated names of what is missing
        """
        needed = {
            "name": self.env._("name"),
            "street": self.env._("street"),
            "zip": self.env._("post code"),
            "city": self.env._("city"),
            "country_id": self.env._("country"),
        }
        if receivables_type.startswith("b2b") and vals.get("kind") == "company":
            needed["bid"] = self.env._("business id")
        if receivables_type == "b2c_rental":
            needed["ssn"] = self.env._("personal identity number")
        return [text for name, text in needed.items() if not vals.get(name)]

    def _to_wire(self):
        """The payer as the client sends it."""
        self.ensure_one()
        payer = self.sudo()
        return wire.Payer(
            kind=payer.kind,
            name=payer.name,
            bid=payer.bid or "",
            ssn=payer.ssn or "",
            street=payer.street or "",
            zip=payer.zip or "",
            city=payer.city or "",
            country=payer.country_id.code or "",
            email=payer.email or "",
            phone=(payer.phone or "").replace(" ", ""),
            language=payer.language or "",
            main=payer.main,
        )
