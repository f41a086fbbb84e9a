"""A working Maventa and Ropo in one process: for demo mode and for tests.

It keeps the contract from the other side: tokens, rights, agreement, invoices,
hand-overs, cases and their events, and it is strict. Whatever the contract does not
allow is refused, unknown fields included, for it is here that a mistake shall show.

:class:`Sandbox` answers requests given as method, URL, headers and body. Demo mode
mounts it with :class:`SandboxAdapter`, so that nothing leaves the process; tests reach
it over real HTTP with :func:`serve`, which can also break connections at will
(:class:`Faults`). Its methods (``remind``, ``debtor_pays``, ``close`` …) play the part
of Ropo and of the debtor; ``next_step`` plays whatever is due.

``python -m maventa.sandbox`` (in the addon's folder) serves one to play with.
"""

import argparse
import io
import json
import random
import re
import sys
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree  # nosec B405  as below
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from . import wire

TOKEN_SECONDS = 3600
_ZONES = {
    "FI": ("Europe/Helsinki", 2),
    "SE": ("Europe/Stockholm", 1),
    "NO": ("Europe/Oslo", 1),
}
_UBL = {
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
}
_ASSIGNMENT_LIST = "assignments"


class MemoryStore:
    """The sandbox's memory: one dict that JSON can hold, one user at a time.

    A store that lasts has the same one method. This one keeps no copy to fall back on:
    the sandbox checks everything before it changes anything.
    """

    def __init__(self):
        self._lock = threading.RLock()
        self._state = {}

    @contextmanager
    def transaction(self):
        """Yield the state; changes to it are kept."""
        with self._lock:
            yield self._state


class Refusal(Exception):
    """An answer other than success: raised before anything was changed."""

    def __init__(self, status, code, message, *details):
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.details = details


class _Option:
    """A setting kept in the state, so that several processes share it."""

    def __init__(self, default):
        self.default = default

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, sandbox, owner=None):
        if sandbox is None:
            return self
        with sandbox.transaction() as state:
            return sandbox._option(state, self.name)

    def __set__(self, sandbox, value):
        with sandbox.transaction() as state:
            state["options"][self.name] = value


class Sandbox:
    """Maventa's two APIs with Ropo behind them.

    :param store: keeps the state; in memory where none is given
    :param clock: callable that returns an aware time; :meth:`move_clock` shifts it

    A *case* is named by the id of its invoice or of its assignment. Amounts go in as
    numbers or texts and come out as :class:`~decimal.Decimal`.
    """

    processing_seconds = _Option(0)  # from pending to sent; 0: at the next look
    list_lag_seconds = _Option(0)  # until the list of cases and their events catch up
    per_page_cap = _Option(0)  # pages are no longer than this, whatever was asked for
    ignore_page = _Option(False)  # always answer with the first page
    page_headers = _Option(True)  # tell total and next page in headers
    wrap_lists = _Option("")  # put lists into an object, under this name
    extra_fields = _Option(False)  # answer with fields nobody knows
    transfers_before_due_ok = _Option(False)
    refuse_current = _Option(False)  # /oauth2/current wants a right not asked for
    refuse_filters = _Option(False)  # the list of cases knows no filter

    def __init__(self, store=None, clock=None):
        self._store = store or MemoryStore()
        self._clock = clock or (lambda: datetime.now(timezone.utc))

    @contextmanager
    def transaction(self):
        """Yield the state, complete, for reading and changing."""
        with self._store.transaction() as state:
            for table in (
                "options",
                "companies",
                "tokens",
                "invoices",
                "numbers",
                "cases",
                "assignments",
                "order",
            ):
                state.setdefault(table, {})
            state.setdefault("offset", 0)
            yield state

    # -- setting the scene -------------------------------------------------------------

    def add_company(
        self,
        uuid,
        user_api_key="",
        vendor_api_key="",
        name="",
        business_id="",
        country="FI",
        scopes=None,
        open_door=False,
    ):
        """Add a company, or change what is known of it.

        :param scopes: the rights its keys can be granted; all by default
        :param bool open_door: accept any keys
        """
        if country not in wire.CURRENCIES:
            raise ValueError(f"Ropo does not work in {country}")
        with self.transaction() as state:
            company = state["companies"].setdefault(uuid, {"service": None})
            company.update(
                uuid=uuid,
                user_api_key=user_api_key,
                vendor_api_key=vendor_api_key,
                name=name,
                bid=business_id,
                country=country,
                scopes=sorted(wire.expand_scopes(scopes or wire.SCOPES)),
                open_door=open_door,
            )

    def add_invoice(
        self,
        company_uuid,
        *,
        id=None,
        number,
        date,
        date_due,
        total,
        currency="EUR",
        recipient_name="",
        recipient_bid="",
        reference="",
        status="DELIVERED",
    ):
        """Add a sent invoice; the same number again is the same invoice.

        :return: its id
        """
        with self.transaction() as state:
            return self._add_invoice(
                state,
                company_uuid,
                id=id or str(uuid.uuid4()),
                number=number,
                date=_iso(date),
                date_due=_iso(date_due),
                total=str(_dec(total)),
                currency=currency,
                recipient_name=recipient_name,
                recipient_bid=recipient_bid,
                reference=reference,
                status=status,
            )

    @staticmethod
    def _add_invoice(state, company_uuid, **invoice):
        key = f"{company_uuid}\n{invoice['number']}"
        known = state["numbers"].setdefault(key, [])
        if known:
            old = state["invoices"][known[0]]
            old.update(invoice, id=old["id"])
            return old["id"]
        known.append(invoice["id"])
        state["invoices"][invoice["id"]] = {**invoice, "company": company_uuid}
        return invoice["id"]

    def move_clock(self, days=0, seconds=0):
        """Let time pass, for everyone who uses the same store."""
        with self.transaction() as state:
            state["offset"] += days * 86_400 + seconds

    def revoke_tokens(self):
        """Make every token invalid at once."""
        with self.transaction() as state:
            state["tokens"].clear()

    def sign_agreement(self, company_uuid):
        """The authorised person signs: the service is active from now on."""
        self._set_service(company_uuid, "ACTIVE")

    def reject_agreement(self, company_uuid):
        """Ropo turns the company down."""
        self._set_service(company_uuid, "REJECTED")

    def _set_service(self, company_uuid, status):
        with self.transaction() as state:
            company = state["companies"][company_uuid]
            company["service"] = {**(company["service"] or {}), "status": status}

    def set_invoice_status(self, invoice_id, status):
        """Change the delivery of an invoice: PENDING, DELIVERED or FAILED."""
        with self.transaction() as state:
            state["invoices"][invoice_id]["status"] = status

    # -- Ropo's and the debtor's part --------------------------------------------------

    def next_step(self, case):
        """Play what is due next on a case.

        :return: what that was: ``sent``, ``reminder``, ``debt_collection``, ``paid``
            (the debtor pays the rest to Ropo), ``closed``, or ``nothing``
        """
        with self._case(case) as (state, found):
            if found["status"] == "pending":
                self._send_case(state, found)
                return "sent"
            if found["status"] != "sent" or found["closed"]:
                return "nothing"
            if found["stage"] == "":
                self._add_stage(state, found, "reminder_sent")
                return "reminder"
            if found["stage"] == "reminder_sent":
                self._add_stage(state, found, "debt_collection")
                return "debt_collection"
            rest = _open(found)
            if rest > 0:
                self._add_paid(state, found, rest, None)
                return "paid"
            self._close_case(state, found, "Paid in full.")
            return "closed"

    def remind(self, case):
        """Ropo sends a reminder."""
        self.stage(case, "reminder_sent")

    def stage(self, case, name):
        """Ropo moves the case to another stage, known or not."""
        with self._sent_case(case) as (state, found):
            self._add_stage(state, found, name)

    def _add_stage(self, state, case, name):
        case["stage"] = name
        if name == "reminder_sent":
            self._add_event(state, case, "reminder_sent", text="Reminder sent.")
        else:
            case["costs"] = str(_dec(case["costs"]) + 5)
            self._add_event(state, case, "status_changed", text=f"Stage: {name}.")

    def debtor_pays(self, case, amount, date=None):
        """The debtor pays to Ropo.

        :return: the id of the event
        """
        with self._sent_case(case) as (state, found):
            return self._add_paid(state, found, _dec(amount), date)

    def _add_paid(self, state, case, amount, day):
        case["paid_to_ropo"] = str(_dec(case["paid_to_ropo"]) + amount)
        event = self._add_event(
            state, case, wire.PAID, amount=amount, day=day, text="Paid to Ropo."
        )
        self._settle(state, case)
        return event["id"]

    def connect_credit_note(self, case, amount):
        """Maventa connects a credit note with the case that nobody here reported.

        :return: the id of the event
        """
        with self._sent_case(case) as (state, found):
            amount = _dec(amount)
            found["connected"] = str(_dec(found["connected"]) + amount)
            event = self._add_event(
                state, found, wire.CREDIT_NOTE, amount=amount, text="Connected."
            )
            self._settle(state, found)
            return event["id"]

    def correct(self, case, kind, amount):
        """Ropo takes a report of ours back: ``kind`` is paid or credit_note."""
        with self._sent_case(case) as (state, found):
            key = {wire.PAID: "told_paid", wire.CREDIT_NOTE: "told_credited"}[kind]
            found[key] = str(_dec(found[key]) - _dec(amount))
            text = f"Corrected: {kind} {amount}."
            self._add_event(state, found, "correction", text=text)
            found["closed"] = found["partial"] = False

    def raise_claim(self, case, amount):
        """Ropo adds to the claim what the creditor had left out."""
        with self._sent_case(case) as (state, found):
            found["capital"] = str(_dec(found["capital"]) + _dec(amount))
            self._add_event(state, found, "correction", text=f"Claim: +{amount}.")

    def comment(self, case, text):
        """Ropo writes a comment.

        :return: the id of the event
        """
        with self._sent_case(case) as (state, found):
            return self._add_event(state, found, "comment", text=text)["id"]

    def event(self, case, type, text="", amount=None, date=None):
        """Something else happens, of any type; it moves no money here.

        :return: the id of the event
        """
        with self._sent_case(case) as (state, found):
            amount = None if amount is None else _dec(amount)
            event = self._add_event(
                state, found, type, amount=amount, day=date, text=text
            )
            return event["id"]

    def close(self, case, reason=""):
        """Ropo closes the case."""
        with self._sent_case(case) as (state, found):
            self._close_case(state, found, reason)

    def fail(self, case, reason):
        """Ropo cannot take a hand-over that is still pending."""
        with self._case(case) as (_state, found):
            found.update(status="error", error_reason=reason, sent_at=None)

    def wait(self, case, reason):
        """Something passing holds a pending hand-over up; it stays pending."""
        with self._case(case) as (_state, found):
            found.update(status="pending", error_reason=reason, sent_at=None)

    def case(self, case):
        """Return all there is to know about a case, or None.

        Claim and sums: ``capital``, ``told_paid``, ``told_credited``, ``paid_to_ropo``,
        ``connected`` (credit notes nobody reported), ``open_amount``.
        """
        with self.transaction() as state:
            found = self._find_case(state, case)
            return _snapshot(found) if found else None

    def cases(self):
        """Return a snapshot of every case."""
        with self.transaction() as state:
            found = []
            for case in state["cases"].values():
                self._look(state, case)
                found.append(_snapshot(case))
            return found

    # -- state -------------------------------------------------------------------------

    @classmethod
    def _option(cls, state, name):
        return state["options"].get(name, getattr(cls, name).default)

    def _now(self, state):
        return self._clock() + timedelta(seconds=state["offset"])

    def _today(self, state, company):
        """Return the day it is for a company, in its own time zone."""
        name, hours = _ZONES[company["country"]]
        try:
            zone = ZoneInfo(name)
        except ZoneInfoNotFoundError:  # a machine without time zones: near enough
            zone = timezone(timedelta(hours=hours))
        return self._now(state).astimezone(zone).date()

    def _find_case(self, state, key):
        case = state["cases"].get(state["assignments"].get(key, key))
        if case:
            self._look(state, case)
        return case

    @contextmanager
    def _case(self, key):
        with self.transaction() as state:
            case = state["cases"].get(state["assignments"].get(key, key))
            if not case:
                raise KeyError(f"no case {key}")
            yield state, case

    @contextmanager
    def _sent_case(self, key):
        """Yield a case that Ropo has; one still pending gets there first."""
        with self._case(key) as (state, case):
            if case["status"] == "error":
                raise ValueError("the hand-over failed")
            if case["status"] == "pending":
                self._send_case(state, case)
            yield state, case

    def _look(self, state, case):
        """Let a pending hand-over get through when its time has come."""
        due = case["sent_at"]
        if case["status"] == "pending" and due and _time(due) <= self._now(state):
            self._send_case(state, case)

    def _send_case(self, state, case):
        case.update(status="sent", error_reason="")
        case["assignment_id"] = str(uuid.uuid4())
        case["listed_at"] = _stamp(self._now(state))
        state["assignments"][case["assignment_id"]] = case["invoice_id"]
        state["order"].setdefault(case["company"], []).append(case["invoice_id"])

    def _add_event(self, state, case, type, *, amount=None, day=None, text=""):
        company = state["companies"][case["company"]]
        event = {
            "id": str(uuid.uuid4()),
            "type": type,
            "date": _iso(day or self._today(state, company)),
            "amount": None if amount is None else str(amount),
            "text": text,
            "created_at": _stamp(self._now(state)),
        }
        case["events"].append(event)
        return event

    def _settle(self, state, case):
        """Close a case whose principal is gone, unless charges are left open."""
        if _open(case) > 0 or case["closed"]:
            return
        charges = sum(_dec(case[key]) for key in ("reminder", "interest", "costs"))
        gone = _dec(case["told_credited"]) + _dec(case["connected"])
        if charges and gone < _dec(case["capital"]):
            case["partial"] = True
        else:
            self._close_case(state, case, "Nothing is left to collect.")

    def _close_case(self, state, case, reason):
        if not case["closed"]:
            case["closed"] = True
            self._add_event(state, case, "close", text=reason or "Closed.")

    # -- the two APIs ------------------------------------------------------------------

    def handle(self, method, url, headers, body=b""):
        """Answer one request; both hosts are served, told apart by their paths.

        :param str url: absolute; answers that contain links use its host
        :param headers: a mapping
        :param bytes body: as sent
        :return: ``(status, headers, body)``
        """
        with self.transaction() as state:
            try:
                request = _Request(method, url, headers, body or b"")
                status, extra, data = self._route(state, request)
            except Refusal as refusal:
                status, extra = refusal.status, {}
                data = {
                    "code": refusal.code,
                    "message": refusal.message,
                    "details": list(refusal.details),
                }
            if data is not None and self._option(state, "extra_fields"):
                data = _decorate(data)
        if data is None:
            return status, extra, b""
        body = json.dumps(data).encode()
        return status, {"Content-Type": "application/json", **extra}, body

    def _route(self, state, request):
        for method, pattern, scope, handler in _ROUTES:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                ids = [unquote(part) for part in match.groups()]
                if handler is Sandbox._issue_token:
                    return handler(self, state, request)
                company = self._authenticate(state, request, scope)
                return handler(self, state, request, company, *ids)
        raise Refusal(404, wire.NOT_FOUND, "Requested resource not found")

    # .. tokens and company ............................................................

    def _issue_token(self, state, request):
        form = request.form()
        known = {
            "grant_type",
            "client_id",
            "client_secret",
            "vendor_api_key",
            "scope",
            "license_data",
        }
        if set(form) - known or form.get("grant_type") != "client_credentials":
            raise Refusal(400, "invalid_request", "Not a client credentials request")
        if form.get("license_data"):
            try:
                licence = json.loads(form["license_data"])
                valid = set(licence) <= {"key", "meta"} and isinstance(licence, dict)
            except (ValueError, TypeError):
                valid = False
            if not valid:
                raise Refusal(400, "invalid_request", "Invalid license data")
        company = state["companies"].get(form.get("client_id"))
        keys = (form.get("client_secret"), form.get("vendor_api_key"))
        if not company or not (
            company["open_door"]
            or keys == (company["user_api_key"], company["vendor_api_key"])
        ):
            raise Refusal(401, "invalid_client", "Client authentication failed")
        asked = form.get("scope", "global company").split()
        rights = set(company["scopes"])
        granted = [name for name in asked if wire.expand_scopes([name]) <= rights]
        now = self._now(state)
        for token, entry in list(state["tokens"].items()):
            if _time(entry["expires_at"]) <= now:
                del state["tokens"][token]
        token = uuid.uuid4().hex + uuid.uuid4().hex
        state["tokens"][token] = {
            "company": company["uuid"],
            "scopes": sorted(wire.expand_scopes(granted)),
            "expires_at": _stamp(now + timedelta(seconds=TOKEN_SECONDS)),
        }
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": " ".join(granted),
        }
        return 200, {}, answer

    def _authenticate(self, state, request, scope):
        kind, _space, text = request.header("Authorization").partition(" ")
        token = state["tokens"].get(text)
        if (
            kind != "Bearer"
            or not token
            or _time(token["expires_at"]) <= self._now(state)
        ):
            raise Refusal(401, "unauthorized", "The access token is not valid")
        if scope and scope not in token["scopes"]:
            raise Refusal(403, "forbidden", f"The token lacks the scope {scope}")
        request.token = token
        return state["companies"][token["company"]]

    def _current(self, state, request, company):
        if self._option(state, "refuse_current"):
            raise Refusal(403, "forbidden", "The token lacks the scope global")
        answer = {
            "user": {"id": "sandbox"},
            "company": {
                "id": company["uuid"],
                "bid": company["bid"],
                "name": company["name"],
                "country": company["country"],
            },
            "scopes": request.token["scopes"],
        }
        return 200, {}, answer

    def _authenticated(self, state, request, company):
        expires_at = request.token["expires_at"]
        return 200, {}, {"client_id": company["uuid"], "expires_at": expires_at}

    def _authorization(self, state, request, company):
        answer = {
            "auth_state": "SIGNED",
            "auth_email": "",
            "company_state": "VERIFIED",
        }
        return 200, {}, answer

    # .. service .......................................................................

    def _get_service(self, state, request, company):
        if not company["service"]:
            raise Refusal(404, wire.NOT_FOUND, "The service was never activated")
        return 200, {}, {"status": company["service"]["status"]}

    def _put_service(self, state, request, company):
        body = request.object({wire.AGREEMENT_EMAIL}, {wire.AGREEMENT_EMAIL})
        email = body[wire.AGREEMENT_EMAIL]
        if not isinstance(email, str) or not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
            raise _invalid(f"{wire.AGREEMENT_EMAIL} is not an email address")
        service = company["service"]
        if not service or service["status"] in ("DISABLED", "REJECTED"):
            company["service"] = {"status": "PENDING", "email": email}
        return 200, {}, {"status": company["service"]["status"]}

    def _delete_service(self, state, request, company):
        if not company["service"]:
            raise Refusal(404, wire.NOT_FOUND, "The service was never activated")
        company["service"] = {**company["service"], "status": "DISABLED"}
        return 204, {}, None

    @staticmethod
    def _check_service(company):
        if (company["service"] or {}).get("status") != "ACTIVE":
            raise Refusal(403, "forbidden", "The Ropo service is not active")

    # .. invoices ......................................................................

    def _list_invoices(self, state, request, company):
        query = request.query({"direction", "number", "status", "page", "per_page"})
        if query.get("direction", "RECEIVED") != "SENT":
            return self._paged(state, request, query, [], "invoices", 10)
        if "number" in query:
            key = f"{company['uuid']}\n{query['number']}"
            ids = state["numbers"].get(key, [])
            found = [state["invoices"][id] for id in ids]
        else:
            found = [
                invoice
                for invoice in state["invoices"].values()
                if invoice["company"] == company["uuid"]
            ]
        items = [_invoice_json(invoice) for invoice in found]
        return self._paged(state, request, query, items, "invoices", 10)

    def _invoice(self, state, company, invoice_id):
        invoice = state["invoices"].get(invoice_id)
        if not invoice or invoice["company"] != company["uuid"]:
            raise Refusal(404, wire.NOT_FOUND, "Requested resource not found")
        return invoice

    def _get_invoice(self, state, request, company, invoice_id):
        return 200, {}, _invoice_json(self._invoice(state, company, invoice_id))

    def _post_invoice(self, state, request, company):
        fields, files = request.multipart()
        if set(files) != {wire.UPLOAD_FILE} or not files[wire.UPLOAD_FILE][0]:
            raise _invalid("file is missing or has no name")
        if set(fields) - {"format", "uuid", "prevent_routing"}:
            raise _invalid("unknown fields", *sorted(fields))
        if fields.get("format") != "PEPPOLBIS30":
            raise _invalid("format is not supported here")
        if fields.get("prevent_routing") not in (None, "true", "false"):
            raise _invalid("prevent_routing is not a boolean")
        invoice_id = fields.get("uuid") or str(uuid.uuid4())
        try:
            uuid.UUID(invoice_id)
        except ValueError:
            raise _invalid("uuid is not a UUID") from None
        if invoice_id in state["invoices"]:
            raise Refusal(409, "already_exists", "An invoice with this uuid exists")
        invoice = _read_ubl(files[wire.UPLOAD_FILE][1])
        stored = fields.get("prevent_routing") == "true"
        invoice.update(
            id=invoice_id,
            company=company["uuid"],
            status="DELIVERED" if stored else "PENDING",
        )
        key = f"{company['uuid']}\n{invoice['number']}"
        state["numbers"].setdefault(key, []).append(invoice_id)
        state["invoices"][invoice_id] = invoice
        return 201, {}, _invoice_json(invoice)

    # .. hand-over .....................................................................

    def _post_transfer(self, state, request, company, invoice_id):
        invoice = self._invoice(state, company, invoice_id)
        self._check_service(company)
        old = self._find_case(state, invoice_id)
        if old and old["status"] != "error":
            raise Refusal(409, "conflict", "The invoice has been handed over already")
        body = request.object(wire.TRANSFER_FIELDS.values())
        amounts = _check_transfer(body, company)
        if invoice["status"] != "DELIVERED":
            raise _invalid("the invoice has not been delivered")
        if invoice["currency"] != wire.CURRENCIES[company["country"]]:
            raise _invalid("the currency is not the one of the account")
        kind = body[wire.TRANSFER_FIELDS["receivables_type"]]
        overdue = self._today(state, company) - date.fromisoformat(invoice["date_due"])
        early = overdue.days < wire.MIN_DAYS_OVERDUE[kind]
        if early and not self._option(state, "transfers_before_due_ok"):
            raise _invalid("too few days have passed since the due date")
        now = self._now(state)
        due = now + timedelta(seconds=self._option(state, "processing_seconds"))
        state["cases"][invoice_id] = {
            "invoice_id": invoice_id,
            "assignment_id": "",
            "company": company["uuid"],
            "number": invoice["number"],
            "currency": invoice["currency"],
            "body": json.loads(request.body),  # plain numbers, for the store
            **{name: str(amount) for name, amount in amounts.items()},
            "status": "pending",
            "error_reason": "",
            "sent_at": _stamp(due),
            "listed_at": "",
            "stage": "",
            "closed": False,
            "partial": False,
            "costs": "0",
            "told_paid": "0",
            "told_credited": "0",
            "paid_to_ropo": "0",
            "connected": "0",
            "requests": (old["requests"] if old else 0) + 1,
            "events": [],
        }
        return 202, {}, None

    def _get_transfer(self, state, request, company, invoice_id):
        self._invoice(state, company, invoice_id)
        case = self._find_case(state, invoice_id)
        if not case:
            raise Refusal(404, wire.NOT_FOUND, "Requested resource not found")
        answer = {"status": case["status"]}
        if case["error_reason"]:
            answer["error_reason"] = case["error_reason"]
        if case["status"] == "sent":
            here = wire.path(wire.ASSIGNMENT, id=case["assignment_id"])
            answer["url"] = request.root + here
            answer["collectable_amount"] = float(_open(case))
        return 200, {}, answer

    # .. cases and their events ........................................................

    def _list_assignments(self, state, request, company):
        filters = {wire.FILTER_INVOICE}
        if self._option(state, "refuse_filters"):
            filters = set()
        query = request.query({"page", "per_page"} | filters)
        ids = state["order"].get(company["uuid"], [])
        if wire.FILTER_INVOICE in query:
            ids = [id for id in ids if id == query[wire.FILTER_INVOICE]]
        seen = self._seen_until(state)
        count = len(ids)
        while count and state["cases"][ids[count - 1]]["listed_at"] > seen:
            count -= 1
        start, size, page = self._window(state, query, 10)
        cases = [state["cases"][id] for id in ids[start : min(start + size, count)]]
        items = [self._assignment_json(state, case) for case in cases]
        return self._list(state, items, count, size, page, _ASSIGNMENT_LIST)

    def _assignment(self, state, company, assignment_id):
        case = self._find_case(state, assignment_id)
        if (
            not case
            or case["company"] != company["uuid"]
            or case["assignment_id"] != assignment_id
        ):
            raise Refusal(404, wire.NOT_FOUND, "Requested resource not found")
        return case

    def _get_assignment(self, state, request, company, assignment_id):
        case = self._assignment(state, company, assignment_id)
        return 200, {}, self._assignment_json(state, case)

    def _list_events(self, state, request, company, assignment_id):
        case = self._assignment(state, company, assignment_id)
        query = request.query({"page", "per_page"})
        items = self._events_json(state, case)
        return self._paged(state, request, query, items, "events", 10)

    def _post_event(self, state, request, company, assignment_id):
        case = self._assignment(state, company, assignment_id)
        kind = request.json().get(wire.EVENT_TYPE)
        if kind not in wire.EVENT_AMOUNTS:
            raise _invalid(f"{wire.EVENT_TYPE} is unknown")
        amount_name = wire.EVENT_AMOUNTS[kind]
        names = {wire.EVENT_TYPE, amount_name, wire.EVENT_DATE}
        body = request.object(names, names)
        amount = _check_amount(body, amount_name, positive=True)
        day = _check_date(body, wire.EVENT_DATE)
        if day > self._today(state, company):
            raise Refusal(422, "invalid_parameters", "the date is in the future")
        if case["closed"]:
            raise Refusal(422, "closed", "The assignment is closed")
        if amount > _open(case):
            raise Refusal(422, "too_much", "The amount exceeds the open claim")
        told = "told_paid" if kind == wire.PAID else "told_credited"
        case[told] = str(_dec(case[told]) + amount)
        event = self._add_event(state, case, kind, amount=amount, day=day)
        event["posted"] = True  # for whoever looks at the snapshot; never told
        self._settle(state, case)
        return 201, {}, _event_json(event)

    def _assignment_json(self, state, case):
        status = "closed" if case["closed"] else "open"
        if case["partial"] and not case["closed"]:
            status = "partially_closed"
        answer = {
            "id": case["assignment_id"],
            "invoice_id": case["invoice_id"],
            "reference_ids": [case["invoice_id"]],
            "status": status,
            "capital_amount": float(case["capital"]),
            "open_amount": float(_open(case)),
            "currency": case["currency"],
            "events": self._events_json(state, case),
        }
        if case["stage"]:
            answer["collection_status"] = case["stage"]
        return answer

    def _events_json(self, state, case):
        seen = self._seen_until(state)
        return [
            _event_json(event)
            for event in case["events"]
            if event["created_at"] <= seen
        ]

    def _seen_until(self, state):
        lag = self._option(state, "list_lag_seconds")
        return _stamp(self._now(state) - timedelta(seconds=lag))

    # .. paging ........................................................................

    def _window(self, state, query, default):
        """Return ``(index of the first item, size, number)`` of the page asked for."""
        try:
            page, size = int(query.get("page", 1)), int(query.get("per_page", default))
        except ValueError:
            raise _invalid("page and per_page are numbers") from None
        if page < 1 or not 1 <= size <= wire.PER_PAGE:
            raise _invalid("page or per_page is out of range")
        size = min(size, self._option(state, "per_page_cap") or size)
        if self._option(state, "ignore_page"):
            page = 1
        return (page - 1) * size, size, page

    def _paged(self, state, request, query, items, name, default):
        start, size, page = self._window(state, query, default)
        part = items[start : start + size]
        return self._list(state, part, len(items), size, page, name)

    def _list(self, state, items, total, size, page, name):
        headers = {}
        ignoring = self._option(state, "ignore_page")
        if self._option(state, "page_headers") and not ignoring:
            pages = -(-total // size)
            headers = {
                "X-Total": str(total),
                "X-Total-Pages": str(pages),
                "X-Next-Page": str(page + 1) if page < pages else "",
            }
        wrap = self._option(state, "wrap_lists")
        if wrap is True:
            wrap = name
        return 200, headers, {wrap: items} if wrap else items


def _compile(template):
    return re.compile(re.escape(template).replace(r"\{id\}", "([^/]+)"))


_ROUTES = [
    (method, _compile(template), scope, handler)
    for method, template, scope, handler in (
        ("POST", wire.TOKEN, "", Sandbox._issue_token),
        ("GET", wire.CURRENT, "", Sandbox._current),
        ("GET", wire.AUTHENTICATED, "", Sandbox._authenticated),
        (
            "GET",
            wire.AUTHORIZATION,
            wire.SCOPE_COMPANY_READ,
            Sandbox._authorization,
        ),
        ("GET", wire.SERVICE, wire.SCOPE_COMPANY_READ, Sandbox._get_service),
        ("PUT", wire.SERVICE, wire.SCOPE_COMPANY_WRITE, Sandbox._put_service),
        ("DELETE", wire.SERVICE, wire.SCOPE_COMPANY_WRITE, Sandbox._delete_service),
        ("GET", wire.INVOICES, wire.SCOPE_INVOICE, Sandbox._list_invoices),
        ("POST", wire.INVOICES, wire.SCOPE_INVOICE, Sandbox._post_invoice),
        ("GET", wire.INVOICE, wire.SCOPE_INVOICE, Sandbox._get_invoice),
        ("POST", wire.TRANSFER, wire.SCOPE_INVOICE, Sandbox._post_transfer),
        ("GET", wire.TRANSFER_STATUS, wire.SCOPE_INVOICE, Sandbox._get_transfer),
        ("GET", wire.ASSIGNMENTS, wire.SCOPE_ASSIGNMENTS, Sandbox._list_assignments),
        ("GET", wire.ASSIGNMENT, wire.SCOPE_ASSIGNMENTS, Sandbox._get_assignment),
        ("GET", wire.EVENTS, wire.SCOPE_ASSIGNMENTS, Sandbox._list_events),
        ("POST", wire.EVENTS, wire.SCOPE_ASSIGNMENTS, Sandbox._post_event),
    )
]


# --------------------------------------------------------------------------------------
# Reading requests
# --------------------------------------------------------------------------------------


def _invalid(message, *details):
    return Refusal(400, "invalid_parameters", message, *details)


class _Request:
    """One request, read strictly."""

    def __init__(self, method, url, headers, body):
        parts = urlsplit(url)
        self.method = method.upper()
        self.path = parts.path
        self.root = f"{parts.scheme}://{parts.netloc}"
        self.token = None
        self._query = parts.query
        self._headers = CaseInsensitiveDict(headers)
        self.body = body

    def header(self, name):
        return self._headers.get(name) or ""

    def query(self, known):
        """Return the query as a dict; only ``known`` names, each once."""
        values = parse_qs(self._query, keep_blank_values=True)
        unknown = set(values) - known
        if unknown or any(len(value) != 1 for value in values.values()):
            raise _invalid("unknown or repeated query parameters", *sorted(unknown))
        return {name: value[0] for name, value in values.items()}

    def form(self):
        """Return a url-encoded form as a dict."""
        kind = self.header("Content-Type").partition(";")[0]
        if kind != "application/x-www-form-urlencoded":
            raise Refusal(400, "invalid_request", "Not a form")
        values = parse_qs(self.body.decode("utf-8", "replace"))
        return {name: value[0] for name, value in values.items()}

    def json(self):
        """Return the object in the body."""
        if self.header("Content-Type").partition(";")[0] != "application/json":
            raise _invalid("the body is not JSON")
        try:
            data = json.loads(
                self.body,
                parse_float=Decimal,
                parse_int=Decimal,
                parse_constant=_no_constant,
            )
        except (ValueError, ArithmeticError, RecursionError):
            raise _invalid("the body is not JSON") from None
        if not isinstance(data, dict):
            raise _invalid("the body is not an object")
        return data

    def object(self, known, needed=()):
        """Return the object in the body; only ``known`` fields, all the ``needed``."""
        data = self.json()
        _check_fields(data, known, needed, "body")
        return data

    def multipart(self):
        """Return ``(fields, {name: (file name, content)})`` of a multipart form."""
        kind = self.header("Content-Type")
        if not kind.startswith("multipart/form-data"):
            raise _invalid("the body is not multipart/form-data")
        head = f"Content-Type: {kind}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + self.body)
        fields, files = {}, {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True)
            if part.get_filename() is not None:
                files[name] = (part.get_filename(), content)
            else:
                fields[name] = content.decode("utf-8", "replace")
        return fields, files


def _no_constant(name):
    raise ValueError(name)


def _check_fields(data, known, needed, what):
    if not isinstance(data, dict):
        raise _invalid(f"{what} is not an object")
    unknown, missing = set(data) - set(known), set(needed) - set(data)
    if unknown:
        raise _invalid(f"{what} has unknown fields", *sorted(unknown))
    if missing:
        raise _invalid(f"{what} lacks fields", *sorted(missing))


def _check_text(data, name, *, needed=False, longest=255):
    value = data.get(name)
    if value is None and not needed and name not in data:
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise _invalid(f"{name} is not a proper text")
    return value


def _check_amount(data, name, *, positive=False):
    value = data.get(name)
    if not isinstance(value, Decimal):
        raise _invalid(f"{name} is not a number")
    if value < 0 or (positive and not value) or value >= 10**13:
        raise _invalid(f"{name} is out of range")
    if value != round(value, 2):
        raise _invalid(f"{name} has more than two decimals")
    return round(value, 2)


def _check_date(data, name):
    value = data.get(name)
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            raise ValueError
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _invalid(f"{name} is not a date YYYY-MM-DD") from None


def _check_choice(data, name, choices):
    if data.get(name) not in choices:
        raise _invalid(f"{name} is not one of {', '.join(choices)}")
    return data[name]


def _check_transfer(body, company):
    """Check the body of a hand-over; return its amounts by name."""
    names = wire.TRANSFER_FIELDS
    needed = {names[key] for key in names} - {names["options"]}
    _check_fields(body, names.values(), needed, "body")
    _check_choice(body, names["collection_type"], wire.COLLECTION_TYPES)
    kind = _check_choice(body, names["receivables_type"], wire.RECEIVABLES_TYPES)
    summary = _check_text(body, names["summary"], needed=True)
    if not wire.SUMMARY_MIN <= len(summary) <= wire.SUMMARY_MAX:
        raise _invalid(f"{names['summary']} is too short or too long")
    payers = body[names["payers"]]
    if not isinstance(payers, list) or not payers:
        raise _invalid("there is no payer")
    for payer in payers:
        _check_payer(payer, kind)
    main = [payer[wire.PAYER_FIELDS["main"]] for payer in payers]
    if main.count(True) != 1 or not main[0]:
        raise _invalid("the first payer, and only it, must be the main one")
    _check_rental(body, kind, company)
    return _check_amounts(body[names["amounts"]])


def _check_payer(payer, receivables_type):
    names = wire.PAYER_FIELDS
    needed = ("kind", "name", "street", "zip", "city", "country", "main")
    _check_fields(payer, names.values(), [names[key] for key in needed], "payer")
    kind = _check_choice(payer, names["kind"], ("company", "person"))
    for key in ("name", "street", "zip", "city"):
        _check_text(payer, names[key], needed=True)
    for key in ("bid", "ssn", "email", "phone"):
        _check_text(payer, names[key])
    if not re.fullmatch(r"[A-Z]{2}", str(payer[names["country"]])):
        raise _invalid("country is not ISO 3166-1 alpha-2")
    if names["language"] in payer:
        _check_choice(payer, names["language"], wire.LANGUAGES)
    if not isinstance(payer[names["main"]], bool):
        raise _invalid("main is not a boolean")
    if kind == "company" and names["ssn"] in payer:
        raise _invalid("a company has no personal identity number")
    business = receivables_type.startswith("b2b")
    if business and kind == "company" and names["bid"] not in payer:
        raise _invalid("a company needs its business id")
    if receivables_type == "b2c_rental" and names["ssn"] not in payer:
        raise _invalid("a consumer's rental claim needs the personal identity number")


def _check_rental(body, receivables_type, company):
    options = body.get(wire.TRANSFER_FIELDS["options"])
    if not receivables_type.endswith("_rental"):
        if options is not None:
            raise _invalid("rental details belong to rental claims")
        return
    if company["country"] not in wire.RENTAL_COUNTRIES:
        raise _invalid("rental claims are not possible in this country")
    _check_fields(options, [wire.RENTAL_OPTION], [wire.RENTAL_OPTION], "options")
    rental, names = options[wire.RENTAL_OPTION], wire.RENTAL_FIELDS
    _check_fields(rental, names.values(), [names["address"]], "rental")
    _check_text(rental, names["address"], needed=True)
    expires = names["contract_expiry_date"] in rental
    if expires:
        _check_date(rental, names["contract_expiry_date"])
    default = "temporary" if expires else "continuous"
    rental = {names["contract_type"]: default, **rental}
    kind = _check_choice(rental, names["contract_type"], wire.CONTRACT_TYPES)
    if (kind == "temporary") != expires:
        raise _invalid("an expiry date belongs to temporary contracts")
    if names["current_target_amount"] in rental:
        _check_amount(rental, names["current_target_amount"])


def _check_amounts(amounts):
    names = wire.AMOUNT_FIELDS
    keys = ("capital", "reminder", "interest")
    _check_fields(amounts, names.values(), [names[key] for key in keys], "amounts")
    if names["interest_date"] in amounts:
        _check_date(amounts, names["interest_date"])
    return {
        key: _check_amount(amounts, names[key], positive=key == "capital")
        for key in keys
    }


def _read_ubl(content):
    """Return what the sandbox keeps of a Peppol BIS Billing 3.0 invoice."""
    try:
        # What our own client uploads, to a server that only tests and demos have.
        root = ElementTree.fromstring(content)  # nosec B314
    except ElementTree.ParseError:
        raise _invalid("the file is not XML") from None

    def text(*paths):
        for path in paths:
            value = root.findtext(path, namespaces=_UBL)
            if value and value.strip():
                return value.strip()
        return ""

    party = "cac:AccountingCustomerParty/cac:Party/"
    legal = party + "cac:PartyLegalEntity/"
    invoice = {
        "number": text("cbc:ID"),
        "reference": text("cac:PaymentMeans/cbc:PaymentID"),
        "date": text("cbc:IssueDate"),
        "date_due": text("cbc:DueDate") or text("cbc:IssueDate"),
        "total": text("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"),
        "currency": text("cbc:DocumentCurrencyCode"),
        "recipient_name": text(
            legal + "cbc:RegistrationName", party + "cac:PartyName/cbc:Name"
        ),
        "recipient_bid": text(legal + "cbc:CompanyID"),
    }
    if not (root.tag.endswith("}Invoice") and invoice["number"] and invoice["total"]):
        raise _invalid("the file is not an invoice")
    return invoice


# --------------------------------------------------------------------------------------
# Writing answers
# --------------------------------------------------------------------------------------


def _invoice_json(invoice):
    total = float(invoice["total"])
    return {
        "id": invoice["id"],
        "status": invoice["status"],
        "number": invoice["number"],
        "reference": invoice["reference"],
        "date": invoice["date"],
        "date_due": invoice["date_due"],
        "source_format": "PEPPOLBIS30",
        "sum": total,
        "sum_tax": total,
        "currency": invoice["currency"],
        "recipient": {
            "name": invoice["recipient_name"],
            "bid": invoice["recipient_bid"],
        },
    }


def _event_json(event):
    answer = {
        "id": event["id"],
        wire.EVENT_TYPE: event["type"],
        wire.EVENT_DATE: event["date"],
        "created_at": event["created_at"],
    }
    if event["text"]:
        answer["text"] = event["text"]
    if event["amount"] is not None:
        name = wire.EVENT_AMOUNTS.get(event["type"], "amount")
        answer[name] = float(event["amount"])
    return answer


def _decorate(data):
    """Add a field nobody knows to every object."""
    if isinstance(data, list):
        return [_decorate(item) for item in data]
    if isinstance(data, dict):
        data = {name: _decorate(value) for name, value in data.items()}
        return {"x_new": {"since": [None, 2027]}, **data}
    return data


def _open(case):
    """Return what is left of the claim's principal."""
    reduced = ("told_paid", "told_credited", "paid_to_ropo", "connected")
    return _dec(case["capital"]) - sum(_dec(case[key]) for key in reduced)


_AMOUNTS = (
    "capital",
    "reminder",
    "interest",
    "costs",
    "told_paid",
    "told_credited",
    "paid_to_ropo",
    "connected",
)


def _snapshot(case):
    events = [
        {**event, "amount": None if event["amount"] is None else _dec(event["amount"])}
        for event in case["events"]
    ]
    return {
        **case,
        **{name: _dec(case[name]) for name in _AMOUNTS},
        "open_amount": _open(case),
        "events": events,
    }


def _dec(value):
    return Decimal(str(value))


def _iso(day):
    return day if isinstance(day, str) else day.isoformat()


def _stamp(moment):
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(stamp):
    moment = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%fZ")
    return moment.replace(tzinfo=timezone.utc)


# --------------------------------------------------------------------------------------
# In this process
# --------------------------------------------------------------------------------------


class SandboxAdapter(BaseAdapter):
    """A requests transport that ends in a sandbox; nothing leaves the process."""

    def __init__(self, sandbox):
        super().__init__()
        self._sandbox = sandbox

    def send(self, request, **kwargs):
        body = request.body
        if isinstance(body, str):
            body = body.encode()
        status, headers, content = self._sandbox.handle(
            request.method, request.url, request.headers, body
        )
        response = requests.Response()
        response.status_code = status
        response.headers = CaseInsensitiveDict(headers)
        response.headers["Content-Length"] = str(len(content))
        response.raw = io.BytesIO(content)
        response.url = request.url
        response.request = request
        return response

    def close(self):
        """There is nothing to close."""


# --------------------------------------------------------------------------------------
# Over HTTP
# --------------------------------------------------------------------------------------


class Faults:
    """What goes wrong at a served sandbox, and when.

    Called with method, path and the number of the request; returns the name of a fault
    or None. Names, and whether the sandbox still gets the request:

    ==================  =====  =========================================================
    cut_before          no     the connection ends without an answer
    cut_after           yes    the same
    status:503:120      no     this status, with a Retry-After (which may be left out)
    status_after:500    yes    this status
    redirect:URL        no     302 to this place
    html                yes    200 with a page of HTML
    html:404            no     this status, with a page of HTML
    garbage             yes    200 with bytes that are nothing
    empty               yes    the right status without a body
    bom                 yes    the right answer after a byte order mark
    body:TEXT           yes    200 with this text
    huge                yes    200 with a body without end
    stall               yes    nothing, until the server closes
    drip_header         yes    the right answer, a byte of it at a time
    drip_body           yes    the right headers at once, then a byte at a time
    cut_body            yes    the right headers and half of the body
    close_after         yes    the right answer, then the connection ends unannounced
    ==================  =====  =========================================================
    """

    NAMES = (
        "cut_before",
        "cut_after",
        "status:500",
        "status:429:1",
        "status:503",
        "status_after:500",
        "status_after:502",
        "html",
        "html:404",
        "garbage",
        "empty",
        "cut_body",
        "close_after",
    )

    def __init__(self):
        self._lock = threading.Lock()
        self._queue = []
        self._random = None

    def next(self, method, path_part, fault, times=1):
        """Break the next request of this method whose path contains ``path_part``.

        Rules are looked through in order; ``times`` requests are broken by this one.
        """
        with self._lock:
            self._queue.append([method, path_part, fault, times])

    def random(self, seed, rate, names=NAMES):
        """Break requests at random with the probability ``rate``; 0 ends that."""
        with self._lock:
            self._random = (random.Random(seed), rate, tuple(names)) if rate else None

    def clear(self):
        """Let everything go well from now on."""
        with self._lock:
            self._queue.clear()
            self._random = None

    def __call__(self, method, path, number):
        with self._lock:
            for rule in self._queue:
                if rule[0] in ("*", method) and rule[1] in path:
                    rule[3] -= 1
                    if rule[3] <= 0:
                        self._queue.remove(rule)
                    return rule[2]
            if self._random:
                generator, rate, names = self._random
                if generator.random() < rate:
                    return generator.choice(names)
        return None


_PAGE = b"<!DOCTYPE html><html><body><h1>Service unavailable</h1></body></html>"


class _Handler(BaseHTTPRequestHandler):
    """Hands requests to the sandbox, and breaks what shall break."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # an answer in one piece

    def _serve(self):
        server = self.server.owner
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path).path
        if path.startswith("/_sandbox/"):
            self._answer(*server.control(path.rpartition("/")[2], body))
            return
        number = server.count()
        fault = server.faults(self.command, path, number) if server.faults else None
        name, _colon, argument = (fault or "").partition(":")
        if server.latency:
            time.sleep(server.latency)
        if name in ("cut_before", "status", "redirect") or (
            name == "html" and argument
        ):
            answer = self._refused(name, argument)
        else:
            url = f"http://{self.headers.get('Host')}{self.path}"
            answer = server.sandbox.handle(self.command, url, self.headers, body)
            if name:
                answer = self._spoilt(name, argument, *answer)
        server.note(self.command, path, answer and answer[0])
        if answer is None:
            self.close_connection = True
            return
        self._answer(*answer, fault=name)

    @staticmethod
    def _refused(name, argument):
        if name == "cut_before":
            return None
        if name == "redirect":
            return 302, {"Location": argument}, b""
        if name == "html":
            return int(argument), {"Content-Type": "text/html"}, _PAGE
        status, _colon, retry_after = argument.partition(":")
        headers = {"Retry-After": retry_after} if retry_after else {}
        text = {"code": "unavailable", "message": "Try again later", "details": []}
        return int(status), headers, json.dumps(text).encode()

    def _spoilt(self, name, argument, status, headers, body):
        """Return the answer as it goes out, None for none at all."""
        if name == "cut_after":
            return None
        if name == "stall":
            self.server.owner.closing.wait()
            return None
        return {
            "status_after": lambda: (int(argument), {}, b"Internal error"),
            "html": lambda: (200, {"Content-Type": "text/html"}, _PAGE),
            "garbage": lambda: (200, {}, b"\x00\xff{[garbage"),
            "empty": lambda: (status, {}, b""),
            "bom": lambda: (status, headers, b"\xef\xbb\xbf" + body),
            "body": lambda: (200, headers, argument.encode()),
            "huge": lambda: (200, headers, b""),
        }.get(name, lambda: (status, headers, body))()

    def _answer(self, status, headers, body, fault=""):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if fault == "huge":
            self.send_header("Transfer-Encoding", "chunked")
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        if fault == "drip_header":
            head = b"".join(self._headers_buffer) + b"\r\n"
            self._headers_buffer = []
            self._drip(head + body)
            return
        self.end_headers()
        if fault == "drip_body":
            self.wfile.flush()
            self._drip(body)
        elif fault == "huge":
            self._flood()
        elif fault == "cut_body":
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(body)
            self.close_connection |= fault == "close_after"

    def _drip(self, data):
        for index in range(len(data)):
            self.wfile.write(data[index : index + 1])
            self.wfile.flush()
            if self.server.owner.closing.wait(self.server.owner.drip_seconds):
                break

    def _flood(self):
        chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
        while not self.server.owner.closing.is_set():
            self.wfile.write(chunk)

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def handle(self):
        self.server.owner.opened()
        with suppress(OSError):  # the other side may leave at any time
            return super().handle()
        return None

    def log_message(self, format, *args):
        """Say nothing: the server keeps its own list of requests."""


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Let those go who left before their answer was written."""
        if isinstance(sys.exc_info()[1], OSError):
            return None
        return super().handle_error(request, client_address)


class Server:
    """A sandbox on a port of this machine; see :func:`serve`."""

    def __init__(self, sandbox, host, port, faults, control, latency, drip_seconds):
        self.sandbox = sandbox
        self.faults = faults
        self.latency = latency
        self.drip_seconds = drip_seconds
        self.closing = threading.Event()
        self.requests = []
        self.connections = 0
        self._control = control
        self._lock = threading.Lock()
        self._number = 0
        self._http = _HTTPServer((host, port), _Handler)
        self._http.owner = self
        host, port = self._http.server_address[:2]
        self.url = f"http://{host}:{port}"
        self._thread = threading.Thread(
            target=self._http.serve_forever,
            kwargs={"poll_interval": 0.01},
            name="sandbox",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """Stop answering and free the port."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def opened(self):
        """Note a new connection."""
        with self._lock:
            self.connections += 1

    def count(self):
        """Return the number of the next request."""
        with self._lock:
            self._number += 1
            return self._number

    def note(self, method, path, status):
        """Remember a request and how it was answered."""
        with self._lock:
            self.requests.append((method, path, status))

    def control(self, name, body):
        """Call a method of the sandbox, or of its faults, for another process."""
        if not self._control:
            return 404, {}, b""
        try:
            arguments = json.loads(body or b"{}")
            if name == "set_option":
                for option, value in arguments.items():
                    if option not in _OPTIONS:
                        raise AttributeError(option)
                    setattr(self.sandbox, option, value)
                result = None
            elif name == "requests":
                result = self.requests
            elif name.startswith("faults_") and self.faults:
                result = getattr(self.faults, name[len("faults_") :])(**arguments)
            elif name in _CONTROLS:
                result = getattr(self.sandbox, name)(**arguments)
            else:
                raise AttributeError(name)
        except Exception as error:  # told to the test that asked
            text = {"error": f"{type(error).__name__}: {error}"}
            return 400, {}, json.dumps(text).encode()
        content = json.dumps({"result": result}, default=str).encode()
        return 200, {"Content-Type": "application/json"}, content


_OPTIONS = frozenset(
    name for name, value in vars(Sandbox).items() if isinstance(value, _Option)
)
_CONTROLS = frozenset(
    {
        "add_company",
        "add_invoice",
        "move_clock",
        "revoke_tokens",
        "sign_agreement",
        "reject_agreement",
        "set_invoice_status",
        "next_step",
        "remind",
        "stage",
        "debtor_pays",
        "connect_credit_note",
        "correct",
        "comment",
        "event",
        "close",
        "fail",
        "wait",
        "case",
        "cases",
    }
)


def serve(
    sandbox,
    host="127.0.0.1",
    port=0,
    faults=None,
    *,
    control=False,
    latency=0.0,
    drip_seconds=0.05,
):
    """Serve a sandbox over HTTP/1.1 with connections that stay open.

    :param int port: 0 for any that is free
    :param faults: callable of method, path and number, see :class:`Faults`
    :param bool control: let ``POST /_sandbox/<method>`` with a JSON object call the
        sandbox's methods, ``/_sandbox/set_option`` its options, ``/_sandbox/requests``
        return the requests so far and ``/_sandbox/faults_<method>`` the faults; the
        answer is ``{"result": …}`` or 400 with ``{"error": …}``
    :param float latency: seconds before each answer
    :param float drip_seconds: from byte to byte when dripping
    :return: a :class:`Server` with ``url``, ``requests`` (method, path, status or None
        for no answer), ``connections`` (how many were opened) and ``close()``
    """
    return Server(sandbox, host, port, faults, control, latency, drip_seconds)


def main():
    """Serve a sandbox with one company and a few overdue invoices."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--port", type=int, default=8070)
    parser.add_argument("--country", choices=sorted(wire.CURRENCIES), default="FI")
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    sandbox = Sandbox()
    company = "00000000-0000-4000-8000-000000000001"
    sandbox.add_company(
        company, name="Sandbox", country=options.country, open_door=True
    )
    sandbox.sign_agreement(company)
    day = datetime.now(timezone.utc).date()
    for number in range(1, 6):
        sandbox.add_invoice(
            company,
            number=f"INV/{number:05}",
            date=day - timedelta(days=60),
            date_due=day - timedelta(days=30),
            total=100 * number,
            currency=wire.CURRENCIES[options.country],
        )
    with serve(
        sandbox,
        port=options.port,
        faults=Faults(),
        control=True,
        latency=options.latency,
    ) as server:
        sys.stdout.write(f"{server.url}  company {company}, any keys\n")
        sys.stdout.flush()
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
