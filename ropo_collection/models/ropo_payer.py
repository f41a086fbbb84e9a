from odoo import api, fields, models

from ..tools import identity
from ..tools.sealed import Sealed

#: What is read from a customer, and what a person may have typed instead.
PAYER_DATA = (
    "kind",
    "name",
    "bid",
    "street",
    "zip",
    "city",
    "country_id",
    "email",
    "phone",
    "language",
)


class RopoPayer(models.AbstractModel):
    """A debtor's data, in the transfer window and on the case."""

    _name = "ropo.payer"
    _description = "Debtor"
    _order = "main desc, id"

    partner_id = fields.Many2one("res.partner", string="Customer", ondelete="restrict")
    kind = fields.Selection(
        [("company", "Company"), ("person", "Person")],
        required=True,
        help="A sole trader is a person: the trader's name is only another one for "
        "the same debtor.",
    )
    main = fields.Boolean(string="Main debtor")
    name = fields.Char(required=True)
    bid = fields.Char(
        string="Business id",
        help="If this is a personal identity number, it is used as such.",
    )
    ssn = Sealed(
        string="Personal identity number",
        groups="ropo_collection.group_personal_id",
        copy=False,
    )
    ssn_masked = fields.Char(
        string="Personal id", compute="_compute_ssn_masked", compute_sudo=True
    )
    street = fields.Char()
    zip = fields.Char(string="Post code")
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
            payer.ssn_masked = identity.mask(payer.ssn)

    def _to_dict(self):
        """The debtor as plain values, the personal number included."""
        self.ensure_one()
        payer = self.sudo()
        names = ("partner_id", "main", "ssn", *PAYER_DATA)
        return {
            name: payer[name].id if name.endswith("_id") else payer[name]
            for name in names
        }

    @api.model
    def _needs_ssn(self, vals, receivables_type):
        """Whether this claim can't do without the debtor's personal number.

        A consumer's rental claim needs it (Maventa's documentation of the sibling
        agencies), and a Swedish sole trader has no other business id.
        """
        if vals.get("kind") != "person" or not receivables_type:
            return False
        if receivables_type == "b2c_rental":
            return True
        country = self.env["res.country"].browse(vals.get("country_id")).code
        return bool(
            receivables_type.startswith("b2b") and vals.get("main") and country == "SE"
        )

    @api.model
    def _missing_in(self, vals, receivables_type):
        """What Ropo needs and is not there, in words.

        :return: a list of translated names of what is missing
        """
        needed = {
            "name": self.env._("name"),
            "street": self.env._("street"),
            "zip": self.env._("post code"),
            "city": self.env._("city"),
            "country_id": self.env._("country"),
        }
        if self._needs_ssn(vals, receivables_type):
            needed["ssn"] = self.env._("personal identity number")
        elif receivables_type.startswith("b2b") and (
            vals.get("kind") == "company" or vals.get("main")
        ):
            needed["bid"] = self.env._("business id")
        return [
            text
            for name, text in needed.items()
            if not str(vals.get(name) or "").strip()
        ]

    @api.model
    def _wrong_in(self, vals, receivables_type):
        """What is there and can't be right, as sentences without the numbers."""
        country = self.env["res.country"].browse(vals.get("country_id"))
        code, clean = country.code, self._normalized(vals, receivables_type)
        wrong = []
        if vals.get("kind") == "company" and receivables_type == "b2c_rental":
            wrong.append(
                self.env._("A consumer's rental claim can't have a company as debtor.")
            )
        if vals.get("zip") and not clean["zip"]:
            wrong.append(
                self.env._(
                    "The post code needs %(count)s digits in %(country)s.",
                    count=identity.POST_CODE[code],
                    country=country.name,
                )
            )
        if vals.get("bid") and not clean["bid"]:
            wrong.append(
                self.env._(
                    "The business id is not valid in %(country)s.", country=country.name
                )
            )
        if vals.get("ssn") and not clean["ssn"]:
            wrong.append(self.env._("The personal identity number is not valid."))
        if vals.get("phone") and not clean["phone"]:
            wrong.append(
                self.env._(
                    "The phone number can't be read. Write it in international form, "
                    "such as +358 40 123456."
                )
            )
        if vals.get("email") and not _looks_like_email(vals["email"]):
            wrong.append(self.env._("The e-mail address can't be right."))
        return wrong

    @api.model
    def _normalized(self, vals, receivables_type):
        """The same values as Maventa gets them; empty what can't be right."""
        # A tenant in Finland who has moved away keeps the Finnish number.
        others = ["FI"] if receivables_type == "b2c_rental" else []
        country = self.env["res.country"].browse(vals.get("country_id"))
        clean = {
            name: value.strip() if isinstance(value, str) else value
            for name, value in vals.items()
        }
        bid = identity.business_id(country.code, clean.get("bid"))
        if identity.is_personal(country.code, bid):
            # A sole trader: the number is kept where only few may see it.
            clean.update(kind="person", ssn=clean.get("ssn") or bid)
            bid = ""
        return {
            **clean,
            "bid": bid,
            "ssn": identity.personal_id(country.code, clean.get("ssn"), *others),
            "zip": identity.post_code(country.code, clean.get("zip")),
            "phone": self._international(country, clean.get("phone")),
        }

    @api.model
    def _international(self, country, number):
        """The phone number in international form, or an empty string.

        With the library phonenumbers Odoo knows the numbers of all countries.
        """
        known = self.env["res.partner"]._phone_format_number(number, country=country)
        return identity.phone(country.code, country.phone_code, known)


def _looks_like_email(text):
    local, _at, domain = text.strip().rpartition("@")
    return bool(local) and "." in domain and not set(text.strip()) & set(" ,;<>")
