"""Goal: quota and journals cross each other on the way, and both sides agree once all has arrived.

Method: a hub and a shop in one process (`tests.chain`); a test sends what travels in the order that
it is about. Where the writer thread matters, the shop decides behind a real one.
"""

import asyncio
import threading
from pathlib import Path

import msgspec
import pytest

from cloud_hub.ordering.orders import ShortOnline
from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from replication import feed
from replication.adapters.group_commit import GroupCommit
from replication.escrow import CellChange, Minted, Moved, check_invariants
from retail.ordering.order_status import EventType
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub with tea and jam, and Riverside."""
    return Chain(tmp_path, skus=["tea", "jam"], shops=["riverside"])


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    """Riverside."""
    return chain.shops["riverside"]


def check_agreed(chain: Chain, shop: ShopSide, *skus: str) -> None:
    """Both sides know the same, and it holds, also after both have started again."""
    chain.sync()
    assert chain.hub.state.head_of(shop.state.ledger.writer) == shop.state.ledger.head
    known = {sku: shop.state.counter(sku).cells() for sku in skus}
    for sku in skus:
        counter = chain.hub.counter("riverside", sku)
        assert counter.cells() == known[sku]
        assert check_invariants(counter) == []
    chain.hub.restart()
    shop.restart()
    for sku in skus:
        assert chain.hub.counter("riverside", sku).cells() == known[sku]
        assert shop.state.counter(sku).cells() == known[sku]


@pytest.mark.parametrize("entries_max", [1, 7, 500])
def test_a_loan_answered_during_catch_up_does_not_make_the_hub_refuse_the_journal(
    chain: Chain, shop: ShopSide, entries_max: int
) -> None:
    shop.receive(tea=40)
    chain.sync()
    for _ in range(shop.state.quota("tea") - 1):  # an outage: nearly all is sold
        assert isinstance(shop.sell("tea"), Done)
    shop.receive(tea=500)
    office = chain.hub.state
    office.reachable.add("riverside")
    short = chain.hub.place({"tea": 20})
    assert isinstance(short, ShortOnline)
    wants = short.borrow["riverside"]

    chain.send(shop, entries_max=entries_max)  # the link is back: the loan overtakes the backlog
    lent = shop.commit(lambda: shop_lending.lend(shop.state, "hub.1/1", wants))
    chain.hub.commit(lambda: hub_lending.take_grant(office, shop.state.ledger.writer, lent.cells))
    order_in(chain.hub.place({"tea": 20}))
    chain.hub.restart()
    while chain.send(shop, entries_max=entries_max):
        assert chain.hub.state.quota("riverside", "tea") >= 0

    check_agreed(chain, shop, "tea")


def test_a_grant_that_comes_twice_and_late_is_taken_once(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=40)
    chain.sync()
    writer, before = shop.state.ledger.writer, shop.state.quota("tea")
    for _ in range(2):  # the answer was lost: the same request is asked again
        lent = chain.hub.commit(
            lambda: hub_lending.lend(chain.hub.state, writer, "riverside/1", [("tea", 3)])
        )
    chain.sync()

    for _ in range(2):
        shop.commit(lambda: shop_lending.take_grant(shop.state, lent.cells))

    assert shop.state.quota("tea") == before + 3
    check_agreed(chain, shop, "tea")


def test_raising_the_safety_stock_hands_back_the_hubs_surplus(chain: Chain, shop: ShopSide) -> None:
    shop.receive(tea=8)
    chain.sync()
    assert chain.hub.state.quota("riverside", "tea") > 0

    chain.hub.product("tea", safety_stock=8)
    chain.sync()

    assert chain.hub.state.quota("riverside", "tea") == 0
    assert shop.state.quota("tea") == 8
    check_agreed(chain, shop, "tea")


@pytest.mark.parametrize("record", ["newer order", "unknown order", "no order at all"])
@pytest.mark.parametrize("kind", ["order_event", "a kind of a newer gateway"])
def test_an_entry_that_means_nothing_to_the_hub_is_kept_and_its_cells_are_merged(
    chain: Chain, shop: ShopSide, record: str, kind: str
) -> None:
    shop.receive(tea=8)
    chain.sync()
    order = order_in(chain.hub.place({"tea": 1}))
    chain.sync()
    told = msgspec.json.encode(order_in(shop.tell(order.id, EventType.PICKED)))
    texts = {
        "newer order": msgspec.json.encode(msgspec.json.decode(told) | {"gift": True}),
        "unknown order": told.replace(order.id.encode(), b"hub.1-4711"),
        "no order at all": b"[]",
    }
    ledger, counter = shop.state.ledger, shop.state.counter("tea")

    def write() -> None:
        cells = [
            counter.mint(ledger.writer, Minted.RECEIVED, 5),
            counter.move(ledger.writer, Moved.RECEIVED, 5),
        ]
        ledger.append(kind, texts[record], cells=cells)

    shop.commit(write)
    seq = ledger.head.seq
    sold = shop.sell("tea")

    chain.sync()

    assert chain.hub.counter("riverside", "tea").physical() == 8 + 5 - 1
    kept = chain.hub.state.store.load_body(ledger.writer, seq)
    assert kept is not None
    assert texts[record] in kept
    assert isinstance(sold, Done)
    assert chain.hub.sale_ids() == [msgspec.json.decode(sold.record)["id"]]
    check_agreed(chain, shop, "tea")


def test_a_product_attribute_of_a_newer_hub_does_not_hide_the_price(
    chain: Chain, shop: ShopSide
) -> None:
    office = chain.hub.state

    def write_as_a_newer_hub() -> None:
        document = office.store.load_document(feed.PRODUCT, "tea", office.actor)
        assert document is not None
        change = document.put({"price_minor": "555", "age_limit": "18"})
        office.store.store_document(feed.PRODUCT, "tea", document, change)
        office.tell_document(feed.PRODUCT, "tea", feed.EVERYONE, document)

    chain.hub.commit(write_as_a_newer_hub)
    chain.sync()

    assert shop.state.catalogue["tea"].price_minor == 555


async def test_news_that_fail_after_a_commit_do_not_run_the_batch_again(
    chain: Chain, shop: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.receive(tea=40)
    chain.sync()
    state, before = shop.state, shop.state.quota("tea")

    def lost() -> None:
        raise MemoryError

    def lend() -> list[CellChange]:
        return shop_lending.lend(state, f"hub.1/{next(asked)}", [("tea", 1)]).cells

    asked = iter(range(10))  # a second run of the same work would lend once more
    writer = GroupCommit(state, asyncio.get_running_loop())
    writer.start()
    gathered = threading.Event()
    first = writer.submit(gathered.wait)
    lent, beside = writer.submit(lend), writer.submit(lambda: "beside")
    monkeypatch.setattr(state, "committed", lost)
    gathered.set()
    await first
    cells, neighbour = await asyncio.gather(lent, beside)
    await writer.stop()
    monkeypatch.undo()

    assert cells
    assert neighbour == "beside"
    assert next(asked) == 1
    assert state.quota("tea") == before - 1
    check_agreed(chain, shop, "tea")


def test_a_loan_fills_the_hub_up_to_its_share_so_that_the_next_buyer_need_not_ask(
    chain: Chain, shop: ShopSide
) -> None:
    shop.receive(tea=40)  # ten of them go online at once
    chain.sync()
    order_in(chain.hub.place({"tea": 10}))
    chain.sync()

    lent = shop.commit(lambda: shop_lending.lend(shop.state, "hub.1/boot/1", [("tea", 2)]))

    assert [one.value for one in lent.cells] == [10 + 2 + 7], "a quarter of the 28 that are left"
    assert lent.sellable == [("tea", 21)]
