from stdnum.exceptions import ValidationError as NumberError
from stdnum.fi import alv
from stdnum.no import mva
from stdnum.se import vat as se_vat

from odoo import api, models
from odoo.exceptions import UserError

from ..tools import bis3

#: A customer without business id and e-mail has no electronic address, and Peppol
#: demands one. This one is reserved for nobody (RFC 2606), so that nothing could reach
#: a stranger, whatever becomes of the file.
NO_ADDRESS = ("EM", "no-address@no-address.invalid")


class RopoInvoiceXml(models.AbstractModel):
    """An invoice as Peppol BIS Billing 3.0, to be stored at Maventa and sent nowhere.

    Odoo's own builder makes it. What that leaves out though it is known, or can be had
    from known data, is mended here; what is missing is said in words.
    """

    _name = "ropo.invoice.xml"
    _inherit = "account.edi.xml.ubl_bis3"
    _description = "Peppol BIS 3 for Maventa"

    @api.model
    def _build(self, move):
        """The XML of an invoice, and what is missing in it.

        :return: ``(bytes, file name, [sentences])``
        """
        # Sentences are for the user who reads them; the file is in the customer's
        # language, as Odoo makes it.
        try:
            xml, said = self._export_invoice(move)
        except UserError as error:
            return b"", "", [str(error)]
        problems = self._say(bis3.check(xml))
        return xml, self._export_invoice_filename(move), problems or sorted(said)

    @api.model
    def _say(self, findings):
        """Findings as sentences that say where to mend it, each once."""
        texts = self._sentences()
        sentences = []
        for finding in findings:
            text = texts[finding.code] % {"line": finding.line}
            if text not in sentences:
                sentences.append(text)
        return sentences

    @api.model
    def _sentences(self):
        return {
            "number": self.env._("The invoice has no number."),
            "date": self.env._("The invoice has no proper date."),
            "currency": self.env._(
                "Amounts of the invoice are in different currencies."
            ),
            "due_date": self.env._("The invoice has no due date."),
            "buyer_reference": self.env._("Enter a customer reference on the invoice."),
            "seller_name": self.env._("Your company has no name."),
            "seller_address": self.env._(
                "The address of your company lacks street, post code or city (Settings "
                "> Companies)."
            ),
            "seller_country": self.env._(
                "The address of your company has no country (Settings > Companies)."
            ),
            "seller_endpoint": self.env._(
                "Your company's business id is missing or not valid (Settings > "
                "Companies: Company ID)."
            ),
            "seller_tax_id": self.env._(
                "Your company's VAT number is missing or not valid (Settings > "
                "Companies: Tax ID)."
            ),
            "buyer_name": self.env._("The customer has no name."),
            "buyer_address": self.env._(
                "The customer's address lacks street, post code or city."
            ),
            "buyer_country": self.env._("The customer's address has no country."),
            "buyer_endpoint": self.env._(
                "The customer's Peppol address does not fit its kind: correct or empty "
                "it on the customer."
            ),
            "buyer_tax_id": self.env._(
                "The customer's VAT number lacks its country code."
            ),
            "account": self.env._(
                "The invoice names no bank account of yours to be paid to. Enter one "
                "as Recipient Bank on the invoice, or on your company."
            ),
            "payment_reference": self.env._("The invoice has no payment reference."),
            "no_lines": self.env._("The invoice has no lines."),
            "line_name": self.env._("Line %(line)s of the invoice has no description."),
            "line_amount": self.env._(
                "Line %(line)s of the invoice has no proper amount."
            ),
            "line_tax": self.env._(
                "Line %(line)s of the invoice must have exactly one tax."
            ),
            "exemption_reason": self.env._(
                "A line without VAT does not say why: set the exemption reason on its "
                "tax."
            ),
            "swedish_rate": self.env._(
                "Peppol knows only the VAT rates 25, 12 and 6 %% for a Swedish company."
            ),
            "totals": self.env._(
                "The sums of the invoice do not add up as Peppol demands, so it can't "
                "be uploaded. Send it through Maventa instead."
            ),
            "empty": self.env._(
                "Odoo's file of the invoice is not complete, so it can't be uploaded."
            ),
        }

    # ------------------------------------------------------------------
    # What is mended in Odoo's file
    # ------------------------------------------------------------------
    def _get_party_node(self, vals):
        node = super()._get_party_node(vals)
        partner, role = vals["partner"].commercial_partner_id, vals["role"]
        business_id = self._business_id(partner)
        if role == "supplier" or partner.is_company or business_id:
            node["cac:PartyLegalEntity"]["cbc:CompanyID"] = {
                "_text": business_id or partner.vat or None
            }
        scheme, address = self._electronic_address(partner, role)
        node["cbc:EndpointID"] = {"_text": address, "schemeID": scheme}
        taxes = node["cac:PartyTaxScheme"]
        number = self._vat_number(partner, vals) if role == "supplier" else partner.vat
        if number and number[:2].isalpha():
            taxes[0] = self._tax_scheme(number, "VAT")
        elif role == "supplier" and business_id and partner.country_code == "FI":
            # Not liable to VAT: the business id stands in, as the rules allow. In
            # Norway Odoo names the register, in Sweden only the VAT number will do.
            taxes[0] = self._tax_scheme(business_id, "TAX")
        else:
            del taxes[0]
        return node

    @api.model
    def _business_id(self, partner):
        """The business id, in Norway also where only its own field has it."""
        register = "l10n_no_bronnoysund_number"
        known = partner._ropo_business_id()
        if not known and register in partner._fields:
            known = partner[register] or ""
        return known

    @api.model
    def _tax_scheme(self, number, scheme):
        return {
            "cbc:CompanyID": {"_text": number},
            "cac:TaxScheme": {"cbc:ID": {"_text": scheme}},
        }

    @api.model
    def _electronic_address(self, partner, role):
        """``(scheme, address)`` in Peppol's list of electronic addresses.

        What Odoo has, else made of the business id as the country's scheme does, else
        the e-mail address. The file is not sent anywhere by it.
        """
        if partner.peppol_endpoint and partner.peppol_eas:
            return partner.peppol_eas, partner.peppol_endpoint
        number = "".join(char for char in self._business_id(partner) if char.isdigit())
        if number and partner.country_code == "FI":
            return "0216", f"0037{number}"
        if number and partner.country_code == "SE":
            return "0007", number
        if number and partner.country_code == "NO":
            return "0192", number
        if role == "supplier":
            return None, None
        return (
            ("EM", partner.email_normalized) if partner.email_normalized else NO_ADDRESS
        )

    @api.model
    def _vat_number(self, partner, vals):
        """The seller's VAT number, made of the business id where VAT is charged.

        In Finland, Sweden and Norway one follows from the other.
        """
        country = partner.country_code
        written = (partner.vat or "").replace(" ", "").upper()
        charged = any(line["tax_details"]["taxes_data"] for line in vals["base_lines"])
        business_id = self._business_id(partner) if written or charged else ""
        digits = "".join(char for char in business_id if char.isdigit())
        module, made = {
            "FI": (alv, f"FI{digits}"),
            "SE": (se_vat, f"SE{digits}01"),
            "NO": (mva, f"NO{digits}MVA"),
        }.get(country, (None, ""))
        if not module:
            return written
        for number in (written, made):
            try:
                valid = module.validate(number)
            except NumberError:
                continue
            return f"{country}{valid.removeprefix(country)}"
        return ""

    def _add_invoice_payment_means_nodes(self, document_node, vals):
        result = super()._add_invoice_payment_means_nodes(document_node, vals)
        node = document_node["cac:PaymentMeans"]
        company = vals["invoice"].company_id
        bank = (
            vals["invoice"].partner_bank_id
            or company.partner_id.bank_ids[:1]
            or company._ropo_root().partner_id.bank_ids[:1]
        )
        if bank:
            node["cbc:PaymentMeansCode"] = {"_text": 30, "name": "credit transfer"}
            node["cac:PayeeFinancialAccount"] = self._get_financial_account_node(
                {**vals, "partner_bank": bank}
            )
        return result

    def _add_invoice_monetary_total_nodes(self, document_node, vals):
        """The sums as the customer got them: what was paid since is told otherwise."""
        result = super()._add_invoice_monetary_total_nodes(document_node, vals)
        invoice, node = vals["invoice"], document_node["cac:LegalMonetaryTotal"]
        paid = invoice.amount_total - invoice.amount_residual
        for name, change in (("cbc:PrepaidAmount", -paid), ("cbc:PayableAmount", paid)):
            node[name]["_text"] = self.format_float(
                node[name]["_text"] + change, vals["currency_dp"]
            )
        return result

    def _export_invoice_constraints(self, invoice, vals):
        """Odoo's own doubts, but for those about what is mended here."""
        constraints = super()._export_invoice_constraints(invoice, vals)
        for name in (
            "no_r_001",
            "cen_en16931_payment_account_identifier",
            # Without a tax the line says "exempt", which the rules allow, as for rents.
            "tax_on_line",
        ):
            constraints.pop(name, None)
        return constraints
