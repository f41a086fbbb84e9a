"""A company in the middle of its work: cases at every stage, one question waiting.

Built on the sample company of the demo database, through the web client's own calls.
"""

from datetime import date, timedelta

from .life import Life

# Sample customer, amount without tax, days overdue, how far its case has come.
CASES = (
    ("Näytekauppa Oy (sample)", 640.0, 75, "closed"),
    ("Mallimyymälä Oy (sample)", 420.0, 68, "paid to Ropo"),
    ("Näytekauppa Oy (sample)", 275.0, 61, "question"),
    ("Mallimyymälä Oy (sample)", 1150.0, 52, "collection"),
    ("Näytekauppa Oy (sample)", 980.0, 47, "collection"),
    ("Matti Malli (sample)", 149.0, 33, "reminder"),
    ("Mallimyymälä Oy (sample)", 320.0, 31, "part paid"),
    ("Näytekauppa Oy (sample)", 210.0, 24, "sent"),
)
STEPS = {
    "sent": 0,
    "part paid": 1,
    "reminder": 1,
    "collection": 2,
    "question": 3,
    "paid to Ropo": 3,
    "closed": 4,
}


class Scene(Life):
    def build(self):
        """Returns ``{how far: (move id, case id)}``, the last of each kind."""
        self.activate()
        self.odoo.call(
            "res.company", "write", [self.company_id], {"ropo_report_delay": 0}
        )
        rows = [(self.invoice(*row[:3]), row[3]) for row in CASES]
        action = self.odoo.call(
            "account.move", "action_ropo_transfer", [move for move, _stage in rows]
        )
        self.odoo.call("ropo.transfer", "action_transfer", [action["res_id"]])
        found = {}
        for self.move_id, stage in rows:
            self.case_id = self.odoo.one(
                "ropo.assignment", [("move_id", "=", self.move_id)], "id"
            )["id"]
            self.until("accepted", lambda case: case["state"] == "sent")
            self.advance(stage)
            found[stage] = (self.move_id, self.case_id)
        found["settlement"] = self.money_comes(420.0)
        return found

    def money_comes(self, amount):
        """Ropo's money is on the bank statement: the settlement that is proposed."""
        company = self.odoo.call("res.company", "read", [self.company_id])[0]
        journal = self.odoo.one(
            "account.journal",
            [
                ("type", "=", "bank"),
                ("company_id", "=", self.company_id),
                ("id", "not in", company["ropo_settlement_journal_ids"]),
            ],
            "id",
        )
        line = self.odoo.call(
            "account.bank.statement.line",
            "create",
            {
                "journal_id": journal["id"],
                "partner_id": company["ropo_settlement_partner_id"][0],
                "amount": amount,
                "payment_ref": "Settlement (sample)",
            },
        )
        action = self.odoo.call(
            "account.bank.statement.line", "action_ropo_settle", [line]
        )
        return action["res_id"]

    def speak(self, language):
        """Install a language; company and user have it from now on."""
        domain = [("code", "=", language), ("active", "in", [True, False])]
        lang = self.odoo.call("res.lang", "search", domain)
        wizard = self.odoo.call("base.language.install", "create", {"lang_ids": lang})
        self.odoo.call("base.language.install", "lang_install", [wizard])
        company = self.odoo.call("res.company", "read", [self.company_id])[0]
        self.odoo.call(
            "res.partner", "write", [company["partner_id"][0]], {"lang": language}
        )
        user = self.odoo.context["uid"]
        self.odoo.call("res.users", "write", [user], {"lang": language})
        self.odoo.context["lang"] = language

    def show(self, what):
        """Nothing is told here."""

    def invoice(self, customer, amount, overdue):
        partner = self.odoo.one("res.partner", [("name", "=", customer)], "id")
        due = date.today() - timedelta(days=overdue)
        move = self.odoo.call(
            "account.move",
            "create",
            {
                "move_type": "out_invoice",
                "partner_id": partner["id"],
                "invoice_date": str(due - timedelta(days=14)),
                "invoice_date_due": str(due),
                "invoice_payment_term_id": False,
                "invoice_line_ids": [
                    (0, 0, {"name": "Delivery (sample)", "price_unit": amount})
                ],
            },
        )
        self.odoo.call("account.move", "action_post", [move])
        return move

    def advance(self, stage):
        for _step in range(STEPS[stage]):
            seen = len(self.read_case()["event_ids"])
            self.next_step()
            self.until("a step", lambda case, seen=seen: has_moved(case, seen))
        if stage == "part paid":
            self.register(100.0)
            self.until("reported", lambda case: case["reported_paid"] == 100.0)
        if stage == "question":
            case = self.read_case()
            self.register(case["paid_to_ropo"])
            self.until("a question", lambda case: case["needs_attention"])
        if stage == "closed":
            self.until("closed", lambda case: case["state"] == "closed")


def has_moved(case, seen):
    return case["state"] == "closed" or len(case["event_ids"]) > seen
