"""A shop owner's own products: imported at the hub from a CSV file, as the owner would do it.

The file is tried out first. Its problems are told as `cloud-hub import` tells them, and any error
ends the demo. What the demo then sells is read back from the hub.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

import aiohttp
import msgspec

from cloud_hub.products.import_api import CSV_MEDIA_TYPE, IMPORT_PATH
from cloud_hub.products.import_client import problem_lines, summary
from cloud_hub.products.imports import ImportReport
from scripts.demo_day.api import Api, Json
from scripts.demo_day.baskets import Product

IMPORT_S_MAX: Final = 1_800.0
"""100,000 products take some minutes."""

GOODS_MIN: Final = 10
"""Fewer make no day: some are in demand, others are for what befalls a shop."""

PLAIN: Final[dict[str, Json]] = {
    "unit": "piece",
    "price_per_quantity": 1,
    "stock_policy": "strict",
    "bundle": [],
    "archived": False,
    "draft": False,
}
"""What a product has to be for the demo to sell it: all the others are in the catalogue only."""

Say = Callable[[str], None]


class CatalogueRefused(Exception):
    """The file makes no catalogue, or none that a day can be played with."""


async def import_goods(hub: Api, file: Path, say: Say) -> tuple[tuple[Product, ...], int]:
    """Import a file; answers what can be sold of it, and how many products it has in all.

    Raises:
        CatalogueRefused: the hub does not take it, or there is too little in it.
    """
    content = await asyncio.to_thread(file.read_bytes)
    say(f"trying out {file}")
    tried = await _send(hub, content, dry_run=True)
    for line in problem_lines(tried.problems).splitlines():
        say(line)
    if hidden := tried.errors + tried.warnings - len(tried.problems):
        say(f"and {hidden} more")
    if tried.errors:
        errors = "1 error" if tried.errors == 1 else f"{tried.errors} errors"
        raise CatalogueRefused(f"{file} has {errors}: nothing was imported.")
    done = await _send(hub, content, dry_run=False)
    say(summary(done).rstrip())
    listed = [one async for one in hub.every("/v1/products")]
    goods = tuple(made for one in listed if (made := goods_of(one)) is not None)
    if len(goods) < GOODS_MIN:
        raise CatalogueRefused(
            f"{file} has {len(goods)} products that the demo can sell, and it takes {GOODS_MIN}:"
            " strictly counted pieces with a price, and no bundles."
        )
    if others := len(listed) - len(goods):
        say(f"{others} of them are not sold in this day: by weight, bundled, uncounted or free")
    return goods, len(listed)


def goods_of(one: Json) -> Product | None:
    """A product of the hub as the demo sells it; None when it does not."""
    if one["price_minor"] == 0 or any(one[name] != value for name, value in PLAIN.items()):
        return None
    return Product(
        sku=one["sku"],
        barcode=next(filter(_can_be_typed, one["barcodes"]), ""),
        name=one["name"],
        price_minor=one["price_minor"],
        safety_stock=one["safety_stock"],
    )


def _can_be_typed(barcode: str) -> bool:
    """Whether the simulated scanner, a keyboard, has keys for it."""
    return barcode.isascii() and barcode.isdecimal()


async def _send(hub: Api, content: bytes, *, dry_run: bool) -> ImportReport:
    """Send the file once.

    Raises:
        CatalogueRefused: the hub's own sentence, when it answers with something else than a report.
    """
    async with hub.session.post(
        hub.url + IMPORT_PATH,
        params={"dry_run": "true"} if dry_run else {},
        data=content,
        headers={
            "Authorization": f"Bearer {hub.token}",
            "Content-Type": CSV_MEDIA_TYPE,
            "Idempotency-Key": f"catalogue-{dry_run}",
        },
        timeout=aiohttp.ClientTimeout(total=IMPORT_S_MAX),
    ) as response:
        body = await response.read()
    try:
        return msgspec.json.decode(body, type=ImportReport)
    except msgspec.DecodeError as other:
        detail = msgspec.json.decode(body).get("detail", "it gives no reason")
        raise CatalogueRefused(f"The hub does not take the file: {detail}") from other
