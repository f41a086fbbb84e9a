"""Real invoices of three countries: found or uploaded, handed over, and refused."""

import json
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs, urlsplit

from lxml import etree

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import KEYS
from .nordic import COUNTRIES, NordicCommon

HAND_OVER = "/assignment/ropo"
#: AutoXChange API, upload of an invoice: the fields of its form that this addon fills
#: in, with the values it may give them. (Format is an enumeration there; uuid has 36
#: characters at most; prevent_routing is a boolean; the file must have a name.)
UPLOAD_FORM = {"format": "PEPPOLBIS30", "prevent_routing": "true"}
WORKER = "odoo.addons.ropo_collection.models.ropo_worker"


class Wire:
    """Looks at what goes over the wire, and answers in Maventa's place."""

    def setUp(self):
        super().setUp()
        self.sent, self.answers = [], []
        handle = self.sandbox.handle

        def listen(method, url, headers, body=b""):
            parts = urlsplit(url)
            self.sent.append((method, parts.path, parts.query, headers, body))
            for answer in self.answers:
                if answer[0] == method and answer[1] in parts.path:
                    self.answers.remove(answer)
                    status, data = answer[2:]
                    kind = {"Content-Type": "application/json"}
                    return status, kind, json.dumps(data).encode()
            return handle(method, url, headers, body)

        self.sandbox.handle = listen

    def answer(self, method, path, status, data):
        """The next such call gets this answer; the sandbox never hears of it."""
        self.answers.append((method, path, status, data))

    def refuse(self, path, status, code="invalid_parameters", message="", *details):
        data = {"code": code, "message": message, "details": list(details)}
        self.answer("POST", path, status, data)

    def bodies(self, method, part):
        return [sent for sent in self.sent if sent[0] == method and part in sent[1]]

    def uploads(self):
        return [sent for sent in self.sent if sent[:2] == ("POST", "/v1/invoices")]

    def form(self, upload):
        """A multipart form: ``{name: (file name, content type, content)}``."""
        head = f"Content-Type: {upload[3]['Content-Type']}\r\n\r\n".encode()
        message = BytesParser(policy=HTTP).parsebytes(head + upload[4])
        self.assertEqual(message.get_content_type(), "multipart/form-data")
        return {
            part.get_param("name", header="content-disposition"): (
                part.get_filename(),
                part.get_content_type(),
                part.get_payload(decode=True),
            )
            for part in message.iter_parts()
        }

    def handed_over(self, case):
        """The body of the one hand-over of this case."""
        [sent] = self.bodies("POST", f"{case.maventa_invoice_id}{HAND_OVER}")
        self.assertEqual(sent[3]["Content-Type"], "application/json")
        return json.loads(sent[4])

    def assertStopped(self, case, *words):
        self.assertEqual(case.state, "error", case.error_message)
        self.assertTrue(case.needs_attention)
        for word in words:
            self.assertIn(word, case.error_message)
        self.assertFalse(self.sandbox.case(case.maventa_invoice_id or "?"))


class CountryTests(Wire):
    """The same for each country."""

    def expected_body(self, case, **payer):
        facts = COUNTRIES[self.country_code]
        return {
            "collection_type": "reminder_and_collection",
            "receivables_type": case.receivables_type,
            "assignment_summary": case.summary,
            "payers": [
                {
                    "street_address": "Sampleroad 2",
                    "post_code": facts["address"]["zip"],
                    "city": facts["address"]["city"],
                    "country": self.country_code,
                    "language": facts["lang"][:2],
                    "main": True,
                    **payer,
                }
            ],
            "amounts": {
                "capital_amount": case.move_id.amount_total,
                "reminder_amount": 0.0,
                "interest_amount": 0.0,
            },
        }

    def business_payer(self):
        return {
            "type": "company",
            "name": "Sample Business",
            "bid": COUNTRIES[self.country_code]["business"]["company_registry"],
        }

    def consumer_payer(self):
        return {"type": "person", "name": "Sample Consumer"}

    def test_found_and_handed_over(self):
        for partner, payer in (
            (self.business, self.business_payer()),
            (self.consumer, self.consumer_payer()),
        ):
            with self.subTest(partner.name):
                self.sent.clear()
                move = self.taxed(partner=partner, at_maventa=True)
                case = self.transfer(move)
                self.run_cron("transfer", "poll")
                self.assertEqual(case.state, "sent", case.error_message)
                [look] = [sent for sent in self.sent if sent[1] == "/v1/invoices"]
                self.assertEqual(
                    parse_qs(look[2]),
                    {
                        "direction": ["SENT"],
                        "number": [move.name],
                        "page": ["1"],
                        "per_page": ["100"],
                    },
                )
                body = self.handed_over(case)
                self.assertEqual(body, self.expected_body(case, **payer))

    def test_uploaded_and_handed_over(self):
        for partner, payer in (
            (self.business, self.business_payer()),
            (self.consumer, self.consumer_payer()),
        ):
            with self.subTest(partner.name):
                self.sent.clear()
                move = self.taxed(partner=partner)
                case = self.transfer(move, upload_missing=True)
                self.run_cron("transfer", "poll")
                self.assertEqual(case.state, "sent", case.error_message)
                [upload] = self.uploads()
                form = self.form(upload)
                own_id = move.maventa_upload_uuid
                name, kind, content = form.pop("file")
                self.assertEqual(
                    {name: value[2].decode() for name, value in form.items()},
                    {**UPLOAD_FORM, "uuid": own_id},
                )
                self.assertEqual(len(own_id), 36)
                number = move.name.replace("/", "_")
                self.assertEqual(name, f"{number}_ubl_bis3.xml")
                self.assertEqual(kind, "application/xml")
                tag = "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice"
                self.assertEqual(etree.fromstring(content).tag, tag)
                self.assertEqual(case.maventa_invoice_id, own_id)
                self.assertEqual(self.all_there().count(own_id), 1)
                body = self.handed_over(case)
                self.assertEqual(body, self.expected_body(case, **payer))
                said = " ".join(move.message_ids.mapped("body"))
                self.assertIn("Nothing was sent to the customer", said)


@tagged("post_install", "-at_install", "post_install_l10n")
class TestFinland(CountryTests, NordicCommon):
    country_code = "FI"


@tagged("post_install", "-at_install", "post_install_l10n")
class TestSweden(CountryTests, NordicCommon):
    country_code = "SE"


@tagged("post_install", "-at_install", "post_install_l10n")
class TestNorway(CountryTests, NordicCommon):
    country_code = "NO"


@tagged("post_install", "-at_install", "post_install_l10n")
class TestUpload(Wire, NordicCommon):
    """What may go wrong on the way, and what people choose."""

    def queued(self, **values):
        case = self.transfer(self.taxed(), upload_missing=True, **values)
        self.sent.clear()
        return case

    def assertUploadedOnce(self, case):
        self.assertIn(case.state, ("pending", "sent"), case.error_message)
        own_id = case.move_id.maventa_upload_uuid
        self.assertEqual(self.all_there().count(own_id), 1)
        with self.sandbox.transaction() as state:
            numbers = [inv["number"] for inv in state["invoices"].values()]
        self.assertEqual(numbers.count(case.move_id.name), 1)
        self.assertEqual(self.hand_overs(case), (1, 1))

    def look_again(self, case):
        self.let_pass(case, hours=5)
        self.run_cron("transfer", "poll")

    # -- who decides ---------------------------------------------------------
    def test_nothing_is_uploaded_unless_chosen(self):
        case = self.transfer(self.taxed())
        self.run_cron("transfer")
        self.assertStopped(case, "is not at Maventa", "sends nothing to the customer")
        self.assertFalse(self.uploads())
        self.assertTrue(case.upload_offered)
        case.action_upload()
        self.run_cron("transfer", "poll")
        self.assertUploadedOnce(case)
        self.assertFalse(case.upload_offered)
        with self.assertRaisesRegex(UserError, "nothing to upload"):
            case.action_upload()

    def test_policy_of_the_company(self):
        self.company.ropo_upload_policy = "always"
        move = self.taxed()
        wizard = self.env["ropo.transfer"].browse(move.action_ropo_transfer()["res_id"])
        self.assertTrue(wizard.upload_missing)
        wizard.action_transfer()
        self.run_cron("transfer", "poll")
        self.assertUploadedOnce(wizard.assignment_ids)
        self.sent.clear()
        self.company.ropo_upload_policy = "never"
        case = self.transfer(self.taxed(), upload_missing=True)
        self.run_cron("transfer")
        self.assertStopped(case, "is not at Maventa")
        self.assertNotIn("pload it", case.error_message)
        self.assertFalse(case.upload_offered)
        self.assertFalse(self.uploads())

    def test_window_shows_what_is_known(self):
        found, missing, unknown = (
            self.taxed(at_maventa=True),
            self.taxed(),
            self.taxed(),
        )
        choose = self.taxed()
        self.at_maventa(choose, total="1.00")
        (found | missing | choose).action_ropo_link()
        self.run_cron("transfer")
        moves = found | missing | unknown | choose
        wizard = self.env["ropo.transfer"].browse(
            moves.action_ropo_transfer()["res_id"]
        )

        def shown():
            return {line.move_id: line.maventa for line in wizard.line_ids}

        expected = {found: "found", missing: "missing", unknown: "unknown",
                    choose: "choose"}  # fmt: skip
        self.assertEqual(shown(), expected)
        wizard.upload_missing = True
        self.assertEqual(shown(), {**expected, missing: "upload"})
        line = wizard.line_ids.filtered(lambda line: line.move_id == choose)
        # The one window takes the place of the other, and comes back.
        action = line.action_choose()
        self.assertEqual(action["res_model"], "ropo.link")
        window = self.env["ropo.link"].browse(action["res_id"])
        back = window.with_context(action["context"]).line_ids.action_link()
        self.assertEqual((back["res_model"], back["res_id"]), (wizard._name, wizard.id))
        self.env.invalidate_all()  # the window is read anew
        self.assertEqual(line.maventa, "found")

    # -- many at once ----------------------------------------------------------
    def test_looked_up_in_bulk(self):
        moves = self.env["account.move"]
        for _number in range(12):
            moves |= self.taxed(at_maventa=True)
        missing, twice = self.taxed(), self.taxed(at_maventa=True)
        with self.sandbox.transaction() as state:
            first = state["invoices"][self.at_maventa(twice)]
            state["invoices"]["another"] = {**first, "id": "another"}
            for ids in state["numbers"].values():
                if first["id"] in ids:
                    ids.append("another")
        every = moves | missing | twice
        self.sent.clear()
        every.action_ropo_link()
        self.assertEqual(set(every.mapped("maventa_lookup")), {"queued"})
        self.assertFalse(self.sent, "nothing leaves the house in a user's request")
        every.action_ropo_link()
        self.run_cron("transfer")
        self.assertEqual(set(moves.mapped("maventa_lookup")), {"found"})
        self.assertEqual(len(set(moves.mapped("maventa_invoice_id"))), 12)
        self.assertEqual(missing.maventa_lookup, "missing")
        self.assertEqual(twice.maventa_lookup, "choose")
        self.assertFalse(twice.maventa_invoice_id)
        self.assertFalse(self.env["ropo.lookup"].search([]))
        looks = [sent for sent in self.sent if sent[1] == "/v1/invoices"]
        self.assertEqual(len(looks), 14)
        # What was found is shown for the choice without asking Maventa again.
        self.sent.clear()
        window = self.env["ropo.link"].browse(twice.action_ropo_link()["res_id"])
        self.assertFalse(self.sent)
        self.assertEqual(len(window.line_ids), 2)
        window.line_ids[1].action_link()
        self.assertEqual(twice.maventa_lookup, "found")
        self.assertFalse(twice.maventa_candidates)

    def test_look_up_that_gets_no_answer_is_tried_again(self):
        moves = self.taxed(at_maventa=True) | self.taxed(at_maventa=True)
        self.faults.next("GET", "/v1/invoices", "status:503:600", times=2)
        moves.action_ropo_link()
        self.run_cron("transfer")
        self.assertEqual(set(moves.mapped("maventa_lookup")), {"queued"})
        rows = self.env["ropo.lookup"].search([])
        self.assertIn("busy", rows[0].error_message)
        self.run_cron("transfer")
        self.assertEqual(set(moves.mapped("maventa_lookup")), {"queued"})
        self.let_pass(rows, hours=1)
        self.run_cron("transfer")
        self.assertEqual(set(moves.mapped("maventa_lookup")), {"found"})

    def test_handed_over_while_it_was_looked_up(self):
        """The link of a case at Ropo stays as it is."""
        move, other = self.taxed(at_maventa=True), self.taxed(at_maventa=True)
        (move | other).action_ropo_link()
        case = self.transfer(move)
        case.sudo().write({"state": "sent", "maventa_invoice_id": "sample"})
        move.maventa_invoice_id = "sample"
        self.run_cron("transfer")
        self.assertEqual(move.maventa_invoice_id, "sample")
        self.assertEqual(move.maventa_lookup, "found")
        self.assertEqual(other.maventa_lookup, "found")
        with self.assertRaisesRegex(UserError, "Select posted"):
            (move | self.credit(other, 5.0)).action_ropo_link()

    def test_what_can_not_be_looked_up(self):
        drafts = self.taxed() | self.taxed()
        drafts.button_draft()
        with self.assertRaisesRegex(UserError, "Select posted"):
            drafts.action_ropo_link()

    # -- the right one -----------------------------------------------------------
    def test_recipient_counts_where_both_sides_know_it(self):
        ours = COUNTRIES["FI"]["business"]["company_registry"]
        for theirs, agrees in (
            ("", True),
            (ours, True),
            (ours.replace("-", ""), True),
            ("FI" + ours.replace("-", ""), True),
            ("1234570-0", False),
        ):
            with self.subTest(theirs):
                move = self.taxed()
                self.at_maventa(move, recipient_bid=theirs)
                case = self.transfer(move)
                self.run_cron("transfer")
                if agrees:
                    self.assertIn(case.state, ("pending", "sent"), case.error_message)
                else:
                    self.assertStopped(case, "the recipient differs")
                    self.assertEqual(move.maventa_lookup, "choose")

    def test_another_name_is_no_difference(self):
        move = self.taxed()
        self.at_maventa(move, recipient_name="Quite Another Name")
        case = self.transfer(move)
        self.run_cron("transfer")
        self.assertIn(case.state, ("pending", "sent"))

    def test_choice_lets_the_case_go_on(self):
        move = self.taxed()
        self.at_maventa(move, total="99.00")
        case = self.transfer(move, upload_missing=True)
        self.run_cron("transfer")
        self.assertStopped(case, "the total differs")
        self.assertFalse(self.uploads(), "the number is there: a person chooses")
        self.assertFalse(case.upload_offered)
        action = case.action_choose()
        window = self.env["ropo.link"].browse(action["res_id"])
        self.assertEqual(window.line_ids.differs, "the total")
        window.line_ids.action_link()
        self.assertEqual(case.state, "queued")
        self.assertFalse(case.needs_attention)
        said = " ".join(move.message_ids.mapped("body"))
        self.assertIn("though the total differs", said)
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent")

    def test_choice_confirms_nothing_else(self):
        move = self.taxed()
        self.at_maventa(move, total="99.00")
        case = self.transfer(move)
        self.run_cron("transfer")
        self.loose_payment(30.0)
        window = self.env["ropo.link"].browse(case.action_choose()["res_id"])
        window.line_ids.action_link()
        self.run_cron("transfer")
        self.assertStopped(case, "30.00")

    def test_invoice_changed_after_it_was_found(self):
        move = self.taxed(at_maventa=True)
        self.env["ropo.link"].browse(
            move.action_ropo_link()["res_id"]
        ).line_ids.action_link()
        move.button_draft()
        self.assertFalse(move.maventa_invoice_id or move.maventa_lookup)
        move.invoice_line_ids.price_unit = 90.0
        move.action_post()
        case = self.transfer(move)
        self.run_cron("transfer")
        self.assertStopped(case, "the total differs")

    # -- the upload itself -----------------------------------------------------------
    def test_what_is_missing_is_said_before_anything_is_sent(self):
        self.bank_account.active = False
        case = self.queued()
        self.run_cron("transfer")
        self.assertStopped(case, "can't be uploaded", "bank account")
        self.assertFalse(self.uploads())
        self.bank_account.active = True
        case.action_retry()
        self.run_cron("transfer", "poll")
        self.assertUploadedOnce(case)

    def test_answer_lost(self):
        for fault, often in (
            ("cut_after", 1),
            ("cut_before", 2),
            ("status_after:500", 1),
            ("status:502", 2),
            ("garbage", 1),
            ("status:429:60", 2),
        ):
            with self.subTest(fault):
                case = self.queued()
                self.faults.next("POST", "/v1/invoices", fault)
                self.run_cron("transfer")
                self.assertEqual(case.state, "queued")
                self.assertFalse(case.needs_attention)
                self.run_cron("transfer")
                own_id = case.move_id.maventa_upload_uuid
                self.look_again(case)
                self.assertUploadedOnce(case)
                self.assertEqual(case.move_id.maventa_upload_uuid, own_id)
                sent = [up for up in self.server.requests
                        if up[:2] == ("POST", "/v1/invoices")]  # fmt: skip
                self.assertEqual(len(sent), often)
                self.server.requests.clear()

    def test_somebody_else_sent_it_meanwhile(self):
        """Before each upload Maventa is asked; what is there now is taken."""
        case = self.queued()
        self.faults.next("POST", "/v1/invoices", "cut_before")
        self.run_cron("transfer")
        theirs = self.at_maventa(case.move_id)
        self.look_again(case)
        self.assertEqual(case.maventa_invoice_id, theirs)
        self.assertEqual(len(self.uploads()), 0)
        self.assertEqual(self.hand_overs(case), (1, 1))

    def test_refused(self):
        for status, code, words in (
            (400, "invalid_parameters", "does not accept"),
            (403, "forbidden", "does not allow"),
            (404, "not_found", "does not know"),
            (409, "already_exists", "done already"),
            (413, "too_large", "refused"),
            (422, "invalid_parameters", "does not accept"),
        ):
            with self.subTest(status):
                case = self.queued()
                self.refuse("/v1/invoices", status, code, "Sample refusal", "PaymentID")
                self.run_cron("transfer")
                self.assertStopped(
                    case, "did not take the file", words, "Sample refusal; PaymentID"
                )
                case.action_retry()
                self.run_cron("transfer", "poll")
                self.assertUploadedOnce(case)

    @mute_logger("odoo.addons.ropo_collection.models.res_company")
    def test_refused_keys_leave_the_case_as_it_was(self):
        case = self.queued()
        self.refuse("/v1/invoices", 401, "unauthorized")
        self.refuse("/v1/invoices", 401, "unauthorized")
        self.run_cron("transfer")
        self.assertEqual(case.state, "queued")
        self.assertFalse(case.needs_attention)
        self.assertTrue(self.company.ropo_trouble)
        self.let_pass(self.company, hours=2)
        self.run_cron("transfer", "poll")
        self.assertUploadedOnce(case)

    def test_what_maventa_stored_must_agree(self):
        for name, value, words in (
            ("number", "X1", "the number"),
            ("date", "2020-01-01", "the date"),
            ("currency", "USD", "the currency"),
            ("sum_tax", 99.0, "the total"),
        ):
            with self.subTest(name):
                case = self.queued()
                move = case.move_id
                stored = {
                    "id": "sample",
                    "status": "DELIVERED",
                    "number": move.name,
                    "date": str(move.invoice_date),
                    "currency": "EUR",
                    "sum_tax": move.amount_total,
                    name: value,
                }
                self.answer("GET", "/v1/invoices/", 200, stored)
                self.run_cron("transfer")
                self.assertStopped(case, "not the same", f"{words} differs")
                self.assertEqual(len(self.bodies("POST", HAND_OVER)), 0)

    def test_being_worked_on_waits(self):
        case = self.queued()
        own = {"status": "PENDING"}
        handle = self.sandbox.handle

        def pending(method, url, headers, body=b""):
            status, head, content = handle(method, url, headers, body)
            if "/v1/invoices" in url and own and status in (200, 201):
                content = content.replace(b'"DELIVERED"', b'"PENDING"')
            return status, head, content

        self.sandbox.handle = pending
        self.run_cron("transfer")
        self.assertEqual(case.state, "queued")
        self.assertIn("still", case.error_message)
        self.assertEqual(case.move_id.maventa_status, "PENDING")
        self.assertFalse(self.sandbox.case(case.move_id.maventa_invoice_id))
        own.clear()
        self.look_again(case)
        self.assertUploadedOnce(case)

    def test_file_that_maventa_can_not_work_with(self):
        case = self.queued()
        stored = {
            "id": "sample",
            "status": "FAILED",
            "number": case.move_id.name,
            "date": str(case.move_id.invoice_date),
            "currency": "EUR",
            "sum_tax": case.move_id.amount_total,
        }
        self.answer("GET", "/v1/invoices/", 200, stored)
        self.run_cron("transfer")
        self.assertStopped(case, "could not work with the uploaded file")

    def test_cancelled_while_it_is_uploaded(self):
        case = self.queued()
        handle = self.sandbox.handle

        def cancel(method, url, headers, body=b""):
            answer = handle(method, url, headers, body)
            if method == "POST" and url.endswith("/v1/invoices"):
                self.cancelled = True
            return answer

        self.sandbox.handle = cancel
        token = case.sudo()._take_lease()
        job = case._job(token, None)
        case.action_cancel()
        self.env["ropo.assignment"]._settle_upload(job)
        self.assertEqual(case.state, "cancelled")
        self.run_cron("transfer")
        self.assertFalse(self.bodies("POST", HAND_OVER))

    def test_new_case_of_the_same_invoice_keeps_the_id(self):
        case = self.queued()
        self.faults.next("POST", "/v1/invoices", "cut_after")
        self.run_cron("transfer")
        own_id = case.move_id.maventa_upload_uuid
        case.action_cancel()
        again = self.transfer(case.move_id, upload_missing=True)
        self.run_cron("transfer", "poll")
        self.assertEqual(again.maventa_invoice_id, own_id)
        self.assertUploadedOnce(again)

    def test_duplicate_of_an_invoice_starts_clean(self):
        case = self.queued()
        self.run_cron("transfer", "poll")
        copy = case.move_id.copy()
        for name in ("maventa_invoice_id", "maventa_lookup", "maventa_upload_uuid"):
            self.assertFalse(copy[name], name)

    def test_demo_uploads_too(self):
        self.company.write({**dict.fromkeys(KEYS, False), "ropo_environment": "demo"})
        with self.enter_registry_test_mode():
            self.company.action_ropo_activate()
            self.company.action_ropo_next_step()
        case = self.transfer(self.taxed(), upload_missing=True)
        self.run_cron("transfer", "poll")
        self.assertEqual(case.state, "sent", case.error_message)
        self.assertEqual(case.maventa_invoice_id, case.move_id.maventa_upload_uuid)
        self.assertFalse(self.server.requests)

    def test_today_is_not_told(self):
        """The file says when the customer had to pay."""
        case = self.queued()
        self.run_cron("transfer")
        content = self.form(self.uploads()[0])["file"][2].decode()
        due = fields.Date.to_string(case.move_id.invoice_date_due)
        self.assertIn(f"<cbc:DueDate>{due}</cbc:DueDate>", content)
        self.assertIn(f"<cbc:ID>{case.move_id.name}</cbc:ID>", content)
        self.assertNotIn(KEYS["maventa_user_api_key"], content)
