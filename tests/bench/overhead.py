"""What the addon costs those who post, register payments and reconcile.

``./dev bench overhead [--rows 1000] [--block 10] [--runs 50] [--control]``: two
databases, one with the addon and one without it, and in each a company with the same
invoices. A process for each of them takes its turn with a block of invoices, in an
order that is swapped with each pair of blocks: each invoice is posted; some of them are
paid by *Register payment*, the others matched with an entry that waits, as by *Add* on
the invoice. Each is done as a request does it: with an empty cache, to the commit.

Processes of the same code differ by a hundredth, by what their memory happens to look
like. So there are many pairs of them, each with a share of the invoices, and a figure
is the median of the pairs, with its distribution-free interval; a pair's is the median
of its blocks' ratios. ``--control`` compares the database without the addon with itself
instead: what is left is noise.

What is too little for a clock is counted: calls of the addon's own functions, its
classes that Python looks through, its indexes of entries, its columns that Odoo reads
along with its own, its fields that Odoo computes along; ``--only counted`` does nothing
else.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules import get_module_path

from .. import databases
from ._fill import connect, make_cases, multiply, prepare
from ._measure import Bench, interval, median

POST, PAY, RECONCILE = "posting", "registering a payment", "reconciling"
#: How many of the invoices are at Ropo: every n-th.
STATES = {"none": 0, "some": 10, "all": 1}
#: So many of the invoices, and of the pairs of processes, measure with some or all of
#: the invoices at Ropo.
SHARE = 0.1
#: Of the posted ones, every n-th is paid, which takes longest; the others are matched.
PAID = 4
#: With nothing at Ropo: no more than noise, and no query.
SLOWER, QUERIES = 1.02, 0
#: The addon's functions that may be called, with nothing at Ropo.
STEPS = {POST: 26, PAY: 56, RECONCILE: 20}
COUNTED = "counted"
#: Invoices that are left for that.
SPARE = 3
#: What posting and matching changes.
MONEY = {
    "account.move": ("name", "state", "amount_residual", "payment_state", "line_ids"),
    "account.move.line": ("amount_residual", "reconciled", "parent_state"),
    "account.partial.reconcile": ("debit_move_id", "credit_move_id"),
    "account.payment": ("state",),
}
#: The models that posting, paying and matching work with, and the addon's classes.
CLASSES = {
    "account.move": 3,
    "account.move.line": 1,
    "account.partial.reconcile": 1,
    "account.payment": 1,
    "res.company": 2,
    "res.partner": 1,
}
#: The addon's indexes of entries, through which PostgreSQL looks with each statement.
INDEXES = {
    "account_move__maventa_invoice_id_index",
    "account_move_ropo_disputed",
    "account_move_ropo_known",
}
#: With the invoice at Ropo: the marker, and a record that wakes the scheduled action.
SLOWER_AT_ROPO, QUERIES_AT_ROPO = 1.25, 5


def fill(env, rows):
    """Draft invoices, and as many entries to match them with."""
    rows = int(rows)
    invoice = prepare(env)
    draft = invoice.copy({"invoice_date": invoice.invoice_date})
    drafts = multiply(draft, rows)
    drafts.line_ids.flush_recordset()
    receivable = invoice.line_ids.filtered(
        lambda line: line.account_id.account_type == "asset_receivable"
    )
    suspense = env.company.account_journal_suspense_account_id
    entry = env["account.move"].create(
        {
            "move_type": "entry",
            "partner_id": invoice.partner_id.id,
            "line_ids": [
                (0, 0, {"account_id": account.id, "balance": balance, "name": "Sample"})
                for account, balance in (
                    (suspense, invoice.amount_total),
                    (receivable.account_id, -invoice.amount_total),
                )
            ],
        }
    )
    entry.action_post()
    multiply(entry, rows)
    if "ropo_environment" in env.company:
        connect(env, "http://127.0.0.1:9")


def turns(env, state):
    """Do to the next invoices what is asked for on the standard input."""
    drafts = env["account.move"].search(
        [("move_type", "=", "out_invoice"), ("state", "=", "draft")], order="id"
    )
    waiting = env["account.move.line"].search(
        [
            ("move_id.move_type", "=", "entry"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("reconciled", "=", False),
        ],
        order="id",
    )
    drafts, waiting, user = drafts.ids, waiting.ids, env.ref("base.user_admin").id
    env.cr.commit()

    @contextmanager
    def request(user):
        with env.registry.cursor() as cursor:
            yield api.Environment(cursor, user, {})

    def hand_over():
        every = STATES[state]
        with request(SUPERUSER_ID) as mine:
            if every and "ropo_environment" in mine.company:
                # In turns one that is paid and one that is matched
                some = block[len(drafts) // len(block) % min(every, 2) :: every]
                make_cases(mine, mine["account.move"].browse(some), "sent")

    for line in sys.stdin:
        doing, count = line.split(":")
        count = int(count)
        if doing == POST:
            block, drafts = drafts[:count], drafts[count:]
            items, waiting = waiting[:count], waiting[count:]
            paid = block[::PAID]
            matched = [id for id in block if id not in paid]
        mine = {POST: block, PAY: paid, RECONCILE: matched}.get(doing)
        if mine:
            answer = timed(lambda: request(user), OPERATIONS[doing], mine, items)
        else:
            answer = hand_over()
        print(json.dumps(answer), flush=True)


def timed(request, operation, ids, items):
    """Do it to each of these invoices, in a transaction of its own."""
    queries = []
    started, worked = time.perf_counter(), time.process_time()
    for id, item in zip(ids, items, strict=False):
        before = sql_db.sql_counter
        with request() as env:
            operation(env["account.move"].browse(id), item)
        queries.append(sql_db.sql_counter - before)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - worked,
        "queries": queries,
    }


def _pay(move, _item):
    move.env["account.payment.register"].with_context(
        active_model="account.move", active_ids=move.ids
    ).create({}).action_create_payments()


OPERATIONS = {
    POST: lambda move, _item: move.action_post(),
    PAY: _pay,
    RECONCILE: lambda move, item: move.js_assign_outstanding_line(item),
}


def count(env):
    """Print in JSON what the addon adds to Odoo's work on one invoice, exactly."""
    steps, addon = {}, get_module_path("ropo_collection")

    def step(frame, event, _argument):
        if event == "call" and frame.f_code.co_filename.startswith(addon):
            steps[doing] += 1

    drafts = env["account.move"].search(
        [("move_type", "=", "out_invoice"), ("state", "=", "draft")], limit=SPARE
    )
    item = env["account.move.line"].search(
        [
            ("move_id.move_type", "=", "entry"),
            ("account_id.account_type", "=", "asset_receivable"),
            ("reconciled", "=", False),
        ],
        limit=1,
    )
    first, paid, matched = drafts
    first.action_post()  # loads code
    _pay(first, None)
    for doing, move in (
        (POST, paid),
        (POST, matched),
        (PAY, paid),
        (RECONCILE, matched),
    ):
        env.cr.commit()
        steps[doing] = 0
        sys.setprofile(step)
        OPERATIONS[doing](move, item.id)
        env.cr.commit()
        sys.setprofile(None)
    print(
        json.dumps(
            {
                "steps": steps,
                "classes": sum(classes(env).values()),
                "indexes": len(indexes(env)),
                "columns": len(columns_read_along(env)),
                "listeners": len(set().union(*listeners(env).values())),
            }
        )
    )


def classes(env):
    """``{model: the addon's classes in it}`` of :data:`CLASSES`."""
    return {
        model: sum(
            one.__module__.startswith("odoo.addons.ropo_collection.")
            for one in env.registry[model].__mro__
        )
        for model in CLASSES
    }


def indexes(env):
    """The addon's indexes of entries."""
    env.cr.execute(
        "SELECT indexname FROM pg_indexes"
        " WHERE tablename = 'account_move' AND indexname ~ 'ropo|maventa'"
    )
    return {name for (name,) in env.cr.fetchall()}


def columns_read_along(env):
    """The addon's fields that Odoo reads with its own of the busiest models."""
    return [
        str(field)
        for model in ("account.move", "res.partner", "res.company")
        for field in env[model]._fields.values()
        if field._modules == ("ropo_collection",)
        and field.column_type
        and field.prefetch is True
    ]


def listeners(env):
    """``{field: the addon's fields that are computed with it}`` of :data:`MONEY`."""
    return {
        str(field): {
            str(listener)
            for listener in env.registry.get_dependent_fields(field)
            if "ropo_collection" in listener._modules
        }
        for model, names in MONEY.items()
        for field in map(env[model]._fields.get, names)
    }


class Player:
    """A process with a loaded registry that does what it is told."""

    def __init__(self, database, state):
        from . import overhead

        self.process = database.start(
            overhead.turns, state, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def do(self, doing, count):
        self.process.stdin.write(f"{doing}:{count}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measure(pair, state, blocks, size):
    """``{what: pairs of what the database with the addon and the other took}``."""
    players = [Player(database, state) for database in pair]
    found = {POST: [], PAY: [], RECONCILE: []}
    for number in range(-1, blocks):  # the first loads the code
        order = players if number % 2 else players[::-1]
        for doing, pairs in found.items():
            took = {player: player.do(doing, size) for player in order}
            if number >= 0:
                pairs.append([took[player] for player in players])
            if doing == POST:
                for player in order:
                    player.do("hand over", size)
    for player in players:
        player.end()
    return found


def report(result, state, found):
    """Put the figures of all pairs of processes in, each as :func:`measure` has it."""
    for doing in found[0]:
        runs = [pairs[doing] for pairs in found]
        if doing == POST and STATES[state]:
            continue  # nothing of these invoices is at Ropo yet
        bar = {"none": SLOWER, "some": None, "all": SLOWER_AT_ROPO}[state]
        for key, what in (("seconds", "time"), ("cpu", "processor time of Odoo")):
            ratios = [
                median([ours[key] / theirs[key] for ours, theirs in pairs])
                for pairs in runs
            ]
            result.figure(
                f"{state} at Ropo: {doing}, {what}",
                round(median(ratios), 4),
                "times",
                at_most=bar if key == "seconds" else None,
                spread=ratios,
                within=[round(end, 4) for end in interval(ratios)],
            )
        pairs = [pair for pairs in runs for pair in pairs]
        more = [
            count - other
            for ours, theirs in pairs
            for count, other in zip(ours["queries"], theirs["queries"], strict=True)
        ]
        allowed = QUERIES if state == "none" else QUERIES_AT_ROPO
        result.figure(
            f"{state} at Ropo: {doing}, queries more", max(more), at_most=allowed
        )
        if state == "none":
            without = [theirs for _ours, theirs in pairs]
            each = [took["seconds"] / len(took["queries"]) for took in without]
            queries = [count for took in without for count in took["queries"]]
            result.figure(f"without the addon: {doing}", round(median(each), 4), "s")
            result.figure(f"without the addon: {doing}, queries", int(median(queries)))


def report_counted(result, counted):
    for doing, steps in counted["steps"].items():
        result.figure(
            f"{COUNTED}: {doing}, calls of the addon's functions",
            steps,
            at_most=STEPS[doing],
        )
    result.figure(
        f"{COUNTED}: the addon's classes in the models that this works with",
        counted["classes"],
        at_most=sum(CLASSES.values()),
    )
    result.figure(
        f"{COUNTED}: the addon's indexes of entries",
        counted["indexes"],
        at_most=len(INDEXES),
    )
    result.figure(
        f"{COUNTED}: the addon's columns read with an invoice, customer or company",
        counted["columns"],
        # Whether an entry has a case, which saves a query with each match
        at_most=1,
    )
    result.figure(
        # It is computed where lines wait to be reconciled, and nowhere else.
        f"{COUNTED}: the addon's fields that follow a posting or match",
        counted["listeners"],
        at_most=1,
    )


def main():
    with Bench(
        "overhead", __doc__, rows=1000, block=10, runs=50, control=False, only=""
    ) as result:
        from . import overhead

        options = result.options
        # Pairs of processes, and blocks of each
        plan = {}
        for state in STATES if options.only != COUNTED else ():
            share = 1 if state == "none" else SHARE
            runs, rows = max(1, round(options.runs * share)), options.rows * share
            plan[state] = runs, max(1, round(rows / options.block / runs))
        base = os.environ["ROPO_DEV_BASE"]
        template = base if options.control else databases.template()
        total = sum(runs * (blocks + 1) for runs, blocks in plan.values())
        total = total * options.block + SPARE
        with (
            databases.throw_away(template) as ours,
            databases.throw_away(base) as theirs,
        ):
            pair = (ours, theirs)
            for database in pair:
                database.run(overhead.fill, total, timeout=600)
            for state, (runs, blocks) in plan.items():
                found = [
                    measure(pair, state, blocks, options.block) for _run in range(runs)
                ]
                report(result, state, found)
            if not options.control:
                report_counted(result, json.loads(ours.run(overhead.count)))


if __name__ == "__main__":
    main()
