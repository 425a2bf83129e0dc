"""Goal: goods that are sent to another location arrive there once, or are known not to (E7).

Method: a hub and its shops in one process (`tests.chain`). After each story all sides are compared:
cells, transfers, what is on its way (`tests.transfers_seen`).
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from string import ascii_letters

import pytest

from gateway.selling.sales import Short
from gateway.stockroom import transfers
from retail.stock.transfers import (
    Discrepancy,
    TransferLine,
    TransferStatus,
)
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, command, transfer_in
from tests.transfers_seen import (
    SKUS,
    conserved,
    healed,
    incoming,
    known,
    movements,
    on_hand,
    refused,
    tea_and_jam,
)
from web.once import Done

NEW, SHIPPED = TransferStatus.NEW, TransferStatus.SHIPPED
PARTLY_RECEIVED, RECEIVED = TransferStatus.PARTLY_RECEIVED, TransferStatus.RECEIVED

LETTERS = ascii_letters + "0123456789"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return tea_and_jam(tmp_path)


# The plain way


def test_a_transfer_leaves_travels_and_arrives(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    planned = transfer_in(riverside.create_transfer("harbour", tea=6, jam=2))
    assert (planned.status, on_hand(riverside)) == (NEW, 40)
    assert incoming(harbour) == 0

    transfer_in(riverside.ship_transfer(planned.id))
    assert on_hand(riverside) == 34
    assert healed(chain, planned.id).status is SHIPPED
    assert (incoming(harbour), on_hand(harbour)) == (6, 0)

    received = transfer_in(harbour.receive_transfer(planned.id))
    assert received.status is RECEIVED
    assert received.discrepancies == ()
    assert healed(chain, planned.id) == received
    assert (incoming(harbour), on_hand(harbour)) == (0, 6)
    assert harbour.state.counter("tea").available() == 6
    assert chain.hub.state.quota("harbour", "tea") > 0, "the website gets its share"


def test_each_entry_says_what_moved_who_did_it_and_for_which_transfer(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    transfer_in(riverside.ship_transfer(number, {"tea": 5}))
    chain.sync()
    transfer_in(harbour.receive_transfer(number, {"tea": 4}))

    out, came = movements(riverside), movements(harbour)

    assert [(one.kind, one.sku, one.quantity) for one in out] == [("transfer_shipped", "tea", -5)]
    assert [(one.kind, one.sku, one.quantity) for one in came] == [("transfer_received", "tea", 4)]
    assert {(one.reference, one.actor.person) for one in out + came} == {(number, "Ann")}


def test_what_is_short_is_lost_and_lines_that_are_not_named_stay_in_transit(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6, jam=2)).id
    transfer_in(riverside.ship_transfer(number))
    chain.sync()

    part = transfer_in(harbour.receive_transfer(number, {"tea": 4}))
    assert part.status is PARTLY_RECEIVED
    assert part.discrepancies == (Discrepancy(sku="tea", shipped=6, received=4, lost=2, surplus=0),)
    assert healed(chain, number) == part
    assert (incoming(harbour, "tea"), incoming(harbour, "jam")) == (0, 2)

    rest = transfer_in(harbour.receive_transfer(number, {"jam": 0}))
    assert rest.status is RECEIVED
    assert [one.lost for one in rest.discrepancies] == [2, 2]
    assert healed(chain, number) == rest
    assert (on_hand(harbour, "tea"), on_hand(harbour, "jam")) == (4, 0)


def test_a_truck_that_takes_less_than_was_planned_owes_nothing(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6, jam=2)).id

    transfer_in(riverside.ship_transfer(number, {"tea": 4}))
    chain.sync()
    received = transfer_in(harbour.receive_transfer(number))

    assert received.status is RECEIVED
    assert received.discrepancies == ()
    assert healed(chain, number) == received
    assert (on_hand(riverside), on_hand(riverside, "jam"), on_hand(harbour)) == (36, 40, 4)


def test_lines_of_one_sku_are_summed_before_they_are_compared_with_the_quota(
    chain: Chain, riverside: ShopSide
) -> None:
    line = TransferLine(sku="tea", quantity=20)
    request = transfers.TransferRequest(to="harbour", lines=(line, line))
    number = transfer_in(
        riverside.commit(lambda: transfers.create(riverside.state, command(), request))
    ).id
    quota = riverside.state.quota("tea")
    assert 20 < quota < 40

    short = riverside.ship_transfer(number)

    assert isinstance(short, Short)
    assert short.wants() == [("tea", 40 - quota)]
    assert healed(chain, number).status is NEW


def test_a_truck_is_loaded_whole_or_not_at_all(chain: Chain, riverside: ShopSide) -> None:
    number = transfer_in(riverside.create_transfer("harbour", jam=1, tea=40)).id
    head = riverside.state.ledger.head

    assert isinstance(riverside.ship_transfer(number), Short)

    assert riverside.state.ledger.head == head
    assert healed(chain, number).status is NEW
    assert on_hand(riverside, "jam") == 40


# Refusals change nothing


def test_what_cannot_be_is_refused_and_changes_nothing(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    bazaar = chain.shops["bazaar"]
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    transfer_in(riverside.ship_transfer(number, {"tea": 5}))
    chain.sync()
    heads = {name: shop.state.ledger.head for name, shop in chain.shops.items()}

    refused(riverside.create_transfer("riverside", tea=1), 422, "another location")
    refused(riverside.create_transfer("hub", tea=1), 422, "no location")
    refused(riverside.create_transfer("harbour", salt=1), 404, "salt")
    refused(riverside.create_transfer("harbour", tea=2 * 10**9), 422, "too many")
    refused(riverside.ship_transfer(number), 409, "shipped already")
    refused(riverside.ship_transfer("riverside.1-999-harbour"), 404, "No transfer")
    refused(riverside.ship_transfer("T-1"), 404, "No transfer")
    refused(harbour.ship_transfer(number), 409, "riverside ships")
    refused(harbour.receive_transfer(number, {"tea": 6}), 422, "5 were shipped")
    refused(harbour.receive_transfer(number, {"jam": 1}), 422, "jam is not in transfer")
    refused(harbour.receive_transfer("riverside.1-999-harbour"), 422, "say what arrived")
    refused(harbour.receive_transfer("riverside.1-999-harbour", {"salt": 1}), 404, "salt")
    refused(harbour.receive_transfer("T-1", {"tea": 1}), 404, "no transfer's number")
    refused(riverside.receive_transfer(number, {"tea": 5}), 409, "sent from here")
    refused(bazaar.receive_transfer(number, {"tea": 5}), 409, "goes to harbour")

    assert heads == {name: shop.state.ledger.head for name, shop in chain.shops.items()}
    transfer_in(harbour.receive_transfer(number))
    refused(harbour.receive_transfer(number), 409, "received already")
    assert healed(chain, number).status is RECEIVED


def test_the_largest_transfer_is_carried_whole_and_a_larger_one_is_refused_whole(
    tmp_path: Path,
) -> None:
    dice = Random(1)  # noqa: S311 - made-up SKUs
    skus = ["".join(dice.choices(LETTERS, k=64)) for _ in range(800)]  # nothing to compress
    load = dict.fromkeys(skus[:670], 1)
    chain = Chain(tmp_path, skus=[*skus, *SKUS], shops=["riverside", "harbour"])
    riverside, harbour = chain.shops.values()
    riverside.receive(**load)
    head = riverside.state.ledger.head
    refused(riverside.create_transfer("harbour", **dict.fromkeys(skus, 1)), 413, "split it")
    assert riverside.state.ledger.head == head

    number = transfer_in(riverside.create_transfer("harbour", **load)).id
    transfer_in(riverside.ship_transfer(number))
    transfer_in(harbour.receive_transfer(number, load))

    assert healed(chain, number).status is RECEIVED
    assert all(harbour.state.counter(sku).physical() == 1 for sku in load)


def test_a_request_that_is_repeated_is_answered_as_before(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    asked = command()
    request = transfers.TransferRequest(to="harbour", lines=(TransferLine(sku="tea", quantity=6),))
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    steps: list[tuple[ShopSide, Callable[[], object]]] = [
        (riverside, lambda: transfers.create(riverside.state, asked, request)),
        (
            riverside,
            lambda: transfers.ship(
                riverside.state, asked._replace(key=asked.key._replace(path="/ship")), number,
                transfers.ShipRequest(),
            ),
        ),
        (
            harbour,
            lambda: transfers.receive(harbour.state, asked, number, transfers.ArrivalRequest()),
        ),
    ]  # fmt: skip
    for shop, ask in steps:
        first = shop.commit(ask)
        chain.sync()
        shop.restart()
        head = shop.state.ledger.head
        assert isinstance(first, Done)
        assert shop.commit(ask) == first
        assert shop.state.ledger.head == head
    assert healed(chain, number).status is RECEIVED


# Faults


def test_a_commit_that_fails_sends_and_receives_nothing(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    chain.sync()

    riverside.refuse_next_commit()
    with pytest.raises(CommitFailed):
        riverside.ship_transfer(number)
    assert (on_hand(riverside), known(riverside, number).status) == (40, NEW)
    transfer_in(riverside.ship_transfer(number))
    chain.sync()
    harbour.refuse_next_commit()
    with pytest.raises(CommitFailed):
        harbour.receive_transfer(number)
    assert (on_hand(harbour), incoming(harbour)) == (0, 6)
    transfer_in(harbour.receive_transfer(number))
    chain.hub.refuse_next_commit()
    with pytest.raises(CommitFailed):
        chain.send(harbour)

    assert healed(chain, number).status is RECEIVED
    assert on_hand(harbour) == 6


def test_a_feed_that_is_sent_again_or_late_changes_nothing(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    chain.send(riverside)
    as_planned = chain.offer(harbour)
    transfer_in(riverside.ship_transfer(number))
    chain.sync()
    transfer_in(harbour.receive_transfer(number))
    received = healed(chain, number)

    for items in (as_planned, chain.offer(harbour, after=0), as_planned):
        harbour.apply(items)
        assert known(harbour, number) == received
    harbour.restart()
    assert healed(chain, number) == received
    assert (on_hand(harbour), incoming(harbour)) == (6, 0)


def test_a_new_box_at_either_end_goes_on_where_the_old_one_was(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6, jam=2)).id
    transfer_in(riverside.ship_transfer(number))
    chain.sync()
    transfer_in(harbour.receive_transfer(number, {"tea": 6}))
    chain.sync()

    harbour.close()
    chain.shops["harbour"] = new = chain.box("harbour", replace=True)
    chain.sync()

    refused(new.receive_transfer(number, {"tea": 6}), 409, "received already")
    transfer_in(new.receive_transfer(number))
    chain.sync()
    assert known(new, number).status is RECEIVED
    conserved(chain)
    assert sum(one.physical() for one in chain.hub.state.counters_of("tea")) == 40
    assert sum(one.physical() for one in chain.hub.state.counters_of("jam")) == 40
