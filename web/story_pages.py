"""A stock number as the story of its entries, read from the rows that are committed.

A page is found from its end: the last entries first, older ones by cursor. All of a page is read in
one snapshot, so that the counter and the entries that explain it are of the same moment.
"""

from collections import deque
from typing import Final

from replication.adapters.sku_index import touched_by
from replication.adapters.sqlite import ReplicaStore, snapshot
from replication.escrow import EscrowCounter
from replication.journal import decode_body
from retail.products.catalogue import Product, unstocked_words
from retail.stock.story import Opening, Step, Story, Storyteller, closing
from web.paging import Cursor, Page
from web.problems import Problem, Slug

_BEFORE: Final = Cursor(tuple[int])


def told_story(store: ReplicaStore, location: str, product: Product, page: Page) -> Story:
    """A page of the story of a product's stock.

    Raises:
        Problem: not-found, when the product has no stock of its own and never had.
    """
    story = story_page(store, location, product.sku, page)
    is_empty = not (story.entries or story.opening.entries)
    if is_empty and (words := unstocked_words(product)) is not None:
        raise Problem(Slug.NOT_FOUND, words)
    return story


def story_page(store: ReplicaStore, location: str, sku: str, page: Page) -> Story:
    """The last entries of the story, or those before a cursor; in the order of arrival."""
    place = _BEFORE.decode(page.cursor)
    with snapshot(store.connection):
        known = committed_counter(store, location, sku)
        teller = Storyteller(known)
        shown: deque[tuple[int, bytes]] = deque()
        passed = 0
        for arrival, body in store.entries_about(location, sku):
            if place is not None and arrival >= place[0]:
                break
            shown.append((arrival, body))
            if len(shown) > page.limit:
                teller.pass_over(touched_by(shown.popleft()[1]).cells)
                passed += 1
        opening = Opening(entries=passed, levels=teller.counter.levels())
        steps: list[Step] = [teller.tell(decode_body(body)) for _, body in shown]
        if place is None and (heard := teller.tell_heard()) is not None:
            steps.append(heard)
    levels, physical = known.levels(), known.physical()
    return Story(
        sku=sku,
        location=location,
        levels=levels,
        physical=physical,
        opening=opening,
        entries=steps,
        closing=closing(levels, physical),
        next_cursor=_BEFORE.encode((shown[0][0],)) if passed else None,
    )


def committed_counter(store: ReplicaStore, location: str, sku: str) -> EscrowCounter:
    """The counter as it is committed: its row, and the entries after the last checkpoint."""
    counter = EscrowCounter(location, sku, store.load_counter(location, sku))
    for body in store.bodies_since_save():
        for change in touched_by(body).cells:
            if change.location == location and change.sku == sku:
                counter.merge_cell(change.key, change.value)
    return counter
