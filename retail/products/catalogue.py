"""What is sold: products, their limits, and how many units of which SKU a basket takes from stock.

A product is written at the hub (`ProductBody` is the body of its PUT) and read everywhere
(`Product` has the SKU in it). Quantities are ints in base units: pieces, or grams for goods that
are weighed. A price is for `price_per_quantity` base units: 1 for pieces, 1000 for a price per kg.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from retail.money import EXPONENTS, CurrencyCode
from retail.products.barcodes import GTIN_LENGTHS, has_valid_check_digit, index_key

QUANTITY_MAX: Final = 1_000_000_000
"""Base units in one line or one floor: a thousand tonnes in grams, and below 2**31."""

PRICE_MINOR_MAX: Final = 10**12
"""Ten thousand million in a currency of two decimals: above any shelf, below overflow."""

BARCODES_MAX: Final = 50
BUNDLE_LINES_MAX: Final = 50
VARIANT_OPTIONS_MAX: Final = 20
LANGUAGES_MAX: Final = 20
CATEGORIES_MAX: Final = 20
IMAGES_MAX: Final = 20
STANDARD_TAX_CLASS: Final = "standard"

_UNSEEN: Final = (
    r"\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
)
"""Controls, separators and characters without width: two SKUs that look alike must be alike."""

# (?![\s\S]) is the end of the text in Python and in ECMA 262 alike; Python's $ lets a newline by.
SKU_PATTERN: Final = (
    rf"^(?!\.{{1,2}}(?![\s\S]))[^\s/;{_UNSEEN}](?:[^/;{_UNSEEN}]*[^\s/;{_UNSEEN}])?(?![\s\S])"
)
"""Printable, no space at its ends, no `/` or `;`, and not the `.` or `..` that URLs swallow."""

Sku = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=SKU_PATTERN,
        description="a SKU (printable, without / and ;)",
    ),
]
Quantity = Annotated[int, Meta(ge=1, le=QUANTITY_MAX)]
Barcode = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=rf"^[^{_UNSEEN}]+(?![\s\S])",
        description="a barcode of characters that can be seen",
    ),
]
TaxClass = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9][a-z0-9_-]{0,31}(?![\s\S])",
        description="a tax class: small letters, digits, - and _",
    ),
]
StockPolicy = Literal["strict", "tolerant", "untracked"]
Unit = Literal["piece", "g", "ml", "cm"]
"""What one base unit is: a price per kg is a price for 1000 g."""

Language = Annotated[
    str,
    Meta(pattern=r"^[a-z]{2,3}(?:-[A-Z]{2})?(?![\s\S])", description="a language like ar or en-GB"),
]
"""A language tag such as `ar` or `pt-BR` (BCP 47, language and region)."""

ProductName = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=r"\S", description="some words")
]
Description = Annotated[str, Meta(max_length=4_000)]
Category = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=rf"^[^{_UNSEEN}]+(?![\s\S])",
        description="a category of characters that can be seen",
    ),
]
ImageReference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=rf"^[^\s{_UNSEEN}]+(?![\s\S])",
        description="an address without spaces",
    ),
]
"""A URL or path; the picture itself is kept elsewhere."""


class BundleLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A component of a bundle: `quantity` base units of `sku` in each unit of the bundle."""

    sku: Sku
    quantity: Quantity


class Translation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a product is called in another language; an empty description falls back."""

    name: ProductName
    description: Description = ""


class ProductBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A product as head office writes it; its SKU is in the address.

    Limits that one field can show are in the annotations; `check_product` and `check_bundle` have
    the rest, and the door calls both before it stores. An `archived` product is sold no more and
    can still be returned and counted; a `draft` was added by a store in a hurry, and head office
    completes it.
    """

    name: ProductName
    price_minor: Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)]
    currency: CurrencyCode
    tax_class: TaxClass = STANDARD_TAX_CLASS
    barcodes: Annotated[tuple[Barcode, ...], Meta(max_length=BARCODES_MAX)] = ()
    safety_stock: Annotated[int, Meta(ge=0, le=QUANTITY_MAX)] = 0
    stock_policy: StockPolicy = "strict"
    price_per_quantity: Quantity = 1
    description: Description = ""
    variant: (
        Annotated[
            dict[
                Annotated[str, Meta(min_length=1, max_length=64)],
                Annotated[str, Meta(min_length=1, max_length=200)],
            ],
            Meta(max_length=VARIANT_OPTIONS_MAX),
        ]
        | None
    ) = None
    bundle: Annotated[tuple[BundleLine, ...], Meta(max_length=BUNDLE_LINES_MAX)] = ()
    translations: Annotated[dict[Language, Translation], Meta(max_length=LANGUAGES_MAX)] = {}
    categories: Annotated[tuple[Category, ...], Meta(max_length=CATEGORIES_MAX)] = ()
    images: Annotated[tuple[ImageReference, ...], Meta(max_length=IMAGES_MAX)] = ()
    unit: Unit = "piece"
    cost_minor: Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)] | None = None
    archived: bool = False
    draft: bool = False


class Product(ProductBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A product with its SKU: what registers look up and pricing reads."""

    sku: Sku


def name_in(product: ProductBody, language: str) -> str:
    """The product's name in a language (`ar`, or `ar-EG` before `ar`), else its own."""
    for tag in (language, language.partition("-")[0]):
        if (translation := product.translations.get(tag)) is not None:
            return translation.name
    return product.name


def with_sku(body: ProductBody, sku: str) -> Product:
    """The body as the product of that SKU. The caller has checked the SKU against `Sku`."""
    return Product(sku=sku, **msgspec.structs.asdict(body))


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something in a product that its fields alone could not show; an error is not to be stored."""

    field: str
    severity: Literal["error", "warning"]
    detail: str


def check_product(body: ProductBody) -> list[Problem]:
    """What is wrong with the product by itself; empty when nothing is.

    A code that has a GTIN's length and a wrong check digit only warns: it is kept as plain text.
    """
    problems = []
    if body.currency not in EXPONENTS:
        problems.append(
            Problem(
                field="currency",
                severity="error",
                detail=f"{body.currency} is not an active ISO 4217 currency",
            )
        )
    problems.extend(_check_barcodes(body.barcodes))
    return problems


def _check_barcodes(barcodes: tuple[str, ...]) -> Iterable[Problem]:
    seen: dict[str, str] = {}
    for position, barcode in enumerate(barcodes):
        field = f"barcodes[{position}]"
        key = index_key(barcode)
        if not key.strip():
            yield Problem(field=field, severity="error", detail="the barcode is blank")
        elif (first := seen.setdefault(key, field)) != field:
            yield Problem(
                field=field, severity="error", detail=f"{barcode} is the same barcode as {first}"
            )
        elif _looks_like_gtin(barcode) and key == barcode and not has_valid_check_digit(barcode):
            yield Problem(
                field=field,
                severity="warning",
                detail=f"the check digit of {barcode} is wrong: kept as plain text",
            )


def _looks_like_gtin(barcode: str) -> bool:
    return len(barcode) in GTIN_LENGTHS and barcode.isascii() and barcode.isdecimal()


def check_bundle(
    sku: str,
    body: ProductBody,
    products: Mapping[str, ProductBody],
    contained_in: Iterable[str] = (),
) -> list[Problem]:
    """What is wrong with the product as a bundle among `products`, the catalogue around it.

    Bundles do not nest: each component is a known product that is not a bundle itself, and a
    component of other bundles (`contained_in`, asked for bundles only) becomes none. An archived
    component is sold no more, so only an archived bundle may have one.
    """
    problems = []
    if body.bundle:
        for container in contained_in:
            detail = f"{sku} is a component of {container}; bundles do not nest"
            problems.append(Problem(field="bundle", severity="error", detail=detail))
            break
    for position, line in enumerate(body.bundle):
        component = products.get(line.sku)
        if line.sku == sku:
            detail = "a bundle cannot contain itself"
        elif component is None:
            detail = f"there is no product {line.sku}"
        elif component.bundle:
            detail = f"{line.sku} is a bundle; bundles do not nest"
        elif component.currency != body.currency:
            detail = f"{line.sku} is priced in {component.currency}, not in {body.currency}"
        elif component.archived and not body.archived:
            detail = f"{line.sku} is archived and is sold no more"
        else:
            continue
        problems.append(Problem(field=f"bundle[{position}]", severity="error", detail=detail))
    return problems


def archived_part(product: Product, products: Mapping[str, ProductBody]) -> str | None:
    """The SKU because of which the product is sold no more: its own or a component's; else None."""
    if product.archived:
        return product.sku
    for line in product.bundle:
        component = products.get(line.sku)
        if component is not None and component.archived:
            return line.sku
    return None


def demand(
    lines: Iterable[tuple[Product, int]], products: Mapping[str, ProductBody]
) -> dict[str, int]:
    """Base units that the lines take from stock, per SKU: all of them are to be spent, or none.

    A bundle owns no stock: its components are taken, one level deep, summed with the same SKU in
    other lines. Untracked products are left out. `products` is asked for components only; one that
    it does not know is demanded, which is the side that cannot oversell.
    """
    units: dict[str, int] = {}
    for product, quantity in lines:
        if product.bundle:
            for part in product.bundle:
                component = products.get(part.sku)
                if component is None or component.stock_policy != "untracked":
                    units[part.sku] = units.get(part.sku, 0) + part.quantity * quantity
        elif product.stock_policy != "untracked":
            units[product.sku] = units.get(product.sku, 0) + quantity
    return units


def unstocked_words(product: Product) -> str | None:
    """Why a product has no stock of its own, in words; None where it has."""
    if product.bundle:
        parts = ", ".join(line.sku for line in product.bundle)
        return (
            f"{product.sku} is a bundle and has no stock of its own: name what it is of ({parts})."
        )
    if product.stock_policy == "untracked":
        return f"{product.sku} is untracked: it has no stock to book."
    return None
