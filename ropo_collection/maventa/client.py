"""A session with Maventa: tokens, deadlines, retries of safe calls, one log line each.

Every public method of :class:`Client` is one step towards Maventa. It returns
dataclasses of :mod:`.wire` and raises the classes of :mod:`.errors`, chosen by what the
caller can do about it. The rules behind the choice:

* a failure before the request could leave (name look-up, refused connection, TLS) means
  nothing changed: ``NotNow``;
* a failure after that leaves the outcome of a changing call open: ``OutcomeUnknown``;
* a status class and the error ``code`` decide, texts never do.

The deadline is total. Sockets only know time-outs between two bytes, so a connection
here renews its socket's time-out before every read and write from what is left of the
call: a server that drips one byte a second is cut off like one that says nothing. Only
the look-up of a host name is beyond its reach; a request is never started after it.
"""

import hashlib
import http.client
import io
import json
import logging
import math
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from . import wire
from .errors import (
    AccountTrouble,
    MaventaError,
    NotNow,
    OutcomeUnknown,
    Rejected,
    clean_text,
    spellings,
)

_logger = logging.getLogger(__name__)

DEADLINE = 30.0  # seconds, for everything one method does until it has its answer
LISTS_LAST = 2  # deadlines that a list may take that is read to its end
CONNECT_TIMEOUT = 10.0  # seconds, for each address of a host
TOKEN_MARGIN = 300.0  # seconds before its end at which a token is renewed (documented)
MAX_BODY = 8 * 2**20  # bytes of an answer, packed and unpacked
PIECE = 16_384  # bytes unpacked at a time: packed well, they are a thousand times more
MAX_PAGES = 10_000
MAX_CANDIDATE_PAGES = 20  # of invoices that answer to one number
MAX_RETRY_AFTER = 86_400.0  # seconds


# --------------------------------------------------------------------------------------
# The total deadline
# --------------------------------------------------------------------------------------


class _DeadlinePassed(Exception):
    """The call's time is up.

    Not an OSError, so that urllib3 neither wraps it nor tries again.
    """


class _TooLarge(Exception):
    """The answer is larger than anything sensible; no OSError, like the other one."""


class _Call:
    """What the connection and the client know in common about the call under way."""

    def __init__(self, seconds):
        self.ends = time.monotonic() + seconds
        self.start()

    def start(self):
        """Begin the next exchange."""
        self.left_house = False
        self._received = 0

    def remaining(self):
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise _DeadlinePassed
        return seconds

    def received(self, count):
        """Count bytes off the wire: not all of them become part of a body."""
        self._received += count
        if self._received > MAX_BODY:
            raise _TooLarge


# Requests' and urllib3's layers lie between the client and the socket and offer no way
# to hand a call's own data through them; a context variable belongs to one thread.
_current_call = ContextVar("maventa_call", default=None)


class _TimedReader(io.RawIOBase):
    """Reads from a socket within the deadline of the current call."""

    def __init__(self, raw, sock):
        self._raw, self._sock = raw, sock

    def readable(self):
        return True

    def readinto(self, buffer):
        call = _current_call.get()
        if not call:
            return self._raw.readinto(buffer)
        self._sock.settimeout(call.remaining())
        try:
            count = self._raw.readinto(buffer)
        except TimeoutError:
            raise _DeadlinePassed from None
        call.received(count or 0)
        return count

    def close(self):
        self._raw.close()
        return super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer whose status line, headers and body obey the deadline."""

    def __init__(self, sock, *args, **kwargs):
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_TimedReader(self.fp.detach(), sock))


class _TimedConnection:
    """Mixin for urllib3's connections: the deadline, and whether a request left."""

    response_class = _TimedResponse

    def connect(self):
        call = _current_call.get()
        if call:
            self.timeout = min(CONNECT_TIMEOUT, call.remaining())
        return super().connect()

    def endheaders(self, *args, **kwargs):
        # http.client would connect while it sends. Doing so first keeps "could not
        # connect" apart from "broke while sending".
        if self.sock is None:
            self.connect()
        call = _current_call.get()
        if call:
            call.remaining()
            call.left_house = True
        return super().endheaders(*args, **kwargs)

    def send(self, data):
        call = _current_call.get()
        if not call or self.sock is None or not isinstance(data, bytes):
            return super().send(data)
        # In pieces: a slow reader must not stretch one long write beyond the deadline.
        for start in range(0, len(data), 65_536):
            self.sock.settimeout(call.remaining())
            try:
                super().send(data[start : start + 65_536])
            except TimeoutError:
                raise _DeadlinePassed from None
        return None


class _TimedHTTPConnection(_TimedConnection, HTTPConnection):
    pass


class _TimedHTTPSConnection(_TimedConnection, HTTPSConnection):
    pass


class _TimedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _TimedHTTPConnection


class _TimedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHTTPSConnection


# Only safe calls are repeated, and only for a broken connection. ``other=0`` matters:
# it covers TLS trouble in the middle of an answer, where urllib3 asks for no method.
_RETRY = urllib3.Retry(
    total=2,
    connect=1,
    read=2,
    redirect=0,
    status=0,
    other=0,
    allowed_methods=frozenset({"GET"}),
    backoff_factor=0,
    respect_retry_after_header=False,
    raise_on_redirect=False,
    raise_on_status=False,
)


class _Adapter(HTTPAdapter):
    """Requests' transport with connections that know the deadline."""

    def __init__(self):
        super().__init__(pool_maxsize=16, max_retries=_RETRY)

    def init_poolmanager(self, *args, **kwargs):
        result = super().init_poolmanager(*args, **kwargs)
        self._use_timed_pools(self.poolmanager)
        return result

    def proxy_manager_for(self, *args, **kwargs):
        manager = super().proxy_manager_for(*args, **kwargs)
        self._use_timed_pools(manager)
        return manager

    @staticmethod
    def _use_timed_pools(manager):
        manager.pool_classes_by_scheme = {
            "http": _TimedHTTPPool,
            "https": _TimedHTTPSPool,
        }

    def send(self, request, timeout=None, **kwargs):
        # The connections set both from the deadline; whatever the session was told is
        # only the widest frame.
        kwargs["timeout"] = (CONNECT_TIMEOUT, timeout)
        return super().send(request, **kwargs)

    def build_response(self, request, response):
        # Nobody asks for it, and requests stumbles over a malformed one.
        response.headers.pop("Content-Type", None)
        return super().build_response(request, response)


class _Session(requests.Session):
    """Requests' session without any thought of following a redirect.

    Told only not to follow, it prepares for it all the same: it reads the whole body,
    however large, and stumbles over an address that is none.
    """

    def get_redirect_target(self, resp):
        return None


# --------------------------------------------------------------------------------------
# Account and tokens
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Account:
    """Whose invoices, with which keys, where.

    :param str environment: ``test``, ``production`` or ``demo``
    :param str company_uuid: Maventa's id of the company
    :param str user_api_key: key of the user
    :param str vendor_api_key: key of the software
    :param str ax_url: overrides the environment's AutoXChange API
    :param str receivables_url: overrides the environment's Receivables API
    """

    environment: str
    company_uuid: str
    user_api_key: str = field(repr=False)
    vendor_api_key: str = field(repr=False)
    ax_url: str = ""
    receivables_url: str = ""

    def base_urls(self):
        """Return the base URLs of the AutoXChange and the Receivables API.

        :raises WireError: (a ValueError) for an address or environment not allowed
        """
        if self.environment == "demo":
            # Never looked up: demo mode has an adapter that answers in this process.
            defaults = ("http://localhost", "http://localhost")
        else:
            defaults = wire.BASE_URLS.get(self.environment)
        if not defaults:
            raise wire.WireError(f"unknown environment {self.environment!r}")
        overrides = (self.ax_url, self.receivables_url)
        if self.environment == "demo":
            overrides = ("", "")
        return tuple(
            wire.check_base_url(override or default)
            for override, default in zip(overrides, defaults, strict=True)
        )

    def fingerprint(self):
        """Return a key for this account that tells nothing about its secrets."""
        parts = (
            self.company_uuid,
            self.user_api_key,
            self.vendor_api_key,
            *self.base_urls(),
        )
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True)
class _Token:
    text: str = field(repr=False)
    renew_at: float
    missing: tuple


class TokenCache:
    """Tokens of several accounts, in memory, each fetched by one thread at a time."""

    def __init__(self):
        self._guard = threading.Lock()
        self._slots = {}

    def slot(self, key):
        """Return ``(lock, dict)`` of an account; the dict holds ``token``, if any."""
        with self._guard:
            return self._slots.setdefault(key, (threading.Lock(), {}))

    def clear(self):
        """Forget every token."""
        with self._guard:
            self._slots.clear()


# Shared by all clients of the process: a client lives for one job, a token for an hour.
TOKENS = TokenCache()


class _Bearer(AuthBase):
    """Sets the token, or nothing; also keeps ``~/.netrc`` from setting its own."""

    def __init__(self, token=None):
        self._token = token

    def __call__(self, request):
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token.text}"
        return request


# --------------------------------------------------------------------------------------
# The client
# --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Endpoint:
    """One call of the contract.

    ``changes``: a broken call leaves its outcome unknown. ``item``: it is about one
    invoice or case, so that a 403 may be about that one alone. ``scope``: the right it
    needs, as Maventa documents it.
    """

    method: str
    template: str
    scope: str
    receivables: bool = False
    changes: bool = False
    item: bool = False


_TOKEN = _Endpoint("POST", wire.TOKEN, "")
_CURRENT = _Endpoint("GET", wire.CURRENT, "")
_AUTHENTICATED = _Endpoint("GET", wire.AUTHENTICATED, "")
_AUTHORIZATION = _Endpoint("GET", wire.AUTHORIZATION, wire.SCOPE_COMPANY_READ)
_SERVICE = _Endpoint("GET", wire.SERVICE, wire.SCOPE_COMPANY_READ)
_ACTIVATE = _Endpoint("PUT", wire.SERVICE, wire.SCOPE_COMPANY_WRITE, changes=True)
_CLOSE = _Endpoint("DELETE", wire.SERVICE, wire.SCOPE_COMPANY_WRITE, changes=True)
_INVOICES = _Endpoint("GET", wire.INVOICES, wire.SCOPE_INVOICE)
_INVOICE = _Endpoint("GET", wire.INVOICE, wire.SCOPE_INVOICE, item=True)
_UPLOAD = _Endpoint("POST", wire.INVOICES, wire.SCOPE_INVOICE, changes=True, item=True)
_TRANSFER = _Endpoint(
    "POST", wire.TRANSFER, wire.SCOPE_INVOICE, changes=True, item=True
)
_TRANSFER_STATUS = _Endpoint("GET", wire.TRANSFER_STATUS, wire.SCOPE_INVOICE, item=True)
_ASSIGNMENTS = _Endpoint(
    "GET", wire.ASSIGNMENTS, wire.SCOPE_ASSIGNMENTS, receivables=True
)
_ASSIGNMENT = _Endpoint(
    "GET", wire.ASSIGNMENT, wire.SCOPE_ASSIGNMENTS, receivables=True, item=True
)
_EVENTS = _Endpoint(
    "GET", wire.EVENTS, wire.SCOPE_ASSIGNMENTS, receivables=True, item=True
)
_REPORT = _Endpoint(
    "POST",
    wire.EVENTS,
    wire.SCOPE_ASSIGNMENTS,
    receivables=True,
    changes=True,
    item=True,
)


@dataclass(frozen=True)
class _Response:
    """What came over the wire."""

    status: int
    headers: object
    body: bytearray = field(repr=False)


@dataclass(frozen=True)
class _Answer:
    """A successful answer: ``data`` is None for an empty body."""

    data: object = field(repr=False)
    headers: object


_UNREADABLE = object()  # in place of a body's data


_BROKEN = (
    _DeadlinePassed,
    _TooLarge,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
_TIMED_OUT = (_DeadlinePassed, requests.Timeout, TimeoutError)


class Client:
    """Maventa and Ropo for one account. Threads may share it.

    :param Account account: whose invoices, with which keys
    :param str erp_version: told to Maventa with the request for a token
    :param float deadline: seconds for everything a method does until its answer (twice
        that for methods that read a list to its end; for those that hand it out page by
        page: for each page)
    :param adapter: a requests adapter that takes the place of the network (demo mode)
    :param clock: seconds that never run backwards; measures the age of tokens
    :param str license_key: told to Maventa with the request for a token, if any
    :raises WireError: (a ValueError) for a base URL that is not allowed
    """

    def __init__(
        self,
        account,
        *,
        erp_version="",
        deadline=DEADLINE,
        adapter=None,
        clock=time.monotonic,
        license_key="",
    ):
        if account.environment == "demo" and adapter is None:
            raise wire.WireError("demo mode needs an adapter")
        self.account = account
        self._ax_url, self._receivables_url = account.base_urls()
        self._erp_version = erp_version
        self._license_key = license_key
        self._deadline = deadline
        self._clock = clock
        # What answers in this process has its own tokens.
        tokens = TOKENS if adapter is None else TokenCache()
        self._token_lock, self._token_slot = tokens.slot(account.fingerprint())
        self._secrets = (account.user_api_key, account.vendor_api_key)
        self._session = _Session()
        self._session.headers["User-Agent"] = f"Odoo/{erp_version} ropo_collection"
        self._session.headers["Accept"] = "application/json"
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # Proxies come from the environment, but never for this machine itself.
        self._session.trust_env = not any(
            wire.is_loopback(urlsplit(url).hostname)
            for url in (self._ax_url, self._receivables_url)
        )
        adapter = adapter or _Adapter()
        for prefix in ("http://", "https://"):
            self._session.mount(prefix, adapter)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """Close the connections."""
        self._session.close()

    # -- account and service -----------------------------------------------------------

    def identity(self):
        """Return who the credentials belong to: the test of a connection.

        AutoXChange API: the current user and company, else (that call may want a right
        we do not ask for) the authenticated status; and the company's authorization.

        :rtype: wire.Identity
        :raises AccountTrouble: also when not every right was granted, naming which
        """
        with self._one_deadline():
            # A new token: what was granted may have changed since the last one.
            missing = self._token(self._token_slot.get("token")).missing
            if missing:
                raise AccountTrouble("missing_rights", missing_scopes=missing)
            current = self._if_allowed(_CURRENT) or self._if_allowed(_AUTHENTICATED)
            authorization = self._call(_AUTHORIZATION).data
            return wire.read_identity(current, authorization, self.account.company_uuid)

    def _if_allowed(self, endpoint):
        try:
            return self._call(endpoint).data
        except MaventaError as error:
            refused = error.status in (400, 401, 403, 404)
            # The token endpoint refuses with the same statuses, and means the keys.
            if not refused or error.path != endpoint.template:
                raise
            return None

    def service(self):
        """Return the state of the Ropo service.

        :rtype: wire.ServiceStatus
        """
        try:
            answer = self._call(_SERVICE)
        except Rejected as error:
            if error.reason == "not_found":
                return wire.ServiceStatus("inactive")
            raise
        return self._read(_SERVICE, wire.read_service, answer.data)

    def activate(self, email):
        """Start the service: Ropo mails ``email`` a form that an authorised person
        signs.

        :return: the new state, ``unknown`` where it could not be had at once
        :rtype: wire.ServiceStatus
        """
        body = self._build(_ACTIVATE, wire.build_service, email)
        with self._one_deadline():
            answer = self._call(_ACTIVATE, json=body)
            if isinstance(answer.data, dict):
                status = wire.read_service(answer.data)
                if status.state != "unknown":
                    return status
            # The body may be empty. What follows must not undo the success.
            try:
                return self.service()
            except MaventaError:
                return wire.ServiceStatus("unknown")

    def close_service(self):
        """End the service; one that never was is as good as ended.

        :return: the new state, ``unknown`` where it could not be had at once
        :rtype: wire.ServiceStatus
        """
        with self._one_deadline():
            try:
                self._call(_CLOSE)
            except Rejected as error:
                if error.reason != "not_found":
                    raise
            # What follows must not undo the success.
            try:
                return self.service()
            except MaventaError:
                return wire.ServiceStatus("unknown")

    # -- invoices ----------------------------------------------------------------------

    def find_invoices(self, number):
        """Return the sent invoices that answer to ``number``.

        Whether Maventa matches numbers exactly is not documented: compare number, date,
        currency and total before taking one for ours.

        :rtype: list[wire.MaventaInvoice]
        :raises Rejected: ``too_many``, rather than returning a part of them
        """

        def fetch(page):
            return self._page(
                _INVOICES,
                page,
                wire.read_invoice,
                params=wire.build_invoice_query(number, page),
            )

        found = []
        with self._one_deadline(LISTS_LAST):
            for count, page in enumerate(_pages(fetch), 1):
                if count > MAX_CANDIDATE_PAGES:
                    raise self._error(_INVOICES, Rejected, "too_many")
                found += page.items
        return found

    def invoice(self, invoice_id):
        """Return one invoice.

        :rtype: wire.MaventaInvoice
        """
        answer = self._call(_INVOICE, id=invoice_id)
        return self._read(_INVOICE, wire.read_invoice, answer.data)

    def upload_invoice(self, xml, filename, uuid):
        """Store an invoice at Maventa without sending it to anyone.

        Safe to repeat with the same ``uuid``: when a refusal means that it is there
        already, the one that is there is returned.

        :param bytes xml: Peppol BIS Billing 3.0
        :param str filename: name of the file
        :param str uuid: our own id for it, stored before the call
        :rtype: wire.MaventaInvoice
        """
        with self._one_deadline():
            try:
                answer = self._call(
                    _UPLOAD,
                    data=wire.build_upload(uuid),
                    files={wire.UPLOAD_FILE: (filename, xml, "application/xml")},
                )
            except Rejected as error:
                if error.reason not in ("invalid", "conflict"):
                    raise
                # The id is ours: an invoice that bears it can only be this one.
                return self._uploaded(uuid, error)
            return self._read(_UPLOAD, wire.read_invoice, answer.data)

    def _uploaded(self, uuid, refusal):
        try:
            found = self.invoice(uuid)
        except Rejected:
            found = None
        if not found or not wire.same_id(found.id, uuid):
            raise refusal
        return found

    # -- hand-over ---------------------------------------------------------------------

    def transfer(self, invoice_id, transfer):
        """Hand an invoice over to Ropo. Returning means: accepted for processing.

        There is no idempotency key. After :class:`OutcomeUnknown`, look
        (:meth:`transfer_status`) before sending it again.

        :param str invoice_id: Maventa's id of the invoice
        :param wire.Transfer transfer: what is handed over
        """
        body = self._build(_TRANSFER, wire.build_transfer, transfer)
        # Ids of people are not for logs and messages, even when a server repeats them.
        private = [payer.ssn for payer in transfer.payers]
        private += [payer.bid for payer in transfer.payers if payer.kind == "person"]
        private = spellings(private)
        with self._one_deadline():
            self._call(_TRANSFER, id=invoice_id, json=body, private=private)

    def transfer_status(self, invoice_id):
        """Return what became of a hand-over; None when there was none.

        None is returned only for a believable "no request": the API itself says
        ``not_found`` while it shows the invoice to the same credentials. (The list may
        lag, so a second hand-over needs this answer twice, minutes apart.)

        :rtype: wire.TransferStatus | None
        :raises NotNow: ``not_believable`` for any other "not found"
        """
        with self._one_deadline():
            try:
                answer = self._call(_TRANSFER_STATUS, id=invoice_id)
            except Rejected as error:
                if error.reason != "not_found":
                    raise
                self._check_absence(invoice_id)
                return None
            return self._read(
                _TRANSFER_STATUS,
                wire.read_transfer_status,
                answer.data,
                invoice_id=invoice_id,
                receivables_url=self._receivables_url,
            )

    def _check_absence(self, invoice_id):
        try:
            found = self.invoice(invoice_id)
        except Rejected:
            found = None
        if not found or not wire.same_id(found.id, invoice_id):
            # "Not found" also means "you have no access" (AutoXChange API, errors).
            raise self._error(_TRANSFER_STATUS, NotNow, "not_believable", status=404)

    # -- cases and their events --------------------------------------------------------

    def assignments(self, page=1):
        """Return one page of the cases, with what they hold of their events.

        :rtype: wire.Page
        """
        return self._page(
            _ASSIGNMENTS,
            page,
            wire.read_assignment,
            params=wire.build_page_query(page),
        )

    def iter_assignment_pages(self, start=1):
        """Yield the pages of the cases from page ``start`` on.

        Ends where the server says so, else with an empty page or one that brings
        nothing new: a server that ignores the number of the page must not be asked for
        ever.
        """
        return _pages(self.assignments, start)

    def iter_listed_pages(self, start=1):
        """Yield the same pages, of cases that are read only where that is asked for.

        :return: pages of :class:`wire.Listed`
        """

        def fetch(page):
            query = wire.build_page_query(page)
            return self._page(_ASSIGNMENTS, page, wire.read_listed, params=query)

        return _pages(fetch, start)

    def iter_assignments(self):
        """Yield every case once."""
        for page in self.iter_assignment_pages():
            yield from page.items

    def find_assignment(self, invoice_id):
        """Return the case of an invoice, or None.

        The list is asked with a filter, which a server may ignore or refuse; every case
        is checked for the id. None means "not in the list", which may lag.

        :rtype: wire.Assignment | None
        """

        def filtered(page):
            query = wire.build_page_query(page, invoice_id=invoice_id)
            return self._page(_ASSIGNMENTS, page, wire.read_assignment, params=query)

        with self._one_deadline(LISTS_LAST):
            try:
                return self._first_concerning(invoice_id, _pages(filtered))
            except Rejected:
                return self._first_concerning(invoice_id, self.iter_assignment_pages())

    @staticmethod
    def _first_concerning(invoice_id, pages):
        for page in pages:
            for assignment in page.items:
                if assignment.concerns(invoice_id):
                    return assignment
        return None

    def assignment(self, assignment_id):
        """Return one case.

        :rtype: wire.Assignment
        """
        answer = self._call(_ASSIGNMENT, id=assignment_id)
        return self._read(_ASSIGNMENT, wire.read_assignment, answer.data)

    def events(self, assignment_id):
        """Return everything that happened to a case.

        :rtype: tuple[wire.Event, ...]
        :raises NotNow: ``too_many``, rather than returning a part of it
        """

        def fetch(page):
            return self._page(
                _EVENTS,
                page,
                wire.read_event,
                id=assignment_id,
                params=wire.build_page_query(page),
            )

        found = []
        with self._one_deadline(LISTS_LAST):
            for page in _pages(fetch):
                found += page.items
                if len(found) > wire.MAX_EVENTS:
                    raise self._error(_EVENTS, NotNow, "too_many")
        return tuple(found)

    def report_paid(self, assignment_id, amount, booked_at):
        """Report a payment that reached the company's own account.

        There is no idempotency key: the same report twice is two payments. After
        :class:`OutcomeUnknown`, look (:meth:`events`) before sending it again.

        :param Decimal amount: positive, in the invoice's currency
        :param datetime.date booked_at: the bank's booking date
        :return: the id of the event, empty where the answer has none
        :rtype: str
        """
        return self._report(assignment_id, wire.PAID, amount, booked_at)

    def report_credit_note(self, assignment_id, amount, booked_at):
        """Report a credit note; like :meth:`report_paid` otherwise."""
        return self._report(assignment_id, wire.CREDIT_NOTE, amount, booked_at)

    def _report(self, assignment_id, kind, amount, booked_at):
        body = self._build(_REPORT, wire.build_event, kind, amount, booked_at)
        with self._one_deadline():
            answer = self._call(_REPORT, id=assignment_id, json=body)
            return wire.read_event_id(answer.data)

    # -- one call ----------------------------------------------------------------------

    @contextmanager
    def _one_deadline(self, times=1):
        """Let everything inside share one deadline; the outermost one counts.

        :param times: how many times as long as usual
        """
        call = _current_call.get()
        if call is not None:
            yield call
            return
        reset = _current_call.set(_Call(self._deadline * times))
        try:
            yield _current_call.get()
        finally:
            _current_call.reset(reset)

    def _page(self, endpoint, page, reader, **kwargs):
        answer = self._call(endpoint, **kwargs)
        return self._read(
            endpoint, wire.read_page, answer.data, answer.headers, page, reader
        )

    def _build(self, endpoint, builder, *args, **kwargs):
        """Build a body or path; what cannot be right is refused like Maventa would."""
        try:
            return builder(*args, **kwargs)
        except wire.WireError as error:
            raise self._error(
                endpoint, Rejected, "invalid", message=str(error)
            ) from None

    def _read(self, endpoint, reader, data, *args, **kwargs):
        """Read an answer; one that cannot be read tells nothing."""
        try:
            return reader(data, *args, **kwargs)
        except wire.WireError:
            failed = OutcomeUnknown if endpoint.changes else NotNow
        raise self._error(endpoint, failed, "unreadable_answer")

    def _call(self, endpoint, *, id="", private=(), **kwargs):
        """Carry a call out with a token; return its :class:`_Answer`.

        A 401 means *expired* or *no access*: a new token is fetched once, the call
        repeated once. That is safe, for what answers 401 was not carried out.
        """
        url = self._url(endpoint, id)
        with self._one_deadline():
            token = self._token()
            response = self._attempt(endpoint, url, token, **kwargs)
            if response.status == 401:
                token = self._token(stale=token)
                response = self._attempt(endpoint, url, token, **kwargs)
            return self._judge(endpoint, response, (*private, token.text))

    def _url(self, endpoint, id):
        base = self._receivables_url if endpoint.receivables else self._ax_url
        if "{id}" not in endpoint.template:
            return base + endpoint.template
        return base + self._build(endpoint, wire.path, endpoint.template, id=id)

    def _attempt(self, endpoint, url, token, **kwargs):
        """Make the exchange, unless the token is known not to be good for it."""
        if endpoint.scope in wire.expand_scopes(token.missing):
            raise self._error(
                endpoint,
                AccountTrouble,
                "missing_rights",
                missing_scopes=token.missing,
            )
        return self._send(endpoint, url, token, **kwargs)

    def _token(self, stale=None):
        """Return a token, fetching one when there is none, or only ``stale``."""
        with self._one_deadline() as call:
            try:
                locked = self._token_lock.acquire(timeout=call.remaining())
            except _DeadlinePassed:
                locked = False
            if not locked:
                raise self._error(_TOKEN, NotNow, "timeout")
            try:
                token = self._token_slot.get("token")
                if (
                    token is None
                    or token.text == (stale and stale.text)
                    or self._clock() >= token.renew_at
                ):
                    token = self._fetch_token()
                    self._token_slot["token"] = token
                return token
            finally:
                self._token_lock.release()

    def _fetch_token(self):
        form = wire.build_token(
            self.account.company_uuid,
            self.account.user_api_key,
            self.account.vendor_api_key,
            erp_version=self._erp_version,
            key=self._license_key,
        )
        asked_at = self._clock()
        response = self._send(_TOKEN, self._ax_url + wire.TOKEN, None, data=form)
        answer = self._judge(_TOKEN, response)
        text, seconds, granted = self._read(_TOKEN, wire.read_token, answer.data)
        # A token shorter than the margin is used for the first half of its life.
        margin = min(TOKEN_MARGIN, seconds / 2)
        return _Token(text, asked_at + seconds - margin, wire.missing_scopes(granted))

    def _send(self, endpoint, url, token, **kwargs):
        """Make one HTTP exchange; return a :class:`_Response`.

        :raises NotNow: when nothing can have happened over there
        :raises OutcomeUnknown: when something may have
        """
        call = _current_call.get()
        call.start()
        handled_by_caller = sys.exc_info()[1]
        started = time.monotonic()
        outcome = "failed"
        try:
            seconds = call.remaining()
            if endpoint.changes and seconds < min(5.0, self._deadline / 4):
                # Too late to hear the answer: better not to ask.
                raise _DeadlinePassed
            with self._session.request(
                endpoint.method,
                url,
                auth=_Bearer(token),
                timeout=seconds,
                allow_redirects=False,
                stream=True,
                **kwargs,
            ) as raw:
                outcome = raw.status_code
                return _Response(raw.status_code, raw.headers, _body(raw))
        except _BROKEN as error:
            failed = self._failure(endpoint, call, error, handled_by_caller)
            outcome = failed.reason
        finally:
            _logger.info(
                "maventa %s %s %s %d ms",
                endpoint.method,
                wire.label(endpoint.template),
                outcome,
                (time.monotonic() - started) * 1000,
            )
        # Outside of the handler: the exception that was handled there holds the whole
        # request, secrets and all.
        raise failed

    def _failure(self, endpoint, call, error, handled_by_caller):
        """Return the error for an exchange that broke."""
        # Requests and urllib3 wrap what happened several times over. What the caller
        # was handling already is no part of it.
        chain = []
        while error is not None and error is not handled_by_caller:
            chain.append(error)
            error = error.__cause__ or error.__context__
        message = ""
        if isinstance(chain[0], _TooLarge):
            reason = "too_large"
        elif any(isinstance(error, _TIMED_OUT) for error in chain):
            reason = "timeout"
        else:
            reason = "unreachable"
            innermost = [error for error in chain if isinstance(error, _BROKEN)][-1]
            message = clean_text(
                f"{type(innermost).__name__}: {innermost}", secrets=self._secrets
            )
        unknown = endpoint.changes and call.left_house
        failed = OutcomeUnknown if unknown else NotNow
        return self._error(endpoint, failed, reason, message=message)

    def _judge(self, endpoint, response, secrets=()):
        """Return the :class:`_Answer` of a good response, raise for any other one."""
        status = response.status
        try:
            data = wire.parse(response.body) if not _is_blank(response.body) else None
        except wire.WireError:
            data = _UNREADABLE
        if 200 <= status < 300:
            if data is _UNREADABLE:
                failed = OutcomeUnknown if endpoint.changes else NotNow
                raise self._error(endpoint, failed, "unreadable_answer", status=status)
            return _Answer(data, response.headers)
        code, message, details = wire.read_error(data, (*self._secrets, *secrets))
        about = {
            "status": status,
            "code": code,
            "message": message,
            "details": details,
        }
        if status in (429, 503):
            wait = _retry_after(response.headers.get("Retry-After"))
            raise self._error(endpoint, NotNow, "busy", retry_after=wait, **about)
        unclear = OutcomeUnknown if endpoint.changes else NotNow
        if status >= 500 or status == 408:
            reason = "timeout" if status in (408, 504) else "server_error"
            raise self._error(endpoint, unclear, reason, **about)
        if status < 400:
            raise self._error(endpoint, unclear, "redirected", **about)
        if endpoint is _TOKEN:
            raise self._token_refused(data, about)
        if status == 404 and code != wire.NOT_FOUND:
            # A proxy's 404, or a wrong address: it says nothing about what is there.
            raise self._error(endpoint, unclear, "not_believable", **about)
        if status == 401:
            raise self._error(endpoint, AccountTrouble, "no_access", **about)
        if status == 403:
            raise self._forbidden(endpoint, about)
        reason = {404: "not_found", 409: "conflict", 413: "too_large"}.get(
            status, "invalid"
        )
        raise self._error(endpoint, Rejected, reason, **about)

    def _token_refused(self, data, about):
        if about["status"] in (400, 401, 403) and isinstance(data, dict):
            if about["code"] == wire.INVALID_SCOPE:
                return self._error(
                    _TOKEN,
                    AccountTrouble,
                    "missing_rights",
                    missing_scopes=wire.SCOPES,
                    **about,
                )
            return self._error(_TOKEN, AccountTrouble, "wrong_keys", **about)
        if about["status"] in (401, 403):
            return self._error(_TOKEN, AccountTrouble, "no_access", **about)
        return self._error(_TOKEN, NotNow, "not_believable", **about)

    def _forbidden(self, endpoint, about):
        """Return the error for a 403, which may be about the service or one item."""
        if not endpoint.item:
            return self._error(endpoint, AccountTrouble, "no_access", **about)
        if self.service().state != "active":
            return self._error(endpoint, AccountTrouble, "service_not_active", **about)
        return self._error(endpoint, Rejected, "forbidden", **about)

    @staticmethod
    def _error(endpoint, cls, reason, **kwargs):
        return cls(
            reason,
            method=endpoint.method,
            path=wire.label(endpoint.template),
            **kwargs,
        )


def _body(response):
    """Return the unpacked body of ``response``, read piece by piece."""
    if "," in response.headers.get("Content-Encoding", ""):
        raise _TooLarge  # packed more than once, it can hold anything
    body = bytearray()
    for piece in response.iter_content(PIECE):
        body += piece
        if len(body) > MAX_BODY:
            raise _TooLarge
    _check_complete(response, len(body))
    return body


def _is_blank(body):
    return not body or body.isspace()


def _check_complete(response, size):
    """Refuse a body that ends too early.

    Older versions of urllib3 do not compare its length; and a connection that breaks
    within the headers looks like a success without a body, so an empty success must
    say that it is one.
    """
    headers = response.headers
    if "Content-Encoding" in headers or "Transfer-Encoding" in headers:
        return  # these tell their own end
    length = headers.get("Content-Length")
    if length is None:
        complete = size or response.status_code not in (200, 201, 202)
    else:
        # An absurd one is no number to Python.
        expected = int(length) if length.isdecimal() and len(length) < 20 else 0
        complete = size >= expected
    if not complete:
        raise http.client.IncompleteRead(b"")


def _retry_after(value):
    """Return the seconds of a Retry-After header (a number or a date), or None."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        seconds = (moment - datetime.now(timezone.utc)).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)


def _pages(fetch, start=1):
    """Yield pages until the server, an empty page or a repeated one ends them.

    Items that were on an earlier page are left out: lists shift while they are read.
    """
    seen, number = set(), start
    for _ in range(MAX_PAGES):
        page = fetch(number)
        fresh = [item for item in page.items if _key(item) not in seen]
        if not fresh:
            return
        seen.update(map(_key, fresh))
        yield wire.Page(tuple(fresh), page.next_page, page.total)
        if page.next_page is None:
            return
        number = page.next_page
    # A part that passes for the whole would be worse.
    raise NotNow("too_many")


def _key(item):
    """Return what an item is recognised by: its id, else all of it."""
    return item.id or item
