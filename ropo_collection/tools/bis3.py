"""The Peppol BIS Billing 3.0 rules that matter for an invoice that is uploaded.

Not all of Peppol's rules: a stated list, checked on the XML itself before it leaves the
house. The official rule sets (EN 16931 and Peppol, as Schematron) come in no package
that works without fetching them from elsewhere. Each finding names its rule in the
words of those rule sets; ``OURS`` marks what Peppol does not demand, but Ropo's letters
or the later comparison with the invoice need.

Pure: XML in, findings out. The models make sentences of them.
"""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from lxml import etree
from stdnum.no import mva
from stdnum.no import orgnr as no_orgnr
from stdnum.se import orgnr as se_orgnr
from stdnum.se import vat as se_vat

_NS = {
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
}
OURS = "OURS"
#: Payment means that are a transfer to an account (UNCL 4461).
TRANSFER_CODES = ("30", "58")
#: VAT rates of Swedish suppliers (SE-R-006).
SWEDISH_RATES = {Decimal(6), Decimal(12), Decimal(25)}
#: VAT categories whose lines need no reason for the missing tax.
_TAXED = ("S", "Z")
_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Finding:
    """A rule that the XML breaks.

    :param rule: its name in the rule sets
    :param code: what is wrong, for the sentence a person reads
    :param line: the number of the invoice line, where it is about one
    """

    rule: str
    code: str
    line: int = 0


def check(xml):
    """Return the :class:`Finding` of every rule of the list that ``xml`` breaks.

    :param bytes xml: an invoice in UBL, as Peppol BIS Billing 3.0 has it
    """
    root = etree.fromstring(xml)
    found = [
        *_check_head(root),
        *_check_party(root, "cac:AccountingSupplierParty/cac:Party/", "seller"),
        *_check_party(root, "cac:AccountingCustomerParty/cac:Party/", "buyer"),
        *_check_seller_tax(root),
        *_check_payment(root),
        *_check_lines(root),
        *_check_totals(root),
    ]
    if any(not len(node) and not (node.text or "").strip() for node in root.iter()):
        found.append(Finding("PEPPOL-EN16931-R008", "empty"))
    return found


def _text(node, path):
    return (node.findtext(path, namespaces=_NS) or "").strip()


def _all(node, path):
    return node.findall(path, namespaces=_NS)


def _amount(node, path):
    """The number at ``path``, None where there is none."""
    try:
        return Decimal(_text(node, path))
    except InvalidOperation:
        return None


def _check_head(root):
    for rule, path, code in (
        ("BR-02", "cbc:ID", "number"),
        ("BR-03", "cbc:IssueDate", "date"),
        ("BR-05", "cbc:DocumentCurrencyCode", "currency"),
        (OURS, "cbc:DueDate", "due_date"),
    ):
        if not _text(root, path):
            yield Finding(rule, code)
    for path in ("cbc:IssueDate", "cbc:DueDate"):
        try:
            date.fromisoformat(_text(root, path) or "2000-01-01")
        except ValueError:
            yield Finding("BR-03", "date")
    if not _text(root, "cbc:BuyerReference") and not _text(
        root, "cac:OrderReference/cbc:ID"
    ):
        yield Finding("PEPPOL-EN16931-R003", "buyer_reference")
    currency = _text(root, "cbc:DocumentCurrencyCode")
    if any(node.get("currencyID", currency) != currency for node in root.iter()):
        yield Finding("PEPPOL-EN16931-R051", "currency")


def _check_party(root, party, role):
    name, address, country, endpoint = {
        "seller": ("BR-06", "BR-08", "BR-09", "PEPPOL-EN16931-R020"),
        "buyer": ("BR-07", "BR-10", "BR-11", "PEPPOL-EN16931-R010"),
    }[role]
    if not _text(root, party + "cac:PartyLegalEntity/cbc:RegistrationName"):
        yield Finding(name, f"{role}_name")
    where = party + "cac:PostalAddress/"
    if not all(
        _text(root, where + field)
        for field in ("cbc:StreetName", "cbc:CityName", "cbc:PostalZone")
    ):
        # Peppol asks for the group alone; a letter needs all of it.
        yield Finding(address, f"{role}_address")
    if len(_text(root, where + "cac:Country/cbc:IdentificationCode")) != 2:
        yield Finding(country, f"{role}_country")
    node = root.find(party + "cbc:EndpointID", namespaces=_NS)
    if node is None or not (node.text or "").strip() or not node.get("schemeID"):
        yield Finding(endpoint, f"{role}_endpoint")
    elif not _endpoint_is_valid(node.get("schemeID"), node.text.strip()):
        yield Finding("PEPPOL-COMMON-R041/R049", f"{role}_endpoint")
    for scheme in _all(root, party + "cac:PartyTaxScheme"):
        number = _text(scheme, "cbc:CompanyID")
        is_vat = _text(scheme, "cac:TaxScheme/cbc:ID") == "VAT"
        if not number:
            yield Finding("BR-CO-26", f"{role}_tax_id")
        elif is_vat and not (number[:2].isalpha() and number[:2].isupper()):
            yield Finding("BR-CO-09", f"{role}_tax_id")


def _endpoint_is_valid(scheme, value):
    """Whether an electronic address can be one of its scheme (Peppol's EAS list)."""
    if scheme == "0192":
        return no_orgnr.is_valid(value) and value.isdecimal()
    if scheme == "0007":
        return len(value) == 10 and value.isdecimal() and se_orgnr.is_valid(value)
    if scheme == "0216":
        return value.startswith("0037") and value.isalnum()
    if scheme == "EM":
        return "@" in value.strip("@")
    return True


def _check_seller_tax(root):
    """A seller needs a tax number, and his country may want it in its own form."""
    party = "cac:AccountingSupplierParty/cac:Party/"
    country = _text(
        root, party + "cac:PostalAddress/cac:Country/cbc:IdentificationCode"
    )
    schemes = [
        (_text(node, "cac:TaxScheme/cbc:ID"), _text(node, "cbc:CompanyID"))
        for node in _all(root, party + "cac:PartyTaxScheme")
    ]
    vat = [number for scheme, number in schemes if scheme == "VAT"]
    other = [number for scheme, number in schemes if scheme != "VAT"]
    categories = {_text(node, "cbc:ID") for node in _categories(root)}
    if categories - {"O"} and not any(vat + other):
        yield Finding("BR-S-02", "seller_tax_id")
    if "S" in categories and not vat:
        yield Finding("BR-S-02", "seller_tax_id")
    if len(vat) > 1 or len(other) > 1:
        yield Finding("UBL-SR-12/UBL-SR-13", "seller_tax_id")
    for number in vat:
        if country == "NO" and not (number.startswith("NO") and mva.is_valid(number)):
            yield Finding("NO-R-001", "seller_tax_id")
        if country == "SE" and not (
            number.startswith("SE") and len(number) == 14 and se_vat.is_valid(number)
        ):
            yield Finding("SE-R-001/SE-R-002", "seller_tax_id")
    if country == "SE":
        if any(number.upper() != "GODKÄND FÖR F-SKATT" for number in other):
            yield Finding("SE-R-005", "seller_tax_id")
        rates = {
            _amount(node, "cbc:Percent")
            for node in _categories(root)
            if _text(node, "cbc:ID") == "S"
        }
        if rates - SWEDISH_RATES:
            yield Finding("SE-R-006", "swedish_rate")


def _check_payment(root):
    """How the invoice was to be paid: code, account, reference, due date."""
    code = _text(root, "cac:PaymentMeans/cbc:PaymentMeansCode")
    account = _text(root, "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID")
    if not code:
        yield Finding("BR-49", "account")
    elif code in TRANSFER_CODES and not account:
        yield Finding("BR-61", "account")
    elif code not in TRANSFER_CODES:
        # Odoo's ZZZ: "mutually defined" tells nobody where to pay.
        yield Finding(OURS, "account")
    if not _text(root, "cac:PaymentMeans/cbc:PaymentID"):
        yield Finding(OURS, "payment_reference")


def _categories(root):
    return _all(root, "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory")


def _check_lines(root):
    lines = _all(root, "cac:InvoiceLine")
    if not lines:
        yield Finding("BR-16", "no_lines")
    known = {
        (_text(node, "cbc:ID"), _amount(node, "cbc:Percent"))
        for node in _categories(root)
    }
    for number, line in enumerate(lines, 1):
        if not _text(line, "cac:Item/cbc:Name"):
            yield Finding("BR-25", "line_name", number)
        if _amount(line, "cbc:InvoicedQuantity") is None:
            yield Finding("BR-22", "line_amount", number)
        if _amount(line, "cbc:LineExtensionAmount") is None:
            yield Finding("BR-24", "line_amount", number)
        price = _amount(line, "cac:Price/cbc:PriceAmount")
        if price is None or price < 0:
            yield Finding("BR-26/BR-27", "line_amount", number)
        taxes = _all(line, "cac:Item/cac:ClassifiedTaxCategory")
        if len(taxes) != 1:
            yield Finding("UBL-SR-48", "line_tax", number)
        for tax in taxes:
            category = (_text(tax, "cbc:ID"), _amount(tax, "cbc:Percent"))
            if category not in known:
                yield Finding("BR-S-01", "line_tax", number)
    for node in _categories(root):
        reasons = ("cbc:TaxExemptionReason", "cbc:TaxExemptionReasonCode")
        if _text(node, "cbc:ID") not in _TAXED and not any(
            _text(node, path) for path in reasons
        ):
            yield Finding("BR-E-10", "exemption_reason")


def _check_totals(root):
    """The sums must add up, to the cent."""
    total = root.find("cac:LegalMonetaryTotal", namespaces=_NS)
    if total is None:
        yield Finding("BR-13", "totals")
        return

    def of(name):
        return _amount(total, f"cbc:{name}")

    lines = [
        _amount(line, "cbc:LineExtensionAmount") or Decimal(0)
        for line in _all(root, "cac:InvoiceLine")
    ]
    taxes = [_amount(node, "cbc:TaxAmount") for node in _all(root, "cac:TaxTotal")]
    subtotals = _all(root, "cac:TaxTotal/cac:TaxSubtotal")
    needed = (of("LineExtensionAmount"), of("TaxExclusiveAmount"),
              of("TaxInclusiveAmount"), of("PayableAmount"), *taxes)  # fmt: skip
    if None in needed or not taxes or not subtotals:
        yield Finding("BR-12/BR-15", "totals")
        return
    without = (
        of("LineExtensionAmount")
        - (of("AllowanceTotalAmount") or 0)
        + (of("ChargeTotalAmount") or 0)
    )
    payable = (
        of("TaxInclusiveAmount")
        - (of("PrepaidAmount") or 0)
        + (of("PayableRoundingAmount") or 0)
    )
    tax = sum((_amount(node, "cbc:TaxAmount") for node in subtotals), Decimal(0))
    for rule, one, other in (
        ("BR-CO-10", of("LineExtensionAmount"), sum(lines, Decimal(0))),
        ("BR-CO-13", of("TaxExclusiveAmount"), without),
        ("BR-CO-14", taxes[0], tax),
        ("BR-CO-15", of("TaxInclusiveAmount"), of("TaxExclusiveAmount") + taxes[0]),
        ("BR-CO-16", of("PayableAmount"), payable),
    ):
        if one != other:
            yield Finding(rule, "totals")
    for node in subtotals:
        base, amount = (
            _amount(node, "cbc:TaxableAmount"),
            _amount(node, "cbc:TaxAmount"),
        )
        rate = _amount(node, "cac:TaxCategory/cbc:Percent") or Decimal(0)
        due = (base * rate / 100).quantize(_CENT, ROUND_HALF_UP)
        # The rule itself allows a whole unit, for taxes that were rounded by line.
        if abs(due - amount) > 1:
            yield Finding("BR-CO-17", "totals")
