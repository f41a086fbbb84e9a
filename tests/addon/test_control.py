"""The control list: what is in it, and that nobody can edit it."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestControl(LedgerCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.manager = new_test_user(
            cls.env,
            "ropo_control_manager",
            groups="base.group_user,account.group_account_manager",
            company_id=cls.company.id,
        )

    def listed(self, kind, **values):
        """The one entry of a kind, with these values."""
        self.env.invalidate_all()
        entry = self.env["ropo.control"].search([("kind", "=", kind)])
        self.assertEqual(len(entry), 1, kind)
        for name, value in values.items():
            self.assertEqual(entry[name], value, name)
        return entry

    def test_reports_older_than_a_day(self):
        self.company.ropo_report_delay = 600
        case = self.at_ropo()
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        self.assertFalse(self.env["ropo.control"].search([("kind", "=", "late")]))
        self.env.cr.execute(
            "UPDATE ropo_assignment_event SET create_date = %s WHERE direction = 'out'",
            (fields.Datetime.now() - timedelta(days=2),),
        )
        self.listed("late", assignment_id=case, amount=40.0)

    def test_decisions_with_user_and_reason(self):
        case = self.at_ropo()
        self.match(case.move_id, self.entry(20.0))
        self.run_cron("report")
        self.env = self.env(user=self.manager)
        self.answer(self.question(case.with_env(self.env)), "credit_note")
        self.listed(
            "decision",
            assignment_id=case,
            user_id=self.manager,
            answer="credit_note",
            amount=20.0,
            text="Sample reason",
        )

    def test_excess_and_who_says_it_is_corrected(self):
        case = self.at_ropo()
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        self.unmatch(case.move_id)
        self.run_cron("report")
        self.listed("excess", assignment_id=case, amount=40.0)
        action = case.with_user(self.manager).action_corrected()
        wizard = self.env["ropo.reason"].with_user(self.manager)
        wizard = wizard.browse(action["res_id"])
        wizard.reason = "Sample clerk at Ropo"
        wizard.action_confirm()
        self.assertFalse(self.env["ropo.control"].search([("kind", "=", "excess")]))
        entry = self.listed("word", assignment_id=case, user_id=self.manager)
        self.assertIn("Sample clerk", entry.text)

    def test_credits_and_losses_while_at_ropo(self):
        before = self.invoice()
        self.credit(before, 10.0)
        case = self.at_ropo(before)
        note = self.credit(case.move_id, 30.0)
        loss = self.entry(5.0)
        self.match(case.move_id, loss)
        self.run_cron("report")
        self.answer(self.question(case), "keep")
        self.run_cron("report")
        self.listed("credit", counterpart_move_id=note, amount=30.0)
        self.listed("loss", counterpart_move_id=loss, amount=5.0)

    def test_confirmed_warnings(self):
        move = self.invoice()
        self.loose_payment(3.0)
        clerk = new_test_user(
            self.env,
            "ropo_control_clerk",
            groups="base.group_user,account.group_account_invoice",
            company_id=self.company.id,
        )
        case = self.transfer(move.with_user(clerk), confirm_warnings=True)
        entry = self.listed("gate", assignment_id=case.sudo(), user_id=clerk)
        self.assertEqual(entry.text, case.warnings_confirmed)
        self.assertTrue(entry.date)

    def test_exclusions(self):
        move = self.invoice()
        move.ropo_excluded = True
        move.ropo_excluded = True
        entry = self.listed("exclusion", move_id=move, user_id=self.env.user)
        self.assertIn(move.name, entry.text)
        self.consumer.ropo_excluded = True
        self.consumer.ropo_excluded = False
        entries = self.env["ropo.control"].search(
            [("partner_id", "=", self.consumer.id)]
        )
        self.assertEqual(len(entries), 2)

    def test_changed_settlement_account(self):
        self.company.ropo_settlement_ibans = "FI2112345600000785"
        self.company.ropo_settlement_ibans = "FI2112345600000785"
        self.company.ropo_settlement_partner_id = self.ropo
        entries = self.env["ropo.control"].search([("kind", "=", "settlement")])
        self.assertEqual(entries.user_id, self.env.user)
        loss, iban, partner = entries.sorted("id")
        self.assertIn(self.loss.display_name, loss.text)
        self.assertIn("→ FI2112345600000785", iban.text)
        self.assertIn("→ Ropo (sample)", partner.text)

    def test_nobody_can_edit_it(self):
        self.consumer.ropo_excluded = True
        entry = self.listed("exclusion")
        for user in (self.manager, self.env.user):
            for change in (
                lambda records: records.write({"text": "Sample"}),
                lambda records: records.unlink(),
                lambda records: records.create({"kind": "late"}),
            ):
                with self.subTest(user=user.login), self.assertRaises(AccessError):
                    change(entry.with_user(user))
        log = self.env["ropo.log"].sudo().search([], limit=1)
        with self.assertRaises(UserError):
            log.text = "Sample"
        with self.assertRaises(UserError):
            log.unlink()
