"""Two thousand payments at Ropo: the proposal, as the button makes it."""

import time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import SQL

from ..bench import eligibility
from .settlement import SettlementCommon

MANY = 2_000


@tagged("post_install", "-at_install")
class TestSettlementSpeed(SettlementCommon):
    def open_payments(self, count):
        """Cases that Ropo has, each with a payment to it, by SQL."""
        move = self.invoice(100.0)
        case = self.at_ropo(move)
        moves = eligibility.multiply(move, count)
        case.flush_recordset()
        self.env.cr.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = 'ropo_assignment'"
            " AND column_name NOT IN ('id', 'move_id', 'partner_id', 'paid_to_ropo')"
        )
        columns = [row[0] for row in self.env.cr.fetchall()]
        names = SQL(", ").join(map(SQL.identifier, columns))
        values = SQL(", ").join(SQL.identifier("o", name) for name in columns)
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO ropo_assignment (move_id, partner_id, paid_to_ropo, %s)
                SELECT move.id, move.partner_id, 10 + move.id %% 89 + 0.37, %s
                  FROM account_move move, ropo_assignment o
                 WHERE move.id IN %s AND o.id = %s
                """,
                names,
                values,
                tuple(moves.ids),
                case.id,
            )
        )
        self.env.cr.execute(
            """
            INSERT INTO ropo_assignment_event
                   (assignment_id, company_id, currency_id, direction, kind, state,
                    amount, booked_at)
            SELECT id, company_id, currency_id, 'in', 'paid', 'received', paid_to_ropo,
                   %s::date - (id %% 30)::int
              FROM ropo_assignment WHERE move_id IN %s
            """,
            (fields.Date.today(), tuple(moves.ids)),
        )
        self.env.cr.execute("ANALYZE ropo_assignment, ropo_assignment_event")
        self.env.invalidate_all()

    def test_proposal_for_many(self):
        self.open_payments(MANY)
        rows = self.env["ropo.settlement.open"].search([])
        self.assertEqual(len(rows), MANY)
        amounts = sorted(rows.mapped("amount"))
        settlement = self.by_hand(0.0)
        settlement.action_propose()
        for total in (
            amounts[7] + amounts[700] + amounts[1500],
            sum(amounts[::100]) + 0.01,
            amounts[0] / 2,
        ):
            settlement.amount = round(total, 2)
            self.env.flush_all()
            self.env.invalidate_all()
            begin, queries = time.perf_counter(), self.env.cr.sql_log_count
            settlement.action_propose()
            self.env.flush_all()
            seconds = time.perf_counter() - begin
            queries = self.env.cr.sql_log_count - queries
            print(
                f"proposal of {len(settlement.line_ids)} of {MANY} payments: "
                f"{seconds:.2f} s, {queries} queries"
            )
            with self.subTest(total):
                self.assertLess(seconds, 1.0)
                self.assertLess(queries, 60)
            self.assertAlmostEqual(
                settlement.allocated + settlement.remainder,
                settlement.amount,
                places=2,
            )
