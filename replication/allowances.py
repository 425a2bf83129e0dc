"""Allowances: how many more times something may be done, over the whole chain.

An allowance is an escrow counter over no goods. What protects the last unit protects the last use
of a coupon: each right has one holder, moves by the same grants and the same borrows, and is spent
in the commit of the sale or order that used it. So a store that is cut off goes on with what it
holds, and nobody goes beyond (E1). What differs from stock:

    place    one counter for the chain, at `ids.EVERYWHERE`, not one per location
    key      what it counts and of which thing, `promotion/summer`; a `/` is in no SKU
    minting  by one replica alone (`ids.allower_of`): of a promotion the hub's, `allowed` when the
             limit is set or raised, `use_released` when a use did not come about; `disallowed`
             takes back, out of its own quota, what a lower limit leaves too many
    goods    none: no movements, no levels, no E2

    A1  used <= allowed, at every instant, on the union of all durable states; follows from E1

What may still come back of a sold line is such a right too, `returnable/riverside.1-42/2`, allowed
by whoever sold it when somebody else first asks for it: lines that never come back cost nothing.
All rights of one sale travel together, so that who holds them has seen every return before.

And so is money on a credit note, `credit/riverside.1-57/SAR/K7QX2M`, allowed by the return that was
paid with it. A right is a minor unit, used by a sale that it pays. It travels whole: who holds any
of it knows all that is left.

A limit is of the key, not of the document that names it: who withdraws a promotion and writes it
again finds the uses that were had. Cells only grow, and minting again is a difference of sums.
"""

from typing import Final, NamedTuple

from replication.escrow import CellChange, EscrowCounter, Minted, QuotaShort, Spent, Table
from replication.ids import EntryId, WriterId

_PROMOTION: Final = "promotion"
_RETURNABLE: Final = "returnable"
_CREDIT: Final = "credit"


def promotion_uses(promotion: str) -> str:
    """The key of the uses of a promotion: one per basket in which it took something off."""
    return f"{_PROMOTION}/{promotion}"


def returnable(entry: str, line: int) -> str:
    """The key of what may come back of a line, from 1, of the sale or order in that entry."""
    return f"{_RETURNABLE}/{entry}/{line}"


def all_returnable(entry: str) -> str:
    """What a borrow asks for that wants all such rights of an entry, whatever they come to."""
    return f"{_RETURNABLE}/{entry}"


def entry_of_returnable(key: str) -> EntryId | None:
    """The entry that such a key is about; None where it is no such key."""
    kind, _, rest = key.partition("/")
    return EntryId(rest.partition("/")[0]) if kind == _RETURNABLE else None


def store_credit(issued_by: str, currency: str, secret: str) -> str:
    """The key of a store credit, in minor units of its currency; `issued_by` is its return's entry.

    `secret` is known from the credit note alone: who knows the return cannot spend the credit.
    """
    return f"{_CREDIT}/{issued_by}/{currency}/{secret}"


def is_store_credit(key: str) -> bool:
    """Whether a key names a store credit."""
    return key.startswith(f"{_CREDIT}/")


class Usage(NamedTuple):
    """An allowance in words, as far as this replica has heard. `held` is each holder's quota."""

    allowed: int
    used: int
    held: dict[str, int]


def usage_of(counter: EscrowCounter) -> Usage:
    """How much of an allowance there is, and where it has gone."""
    return Usage(
        allowed=allowed(counter),
        used=counter.total(Table.SPENT, Spent.USED)
        - counter.total(Table.MINTED, Minted.USE_RELEASED),
        held={holder: units for holder, units in counter.holders().items() if units},
    )


def allowed(counter: EscrowCounter) -> int:
    """Uses that were ever allowed, less those that were taken back."""
    return counter.total(Table.MINTED, Minted.ALLOWED) - counter.total(
        Table.SPENT, Spent.DISALLOWED
    )


def set_limit(counter: EscrowCounter, hub: WriterId, limit: int) -> list[CellChange]:
    """Bring what is allowed to `limit`, as far as the hub can.

    What is used, or held by others, is not taken back: then more than `limit` stays allowed.
    """
    more = limit - allowed(counter)
    if more > 0:
        return [counter.mint(hub, Minted.ALLOWED, more)]
    taken = min(-more, counter.quota(hub))
    if taken <= 0:
        return []
    spent = counter.spend(hub, Spent.DISALLOWED, taken)
    assert not isinstance(spent, QuotaShort), "no more than the quota is taken back"
    return [spent]


def use(counter: EscrowCounter, by: WriterId, units: int = 1) -> CellChange:
    """Spend so many rights; the caller has seen that `by` holds them."""
    spent = counter.spend(by, Spent.USED, units)
    assert not isinstance(spent, QuotaShort), "that there are rights was seen before"
    return spent
