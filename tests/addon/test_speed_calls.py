"""What many transfers and reports cost, and that nothing is given up for it."""

from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import Mock, patch

from odoo.tests import tagged

from odoo.addons.ropo_collection.models import ropo_worker

from .ledger import LedgerCommon

#: More than the calls that overlap.
MANY = 20


@tagged("post_install", "-at_install")
class TestSpeedCalls(LedgerCommon):
    def queued(self, count=MANY):
        """Cases whose invoices were found at Maventa."""
        moves = self.env["account.move"].union(*(self.invoice() for _n in range(count)))
        with patch.object(self.env.registry["ropo.assignment"], "_transfer_due") as due:
            due.side_effect = lambda limit: self.env["ropo.assignment"]
            cases = self.transfer(moves)
            self.run_cron("transfer")
        self.assertTrue(all(cases.mapped("maventa_invoice_id")))
        self.assertEqual(set(cases.mapped("state")), {"queued"})
        return cases

    def paid(self, count=MANY):
        """Cases at Ropo with a payment that waits to be told."""
        cases = self.queued(count)
        self.run_cron("transfer", "poll")
        for case in cases:
            self.pay(case.move_id, 30)
        with patch.object(self.env.registry["ropo.assignment"], "_due_reports") as due:
            due.side_effect = lambda limit: self.env["ropo.assignment.event"]
            self.run_cron("report")
        self.assertEqual(
            [set(case.event_ids.mapped("state")) for case in cases],
            [{"queued"}] * count,
        )
        return cases

    @contextmanager
    def wrapped(self, model, name, before=None, after=None):
        """Do something around every call of a method."""
        original = getattr(self.env.registry[model], name)

        def around(records, *args, **kwargs):
            if before:
                before(records, *args)
            result = original(records, *args, **kwargs)
            if after:
                after(records, *args)
            return result

        with patch.object(self.env.registry[model], name, around):
            yield

    @contextmanager
    def statements(self, model, name):
        """The SQL statements of each call of a method, with what it leaves to write."""
        counts = []

        def before(records, *_args):
            records.env.invalidate_all()
            counts.append(-records.env.cr.sql_log_count)

        def after(records, *_args):
            records.env.flush_all()
            counts[-1] += records.env.cr.sql_log_count

        with self.wrapped(model, name, before, after):
            yield counts

    def test_an_answer_takes_few_statements(self):
        self.queued()
        with self.statements("ropo.assignment", "_settle_transfer") as transfers:
            self.run_cron("transfer")
        # Lock and read, write.
        self.assertEqual(len(transfers), MANY)
        self.assertLessEqual(max(transfers), 2)

    def test_a_report_takes_few_statements(self):
        cases = self.paid()
        # An hour after the transfer.
        self.env["ropo.recheck"].sudo().search([]).unlink()
        with (
            self.statements("ropo.assignment", "_settle_before_report") as alone,
            self.statements("ropo.assignment", "_settle_before_reports") as before,
            self.statements("ropo.assignment", "_settle_report") as after,
        ):
            self.run_cron("report")
        self.assertEqual(len(after), MANY)
        self.assertLess(len(alone) + len(before), MANY)
        # Lock and read, write.
        self.assertLessEqual(max([*alone, *before]), 2)
        # The same, and the sums of the case.
        self.assertLessEqual(max(after), 3)
        for case in cases:
            self.assertTold(case, paid=[30.0])

    def test_what_is_not_settled_together_is_settled_alone(self):
        """A case that somebody holds is waited for; a fault concerns nobody else."""
        cases = self.paid(4)
        lock = self.env.registry["ropo.assignment"]._lock_with_events

        def all_but_one(records, wait=True):
            locked = lock(records, wait)
            return locked if wait else dict(list(locked.items())[1:])

        ways = (
            ("_lock_with_events", all_but_one),
            ("_settle_before_reports", Mock(side_effect=ValueError)),
        )
        for number, (name, how) in enumerate(ways, start=1):
            with (
                self.subTest(name),
                patch.object(self.env.registry["ropo.assignment"], name, how),
            ):
                self.run_cron("report")
                for case in cases:
                    self.assertTold(case, paid=[30.0] * number)
            for case in cases:
                self.pay(case.move_id, 30)

    def test_each_step_of_a_report_changes_its_case_once(self):
        """Who waited for the lock has to see it, and once is enough."""
        [case, *_others] = self.paid()
        self.env.cr.flush()
        case.invalidate_recordset()
        before = case.turn
        self.run_cron("report")
        self.env.cr.flush()
        case.invalidate_recordset()
        self.assertTold(case, paid=[30.0])
        # Compared and leased, about to be sent, answered
        self.assertEqual(case.turn - before, 3)

    def test_bank_lines_of_payments_are_those_that_odoo_finds(self):
        """Read for many at once, and not one by one for each payment."""
        moves = [self.invoice(), self.invoice(), self.invoice()]
        cases = self.env["ropo.assignment"].union(*map(self.at_ropo, moves))
        payments = [self.pay(move, 40.0) for move in moves]
        lines = [
            self.on_the_bank(payments[0], 40.0),
            self.on_the_bank(payments[1], 15.0) | self.on_the_bank(payments[1], 25.0),
            self.env["account.bank.statement.line"],
        ]
        field = "reconciled_statement_line_ids"
        with (
            self.subTest("read ahead"),
            patch.object(
                self.env.registry["account.payment"],
                "_compute_stat_buttons_from_reconciliation",
                Mock(side_effect=ValueError),
            ),
        ):
            self.env.invalidate_all()
            cases._ledger_parts()
            self.assertEqual([payment[field] for payment in payments], lines)
        self.env.invalidate_all()
        self.assertEqual([payment[field] for payment in payments], lines)

    def test_cases_are_compared_and_noted_together(self):
        self.queued()
        with self.statements("ropo.assignment", "_run_due_effects") as effects:
            self.run_cron("transfer")
        self.assertEqual(len(effects), 1)
        self.assertLessEqual(effects[0], 3 * MANY)

    def test_the_next_cases_are_leased_while_calls_are_under_way(self):
        self.queued()
        self.server.latency = 0.5
        leased = []

        def before(cases, _job):
            leased.append(cases.search_count([("state", "=", "sending")]))

        with self.wrapped("ropo.assignment", "_settle_transfer", before):
            self.run_cron("transfer")
        self.assertGreater(leased[0], ropo_worker.OVERLAP)

    def test_a_call_that_begins_too_late_is_not_made(self):
        [case] = self.queued(1)
        with patch.object(ropo_worker, "FRESH", -1):
            self.run_cron("transfer")
        self.assertEqual((case.state, self.hand_overs(case)), ("queued", (0, 0)))
        self.assertTrue(case.next_try_at)
        self.let_pass(case, hours=1)
        self.run_cron("transfer")
        self.assertEqual((case.state, self.hand_overs(case)), ("pending", (1, 1)))

    def test_no_more_calls_for_an_account_in_trouble(self):
        cases = self.queued()
        self.server.latency = 0.2
        self.faults.next("POST", "/assignment/ropo", "status:401", times=100)
        with self.assertLogs("odoo.addons.ropo_collection", "WARNING"):
            self.run_cron("transfer")
        sent = sum(self.hand_overs(case)[0] for case in cases)
        self.assertTrue(0 < sent <= 3 * ropo_worker.OVERLAP, sent)
        self.assertEqual(set(cases.mapped("state")), {"queued"})
        self.assertTrue(self.company.ropo_trouble)

    def test_what_happens_between_the_comparison_and_the_report_counts(self):
        kept, taken_away = self.paid(2)

        def after(*_args):
            self.unmatch(taken_away.move_id)

        with self.wrapped("ropo.assignment.event", "_lease_report", after=after):
            self.run_cron("report")
        self.assertTold(kept, paid=[30.0])
        self.assertTold(taken_away)

    def test_a_clock_that_is_ahead_hides_nothing_from_a_report(self):
        [case] = self.paid(1)
        self.env["ropo.recheck"].sudo().search([]).unlink()

        def after(*_args):
            self.unmatch(case.move_id)
            [marker] = self.env["ropo.recheck"].sudo().search([])
            marker.due_at += timedelta(minutes=1)

        with self.wrapped("ropo.assignment.event", "_lease_report", after=after):
            self.run_cron("report")
        self.assertTold(case)

    def test_a_report_that_begins_too_late_is_not_made(self):
        [case] = self.paid(1)
        original = self.env.registry["ropo.assignment"]._settle_before_report

        def late(cases, job):
            following = original(cases, job)
            following.leased -= 2 * ropo_worker.FRESH
            return following

        with patch.object(
            self.env.registry["ropo.assignment"], "_settle_before_report", late
        ):
            self.run_cron("report")
        self.assertEqual(self.told(case)["paid"], [])
        self.assertEqual(case.event_ids.state, "queued")
        self.let_pass(case.event_ids, hours=1)
        self.assertTold(case, paid=[30.0])

    def test_what_ropo_tells_between_the_comparison_and_the_report_counts(self):
        [case] = self.paid(1)

        def after(*_args):
            # The same sum: is it from the customer, or from Ropo?
            self.sandbox.debtor_pays(case.maventa_invoice_id, 30)

        with self.wrapped("ropo.assignment.event", "_lease_report", after=after):
            self.run_cron("report")
        self.assertTold(case)
        self.assertEqual(self.question(case).decision, "origin")

    def test_what_was_accepted_is_followed_at_once(self):
        self.queued(1)
        poll = self.env.ref("ropo_collection.cron_poll")
        triggers = self.env["ir.cron.trigger"]
        triggers.search([("cron_id", "=", poll.id)]).unlink()
        self.run_cron("transfer")
        self.assertTrue(triggers.search_count([("cron_id", "=", poll.id)]))
        self.run_cron("poll")
        triggers.search([("cron_id", "=", poll.id)]).unlink()
        # Nothing was sent: the list waits for its hour.
        self.run_cron("transfer")
        self.assertFalse(triggers.search_count([("cron_id", "=", poll.id)]))
