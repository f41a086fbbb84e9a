"""What Maventa and Ropo refuse, and the sentence that a person reads."""

from odoo.tests import tagged

from odoo.addons.ropo_collection.maventa.errors import MASK

from .nordic import NordicCommon
from .test_upload import HAND_OVER, Wire

#: Sample personal ids, each in what a server may make of it.
#: As stored, and as people spell them.
PERSONAL_IDS = {
    "131052-308T": ("131052-308T", "131052308T", "131052308t"),
    "19811228-9874": ("19811228-9874", "198112289874", "811228-9874", "8112289874"),
    "11077941012": ("11077941012", "110779 41012"),
}


#: The country of each, with a post code.
HOMES = {
    "131052-308T": ("fi", "00100"),
    "19811228-9874": ("se", "111 22"),
    "11077941012": ("no", "0150"),
}


@tagged("post_install", "-at_install")
class TestRefusals(Wire, NordicCommon):
    """Each refusal stops one case, with what is wrong, where, and what to do."""

    def queued(self):
        case = self.transfer(self.taxed(at_maventa=True))
        self.sent.clear()
        return case

    def refused(self, status, code="invalid_parameters", message="", details=()):
        """A case whose hand-over is refused in these words."""
        case = self.queued()
        self.answer(
            "POST",
            HAND_OVER,
            status,
            {"code": code, "message": message, "details": details},
        )
        self.run_cron("transfer")
        self.assertStopped(case)
        self.assertEqual(case.activity_ids.note.count(case.error_message[:20]), 1)
        return case

    def test_field_that_is_wrong(self):
        customer = "of Sample Business (on the customer)"
        for details, words in (
            (
                ["payers[0].post_code is invalid"],
                f"Correct this: the post code {customer}",
            ),
            (
                {"payers": [{"city": ["can't be blank"]}]},
                f"Correct this: the city {customer}",
            ),
            (["bid has a wrong checksum"], f"the business id {customer}"),
            (["phone_number is not valid"], f"the phone number {customer}"),
            (["payers[0].email"], f"the e-mail address {customer}"),
            (["payers[7].street_address"], f"Correct this: the street {customer}"),
            (
                ["assignment_summary too long"],
                "Correct this: the summary (2 to 64 characters",
            ),
            (
                ["amounts[capital_amount] too large"],
                "Correct this: the claim (what the",
            ),
            (["amounts.reminder_amount"], "your own reminder fees"),
            (["amounts.interest_amount"], "your own interest"),
            (["receivables_type"], "the kind of claim"),
            (["collection_type"], "the way of collecting"),
            (["rental.contract_type"], "the data of the rental contract"),
            (
                ["payers[0].post_code", "payers[0].city"],
                f"the post code {customer}; the city {customer}. Then press Try again",
            ),
            (["something else"], "Correct what it says, then press Try again"),
            ([], "Correct what it says, then press Try again, or Cancel transfer."),
        ):
            with self.subTest(details):
                case = self.refused(400, message="Sample refusal", details=details)
                self.assertIn("Maventa does not accept this.", case.error_message)
                self.assertIn("Sample refusal", case.error_message)
                self.assertIn(words, case.error_message)

    def test_every_status(self):
        for status, code, sentence, advice in (
            (400, "invalid_parameters", "does not accept this", "Correct what"),
            (422, "invalid_parameters", "does not accept this", "Correct what"),
            (403, "forbidden", "does not allow this", "Ask Maventa's support why"),
            (404, "not_found", "does not know this", "press Find at Maventa"),
            (409, "conflict", "has been done already", "Cases already at Ropo"),
        ):
            with self.subTest(status):
                case = self.refused(status, code, "Sample refusal")
                self.assertIn(sentence, case.error_message)
                self.assertIn("It says: Sample refusal", case.error_message)
                self.assertIn(advice, case.error_message)
                self.run_cron("transfer")
                self.assertEqual(len(self.bodies("POST", HAND_OVER)), 1)
                # Correcting and retrying is one button …
                case.action_retry()
                self.run_cron("transfer", "poll")
                self.assertEqual(case.state, "sent")
                self.assertFalse(case.activity_ids)

    def test_giving_up_is_one_button(self):
        case = self.refused(400)
        case.action_cancel()
        self.assertEqual(case.state, "cancelled")
        self.assertFalse(case.needs_attention)
        self.assertFalse(case.activity_ids)
        self.run_cron("transfer")
        self.assertEqual(len(self.bodies("POST", HAND_OVER)), 1)

    def test_refused_by_the_sandbox_itself(self):
        """No canned answer: what the sandbox really says when it is sent nonsense."""
        self.sandbox.transfers_before_due_ok = False
        case = self.queued()
        with self.sandbox.transaction() as state:
            invoice = state["invoices"][self.at_maventa(case.move_id)]
            invoice["date_due"] = "2999-01-01"
        self.run_cron("transfer")
        self.assertStopped(case, "too few days have passed since the due date")

    def test_not_taken_by_ropo(self):
        for reason, words in (
            (
                "Debtor unknown: post_code",
                "Correct this: the post code of Sample Business",
            ),
            ("The debtor is bankrupt.", "is bankrupt. Correct what it says"),
            ("", "gives no reason. Ask Ropo, then press Try again"),
        ):
            with self.subTest(reason):
                self.sandbox.processing_seconds = 3600
                case = self.queued()
                self.run_cron("transfer")
                self.sandbox.fail(case.maventa_invoice_id, reason)
                self.run_cron("poll")
                self.sandbox.processing_seconds = 0
                self.assertEqual(case.state, "error")
                self.assertIn(words, case.error_message)
                case.action_retry()
                self.run_cron("transfer", "poll")
                self.assertEqual(case.state, "sent", case.error_message)

    def test_passing_trouble_is_shown_and_waits(self):
        self.sandbox.processing_seconds = 3600
        case = self.queued()
        self.run_cron("transfer")
        self.sandbox.wait(case.maventa_invoice_id, "Ropo's register is closed")
        self.run_cron("poll")
        self.assertEqual(case.state, "pending")
        self.assertEqual(case.error_message, "Ropo's register is closed")
        self.assertFalse(case.needs_attention)
        self.assertTrue(case.next_try_at)

    def make_person(self, case, number):
        """The debtor is a person with this number."""
        country, post_code = HOMES[number]
        case.sudo().receivables_type = "b2c"
        case.sudo().payer_ids.write(
            {
                "kind": "person",
                "bid": False,
                "ssn": number,
                "country_id": self.env.ref(f"base.{country}").id,
                "zip": post_code,
            }
        )

    def test_no_personal_id_in_what_is_shown(self):
        for number, spelt in PERSONAL_IDS.items():
            for text in spelt:
                with self.subTest(text):
                    case = self.queued()
                    self.make_person(case, number)
                    said = f"ssn {text} is wrong"
                    self.answer(
                        "POST",
                        HAND_OVER,
                        400,
                        {"code": "x", "message": said, "details": {"ssn": [said]}},
                    )
                    self.run_cron("transfer")
                    self.assertEqual(case.state, "error")
                    self.assertNotIn(text, self.everything_shown(case))
                    self.assertIn(MASK, case.error_message)
                    self.assertIn("the personal identity number", case.error_message)

    def test_no_personal_id_in_ropos_reason(self):
        for number, spelt in PERSONAL_IDS.items():
            with self.subTest(number):
                self.sandbox.processing_seconds = 3600
                case = self.queued()
                self.make_person(case, number)
                self.run_cron("transfer")
                self.sandbox.wait(case.maventa_invoice_id, f"Looking up {spelt[-1]}")
                self.run_cron("poll")
                self.assertNotIn(spelt[-1], self.everything_shown(case))
                self.sandbox.fail(case.maventa_invoice_id, f"Unknown: {spelt[-1]}")
                self.let_pass(case, days=1)
                self.run_cron("poll")
                self.sandbox.processing_seconds = 0
                self.assertEqual(case.state, "error")
                self.assertNotIn(spelt[-1], self.everything_shown(case))

    def everything_shown(self, case):
        messages = case.message_ids | case.move_id.message_ids
        return " ".join(
            [
                *messages.mapped("body"),
                *case.activity_ids.mapped("note"),
                case.error_message or "",
                case.attention_reason or "",
            ]
        )
