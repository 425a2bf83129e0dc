"""Goal: a gateway is to its registers what the hub is to it, and takes what they did on to the hub.

Method: a chain in one process; a register is a shop's deciding state over a file of its own.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from gateway.registers import journals
from gateway.registers.identity import RegisterIdentity
from gateway.registers.lending import take_grant
from replication.errors import PeerFenced, PeerViolation
from replication.escrow import CellChange, Table, check_invariants
from replication.ids import LocationId, register_writer
from replication.journal import Actor, Entry, EntryBody, append
from replication.relaying import RELAYED, WITNESSED, unwrap
from retail.stock.counts import ScannedLine
from tests.chain_sides import CommitFailed, ShopSide
from tests.register_chain import RegisterChain, RegisterSide
from web.once import Done
from web.problems import Problem

SKU = "tea"


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[RegisterChain]:
    """A hub, two shops with 40 teas each."""
    chain = RegisterChain(tmp_path, skus=(SKU, "jam"), shops=("riverside", "hillside"))
    for shop in chain.shops.values():
        shop.receive(tea=40)
    chain.sync()
    yield chain
    chain.close()


@pytest.fixture
def shop(chain: RegisterChain) -> ShopSide:
    return chain.shops["riverside"]


@pytest.fixture
def till(chain: RegisterChain, shop: ShopSide) -> RegisterSide:
    """A register that has met its gateway."""
    return chain.register(shop)


def sold(outcome: object) -> str:
    """The id of a sale that was made."""
    assert isinstance(outcome, Done), outcome
    return str(msgspec.json.decode(outcome.record)["id"])


def kinds(shop: ShopSide) -> list[str]:
    """The kinds of the gateway's own entries, in order."""
    rows = shop.state.connection.execute(
        "SELECT kind FROM entry WHERE writer = ? ORDER BY seq", (shop.state.ledger.writer,)
    )
    return [str(kind) for (kind,) in rows]


def wholeness(chain: RegisterChain, location: str = "riverside", sku: str = SKU) -> None:
    """E1, E2, E6 and E9 hold in the gateway's books."""
    assert not check_invariants(chain.shops[location].state.counter(sku))


# Enrolling


def test_a_register_is_named_once_per_box(chain: RegisterChain, shop: ShopSide) -> None:
    first = chain.enrol(shop, "till-1", "box-one-0123456789")
    again = chain.enrol(shop, "till-1", "box-one-0123456789")
    other = chain.enrol(shop, "till-2", "box-two-0123456789")

    assert isinstance(first, RegisterIdentity)
    assert (first.writer, first.parent) == ("riverside.till-1.1", "riverside.1")
    assert again == first
    assert isinstance(other, RegisterIdentity)
    assert other.writer == "riverside.till-2.1"


def test_another_box_is_the_next_incarnation_and_fences_the_one_before(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    second = chain.register(shop)

    assert second.writer == "riverside.till-1.2"
    assert till.row.state == "replaced"
    with pytest.raises(PeerFenced):
        chain.borrow(till, (SKU, 1))
    asked_again = chain.enrol(shop, "till-1", till.box)
    assert isinstance(asked_again, Problem)
    assert "replaced" in (asked_again.detail or "")


# Selling alone


def test_a_register_gets_its_part_and_sells_on_while_the_gateway_is_away(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    part = till.quota(SKU)
    assert part == 15  # half of the 30 that the hub left here

    chain.cut(till)
    for _ in range(part):
        sold(till.sell(SKU))

    assert not isinstance(till.sell(SKU), Done)
    assert shop.state.counter(SKU).physical() == 40
    chain.replay(till)
    assert shop.state.counter(SKU).physical() == 25
    wholeness(chain)


def test_the_hub_hears_a_registers_sales_once_and_in_the_journal_of_its_gateway(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    relays = kinds(shop).count(RELAYED)
    sale = sold(till.sell(SKU, 2))
    chain.replay(till)
    entries = chain.entries(till, after=0)
    chain.fold(till, entries)  # a link that broke before the acknowledgement sends them again

    body = shop.state.store.load_body(shop.state.ledger.writer, shop.state.head.seq)
    assert body is not None
    writer, carried = unwrap(msgspec.json.decode(body, type=EntryBody))

    assert (writer, carried[-1]) == (till.writer, entries[-1])
    assert kinds(shop).count(RELAYED) == relays + 1
    assert sale == f"{till.writer}-{till.state.head.seq}"


def test_what_the_hub_has_is_told_from_what_carries_it(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    rows = shop.state.registers.rows
    sold(till.sell(SKU))
    chain.replay(till)
    first = till.row.head
    by_first = shop.state.head.seq
    sold(till.sell(SKU))
    chain.replay(till)

    carriers = [seq for seq, kind in enumerate(kinds(shop), 1) if kind == RELAYED]
    assert rows.at_hub(till.writer, carriers[0] - 1).seq == 0
    assert rows.at_hub(till.writer, by_first) == first
    assert rows.at_hub(till.writer, carriers[-1]) == till.row.head
    shop.commit(lambda: rows.forget_carried(till.row.writer, carriers[-1]))
    assert rows.at_hub(till.writer, carriers[-1]) == till.row.head


def test_a_commit_that_fails_leaves_nothing_of_a_batch_and_the_batch_comes_again(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sold(till.sell(SKU, 3))
    entries = chain.entries(till)
    before = (shop.state.head, shop.state.counter(SKU).cells(), till.row.head)

    shop.refuse_next_commit()
    with pytest.raises(CommitFailed):
        chain.fold(till, entries)
    assert (shop.state.ledger.head, shop.state.counter(SKU).cells(), till.row.head) == before

    chain.fold(till, entries)
    shop.restart()
    assert shop.state.counter(SKU).physical() == 37
    assert chain.fold(till, entries) == till.row.head
    assert shop.state.counter(SKU).physical() == 37
    wholeness(chain)


def test_a_register_hears_of_what_changes_and_of_what_was_there_before_it(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    assert till.state.catalogue[SKU].price_minor == 100  # the product is older than the register

    chain.hub.product(SKU, price_minor=250)
    chain.sync(shop)
    chain.hear(till)

    assert till.state.catalogue[SKU].price_minor == 250


# Quota


def test_connected_the_last_unit_is_the_registers_that_asks_and_the_gateways_too(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    other = chain.register(shop, "till-2")
    chain.meet(other)
    here = shop.state.quota(SKU)
    assert chain.borrow(till, (SKU, here))
    assert shop.state.quota(SKU) == 0

    assert chain.recall(shop, (SKU, 5)) == []
    assert shop.state.quota(SKU) == 5
    sold(shop.sell(SKU, 5))

    left = till.quota(SKU) + other.quota(SKU)
    assert chain.recall(shop, (SKU, left + 3)) == [(SKU, 3)]
    assert (till.quota(SKU), other.quota(SKU)) == (0, 0)
    assert not chain.borrow(till, (SKU, left + 1))
    assert chain.borrow(till, (SKU, left))
    sold(till.sell(SKU, left))
    chain.replay(till)
    chain.replay(other)
    wholeness(chain)


def test_the_hub_hears_of_units_that_came_back_before_it_hears_that_they_were_sold(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    chain.borrow(till, (SKU, shop.state.quota(SKU)))
    assert chain.recall(shop, (SKU, 4)) == []
    sold(shop.sell(SKU, 4))

    chain.replay(till)

    told_kinds = kinds(shop)
    assert told_kinds.index(WITNESSED) < told_kinds.index("sale")
    assert told_kinds[-1] == RELAYED  # with the register's own word of it, which came later
    wholeness(chain)


def test_what_the_gateways_own_customer_waits_for_is_not_lent_and_a_repeat_grants_nothing_twice(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    with shop.state.waiting([SKU]):
        assert not chain.borrow(till, (SKU, 1))

    first = chain.lend(till, "r-1", (SKU, 2))
    again = chain.lend(till, "r-1", (SKU, 2))

    assert first.cells == again.cells
    assert shop.state.counter(SKU).value(Table.GRANTED, shop.state.ledger.writer, till.writer) == (
        first.cells[0].value
    )


def test_what_may_come_back_of_a_sale_is_never_lent_to_a_register(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sale = sold(shop.sell(SKU, 2))

    assert not chain.borrow(till, (f"returnable/{sale}/1", 1))


def test_goods_that_arrive_are_shared_with_the_registers_that_are_heard(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    other = chain.register(shop, "till-2")
    chain.cut(other)
    shop.receive(jam=80)
    chain.hear(till)
    chain.hear(other)

    assert (till.quota("jam"), other.quota("jam")) == (15, 0)  # of 60 that the hub left here
    chain.meet(other)
    assert other.quota("jam") == 15
    wholeness(chain, sku="jam")


# Returns of what a register sold


def test_a_sale_of_a_register_is_shown_and_taken_back_at_its_gateway(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sale = sold(till.sell(SKU, 2))
    chain.replay(till)

    back = shop.take_back(sale, SKU, 1)

    assert isinstance(back, Done), back
    twice = shop.take_back(sale, SKU, 2)
    assert isinstance(twice, Problem), twice
    assert "return" in kinds(shop)


# Lost and replaced


def test_what_a_lost_register_held_comes_back_by_counting_and_not_before(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    chain.cut(till)
    for _ in range(4):
        sold(till.sell(SKU))  # nobody here will ever hear of these
    assert isinstance(chain.write_off(shop, "till-1"), Done)
    held = shop.state.counter(SKU).quota(till.writer)
    assert held == 15
    assert shop.state.quota(SKU) == 15

    started = shop.start_count()
    count = sold(started)
    shop.count(count, counted(SKU, 36))
    closed = shop.close_count(count)

    assert isinstance(closed, Done), closed
    counter = shop.state.counter(SKU)
    assert counter.quota(till.writer) == 0
    assert counter.levels().on_hand == 36 == counter.physical()
    assert counter.deficit() == 0
    assert shop.state.quota(SKU) == 26  # and ten are the hub's
    wholeness(chain)


def test_sales_of_a_lost_register_that_is_found_again_are_kept_and_stand_in_the_deficit(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    chain.cut(till)
    for _ in range(4):
        sold(till.sell(SKU))
    chain.write_off(shop, "till-1")
    count = sold(shop.start_count())
    shop.count(count, counted(SKU, 36))
    shop.close_count(count)

    till.seal()
    chain.replay(till)

    counter = shop.state.counter(SKU)
    assert till.row.sealed
    assert len([kind for kind in kinds(shop) if kind == "register_conceded"]) == 1
    assert counter.physical() == 32  # they are booked, and were counted before
    assert counter.levels().on_hand == 32
    assert counter.quota(till.writer) == 0
    wholeness(chain)


def test_what_a_replaced_register_held_comes_back_with_its_last_entry(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sold(till.sell(SKU, 5))
    second = chain.register(shop)
    frozen = shop.state.counter(SKU).quota(till.writer)
    assert frozen == 15

    till.seal()
    chain.replay(till)

    counter = shop.state.counter(SKU)
    assert counter.quota(till.writer) == 0
    assert counter.physical() == 35
    assert second.quota(SKU) > 0
    assert isinstance(chain.write_off(shop, "till-1", writer=till.writer), Problem)
    wholeness(chain)


def test_a_register_that_is_connected_or_unknown_is_not_written_off(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    assert isinstance(chain.write_off(shop, "till-1"), Problem)
    assert isinstance(chain.write_off(shop, "till-9"), Problem)
    assert till.row.is_living
    chain.cut(till)
    assert isinstance(chain.write_off(shop, "till-1"), Done)
    assert isinstance(chain.write_off(shop, "till-1"), Problem)


# Whatever a register sends


def tampered(till: RegisterSide, **other: object) -> list[Entry]:
    """The register's next entry, written otherwise than a register would."""
    body = EntryBody(
        writer=till.writer, seq=till.row.head.seq + 1, at_ms=1, tick=0, boot="b",
        synchronised=True, kind="sale", actor=Actor(), reason="",
        reference="", moves=[], cells=[], record=msgspec.Raw(b"{}"),
    )  # fmt: skip
    entry, _ = append(till.row.head, msgspec.structs.replace(body, **other))
    return [entry]


def cell(table: str, detail: str, value: int, holder: str = "riverside.till-1.1") -> CellChange:
    return CellChange("riverside", SKU, table, holder, detail, value)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"writer": "hillside.till-1.1"}, "journal of riverside.till-1.1"),
        ({"seq": 99}, "out of sequence"),
        ({"cells": [cell("spent", "sold", 10_000)]}, "E1"),
        ({"cells": [cell("spent", "sold", 1, "riverside.1")]}, "wrote a cell of"),
        ({"cells": [cell("granted", "hub.1", 1)]}, "granted"),
        ({"cells": [cell("reclaimed", "riverside.1", 1)]}, "not for"),
        (
            {"cells": [cell("spent", "sold", 1)._replace(location="hillside")]},
            "a cell of hillside",
        ),
        ({"kind": RELAYED}, "kind relayed"),
        ({"kind": WITNESSED}, "kind witnessed"),
        ({"kind": "register_enrolled"}, "kind register_enrolled"),
        ({"record": msgspec.Raw(b'"' + b"x" * 600_000 + b'"')}, "cannot be passed on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entry_that_breaks_a_rule_is_refused_and_nothing_of_it_is_kept(
    chain: RegisterChain,
    shop: ShopSide,
    till: RegisterSide,
    other: dict[str, object],
    why: str,
) -> None:
    before = (shop.state.head, shop.state.counter(SKU).cells(), till.row.head)

    if "seq" in other:
        raw = tampered(till)[0]
        body = msgspec.structs.replace(msgspec.json.decode(raw.body, type=EntryBody), **other)
        entries = [Entry(msgspec.json.encode(body), raw.hash)]
    else:
        entries = tampered(till, **other)
    with pytest.raises(PeerViolation, match=why):
        chain.fold(till, entries)

    assert (shop.state.ledger.head, shop.state.counter(SKU).cells(), till.row.head) == before
    sold(till.sell(SKU))
    chain.replay(till)
    wholeness(chain)


def test_a_tail_that_does_not_hash_is_refused_and_the_true_one_taken(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sold(till.sell(SKU))
    sold(till.sell(SKU))
    first, second = chain.entries(till)[-2:]
    wrong = [*chain.entries(till)[:-1], Entry(second.body, first.hash)]

    with pytest.raises(PeerViolation, match="does not follow"):
        chain.fold(till, wrong)
    assert shop.state.counter(SKU).physical() == 40

    chain.replay(till)
    assert shop.state.counter(SKU).physical() == 38


def test_a_register_that_nobody_enrolled_is_told_to_enrol(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stranger = register_writer(LocationId("riverside"), "till-7", 1)

    with pytest.raises(PeerViolation, match="enrol it"):
        shop.commit(
            lambda: journals.fold(shop.state, stranger, chain.entries(till), acknowledged=0)
        )


def test_a_register_hands_back_only_its_own_units_and_only_to_its_gateway(
    chain: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    for wrong in (
        cell("granted", "hub.1", 1),
        cell("granted", "riverside.1", 1, "riverside.till-2.1"),
        cell("spent", "sold", 1),
        cell("granted", till.writer, 99, "riverside.1"),
        cell("granted", "riverside.1", 1)._replace(location="hillside"),
    ):
        with pytest.raises(PeerViolation):
            shop.commit(partial(take_grant, shop.state, till.row.writer, [wrong]))
    wholeness(chain)


def counted(sku: str, units: int) -> ScannedLine:
    """A line of a count."""
    return ScannedLine(sku=sku, counted=units)
