"""What the browser tests share: a shop of running programs, and its pages in a browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright, expect

from devices.sim.printer import SimPrinter
from devices.sim.scanner import SimScanner
from devices.sim.wan import SimWan, WanMode
from gateway.till.page import add_till
from tests.browser.hub_tab import HubTab, hub_tab, is_live
from tests.browser.page_modules import RIVERSIDE, opened_page
from tests.browser.status_tab import Box
from tests.browser.team_tab import team_tab
from tests.browser.till_tab import HOST, TillTab, chromium, till_tab
from tests.programs import Caller, Shop, open_shop

expect.set_options(timeout=20_000)  # a busy machine; what comes is never waited for longer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await chromium(playwright)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """The till's page without a gateway behind it, for the tests of its modules."""
    app = web.Application()
    add_till(app, RIVERSIDE)
    async with opened_page(app, HOST, "/register") as page:
        yield page


@pytest_asyncio.fixture(loop_scope="module")
async def box() -> AsyncIterator[Box]:
    """A gateway that is nothing but its status page."""
    opened = Box()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimScanner]:
    with SimScanner(link=tmp_path_factory.mktemp("scanner") / "one") as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(
    tmp_path_factory: pytest.TempPathFactory, scanner: SimScanner
) -> AsyncIterator[Shop]:
    root = tmp_path_factory.mktemp("shop")
    async with SimPrinter.listening() as printer:
        config = root / "gateway.toml"
        config.write_text(
            f'[[scanners]]\ndevice = "{scanner._link}"\nregister = "till-1"\n'
            f'[[printers]]\nname = "counter"\naddress = "{printer.address}"\n'
            'registers = ["till-paper"]\n'
        )
        async with open_shop(root, options=("--config", str(config))) as opened:
            yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def frail(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of a test's own, whose gateway may be destroyed."""
    async with open_shop(tmp_path_factory.mktemp("frail")) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def harbour(shop: Shop) -> Caller:
    """The manager of another shop of the chain."""
    code = shop.code("harbour")
    program = await shop.programs.gateway(
        "harbour", hub_url=shop.hub.url, code=code, options=("--no-mdns",)
    )
    token = await shop.programs.gateway_token("harbour", "manager")
    return Caller(client=shop.client, url=program.url, token=token)


@pytest_asyncio.fixture(loop_scope="module")
async def line(shop: Shop) -> AsyncIterator[SimWan]:
    """The shop's network between the browser and the gateway."""
    async with SimWan.listening(to=("127.0.0.1", shop.gateway.port)) as opened:
        yield opened
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()


@pytest_asyncio.fixture(loop_scope="module")
async def till(browser: Browser, shop: Shop, line: SimWan) -> AsyncIterator[TillTab]:
    """A till where a cashier has just signed in."""
    async with till_tab(browser, line.port) as tab:
        await tab.sign_in(shop.at_gateway("cashier", register="till-1").token)
        yield tab


@pytest_asyncio.fixture(loop_scope="module")
async def team(browser: Browser, shop: Shop) -> AsyncIterator[HubTab]:
    """The team's page, where the cashier of a register has just signed in."""
    token = shop.at_gateway("cashier", register="till-1").token
    async with team_tab(browser, shop.gateway.port, token) as tab:
        yield tab


@pytest_asyncio.fixture(loop_scope="module")
async def office(browser: Browser, shop: Shop) -> AsyncIterator[HubTab]:
    """A back office where an admin has just signed in."""
    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await tab.sign_in(shop.admin.token)
        await is_live(tab)
        yield tab
