"""Random histories of cases, with faults on any call and crashes at any point.

``python -m tests.faults.campaign --operations 300 --seed 7`` plays histories against a
throw-away database and a sandbox behind HTTP: people match, un-match, credit, write off
and answer questions, debtors pay to Ropo, Ropo settles, time goes by, and the scheduled
actions meet with every kind of trouble. At the end of each history everything is left
to come to rest without faults; then what Ropo was told must be what the ledger says.

What the ledger says is computed here once more, by other means: this module keeps its
own book of what each entry really was, and reads amounts by its own SQL.

Nearly everything runs in one process and in one thread at a time, so that a seed
replays. Now and then two further processes deliver at once, and one of them is killed;
``--alone`` leaves that out.
"""

import argparse
import contextlib
import itertools
import json
import logging
import random
import sys
import time
import traceback
from collections import Counter, defaultdict
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

import odoo
from odoo.exceptions import UserError
from odoo.modules.registry import Registry

from ..databases import throw_away
from . import actions
from .clock import Clock
from .office import office

PAID, CREDITED, SETTLED = "paid", "credit_note", "settlement"
SILENT, ASKED = "silent", "asked"
TOLD_KINDS = (PAID, CREDITED)
FAULTS = (
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
    "401",
)


RUNS = st.sampled_from(
    [("transfer",), ("poll",), ("report",), ("transfer", "poll", "report")]
)
PLANS = st.dictionaries(
    st.integers(1, 5), st.sampled_from(FAULTS), min_size=1, max_size=3
)
#: Minutes that Ropo's lists are behind: less than `LIST_LAG` in the models.
LAGS = st.sampled_from([0, 0, 0, 3, 20, 45])
CRASHES = st.tuples(
    st.sampled_from(["call", "commit"]),
    st.integers(1, 6),
    st.sampled_from(["before", "after"]),
)


class Crash(BaseException):
    """The power is gone: nothing after this happens, nothing open is committed."""


class Trouble:
    """What goes wrong in one run of the scheduled actions: a plan, worked off.

    ``faults`` maps the number of a request to its fault, ``crash`` says before or after
    which commit or call the process dies.
    """

    def __init__(self):
        self.sandbox = None
        self.clear()

    def clear(self):
        self.faults, self.crash = {}, None
        self.seen = Counter()

    def plan(self, faults, crash):
        self.clear()
        self.faults, self.crash = dict(faults), crash

    def __call__(self, method, path, number):
        self.seen["request"] += 1
        fault = self.faults.pop(self.seen["request"], None)
        if fault:
            Campaign.count["faults"] += 1
        if fault == "401":
            self.sandbox.revoke_tokens()
            return None
        return fault

    @contextlib.contextmanager
    def point(self, name):
        """A place where the process may die, before or after what is done there."""
        self.seen[name] += 1
        here = (name, self.seen[name])
        if self.crash == (*here, "before"):
            raise Crash
        yield
        if self.crash == (*here, "after"):
            raise Crash


class Inline:
    """A thread pool without threads."""

    def __init__(self, *args):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        pass

    def submit(self, function, *args):
        future = Future()
        try:
            future.set_result(function(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self):
        pass


class Campaign:
    """What all histories of one process share."""

    count = Counter()
    talkative = False
    country = "fi"
    #: Starts another process, where there are any.
    another = None

    def __init__(self, database):
        odoo.tools.config.parse_config(
            ["--database", database.name, "--no-http", "--log-level=info"]
        )
        # Faults are the rule here, and each is logged.
        if not self.talkative:
            for name in ("odoo", "urllib3"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
        self.database = database
        self.registry = Registry(database.name)
        from odoo.addons.ropo_collection.maventa import client, sandbox
        from odoo.addons.ropo_collection.models import ropo_worker

        self.tokens = client.TOKENS
        self.clock = Clock()
        self.clock.install()
        self.trouble = Trouble()
        ropo_worker.ThreadPoolExecutor = Inline
        ropo_worker.random = random.Random(0)
        self._make_mortal(self.registry["ropo.worker"])
        campaign = self

        class Watched(sandbox.Sandbox):
            """Counts hand-overs, and tells when one arrives."""

            busy = 0

            def handle(self, method, url, headers, body=b""):
                self.busy += 1
                try:
                    answer = super().handle(method, url, headers, body)
                    if method == "POST" and url.endswith("/assignment/ropo"):
                        campaign.on_transfer(url.split("/")[-3], answer[0])
                    return answer
                finally:
                    self.busy -= 1

        self.sandbox = Watched(clock=self.clock.now)
        self.trouble.sandbox = self.sandbox
        self.server = sandbox.serve(self.sandbox, faults=self.trouble)
        self.on_transfer = None
        self.sandbox.add_company(
            *actions.KEYS.values(), name="Sample Oy", country=self.country.upper()
        )
        self.sandbox.sign_agreement(actions.KEYS["maventa_company_uuid"])
        self.ids = self.in_odoo(self._set_up)

    def today(self):
        """The day where the company is."""
        zone = ZoneInfo(actions.COUNTRIES[self.country][0])
        return self.clock.now().astimezone(zone).date()

    def _make_mortal(self, worker):
        trouble = self.trouble
        end, call = worker._end_transaction, worker._call_one

        def mortal_end(records, *args, **kwargs):
            with trouble.point("commit"):
                return end(records, *args, **kwargs)

        def mortal_call(job, client):
            with trouble.point("call"):
                return call(job, client)

        worker._end_transaction = mortal_end
        worker._call_one = staticmethod(mortal_call)

    def _set_up(self, env):
        actions.set_up(env, self.server.url, 15, self.country)
        company = env.company
        dollar = env.ref("base.USD")
        dollar.active = True
        # The dollar gains in the last days, so that exchange differences arise.
        for days, rate in ((90, 1.25), (2, 1.1)):
            env["res.currency.rate"].create(
                {
                    "currency_id": dollar.id,
                    "name": odoo.fields.Date.today() - timedelta(days=days),
                    "rate": rate,
                }
            )
        account = env["account.account"]
        journal = env["account.journal"]

        def new_account(code, name, kind):
            return account.create({"code": code, "name": name, "account_type": kind})

        loss = new_account("998801", "Credit losses", "expense")
        other = new_account("998802", "Discounts", "expense")
        settlements = journal.create(
            {"name": "From Ropo", "code": "ROPO", "type": "bank"}
        )
        company.write(
            {
                "ropo_settlement_journal_ids": [(6, 0, settlements.ids)],
                "ropo_loss_account_ids": [(6, 0, loss.ids)],
                "ropo_write_off_tolerance": 1.0,
            }
        )
        return {
            "loss": loss.id,
            "other": other.id,
            "settlements": settlements.id,
            "bank": journal.search(
                [("type", "=", "bank"), ("id", "!=", settlements.id)], limit=1
            ).id,
            "misc": journal.search([("type", "=", "general")], limit=1).id,
            "dollar": dollar.id,
            "receivable": env["res.partner"]
            ._fields["property_account_receivable_id"]
            .get_company_dependent_fallback(env["res.partner"])
            .id,
        }

    def in_odoo(self, function, *args):
        """Call with an environment; commit at the good end, as a request does."""
        with self.registry.cursor() as cursor:
            env = odoo.api.Environment(cursor, odoo.SUPERUSER_ID, {})
            return function(env, *args)

    def at_once(self, names, killed_after=None):
        """Two further processes run scheduled actions; one may be killed meanwhile."""
        ahead = self.clock.offset.total_seconds()
        workers = [self.another(), self.another()]
        for worker in workers:
            worker.start("scheduled", names=names, ahead=ahead, retrying=False)
        if killed_after is not None:
            time.sleep(killed_after)
            workers.pop().kill()
        for worker in workers:
            worker.result()
            worker.close()
        # What the killed one had sent may still be on its way.
        while self.sandbox.busy:
            time.sleep(0.01)

    def close(self):
        self.server.close()
        odoo.sql_db.close_all()


@dataclass
class Entry:
    """One entry of this campaign's own book: what it really was."""

    move_id: int
    kind: str
    #: Of the credited amount: ``[(kind, amount)]``, for those with a write-off.
    split: list = field(default_factory=list)
    payment_id: int = 0


@dataclass
class Case:
    """An invoice and what this campaign knows of it."""

    move_id: int
    number: str
    remote_id: str
    total: float
    transferred: bool = False
    accepted: int = 0
    asked: int = 0
    claim: float = 0.0
    baseline: dict = field(default_factory=dict)
    paid_to_ropo: float = 0.0
    settled: float = 0.0
    highest: dict = field(default_factory=lambda: defaultdict(float))
    answers: list = field(default_factory=list)


def cents(amount):
    return round(amount, 2)


class History(RuleBasedStateMachine):
    """One history: operations in any order, then rest, then the comparison."""

    campaign = None

    def __init__(self):
        super().__init__()
        self.cases = []
        self.book = {}
        self.by_remote = {}
        self.loose = []
        self.campaign.trouble.clear()
        self.campaign.on_transfer = self._transfer_arrived
        self.campaign.tokens.clear()
        self.campaign.sandbox.list_lag_seconds = self.lag = 0
        Campaign.count["histories"] += 1

    # -- helpers -----------------------------------------------------------------------

    def act(self, function, *args, kind=None, split=()):
        """A person does something; what Odoo refuses did not happen.

        :param kind: what the entries really are that the function returns
        """
        Campaign.count["operations"] += 1
        try:
            made = self.campaign.in_odoo(function, *args)
            if kind:
                self._book(made, kind, split)
            return made
        except UserError:
            Campaign.count["refused"] += 1
            return None
        finally:
            self._watch()

    def query(self, statement, *parameters):
        return self.campaign.database.query(statement, parameters)

    def pick(self, items, index):
        return items[index % len(items)]

    def sent(self):
        """Cases Ropo has."""
        return [case for case in self.cases if case.accepted]

    def residual(self, case):
        [[residual]] = self.query(
            "SELECT amount_residual FROM account_move WHERE id = %s", case.move_id
        )
        return float(residual)

    def _transfer_arrived(self, remote_id, status):
        """What is matched at the moment a claim arrives is contained in it."""
        case = self.by_remote.get(remote_id)
        if not case:
            return
        # A token that ran out is renewed, and the call repeated: nobody saw the first.
        case.asked += status != 401
        if status == 202:
            case.accepted += 1
            case.claim = float(self.campaign.sandbox.case(remote_id)["capital"])
            case.baseline = dict(self.matched(case))

    # -- the ledger, read by other means -----------------------------------------------

    def matched(self, case):
        """``{entry: amount}`` matched with the invoice, of what counts today."""
        rows = self.query(
            """
            SELECT credit.move_id, SUM(p.debit_amount_currency)
              FROM account_partial_reconcile p
              JOIN account_move_line debit ON debit.id = p.debit_move_id
              JOIN account_move_line credit ON credit.id = p.credit_move_id
              JOIN account_move entry ON entry.id = credit.move_id
             WHERE debit.move_id = %s AND entry.state = 'posted'
               AND entry.date <= %s
               AND entry.journal_id NOT IN (
                   SELECT currency_exchange_journal_id FROM res_company
                    WHERE currency_exchange_journal_id IS NOT NULL)
             GROUP BY credit.move_id
            HAVING SUM(p.debit_amount_currency) > 0
            """,
            case.move_id,
            self.campaign.today(),
        )
        return {move_id: float(amount) for move_id, amount in rows}

    def by_kind(self, amounts, answers=()):
        """Sums of matched amounts by what they really were, and were decided to be."""
        sums = defaultdict(float)
        for move_id, amount in amounts.items():
            entry = self.book[move_id]
            shares = entry.split or [(entry.kind, amount)]
            whole = sum(share for _kind, share in shares)
            parts = defaultdict(float)
            for kind, share in shares:
                parts[kind] += amount * share / whole
            # One answer may build on another: to be reported, but beyond the claim.
            for _move_id, of_kind, given, answer in answers:
                if _move_id == move_id:
                    known = min(given, parts[of_kind])
                    parts[of_kind] -= known
                    parts[answer] += known
            for kind, part in parts.items():
                sums[kind] += part
        return sums

    def expected(self, case):
        """What the ledger says beyond the claim's baseline: ``{kind: amount}``."""
        now = self.by_kind(self.matched(case), case.answers)
        before = self.by_kind(case.baseline)
        fresh = {
            kind: cents(max(0.0, amount - before[kind])) for kind, amount in now.items()
        }
        gone = sum(max(0.0, before[kind] - now[kind]) for kind in before)
        return defaultdict(float, fresh), cents(gone)

    def _watch(self):
        """Remember the most that was ever true, of each kind."""
        for case in self.sent():
            for kind, amount in self.expected(case)[0].items():
                case.highest[kind] = max(case.highest[kind], amount)

    # -- invoices and transfers --------------------------------------------------------

    @initialize(at_ropo=st.sampled_from([2, 1, 1, 0]), lag=LAGS)
    def begin(self, at_ropo, lag=0):
        self.customer = self.campaign.in_odoo(actions.customer, "Sample Business Oy")
        for _number in range(max(at_ropo, 1)):
            self._add_invoice(100.0)
        if at_ropo:
            ids = [case.move_id for case in self.cases]
            self.campaign.in_odoo(actions.transfer, ids)
            self._run(("transfer", "poll", "report"))
            for case in self.cases:
                case.transferred = True
        self.lag = lag
        self.campaign.sandbox.list_lag_seconds = 60 * lag

    def _add_invoice(self, amount, instalments=False):
        [made] = self.campaign.in_odoo(
            actions.invoices, self.customer, [amount], 30, instalments
        )
        move_id = made.pop("id")
        remote_id = self.campaign.sandbox.add_invoice(
            actions.KEYS["maventa_company_uuid"], **made
        )
        case = Case(move_id, made["number"], remote_id, amount)
        self.cases.append(case)
        self.by_remote[remote_id] = case

    @precondition(lambda self: len(self.cases) < 4)
    @rule(
        amount=st.sampled_from([100.0, 100.0, 33.33, 250.0]), instalments=st.booleans()
    )
    def invoice(self, amount, instalments):
        Campaign.count["operations"] += 1
        self._add_invoice(amount, instalments)

    @rule()
    def merge_customer(self):
        """The customer was there twice; Odoo changes the references by itself."""

        def merge(env):
            twin = env["res.partner"].browse(self.customer).copy()
            wizard = env["base.partner.merge.automatic.wizard"].create({})
            wizard._merge([self.customer, twin.id], twin)
            return twin.id

        self.customer = self.act(merge) or self.customer

    @precondition(lambda self: any(not case.transferred for case in self.cases))
    @rule(index=st.integers(0, 3))
    def transfer(self, index):
        case = self.pick([c for c in self.cases if not c.transferred], index)
        if self.act(actions.transfer, [case.move_id]):
            case.transferred = True

    # -- money -------------------------------------------------------------------------

    def _register(self, env, moves, **values):
        people = actions.people(env)
        wizard = (
            people["account.payment.register"]
            .with_context(active_model="account.move", active_ids=moves)
            .create(
                {
                    "payment_date": self.campaign.today(),
                    "journal_id": self.campaign.ids["bank"],
                    **values,
                }
            )
        )
        payments = wizard._create_payments()
        return [(payment.id, payment.move_id.id) for payment in payments]

    def _book(self, made, kind, split=()):
        for payment_id, move_id in made or []:
            self.book[move_id] = Entry(move_id, kind, list(split), payment_id)

    @rule(
        index=st.integers(0, 3),
        share=st.sampled_from([0.1, 0.1, 0.2, 0.2, 0.2, 0.3, 0.5, 1.0]),
        days_ago=st.sampled_from([0, 0, 0, 3, 40]),
    )
    def pay(self, index, share, days_ago):
        case = self.pick(self.cases, index)
        amount = cents(min(case.total * share, self.residual(case)))
        if amount <= 0:
            return
        date = self.campaign.today() - timedelta(days=days_ago)

        def pay(env):
            return self._register(env, [case.move_id], amount=amount, payment_date=date)

        self.act(pay, kind=PAID)

    @rule(index=st.integers(0, 3), share=st.sampled_from([0.1, 0.2, 0.3, 1.0]))
    def pay_in_dollars(self, index, share):
        case = self.pick(self.cases, index)
        amount = cents(min(case.total * share, self.residual(case)))
        if amount <= 0:
            return

        def pay(env):
            wizard_values = {
                "amount": cents(amount * 1.1),
                "currency_id": self.campaign.ids["dollar"],
            }
            return self._register(env, [case.move_id], **wizard_values)

        self.act(pay, kind=PAID)

    @rule(index=st.integers(0, 3), share=st.sampled_from([0.2, 0.3, 0.5, 1.2]))
    def bank_line(self, index, share):
        """A line of the bank statement, matched with the invoice as it is."""
        case = self.pick(self.cases, index)
        if self.residual(case) <= 0:
            return

        def book(env):
            people = actions.people(env)
            line = people["account.bank.statement.line"].create(
                {
                    "journal_id": self.campaign.ids["bank"],
                    "date": self.campaign.today(),
                    "payment_ref": "Sample",
                    "amount": cents(case.total * share),
                    "partner_id": self.customer,
                    "counterpart_account_id": self.campaign.ids["receivable"],
                }
            )
            move = people["account.move"].browse(case.move_id)
            lines = (line.move_id | move).line_ids.filtered(
                lambda ln: ln.account_type == "asset_receivable"
            )
            lines.reconcile()
            return [(0, line.move_id.id)]

        self.act(book, kind=PAID)

    @precondition(lambda self: len(self.cases) > 1)
    @rule(lost=st.sampled_from([3.33, 10.0]))
    def pay_all_but_a_loss(self, lost):
        """One payment clears several invoices; the rest is our loss, shared out."""
        moves = [case for case in self.cases if self.residual(case) > 0]
        amount = cents(sum(self.residual(case) for case in moves) - lost)
        if len(moves) < 2 or amount <= 0:
            return

        def pay(env):
            return self._register(
                env,
                [case.move_id for case in moves],
                group_payment=True,
                amount=amount,
                payment_difference_handling="reconcile",
                writeoff_account_id=self.campaign.ids["loss"],
            )

        self.act(pay, kind=PAID, split=[(SILENT, lost), (PAID, amount)])

    @precondition(lambda self: len(self.cases) > 1)
    @rule(share=st.sampled_from([0.2, 0.3, 0.6, 1.0]))
    def pay_all_at_once(self, share):
        """One payment of several invoices, the oldest first."""
        moves = [case for case in self.cases if self.residual(case) > 0]
        amount = cents(share * sum(self.residual(case) for case in moves))
        if len(moves) < 2 or amount <= 0:
            return

        def pay(env):
            ids = [case.move_id for case in moves]
            return self._register(env, ids, group_payment=True, amount=amount)

        self.act(pay, kind=PAID)

    @rule(
        index=st.integers(0, 3),
        account=st.sampled_from(["loss", "other"]),
        difference=st.sampled_from([0.5, 5.0]),
    )
    def pay_with_write_off(self, index, account, difference):
        case = self.pick(self.cases, index)
        residual = self.residual(case)
        # It pays the rest: late in a history, or nothing is left to happen.
        if not difference < residual < 0.6 * case.total:
            return
        amount = cents(residual - difference)
        if account == "loss":
            kind = SILENT
        else:
            kind = CREDITED if difference <= 1.0 else ASKED

        def pay(env):
            return self._register(
                env,
                [case.move_id],
                amount=amount,
                payment_difference_handling="reconcile",
                writeoff_account_id=self.campaign.ids[account],
            )

        self.act(pay, kind=PAID, split=[(kind, difference), (PAID, amount)])

    @rule(index=st.integers(0, 3))
    def reverse_and_make_anew(self, index):
        """The whole invoice is credited; what was matched is taken away first."""
        case = self.pick(self.cases, index)

        def modify(env):
            move = actions.people(env)["account.move"].browse(case.move_id)
            wizard = (
                move.env["account.move.reversal"]
                .with_context(active_model="account.move", active_ids=move.ids)
                .create({"journal_id": move.journal_id.id, "reason": "Sample"})
            )
            wizard.modify_moves()
            return [(0, note.id) for note in move.reversal_move_ids]

        if self.residual(case) > 0:
            self.act(modify, kind=CREDITED)

    @rule(
        index=st.integers(0, 3), share=st.sampled_from([0.1, 0.2, 0.2, 0.3, 1.0, 1.5])
    )
    def credit(self, index, share):
        case = self.pick(self.cases, index)
        amount = cents(case.total * share)

        def credit(env):
            move = actions.people(env)["account.move"].browse(case.move_id)
            wizard = (
                move.env["account.move.reversal"]
                .with_context(active_model="account.move", active_ids=move.ids)
                .create({"journal_id": move.journal_id.id, "reason": "Sample"})
            )
            note = move.browse(wizard.refund_moves()["res_id"])
            note.invoice_line_ids.price_unit = amount
            note.action_post()
            return [(0, note.id)]

        self.act(credit, kind=CREDITED)

    @rule(index=st.integers(0, 3))
    def set_off(self, index):
        """A miscellaneous entry lowers the invoice by 10."""
        case = self.pick(self.cases, index)
        if self.residual(case) < 10:
            return

        def set_off(env):
            people = actions.people(env)
            line = (
                people["account.move"]
                .browse(case.move_id)
                .line_ids.filtered(lambda ln: ln.account_type == "asset_receivable")
            )
            entry = people["account.move"].create(
                {
                    "move_type": "entry",
                    "journal_id": self.campaign.ids["misc"],
                    "date": self.campaign.today(),
                    "line_ids": [
                        (0, 0, {
                            "account_id": line.account_id.id,
                            "partner_id": line.partner_id.id,
                            "credit": 10,
                        }),
                        (0, 0, {
                            "account_id": self.campaign.ids["other"],
                            "debit": 10,
                        }),
                    ],
                }
            )  # fmt: skip
            entry.action_post()
            (line | entry.line_ids.filtered("credit")).reconcile()
            return [(0, entry.id)]

        self.act(set_off, kind=ASKED)

    @precondition(lambda self: self._unsettled())
    @rule(index=st.integers(0, 3), whole=st.booleans(), known=st.booleans())
    def settle(self, index, whole, known):
        """Ropo sends money on: known by its journal, or looking like any payment.

        An unknown one is of a sum that the debtor paid there: that is all that shows
        what it may be.
        """
        case = self.pick(self._unsettled(), index)
        amount = cents(case.paid_to_ropo - case.settled)
        if known and not whole:
            amount = cents(amount / 2)
        amount = min(amount, self.residual(case))
        matched = self.by_kind(self.matched(case))[SETTLED]
        if amount <= 0 or not known and amount != cents(case.paid_to_ropo - matched):
            return
        journal = self.campaign.ids["settlements" if known else "bank"]

        def settle(env):
            return self._register(
                env, [case.move_id], amount=amount, journal_id=journal
            )

        if self.act(settle, kind=SETTLED):
            case.settled = cents(case.settled + amount)

    def _unsettled(self):
        return [case for case in self.sent() if case.paid_to_ropo > case.settled]

    # -- slips, and how they are mended ------------------------------------------------

    def _payments(self):
        return [entry for entry in self.book.values() if entry.payment_id]

    @precondition(lambda self: self._payments())
    @rule(index=st.integers(0, 20), what=st.sampled_from(["draft", "post", "cancel"]))
    def change_payment(self, index, what):
        entry = self.pick(self._payments(), index)

        def change(env):
            payment = actions.people(env)["account.payment"].browse(entry.payment_id)
            if what == "post" and payment.state != "draft":
                return
            getattr(payment, f"action_{what}")()

        self.act(change)

    @precondition(lambda self: self._payments())
    @rule(index=st.integers(0, 20))
    def delete_payment(self, index):
        entry = self.pick(self._payments(), index)

        def delete(env):
            payment = actions.people(env)["account.payment"].browse(entry.payment_id)
            payment.action_draft()
            payment.unlink()
            return True

        if self.act(delete):
            entry.payment_id = 0

    def _notes(self):
        return [entry for entry in self.book.values() if entry.kind == CREDITED]

    @precondition(lambda self: self._notes())
    @rule(index=st.integers(0, 20), what=st.sampled_from(["draft", "post", "cancel"]))
    def change_note(self, index, what):
        entry = self.pick(self._notes(), index)

        def change(env):
            note = actions.people(env)["account.move"].browse(entry.move_id)
            if what == "post":
                if note.state == "draft":
                    note.action_post()
            elif what == "draft" or note.state == "draft":
                getattr(note, f"button_{what}")()

        self.act(change)

    def _partials(self):
        ids = tuple(case.move_id for case in self.cases)
        return [
            row
            for row in self.query(
                """
                SELECT p.id, line.move_id, p.credit_move_id
                  FROM account_partial_reconcile p
                  JOIN account_move_line line ON line.id = p.debit_move_id
                 WHERE line.move_id IN %s ORDER BY p.id
                """,
                ids,
            )
        ]

    @rule(index=st.integers(0, 20))
    def unmatch(self, index):
        partials = self._partials()
        if not partials:
            return
        partial_id, move_id, line_id = self.pick(partials, index)

        def unmatch(env):
            move = actions.people(env)["account.move"].browse(move_id)
            move.js_remove_outstanding_partial(partial_id)
            return True

        if self.act(unmatch):
            self.loose.append((move_id, line_id))

    @precondition(lambda self: self.loose)
    @rule(index=st.integers(0, 20), elsewhere=st.booleans())
    def match_again(self, index, elsewhere):
        move_id, line_id = self.loose.pop(index % len(self.loose))
        if elsewhere:
            move_id = self.pick(self.cases, index).move_id

        def match(env):
            line = actions.people(env)["account.move.line"].browse(line_id).exists()
            if line and not line.reconciled and line.parent_state == "posted":
                env["account.move"].browse(move_id).js_assign_outstanding_line(line_id)

        self.act(match)

    # -- decisions ---------------------------------------------------------------------

    def _questions(self):
        ids = tuple(case.move_id for case in self.cases)
        return self.query(
            """
            SELECT e.id, a.move_id, e.counterpart_ref, e.decision, e.amount
              FROM ropo_assignment_event e
              JOIN ropo_assignment a ON a.id = e.assignment_id
             WHERE e.state = 'decision' AND a.move_id IN %s ORDER BY e.id
            """,
            ids,
        )

    @rule(index=st.integers(0, 20), choice=st.integers(0, 2))
    def answer(self, index, choice):
        """A person who knows what the entry was answers truly."""
        questions = self._questions()
        if not questions:
            return
        event_id, move_id, entry_id, decision, amount = self.pick(questions, index)
        [case] = [case for case in self.cases if case.move_id == move_id]
        entry = self.book[entry_id]
        kind = entry.kind
        if decision in ("misc", "write_off"):
            kind = ASKED
            answer = ("paid", "credit_note", "keep")[choice]
        elif decision == "origin":
            answer = "settlement" if entry.kind == SETTLED else "paid"
        elif decision == "full_credit":
            answer = ("credit_note", "keep")[choice % 2]
        else:
            decided = [becomes for id_, *_, becomes in case.answers if id_ == entry_id]
            if kind == ASKED and decided:
                kind = decided[-1]
            answer = "keep"

        def reply(env):
            event = actions.people(env)["ropo.assignment.event"].browse(event_id)
            action = getattr(event, f"action_answer_{answer}")()
            if action:
                # Giving money up needs a reason.
                self._give_reason(action, env)
            return True

        if self.act(reply):
            becomes = {"keep": SILENT, "settlement": SETTLED}.get(answer, answer)
            case.answers.append((entry_id, kind, float(amount), becomes))
            self._watch()

    def _ask_ropo(self):
        """A person asks Ropo about the reports of which Odoo can't tell."""
        ids = tuple(case.move_id for case in self.cases)
        for event_id, move_id, kind, sent in self.query(
            """
            SELECT e.id, a.move_id, e.kind, (
                    SELECT coalesce(sum(amount - coalesce(corrected_amount, 0)), 0)
                      FROM ropo_assignment_event sent
                     WHERE sent.assignment_id = a.id AND sent.kind = e.kind
                       AND sent.direction = 'out' AND sent.state = 'sent')
              FROM ropo_assignment_event e
              JOIN ropo_assignment a ON a.id = e.assignment_id
             WHERE e.state = 'unknown' AND e.crowded_looks >= 3 AND a.move_id IN %s
            """,
            ids,
        ):
            [case] = [case for case in self.cases if case.move_id == move_id]
            there = self.campaign.sandbox.case(case.remote_id)
            told = {PAID: there["told_paid"], CREDITED: there["told_credited"]}[kind]
            answer = "arrived" if float(told) > float(sent) + 0.005 else "not_arrived"

            def say(env, event_id=event_id, answer=answer):
                event = actions.people(env)["ropo.assignment.event"].browse(event_id)
                self._give_reason(getattr(event, f"action_{answer}")(), env)
                return True

            if self.act(say):
                Campaign.count["asked"] += 1

    @staticmethod
    def _give_reason(action, env):
        wizard = actions.people(env)[action["res_model"]].browse(action["res_id"])
        wizard.reason = "Sample reason"
        wizard.action_confirm()

    @precondition(lambda self: self.sent())
    @rule(index=st.integers(0, 3))
    def ropo_corrects(self, index):
        """A person has Ropo correct what it was told too much, and says so in Odoo."""
        case = self.pick(self.sent(), index)
        [[case_id, *amounts]] = self.query(
            "SELECT id, coalesce(excess_paid, 0), coalesce(excess_credited, 0),"
            " coalesce(excess_back, 0) FROM ropo_assignment"
            " WHERE move_id = %s AND state != 'cancelled'",
            case.move_id,
        )
        paid, credited, back = (float(amount) for amount in amounts)
        if not (paid or credited or back):
            return

        def confirm(env):
            case = actions.people(env)["ropo.assignment"].browse(case_id)
            self._give_reason(case.action_corrected(), env)
            return True

        if self.act(confirm):
            Campaign.count["corrected"] += 1
            for kind, amount in ((PAID, paid), (CREDITED, credited)):
                if amount:
                    self.campaign.sandbox.correct(case.remote_id, kind, amount)
            if back:
                self.campaign.sandbox.raise_claim(case.remote_id, back)
                case.claim = cents(case.claim + back)
                self._raise(case, back)

    def _raise(self, case, back):
        """What was withdrawn from the baseline is in the claim again."""
        now = self.matched(case)
        for entry_id, known in case.baseline.items():
            take = min(max(known - now.get(entry_id, 0.0), 0.0), back)
            case.baseline[entry_id] = cents(known - take)
            back = cents(back - take)

    # -- Ropo's part -------------------------------------------------------------------

    @precondition(lambda self: self.sent())
    @rule(
        index=st.integers(0, 3), share=st.sampled_from([0.2, 0.2, 0.3, 0.5]),
    )  # fmt: skip
    def debtor_pays_ropo(self, index, share):
        case = self.pick(self.sent(), index)
        there = self.campaign.sandbox.case(case.remote_id)
        amount = cents(min(case.total * share, float(there["open_amount"])))
        if self.lag:
            # With a list that is behind, nobody could tell an equal sum from ours.
            amount = cents(amount - 0.07)
        if amount <= 0 or there["closed"]:
            return
        # While a report of this very sum is without an answer, nobody could tell the
        # two apart, and a person is asked; see the tests of that.
        if self.query(
            """
            SELECT 1 FROM ropo_assignment_event e
              JOIN ropo_assignment a ON a.id = e.assignment_id
             WHERE a.move_id = %s AND e.state IN ('sending', 'unknown')
               AND e.amount = %s
            """,
            case.move_id,
            amount,
        ):
            return
        Campaign.count["operations"] += 1
        self.campaign.sandbox.debtor_pays(case.remote_id, amount)
        case.paid_to_ropo = cents(case.paid_to_ropo + amount)

    @precondition(lambda self: self.sent())
    @rule(index=st.integers(0, 3))
    def stage(self, index):
        case = self.pick(self.sent(), index)
        if not self.campaign.sandbox.case(case.remote_id)["closed"]:
            Campaign.count["operations"] += 1
            self.campaign.sandbox.stage(case.remote_id, "debt_collection")

    # -- time and the scheduler --------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 4, 6, 16, 16, 61, 61, 60 * 26]))
    def time_goes_by(self, minutes):
        Campaign.count["operations"] += 1
        self.campaign.clock.offset += timedelta(minutes=minutes)
        self._watch()

    @rule(names=RUNS)
    def scheduler_comes(self, names):
        self._come(names)

    @rule(names=RUNS, faults=PLANS)
    def scheduler_struggles(self, names, faults):
        self._come(names, faults)

    @rule(names=RUNS, faults=st.just({}) | PLANS, crash=CRASHES)
    def scheduler_dies(self, names, faults, crash):
        self._come(names, faults, crash)

    @precondition(lambda self: self.campaign.another)
    @rule(names=RUNS, faults=st.just({}) | PLANS)
    def two_deliver_at_once(self, names, faults):
        self._together(names, faults)

    @precondition(lambda self: self.campaign.another)
    @rule(
        names=RUNS,
        faults=st.just({}) | PLANS,
        milliseconds=st.sampled_from([20, 60, 150, 300]),
    )
    def one_of_two_is_killed(self, names, faults, milliseconds):
        Campaign.count["crashes"] += 1
        self._together(names, faults, milliseconds / 1000)

    @precondition(lambda self: self.campaign.another)
    @rule(
        index=st.integers(0, 3),
        faults=st.just({}) | PLANS,
        killed_after=st.sampled_from([None, 0.1, 0.2]),
    )
    def payments_meet_two_processes(self, index, faults, killed_after):
        for _case in self.cases:
            self.pay(index, 0.1, 0)
            index += 1
        self._come(("report",))
        self.time_goes_by(16)
        Campaign.count["crashes"] += killed_after is not None
        self._together(("report",), faults, killed_after)

    def _together(self, names, faults=(), killed_after=None):
        Campaign.count["operations"] += 1
        self.campaign.trouble.plan(faults, None)
        self.campaign.at_once(names, killed_after)
        self.campaign.trouble.clear()
        self._costs_arise()

    @rule(index=st.integers(0, 3), faults=PLANS)
    def transfer_meets_faults(self, index, faults):
        waiting = [case for case in self.cases if not case.transferred]
        if waiting:
            self.transfer(index)
            self._come(("transfer",), faults)

    @rule(index=st.integers(0, 3), faults=PLANS)
    def credit_meets_faults(self, index, faults):
        self.credit(index, 0.1)
        self._come(("report",))
        self.time_goes_by(16)
        self._come(("report",), faults)

    @rule(index=st.integers(0, 3), faults=PLANS)
    def payment_meets_faults(self, index, faults):
        """The shortest way to a report without an answer."""
        self.pay(index, 0.2, 0)
        self._come(("report",))
        self.time_goes_by(16)
        self._come(("report",), faults)

    @rule(index=st.integers(0, 3), crash=CRASHES)
    def payment_meets_a_crash(self, index, crash):
        self.pay(index, 0.2, 0)
        self._come(("report",))
        self.time_goes_by(16)
        self._come(("report",), crash=crash)

    def _come(self, names, faults=(), crash=None):
        Campaign.count["operations"] += 1
        self.campaign.trouble.plan(faults, crash)
        self._run(names)
        self.campaign.trouble.clear()

    def _run(self, names):
        cursor = self.campaign.registry.cursor()
        try:
            env = odoo.api.Environment(cursor, odoo.SUPERUSER_ID, {})
            for name in names:
                getattr(env["ropo.assignment"], f"_cron_{name}")()
            cursor.commit()
        except Crash:
            Campaign.count["crashes"] += 1
            # What a new process does not have.
            self.campaign.tokens.clear()
        finally:
            cursor.rollback()
            cursor.close()
        self._costs_arise()

    def _costs_arise(self):
        for case in self.sent():
            # Costs keep a case open when its principal is paid, so that it goes on.
            there = self.campaign.sandbox.case(case.remote_id)
            if not there["stage"] and not there["closed"]:
                self.campaign.sandbox.stage(case.remote_id, "debt_collection")

    # -- rest, and the comparison ------------------------------------------------------

    def teardown(self):
        self.campaign.trouble.clear()
        if not self.cases:
            return
        for _round in range(12):
            self.campaign.clock.offset += timedelta(hours=5)
            self._run(("transfer", "poll", "report"))
            self._ask_ropo()
            if not self._busy():
                break
        # What Ropo makes of the last reports is read, too.
        self.campaign.clock.offset += timedelta(hours=2)
        self._run(("poll", "report"))
        self._watch()
        for case in self.cases:
            self._check(case)
        # The audit finds nothing to do when all went well.
        self._run(("audit", "report"))
        for case in self.cases:
            self._check(case)

    def _busy(self):
        ids = tuple(case.move_id for case in self.cases)
        return self.query(
            """
            SELECT 1 FROM ropo_assignment a
             WHERE a.move_id IN %s
               AND a.state IN ('queued', 'sending', 'unknown', 'pending')
            UNION ALL
            SELECT 1 FROM ropo_assignment_event e
              JOIN ropo_assignment a ON a.id = e.assignment_id
             WHERE a.move_id IN %s AND e.state IN ('queued', 'sending', 'unknown')
            UNION ALL
            SELECT 1 FROM ropo_recheck r
              JOIN ropo_assignment a ON a.id = r.assignment_id
             WHERE a.move_id IN %s AND r.due_at < %s
            """,
            ids,
            ids,
            ids,
            self.campaign.clock.now().replace(tzinfo=None) + timedelta(hours=2),
        )

    def _check(self, case):
        assert case.accepted <= 1 and case.asked <= 1, f"{case} handed over twice"
        # Without this link, a match would leave no marker.
        [[newest, linked]] = self.query(
            "SELECT max(a.id), m.ropo_assignment_id FROM account_move m"
            " LEFT JOIN ropo_assignment a ON a.move_id = m.id"
            " WHERE m.id = %s GROUP BY m.id",
            case.move_id,
        )
        assert newest == linked, (newest, linked)
        rows = self.query(
            "SELECT id, state, excess_paid, excess_credited, capital_amount,"
            " paid_to_ropo, needs_attention FROM ropo_assignment"
            " WHERE move_id = %s AND state != 'cancelled'",
            case.move_id,
        )
        if not case.accepted:
            waiting = self.query(
                "SELECT state, next_try_at, attempts, looks, error_message"
                " FROM ropo_assignment WHERE move_id = %s",
                case.move_id,
            )
            assert not rows or rows[0][1] == "error", waiting
            return
        [[case_id, state, excess_paid, excess_credited, claim, to_ropo, needy]] = rows
        there = self.campaign.sandbox.case(case.remote_id)
        told = {PAID: float(there["told_paid"])}
        told[CREDITED] = float(there["told_credited"])
        excess = {PAID: float(excess_paid or 0)}
        excess[CREDITED] = float(excess_credited or 0)
        facts = self._facts(case, there, told, excess, case_id)
        assert cents(float(claim) - case.claim) == 0, facts
        assert there["open_amount"] >= 0, facts
        for kind in TOLD_KINDS:
            if told[kind] > case.highest[kind] + 0.02:
                Campaign.count["doubled"] += 1
                raise AssertionError(f"{kind} told beyond what ever was: {facts}")
        expected, gone = self.expected(case)
        assert (state == "closed") == there["closed"], facts
        if state == "closed":
            Campaign.count["closed"] += 1
            for kind in TOLD_KINDS:
                # Nothing more is told, but what is not true any more is shown.
                untrue = max(0.0, told[kind] - expected[kind])
                assert abs(excess[kind] - untrue) <= 0.02 + gone, (kind, facts)
            return
        assert state == "sent", (state, facts)
        assert cents(float(to_ropo or 0) - case.paid_to_ropo) == 0, facts
        open_ = self._open_questions(case, case_id)
        # Shares of write-offs are rounded: two cents are nobody's money.
        for kind in TOLD_KINDS:
            difference = cents(
                told[kind] - excess[kind] - (expected[kind] - open_[kind])
            )
            if gone:
                # A part of the baseline is gone: what came in its place of another
                # kind tells nothing new, up to what is gone.
                low = -gone - open_["either"] - 0.02
                assert low <= difference <= 0.02, (kind, difference, facts)
            elif not -open_["either"] - 0.02 <= difference <= 0.02:
                Campaign.count["lost" if difference < 0 else "doubled"] += 1
                raise AssertionError(f"{kind}: {difference:+.2f} {facts}")
        assert not any(excess.values()) or needy, facts
        assert not any(open_.values()) or needy, facts
        Campaign.count["comparisons"] += 1

    def _open_questions(self, case, case_id):
        """What is asked of each kind; ``either`` where an entry is of both."""
        sums = defaultdict(float)
        for entry_id, decision, amount in self.query(
            "SELECT counterpart_ref, decision, amount FROM ropo_assignment_event"
            " WHERE assignment_id = %s AND state = 'decision'"
            # What a payment brought beyond the claim is matched with nothing.
            " AND decision != 'surplus'",
            case_id,
        ):
            answers = [answer for answer in case.answers if answer[0] == entry_id]
            entry = self.book[entry_id]
            kind = entry.kind
            if decision in ("misc", "write_off"):
                kind = ASKED
            elif entry.split:
                kind = "either"
            elif kind == ASKED:
                kind = [becomes for _id, _of, _sum, becomes in answers][-1]
            sums[kind] += float(amount)
        return sums

    def _facts(self, case, there, told, excess, case_id):
        events = self.query(
            "SELECT direction, kind, state, amount, counterpart_ref, decision, answer,"
            " booked_at, error_message FROM ropo_assignment_event"
            " WHERE assignment_id = %s ORDER BY id",
            case_id,
        )
        lines = [
            f"{case}",
            f"told {told} excess {excess} paid to Ropo {there['paid_to_ropo']}",
            f"matched {self.matched(case)}",
            f"expected {dict(self.expected(case)[0])}, gone {self.expected(case)[1]}",
            f"book { {k: (e.kind, e.split) for k, e in self.book.items()} }",
            "events:",
            *(f"    {[str(value) for value in event]}" for event in events),
            "at Ropo:",
            *(
                f"    {e['type']} {e['amount']} {'ours' if e.get('posted') else ''}"
                for e in there["events"]
            ),
        ]
        return "\n".join(lines)


def run(histories, steps, seed, shrink=False):
    """Play histories; return the counts. Raises what a history found."""
    phases = [Phase.generate] + [Phase.shrink] * shrink
    machine = type(History.__name__, (History,), {})
    machine.TestCase.settings = settings(
        max_examples=histories,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
    hypothesis.seed(seed)(machine)
    run_state_machine_as_test(machine, settings=machine.TestCase.settings)


@contextlib.contextmanager
def opened(country="fi", alone=True):
    """The campaign on a database of its own."""
    Campaign.country = country
    with throw_away() as database, contextlib.ExitStack() as stack:
        if not alone:
            Campaign.another = staticmethod(stack.enter_context(office(database)))
        History.campaign = Campaign(database)
        try:
            yield History.campaign
        finally:
            History.campaign.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=20)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--operations", type=int, default=0, help="at least so many")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--country", choices=actions.COUNTRIES)
    parser.add_argument("--alone", action="store_true", help="one process only")
    parser.add_argument("--shrink", action="store_true", help="find a short history")
    parser.add_argument("--json", action="store_true", help="the default")
    parser.add_argument("--log", action="store_true", help="let Odoo log")
    options = parser.parse_args()
    Campaign.talkative = options.log
    first = options.seed
    if first is None:
        first = random.SystemRandom().randrange(10**6)
    country = options.country or [*actions.COUNTRIES][first % 3]
    with opened(country, options.alone):
        for seed in itertools.count(first):
            try:
                run(options.histories, options.steps, seed, options.shrink)
            except Exception as error:
                traceback.print_exc()
                print(json.dumps(Campaign.count), file=sys.stderr)
                print(
                    f"replay: --seed {seed} --histories {options.histories}"
                    f" --steps {options.steps} --country {country}"
                    + " --alone"
                    * options.alone,
                    file=sys.stderr,
                )
                raise SystemExit(1) from error
            if Campaign.count["operations"] >= options.operations:
                break
    counts = {name: Campaign.count[name] for name in ("lost", "doubled")}
    facts = {"seed": first, "country": country, **Campaign.count, **counts}
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
