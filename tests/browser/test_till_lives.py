"""Goal: what a till has asked or been told outlives the box that it asked.

Method: Chromium against running programs. The box is destroyed and another one is enrolled in its
place, under the same address; what is booked is read at the hub.
"""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request, expect

from devices.sim.wan import WanMode
from tests.box_images import keep_image_cut_off, put_back
from tests.browser.lost_answers import LostAnswers
from tests.browser.till_tab import CHROMIUM, TillTab, till_tab
from tests.programs import Shop, until
from tests.replacement import destroyed, replaced, sells, told_tokens

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


@pytest_asyncio.fixture(loop_scope="module")
async def till(browser: Browser, frail: Shop) -> AsyncIterator[TillTab]:
    """A till where a cashier has just signed in, with a token that the hub has heard of."""
    token = frail.at_gateway("cashier", register="till-1").token
    await told_tokens(frail)
    async with till_tab(browser, frail.gateway.port) as tab:
        await tab.sign_in(token)
        yield tab


async def sold_at_hub(shop: Shop, sku: str) -> list[str]:
    """The sales with this SKU, as the hub has them."""
    await shop.settled()
    sales = await shop.auditor.all("/v1/sales")
    return [sale["number"] for sale in sales if any(row["sku"] == sku for row in sale["lines"])]


async def test_a_sale_whose_answer_was_lost_is_asked_again_of_the_box_that_took_over(
    till: TillTab, frail: Shop
) -> None:
    sku = await frail.product(stock=8)
    sent: list[tuple[str, str | None]] = []

    def see(request: Request) -> None:
        if request.url.endswith("/v1/sales"):
            sent.append((request.headers["idempotency-key"], request.post_data))

    till.page.on("request", see)
    await till.page.route("**/v1/sales", LostAnswers())
    await till.scan(sku)
    await till.take_cash()
    await expect(till.at("unanswered")).to_be_visible()
    (number,) = await sold_at_hub(frail, sku)
    await till.page.route("**/v1/sales", lambda route: route.abort())
    await destroyed(frail)
    await till.page.unroute("**/v1/sales")

    await replaced(frail)
    await till.is_in("done")

    await expect(till.at("receipt-number")).to_contain_text(number)
    assert len(set(sent)) == 1, "every try has the same key and the same bytes"
    await sells(frail)
    assert await sold_at_hub(frail, sku) == [number]


async def test_a_sale_is_not_asked_about_at_a_box_before_the_one_that_was_asked(
    till: TillTab, frail: Shop
) -> None:
    sku = await frail.product(price=100, stock=8)
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


async def sell_unheard(till: TillTab, shop: Shop, sku: str, *, times: int) -> list[str]:
    """Sales that the gateway acknowledges and the hub does not hear of: their numbers."""
    await shop.wan.set_mode(WanMode.CUT)
    for _ in range(times):
        await till.scan(sku)
        await till.sell_for_cash()
        await till.press("F9")
    sales = await shop.cashier.all("/v1/sales")
    return [sale["number"] for sale in sales if any(row["sku"] == sku for row in sale["lines"])]


async def test_sales_that_the_hub_had_not_heard_of_are_handed_to_the_box_that_took_over(
    till: TillTab, frail: Shop
) -> None:
    sku = await frail.product(stock=8)
    numbers = await sell_unheard(till, frail, sku, times=2)
    await destroyed(frail)
    await frail.wan.set_mode(WanMode.PASS)

    await replaced(frail)

    words = "2 sales of the box before this one were handed in."
    await expect(till.at("handing-words")).to_have_text(words)
    await sells(frail)
    assert sorted(await sold_at_hub(frail, sku)) == sorted(numbers)
    await till.page.reload()  # it looks at once

    async def is_forgotten() -> bool:
        return bool(await till.page.evaluate(f"{KEPT} === 0"))

    await until(is_forgotten)


async def test_a_sale_that_a_tills_word_is_not_enough_for_waits_for_a_supervisors_look(
    till: TillTab, frail: Shop
) -> None:
    sku = await frail.product(price=100, stock=8)
    supervisor = frail.at_gateway("supervisor", register="till-1").token
    await told_tokens(frail)
    (number,) = await sell_unheard(till, frail, sku, times=1)
    await till.page.evaluate(THREE_FOR_THE_PRICE_OF_ONE)
    await destroyed(frail)
    await frail.wan.set_mode(WanMode.PASS)
    await replaced(frail)
    await sells(frail)

    await till.page.reload()
    await expect(till.at("handing")).to_contain_text(f"The sale {number} of the box before")
    await expect(till.at("handing")).to_contain_text("A supervisor signs in here")
    await expect(till.at("hand-in")).to_be_hidden()
    await till.at("sign-out").click()
    await till.sign_in(supervisor)
    await expect(till.at("handing")).to_contain_text("it is booked on your word")
    assert await sold_at_hub(frail, sku) == []
    await till.at("hand-in").click()

    await expect(till.at("handing")).to_contain_text("1 sale of the box before this one was handed")
    assert await sold_at_hub(frail, sku) == [number]


async def test_a_box_on_an_old_image_is_shown_what_the_till_has_seen_and_sells_no_more(
    till: TillTab, frail: Shop
) -> None:
    sku = await frail.product(price=100, stock=8)
    await frail.wan.set_mode(WanMode.CUT)
    image = await keep_image_cut_off(frail)
    numbers = await sell_unheard(till, frail, sku, times=2)
    await put_back(frail, image)
    await frail.start_gateway()

    await till.page.reload()
    await till.is_in("ringing")
    await till.scan(sku)
    await till.take_cash()
    await expect(till.notice).to_contain_text("This gateway does not sell now.")
    await expect(till.notice).to_contain_text("others know newer sales than this gateway's disk")
    assert await frail.cashier.all("/v1/sales") == []
    await frail.wan.set_mode(WanMode.PASS)

    await expect(till.at("handing-words")).to_contain_text("2 sales of the box before this one")
    await sells(frail)
    assert sorted(await sold_at_hub(frail, sku)) == sorted(numbers)


KEPT = "Object.keys(localStorage).filter((at) => at.startsWith('countertop.done.')).length"

THREE_FOR_THE_PRICE_OF_ONE = """() => {
  const place = Object.keys(localStorage).find((key) => key.startsWith("countertop.done."));
  const kept = JSON.parse(localStorage.getItem(place));
  kept.sale.lines[0].quantity = 3;
  localStorage.setItem(place, JSON.stringify(kept));
}"""

ASKED_OF_A_LATER_BOX = """() => {
  const place = Object.keys(localStorage).find((key) => key.startsWith("countertop.sale."));
  const sale = JSON.parse(localStorage.getItem(place));
  localStorage.setItem(place, JSON.stringify({ ...sale, writer: "riverside.2" }));
  sessionStorage.removeItem("countertop.basket");
}"""
