"""The handlers of ``/orders``: the page as it is before anybody has signed in, and its files."""

from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from cloud_hub.roles import ADMIN, OFFICE, SHOPFRONT
from retail.money import EXPONENTS
from retail.ordering.order_status import OrderStatus
from retail.ordering.shortages import ACTIONS
from web.page_files import PageFiles

HERE: Final = Path(__file__).parent


class OfficeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the page cannot find out: the hub's clock, ISO 4217's decimals, and the tables.

    `tells`, `decides`, `sees_shortages` and `sees_stores` are the roles that may; the door checks
    it anyway. `actions` has what can be decided about each kind of shortage.
    """

    timezone: str
    decimals: dict[str, int]
    statuses: list[str]
    actions: dict[str, list[str]]
    tells: list[str]
    decides: list[str]
    sees_shortages: list[str]
    sees_stores: list[str]


def add_back_office(app: web.Application, *, timezone: str) -> None:
    """Add the page to `app`; times are shown in `timezone`, head office's own."""
    files = PageFiles(HERE)
    facts = OfficeFacts(
        timezone=timezone,
        decimals=dict(EXPONENTS),
        statuses=[status.value for status in OrderStatus],
        actions={kind: sorted(fits) for kind, fits in ACTIONS.items()},
        tells=sorted(SHOPFRONT),
        decides=sorted(ADMIN),
        sees_shortages=sorted(OFFICE),
        sees_stores=sorted(OFFICE),
    )
    encoded = msgspec.json.encode(facts).decode()

    async def show(_request: web.Request) -> web.Response:
        return files.show("orders.html", facts=encoded)

    app.router.add_get("/", _to_orders)
    app.router.add_get("/orders", show)
    app.router.add_get("/orders/static/{name}", files.static)


async def _to_orders(_request: web.Request) -> web.Response:
    """Whoever types the hub's bare address means its page."""
    return web.Response(status=302, headers={"Location": "/orders"})
