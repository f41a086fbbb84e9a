"""Real Odoo servers in a storm: killed at random, with faults, and with users.

One server is for the users, who register payments, post credit notes and hand invoices
over through HTTP, as the web client does. Two more run the scheduled actions; they are
killed and started again all the time. In between hours go by, while none of the two
runs: a lease must not end under a call that is still under way. At the end everything
comes to rest without faults. Then what Ropo was told must be what the ledger says.
"""

import contextlib
import itertools
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from pathlib import Path

import psycopg2

from ..databases import CHECKOUT
from ..demo import life
from ..watch_secrets import PLANTED
from .house import Gate, House
from .office import COLLISION, PATIENCE

from maventa.sandbox import Faults  # isort: skip  house.py makes it importable

#: Of each invoice.
TOTAL = 200
#: Faults of the storm and how often; those at the end stop a server or its account.
FAULTS = (*Faults.NAMES * 4, "401", "stall", "stall")
RATE = 0.1
#: Seconds until the sandbox gets a request: time to be killed in the middle of a call.
LATENCY = 0.02
#: Seconds a server lives after it is ready, at least and at most.
LIFE = (0.3, 3.5)
#: Seconds between two jumps of the clock.
SPELL = (7, 10)
WORKING = ("transfer", "poll", "report")


class WildGate(Gate):
    """A gate with faults at random."""

    def __init__(self):
        super().__init__()
        self.faults = Faults()
        self.faults_done = Counter()

    def __call__(self, method, path, number):
        fault = super().__call__(method, path, number)
        fault = fault or self.faults(method, path, number)
        if fault:
            self.faults_done[fault] += 1
        if fault == "401":
            self.revoke_tokens()
            return None
        return fault


class Server:
    """A process like the one that ``odoo`` starts, until it is killed."""

    def __init__(self, database, log, *options, mistakes=()):
        self._log = log
        self._from = log.stat().st_size if log.exists() else 0
        # Mistakes are for tests of the tests only.
        module = ["tests.faults.mistaken", ",".join(mistakes)] if mistakes else ["odoo"]
        command = [sys.executable, "-m", *module, "-d", database.name, *options]
        with log.open("a") as stream:
            self._process = subprocess.Popen(
                command,
                cwd=CHECKOUT,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        # Ended with the database, whatever happens.
        database.processes.append(self._process)

    def wait(self):
        """Wait until it is ready."""
        ends = time.monotonic() + PATIENCE
        while "Registry loaded" not in (said := self._said()):
            assert self._process.poll() is None and time.monotonic() < ends, said
            time.sleep(0.05)

    def _said(self):
        with self._log.open() as stream:
            stream.seek(self._from)
            return stream.read()

    def kill(self):
        """The power is gone: no clean-up of any kind."""
        self._process.kill()
        self._process.wait()


class User(life.Odoo):
    """A person at her browser; how long each of her requests took."""

    def __init__(self, requests, url, database, login):
        self.requests = requests
        super().__init__(url, database, login, login)

    def _post(self, path, params):
        started = time.monotonic()
        answer = super()._post(path, params)
        what = params.get("method") or path
        self.requests.append((time.monotonic() - started, what))
        return answer

    def transfer(self, *move_ids):
        """Press the button on the list, confirm the window."""
        action = self.call("account.move", "action_ropo_transfer", move_ids)
        window = action["res_id"]
        self.call("ropo.transfer", "write", [window], {"confirm_warnings": True})
        self.call("ropo.transfer", "action_transfer", [window])

    def pay(self, move_id, amount):
        """Register a payment from the invoice."""
        context = {"active_model": "account.move", "active_ids": [move_id]}
        wizard = self.call(
            "account.payment.register", "create", {"amount": amount}, context=context
        )
        self.call("account.payment.register", "action_create_payments", [wizard])

    def post(self, note_id):
        """Post a credit note that lies there as a draft."""
        self.call("account.move", "action_post", [note_id])


class Storm(House):
    """A house whose servers are killed, and the people who go on working there.

    :param int seed: of all that is left to chance here (threads and processes are, too,
        so that a seed makes a similar storm, not the same)
    :param int transfers: invoices that users hand over in the storm
    :param int cases: invoices that Ropo has before; users book most on these
    :param mistakes: what the two servers do wrong, see ``mistaken.py``
    :param mistakes_of_web: the same for the server of the users
    """

    gate = WildGate

    def __init__(self, seed, transfers, cases, mistakes=(), mistakes_of_web=()):
        self.random = random.Random(seed)
        self.seed, self.transfers, self.cases = seed, transfers, cases
        self.mistakes, self.mistakes_of_web = mistakes, mistakes_of_web
        self.operations, self.requests, self.failures = [], [], []
        self.kills = self.spells = self.unanswered = 0
        self.told_in_storm, self.seconds = 0, ()
        #: What was booked: ``{invoice: {(kind, amount): times}}``
        self.booked = {}
        self._booking = threading.Lock()
        self._held = []
        #: Held while both servers must live, or both be dead.
        self._servers_stay = threading.Lock()

    def __enter__(self):
        super().__enter__()
        with self._stack:
            folder = tempfile.TemporaryDirectory(prefix="r")
            self.folder = Path(self._stack.enter_context(folder))
            # Servers end before the folder of their logs is removed.
            self._stack.callback(self.database.end_processes)
            self._prepare()
            self._stack = self._stack.pop_all()
        return self

    # -- before ------------------------------------------------------------------------

    def _prepare(self):
        """Invoices new and at Ropo; payments that wait when the storm begins."""
        ours = tuple(self._cron_ids(*WORKING, "audit"))
        self.database.query("UPDATE ir_cron SET active = id IN %s", [ours])
        self.logins = self.office.run("bookkeepers", count=3)
        self.new = self.invoices(*[TOTAL] * self.transfers)
        self.known = self.at_ropo(*[TOTAL] * self.cases)
        self.booked = {move_id: Counter() for move_id in self.new + self.known}
        # Two of them are alike.
        for amount, times in ((10, 2), (15, 1)):
            self.office.run("pay_many", move_ids=self.known, amount=amount, times=times)
            for move_id in self.known:
                self._book(move_id, "paid", amount, times)
        notes = self.office.run("draft_notes", move_ids=self.known, amount=5)
        self.notes = dict(zip(self.known, notes, strict=True))

    def _book(self, move_id, kind, amount, times=1):
        with self._booking:
            self.booked[move_id][kind, float(amount)] += times

    def _work(self):
        """What the users have to do, in this order."""
        # Once more the same as what is waiting already.
        work = [("pay", move_id, 10) for move_id in self.known]
        work += [("pay", move_id, 20) for move_id in self.known[::3]]
        work += [("credit", move_id, 5) for move_id in self.known]
        work += [("pay", move_id, 10) for move_id in self.new[::2]]
        self.random.shuffle(work)
        batches, left = [], self.new
        while left:
            size = self.random.randint(2, 6)
            batches.append(("transfer", *left[:size]))
            left = left[size:]
        # In the first half: some are paid before they are at Ropo, some while they are
        # on their way, some after.
        for number, batch in enumerate(batches):
            work.insert(number * len(work) // (2 * len(batches)), batch)
        return iter(work)

    # -- users -------------------------------------------------------------------------

    def _thread(self, function, *args):
        """A thread whose failure is the storm's."""

        def run():
            try:
                function(*args)
            except BaseException as error:  # noqa: BLE001 the test wants to see it
                self.failures.append(f"{function.__name__}: {error!r}")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _log_in(self, login):
        return User(self.requests, self.url, self.database.name, login)

    def _work_off(self, login, work, turn):
        """A user's day: one thing after the other, until no work is left."""
        user, pause = self._log_in(login), random.Random(f"{self.seed} {login}")
        while True:
            with turn:
                task = next(work, None)
            if task is None:
                return
            self._do(user, *task)
            time.sleep(pause.uniform(0, 0.3))

    def _do(self, user, what, *values):
        if what == "transfer":
            user.transfer(*values)
        elif what == "pay":
            user.pay(*values)
            self._book(values[0], "paid", values[1])
        else:
            user.post(self.notes[values[0]])
            self._book(values[0], "credit_note", values[1])
        self.operations.append(what)

    def _work_on_what_is_under_way(self, login):
        """A user who books on the very invoices whose calls are not answered yet."""
        user = self._log_in(login)
        for part in ("/assignment/ropo", "/events", "/events"):
            held = self.sandbox.hold("POST", part, after=True)
            self._held.append(held)
            held.wait()
            with self._servers_stay:
                [[move_id]] = self.database.query(
                    "SELECT move_id FROM ropo_assignment"
                    " WHERE %s IN (external_id, maventa_invoice_id)",
                    [held.path.removesuffix(part).rpartition("/")[2]],
                )
                self._do(user, "pay", move_id, 10)
            held.release()
            time.sleep(1)

    # -- servers -----------------------------------------------------------------------

    def _start_web(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        Server(
            self.database,
            self.folder / "web.log",
            f"--http-port={port}",
            "--max-cron-threads=0",
            mistakes=self.mistakes_of_web,
        ).wait()

    def _start(self, number):
        return Server(
            self.database,
            self.folder / f"cron{number}.log",
            "--no-http",
            "--max-cron-threads=2",
            mistakes=self.mistakes,
        )

    def _start_all(self, count=2):
        self.servers = [self._start(number) for number in range(count)]
        for server in self.servers:
            server.wait()

    def _kill_all(self):
        """Kill them, and wait until nothing of what they asked for is under way."""
        for server in self.servers:
            server.kill()
        # Connections are taken in turn: whoever came before this one is served.
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.server.url}/_sandbox/x", timeout=PATIENCE)
        ends = time.monotonic() + PATIENCE
        while self._under_way() > 0:
            assert time.monotonic() < ends, "calls of the dead are still under way"
            time.sleep(0.01)

    def _under_way(self):
        """How many connections the sandbox serves, but for those that only wait."""
        names = [thread.name for thread in threading.enumerate()]
        served = sum("process_request_thread" in name for name in names)
        waiting = sum(held.stands() for held in self._held)
        # What stalls was carried out, and waits for ever.
        return served - waiting - self.sandbox.faults_done["stall"]

    def _cron_ids(self, *names):
        rows = self.database.query(
            "SELECT res_id FROM ir_model_data WHERE module = 'ropo_collection'"
            " AND model = 'ir.cron' AND name IN %s",
            [tuple(f"cron_{name}" for name in names)],
        )
        return [row[0] for row in rows]

    def _wake(self, *names):
        """The next time of these scheduled actions has come."""
        self.database.query(
            "INSERT INTO ir_cron_trigger (cron_id, call_at)"
            " SELECT unnest(%s), now() AT TIME ZONE 'UTC'",
            [self._cron_ids(*names)],
        )
        self._notify()

    def _notify(self):
        """Servers look for work when they are told to, and once a minute."""
        with contextlib.closing(psycopg2.connect(dbname="postgres")) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("NOTIFY cron_trigger, %s", [self.database.name])

    def _wake_all_the_time(self, stop):
        while not stop.wait(0.3):
            self._wake(*WORKING)

    def _working(self):
        """Whether a scheduled action runs or is about to."""
        [[due]] = self.database.query(
            "SELECT count(*) FROM ir_cron_trigger JOIN ir_cron c ON c.id = cron_id"
            " WHERE c.active AND call_at <= now() AT TIME ZONE 'UTC'"
        )
        active = "SELECT id FROM ir_cron WHERE active"
        free = self.database.query(f"{active} FOR NO KEY UPDATE SKIP LOCKED")
        return due or len(free) < len(self.database.query(active))

    # -- the storm ---------------------------------------------------------------------

    def play(self, spells, longest=300, rounds=10):
        """Storm until the users have done their work, then rest.

        :param int spells: how often hours go by in the storm, at least
        :param longest: seconds; the users must be ready then
        :param int rounds: how often hours go by until all must be at rest, at most
        """
        started = time.monotonic()
        self._start_web()
        self.sandbox.faults.random(self.seed, RATE, FAULTS)
        self.server.latency = LATENCY
        self._start_all()
        *logins, other = self.logins
        work, turn, stop = self._work(), threading.Lock(), threading.Event()
        users = [self._thread(self._work_off, login, work, turn) for login in logins]
        users.append(self._thread(self._work_on_what_is_under_way, other))
        waker = self._thread(self._wake_all_the_time, stop)
        for self.spells in itertools.count(1):
            self._storm_for(self.random.uniform(*SPELL))
            with self._servers_stay:
                self._kill_all()
                self._count_unanswered()
                self.kills += 2
                self.hours_pass()
                if self.spells >= spells and not any(map(self._is_alive, users)):
                    break
                assert time.monotonic() < started + longest, "users are still busy"
                self._start_all()
        stop.set()
        waker.join()
        self.told_in_storm = self.sandbox.count("POST", "/events")
        over = time.monotonic()
        self._rest(rounds)
        self.seconds = (round(over - started), round(time.monotonic() - over))

    @staticmethod
    def _is_alive(thread):
        return thread.is_alive()

    def _storm_for(self, seconds):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(self.random.uniform(*LIFE))
            number = self.random.randrange(2)
            with self._servers_stay:
                self.servers[number].kill()
                self.kills += 1
                self.servers[number] = self._start(number)
            self.servers[number].wait()

    def _count_unanswered(self):
        """Calls of which nobody knows what became of them."""
        for table in ("ropo_assignment", "ropo_assignment_event"):
            [[count]] = self.database.query(
                f"SELECT count(*) FROM {table} WHERE state IN ('sending', 'unknown')"
            )
            self.unanswered += count

    def _rest(self, rounds):
        """No faults any more; time goes by until nothing is left to do."""
        self.sandbox.faults.clear()
        self.server.latency = 0
        audited = False
        for number in range(rounds):
            busy = self.unfinished() or self.misunderstood()
            if audited and not busy:
                return
            # Once nothing is left: the audit finds nothing either.
            audited = audited or not busy
            # One is enough for what is left after the first time.
            self._start_all(1 if number else 2)
            self._wake(*(WORKING if busy else ["audit"]))
            ends = time.monotonic() + PATIENCE
            while self._working():
                assert time.monotonic() < ends, "the servers don't come to rest"
                time.sleep(0.1)
                self._notify()
            self._kill_all()
            self.hours_pass()

    # -- what came of it ---------------------------------------------------------------

    def unfinished(self):
        """What is not at rest: ``[(what, state, number)]``."""
        return self.database.query(
            "SELECT 'case', state, count(*) FROM ropo_assignment"
            " WHERE state NOT IN ('sent', 'closed') GROUP BY state"
            " UNION ALL SELECT 'report', state, count(*) FROM ropo_assignment_event"
            " WHERE direction = 'out' AND state NOT IN ('sent', 'dropped')"
            " GROUP BY state"
            " UNION ALL SELECT 'marker', '', count(*) FROM ropo_recheck"
            " HAVING count(*) > 0"
        )

    def misunderstood(self):
        """Cases that ask for a person, or that take our own reports for somebody's."""
        return self.database.query(
            "SELECT name, attention_reason, paid_to_ropo FROM ropo_assignment"
            " WHERE needs_attention OR paid_to_ropo != 0"
        )

    def complaints(self):
        """Errors in the logs, but for statements that collide, which Odoo repeats.

        And lines with a key or a personal identity number.
        """
        lines = [
            line
            for log in self.folder.glob("*.log")
            for line in log.read_text().splitlines()
        ]
        secret = [line for line in lines if any(value in line for value in PLANTED)]
        return secret + [
            line
            for line in lines
            if (" ERROR " in line or " CRITICAL " in line)
            and COLLISION.partition(" ")[2] not in line
            # What Odoo says of an action whose server was killed again and again.
            and not line.endswith("timed out ")
        ]

    def ledger(self):
        """What is matched with each invoice: ``{invoice: {(kind, amount): times}}``."""
        rows = self.database.query(
            """
            SELECT mine.move_id, other.move_type, p.debit_amount_currency, count(*)
              FROM account_partial_reconcile p
              JOIN account_move_line mine ON mine.id = p.debit_move_id
              JOIN account_move_line theirs ON theirs.id = p.credit_move_id
              JOIN account_move other ON other.id = theirs.move_id
             WHERE mine.move_id IN %s GROUP BY 1, 2, 3
            """,
            [tuple(self.booked)],
        )
        found = {move_id: Counter() for move_id in self.booked}
        for move_id, move_type, amount, times in rows:
            kind = "credit_note" if move_type == "out_refund" else "paid"
            found[move_id][kind, float(amount)] += times
        return found

    def judge(self):
        """What was lost and what was doubled: two lists of sentences."""
        lost, doubled = [], []
        for move_id, booked in self.ledger().items():
            times = self._times_handed_over(move_id)
            told = self.told(move_id) if times else {}
            told = Counter(
                (kind, amount) for kind, amounts in told.items() for amount in amounts
            )
            about = f"invoice {move_id}: handed over {times} times, told {told}"
            if times != 1:
                (doubled if times else lost).append(about)
                continue
            case = self.sandbox.case(self.remote_id(move_id))
            about += f" of {booked}, claim {case['capital']}"
            # What was paid before it was handed over is contained in the claim.
            before = sum(amount for _kind, amount in (booked - told).elements())
            claim = round(TOTAL - before, 2)
            if told - booked or case["capital"] < claim:
                doubled.append(about)
            elif case["capital"] > claim:
                lost.append(about)
        return lost, doubled

    def _times_handed_over(self, move_id):
        """How often Maventa got this invoice, whatever it thought of that."""
        path = f"/{self.remote_id(move_id)}/assignment/ropo"
        return sum(
            # What comes with an old token comes again with a new one.
            method == "POST" and place.endswith(path) and status != 401
            for method, place, status in self.sandbox.done
        )

    def figures(self):
        lost, doubled = self.judge()
        reports = sum(entries.total() for entries in self.booked.values())
        seconds, request = max(self.requests)
        return {
            "seed": self.seed,
            "transfers": self.transfers,
            "booked": reports,
            "operations of users": len(self.operations),
            "requests of users": len(self.requests),
            "slowest of them": f"{seconds:.1f} s ({request})",
            "calls": len(self.sandbox.done),
            "faults": self.sandbox.faults_done.total(),
            "kills": self.kills,
            "calls without an answer": self.unanswered,
            "reports in the storm": self.told_in_storm,
            "hours jumped": self.spells,
            "lost": len(lost),
            "doubled": len(doubled),
            "seconds of storm and rest": self.seconds,
        }
