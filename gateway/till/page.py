"""The handlers of ``/register``: the page as it is before anybody has signed in, and its files.

No token is asked for: the page by itself shows nothing but the shop's name. Whoever signs in does
it on the page, which then calls the register API with that token.
"""

from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from gateway.identity import Identity
from retail.money import EXPONENTS
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent


class ShopFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the page cannot find out: the shop, its clock, and ISO 4217's decimals.

    Browsers count decimals as the CLDR does, which knows no fils of the Iraqi dinar.
    """

    location: str
    name: str
    timezone: str
    decimals: dict[str, int]


def add_till(app: web.Application, identity: Identity) -> None:
    """Add the till of this shop to `app`."""
    files = PageFiles(HERE)
    facts = ShopFacts(
        location=identity.location,
        name=identity.name,
        timezone=identity.timezone,
        decimals=dict(EXPONENTS),
    )
    encoded = msgspec.json.encode(facts).decode()

    async def show(_request: web.Request) -> web.Response:
        return files.show("till.html", shop=facts, facts=encoded)

    app.router.add_get("/register", show)
    app.router.add_get("/register/static/{name}", files.static)
