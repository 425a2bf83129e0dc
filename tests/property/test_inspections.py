"""Goal: in whatever order it is typed in what happened to goods that came back, the book ends true.

Method: a shop on a real file (`tests.chain`). Units came back; others lie on the shelf, or stand in
the stockroom before their paper is typed in. People put what came back where it belongs, things
break, a supervisor sells what customers hold. Hypothesis chooses all of that and the order of
typing; what is refused is tried again after the others. What is never taken came back while the
book took another unit's loss from quality control: it takes that one's place on the shelf.
"""

import random
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.selling import sales
from replication.escrow import check_invariants
from retail.returning.returns import Disposition
from retail.selling.sales import OverrideRequest
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, sale_of
from web.once import Done

Deed = Callable[[], object]

few = st.integers(0, 2)
IN_THE_HAND = [one for one in Disposition if one is not Disposition.LOST]
IN_THE_SHOP = (Disposition.RESTOCK, Disposition.DAMAGED)


def id_of(outcome: object) -> str:
    """The id of what a success booked."""
    assert isinstance(outcome, Done), outcome
    return str(msgspec.json.decode(outcome.record)["id"])


def came_back(shop: ShopSide) -> str:
    """One unit arrives, is sold and comes back; the return's id."""
    shop.receive(tea=1)
    return id_of(shop.take_back(id_of(shop.sell("tea")), "tea", 1))


def overdraw(shop: ShopSide) -> object:
    """A supervisor sells a unit that a customer holds."""
    over = msgspec.structs.replace(sale_of("tea", 1), override=OverrideRequest(reason="in hand"))
    return shop.commit(lambda: sales.sell(shop.state, command(), over, asked_hub=True))


def type_in(shop: ShopSide, deeds: Sequence[Deed]) -> Sequence[Deed]:
    """Type all of it in, and what is refused again until nothing of it is taken; that."""
    refused: list[Deed] = []
    for deed in deeds:
        if not isinstance(deed(), Done):
            refused.append(deed)
        assert check_invariants(shop.state.counter("tea")) == []
    return type_in(shop, refused) if len(refused) < len(deeds) else refused


@settings(max_examples=60, deadline=None)
@given(
    fates=st.lists(st.sampled_from(IN_THE_HAND), min_size=1, max_size=3),
    lying=st.integers(0, 1),
    late=st.integers(0, 1),
    broken=few,
    overs=few,
    dice=st.randoms(use_true_random=False),
)
def test_the_book_ends_as_what_stands_there_in_whatever_order_it_is_typed(
    *,
    fates: list[Disposition],
    lying: int,
    late: int,
    broken: int,
    overs: int,
    dice: random.Random,
) -> None:
    on_shelf = lying + late + fates.count(Disposition.RESTOCK)
    broken = min(broken, on_shelf)
    overs = min(overs, on_shelf - broken)
    with tempfile.TemporaryDirectory() as directory:
        chain = Chain(Path(directory), skus=["tea"], shops=["riverside"])
        shop = chain.shops["riverside"]
        came = {came_back(shop): fate for fate in fates}
        if lying:
            shop.receive(tea=lying)
        looks: dict[Deed, str] = {
            partial(shop.inspect, one, "tea", 1, fate): one for one, fate in came.items()
        }
        deeds: list[Deed] = [
            *looks,
            *(partial(shop.receive, tea=1) for _ in range(late)),
            *(partial(shop.adjust, "tea", -1, "broken") for _ in range(broken)),
            *(partial(overdraw, shop) for _ in range(overs)),
        ]
        dice.shuffle(deeds)

        refused = {looks[deed] for deed in type_in(shop, deeds)}

        assert len(refused) <= broken
        for one in refused:
            assert isinstance(shop.inspect(one, "tea", 1, Disposition.LOST), Done)
            came[one] = Disposition.RESTOCK
        there = lying + late - broken - overs + sum(fate in IN_THE_SHOP for fate in came.values())
        counter = shop.state.counter("tea")
        assert (counter.physical(), counter.levels().quality_control) == (there, 0)
        assert check_invariants(counter) == []
        chain.close()
