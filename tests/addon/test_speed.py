"""Many invoices: what ``./dev bench eligibility`` measures, with bounds.

The bounds on seconds are generous, since test machines are shared; the numbers of
queries are exact enough to notice a query an invoice.
"""

from odoo.tests import tagged

from ..bench import eligibility
from .common import RopoCommon


@tagged("post_install", "-at_install")
class TestSpeed(RopoCommon):
    def test_eligibility_of_many(self):
        move = eligibility.prepare(self.env)
        # The first call loads rights and rules.
        eligibility.measure_eligibility(eligibility.multiply(move, 5))
        for size in eligibility.SIZES:
            figures = eligibility.measure_eligibility(eligibility.multiply(move, size))
            print(eligibility.report(figures))
            with self.subTest(size):
                self.assertEqual(figures["ready"], size)
                self.assertLessEqual(figures["queries"], 30 + 4 * size / 1000)
                self.assertLess(figures["seconds"], 1 + size / 1000)

    def test_window_of_many(self):
        move = eligibility.prepare(self.env)
        moves = eligibility.multiply(move, eligibility.WINDOW)
        eligibility.measure_window(moves[:5])  # loads the views
        figures = eligibility.measure_window(moves)
        print(eligibility.report(figures))
        self.assertEqual(figures["ready"], eligibility.WINDOW)
        self.assertLessEqual(figures["queries"], 60)
        self.assertLess(figures["seconds"], 1.5)
