"""The handlers of ``/orders``: the page as it is before anybody has signed in, and its files.

No token is asked for: the page by itself shows nothing but the shop's name. Orders and the people
they are for are read through ``/v1`` with the token that is typed into it.
"""

from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.identity import Identity
from gateway.shop_facts import facts_of
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent


def add_order_queue(app: web.Application, identity: Identity) -> None:
    """Add the team's page of this shop to `app`."""
    files = PageFiles(HERE)
    facts = facts_of(identity)

    async def show(_request: web.Request) -> web.Response:
        return files.show("orders.html", name=identity.name, facts=facts)

    app.router.add_get("/orders", show)
    app.router.add_get("/orders/static/{name}", files.static)
