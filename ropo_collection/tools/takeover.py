"""What Ropo knows already of a case that was not handed over from here.

Pure functions over plain values, like :mod:`.ledger`. Somebody else handed the claim
over, and may have told Ropo of payments: by another program, on Ropo's own pages, by
phone. Ropo's events say what was paid and credited, not who said so. So every share of
the invoice that is matched in the ledger is one of these:

* *told*: Ropo lists an event of just this kind, sum and date;
* *baseline*: it was matched before the claim, which is that much smaller;
* *unsure*: Ropo may know it or not, and a person is asked before anything is told;
* what is left over is unknown to Ropo, and is told.

An event that fits nothing in the ledger is money that the debtor paid to Ropo.
"""

from dataclasses import dataclass

from . import ledger


@dataclass(frozen=True)
class Takeover:
    """How a case begins here.

    ``told``: pairs of an event and the part it stands for; ``baseline`` and ``unsure``:
    parts.
    """

    told: tuple
    baseline: tuple
    unsure: tuple


def find_claim(*, total, capital, open_amount, events):
    """The claim Ropo has: as it says, else as follows from what it lists.

    :param events: things with ``kind`` and ``amount``
    """
    if capital:
        return capital
    if open_amount is None:
        return total
    return open_amount + _sum(events)


def take_over(*, total, claim, open_amount, parts, events, currency):
    """Compare a case at Ropo with the ledger, for the first time.

    :param total: of the invoice
    :param claim: the principal that Ropo has, not more than the total
    :param open_amount: what is open there as Ropo shows it, None where it does not
    :param parts: the :class:`~.ledger.Part` of all that is matched with the invoice
    :param events: Ropo's payments and credit notes, with ``id``, ``kind``, ``amount``
        and ``date``
    """
    told, left, loose = _pair(parts, events, currency)
    # Ropo's own money can't have come before the claim.
    earlier = [part for part in left if part.kind != ledger.SETTLEMENT]
    before = currency.round(total - claim)
    baseline, rest = ledger.take(
        sorted(earlier, key=ledger.oldest_first), before, currency
    )
    covered = currency.round(sum(part.amount for part in baseline))
    # Do Ropo's figures add up to what it lists? Else it knows of more than that.
    listed = currency.round(claim - _sum(events))
    complete = (
        open_amount is not None
        and not currency.compare_amounts(listed, open_amount)
        and not currency.compare_amounts(covered, before)
    )
    loose_kinds = {event.kind for event in loose}
    unsure = [
        part
        for part in rest
        if (not complete and part.kind in (*ledger.REPORTED, ledger.DECISION))
        or (part.kind == ledger.PAID and ledger.PAID in loose_kinds)
        or (part.kind == ledger.DECISION and loose_kinds)
    ]
    return Takeover(tuple(told), tuple(baseline), tuple(unsure))


def _sum(events):
    return sum(event.amount for event in events if event.kind in ledger.REPORTED)


def _pair(parts, events, currency):
    """Match events with parts of the same kind and sum, each used once.

    A payment must have the same date as well: the debtor may have paid Ropo just as
    much on another day. A credit note can only be the company's own.
    """
    left, told, loose = list(parts), [], []
    for event in events:
        if event.kind not in ledger.REPORTED:
            continue
        same = [
            part
            for part in left
            if part.kind == event.kind
            and not currency.compare_amounts(part.amount, event.amount)
            and (part.kind == ledger.CREDIT_NOTE or part.booked_at == event.date)
        ]
        same.sort(key=lambda part, event=event: part.booked_at != event.date)
        if same:
            left.remove(same[0])
            told.append((event, same[0]))
        else:
            loose.append(event)
    return told, left, loose
