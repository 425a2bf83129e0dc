"""Goal: a store has what the hub told it, however it was told, and forgets what it has no part in.

Method: a hub and two shops in one process (`tests.chain`). Items that no hub of ours would send are
handed to a shop by hand; a shop's file is compared with the hub's.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.stores import told
from cloud_hub.stores.arrival import arrive
from gateway.link import intake
from gateway.link.cursor import cursor_of
from gateway.link.intake import EVEN, CatchUp
from replication import document, feed, wire
from replication.adapters import sqlite
from replication.document import EntityDocument, is_document
from replication.feed import FeedItem
from retail.documents import product_fields, product_of, product_told
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order
from retail.products.catalogue import Product, ProductBody
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in, transfer_in
from web.once import Done

TEA = Product(sku="tea", name="Tea", price_minor=100, currency="USD", barcodes=("96385074",))


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Tea and jam in two stores."""
    made = Chain(tmp_path, skus=["tea", "jam"], shops=["lakeside", "riverside"])
    yield made
    made.close()


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    return chain.shops["riverside"]


def after(shop: ShopSide) -> int:
    """A position that the shop has not heard of."""
    return cursor_of(shop.state.store) + 1


def catalogue_of(chain: Chain, shop: ShopSide | None = None) -> dict[str, Product]:
    """All products, read anew, at the hub or in a shop."""
    catalogue = (chain.hub if shop is None else shop).state.catalogue
    catalogue.forget()
    return dict(catalogue)


def documents(shop: ShopSide, kind: str) -> list[str]:
    """The ids of the documents that a shop keeps."""
    rows = shop.state.connection.execute("SELECT id FROM document WHERE kind = ?", (kind,))
    return [str(number) for (number,) in rows]


def set_aside(shop: ShopSide) -> str:
    """Why the last item was set aside; empty when none was."""
    known = shop.state.store.meta("set_aside")
    return "" if known is None else str(msgspec.json.decode(known)["reason"])


def listed(shop: ShopSide) -> set[str]:
    """The orders that a shop shows."""
    return {str(one) for (one,) in shop.state.connection.execute("SELECT id FROM shop_order")}


# Products


def test_a_product_that_head_office_wrote_comes_as_a_record_and_leaves_no_document(
    chain: Chain, shop: ShopSide
) -> None:
    assert catalogue_of(chain, shop) == catalogue_of(chain)
    assert documents(shop, feed.PRODUCT) == []
    offered = [one for one in chain.offer(shop, after=0) if one.kind == feed.PRODUCT]
    assert [product_told(one.data).sku for one in offered] == ["tea", "jam"]


def test_a_store_of_version_1_is_told_documents(chain: Chain, shop: ShopSide) -> None:
    office, writer = chain.hub.state, shop.state.ledger.writer
    chain.hub.product("tea", price_minor=250)

    items = chain.hub.commit(lambda: told.offer(office, writer, 0, 1))

    products = [one for one in items if one.kind == feed.PRODUCT]
    assert all(is_document(one.data) for one in products)
    read = [product_of(EntityDocument.load(one.data).fields()) for one in products]
    assert {one.sku: one.price_minor for one in read} == {"jam": 100, "tea": 250}
    shop.apply(items)
    assert catalogue_of(chain, shop) == catalogue_of(chain)


def test_what_a_newer_hub_says_besides_is_left_out_of_a_record(shop: ShopSide) -> None:
    record = msgspec.json.decode(msgspec.json.encode(TEA)) | {"age_limit": 18, "price_minor": 555}

    shop.apply([FeedItem(after(shop), feed.PRODUCT, "tea", msgspec.json.encode(record))])

    assert shop.state.catalogue["tea"].price_minor == 555
    assert set_aside(shop) == ""


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense",
        b"[]",
        b'{"sku":"tea"}',
        b"\x85oJ\x83 and then nothing",
        msgspec.json.encode(msgspec.structs.replace(TEA, price_minor=-1)),
        msgspec.json.encode(msgspec.structs.replace(TEA, sku="jam")),
        msgspec.json.encode(TEA)[:-1],
    ],
    ids=["nonsense", "list", "part", "document", "negative", "other", "cut"],
)
def test_a_record_that_is_no_product_is_set_aside_and_the_rest_is_kept(
    chain: Chain, shop: ShopSide, data: bytes
) -> None:
    first = after(shop)
    before = catalogue_of(chain, shop)
    good = msgspec.structs.replace(TEA, sku="honey")

    shop.apply(
        [
            FeedItem(first, feed.PRODUCT, "tea", data),
            FeedItem(first + 1, feed.PRODUCT, "honey", msgspec.json.encode(good)),
        ]
    )

    assert set_aside(shop)
    assert catalogue_of(chain, shop) == before | {"honey": good}
    assert cursor_of(shop.state.store) == first + 1


def test_barcodes_change_hands_within_one_batch(shop: ShopSide) -> None:
    first = after(shop)
    plain = msgspec.structs.replace(TEA, barcodes=())
    honey = msgspec.structs.replace(TEA, sku="honey", name="Honey")
    shop.apply([FeedItem(first, feed.PRODUCT, "tea", msgspec.json.encode(TEA))])

    for batch in (1, 2):  # the second time both have rows already
        one, other = (plain, honey) if batch == 1 else (TEA, msgspec.structs.replace(
            honey, barcodes=()
        ))  # fmt: skip
        items = [
            FeedItem(first + 2 * batch, feed.PRODUCT, "honey", msgspec.json.encode(other)),
            FeedItem(first + 2 * batch + 1, feed.PRODUCT, "tea", msgspec.json.encode(one)),
        ]
        shop.apply(items)

        found = shop.state.catalogue.by_code("96385074")
        assert found is not None
        assert found.sku == ("honey" if batch == 1 else "tea")


def test_only_a_price_that_changed_is_news(chain: Chain, shop: ShopSide) -> None:
    shop.state.news.clear()
    chain.hub.product("cocoa", price_minor=90)
    chain.hub.product("tea", price_minor=110)
    chain.hub.put("jam", ProductBody(name="Fine jam", price_minor=100, currency="USD"))

    chain.sync()

    prices = [(one.sku, one.price_minor) for one in shop.state.news if one.type == "price"]
    assert prices == [("tea", 110)]
    assert shop.state.products_count == 3


def test_a_product_that_is_edited_again_and_again_stays_small(
    chain: Chain, shop: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is lowered so that a few hundred edits cross it many times over."""
    monkeypatch.setattr(sqlite, "HISTORY_BYTES_MAX", 800)
    office = chain.hub.state
    largest = 0
    for price in range(1, 401):
        chain.hub.product("tea", price_minor=price, safety_stock=price % 7)
        row = office.connection.execute("SELECT length(snapshot) FROM document WHERE id = 'tea'")
        found = row.fetchone()
        assert found is not None
        largest = max(largest, int(str(found[0])))
    chain.sync()

    kept = office.store.load_document(feed.PRODUCT, "tea", office.actor)
    assert kept is not None
    assert product_of(kept.fields()) == shop.state.catalogue["tea"]
    assert shop.state.catalogue["tea"].price_minor == 400
    assert largest <= 800
    entries = office.connection.execute("SELECT count(*) FROM entry WHERE kind = 'product'")
    assert entries.fetchone() == (402,), "the journal has every edit"


def test_a_drafts_document_keeps_its_history_because_its_store_has_a_copy(
    chain: Chain, shop: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "HISTORY_BYTES_MAX", 1)
    monkeypatch.setattr(sqlite, "HISTORY_BYTES_MAX", 1)
    office, actor = chain.hub.state, chain.hub.state.actor
    draft = msgspec.structs.replace(TEA, sku="draft-riverside.1-9", draft=True)
    made = EntityDocument.new(actor)
    change = made.put(product_fields(draft))

    def hear() -> None:
        office.store.store_document(feed.PRODUCT, draft.sku, made, change)
        office.catalogue.store(draft, 0)

    chain.hub.commit(hear)

    for price in range(1, 41):
        chain.hub.product(draft.sku, price_minor=price)

    kept = office.store.load_document(feed.PRODUCT, draft.sku, actor)
    assert kept is not None
    made.merge(kept)
    assert product_of(made.fields()).price_minor == 40, "the older copy takes over the newer"
    assert is_document(chain.offer(shop)[-1].data)


# Progress


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "BATCH_ITEMS_MAX", 10)


def next_batch(chain: Chain, shop: ShopSide, ahead: int) -> told.Batch:
    """The next batch as a link asks for it, which has heard that so many are ahead."""
    office, writer = chain.hub.state, shop.state.ledger.writer
    position = cursor_of(shop.state.store)
    return chain.hub.commit(lambda: told.next_batch(office, writer, position, 2, ahead))


def take(shop: ShopSide, batch: told.Batch) -> CatchUp:
    items = batch.items
    return shop.commit(lambda: intake.apply(shop.state, items, items[-1].position, batch.ahead))


@pytest.mark.usefixtures("small_batches")
def test_a_store_that_is_behind_knows_how_far_over_cuts_and_starts(
    chain: Chain, shop: ShopSide
) -> None:
    for number in range(35):
        chain.hub.product(f"sku-{number:02d}")
    assert intake.catch_up(shop.state.store) == EVEN

    first = next_batch(chain, shop, 0)
    assert take(shop, first) == CatchUp(taken=10, ahead=25)
    assert take(shop, next_batch(chain, shop, first.ahead)) == CatchUp(taken=20, ahead=15)
    shop.restart()
    assert intake.catch_up(shop.state.store) == CatchUp(taken=20, ahead=15)

    # A new link counts anew; what was told meanwhile is in the count.
    chain.hub.product("late")
    third = next_batch(chain, shop, 0)
    assert take(shop, third) == CatchUp(taken=30, ahead=6)
    assert take(shop, next_batch(chain, shop, third.ahead)) == EVEN
    assert intake.catch_up(shop.state.store) == EVEN
    assert catalogue_of(chain, shop) == catalogue_of(chain)


@pytest.mark.usefixtures("small_batches")
def test_items_told_during_a_catch_up_are_counted_before_it_is_called_done(
    chain: Chain, shop: ShopSide
) -> None:
    for number in range(20):
        chain.hub.product(f"sku-{number:02d}")
    first = next_batch(chain, shop, 0)
    take(shop, first)
    for number in range(15):
        chain.hub.product(f"late-{number:02d}")

    second = next_batch(chain, shop, first.ahead)

    assert (first.ahead, second.ahead) == (10, 15)


@pytest.mark.usefixtures("small_batches")
def test_what_other_stores_are_told_is_not_ahead_of_this_one(chain: Chain, shop: ShopSide) -> None:
    chain.shops["lakeside"].receive(tea=5)
    chain.sync(chain.shops["lakeside"])
    order_in(chain.hub.place({"tea": 1}, pickup="lakeside"))
    chain.hub.product("tea", price_minor=7)

    batch = next_batch(chain, shop, 0)

    assert [one.key for one in batch.items] == ["tea"]
    assert batch.ahead == 0


# Removals


@pytest.fixture
def moved(chain: Chain, shop: ShopSide) -> Order:
    """An order that Riverside kept two of for, and gave back to let Lakeside have it."""
    shop.receive(tea=20)
    chain.sync()
    order = order_in(chain.hub.place({"tea": 2}))
    chain.shops["lakeside"].receive(tea=20)
    chain.sync()
    assert listed(shop) == {order.id}
    assert isinstance(
        chain.hub.reallocate(order.id, order.allocations[0].id, location="lakeside"), Done
    )
    return order


def test_an_order_that_went_elsewhere_leaves_the_list_of_who_gave_it_back(
    chain: Chain, shop: ShopSide, moved: Order
) -> None:
    chain.sync()

    assert listed(shop) == set()
    assert documents(shop, feed.ORDER) == []
    assert listed(chain.shops["lakeside"]) == {moved.id}
    assert shop.state.counter("tea").cells() == chain.hub.counter("riverside", "tea").cells()
    rows = shop.state.connection.execute("SELECT state FROM allocation").fetchall()
    assert rows == [("released",)], "that it ended is not forgotten"
    assert set_aside(shop) == ""


def test_an_order_that_went_elsewhere_may_come_back(
    chain: Chain, shop: ShopSide, moved: Order
) -> None:
    chain.sync()
    away = chain.hub.order(moved.id).allocations[-1]

    assert isinstance(chain.hub.reallocate(moved.id, away.id, location="riverside"), Done)
    chain.sync()

    assert listed(shop) == {moved.id}
    assert listed(chain.shops["lakeside"]) == set()
    kept = chain.hub.order(moved.id).allocations[-1]
    assert (kept.location, kept.state) == ("riverside", "committed")


def test_an_order_that_was_cancelled_stays_for_people_to_see(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=20)
    chain.sync()
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    chain.sync()

    chain.hub.tell(order.id, EventType.CANCELLED)
    chain.sync()

    rows = shop.state.connection.execute("SELECT id, status FROM shop_order").fetchall()
    assert rows == [(order.id, "cancelled")]


def test_a_store_does_not_forget_units_that_it_keeps_because_somebody_says_so(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=20)
    chain.sync()
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    chain.sync()

    shop.apply([FeedItem(after(shop), feed.ORDER, order.id, b"")])

    assert listed(shop) == {order.id}
    assert documents(shop, feed.ORDER) == [order.id]
    assert set_aside(shop) == f"order {order.id} has the units of {order.allocations[0].id} here"


def test_a_product_that_is_taken_away_is_sold_no_more_and_its_stock_stays(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=5)
    chain.hub.put("tea", ProductBody(name="T", price_minor=1, currency="USD", barcodes=("9",)))
    chain.sync()
    assert shop.state.catalogue.by_code("9") is not None

    shop.apply([FeedItem(after(shop), feed.PRODUCT, "tea", b"")])

    assert shop.state.catalogue.by_code("9") is None
    assert shop.state.products_count == 1
    assert set(catalogue_of(chain, shop)) == {"jam"}
    assert shop.state.counter("tea").levels().on_hand == 5


def test_a_transfer_is_taken_away_only_while_nothing_has_left(shop: ShopSide) -> None:
    shop.receive(tea=5)
    planned = transfer_in(shop.create_transfer("lakeside", tea=1))
    shipped = transfer_in(shop.create_transfer("lakeside", tea=2))
    assert isinstance(shop.ship_transfer(shipped.id), Done)
    first = after(shop)

    shop.apply(
        [
            FeedItem(first, feed.TRANSFER, planned.id, b""),
            FeedItem(first + 1, feed.TRANSFER, shipped.id, b""),
        ]
    )

    rows = shop.state.connection.execute("SELECT id FROM transfer").fetchall()
    assert rows == [(shipped.id,)]
    assert documents(shop, feed.TRANSFER) == [shipped.id]
    assert set_aside(shop) == f"transfer {shipped.id} is shipped already"


@pytest.mark.parametrize("kind", [feed.STOCK, feed.TAXES, "fashion"])
def test_nothing_else_is_taken_away(chain: Chain, shop: ShopSide, kind: str) -> None:
    before = catalogue_of(chain, shop)

    shop.apply([FeedItem(after(shop), kind, "tea", b"")])

    assert set_aside(shop) == f"nothing of the kind {kind} is taken away"
    assert catalogue_of(chain, shop) == before


def test_a_removal_of_what_was_never_here_changes_nothing(chain: Chain, shop: ShopSide) -> None:
    before = catalogue_of(chain, shop)

    shop.apply(
        [
            FeedItem(after(shop) + number, kind, "never", b"")
            for number, kind in enumerate((feed.PRODUCT, feed.ORDER, feed.TRANSFER))
        ]
    )

    assert set_aside(shop) == ""
    assert catalogue_of(chain, shop) == before


def test_what_a_link_before_said_does_not_count_beside_what_the_store_said_since(
    chain: Chain, shop: ShopSide
) -> None:
    chain.sync()
    office, head = chain.hub.state, shop.state.ledger.head
    writer, end = shop.state.ledger.writer, office.feed_end("riverside")
    hello = wire.Hello(
        versions=list(wire.VERSIONS), writer=writer, seq=head.seq, hash=head.hash, cursor=end,
        boot="next", software="1", now_ms=chain.now_ms(),
    )  # fmt: skip
    chain.hub.commit(lambda: arrive(office, writer, hello))

    chain.hub.commit(lambda: told.keep_cursor(office, writer, end - 1))

    row = office.connection.execute("SELECT cursor FROM location WHERE id = 'riverside'").fetchone()
    assert row == (end,)
