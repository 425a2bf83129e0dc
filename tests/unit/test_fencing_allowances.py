"""Goal: what was had of an allowance beyond any right is covered once, where it is lacking.

Method: counters by themselves, as the hub or as a gateway sees them, in which registers, gateways
and the hub have conceded and covered in any order.
"""

from typing import Final

from replication.allowances import promotion_uses, store_credit
from replication.escrow import CellKey, EscrowCounter, Minted, Spent, Table
from replication.fencing import (
    concede_shortfall,
    cover_conceded,
    covered_twice,
    lacking,
    lacking_at,
    taken_from,
)
from replication.ids import EVERYWHERE, EntryId, WriterId

HUB: Final = WriterId("hub.1")
OLD: Final = WriterId("riverside.1")
NEW: Final = WriterId("riverside.2")
TILL: Final = WriterId("riverside.till-1.1")
HILLSIDE: Final = WriterId("hillside.1")


def uses(used_by_till: int) -> EscrowCounter:
    """Ten uses, of which two boxes of a store have four each; its register had some, unlent."""
    counter = EscrowCounter(EVERYWHERE, promotion_uses("summer"))
    counter.mint(HUB, Minted.ALLOWED, 10)
    counter.grant(HUB, OLD, 4)
    counter.grant(HUB, NEW, 4)
    counter.merge_cell(CellKey(Table.SPENT.value, TILL, Spent.USED), used_by_till)
    return counter


def test_a_register_may_be_covered_for_before_its_gateway_concedes() -> None:
    counter = uses(1)
    counter.spend(NEW, Spent.COVERED, 1)

    assert counter.deficit() == -1
    assert (lacking(counter), covered_twice(counter)) == (0, 0)
    assert concede_shortfall(counter, HUB, OLD) == []


def test_the_hub_alone_gives_back_what_was_covered_twice() -> None:
    counter = uses(1)
    concede_shortfall(counter, NEW, TILL)
    counter.spend(NEW, Spent.COVERED, 1)
    counter.spend(HUB, Spent.COVERED, 1)

    assert concede_shortfall(counter, NEW, TILL) == []
    [cell] = concede_shortfall(counter, HUB, OLD)
    assert (cell.key, cell.value) == (("conceded", HUB, OLD), 1)
    assert covered_twice(counter) == 0


def test_what_was_given_back_to_a_gateway_is_not_covered_again() -> None:
    counter = uses(1)
    concede_shortfall(counter, NEW, TILL)
    assert lacking_at(counter, "riverside", but=NEW) == 1
    counter.spend(NEW, Spent.COVERED, 1)
    counter.spend(HUB, Spent.COVERED, 1)
    counter.concede(HUB, NEW, 1)
    counter.spend(NEW, Spent.USED, counter.quota(NEW))

    assert lacking_at(counter, "riverside", but=NEW) == 0


def test_what_was_conceded_too_early_and_lies_with_its_box_again_is_not_lacking() -> None:
    counter = uses(0)
    counter.concede(HUB, OLD, 2)

    assert counter.quota(OLD) == 6
    assert lacking_at(counter, "riverside", but=NEW) == 0


def test_what_was_taken_from_a_register_counts_until_it_is_conceded() -> None:
    counter = uses(0)
    counter.grant(OLD, TILL, 2)
    counter.reclaim(OLD, TILL, 2)
    assert taken_from(counter, TILL) == 2

    counter.concede(NEW, TILL, 2)

    assert taken_from(counter, TILL) == 0


def test_nothing_is_covered_of_a_credit_whose_issue_nobody_has_heard_of_who_would_have() -> None:
    for by, units in ((HUB, 0), (NEW, 0), (HILLSIDE, 5)):
        credit = store_credit(EntryId("riverside.1-7"), "USD", "secret")
        counter = EscrowCounter(EVERYWHERE, credit)
        counter.merge_cell(CellKey(Table.GRANTED.value, OLD, by), 20)
        counter.concede(HUB, OLD, 20)

        covered = cover_conceded(counter, by, 5)

        assert sum(cell.value for cell in covered) == units, by
