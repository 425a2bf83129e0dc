"""Goal: the status page is true in a real browser: live, honest when cut off, fit for a phone.

Method: Debian's chromium opens the page of a bare application whose report the test changes. What
is not about losing contact also demands a silent console, so a refused script or style is noticed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from gateway.status.feed import StatusFeed, Streams
from gateway.status.page import add_status_page
from gateway.status.report import StatusReport, to_ms
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.status_samples import CAIRO, bad_day, cut_off, good_day

CHROMIUM: Final = Path("/usr/bin/chromium")

CHROMIUM_ARGS: Final = (
    "--no-sandbox",  # tests may run as root in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

PHONE: Final = 390
DESKTOP: Final = 1280

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


@dataclass(slots=True)
class Shop:
    """A gateway that is nothing but its status; may be stopped and started on the same port."""

    report: StatusReport = field(default_factory=good_day)
    feed: StatusFeed = field(default_factory=StatusFeed)
    streams: Streams = field(default_factory=Streams)
    runner: web.AppRunner | None = None
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/status"

    def show(self, report: StatusReport) -> None:
        self.report = report
        self.feed.publish()

    async def start(self) -> None:
        app = web.Application()
        stop = asyncio.Event()
        add_status_page(
            app,
            report_source=lambda: self.report,
            feed=self.feed,
            stop_event=stop,
            timezone=CAIRO,
            streams=self.streams,
        )

        async def end_streams(_app: web.Application) -> None:
            stop.set()

        app.on_shutdown.append(end_streams)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        if self.runner is not None:
            await self.runner.cleanup()
            self.runner = None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(CHROMIUM_ARGS)
        )
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def shop() -> AsyncIterator[Shop]:
    shop = Shop()
    await shop.start()
    yield shop
    await shop.stop()


@dataclass(slots=True)
class Tab:
    """One open page and all that its console said."""

    page: Page
    complaints: list[str] = field(default_factory=list)


@asynccontextmanager
async def open_tab(
    browser: Browser,
    *,
    width: int = DESKTOP,
    scheme: Literal["light", "dark"] = "light",
    script: bool = True,
) -> AsyncIterator[Tab]:
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, java_script_enabled=script
    )
    tab = Tab(page=await context.new_page())
    tab.page.on("console", lambda message: tab.complaints.append(message.text))
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    yield tab
    await context.close()


async def live(tab: Tab, shop: Shop) -> None:
    """Open the page and wait until its stream is heard."""
    await tab.page.goto(shop.url)
    await expect(tab.page.locator("body")).to_have_attribute("data-contact", "live")


async def test_a_change_is_shown_without_a_reload(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        await live(tab, shop)
        await tab.page.evaluate("window.sameDocument = true")
        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")

        shop.show(cut_off())

        headline = tab.page.locator("[data-part=headline]")
        await expect(headline).to_contain_text("Internet down since 11:13.")
        await expect(headline).to_contain_text("no, 212 sales are not yet at the hub")
        await expect(headline).to_have_attribute("data-tone", "warn")
        await expect(tab.page.locator("[data-part=journal]")).to_contain_text("18,431")
        await expect(tab.page.locator("[data-part=devices]")).to_contain_text("Paper out")
        assert await tab.page.evaluate("window.sameDocument")
        assert tab.complaints == []


async def test_a_part_that_did_not_change_is_not_touched(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        await live(tab, shop)
        await tab.page.evaluate(
            """() => {
              window.touched = [];
              const watch = new MutationObserver((all) => {
                for (const { target } of all) {
                  window.touched.push(target.closest("[data-part]").dataset.part);
                }
              });
              watch.observe(document.querySelector(".cards"), { childList: true, subtree: true });
              watch.observe(document.querySelector(".headline"), { childList: true });
            }"""
        )
        quota = msgspec.structs.replace(shop.report.quota, skus=4_313)

        shop.show(msgspec.structs.replace(shop.report, quota=quota))

        await expect(tab.page.locator("[data-part=quota]")).to_contain_text("4,313")
        assert await tab.page.evaluate("[...new Set(window.touched)]") == ["quota"]


async def test_a_gateway_that_is_gone_is_said_and_one_that_is_back_too(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await live(tab, shop)
        contact = tab.page.locator("#contact")
        await expect(contact).to_be_hidden()

        await shop.stop()

        await expect(contact).to_be_visible()
        await expect(contact).to_contain_text("No contact with the gateway since 12:00.")
        await expect(tab.page).to_have_title("No contact · Riverside Market · Gateway status")

        shop.report = cut_off()
        await shop.start()

        await expect(contact).to_be_hidden(timeout=15_000)
        await expect(tab.page.locator("h1 + .middle")).to_contain_text("Internet down")


async def test_a_plug_pulled_without_a_goodbye_is_noticed_by_the_silence(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await tab.page.clock.install()
        await live(tab, shop)

        await tab.page.clock.fast_forward(60_000)

        await expect(tab.page.locator("#contact")).to_contain_text("No contact with the gateway")


async def test_a_page_too_many_says_that_it_is_not_live(browser: Browser, shop: Shop) -> None:
    shop.streams = Streams(streams_max=0)
    await shop.stop()
    await shop.start()

    async with open_tab(browser) as tab:
        await tab.page.goto(shop.url)

        await expect(tab.page.locator("#contact")).to_contain_text("not with live news")
        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")


async def test_the_page_reads_without_a_script(browser: Browser, shop: Shop) -> None:
    shop.report = cut_off()

    async with open_tab(browser, script=False) as tab:
        await tab.page.goto(shop.url)

        await expect(tab.page.locator("h1")).to_have_text("Selling normally.")
        await expect(tab.page.locator(".unplug")).to_contain_text("212 sales")
        await expect(tab.page.locator(".card")).to_have_count(8)


@pytest.mark.parametrize("width", [320, PHONE, 700, DESKTOP])
async def test_nothing_is_wider_than_the_screen(browser: Browser, shop: Shop, width: int) -> None:
    shop.report = bad_day()

    async with open_tab(browser, width=width) as tab:
        await live(tab, shop)

        wide = await tab.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        assert tab.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(
    browser: Browser, shop: Shop, scheme: Literal["light", "dark"]
) -> None:
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1, here for text of every size."""
    shop.report = bad_day()

    async with open_tab(browser, scheme=scheme) as tab:
        await live(tab, shop)

        assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []


async def test_the_headline_is_announced_and_the_figures_are_not(
    browser: Browser, shop: Shop
) -> None:
    async with open_tab(browser) as tab:
        await live(tab, shop)

        regions = tab.page.locator("[aria-live=polite]")
        await expect(regions).to_have_count(1)
        await expect(regions).to_have_attribute("data-part", "headline")
        await expect(tab.page.get_by_role("heading", level=1)).to_have_count(1)
        await expect(tab.page.get_by_role("region", name="Link to the hub")).to_be_visible()


async def test_the_clock_goes_on_between_two_reports(browser: Browser, shop: Shop) -> None:
    async with open_tab(browser) as tab:
        await tab.page.clock.install(time=to_ms(shop.report.clock.now) / 1000)
        await live(tab, shop)

        await tab.page.clock.fast_forward(5_000)

        await expect(tab.page.locator("#gateway-time")).to_have_text("12:00:05")
