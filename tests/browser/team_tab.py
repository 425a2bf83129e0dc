"""The team's page of a gateway in a real Chromium: opened, signed in, and driven as a team does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from playwright.async_api import Browser, Locator, ViewportSize, expect

from tests.browser.hub_tab import WIDE, HubTab, hub_tab, place, says
from tests.browser.till_tab import HOST
from tests.programs import Shop, order_of


@asynccontextmanager
async def team_tab(
    browser: Browser,
    port: int,
    token: str | None,
    *,
    size: ViewportSize = WIDE,
    locale: str = "en-US",
    scheme: Literal["light", "dark"] = "light",
) -> AsyncIterator[HubTab]:
    """A new window on the team's page at `port`, where somebody has just signed in."""
    async with hub_tab(
        browser, port, "/orders", host=HOST, size=size, locale=locale, scheme=scheme
    ) as tab:
        await tab.sign_in(token)
        await is_live(tab)
        yield tab


async def is_live(tab: HubTab) -> None:
    """Wait until somebody has signed in, the list was read, and news are heard."""
    await expect(tab.at("contact")).to_have_attribute("data-live", "live")
    await expect(tab.at("board-said")).not_to_contain_text("Reading")


def group(tab: HubTab, stage: str) -> Locator:
    """A part of the list."""
    return tab.page.locator(f'#groups [data-stage="{stage}"]')


def card(tab: HubTab, stage: str, order: dict[str, Any]) -> Locator:
    """An order's card in a part of the list."""
    return group(tab, stage).locator("li", has_text=order["number"])


async def ordered(shop: Shop, body: dict[str, Any]) -> Any:  # noqa: ANN401 - the order
    """The storefront places an order, and the store has heard of it."""
    order = await place(shop, body)
    await shop.settled()
    return order


async def stocked(shop: Shop, **more: Any) -> Any:  # noqa: ANN401 - the order
    """An order of two of a new product: to be shipped, or what `more` says of `order_of`."""
    sku = await shop.product(price=345, stock=9)
    return await ordered(shop, order_of(sku, 2, **({"pickup": None} | more)))


async def open_order(tab: HubTab, order: dict[str, Any]) -> None:
    """Open an order by its number, as somebody with a slip in the hand does."""
    await tab.at("code").fill(order["number"])
    await tab.page.keyboard.press("Enter")
    await says(tab.at("order-shown").locator("h2"), order["number"])


async def told_of(shop: Shop, order: dict[str, Any]) -> list[str]:
    """The events that the gateway has of an order, in their order."""
    seen = await shop.cashier.read(f"/v1/orders/{order['id']}")
    return [event["type"] for event in seen["events"]]
