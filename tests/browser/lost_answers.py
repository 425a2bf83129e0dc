"""Answers of a gateway that are taken away inside the browser, exactly where a test wants it."""

from playwright.async_api import Page, Route

from tests.browser.till_tab import HOST


class LostAnswers:
    """Lets requests through to the gateway and loses the answers; sees what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.losing = True

    async def __call__(self, route: Route) -> None:
        """Handle one request: (key, body) is kept, and its answer lost while `losing`."""
        headers = await route.request.all_headers()
        self.sent.append((headers["idempotency-key"], route.request.post_data or ""))
        if not self.losing:
            await route.continue_()
            return
        # Not through the browser, which alone knows the shop's name.
        await route.fetch(url=route.request.url.replace(HOST, "127.0.0.1"))
        await route.abort("connectionreset")


async def still_asked(page: Page) -> int:
    """How many sales and orders' events the browser keeps whose answer it waits for."""
    return int(await page.evaluate(STILL_ASKED))


STILL_ASKED = """
  Object.keys(localStorage).filter((place) => /^countertop[.](sale|order)[.]/.test(place)).length
"""
