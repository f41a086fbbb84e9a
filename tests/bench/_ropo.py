"""python -m tests.bench._ropo: a Maventa and Ropo in a process of its own.

Knows ``--invoices`` invoices, the first ``--cases`` of which are cases, under ids that
can be computed (:func:`invoice_id`, :func:`case_id`), so that a database is filled to
match without asking. Prints its address and serves until its standard input ends.
"""

import argparse
import contextlib
import subprocess
import sys
from datetime import date, timedelta

from ..databases import CHECKOUT

COMPANY = "11111111-1111-4111-8111-111111111111"
KEYS = {"user_api_key": "sample-user-key", "vendor_api_key": "sample-vendor-key"}
AMOUNT = 100


def invoice_id(number):
    return f"{number:08x}-0000-4000-8000-000000000000"


def case_id(number):
    return f"{number:08x}-0000-4000-9000-000000000000"


def event_id(number, event):
    return f"{number:08x}-0000-4000-a000-{event:012x}"


@contextlib.contextmanager
def ropo(invoices, *, cases=0, latency=0.0, changed=0, events=0):
    """The address of a service in another process, for the time of the block.

    :param float latency: seconds before each answer
    :param changed: so many cases, from all over the list, are in another stage than
        at first
    :param events: so many letters each case has had
    """
    command = [sys.executable, "-m", "tests.bench._ropo"]
    for name, value in (
        ("invoices", invoices),
        ("cases", cases),
        ("latency", latency),
        ("changed", changed),
        ("events", events),
    ):
        command += [f"--{name}", str(value)]
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def fill(sandbox, invoices, cases, changed, events):
    today = date.today()
    common = {
        "date": str(today - timedelta(days=60)),
        "date_due": str(today - timedelta(days=40)),
        "total": str(AMOUNT),
        "currency": "EUR",
        "recipient_name": "",
        "recipient_bid": "",
        "reference": "",
        "status": "DELIVERED",
        "company": COMPANY,
    }
    with sandbox.transaction() as state:
        order = state["order"].setdefault(COMPANY, [])
        for number in range(invoices):
            id = invoice_id(number)
            state["invoices"][id] = {**common, "id": id, "number": f"SAMPLE/{number}"}
            if number >= cases:
                continue
            state["cases"][id] = {
                "invoice_id": id,
                "assignment_id": case_id(number),
                "company": COMPANY,
                "number": f"SAMPLE/{number}",
                "currency": "EUR",
                "body": {},
                "capital": str(AMOUNT),
                "reminder": "0",
                "interest": "0",
                "status": "sent",
                "error_reason": "",
                "sent_at": "",
                "listed_at": "",
                "stage": (
                    "debt_collection"
                    if changed and number % (cases // changed) == 0
                    else "reminder_sent"
                ),
                "closed": False,
                "partial": False,
                "costs": "0",
                "told_paid": "0",
                "told_credited": "0",
                "paid_to_ropo": "0",
                "connected": "0",
                "requests": 1,
                "events": [
                    {
                        "id": event_id(number, event),
                        "type": "reminder",
                        "date": str(today - timedelta(days=20 - event)),
                        "amount": None,
                        "text": "A reminder was sent.",
                        "created_at": "",
                    }
                    for event in range(events)
                ],
            }
            state["assignments"][case_id(number)] = id
            order.append(id)


def main():
    from ..faults.house import Sandbox, serve

    parser = argparse.ArgumentParser()
    parser.add_argument("--invoices", type=int, default=0)
    parser.add_argument("--cases", type=int, default=0)
    parser.add_argument("--changed", type=int, default=0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    options = parser.parse_args()
    sandbox = Sandbox()
    sandbox.add_company(COMPANY, **KEYS, name="Sample Oy", business_id="1234567-1")
    sandbox.sign_agreement(COMPANY)
    fill(sandbox, options.invoices, options.cases, options.changed, options.events)
    with serve(sandbox, latency=options.latency, control=True) as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
