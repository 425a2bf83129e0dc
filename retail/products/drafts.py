"""Drafts: products that a store added in a hurry, because a barcode at the till was unknown.

A draft is a whole product and is sold like one, at once and only in stores. Its SKU is made from
its journal entry, so that two stores never make the same one, also while both are cut off. It has
no stock of its own (`untracked`): nobody has counted the goods, and what is in a customer's hand is
there. Head office completes it under its SKU, or archives it and takes the barcode for a product of
its own; a completed product may be counted like any other.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.products.catalogue import (
    PRICE_MINOR_MAX,
    STANDARD_TAX_CLASS,
    Barcode,
    Product,
    ProductName,
    TaxClass,
    check_product,
)

DRAFT_PREFIX: Final = "draft-"
"""SKUs that begin with this are given by stores, never by head office."""

SKU_CHARS_MAX: Final = 64


class DraftRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The body of a draft: what somebody at the till can read off the goods."""

    barcode: Barcode
    name: ProductName
    price_minor: Annotated[int, Meta(ge=0, le=PRICE_MINOR_MAX)]
    tax_class: TaxClass = STANDARD_TAX_CLASS


def draft_sku(entry: str) -> str:
    """The SKU of the draft that a journal entry makes."""
    return f"{DRAFT_PREFIX}{entry}"


def draft_of(request: DraftRequest, entry: str, currency: str) -> Product:
    """The product that a draft is until head office completes it."""
    return Product(
        sku=draft_sku(entry),
        name=request.name,
        price_minor=request.price_minor,
        currency=currency,
        tax_class=request.tax_class,
        barcodes=(request.barcode,),
        stock_policy="untracked",
        draft=True,
    )


def why_no_draft(product: Product, entry: str, currency: str) -> str | None:
    """Why a product cannot be the draft of this entry, as a clause; None when it can."""
    errors = [one.detail for one in check_product(product) if one.severity == "error"]
    refused = {
        f"{product.sku} is not the SKU of entry {entry}": product.sku != draft_sku(entry),
        f"{product.sku} has more than {SKU_CHARS_MAX} characters": len(product.sku) > SKU_CHARS_MAX,
        f"{product.sku} is something else than a draft": (
            not product.draft or product.archived or bool(product.bundle)
        ),
        f"nobody has counted {product.sku}, and its stock is {product.stock_policy}": (
            product.stock_policy != "untracked"
        ),
        f"{product.sku} is priced in {product.currency}, not in {currency}": (
            product.currency != currency
        ),
        **dict.fromkeys(errors, True),
    }
    return next((why for why, is_so in refused.items() if is_so), None)
