"""What processes of Odoo do in these tests, as the people and the scheduler do it.

Every function gets Odoo's environment, takes and returns what JSON can hold, and is
committed by whoever calls it.
"""

from datetime import timedelta

from odoo import Command

from .clock import Clock

KEYS = {
    "maventa_company_uuid": "11111111-1111-4111-8111-111111111111",
    "maventa_user_api_key": "sample-user-key",
    "maventa_vendor_api_key": "sample-vendor-key",
}


def people(env):
    """The environment of the bookkeeper."""
    return env(user=env.ref("base.user_admin"))


def today(env):
    """The day people have where the company is, by which they date what they book."""
    return env.company._ropo_today()


#: Time zone, business id and address of a sample customer, by country.
COUNTRIES = {
    "fi": ("Europe/Helsinki", "1572860-0", "00100", "Helsinki"),
    "se": ("Europe/Stockholm", "5560360793", "111 22", "Stockholm"),
    "no": ("Europe/Oslo", "988077917", "0150", "Oslo"),
}


def set_up(env, url, report_delay=0, country="fi"):
    """A company of this country whose Maventa is served at this address."""
    company = env.company
    at_home = env.ref(f"base.{country}")
    at_home.currency_id.active = True
    company.write(
        {
            "name": "Sample Oy",
            "country_id": at_home.id,
            "currency_id": at_home.currency_id.id,
        }
    )
    env["account.chart.template"].try_loading(
        country, company=company, install_demo=False
    )
    company.partner_id.tz = COUNTRIES[country][0]
    company.write(
        {
            **KEYS,
            "ropo_environment": "test",
            "maventa_ax_url": url,
            "maventa_receivables_url": url,
            "ropo_service_state": "active",
            "ropo_agreement_email": "sample@example.com",
            "ropo_report_delay": report_delay,
        }
    )
    env.ref("base.user_admin").write(
        {
            "email": "sample-admin@example.com",
            "tz": COUNTRIES[country][0],
            "group_ids": [
                Command.link(env.ref("account.group_account_manager").id),
                Command.link(env.ref("base.group_system").id),
            ],
        }
    )


def customer(env, name="Sample Business Oy"):
    """A company of our country that owes us money."""
    country = env.company.country_id
    _zone, business_id, post_code, city = COUNTRIES[country.code.lower()]
    partner = people(env)["res.partner"].create(
        {
            "name": name,
            "is_company": True,
            "street": "Samplestreet 1",
            "zip": post_code,
            "city": city,
            "country_id": country.id,
            "company_registry": business_id,
        }
    )
    return partner.id


def two_halves(env):
    """A payment term of two instalments."""
    return env["account.payment.term"].create(
        {
            "name": "Sample: two halves",
            "line_ids": [
                Command.create(
                    {"value": "percent", "value_amount": 50, "nb_days": days}
                )
                for days in (0, 10)
            ],
        }
    )


def invoices(env, partner_id, amounts, overdue=30, instalments=False):
    """Posted invoices that have been due for a while; what Maventa knows of them."""
    day = today(env)
    terms = two_halves(env).id if instalments else False
    moves = people(env)["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partner_id,
                "invoice_date": day - timedelta(days=overdue + 14),
                "invoice_date_due": day - timedelta(days=overdue),
                "invoice_payment_term_id": terms,
                "invoice_line_ids": [
                    Command.create(
                        {"name": "Sample", "price_unit": amount, "tax_ids": []}
                    )
                ],
            }
            for amount in amounts
        ]
    )
    moves.action_post()
    return [
        {
            "id": move.id,
            "number": move.name,
            "date": str(move.invoice_date),
            "date_due": str(move.invoice_date_due),
            "total": str(move.amount_total),
            "currency": move.currency_id.name,
        }
        for move in moves
    ]


def complete_company(env):
    """What the file of an invoice says of the company, where it is uploaded."""
    env.company.partner_id.write(
        {
            "street": "Samplestreet 9",
            "zip": "00100",
            "city": "Helsinki",
            "company_registry": "1234567-1",
        }
    )
    env["res.partner.bank"].create(
        {
            "acc_number": "FI2112345600000785",
            "partner_id": env.company.partner_id.id,
        }
    )


def bookkeepers(env, count):
    """More people who invoice: their logins, which are their passwords, too."""
    invoicing = env.ref("account.group_account_invoice")
    users = env["res.users"].create(
        [
            {
                "name": f"Bookkeeper {number}",
                "login": f"bookkeeper{number}",
                "password": f"bookkeeper{number}",
                "group_ids": [Command.link(invoicing.id)],
            }
            for number in range(count)
        ]
    )
    return users.mapped("login")


def draft_notes(env, move_ids, amount):
    """A credit note for each invoice, of this amount and not posted yet."""
    moves = people(env)["account.move"].browse(move_ids)
    wizard = (
        moves.env["account.move.reversal"]
        .with_context(active_model="account.move", active_ids=moves.ids)
        .create({"reason": "Sample", "journal_id": moves.journal_id.id})
    )
    wizard.refund_moves()
    notes = [move.reversal_move_ids.id for move in moves]
    for note in moves.browse(notes):
        note.invoice_line_ids.price_unit = amount
    return notes


def transfer(env, move_ids, upload=False):
    """Press the button, confirm the window."""
    moves = people(env)["account.move"].browse(move_ids)
    action = moves.action_ropo_transfer()
    wizard = moves.env["ropo.transfer"].browse(action["res_id"])
    wizard.confirm_warnings = True
    wizard.upload_missing = upload
    wizard.action_transfer()
    return wizard.assignment_ids.ids


def open_window(env, move_ids):
    """Press the button only; the window is open now."""
    moves = people(env)["account.move"].browse(move_ids)
    return moves.action_ropo_transfer()["res_id"]


def confirm_window(env, window_id):
    """Confirm an open window."""
    wizard = people(env)["ropo.transfer"].browse(window_id)
    wizard.confirm_warnings = True
    wizard.action_transfer()
    return wizard.assignment_ids.ids


def pay(env, move_id, amount, times=1):
    """Register payments of this amount on an invoice."""
    move = people(env)["account.move"].browse(move_id)
    payments = move.env["account.payment"]
    for _time in range(times):
        wizard = (
            move.env["account.payment.register"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"amount": amount, "payment_date": today(env)})
        )
        payments |= wizard._create_payments()
    return payments.ids


def pay_many(env, move_ids, amount, times=1):
    """Many payments of this amount at once, matched with their invoices."""
    moves = people(env)["account.move"].browse(move_ids)
    payments = moves.env["account.payment"].create(
        [
            {
                "payment_type": "inbound",
                "partner_id": move.partner_id.id,
                "amount": amount,
                "date": today(env),
            }
            for move in moves
            for _time in range(times)
        ]
    )
    payments.action_post()
    for index, move in enumerate(moves):
        own = payments[index * times : (index + 1) * times]
        lines = (own.move_id | move).line_ids.filtered(
            lambda line: line.account_type == "asset_receivable"
        )
        lines.reconcile()


def refresh(env, move_id):
    """Press *Ask Ropo now* on the case of an invoice."""
    people(env)["account.move"].browse(move_id).ropo_assignment_id.action_refresh()


def unmatch(env, move_id):
    """Take all matches of an invoice away."""
    move = people(env)["account.move"].browse(move_id)
    move.line_ids.remove_move_reconcile()


def scheduled(env, names, ahead=0):
    """Run scheduled actions' methods, which commit by themselves.

    Not the actions: one of them never runs twice at once, and here they shall meet.

    :param ahead: seconds that Odoo's clock is ahead of the real time
    """
    if ahead:
        Clock(ahead).install()
    for name in names:
        getattr(env["ropo.assignment"], f"_cron_{name}")()


def compare(env):
    """Queue what is owed to Ropo, and send nothing yet."""
    env["ropo.assignment"]._compare_marked()


def retry(env, move_ids):
    """Press *Try now* on the cases of these invoices."""
    moves = people(env)["account.move"].browse(move_ids)
    moves.ropo_assignment_id.action_retry()


def settlements(env, move_id, amounts):
    """Drafts of Ropo's money for the case of an invoice: one for each amount."""
    move = people(env)["account.move"].browse(move_id)
    return (
        people(env)["ropo.settlement"]
        .create(
            [
                {
                    "amount": amount,
                    "line_ids": [
                        Command.create(
                            {
                                "assignment_id": move.ropo_assignment_id.id,
                                "amount": amount,
                            }
                        )
                    ],
                }
                for amount in amounts
            ]
        )
        .ids
    )


def book_settlement(env, settlement_id):
    """Press *Book*."""
    settlement = people(env)["ropo.settlement"].browse(settlement_id)
    settlement.action_book()
    return settlement.state
