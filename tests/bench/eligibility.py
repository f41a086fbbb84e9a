"""Who may be handed over, for many invoices; and the window that shows it.

``./dev bench eligibility [--json]``: seconds and queries of the eligibility of 100,
1,000 and 10,000 invoices, and of the transfer window of 500 as the browser opens it.
Nothing is cached when a measurement begins.
"""

import argparse
import json
import time
from datetime import timedelta

from odoo import Command, fields
from odoo.tools import SQL

from .. import databases

SIZES = (100, 1_000, 10_000)
WINDOW = 500
#: Invoices a customer has.
EACH = 10
#: What the browser asks for when it opens the window (40 lines a page).
SHOWN = {
    "state": {},
    "ready_count": {},
    "ready_amount": {},
    "warning_count": {},
    "blocked_count": {},
    "collection_type": {},
    "line_ids": {
        "limit": 40,
        "fields": {
            "move_id": {"fields": {"display_name": {}}},
            "partner_id": {"fields": {"display_name": {}}},
            "invoice_date_due": {},
            "amount": {},
            "receivables_type": {},
            "summary": {},
            "verdict": {},
            "reasons": {},
        },
    },
}


def prepare(env):
    """A company in Finland that may hand over, and one overdue invoice of it."""
    company = env.company
    finland = env.ref("base.fi")
    if company.currency_id != finland.currency_id:
        finland.currency_id.active = True
        company.currency_id = finland.currency_id
    if not company.chart_template:
        company.country_id = finland
        env["account.chart.template"].try_loading("fi", company, install_demo=False)
    company.write(
        {
            "account_fiscal_country_id": finland.id,
            "ropo_environment": "demo",
            "ropo_service_state": "active",
        }
    )
    partner = env["res.partner"].create(
        {
            "name": "Sample Debtor Oy",
            "is_company": True,
            "street": "Samplestreet 1",
            "zip": "00100",
            "city": "Helsinki",
            "country_id": finland.id,
            "phone": "040 1234567",
            "company_registry": "1572860-0",
        }
    )
    today = fields.Date.today()
    move = env["account.move"].create(
        {
            "move_type": "out_invoice",
            "partner_id": partner.id,
            "invoice_date": today - timedelta(days=60),
            "invoice_date_due": today - timedelta(days=40),
            "invoice_payment_term_id": False,
            "invoice_line_ids": [
                Command.create({"name": "Sample", "price_unit": 100, "tax_ids": []})
            ],
        }
    )
    move.action_post()
    return move


def multiply(move, count):
    """``count`` copies of a posted invoice, each customer with ten of them.

    By SQL: through the forms it would take minutes, and it is not what is measured.
    """
    env = move.env
    partners = env["res.partner"].create(
        [
            {**values, "name": f"Sample Debtor {index} Oy"}
            for index, values in enumerate(
                move.partner_id.copy_data() * -(-count // EACH)
            )
        ]
    )
    env.flush_all()
    env.cr.execute(
        """
        CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
        SELECT nextval('account_move_id_seq')::int AS id, n,
               (%s::int[])[1 + n / %s] AS partner_id
          FROM generate_series(0, %s) n
        """,
        (partners.ids, EACH, count - 1),
    )
    mine = {
        "id": SQL("copies.id"),
        "name": SQL("o.name || '-' || %s || copies.n", f"{count}/"),
        "partner_id": SQL("copies.partner_id"),
        "commercial_partner_id": SQL("copies.partner_id"),
    }
    _copy(env, "account_move", SQL("o.id = %s", move.id), mine)
    theirs = {
        "id": SQL("nextval('account_move_line_id_seq')"),
        "move_id": SQL("copies.id"),
        "partner_id": SQL("copies.partner_id"),
    }
    _copy(env, "account_move_line", SQL("o.move_id = %s", move.id), theirs)
    env.cr.execute("SELECT array_agg(id ORDER BY id) FROM copies")
    copies = env["account.move"].browse(env.cr.fetchone()[0])
    env.cr.execute("DROP TABLE copies")
    env.cr.execute("ANALYZE account_move, account_move_line, res_partner")
    env.invalidate_all()
    return copies


def _copy(env, table, condition, changed):
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_name = %s",
        (table,),
    )
    names = [row[0] for row in env.cr.fetchall()]
    env.cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM %s o CROSS JOIN copies WHERE %s",
            SQL.identifier(table),
            SQL(", ").join(map(SQL.identifier, names)),
            SQL(", ").join(
                changed.get(name, SQL.identifier("o", name)) for name in names
            ),
            SQL.identifier(table),
            condition,
        )
    )


def timed(env, work):
    """``(result, seconds, queries)`` of something done with an empty cache."""
    env.flush_all()
    env.invalidate_all()
    queries, started = env.cr.sql_log_count, time.perf_counter()
    result = work()
    env.flush_all()
    seconds = time.perf_counter() - started
    return result, seconds, env.cr.sql_log_count - queries


def measure_eligibility(moves):
    verdicts, seconds, queries = timed(moves.env, moves._ropo_verdicts)
    ready = sum(not verdict.blocks for verdict in verdicts.values())
    return {
        "what": "eligibility",
        "invoices": len(moves),
        "ready": ready,
        "seconds": round(seconds, 3),
        "queries": queries,
    }


def measure_window(moves):
    def open_it():
        action = moves.action_ropo_transfer()
        wizard = moves.env["ropo.transfer"].browse(action["res_id"])
        return wizard.web_read(SHOWN)[0]

    shown, seconds, queries = timed(moves.env, open_it)
    return {
        "what": "window",
        "invoices": len(moves),
        "ready": shown["ready_count"],
        "seconds": round(seconds, 3),
        "queries": queries,
    }


def report(figures):
    return (
        f"{figures['what']:<12}{figures['invoices']:>7} invoices "
        f"{figures['ready']:>6} ready {figures['seconds']:>8.3f} s "
        f"{figures['queries']:>5} queries"
    )


def run(env, as_json=""):
    move = prepare(env)
    everything = [
        measure_eligibility(multiply(move, 5)),  # the first call loads the code
        *(measure_eligibility(multiply(move, size)) for size in SIZES),
        measure_window(multiply(move, WINDOW)),
    ][1:]
    for figures in everything:
        print(json.dumps(figures) if as_json else report(figures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="dev bench eligibility")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with databases.throw_away() as database:
        # By its own name: the process that runs it imports this module anew.
        from . import eligibility

        print(database.run(eligibility.run, "json" if options.json else ""), end="")
