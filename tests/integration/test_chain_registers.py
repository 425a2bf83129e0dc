"""Goal: a gateway is to its registers what the hub is to it, and takes what they did on to the hub.

Method: a chain in one process; a register is a shop's deciding state over a file of its own.
"""

import msgspec
import pytest

from gateway.registers import told
from gateway.registers.identity import RegisterIdentity
from replication.errors import PeerFenced
from replication.escrow import Table
from replication.journal import EntryBody
from replication.relaying import RELAYED, WITNESSED, unwrap
from tests.chain_sides import CommitFailed, ShopSide
from tests.register_chain import SKU, RegisterChain, RegisterSide, check_whole, kinds, sold
from web.once import Done
from web.problems import Problem
from web.token_rows import add_token

# Enrolling


def test_a_register_is_named_once_per_box(stores: RegisterChain, shop: ShopSide) -> None:
    first = stores.enrol(shop, "till-1", "box-one-0123456789")
    again = stores.enrol(shop, "till-1", "box-one-0123456789")
    other = stores.enrol(shop, "till-2", "box-two-0123456789")

    assert isinstance(first, RegisterIdentity)
    assert (first.writer, first.parent) == ("riverside.till-1.1", "riverside.1")
    assert again == first
    assert isinstance(other, RegisterIdentity)
    assert other.writer == "riverside.till-2.1"


def test_the_token_of_a_register_is_told_with_it(stores: RegisterChain, shop: ShopSide) -> None:
    connection = shop.state.connection
    shop.commit(
        lambda: add_token(
            connection, secret_bytes=b"s" * 32, token_id="t", role="cashier", register="till-1",  # noqa: S106 - an id
            name="Ann", now_ms=1,
        )
    )  # fmt: skip
    before = len(kinds(shop))

    stores.enrol(shop, "till-1", "0123456789abcdef")
    stores.enrol(shop, "till-2", "1123456789abcdef")

    assert kinds(shop)[before:] == ["tokens", "register_enrolled", "register_enrolled"]


def test_another_box_is_the_next_incarnation_and_fences_the_one_before(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    second = stores.register(shop)

    assert second.writer == "riverside.till-1.2"
    assert till.row.state == "replaced"
    with pytest.raises(PeerFenced):
        stores.borrow(till, (SKU, 1))
    asked_again = stores.enrol(shop, "till-1", till.box)
    assert isinstance(asked_again, Problem)
    assert "replaced" in (asked_again.detail or "")


# Selling alone


def test_a_register_gets_its_part_and_sells_on_while_the_gateway_is_away(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    part = till.quota(SKU)
    assert part == 15  # half of the 30 that the hub left here

    stores.cut(till)
    for _ in range(part):
        sold(till.sell(SKU))

    assert not isinstance(till.sell(SKU), Done)
    assert shop.state.counter(SKU).physical() == 40
    stores.replay(till)
    assert shop.state.counter(SKU).physical() == 25
    check_whole(stores)


def test_the_hub_hears_a_registers_sales_once_and_in_the_journal_of_its_gateway(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    relays = kinds(shop).count(RELAYED)
    sale = sold(till.sell(SKU, 2))
    stores.replay(till)
    entries = stores.entries(till, after=0)
    stores.fold(till, entries)  # a link that broke before the acknowledgement sends them again

    body = shop.state.store.load_body(shop.state.ledger.writer, shop.state.head.seq)
    assert body is not None
    writer, carried = unwrap(msgspec.json.decode(body, type=EntryBody))

    assert (writer, carried[-1]) == (till.writer, entries[-1])
    assert kinds(shop).count(RELAYED) == relays + 1
    assert sale == f"{till.writer}-{till.state.head.seq}"


def test_what_the_hub_has_is_told_from_what_carries_it(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    rows = shop.state.registers.rows
    sold(till.sell(SKU))
    stores.replay(till)
    first = till.row.head
    by_first = shop.state.head.seq
    sold(till.sell(SKU))
    stores.replay(till)

    carriers = [seq for seq, kind in enumerate(kinds(shop), 1) if kind == RELAYED]
    assert rows.at_hub(till.writer, carriers[0] - 1).seq == 0
    assert rows.at_hub(till.writer, by_first) == first
    assert rows.at_hub(till.writer, carriers[-1]) == till.row.head
    shop.commit(lambda: rows.forget_carried(till.row.writer, carriers[-1]))
    assert rows.at_hub(till.writer, carriers[-1]) == till.row.head


def test_a_commit_that_fails_leaves_nothing_of_a_batch_and_the_batch_comes_again(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sold(till.sell(SKU, 3))
    entries = stores.entries(till)
    before = (shop.state.head, shop.state.counter(SKU).cells(), till.row.head)

    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        stores.fold(till, entries)
    assert (shop.state.ledger.head, shop.state.counter(SKU).cells(), till.row.head) == before

    stores.fold(till, entries)
    shop.restart()
    assert shop.state.counter(SKU).physical() == 37
    assert stores.fold(till, entries) == till.row.head
    assert shop.state.counter(SKU).physical() == 37
    check_whole(stores)


def test_a_register_hears_of_what_changes_and_of_what_was_there_before_it(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    assert till.state.catalogue[SKU].price_minor == 100  # the product is older than the register

    stores.hub.product(SKU, price_minor=250)
    stores.sync(shop)
    stores.hear(till)

    assert till.state.catalogue[SKU].price_minor == 250


# Quota


def test_what_is_still_to_be_told_is_counted_once_and_ends_at_nothing(
    till: RegisterSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = till.gateway.state.connection
    monkeypatch.setattr(told, "BATCH_ITEMS_MAX", 1)
    counted: list[str] = []

    def note(_cursor: object, sql: str, _values: object) -> bool:
        counted.extend([sql] if "count(*)" in sql else [])
        return True

    connection.exec_trace = note
    after, ahead, told_ahead = 0, 0, []
    while (batch := told.next_batch(connection, till.writer, after, ahead)).items:
        after, ahead = batch.cursor, batch.ahead
        told_ahead.append(ahead)
    connection.exec_trace = None

    assert told_ahead == list(range(len(told_ahead)))[::-1]
    assert len(told_ahead) > 3
    assert len(counted) == 2, "at the first, and to be sure at the last"


def test_connected_the_last_unit_is_the_registers_that_asks_and_the_gateways_too(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    other = stores.register(shop, "till-2")
    stores.meet(other)
    here = shop.state.quota(SKU)
    assert stores.borrow(till, (SKU, here))
    assert shop.state.quota(SKU) == 0

    standing = till.quota(SKU) + other.quota(SKU)
    assert stores.recall(shop, (SKU, 5)) == []
    kept = till.quota(SKU)
    assert kept == (standing - 5) // 4, "its part of what stands here then; the next need not ask"
    assert shop.state.quota(SKU) == standing - kept - other.quota(SKU)
    sold(shop.sell(SKU, shop.state.quota(SKU)))

    left = till.quota(SKU) + other.quota(SKU)
    assert stores.recall(shop, (SKU, left + 3)) == [(SKU, 3)]
    assert (till.quota(SKU), other.quota(SKU)) == (0, 0)
    assert not stores.borrow(till, (SKU, left + 1))
    assert stores.borrow(till, (SKU, left))
    sold(till.sell(SKU, left))
    stores.replay(till)
    stores.replay(other)
    check_whole(stores)


def test_the_hub_hears_of_units_that_came_back_before_it_hears_that_they_were_sold(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stores.borrow(till, (SKU, shop.state.quota(SKU)))
    assert stores.recall(shop, (SKU, 4)) == []
    sold(shop.sell(SKU, 4))

    stores.replay(till)

    told_kinds = kinds(shop)
    assert told_kinds.index(WITNESSED) < told_kinds.index("sale")
    assert told_kinds[-1] == RELAYED  # with the register's own word of it, which came later
    check_whole(stores)


def test_what_the_gateways_own_customer_waits_for_is_not_lent_and_a_repeat_grants_nothing_twice(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    with shop.state.waiting([SKU]):
        assert not stores.borrow(till, (SKU, 1))

    first = stores.lend(till, "r-1", (SKU, 2))
    again = stores.lend(till, "r-1", (SKU, 2))

    assert first.cells == again.cells
    assert shop.state.counter(SKU).value(Table.GRANTED, shop.state.ledger.writer, till.writer) == (
        first.cells[0].value
    )


def test_what_may_come_back_of_a_sale_is_never_lent_to_a_register(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sale = sold(shop.sell(SKU, 2))

    assert not stores.borrow(till, (f"returnable/{sale}/1", 1))


def test_goods_that_arrive_are_shared_with_the_registers_that_are_heard(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    other = stores.register(shop, "till-2")
    stores.cut(other)
    shop.receive(jam=80)
    stores.hear(till)
    stores.hear(other)

    assert (till.quota("jam"), other.quota("jam")) == (15, 0)  # of 60 that the hub left here
    stores.meet(other)
    assert other.quota("jam") == 15
    check_whole(stores, sku="jam")


# Returns of what a register sold


def test_a_sale_of_a_register_is_shown_and_taken_back_at_its_gateway(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sale = sold(till.sell(SKU, 2))
    stores.replay(till)

    back = shop.take_back(sale, SKU, 1)

    assert isinstance(back, Done), back
    twice = shop.take_back(sale, SKU, 2)
    assert isinstance(twice, Problem), twice
    assert "return" in kinds(shop)
