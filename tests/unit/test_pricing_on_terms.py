"""Goal: terms change what they say they change, and a line tells what came off and what its tax is.

Method: one or two lines in a small shop, each with its arithmetic written out.
"""

from retail.prices.discounts import ManualDiscount
from retail.prices.pricing import PricedBasket, Terms, price_basket
from retail.prices.promotion_index import PromotionIndex
from retail.prices.tax import EXEMPT
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion
from retail.selling.sales import LineDiscount, SaleLine
from tests.promotion_samples import (
    NOON,
    TODAY,
    amount,
    buy_get,
    goods,
    off,
    offer,
    percentage,
    priced,
    taxes,
    threshold,
)


def test_a_line_says_what_came_off_and_why_and_is_taxed_on_the_rest() -> None:
    """2.99 less 15 % (0.45) is 2.54, less 5 % by hand (0.127, so 0.13) is 2.41.

    Of that, 15/115 is 0.3143 tax.
    """
    by_hand = ManualDiscount(reason="dented tin", off_bp=500)

    result = priced(
        [("tea", 1)], [offer("autumn", percentage(1500))], manual=(by_hand,), role="cashier"
    )

    assert result.lines == (
        SaleLine(
            sku="tea",
            name="tea",
            quantity=1,
            unit_price_minor=299,
            discounts=(
                LineDiscount(promotion="autumn", name="Autumn", amount_minor=45),
                LineDiscount(promotion=None, name="dented tin", amount_minor=13),
            ),
            net_minor=210,
            tax_class="standard",
            tax_rate="0.15",
            tax_minor=31,
            total_minor=241,
        ),
    )
    assert result.promotions == ("autumn",)


def test_where_prices_are_without_tax_the_discount_lowers_the_net() -> None:
    """10.00 less 20 % is 8.00, and 15 % on it is 1.20."""
    result = priced(
        [("mug", 1)], [offer("a", percentage(2000))], taxes=taxes("0.15", inclusive=False)
    )

    assert (result.net_minor, result.tax_minor, result.total_minor) == (800, 120, 920)


def test_the_tax_of_three_times_2_99_at_4_per_cent_per_line_and_per_total() -> None:
    """Per line 11.5 cents are 12, three times; per total 34.5 cents are 35, and one line has 11."""
    basket = [("tea", 1)] * 3

    per_line = priced(basket, [], taxes=taxes("0.04"))
    per_total = priced(basket, [], taxes=taxes("0.04"), tax_rounding="total")

    assert [line.tax_minor for line in per_line.lines] == [12, 12, 12]
    assert [line.net_minor for line in per_line.lines] == [287, 287, 287]
    assert [line.tax_minor for line in per_total.lines] == [12, 12, 11]
    assert (per_total.tax_minor, per_total.net_minor, per_total.total_minor) == (35, 862, 897)


def test_exempt_and_zero_rated_cost_the_same_and_are_told_apart() -> None:
    exempt, zero = (priced([("mug", 1)], [], taxes=taxes(rate)) for rate in (EXEMPT, "0"))

    assert [line.tax_rate for line in (*exempt.lines, *zero.lines)] == ["exempt", "0"]
    assert exempt.tax_minor == zero.tax_minor == 0
    assert exempt.total_minor == zero.total_minor == 1000


def test_what_is_used_up_gives_nothing() -> None:
    promotions = [offer("a", percentage(1000)), offer("b", threshold(0, off_minor=50))]

    result = priced([("mug", 1)], promotions, used_up=frozenset({"a"}))

    assert off(result) == [50]
    assert result.promotions == ("b",)


def test_what_is_printed_on_the_goods_is_what_comes_down_and_is_no_unit_of_a_group() -> None:
    """Labels of 4.00 on a 10.00 mug and of 2.00: 25 % off each; two mugs would be buy 1 get 1."""
    promotions = [offer("a", percentage(2500, "mug")), offer("b", buy_get(1, 1, "mug"))]

    result = priced([("mug", 1), ("mug", 1)], promotions, amounts_minor=(400, 200))

    assert off(result) == [100, 50]
    assert result.total_minor == 450


def test_an_offer_in_another_currency_is_none() -> None:
    result = priced([("mug", 1)], [offer("a", amount(100, "mug"), currency="EUR")])

    assert off(result) == [0]


def test_of_two_that_cost_the_same_the_cent_is_the_sames_whoever_is_scanned_first() -> None:
    """1 cent off two lines of 2.99, and 11.5 cents of tax twice: both go to the tea."""
    box = Product(sku="tin", name="tin", price_minor=299, currency="USD")
    lines = [(goods("tea"), 1), (box, 1)]
    cent = PromotionIndex([offer("a", threshold(0, off_minor=1))])
    occasion = Occasion(channel="store", location="riverside", local_time=NOON)

    for scanned in (lines, lines[::-1]):
        reduced = price_basket(
            scanned, taxes("0.04"), "EG", TODAY, Terms(occasion=occasion, promotions=cent)
        )
        taxed = price_basket(
            scanned, taxes("0.04"), "EG", TODAY, Terms(occasion=occasion, tax_rounding="total")
        )
        assert isinstance(reduced, PricedBasket)
        assert isinstance(taxed, PricedBasket)
        assert {line.sku: line.total_minor for line in reduced.lines} == {"tea": 298, "tin": 299}
        assert {line.sku: line.tax_minor for line in taxed.lines} == {"tea": 12, "tin": 11}


def test_labels_that_differ_tell_two_of_the_same_apart() -> None:
    """2 cents off labels of 1.00 and 3.00 are 0.5 and 1.5: the half goes to the smaller label."""
    cents = [offer("a", threshold(0, off_minor=2))]

    for labels in ((100, 300), (300, 100)):
        result = priced([("mug", 1), ("mug", 1)], cents, amounts_minor=labels)
        assert sorted(line.total_minor for line in result.lines) == [99, 299]


def test_of_two_that_are_alike_it_does_not_matter_which_one_is_marked_down_by_hand() -> None:
    """A cent off both, then half off one: 10.00 - 5.00 and 9.99, or 9.99 - 5.00 and 10.00?"""
    cent = [offer("a", threshold(0, off_minor=1))]

    first, second = (
        priced(
            [("mug", 1), ("mug", 1)],
            cent,
            manual=(ManualDiscount(reason="dented", line=line, off_bp=5000),),
            role="manager",
        )
        for line in (0, 1)
    )

    assert [line.total_minor for line in first.lines] == [500, 999]
    assert [line.total_minor for line in second.lines] == [999, 500]
