"""Goal: an order that this location fulfils has one picking slip, however often it is heard.

Method: a hub and its shops in one process (`tests.chain`); what counts are the rows of the spool,
and the paper of one of them.
"""

from pathlib import Path

import msgspec
import pytest

from cloud_hub.auditing.audit import audit
from devices.paper import Document, Pair
from gateway.config import PrinterSetting, ReceiptSetting
from gateway.ordering import order_papers
from gateway.printing import spool
from gateway.printing.print_content import Unprintable, document_of
from gateway.printing.receipts import Receipts
from retail.ordering.order_payments import PaidOrder
from retail.ordering.order_status import EventType
from tests.aisle import Aisle, paid_in
from tests.chain import Chain
from tests.chain_sides import ShopSide, command, order_in
from web.catalogue_rows import Catalogue
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

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


# Once more


def slip_again(shop: ShopSide, order: str, asked: Command | None = None) -> Outcome:
    """Somebody asks for the slip again."""
    told = asked or command()
    return shop.commit(lambda: order_papers.print_slip(shop.state, told, order))


def receipt_again(shop: ShopSide, order: str) -> Outcome:
    """Somebody asks for the receipt of a payment again; the copy says that it is one."""

    def copy_of(paid: PaidOrder) -> Document:
        return Document(language="en", blocks=(), copy_mark=paid.payment.number)

    return shop.commit(lambda: order_papers.print_receipt(shop.state, command(), order, copy_of))


def test_a_slip_that_got_lost_is_printed_again_once_per_request(chain: Chain) -> None:
    shop, asked = chain.shops["riverside"], command()
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside"))
    chain.sync()

    again = [slip_again(shop, order.id, asked) for _ in range(2)]

    assert isinstance(again[0], Done)
    assert again[0] == again[1]
    told = {"order": order.id, "papers": 1, "printers": ["back"]}
    assert msgspec.json.decode(again[0].record) == told
    assert slips(shop) == [("back", order.id)] * 2
    order_in(shop.tell(order.id, EventType.COLLECTED))
    gone = slip_again(shop, order.id)
    unknown = slip_again(shop, "hub.1-999")
    shop.state.printer_settings = {"front": FRONT}
    assert [one.slug for one in (gone, unknown) if isinstance(one, Problem)] == [
        Slug.CONFLICT,
        Slug.NOT_FOUND,
    ]
    assert len(slips(shop)) == 2
    chain.sync()
    assert audit(chain.hub.state.store, None).differences == []


def test_where_no_printer_prints_slips_none_is_printed_again(chain: Chain) -> None:
    shop = chain.shops["bazaar"]
    order = order_in(chain.hub.place({"tea": 2}, pickup="bazaar"))
    chain.sync()
    before = shop.state.ledger.head

    assert isinstance(slip_again(shop, order.id), Problem)
    assert shop.state.ledger.head == before


def test_the_receipt_of_a_payment_is_printed_again_as_a_copy(chain: Chain) -> None:
    shop = chain.shops["riverside"]
    shop.state.printers = {"till-1": "front"}
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside", payment="on_collection"))
    chain.sync()
    unpaid = receipt_again(shop, order.id)
    paid = paid_in(Aisle(chain, "riverside").pay(order.id))
    before = len(spool.jobs(shop.state.store))

    done = receipt_again(shop, order.id)

    assert isinstance(unpaid, Problem)
    assert unpaid.slug is Slug.NOT_FOUND
    assert isinstance(done, Done)
    job, *_ = spool.jobs(shop.state.store)
    assert (len(spool.jobs(shop.state.store)), job.printer) == (before + 1, "front")
    assert paid.payment.number in str(job.document)
    shop.state.printers = {}
    assert isinstance(receipt_again(shop, order.id), Problem)
