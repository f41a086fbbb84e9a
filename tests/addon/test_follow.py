"""Following cases: what Ropo tells of them, and how its list is read."""

import json
import re
import time
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.sql_db import Cursor
from odoo.tests import tagged
from odoo.tools import SQL

from odoo.addons.ropo_collection.maventa import wire
from odoo.addons.ropo_collection.maventa.sandbox import Sandbox

from .common import KEYS, RopoCommon

LIST = "/v1/assignments"


@tagged("post_install", "-at_install")
class TestFollow(RopoCommon):
    def setUp(self):
        super().setUp()
        # Every test has a Ropo of its own: its list holds its own cases only.
        self.server.sandbox = self.sandbox = Sandbox()
        self.sandbox.add_company(*KEYS.values(), country="FI")
        self.sandbox.sign_agreement(KEYS["maventa_company_uuid"])

    def poll(self):
        """The scheduled action runs, an hour later."""
        self.let_pass(self.company, hours=1)
        self.run_cron("poll")

    def several(self, count):
        cases = self.transfer(
            self.env["account.move"].union(*(self.invoice() for _n in range(count)))
        )
        self.run_cron("transfer", "poll")
        self.assertEqual(set(cases.mapped("state")), {"sent"})
        self.server.requests.clear()
        # In tests the database's clock stands still, and runs don't take their own.
        self.wakes()
        return cases

    def pages_read(self):
        return [call for call in self.server.requests if call[:2] == ("GET", LIST)]

    def time_for(self, pages):
        """The run's time is over when so many pages were asked for."""
        return patch.object(
            type(self.env["ropo.worker"]),
            "_seconds_left",
            lambda worker: 9 if len(self.pages_read()) < pages else 0,
        )

    def wakes(self, within=timedelta()):
        """Whether the scheduled action is to run again by then; that is then done."""
        cron = self.env.ref("ropo_collection.cron_poll")
        until = fields.Datetime.now() + within
        due = self.env["ir.cron.trigger"].search(
            [("cron_id", "=", cron.id), ("call_at", "<=", until)]
        )
        due.unlink()
        return bool(due)

    def queries_of_poll(self):
        """What a whole reading asks of PostgreSQL, its caches warm."""
        self.poll()
        self.let_pass(self.company, hours=1)
        self.env.flush_all()
        queries, execute = [], Cursor.execute

        def noted(cursor, query, params=None, log_exceptions=True):
            queries.append(query.code if isinstance(query, SQL) else query)
            return execute(cursor, query, params, log_exceptions)

        with patch.object(Cursor, "execute", noted):
            self.run_cron("poll")
        return queries

    def versions(self, records):
        """Where the rows lie in their table: every update moves them."""
        self.env.flush_all()
        self.env.cr.execute(
            f"SELECT id, ctid::text FROM {records._table} WHERE id IN %s",
            (tuple(records.ids),),
        )
        return dict(self.env.cr.fetchall())

    def received(self, case):
        return case.event_ids.filtered(lambda event: event.direction == "in")

    # -- what Ropo tells ------------------------------------------------------------
    def test_stages_and_comments_show_on_the_invoice(self):
        case = self.at_ropo()
        for stage in ("reminder_sent", "debt_collection", "legal_collection"):
            self.sandbox.stage(case.external_id, stage)
            self.poll()
            self.assertEqual(case.move_id.ropo_collection_status, stage)
        self.sandbox.comment(case.external_id, "The debtor asks for time")
        self.poll()
        for record in (case, case.move_id):
            notes = " ".join(record.message_ids.mapped("body"))
            self.assertIn("Debt collection", notes)
            self.assertIn("The debtor asks for time", notes)

    def test_debtor_pays_to_ropo(self):
        case = self.at_ropo()
        self.sandbox.debtor_pays(case.external_id, 40)
        self.poll()
        self.assertRecordValues(
            self.received(case),
            [{"kind": "paid", "amount": 40.0, "state": "received"}],
        )
        self.assertEqual((case.paid_to_ropo, case.open_amount), (40.0, 60.0))
        self.assertEqual(case.move_id.amount_residual, 100.0, "not our money yet")
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [])

    def test_what_nobody_knows_is_shown_as_told(self):
        case = self.at_ropo()
        self.sandbox.stage(case.external_id, "Moon-Phase Watching")
        self.sandbox.event(case.external_id, "carrier_pigeon", text="It flew.")
        self.sandbox.extra_fields = True
        self.poll()
        self.assertEqual(case.collection_status, "other")
        self.assertEqual(case.collection_status_raw, "Moon-Phase Watching")
        pigeon = self.received(case).filtered(
            lambda ev: ev.raw_type == "carrier_pigeon"
        )
        self.assertEqual((pigeon.kind, pigeon.text), ("other", "It flew."))
        self.assertEqual(case.state, "sent")

    def test_unknown_status_of_a_case_is_not_its_end(self):
        case = self.at_ropo()
        body = self.page_of(case, status="Snoozing")
        self.faults.next("GET", LIST, f"body:{body}")
        self.poll()
        self.assertEqual(case.remote_status, "Snoozing")
        self.assertEqual(case.state, "sent")

    def test_unknown_status_of_a_transfer_waits(self):
        case = self.transfer(self.invoice())
        self.run_cron("transfer")
        where = f"{case.maventa_invoice_id}/assignment"
        self.faults.next("GET", where, 'body:{"status": "thinking"}')
        self.run_cron("poll")
        self.assertEqual(case.state, "pending")
        self.let_pass(case, days=1)
        self.run_cron("poll")
        self.assertEqual(case.state, "sent")

    def page_of(self, case, **values):
        """A list of one case, as JSON, with changes."""
        with self.sandbox.transaction() as state:
            found = state["cases"][case.maventa_invoice_id]
            item = self.sandbox._assignment_json(state, found)
        return json.dumps([{**item, **values}])

    def test_closed_by_ropo(self):
        case = self.at_ropo()
        self.sandbox.close(case.external_id, "Written off")
        self.poll()
        self.assertEqual(case.state, "closed")
        self.assertTrue(case.closed_at)
        self.assertEqual(case.move_id.amount_residual, 100.0, "nothing is written off")
        self.assertIn("closed", " ".join(case.message_ids.mapped("body")))
        self.sandbox.comment(case.external_id, "One more thing")
        self.at_ropo()
        self.poll()
        self.assertIn("One more thing", self.received(case).mapped("text"))

    def test_principal_paid_but_charges_open_is_not_closed(self):
        case = self.at_ropo()
        self.sandbox.stage(case.external_id, "debt_collection")
        self.sandbox.debtor_pays(case.external_id, 100)
        self.poll()
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.remote_status, "partially_closed")
        self.assertEqual(case.open_amount, 0.0)

    def test_other_claim_at_ropo_alarms(self):
        case = self.at_ropo()
        self.faults.next("GET", LIST, f"body:{self.page_of(case, capital_amount=999)}")
        self.poll()
        self.assertTrue(case.needs_attention)
        self.assertIn("999", case.attention_reason)
        self.pay(case.move_id, 10.0)
        self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [10.0], "reductions go on")
        self.poll()
        self.assertFalse(case.needs_attention)

    def test_refresh_looks_at_this_case_at_once(self):
        case = self.at_ropo()
        self.sandbox.remind(case.external_id)
        self.run_cron("poll")
        self.assertFalse(case.collection_status, "the list was read just before")
        case.action_refresh()
        self.run_cron("poll")
        self.assertEqual(case.collection_status, "reminder_sent")

    def test_refresh_that_fails_says_why(self):
        case = self.at_ropo()
        case.action_refresh()
        self.faults.next("GET", f"{LIST}/{case.external_id}", "status:503")
        self.run_cron("poll")
        self.assertEqual(case.state, "sent")
        self.assertIn("busy", case.error_message)
        case.action_refresh()
        self.run_cron("poll")
        self.assertFalse(case.error_message)

    def test_list_that_lags_behind(self):
        self.sandbox.list_lag_seconds = 7200
        case = self.at_ropo()
        self.sandbox.debtor_pays(case.external_id, 30)
        self.poll()
        self.assertEqual(case.state, "sent")
        self.assertEqual(case.paid_to_ropo, 0.0)
        self.sandbox.move_clock(seconds=7300)
        self.poll()
        self.assertEqual(case.paid_to_ropo, 30.0)
        self.assertEqual(len(self.received(case)), 1)

    # -- how the list is read ----------------------------------------------------------
    def test_what_has_not_changed_is_not_written(self):
        cases = self.several(3)
        self.sandbox.remind(cases[0].external_id)
        self.poll()
        before = self.versions(cases)
        events = self.versions(cases.event_ids)
        self.poll()
        self.assertEqual(self.versions(cases), before)
        self.assertEqual(self.versions(cases.event_ids), events)
        self.sandbox.remind(cases[1].external_id)
        self.poll()
        changed = {
            case.id
            for case in cases
            if self.versions(cases)[case.id] != before[case.id]
        }
        self.assertEqual(changed, {cases[1].id})

    def test_every_page_is_read(self):
        cases = self.several(5)
        for case in cases:
            self.sandbox.remind(case.external_id)
        for options, pages in (
            ({"per_page_cap": 2}, 3),
            ({"per_page_cap": 2, "page_headers": False}, 4),
            ({"per_page_cap": 2, "wrap_lists": "assignments"}, 3),
        ):
            with self.subTest(options):
                for case in cases:
                    self.sandbox.comment(case.external_id, str(options))
                for name, value in options.items():
                    setattr(self.sandbox, name, value)
                self.server.requests.clear()
                self.poll()
                self.assertEqual(len(self.pages_read()), pages)
                for case in cases:
                    self.assertIn(str(options), self.received(case).mapped("text"))
                self.sandbox.page_headers = True

    def test_server_that_ignores_the_page_does_not_hold_us_up(self):
        cases = self.several(3)
        self.sandbox.ignore_page = True
        self.sandbox.per_page_cap = 2
        for case in cases:
            self.sandbox.remind(case.external_id)
        self.poll()
        self.assertEqual(len(self.pages_read()), 2)
        self.assertTrue(self.company.ropo_last_poll)
        reminded = cases.filtered("collection_status")
        self.assertEqual(len(reminded), 2)

    def test_reading_goes_on_where_it_stopped(self):
        cases = self.several(3)
        for case in cases:
            self.sandbox.remind(case.external_id)
        self.company.ropo_last_poll = False
        self.sandbox.per_page_cap = 1
        self.faults.next("GET", LIST, "close_after")
        self.faults.next("GET", LIST, "status:503", times=99)
        self.poll()
        self.faults.clear()
        self.assertEqual(len(cases.filtered("collection_status")), 1)
        self.assertEqual(self.company.ropo_poll_page, 2)
        self.assertFalse(self.company.ropo_last_poll)
        self.assertFalse(self.wakes(), "the server has trouble")
        self.assertTrue(self.wakes(within=timedelta(minutes=5)))
        self.server.requests.clear()
        self.run_cron("poll")
        self.assertEqual(len(self.pages_read()), 2)
        self.assertEqual(len(cases.filtered("collection_status")), 3)
        self.assertEqual(self.company.ropo_poll_page, 1)
        self.assertTrue(self.company.ropo_last_poll)

    def test_reading_that_its_time_cuts_off_goes_on_where_it_stopped(self):
        cases = self.several(5)
        for case in cases:
            self.sandbox.remind(case.external_id)
        self.company.ropo_last_poll = False
        self.sandbox.per_page_cap = 1
        with self.time_for(2):
            self.poll()
        self.assertEqual(len(self.pages_read()), 2)
        self.assertEqual(len(cases.filtered("collection_status")), 2)
        self.assertEqual(self.company.ropo_poll_page, 3)
        self.assertFalse(self.company.ropo_last_poll)
        self.assertTrue(self.wakes(), "not in an hour")
        with self.time_for(4):
            self.run_cron("poll")
        self.assertEqual(self.company.ropo_poll_page, 5)
        self.assertTrue(self.wakes())
        self.run_cron("poll")
        self.assertEqual(len(self.pages_read()), 5, "each page once")
        self.assertEqual(len(cases.filtered("collection_status")), 5)
        self.assertEqual(self.company.ropo_poll_page, 1)
        self.assertTrue(self.company.ropo_last_poll)
        self.assertFalse(self.wakes())

    def test_list_has_its_turn_after_a_run_that_had_no_time_for_it(self):
        [case] = self.several(1)
        self.sandbox.remind(case.external_id)
        with patch("odoo.addons.base.models.ir_cron.MIN_TIME_PER_JOB", 0):
            self.poll()
        self.assertFalse(self.pages_read())
        self.assertTrue(self.wakes())
        self.run_cron("poll")
        self.assertEqual(case.collection_status, "reminder_sent")

    def test_reading_asked_for_during_another_one_follows_it(self):
        self.several(3)
        self.sandbox.per_page_cap = 1
        with self.time_for(2):
            self.poll()
        self.company.ropo_poll_started = False  # as the daily audit does
        self.run_cron("poll")
        self.assertEqual(len(self.pages_read()), 3)
        self.run_cron("poll")
        self.assertEqual(len(self.pages_read()), 6)

    def test_next_page_is_fetched_while_one_is_worked_on(self):
        cases = self.several(3)
        for case in cases:
            self.sandbox.remind(case.external_id)
        self.sandbox.per_page_cap = 1
        take, asked = type(cases)._take_assignment, []

        def take_slowly(self_, remote):
            # What nobody asks for does not come, however long one waits.
            until = time.monotonic() + 5
            expected = min(len(asked) + 2, 3)
            while len(self.pages_read()) < expected and time.monotonic() < until:
                time.sleep(0.01)
            asked.append(len(self.pages_read()))
            return take(self_, remote)

        with patch.object(type(cases), "_take_assignment", take_slowly):
            self.poll()
        self.assertEqual(asked, [2, 3, 3])

    def test_nothing_is_written_where_nothing_has_changed(self):
        cases = self.several(6)
        for case in cases:
            self.sandbox.remind(case.external_id)
        self.poll()
        for cap in (6, 1):
            self.sandbox.per_page_cap = cap
            with self.subTest(pages=6 / cap):
                written = [
                    query
                    for query in self.queries_of_poll()
                    if re.match(r"\s*(INSERT|UPDATE|DELETE)", query)
                    and not re.search(r'"?ir_cron', query)
                ]
                # When the list was read, once for all its pages.
                self.assertEqual(len(written), 1, written)
                self.assertIn('UPDATE "res_company"', written[0])

    def test_a_page_takes_one_query_and_no_case_of_it_is_read(self):
        cases = self.several(6)
        for case in cases:
            self.sandbox.remind(case.external_id)
        self.poll()
        counts = []
        for cap in (6, 3, 1):
            self.sandbox.per_page_cap = cap
            with patch.object(wire, "read_assignment") as read:
                queries = self.queries_of_poll()
            read.assert_not_called()
            looked_up = sum("external_id" in query for query in queries)
            self.assertEqual(looked_up, 6 / cap)
            # The test's own cursor has savepoints in the place of transactions.
            counts.append(sum("SAVEPOINT" not in query for query in queries))
        one, two, six = counts
        self.assertEqual((two - one, six - one), (1, 5))

    def test_a_text_that_changes_is_a_change(self):
        [case] = self.several(1)
        self.sandbox.comment(case.external_id, "The debtor asks for time")
        self.poll()
        before = case.remote_digest
        with self.sandbox.transaction() as state:
            found = state["cases"][case.maventa_invoice_id]
            found["events"][-1]["text"] = "The debtor has paid"
        self.poll()
        self.assertNotEqual(case.remote_digest, before)

    def test_list_that_was_read_just_now_is_not_read_again(self):
        self.several(1)
        self.poll()
        read = len(self.pages_read())
        self.run_cron("poll", "poll")
        self.assertEqual(len(self.pages_read()), read)

    def test_no_case_no_call(self):
        self.env["ropo.assignment"].sudo().search([]).write({"state": "closed"})
        self.server.requests.clear()
        self.poll()
        self.assertFalse(self.server.requests)

    def test_cases_of_others_in_the_list_are_nothing_to_us(self):
        """Somebody hands invoices over by other means, too."""
        case = self.several(1)
        stranger = self.at_maventa(self.invoice())
        with self.company._ropo_client() as client:
            client.transfer(stranger, case.sudo()._to_wire())
        self.sandbox.remind(stranger)
        self.poll()
        self.assertFalse(case.collection_status)
        self.assertEqual(len(case.search([("external_id", "!=", False)])), 1)

    def test_case_without_any_sense_does_not_hold_up_the_others(self):
        cases = self.several(3)
        for case in cases:
            self.sandbox.remind(case.external_id)
        handle = self.sandbox.handle

        def senseless(method, url, headers, body=b""):
            status, headers, body = handle(method, url, headers, body)
            if LIST in url:
                listed = json.loads(body)
                listed[1]["events"] = ["none"]
                body = json.dumps(listed).encode()
            return status, headers, body

        self.sandbox.handle = senseless
        with self.assertLogs("odoo.addons.ropo_collection", "WARNING"):
            self.poll()
        self.assertEqual(len(cases.filtered("collection_status")), 2)
        self.assertTrue(self.company.ropo_last_poll)

    def test_case_that_can_not_be_read_does_not_hold_up_the_others(self):
        cases = self.several(3)
        for case in cases:
            self.sandbox.remind(case.external_id)
        with self.sandbox.transaction() as state:
            found = state["cases"][cases[1].maventa_invoice_id]
            found["events"][0]["text"] = "\x00\ud800 text"
            found["events"][0]["amount"] = "1e999"
        self.poll()
        self.assertEqual(
            cases.mapped("collection_status"), ["reminder_sent"] * len(cases)
        )
