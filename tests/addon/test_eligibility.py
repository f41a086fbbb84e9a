"""Which invoices may be handed over, and why not."""

import random
from datetime import date, timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestEligibility(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bank = cls.company_data["default_journal_bank"]
        cls.receivable = cls.company_data["default_account_receivable"]

    def verdict(self, move, kind=None):
        kinds = {move: kind} if kind else None
        return move._ropo_verdicts(receivables_types=kinds)[move]

    def assertReady(self, move, **kwargs):
        verdict = self.verdict(move, **kwargs)
        self.assertEqual((verdict.blocks, verdict.warnings), ([], []))

    def assertBlocked(self, move, code, words="", **kwargs):
        self.assertReasons(self.verdict(move, **kwargs).blocks, code, words)

    def assertWarned(self, move, code, words=""):
        verdict = self.verdict(move)
        self.assertFalse(verdict.blocks)
        self.assertReasons(verdict.warnings, code, words)

    def assertReasons(self, reasons, code, words):
        self.assertEqual([found for found, _text in reasons], [code])
        self.assertIn(words, reasons[0][1])

    def debtor(self, **values):
        return self.business.copy({"name": "Sample Debtor Oy", **values})

    # -- the invoice --------------------------------------------------------
    def test_overdue_invoice_is_ready(self):
        self.assertReady(self.invoice())
        self.assertReady(self.invoice(partner=self.consumer))

    def test_draft_and_cancelled(self):
        move = self.invoice()
        move.button_draft()
        self.assertBlocked(move, "not_posted", "not posted")
        move.button_cancel()
        self.assertBlocked(move, "not_posted")

    def test_credit_notes_and_bills(self):
        move = self.invoice()
        self.assertBlocked(self.credit(move, 10.0), "not_customer_invoice")
        bill = self.init_invoice("in_invoice", amounts=[10.0], post=True)
        self.assertBlocked(bill, "not_customer_invoice")

    def test_paid_or_credited(self):
        paid, credited, part = (self.invoice() for _invoice in range(3))
        self.pay(paid, 100.0)
        self.credit(credited)
        self.pay(part, 99.99)
        self.assertBlocked(paid, "nothing_open")
        self.assertBlocked(credited, "nothing_open")
        self.assertReady(part)

    def test_payment_without_entry_is_on_its_way(self):
        """As Odoo Enterprise registers payments: paid, and nothing in the ledger."""
        move = self.invoice()
        payment = self.env["account.payment"].create(
            {
                "amount": 100.0,
                "partner_id": self.business.id,
                "journal_id": self.bank.id,
                "invoice_ids": [Command.set(move.ids)],
            }
        )
        payment.outstanding_account_id = False
        self.assertReady(move)
        payment.action_post()
        self.assertFalse(payment.move_id)
        self.assertEqual(move.amount_residual, 100.0)
        self.assertBlocked(move, "in_payment", "on its way")
        payment.action_validate()
        self.assertBlocked(move, "in_payment")
        payment.action_cancel()
        self.assertReady(move)

    def test_blocked_for_payment(self):
        move = self.invoice()
        move.action_toggle_block_payment()
        self.assertBlocked(move, "blocked", "disputed")

    def test_excluded_invoice_or_customer(self):
        move, theirs = self.invoice(), self.invoice(partner=self.debtor())
        move.ropo_excluded = True
        theirs.partner_id.ropo_excluded = True
        self.assertBlocked(move, "excluded")
        self.assertBlocked(theirs, "partner_excluded")
        other = self.env["res.company"].create({"name": "Sample Other Oy"})
        excluded = theirs.partner_id.with_company(other).ropo_excluded
        self.assertFalse(excluded, "each company decides for itself")

    def test_excluded_company_of_a_contact(self):
        contact = self.env["res.partner"].create(
            {"name": "Sample Contact", "parent_id": self.debtor().id}
        )
        move = self.invoice(partner=contact)
        self.assertReady(move)
        contact.parent_id.ropo_excluded = True
        self.assertBlocked(move, "partner_excluded")

    def test_live_case_and_after_it(self):
        move = self.invoice()
        case = self.transfer(move).sudo()
        for state in ("proposed", "queued", "sending", "unknown", "pending", "sent"):
            case.state = state
            self.assertBlocked(move, "live", case._state_label())
        case.state = "closed"
        self.assertBlocked(move, "live", "a second time")
        case.state = "cancelled"
        self.assertReady(move)

    def test_not_delivered_by_maventa(self):
        move = self.invoice()
        move.maventa_status = "FAILED"
        self.assertBlocked(move, "failed", "never got it")
        move.maventa_status = "PENDING"
        self.assertReady(move)

    def test_matched_with_a_draft_or_the_future(self):
        for payment in (
            self.pay(self.invoice(), 10.0),
            self.pay(
                self.invoice(), 10.0, date=fields.Date.today() + timedelta(days=3)
            ),
        ):
            move = payment.reconciled_invoice_ids
            if payment.date == fields.Date.today():
                self.assertReady(move)
                payment.move_id.button_draft()
            self.assertBlocked(move, "draft_match", "draft")

    # -- the day --------------------------------------------------------------
    def test_first_possible_day(self):
        for partner, days in ((self.business, 7), (self.consumer, 14)):
            with self.subTest(partner.name):
                too_early = self.invoice(partner=partner, overdue=days - 1)
                self.assertBlocked(too_early, "too_early", "Too early")
                the_day = self.invoice(partner=partner, overdue=days)
                self.assertReady(the_day)
                self.assertEqual(the_day.ropo_eligible_from, fields.Date.today())

    def test_rental_claims_wait_like_their_side(self):
        for partner, kind in ((self.business, "b2b"), (self.consumer, "b2c")):
            move = self.invoice(partner=partner)
            self.assertEqual(
                self.verdict(move, kind=f"{kind}_rental").eligible_from,
                self.verdict(move, kind=kind).eligible_from,
            )

    def test_extra_days_only_add(self):
        move = self.invoice(overdue=9)
        self.assertReady(move)
        self.company.ropo_extra_days = 2
        self.assertReady(move)
        self.company.ropo_extra_days = 3
        self.assertBlocked(move, "too_early")
        with self.assertRaises(ValidationError):
            self.company.ropo_extra_days = -1

    def test_the_day_is_the_companys_own(self):
        """At half past midnight in Helsinki it is still yesterday in London."""
        self.company.partner_id.tz = "Europe/Helsinki"
        move = self.invoice()
        move.invoice_date_due = date(2026, 3, 4)
        for now, ready in (
            ("2026-03-10 21:59:00", False),
            ("2026-03-10 22:01:00", True),
        ):
            with freeze_time(now):
                self.assertEqual(not self.verdict(move).blocks, ready, now)

    def test_latest_instalment_counts(self):
        term = self.env["account.payment.term"].create(
            {
                "name": "Two instalments",
                "line_ids": [
                    Command.create({"value": "percent", "value_amount": 50, **days})
                    for days in ({"nb_days": 10}, {"nb_days": 40})
                ],
            }
        )
        move = self.invoice(at_maventa=False)
        move.button_draft()
        move.write({"invoice_payment_term_id": term.id})
        move.action_post()
        latest = move.invoice_date + timedelta(days=40)
        self.assertEqual(move.ropo_eligible_from, latest + timedelta(days=7))
        self.assertBlocked(move, "too_early")

    # -- company and account ---------------------------------------------------
    def test_switched_off_or_service_not_active(self):
        move = self.invoice()
        for state in ("inactive", "pending", "rejected", "closed", "unknown"):
            self.company.ropo_service_state = state
            self.assertBlocked(move, "service", "Settings")
        self.company.ropo_environment = "off"
        self.assertBlocked(move, "off", "Settings")

    def test_other_currency(self):
        currency = self.setup_other_currency("SEK")
        move = self.invoice()
        move.button_draft()
        move.currency_id = currency
        move.action_post()
        self.assertBlocked(move, "currency", "SEK")

    def test_company_elsewhere(self):
        move = self.invoice()
        self.company.account_fiscal_country_id = self.env.ref("base.de")
        verdict = self.verdict(move)
        self.assertIn("country", [code for code, _text in verdict.blocks])

    def test_rental_claims_say_what_they_need(self):
        move = self.invoice()
        self.assertBlocked(move, "rental_data", "rented property", kind="b2b_rental")
        self.company.account_fiscal_country_id = self.env.ref("base.se")
        verdict = self.verdict(move, kind="b2b_rental")
        self.assertIn("Finland only", dict(verdict.blocks)["rental"])

    # -- the debtor -------------------------------------------------------------
    def test_what_is_missing_is_named(self):
        for values, words in (
            ({"street": False}, "street"),
            ({"zip": False, "city": False}, "post code, city"),
            ({"company_registry": False, "vat": False}, "business id"),
            ({"country_id": False}, "country"),
        ):
            with self.subTest(words):
                move = self.invoice(partner=self.debtor(**values), at_maventa=False)
                self.assertBlocked(move, "incomplete", words)

    def test_consumer_needs_no_business_id(self):
        move = self.invoice(partner=self.consumer)
        self.assertBlocked(move, "incomplete", "business id", kind="b2b")
        self.assertReady(move, kind="b2c")

    def test_consumers_rental_claim_needs_the_personal_id(self):
        move = self.invoice(partner=self.consumer)
        verdict = self.verdict(move, kind="b2c_rental")
        self.assertIn("personal identity", dict(verdict.blocks)["incomplete"])
        self.consumer.sudo().ropo_personal_id = "131052-308T"
        verdict = self.verdict(move, kind="b2c_rental")
        self.assertNotIn("incomplete", dict(verdict.blocks))

    def test_personal_id_that_can_not_be_right(self):
        with self.assertRaisesRegex(ValidationError, "not valid"):
            self.consumer.sudo().ropo_personal_id = "131052-308U"

    # -- to be looked at first ---------------------------------------------------
    def test_unmatched_payment_of_the_customer(self):
        move, others = self.invoice(partner=self.debtor()), self.invoice()
        payment = self.env["account.payment"].create(
            {
                "amount": 33.0,
                "partner_id": move.partner_id.id,
                "journal_id": self.bank.id,
            }
        )
        self.assertReady(move)
        payment.action_post()
        self.assertWarned(move, "loose", "33.00")
        self.assertReady(others)

    def test_unmatched_credit_note_of_the_customer(self):
        move = self.invoice(partner=self.debtor())
        note = self.init_invoice(
            "out_refund", partner=move.partner_id, amounts=[12.0], post=True
        )
        self.assertEqual(note.payment_state, "not_paid")
        self.assertWarned(move, "loose")

    def test_unmatched_bank_line_of_the_customer(self):
        move = self.invoice(partner=self.debtor())
        self.env["account.bank.statement.line"].create(
            {
                "journal_id": self.bank.id,
                "payment_ref": "Sample",
                "amount": 10.0,
                "partner_id": move.partner_id.id,
            }
        )
        self.assertWarned(move, "bank_line", "bank line")

    def test_paid_to_somebody_elses_account(self):
        factor = self.env["res.partner"].create({"name": "Sample Factor"})
        accounts = self.env["res.partner.bank"].create(
            [
                {"acc_number": "FI2112345600000785", "partner_id": factor.id},
                {
                    "acc_number": "FI1410093000123458",
                    "partner_id": self.company.partner_id.id,
                },
            ]
        )
        theirs, own = self.invoice(), self.invoice()
        theirs.partner_bank_id, own.partner_bank_id = accounts
        self.assertWarned(theirs, "foreign_account")
        self.assertReady(own)

    def test_debtor_abroad(self):
        sweden = self.env.ref("base.se")
        move = self.invoice(partner=self.debtor(country_id=sweden.id))
        move.partner_id.company_registry = "556703-7485"
        self.assertWarned(move, "abroad", "Sweden")

    # -- many ----------------------------------------------------------------------
    def many(self, count, partners):
        today = fields.Date.today()
        chance = random.Random(1)
        moves = self.env["account.move"].create(
            [
                {
                    "move_type": "out_invoice",
                    "partner_id": partners[index % len(partners)].id,
                    "invoice_date": today - timedelta(days=90),
                    "invoice_date_due": today - timedelta(days=chance.randrange(40)),
                    "invoice_payment_term_id": False,
                    "invoice_line_ids": [
                        Command.create({"name": "Sample", "price_unit": 10.0})
                    ],
                }
                for index in range(count)
            ]
        )
        moves.action_post()
        return moves

    def customers(self):
        """Companies and persons, with and without a kind of claim of their own."""
        kinds = (False, "b2b", "b2c", "b2b_rental", "b2c_rental")
        found = self.env["res.partner"]
        for parent in (self.business, self.consumer):
            for kind in kinds:
                found |= parent.copy({"ropo_receivables_type": kind})
        contacts = self.env["res.partner"].create(
            [
                {
                    "name": f"Sample Contact {index}",
                    "parent_id": partner.id,
                    "ropo_receivables_type": kinds[index % 5],
                }
                for index, partner in enumerate(found)
            ]
        )
        return found | contacts

    def test_filter_agrees_with_the_date_shown(self):
        self.company.ropo_extra_days = 1
        moves = self.many(80, self.customers())
        everything = moves | self.credit(moves[0]) | self.invoice()
        everything |= self.env["account.move"].create({"move_type": "out_invoice"})
        today = fields.Date.today()
        for operator, compare in {
            "<=": lambda day, limit: day and day <= limit,
            "<": lambda day, limit: day and day < limit,
            ">": lambda day, limit: day and day > limit,
            ">=": lambda day, limit: day and day >= limit,
            "=": lambda day, limit: day == limit,
            "!=": lambda day, limit: day != limit,
        }.items():
            for limit in (today, today + timedelta(days=4), False):
                if not limit and operator not in ("=", "!="):
                    continue
                with self.subTest(operator, limit=limit):
                    found = self.env["account.move"].search(
                        [
                            ("id", "in", everything.ids),
                            ("ropo_eligible_from", operator, limit),
                        ]
                    )
                    shown = everything.filtered(
                        lambda move, compare=compare, limit=limit: compare(
                            move.ropo_eligible_from, limit
                        )
                    )
                    self.assertEqual(found, shown.sorted())

    def test_number_of_queries_does_not_grow_with_the_invoices(self):
        partners = self.env["res.partner"]
        for index in range(20):
            partners |= self.debtor(name=f"Sample Debtor {index} Oy")
        moves = self.many(200, partners)
        self.pay(moves[0], 5.0)

        def queries(some):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            verdicts = some._ropo_verdicts()
            self.assertEqual(len(verdicts), len(some))
            return self.env.cr.sql_log_count - before

        queries(moves[:5])
        few, all_of_them = queries(moves[:20]), queries(moves)
        self.assertLessEqual(all_of_them, few + 2)
        self.assertLess(all_of_them, 40)
