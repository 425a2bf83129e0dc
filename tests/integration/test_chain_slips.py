"""Goal: an order that this location fulfils has one picking slip, however often it is heard.

Method: a hub and its shops in one process (`tests.chain`); what counts are the rows of the spool,
and the paper of one of them.
"""

from pathlib import Path

import pytest

from devices.paper import Document, Pair
from gateway.config import PrinterSetting, ReceiptSetting
from gateway.printing import spool
from gateway.printing.print_content import Unprintable, document_of
from gateway.printing.receipts import Receipts
from retail.ordering.order_status import EventType
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from web.catalogue_rows import Catalogue
from web.once import Done

BACK = PrinterSetting(name="back", address="tcp://127.0.0.1:9100", slips=True)
FRONT = PrinterSetting(name="front", address="tcp://127.0.0.1:9101", registers=("till-1",))


def equip(shop: ShopSide) -> None:
    """Put printers in the shop; a restart takes them away."""
    shop.state.printer_settings = {one.name: one for one in (FRONT, BACK)}


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    """Two shops that have tea; only Riverside prints slips."""
    chain = Chain(tmp_path, skus=["tea"], shops=["riverside", "bazaar"])
    for shop in chain.shops.values():
        shop.receive(tea=40)
    equip(chain.shops["riverside"])
    chain.sync()
    return chain


def slips(shop: ShopSide) -> list[tuple[str, str | None]]:
    """Printer and order of each slip in the spool."""
    found = [job for job in spool.jobs(shop.state.store) if job.kind == "slip"]
    return [(job.printer, job.order_id) for job in found]


def document(shop: ShopSide, job: spool.Job) -> Document | Unprintable:
    state = shop.state
    receipts = Receipts(state.identity, ReceiptSetting(), Catalogue(state.connection))
    return document_of(job, state.store, receipts, state.location)


def test_an_order_has_one_slip_where_slips_are_printed(chain: Chain) -> None:
    shop = chain.shops["riverside"]

    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    chain.sync()

    assert slips(shop) == [("back", order.id)]
    assert slips(chain.shops["bazaar"]) == []


def test_heard_again_and_after_a_restart_there_is_no_second_one(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    chain.sync()
    again = chain.offer(shop, 0)

    shop.apply(again)
    shop.restart()
    equip(shop)
    shop.apply(again)
    order_in(shop.tell(order.id, EventType.READY_TO_PICK))
    chain.sync()

    assert slips(shop) == [("back", order.id)]


def test_an_order_that_was_cancelled_meanwhile_has_none(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    order_in(chain.hub.tell(order.id, EventType.CANCELLED))

    chain.sync()

    assert slips(shop) == []


def test_the_slip_names_what_is_to_be_picked(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    chain.sync()
    (job,) = [job for job in spool.jobs(shop.state.store) if job.kind == "slip"]

    slip = document(shop, job)

    assert isinstance(slip, Document)
    assert order.number in str(slip.blocks)
    assert "tea" in str(slip.blocks)


def test_a_slip_of_an_order_that_is_gone_is_set_aside_and_not_guessed(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    chain.hub.place({"tea": 2}, pickup="riverside")
    chain.sync()
    (job,) = [job for job in spool.jobs(shop.state.store) if job.kind == "slip"]

    assert document(shop, job._replace(order_id="hub.1-99")) == Unprintable(
        "the order is not here any more"
    )


def test_after_a_short_pick_the_slip_names_what_is_left_to_hand_over(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    order = order_in(chain.hub.place({"tea": 3}, pickup="riverside"))
    chain.sync()
    order_in(shop.tell(order.id, EventType.SHORT_PICKED, {"tea": 1}))
    (job,) = [job for job in spool.jobs(shop.state.store) if job.kind == "slip"]

    slip = document(shop, job)

    assert isinstance(slip, Document)
    assert Pair("Pieces", "2") in slip.blocks
    assert slips(shop) == [("back", order.id)]


def test_who_is_to_send_what_another_store_missed_gets_a_slip_of_it(chain: Chain) -> None:
    shop, other = chain.shops["riverside"], chain.shops["bazaar"]
    order = order_in(chain.hub.place({"tea": 12}))
    chain.sync()
    assert {one.location for one in order.allocations} == {"riverside", "bazaar"}
    assert slips(shop) == [("back", order.id)]
    shop.receive(tea=40)
    order_in(other.tell(order.id, EventType.SHORT_PICKED, {"tea": 1}))
    chain.sync()
    (item,) = chain.hub.shortages(state="open")

    assert isinstance(chain.hub.resolve(item.id), Done)
    chain.sync()

    assert slips(shop) == [("back", order.id)] * 2
    last = [job for job in spool.jobs(shop.state.store) if job.kind == "slip"][-1]
    slip = document(shop, last)
    kept = sum(one.quantity for one in order.allocations if one.location == "riverside")
    assert isinstance(slip, Document)
    assert Pair("Pieces", str(kept + 1)) in slip.blocks
