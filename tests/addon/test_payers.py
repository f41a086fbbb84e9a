"""Debtors in the transfer window: read, completed, corrected, sent."""

from odoo import Command, fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, new_test_user, tagged

from .common import RopoCommon

HETU, SECOND_HETU, THIRD_HETU = "131052-308T", "131052Y308T", "131052X308T"
PERSONNUMMER = "880320-0016"


@tagged("post_install", "-at_install")
class TestPayers(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk = cls.new_user("clerk")
        cls.trusted = cls.new_user("trusted", "ropo_collection.group_personal_id")

    @classmethod
    def new_user(cls, login, *groups):
        groups = ("base.group_user", "account.group_account_invoice", *groups)
        return new_test_user(
            cls.env,
            f"ropo_{login}",
            groups=",".join(groups),
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def open(self, moves, user=None):
        moves = moves.with_user(user or self.env.user)
        action = moves.action_ropo_transfer()
        return moves.env["ropo.transfer"].browse(action["res_id"])

    def details(self, move, user=None):
        """The form of the only line, as its button opens it."""
        line = self.open(move, user).line_ids
        action = line.action_details()
        self.assertEqual(action["res_id"], line.id)
        return line

    def tenant(self, name, number=False, **values):
        partner = self.consumer.copy({"name": name, **values})
        partner.sudo().ropo_personal_id = number
        return partner

    def sent(self, wizard):
        """The body Maventa got for the only case of this window."""
        self.run_cron("transfer")
        case = wizard.assignment_ids
        self.assertIn(case.state, ("pending", "sent"), case.error_message)
        return self.sandbox.case(case.maventa_invoice_id)["body"]

    # -- what is read from the customer -----------------------------------------
    def test_data_come_from_the_nearest_contact_that_has_them(self):
        company = self.business.copy(
            {
                "street": False,
                "zip": False,
                "city": False,
                "email": False,
                "child_ids": [
                    Command.create({"name": "Sample Contact", "phone": "040 1234567"}),
                    Command.create(
                        {
                            "name": "Sample Accounts",
                            "type": "invoice",
                            "street": "Samplestreet 9",
                            "zip": "FI-00200",
                            "city": "Espoo",
                            "country_id": self.env.ref("base.fi").id,
                            "email": "accounts@example.com",
                        }
                    ),
                ],
            }
        )
        wizard = self.open(self.invoice(partner=company))
        self.assertEqual(wizard.line_ids.verdict, "ready")
        wizard.action_transfer()
        payer = self.sent(wizard)["payers"][0]
        self.assertEqual(
            payer,
            {
                "type": "company",
                "name": company.name,
                "bid": "1572860-0",
                "street_address": "Samplestreet 9",
                "post_code": "00200",
                "city": "Espoo",
                "country": "FI",
                "email": "accounts@example.com",
                "phone_number": "+358401234567",
                "language": "en",
                "main": True,
            },
        )

    def test_what_is_wrong_is_named_by_country(self):
        sweden, norway = self.env.ref("base.se"), self.env.ref("base.no")
        for values, words in (
            ({"zip": "0010"}, "The post code needs 5 digits in Finland."),
            ({"zip": "1234", "country_id": sweden.id}, "5 digits in Sweden"),
            ({"zip": "12345", "country_id": norway.id}, "4 digits in Norway"),
        ):
            partner = self.consumer.copy(values)
            line = self.open(self.invoice(partner=partner)).line_ids
            self.assertEqual(line.verdict, "blocked")
            self.assertIn(f"{partner.name}: ", line.reasons)
            self.assertIn(words, line.reasons)

    def test_what_can_not_be_read_and_is_not_needed_is_left_out(self):
        partner = self.consumer.copy(
            {"email": "one@example.com; two@example.com", "phone": "ask for Sample"}
        )
        wizard = self.open(self.invoice(partner=partner))
        wizard.action_transfer()
        payer = self.sent(wizard)["payers"][0]
        self.assertEqual(payer["email"], "one@example.com")
        self.assertNotIn("phone_number", payer)
        line = self.details(self.invoice(partner=partner))
        line.payer_ids.write({"email": "nobody", "phone": "12"})
        self.assertIn("e-mail address", line.reasons)
        self.assertIn("phone number can't be read", line.reasons)

    # -- mended in the window -------------------------------------------------------
    def test_missing_address_is_mended_and_kept_for_this_case_only(self):
        self.business.write({"street": False, "zip": False})
        line = self.details(self.invoice())
        self.assertIn("Missing for Sample Business Oy: street, post code", line.reasons)
        self.assertIn("street, post code", line.payer_ids.problems)
        with Form(line) as form:
            with form.payer_ids.edit(0) as payer:
                payer.street, payer.zip = "Samplestreet 5", "00500"
                self.assertFalse(payer.problems)
            self.assertEqual(form.verdict, "ready")
            self.assertTrue(form.is_edited)
        line.action_back()
        self.assertEqual(line.verdict, "ready")
        line.wizard_id.action_transfer()
        payer = self.sent(line.wizard_id)["payers"][0]
        self.assertEqual(payer["street_address"], "Samplestreet 5")
        self.assertFalse(self.business.street)

    def test_mended_and_written_back(self):
        self.env["res.lang"]._activate_lang("fi_FI")
        self.business.write(
            {"street": False, "zip": False, "city": False, "company_registry": False}
        )
        line = self.details(self.invoice())
        with Form(line) as form:
            with form.payer_ids.edit(0) as payer:
                payer.street, payer.zip, payer.city = "Samplestreet 5", "FI-00500", "X"
                payer.bid, payer.phone = "15728600", "040 123 4567"
                payer.email, payer.language = "sample@example.com", "fi"
            form.write_back = True
        line.wizard_id.action_transfer()
        self.assertRecordValues(
            self.business,
            [
                {
                    "street": "Samplestreet 5",
                    "zip": "00500",
                    "city": "X",
                    "company_registry": "1572860-0",
                    "phone": "+358401234567",
                    "email": "sample@example.com",
                    "lang": "fi_FI",
                }
            ],
        )
        self.assertIn("Corrected with the transfer", self.business.message_ids[0].body)
        payer = self.sent(line.wizard_id)["payers"][0]
        self.assertEqual(payer["bid"], "1572860-0")

    def test_what_was_emptied_stays_with_the_customer(self):
        self.business.email = "sample@example.com"
        line = self.details(self.invoice())
        line.payer_ids.write({"email": False, "street": "Samplestreet 5"})
        line.write_back = True
        line.wizard_id.action_transfer()
        self.assertNotIn("email", self.sent(line.wizard_id)["payers"][0])
        self.assertEqual(self.business.email, "sample@example.com")
        self.assertEqual(self.business.street, "Samplestreet 5")

    def test_writing_back_needs_the_users_own_rights(self):
        self.business.street = False
        line = self.details(self.invoice(), self.clerk)
        line.payer_ids.street = "Samplestreet 5"
        line.write_back = True
        with self.assertRaisesRegex(UserError, "may not change customers"):
            line.wizard_id.action_transfer()
        line.write_back = False
        line.wizard_id.action_transfer()
        self.assertTrue(line.wizard_id.assignment_ids)
        self.assertFalse(self.business.street)

    def test_mended_on_the_customer_meanwhile(self):
        self.business.write({"street": False, "zip": False})
        line = self.details(self.invoice())
        line.payer_ids.zip = "00500"
        self.business.write({"street": "Samplestreet 7", "zip": "00700"})
        line.action_back()
        self.assertEqual(line.payer_ids.street, "Samplestreet 7")
        self.assertEqual(line.payer_ids.zip, "00500", "typed by a person")
        self.assertEqual(line.verdict, "ready")

    def test_retry_reads_the_customer_again_and_keeps_what_was_typed(self):
        second = self.tenant("Sample Second")
        self.consumer.ropo_codebtor_ids = second
        line = self.details(self.invoice(partner=self.consumer))
        main, other = line.payer_ids
        main.street = "Typed street 1"
        self.env["ropo.transfer.payer"].create(
            {
                "line_id": line.id,
                "name": "Sample Third",
                "street": "Typed street 3",
                "zip": "00300",
                "city": "Helsinki",
                "country_id": self.env.ref("base.fi").id,
            }
        )
        line.wizard_id.action_transfer()
        case = line.wizard_id.assignment_ids
        case.sudo().write({"state": "error", "error_message": "Sample"})
        self.consumer.write({"street": "New street 1", "city": "Turku"})
        second.city = "Oulu"
        case.action_retry()
        self.assertRecordValues(
            case.payer_ids,
            [
                {
                    "name": self.consumer.name,
                    "street": "Typed street 1",
                    "city": "Turku",
                },
                {"name": "Sample Second", "street": "Samplestreet 2", "city": "Oulu"},
                {
                    "name": "Sample Third",
                    "street": "Typed street 3",
                    "city": "Helsinki",
                },
            ],
        )
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent", case.error_message)

    def test_retry_after_the_debtor_changed(self):
        """The customer turned out to be a company's contact: typed for another."""
        move = self.invoice(partner=self.consumer)
        line = self.details(move)
        line.payer_ids.street = "Typed street 1"
        line.wizard_id.action_transfer()
        case = line.wizard_id.assignment_ids
        case.sudo().state = "error"
        self.consumer.parent_id = self.business
        case.action_retry()
        self.assertEqual(case.payer_ids.partner_id, self.business)
        self.assertEqual(case.payer_ids.street, "Samplestreet 1")

    # -- co-debtors -----------------------------------------------------------------
    def test_consumer_rental_claim_with_two_codebtors(self):
        """The whole body, as it arrived over HTTP."""
        self.consumer.sudo().ropo_personal_id = HETU
        self.consumer.ropo_receivables_type = "b2c_rental"
        second = self.tenant("Sample Second", SECOND_HETU, lang=False)
        self.consumer.ropo_codebtor_ids = second
        move = self.invoice(850.5, partner=self.consumer)
        line = self.details(move, self.trusted)
        self.assertIn("rented property", line.reasons)
        self.assertEqual(line.payer_ids.mapped("ssn_masked"), ["…8T", "…8T"])
        with Form(line) as form:
            form.summary = "Rent, November"
            form.rental_address = "Samplestreet 2 A 1, Helsinki"
            form.rental_contract_type = "temporary"
            form.rental_target_amount = 850.5
            self.assertIn("end of the contract", form.reasons)
            form.rental_contract_expiry = "2027-05-31"
            with form.payer_ids.new() as payer:
                payer.name = "Sample Third"
                payer.street = "Samplestreet 3"
                payer.zip, payer.city = "00300", "Helsinki"
                payer.country_id = self.env.ref("base.fi")
                self.assertIn("personal identity number", payer.problems)
                payer.ssn = "131052X308A"
                self.assertIn("identity number is not valid", payer.problems)
                self.assertNotIn("131052", payer.problems)
                payer.ssn = THIRD_HETU
                payer.phone = "040 123 4567"
                payer.language = "sv"
                self.assertFalse(payer.problems)
            form.reminder_amount = 5
            form.interest_amount = 6.25
            self.assertIn("interest", form.reasons)
            form.interest_date = fields.Date.today()
            self.assertEqual(form.verdict, "ready", form.reasons)
        line.wizard_id.action_transfer()
        self.assertFalse(line.sudo().payer_ids.filtered("ssn"))
        person = {
            "type": "person",
            "street_address": "Samplestreet 2",
            "post_code": "00100",
            "city": "Helsinki",
            "country": "FI",
        }
        body = self.sent(line.wizard_id)
        self.assertEqual(
            _plain(body),
            {
                "collection_type": "reminder_and_collection",
                "receivables_type": "b2c_rental",
                "assignment_summary": "Rent, November",
                "payers": [
                    {
                        **person,
                        "name": "Sample Consumer",
                        "ssn": HETU,
                        "language": "en",
                        "main": True,
                    },
                    {
                        **person,
                        "name": "Sample Second",
                        "ssn": SECOND_HETU,
                        "main": False,
                    },
                    {
                        **person,
                        "name": "Sample Third",
                        "ssn": THIRD_HETU,
                        "street_address": "Samplestreet 3",
                        "post_code": "00300",
                        "phone_number": "+358401234567",
                        "language": "sv",
                        "main": False,
                    },
                ],
                "amounts": {
                    "capital_amount": 850.5,
                    "reminder_amount": 5.0,
                    "interest_amount": 6.25,
                    "interest_calculation_date": str(fields.Date.today()),
                },
                "industry_specific_options": {
                    "rental": {
                        "address": "Samplestreet 2 A 1, Helsinki",
                        "contract_type": "temporary",
                        "contract_expiry_date": "2027-05-31",
                        "current_target_amount": 850.5,
                    }
                },
            },
        )

    def test_codebtor_chosen_among_the_customers(self):
        second = self.tenant("Sample Second", street="Samplestreet 8")
        line = self.details(self.invoice(partner=self.consumer))
        with Form(line) as form:
            with form.payer_ids.new() as payer:
                payer.partner_id = second
                self.assertEqual(payer.street, "Samplestreet 8")
        line.wizard_id.action_transfer()
        payers = self.sent(line.wizard_id)["payers"]
        self.assertEqual([payer["name"] for payer in payers][1:], ["Sample Second"])
        self.assertEqual([payer["main"] for payer in payers], [True, False])

    def test_the_main_debtor_stays(self):
        line = self.details(self.invoice())
        with self.assertRaisesRegex(UserError, "main debtor"):
            line.payer_ids.unlink()

    def test_many_customers_cost_no_more_queries(self):
        """Contacts and co-debtors of all are read together."""
        moves = self.env["account.move"]
        for number in range(12):
            second = self.tenant(f"Sample Second {number}")
            customer = self.consumer.copy(
                {
                    "name": f"Sample Tenant {number}",
                    "street": False,
                    "ropo_codebtor_ids": [Command.set(second.ids)],
                    "child_ids": [
                        Command.create(
                            {
                                "name": "Sample Contact",
                                "type": "invoice",
                                "street": "Samplestreet 9",
                                "zip": "00200",
                                "city": "Espoo",
                                "country_id": self.env.ref("base.fi").id,
                            }
                        )
                    ],
                }
            )
            moves |= self.invoice(partner=customer, at_maventa=False)
        queries = []
        for some in (moves[:4], moves):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            verdicts = some._ropo_verdicts()
            queries.append(self.env.cr.sql_log_count - before)
            self.assertFalse(any(verdict.blocks for verdict in verdicts.values()))
        self.assertLessEqual(queries[1], queries[0])

    def test_codebtors_of_the_partner_go_without_opening_details(self):
        guarantor = self.tenant("Sample Guarantor")
        self.business.ropo_codebtor_ids = guarantor | self.business
        wizard = self.open(self.invoice())
        wizard.action_transfer()
        payers = self.sent(wizard)["payers"]
        self.assertEqual([one["type"] for one in payers], ["company", "person"])
        self.assertNotIn("ssn", payers[1])

    # -- personal numbers ----------------------------------------------------------
    def rental(self, user):
        self.consumer.ropo_receivables_type = "b2c_rental"
        line = self.details(self.invoice(partner=self.consumer), user)
        line.write(
            {"rental_address": "Samplestreet 2", "rental_contract_type": "continuous"}
        )
        return line

    def test_number_on_file_is_used_without_being_shown(self):
        self.consumer.sudo().ropo_personal_id = HETU
        line = self.rental(self.clerk)
        self.assertEqual(line.verdict, "ready", line.reasons)
        self.assertEqual(line.payer_ids.ssn_masked, "…8T")
        with self.assertRaises(AccessError):
            line.payer_ids.ssn  # noqa: B018
        with self.assertRaises(AccessError):
            line.payer_ids.ssn = SECOND_HETU
        line.wizard_id.action_transfer()
        self.assertEqual(self.sent(line.wizard_id)["payers"][0]["ssn"], HETU)

    def test_without_a_number_on_file(self):
        line = self.rental(self.clerk)
        self.assertEqual(line.verdict, "blocked")
        self.assertIn("personal identity number", line.reasons)

    def test_a_tenant_who_moved_away_keeps_the_number(self):
        self.consumer.write({"country_id": self.env.ref("base.se").id, "zip": "11122"})
        self.consumer.sudo().ropo_personal_id = HETU
        line = self.rental(self.clerk)
        self.assertEqual(line.verdict, "warning", line.reasons)
        self.assertIn("Sweden", line.reasons)
        line.wizard_id.confirm_warnings = True
        line.wizard_id.action_transfer()
        self.assertEqual(self.sent(line.wizard_id)["payers"][0]["ssn"], HETU)

    def test_typed_number_stays_when_tried_again(self):
        line = self.rental(self.trusted)
        line.payer_ids.ssn = HETU
        line.wizard_id.action_transfer()
        case = line.wizard_id.assignment_ids
        case.sudo().state = "error"
        case.with_user(self.clerk).action_retry()
        self.assertEqual(self.sent(line.wizard_id)["payers"][0]["ssn"], HETU)
        self.assertFalse(self.consumer.sudo().ropo_personal_id)

    def test_number_is_asked_for_only_where_needed(self):
        self.consumer.sudo().ropo_personal_id = HETU
        line = self.details(self.invoice(partner=self.consumer), self.trusted)
        self.assertFalse(line.payer_ids.needs_ssn)
        self.assertFalse(line.payer_ids.ssn_masked)
        line.payer_ids.ssn = SECOND_HETU
        line.wizard_id.action_transfer()
        self.assertNotIn("ssn", self.sent(line.wizard_id)["payers"][0])
        self.assertFalse(line.wizard_id.assignment_ids.sudo().payer_ids.ssn)

    def test_number_written_back(self):
        keeper = self.new_user(
            "keeper", "ropo_collection.group_personal_id", "base.group_partner_manager"
        )
        line = self.rental(keeper)
        with Form(line) as form:
            with form.payer_ids.edit(0) as payer:
                payer.ssn = HETU.lower()
            form.write_back = True
        line.wizard_id.action_transfer()
        self.assertEqual(self.consumer.sudo().ropo_personal_id, HETU)
        for message in self.consumer.message_ids:
            self.assertNotIn("308T", message.body)


def _plain(value):
    """Decimals as the numbers they stand for."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | str) else float(value)
