"""The file that is uploaded: Peppol BIS 3 of real invoices, and what it may lack."""

import re

from lxml import etree

from odoo.tests import tagged

from odoo.addons.ropo_collection.tools import bis3

from .nordic import NordicCommon

NS = {
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
}
SELLER = "cac:AccountingSupplierParty/cac:Party/"
BUYER = "cac:AccountingCustomerParty/cac:Party/"
#: What the file of each country says about seller and buyer, made from known data.
EXPECTED = {
    "FI": {
        "seller": ("0216", "003712345671", "1234567-1", "FI12345671"),
        "buyer": ("0216", "003712345698", "1234569-8"),
    },
    "SE": {
        "seller": ("0007", "5590000005", "559000-0005", "SE559000000501"),
        "buyer": ("0007", "5590000013", "559000-0013"),
    },
    "NO": {
        "seller": ("0192", "900000006", "900000006", "NO900000006MVA"),
        "buyer": ("0192", "900000014", "900000014"),
    },
}


class XmlTests:
    """The same for each country."""

    def build(self, move):
        xml, _name, problems = self.env["ropo.invoice.xml"]._build(move)
        return (etree.fromstring(xml) if xml else None), problems

    def text(self, root, path):
        return root.findtext(path, namespaces=NS)

    def assertParty(self, root, party, scheme, endpoint, business_id):
        node = root.find(party + "cbc:EndpointID", NS)
        self.assertEqual((node.get("schemeID"), node.text), (scheme, endpoint))
        legal = party + "cac:PartyLegalEntity/cbc:CompanyID"
        self.assertEqual(self.text(root, legal), business_id)

    def test_business(self):
        move = self.taxed(lines=((1, 100.0), (3, 33.33)))
        root, problems = self.build(move)
        self.assertFalse(problems)
        expected = EXPECTED[self.country_code]
        self.assertParty(root, SELLER, *expected["seller"][:3])
        self.assertParty(root, BUYER, *expected["buyer"])
        vat = SELLER + "cac:PartyTaxScheme/cbc:CompanyID"
        self.assertEqual(self.text(root, vat), expected["seller"][3])
        self.assertIsNone(root.find(BUYER + "cac:PartyTaxScheme", NS))
        means = "cac:PaymentMeans/"
        self.assertEqual(self.text(root, means + "cbc:PaymentMeansCode"), "30")
        account = means + "cac:PayeeFinancialAccount/cbc:ID"
        self.assertEqual(
            self.text(root, account), self.bank_account.sanitized_acc_number
        )
        self.assertEqual(
            self.text(root, means + "cbc:PaymentID"), move.payment_reference
        )
        total = "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"
        self.assertEqual(float(self.text(root, total)), move.amount_total)

    def test_business_with_vat_number(self):
        self.business.vat = {"FI": "FI12345698", "SE": "SE559000001301",
                             "NO": "NO900000014MVA"}[self.country_code]  # fmt: skip
        root, problems = self.build(self.taxed())
        self.assertFalse(problems)
        vat = BUYER + "cac:PartyTaxScheme/cbc:CompanyID"
        self.assertEqual(self.text(root, vat), self.business.vat)

    def test_consumer(self):
        root, problems = self.build(self.taxed(partner=self.consumer))
        self.assertFalse(problems)
        self.assertParty(root, BUYER, "EM", "no-address@no-address.invalid", None)
        self.assertIsNone(root.find(BUYER + "cac:PartyTaxScheme", NS))
        self.consumer.email = "Sample Consumer <Sample@Example.com>"
        root, problems = self.build(self.taxed(partner=self.consumer))
        self.assertFalse(problems)
        self.assertParty(root, BUYER, "EM", "sample@example.com", None)

    def test_part_paid_since(self):
        """The file is the invoice that the customer got, not what is left of it."""
        move = self.taxed()
        self.pay(move, 40.0)
        root, problems = self.build(move)
        self.assertFalse(problems)
        total = "cac:LegalMonetaryTotal/cbc:"
        self.assertEqual(
            float(self.text(root, total + "PayableAmount")), move.amount_total
        )
        self.assertEqual(float(self.text(root, total + "PrepaidAmount")), 0.0)

    def test_what_is_missing_is_said(self):
        move = self.taxed()
        cases = [
            (self.company.partner_id, {"city": False}, "address of your company"),
            (self.company.partner_id, {"company_registry": False}, "business id"),
            (self.business, {"street": False}, "customer's address"),
            (self.business, {"country_id": False}, "no country"),
            (move, {"payment_reference": False, "name": "X"}, None),
        ]
        for record, values, words in cases:
            with self.subTest(words), self.env.cr.savepoint() as point:
                record.write(values)
                _root, problems = self.build(move)
                if words:
                    self.assertIn(words, " ".join(problems))
                else:
                    self.assertFalse(problems, "the number stands in for the reference")
                point.rollback()
            self.env.invalidate_all()

    def test_no_bank_account(self):
        self.company.partner_id.bank_ids.unlink()
        _root, problems = self.build(self.taxed())
        self.assertEqual(len(problems), 1)
        self.assertIn("bank account", problems[0])

    def test_every_rule_of_the_list_finds_what_it_is_for(self):
        """Each rule is broken on the real file, and is the one that is found."""
        xml, _name, problems = self.env["ropo.invoice.xml"]._build(self.taxed())
        self.assertFalse(problems)
        text = xml.decode()
        for code, pattern, instead in BROKEN:
            with self.subTest(code, pattern=pattern):
                broken, count = re.subn(pattern, instead, text, flags=re.DOTALL)
                self.assertTrue(count)
                found = bis3.check(broken.encode())
                self.assertIn(code, [finding.code for finding in found])
                self.assertTrue(self.env["ropo.invoice.xml"]._say(found))


BUYER_PART = r"(<cac:AccountingCustomerParty>.*?)"
#: What is found, what is changed in the file, and to what.
BROKEN = [
    ("number", r"<cbc:ID>INV[^<]*</cbc:ID>(?=<cbc:IssueDate)", ""),
    ("date", r"<cbc:IssueDate>[^<]*</cbc:IssueDate>", ""),
    ("date", r"<cbc:IssueDate>[^<]*<", "<cbc:IssueDate>2026-02-30<"),
    ("due_date", r"<cbc:DueDate>[^<]*</cbc:DueDate>", ""),
    ("currency", r"<cbc:DocumentCurrencyCode>\w+<", "<cbc:DocumentCurrencyCode>USD<"),
    ("buyer_reference", r"<cac:OrderReference>.*?</cac:OrderReference>", ""),
    ("seller_name", r"<cbc:RegistrationName>.*?</cbc:RegistrationName>", ""),
    ("buyer_name", r"<cbc:RegistrationName>.*?</cbc:RegistrationName>", ""),
    ("seller_address", r"<cbc:StreetName>.*?</cbc:StreetName>", ""),
    ("buyer_address", r"<cbc:CityName>.*?</cbc:CityName>", ""),
    ("seller_country", r"<cbc:IdentificationCode>\w\w<", "<cbc:IdentificationCode>X<"),
    ("buyer_country", r"<cbc:IdentificationCode>\w\w</cbc:IdentificationCode>", ""),
    ("seller_endpoint", r"<cbc:EndpointID[^>]*>[^<]*</cbc:EndpointID>", ""),
    ("buyer_endpoint", r'<cbc:EndpointID schemeID="\d+"', "<cbc:EndpointID"),
    ("buyer_endpoint", BUYER_PART + r'schemeID="\d+">[^<]+<', r'\1schemeID="0192">1<'),
    ("buyer_endpoint", BUYER_PART + r'schemeID="\d+">[^<]+<', r'\1schemeID="EM">x<'),
    ("seller_tax_id", r"<cac:PartyTaxScheme>.*</cac:PartyTaxScheme>", ""),
    ("seller_tax_id", r"<cbc:CompanyID>[A-Z]{2}([^<]*)<", r"<cbc:CompanyID>\1<"),
    ("account", r"<cbc:PaymentMeansCode.*?</cbc:PaymentMeansCode>", ""),
    ("account", r">30</cbc:PaymentMeansCode>", ">ZZZ</cbc:PaymentMeansCode>"),
    ("account", r"<cac:PayeeFinancialAccount>.*?</cac:PayeeFinancialAccount>", ""),
    ("payment_reference", r"<cbc:PaymentID>.*?</cbc:PaymentID>", ""),
    ("no_lines", r"<cac:InvoiceLine>.*</cac:InvoiceLine>", ""),
    ("line_name", r"<cbc:Name>Sample work</cbc:Name>", ""),
    ("line_amount", r"<cbc:PriceAmount([^>]*)>[^<]*<", r"<cbc:PriceAmount\1>-1<"),
    ("line_amount", r"<cbc:InvoicedQuantity.*?</cbc:InvoicedQuantity>", ""),
    ("line_tax", r"<cac:ClassifiedTaxCategory>.*?</cac:ClassifiedTaxCategory>", ""),
    ("line_tax", r"(<cac:ClassifiedTaxCategory>)<cbc:ID>S<", r"\1<cbc:ID>E<"),
    ("exemption_reason", r"<cbc:ID>S</cbc:ID>", "<cbc:ID>E</cbc:ID>"),
    (
        "totals",
        r"<cbc:TaxInclusiveAmount([^>]*)>[^<]*<",
        r"<cbc:TaxInclusiveAmount\1>1<",
    ),
    ("totals", r"<cbc:PayableAmount([^>]*)>[^<]*<", r"<cbc:PayableAmount\1>1.00<"),
    ("totals", r"<cac:LegalMonetaryTotal>.*</cac:LegalMonetaryTotal>", ""),
    ("totals", r"<cac:TaxTotal>.*</cac:TaxTotal>", ""),
    ("empty", r"<cbc:Name>[^<]*</cbc:Name>", "<cbc:Name/>"),
]


@tagged("post_install", "-at_install", "post_install_l10n")
class TestFinland(XmlTests, NordicCommon):
    country_code = "FI"

    def test_not_liable_to_vat(self):
        """Who lets flats charges no VAT and has no VAT number."""
        move = self.invoice(at_maventa=False)
        root, problems = self.build(move)
        self.assertFalse(problems)
        scheme = SELLER + "cac:PartyTaxScheme/"
        self.assertEqual(self.text(root, scheme + "cbc:CompanyID"), "1234567-1")
        self.assertEqual(self.text(root, scheme + "cac:TaxScheme/cbc:ID"), "TAX")

    def test_customer_abroad(self):
        self.consumer.write(
            {"country_id": self.env.ref("base.de").id, "email": "sample@example.com"}
        )
        root, problems = self.build(self.taxed(partner=self.consumer))
        self.assertFalse(problems)
        self.assertParty(root, BUYER, "EM", "sample@example.com", None)


@tagged("post_install", "-at_install", "post_install_l10n")
class TestSweden(XmlTests, NordicCommon):
    country_code = "SE"

    def test_not_liable_to_vat(self):
        """Sweden has no number that may stand in for the VAT number."""
        _root, problems = self.build(self.invoice(at_maventa=False))
        self.assertIn("VAT number", " ".join(problems))

    def test_rate_that_is_none(self):
        self.company.account_sale_tax_id = self.company.account_sale_tax_id.copy(
            {"amount": 20, "name": "Sample 20%"}
        )
        _root, problems = self.build(self.taxed())
        self.assertIn("25, 12 and 6", " ".join(problems))


@tagged("post_install", "-at_install", "post_install_l10n")
class TestNorway(XmlTests, NordicCommon):
    country_code = "NO"

    def test_number_in_the_field_of_norway(self):
        for partner in (self.company.partner_id, self.business):
            partner.l10n_no_bronnoysund_number = partner.company_registry
            partner.company_registry = False
        root, problems = self.build(self.taxed())
        self.assertFalse(problems)
        self.assertParty(root, SELLER, *EXPECTED["NO"]["seller"][:3])
        self.assertParty(root, BUYER, *EXPECTED["NO"]["buyer"])
        vat = SELLER + "cac:PartyTaxScheme/cbc:CompanyID"
        self.assertEqual(self.text(root, vat), "NO900000006MVA")

    def test_not_liable_to_vat(self):
        _root, problems = self.build(self.invoice(at_maventa=False))
        self.assertFalse(problems)
