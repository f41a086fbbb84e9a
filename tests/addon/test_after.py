"""After the hand-over: withdrawing, disputes, what only a person can tell Ropo."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.ropo_collection.tools import privacy

from .common import RopoCommon

TELL = ["ropo_collection.mail_activity_tell"]
#: Samples, valid by their check digits: Finland (old and new sign), Sweden, Norway.
PERSONAL = (
    "131052-308T",
    "131052A308T",
    "131052Y308T",
    "640823-3234",
    "19640823-3234",
    "6408233234",
    "640883-3231",
    "15108695088",
    "151086 95088",
)


@tagged("post_install", "-at_install")
class TestAfter(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk, cls.manager = (
            new_test_user(
                cls.env,
                login=f"ropo_{name}",
                groups=f"account.group_account_{name},base.group_partner_manager",
                company_id=cls.company.id,
            )
            for name in ("invoice", "manager")
        )
        cls.company.ropo_contact = "sample-ropo@example.com"

    def history(self, record):
        return " ".join(record.message_ids.mapped("body"))

    def tell(self, action, **values):
        """Fill in the window and keep it; what there was to copy."""
        window = self.env["ropo.tell"].with_user(self.clerk).browse(action["res_id"])
        window.write(values)
        text = window.text
        window.action_confirm()
        return text

    # -- withdraw ----------
    def withdraw(self, case, reason="The customer was right"):
        action = case.with_user(self.manager).action_withdraw()
        window = (
            self.env["ropo.reason"].with_user(self.manager).browse(action["res_id"])
        )
        window.reason = reason
        action = window.action_confirm()
        self.assertEqual(action["res_model"], "account.move")
        return self.env["account.move"].browse(action["res_id"])

    def test_withdraw_with_a_reason_and_a_full_credit_note(self):
        case = self.at_ropo()
        move = case.move_id
        action = case.with_user(self.manager).action_withdraw()
        window = (
            self.env["ropo.reason"].with_user(self.manager).browse(action["res_id"])
        )
        self.assertIn("100.00", window.facts)
        self.assertIn(move.name, window.facts)
        with self.assertRaisesRegex(UserError, "reason"):
            window.action_confirm()
        note = self.withdraw(case)
        self.assertEqual((note.state, note.amount_total), ("draft", 100.0))
        self.assertEqual(note.reversed_entry_id, move)
        for record in (case, move):
            self.assertIn("The customer was right", self.history(record))
            self.assertIn(self.manager.name, self.history(record))
        self.assertNotIn("The customer was right", note.ref, "the customer reads it")
        self.assertIn("ropo_credit_note", note._get_alerts())
        self.run_cron("report")
        self.assertEqual(self.told(case)["credit_note"], [], "only a draft")
        note.with_user(self.manager).action_post()
        self.run_cron("report", "poll")
        self.assertEqual(self.told(case)["credit_note"], [100.0])
        self.assertTrue(move.no_followup)
        self.sandbox.close(case.external_id, "Credited")
        case.action_refresh()
        self.run_cron("poll")
        self.assertEqual(case.state, "closed")
        self.assertFalse(move.no_followup, "Odoo's own reminders are back")

    def test_withdraw_twice_opens_the_same_draft(self):
        case = self.at_ropo()
        self.assertEqual(self.withdraw(case), self.withdraw(case, "Again"))

    def test_withdraw_what_was_paid_in_part_says_so(self):
        case = self.at_ropo()
        self.pay(case.move_id, 40.0)
        action = case.with_user(self.manager).action_withdraw()
        facts = self.env["ropo.reason"].browse(action["res_id"]).facts
        self.assertIn("40.00", facts)
        self.assertIn("belongs to the customer", facts)

    # -- disputed ----------
    def test_disputed_invoice_is_not_handed_over(self):
        move = self.invoice()
        action = move.with_user(self.clerk).action_ropo_dispute()
        with self.assertRaisesRegex(UserError, "Details"):
            self.tell(action)
        self.tell(action, details="The goods were broken")
        self.assertEqual(move.ropo_dispute_reason, "The goods were broken")
        self.assertIn("The goods were broken", self.history(move))
        self.assertIn("The goods were broken", str(move._get_alerts()))
        with self.assertRaisesRegex(UserError, "The goods were broken"):
            self.transfer(move)
        move.with_user(self.clerk).action_ropo_undispute()
        self.assertFalse(move.ropo_dispute_reason)
        self.assertIn("Not disputed any more", self.history(move))
        self.at_ropo(move)

    def test_dispute_cancels_what_waits(self):
        queued, error = self.transfer(self.invoice()), self.transfer(self.invoice())
        error.sudo().state = "error"
        for case in queued | error:
            action = case.move_id.with_user(self.clerk).action_ropo_dispute()
            self.tell(action, details="Sample")
            self.assertEqual(case.state, "cancelled")
        self.run_cron("transfer")
        self.assertFalse(
            [call for call in self.server.requests if "assignment" in call[1]]
        )

    def test_dispute_of_a_case_is_told_by_a_person(self):
        case = self.at_ropo()
        text = self.tell(
            case.with_user(self.clerk).action_dispute(), details="Never ordered"
        )
        for words in (
            case.external_id,
            case.move_id.name,
            "Sample Business Oy",
            "100.00",
            "Please hold the case",
            "Never ordered",
        ):
            self.assertIn(words, text)
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.dispute_reason, "Never ordered")
        for record in (case, case.move_id):
            self.assertIn("Please hold the case", self.history(record))
        self.pay(case.move_id, 40.0)
        self.run_cron("report")
        self.assertEqual(case.reported_paid, 40.0, "money is reported all the same")
        text = self.tell(case.with_user(self.clerk).action_undispute())
        self.assertIn("Please go on", text)
        self.assertFalse(case.dispute_reason)

    def test_dispute_during_the_hand_over(self):
        """Too late to stop it: it is there, and Ropo has to be told."""
        case = self.transfer(self.invoice())
        case.sudo().state = "sending"
        case = case.with_user(self.clerk)
        text = self.tell(case.action_dispute(), details="Sample")
        self.assertIn("Please hold the case", text)
        self.assertEqual(case.state, "sending")

    def test_only_posted_invoices_are_disputed(self):
        move = self.invoice()
        move.button_draft()
        with self.assertRaisesRegex(UserError, "Only posted"):
            move.action_ropo_dispute()

    # -- tell Ropo ----------
    def test_tell_ropo(self):
        case = self.at_ropo()
        day = fields.Date.today() + timedelta(days=5)
        for kind, words, values in (
            ("promise", str(day), {"promise_date": day, "details": "On the phone"}),
            ("address", "Samplestreet 1, 00100 Helsinki, Finland", {}),
            ("death", "has died", {}),
            ("insolvency", "bankruptcy", {}),
            ("other", "Wrong number", {"details": "Wrong number"}),
        ):
            with self.subTest(kind):
                action = case.with_user(self.clerk).action_tell()
                window = self.env["ropo.tell"].browse(action["res_id"])
                self.assertEqual(window.contact, "sample-ropo@example.com")
                text = self.tell(action, kind=kind, **values)
                self.assertIn(case.external_id, text)
                self.assertIn(words, text)
                for record in (case, case.move_id):
                    last = record.message_ids[0]
                    self.assertIn(words, last.body)
                    self.assertEqual(last.author_id, self.clerk.partner_id)
        promise = case.activity_ids.filtered(lambda act: act.date_deadline == day)
        self.assertEqual(promise.user_id, self.clerk)
        self.assertEqual(self.business.ropo_special, "insolvent")

    def test_tell_ropo_is_for_those_who_invoice(self):
        case = self.at_ropo()
        reader = new_test_user(
            self.env,
            login="ropo_reader",
            groups="account.group_account_readonly",
            company_id=self.company.id,
        )
        for name in ("action_tell", "action_dispute", "action_undispute"):
            with self.subTest(name), self.assertRaises(AccessError):
                getattr(case.with_user(reader), name)()
        window = self.env["ropo.tell"].browse(
            case.with_user(self.clerk).action_tell()["res_id"]
        )
        with self.assertRaises(AccessError):
            window.with_user(self.manager).read(["details"])

    def test_personal_ids_are_cut_out_of_free_text(self):
        for number in PERSONAL:
            with self.subTest(number):
                masked = privacy.mask(f"Born {number}, it says.")
                self.assertEqual(masked, f"Born …{number[-2:]}, it says.")
        for harmless in (
            "FI2112345600000785",
            "1572860-0",
            "556703-7485",
            "974760673",
            "INV/2026/00012",
            "040 1234567",
            "100.00 on 2026-03-04",
        ):
            self.assertEqual(privacy.mask(harmless), harmless)
        self.assertEqual(privacy.mask("X 12 Y", known=("12", False)), "X …12 Y")

    def test_personal_ids_are_kept_nowhere(self):
        self.business.sudo().ropo_personal_id = "131052-308T"
        case = self.at_ropo().with_user(self.clerk)
        details = f"Sample {' '.join(PERSONAL)}"
        text = self.tell(case.action_dispute(), details=details)
        texts = [text, case.dispute_reason]
        texts += [self.history(record) for record in (case, case.move_id)]
        self.withdraw(case, reason=details)
        texts += [self.history(record) for record in (case, case.move_id)]
        for number in PERSONAL:
            self.assertNotIn(number, " ".join(texts))

    # -- the customer changes ----------
    def test_changed_customer_of_a_case_is_told_by_a_person(self):
        case = self.at_ropo()
        self.business.with_user(self.clerk).write(
            {"street": "Samplestreet 77", "phone": "040 1234567"}
        )
        activity = case.activity_search(TELL)
        self.assertEqual(len(activity), 1)
        for text in (activity.note, case.message_ids[0].body):
            self.assertIn("Samplestreet 1", text)
            self.assertIn("Samplestreet 77", text)
        self.assertTrue(self.business.ropo_live_count)
        self.business.write({"name": "Sample Renamed Oy"})
        self.assertEqual(len(case.activity_search(TELL)), 1)
        self.business.write({"vat": "FI15728600", "company_registry": "1572860-0"})
        self.assertNotIn("15728600", self.history(case), "may be a personal id")
        text = self.tell(case.with_user(self.clerk).action_tell(), kind="address")
        self.assertIn("Sample Renamed Oy, Samplestreet 77", text)
        self.assertFalse(case.activity_search(TELL))

    def test_changes_that_ropo_needs_not_hear(self):
        case = self.at_ropo()
        before = len(case.message_ids)
        self.business.write({"name": self.business.name, "email": "s@example.com"})
        self.consumer.write({"street": "Samplestreet 78"})
        self.assertFalse(case.activity_search(TELL))
        self.assertEqual(len(case.message_ids), before)
        self.transfer(self.invoice(partner=self.consumer))
        self.consumer.write({"street": "Samplestreet 79"})
        self.assertFalse(
            self.consumer.ropo_live_count, "not at Ropo yet: nothing to tell"
        )

    def test_one_query_where_no_case_is_concerned(self):
        partners = self.consumer.copy() | self.consumer.copy()
        self.at_ropo()

        def queries(street):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            partners.write({"street": street})
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        queries("Warm")
        with_it = queries("Sample")
        nothing = self.env["ropo.assignment"]
        with patch.object(type(partners), "_ropo_live_cases", lambda partners: nothing):
            without = queries("Sample again")
        self.assertEqual(with_it, without + 1)

    def test_contact_whose_address_was_used(self):
        company = self.business.copy({"street": False, "zip": False, "city": False})
        contact = self.env["res.partner"].create(
            {
                "name": "Sample Contact",
                "parent_id": company.id,
                "type": "other",
                "street": "Samplestreet 5",
                "zip": "00100",
                "city": "Helsinki",
                "country_id": company.country_id.id,
            }
        )
        case = self.at_ropo(self.invoice(partner=contact))
        contact.name = "Sample Other Contact"
        self.assertFalse(case.activity_search(TELL), "not the debtor's name")
        contact.street = "Samplestreet 6"
        self.assertIn("Samplestreet 6", case.activity_search(TELL).note)

    def test_company_that_moves_with_its_contacts_is_told_once(self):
        contact = self.env["res.partner"].create(
            {"name": "Sample Contact", "parent_id": self.business.id, "type": "contact"}
        )
        case = self.at_ropo(self.invoice(partner=contact))
        before = len(case.message_ids)
        self.business.street = "Samplestreet 80"
        self.assertEqual(contact.street, "Samplestreet 80")
        self.assertEqual(len(case.message_ids), before + 1)

    def test_merged_customer(self):
        other = self.business.copy({"name": "Sample Other Oy", "email": False})
        case = self.at_ropo()
        self.env["base.partner.merge.automatic.wizard"]._merge(
            (self.business | other).ids, other
        )
        self.env.invalidate_all()
        self.assertEqual(case.partner_id, other)
        self.assertIn("Sample Other Oy", case.activity_search(TELL).note)

    # -- guards: each says the way out ----------
    def test_refusals_name_the_way_out(self):
        move = self.at_ropo().move_id
        other = self.consumer
        for action, way_out in (
            (move.button_draft, "Withdraw from Ropo"),
            (move.button_cancel, "Withdraw from Ropo"),
            (lambda: move.write({"invoice_date_due": "2030-01-01"}), "Tell Ropo"),
            (lambda: move.write({"partner_id": other.id}), "Tell Ropo"),
            (
                lambda: move.write(
                    {
                        "invoice_payment_term_id": self.env.ref(
                            "account.account_payment_term_30days"
                        ).id
                    }
                ),
                "withdraw",
            ),
            (move.with_context(force_delete=True).unlink, "Withdraw from Ropo"),
        ):
            with self.subTest(way_out), self.assertRaisesRegex(UserError, way_out):
                action()

    def test_copy_of_the_invoice_by_email(self):
        """The debtor asks for it: nothing of it concerns Ropo."""
        case = self.at_ropo()
        move = case.move_id
        move.partner_id.email = "sample@example.com"
        wizard = (
            self.env["account.move.send.wizard"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"sending_methods": ["email"]})
        )
        wizard.action_send_and_print()
        sent = self.env["mail.mail"].search(
            [("mail_message_id.res_id", "=", move.id), ("model", "=", "account.move")]
        )
        self.assertTrue(sent)
        self.assertTrue(move.is_move_sent)
        self.assertEqual(case.state, "sent")
