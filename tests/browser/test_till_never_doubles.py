"""Goal: a sale at the till is never lost and never doubled, whatever is cut and whenever.

Method: Chromium against running programs, with a line between them that can be cut. Answers that
must be lost exactly are taken away inside the browser; what is booked is read at the gateway.
"""

import asyncio
import json

import pytest
from playwright.async_api import Route, expect

from devices.sim.scanner import SimScanner
from devices.sim.wan import SimWan, WanMode
from tests.browser.lost_answers import LostAnswers, still_asked
from tests.browser.till_tab import CHROMIUM, TillTab, sales_of
from tests.programs import Caller, Shop
from web.problems import Problem, Slug

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def test_a_lost_answer_is_asked_for_again_with_the_same_key(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(stock=8)
    answers = LostAnswers()
    await till.page.route("**/v1/sales", answers)
    await till.scan(sku)

    await till.take_cash()
    await expect(till.at("waiting-words")).to_have_text("The gateway has not answered yet.")
    await expect(till.at("unanswered")).to_contain_text("is booked once. Do not ring it up again.")
    assert len(await sales_of(shop, sku)) == 1
    # Lost as well: else the page's own next try may be answered before the button is found.
    await till.page.get_by_role("button", name="Ask again now").click()
    answers.losing = False
    await till.is_in("done")

    (sale,) = await sales_of(shop, sku)
    await expect(till.at("receipt-number")).to_contain_text(sale["number"])
    assert len(answers.sent) >= 2
    assert len(set(answers.sent)) == 1, "every try has the same key and the same bytes"


async def test_a_line_cut_in_the_middle_of_a_sale_is_one_sale_when_it_is_back(
    till: TillTab, shop: Shop, line: SimWan
) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)

    await line.set_mode(WanMode.CUT)
    await expect(till.at("contact")).to_have_text("No contact with the gateway. Trying again.")
    await till.take_cash()
    await expect(till.at("tries")).to_have_text("2 tries so far.")
    await till.press("F9")
    await till.press("F2")
    await till.is_in("waiting")
    await line.set_mode(WanMode.PASS)

    await till.is_in("done")
    await expect(till.at("contact")).to_have_text("Connected to the gateway")
    assert len(await sales_of(shop, sku)) == 1


async def test_a_reload_in_the_middle_goes_on_asking(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(stock=8)
    answers = LostAnswers()
    await till.page.route("**/v1/sales", answers)
    await till.scan(sku)
    await till.take_cash()
    await expect(till.at("unanswered")).to_be_visible()

    await till.page.reload()
    await till.is_in("waiting")
    await expect(till.lines).to_have_count(1)
    answers.losing = False
    await till.is_in("done")

    assert len(await sales_of(shop, sku)) == 1
    assert len(set(answers.sent)) == 1
    await till.page.reload()
    await till.is_in("ringing")
    await expect(till.lines).to_have_count(0)
    assert await still_asked(till.page) == 0


async def test_a_scan_while_a_sale_waits_is_not_added_and_said(
    till: TillTab, shop: Shop, scanner: SimScanner
) -> None:
    sku = await shop.product(stock=8, barcodes=["036000291452"])
    answers = LostAnswers()
    await till.page.route("**/v1/sales", answers)
    await till.scan(sku)
    await till.take_cash()
    await expect(till.at("unanswered")).to_be_visible()

    await asyncio.to_thread(scanner.scan, b"036000291452")

    await expect(till.notice).to_contain_text("Not added: a sale waits for its answer.")
    answers.losing = False
    await till.is_in("done")
    (sale,) = await sales_of(shop, sku)
    assert [row["quantity"] for row in sale["lines"]] == [1]


async def test_a_scan_just_before_the_cash_key_is_in_the_sale(till: TillTab, shop: Shop) -> None:
    one, two = await shop.product(price=100, stock=8), await shop.product(price=10, stock=8)
    await till.scan(one)
    asked, told = asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await told.wait()
        await route.continue_()

    await till.page.route("**/v1/lookup*", slowly)
    await till.type(two)
    await till.press("F2")
    await asked.wait()
    told.set()

    await expect(till.at("total")).to_have_text("$1.10")
    await till.is_in("paying")


async def test_a_basket_survives_a_reload(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    await till.scan(f"2*{sku}")

    await till.page.reload()

    await expect(till.at("total")).to_have_text("$2.00")
    await till.sell_for_cash()


async def test_a_late_try_and_a_changed_basket_are_one_sale(till: TillTab, shop: Shop) -> None:
    """A try that was given up arrives after a refusal: it must not be a sale beside the next."""
    sku = await shop.product(price=100, stock=8)
    held: list[tuple[str, str]] = []

    async def hold(route: Route) -> None:
        headers = await route.request.all_headers()
        held.append((headers["idempotency-key"], route.request.post_data or ""))
        problem = Problem(Slug.STORAGE, "The disk is full.")
        await route.fulfill(
            status=503, body=problem.body(), content_type="application/problem+json"
        )

    await till.page.route("**/v1/sales", hold)
    await till.scan(sku)
    await till.take_cash()
    await expect(till.notice).to_be_visible()
    await till.page.unroute("**/v1/sales")
    ((key, body),) = held
    token = await till.page.evaluate("sessionStorage.getItem('countertop.token')")
    late = Caller(client=shop.client, url=shop.gateway.url, token=token)
    assert (await late.post("/v1/sales", json.loads(body), key=key)).status == 201

    await till.press("+")
    await expect(till.at("total")).to_have_text("$2.00")
    await till.sell_for_cash()

    await expect(till.at("done-note")).to_be_visible()
    await expect(till.at("total")).to_have_text("$1.00")
    assert len(await sales_of(shop, sku)) == 1


async def test_a_sale_of_another_token_is_shown_and_not_sent(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    answers = LostAnswers()
    await till.page.route("**/v1/sales", answers)
    await till.scan(sku)
    await till.take_cash()
    await expect(till.at("unanswered")).to_be_visible()
    answers.losing = False
    tries = len(answers.sent)

    other = shop.at_gateway("cashier", register="till-1").token
    await till.page.evaluate("token => sessionStorage.setItem('countertop.token', token)", other)
    await till.page.evaluate("sessionStorage.removeItem('countertop.basket')")
    await till.page.reload()
    await till.is_in("ringing")

    await expect(till.at("stray")).to_contain_text("over $1.00 waits for its answer.")
    await expect(till.lines).to_have_count(0)
    assert len(answers.sent) == tries
    assert len(await sales_of(shop, sku)) == 1
    await till.at("set-aside").click()
    await expect(till.at("stray")).to_be_hidden()
    assert await still_asked(till.page) == 0


async def test_a_sale_that_cannot_be_written_down_is_not_sent(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)
    await till.page.evaluate(FILL_THE_STORE)

    await till.take_cash()

    await expect(till.notice).to_contain_text("the sale was not sent")
    assert await sales_of(shop, sku) == []


FILL_THE_STORE = """() => {
  let text = "";
  for (let more = 2 ** 22; more >= 1; more /= 2) {
    try {
      localStorage.setItem("full", text + "x".repeat(more));
      text += "x".repeat(more);
      more *= 2;
    } catch {
      // not so much
    }
  }
}"""
"""Leaves no room for a single character."""
