"""Transfers beside a bare loop that makes the same calls.

``./dev bench transfer [--rows 1000] [--runs 3] [--latency 0.02]
[--overlaps 1,4,8]``: see
`tests/bench/_calls.py`.
"""

import json
from decimal import Decimal

from ..faults.house import wire
from ..samples import DEBTOR
from . import _calls
from ._ropo import AMOUNT, invoice_id

STATEMENTS = 8


def fill(env, rows):
    _calls.fill(env, rows, "queued")


BODY = wire.build_transfer(
    wire.Transfer(
        collection_type="reminder_and_collection",
        receivables_type="b2b",
        summary="Sample claim",
        payers=(wire.Payer(**DEBTOR, phone="+358401234567"),),
        capital=Decimal(AMOUNT),
    )
)


def calls(number):
    yield "POST", wire.path(wire.TRANSFER, id=invoice_id(number)), BODY


def work(env, url, overlap):
    cases = env["ropo.assignment"]

    def drain(find):
        env["ropo.worker"]._drain(
            find,
            type(cases)._lease_transfer,
            cases._settle_transfer,
            size=int(overlap),
        )

    figures = _calls.timed(env, url, cases._transfer_due, drain)
    figures["done"] = cases.search_count([("state", "=", "pending")])
    print(json.dumps(figures))


if __name__ == "__main__":
    from . import transfer

    _calls.bench("transfer", transfer, __doc__)
