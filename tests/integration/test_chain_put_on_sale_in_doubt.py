"""Goal: of goods that a dead box may have put back on sale no more is sold than is left of them.

Method: a chain in one process on real files. Goods that stand aside are put on sale, some are sold,
and the box dies before anybody heard of it. At the next one somebody counts, and says it again.
"""

from collections.abc import Callable

import msgspec
import pytest

from retail.returning.returns import Disposition
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.taking_over import new_box, take_over
from web.once import Done

SOLD = 1
ASIDE = 3

PutOnSale = Callable[[ShopSide], object]


def inspected(old: ShopSide) -> PutOnSale:
    """Three tea came back, and are looked at."""
    sale = old.sell("tea", ASIDE)
    assert isinstance(sale, Done)
    came = old.take_back(str(msgspec.json.decode(sale.record)["id"]), "tea", ASIDE)
    assert isinstance(came, Done)
    back = str(msgspec.json.decode(came.record)["id"])
    return lambda shop: shop.inspect(back, "tea", ASIDE, Disposition.RESTOCK)


def repaired(old: ShopSide) -> PutOnSale:
    """Three tea are damaged, and repaired."""
    assert isinstance(old.adjust("tea", -ASIDE, "damaged"), Done)
    return lambda shop: shop.adjust("tea", ASIDE, "repaired")


@pytest.mark.parametrize("put_aside", [inspected, repaired])
def test_what_is_counted_first_and_put_on_sale_then_is_sold_once(
    lives: LifeChain, old: ShopSide, put_aside: Callable[[ShopSide], PutOnSale]
) -> None:
    put_on_sale = put_aside(old)
    lives.sync()
    assert isinstance(put_on_sale(old), Done)
    assert isinstance(old.sell("tea", SOLD), Done)
    new = new_box(lives)
    take_over(lives, new)
    lives.sync()

    lives.count_all(new, tea=40 - SOLD, jam=10)
    assert isinstance(put_on_sale(new), Done)
    lives.sync()
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    lives.sync()

    counter = lives.hub.counter("riverside", "tea")
    assert (counter.physical(), counter.available(), counter.deficit()) == (40 - SOLD,) * 2 + (0,)
    lives.check("tea", "jam")
