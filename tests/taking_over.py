"""A new box takes a location over (`tests.life_chain`), page by page as over the line."""

from collections.abc import Callable, Sequence
from typing import Final

from cloud_hub.lives import restoring as at_hub
from gateway.lives import restoring
from gateway.lives.restoring import Progress, Step
from gateway.status.report import StopReason
from replication.ids import is_register
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide
from web.lives import CounterState, HeldEntry, HeldQuery
from web.paging import Page

LIMIT: Final = 2
"""Items in a page."""


def new_box(chain: LifeChain) -> ShopSide:
    """Another box takes the first one's place, on an empty file."""
    identity = chain.hub.enrol("riverside", replace=True)
    data = chain._directory / identity.writer
    return ShopSide(lambda: chain.open_shop(data, identity), lambda _shop: None)


def counters_of(
    chain: LifeChain, new: ShopSide, cursor: str | None
) -> tuple[Sequence[CounterState], str | None]:
    """A page of counters."""
    query = Page(limit=LIMIT, cursor=cursor)
    page = at_hub.counters_page(chain.hub.state, new.state.ledger.writer, query)
    return page.items, page.next_cursor


def entries_of(
    chain: LifeChain, new: ShopSide, known: Progress
) -> tuple[Sequence[HeldEntry], str | None]:
    """A page of the journal under way."""
    query = HeldQuery(limit=LIMIT, cursor=known.cursor, writer=known.journals[0])
    page = at_hub.entries_page(chain.hub.state.store, new.state.ledger.writer, query)
    return page.items, page.next_cursor


def step(chain: LifeChain, new: ShopSide, known: Progress) -> Callable[[], Progress]:
    """What comes next, ready to be committed."""
    shop = new.state
    if known.step is Step.STATE:
        lives = chain.lives_before(new)
        return lambda: restoring.take_state(shop, lives)
    if known.step is Step.STOCK:
        counters, after = counters_of(chain, new, known.cursor)
        return lambda: restoring.take_counters(shop, counters, after)
    if known.journals:
        entries, before = entries_of(chain, new, known)
        return lambda: restoring.take_entries(shop, entries, before)
    return lambda: restoring.finish(shop, "nonce")


def take_over(chain: LifeChain, new: ShopSide, *, restarts: bool = False) -> Progress:
    """All of it; with `restarts` the box is cut off after each page, one of them under way."""
    known = new.commit(lambda: restoring.begin(new.state))
    while known.step is not Step.DONE:
        if restarts:
            assert new.state.stopped is StopReason.RESTORING
            assert restoring.is_needed(new.state)
            step(chain, new, known)  # read, and lost
            new.restart()
        known = new.commit(step(chain, new, known))
    assert new.state.stopped is StopReason.RESTORING
    new.commit(lambda: restoring.begin_selling(new.state))
    chain.shops["riverside"] = new
    return known


def replaced(chain: LifeChain) -> ShopSide:
    """Another box, that knows what the hub knows and has taken back what it may of registers."""
    new = new_box(chain)
    take_over(chain, new)
    chain.sync()
    chain.reclaim_all(new)
    chain.sync()
    return new


def tell_lives(chain: LifeChain, new: ShopSide) -> None:
    """A new box asks again what there was before it."""
    lives = chain.lives_before(new)
    new.commit(lambda: restoring.hear_lives(new.state, lives))


def reports(chain: LifeChain, till: RegisterSide, new: ShopSide) -> None:
    """A register tells the new box what it had from the dead one, and hands in what it sold."""
    chain.show(till, new)
    chain.replay(till)
    chain.report(till)


def settled(chain: LifeChain) -> None:
    """Everybody has heard everything, and the box that lives has taken back what it may."""
    chain.sync()
    living = chain.shops["riverside"]
    tell_lives(chain, living)
    chain.reclaim_all(living)
    chain.sync()


def stands(chain: LifeChain, units: int, *, sku: str = "tea") -> None:
    """So many units stand in riverside by the hub's books, and no more can be sold."""
    assert chain.hub.counter("riverside", sku).physical() == units
    no_more_than(chain, units, sku=sku)


def no_more_than(chain: LifeChain, units: int, *, sku: str = "tea") -> None:
    """So many units can be sold in riverside at most, by rights that are not frozen."""
    counter, office = chain.hub.counter("riverside", sku), chain.hub.state
    living = office.living_writer("riverside")
    sell = {office.ledger.writer, living, *filter(is_register, counter.holders())}
    assert sum(max(0, counter.quota(one)) for one in sell) - counter.deficit() <= units
    assert counter.physical() <= units
    chain.check(sku)
