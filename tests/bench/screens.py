"""Every screen a user opens, with 100,000 cases and 1,000,000 events.

``./dev bench screens [--rows 100000] [--runs 3]``: seconds of each request of the web
client (see `_screens.py`), beside the same kind of request on Odoo's own invoices, of
which there are as many; what PostgreSQL does for it (see `_plans.py`); and how it grows
from a tenth of the cases. Requests are made as a user, by the rules of access.
"""

import json
import math
import time

from .. import databases
from ._fill import make_cases, multiply, prepare
from ._history import live_through
from ._measure import Bench, median

#: What every statement about cases, or about invoices' fields for them, has in it.
NAMED = "ropo_"
#: Seconds a request may take with 100,000 cases, by its kind.
BARS = {
    "list": 0.5,
    "group": 1.0,
    "kanban": 1.0,
    "pivot": 1.0,
    "graph": 1.0,
    "activity": 0.5,
    "form": 0.5,
    "dashboard": 0.5,
    "report": 4.0,
}
#: And how many times as long as Odoo's own of that kind.
RATIOS = {
    "list": 5,
    "group": 1.5,
    "kanban": 1.5,
    "pivot": 1.5,
    "graph": 1.5,
}
#: The day of an entry is compared there as a point in time: no index serves that.
KNOWN = {("ropo-control, list, date", "account_move")}
#: Of the figures only these filters and groups are tried: all cost the same.
OF_FIGURES = {"ended", "old", "group_customer"}
#: A request of so many seconds is made once.
SLOW = 1.0


def fill(env, rows):
    # Copies point where the original points: nothing to look up for each row.
    env.cr.execute("SET session_replication_role = replica")
    cases = make_cases(env, multiply(prepare(env), int(rows)), "sent")
    live_through(env, cases)


def screens_of(env):
    """The addon's screens, and Odoo's own of the same kinds."""
    from . import _screens

    actions = env["ir.actions.act_window"]
    ids = env["ir.model.data"].search(
        [("module", "=", "ropo_collection"), ("model", "=", actions._name)]
    )
    seen, ours = set(), []
    for action in actions.browse(ids.mapped("res_id")).exists().sorted("id"):
        if action.target == "new" or "list" not in action.view_mode:
            continue
        # Actions of one model share their filters and groups.
        every = action.res_model not in seen and action.res_model != "account.move"
        seen.add(action.res_model)
        if every and action.res_model == "ropo.figures":
            every = OF_FIGURES
        ours += _screens.of_action(action, every)
    cases = env["ropo.assignment"]
    case = cases.search([("state", "=", "sent"), ("reported_paid", ">", 0)], limit=1)
    invoices = env["account.move"].with_context(default_move_type="out_invoice")
    invoice = invoices.browse(case.move_id.id)
    ready = env.ref("ropo_collection.account_move_action_ready")
    ours += [
        screen
        for screen in _screens.of_action(ready)
        if "ropo" in screen.name.split(", ")[-1]
    ]
    journals = env["account.journal"]
    dashboard = journals.search([("type", "in", ("sale", "bank", "cash"))])
    form, kind = _screens.Screen, "form"
    ours += [
        form("case", kind, _screens.shown_form(case)),
        form("event", kind, _screens.shown_form(case.event_ids[0])),
        form("invoice", kind, _screens.shown_form(invoice)),
        form("customer", kind, _screens.shown_form(case.partner_id)),
        form("settlement", kind, _screens.shown_form(_settlement(env))),
        form(
            "customer, smart button",
            kind,
            lambda: case.partner_id.action_ropo_view_live(),
        ),
        form(
            "accounting dashboard",
            "dashboard",
            lambda: dashboard.mapped("kanban_dashboard"),
        ),
    ]
    own = env.ref("account.action_move_out_invoice")
    theirs = [
        screen
        for screen in _screens.of_action(own, stages="payment_state")
        if "ropo" not in screen.name
    ]
    report = env.ref("account.action_account_invoice_report_all")
    theirs += [
        screen
        for screen in _screens.of_action(report, False)
        if screen.kind in ("pivot", "graph")
    ]
    return ours, theirs


def _settlement(env):
    return env["ropo.settlement"].search([], limit=1)


def _opened(env, screen):
    """Seconds of a request, beginning with nothing in memory."""
    env.invalidate_all()
    started = time.perf_counter()
    screen.call()
    return time.perf_counter() - started


def measure(env, runs, plans):
    """Print in JSON: seconds of each screen, and its bad scans.

    :param plans: rows from which a table counts as big; 0: look at no plan
    """
    from . import _plans

    user = env.ref("base.user_admin")
    env = env(user=user, context={"lang": "en_US", "tz": "Europe/Helsinki"})
    ours, theirs = screens_of(env)
    big = _plans.big_tables(env.cr, int(plans))
    measured = []
    for screen in ours + theirs:
        with _plans.executed() as statements:
            seconds = [_opened(env, screen)]  # loads code and rights, too
        # What Odoo does anyway is not ours to judge.
        statements = [told for told in dict.fromkeys(statements) if NAMED in told]
        if seconds[0] < SLOW:
            seconds = [_opened(env, screen) for _run in range(int(runs))]
        bad = []
        if int(plans) and screen in ours:
            for statement in statements:
                for told in _plans.bad_scans(env.cr, statement, big):
                    bad.append({"scan": told, "statement": statement})
        measured.append(
            {
                "name": screen.name,
                "kind": screen.kind,
                "ours": screen in ours,
                "seconds": seconds,
                "statements": len(statements),
                "bad": bad,
            }
        )
    print(json.dumps(measured))


def measured(rows, runs, plans):
    from . import screens

    with databases.throw_away() as database:
        database.run(screens.fill, rows, timeout=1800)
        database.query("VACUUM ANALYZE")  # as autovacuum leaves it
        [(events,)] = database.query("SELECT count(*) FROM ropo_assignment_event")
        printed = database.run(screens.measure, runs, plans, timeout=1800)
    return json.loads(printed), events


def shortened(statement):
    words = " ".join(statement.split())
    return words if len(words) < 600 else f"{words[:200]} … {words[-400:]}"


def report(bench, large, small):
    """Figures of all screens, their bars, and what a bad plan was."""
    theirs = {}
    for screen in large:
        if not screen["ours"]:
            theirs.setdefault(screen["kind"], []).append(median(screen["seconds"]))
    theirs["report"] = theirs["pivot"] + theirs["graph"]
    small, by_name = (
        {screen["name"]: screen for screen in screens} for screens in (small, large)
    )
    worst, bad = {}, {}
    for screen in large:
        if not screen["ours"]:
            continue
        seconds = median(screen["seconds"])
        bench.figure(
            screen["name"],
            round(seconds, 3),
            "s",
            at_most=BARS[screen["kind"]],
            spread=[round(value, 3) for value in screen["seconds"]],
        )
        worst.setdefault(screen["kind"], []).append(seconds)
        for found in screen["bad"]:
            if (screen["name"], found["scan"].split(":")[0]) not in KNOWN:
                where = bad.setdefault(found["scan"], (found["statement"], set()))
                where[1].add(screen["name"])
    for kind, seconds in worst.items():
        if kind in theirs:
            ratio = median(seconds) / median(theirs[kind])
            what = f"{kind}: times Odoo's own of its invoices"
            bench.figure(what, round(ratio, 2), at_most=RATIOS.get(kind))
    exponents = {}
    for name, screen in by_name.items():
        dear = min(screen["seconds"])
        if screen["ours"] and name in small and dear > 0.1:
            exponents[name] = math.log10(dear / min(small[name]["seconds"]))
    if exponents:
        name = max(exponents, key=exponents.get)
        # More than 1: 10,000 cases fit into PostgreSQL's memory, 100,000 do not.
        bench.figure(f"worst growth: {name}", round(exponents[name], 2), at_most=1.3)
    bench.figure("statements", sum(screen["statements"] for screen in large))
    bench.figure("scans of a table for few of its rows", len(bad), at_most=0)
    for scan, (statement, names) in bad.items():
        print(f"{', '.join(sorted(names))}: {scan}\n    {shortened(statement)}")


if __name__ == "__main__":
    with Bench("screens", __doc__, rows=100_000, runs=3) as result:
        rows, runs = result.options.rows, result.options.runs
        small, _events = measured(rows // 10, runs, 0)
        # A smaller table PostgreSQL rightly reads from end to end.
        big = max(rows // 2, 10_000)
        large, events = measured(rows, runs, big)
        result.figure("events of the cases", events, at_least=10 * rows)
        report(result, large, small)
