"""Goal: with any promotions, discounts by hand and rounding of the tax, P1 to P5 and D1 to D3 hold.

Method: Hypothesis fills baskets in currencies of no, two and three decimals, and writes promotions
of every kind; the basket is priced as it came and in another order, and added up by the test.
"""

import datetime
import random
from collections import Counter, defaultdict
from fractions import Fraction
from math import floor
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from retail.money import exponent
from retail.prices.discounts import ManualDiscount
from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.promotion_index import PromotionIndex
from retail.prices.promotions import (
    AmountOff,
    BundlePart,
    BundlePrice,
    BuyXGetY,
    OrderThreshold,
    Percentage,
    Promotion,
)
from retail.prices.tax import EXEMPT, TaxRate, TaxTable
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion
from retail.selling.sales import SaleLine

TODAY = datetime.date(2026, 11, 22)
OCCASION = Occasion(
    channel="store",
    location="riverside",
    local_time=datetime.datetime.fromisoformat("2026-11-22T12:00:00"),
)
RATES = ("0", "0.04", "0.05", "0.15", "0.0825", "1.5", EXEMPT)
TABLES = {
    inclusive: TaxTable(
        TaxRate(
            tax_class=f"c{number}",
            jurisdiction="EG",
            valid_from=TODAY,
            rate=rate,
            inclusive=inclusive,
        )
        for number, rate in enumerate(RATES)
    )
    for inclusive in (True, False)
}
CURRENCIES = ("JPY", "USD", "KWD")
assert {exponent(currency) for currency in CURRENCIES} == {0, 2, 3}

SKUS = ("tea", "mug", "jam", "gouda")
some_skus = st.lists(st.sampled_from(SKUS), min_size=1, max_size=3, unique=True).map(tuple)
reach = st.one_of(st.just("all"), some_skus)
off_bp = st.integers(1, 10_000)
off_minor = st.integers(1, 400)
effects = st.one_of(
    st.builds(Percentage, skus=reach, off_bp=off_bp),
    st.builds(AmountOff, skus=reach, off_minor=off_minor),
    st.builds(
        BuyXGetY, skus=reach, buy_units=st.integers(1, 2), get_units=st.integers(1, 2),
        off_bp=off_bp,
    ),
    st.builds(
        BundlePrice,
        parts=st.tuples(st.builds(BundlePart, skus=some_skus, units=st.integers(1, 3))),
        price_minor=st.integers(0, 500),
    ),
    st.builds(
        OrderThreshold, threshold_minor=st.integers(0, 1000), off_bp=off_bp, skus=reach
    ),
    st.builds(
        OrderThreshold, threshold_minor=st.integers(0, 1000), off_minor=off_minor, skus=reach
    ),
)  # fmt: skip


class Case(NamedTuple):
    """A basket and everything that it is priced by."""

    basket: list[tuple[Product, int]]
    promotions: list[Promotion]
    manual: tuple[ManualDiscount, ...]
    printed: tuple[int | None, ...]
    inclusive: bool
    per_total: bool

    def priced(self) -> PricedBasket:
        """The prices, which exist."""
        terms = Terms(
            occasion=OCCASION,
            promotions=PromotionIndex(self.promotions),
            amounts_minor=self.printed,
            manual=self.manual,
            role="manager",
            tax_rounding="total" if self.per_total else "line",
        )
        result = price_basket(self.basket, TABLES[self.inclusive], "EG", TODAY, terms)
        assert isinstance(result, PricedBasket), result
        return result


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A basket of up to eight lines with up to six promotions."""
    currency = draw(st.sampled_from(CURRENCIES))
    shelf = {
        sku: Product(
            sku=sku,
            name=sku,
            price_minor=draw(st.sampled_from((0, 1, 5, 99, 100, 299)) | st.integers(0, 400)),
            currency=currency,
            tax_class=f"c{draw(st.integers(0, len(RATES) - 1))}",
            price_per_quantity=1000 if sku == "gouda" else 1,
        )
        for sku in SKUS
    }
    skus = draw(st.lists(st.sampled_from(SKUS), min_size=1, max_size=8))
    basket = [
        (shelf[sku], draw(st.integers(1, 2000) if sku == "gouda" else st.integers(1, 4)))
        for sku in skus
    ]
    promotions = [
        Promotion(
            id=f"p{place}",
            name="x",
            effect=effect,
            currency=draw(st.sampled_from((currency, currency, "EUR"))),
            priority=draw(st.integers(0, 1)),
        )
        for place, effect in enumerate(draw(st.lists(effects, max_size=6)))
    ]
    lines = st.none() | st.integers(0, len(basket) - 1)
    manual = draw(
        st.lists(
            st.builds(ManualDiscount, reason=st.just("dented"), line=lines, off_bp=off_bp),
            max_size=2,
        )
    )
    labels = st.none() | st.integers(0, 400)
    printed = tuple(draw(labels) for _ in basket) if draw(st.booleans()) else ()
    return Case(
        basket, promotions, tuple(manual), printed, draw(st.booleans()), draw(st.booleans())
    )


def nearest(value: Fraction) -> int:
    """Rounded half up; the value is not negative."""
    return floor(value + Fraction(1, 2))


def due(line: SaleLine, *, inclusive: bool) -> int:
    """What is left of the line's amount, as priced."""
    return line.total_minor if inclusive else line.net_minor


def came_off(line: SaleLine) -> int:
    """All discounts of a line."""
    return sum(one.amount_minor for one in line.discounts)


@given(cases())
def test_lines_and_sums_match_and_nothing_is_negative(case: Case) -> None:
    result = case.priced()

    printed = case.printed or (None,) * len(case.basket)
    for (product, quantity), label, line in zip(case.basket, printed, result.lines, strict=True):
        assert (line.sku, line.quantity) == (product.sku, quantity)
        assert line.unit_price_minor == product.price_minor
        assert min(line.net_minor, line.tax_minor, line.total_minor) >= 0
        assert line.net_minor + line.tax_minor == line.total_minor
        amount = nearest(Fraction(product.price_minor * quantity, product.price_per_quantity))
        if label is not None:
            amount = label
        assert amount == due(line, inclusive=case.inclusive) + came_off(line)
        ids = [one.promotion for one in line.discounts if one.promotion is not None]
        assert len(ids) == len(set(ids))
    assert result.net_minor == sum(line.net_minor for line in result.lines)
    assert result.tax_minor == sum(line.tax_minor for line in result.lines)
    assert result.total_minor == sum(line.total_minor for line in result.lines)
    assert result.total_minor == result.net_minor + result.tax_minor
    named = {one.promotion for line in result.lines for one in line.discounts} - {None}
    assert set(result.promotions) == named


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_scanning_does_not_matter(case: Case, dice: random.Random) -> None:
    order = list(range(len(case.basket)))
    dice.shuffle(order)
    place_of = {number: place for place, number in enumerate(order)}
    moved = case._replace(
        basket=[case.basket[number] for number in order],
        promotions=case.promotions[::-1],
        printed=tuple(case.printed[number] for number in order) if case.printed else (),
        manual=tuple(
            ManualDiscount(
                reason=one.reason,
                off_bp=one.off_bp,
                line=None if one.line is None else place_of[one.line],
            )
            for one in case.manual
        ),
    )

    first, second = case.priced(), moved.priced()

    assert Counter(first.lines) == Counter(second.lines)
    assert first.total_minor == second.total_minor
    assert first.tax_minor == second.tax_minor
    assert set(first.promotions) == set(second.promotions)


@given(cases())
def test_pieces_on_one_line_or_on_many_are_discounted_alike(case: Case) -> None:
    """Weighed goods are another matter: each weighing is rounded by itself."""
    pieces = [line for line in case.basket if line[0].price_per_quantity == 1]
    merged: dict[str, tuple[Product, int]] = {}
    for product, quantity in pieces:
        merged[product.sku] = (product, quantity + merged.get(product.sku, (product, 0))[1])
    if not pieces:
        return
    split = case._replace(basket=pieces, manual=(), printed=()).priced()
    whole = case._replace(basket=list(merged.values()), manual=(), printed=()).priced()

    def by_promotion(result: PricedBasket) -> Counter[str | None]:
        totals = Counter[str | None]()
        for line in result.lines:
            for one in line.discounts:
                totals[one.promotion] += one.amount_minor
        return totals

    assert by_promotion(split) == by_promotion(whole)


@given(cases())
def test_tax_on_the_total_is_rounded_once_per_rate(case: Case) -> None:
    result = case._replace(per_total=True).priced()

    amounts: dict[str, int] = defaultdict(int)
    taxes: dict[str, int] = defaultdict(int)
    for line in result.lines:
        amounts[line.tax_rate] += due(line, inclusive=case.inclusive)
        taxes[line.tax_rate] += line.tax_minor
        share = Fraction(0 if line.tax_rate == EXEMPT else line.tax_rate)
        exact = share / (1 + share) if case.inclusive else share
        assert abs(line.tax_minor - due(line, inclusive=case.inclusive) * exact) < 2
    for rate, amount in amounts.items():
        share = Fraction(0 if rate == EXEMPT else rate)
        exact = share / (1 + share) if case.inclusive else share
        assert taxes[rate] == nearest(amount * exact)


@given(cases())
def test_tax_on_the_line_is_on_what_is_due(case: Case) -> None:
    result = case._replace(per_total=False).priced()

    for line in result.lines:
        share = Fraction(0 if line.tax_rate == EXEMPT else line.tax_rate)
        exact = share / (1 + share) if case.inclusive else share
        assert line.tax_minor == nearest(due(line, inclusive=case.inclusive) * exact)


@given(cases())
def test_no_promotion_makes_a_basket_dearer_than_none(case: Case) -> None:
    with_all = case._replace(manual=()).priced()
    without = case._replace(promotions=[], manual=()).priced()

    for line, plain in zip(with_all.lines, without.lines, strict=True):
        assert due(line, inclusive=case.inclusive) <= due(plain, inclusive=case.inclusive)


@given(cases(), st.builds(OrderThreshold, threshold_minor=st.integers(0, 1000), off_bp=off_bp))
def test_one_more_order_promotion_of_the_same_priority_never_costs_more(
    case: Case, effect: OrderThreshold
) -> None:
    plain = [
        Promotion(id=one.id, name=one.name, effect=one.effect, currency=one.currency, priority=0)
        for one in case.promotions
    ]
    one_more = Promotion(id="more", name="x", effect=effect)
    before = case._replace(promotions=plain, manual=()).priced()
    after = case._replace(promotions=[*plain, one_more], manual=()).priced()

    def paid(result: PricedBasket) -> int:
        return sum(due(line, inclusive=case.inclusive) for line in result.lines)

    assert paid(after) <= paid(before)


def test_one_more_line_promotion_may_cost_more_by_missing_an_order_promotion() -> None:
    """10.00 - 3.00 is 7.00; with 20 % off first, 8.00 does not reach the threshold."""
    mug = Product(sku="mug", name="Mug", price_minor=1000, currency="USD", tax_class="c0")
    order = Promotion(
        id="order",
        name="x",
        effect=OrderThreshold(threshold_minor=1000, off_minor=300),
        currency="USD",
    )
    line = Promotion(id="line", name="x", effect=Percentage(skus="all", off_bp=2000))
    case = Case([(mug, 1)], [order], (), (), inclusive=True, per_total=False)

    assert case.priced().total_minor == 700
    assert case._replace(promotions=[order, line]).priced().total_minor == 800
