"""Goal: orders that a dead box had handed over leave once, those that stand there still leave too.

Method: hub and gateway as programs, with the demo's website and back room. Orders are handed over
behind a cut line and cancelled online meanwhile, the box is destroyed, and another one takes its
place: the back room tells it what had left. Then the demo's ledger is compared with the books.
"""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio

from devices.sim.wan import WanMode
from scripts.demo_day import storefront
from scripts.demo_day.api import Api
from scripts.demo_day.baskets import Basket, Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldOrder
from scripts.demo_day.plan import Fulfilment, PlannedOrder
from scripts.demo_day.storefront import BackRoom, Storefront
from scripts.demo_day.verdict import judge_doubts, judge_orders
from tests.programs import Caller, Shop, open_shop, until
from tests.replacement import destroyed, replaced, sells, told_tokens

LOOKS = 10
"""More than an order has steps."""


@pytest_asyncio.fixture(loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop whose gateway may be destroyed."""
    async with open_shop(tmp_path_factory.mktemp("doubted")) as shop:
        yield shop


def api_of(caller: Caller) -> Api:
    """The same person, as the demo speaks for them."""
    assert caller.token is not None
    return Api(session=caller.client, url=caller.url, token=caller.token)


async def ordered(website: Storefront, sku: str, way: Fulfilment) -> ToldOrder:
    """One piece is ordered online."""
    number = len(website.notebook.orders)
    basket = Basket(
        basket=number,
        location="riverside",
        at=datetime.min,  # noqa: DTZ901 - the data set's times have no zone either
        lines=(Line(sku=sku, quantity=1),),
    )
    told = await website.place(
        PlannedOrder(at_s=0.0, basket=basket, fulfilment=way, cancelled_after_s=None)
    )
    assert told is not None
    return told


async def works(room: BackRoom) -> None:
    """The room does all that there is to do."""
    for _ in range(LOOKS):
        if not await room.work_once():
            return
    raise AssertionError("it goes on for ever")


async def test_what_left_with_a_destroyed_box_leaves_once_and_the_rest_as_it_would_have(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storefront, "LEFT_SHARE", 0.0)
    leaving, staying = [await shop.product(price=100, stock=20) for _ in range(2)]
    notebook = Notebook()
    goods = {
        sku: Product(sku=sku, barcode="", name=sku, price_minor=100) for sku in (leaving, staying)
    }
    notebook.ledger.record(Fact.RECEIVED, "paper", [(Shelf("riverside", sku), 20) for sku in goods])
    website = Storefront(hub=api_of(shop.storefront), products=goods, notebook=notebook)
    room = BackRoom(location="riverside", gateway=api_of(shop.manager), notebook=notebook, seed=1)
    await shop.settled()
    left = [await ordered(website, leaving, way) for way in Fulfilment]
    here = [await ordered(website, staying, way) for way in Fulfilment]
    for one in (*left, *here):

        async def is_known(order: str = one.id) -> bool:
            return await room.knows(order)

        await until(is_known)
    await told_tokens(shop)

    await shop.wan.set_mode(WanMode.CUT)
    notebook.set_aside.add(staying)
    await works(room)
    for one in (left[1], here[1]):
        await website.cancel(one)
    assert {one for told in left for one, _, _ in told.allocations} == notebook.handed_over
    await destroyed(shop)
    await shop.wan.set_mode(WanMode.PASS)
    await replaced(shop)
    await sells(shop)
    notebook.set_aside.clear()
    await works(room)
    await shop.settled()

    at_hub = await shop.auditor.all("/v1/orders")
    judged = judge_orders(notebook.orders, at_hub, notebook.handed_over)
    assert notebook.oddities == []
    assert judged.different == ()
    assert judged.ends == {"shipped": 2, "collected": 1, "cancelled": 1}
    assert judge_doubts("riverside", await shop.manager.all("/v1/orders")) == ()
    assert (notebook.doubts.had_left, notebook.doubts.stood_here) == (2, 2)
    on_hand = notebook.ledger.on_hand()
    assert on_hand == {Shelf("riverside", leaving): 18, Shelf("riverside", staying): 19}
    for shelf, units in on_hand.items():
        assert (await shop.stock(shelf.sku))["on_hand"] == units
        assert (await shop.hub_stock(shelf.sku))["on_hand"] == units
    audit = await shop.auditor.ask("POST", "/v1/audit", body={})
    assert audit.json["differences"] == []
