"""Many invoices: what ``./dev bench eligibility`` measures, with bounds.

The bounds on seconds are generous, since test machines are shared; the numbers of
queries are exact enough to notice a query a thousand invoices.
"""

from odoo.tests import tagged

from ..bench import eligibility
from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestSpeed(RopoCommon):
    def test_eligibility_of_many(self):
        """As many queries for 10,000 invoices as for 100."""
        move = eligibility.prepare(self.env)
        # The first call loads rights and rules.
        eligibility.measure_eligibility(eligibility.multiply(move, 5))
        for size in eligibility.SIZES:
            figures = eligibility.measure_eligibility(eligibility.multiply(move, size))
            with self.subTest(size):
                self.assertEqual(figures["ready"], size)
                self.assertLessEqual(figures["queries"], 30)
                self.assertLess(figures["seconds"], 1 + size / 1000)

    def test_debtor_of_many_invoices_is_checked_once(self):
        move = eligibility.prepare(self.env)
        moves = eligibility.multiply(move, 30)
        moves[0].partner_id.zip = "1"
        checked = []
        check = type(moves)._ropo_check_debtor

        def counted(move, *args):
            checked.append(move.partner_id)
            return check(move, *args)

        self.patch(type(moves), "_ropo_check_debtor", counted)
        verdicts = moves._ropo_verdicts()
        self.assertEqual(len(checked), 3)
        self.assertEqual(len(set(checked)), 3)
        blocked = {move for move in moves if verdicts[move].blocks}
        self.assertEqual(blocked, set(moves[:10]))

    def test_window_of_many(self):
        move = eligibility.prepare(self.env)
        moves = eligibility.multiply(move, eligibility.WINDOW)
        eligibility.measure_window(moves[:5])  # loads the views
        figures = eligibility.measure_window(moves)
        self.assertEqual(figures["ready"], eligibility.WINDOW)
        self.assertLessEqual(figures["queries"], 45)
        self.assertLess(figures["seconds"], 1.5)
