"""The client's tests: plain pytest, with or without Odoo.

They load the package ``maventa`` by its path, because importing it as part of the addon
would need Odoo::

    pytest -p no:odoo --confcutdir=tests/client tests/client
"""

import importlib.util
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "ropo_collection" / "maventa"

if "maventa" not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        "maventa", PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
    )
    sys.modules["maventa"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["maventa"])

from maventa import wire  # noqa: E402
from maventa.client import TOKENS, Account, Client  # noqa: E402
from maventa.sandbox import Faults, Sandbox, serve  # noqa: E402

COMPANY = "0d9e0b2c-6f37-4a52-9a3f-5f1c7f0e9b11"
USER_KEY = "user-key-5f0c7d"
VENDOR_KEY = "vendor-key-a81b2e"
# Noon in Finland, so that no test depends on the hour it runs at.
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=timezone.utc)
TODAY = date(2026, 11, 20)


class World:
    """A served sandbox with one active company, and ways to talk to it."""

    def __init__(self):
        self.now = NOW
        self.sandbox = Sandbox(clock=lambda: self.now)
        self.faults = Faults()
        self.server = serve(
            self.sandbox, faults=self.faults, control=True, drip_seconds=0.02
        )
        self.clients = []
        self.add_company()
        self.sandbox.sign_agreement(COMPANY)

    def add_company(self, **kwargs):
        values = {"name": "Oy Esimerkki Ab", "business_id": "1234567-1", **kwargs}
        self.sandbox.add_company(COMPANY, USER_KEY, VENDOR_KEY, **values)

    def account(self, **kwargs):
        values = {
            "environment": "test",
            "company_uuid": COMPANY,
            "user_api_key": USER_KEY,
            "vendor_api_key": VENDOR_KEY,
            "ax_url": self.server.url,
            "receivables_url": self.server.url,
            **kwargs,
        }
        return Account(**values)

    def client(self, account=None, **kwargs):
        client = Client(account or self.account(), **{"deadline": 10, **kwargs})
        self.clients.append(client)
        return client

    def add_invoice(self, number="INV/1", **kwargs):
        values = {
            "number": number,
            "date": TODAY - timedelta(days=60),
            "date_due": TODAY - timedelta(days=30),
            "total": "100.00",
            **kwargs,
        }
        return self.sandbox.add_invoice(COMPANY, **values)

    def add_case(self, client, **kwargs):
        """Hand an invoice over; return its id and the id of the case."""
        invoice_id = self.add_invoice(**kwargs)
        client.transfer(invoice_id, transfer())
        return invoice_id, client.transfer_status(invoice_id).assignment_id

    def paths(self, method=None):
        return [
            path for verb, path, _ in self.server.requests if method in (None, verb)
        ]

    def close(self):
        for client in self.clients:
            client.close()
        self.server.close()


def payer(**kwargs):
    values = {
        "kind": "company",
        "name": "Velallinen Oy",
        "bid": "7654321-4",
        "street": "Katu 1",
        "zip": "00100",
        "city": "Helsinki",
        "country": "FI",
        "main": True,
        **kwargs,
    }
    return wire.Payer(**values)


def person(**kwargs):
    values = {"kind": "person", "name": "Maija Meikäläinen", "bid": "", **kwargs}
    return payer(**values)


def transfer(**kwargs):
    values = {
        "collection_type": "reminder_and_collection",
        "receivables_type": "b2b",
        "summary": "Invoice INV/1",
        "payers": (payer(),),
        "capital": Decimal("100.00"),
        **kwargs,
    }
    return wire.Transfer(**values)


@pytest.fixture
def world():
    TOKENS.clear()
    world = World()
    yield world
    world.close()


@pytest.fixture
def client(world):
    return world.client()
