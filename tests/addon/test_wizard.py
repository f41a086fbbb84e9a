"""The two windows: handing invoices over, and finding one at Maventa."""

from datetime import timedelta

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import KEYS, RopoCommon


@tagged("post_install", "-at_install")
class TestTransferWindow(RopoCommon):
    def open(self, moves):
        return self.env["ropo.transfer"].browse(moves.action_ropo_transfer()["res_id"])

    def warned(self):
        """An invoice whose debtor lives abroad: somebody has to look at that."""
        sweden = self.env.ref("base.se")
        debtor = self.business.copy(
            {"country_id": sweden.id, "company_registry": "556703-7485"}
        )
        return self.invoice(30.0, partner=debtor)

    def test_a_verdict_for_each_invoice_and_what_goes(self):
        ready, early = self.invoice(100.0), self.invoice(50.0, overdue=1)
        warned = self.warned()
        wizard = self.open(ready | early | warned)
        verdicts = {line.move_id: line.verdict for line in wizard.line_ids}
        self.assertEqual(
            verdicts, {ready: "ready", early: "blocked", warned: "warning"}
        )
        reasons = {line.move_id: line.reasons for line in wizard.line_ids}
        self.assertIn("Too early", reasons[early])
        self.assertIn("Sweden", reasons[warned])
        self.assertRecordValues(
            wizard,
            [
                {
                    "ready_count": 1,
                    "ready_amount": 100.0,
                    "warning_count": 1,
                    "blocked_count": 1,
                    "currency_id": ready.currency_id.id,
                }
            ],
        )
        wizard.confirm_warnings = True
        self.assertEqual((wizard.ready_count, wizard.ready_amount), (2, 130.0))
        wizard.line_ids.filtered(lambda line: line.move_id == ready).include = False
        self.assertEqual((wizard.ready_count, wizard.ready_amount), (1, 30.0))

    def test_only_what_is_ready_is_queued(self):
        ready, early, warned = self.invoice(), self.invoice(overdue=1), self.warned()
        wizard = self.open(ready | early | warned)
        wizard.action_transfer()
        self.assertEqual(wizard.assignment_ids.move_id, ready)
        self.assertFalse(early.ropo_assignment_ids | warned.ropo_assignment_ids)

    def test_confirmed_warnings_are_kept_with_the_name(self):
        warned = self.warned()
        wizard = self.open(warned)
        with self.assertRaisesRegex(UserError, "Sweden"):
            wizard.action_transfer()
        wizard.confirm_warnings = True
        wizard.action_transfer()
        case = wizard.assignment_ids
        self.assertIn("Sweden", case.warnings_confirmed)
        self.assertEqual(case.requested_by_id, self.env.user)
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")

    def test_nothing_to_confirm_keeps_nothing(self):
        case = self.transfer(self.invoice(), confirm_warnings=True)
        self.assertFalse(case.warnings_confirmed)

    def test_what_changed_since_the_window_opened_counts(self):
        move, other = self.invoice(), self.invoice()
        wizard = self.open(move | other)
        self.pay(move, 100.0)
        wizard.action_transfer()
        self.assertEqual(wizard.assignment_ids.move_id, other)

    def test_nothing_selected_that_can_go(self):
        with self.assertRaisesRegex(UserError, "Select customer invoices"):
            self.credit(self.invoice(), 5.0).action_ropo_transfer()
        early = self.invoice(overdue=1)
        with self.assertRaisesRegex(UserError, f"{early.name}: Too early"):
            self.open(early).action_transfer()

    def test_credit_notes_of_a_mixed_selection_are_left_out(self):
        move = self.invoice()
        wizard = self.open(move | self.credit(self.invoice(), 5.0))
        self.assertEqual(wizard.line_ids.move_id, move)

    def test_progress(self):
        good, unknown = self.invoice(), self.invoice(at_maventa=False)
        wizard = self.open(good | unknown)
        action = wizard.action_transfer()
        self.assertEqual(action["res_id"], wizard.id)
        self.assertRecordValues(
            wizard,
            [
                {
                    "state": "progress",
                    "waiting_count": 2,
                    "done_count": 0,
                    "failed_count": 0,
                    "in_progress": True,
                }
            ],
        )
        self.run_cron("transfer", "poll")
        self.assertRecordValues(
            wizard,
            [
                {
                    "state": "progress",
                    "waiting_count": 0,
                    "done_count": 1,
                    "failed_count": 1,
                    "in_progress": False,
                }
            ],
        )

    def test_summary_and_kind_are_the_users(self):
        move = self.invoice()
        wizard = self.open(move)
        self.assertIn(move.name, wizard.line_ids.summary)
        for summary, verdict in (
            ("x", "blocked"),
            ("x" * 65, "blocked"),
            (" x ", "blocked"),
            ("x" * 64, "ready"),
            ("Roof", "ready"),
        ):
            wizard.line_ids.summary = summary
            self.assertEqual(wizard.line_ids.verdict, verdict, summary)
        wizard.collection_type = "collection"
        wizard.line_ids.reminder_date = fields.Date.today() - timedelta(days=15)
        wizard.action_transfer()
        self.run_cron("transfer")
        case = wizard.assignment_ids
        sent = self.sandbox.case(case.maventa_invoice_id)["body"]
        self.assertEqual(sent["assignment_summary"], "Roof")
        self.assertEqual(sent["collection_type"], "collection")
        self.assertEqual(sent["receivables_type"], "b2b")

    def test_another_kind_of_claim_is_checked_at_once(self):
        move = self.invoice(overdue=10)
        line = self.open(move).line_ids
        self.assertEqual(line.verdict, "ready")
        line.receivables_type = "b2c"
        self.assertEqual(line.verdict, "blocked")
        self.assertIn("Too early", line.reasons)

    def test_invoice_not_known_at_maventa_yet(self):
        move = self.invoice()
        line = self.open(move).line_ids
        self.assertIn("Not looked up", line.reasons)
        move.maventa_invoice_id = "sample"
        self.assertFalse(self.open(move).line_ids.reasons)

    def test_norway_reminds_first(self):
        """Collection alone needs an inkassovarsel that nobody has documented."""
        self.company.account_fiscal_country_id = self.env.ref("base.no")
        wizard = self.open(self.invoice())
        self.assertNotIn("inkassovarsel", wizard.line_ids.reasons)
        wizard.collection_type = "collection"
        self.assertIn("inkassovarsel", wizard.line_ids.reasons)

    def test_companies_of_sweden_and_norway(self):
        for code, registry, zone in (
            ("SE", "556703-7485", "Europe/Stockholm"),
            ("NO", "974760673", "Europe/Oslo"),
        ):
            with self.subTest(code):
                move = self.invoice_of_company_in(code, registry, zone)
                case = self.transfer(move)
                self.run_cron("transfer", "poll")
                self.assertEqual(case.state, "sent", case.error_message)
                there = self.sandbox.case(case.external_id)
                self.assertEqual(there["currency"], {"SE": "SEK", "NO": "NOK"}[code])
                payer = there["body"]["payers"][0]
                self.assertEqual(payer["country"], code)
                self.assertEqual(payer["bid"], registry)

    def invoice_of_company_in(self, code, registry, zone):
        country = self.env.ref(f"base.{code.lower()}")
        company = self.setup_other_company(
            name=f"Sample {code}",
            country_id=country.id,
            currency_id=country.currency_id.id,
        )["company"]
        company.partner_id.tz = zone
        account = f"account-{code}"
        self.sandbox.add_company(account, *list(KEYS.values())[1:], country=code)
        self.sandbox.sign_agreement(account)
        company.write(
            {
                **KEYS,
                "maventa_company_uuid": account,
                "account_fiscal_country_id": country.id,
                "ropo_environment": "test",
                "maventa_ax_url": self.server.url,
                "maventa_receivables_url": self.server.url,
                "ropo_service_state": "active",
            }
        )
        before = self.env
        self.env = self.env(context={"allowed_company_ids": company.ids})
        partner = self.env["res.partner"].create(
            {
                "name": "Sample Debtor",
                "is_company": True,
                "street": "Samplestreet 1",
                "zip": {"SE": "11122", "NO": "0150"}[code],
                "city": "Sample",
                "country_id": country.id,
                "company_registry": registry,
            }
        )
        move = self.invoice(partner=partner, at_maventa=False)
        self.env = before
        self.sandbox.add_invoice(
            account,
            number=move.name,
            date=move.invoice_date,
            date_due=move.invoice_date_due,
            total=str(move.amount_total),
            currency=move.currency_id.name,
        )
        return move

    # -- finding the invoice at Maventa ---------------------------------------
    def find(self, move):
        return self.env["ropo.link"].browse(move.action_ropo_link()["res_id"])

    def add_second(self, move, **changes):
        """Another invoice at Maventa that answers to the same number."""
        with self.sandbox.transaction() as state:
            first = state["invoices"][self.at_maventa(move)]
            another = {**first, "id": f"another-{move.id}", **changes}
            state["invoices"][another["id"]] = another
            for numbers in state["numbers"].values():
                if first["id"] in numbers:
                    numbers.append(another["id"])
        return another["id"]

    def test_one_invoice_found(self):
        move = self.invoice()
        window = self.find(move)
        self.assertRecordValues(
            window.line_ids,
            [
                {
                    "number": move.name,
                    "date": move.invoice_date,
                    "total": 100.0,
                    "agrees": True,
                    "status": "DELIVERED",
                }
            ],
        )
        self.assertFalse(move.maventa_invoice_id)
        window.line_ids.action_link()
        self.assertEqual(move.maventa_invoice_id, self.at_maventa(move))
        self.assertEqual(move.maventa_status, "DELIVERED")

    def test_none_found_and_the_id_entered(self):
        move, other = self.invoice(at_maventa=False), self.invoice()
        window = self.find(move)
        self.assertFalse(window.line_ids)
        self.assertIn("is not at Maventa", window.message)
        with self.assertRaisesRegex(UserError, "Enter Maventa's invoice id"):
            window.action_link_entered()
        window.maventa_id = "no-such-id"
        with self.assertRaisesRegex(UserError, "does not know"):
            window.action_link_entered()
        window.maventa_id = self.at_maventa(other)
        with self.assertRaisesRegex(UserError, other.name):
            window.action_link_entered()
        self.assertFalse(move.maventa_invoice_id)
        window.maventa_id = f"  {self.at_maventa(move)} "
        window.action_link_entered()
        self.assertEqual(move.maventa_invoice_id, self.at_maventa(move))

    def test_two_candidates(self):
        move = self.invoice()
        second = self.add_second(move)
        window = self.find(move)
        self.assertIn("2 invoices", window.message)
        self.assertEqual(len(window.line_ids), 2)
        window.line_ids.filtered(lambda ln: ln.maventa_id == second).action_link()
        self.assertEqual(move.maventa_invoice_id, second)
        case = self.transfer(move)
        self.run_cron("transfer")
        self.assertEqual(case.maventa_invoice_id, second)
        self.assertTrue(self.sandbox.case(second))

    def test_what_does_not_agree_is_shown(self):
        move = self.invoice()
        self.at_maventa(move, total="99.00")
        window = self.find(move)
        self.assertIn("differs", window.message)
        self.assertFalse(window.line_ids.agrees)

    def test_one_invoice_at_maventa_belongs_to_one_invoice_here(self):
        move, other = self.invoice(), self.invoice()
        self.find(other).line_ids.action_link()
        move.maventa_invoice_id = other.maventa_invoice_id
        other.maventa_invoice_id = False
        with self.assertRaisesRegex(UserError, f"linked with {move.name}"):
            self.find(other).line_ids.action_link()

    def test_invoice_at_ropo_keeps_its_link(self):
        move = self.invoice()
        case = self.at_ropo(move)
        with self.assertRaisesRegex(UserError, "at Ropo already"):
            self.find(move).line_ids.action_link()
        self.assertEqual(move.maventa_invoice_id, case.maventa_invoice_id)

    def test_only_posted_customer_invoices_can_be_found(self):
        move = self.invoice()
        move.button_draft()
        with self.assertRaisesRegex(UserError, "Only posted"):
            move.action_ropo_link()

    def test_maventa_does_not_answer(self):
        move = self.invoice()
        self.faults.next("GET", "/v1/invoices", "status:503", times=9)
        with self.assertRaisesRegex(UserError, "busy"):
            move.action_ropo_link()
