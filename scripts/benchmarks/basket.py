"""Benchmark ``basket``: pricing 20 lines against 50 promotions, in this process.

Two shops with 50 promotions each, of every kind: one where all of them reach the basket, which is
the worst that head office can do, and one where they are spread over a catalogue of 500 SKUs.
Against

    the limit of 1 ms, which is what a till can wait for without anybody noticing
    the same basket without promotions
    reading the same basket's request, which every sale has to do as well

Times are CPU time per basket, the best of rounds that alternate: what another program takes away
is not a property of the code.
"""

import datetime
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from retail.prices.price_lists import PriceBook, PriceList
from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.promotion_index import PromotionIndex
from retail.prices.promotions import (
    AmountOff,
    BundlePart,
    BundlePrice,
    BuyXGetY,
    Effect,
    OrderThreshold,
    Percentage,
    Promotion,
)
from retail.prices.sale_request import SaleRequest
from retail.prices.tax import TaxRate, TaxTable
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion
from scripts.benchmarks.figures import Better, Goal, Row

SKUS: Final = 500
LINES: Final = 20
PROMOTIONS: Final = 50
BASKETS: Final = 20
ROUNDS: Final = 15
LIMIT_US: Final = 1_000.0
NS_PER_US: Final = 1_000

TODAY: Final = datetime.date(2026, 11, 22)
OCCASION: Final = Occasion(
    channel="store",
    location="bench-store",
    local_time=datetime.datetime.combine(TODAY, datetime.time(12)),
)
TAXES: Final = TaxTable(
    [
        TaxRate(
            tax_class="standard",
            jurisdiction="EG",
            valid_from=TODAY,
            rate="0.15",
            inclusive=True,
        )
    ]
)

Say = Callable[[str], None]
Basket = list[tuple[Product, int]]


@dataclass(slots=True)
class Timed:
    """Something to do per basket, and how long a basket took in each round."""

    work: Callable[[int], object]
    rounds_us: list[float] = field(default_factory=list)

    def measure(self, baskets: int) -> None:
        """One round over all baskets."""
        begin = time.process_time_ns()
        for number in range(baskets):
            self.work(number)
        self.rounds_us.append((time.process_time_ns() - begin) / NS_PER_US / baskets)

    @property
    def best_us(self) -> float:
        """The round that was disturbed the least."""
        return min(self.rounds_us)


def run(say: Say) -> list[Row]:
    """Price and time; a few seconds."""
    dice = random.Random(1)  # noqa: S311  a benchmark wants the same baskets every time
    catalogue = [
        Product(
            sku=f"sku-{number:04d}",
            name=f"Product {number}",
            price_minor=dice.randint(50, 3_000),
            currency="USD",
        )
        for number in range(SKUS)
    ]
    baskets = [
        [(product, dice.randint(1, 4)) for product in dice.sample(catalogue, LINES)]
        for _ in range(BASKETS)
    ]
    spread = terms_of(promotions_on([product.sku for product in catalogue], dice))
    reaching = [
        terms_of(promotions_on([product.sku for product, _ in basket], dice)) for basket in baskets
    ]
    lists = Terms(occasion=OCCASION, prices=book_of(catalogue))
    requests = [request_of(basket) for basket in baskets]
    decode = msgspec.json.Decoder(SaleRequest).decode

    plain = Timed(lambda number: priced(baskets[number]))
    listed = Timed(lambda number: priced(baskets[number], lists))
    spread_out = Timed(lambda number: priced(baskets[number], spread))
    all_reach = Timed(lambda number: priced(baskets[number], reaching[number]))
    reading = Timed(lambda number: decode(requests[number]))
    say(f"basket: {ROUNDS} rounds of {BASKETS} baskets")
    for _ in range(ROUNDS):
        for timed in (plain, listed, spread_out, all_reach, reading):
            timed.measure(BASKETS)
    return rows_from(plain, listed, spread_out, all_reach, reading)


def rows_from(
    plain: Timed, listed: Timed, spread_out: Timed, all_reach: Timed, reading: Timed
) -> list[Row]:
    """The rows of a run; the goal is the limit of 1 ms."""
    limit = Goal(better=Better.LOWER, ratio=1.0)
    without, limit_is = "the same baskets without promotions", "the limit of 1 ms"
    request = "reading the same request (msgspec)"
    name = f"basket of {LINES}"
    fifty = f"{name}, {PROMOTIONS} promotions"

    def row(
        name: str, ours: Timed, baseline_us: float, baseline_is: str, goal: Goal | None = None
    ) -> Row:
        return Row(
            name=name,
            ours=ours.best_us,
            baseline=baseline_us,
            baseline_is=baseline_is,
            unit="us",
            goal=goal,
        )

    return [
        row(f"{fifty} that all reach it", all_reach, LIMIT_US, limit_is, limit),
        row(f"{fifty} that all reach it, relative", all_reach, plain.best_us, without),
        row(f"{fifty} on {SKUS} SKUs", spread_out, LIMIT_US, limit_is, limit),
        row(f"{fifty} on {SKUS} SKUs, relative", spread_out, plain.best_us, without),
        row(f"{name}, a price list", listed, plain.best_us, "the same baskets without a list"),
        row(f"{name}, nothing offered", plain, reading.best_us, request),
    ]


def priced(basket: Basket, terms: Terms | None = None) -> PricedBasket:
    """The basket's prices, which exist."""
    result = price_basket(basket, TAXES, "EG", TODAY, terms)
    assert isinstance(result, PricedBasket), result
    return result


def terms_of(promotions: Sequence[Promotion]) -> Terms:
    """The terms with these promotions, arranged as a program keeps them."""
    return Terms(occasion=OCCASION, promotions=PromotionIndex(promotions))


def promotions_on(skus: Sequence[str], dice: random.Random) -> list[Promotion]:
    """Promotions of every kind on some of these SKUs each, in three priorities."""
    kinds: list[Callable[[], Effect]] = [
        lambda: Percentage(skus=_some(skus, dice), off_bp=dice.randint(500, 5_000)),
        lambda: Percentage(skus=_some(skus, dice), off_bp=dice.randint(500, 5_000)),
        lambda: AmountOff(skus=_some(skus, dice), off_minor=dice.randint(10, 50)),
        lambda: BuyXGetY(skus=_some(skus, dice), buy_units=2, get_units=1),
        lambda: _bundle(skus, dice),
    ]
    promotions = [
        Promotion(
            id=f"p-{number:02d}",
            name=f"Promotion {number}",
            effect=kinds[number % len(kinds)](),
            currency="USD",
            priority=number % 3,
        )
        for number in range(PROMOTIONS - 5)
    ]
    everything = Percentage(skus="all", off_bp=300)
    promotions.append(Promotion(id="p-everything", name="Everything", effect=everything))
    promotions += [
        Promotion(
            id=f"p-order-{number}",
            name=f"Order {number}",
            effect=OrderThreshold(threshold_minor=5_000 * number, off_bp=100 * number),
            currency="USD",
        )
        for number in range(1, 5)
    ]
    assert len(promotions) == PROMOTIONS
    return promotions


def _some(skus: Sequence[str], dice: random.Random) -> tuple[str, ...]:
    return tuple(dice.sample(skus, dice.randint(3, 8)))


def _bundle(skus: Sequence[str], dice: random.Random) -> BundlePrice:
    first, second = dice.sample(skus, 2)
    parts = (BundlePart(skus=(first,)), BundlePart(skus=(second,)))
    return BundlePrice(parts=parts, price_minor=dice.randint(500, 1_500))


def book_of(catalogue: Sequence[Product]) -> PriceBook:
    """One list with a price for everything."""
    prices = {product.sku: product.price_minor - 1 for product in catalogue}
    return PriceBook([PriceList(id="one", name="One", currency="USD", prices=prices)])


def request_of(basket: Basket) -> bytes:
    """The request of a sale of that basket."""
    lines = [{"sku": product.sku, "quantity": quantity} for product, quantity in basket]
    tenders = [{"type": "cash", "amount_minor": 10_000}]
    return msgspec.json.encode({"register": "till-1", "lines": lines, "tenders": tenders})
