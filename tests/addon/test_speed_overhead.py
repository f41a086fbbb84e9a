"""What the addon costs those who post and match: ``./dev bench overhead``, exactly."""

from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import tagged

from ..bench.overhead import (
    CLASSES,
    INDEXES,
    classes,
    columns_read_along,
    indexes,
    listeners,
)
from .ledger import LedgerCommon

#: Read with an invoice: whether a match can concern a case.
READ_ALONG = ["ropo_assignment_id"]
#: Read with the lines that wait to be reconciled, and with nothing else.
LISTENS = {"account.bank.statement.line.ropo_to_settle"}


@tagged("post_install", "-at_install")
class TestSpeedOverhead(LedgerCommon):
    @contextmanager
    def queries_of_ours(self):
        """The queries that have to do with the addon's tables or columns.

        A column that Odoo reads along takes no query.
        """
        found, execute = [], type(self.env.cr).execute

        def listen(cursor, query, *args, **kwargs):
            text = str(getattr(query, "code", query))
            for column in READ_ALONG:
                text = text.replace(f'"{column}"', "")
            if "ropo_" in text or "maventa_" in text:
                found.append(text)
            return execute(cursor, query, *args, **kwargs)

        self.env.flush_all()
        self.env.invalidate_all()
        with patch.object(type(self.env.cr), "execute", listen):
            yield found
            self.env.flush_all()

    def draft(self, partner=None):
        return self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (partner or self.business).id,
                "invoice_line_ids": [
                    Command.create({"name": "Sample", "price_unit": 100})
                ],
            }
        )

    # -- queries -----------------------------------------------------------
    def test_posting_asks_nothing_of_ours(self):
        self.at_ropo()
        move = self.draft()
        with self.queries_of_ours() as found:
            move.action_post()
        self.assertEqual(found, [])

    def test_a_match_asks_nothing_of_ours(self):
        self.at_ropo()
        paid, matched = (self.invoice(at_maventa=False) for _number in range(2))
        line = self.bank_line(100.0, partner=self.business).move_id
        with self.queries_of_ours() as found:
            self.pay(paid, 100.0)
        self.assertEqual(found, [])
        with self.queries_of_ours() as found:
            self.match(matched, line)
        self.assertEqual(found, [])
        with self.queries_of_ours() as found:
            self.unmatch(matched)
        self.assertEqual(found, [])

    def test_counting_up_a_customers_rank_reads_nothing_of_ours(self):
        self.env.cr.flush()  # what is new is not tracked before
        # As Odoo does it after posting
        partner = self.business.with_context(
            prefetch_fields=False, tracking_disable=False, mail_notrack=False
        )
        with self.queries_of_ours() as found:
            partner.customer_rank += 1
        self.assertEqual(found, [])

    def test_hooks_on_no_entries_do_nothing(self):
        """Odoo undoes nothing at all with each entry that it posts or matches."""
        cases = type(self.env["ropo.assignment"])
        nothing = self.env["account.move"]
        lines = self.env["account.bank.statement.line"]
        done = AssertionError("something was done to no entries")
        with (
            patch.object(cases, "_cancel", side_effect=done),
            patch.object(type(nothing), "_ropo_forget_hit", side_effect=done),
            patch.object(type(lines), "_ropo_booked", side_effect=done),
            self.assertQueryCount(0),
        ):
            nothing.button_draft()
            nothing.button_cancel()
            nothing.unlink()
            lines.action_undo_reconciliation()

    # -- Odoo's own work ---------------------------------------------------
    def test_models_have_few_classes_of_ours(self):
        self.assertEqual(classes(self.env), CLASSES)

    def test_entries_have_few_indexes_of_ours(self):
        self.assertEqual(indexes(self.env), INDEXES)

    def test_columns_of_ours_are_not_read_with_odoos(self):
        self.assertEqual(
            columns_read_along(self.env),
            [f"account.move.{column}" for column in READ_ALONG],
            'other fields need prefetch="ropo"',
        )

    def test_nothing_of_ours_listens_to_money(self):
        for field, ours in listeners(self.env).items():
            with self.subTest(field=field):
                self.assertEqual(ours - LISTENS, set())

    # -- and is right all the same -----------------------------------------
    def test_what_is_open_is_right_at_once(self):
        """In the very transaction that changes it, though nothing listens."""
        case = self.at_ropo()
        move = case.move_id

        def seen():
            self.assertEqual(move.ropo_to_report, case.to_report)
            return case.residual, case.to_report

        self.assertEqual(seen(), (100.0, 0.0))
        payment = self.pay(move, 40.0)
        self.assertEqual(seen(), (60.0, 40.0))
        payment.action_draft()
        self.assertEqual(seen(), (60.0, 0.0))
        payment.action_post()
        self.assertEqual(seen(), (60.0, 40.0))
        self.unmatch(move)
        self.assertEqual(seen(), (100.0, 0.0))

    def test_an_invoice_keeps_the_link_to_a_case(self):
        """Without it, its matches would leave no marker."""
        move = self.invoice()
        closed = self.transfer(move)
        closed.action_cancel()
        cancelled = self.transfer(move)
        cancelled.action_cancel()
        closed.sudo().state = "closed"
        self.assertEqual(move.ropo_assignment_id, cancelled)
        cancelled.sudo().unlink()
        self.assertEqual(move.ropo_assignment_id, closed)
        self.pay(move, 40.0)
        markers = self.env["ropo.recheck"].sudo().search([])
        self.assertEqual(markers.assignment_id, closed)

    def test_a_new_due_date_shows_at_once(self):
        move = self.invoice()
        before = move.ropo_eligible_from, move.ropo_days_overdue
        move.invoice_date_due += timedelta(days=3)
        self.assertEqual(
            (move.ropo_eligible_from, move.ropo_days_overdue),
            (before[0] + timedelta(days=3), before[1] - 3),
        )

    def test_a_case_is_named_as_its_invoice(self):
        move = self.invoice()
        case = self.transfer(move)
        self.assertEqual(case.name, move.name)
        move.name = "SAMPLE/2026/7"
        self.assertEqual(case.name, "SAMPLE/2026/7")
        case.action_cancel()
        move.button_draft()
        move.name = False
        move.invoice_date = fields.Date.today() - timedelta(days=400)
        move.action_post()
        self.assertNotEqual(move.name, "SAMPLE/2026/7")
        self.env.flush_all()
        self.env.invalidate_all()
        self.assertEqual(case.name, move.name)
