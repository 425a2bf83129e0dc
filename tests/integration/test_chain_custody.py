"""Goal: whoever keeps goods for an order can hand over or give back each part of it, and only once.

Method: a hub and its shops in one process (`tests.chain`); after each story both sides are
compared cell by cell, and what is committed with the allocations that are still open.
"""

import asyncio
from pathlib import Path

import apsw
import msgspec
import pytest

from cloud_hub.ordering import holds
from cloud_hub.ordering import orders as hub_orders
from cloud_hub.stores import fold, lending, told
from gateway.link.cursor import cursor_of
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import connect
from replication.errors import PeerFenced
from replication.escrow import check_invariants
from replication.session import BATCH_BYTES_MAX
from retail.ordering.order_status import EventType, OrderStatus
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, order_in
from web import hold_watch
from web.problems import Problem

CANCELLED, SHIPPED, COLLECTED = EventType.CANCELLED, EventType.SHIPPED, EventType.COLLECTED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """A hub with tea and jam; Riverside has 40 of each."""
    chain = Chain(tmp_path, skus=["tea", "jam"], shops=["riverside"])
    chain.shops["riverside"].receive(tea=40, jam=40)
    chain.sync()
    return chain


@pytest.fixture
def split(tmp_path: Path) -> Chain:
    """A hub whose tea stands at Airport and whose jam stands at Bazaar: orders of both split."""
    chain = Chain(tmp_path, skus=["tea", "jam"], shops=["airport", "bazaar"])
    chain.shops["airport"].receive(tea=40)
    chain.shops["bazaar"].receive(jam=40)
    chain.sync()
    return chain


def open_units(chain: Chain, location: str) -> dict[str, int]:
    """Units that a shop keeps for orders; the hub, its rows and the shop agree on them."""
    chain.sync()
    shop = chain.shops[location].state
    for sku in ("tea", "jam"):
        counter = chain.hub.counter(location, sku)
        assert counter.cells() == shop.counter(sku).cells()
        assert check_invariants(counter) == []
    units = "SELECT sku, sum(quantity) FROM allocation WHERE state = 'committed'"
    rows = shop.connection.execute(f"{units} GROUP BY sku").fetchall()
    kept = {str(sku): int(str(many)) for sku, many in rows}
    at_hub = chain.hub.state.connection.execute(
        f"{units} AND location = ? GROUP BY sku", (location,)
    ).fetchall()
    assert {str(sku): int(str(many)) for sku, many in at_hub} == kept
    committed = {sku: shop.counter(sku).levels().committed for sku in ("tea", "jam")}
    assert {sku: many for sku, many in committed.items() if many} == kept
    return kept


def test_one_store_of_a_split_order_gives_back_its_part_and_the_other_still_ships(
    split: Chain,
) -> None:
    order = order_in(split.hub.place({"tea": 2, "jam": 3}))
    split.sync()
    assert {one.location for one in order.allocations} == {"airport", "bazaar"}

    order_in(split.shops["airport"].tell(order.id, CANCELLED))
    split.sync()
    shipped = order_in(split.shops["bazaar"].tell(order.id, SHIPPED))

    assert {one.location: one.state for one in shipped.allocations} == {
        "airport": "released", "bazaar": "fulfilled"
    }  # fmt: skip
    assert open_units(split, "airport") == open_units(split, "bazaar") == {}
    assert split.shops["bazaar"].state.counter("jam").physical() == 37


@pytest.mark.parametrize("end", ["collected", "cancelled", "cancelled at the hub"])
def test_a_cancelled_line_leaves_the_rest_collectable_or_cancellable(
    chain: Chain, end: str
) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2, "jam": 3}, pickup="riverside"))
    chain.sync()
    order_in(shop.tell(order.id, CANCELLED, {"tea": 2}))
    assert open_units(chain, "riverside") == {"jam": 3}

    if end == "cancelled at the hub":
        order_in(chain.hub.tell(order.id, CANCELLED))
    else:
        order_in(shop.tell(order.id, EventType(end)))

    assert open_units(chain, "riverside") == {}
    assert shop.state.counter("jam").physical() == (37 if end == "collected" else 40)
    assert shop.state.counter("tea").available() == 40


@pytest.mark.parametrize("end", ["uncollected", "cancelled", "cancelled at the hub"])
def test_a_pickup_collected_in_part_can_be_cancelled_for_the_rest(chain: Chain, end: str) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2, "jam": 3}, pickup="riverside"))
    chain.sync()
    order_in(shop.tell(order.id, COLLECTED, {"tea": 2}))
    chain.sync()

    if end == "cancelled at the hub":
        order_in(chain.hub.tell(order.id, CANCELLED))
    else:
        order_in(shop.tell(order.id, EventType(end)))

    assert open_units(chain, "riverside") == {}
    assert shop.state.counter("tea").physical() == 38
    levels = shop.state.counter("jam").levels()
    waits = 3 if end == "uncollected" else 0
    assert (levels.on_hand, levels.quality_control, levels.available) == (40, waits, 40 - waits)


def test_a_part_whose_custody_has_ended_is_neither_handed_over_nor_given_back_again(
    chain: Chain,
) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2, "jam": 3}))
    chain.sync()
    order_in(shop.tell(order.id, CANCELLED, {"tea": 2}))

    for event in (SHIPPED, CANCELLED):
        assert isinstance(shop.tell(order.id, event, {"tea": 2}), Problem)

    assert open_units(chain, "riverside") == {"jam": 3}


@pytest.mark.parametrize("sold_since", [False, True])
def test_a_payment_on_delivery_after_a_partial_release_takes_nothing_again(
    split: Chain, *, sold_since: bool
) -> None:
    order = order_in(split.hub.place({"tea": 2, "jam": 3}, payment="on_delivery"))
    split.sync()
    order_in(split.shops["bazaar"].tell(order.id, SHIPPED))
    order_in(split.hub.tell(order.id, CANCELLED))  # the hub has not heard of the parcel yet
    split.sync(split.shops["airport"])
    split.sync()
    if sold_since:
        order_in(split.hub.place({"tea": split.hub.state.quota("airport", "tea")}))
    kept = open_units(split, "airport")

    paid = order_in(split.hub.tell(order.id, EventType.PAID))

    assert {one.location: one.state for one in paid.allocations} == {
        "airport": "released", "bazaar": "fulfilled"
    }  # fmt: skip
    assert open_units(split, "airport") == kept
    assert open_units(split, "bazaar") == {}


def test_a_replaced_box_gets_no_loan_and_no_feed_and_its_last_entries_are_kept(
    chain: Chain,
) -> None:
    old = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2}))
    chain.sync()
    order_in(old.tell(order.id, SHIPPED))
    writer, hub = old.state.ledger.writer, chain.hub
    entries, _ = old.state.store.entries_after(
        writer, hub.state.head_of(writer).seq, count_max=9, bytes_max=BATCH_BYTES_MAX
    )
    new = chain.box("riverside", replace=True)

    for ask in (
        lambda: lending.lend(hub.state, writer, "r1", [("tea", 1)]),
        lambda: lending.take_grant(hub.state, writer, []),
        lambda: told.offer(hub.state, writer, 0),
    ):
        with pytest.raises(PeerFenced, match=r"riverside\.1 was replaced"):
            hub.commit(ask)

    folded = hub.commit(lambda: fold.fold(hub.state, writer, entries))

    assert (folded.head.seq, folded.given, folded.is_tail) == (old.state.head.seq, [], True)
    new.apply(chain.offer(new))
    assert isinstance(new.tell(order.id, SHIPPED), Problem)
    assert hub.counter("riverside", "tea").physical() == 38
    assert check_invariants(hub.counter("riverside", "tea")) == []


class BrokenHalfWay(Exception):
    """Something that nobody foresaw, in the middle of an item."""


def in_memory(shop: ShopSide) -> tuple[object, ...]:
    """What a shop decides on."""
    state = shop.state
    return state.counter("tea").cells(), state.ledger.head, cursor_of(state.store)


def test_an_item_that_breaks_half_way_leaves_nothing_in_memory(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2}))
    chain.sync()
    order_in(chain.hub.tell(order.id, CANCELLED))
    before = in_memory(shop)
    items = chain.offer(shop)

    def broken(*_: object, **__: object) -> None:
        raise BrokenHalfWay

    with monkeypatch.context() as patch:  # the released units are minted by then
        patch.setattr(shop.state.ledger, "append", broken)
        with pytest.raises(BrokenHalfWay):
            shop.apply(items)

    assert in_memory(shop) == before
    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        shop.apply(items)
    assert in_memory(shop) == before
    shop.restart()
    assert in_memory(shop)[0] == before[0]
    assert open_units(chain, "riverside") == {}
    assert shop.state.counter("tea").available() == 40


def status_of(reader: apsw.Connection, order: str) -> object:
    """An order's status in the hub's file."""
    row = reader.execute("SELECT status FROM online_order WHERE id = ?", (order,)).fetchone()
    assert row is not None
    return row[0]


async def test_one_order_that_cannot_be_read_does_not_stop_other_holds_from_expiring(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, loop = chain.hub.state, asyncio.get_running_loop()
    unreadable, fine = (
        order_in(chain.hub.place({sku: 1}, payment="pending")).id for sku in ("tea", "jam")
    )
    office.connection.execute(
        "INSERT INTO document_change VALUES ('order', ?, 99, x'00')", (unreadable,)
    )
    monkeypatch.setattr(hold_watch, "LOOK_S", 0)
    office.settings = msgspec.structs.replace(office.settings, pending_s=0)
    committed = asyncio.Event()
    writer = GroupCommit(office, loop, after_batch=committed.set)
    writer.start()
    reader = connect(office.settings.data / "hub.db", read_only=True)
    watch = asyncio.create_task(holds.Holds(office, writer, reader).run())

    try:
        async with asyncio.timeout(20):
            while status_of(reader, fine) != OrderStatus.EXPIRED:
                committed.clear()
                await committed.wait()
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        await writer.stop()

    assert status_of(reader, unreadable) == OrderStatus.NEW
    assert not isinstance(chain.hub.place({"jam": 1}), hub_orders.ShortOnline | Problem)
