"""What Ropo must be told about one case, computed from the state of the ledger.

Pure functions over plain values: no database, no clock, no HTTP. The models read
the ledger, call :func:`compare`, and store what it says. All amounts are in the
currency of the invoice and are rounded and compared by that currency (an
``res.currency`` record, or anything with its ``round`` and ``compare_amounts``).

The rule behind everything here: an invoice's *reduction* (claim - residual) is the
truth about how much; the counterparts matched beyond the baseline only say which
kind it is, and when it was booked.
"""

from dataclasses import dataclass, replace
from datetime import date

PAID = "paid"
CREDIT_NOTE = "credit_note"
#: Money that Ropo itself sent on: it settles what debtors paid to Ropo.
SETTLEMENT = "settlement"
#: Nothing to tell: a loss written off by us does not lower the debtor's debt.
SILENT = "silent"
#: A person has to say what it is before anything is told.
DECISION = "decision"

REPORTED = (PAID, CREDIT_NOTE)


@dataclass(frozen=True)
class Part:
    """One share of a counterpart that is matched with the invoice.

    :param move_id: the journal entry it stands in
    :param kind: one of the constants above
    :param amount: matched with this invoice, in its currency
    :param booked_at: the date that counts towards the debtor
    :param decision: with kind DECISION, what a person is asked
    """

    move_id: int
    kind: str
    amount: float
    booked_at: date
    decision: str = ""


@dataclass(frozen=True)
class Excess:
    """What Ropo was told, of one kind, beyond what the ledger (still) says."""

    kind: str
    amount: float


@dataclass(frozen=True)
class Comparison:
    """The difference between the ledger and what Ropo was told.

    ``to_tell`` are the reports still owed, oldest first; ``to_decide`` the shares
    that a person has to decide on; ``excess`` what was told and is no longer true;
    ``settled`` the money from Ropo that is matched with the invoice; ``back`` how
    far the residual has risen above the claim, because something matched before
    the transfer was taken away again; ``counted`` all that has reduced the claim.
    """

    to_tell: tuple[Part, ...]
    to_decide: tuple[Part, ...]
    excess: tuple[Excess, ...]
    settled: float
    back: float
    reduction: float
    counted: tuple[Part, ...] = ()


def split(total, shares, currency):
    """Split ``total`` pro rata to ``shares``; the last one takes the rounding."""
    weight = sum(shares)
    if not shares or not weight:
        return [0.0 for _share in shares]
    parts = [currency.round(total * share / weight) for share in shares[:-1]]
    return [*parts, currency.round(total - sum(parts))]


def take(parts, amount, currency):
    """The first ``amount`` of ``parts``, and what of them is left over."""
    taken, left = [], []
    for part in parts:
        share = min(part.amount, max(amount, 0.0))
        share = currency.round(share)
        if currency.compare_amounts(share, 0) > 0:
            taken.append(replace(part, amount=share))
            amount -= share
        rest = currency.round(part.amount - share)
        if currency.compare_amounts(rest, 0) > 0:
            left.append(replace(part, amount=rest))
    return taken, left


def _beyond_baseline(parts, baseline, currency):
    """The parts not yet contained in the claim, within each kind.

    ``baseline`` maps ``(move_id, kind)`` to the amount that was matched when the
    claim was fixed. An entry contained in the claim stays contained when the settings
    make another kind of it later. What was withdrawn from the baseline is made good by
    new parts of the same kind first, the oldest first: a payment un-matched and another
    one matched in its place have not lowered the debt.
    """
    withdrawn = dict(baseline)
    fresh = []
    for of_another_kind in (False, True):
        parts, fresh = fresh if of_another_kind else parts, []
        for part in parts:
            rest = part.amount
            for (move_id, kind), left in withdrawn.items():
                if move_id == part.move_id and (of_another_kind or kind == part.kind):
                    known = min(rest, left)
                    withdrawn[move_id, kind] -= known
                    rest -= known
            rest = currency.round(rest)
            if currency.compare_amounts(rest, 0) > 0:
                fresh.append(replace(part, amount=rest))
    for (_move_id, kind), amount in sorted(withdrawn.items()):
        same = [part for part in fresh if part.kind == kind]
        others = [part for part in fresh if part.kind != kind]
        _replaced, same = take(same, currency.round(amount), currency)
        fresh = same + others
    return sorted(fresh, key=oldest_first)


def oldest_first(part):
    """The order in which parts count; a key for sorting."""
    return (part.booked_at, part.move_id, part.kind)


def compare(*, claim, residual, parts, baseline, told, paid_to_ropo, currency):
    """Compare the ledger with what Ropo was told about one case.

    :param claim: the principal handed over
    :param residual: what the invoice has open now, where matches that do not count
        yet (drafts, dates in the future) are taken as open
    :param parts: the :class:`Part` of every counterpart that counts now
    :param baseline: ``{(move_id, kind): amount}`` matched when the claim was fixed
    :param told: ``{(move_id, kind): amount}`` told to Ropo, be it accepted or still
        under way; ``move_id`` 0 for what Ropo knows from elsewhere
    :param paid_to_ropo: what the debtor paid to Ropo
    :return: a :class:`Comparison`
    """
    back = currency.round(max(residual - claim, 0.0))
    reduction = currency.round(min(max(claim - residual, 0.0), claim))
    ordered = sorted(parts, key=oldest_first)
    fresh = _beyond_baseline(ordered, baseline, currency)
    # The ledger's own sum is the limit: no more than the reduction is ever told.
    fresh, _replacing = take(fresh, reduction, currency)
    settled = currency.round(
        sum(part.amount for part in fresh if part.kind == SETTLEMENT)
    )
    to_decide = [part for part in fresh if part.kind == DECISION]
    to_tell, excess = [], []
    for kind in REPORTED:
        owed, surplus = _compare_kind(
            [part for part in fresh if part.kind == kind],
            {move_id: amt for (move_id, k), amt in told.items() if k == kind},
            currency,
        )
        to_tell += owed
        if currency.compare_amounts(surplus, 0) > 0:
            excess.append(Excess(kind, surplus))
    # Told + paid to Ropo never exceeds the claim; what would is held for a person.
    room = claim - sum(told.values()) - max(paid_to_ropo, settled)
    to_tell, held = take(
        sorted(to_tell, key=oldest_first), currency.round(room), currency
    )
    to_decide += [replace(part, kind=DECISION, decision="over_claim") for part in held]
    return Comparison(
        to_tell=tuple(to_tell),
        to_decide=tuple(to_decide),
        excess=tuple(excess),
        settled=settled,
        back=back,
        reduction=reduction,
        counted=tuple(fresh),
    )


def _compare_kind(parts, told, currency):
    """What is still owed of one kind, and what was told too much of it.

    A report whose payment was un-matched stands in for another payment of the same
    kind: Ropo's sum is right although it was told of the other one.
    """
    due = []
    for part in parts:
        known = min(part.amount, told.get(part.move_id, 0.0))
        rest = currency.round(part.amount - known)
        if currency.compare_amounts(rest, 0) > 0:
            due.append(replace(part, amount=rest))
    owed = currency.round(sum(part.amount for part in parts) - sum(told.values()))
    if currency.compare_amounts(owed, 0) <= 0:
        return [], currency.round(-owed)
    # What stands in for another payment does so for the oldest ones.
    replaced = currency.round(sum(part.amount for part in due) - owed)
    _standing_in, due = take(due, replaced, currency)
    return due, 0.0
