"""Goal: goods of two sales that were given one id come back each by its own paper.

Method: a chain in one process on real files. A box and a copy of it sell under one id; the hub has
both, and a third box takes over. Each sale has its own id in lists: goods are brought by that one,
or by the number on the receipt, where it was sold and elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from cloud_hub.lives.branches import BranchTaken
from gateway.returning.returnables import Elsewhere
from replication.ids import WriterId
from retail.selling.sales import Sale
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, opened_life
from tests.returns_elsewhere import came, claimed, differences
from tests.taking_over import new_box, take_over
from web.journal_pages import sale_record
from web.once import Done
from web.problems import Problem
from web.sale_numbers import sale_named


class Twice(NamedTuple):
    """Two sales of one id: the journal's own, and the one that the branch's entry tells of."""

    id: str
    entry: str
    number: str
    new: ShopSide


def sell(shop: ShopSide, units: int) -> Sale:
    """So much tea goes."""
    done = shop.sell("tea", units)
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.record, type=Sale)


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea, whose box may die; and another one."""
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        chain.hub.state.reachable.update(chain.shops)
        yield chain


@pytest.fixture
def twice(chain: LifeChain) -> Twice:
    """3 are sold by the box, 4 by the copy."""
    old = chain.shops["riverside"]
    copy = chain.boot(chain.image(old), old.state.identity)
    while old.state.ledger.head.seq < copy.state.ledger.head.seq + 1:
        old.commit(lambda: old.state.ledger.append("note", b"{}"))
    sell(copy, 1)
    first, second = sell(old, 3), sell(copy, 4)
    assert (first.id, first.number) != (second.id, second.number)
    assert first.id == second.id
    chain.sync()
    taken = chain.hand_branch(WriterId("riverside.1"), chain.branch_of(copy, chain.common(copy)))
    assert isinstance(taken, BranchTaken)
    new = new_box(chain)
    take_over(chain, new)
    chain.hand_over(old, sealed=True)
    chain.sync()
    row = new.state.connection.execute(
        "SELECT writer || '-' || seq FROM entry WHERE kind = 'recovered_sale' ORDER BY seq DESC"
    ).fetchone()
    assert row is not None
    return Twice(first.id, str(row[0]), second.number, new)


def test_each_has_an_id_of_its_own_by_which_it_is_read(chain: LifeChain, twice: Twice) -> None:
    for store in (twice.new.state.store, chain.hub.state.store):
        for asked, units in ((twice.id, 3), (twice.entry, 4)):
            record = sale_record(store, asked)
            assert record is not None
            sale = msgspec.json.decode(record, type=Sale)
            assert (sale.id, sale.lines[0].quantity) == (asked, units)
        assert sale_named(store, twice.number) == twice.entry


def test_each_comes_back_as_far_as_it_was_sold(chain: LifeChain, twice: Twice) -> None:
    new = twice.new

    came(new.take_back(twice.id, "tea", 3))
    came(new.take_back(twice.entry, "tea", 4, named=twice.number))

    for sale in (twice.id, twice.entry):
        assert isinstance(new.take_back(sale, "tea", 1), Problem)
    assert differences(chain) == []


def test_rights_to_one_are_none_to_the_other(chain: LifeChain, twice: Twice) -> None:
    hillside = chain.shops["hillside"]

    assert claimed(chain, hillside, twice.entry).left == (4,)
    came(hillside.take_back(twice.entry, "tea", 4, has_asked=True))
    came(twice.new.take_back(twice.id, "tea", 2))

    assert twice.new.take_back(twice.entry, "tea", 1) == Elsewhere(twice.entry)
    assert claimed(chain, hillside, twice.id).left == (1,)
    assert differences(chain) == []
