"""Play one invoice's whole life on a running Odoo, as its users would, and print it.

    python -m tests.demo.life --url http://127.0.0.1:8069 --database demo

Everything goes through the web client's own calls; the scheduled actions of the server
do the rest in their own time. Exits with 1 when the two sides differ.
"""

import argparse
import sys
import time
from datetime import date, timedelta

from .web_client import Odoo

PATIENCE = 60  # seconds for a scheduled action to do its part


class Life:
    """The steps of the story, each checked against what both sides show."""

    def __init__(self, odoo):
        self.odoo = odoo
        company = odoo.one(
            "res.company",
            [
                ("ropo_environment", "=", "demo"),
                ("parent_id", "=", False),
                ("account_fiscal_country_id.code", "=", "FI"),
            ],
            "name",
            "currency_id",
        )
        self.company_id = company["id"]
        odoo.context["allowed_company_ids"] = [self.company_id]
        self.case_id = None
        self.differences = []

    # -- telling ---------------------------------------------------------
    def show(self, what):
        """Print a step; compare Odoo's ledger with Ropo's own figures."""
        if not self.case_id:
            print(f"{what:<58}", flush=True)
            return
        case = self.read_case()
        paid, credited = case["reported_paid"], case["reported_credited"]
        told = f"paid {paid:.2f}, credited {credited:.2f}"
        print(
            f"{what:<58} {case['residual']:>9.2f}   {told:<30} "
            f"{case['remote_open']:>9.2f}",
            flush=True,
        )
        on_its_way = case["paid_to_ropo"] - case["settled_amount"]
        for side, here, there in (
            ("open at Ropo", case["open_amount"], case["remote_open"]),
            ("ledger", case["residual"] - on_its_way, case["remote_open"]),
        ):
            if round(here - there, 2):
                self.differences.append(f"{what}: {side} {here:.2f} / {there:.2f}")

    def read_case(self):
        return self.odoo.call("ropo.assignment", "read", [self.case_id])[0]

    def until(self, what, check):
        """Wait until the scheduled actions have done their part."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            case = self.read_case()
            if check(case):
                return case
            time.sleep(0.3)
        raise SystemExit(
            f"{what}: not within {PATIENCE} s; the case is {case['state']} "
            f"({case['error_message'] or case['attention_reason'] or 'no reason'})"
        )

    def next_step(self):
        self.odoo.call("ropo.assignment", "action_next_step", [self.case_id])

    def refreshed(self, what, check):
        """Look at Ropo again until its own figures show it."""
        self.odoo.call("ropo.assignment", "action_refresh", [self.case_id])
        return self.until(what, check)

    # -- the steps -------------------------------------------------------
    def play(self):
        print(
            f"{'What happened':<58} {'Residual':>9}   {'What Ropo was told':<30} "
            f"{'Open there':>9}"
        )
        self.activate()
        self.post_invoice()
        self.transfer()
        self.remind()
        self.pay(40.0)
        self.credit(30.0)
        self.collect()
        self.debtor_pays_ropo()
        self.settle()
        self.close()

    def activate(self):
        company = self.odoo.call("res.company", "read", [self.company_id])[0]
        if company["ropo_service_state"] != "active":
            self.odoo.call("res.company", "action_ropo_activate", [self.company_id])
            self.odoo.call("res.company", "action_ropo_next_step", [self.company_id])
        state = self.odoo.one(
            "res.company", [("id", "=", self.company_id)], "ropo_service_state"
        )["ropo_service_state"]
        if state != "active":
            raise SystemExit(f"the service is {state}")
        self.show("Service activated: agreement signed, service active")

    def post_invoice(self):
        finland = self.odoo.one("res.country", [("code", "=", "FI")], "code")
        partner = self.odoo.call(
            "res.partner",
            "create",
            {
                "name": "Sample Debtor Oy",
                "is_company": True,
                "street": "Samplestreet 7",
                "zip": "00100",
                "city": "Helsinki",
                "country_id": finland["id"],
                "company_registry": "1572860-0",
            },
        )
        due = date.today() - timedelta(days=30)
        self.move_id = self.odoo.call(
            "account.move",
            "create",
            {
                "move_type": "out_invoice",
                "partner_id": partner,
                "invoice_date": str(due - timedelta(days=14)),
                "invoice_date_due": str(due),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    (0, 0, {"name": "Sample", "price_unit": 100.0, "tax_ids": []})
                ],
            },
        )
        self.odoo.call("account.move", "action_post", [self.move_id])
        self.number = self.odoo.one(
            "account.move", [("id", "=", self.move_id)], "name"
        )["name"]
        self.show(f"Invoice {self.number} of 100.00, due 30 days ago")

    def transfer(self):
        action = self.odoo.call("account.move", "action_ropo_transfer", [self.move_id])
        self.odoo.call("ropo.transfer", "action_transfer", [action["res_id"]])
        case = self.odoo.one("ropo.assignment", [("move_id", "=", self.move_id)], "id")
        self.case_id = case["id"]
        self.until("linked", lambda case: case["maventa_invoice_id"])
        print(f"{'Invoice found at Maventa and linked':<58}", flush=True)
        self.until("accepted", lambda case: case["state"] == "sent")
        self.show("Handed over and accepted by Ropo")

    def remind(self):
        self.next_step()
        self.until("reminder", lambda c: c["collection_status"] == "reminder_sent")
        self.show("Ropo sends a reminder")

    def register(self, amount, **values):
        """Register a payment from the invoice's own button."""
        context = {"active_model": "account.move", "active_ids": [self.move_id]}
        wizard = self.odoo.call(
            "account.payment.register",
            "create",
            {"amount": amount, **values},
            context=context,
        )
        self.odoo.call("account.payment.register", "action_create_payments", [wizard])

    def pay(self, amount):
        self.register(amount)
        self.until("payment reported", lambda case: case["reported_paid"] == amount)
        self.refreshed("payment seen", lambda case: case["remote_open"] == 60.0)
        self.show(f"{amount:.2f} paid to the company's account and reported")

    def credit(self, amount):
        context = {"active_model": "account.move", "active_ids": [self.move_id]}
        journal = self.odoo.one(
            "account.move", [("id", "=", self.move_id)], "journal_id"
        )
        wizard = self.odoo.call(
            "account.move.reversal",
            "create",
            {"reason": "Sample", "journal_id": journal["journal_id"][0]},
            context=context,
        )
        action = self.odoo.call("account.move.reversal", "refund_moves", [wizard])
        note = action["res_id"]
        line = self.odoo.one(
            "account.move.line",
            [("move_id", "=", note), ("display_type", "=", "product")],
            "id",
        )
        self.odoo.call(
            "account.move",
            "write",
            [note],
            {"invoice_line_ids": [(1, line["id"], {"price_unit": amount})]},
        )
        self.odoo.call("account.move", "action_post", [note])
        self.until("credit reported", lambda case: case["reported_credited"] == amount)
        self.refreshed("credit seen", lambda case: case["remote_open"] == 30.0)
        self.show(f"Credit note of {amount:.2f} posted and reported")

    def collect(self):
        self.next_step()
        self.until("collection", lambda c: c["collection_status"] == "debt_collection")
        self.show("Ropo begins debt collection")

    def debtor_pays_ropo(self):
        self.next_step()
        self.until("paid to Ropo", lambda case: case["paid_to_ropo"] == 30.0)
        self.show("The debtor pays the rest, 30.00, to Ropo")

    def settle(self):
        """Ropo's money has come; the bookkeeper registers it in its own journal."""
        company = self.odoo.call("res.company", "read", [self.company_id])[0]
        self.register(30.0, journal_id=company["ropo_settlement_journal_ids"][0])
        self.until("settlement", lambda case: case["settled_amount"] == 30.0)
        self.show("Ropo's settlement booked; not reported back")

    def close(self):
        self.next_step()
        self.until("closed", lambda case: case["state"] == "closed")
        self.show("Ropo closes the case")
        case = self.read_case()
        reports = self.odoo.call(
            "ropo.assignment.event",
            "search_read",
            [("assignment_id", "=", self.case_id), ("direction", "=", "out")],
            ["kind", "amount", "state"],
        )
        told = sorted((row["kind"], row["amount"], row["state"]) for row in reports)
        expected = [("credit_note", 30.0, "sent"), ("paid", 40.0, "sent")]
        if told != expected:
            self.differences.append(f"Ropo was told {told}, not {expected}")
        if case["residual"] or case["remote_open"]:
            self.differences.append("something is left open")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--database", required=True)
    options = parser.parse_args()
    life = Life(Odoo(options.url, options.database))
    life.play()
    if life.differences:
        print("The two sides differ:", *life.differences, sep="\n  ")
        return 1
    print("Both sides agree at every step.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
