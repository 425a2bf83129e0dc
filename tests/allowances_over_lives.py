"""Allowances in a chain whose boxes die: who holds rights, and what has to be done of a box."""

from collections.abc import Iterator
from pathlib import Path

from replication.ids import EVERYWHERE
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, opened_life
from tests.limited_offers import SUMMER, lend_to, limit, sells_reduced
from tests.register_chain import RegisterSide
from tests.taking_over import tell_lives
from web.once import Done


def two_shops(directory: Path) -> Iterator[LifeChain]:
    """Two shops with plenty of tea and jam, whose boxes may die."""
    with opened_life(directory, "hillside", tea=40, jam=40) as chain:
        chain.shops["hillside"].receive(tea=40, jam=40)
        chain.sync()
        yield chain


def register_with_uses(
    chain: LifeChain, shop: ShopSide, uses: int, *, of: int, lent: int | None = None
) -> RegisterSide:
    """A register that has uses of a limit `of`, as the hub knows; `lent` went to its gateway."""
    till = chain.register(shop)
    limit(chain.hub, of)
    chain.sync()
    assert lend_to(chain, shop, lent or uses)
    chain.hear(till)
    assert chain.borrow(till, (SUMMER, uses))
    chain.sync()
    return till


def held(chain: LifeChain, key: str = SUMMER) -> dict[str, int]:
    """Who has rights to an allowance by the hub's books, or lacks some."""
    holders = chain.hub.state.ledger.counter(EVERYWHERE, key).holders()
    return {writer: units for writer, units in holders.items() if units}


def left(chain: LifeChain, key: str = SUMMER) -> tuple[int, int]:
    """Rights that there are by the hub's books, and units that are not covered."""
    return sum(held(chain, key).values()), chain.hub.state.ledger.counter(EVERYWHERE, key).deficit()


def answer_for(chain: LifeChain, writer: str, location: str = "riverside") -> None:
    """The goods were counted, and an admin says that a box is gone for good; all hear of it."""
    chain.count_all(chain.shops[location], tea=30, jam=30)
    chain.sync()
    outcome = chain.attest(location, writer)
    assert isinstance(outcome, Done), outcome
    chain.sync()
    tell_lives(chain, chain.shops[location])
    chain.reclaim_all(chain.shops[location])
    chain.sync()


def had_reduced(shop: ShopSide) -> int:
    """Teas that sell reduced, one after the other, until one does not."""
    had = 0
    while sells_reduced(shop):
        had += 1
    return had


def had_of_all(chain: LifeChain, shop: ShopSide) -> int:
    """The same at a shop that is lent all that the hub has left."""
    lend_to(chain, shop, chain.hub.state.quota(EVERYWHERE, SUMMER))
    return had_reduced(shop)
