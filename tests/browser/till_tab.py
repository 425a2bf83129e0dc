"""A till in a real Chromium, for its tests and its pictures: opened, signed in, driven by keys.

The page is asked for by a name and over plain HTTP, as registers in a shop do it. For a browser
that is no secure context, unlike loopback, so what needs one fails here and not only in a shop.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Locator, Page, Playwright, ViewportSize, expect

from tests.programs import Shop

CHROMIUM: Final = Path("/usr/bin/chromium")
HOST: Final = "storegw-riverside.local"
HUB_HOST: Final = "hub.chain.test"

CHROMIUM_ARGS: Final = (
    "--no-sandbox",  # tests may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP {HUB_HOST} 127.0.0.1",
)

DESK: Final = ViewportSize(width=1024, height=768)
PHONE: Final = ViewportSize(width=390, height=844)


async def chromium(playwright: Playwright) -> Browser:
    """The system's browser."""
    return await playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_ARGS))


@dataclass(slots=True)
class TillTab:
    """One open till, and all that its console said."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def at(self, place: str) -> Locator:
        """A part of the page by its id."""
        return self.page.locator(f"#{place}")

    @property
    def notice(self) -> Locator:
        """What must be read."""
        return self.at("notice")

    @property
    def lines(self) -> Locator:
        """The basket's lines."""
        return self.page.locator("#lines li")

    async def is_in(self, state: str) -> None:
        """Wait until the till is in that state."""
        await expect(self.page.locator("body")).to_have_attribute("data-state", state)

    async def is_priced(self) -> None:
        """Wait until the gateway has said what the basket costs."""
        await expect(self.at("own-sum")).to_be_empty()

    async def open(self) -> None:
        """Load the page."""
        await self.page.goto(self.url)

    async def sign_in(self, token: str | None) -> None:
        """Load the page and give it a token that names its register."""
        assert token is not None
        await self.open()
        await self.at("token").fill(token)
        await self.page.keyboard.press("Enter")
        await self.is_in("ringing")
        await expect(self.at("contact")).to_have_attribute("data-live", "live")

    async def type(self, text: str) -> None:
        """Type a line, as a person or a scanner on the keyboard's cable does."""
        await self.page.keyboard.type(text)
        await self.page.keyboard.press("Enter")

    async def press(self, key: str) -> None:
        """Press a key."""
        await self.page.keyboard.press(key)

    async def scan(self, *codes: str) -> None:
        """Type codes and wait until they are in the basket."""
        for code in codes:
            await self.type(code)
        await expect(self.lines.last).to_be_visible()

    async def sell_for_cash(self, given: str = "") -> None:
        """Take cash for the basket and have it booked."""
        await self.take_cash(given)
        await self.is_in("done")

    async def take_cash(self, given: str = "") -> None:
        """Take cash for the basket and send it."""
        await self.press("F2")
        await self.is_in("paying")
        await self.type(given)


@asynccontextmanager
async def till_tab(
    browser: Browser, port: int, *, size: ViewportSize = DESK, locale: str = "en-US"
) -> AsyncIterator[TillTab]:
    """A new window on the till at `port`, with nothing kept from before."""
    context = await browser.new_context(viewport=size, locale=locale)
    tab = TillTab(page=await context.new_page(), url=f"http://{HOST}:{port}/register")
    tab.page.on("console", lambda message: tab.complaints.append(message.text))
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.page.set_default_timeout(20_000)
    yield tab
    await tab.page.unroute_all(behavior="ignoreErrors")  # a poll may be on its way
    await context.close()


async def sales_of(shop: Shop, sku: str) -> list[Any]:
    """The sales at the gateway with this SKU in them."""
    sales = await shop.cashier.all("/v1/sales")
    return [sale for sale in sales if any(row["sku"] == sku for row in sale["lines"])]
