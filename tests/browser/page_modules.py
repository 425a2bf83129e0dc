"""Pages without a program behind them, whose modules are loaded and called one by one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from gateway.identity import Identity
from tests.browser.till_tab import CHROMIUM, chromium

IN_CHROMIUM: Final = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]
"""The marks of a file of such tests."""

RIVERSIDE: Final = Identity(
    writer="riverside.1", name="Riverside", kind="store", parent="hub.1",
    jurisdiction="default", timezone="Africa/Cairo", token="",
)  # fmt: skip


@asynccontextmanager
async def opened_page(app: web.Application, host: str, path: str) -> AsyncIterator[Page]:
    """A page of `app`, as Chromium finds it under the name `host`."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with async_playwright() as playwright:
        browser = await chromium(playwright)
        opened = await browser.new_page()
        await opened.goto(f"http://{host}:{runner.addresses[0][1]}{path}")
        yield opened
        await browser.close()
    await runner.cleanup()


async def call(page: Page, module: str, script: str, given: object = None) -> Any:  # noqa: ANN401
    """What a function body over the names of a module answers; `given` is its argument.

    `module` is its path without `.js`, `shop` what the page was told of its shop, if anything.
    """
    return await page.evaluate(
        f"""async (given) => {{
          const module = await import("{module}.js");
          const shop = JSON.parse(document.documentElement.dataset.shop ?? "null");
          {script}
        }}""",
        given,
    )
