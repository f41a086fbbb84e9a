import stdnum.exceptions
from stdnum import get_cc_module

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .res_company import RECEIVABLES_TYPES

#: Which of python-stdnum's numbers is the business id of a country. A VAT number
#: contains it; a company registry number is it.
BUSINESS_ID = {"FI": "ytunnus", "SE": "orgnr", "NO": "orgnr"}
#: Which of them are personal identity numbers.
PERSONAL_ID = {"FI": ("hetu",), "SE": ("personnummer",), "NO": ("fodselsnummer",)}


class ResPartner(models.Model):
    _inherit = "res.partner"

    ropo_receivables_type = fields.Selection(
        RECEIVABLES_TYPES,
        string="Kind of claim at Ropo",
        help="Left empty, a company's invoices are business claims and everyone "
        "else's are consumer claims. A sole trader is a business, but the person is "
        "the debtor.",
    )
    ropo_personal_id = fields.Char(
        string="Personal identity number",
        copy=False,
        groups="ropo_collection.group_personal_id",
        help="Only where the kind of claim demands it, such as a consumer's rental "
        "claim in Finland.",
    )
    ropo_special = fields.Selection(
        [
            ("estate", "Estate of a deceased person"),
            ("minor", "Minor"),
            ("insolvent", "Insolvent"),
        ],
        string="Special debtor",
        groups="account.group_account_invoice,account.group_account_readonly",
        help="Invoices of such a customer are handed over only by a person who has "
        "confirmed it, never proposed or sent by themselves. Insolvent: bankruptcy, "
        "restructuring or arrangement of debts.",
    )
    ropo_excluded = fields.Boolean(
        string="Never to Ropo",
        company_dependent=True,
        help="Invoices of this customer are never offered for transfer.",
    )

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, any(company._ropo_is_on() for company in self.env.companies))

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        """Nothing of Ropo shows where no company uses it."""
        arch, view = super()._get_view(view_id, view_type, **options)
        if view_type == "form":
            self.env.companies._ropo_hide(arch)
        return arch, view

    @api.constrains("ropo_personal_id", "country_id")
    def _check_ropo_personal_id(self):
        for partner in self.sudo():
            if partner.ropo_personal_id and not partner._ropo_personal_id_is_valid():
                raise ValidationError(
                    self.env._(
                        "The personal identity number of %(name)s is not valid in "
                        "%(country)s.",
                        name=partner.display_name,
                        country=partner.country_id.name or self.env._("its country"),
                    )
                )

    def _ropo_personal_id_is_valid(self):
        """Whether the number is one of the partner's country (python-stdnum)."""
        self.ensure_one()
        code = self.country_id.code
        if code not in PERSONAL_ID:
            return True
        modules = [get_cc_module(code, name) for name in PERSONAL_ID[code]]
        return any(module.is_valid(self.ropo_personal_id) for module in modules)

    def _ropo_business_id(self):
        """The business id as Maventa expects it, or an empty string.

        Taken from the company registry number, else out of the VAT number.
        """
        self.ensure_one()
        country = self.country_id.code
        if country not in BUSINESS_ID:
            return (self.company_registry or self.vat or "").strip()
        module = get_cc_module(country, BUSINESS_ID[country])
        for number in (self.company_registry, self.vat):
            bare = (number or "").strip().upper().removeprefix(country)
            candidates = [bare]
            if country == "SE" and bare.endswith("01") and len(bare) == 12:
                candidates.append(bare[:-2])
            if country == "NO":
                candidates.append(bare.removesuffix("MVA").strip())
            for candidate in candidates:
                try:
                    valid = module.validate(candidate)
                except stdnum.exceptions.ValidationError:
                    continue
                # Norway writes its numbers in groups for people to read; in data they
                # are nine digits.
                return valid if country == "NO" else module.format(valid)
        return ""

    def _ropo_default_receivables_type(self):
        """Business or consumer: a company is a business, unclear is a consumer."""
        self.ensure_one()
        partner = self.commercial_partner_id
        if self.ropo_receivables_type or partner.ropo_receivables_type:
            return self.ropo_receivables_type or partner.ropo_receivables_type
        return "b2b" if partner.is_company else "b2c"

    def _ropo_prepare_payer(self, receivables_type):
        """Values of a ``ropo.assignment.payer`` for this debtor, the main one."""
        self.ensure_one()
        debtor = self.commercial_partner_id
        address = debtor if debtor.street else self
        is_company = receivables_type.startswith("b2b")
        return {
            "partner_id": debtor.id,
            "kind": "company" if is_company else "person",
            "name": debtor.name,
            "bid": debtor._ropo_business_id() if is_company else False,
            "ssn": debtor.sudo().ropo_personal_id
            if receivables_type == "b2c_rental"
            else False,
            "street": ", ".join(filter(None, [address.street, address.street2])),
            "zip": address.zip,
            "city": address.city,
            "country_id": address.country_id.id,
            "email": debtor.email or self.email,
            "phone": debtor._phone_format(fname="phone") or False,
            "language": debtor._ropo_language(),
            "main": True,
        }

    def _ropo_language(self):
        """One of the languages Ropo writes in, or nothing."""
        lang = (self.lang or "").split("_")[0].lower()
        lang = {"nn": "nb", "no": "nb"}.get(lang, lang)
        return lang if lang in ("fi", "sv", "nb", "en") else False
