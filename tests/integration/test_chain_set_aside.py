"""Goal: a broken or hostile change of the feed is told, and leaves everything else as it was.

Method: a hub and a shop in one process (`tests.chain`); items that no hub of ours would send are
made by hand and mixed with good ones.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest
from automerge import core

from gateway.shop import REASON_CHARS_MAX, SET_ASIDE, SetAside
from replication import feed
from replication.document import EntityDocument
from replication.escrow import CellChange
from replication.feed import FeedItem
from retail.documents import product_fields
from retail.products.catalogue import Product
from tests.chain import Chain
from tests.holds_seen import shop_of, stocked
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Riverside has 40 tea and jam."""
    made = stocked(tmp_path)
    yield made
    made.close()


def saved(fields: dict[str, str]) -> bytes:
    document = EntityDocument.new(b"h" * 16)
    document.put(fields)
    return document.save()


TEA: Final = Product(sku="tea", name="Other tea", price_minor=1, currency="USD")
FIELDS: Final = product_fields(TEA)


def strangers() -> bytes:
    """A document that does not begin as all do: in a merge its fields would hide ours."""
    document = core.Document(b"x" * 16)
    with document.transaction() as change:
        fields = change.put_object(core.ROOT, "fields", core.ObjType.Map)
        change.put_object(core.ROOT, "events", core.ObjType.Map)
        for name, text in FIELDS.items():
            change.put(fields, name, core.ScalarType.Str, text)
    return document.save()


def half() -> bytes:
    """A change by somebody whose first change is unknown here."""
    document = EntityDocument.new(b"h" * 16)
    document.put(FIELDS)
    return document.put({"price_minor": "2"})


BROKEN: Final[dict[str, tuple[str, bytes, str]]] = {
    "garbage": (feed.PRODUCT, b"garbage", ""),
    "half a document": (feed.PRODUCT, saved(FIELDS)[:-20], "does not load"),
    "a change without its past": (feed.PRODUCT, half(), ""),
    "a stranger's document": (feed.PRODUCT, strangers(), "stranger"),
    "another product": (feed.PRODUCT, saved(FIELDS | {"sku": '"jam"'}), "jam"),
    "a negative price": (feed.PRODUCT, saved(FIELDS | {"price_minor": "-1"}), "price_minor"),
    "half JSON": (feed.PRODUCT, saved(FIELDS | {"name": '"half'}), "not a product"),
    "JSON without end": (feed.PRODUCT, saved(FIELDS | {"variant": "[" * 5_000}), "not a product"),
    "no product": (feed.PRODUCT, saved({}), "not a product"),
    "a record of another product": (
        feed.PRODUCT, msgspec.json.encode(msgspec.structs.replace(TEA, sku="jam")), "jam",
    ),
    "patterns that mean two things": (
        feed.SETTINGS,
        msgspec.json.encode({"currency": "USD", "embedded_barcodes": ["21IIIIIWWWWWC"] * 2}),
        "may mean the same code",
    ),
    "settings without a currency": (feed.SETTINGS, b"{}", "currency"),
    "a kind of tomorrow": ("weather", b"{}", "weather"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "why"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_or_hostile_item_is_set_aside_and_told(
    chain: Chain, kind: str, data: bytes, why: str
) -> None:
    shop = shop_of(chain)
    before = dict(shop.state.catalogue)
    assert shop.state.store.meta(SET_ASIDE) is None
    fresh = saved(FIELDS | {"sku": '"fresh"', "name": '"Fresh"'})

    shop.apply([FeedItem(901, kind, "tea", data), FeedItem(902, feed.PRODUCT, "fresh", fresh)])

    told = shop.state.store.meta(SET_ASIDE)
    assert told is not None
    aside = msgspec.json.decode(told, type=SetAside)
    assert (aside.count, aside.kind, aside.key) == (1, kind, "tea")
    assert why in aside.reason
    after = dict(shop.state.catalogue)
    assert after.pop("fresh").name == "Fresh", "the rest of the batch goes on"
    assert after == before
    assert isinstance(shop.sell("tea"), Done)


def test_each_item_that_is_set_aside_counts(chain: Chain) -> None:
    shop = shop_of(chain)

    shop.apply([FeedItem(901, feed.PRODUCT, "tea", b"x"), FeedItem(902, "weather", "sun", b"x")])
    shop.restart()
    long_name = CellChange("riverside", "jam", "minted", "x" * 900, "received", 1)
    shop.apply([FeedItem(903, feed.STOCK, "jam", msgspec.json.encode([long_name]))])

    told = shop.state.store.meta(SET_ASIDE)
    assert told is not None
    aside = msgspec.json.decode(told, type=SetAside)
    assert (aside.count, aside.key) == (3, "jam")
    assert len(aside.reason) == REASON_CHARS_MAX
