"""The contract with Maventa and Ropo: every URL, field name and code, and no HTTP.

Builds the bodies of requests and reads answers into dataclasses. Three sources,
named at each table:

* *documented*: the Maventa AutoXChange API (its OpenAPI description and the general
  notes in it) and Maventa's Ropo receivables documentation;
* *as for the sibling agencies*: documented for the same call with another agency;
* *our reading*: not documented publicly. Kept in this module alone, so that one edit
  follows whatever the first day of real use teaches.

Building is strict: what cannot be right raises :class:`WireError` before anything
leaves the house. Reading is lenient: unknown fields are ignored, a field of the wrong
type counts as absent, unknown codes are kept as they came. Only an answer of which
nothing can be made raises :class:`WireError`.

Amounts are :class:`decimal.Decimal` in the invoice's currency, dates
:class:`datetime.date`.
"""

import datetime as dt
import ipaddress
import json
import re
from dataclasses import KW_ONLY, dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, urlsplit

from .errors import clean_text


class WireError(ValueError):
    """The data does not fit the contract: ours before sending, or the server's."""


# --------------------------------------------------------------------------------------
# Addresses
# --------------------------------------------------------------------------------------

# (AutoXChange API, Receivables API). Documented, but for the last one: our reading, by
# the pattern of the others.
BASE_URLS = {
    "test": ("https://ax-stage.maventa.com", "https://receivables-stage.maventa.com"),
    "production": ("https://ax.maventa.com", "https://receivables.maventa.com"),
}

# AutoXChange API, documented.
TOKEN = "/oauth2/token"
CURRENT = "/oauth2/current"
AUTHENTICATED = "/status/authenticated"
AUTHORIZATION = "/v1/company/authorization"
INVOICES = "/v1/invoices"
INVOICE = "/v1/invoices/{id}"
# Maventa's Ropo receivables documentation.
SERVICE = "/v2/services/ropo/receivables"
TRANSFER = "/v2/invoices/{id}/assignment/ropo"
TRANSFER_STATUS = "/v2/invoices/{id}/assignment"
# Receivables API: Maventa's Ropo receivables documentation.
ASSIGNMENTS = "/v1/assignments"
ASSIGNMENT = "/v1/assignments/{id}"
EVENTS = "/v1/assignments/{id}/events"

# Rights (AutoXChange API, OAuth2 token endpoint). One token serves both APIs.
SCOPE_COMPANY_READ = "company:read"
SCOPE_COMPANY_WRITE = "company:write"
SCOPE_INVOICE = "invoice:send"
SCOPE_ASSIGNMENTS = "receivables:assignments"
SCOPES = ("company", SCOPE_INVOICE, SCOPE_ASSIGNMENTS)
SCOPE_ALIASES = {
    "company": (SCOPE_COMPANY_READ, SCOPE_COMPANY_WRITE),
    "global": (SCOPE_COMPANY_READ, "document:receive", "document:send", "lookup"),
    "eui": (
        "eui:open",
        SCOPE_COMPANY_READ,
        SCOPE_COMPANY_WRITE,
        "lookup",
        SCOPE_ASSIGNMENTS,
        "document:send",
        "document:receive",
        "invoice:receive",
        SCOPE_INVOICE,
        "analysis",
    ),
}

PER_PAGE = 100  # documented: "values up to 100 supported"
MAX_VALUES = 200_000  # in one answer; a page of the busiest cases has a tenth
MAX_EVENTS = 5_000  # of one case; the busiest have dozens


def path(template, **ids):
    """Return ``template`` with its ids filled in, safe for a URL.

    :raises WireError: for an empty id and for one that would change the path
    """
    quoted = {}
    for name, value in ids.items():
        if not isinstance(value, str) or not value.strip(". "):
            raise WireError(f"no usable {name}")
        try:
            quoted[name] = quote(value, safe="")
        except UnicodeEncodeError:
            raise WireError(f"no usable {name}") from None
    return template.format(**quoted)


def label(template):
    """Return ``template`` as logs and errors show it, without any id."""
    return template.replace("{id}", "…")


def is_loopback(host):
    """Tell whether ``host`` is this machine (a name or an address)."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_base_url(url):
    """Return the base URL of an API without its trailing slash.

    :raises WireError: (a ValueError) with the reason, unless it is ``https``, or
        ``http`` to this machine, and holds neither credentials nor a query
    """
    try:
        parts = urlsplit((url or "").strip())
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise WireError("not a valid URL") from None
    if not host or re.search(r"[\s\x00-\x1f\\]", url.strip()):
        raise WireError("not a valid URL")
    if parts.username is not None or parts.password is not None:
        raise WireError("the URL must not hold credentials")
    if parts.query or parts.fragment:
        raise WireError("the URL must not hold a query or a fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise WireError("the URL must start with https")
    return url.strip().rstrip("/")


# --------------------------------------------------------------------------------------
# Codes and field names
# --------------------------------------------------------------------------------------

# Maventa's Ropo receivables documentation.
COLLECTION_TYPES = ("reminder_and_collection", "collection")
RECEIVABLES_TYPES = ("b2b", "b2c", "b2b_rental", "b2c_rental")
SUMMARY_MIN, SUMMARY_MAX = 2, 64
# Days after the due date; that the rental kinds follow their side is our reading.
MIN_DAYS_OVERDUE = {"b2b": 7, "b2c": 14, "b2b_rental": 7, "b2c_rental": 14}
# Country of the creditor and its only currency; rental claims only in RENTAL_COUNTRIES.
CURRENCIES = {"FI": "EUR", "SE": "SEK", "NO": "NOK"}
RENTAL_COUNTRIES = ("FI",)

STAGES = ("reminder_sent", "debt_collection", "legal_collection", "payment_plan")
# The first four are documented; names with reminder or letter in them are our reading.
EVENT_KINDS = (
    "paid",
    "credit_note",
    "comment",
    "close",
    "reminder",
    "letter",
    "status",
    "other",
)
PAID, CREDIT_NOTE = "paid", "credit_note"

# Our reading, after Maventa's own field names elsewhere.
LANGUAGES = ("fi", "sv", "nb", "en")
CONTRACT_TYPES = ("continuous", "temporary")

# Attribute of a dataclass → its name on the wire. The sandbox reads by the same tables.
# Documented for Ropo, but for ``amounts`` (as for the sibling agencies).
TRANSFER_FIELDS = {
    "collection_type": "collection_type",
    "receivables_type": "receivables_type",
    "summary": "assignment_summary",
    "payers": "payers",
    "amounts": "amounts",
    "options": "industry_specific_options",
}
# As for the sibling agencies: principal, costs and interest stated apart, never summed.
AMOUNT_FIELDS = {
    "capital": "capital_amount",
    "reminder": "reminder_amount",
    "interest": "interest_amount",
    "interest_date": "interest_calculation_date",
}
# Our reading.
PAYER_FIELDS = {
    "kind": "type",
    "name": "name",
    "bid": "bid",
    "ssn": "ssn",
    "street": "street_address",
    "zip": "post_code",
    "city": "city",
    "country": "country",
    "email": "email",
    "phone": "phone_number",
    "language": "language",
    "main": "main",
}
# As for the sibling agencies, inside ``{"rental": …}``.
RENTAL_OPTION = "rental"
RENTAL_FIELDS = {
    "address": "address",
    "contract_type": "contract_type",
    "contract_expiry_date": "contract_expiry_date",
    "current_target_amount": "current_target_amount",
}
# Documented for Ropo.
AGREEMENT_EMAIL = "agreement_contact_email"
# Type names, amounts and date are documented; ``type`` itself is our reading.
EVENT_TYPE, EVENT_DATE = "type", "booked_at"
EVENT_AMOUNTS = {PAID: "sum_paid", CREDIT_NOTE: "credit_sum"}
# The look-up of one invoice's case: that a filter of this name exists is our reading.
FILTER_INVOICE = "invoice_id"

# What an answer may call a thing, the likeliest name first: the one the sandbox uses.
_ID = ("id",)
_TEXT = ("text", "message", "comment", "description")
_ASSIGNMENT_ID = ("id", "assignment_id")
_EVENT_ID = ("id", "event_id")
_EVENT_AMOUNTS = {kind: (name, "amount", "sum") for kind, name in EVENT_AMOUNTS.items()}
# The amount of an event of unknown type may be named as in those that are known.
_ANY_AMOUNT = (*EVENT_AMOUNTS.values(), "amount", "sum")
_EVENT_DATES = (EVENT_DATE, "date", "created_at", "happened_at")
_STAGE = "collection_status"
_CAPITAL = ("capital_amount", "capital")
_OPEN = ("open_amount", "remaining_amount")
# All that is read of a case, for its mark.
_OF_AMOUNTS = (*_CAPITAL, *_OPEN)
_OF_ASSIGNMENT = (
    *(*_ASSIGNMENT_ID, "invoice_id", "reference_ids", _STAGE, "status"),
    *_OF_AMOUNTS,
)
_OF_EVENT = (*_EVENT_ID, EVENT_TYPE, *_EVENT_DATES, *_ANY_AMOUNT, *_TEXT)
_LISTS = ("assignments", "events", "invoices", "data", "items")

_SERVICE_STATES = {
    "pending": "pending",
    "active": "active",
    "rejected": "rejected",
    "declined": "rejected",
    # What was never activated answers 404, so a disabled service was closed.
    "disabled": "closed",
    "closed": "closed",
    "inactive": "inactive",
}
_TRANSFER_STATES = ("pending", "sent", "error")
_ASSIGNMENT_STATES = ("open", "partially_closed", "closed")


# --------------------------------------------------------------------------------------
# Dataclasses. Names, ids and texts of people stay out of every repr.
# --------------------------------------------------------------------------------------


def _hidden(default=""):
    return field(default=default, repr=False)


@dataclass(frozen=True)
class Identity:
    """Who the credentials belong to.

    ``company_state`` is VERIFIED, UNVERIFIED or UNKNOWN (AutoXChange API, company
    authorization status); texts are empty where the API does not tell.
    """

    _: KW_ONLY
    company_uuid: str = ""
    company_name: str = ""
    business_id: str = ""
    country: str = ""
    scopes: tuple = ()
    company_state: str = ""


@dataclass(frozen=True)
class ServiceStatus:
    """The Ropo service of the company.

    ``state``: inactive, pending, active, rejected, closed or unknown; ``raw``: as it
    came; ``activation_url``: a link for the person who signs, often empty.
    """

    state: str
    raw: str = ""
    activation_url: str = ""


@dataclass(frozen=True)
class MaventaInvoice:
    """An invoice at Maventa (AutoXChange API, invoices).

    ``status`` is PENDING, DELIVERED, FAILED or, in capitals, whatever else came;
    ``total`` includes tax.
    """

    _: KW_ONLY
    id: str
    status: str = ""
    number: str = ""
    reference: str = ""
    date: dt.date | None = None
    date_due: dt.date | None = None
    total: Decimal | None = None
    currency: str = ""
    recipient_name: str = _hidden()
    recipient_bid: str = _hidden()


@dataclass(frozen=True)
class Payer:
    """A debtor with full address.

    ``kind`` is company or person, ``bid`` a business id, ``ssn`` a personal identity
    number, ``country`` ISO 3166-1 alpha-2, ``phone`` in international form,
    ``language`` fi, sv, nb, en or empty. Exactly one payer of a transfer is ``main``.
    """

    _: KW_ONLY
    kind: str
    name: str = _hidden()
    bid: str = _hidden()
    ssn: str = _hidden()
    street: str = _hidden()
    zip: str = _hidden()
    city: str = _hidden()
    country: str = ""
    email: str = _hidden()
    phone: str = _hidden()
    language: str = ""
    main: bool = False


@dataclass(frozen=True)
class Rental:
    """What a rental claim needs besides: the target and its contract."""

    _: KW_ONLY
    address: str = _hidden()
    contract_type: str = "continuous"
    contract_expiry_date: dt.date | None = None
    current_target_amount: Decimal | None = None


@dataclass(frozen=True)
class Transfer:
    """One invoice's hand-over. Principal, reminder costs and interest stay apart.

    ``interest_date``: the day from which interest is still to be calculated.
    """

    _: KW_ONLY
    collection_type: str
    receivables_type: str
    summary: str = _hidden()
    payers: tuple = ()
    capital: Decimal
    reminder: Decimal = Decimal(0)
    interest: Decimal = Decimal(0)
    interest_date: dt.date | None = None
    rental: Rental | None = None


@dataclass(frozen=True)
class TransferStatus:
    """What became of a hand-over.

    ``status``: pending, sent, error or unknown; ``raw``: as it came; ``error_reason``:
    also with pending (a passing trouble); ``assignment_id``: empty until the case
    exists, or where only the list of cases knows it; ``url``: for information, never
    called.
    """

    status: str
    raw: str = ""
    error_reason: str = ""
    assignment_id: str = ""
    url: str = ""
    collectable_amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a case.

    ``kind`` is one of ``EVENT_KINDS``; ``amount`` and ``date`` are None where the event
    has none. Only ``paid`` and ``credit_note`` move money.
    """

    _: KW_ONLY
    id: str
    kind: str
    raw_type: str = ""
    date: dt.date | None = None
    amount: Decimal | None = None
    text: str = _hidden()


@dataclass(frozen=True)
class Assignment:
    """A case at Ropo.

    ``stage``: one of ``STAGES``, ``other``, or empty; ``status``: open,
    partially_closed (principal paid, charges open), closed, unknown, or empty;
    ``events``: None where the answer had no list of them, which is not an empty list,
    or one of more than ``MAX_EVENTS``; ``mark``: see :class:`Listed`.
    """

    _: KW_ONLY
    id: str
    invoice_ids: tuple = ()
    stage: str = ""
    stage_raw: str = ""
    status: str = ""
    status_raw: str = ""
    capital: Decimal | None = None
    open_amount: Decimal | None = None
    events: tuple | None = None
    mark: str = field(default="", repr=False, compare=False)

    def concerns(self, invoice_id):
        """Tell whether this is the case of Maventa's invoice ``invoice_id``."""
        return any(same_id(invoice_id, known) for known in self.invoice_ids)


@dataclass(frozen=True, slots=True)
class Listed:
    """A case in a list of many, most of which nobody needs to read."""

    id: str
    data: dict = field(repr=False)

    @property
    def mark(self):
        """A fingerprint of all that would be read of it.

        With the same mark it shows what it showed before. Who asks makes it, while
        another thread may be reading the next page.
        """
        return _mark(self.data)

    def assignment(self):
        """Return the :class:`Assignment`.

        :raises WireError: when it can't be read
        """
        return read_assignment(self.data)


@dataclass(frozen=True)
class Page:
    """One page of a list. ``next_page`` is None at the end, ``total`` where unknown."""

    items: tuple
    next_page: int | None = None
    total: int | None = None


def same_id(one, other):
    """Tell whether two ids are the same: UUIDs come in either case."""
    return bool(one) and one.strip().casefold() == other.strip().casefold()


# --------------------------------------------------------------------------------------
# Building requests
# --------------------------------------------------------------------------------------

_CENT = Decimal("0.01")
_NOISE = Decimal("0.000001")


def _money(value, *, positive):
    """Return an amount as a JSON number of at most two decimals.

    FI, SE and NO all count to two decimals. Up to 13 digits before them a float's
    shortest text is exact, so nothing is lost on the way through ``json``.
    """
    try:
        amount = Decimal(str(value))
        cents = amount.quantize(_CENT, ROUND_HALF_UP)
    except InvalidOperation:
        raise WireError("an amount is not a number") from None
    if not amount.is_finite():
        raise WireError("an amount is not a number")
    if abs(amount - cents) > _NOISE:
        raise WireError("an amount is not rounded to the currency")
    if cents < 0 or (positive and not cents) or cents >= 10**13:
        raise WireError("an amount is out of range")
    return float(cents)


def _day(value):
    if isinstance(value, dt.datetime) or not isinstance(value, dt.date):
        raise WireError("a date is not a date")
    return value.isoformat()


def _named(values, names):
    """Return ``values`` under their names on the wire, the empty ones left out."""
    return {
        names[key]: value
        for key, value in values.items()
        if value is not None and value != ""
    }


def _build_payer(payer):
    if payer.kind not in ("company", "person"):
        raise WireError("a payer is neither a company nor a person")
    values = {}
    for name in PAYER_FIELDS:
        value = getattr(payer, name)
        values[name] = value.strip() if isinstance(value, str) else value
    values["main"] = bool(payer.main)
    return _named(values, PAYER_FIELDS)


def _build_rental(rental):
    expiry, target = rental.contract_expiry_date, rental.current_target_amount
    if rental.contract_type not in CONTRACT_TYPES:
        raise WireError("unknown contract type")
    values = {
        "address": rental.address.strip(),
        "contract_type": rental.contract_type,
        "contract_expiry_date": None if expiry is None else _day(expiry),
        "current_target_amount": (
            None if target is None else _money(target, positive=False)
        ),
    }
    return {RENTAL_OPTION: _named(values, RENTAL_FIELDS)}


def build_transfer(transfer):
    """Return the body of a hand-over (Maventa's Ropo receivables documentation).

    :param Transfer transfer: what is handed over
    :raises WireError: where the body could not be right
    """
    if transfer.collection_type not in COLLECTION_TYPES:
        raise WireError("unknown collection type")
    if transfer.receivables_type not in RECEIVABLES_TYPES:
        raise WireError("unknown receivables type")
    summary = transfer.summary.strip()
    if not SUMMARY_MIN <= len(summary) <= SUMMARY_MAX:
        raise WireError(f"the summary needs {SUMMARY_MIN} to {SUMMARY_MAX} characters")
    if [payer.main for payer in transfer.payers].count(True) != 1:
        raise WireError("exactly one payer must be the main one")
    if transfer.receivables_type.endswith("_rental") != bool(transfer.rental):
        raise WireError("rental details belong to rental claims, and only to them")
    date_from = transfer.interest_date
    amounts = {
        "capital": _money(transfer.capital, positive=True),
        "reminder": _money(transfer.reminder, positive=False),
        "interest": _money(transfer.interest, positive=False),
        "interest_date": None if date_from is None else _day(date_from),
    }
    # The main debtor first, as documented.
    payers = sorted(transfer.payers, key=lambda payer: not payer.main)
    values = {
        "collection_type": transfer.collection_type,
        "receivables_type": transfer.receivables_type,
        "summary": summary,
        "payers": [_build_payer(payer) for payer in payers],
        "amounts": _named(amounts, AMOUNT_FIELDS),
        "options": _build_rental(transfer.rental) if transfer.rental else None,
    }
    return _named(values, TRANSFER_FIELDS)


def build_event(kind, amount, booked_at):
    """Return the body that reports a direct payment or a credit note.

    Maventa's Ropo receivables documentation, events of an assignment.

    :param str kind: ``PAID`` or ``CREDIT_NOTE``
    :raises WireError: unless the amount is positive and the date a date
    """
    return {
        EVENT_TYPE: kind,
        EVENT_AMOUNTS[kind]: _money(amount, positive=True),
        EVENT_DATE: _day(booked_at),
    }


def build_service(email):
    """Return the body that starts the service; ``email`` gets the agreement."""
    if "@" not in (email or "").strip(" @"):
        raise WireError("the agreement needs an email address")
    return {AGREEMENT_EMAIL: email.strip()}


def build_token(company_uuid, user_api_key, vendor_api_key, *, erp_version, key=""):
    """Return the form for a token (AutoXChange API, OAuth2 token endpoint)."""
    meta = {"erp_name": "Odoo"}
    if erp_version:
        meta["erp_version"] = erp_version
    licence = {"key": key, "meta": meta} if key else {"meta": meta}
    return {
        "grant_type": "client_credentials",
        "client_id": company_uuid,
        "client_secret": user_api_key,
        "vendor_api_key": vendor_api_key,
        "scope": " ".join(SCOPES),
        "license_data": json.dumps(licence),
    }


def build_invoice_query(number, page):
    """Return the query for invoices sent under ``number`` (the default is received)."""
    return {
        "direction": "SENT",
        "number": number,
        "page": page,
        "per_page": PER_PAGE,
    }


def build_page_query(page, *, invoice_id=""):
    """Return the query for a page of cases or events; paging as in AutoXChange."""
    query = {"page": page, "per_page": PER_PAGE}
    if invoice_id:
        query[FILTER_INVOICE] = invoice_id
    return query


def build_upload(uuid):
    """Return the form fields of an upload that stores an invoice and sends nothing.

    AutoXChange API, upload of an invoice: ``prevent_routing`` is "for creating
    assignments"; ``uuid`` is our own id, so that a repeated upload is the same invoice.
    """
    return {"format": "PEPPOLBIS30", "uuid": uuid, "prevent_routing": "true"}


UPLOAD_FILE = "file"


# --------------------------------------------------------------------------------------
# Reading answers
# --------------------------------------------------------------------------------------


def _number(text):
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def _whole(text):
    # Python takes ages over thousands of digits, or refuses the whole document.
    return int(text) if len(text) <= 40 else None


def parse(body):
    """Return the JSON value in ``body``, numbers with a point as Decimal.

    A byte order mark is tolerated; NaN, Infinity and endless numbers, which are not
    JSON but occur, count as absent.

    :param body: bytes or a bytearray
    :raises WireError: when it is not JSON, nested beyond reason, or of far more values
        than any answer has: each of them takes many times the memory of its text
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise WireError("too many values")
    try:
        return json.loads(
            body.decode("utf-8-sig"),
            parse_float=_number,
            parse_int=_whole,
            parse_constant=lambda name: None,
        )
    except (ValueError, RecursionError):
        raise WireError("not JSON") from None


def _object(data):
    if not isinstance(data, dict):
        raise WireError("not an object")
    return data


def _text(data, *names, limit=255):
    """Return the first of ``names`` that holds a text or a whole number, cleaned."""
    for name in names:
        value = data.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            # Not str(): a number of thousands of digits is refused there, and no id.
            value = str(value) if -(10**30) < value < 10**30 else ""
        if isinstance(value, str) and value.strip():
            return clean_text(value, limit)
    return ""


def _id(data, *names):
    """Return the first of ``names`` that holds an id."""
    for name in names:
        if found := _id_of(data.get(name)):
            return found
    return ""


def _id_of(value):
    """Return an id, untouched but for spaces, or an empty text.

    An id is copied, not cleaned: a changed one would be another one.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if 0 <= value < 10**30 else ""
    if isinstance(value, str):
        value = value.strip()
        if 0 < len(value) <= 128 and value.isascii() and value.isprintable():
            return value
    return ""


def _amount(data, *names):
    """Return the first of ``names`` that holds a sensible number, or None."""
    for name in names:
        value = data.get(name)
        if isinstance(value, str):
            value = _number(value.strip()[:40])
        if isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value) if -(10**15) < value < 10**15 else None
        if not isinstance(value, Decimal) or not value.is_finite():
            continue
        if value and not -12 <= value.adjusted() < 15:
            continue
        # Floats on the other side leave traces far behind the point.
        exponent = value.as_tuple().exponent
        return value.quantize(_NOISE) if exponent < -6 or exponent > 0 else value
    return None


def _date(data, *names):
    """Return the first of ``names`` that holds a sensible date.

    A time counts by its UTC day. What lies centuries away (0001-01-01, 9999-12-31)
    stands for "no date", and no calendar can count on from there.
    """
    for name in names:
        value = data.get(name)
        day = _day_of(value.strip()) if isinstance(value, str) else None
        if day and 1900 <= day.year < 2200:
            return day
    return None


def _day_of(value):
    try:
        if len(value) <= 10:
            return dt.date.fromisoformat(value)
        # Python 3.10 reads neither "Z" nor fractions of any length.
        text = re.sub(r"\.\d+", "", value[:40]).replace("Z", "+00:00")
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo:
            moment = moment.astimezone(dt.timezone.utc)
        return moment.date()
    except (ValueError, OverflowError):
        return None


def _code(data, name):
    """Return a code as it came, cleaned, and in one spelling."""
    value = data.get(name)
    if isinstance(value, str) and len(value) <= 64:
        return _spelt(value)
    raw = _text(data, name, limit=64)
    return raw, _normal(raw)


@lru_cache(maxsize=256)
def _spelt(value):
    # A list of 100,000 cases has a handful of codes.
    raw = clean_text(value, 64)
    return raw, _normal(raw)


def _normal(raw):
    """Return a code in one spelling: ``Debt-Collection`` is ``debt_collection``."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", raw)
    return re.sub(r"[\s_-]+", "_", words.strip()).lower()


def _link(data, name):
    """Return a link that may be shown to a person, or an empty text."""
    value = data.get(name)
    if not isinstance(value, str) or len(value) > 2000:
        return ""
    value = value.strip()
    try:
        check_base_url(value.split("?")[0].split("#")[0])
    except WireError:
        return ""
    return value if value.isascii() and value.isprintable() else ""


_MUCH = 16_384  # characters of a token, or of the list of rights it has


def read_token(data):
    """Return ``(token, seconds of its life, granted scopes or None)``.

    :raises WireError: without a token that can go into a header
    """
    data = _object(data)
    token = data.get("access_token")
    # Its length is not fixed; a header takes visible ASCII only.
    fits = isinstance(token, str) and len(token) <= _MUCH
    if not fits or not re.fullmatch(r"[\x21-\x7e]+", token):
        raise WireError("no token")
    seconds = _amount(data, "expires_in")
    scope = data.get("scope")
    return (
        token,
        float(seconds) if seconds is not None and seconds > 0 else 3600.0,
        tuple(scope[:_MUCH].split())
        if isinstance(scope, str) and scope.strip()
        else None,
    )


def expand_scopes(scopes):
    """Return ``scopes`` as a set, each alias replaced by what it stands for."""
    return {right for name in scopes for right in SCOPE_ALIASES.get(name, (name,))}


def missing_scopes(granted):
    """Return those of ``SCOPES`` that were not granted, in full or in part.

    :param granted: scopes as answered; None (nothing answered) is no complaint
    """
    if granted is None:
        return ()
    have = expand_scopes(granted)
    return tuple(scope for scope in SCOPES if not expand_scopes([scope]) <= have)


def read_identity(current, authorization, company_uuid):
    """Return the :class:`Identity` told by up to three answers.

    :param current: ``GET /oauth2/current`` or ``GET /status/authenticated``
    :param authorization: ``GET /v1/company/authorization``
    :param str company_uuid: for where neither of the first two could be had
    """
    current = current if isinstance(current, dict) else {}
    company = current.get("company")
    company = company if isinstance(company, dict) else {}
    scopes = current.get("scopes")
    scopes = scopes if isinstance(scopes, list) else []
    states = authorization if isinstance(authorization, dict) else {}
    return Identity(
        company_uuid=_id(company, "id") or _id(current, "client_id") or company_uuid,
        company_name=_text(company, "name"),
        business_id=_text(company, "bid"),
        country=_text(company, "country", limit=2).upper(),
        scopes=tuple(
            clean_text(name, 64) for name in scopes[:100] if isinstance(name, str)
        ),
        company_state=_text(states, "company_state", limit=32).upper(),
    )


def read_service(data):
    """Return the :class:`ServiceStatus`; an unknown status is not active."""
    data = _object(data)
    raw = _text(data, "status", limit=64)
    return ServiceStatus(
        state=_SERVICE_STATES.get(_normal(raw), "unknown"),
        raw=raw,
        activation_url=_link(data, "activation_url"),
    )


def read_invoice(data):
    """Return the :class:`MaventaInvoice` (AutoXChange API, invoice entity).

    :raises WireError: without an id, which is all that matters
    """
    data = _object(data)
    recipient = data.get("recipient")
    recipient = recipient if isinstance(recipient, dict) else {}
    invoice_id = _id(data, *_ID)
    if not invoice_id:
        raise WireError("an invoice without id")
    return MaventaInvoice(
        id=invoice_id,
        status=_text(data, "status", limit=32).upper(),
        number=_raw_text(data, "number"),
        reference=_raw_text(data, "reference"),
        date=_date(data, "date"),
        date_due=_date(data, "date_due"),
        total=_amount(data, "sum_tax"),
        currency=_text(data, "currency", limit=8).upper(),
        recipient_name=_text(recipient, "name"),
        recipient_bid=_raw_text(recipient, "bid"),
    )


def _raw_text(data, name):
    """Return a text that is compared rather than shown, so nothing in it is masked."""
    value = data.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**30 else ""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:255] if c.isprintable()).strip()


def read_transfer_status(data, *, invoice_id, receivables_url):
    """Return the :class:`TransferStatus` of an invoice.

    The id of the case is looked for in ``assignment_id``, in ``id``, then in ``url``;
    a link to another host than the configured one tells us nothing.
    """
    data = _object(data)
    raw = _text(data, "status", limit=64)
    status = _normal(raw)
    url = _link(data, "url")
    assignment_id = _id(data, "assignment_id", "id")
    if same_id(assignment_id, invoice_id):
        assignment_id = ""
    if not assignment_id and url:
        there, ours = urlsplit(url), urlsplit(receivables_url)
        last = there.path.rstrip("/").rpartition("/")[2]
        if there.netloc.lower() == ours.netloc.lower() and re.fullmatch(
            r"[\w-]{1,128}", last, re.ASCII
        ):
            assignment_id = last
    return TransferStatus(
        status=status if status in _TRANSFER_STATES else "unknown",
        raw=raw,
        error_reason=_text(data, "error_reason", limit=500),
        assignment_id=assignment_id,
        url=url,
        collectable_amount=_amount(data, "collectable_amount"),
    )


@lru_cache(maxsize=256)
def _event_kind(code):
    """Return the kind of an event from its normalised type.

    Only the exact documented names move money: a ``payment_plan`` is not ``paid``.
    """
    if code in (PAID, CREDIT_NOTE, "comment", "close"):
        return code
    if code == "closed":
        return "close"
    for part, kind in (
        ("reminder", "reminder"),
        ("letter", "letter"),
        ("status", "status"),
        ("stage", "status"),
    ):
        if part in code:
            return kind
    return "other"


def read_event(data):
    """Return the :class:`Event` (Maventa's Ropo receivables documentation)."""
    data = _object(data)
    raw, code = _code(data, EVENT_TYPE)
    kind = _event_kind(code)
    return Event(
        id=_id(data, *_EVENT_ID),
        kind=kind,
        raw_type=raw,
        date=_date(data, *_EVENT_DATES),
        amount=_amount(data, *_EVENT_AMOUNTS.get(kind, _ANY_AMOUNT)),
        text=_text(data, *_TEXT, limit=2000),
    )


def read_assignment(data):
    """Return the :class:`Assignment` (Maventa's Ropo receivables documentation).

    :raises WireError: without an id
    """
    assignment_id = _assignment_id(data)
    amounts = data.get("amounts")
    amounts = {**data, **amounts} if isinstance(amounts, dict) else data
    stage_raw, stage = _code(data, _STAGE)
    status_raw, status = _code(data, "status")
    events = data.get("events")
    return Assignment(
        id=assignment_id,
        invoice_ids=_invoice_ids(data),
        stage=stage if stage in STAGES or not stage else "other",
        stage_raw=stage_raw,
        status=status if status in _ASSIGNMENT_STATES or not status else "unknown",
        status_raw=status_raw,
        capital=_amount(amounts, *_CAPITAL),
        open_amount=_amount(amounts, *_OPEN),
        events=(
            tuple(read_event(item) for item in events)
            if isinstance(events, list) and len(events) <= MAX_EVENTS
            else None
        ),
        mark=_mark(data),
    )


def read_listed(data):
    """Return the :class:`Listed` case.

    :raises WireError: without an id
    """
    return Listed(_assignment_id(data), data)


def _assignment_id(data):
    found = _id(_object(data), *_ASSIGNMENT_ID)
    if not found:
        raise WireError("an assignment without id")
    return found


def _mark(data):
    """Return the fingerprint of what is read of a case; fields nobody knows may change.

    Quicker than reading by far: of 100,000 cases few have changed within an hour.
    """
    amounts, events = data.get("amounts"), data.get("events")
    if isinstance(amounts, dict):
        amounts = list(map(amounts.get, _OF_AMOUNTS))
    if isinstance(events, list):
        events = [
            list(map(event.get, _OF_EVENT)) if isinstance(event, dict) else event
            for event in events
        ]
    shown = repr((list(map(data.get, _OF_ASSIGNMENT)), amounts, events))
    return sha256(shown.encode("utf-8", "replace")).hexdigest()[:32]


def _invoice_ids(data):
    """Return the invoice UUIDs a case refers to, each once, in order."""
    references = data.get("reference_ids")
    if not isinstance(references, list):
        references = [references]
    found = dict.fromkeys(map(_id_of, (data.get("invoice_id"), *references)))
    found.pop("", None)
    return tuple(found)


def read_event_id(data):
    """Return the id of the event just posted, empty where the answer has none."""
    if not isinstance(data, dict):
        return ""
    inner = data.get("event")
    return _id(data, *_EVENT_ID) or (
        _id(inner, *_EVENT_ID) if isinstance(inner, dict) else ""
    )


def read_page(data, headers, page, reader):
    """Return a :class:`Page` of what ``reader`` makes of each item.

    Paging is our reading, as in the AutoXChange API: a bare list or an object that
    holds it, and headers that tell the rest where they are given. Where they are not,
    only an empty page ends the list: a server may cap the size of a page in silence.

    :raises WireError: when there is no list, or an item is not what it should be
    """
    if isinstance(data, dict):
        data = next(
            (data[name] for name in _LISTS if isinstance(data.get(name), list)), None
        )
    if not isinstance(data, list):
        raise WireError("no list")
    items = tuple(reader(item) for item in data)
    pages, following = _header(headers, "X-Total-Pages"), headers.get("X-Next-Page")
    more = bool(items)
    if pages is not None:
        more = page < pages
    elif following is not None:
        # Present and empty on the last page.
        more = (_header(headers, "X-Next-Page") or 0) > page
    return Page(
        items=items,
        next_page=page + 1 if more else None,
        total=_header(headers, "X-Total"),
    )


def _header(headers, name):
    value = (headers.get(name) or "").strip()
    # isdecimal() alone would let other scripts' digits and endless numbers in.
    if value.isascii() and value.isdecimal() and len(value) < 10:
        return int(value)
    return None


def _paths(details, path="", depth=4):
    """Yield ``path: text`` of an object of details, however deep it is."""
    items = details.items() if isinstance(details, dict) else enumerate(details)
    for key, value in items:
        if isinstance(details, dict):
            where = f"{path}.{key}" if path else str(key)
        elif isinstance(value, str):
            where = path  # a list of texts about one field
        else:
            where = f"{path}[{key}]"
        if isinstance(value, str):
            yield f"{where}: {value}"
        elif isinstance(value, dict | list) and value and depth:
            yield from _paths(value, where, depth - 1)
        else:
            yield where


def read_error(data, secrets=()):
    """Return ``(code, message, details)`` of an error answer, all fit to be shown.

    AutoXChange API, error handling: ``{code, message, details[]}``; OAuth2's
    ``{error, error_description}`` from the token endpoint; details as a text or an
    object; empty texts for anything else.
    """
    if not isinstance(data, dict):
        return "", "", ()

    def text(value, limit=300):
        return clean_text(value, limit, secrets) if isinstance(value, str) else ""

    code = text(data.get("code"), 64) or text(data.get("error"), 64)
    message = text(data.get("message")) or text(data.get("error_description"))
    details = data.get("details")
    if isinstance(details, dict):
        details = list(_paths(details))
    elif not isinstance(details, list):
        details = [details]
    flat = []
    for item in details[:10]:
        if isinstance(item, dict):
            item = ", ".join(v for v in item.values() if isinstance(v, str))
        flat.append(text(item))
    return code, message, tuple(filter(None, flat))


#: Names of fields that are words of the language as well: they count only where they
#: stand as a field would.
_PLAIN_WORDS = {"type", "name", "address", "city", "country", "email", "language",
                "main", "payers", "amounts"}  # fmt: skip


def find_fields(*texts):
    """Return which of our fields an error names, in order and each once.

    How the API names a field in its texts is not documented: its name is looked for,
    in a path (``payers[1].post_code``) or alone.

    :return: a list of ``(group, attribute, number of the payer or None)``; groups are
        ``transfer``, ``amounts``, ``payer`` and ``rental``, attributes those of the
        dataclasses here
    """
    known = {}
    for group, names in (
        ("rental", RENTAL_FIELDS),
        ("transfer", TRANSFER_FIELDS),
        ("amounts", AMOUNT_FIELDS),
        ("payer", PAYER_FIELDS),
    ):
        known.update({name: (group, attribute) for attribute, name in names.items()})
    found = []
    for text in texts:
        index = re.search(r"\bpayers?\W{0,3}(\d{1,2})\b", text)
        for match in re.finditer(r"[A-Za-z_]+", text):
            name = match.group().lower()
            alone = not match.start() or text[match.start() - 1] in "./'\"[]:"
            if name not in known or (name in _PLAIN_WORDS and not alone):
                continue
            group, attribute = known[name]
            number = int(index.group(1)) if index and group == "payer" else None
            if (group, attribute, number) not in found:
                found.append((group, attribute, number))
    # The group is named along with what is wrong in it.
    inner = {group for group, _attribute, _number in found}
    wholes = {"payers": "payer", "amounts": "amounts", "options": "rental"}
    return [entry for entry in found if wholes.get(entry[1]) not in inner]


NOT_FOUND = "not_found"
INVALID_SCOPE = "invalid_scope"
