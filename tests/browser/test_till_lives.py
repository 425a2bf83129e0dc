"""Goal: what a till has asked or been told outlives the box that it asked.

Method: Chromium against running programs. The box is destroyed and another one is enrolled in its
place, under the same address; what is booked is read at the hub.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request, expect

from tests.browser.lost_answers import LostAnswers
from tests.browser.till_tab import CHROMIUM, TillTab, till_tab
from tests.programs import Shop, open_shop
from tests.replacement import destroyed, replaced, sells, told_tokens

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


@pytest_asyncio.fixture(loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop whose gateway may be destroyed."""
    async with open_shop(tmp_path_factory.mktemp("replaced")) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="module")
async def till(browser: Browser, shop: Shop) -> AsyncIterator[TillTab]:
    """A till where a cashier has just signed in, with a token that the hub has heard of."""
    token = shop.at_gateway("cashier", register="till-1").token
    await told_tokens(shop)
    async with till_tab(browser, shop.gateway.port) as tab:
        await tab.sign_in(token)
        yield tab


async def sold_at_hub(shop: Shop, sku: str) -> list[str]:
    """The sales with this SKU, as the hub has them."""
    await shop.settled()
    sales = await shop.auditor.all("/v1/sales")
    return [sale["number"] for sale in sales if any(row["sku"] == sku for row in sale["lines"])]


async def test_a_sale_whose_answer_was_lost_is_asked_again_of_the_box_that_took_over(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(stock=8)
    sent: list[tuple[str, str | None]] = []

    def see(request: Request) -> None:
        if request.url.endswith("/v1/sales"):
            sent.append((request.headers["idempotency-key"], request.post_data))

    till.page.on("request", see)
    await till.page.route("**/v1/sales", LostAnswers())
    await till.scan(sku)
    await till.take_cash()
    await expect(till.at("unanswered")).to_be_visible()
    (number,) = await sold_at_hub(shop, sku)
    await till.page.route("**/v1/sales", lambda route: route.abort())
    await destroyed(shop)
    await till.page.unroute("**/v1/sales")

    await replaced(shop)
    await till.is_in("done")

    await expect(till.at("receipt-number")).to_contain_text(number)
    assert len(set(sent)) == 1, "every try has the same key and the same bytes"
    await sells(shop)
    assert await sold_at_hub(shop, sku) == [number]


async def test_a_sale_is_not_asked_about_at_a_box_before_the_one_that_was_asked(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(price=100, stock=8)
    answers = LostAnswers()
    await till.page.route("**/v1/sales", answers)
    await till.scan(sku)
    await till.take_cash()
    await expect(till.at("unanswered")).to_be_visible()
    tries = len(answers.sent)

    await till.page.evaluate(ASKED_OF_A_LATER_BOX)
    await till.page.reload()
    await till.is_in("ringing")

    await expect(till.at("stray")).to_contain_text("It was sent to a newer box of this store.")
    assert len(answers.sent) == tries


ASKED_OF_A_LATER_BOX = """() => {
  const place = Object.keys(localStorage).find((key) => key.startsWith("countertop.sale."));
  const sale = JSON.parse(localStorage.getItem(place));
  localStorage.setItem(place, JSON.stringify({ ...sale, writer: "riverside.2" }));
  sessionStorage.removeItem("countertop.basket");
}"""
