"""Goal: what both sides of a cut wrote about one order or draft is one document afterwards.

Method: a hub and a shop in one process (`tests.chain`). A cut is a shop that is not synced; both
sides write meanwhile, and then talk in either order.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.products import catalogue
from gateway.selling import drafts
from replication import feed
from replication.document import EntityDocument
from retail.ordering.order_status import EventType, OrderStatus
from retail.ordering.orders import Payment
from retail.products.catalogue import ProductBody
from retail.products.drafts import DraftRequest
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide, command, order_in
from tests.holds_seen import shop_of, stocked
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Riverside has 40 tea and jam."""
    made = stocked(tmp_path)
    yield made
    made.close()


def document(side: HubSide | ShopSide, kind: str, key: str) -> EntityDocument:
    """A document as one side has it."""
    found = side.state.store.load_document(kind, key, b"r" * 16)
    assert found is not None
    return found


def said(one: EntityDocument) -> tuple[dict[str, str], dict[str, str]]:
    """What a document says."""
    return one.fields(), one.events()


def are_one(chain: Chain, kind: str, key: str) -> bool:
    """Whether both sides say the same, also after one more merge in either direction."""
    ours, theirs = document(chain.hub, kind, key), document(shop_of(chain), kind, key)
    before = said(ours)
    both = said(theirs) == before
    ours.merge(document(shop_of(chain), kind, key))
    theirs.merge(document(chain.hub, kind, key))
    return both and said(ours) == said(theirs) == before


def placed(chain: Chain, payment: Payment = "paid") -> str:
    """An order to be collected at Riverside, which has heard of it."""
    order = order_in(chain.hub.place({"tea": 2}, pickup="riverside", payment=payment))
    chain.sync()
    return order.id


@pytest.mark.parametrize("first", ["hub", "store"])
def test_events_of_both_sides_of_a_cut_are_one_order_and_goods_that_are_gone_win(
    chain: Chain, first: str
) -> None:
    order, shop = placed(chain), shop_of(chain)
    assert isinstance(shop.tell(order, EventType.READY_FOR_PICKUP), Done)
    assert isinstance(shop.tell(order, EventType.COLLECTED), Done)
    assert isinstance(chain.hub.tell(order, EventType.CANCELLED), Done)
    shop.restart()

    if first == "hub":
        while items := chain.offer(shop):
            shop.apply(items)
    else:
        assert chain.send(shop)
    chain.sync()

    assert are_one(chain, feed.ORDER, order)
    told = {event.type for event in chain.hub.order(order).events}
    assert {EventType.READY_FOR_PICKUP, EventType.COLLECTED, EventType.CANCEL_REQUESTED} <= told
    assert chain.hub.order(order).status == OrderStatus.COLLECTED
    assert shop.state.counter("tea").physical() == 38
    assert chain.hub.counter("riverside", "tea").physical() == 38


def test_a_part_that_arrives_twice_changes_nothing(chain: Chain) -> None:
    order, shop = placed(chain, "on_collection"), shop_of(chain)
    assert isinstance(shop.tell(order, EventType.PICKED), Done)
    assert isinstance(chain.hub.tell(order, EventType.PAID), Done)
    items = chain.offer(shop)

    shop.apply(items)
    once = document(shop, feed.ORDER, order).save()
    shop.apply(items)

    assert document(shop, feed.ORDER, order).save() == once
    chain.sync()
    assert are_one(chain, feed.ORDER, order)


def test_a_draft_is_completed_while_its_store_is_cut_off_and_both_have_one_document(
    chain: Chain,
) -> None:
    shop, hub = shop_of(chain), chain.hub
    body = ProductBody(name="Tea, 500 g", price_minor=120, currency="USD", categories=("Tea",))
    draft = _draft(chain)

    done = hub.commit(lambda: catalogue.put_product(hub.state, command(), draft, body))
    assert isinstance(done, Done)
    assert isinstance(shop.sell(draft), Done), "the store goes on selling it meanwhile"
    shop.restart()
    chain.sync()

    assert are_one(chain, feed.PRODUCT, draft)
    assert shop.state.catalogue[draft] == hub.state.catalogue[draft]
    assert shop.state.catalogue[draft].name == "Tea, 500 g"


def _draft(chain: Chain) -> str:
    """A draft that Riverside adds and head office has heard of."""
    shop = shop_of(chain)
    request = DraftRequest(barcode="4006381333931", name="Tea", price_minor=100)
    done = shop.commit(lambda: drafts.add(shop.state, command(), request))
    assert isinstance(done, Done), done
    chain.sync()
    return next(sku for sku in chain.hub.state.catalogue if sku.startswith("draft-"))
