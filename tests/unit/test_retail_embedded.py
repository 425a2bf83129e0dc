"""Goal: a pattern that could mislead is refused, and a label says how much of a product it is for.

Method: tables of patterns with the words of their refusal; portions worked out by hand.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_hub.config import HubSettings
from retail.products.catalogue import QUANTITY_MAX, Product
from retail.products.embedded import Label, LabelTable, PatternUnfit, Portion, portion_of


def product(**fields: Any) -> Product:  # noqa: ANN401 - any JSON
    given = {"sku": "cheese", "name": "Cheese", "price_minor": 1_250, "currency": "USD", **fields}
    return msgspec.convert(given, Product)


CHEESE = product(price_per_quantity=1_000, unit="g")  # 12.50 a kilogram


@pytest.mark.parametrize(
    ("patterns", "why"),
    [
        (["IIIIIIIWWWWWC"], "does not begin with a digit"),
        (["21IIIIIIIIIIC"], "not one weight or one price"),
        (["21IIIIIPPWWWC"], "not one weight or one price"),
        (["21WWIIIIIWWWC"], "not one weight or one price"),
        (["21PPPPPPPPPPC"], "not one item number"),
        (["21IIIWWWWWIIC"], "not one item number"),
        (["21IIIII.PPPPC"], "a point that is not in its weight"),
        (["2.1IIIIIWWWWC"], "a point that is not in its weight"),
        (["21IIIIIWW.WWWWC"], "parts of a gram"),
        (["21IIIICWWWWWWC"], "neither 4 nor 5 digits"),
        (["21IIICWWWWCCC"], "more than two check digits"),
        (["21IIIIIWWWWWC", "2112IIIPPPPPC"], "may mean the same code"),
        (["21IIIIIWWWWWC", "21IIIIIWWWWWC"], "may mean the same code"),
        (["02IIIIIPPPPPC", "2IIIIIWWWWWC"], "may mean the same code"),
    ],
)
def test_a_pattern_that_could_mislead_is_refused(patterns: list[str], why: str) -> None:
    with pytest.raises(PatternUnfit, match=why):
        LabelTable(patterns)
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert({"data": Path(), "embedded_barcodes": patterns}, HubSettings)


def test_patterns_that_differ_in_a_digit_or_in_length_stand_side_by_side() -> None:
    LabelTable(["21IIIIIWWWWWC", "22IIIIIWWWWWC", "21IIIIWWWWC", "20IIIIICWWWWC"])


@pytest.mark.parametrize(
    ("pattern", "code", "grams"),
    [
        ("99IIWWWW", "99120345", 345),
        ("99IIW.WWW", "99120345", 345),
        ("99II.WWWW", None, None),
        ("99II.WWWX", "99123458", 345),
        ("99IIWW.WW", "99120345", 3_450),
        ("99IIWWW.W", "99120345", 34_500),
    ],
)
def test_a_point_says_where_kilograms_end(
    pattern: str, code: str | None, grams: int | None
) -> None:
    if code is None:
        with pytest.raises(PatternUnfit):
            LabelTable([pattern])
        return
    label = LabelTable([pattern]).match(code)

    assert label is not None
    assert label.weight_grams == grams


@pytest.mark.parametrize(
    ("label", "packs", "portion"),
    [
        (Label("k", 252, None), 1, Portion(252, None)),
        (Label("k", 252, None), 3, Portion(756, None)),
        (Label("k", None, 315), 1, Portion(252, 315)),  # 3.15 / 12.50 a kg = 0.252 kg
        (Label("k", None, 199), 1, Portion(159, 199)),  # 159.2 g
        (Label("k", None, 199), 2, Portion(318, 398)),  # 318.4 g
        (Label("k", None, 1), 1, Portion(1, 1)),  # 0.8 g, and never less than one
    ],
)
def test_how_much_a_label_is_for(label: Label, packs: int, portion: Portion) -> None:
    assert portion_of(label, CHEESE, packs) == portion


def test_a_price_of_goods_by_the_piece_counts_pieces() -> None:
    rolls = product(price_minor=40)

    assert portion_of(Label("k", None, 240), rolls) == Portion(6, 240)
    assert portion_of(Label("k", None, 250), rolls) == Portion(6, 250)  # the price stands


def test_there_is_no_telling_how_much_of_what_costs_nothing_or_next_to_nothing() -> None:
    free = product(price_minor=0)
    cheap = product(price_minor=1, price_per_quantity=QUANTITY_MAX)

    assert portion_of(Label("k", None, 199), free) is None
    assert portion_of(Label("k", None, 199), cheap) is None
    assert portion_of(Label("k", 99_999, None), CHEESE, QUANTITY_MAX) is None
    assert portion_of(Label("k", 5, None), free) == Portion(5, None)
