"""Goal: a product that is stored can be sold, and a basket takes exactly what it takes.

Method: bodies as JSON, as they come in at the door; bundles by example.
"""

from typing import Any

import msgspec
import pytest

from retail.products.catalogue import (
    BARCODES_MAX,
    PRICE_MINOR_MAX,
    QUANTITY_MAX,
    BundleLine,
    Product,
    ProductBody,
    Sku,
    archived_part,
    check_bundle,
    check_product,
    demand,
    with_sku,
)


def body(**fields: Any) -> ProductBody:  # noqa: ANN401 - any JSON
    """A product's body out of JSON, with what must be there filled in."""
    given = {"name": "Tea", "price_minor": 345, "currency": "USD", **fields}
    return msgspec.json.decode(msgspec.json.encode(given), type=ProductBody)


def product(sku: str, **fields: Any) -> Product:  # noqa: ANN401 - any JSON
    """A product, with what must be there filled in."""
    return with_sku(body(**fields), sku)


def test_a_body_needs_name_price_and_currency_and_has_defaults_for_the_rest() -> None:
    tea = product("tea")

    assert (tea.sku, tea.tax_class, tea.stock_policy, tea.price_per_quantity) == (
        "tea",
        "standard",
        "strict",
        1,
    )
    assert (tea.barcodes, tea.safety_stock, tea.variant, tea.bundle) == ((), 0, None, ())


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 201},
        {"price_minor": -1},
        {"price_minor": 1.5},
        {"price_minor": PRICE_MINOR_MAX + 1},
        {"currency": "usd"},
        {"currency": "USD\n"},
        {"tax_class": "Standard Rate"},
        {"barcodes": [""]},
        {"barcodes": ["4006381\n"]},
        {"barcodes": ["1" * 65]},
        {"barcodes": [str(n) for n in range(BARCODES_MAX + 1)]},
        {"safety_stock": -1},
        {"safety_stock": QUANTITY_MAX + 1},
        {"stock_policy": "lenient"},
        {"price_per_quantity": 0},
        {"variant": {"": "red"}},
        {"bundle": [{"sku": "tea", "quantity": 0}]},
        {"colour": "red"},
    ],
)
def test_a_body_outside_the_limits_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        body(**fields)


@pytest.mark.parametrize("sku", ["a", "tea-250", "Tee grün", "شاي", "a.b", "...", "x" * 64])
def test_a_printable_text_is_a_sku(sku: str) -> None:
    assert msgspec.convert(sku, Sku) == sku


@pytest.mark.parametrize(
    "sku",
    ["", " a", "a ", "a\n", "a\tb", "a/b", "a;b", ".", "..", "a\u200bb", "\u00a0a", "x" * 65],
)
def test_a_text_that_breaks_an_address_or_looks_like_another_is_no_sku(sku: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(sku, Sku)


def test_a_good_product_has_no_problem() -> None:
    assert check_product(body(barcodes=["4006381333931", "96385074", "loose-tea"])) == []


def test_an_unknown_currency_is_an_error() -> None:
    (problem,) = check_product(body(currency="ZZZ"))

    assert (problem.field, problem.severity) == ("currency", "error")


def test_one_gtin_in_two_lengths_is_a_duplicate() -> None:
    (problem,) = check_product(body(barcodes=["012345678905", "0012345678905"]))

    assert (problem.field, problem.severity) == ("barcodes[1]", "error")
    assert "barcodes[0]" in problem.detail


def test_a_wrong_check_digit_is_kept_with_a_warning() -> None:
    (problem,) = check_product(body(barcodes=["4006381333932"]))

    assert (problem.field, problem.severity) == ("barcodes[0]", "warning")


@pytest.mark.parametrize("barcode", ["   ", "]E0"])
def test_a_blank_barcode_is_an_error(barcode: str) -> None:
    (problem,) = check_product(body(barcodes=[barcode]))

    assert problem.severity == "error"


def test_a_bundle_is_made_of_known_plain_products_in_its_currency() -> None:
    catalogue = {
        "tea": product("tea"),
        "set": product("set", bundle=[{"sku": "tea", "quantity": 1}]),
        "gahwa": product("gahwa", currency="KWD"),
    }
    wanted = ["tea", "hamper", "set", "gahwa", "sugar"]
    hamper = body(bundle=[{"sku": sku, "quantity": 1} for sku in wanted])

    problems = check_bundle("hamper", hamper, catalogue)

    assert [problem.field for problem in problems] == [
        "bundle[1]",
        "bundle[2]",
        "bundle[3]",
        "bundle[4]",
    ]
    assert check_bundle("set", catalogue["set"], catalogue) == []


def test_a_component_of_a_bundle_becomes_none() -> None:
    catalogue = {"tea": product("tea"), "cup": product("cup")}
    parts = [{"sku": "cup", "quantity": 1}]

    (problem,) = check_bundle("tea", body(bundle=parts), catalogue, ["set", "hamper"])

    assert (problem.field, problem.severity) == ("bundle", "error")
    assert "tea is a component of set" in problem.detail
    assert check_bundle("tea", body(), catalogue, ["set"]) == []


def test_only_an_archived_bundle_has_an_archived_component() -> None:
    catalogue = {"tea": product("tea", archived=True)}
    parts = [{"sku": "tea", "quantity": 1}]

    (problem,) = check_bundle("set", body(bundle=parts), catalogue)

    assert (problem.field, problem.detail) == ("bundle[0]", "tea is archived and is sold no more")
    assert check_bundle("set", body(bundle=parts, archived=True), catalogue) == []


def test_what_is_archived_or_has_an_archived_component_is_sold_no_more() -> None:
    tea, old = product("tea"), product("old", archived=True)
    catalogue = {"tea": tea, "old": old}
    gift = product("gift", bundle=[{"sku": "tea", "quantity": 2}, {"sku": "old", "quantity": 1}])

    assert archived_part(tea, catalogue) is None
    assert archived_part(old, catalogue) == "old"
    assert archived_part(gift, catalogue) == "old"
    assert archived_part(product("set", bundle=[{"sku": "tea", "quantity": 1}]), catalogue) is None


def test_lines_of_one_sku_and_bundles_that_share_it_are_summed() -> None:
    tea, cup = product("tea"), product("cup")
    gift = product("gift", bundle=[{"sku": "tea", "quantity": 2}, {"sku": "cup", "quantity": 1}])
    catalogue = {each.sku: each for each in (tea, cup, gift)}

    units = demand([(tea, 1), (gift, 3), (tea, 4), (cup, 1)], catalogue)

    assert units == {"tea": 11, "cup": 4}


def test_untracked_products_take_nothing_from_stock_alone_or_in_a_bundle() -> None:
    bag = product("bag", stock_policy="untracked")
    gift = product("gift", bundle=[{"sku": "bag", "quantity": 1}, {"sku": "tea", "quantity": 1}])

    assert demand([(bag, 2), (gift, 1)], {"bag": bag, "tea": product("tea")}) == {"tea": 1}


def test_a_component_that_is_not_known_here_is_demanded_all_the_same() -> None:
    gift = product("gift", stock_policy="untracked", bundle=[{"sku": "tea", "quantity": 2}])

    assert demand([(gift, 2)], {}) == {"tea": 4}


def test_a_bundles_component_is_not_exploded_again() -> None:
    inner = product("inner", bundle=[{"sku": "tea", "quantity": 1}])
    outer = product("outer", bundle=[{"sku": "inner", "quantity": 1}])

    assert demand([(outer, 1)], {"inner": inner}) == {"inner": 1}


def test_a_product_comes_back_from_json_as_it_was() -> None:
    gift = product("gift", variant={"size": "L"}, bundle=[{"sku": "tea", "quantity": 2}])

    assert msgspec.json.decode(msgspec.json.encode(gift), type=Product) == gift
    assert gift.bundle == (BundleLine(sku="tea", quantity=2),)
