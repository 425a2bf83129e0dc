"""Goal: the two ends of a transfer agree in the end, whoever is heard first, late or again (E7).

Method: a hub and its shops in one process (`tests.chain`); the line is dealt out journal entry by
journal entry, and the truck is always faster.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from cloud_hub.stock import transfers as hub_transfers
from cloud_hub.stock.transfer_api import TransfersQuery, transfers_page
from gateway.stockroom import transfers
from gateway.stockroom.stock import ReceiptLine, ReceiptRequest, StockReceipt
from retail.stock.transfers import (
    Shipped,
    TransferStatus,
)
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, transfer_in
from tests.transfers_seen import (
    conserved,
    healed,
    incoming,
    movements,
    on_hand,
    refused,
    tea_and_jam,
)
from web.once import Done
from web.problems import Problem

PARTLY_RECEIVED, RECEIVED = TransferStatus.PARTLY_RECEIVED, TransferStatus.RECEIVED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return tea_and_jam(tmp_path)


# By paper, before the source is heard


def hear_creation(chain: Chain) -> None:
    chain.send(chain.shops["riverside"], entries_max=1)


def hear_harbour(chain: Chain) -> None:
    chain.send(chain.shops["harbour"])


def feed_harbour(chain: Chain) -> None:
    chain.sync(chain.shops["harbour"])


def restart_all(chain: Chain) -> None:
    chain.hub.restart()
    for shop in chain.shops.values():
        shop.restart()


HEARINGS: list[list[Callable[[Chain], None]]] = [
    [],
    [hear_harbour],
    [hear_harbour, hear_creation],
    [hear_creation, hear_harbour],
    [hear_creation, feed_harbour, hear_creation],
    [hear_creation, hear_creation, hear_harbour],
    [restart_all, hear_harbour, restart_all, hear_creation, restart_all],
]


@pytest.mark.parametrize("hearings", HEARINGS)
@pytest.mark.parametrize(
    ("counted", "lost", "surplus"), [(6, 0, 0), (4, 2, 0), (9, 0, 3), (0, 6, 0)]
)
def test_a_truck_that_comes_before_its_news_is_matched_when_the_source_is_heard(
    chain: Chain, riverside: ShopSide, harbour: ShopSide,
    hearings: list[Callable[[Chain], None]], counted: int, lost: int, surplus: int,
) -> None:  # fmt: skip
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    transfer_in(riverside.ship_transfer(number))

    by_paper = transfer_in(harbour.receive_transfer(number, {"tea": counted}))
    assert by_paper.status is PARTLY_RECEIVED
    assert (by_paper.lines[0].unmatched, by_paper.discrepancies) == (counted, ())
    assert on_hand(harbour) == counted
    for hear in hearings:
        hear(chain)
        conserved(chain)

    matched = healed(chain, number)
    assert matched.status is RECEIVED
    line = matched.lines[0]
    assert (line.unmatched, line.lost, line.surplus) == (0, lost, surplus)
    assert [event.id for event in matched.events if not isinstance(event, Shipped)] == [
        by_paper.events[0].id
    ]
    assert len(matched.discrepancies) == (1 if lost or surplus else 0)
    refused(harbour.receive_transfer(number, {"tea": 1}), 409, "received already")
    assert on_hand(harbour) == counted


def test_what_the_paper_did_not_say_is_in_transit_once_the_source_is_heard(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6, jam=2)).id
    transfer_in(riverside.ship_transfer(number))
    transfer_in(harbour.receive_transfer(number, {"tea": 6}))

    assert healed(chain, number).status is PARTLY_RECEIVED
    assert (incoming(harbour), incoming(harbour, "jam")) == (0, 2)
    transfer_in(harbour.receive_transfer(number))
    assert healed(chain, number).status is RECEIVED


def test_a_source_that_tells_its_shipment_after_the_arrival_is_matched_then(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    chain.sync()
    transfer_in(harbour.receive_transfer(number, {"tea": 6}))
    assert healed(chain, number).lines[0].unmatched == 6

    transfer_in(riverside.ship_transfer(number))

    assert healed(chain, number).status is RECEIVED
    assert on_hand(riverside) == 34


def test_a_paper_that_nobody_wrote_stays_unmatched(chain: Chain, harbour: ShopSide) -> None:
    number = "riverside.1-999-harbour"

    transfer_in(harbour.receive_transfer(number, {"tea": 3}))

    found = healed(chain, number)
    assert (found.status, found.created_at) == (PARTLY_RECEIVED, None)
    assert found.lines[0].unmatched == 3


def test_goods_that_come_by_paper_cover_a_deficit_first(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    harbour.receive(tea=4)
    promised = chain.hub.place({"tea": 1}, pickup="harbour")
    assert isinstance(promised, Done | Problem), "some of it may be online"
    chain.sync()
    harbour.adjust("tea", -4, "breakage")
    short = harbour.state.counter("tea").deficit()
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    transfer_in(riverside.ship_transfer(number))

    transfer_in(harbour.receive_transfer(number, {"tea": 6}))

    assert short > 0
    assert harbour.state.counter("tea").deficit() == 0
    assert healed(chain, number).status is RECEIVED


def receipt(shop: ShopSide, number: str, *quantities: int) -> object:
    """A receipt of tea that names a transfer."""
    request = ReceiptRequest(
        lines=tuple(ReceiptLine(sku="tea", quantity=one, unit_cost_minor=9) for one in quantities),
        reference="note 7", supplier="Mill", transfer=number,
    )  # fmt: skip
    return shop.commit(lambda: transfers.receive_by_receipt(shop.state, command(), request))


def test_a_receipt_that_names_a_transfer_receives_it_and_keeps_its_paper(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    transfer_in(riverside.ship_transfer(number))
    chain.sync()

    done = receipt(harbour, number, 2, 3)

    assert isinstance(done, Done)
    paper = msgspec.json.decode(done.record, type=StockReceipt)
    assert (paper.transfer, paper.reference, paper.supplier) == (number, "note 7", "Mill")
    assert [line.unit_cost_minor for line in paper.lines] == [9, 9]
    transfer = healed(chain, number)
    assert (transfer.status, transfer.lines[0].lost) == (RECEIVED, 1)
    assert on_hand(harbour) == 5
    assert [(one.kind, one.quantity) for one in movements(harbour)] == [("transfer_received", 5)]
    refused(receipt(harbour, number, 1), 409, "received already")
    refused(receipt(harbour, "T-1", 1), 422, "T-1 is no transfer's number")
    assert on_hand(harbour) == 5


# What the hub shows


def test_a_transfer_to_nowhere_is_flagged_until_somebody_is_there(
    chain: Chain, riverside: ShopSide
) -> None:
    number = transfer_in(riverside.create_transfer("island", tea=6)).id
    transfer_in(riverside.ship_transfer(number))
    chain.sync()
    reader = chain.hub.state.connection

    flagged = transfers_page(reader, TransfersQuery()).items
    assert [(one.id, one.unknown_destination) for one in flagged] == [(number, True)]
    assert flagged[0].lines[0].in_transit == 6
    assert hub_transfers.incoming(chain.hub.state, "tea") == {}
    conserved(chain)

    chain.shops["island"] = chain.box("island")
    chain.sync()
    assert incoming(chain.shops["island"]) == 6
    transfer_in(chain.shops["island"].receive_transfer(number))
    assert healed(chain, number).status is RECEIVED
    assert not transfers_page(reader, TransfersQuery()).items[0].unknown_destination


def test_the_hub_lists_transfers_by_status_and_by_either_end(
    chain: Chain, riverside: ShopSide
) -> None:
    one = transfer_in(riverside.create_transfer("harbour", tea=6)).id
    two = transfer_in(riverside.create_transfer("bazaar", jam=1)).id
    transfer_in(riverside.ship_transfer(two))
    chain.sync()
    reader = chain.hub.state.connection

    def listed(**narrowed: object) -> list[str]:
        query = msgspec.convert(narrowed, TransfersQuery)
        return [found.id for found in transfers_page(reader, query).items]

    assert listed() == listed(location="riverside") == [one, two]
    assert listed(location="harbour") == listed(status="new") == [one]
    assert listed(location="bazaar", status="shipped") == [two]
    first = transfers_page(reader, TransfersQuery(limit=1))
    assert listed(cursor=first.next_cursor, limit=1) == [two]
