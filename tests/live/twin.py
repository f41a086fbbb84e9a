"""The client against Maventa's own test environment, step by step.

    ./dev test --live [--report FILE] [--close-service]

Keys come from the environment: ``MAVENTA_COMPANY_UUID``, ``MAVENTA_USER_API_KEY``,
``MAVENTA_VENDOR_API_KEY``; ``MAVENTA_AGREEMENT_EMAIL`` where the service has to be
ordered first. Everything goes to Maventa's two test hosts, or to this machine
(``MAVENTA_LIVE_URL``), and nowhere else: :func:`check_hosts`.

Each step says which of our readings of the interface it can prove. The report names
those that hold, those that are wrong with what was seen instead, and those that stay
open. A step that fails does not end the run where the following ones make sense.

What it leaves behind in the test environment: one sample invoice, its case, a payment
of 1.00 and a credit note of the rest, which ends the case.
"""

import argparse
import os
import sys
import time
import uuid
from collections import namedtuple
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

from ..faults.house import maventa_client, maventa_errors, wire
from ..samples import DEBTOR
from .readings import READINGS

Account, Client = maventa_client.Account, maventa_client.Client
MaventaError = maventa_errors.MaventaError

KEYS = {
    "company_uuid": "MAVENTA_COMPANY_UUID",
    "user_api_key": "MAVENTA_USER_API_KEY",
    "vendor_api_key": "MAVENTA_VENDOR_API_KEY",
}
TEST_HOSTS = {urlsplit(url).hostname for url in wire.BASE_URLS["test"]}
HOLDS, WRONG, OPEN = "holds", "WRONG", "open"
TOTAL, PAID = Decimal("124.00"), Decimal("1.00")
#: Seconds to wait for Ropo to take a transfer over, and for lists to catch up.
PATIENCE = 300

Finding = namedtuple("Finding", "reading verdict seen")


class Blocked(Exception):
    """A step can't be done, because an earlier one has failed."""


def check_hosts(account):
    """Refuse to talk to anything but Maventa's test environment and this machine."""
    for url in account.base_urls():
        host = urlsplit(url).hostname
        if account.environment != "test" or not (
            host in TEST_HOSTS or wire.is_loopback(host)
        ):
            raise SystemExit(f"{host} is not a test environment: nothing was sent.")


class Twin:
    """One run: what was found, and what later steps need of earlier ones."""

    def __init__(self, account, *, email="", close_service=False, patience=PATIENCE):
        check_hosts(account)
        self.account = account
        self.email = email
        self.close_service = close_service
        self.patience = patience
        self.findings = {}
        self.steps = []
        self.answers = []
        self.identity = None
        self.invoice_id = self.number = self.case_id = ""

    def run(self):
        """Take all steps; ``findings`` and ``steps`` tell what came of them."""
        with Client(self.account, erp_version="19.0") as client:
            client._session.hooks["response"].append(self._see)
            self.client = client
            for step in STEPS:
                self.answers = []
                title = step.__doc__.strip().splitlines()[0]
                try:
                    step(self)
                    self.steps.append((title, "done"))
                except Blocked as reason:
                    self.steps.append((title, f"not possible: {reason}"))
                except MaventaError as error:
                    said = "; ".join(filter(None, [error.message, *error.details]))
                    self.steps.append(
                        (title, f"{error.reason}, status {error.status}: {said or '-'}")
                    )
                except (wire.WireError, AssertionError) as error:
                    self.steps.append((title, f"unexpected: {error}"))
        return self

    def _see(self, response, **_kwargs):
        """Keep the shape of an answer: never its values."""
        try:
            data = response.json()
        except ValueError:
            data = None
        path = urlsplit(response.url).path
        self.answers.append(
            {
                "method": response.request.method,
                "path": path,
                "status": response.status_code,
                "headers": {name.lower() for name in response.headers},
                "data": data,
            }
        )

    def last(self, part):
        """The last answer of this step whose path holds ``part``."""
        for answer in reversed(self.answers):
            if part in answer["path"]:
                return answer
        raise Blocked(f"no answer from {part}")

    def found(self, key, verdict, seen):
        """Note what was seen of a reading; a wrong one is never taken back."""
        if self.findings.get(key, Finding("", "", "")).verdict != WRONG:
            self.findings[key] = Finding(READINGS[key], verdict, seen)

    def judge(self, key, holds, seen):
        self.found(key, HOLDS if holds else WRONG, seen)

    def need(self, *names):
        for name in names:
            if not getattr(self, name):
                raise Blocked(f"{name.replace('_', ' ')} is not known")

    def wait_for(self, look):
        """What ``look()`` returns once it is not empty, or None."""
        ends = time.monotonic() + self.patience
        while True:
            found = look()
            if found or time.monotonic() > ends:
                return found
            time.sleep(min(2.0, self.patience / 10))

    # -- the report --------------------------------------------------------------------
    def report(self):
        lines = ["# What Maventa's test environment says to our readings", ""]
        lines += [f"{date.today()}, {', '.join(sorted(self.hosts()))}", ""]
        for verdict, title in (
            (WRONG, "Wrong"),
            (HOLDS, "Hold"),
            (OPEN, "Still open"),
        ):
            lines += [f"## {title}", ""]
            rows = {
                key: self.findings.get(key, Finding(text, OPEN, "not seen"))
                for key, text in READINGS.items()
            }
            listed = [
                f"* **{key}**: {row.reading} Seen: {row.seen}."
                for key, row in rows.items()
                if row.verdict == verdict
            ]
            lines += [*(listed or ["None."]), ""]
        lines += ["## Steps", ""]
        lines += [f"* {title}: {outcome}" for title, outcome in self.steps]
        return "\n".join(lines) + "\n"

    def hosts(self):
        return {urlsplit(url).hostname for url in self.account.base_urls()}

    def wrong(self):
        return [key for key, row in self.findings.items() if row.verdict == WRONG]

    def failed(self):
        return [title for title, outcome in self.steps if outcome != "done"]


# --------------------------------------------------------------------------------------
# The steps, in order
# --------------------------------------------------------------------------------------


def rights(twin):
    """Get a token and ask who it belongs to."""
    twin.identity = twin.client.identity()
    token = twin.last(wire.TOKEN)
    twin.judge("token", token["status"] == 200, f"status {token['status']}")
    current = [a for a in twin.answers if a["path"].endswith(wire.CURRENT)]
    asked = current and current[-1]["status"]
    twin.judge("current", asked in (200, 401, 403), f"{wire.CURRENT}: {asked}")
    twin.judge("scopes", not wire.missing_scopes(wire.SCOPES), "all rights granted")


def service(twin):
    """Read the state of the Ropo service, order it where it is not there."""
    status = twin.client.service()
    answer = twin.last(wire.SERVICE)
    twin.judge(
        "service state",
        status.state != "unknown",
        f"status {answer['status']}, state {status.raw or status.state}",
    )
    if status.state == "active":
        return
    if not twin.email:
        raise Blocked(f"the service is {status.state}; set MAVENTA_AGREEMENT_EMAIL")
    twin.client.activate(twin.email)
    answer = next(a for a in twin.answers if a["method"] == "PUT")
    twin.judge("activation", answer["status"] < 300, f"status {answer['status']}")
    if twin.client.service().state != "active":
        raise Blocked("the service is ordered; run again when the agreement is signed")


def upload(twin):
    """Store a sample invoice, twice under the same id."""
    twin.need("identity")
    wanted = str(uuid.uuid4())
    twin.number = f"SAMPLE-{wanted[:8].upper()}"
    xml = sample_invoice(twin.identity, twin.number)
    stored = twin.client.upload_invoice(xml, f"{twin.number}.xml", wanted)
    twin.judge("own id", wire.same_id(stored.id, wanted), "the id that was sent")
    again = twin.client.upload_invoice(xml, f"{twin.number}.xml", wanted)
    posts = [a["status"] for a in twin.answers if a["method"] == "POST"]
    twin.judge(
        "upload repeated",
        wire.same_id(again.id, stored.id),
        f"statuses {posts[-2:]}",
    )
    twin.invoice_id = stored.id


def find(twin):
    """Find it by its number, whole and in part."""
    twin.need("invoice_id")
    found = twin.client.find_invoices(twin.number)
    mine = [row for row in found if wire.same_id(row.id, twin.invoice_id)]
    twin.judge("look-up", bool(mine), f"{len(found)} by the whole number")
    if mine:
        row = mine[0]
        twin.judge(
            "look-up fields",
            (row.number, row.total, row.currency) == (twin.number, TOTAL, "EUR"),
            f"total {row.total}, currency {row.currency}",
        )
        twin.judge("stored status", row.status == "DELIVERED", f"status {row.status}")
    part = twin.client.find_invoices(twin.number[:-2])
    exact = not any(wire.same_id(row.id, twin.invoice_id) for row in part)
    twin.found("exact number", HOLDS if exact else OPEN, f"{len(part)} by a part of it")


def before(twin):
    """Ask for the transfer's state before there is one."""
    twin.need("invoice_id")
    status = twin.client.transfer_status(twin.invoice_id)
    answer = next(a for a in twin.answers if a["path"].endswith("/assignment"))
    twin.judge("no request yet", status is None, f"status {answer['status']}")


def transfer(twin):
    """Hand it over."""
    twin.need("invoice_id")
    claim = wire.Transfer(
        collection_type="reminder_and_collection",
        receivables_type="b2b",
        summary=f"Sample claim {twin.number}",
        payers=(wire.Payer(**DEBTOR, email="sample@example.com"),),
        capital=TOTAL,
    )
    try:
        twin.client.transfer(twin.invoice_id, claim)
    except MaventaError as error:
        readings = {
            "payer": "payer fields",
            "amounts": "amounts",
            "transfer": "transfer fields",
        }
        for group, name, _number in wire.find_fields(error.message, *error.details):
            if group in readings:
                seen = f"status {error.status}, complains of {name}"
                twin.found(readings[group], WRONG, seen)
        raise
    status = twin.last("/assignment/ropo")["status"]
    twin.judge("transfer accepted", 200 <= status < 300, f"status {status}")
    twin.found("payer fields", HOLDS, "accepted")
    twin.found("transfer fields", HOLDS, "accepted")


def follow(twin):
    """Wait until Ropo has it; learn the number of the case."""
    twin.need("invoice_id")
    status = twin.wait_for(lambda: _done(twin.client.transfer_status(twin.invoice_id)))
    if not status:
        raise Blocked("the transfer is still in process; run again later")
    twin.judge("transfer state", status.status == "sent", f"state {status.raw}")
    if status.status != "sent":
        raise Blocked(f"the transfer failed: {status.error_reason or 'no reason'}")
    data = twin.last("/assignment")["data"]
    names = [name for name in ("assignment_id", "id", "url") if data.get(name)]
    twin.judge("case number", bool(status.assignment_id), f"told in {names or 'none'}")
    listed = twin.wait_for(lambda: twin.client.find_assignment(twin.invoice_id))
    twin.judge("link", listed is not None, "the case names the invoice")
    twin.case_id = status.assignment_id or (listed.id if listed else "")


def _done(status):
    return status if status and status.status != "pending" else None


def listed(twin):
    """Read a page of the list, and the case itself."""
    twin.need("case_id")
    twin.client.assignments()
    answer = twin.last(wire.ASSIGNMENTS)
    kind = "a list" if isinstance(answer["data"], list) else "an object"
    twin.judge("list", answer["status"] == 200, kind)
    headers = {"x-total", "x-total-pages", "x-next-page"} & answer["headers"]
    twin.found(
        "paging headers", HOLDS if headers else OPEN, ", ".join(headers) or "none"
    )
    twin.answers = []
    twin.client.find_assignment(twin.invoice_id)
    data = twin.last(wire.ASSIGNMENTS)["data"]
    rows = data if isinstance(data, list) else next(iter(data.values()))
    twin.found(
        "filter", HOLDS if len(rows) == 1 else OPEN, f"{len(rows)} rows with the filter"
    )
    case = twin.client.assignment(twin.case_id)
    twin.judge("case status", case.status != "unknown", f"status {case.status_raw}")
    twin.found(
        "stage",
        OPEN if not case.stage else HOLDS if case.stage != "other" else WRONG,
        f"stage {case.stage_raw or 'not told'}",
    )
    if case.capital is None:
        twin.found("amounts", OPEN, "the case shows no claim")
    else:
        twin.judge("amounts", case.capital == TOTAL, f"claim {case.capital}")
    twin.found(
        "events in the case",
        OPEN if case.events is None else HOLDS,
        "with events" if case.events is not None else "without events",
    )


def pay(twin):
    """Report a payment of 1.00."""
    _report(twin, twin.client.report_paid, wire.PAID, PAID)


def credit(twin):
    """Report the rest as credited: the case ends."""
    _report(twin, twin.client.report_credit_note, wire.CREDIT_NOTE, TOTAL - PAID)
    case = twin.wait_for(
        lambda: (c := twin.client.assignment(twin.case_id)).status != "open" and c
    )
    twin.found(
        "credited in full",
        HOLDS if case and case.status == "closed" else OPEN,
        f"status {case.status_raw if case else 'still open'}",
    )


def _report(twin, call, kind, amount):
    twin.need("case_id")
    known = {event.id for event in twin.client.events(twin.case_id)}
    day = date.today()
    try:
        event_id = call(twin.case_id, amount, day)
    except MaventaError as error:
        twin.found(f"report {kind}", WRONG, f"status {error.status}: {error.message}")
        raise
    twin.found(f"report {kind}", HOLDS, "accepted")
    twin.found(
        "number of a report",
        HOLDS if event_id else OPEN,
        "told" if event_id else "none",
    )

    def look():
        events = twin.client.events(twin.case_id)
        return [event for event in events if event.id not in known]

    news = twin.wait_for(look) or []
    like = [e for e in news if (e.kind, e.amount, e.date) == (kind, amount, day)]
    kinds = ", ".join(event.raw_type for event in news) or "nothing"
    twin.judge("report read back", len(like) == 1, f"new in the list: {kinds}")
    if like and event_id:
        twin.judge(
            "number read back", wire.same_id(like[0].id, event_id), "the one answered"
        )


def close(twin):
    """Close the service, where that was asked for."""
    if not twin.close_service:
        raise Blocked("not asked for (--close-service)")
    twin.client.close_service()
    state = twin.client.service().state
    twin.judge("closing", state in ("closed", "inactive"), f"state {state}")


STEPS = (rights, service, upload, find, before, transfer, follow, listed, pay, credit,
         close)  # fmt: skip


# --------------------------------------------------------------------------------------
# Samples
# --------------------------------------------------------------------------------------


def sample_invoice(identity, number):
    """A Peppol BIS Billing 3.0 invoice of the account's own company."""
    today = date.today()
    template = Template((Path(__file__).parent / "invoice.xml").read_text())
    text = template.substitute(
        number=number,
        date=today - timedelta(days=60),
        due=today - timedelta(days=40),
        seller=identity.company_name or "Sample Seller Oy",
        seller_id=identity.business_id or "1234567-1",
    )
    return text.encode()


def main():
    parser = argparse.ArgumentParser(prog="dev test --live")
    parser.add_argument("--report", type=Path, default=Path("live-report.md"))
    parser.add_argument("--close-service", action="store_true")
    options = parser.parse_args()
    missing = [name for name in KEYS.values() if not os.environ.get(name)]
    if missing:
        sys.exit(f"The environment lacks {', '.join(missing)}.")
    url = os.environ.get("MAVENTA_LIVE_URL", "")
    account = Account(
        environment="test",
        ax_url=url,
        receivables_url=url,
        **{name: os.environ[variable] for name, variable in KEYS.items()},
    )
    twin = Twin(
        account,
        email=os.environ.get("MAVENTA_AGREEMENT_EMAIL", ""),
        close_service=options.close_service,
    ).run()
    options.report.write_text(twin.report())
    print(twin.report())
    print(f"written to {options.report}")
    return 1 if twin.wrong() else 0


if __name__ == "__main__":
    sys.exit(main())
