"""Stock at one location told as the story of its entries, as far as the hub has heard them."""

from replication.adapters.sqlite import ReplicaStore
from retail.products.catalogue import Product
from retail.stock.story import Story
from web.paging import Page
from web.problems import Problem, Slug
from web.story_pages import told_story


class StoryQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where: each location has a number, and a story, of its own."""

    location: str


def story_at(store: ReplicaStore, product: Product, query: StoryQuery) -> Story:
    """A page of the story of a known SKU at a location.

    Raises:
        Problem: not-found, when there is no such location, or nothing to tell.
    """
    known = store.connection.execute("SELECT 1 FROM location WHERE id = ?", (query.location,))
    if known.fetchone() is None:
        raise Problem(Slug.NOT_FOUND, f"There is no location {query.location}.")
    return told_story(store, query.location, product, query)
