"""Kind of claim, own reminders and fees, rental contract, summary."""

from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import ValidationError
from odoo.tests import Form, tagged

from .common import KEYS, RopoCommon
from .test_payers import HETU, PERSONNUMMER


@tagged("post_install", "-at_install")
class TestKinds(RopoCommon):
    def open(self, moves):
        return self.env["ropo.transfer"].browse(moves.action_ropo_transfer()["res_id"])

    def sent(self, wizard):
        self.run_cron("transfer")
        case = wizard.assignment_ids
        self.assertIn(case.state, ("pending", "sent"), case.error_message)
        return self.sandbox.case(case.maventa_invoice_id)["body"]

    def days_ago(self, days):
        return fields.Date.today() - timedelta(days=days)

    def settle_in(self, code):
        """The company and its customers move to another country of Ropo's."""
        country = self.env.ref(f"base.{code.lower()}")
        country.currency_id.active = True
        company = self.setup_other_company(
            name=f"Sample {code}",
            country_id=country.id,
            currency_id=country.currency_id.id,
        )["company"]
        company.partner_id.tz = "UTC"  # as the tests count days
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
        self.env = self.env(context={"allowed_company_ids": company.ids})
        return company, country

    def invoice_at(self, company, partner, **kwargs):
        move = self.invoice(partner=partner, at_maventa=False, **kwargs)
        self.sandbox.add_invoice(
            company.maventa_company_uuid,
            number=move.name,
            date=move.invoice_date,
            date_due=move.invoice_date_due,
            total=str(move.amount_total),
            currency=move.currency_id.name,
        )
        return move

    def person(self, country, **values):
        post_code = {"SE": "11122", "NO": "0150", "FI": "00100"}[country.code]
        return self.env["res.partner"].create(
            {
                "name": "Sample Trader",
                "street": "Samplestreet 1",
                "zip": post_code,
                "city": "Sample",
                "country_id": country.id,
                **values,
            }
        )

    # -- company or consumer ---------------------------------------------------
    def test_a_sole_trader_is_asked_about(self):
        trader = self.person(self.env.ref("base.fi"), company_registry="1572860-0")
        move = self.invoice(partner=trader)
        wizard = self.open(move)
        line = wizard.line_ids
        self.assertFalse(line.receivables_type)
        self.assertEqual(line.verdict, "warning")
        self.assertIn("Sample Trader is a person with a business id", line.reasons)
        wizard.confirm_warnings = True
        self.assertFalse(wizard.ready_count, "ticking the box is no answer")
        line.receivables_type = "b2b"
        self.assertEqual((line.verdict, wizard.ready_count), ("ready", 1))
        wizard.action_transfer()
        body = self.sent(wizard)
        self.assertEqual(body["receivables_type"], "b2b")
        self.assertEqual(
            {key: body["payers"][0].get(key) for key in ("type", "bid", "ssn")},
            {"type": "person", "bid": "1572860-0", "ssn": None},
        )
        note = move.message_ids.filtered(lambda m: "instead of Consumer" in m.body)
        self.assertEqual(len(note), 1)
        self.assertIn(self.env.user.name, note.body)
        # The answer is remembered.
        self.assertEqual(trader.ropo_receivables_type, "b2b")
        again = self.open(self.invoice(partner=trader)).line_ids
        self.assertEqual((again.receivables_type, again.verdict), ("b2b", "ready"))

    def test_a_sole_trader_answered_as_consumer(self):
        trader = self.person(self.env.ref("base.fi"), company_registry="1572860-0")
        wizard = self.open(self.invoice(partner=trader))
        wizard.line_ids.receivables_type = "b2c"
        self.assertEqual(wizard.line_ids.verdict, "ready")
        wizard.action_transfer()
        self.assertNotIn("bid", self.sent(wizard)["payers"][0])
        self.assertEqual(trader.ropo_receivables_type, "b2c")

    def test_no_automatic_path_for_sole_traders(self):
        self.company.ropo_transfer_policy = "propose"
        trader = self.person(self.env.ref("base.fi"), company_registry="1572860-0")
        asked, clear = self.invoice(partner=trader), self.invoice()
        self.run_cron("propose")
        self.assertFalse(asked.ropo_assignment_ids)
        self.assertEqual(clear.ropo_assignment_ids.state, "proposed")

    def test_making_a_consumer_a_company_is_deliberate(self):
        move = self.invoice(partner=self.consumer)
        wizard = self.open(move)
        wizard.line_ids.receivables_type = "b2b"
        self.assertEqual(wizard.line_ids.verdict, "blocked", "no business id")
        self.assertIn("business id", wizard.line_ids.reasons)
        wizard.line_ids.action_details()
        wizard.line_ids.payer_ids.bid = "1572860-0"
        self.assertEqual(wizard.line_ids.verdict, "warning")
        self.assertIn("counts as a consumer", wizard.line_ids.reasons)
        self.assertFalse(wizard.ready_count)
        wizard.confirm_warnings = True
        wizard.action_transfer()
        self.assertIn("counts as a consumer", wizard.assignment_ids.warnings_confirmed)
        self.assertIn("instead of Consumer", "".join(move.message_ids.mapped("body")))
        self.assertEqual(self.sent(wizard)["receivables_type"], "b2b")
        self.assertFalse(self.consumer.ropo_receivables_type)

    def test_the_kind_on_the_customer_is_tracked(self):
        consumer = self.consumer.with_context(
            tracking_disable=False, mail_notrack=False
        )
        for kind in ("b2c", "b2b"):
            consumer.ropo_receivables_type = kind
            self.env.cr.flush()
        values = self.env["mail.tracking.value"].search(
            [
                ("field_id.name", "=", "ropo_receivables_type"),
                ("mail_message_id.res_id", "=", consumer.id),
            ]
        )
        self.assertIn(
            ("Consumer", "Company"),
            [(value.old_value_char, value.new_value_char) for value in values],
        )

    def test_swedish_sole_trader(self):
        """The business id is a personal number: sent as such, kept hidden."""
        company, sweden = self.settle_in("SE")
        trader = self.person(sweden, company_registry=PERSONNUMMER)
        wizard = self.open(self.invoice_at(company, trader))
        self.assertFalse(wizard.line_ids.receivables_type)
        wizard.line_ids.receivables_type = "b2b"
        wizard.line_ids.action_details()
        payer = wizard.line_ids.payer_ids
        self.assertTrue(payer.needs_ssn)
        self.assertFalse(payer.bid)
        self.assertEqual(payer.ssn_masked, "…16")
        self.assertEqual(wizard.line_ids.verdict, "ready", wizard.line_ids.reasons)
        wizard.action_transfer()
        kept = wizard.assignment_ids.payer_ids
        self.assertEqual((kept.bid, kept.ssn_masked), (False, "…16"))
        payer = self.sent(wizard)["payers"][0]
        self.assertEqual(
            payer,
            {
                "type": "person",
                "name": "Sample Trader",
                "bid": PERSONNUMMER,
                "street_address": "Samplestreet 1",
                "post_code": "111 22",
                "city": "Sample",
                "country": "SE",
                "language": "en",
                "main": True,
            },
        )

    def test_swedish_sole_trader_kept_as_a_company(self):
        company, sweden = self.settle_in("SE")
        trader = self.person(sweden, is_company=True, vat="SE880320001601")
        wizard = self.open(self.invoice_at(company, trader))
        self.assertEqual(wizard.line_ids.verdict, "ready", wizard.line_ids.reasons)
        wizard.action_transfer()
        self.assertFalse(wizard.assignment_ids.payer_ids.bid)
        payer = self.sent(wizard)["payers"][0]
        self.assertEqual((payer["type"], payer["bid"]), ("person", PERSONNUMMER))

    # -- rental claims ---------------------------------------------------------
    def test_rental_data_of_the_last_case(self):
        self.consumer.sudo().ropo_personal_id = HETU
        self.consumer.ropo_receivables_type = "b2c_rental"
        wizard = self.open(self.invoice(partner=self.consumer))
        line = wizard.line_ids
        self.assertIn("Missing for the rental claim", line.reasons)
        line.write(
            {
                "rental_address": "Samplestreet 2 A 1",
                "rental_contract_type": "continuous",
                "rental_target_amount": 700,
            }
        )
        self.assertEqual(line.verdict, "ready", line.reasons)
        wizard.action_transfer()
        rental = self.sent(wizard)["industry_specific_options"]["rental"]
        self.assertEqual(rental["contract_type"], "continuous")
        self.assertNotIn("contract_expiry_date", rental)
        again = self.open(self.invoice(partner=self.consumer))
        self.assertEqual(again.line_ids.rental_address, "Samplestreet 2 A 1")
        self.assertEqual(again.line_ids.rental_target_amount, 700)
        self.assertEqual(again.line_ids.verdict, "ready", again.line_ids.reasons)
        case = wizard.assignment_ids
        self.assertEqual(case.rental_address, "Samplestreet 2 A 1")

    def test_business_rental_claim(self):
        self.business.ropo_receivables_type = "b2b_rental"
        wizard = self.open(self.invoice())
        wizard.line_ids.write(
            {
                "rental_address": "Samplestreet 2",
                "rental_contract_type": "temporary",
                "rental_contract_expiry": "2027-05-31",
            }
        )
        wizard.action_transfer()
        body = self.sent(wizard)
        self.assertEqual(body["receivables_type"], "b2b_rental")
        self.assertEqual(
            body["industry_specific_options"]["rental"],
            {
                "address": "Samplestreet 2",
                "contract_type": "temporary",
                "contract_expiry_date": "2027-05-31",
            },
        )

    def test_rental_data_stay_with_rental_claims(self):
        wizard = self.open(self.invoice())
        wizard.line_ids.rental_address = "Samplestreet 2"
        wizard.action_transfer()
        self.assertNotIn("industry_specific_options", self.sent(wizard))
        self.assertFalse(wizard.assignment_ids.rental_address)

    # -- collection alone ------------------------------------------------------
    def collection(self, partner=None, **values):
        wizard = self.open(self.invoice(partner=partner))
        wizard.collection_type = "collection"
        wizard.line_ids.write(values)
        return wizard.line_ids

    def test_finland_needs_the_reminder(self):
        for partner, days, verdict, words in (
            (self.business, None, "blocked", "enter when your own reminder was sent"),
            (self.business, 30, "blocked", "after the due date"),
            (self.business, -1, "blocked", "not in the future"),
            (self.business, 9, "warning", "less than 10 days"),
            (self.business, 10, "ready", ""),
            (self.consumer, 13, "blocked", "14 days after your reminder"),
            (self.consumer, 14, "ready", ""),
        ):
            with self.subTest(partner=partner.name, days=days):
                sent = days is not None and self.days_ago(days)
                line = self.collection(partner, reminder_date=sent)
                self.assertEqual(line.verdict, verdict, line.reasons)
                self.assertIn(words, line.reasons)

    def test_finnish_collection_sent(self):
        line = self.collection(
            reminder_date=self.days_ago(12), reminder_channel="letter"
        )
        line.wizard_id.action_transfer()
        self.assertEqual(self.sent(line.wizard_id)["collection_type"], "collection")
        case = line.wizard_id.assignment_ids
        self.assertEqual(case.reminder_date, self.days_ago(12))
        self.assertEqual(case.reminder_channel, "letter")

    def test_company_default_of_collection_needs_a_person_too(self):
        self.company.ropo_collection_type = "collection"
        self.company.ropo_transfer_policy = "propose"
        move = self.invoice()
        self.run_cron("propose")
        self.assertFalse(move.ropo_assignment_ids)
        wizard = self.open(move)
        self.assertEqual(wizard.collection_type, "collection")
        self.assertEqual(wizard.line_ids.verdict, "blocked")

    def test_sweden_needs_no_reminder(self):
        company, sweden = self.settle_in("SE")
        move = self.invoice_at(company, self.person(sweden))
        wizard = self.open(move)
        wizard.collection_type = "collection"
        self.assertEqual(wizard.line_ids.verdict, "ready", wizard.line_ids.reasons)
        wizard.action_transfer()
        self.assertEqual(self.sent(wizard)["collection_type"], "collection")

    def test_norway_needs_an_inkassovarsel(self):
        company, norway = self.settle_in("NO")
        company.ropo_collection_type = "collection"
        move = self.invoice_at(company, self.person(norway), overdue=40)
        wizard = self.open(move)
        line = wizard.line_ids
        self.assertEqual(wizard.collection_type, "reminder_and_collection")
        self.assertEqual(line.verdict, "ready", line.reasons)
        wizard.collection_type = "collection"
        for values, words in (
            ({}, "Enter when and how it was sent"),
            ({"reminder_date": self.days_ago(20)}, "Enter when and how it was sent"),
            ({"reminder_channel": "letter", "reminder_date": False}, "when and how"),
            ({"reminder_date": self.days_ago(40)}, "after the due date"),
            ({"reminder_date": self.days_ago(14)}, "runs until"),
            (
                {
                    "reminder_date": self.days_ago(20),
                    "reminder_deadline": self.days_ago(7),
                },
                "at least 14 days",
            ),
            ({"reminder_deadline": self.days_ago(0)}, "runs until"),
        ):
            line.write(values)
            self.assertEqual(line.verdict, "blocked", values)
            self.assertIn(words, line.reasons)
        line.reminder_deadline = self.days_ago(1)
        self.assertEqual(line.verdict, "ready", line.reasons)
        wizard.action_transfer()
        self.assertEqual(self.sent(wizard)["collection_type"], "collection")
        self.assertRecordValues(
            wizard.assignment_ids,
            [
                {
                    "reminder_date": self.days_ago(20),
                    "reminder_channel": "letter",
                    "reminder_deadline": self.days_ago(1),
                }
            ],
        )

    def test_the_form_gives_an_inkassovarsel_its_fourteen_days(self):
        company, norway = self.settle_in("NO")
        wizard = self.open(self.invoice_at(company, self.person(norway)))
        wizard.collection_type = "collection"
        with Form(wizard.line_ids) as form:
            form.reminder_date = self.days_ago(20)
            self.assertEqual(form.reminder_deadline, self.days_ago(6))

    def test_what_odoo_sent_is_proposed(self):
        """A message to the customer after the due date; a person confirms it."""
        mailed, silent = self.invoice(), self.invoice()
        customer = self.business
        customer.email = "customer@example.com"
        for move, days in ((mailed, 40), (mailed, 20), (mailed, 16)):
            message = move.message_post(
                body="Sample reminder",
                partner_ids=customer.ids,
                subtype_xmlid="mail.mt_comment",
            )
            message.date = self.days_ago(days)
            message.notification_ids.sudo().notification_status = "sent"
        # What could not be delivered reminded nobody.
        failed = mailed.message_post(
            body="Sample reminder",
            partner_ids=customer.ids,
            subtype_xmlid="mail.mt_comment",
        )
        failed.notification_ids.sudo().notification_status = "bounce"
        wizard = self.open(mailed | silent)
        self.assertFalse(any(wizard.line_ids.mapped("proposed_date")))
        wizard.collection_type = "collection"
        lines = {line.move_id: line for line in wizard.line_ids}
        self.assertFalse(lines[silent].proposed_date)
        self.assertEqual(lines[mailed].proposed_date, self.days_ago(16))
        self.assertEqual(lines[mailed].proposed_channel, "email")
        self.assertFalse(lines[mailed].reminder_date, "a person confirms it")
        self.assertEqual(wizard.proposed_count, 1)
        wizard.action_use_proposals()
        self.assertEqual(lines[mailed].reminder_date, self.days_ago(16))
        self.assertEqual(lines[mailed].reminder_channel, "email")
        self.assertEqual(lines[mailed].verdict, "ready", lines[mailed].reasons)
        self.assertEqual(wizard.proposed_count, 0)

    # -- own fees and interest -------------------------------------------------
    def fees(self, partner=None, **values):
        line = self.open(self.invoice(partner=partner)).line_ids
        line.write(values)
        return line

    def test_reminder_fees_beyond_the_table(self):
        for partner, fee, verdict in (
            (self.consumer, 5.0, "ready"),
            (self.consumer, 5.01, "warning"),
            (self.business, 12.0, "ready"),
            (self.business, 12.01, "warning"),
            (self.business, -1.0, "blocked"),
        ):
            line = self.fees(partner, reminder_amount=fee)
            self.assertEqual(line.verdict, verdict, (fee, line.reasons))
        line.reminder_amount = 15.0
        self.assertIn("the most is", line.reasons)
        self.assertIn("12.00", line.reasons)
        line.wizard_id.confirm_warnings = True
        line.wizard_id.action_transfer()
        amounts = self.sent(line.wizard_id)["amounts"]
        self.assertEqual(float(amounts["reminder_amount"]), 15.0)
        self.assertEqual(float(amounts["capital_amount"]), 100.0)

    def test_the_table_is_dated(self):
        Limit = self.env["ropo.fee.limit"]
        norway = self.env.ref("base.no")
        for due, amount in (("2025-12-31", 35.0), ("2026-01-01", 37.5)):
            limit = Limit._limit(norway, "b2c", fields.Date.to_date(due))
            self.assertEqual(limit.amount, amount)
        self.assertFalse(Limit._limit(norway, "b2c", fields.Date.to_date("2019-01-01")))
        for limit in Limit.search([]):
            self.assertTrue(limit.source)

    def test_a_swedish_fee_is_always_asked_about(self):
        company, sweden = self.settle_in("SE")
        line = self.open(self.invoice_at(company, self.person(sweden))).line_ids
        line.reminder_amount = 60.0
        self.assertEqual(line.verdict, "warning")
        self.assertIn("only if it was agreed", line.reasons)

    def test_own_interest_says_from_when_ropo_goes_on(self):
        line = self.fees(interest_amount=3.0)
        self.assertIn("from which day", line.reasons)
        line.interest_date = self.days_ago(31)
        self.assertIn("before the due date", line.reasons)
        line.interest_date = self.days_ago(30)
        self.assertEqual(line.verdict, "ready", line.reasons)
        line.wizard_id.action_transfer()
        amounts = self.sent(line.wizard_id)["amounts"]
        self.assertEqual(amounts["interest_calculation_date"], str(self.days_ago(30)))

    def test_no_interest_no_date(self):
        line = self.fees(interest_date=self.days_ago(30))
        line.wizard_id.action_transfer()
        amounts = self.sent(line.wizard_id)["amounts"]
        self.assertNotIn("interest_calculation_date", amounts)

    def test_interest_beyond_the_table(self):
        """A consumer in Finland owes the legal rate at most; companies agree on one."""
        rate = self.env["ropo.fee.limit"]._highest_rate(
            self.env.ref("base.fi"), "b2c", self.days_ago(30), fields.Date.today()
        )
        most = round(100.0 * rate / 100 * 30 / 365, 2)
        for partner, interest, verdict in (
            (self.consumer, most, "ready"),
            (self.consumer, most + 0.01, "warning"),
            (self.business, most + 0.01, "ready"),
        ):
            line = self.fees(
                partner, interest_amount=interest, interest_date=self.days_ago(0)
            )
            self.assertEqual(line.verdict, verdict, line.reasons)
        self.assertTrue(most)

    def test_nothing_but_fees(self):
        fee = self.env["product.product"].create({"name": "Sample reminder fee"})
        only, mixed = self.invoice(5.0), self.invoice()
        only.invoice_line_ids.product_id = fee
        mixed.button_draft()
        mixed.invoice_line_ids = [
            Command.create({"product_id": fee.id, "price_unit": 5.0, "tax_ids": []})
        ]
        mixed.action_post()
        self.at_maventa(mixed)
        verdicts = (only | mixed)._ropo_verdicts()
        self.assertFalse(verdicts[only].blocks)
        self.company.ropo_fee_product_ids = fee
        verdicts = (only | mixed)._ropo_verdicts()
        self.assertEqual([code for code, _text in verdicts[only].blocks], ["only_fees"])
        self.assertFalse(verdicts[mixed].blocks)
        self.company.ropo_fee_product_ids = False
        self.company.ropo_fee_account_ids = only.invoice_line_ids.account_id
        self.assertTrue(only._ropo_verdicts()[only].blocks)

    # -- summary ---------------------------------------------------------------
    def test_summary_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("fi_FI")
        self.company.ropo_summary_template = "Invoice {number}: {line}"
        self.company.with_context(
            lang="fi_FI"
        ).ropo_summary_template = "Lasku {number}, eräpäivä {due}: {line}"
        self.business.lang, self.consumer.lang = "fi_FI", "en_US"
        finnish, english = self.invoice(), self.invoice(partner=self.consumer)
        due = finnish.invoice_date_due
        self.assertEqual(
            finnish._ropo_summary(),
            f"Lasku {finnish.name}, eräpäivä {due.day}.{due.month}.{due.year}: Sample",
        )
        self.assertEqual(english._ropo_summary(), f"Invoice {english.name}: Sample")
        english.invoice_line_ids.name = "Sample\nwith much to say " * 9
        self.assertLessEqual(len(english._ropo_summary()), 64)
        self.assertTrue(english._ropo_summary().endswith("…"))

    def test_summary_is_checked_on_the_case(self):
        case = self.transfer(self.invoice())
        for text in ("x", "  x "):
            with self.assertRaisesRegex(ValidationError, "2 to 64"):
                case.sudo().summary = text
