"""Which payments to Ropo a sum of Ropo's may be: a proposal that says why.

Pure functions over whole cents: no database, no clock. A proposal is for a person, who
knows Ropo's statement. Nothing here is exponential: every step is linear, or bounded by
:data:`BUDGET`.
"""

from dataclasses import dataclass
from datetime import date
from math import gcd, isqrt

#: Bits that the search for a combination may go through: items looked at times the sum
#: in cents. It keeps the answer within a second; what is left out is told.
BUDGET = 800_000_000
#: A sum so large that not even this many items could be looked at is not searched for.
FEWEST = 16

#: The rules by which items are chosen, the most telling first.
NAMED = "named"
EVERYTHING = "everything"
OLDEST = "oldest"
DAYS = "days"
RUN = "run"
COMBINATION = "combination"
# From here on with a difference.
NAMED_ABOUT = "named_about"
FITTING = "fitting"
COVERING = "covering"
NOTHING = "nothing"


@dataclass(frozen=True)
class Item:
    """Money a debtor paid to Ropo that has not come from Ropo yet.

    :param key: whatever the caller knows it by
    :param cents: below 0 for what Ropo takes back
    :param day: when it was paid to Ropo
    :param named: whether the text of Ropo's money names this invoice
    """

    key: int
    cents: int
    day: date
    named: bool = False


@dataclass(frozen=True)
class Proposal:
    """What a sum may be.

    ``difference`` is the sum less the items; ``others`` says that other items, found by
    the same rule, make the same sum; ``unseen`` counts the newest items that the search
    for a combination left out because of :data:`BUDGET`.
    """

    rule: str
    items: tuple[Item, ...] = ()
    difference: int = 0
    others: bool = False
    unseen: int = 0


def propose(total, items):
    """The items, given oldest first, that ``total`` cents may be.

    An exact sum comes first: what the text names, everything, the oldest, whole days, a
    run without gaps, then any combination. Else those that are named, or the oldest
    that fit, or the smallest one that covers the sum, with the difference.
    """
    items = [item for item in items if item.cents]
    named = [item for item in items if item.named]
    if named and _sum(named) == total:
        return Proposal(NAMED, tuple(named))
    if items and _sum(items) == total:
        return Proposal(EVERYTHING, tuple(items))
    for rule, runs in (
        (OLDEST, _runs(total, items, 1)),
        (DAYS, _days(total, items)),
        (RUN, _runs(total, items, len(items))),
    ):
        run = next(runs, None)
        if run:
            another = rule == RUN and next(runs, None)
            return Proposal(rule, tuple(run), others=bool(another))
    ways, found, unseen = _combination(total, items)
    if found:
        return Proposal(COMBINATION, tuple(found), others=ways > 1, unseen=unseen)
    return _with_difference(total, items, named, unseen)


def _with_difference(total, items, named, unseen):
    """The smallest sensible choice where nothing makes the sum."""
    if named and total > 0:
        rule, chosen = NAMED_ABOUT, named
    else:
        rule, chosen, left = FITTING, [], total
        for item in items:
            if 0 < item.cents <= left:
                chosen.append(item)
                left -= item.cents
    if not chosen and total > 0:
        covering = [item for item in items if item.cents > total]
        rule = COVERING
        chosen = [min(covering, key=lambda item: item.cents)] if covering else []
    difference = total - _sum(chosen)
    if chosen and not difference:
        # It takes leaving out what Ropo took back.
        return Proposal(COMBINATION, tuple(chosen), others=True, unseen=unseen)
    rule = rule if chosen else NOTHING
    return Proposal(rule, tuple(chosen), difference, unseen=unseen)


def _sum(items):
    return sum(item.cents for item in items)


def _runs(total, items, starts):
    """Runs without gaps that make the sum, from one of the first ``starts`` on."""
    seen, reached = {}, 0
    for end, item in enumerate([*items, None]):
        start = seen.get(reached - total)
        if start is not None:
            yield items[start:end]
        if end < starts:
            seen.setdefault(reached, end)
        reached += item.cents if item else 0


def _days(total, items):
    """Whole days, one after the other, that make the sum."""
    by_day = {}
    for item in items:
        by_day.setdefault(item.day, []).append(item)
    days = list(by_day.values())
    sums = [Item(index, _sum(day), day[0].day) for index, day in enumerate(days)]
    for run in _runs(total, sums, len(sums)):
        yield [item for day in run for item in days[day.key]]


def _combination(total, items):
    """The oldest combination that makes the sum, and whether it is the only one.

    Sums that can be reached are the bits of one number, those that can be reached in
    two ways the bits of another; an item moves all of them at once. What Ropo takes
    back is taken as part of it.

    :return: ``(ways: 0, 1 or 2 for several, items, items left out)``
    """
    back = [item for item in items if item.cents < 0]
    candidates = [item for item in items if item.cents > 0]
    target = total - _sum(back)
    if target <= 0 or not candidates:
        return 0, [], 0
    step = gcd(*(item.cents for item in candidates))
    if target % step:
        return 0, [], 0
    target //= step
    size = BUDGET // (target + 1)
    if size < FEWEST:
        return 0, [], len(candidates)
    unseen = max(len(candidates) - size, 0)
    candidates = candidates[:size]
    amounts = [item.cents // step for item in candidates]
    if sum(amounts) < target:
        return 0, [], unseen
    mask = (1 << (target + 1)) - 1
    stride = isqrt(len(amounts)) + 1
    once, twice, saved, last = 1, 0, [], None
    for index, amount in enumerate(amounts):
        if index % stride == 0:
            saved.append(once)
        moved = _shift(once, amount, mask, target)
        twice |= (once & moved) | _shift(twice, amount, mask, target)
        once |= moved
        if last is None and once >> target:
            last = index
        if twice >> target & 1:
            break
    if last is None:
        return 0, [], unseen
    chosen = [candidates[last]]
    left = target - amounts[last]
    for start in range(last // stride * stride, -1, -stride):
        # The sums before each item of this stretch, from the one saved.
        before = [saved[start // stride]]
        for amount in amounts[start : min(start + stride, last)]:
            before.append(before[-1] | _shift(before[-1], amount, mask, target))
        for index in range(min(start + stride, last) - 1, start - 1, -1):
            if not before[index - start] >> left & 1:
                chosen.append(candidates[index])
                left -= amounts[index]
    keys = {item.key for item in chosen + back}
    ways = 2 if twice >> target & 1 else 1
    return ways, [item for item in items if item.key in keys], unseen


def _shift(bits, amount, mask, target):
    return (bits << amount) & mask if amount <= target else 0
