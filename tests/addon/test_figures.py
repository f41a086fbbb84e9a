"""Figures as of any day, tied out with the ledger and with the cases."""

from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..examples import examples
from .ledger import LedgerCommon

#: The days of a history: 40 to 0 days before today.
DAYS = 40


class FiguresCommon(LedgerCommon):
    def day(self, ago):
        return fields.Date.today() - timedelta(days=ago)

    def at_ropo_since(self, ago, move=None, **backdated):
        """A case that was accepted some days ago."""
        case = self.at_ropo(move or self.invoice(overdue=DAYS + 30))
        case.sudo().accepted_at -= timedelta(days=ago)
        case.flush_recordset()
        return case

    def figures(self, cases, ago=0):
        """The rows of these cases as of a day."""
        self.env.invalidate_all()
        figures = self.env["ropo.figures"].with_context(
            ropo_figures_date=fields.Date.to_string(self.day(ago))
        )
        return figures.search([("assignment_id", "in", cases.ids)])

    def residual_at(self, move, day):
        """Odoo's own residual as of a day: its open items less what counted by then."""
        if move.date > day:
            return 0.0
        lines = self.open_line(move)
        partials = lines.matched_credit_ids | lines.matched_debit_ids
        later = partials.filtered(lambda partial: partial.max_date > day)
        return move.amount_residual + sum(
            partial.debit_amount_currency
            if partial.debit_move_id in lines
            else -partial.credit_amount_currency
            for partial in later
        )

    def pays_ropo(self, case, amount, ago):
        """The debtor pays Ropo, on a day in the past."""
        self.sandbox.debtor_pays(case.maventa_invoice_id, amount, date=self.day(ago))
        self.look(case)

    def settle(self, move, amount, ago=0):
        """Ropo's settlement on the bank statement, matched with the invoice."""
        self.company.ropo_settlement_partner_id = self.ropo
        line = self.bank_line(amount, partner=self.ropo, date=self.day(ago))
        self.match(move, line.move_id)
        self.run_cron("report")
        return line


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["pay", "bank", "credit", "loss", "misc", "ropo", "settle", "undo", "draft"]
        ),
        st.integers(1, 4000).map(lambda cents: cents / 100),
        st.integers(0, DAYS),
    ),
    max_size=6,
)


@tagged("post_install", "-at_install")
class TestFigures(FiguresCommon):
    def assertFigures(self, case, ago=0, **expected):
        row = self.figures(case, ago)
        self.assertEqual(len(row), 1)
        for name, value in expected.items():
            if isinstance(value, float):
                self.assertAlmostEqual(row[name], value, places=2, msg=name)
            else:
                self.assertEqual(row[name], value, name)

    def assertTiedOut(self, case, ago):
        """The figures of a day against Odoo's receivable, and against themselves."""
        row = self.figures(case, ago)
        if ago > 35:
            self.assertFalse(row)
            return
        self.assertAlmostEqual(
            row.open_here, self.residual_at(case.move_id, self.day(ago)), places=2
        )
        reduced = (
            row.paid + row.credited + row.written_off + row.settled + row.undecided
        )
        self.assertAlmostEqual(
            row.open_here, row.claim - reduced + row.unexplained, places=2
        )
        self.assertAlmostEqual(
            row.open_at_ropo, row.claim - row.reported - row.paid_to_ropo, places=2
        )

    # -- tied out ----------------------------------------------------------
    @settings(
        suppress_health_check=list(HealthCheck),
        deadline=None,
        max_examples=examples(12),
        derandomize=True,
        phases=[Phase.generate],
    )
    @given(before=st.sampled_from([0.0, 30.0]), steps=STEPS)
    def test_tied_out_on_every_day_of_random_histories(self, before, steps):
        """A claim whose baseline stays is explained to the cent on every day."""
        partner = self.business.copy({"name": "Sample Debtor Oy"})
        # Else the bank has not been read lately.
        self.bank_line(1.0, partner=self.ropo)
        move = self.invoice(partner=partner, overdue=DAYS + 30)
        if before:
            self.pay(move, before, date=self.day(DAYS))
        case = self.at_ropo_since(35, move)
        others = []
        for what, amount, ago in steps:
            self.step(case, others, what, min(amount, move.amount_residual), ago)
        # Before anything is compared, the sums are right already.
        for ago in (0, 20):
            self.assertTiedOut(case, ago)
            self.assertAlmostEqual(self.figures(case, ago).unexplained, 0.0, places=2)
        self.run_cron("report")
        for ago in range(DAYS + 1):
            self.assertTiedOut(case, ago)
        self.assertFigures(
            case,
            claim=case.capital_amount,
            unexplained=0.0,
            open_here=move.amount_residual,
            settled=case.settled_amount,
            paid_to_ropo=case.paid_to_ropo,
            to_come=case.to_come,
            open_at_ropo=case.open_amount,
            reported=case.reported_paid + case.reported_credited,
        )

    def step(self, case, others, what, amount, ago):
        """One thing that happens to the case."""
        move, day = case.move_id, self.day(ago)
        if what == "undo" and others:
            self.open_line(others.pop()).remove_move_reconcile()
        elif what == "draft":
            payments = (entry for entry in others if entry.origin_payment_id)
            posted = (entry for entry in payments if entry.state == "posted")
            for entry in list(posted)[-1:]:
                entry.button_draft()
        elif what == "ropo" and case.open_amount >= amount > 0:
            self.pays_ropo(case, amount, ago)
        elif amount <= 0:
            return
        elif what == "pay":
            others.append(self.pay(move, amount, date=day).move_id)
        elif what == "bank":
            others.append(self.bank_line(amount, partner=self.ropo, date=day).move_id)
            self.match(move, others[-1])
        elif what == "settle":
            self.settle(move, amount, ago)
        elif what == "credit":
            self.credit(move, amount)
        elif what in ("loss", "misc"):
            account = self.loss if what == "loss" else self.expense
            others.append(self.entry(amount, account, date=day))
            self.match(move, others[-1])

    def test_as_of_each_day_of_a_history(self):
        move = self.invoice(overdue=DAYS + 30)
        self.pay(move, 10.0, date=self.day(38))
        case = self.at_ropo_since(35, move)
        self.pay(move, 20.0, date=self.day(30))
        self.run_cron("report")
        self.pays_ropo(case, 25.0, 20)
        self.settle(move, 15.0, ago=10)
        entry = self.entry(5.0, date=self.day(6))
        self.match(move, entry)
        self.run_cron("report")
        self.answer(self.question(case), "keep")
        self.run_cron("report")
        self.assertFalse(self.figures(case, 36))
        first = {"claim": 90.0, "paid": 0.0, "settled": 0.0, "age_group": "030"}
        self.assertFigures(case, 35, open_here=90.0, age=0, **first)
        self.assertFigures(case, 30, paid=20.0, open_here=70.0, not_reported=20.0)
        self.assertFigures(case, 19, paid_to_ropo=25.0, to_come=25.0, open_here=70.0)
        self.assertFigures(case, 19, money_age_group="03")
        self.assertFigures(case, 10, settled=15.0, to_come=10.0, open_here=55.0)
        self.assertFigures(case, 7, money_age_group="30", written_off=0.0)
        self.assertFigures(
            case,
            written_off=5.0,
            open_here=50.0,
            reported=20.0,
            not_reported=0.0,
            open_at_ropo=45.0,
            recovered=45.0,
            recovered_rate=0.5,
            age_group="060",
            undecided=0.0,
        )
        # 20 after 5 days and 25 after 15 days
        self.assertAlmostEqual(
            self.figures(case).days_to_money, (20 * 5 + 25 * 15) / 45, places=1
        )

    def test_a_baseline_taken_away_is_not_explained(self):
        move = self.invoice(overdue=DAYS + 30)
        self.pay(move, 40.0, date=self.day(38))
        case = self.at_ropo_since(35, move)
        self.unmatch(move)
        self.assertFigures(case, claim=60.0, open_here=100.0, unexplained=40.0)
        self.run_cron("report")
        self.assertFigures(case, claim=60.0, open_here=100.0, unexplained=40.0)
        case._take_correction("Sample reason", back=40.0)
        self.assertFigures(case, claim=100.0, unexplained=0.0)
        self.assertFigures(case, 1, claim=60.0)

    def test_a_deleted_entry_of_the_baseline_hinders_nobody(self):
        move = self.invoice(overdue=DAYS + 30)
        payment = self.pay(move, 40.0, date=self.day(38))
        case = self.at_ropo_since(35, move)
        self.assertFigures(case, claim=60.0, open_here=60.0)
        payment.action_draft()
        payment.unlink()
        case.sudo()._settle_claim(0.0)
        self.assertFalse(case.share_ids)
        self.assertFigures(case, claim=60.0, open_here=100.0, unexplained=40.0)

    def test_what_ropo_corrected_was_told_until_then(self):
        case = self.at_ropo_since(35)
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        case.sudo().event_ids.filtered("amount").attempt_at -= timedelta(days=5)
        self.unmatch(case.move_id)
        self.run_cron("report")
        self.assertFigures(case, reported=40.0, paid=0.0, not_reported=-40.0)
        case._take_correction("Sample reason", paid=40.0)
        self.assertFigures(case, reported=0.0, not_reported=0.0)
        self.assertFigures(case, 1, reported=40.0)

    def test_the_stage_of_that_day(self):
        case = self.at_ropo_since(35)
        self.assertFigures(case, stage="none", outcome="open")
        for stage, ago in (("reminder_sent", 20), ("debt_collection", 10)):
            self.sandbox.stage(case.maventa_invoice_id, stage)
            self.look(case)
            self.backdate_stage(case, ago)
        self.pays_ropo(case, 100.0, 4)
        self.sandbox.close(case.maventa_invoice_id)
        self.look(case)
        self.backdate_stage(case, 3)
        for ago, stage in ((21, "none"), (20, "reminder_sent"), (4, "debt_collection")):
            self.assertFigures(case, ago, stage=stage, outcome="open")
        self.assertFigures(case, 3, stage="closed", outcome="paid")

    def backdate_stage(self, case, ago):
        changes = self.env["ropo.stage.change"].sudo()
        last = changes.search([("assignment_id", "=", case.id)], order="id desc")[:1]
        last.changed_at = fields.Datetime.now() - timedelta(days=ago)

    def test_rates_of_a_group_are_those_of_its_sums(self):
        big = self.at_ropo_since(5, self.invoice(900.0, overdue=DAYS + 30))
        small = self.at_ropo_since(5)
        self.pay(small.move_id, 100.0, date=self.day(1))
        self.credit(big.move_id, 300.0)
        self.run_cron("report")
        [(recovered, credited, days)] = self.env["ropo.figures"]._read_group(
            [("assignment_id", "in", (big | small).ids)],
            [],
            ["recovered_rate:avg", "credited_rate:avg", "days_to_money:avg"],
        )
        self.assertAlmostEqual(recovered, 0.1)
        self.assertAlmostEqual(credited, 0.3)
        self.assertAlmostEqual(days, 4.0)

    def test_cases_of_another_environment_do_not_count(self):
        case = self.at_ropo_since(5)
        self.assertTrue(self.figures(case))
        self.company.ropo_environment = "demo"
        self.assertFalse(self.figures(case))

    # -- the dialog, and who may see it -------------------------------------
    def test_the_dialog_opens_the_reports_as_of_a_day(self):
        case = self.at_ropo_since(5)
        reader = new_test_user(
            self.env,
            "ropo_figures_reader",
            groups="base.group_user,account.group_account_readonly",
            company_id=self.company.id,
        )
        for report in ("figures", "money", "recovery", "ended"):
            wizard = self.env["ropo.figures.day"].with_user(reader)
            wizard = wizard.create({"day": self.day(3), "report": report})
            action = wizard.action_open()
            self.assertEqual(
                action["context"]["ropo_figures_date"],
                fields.Date.to_string(self.day(3)),
            )
            self.assertIn(str(self.day(3).year), action["name"])
            rows = (
                self.env["ropo.figures"]
                .with_user(reader)
                .with_context(**action["context"])
                .search([])
            )
            self.assertEqual(rows.assignment_id, case)
            self.assertEqual(rows.as_of, self.day(3))
            self.assertEqual(rows.action_open_case()["res_id"], case.id)
        wizard.day = self.day(-1)
        with self.assertRaises(UserError):
            wizard.action_open()

    def test_companies_keep_their_figures(self):
        case = self.at_ropo_since(5)
        other = self.env["res.company"].create({"name": "Sample Other Oy"})
        outsider = new_test_user(
            self.env,
            "ropo_figures_outsider",
            groups="base.group_user,account.group_account_manager",
            company_id=other.id,
            company_ids=[fields.Command.set(other.ids)],
        )
        figures = self.env["ropo.figures"].with_user(outsider)
        self.assertFalse(figures.search([]))
        with self.assertRaises(AccessError):
            figures.browse(case.id).read(["claim"])
        employee = new_test_user(self.env, "ropo_figures_employee")
        with self.assertRaises(AccessError):
            self.env["ropo.figures"].with_user(employee).search([])
