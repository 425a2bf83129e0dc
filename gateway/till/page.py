"""The handlers of ``/register``: the page as it is before anybody has signed in, and its files.

No token is asked for: the page by itself shows nothing but the shop's name. Whoever signs in does
it on the page, which then calls the register API with that token.
"""

from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.identity import Identity
from gateway.shop_facts import facts_of
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent


def add_till(app: web.Application, identity: Identity) -> None:
    """Add the till of this shop to `app`."""
    files = PageFiles(HERE)
    facts = facts_of(identity)

    async def show(_request: web.Request) -> web.Response:
        return files.show("till.html", name=identity.name, facts=facts)

    app.router.add_get("/register", show)
    app.router.add_get("/register/static/{name}", files.static)
