"""One database, its Maventa behind HTTP, and as many Odoo processes as are wanted."""

import contextlib
import importlib.util
import sys
import threading
from collections import Counter

from ..databases import CHECKOUT, throw_away
from .office import PATIENCE, office

PACKAGE = CHECKOUT / "ropo_collection" / "maventa"
COMPANY = "11111111-1111-4111-8111-111111111111"

if "maventa" not in sys.modules:
    # By its path: as part of the addon it would need Odoo.
    spec = importlib.util.spec_from_file_location(
        "maventa", PACKAGE / "__init__.py", submodule_search_locations=[str(PACKAGE)]
    )
    sys.modules["maventa"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["maventa"])

from maventa import client as maventa_client  # noqa: E402, F401
from maventa import errors as maventa_errors  # noqa: E402, F401
from maventa import wire  # noqa: E402, F401
from maventa.sandbox import Sandbox, serve  # noqa: E402


class Held:
    """A request that waits at the sandbox's door."""

    def __init__(self, method, part, after):
        self.method, self.part, self.after = method, part, after
        self._reached, self._go = threading.Event(), threading.Event()
        self.path = ""

    def wait(self):
        """Wait until the request is there (and carried out, if held after that)."""
        assert self._reached.wait(PATIENCE), f"no {self.method} …{self.part} came"

    def release(self):
        """Let it be answered; one held before it was carried out gets lost."""
        self._go.set()

    def stands(self):
        """Whether it is there and waits."""
        return self._reached.is_set() and not self._go.is_set()

    def here(self, path):
        self.path = path
        self._reached.set()
        self._go.wait(PATIENCE)


class Gate(Sandbox):
    """A sandbox that holds chosen requests, and counts what was carried out."""

    def __init__(self):
        super().__init__()
        self.done = []
        self._held = []
        self._lock = threading.Lock()

    def hold(self, method, part, *, after):
        """Hold the next such request, before or after it is carried out."""
        held = Held(method, part, after)
        with self._lock:
            self._held.append(held)
        return held

    def _take(self, method, path, after):
        with self._lock:
            for held in self._held:
                if (held.method, held.after) == (method, after) and held.part in path:
                    self._held.remove(held)
                    return held
        return None

    def __call__(self, method, path, number):
        """As the server's faults: a request held here never arrives."""
        held = self._take(method, path, False)
        if held:
            held.here(path)
            return "cut_before"
        return None

    def handle(self, method, url, headers, body=b""):
        answer = super().handle(method, url, headers, body)
        path = url.partition("?")[0]
        with self._lock:
            self.done.append((method, path, answer[0]))
        held = self._take(method, path, True)
        if held:
            held.here(path)
        return answer

    def count(self, method, part):
        """How often such a request was carried out, or refused."""
        with self._lock:
            return sum(
                done[0] == method and part in done[1] for done in list(self.done)
            )


class House:
    """Everything a test of several processes needs; a context manager.

    ``worker()`` starts another Odoo process.
    """

    gate = Gate

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.database = stack.enter_context(throw_away())
            self.sandbox = self.gate()
            self.server = stack.enter_context(serve(self.sandbox, faults=self.sandbox))
            self.worker = stack.enter_context(office(self.database))
            self.sandbox.add_company(
                COMPANY,
                "sample-user-key",
                "sample-vendor-key",
                name="Sample Oy",
                business_id="1234567-1",
            )
            self.sandbox.sign_agreement(COMPANY)
            self.office = self.worker()
            self.office.run("set_up", url=self.server.url)
            self.customer = self.office.run("customer")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    # -- the scene ---------------------------------------------------------------------

    def invoices(self, *amounts):
        """Overdue invoices that Maventa knows: their numbers in Odoo."""
        made = self.office.run("invoices", partner_id=self.customer, amounts=amounts)
        for invoice in made:
            move_id = invoice.pop("id")
            self.sandbox.add_invoice(COMPANY, **invoice)
            invoice["id"] = move_id
        return [invoice["id"] for invoice in made]

    def at_ropo(self, *amounts):
        """Invoices that Ropo has."""
        ids = self.invoices(*amounts)
        self.office.run("transfer", move_ids=ids)
        self.office.scheduled("transfer", "poll", "report")
        assert self.states(ids) == {"sent": len(ids)}
        return ids

    def states(self, move_ids):
        """``{state: number of cases}`` of these invoices."""
        rows = self.database.query(
            "SELECT state FROM ropo_assignment WHERE move_id IN %s", (tuple(move_ids),)
        )
        return Counter(row[0] for row in rows)

    def hours_pass(self):
        """Everything that waits for a time has waited long enough."""
        for table in ("ropo_assignment", "ropo_assignment_event", "ropo_recheck"):
            columns = self.database.query(
                "SELECT column_name FROM information_schema.columns"
                " WHERE table_name = %s AND data_type LIKE 'timestamp%%'"
                " AND column_name NOT IN ('create_date', 'write_date')",
                (table,),
            )
            sets = ", ".join(f"{name} = {name} - interval '2h'" for [name] in columns)
            self.database.query(f"UPDATE {table} SET {sets}")
        self.database.query(
            "UPDATE res_company SET ropo_trouble_until = NULL,"
            " ropo_poll_started = ropo_poll_started - interval '2h'"
        )

    # -- what Ropo knows ---------------------------------------------------------------

    def remote_id(self, move_id):
        [[remote_id]] = self.database.query(
            "SELECT maventa_invoice_id FROM account_move WHERE id = %s", (move_id,)
        )
        return remote_id

    def handed_over(self, move_id):
        """How often this invoice was handed over, the refused times included."""
        return self.sandbox.count("POST", f"{self.remote_id(move_id)}/assignment/ropo")

    def told(self, move_id):
        """The amounts Ropo was told for this invoice: ``{kind: [amounts]}``."""
        told = {}
        for event in self.sandbox.case(self.remote_id(move_id))["events"]:
            if event.get("posted"):
                told.setdefault(event["type"], []).append(float(event["amount"]))
        return told
