"""Goal: of every sale comes back at most what was sold, for at most what was paid (W1, W2).

Method: three shops and a hub on real files; Hypothesis sells, brings back in any shop, cuts and
restores lines, lets journals arrive or not, restarts programs and orders online. The truth is kept
here: units and money per line, counted when a shop says yes. In the end all lines are up, what is
left comes back in one shop, and the audit has nothing to say.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_hub.auditing.audit import audit
from gateway.returning.returnables import Elsewhere
from retail.ordering.order_status import EventType
from retail.products.catalogue import ProductBody
from retail.returning.returns import GoodsReturn, ReturnClaim
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from web.once import Done

SHOPS: Final = ("riverside", "harbour", "hillside")
UNITS: Final = 5
PRICE = ProductBody(name="Tea", price_minor=3, price_per_quantity=5, currency="USD")
TOTAL_MINOR: Final = 3
"""Of five units: no unit costs a whole cent, so that each part depends on those before it."""

places = st.sampled_from(SHOPS)
steps = st.one_of(
    st.tuples(st.just("sell"), places),
    st.tuples(st.just("order"), places),
    st.tuples(st.just("return"), places, st.integers(0, 5), st.integers(1, UNITS)),
    st.tuples(st.just("return"), places, st.integers(0, 5), st.integers(1, UNITS)),
    st.tuples(st.just("return"), places, st.integers(0, 5), st.integers(1, UNITS)),
    st.tuples(st.just("unanswered"), places, st.integers(0, 5)),
    st.tuples(st.just("cut"), places),
    st.tuples(st.just("connect"), places),
    st.tuples(st.just("send"), places),
    st.tuples(st.just("restart"), places),
)


class Truth:
    """What was sold and what came back, counted outside of the programs."""

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.sales: list[str] = []
        self.came: dict[str, int] = {}
        self.paid_minor: dict[str, int] = {}

    def sold(self, sale: str) -> None:
        self.sales.append(sale)
        self.came[sale] = self.paid_minor[sale] = 0

    def take_back(self, shop: ShopSide, sale: str, units: int) -> None:
        """A customer tries; a shop that has to ask does so when its line is up."""
        outcome = shop.take_back(sale, "tea", units)
        if isinstance(outcome, Elsewhere):
            if not self.is_up(shop) or not isinstance(self.chain.claim(shop, sale), ReturnClaim):
                return
            outcome = shop.take_back(sale, "tea", units, has_asked=True)
        if isinstance(outcome, Done):
            record = msgspec.json.decode(outcome.record, type=GoodsReturn)
            self.came[sale] += units
            self.paid_minor[sale] += sum(one.amount_minor for one in record.refunds)
        assert self.came[sale] <= UNITS
        assert self.paid_minor[sale] <= TOTAL_MINOR

    def is_up(self, shop: ShopSide) -> bool:
        return shop.state.location in self.chain.hub.state.reachable


def play(truth: Truth, step: tuple[object, ...]) -> None:
    chain = truth.chain
    shop = chain.shops[str(step[1])]
    reachable = chain.hub.state.reachable
    match step[0]:
        case "sell":
            outcome = shop.sell("tea", UNITS)
            if truth.is_up(shop):
                chain.sync(shop)
            if isinstance(outcome, Done):
                truth.sold(str(msgspec.json.decode(outcome.record)["id"]))
        case "order":
            placed = chain.hub.place({"tea": UNITS}, pickup=shop.state.location)
            if isinstance(placed, Done) and truth.is_up(shop):
                chain.sync(shop)
                order = order_in(placed)
                assert isinstance(shop.tell(order.id, EventType.COLLECTED), Done)
                chain.sync(shop)
                truth.sold(order.id)
        case "return" if truth.sales:
            sale = truth.sales[int(str(step[2])) % len(truth.sales)]
            truth.take_back(shop, sale, int(str(step[3])))
        case "unanswered" if truth.sales and truth.is_up(shop):
            # The hub gives the rights, its answer is lost, and the cells come by the feed.
            sale = truth.sales[int(str(step[2])) % len(truth.sales)]
            chain.claim(shop, sale, is_answered=False)
            chain.sync(shop)
        case "cut":
            reachable.discard(shop.state.location)
        case "connect":
            reachable.add(shop.state.location)
        case "send" if truth.is_up(shop):
            chain.send(shop, entries_max=1)
        case "restart":
            shop.restart()


@settings(max_examples=60)
@given(story=st.lists(steps, max_size=40))
def test_what_was_sold_comes_back_once_wherever_and_whenever(
    story: list[tuple[object, ...]],
) -> None:
    with TemporaryDirectory() as directory:
        chain = Chain(Path(directory), shops=SHOPS)
        chain.hub.put("tea", PRICE)
        chain.sync()
        for shop in chain.shops.values():
            assert isinstance(shop.receive(tea=60), Done)
        chain.sync()
        chain.hub.state.reachable.update(SHOPS)
        truth = Truth(chain)
        truth.sold(_first_sale(chain))
        chain.sync()
        for step in story:
            play(truth, step)

        chain.hub.state.reachable.update(SHOPS)
        chain.sync()
        for sale in truth.sales:
            for _ in range(UNITS - truth.came[sale]):
                truth.take_back(chain.shops["hillside"], sale, 1)
            chain.sync()
            assert truth.came[sale] == UNITS, "what is left comes back where it is brought"
            assert truth.paid_minor[sale] == TOTAL_MINOR
        assert audit(chain.hub.state.store, None).differences == []
        chain.close()


def _first_sale(chain: Chain) -> str:
    done = chain.shops["riverside"].sell("tea", UNITS)
    assert isinstance(done, Done), done
    return str(msgspec.json.decode(done.record)["id"])
