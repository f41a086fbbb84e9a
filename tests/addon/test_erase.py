"""What Ropo needed to reach a debtor is forgotten some time after a case has ended."""

from datetime import timedelta

from odoo.exceptions import ValidationError
from odoo.tests import tagged
from odoo.tools import SQL, file_open

from .common import RopoCommon

PERSONAL_ID = "131052-308T"


@tagged("post_install", "-at_install")
class TestErase(RopoCommon):
    def case_of(self, partner, state="closed"):
        case = self.at_ropo(self.invoice(partner=partner))
        case.payer_ids.sudo().write(
            {
                "ssn": PERSONAL_ID,
                "email": "sample@example.com",
                "phone": "+358401234567",
            }
        )
        if state == "closed":
            self.sandbox.close(case.external_id)
            self.let_pass(self.company, hours=1)
            self.run_cron("poll")
            self.assertEqual(case.state, "closed")
        return case

    def ended_ago(self, case, days):
        case.sudo().closed_at = fields_ago(case, days)
        self.run_cron("audit")

    def test_people(self):
        case = self.case_of(self.consumer)
        payer = case.payer_ids.sudo()
        name, claim = payer.name, case.capital_amount
        self.ended_ago(case, 89)
        self.assertEqual(payer.ssn, PERSONAL_ID)
        self.ended_ago(case, 91)
        for field in ("ssn", "email", "phone", "bid", "street", "zip", "city"):
            self.assertFalse(payer[field], field)
        self.assertEqual((payer.name, case.capital_amount), (name, claim))
        self.assertEqual(self.consumer.street, "Samplestreet 2", "the customer's own")
        said = [body for body in case.message_ids.mapped("body") if "erased" in body]
        self.assertEqual(len(said), 1)
        # Once is enough.
        self.run_cron("audit")
        bodies = case.message_ids.mapped("body")
        self.assertEqual([body for body in bodies if "erased" in body], said)

    def test_companies_keep_their_address(self):
        case = self.case_of(self.business)
        self.ended_ago(case, 91)
        self.assertFalse(case.payer_ids.email or case.payer_ids.phone)
        self.assertTrue(case.payer_ids.street and case.payer_ids.bid)

    def test_cases_at_ropo_keep_everything(self):
        case = self.case_of(self.consumer, state="sent")
        self.ended_ago(case, 999)
        self.assertEqual(case.payer_ids.sudo().ssn, PERSONAL_ID)

    def test_cancelled(self):
        case = self.transfer(self.invoice(partner=self.consumer))
        case.payer_ids.sudo().ssn = PERSONAL_ID
        case.action_cancel()
        self.run_cron("audit")
        self.assertEqual(case.payer_ids.sudo().ssn, PERSONAL_ID)
        case.sudo().last_change = fields_ago(case, 91)
        self.run_cron("audit")
        self.assertFalse(case.payer_ids.sudo().ssn)

    def test_neutralized_copies_have_no_personal_ids(self):
        self.consumer.sudo().ropo_personal_id = PERSONAL_ID
        self.case_of(self.consumer, state="sent")
        self.env["ropo.sandbox"].sudo().create({"state": PERSONAL_ID})
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
                    f"%{PERSONAL_ID}%",
                )
            )
            self.assertFalse(found, table)

    def test_never(self):
        self.company.ropo_erase_days = 0
        case = self.case_of(self.consumer)
        self.ended_ago(case, 9999)
        self.assertEqual(case.payer_ids.sudo().ssn, PERSONAL_ID)
        with self.assertRaises(ValidationError):
            self.company.ropo_erase_days = -1


def fields_ago(record, days):
    """A moment that many days ago."""
    return record.env.cr.now() - timedelta(days=days)
