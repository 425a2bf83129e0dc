"""The first day of a box that takes a dead one's place: the hub's state, in pages, then sales."""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final, TypeVar

from cloud_hub.lives import restoring as told
from gateway.lives import restoring
from gateway.lives.restoring import Progress, Step
from replication.ids import WriterId
from tests.busy_chain import busy_day
from tests.chain_sides import HubSide
from tests.power.days import SHOP, PoweredChain
from tests.power.sides import PoweredShop
from web.lives import HeldQuery
from web.paging import Page

NEW_BOX: Final = "riverside.2"

COUNTERS: Final = 1
ENTRIES: Final = 7
"""In a page: few, so that a box takes many."""

T = TypeVar("T")


class Pages:
    """What the hub tells a new box; asked again, it tells the same."""

    def __init__(self, hub: HubSide) -> None:
        self._hub = hub
        self._told: dict[Hashable, object] = {}

    def next_for(self, shop: PoweredShop, known: Progress) -> Callable[[], object]:
        """What a box does next, with what it has been told for it."""
        office, writer = self._hub.state, WriterId(NEW_BOX)
        if known.step is Step.STATE:
            lives = self._ask(known.step, lambda: told.earlier_lives(office, writer))
            return partial(restoring.take_state, shop.state, lives)
        if known.step is Step.STOCK:
            query = Page(limit=COUNTERS, cursor=known.cursor)
            stock = self._ask(query, lambda: told.counters_page(office, writer, query))
            return partial(restoring.take_counters, shop.state, stock.items, stock.next_cursor)
        if known.journals:
            held = HeldQuery(limit=ENTRIES, cursor=known.cursor, writer=known.journals[0])
            page = self._ask(held, lambda: told.entries_page(office.store, writer, held))
            return partial(restoring.take_entries, shop.state, page.items, page.next_cursor)
        return partial(restoring.finish, shop.state, "nonce")

    def _ask(self, key: Hashable, tell: Callable[[], T]) -> T:
        if key not in self._told:
            self._told[key] = self._hub.commit(tell)
        return self._told[key]  # type: ignore[return-value] # each key has one kind of answer


def take_over(shop: PoweredShop, pages: Pages) -> None:
    """Go on from wherever the box is, to where it sells."""
    while (known := restoring.progress_of(shop.state.store)) and known.step is not Step.DONE:
        shop.commit(pages.next_for(shop, known))


def new_box_day(chain: PoweredChain) -> tuple[PoweredShop, Pages]:
    """A busy day ends in a fire; the new box takes over and sells, and its file is closed."""
    busy_day(chain)
    pages = Pages(chain.hub)
    shop = chain.box(SHOP, replace=True)
    assert isinstance(shop, PoweredShop)
    take_over(shop, pages)
    chain.shops[SHOP].close()
    chain.shops[SHOP] = shop
    chain.sync()
    shop.receive(tea=5)
    shop.sell("tea", 2)
    shop.restart()
    shop.sell("tea")
    chain.sync()
    chain.close()
    return shop, pages
