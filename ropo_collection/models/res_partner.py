"""The customer: as a debtor, and with invoices at Ropo."""

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Domain
from odoo.tools import email_split

from ..maventa import wire
from ..tools import identity
from ..tools.sealed import Sealed
from .account_move import READERS
from .res_company import RECEIVABLES_TYPES
from .ropo_assignment import HANDED_OVER
from .ropo_assignment_debtor import DEBTOR_FIELDS


class ResPartner(models.Model):
    _inherit = "res.partner"

    ropo_receivables_type = fields.Selection(
        RECEIVABLES_TYPES,
        string="Kind of claim at Ropo",
        tracking=True,
        help="Left empty, a company's invoices are business claims and everyone "
        "else's are consumer claims; for a person with a business id (a sole trader) "
        "the transfer window asks. A sole trader is a business, but the person is the "
        "debtor.",
        prefetch="ropo",
    )
    ropo_codebtor_ids = fields.Many2many(
        "res.partner",
        "ropo_codebtor_rel",
        "partner_id",
        "codebtor_id",
        string="Co-debtors at Ropo",
        help="Who owes this customer's invoices as well, such as the second tenant of "
        "a flat. They are told to Ropo with every invoice handed over.",
    )
    ropo_personal_id = Sealed(
        string="Personal identity number",
        copy=False,
        groups="ropo_collection.group_personal_id",
        help="Only where the kind of claim demands it, such as a consumer's rental "
        "claim in Finland. Shown masked; the button beside it shows the whole number, "
        "and who has seen it is kept.",
        prefetch="ropo",
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
        prefetch="ropo",
    )
    ropo_excluded = fields.Boolean(
        string="Never to Ropo",
        company_dependent=True,
        help="Invoices of this customer are never offered for transfer.",
        prefetch="ropo",
    )
    ropo_live_count = fields.Integer(
        string="Cases at Ropo",
        compute="_compute_ropo_live",
        compute_sudo=True,
        groups=READERS,
        help="Invoices of this customer that are at Ropo now.",
    )
    ropo_open_amount = fields.Monetary(
        string="Open at Ropo",
        compute="_compute_ropo_live",
        compute_sudo=True,
        groups=READERS,
        help="What is open at Ropo of this customer's invoices, in the company's "
        "currency at today's rate.",
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

    def _track_prepare(self, fields_iter):
        """Who does not write the kind of claim does not have it read for the chatter.

        Odoo reads what is tracked before any write, and when posting an invoice counts
        up the customer's rank, with a query for each field.
        """
        if not self.env.context.get("ropo_kind_written"):
            fields_iter = set(fields_iter) - {"ropo_receivables_type"}
        return super()._track_prepare(fields_iter)

    def write(self, vals):
        """Ropo does not hear of a debtor's new name or address: a person tells it."""
        if "ropo_excluded" in vals:
            self.env["ropo.log"]._log_exclusion(self, vals["ropo_excluded"])
        if "lang" in vals:
            self._ropo_forget_languages()
        if "ropo_receivables_type" in vals:
            self = self.with_context(ropo_kind_written=True)
        if not DEBTOR_FIELDS & vals.keys():
            return super().write(vals)
        cases = self._ropo_live_cases()
        before = {case: case._debtor_now() for case in cases}
        result = super().write(vals)
        cases._tell_changed_debtor(before)
        return result

    # ------------------------------------------------------------------
    # As a debtor
    # ------------------------------------------------------------------
    @api.constrains("ropo_personal_id", "country_id")
    def _check_ropo_personal_id(self):
        for partner in self.sudo():
            if partner.ropo_personal_id and not partner._ropo_personal_id_is_valid():
                raise ValidationError(
                    self.env._(
                        "The personal identity number of %(name)s is not valid in "
                        "%(country)s.",
                        name=partner.display_name,
                        country=partner.country_id.name
                        or self.env._("the customer's country"),
                    )
                )

    def _ropo_personal_id_is_valid(self):
        """Whether the number is a personal one, where its country is known.

        Tenants in Finland may have moved away with a Finnish number.
        """
        self.ensure_one()
        number, country = self.ropo_personal_id, self.country_id.code
        return bool(identity.personal_id(country, number, "FI"))

    def _ropo_business_id(self):
        """The business id as Maventa expects it, or an empty string.

        Taken from the company registry number, else out of the VAT number.
        """
        self.ensure_one()
        found = (
            identity.business_id(self.country_id.code, number)
            for number in (self.company_registry, self.vat)
        )
        return next((number for number in found if number and number != "/"), "")

    def _ropo_is_sole_trader(self):
        """A person with a business id: only a person knows which kind of claim it is.

        As long as nobody has said so on the customer.
        """
        self.ensure_one()
        partner = self.commercial_partner_id
        told = self.ropo_receivables_type or partner.ropo_receivables_type
        return not (told or partner.is_company) and bool(partner._ropo_business_id())

    def _ropo_default_receivables_type(self):
        """Business or consumer: a company is a business, unclear is a consumer."""
        self.ensure_one()
        partner = self.commercial_partner_id
        if self.ropo_receivables_type or partner.ropo_receivables_type:
            return self.ropo_receivables_type or partner.ropo_receivables_type
        return "b2b" if partner.is_company else "b2c"

    def _ropo_prepare_payers(self, receivables_type):
        """Values of all the debtors of this customer's invoices, the main one first."""
        self.ensure_one()
        partner = self.sudo()
        main = partner.commercial_partner_id
        others = (partner.ropo_codebtor_ids | main.ropo_codebtor_ids) - main
        return [
            partner._ropo_prepare_payer(receivables_type),
            *(one._ropo_prepare_payer(receivables_type, main=False) for one in others),
        ]

    def _ropo_prepare_payer(self, receivables_type, main=True):
        """Values of a ``ropo.payer`` for this debtor.

        The main debtor is the commercial partner. What it does not have itself comes
        from the invoice's address, an invoice address, or another contact.
        """
        self.ensure_one()
        debtor = self._ropo_debtor(main)
        contacts, address = (
            self._ropo_payer_contacts(main),
            self._ropo_payer_address(main),
        )
        country = address.country_id or debtor.country_id
        business, bid = receivables_type.startswith("b2b"), debtor._ropo_business_id()
        ssn, personal = False, identity.is_personal(country.code, bid)
        is_company = debtor.is_company and not personal and (business or not main)
        vals = {
            "partner_id": debtor.id,
            "main": main,
            "kind": "company" if is_company else "person",
            "country_id": country.id,
        }
        payers = self.env["ropo.payer"]
        if payers._needs_ssn(vals, receivables_type):
            own = debtor.sudo().ropo_personal_id
            ssn = (personal and bid) or own if business else own
        return {
            **vals,
            "name": debtor.name,
            "bid": bid if business and not personal and (is_company or main) else False,
            "ssn": ssn or False,
            "street": ", ".join(filter(None, [address.street, address.street2])),
            "zip": address.zip,
            "city": address.city,
            "email": next(
                (found[0] for one in contacts if (found := email_split(one.email))),
                False,
            ),
            "phone": next(
                (
                    phone
                    for one in contacts
                    if one.phone
                    and (phone := payers._international(country, one.phone))
                ),
                False,
            ),
            "language": next(
                (lang for one in contacts if (lang := one._ropo_language())), False
            ),
        }

    def _ropo_debtor(self, main=True):
        """Who owes: the commercial partner of an invoice's customer, or a co-debtor."""
        return self.commercial_partner_id if main else self

    def _ropo_payer_contacts(self, main=True):
        """Who may stand in with address, e-mail and phone, the nearest first.

        A list, not a recordset: each keeps the others it is read with, for the sake of
        thousands of customers.
        """
        self.ensure_one()
        debtor = self._ropo_debtor(main)
        if debtor.street and debtor.email and debtor.phone and debtor.lang:
            return [debtor]
        contacts = [
            one for one in debtor.child_ids if one.type in ("invoice", "contact")
        ]
        return [debtor, self, *sorted(contacts, key=lambda one: one.type != "invoice")]

    def _ropo_payer_address(self, main=True):
        """Whose address counts: the first that has a street."""
        contacts = self._ropo_payer_contacts(main)
        return next((one for one in contacts if one.street), contacts[0])

    def _ropo_language(self):
        """One of the languages Ropo writes in, or nothing."""
        return self._ropo_language_of(self.lang)

    @api.model
    def _ropo_language_of(self, code):
        lang = (code or "").split("_")[0].lower()
        lang = {"nn": "nb", "no": "nb"}.get(lang, lang)
        return lang if lang in wire.LANGUAGES else False

    # ------------------------------------------------------------------
    # The personal identity number
    # ------------------------------------------------------------------
    def action_ropo_show_personal_id(self):
        """Show the number to a person who may see it, and keep that it was shown."""
        self.ensure_one()
        self.check_access("read")
        self._ropo_check_personal_id()
        self.env["ropo.log"].sudo().create(
            {
                "kind": "shown",
                "user_id": self.env.uid,
                "company_id": self.env.company.id,
                "partner_id": self.id,
                "text": self.display_name,
            }
        )
        number = self.sudo().ropo_personal_id
        return self.env.company._ropo_notify(self.display_name, number or "-", "info")

    def action_ropo_erase_personal_id(self):
        """Erase the number here and on all cases, as the person it names may demand.

        A case that is not sent yet and needs the number says so then.
        """
        self.check_access("write")
        self._ropo_check_personal_id()
        payers = self.env["ropo.assignment.payer"].sudo()
        for partner in self:
            partner.sudo().ropo_personal_id = False
            payers.search([("partner_id", "=", partner.id)]).ssn = False
            partner._message_log(
                body=self.env._(
                    "%(user)s erased the personal identity number, here and on cases "
                    "at Ropo.",
                    user=self.env.user.name,
                )
            )

    def _ropo_check_personal_id(self):
        if not self.env.user.has_group("ropo_collection.group_personal_id"):
            raise AccessError(
                self.env._(
                    "Only members of the group Personal identity numbers for Ropo can "
                    "do that."
                )
            )

    # ------------------------------------------------------------------
    # Invoices at Ropo
    # ------------------------------------------------------------------
    @api.depends("commercial_partner_id")
    @api.depends_context("allowed_company_ids", "company")
    def _compute_ropo_live(self):
        """Of the commercial entity, in the companies chosen in the menu."""
        companies = self.env.companies.filtered(lambda company: company._ropo_is_on())
        found = {}
        today = fields.Date.context_today(self)
        for partner, company, currency, count, amount in self.env[
            "ropo.assignment"
        ]._read_group(
            [
                ("partner_id", "in", self.commercial_partner_id.ids),
                ("state", "in", HANDED_OVER),
                ("company_id", "in", companies.ids),
            ],
            ["partner_id", "company_id", "currency_id"],
            ["__count", "open_amount:sum"],
        ):
            counted, summed = found.get(partner, (0, 0.0))
            amount = currency._convert(
                amount, self.env.company.currency_id, company, today
            )
            found[partner] = counted + count, summed + amount
        for partner in self:
            count, amount = found.get(partner.commercial_partner_id, (0, 0.0))
            partner.ropo_live_count = count
            partner.ropo_open_amount = amount

    def _ropo_debtor_text(self):
        """One sentence for those who sell to a debtor, or nothing.

        Sellers need not see invoices: number and sum are all they are told.
        """
        partner = self.sudo()
        if not partner.ropo_live_count:
            return ""
        values = {
            "name": partner.name,
            "number": partner.ropo_live_count,
            "open": self.env.company.currency_id.format(partner.ropo_open_amount),
        }
        if partner.ropo_live_count == 1:
            return self.env._(
                "%(name)s has an invoice at Ropo, with %(open)s open.", **values
            )
        return self.env._(
            "%(name)s has %(number)s invoices at Ropo, with %(open)s open.", **values
        )

    def action_ropo_view_live(self):
        """The cases of this customer that are at Ropo."""
        self.ensure_one()
        cases = self.env["ropo.assignment"].search(
            [
                ("partner_id", "=", self.commercial_partner_id.id),
                ("state", "in", HANDED_OVER),
            ]
        )
        return cases._get_records_action(name=self.env._("Ropo cases"))

    def _ropo_live_cases(self):
        """Cases at Ropo that have to do with these partners: one query."""
        if not self.ids:
            return self.env["ropo.assignment"].sudo()
        return (
            self.env["ropo.assignment"]
            .sudo()
            .search(
                Domain("state", "in", HANDED_OVER)
                & (
                    Domain("partner_id", "in", self.ids)
                    | Domain("payer_ids.partner_id", "in", self.ids)
                    | Domain("move_id.partner_id", "in", self.ids)
                )
            )
        )

    def _ropo_forget_languages(self):
        """See :meth:`res.company._ropo_languages`, where one of these counts."""
        counts = Domain("partner_id", "in", self.ids) | Domain(
            "ropo_responsible_id.partner_id", "in", self.ids
        )
        if self.env["res.company"].sudo().search_count(counts, limit=1):
            self.env.registry.clear_cache()
