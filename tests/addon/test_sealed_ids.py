"""Personal identity numbers: encrypted, masked, shown on demand, erased."""

import os
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from cryptography.fernet import Fernet

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged
from odoo.tools import SQL, file_open

from .common import RopoCommon

HETU = "131052-308T"
OTHER = "131052Y308T"
OLD_KEY, KEY = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@contextmanager
def key(*texts):
    with patch.dict(os.environ, {"ROPO_PERSONAL_ID_KEY": ",".join(texts)}):
        yield


@tagged("post_install", "-at_install")
class TestSealedIds(RopoCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clerk, cls.bookkeeper = (
            new_test_user(
                cls.env,
                login,
                groups="account.group_account_invoice,base.group_partner_manager,"
                "base.group_allow_export" + more,
                company_id=cls.company.id,
            )
            for login, more in (
                ("ropo_clerk", ",ropo_collection.group_personal_id"),
                ("ropo_plain", ""),
            )
        )

    def stored(self, record, name):
        record.flush_recordset()
        self.env.cr.execute(
            f"SELECT {name} FROM {record._table} WHERE id = {record.id}"
        )
        return self.env.cr.fetchone()[0]

    # -- at rest -------------------------------------------------------------
    def test_with_a_key_the_database_does_not_have_the_number(self):
        with key(KEY):
            self.consumer.sudo().ropo_personal_id = HETU
            self.assertNotIn(HETU, self.stored(self.consumer, "ropo_personal_id"))
            self.consumer.invalidate_recordset()
            self.assertEqual(self.consumer.sudo().ropo_personal_id, HETU)

    def test_without_a_key_it_is_stored_as_it_is(self):
        self.consumer.sudo().ropo_personal_id = HETU
        self.assertEqual(self.stored(self.consumer, "ropo_personal_id"), HETU)

    def test_with_another_key_it_is_missing_and_the_log_says_so(self):
        with key(OLD_KEY):
            self.consumer.sudo().ropo_personal_id = HETU
            self.stored(self.consumer, "ropo_personal_id")
        for keys in ((KEY,), ()):
            self.consumer.invalidate_recordset()
            with key(*keys), self.assertLogs("odoo.addons.ropo_collection", "ERROR"):
                self.assertFalse(self.consumer.sudo().ropo_personal_id)

    def test_a_key_is_replaced(self):
        with key(OLD_KEY):
            self.consumer.sudo().ropo_personal_id = HETU
            before = self.stored(self.consumer, "ropo_personal_id")
        with key(KEY, OLD_KEY):
            self.consumer.invalidate_recordset()
            self.run_cron("audit")
            self.assertNotEqual(self.stored(self.consumer, "ropo_personal_id"), before)
        with key(KEY):
            self.consumer.invalidate_recordset()
            self.assertEqual(self.consumer.sudo().ropo_personal_id, HETU)

    def test_numbers_from_before_the_key_are_encrypted_within_a_day(self):
        self.consumer.sudo().ropo_personal_id = HETU
        self.stored(self.consumer, "ropo_personal_id")
        with key(KEY):
            self.run_cron("audit")
            stored = self.stored(self.consumer, "ropo_personal_id")
            self.assertTrue(stored.startswith("sealed:"))
            self.run_cron("audit")
            self.assertEqual(self.stored(self.consumer, "ropo_personal_id"), stored)

    def test_a_case_sends_the_number_and_keeps_it_encrypted(self):
        with key(KEY):
            case = self.at_ropo()
            case.sudo().payer_ids.ssn = HETU
            self.assertNotIn(HETU, self.stored(case.sudo().payer_ids, "ssn"))
            case.invalidate_recordset()
            self.assertEqual(case.sudo().payer_ids._to_wire().ssn, HETU)

    # -- on screen -------------------------------------------------------------
    def test_whoever_reads_it_gets_it_masked(self):
        self.consumer.sudo().ropo_personal_id = HETU
        partner = self.consumer.with_user(self.clerk)
        self.assertEqual(
            partner.read(["ropo_personal_id"])[0]["ropo_personal_id"], "…8T"
        )
        self.assertEqual(
            partner.web_read({"ropo_personal_id": {}})[0]["ropo_personal_id"], "…8T"
        )
        self.assertEqual(partner.export_data(["ropo_personal_id"])["datas"], [["…8T"]])
        case = self.at_ropo()
        case.sudo().payer_ids.ssn = HETU
        payer = case.payer_ids.with_user(self.clerk)
        self.assertEqual(payer.read(["ssn"])[0]["ssn"], "…8T")

    def test_the_form_saved_as_it_was_keeps_the_number(self):
        self.consumer.sudo().ropo_personal_id = HETU
        partner = self.consumer.with_user(self.clerk)
        with self.assertRaises(ValidationError):
            partner.web_save({"ropo_personal_id": "…8T"}, {"ropo_personal_id": {}})
        self.assertEqual(self.consumer.sudo().ropo_personal_id, HETU)
        partner.web_save({"ropo_personal_id": OTHER}, {"ropo_personal_id": {}})
        self.assertEqual(self.consumer.sudo().ropo_personal_id, OTHER)

    def test_who_has_seen_it_is_kept(self):
        self.consumer.sudo().ropo_personal_id = HETU
        partner = self.consumer.with_user(self.clerk)
        shown = partner.action_ropo_show_personal_id()
        self.assertEqual(shown["params"]["message"], HETU)
        self.env.flush_all()
        row = self.env["ropo.control"].search([("kind", "=", "shown")])
        self.assertEqual((row.user_id, row.partner_id), (self.clerk, self.consumer))
        self.assertNotIn(HETU, str(row.read()))

    def test_others_do_not_see_it(self):
        self.consumer.sudo().ropo_personal_id = HETU
        partner = self.consumer.with_user(self.bookkeeper)
        for button in ("action_ropo_show_personal_id", "action_ropo_erase_personal_id"):
            with self.assertRaises(AccessError):
                getattr(partner, button)()
        self.assertEqual(self.consumer.sudo().ropo_personal_id, HETU)
        self.assertFalse(self.env["ropo.log"].search([("kind", "=", "shown")]))

    # -- erased -------------------------------------------------------------
    def ended_case(self):
        case = self.at_ropo()
        case.sudo().payer_ids.ssn = HETU
        self.sandbox.close(case.external_id)
        case.action_refresh()
        self.run_cron("poll")
        self.assertEqual(case.state, "closed")
        return case

    def test_erased_when_the_days_after_the_end_are_over(self):
        self.company.ropo_erase_days = 30
        case = self.ended_case()
        events = case.event_ids
        case.sudo().last_change -= timedelta(days=29)
        self.run_cron("audit")
        self.assertTrue(case.payer_ids)
        case.sudo().last_change -= timedelta(days=2)
        self.run_cron("audit")
        self.assertFalse(case.sudo().payer_ids)
        self.assertEqual(case.event_ids, events)
        self.assertEqual(case.capital_amount, 100.0)
        self.assertIn("erased", str(case.message_ids[0].body))

    def test_a_living_case_is_never_erased(self):
        self.company.ropo_erase_days = 0
        case = self.at_ropo()
        case.sudo().last_change -= timedelta(days=400)
        self.run_cron("audit")
        self.assertTrue(case.payer_ids)

    def test_erased_at_the_wish_of_the_person(self):
        case = self.ended_case()
        self.business.sudo().write({"is_company": False, "ropo_personal_id": HETU})
        self.business.with_user(self.clerk).action_ropo_erase_personal_id()
        self.assertFalse(self.business.sudo().ropo_personal_id)
        self.assertFalse(case.sudo().payer_ids.ssn)
        self.assertTrue(case.payer_ids.name)

    def test_neutralized_copies_have_no_numbers(self):
        self.consumer.sudo().ropo_personal_id = HETU
        case = self.at_ropo()
        case.sudo().payer_ids.ssn = HETU
        self.env["ropo.sandbox"].sudo().create({"state": HETU})
        self.env.flush_all()
        with file_open("ropo_collection/data/neutralize.sql") as script:
            self.env.cr.execute(script.read())
        tables = self.env.execute_query(
            SQL("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        for (table,) in tables:
            found = self.env.execute_query(
                SQL(
                    "SELECT 1 FROM %s x WHERE x::text LIKE %s LIMIT 1",
                    SQL.identifier(table),
                    f"%{HETU}%",
                )
            )
            self.assertFalse(found, table)
