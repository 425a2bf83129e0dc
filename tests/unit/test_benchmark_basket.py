"""Goal: the benchmark of pricing prices what it says, and is held against the stated limit.

Method: its promotions and baskets are counted; rows are made of rounds that are written down.
"""

import random

from retail.prices.promotion_index import PromotionIndex
from retail.products.catalogue import Product
from scripts.benchmarks import basket
from scripts.benchmarks.basket import LINES, PROMOTIONS, Timed


def timed(*rounds_us: float) -> Timed:
    """Rounds as if they had been measured."""
    return Timed(lambda _: None, list(rounds_us))


def test_fifty_promotions_of_every_kind_reach_the_basket() -> None:
    skus = [f"sku-{number}" for number in range(LINES)]

    promotions = basket.promotions_on(skus, random.Random(1))  # noqa: S311

    index = PromotionIndex(promotions)
    reaching = {reach.promotion.id for sku in skus for reach in index.reaching(sku)}
    reaching |= {promotion.id for promotion in index.orders}
    assert len(promotions) == len(reaching) == PROMOTIONS
    assert len({type(promotion.effect) for promotion in promotions}) == 5
    assert len({promotion.priority for promotion in promotions}) == 3


def test_what_is_priced_has_discounts() -> None:
    dice = random.Random(1)  # noqa: S311
    lines = [
        (Product(sku=f"sku-{number}", name="x", price_minor=1_000, currency="USD"), 2)
        for number in range(LINES)
    ]
    terms = basket.terms_of(basket.promotions_on([line.sku for line, _ in lines], dice))

    plain, reduced = basket.priced(lines), basket.priced(lines, terms)

    assert reduced.total_minor < plain.total_minor
    assert all(line.discounts for line in reduced.lines)


def test_a_row_is_its_best_round_against_the_limit() -> None:
    rows = basket.rows_from(
        timed(12, 10), timed(40), timed(200), timed(1_300, 1_100, 1_200), timed(20)
    )

    by_ratio = {row.name: (row.ours, row.ratio, row.verdict) for row in rows}
    fifty = "basket of 20, 50 promotions"
    assert by_ratio[f"{fifty} that all reach it"] == (1_100, 1.1, "missed")
    assert by_ratio[f"{fifty} on 500 SKUs"] == (200, 0.2, "met")
    assert by_ratio[f"{fifty} that all reach it, relative"] == (1_100, 110, "")
    assert by_ratio["basket of 20, nothing offered"] == (10, 0.5, "")


def test_every_round_prices_every_basket() -> None:
    priced: list[int] = []
    one = Timed(priced.append)

    one.measure(3)
    one.measure(3)

    assert priced == [0, 1, 2, 0, 1, 2]
    assert len(one.rounds_us) == 2
