"""The handlers of ``/shop``: the page as it is before anybody has signed in, and its files."""

from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from retail.money import EXPONENTS
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent


class ShopFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the page cannot find out: the hub's clock, and ISO 4217's decimals."""

    timezone: str
    decimals: dict[str, int]


def add_shop_window(app: web.Application, *, timezone: str) -> None:
    """Add the page to `app`; times are shown in `timezone`."""
    files = PageFiles(HERE)
    facts = ShopFacts(timezone=timezone, decimals=dict(EXPONENTS))
    encoded = msgspec.json.encode(facts).decode()

    async def show(_request: web.Request) -> web.Response:
        return files.show("shop.html", facts=encoded)

    app.router.add_get("/shop", show)
    app.router.add_get("/shop/static/{name}", files.static)
