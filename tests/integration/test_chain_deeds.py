"""Goal: what is several entries and one deed is there as a whole or not at all, whatever is lost.

Method: a chain in one process on real files. A box's journal is heard in every number of pieces;
then its disk is lost, a new box takes its place, and the till asks again. Or the disk is found, and
the deed was done twice. What is counted is goods and money at the hub, by what people saw.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from cloud_hub.returning.return_list import ReturnsQuery, returns_page
from cloud_hub.stores import fold
from gateway.ordering import orders
from replication.errors import PeerViolation
from replication.session import BATCH_BYTES_MAX
from retail.ordering.order_status import EventType
from retail.ordering.orders import OrderEventRequest
from retail.returning.return_requests import ExchangeRequest
from retail.returning.returns import Disposition, GoodsReturn
from tests import uses_asked
from tests.chain_sides import ShopSide, command, order_in
from tests.life_chain import LifeChain, opened_life
from tests.taking_over import new_box, take_over
from web.once import Command, Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 10 tea and 10 jam, the hub knows."""
    with opened_life(tmp_path, tea=10, jam=10) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Its first box."""
    return chain.shops["riverside"]


def sold(shop: ShopSide) -> str:
    """Three tea; the id of the sale."""
    done = shop.sell("tea", 3)
    assert isinstance(done, Done), done
    return str(msgspec.json.decode(done.record)["id"])


def exchanged(shop: ShopSide, asked: Command, sale: str) -> bytes:
    """A till brings two tea back for one jam; the answer."""
    body = {
        "register": "till-1", "sale": sale, "reason": "wrong size", "tenders": [],
        "returned": [{"sku": "tea", "quantity": 2}], "lines": [{"sku": "jam", "quantity": 1}],
    }  # fmt: skip
    request = msgspec.convert(body, ExchangeRequest)
    done = shop.commit(lambda: uses_asked.exchange(shop.state, asked, request))
    assert isinstance(done, Done), done
    return done.record


def journal_at_hub(chain: LifeChain) -> list[str]:
    """Kinds of the entries of goods that the hub has."""
    rows = chain.hub.state.connection.execute(
        "SELECT kind FROM entry WHERE kind IN ('sale', 'return', 'exchange', 'uncollected') "
        "ORDER BY arrival"
    )
    return [str(kind) for (kind,) in rows]


def counted(chain: LifeChain, sku: str) -> tuple[int, int]:
    """On hand and in quality control, as the hub has it."""
    levels = chain.hub.counter("riverside", sku).levels()
    return levels.on_hand, levels.quality_control


@pytest.mark.parametrize("heard", range(4))
def test_an_exchange_whose_box_is_lost_is_there_once_when_the_till_asks_again(
    chain: LifeChain, old: ShopSide, heard: int
) -> None:
    asked, sale = command(), sold(old)
    chain.sync()
    old_answer = exchanged(old, asked, sale)
    for _ in range(heard):
        chain.send(old, entries_max=1)
    assert journal_at_hub(chain) in (["sale"], ["sale", "return", "sale", "exchange"])

    new = new_box(chain)
    take_over(chain, new)
    chain.sync()
    new.receive(jam=1)  # what the lost box held is frozen
    answer = exchanged(new, asked, sale)
    chain.sync()

    assert (answer == old_answer) == bool(heard)
    assert journal_at_hub(chain) == ["sale", "return", "sale", "exchange"]
    assert (counted(chain, "tea"), counted(chain, "jam")) == ((9, 2), (10, 0))
    chain.check("tea", "jam")


@pytest.mark.parametrize("heard", range(3))
def test_what_nobody_collected_is_in_quality_control_when_the_till_asks_again(
    chain: LifeChain, old: ShopSide, heard: int
) -> None:
    order = order_in(chain.hub.place({"tea": 1}, pickup="riverside"))
    chain.sync()
    order_in(old.tell(order.id, EventType.READY_FOR_PICKUP))
    chain.sync()
    asked = command()
    request = OrderEventRequest(type=EventType.UNCOLLECTED, handed_over_before=False)

    def told(shop: ShopSide) -> None:
        order_in(shop.commit(lambda: orders.tell_event(shop.state, asked, order.id, request)))

    told(old)
    for _ in range(heard):
        chain.send(old, entries_max=1)

    new = new_box(chain)
    take_over(chain, new)
    chain.sync()
    told(new)
    chain.sync()

    assert journal_at_hub(chain) == ["uncollected", "return"]
    assert counted(chain, "tea") == (10, 1)
    (back,) = returns_listed(chain)
    assert isinstance(new.inspect(back.id, "tea", 1, Disposition.RESTOCK), Done)
    chain.check("tea")


@pytest.mark.parametrize("is_heard_first", [True, False])
def test_an_exchange_that_two_boxes_have_answered_is_done_once(
    chain: LifeChain, old: ShopSide, *, is_heard_first: bool
) -> None:
    asked, sale = command(), sold(old)
    chain.sync()
    exchanged(old, asked, sale)
    new = new_box(chain)
    take_over(chain, new)
    chain.sync()
    new.receive(jam=1)  # what the other box held is frozen
    seen = msgspec.json.decode(exchanged(new, asked, sale))
    for _ in range(2):
        if is_heard_first:
            chain.hand_over(old, sealed=True)
        chain.sync(new)
        is_heard_first = not is_heard_first
    chain.sync(new)
    chain.sync(new)

    assert (counted(chain, "tea"), counted(chain, "jam")) == ((9, 2), (10, 0))
    assert chain.sales() == [sale, seen["sale"]["id"]], "its answer was seen"
    came = returns_listed(chain)
    assert [one.id for one in came] == [seen["returned"]["id"]]
    assert new.state.counter("jam").levels().deficit == 0
    chain.check("tea", "jam")


def returns_listed(chain: LifeChain) -> list[GoodsReturn]:
    """What came back, as the hub lists it."""
    page = returns_page(chain.hub.state.store, "taken", ReturnsQuery())
    return [msgspec.json.decode(record, type=GoodsReturn) for record in page.items]


def test_a_part_of_a_deed_is_not_taken_in(chain: LifeChain, old: ShopSide) -> None:
    exchanged(old, command(), sold(old))
    writer = old.state.ledger.writer
    held = chain.hub.state.head_of(writer)
    entries, _ = old.state.store.entries_after(
        writer, held.seq, count_max=99, bytes_max=BATCH_BYTES_MAX
    )

    for end in (2, 3):
        with pytest.raises(PeerViolation, match="more belong to entry"):
            chain.hub.commit(partial(fold.fold, chain.hub.state, writer, entries[:end]))

    assert chain.hub.state.head_of(writer) == held
    chain.sync()
    assert journal_at_hub(chain) == ["sale", "return", "sale", "exchange"]
