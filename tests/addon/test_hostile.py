"""A Ropo that tells nonsense: one case may need a person, all others go on."""

import json
import time

from odoo.tests import tagged

from odoo.addons.ropo_collection.maventa import wire

from .common import RopoCommon

LIST = "/v1/assignments"
#: What Ropo may say of an event that no column, calendar or bookkeeper expects.
ODD = [
    {"type": "paid", "sum_paid": -100.0, "booked_at": "2026-11-20"},
    {"type": "paid", "sum_paid": 999_999_999_999.99, "booked_at": "9999-12-31"},
    {"type": "paid", "sum_paid": "NaN", "booked_at": "0001-01-01"},
    {"type": "paid", "sum_paid": 10**40, "booked_at": []},
    {"type": "credit_note", "credit_sum": -1e-9, "booked_at": "9999-12-31T23:59:59Z"},
    {"type": "credit_note", "credit_sum": None},
    {"type": "comment", "text": "<script>alert(1)</script><b>", "date": "0001-01-01"},
    {"type": "comment", "text": "{{ 7*7 }} %(x)s \x00 \ud800 " + "x" * 30_000},
    {"type": ["paid"], "sum_paid": 5},
    {"type": "PAID ", "sum_paid": True},
    {"type": "😀" * 200, "sum": 1e15},
    {},
]


@tagged("post_install", "-at_install")
class TestHostile(RopoCommon):
    def told(self, change):
        """Let Ropo's list say what ``change`` makes of it."""
        handle = self.sandbox.handle

        def spoilt(method, url, headers, body=b""):
            status, names, answer = handle(method, url, headers, body)
            if method == "GET" and url.partition("?")[0].endswith(LIST):
                cases = json.loads(answer)
                change(cases)
                answer = json.dumps(cases).encode("utf-8", "surrogatepass")
            return status, names, answer

        self.sandbox.handle = spoilt

    def poll(self):
        self.let_pass(self.company, hours=1)
        self.run_cron("poll", "report")

    def odd_events(self, case, events):
        def change(cases):
            for row in cases:
                if row["id"] == case.external_id:
                    row["events"] = [
                        {"id": f"odd-{number}", **event}
                        for number, event in enumerate(events)
                    ]

        self.told(change)

    def test_odd_events(self):
        case, other = self.at_ropo(), self.at_ropo()
        self.pay(other.move_id, 40.0)
        self.odd_events(case, [*ODD, *ODD])
        self.sandbox.comment(other.external_id, "Sample")
        self.poll()
        self.assertEqual(case.state, "sent")
        # Everything that had a number is there once, and nothing was told to Ropo.
        odd = case.event_ids.filtered(lambda event: event.direction == "in")
        self.assertEqual(len(odd), 2 * len(ODD))
        self.assertEqual(super().told(case), {"paid": [], "credit_note": []})
        # Sums that can't be are for a person.
        self.assertTrue(case.needs_attention)
        # The other case goes on.
        self.assertEqual(other.reported_paid, 40.0)
        self.assertIn("comment", other.event_ids.mapped("kind"))

    def test_odd_events_can_be_looked_at(self):
        case = self.at_ropo()
        self.odd_events(case, ODD)
        self.poll()
        events = case.event_ids
        spec = {name: {} for name in events.fields_get() if events._fields[name].store}
        self.assertTrue(events.web_read(spec))
        self.assertTrue(case.web_read({"event_ids": {"fields": spec}}))
        for groupby in ("booked_at:month", "booked_at:week", "booked_at:year", "kind"):
            with self.subTest(groupby):
                domain = [("id", "in", events.ids)]
                self.assertTrue(
                    events.web_read_group(domain, [groupby], ["amount:sum"])
                )
        self.assertTrue(events.export_data(["amount", "booked_at", "text"])["datas"])
        body = "".join(case.message_ids.mapped("body"))
        self.assertNotIn("<script>", body)
        self.assertNotIn("<b>", body)

    def test_odd_figures(self):
        """Claim, open amount, stage and status of a case are nonsense, in turn."""
        values = [None, -5, 1e14, "NaN", [], {}, "x" * 5_000, True, "2026-11-20", 1e308]
        case, other = self.at_ropo(), self.at_ropo()
        index = 0

        def change(cases):
            for row in cases:
                if row["id"] == case.external_id:
                    for name in set(row) - {"id", "events"}:
                        row[name] = values[index]

        self.told(change)
        for index in range(len(values)):  # noqa: B007  ``change`` reads it
            with self.subTest(values[index]):
                self.sandbox.comment(other.external_id, f"Sample {index}")
                self.poll()
                self.assertEqual(case.state, "sent")
                self.assertIn(f"Sample {index}", other.event_ids.mapped("text"))
        self.assertEqual(super().told(case), {"paid": [], "credit_note": []})

    def test_as_many_events_as_are_read(self):
        case = self.at_ropo()
        count = wire.MAX_EVENTS
        self.odd_events(case, [{"type": "paid", "sum_paid": 0.01}] * count)
        started = time.monotonic()
        self.poll()
        self.assertLess(time.monotonic() - started, 60)
        self.assertEqual(len(case.event_ids), count)

    def test_more_events_than_a_case_can_have(self):
        """They are left alone; everything else goes on, and a look-up says why."""
        case, other = self.at_ropo(), self.at_ropo()
        self.odd_events(case, [{"type": "letter"}] * (wire.MAX_EVENTS + 1))
        self.sandbox.stage(case.external_id, "debt_collection")
        self.sandbox.comment(other.external_id, "Sample")
        self.poll()
        self.assertFalse(case.event_ids)
        self.assertEqual(case.collection_status, "debt_collection")
        self.assertIn("comment", other.event_ids.mapped("kind"))
        case.action_refresh()
        # Read here: the sandbox answers in threads of its own.
        handle, case_id = self.sandbox.handle, case.external_id

        def endless(method, url, headers, body=b""):
            if method == "GET" and "/events" in url:
                rows = [{"id": f"{url}-{number}"} for number in range(100)]
                return 200, {}, json.dumps(rows).encode()
            status, names, answer = handle(method, url, headers, body)
            if url.endswith(case_id):
                answer = json.dumps({"id": case_id}).encode()
            return status, names, answer

        self.sandbox.handle = endless
        self.run_cron("poll")
        self.assertIn("can't be read", case.error_message)
        self.assertFalse(case.event_ids)
