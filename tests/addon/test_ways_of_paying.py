"""However the money comes, Ropo hears of each payment once, with its own date."""

from datetime import timedelta

from odoo import Command, fields
from odoo.tests import tagged

from .common import RopoCommon
from .ledger import LedgerCommon


@tagged("post_install", "-at_install")
class TestWaysOfPaying(LedgerCommon):
    def reports(self, case, *names):
        """What Ropo was told, as tuples of these columns, the oldest first."""
        told = case.event_ids.filtered(lambda ev: ev.direction == "out").sorted("id")
        return [tuple(event[name] for name in names) for event in told]

    def test_one_payment_of_an_invoice_with_instalments_is_one_report(self):
        term = self.env["account.payment.term"].create(
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
        move = self.invoice(at_maventa=False)
        move.button_draft()
        move.invoice_payment_term_id = term
        move.action_post()
        self.assertEqual(len(self.open_line(move)), 2)
        self.at_maventa(move)
        case = self.at_ropo(move)
        self.pay(move, 70.0)
        self.assertTold(case, [70.0], open_amount=30.0)
        self.pay(move, 30.0)
        self.assertTold(case, [70.0, 30.0], open_amount=0.0)

    def test_small_difference_of_a_grouped_payment_is_shared(self):
        """190 for two invoices of 100, 10 written off: 95 and 5 for each."""
        one, two = self.invoice(100.0), self.invoice(100.0)
        cases = self.at_ropo(one), self.at_ropo(two)
        self.company.ropo_write_off_tolerance = 5.0
        self.pay(
            one | two,
            190.0,
            group_payment=True,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.expense.id,
        )
        for case in cases:
            self.assertTold(case, [95.0], [5.0], open_amount=0.0)

    def test_loss_written_off_in_a_grouped_payment_is_not_told(self):
        """50 lost on 100 and 33.33: the shares are rounded, and add up."""
        one, two = self.invoice(100.0), self.invoice(33.33)
        cases = self.at_ropo(one), self.at_ropo(two)
        self.pay(
            one | two,
            83.33,
            group_payment=True,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.loss.id,
        )
        self.run_cron("report")
        told = [sum(self.told(case)["paid"]) for case in cases]
        self.assertAlmostEqual(sum(told), 83.33, places=2)
        self.assertEqual([self.told(case)["credit_note"] for case in cases], [[], []])
        self.assertAlmostEqual(told[0], 62.50, places=2)

    def test_bank_fee_on_the_bank_line_is_credited(self):
        """The bank kept 0.40: the line says 99.60, the customer is cleared by 100."""
        move = self.invoice()
        case = self.at_ropo(move)
        line = self.bank_line(99.6, partner=self.business)
        entry = line.move_id
        entry.button_draft()
        receivable = self.open_line(entry)
        entry.write(
            {
                "line_ids": [
                    Command.update(receivable.id, {"credit": 100.0}),
                    Command.create(
                        {"name": "Fee", "account_id": self.expense.id, "debit": 0.4}
                    ),
                ]
            }
        )
        entry.action_post()
        self.match(move, entry)
        self.assertTold(case, [99.6], [0.4], open_amount=0.0)

    def test_what_was_paid_too_much_and_booked_as_income_is_not_told(self):
        """105 for an invoice of 100, 5 booked as income."""
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(
            move,
            105.0,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.company_data["default_account_revenue"].id,
        )
        self.assertTold(case, [100.0], open_amount=0.0)

    def test_payment_of_107_tells_what_was_owed(self):
        move = self.invoice()
        case = self.at_ropo(move)
        line = self.bank_line(107.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [100.0], open_amount=0.0)

    def test_payment_in_foreign_currency(self):
        """110 dollars at 1.1 clear 100 euros; the difference of rates is nobody's."""
        dollar = self.env.ref("base.USD")
        dollar.active = True
        today = fields.Date.today()
        self.env["res.currency.rate"].create(
            [
                {"currency_id": dollar.id, "name": day, "rate": rate}
                for day, rate in (
                    (today - timedelta(days=60), 1.25),
                    (today - timedelta(days=1), 1.1),
                )
            ]
        )
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 55.0, currency_id=dollar.id)
        self.assertTold(case, [50.0], open_amount=50.0)
        self.pay(move, 55.0, currency_id=dollar.id)
        self.assertTold(case, [50.0, 50.0], open_amount=0.0)
        self.assertFalse(case.needs_attention)

    def test_exchange_difference_is_no_payment(self):
        """The invoice's own exchange entry is matched with it, and says nothing."""
        move = self.invoice()
        case = self.at_ropo(move)
        self.pay(move, 40.0)
        partial = self.env["account.partial.reconcile"].search(
            [("debit_move_id", "in", move.line_ids.ids)]
        )
        exchange = self.entry(1.0)
        self.match(move, exchange)
        partial.exchange_move_id = exchange
        self.assertTold(case, [40.0], needs_attention=False)

    def test_payment_without_an_entry_waits_for_the_bank(self):
        """Registered only; the money is there when the bank's line is matched."""
        move = self.invoice()
        case = self.at_ropo(move)
        payment = self.env["account.payment"].create(
            {
                "amount": 40.0,
                "partner_id": self.business.id,
                "journal_id": self.bank.id,
                "invoice_ids": [Command.set(move.ids)],
            }
        )
        payment.outstanding_account_id = False
        payment.action_post()
        self.assertFalse(payment.move_id)
        self.assertTold(case, [], needs_attention=False)
        line = self.bank_line(40.0, partner=self.business)
        self.match(move, line.move_id)
        self.assertTold(case, [40.0], open_amount=60.0)

    def portal_payment(self, move, amount):
        """The customer pays on the portal; the provider says it is done."""
        method = self.env.ref("payment.payment_method_unknown")
        provider = self.env["payment.provider"].create(
            {
                "name": "Sample",
                "code": "none",
                "state": "test",
                "payment_method_ids": [Command.set(method.ids)],
            }
        )
        method.active = True
        self._create_dummy_payment_method_for_provider(provider, self.bank)
        # With an account of its own the payment has an entry at once.
        self.bank.inbound_payment_method_line_ids.payment_account_id = (
            self.expense.copy(
                {
                    "code": "699997",
                    "name": "Sample outstanding",
                    "account_type": "asset_current",
                    "reconcile": True,
                }
            )
        )
        transaction = self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": method.id,
                "operation": "online_redirect",
                "reference": f"sample-{move.id}",
                "amount": amount,
                "currency_id": move.currency_id.id,
                "partner_id": move.partner_id.id,
                "invoice_ids": [Command.set(move.ids)],
            }
        )
        transaction._set_done()
        return transaction

    def test_payment_on_the_portal(self):
        move = self.invoice()
        case = self.at_ropo(move)
        transaction = self.portal_payment(move, 100.0)
        self.assertEqual(move._ropo_in_payment(move), {move.id})
        transaction._post_process()
        self.assertTrue(transaction.payment_id)
        self.assertTold(case, [100.0], open_amount=0.0)

    def test_portal_payment_on_its_way_stops_the_hand_over(self):
        move = self.invoice()
        self.portal_payment(move, 100.0)
        [verdict] = move._ropo_verdicts().values()
        self.assertIn("in_payment", [code for code, _text in verdict.blocks])

    def test_the_bank_s_date_counts_when_it_comes_after_the_payment(self):
        """Registered on Tuesday; the bank's line of Monday is matched later."""
        move = self.invoice()
        case = self.at_ropo(move)
        monday = fields.Date.today() - timedelta(days=4)
        self.company.ropo_report_delay = 15
        payment = self.pay(move, 40.0)
        line = self.on_the_bank(payment, 40.0, date=monday)
        self.assertEqual(payment.reconciled_statement_line_ids, line)
        self.run_cron("report")
        self.assertEqual(self.reports(case, "amount", "booked_at"), [(40.0, monday)])

    def test_delivery_matched_with_the_invoice_is_no_payment(self):
        """Stock valuation matches lines of an invoice that are not its debt."""
        interim = self.expense.copy({"code": "699998", "name": "Sample interim"})
        interim.reconcile = True
        move = self.invoice(at_maventa=False)
        move.button_draft()
        move.invoice_line_ids.account_id = interim
        move.action_post()
        self.at_maventa(move)
        case = self.at_ropo(move)
        delivery = self.env["account.move"].create(
            {
                "move_type": "entry",
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create({"account_id": interim.id, "debit": 100.0}),
                    Command.create({"account_id": self.expense.id, "credit": 100.0}),
                ],
            }
        )
        delivery.action_post()
        lines = (move | delivery).line_ids
        lines.filtered(lambda line: line.account_id == interim).reconcile()
        self.assertTold(case, [], needs_attention=False)
        self.pay(move, 40.0)
        self.assertTold(case, [40.0], open_amount=60.0, needs_attention=False)

    def test_branch_receives_what_is_owed_to_its_root(self):
        """Branches of one company may match each other's entries."""
        move = self.invoice()
        case = self.at_ropo(move)
        branch = self.env["res.company"].create(
            {"name": "Sample branch", "parent_id": self.company.id}
        )
        self.env.user.company_ids |= branch
        both = self.env["account.move"].with_context(
            allowed_company_ids=[self.company.id, branch.id]
        )
        entry = both.create(
            {
                "move_type": "entry",
                "company_id": branch.id,
                "journal_id": self.company_data["default_journal_misc"].id,
                "line_ids": [
                    Command.create(
                        {
                            "account_id": self.receivable.id,
                            "partner_id": self.business.id,
                            "credit": 20.0,
                        }
                    ),
                    Command.create({"account_id": self.expense.id, "debit": 20.0}),
                ],
            }
        )
        entry.action_post()
        self.assertEqual(entry.company_id, branch)
        self.match(move.with_env(both.env), entry)
        self.assertTold(case, [])
        self.answer(self.question(case), "paid")
        self.assertTold(case, [20.0], open_amount=80.0)

    def test_other_companies_money_is_not_loose_money_of_this_one(self):
        case = self.at_ropo()
        other = self.setup_other_company(name="Sample Other Oy")["company"]
        self.env["account.payment"].with_company(other).create(
            {
                "amount": 15.0,
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": self.business.id,
                "company_id": other.id,
            }
        ).action_post()
        self.run_cron("audit")
        self.assertFalse(case.unmatched_money)


class _Country(RopoCommon):
    """The same life in another country and currency, with amounts that round."""

    def play(self):
        currency = self.company.currency_id
        self.assertEqual(currency.name, self.currency_name)
        self.business.write(self.customer_values)
        move = self.invoice(1000.01)
        case = self.at_ropo(move)
        self.assertEqual(case.currency_id, currency)
        for amount in (333.34, 333.33, 0.01):
            self.pay(move, amount)
        self.run_cron("report")
        self.assertEqual(
            sorted(self.told(case)["paid"]), sorted([333.34, 333.33, 0.01])
        )
        self.credit(move, 0.03)
        self.run_cron("report")
        self.assertEqual(self.told(case)["credit_note"], [0.03])
        self.assertAlmostEqual(case.open_amount, 333.30, places=2)
        there = self.sandbox.case(case.maventa_invoice_id)
        self.assertEqual(float(there["open_amount"]), 333.30)
        self.sandbox.debtor_pays(case.maventa_invoice_id, 333.30)
        case.action_refresh()
        self.run_cron("poll", "audit", "report")
        self.assertEqual(case.paid_to_ropo, 333.30)
        self.assertEqual(case.open_amount, 0.0)
        self.assertFalse(case.needs_attention, case.attention_reason)


@tagged("post_install", "-at_install", "post_install_l10n")
class TestSweden(_Country):
    country_code = "SE"
    currency_name = "SEK"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer_values = {
            "country_id": cls.env.ref("base.se").id,
            "company_registry": "5560360793",
            "zip": "111 22",
            "city": "Stockholm",
        }

    def test_kronor_and_oere(self):
        self.play()


@tagged("post_install", "-at_install", "post_install_l10n")
class TestNorway(_Country):
    country_code = "NO"
    currency_name = "NOK"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer_values = {
            "country_id": cls.env.ref("base.no").id,
            "company_registry": "988077917",
            "zip": "0150",
            "city": "Oslo",
        }

    def test_kroner_and_oere(self):
        self.play()
