"""A company in Finland, and invoices and cases of it by the thousand.

By SQL: through the forms it would take minutes, and it is not what is measured.
"""

from datetime import timedelta

from odoo import Command, fields
from odoo.tools import SQL

from ..faults import actions
from ._ropo import AMOUNT, COMPANY, KEYS

#: Invoices a customer has.
EACH = 10


def prepare(env):
    """A company in Finland that may hand over, and one overdue invoice of it.

    Also in a database without the addon.
    """
    company = env.company
    finland = env.ref("base.fi")
    if company.currency_id != finland.currency_id:
        finland.currency_id.active = True
        company.currency_id = finland.currency_id
    if not company.chart_template:
        company.country_id = finland
        env["account.chart.template"].try_loading("fi", company, install_demo=False)
    company.account_fiscal_country_id = finland
    if "ropo_environment" in company:
        company.write({"ropo_environment": "demo", "ropo_service_state": "active"})
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


def connect(env, url):
    """Let the company's Maventa be served at this address."""
    env.company.write(
        {
            "ropo_environment": "test",
            "ropo_service_state": "active",
            "maventa_company_uuid": COMPANY,
            **{f"maventa_{name}": key for name, key in KEYS.items()},
            "maventa_ax_url": url,
            "maventa_receivables_url": url,
            "ropo_report_delay": 0,
        }
    )
    # A copy of a database that was filled before.
    env.company.action_ropo_confirm_home()


def make_cases(env, moves, state):
    """A case for each invoice, the n-th under the n-th ids of :mod:`._ropo`.

    :param state: ``queued``, with the invoice found at Maventa, or ``sent``
    """
    first = moves[0]
    summary = "Sample claim"
    case = env["ropo.assignment"]._create_for(
        first,
        collection_type="reminder_and_collection",
        receivables_type="b2b",
        summary=summary,
    )
    case.write({"state": state, "capital_amount": AMOUNT, "baseline": []})
    env.flush_all()
    _number(env, moves)
    if len(moves) > 1:
        _copy(
            env,
            "ropo_assignment",
            SQL("o.id = %s AND copies.n > 0", case.id),
            {
                "id": SQL("nextval('ropo_assignment_id_seq')"),
                "move_id": SQL("copies.id"),
                "name": SQL("copies.name"),
                "partner_id": SQL("copies.partner_id"),
            },
        )
        _copy(
            env,
            "ropo_assignment_payer",
            SQL("o.assignment_id = %s AND copies.n > 0", case.id),
            {
                "id": SQL("nextval('ropo_assignment_payer_id_seq')"),
                "assignment_id": SQL(
                    "(SELECT id FROM ropo_assignment WHERE move_id = copies.id)"
                ),
            },
        )
    remote = SQL("lpad(to_hex(copies.n), 8, '0') || '-0000-4000-8000-000000000000'")
    there = SQL("lpad(to_hex(copies.n), 8, '0') || '-0000-4000-9000-000000000000'")
    env.cr.execute(
        SQL(
            """
            UPDATE ropo_assignment a
               SET maventa_invoice_id = %s,
                   external_id = CASE WHEN a.state = 'sent' THEN %s END
              FROM copies WHERE a.move_id = copies.id
            """,
            remote,
            there,
        )
    )
    env.cr.execute(
        SQL(
            """
            UPDATE account_move m
               SET maventa_invoice_id = %s, maventa_status = 'DELIVERED',
                   ropo_assignment_id = a.id
              FROM copies JOIN ropo_assignment a ON a.move_id = copies.id
             WHERE m.id = copies.id
            """,
            remote,
        )
    )
    env.cr.execute("DROP TABLE copies")
    env.cr.execute("ANALYZE account_move, ropo_assignment, ropo_assignment_payer")
    env.invalidate_all()
    return env["ropo.assignment"].search([("move_id", "in", moves.ids)], order="id")


def _number(env, moves):
    """The temporary table `copies`: the invoices with their place in the row."""
    env.cr.execute(
        """
        CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
        SELECT m.id, m.name, m.commercial_partner_id AS partner_id,
               row_number() OVER (ORDER BY m.id) - 1 AS n
          FROM account_move m WHERE m.id = ANY(%s)
        """,
        (moves.ids,),
    )


def pay(env, moves, amount):
    """A payment of so much for each of these invoices, matched with it."""
    env.cr.execute("ANALYZE")  # as autovacuum does
    for start in range(0, len(moves), 100):
        actions.pay_many(env, moves[start : start + 100].ids, amount)
        env.cr.commit()
        env.invalidate_all()
