"""A page that asks for a token, in a real Chromium: signed in, watched for what it asks of whom.

Like the till's, the page is asked for by a name and over plain HTTP (`till_tab`).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, Locator, Page, ViewportSize, expect

from tests.browser.till_tab import HUB_HOST
from tests.programs import Shop

WIDE: Final = ViewportSize(width=1180, height=860)
NARROW: Final = ViewportSize(width=360, height=740)


@dataclass(slots=True)
class HubTab:
    """One open page of a program, all that its console said, and all that it asked."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def at(self, place: str) -> Locator:
        """A part of the page by its id."""
        return self.page.locator(f"#{place}")

    def button(self, name: str) -> Locator:
        """A visible button, by what it says to anybody."""
        return self.page.get_by_role("button", name=name).and_(self.page.locator(":visible"))

    @property
    def notice(self) -> Locator:
        """What must be read."""
        return self.at("notice")

    async def sign_in(self, token: str | None) -> None:
        """Load the page and type a token into it."""
        assert token is not None
        await self.page.goto(self.url)
        await self.at("token").fill(token)
        await self.page.keyboard.press("Enter")

    async def stays_the_same_document(self) -> None:
        """Leave a mark that a reload would take away."""
        await self.page.evaluate("window.sameDocument = true")

    async def is_the_same_document(self) -> bool:
        """Whether the mark is still there."""
        return bool(await self.page.evaluate("window.sameDocument === true"))

    async def width(self) -> int:
        """How wide the page's content is, in CSS pixels."""
        return int(await self.page.evaluate("document.documentElement.scrollWidth"))

    def asked_elsewhere(self) -> list[str]:
        """Whatever was asked of anybody but the program."""
        own = urlsplit(self.url).netloc
        return [url for url in self.asked if urlsplit(url).netloc != own]


@asynccontextmanager
async def hub_tab(
    browser: Browser,
    port: int,
    path: str,
    *,
    host: str = HUB_HOST,
    size: ViewportSize = WIDE,
    locale: str = "en-US",
    scheme: Literal["light", "dark"] = "light",
) -> AsyncIterator[HubTab]:
    """A new window on a page of the program at `port`, with nothing kept from before.

    At its end it has asked nobody but that program.
    """
    context = await browser.new_context(viewport=size, locale=locale, color_scheme=scheme)
    tab = HubTab(page=await context.new_page(), url=f"http://{host}:{port}{path}")
    tab.page.on("console", lambda message: tab.complaints.append(message.text))
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.on("request", lambda request: tab.asked.append(request.url))
    tab.page.on("websocket", lambda socket: tab.asked.append(socket.url))
    tab.page.set_default_timeout(20_000)
    yield tab
    assert tab.asked_elsewhere() == []
    await tab.page.unroute_all(behavior="ignoreErrors")  # a poll may be on its way
    await context.close()


async def says(part: Locator, *texts: str) -> None:
    """Wait until a part of the page has these texts."""
    for text in texts:
        await expect(part).to_contain_text(text)


# The back office


async def is_live(tab: HubTab) -> None:
    """Wait until somebody has signed in and the hub's news are heard."""
    await expect(tab.at("contact")).to_have_attribute("data-live", "live")
    await expect(tab.at("orders").or_(tab.at("shortages")).first).to_be_visible()


async def find(tab: HubTab, order: dict[str, Any]) -> None:
    """Look for an order by its number, and open it."""
    await tab.at("text").fill(order["number"])
    await expect(tab.at("queue-list").locator("li")).to_have_count(1)
    await tab.at("queue-list").get_by_text(order["number"]).click()
    await says(tab.at("order-shown").locator("h2"), order["number"])


async def place(shop: Shop, body: dict[str, Any]) -> Any:  # noqa: ANN401 - the order
    """The storefront places an order."""
    return await shop.storefront.granted("/v1/orders", body)


async def status_at_hub(shop: Shop, order: dict[str, Any]) -> str:
    """What the hub says of an order."""
    return str((await shop.admin.read(f"/v1/orders/{order['id']}"))["status"])
