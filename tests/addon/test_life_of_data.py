"""Locks, hashes, archived companies, upgrade and uninstall: cases live through it."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestLifeOfData(LedgerCommon):
    def whole_life(self, move):
        """Hand over, pay in part, credit the rest, close."""
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        self.assertTold(case, paid=[40.0])
        self.credit(move, 10.0)
        self.assertTold(case, paid=[40.0], credited=[10.0])
        self.sandbox.debtor_pays(case.external_id, 50)
        self.sandbox.close(case.external_id)
        self.look(case)
        self.assertEqual(case.state, "closed")
        self.assertFalse(move.no_followup)
        return case

    def test_the_invoices_month_is_locked(self):
        move = self.invoice()
        locked = move.invoice_date + timedelta(days=1)
        self.company.fiscalyear_lock_date = locked
        self.company.sale_lock_date = locked
        self.whole_life(move)

    def test_the_invoices_month_is_locked_for_ever(self):
        move = self.invoice()
        self.company.hard_lock_date = move.invoice_date + timedelta(days=1)
        self.whole_life(move)

    def test_the_journal_secures_its_entries_with_a_hash(self):
        self.company_data["default_journal_sale"].restrict_mode_hash_table = True
        move = self.invoice()
        if not move.inalterable_hash:
            move.button_hash()
        self.assertTrue(move.inalterable_hash)
        self.whole_life(move)
        self.assertTrue(move.inalterable_hash)
        report = self.company._check_hash_integrity()
        self.assertNotIn("corrupted", str(report).lower())

    def test_a_company_with_cases_is_not_archived(self):
        case = self.at_ropo()
        other = self.env["res.company"].create({"name": "Sample other"})
        self.env.user.company_ids += other
        self.env.user.company_id = other
        self.company.user_ids.write(
            {"company_id": other.id, "company_ids": [(4, other.id)]}
        )
        with self.assertRaisesRegex(ValidationError, case.name):
            self.company.active = False

    def test_currency_of_a_company_with_cases(self):
        """Odoo keeps it, as there are entries; a case has its own in any event."""
        case = self.at_ropo()
        dollar = self.env.ref("base.USD")
        dollar.active = True
        with self.assertRaises(UserError):
            self.company.currency_id = dollar
        self.assertEqual(case.currency_id.name, "EUR")

    def test_not_uninstalled_while_ropo_collects(self):
        case = self.at_ropo()
        module = self.env.ref("base.module_ropo_collection")
        for button in (
            module.button_uninstall,
            # What it needs would take it along.
            self.env.ref("base.module_account").button_uninstall,
        ):
            with self.assertRaisesRegex(UserError, f"(?s){case.name}.*switch"):
                button()
        self.assertEqual(module.state, "installed")
        self.sandbox.close(case.external_id)
        self.look(case)
        module.button_uninstall()
        self.assertEqual(module.state, "to remove")

    def test_uninstalled_where_another_system_reports(self):
        self.at_ropo()
        self.company.ropo_environment = "off"
        module = self.env.ref("base.module_ropo_collection")
        module.button_uninstall()
        self.assertEqual(module.state, "to remove")

    def test_demo_cases_hold_nobody_up(self):
        self.at_ropo().sudo().environment = "demo"
        module = self.env.ref("base.module_ropo_collection")
        module.button_uninstall()
        self.assertEqual(module.state, "to remove")


def fill(env):
    """A case at Ropo, as the database keeps it."""
    from ..bench import _fill

    moves = _fill.multiply(_fill.prepare(env), 3)
    _fill.connect(env, "http://127.0.0.1:9")
    _fill.make_cases(env, moves, "sent")


def upgrade(env):
    env.ref("base.module_ropo_collection").button_immediate_upgrade()


def uninstall(env):
    env["res.company"].search([]).ropo_environment = "off"
    env.cr.commit()
    env.ref("base.module_ropo_collection").button_immediate_uninstall()


def post(env):
    """Odoo without the addon: post and pay an invoice of the same customer."""
    partner = env["res.partner"].search([("name", "=", "Sample Debtor Oy")], limit=1)
    today = fields.Date.today()
    move = env["account.move"].create(
        {
            "move_type": "out_invoice",
            "partner_id": partner.id,
            "invoice_date": today,
            "invoice_line_ids": [(0, 0, {"name": "Sample", "price_unit": 100})],
        }
    )
    move.action_post()
    env["account.payment.register"].with_context(
        active_model="account.move", active_ids=move.ids
    ).create({})._create_payments()
    assert not move.amount_residual
    assert "ropo.assignment" not in env


CASES = (
    "SELECT state, external_id, capital_amount, maventa_company_uuid, baseline,"
    " move_id FROM ropo_assignment ORDER BY id"
)


def test_an_upgrade_keeps_every_case(throwaway_database):
    throwaway_database.run(fill)
    before = throwaway_database.query(CASES)
    assert len(before) == 3
    company = (
        "SELECT ropo_environment, maventa_user_api_key, ropo_homes FROM res_company"
    )
    settings = throwaway_database.query(company)
    throwaway_database.run(upgrade, timeout=300)
    assert throwaway_database.query(CASES) == before
    assert throwaway_database.query(company) == settings


def test_uninstalling_leaves_a_ledger_that_works(throwaway_database):
    throwaway_database.run(fill)
    throwaway_database.run(uninstall, timeout=300)
    left = throwaway_database.query(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND (column_name LIKE 'ropo\\_%'"
        " OR column_name LIKE 'maventa%' OR table_name LIKE 'ropo%')"
    )
    assert left == []
    throwaway_database.run(post)


def install_privacy_lookup(env):
    env.ref("base.module_privacy_lookup").button_immediate_install()


def look_up_and_erase(env):
    """Odoo's own *Privacy Lookup*, as an administrator uses it for one person."""
    cases = env["ropo.assignment"].search([], order="id")
    open_case, ended = cases[0], cases[1]
    ended.state = "closed"
    cases.payer_ids.email = "sample.debtor@example.com"
    env.flush_all()
    wizard = env["privacy.lookup.wizard"].create(
        {"name": "Sample Debtor", "email": "sample.debtor@example.com"}
    )
    wizard.action_lookup()
    lines = wizard.line_ids.filtered(
        lambda line: line.res_model == "ropo.assignment.payer"
    )
    assert set(lines.mapped("res_id")) == set(cases.payer_ids.ids), lines
    lines.filtered(lambda line: line.res_id in ended.payer_ids.ids).action_unlink()
    assert not ended.payer_ids
    assert open_case.payer_ids


def test_odoos_own_privacy_lookup_finds_and_erases_debtors(throwaway_database):
    throwaway_database.run(fill)
    throwaway_database.run(install_privacy_lookup, timeout=300)
    throwaway_database.run(look_up_and_erase)
