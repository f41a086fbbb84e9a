"""Which payments a sum of Ropo's may be: exact where it can be, never a long search."""

import time
from datetime import date, timedelta
from itertools import combinations
from random import Random

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from odoo.tests import TransactionCase, tagged

from odoo.addons.ropo_collection.tools import settle

from ..examples import examples

DAY = date(2026, 1, 1)
EXACT = (
    settle.NAMED,
    settle.EVERYTHING,
    settle.OLDEST,
    settle.DAYS,
    settle.RUN,
    settle.COMBINATION,
)


def items_of(*cents, each_day=2, named=()):
    """Items, oldest first, some of them on the same day."""
    return [
        settle.Item(index, amount, DAY + timedelta(index // each_day), index in named)
        for index, amount in enumerate(cents)
    ]


@tagged("post_install", "-at_install")
class TestSettleProposal(TransactionCase):
    def rule_of(self, total, items):
        proposal = settle.propose(total, items)
        return proposal.rule, [item.cents for item in proposal.items]

    def test_rules_in_their_order(self):
        items = items_of(10, 20, 30, 40, 55)
        for total, expected in (
            (155, (settle.EVERYTHING, [10, 20, 30, 40, 55])),
            (60, (settle.OLDEST, [10, 20, 30])),
            (70, (settle.DAYS, [30, 40])),
            (50, (settle.RUN, [20, 30])),
            (65, (settle.COMBINATION, [10, 55])),
            (39, (settle.FITTING, [10, 20])),
            (6, (settle.COVERING, [10])),
            (0, (settle.NOTHING, [])),
            (-5, (settle.NOTHING, [])),
        ):
            with self.subTest(total):
                self.assertEqual(self.rule_of(total, items), expected)

    def test_what_the_text_names_comes_first(self):
        items = items_of(10, 20, 30, 30, named=(3,))
        self.assertEqual(self.rule_of(30, items), (settle.NAMED, [30]))
        self.assertEqual(settle.propose(30, items).items[0].key, 3)
        # Less came than was paid: fees were deducted.
        proposal = settle.propose(28, items_of(10, 30, 41, named=(1,)))
        self.assertEqual((proposal.rule, proposal.difference), (settle.NAMED_ABOUT, -2))

    def test_what_ropo_takes_back_is_part_of_it(self):
        self.assertEqual(
            self.rule_of(70, items_of(100, -30, 45)), (settle.OLDEST, [100, -30])
        )
        self.assertEqual(
            self.rule_of(25, items_of(17, 40, -30, 15, each_day=1)),
            (settle.DAYS, [40, -30, 15]),
        )

    def test_others_are_told_of(self):
        self.assertTrue(settle.propose(55, items_of(10, 25, 45, 32, 30)).others)
        self.assertFalse(settle.propose(55, items_of(10, 26, 45, 32, 31)).others)
        # Two runs of the same sum
        self.assertTrue(settle.propose(30, items_of(11, 30, 13, 30)).others)

    @settings(
        max_examples=examples(500),
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(
        cents=st.lists(st.integers(-40, 60), max_size=8),
        total=st.integers(-60, 200),
        each_day=st.integers(1, 3),
        named=st.sets(st.integers(0, 7), max_size=2),
    )
    @example(cents=[0, 0], total=0, each_day=1, named=set())
    def test_exact_whenever_there_is_a_way(self, cents, total, each_day, named):
        items = items_of(*cents, each_day=each_day, named=named)
        proposal = settle.propose(total, items)
        self.assertEqual(
            proposal.difference, total - sum(item.cents for item in proposal.items)
        )
        keys = [item.key for item in proposal.items]
        self.assertEqual(keys, sorted(set(keys)))
        self.assertEqual(
            proposal.rule in EXACT, bool(proposal.items) and not proposal.difference
        )
        owed = [item.cents for item in items if item.cents > 0]
        back = sum(item.cents for item in items if item.cents < 0)
        ways = sum(
            sum(chosen) + back == total
            for size in range(1, len(owed) + 1)
            for chosen in combinations(owed, size)
        )
        if ways:
            self.assertIn(proposal.rule, EXACT)
        if proposal.rule == settle.COMBINATION:
            # Leaving out what Ropo took back is never sure.
            self.assertEqual(proposal.others, ways != 1)

    def test_two_thousand_items_within_a_second(self):
        """Sums that can be made and sums that can't, small and large, even and odd."""
        random, slowest = Random(6), 0.0
        for most in (5_000, 50_000, 500_000, 10_000_000):
            for step in (1, 2):
                items = items_of(
                    *(step * random.randint(100, most) for _index in range(2_000)),
                    each_day=20,
                )
                sums = [
                    sum(item.cents for item in random.sample(items, size)) + odd
                    for size in (1, 3, 30, 300)
                    for odd in (0, 1)
                ]
                for total in (*sums, 0, -1, 1, 10**11):
                    begin = time.perf_counter()
                    proposal = settle.propose(total, items)
                    slowest = max(slowest, time.perf_counter() - begin)
                    self.assertEqual(
                        proposal.difference,
                        total - sum(item.cents for item in proposal.items),
                    )
        print(f"proposal of 2,000 items: {slowest:.2f} s at most")
        self.assertLess(slowest, 1.0)
