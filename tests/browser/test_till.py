"""Goal: a cashier sells on one page, by keys alone, and is told in words when it cannot be.

Method: Debian's chromium against running programs: a hub, two gateways, a scanner, a printer. What
is booked is read at the gateway and never believed from the screen.
"""
# ruff: noqa: RUF001 - Arabic digits are what is tested

import asyncio

import pytest
from playwright.async_api import Browser, Route, expect

from devices.sim.scanner import SimScanner
from devices.sim.wan import SimWan, WanMode
from tests.browser.till_tab import CHROMIUM, TillTab, sales_of, till_tab
from tests.programs import Caller, Shop, until
from web.problems import Problem, Slug

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

# Selling


async def test_a_sale_needs_no_more_than_a_keyboard(till: TillTab, shop: Shop) -> None:
    tea = await shop.product(price=345, stock=8)
    milk = await shop.product(price=120, stock=8, barcodes=["4006381333931"])

    await till.scan(tea, "4006381333931", tea)
    await expect(till.lines).to_have_count(2)
    await expect(till.at("total")).to_have_text("$8.10")
    await till.press("F2")
    await till.is_in("paying")
    await till.page.keyboard.type("10")
    await expect(till.at("change")).to_have_text("$1.90")
    await till.press("Enter")
    await till.is_in("done")

    await expect(till.at("change")).to_have_text("$1.90")
    await expect(till.at("receipt")).to_contain_text("8.10")
    (sale,) = await sales_of(shop, tea)
    await expect(till.at("receipt-number")).to_contain_text(sale["number"])
    assert [(row["sku"], row["quantity"]) for row in sale["lines"]] == [(tea, 2), (milk, 1)]
    assert (sale["register"], sale["total_minor"], sale["change_minor"]) == ("till-1", 810, 190)
    assert not await till.page.evaluate("window.isSecureContext"), "the shop's case"
    assert till.complaints == []


async def test_after_a_sale_the_next_code_opens_the_next_basket(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    await till.scan(sku)
    await till.sell_for_cash()

    await till.scan(sku)

    await till.is_in("ringing")
    await expect(till.at("total")).to_have_text("$1.00")


async def test_a_card_pays_exactly(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=250, stock=8)
    await till.scan(sku)

    await till.press("F4")
    await expect(till.at("pay-card")).to_contain_text("$2.50")
    await till.press("Enter")
    await till.is_in("done")

    (sale,) = await sales_of(shop, sku)
    assert sale["tenders"] == [{"type": "card", "amount_minor": 250}]
    await expect(till.at("change-row")).to_be_hidden()


async def test_keys_change_quantities_and_void_lines(till: TillTab, shop: Shop) -> None:
    one, two = await shop.product(price=100), await shop.product(price=10)
    await till.scan(one, f"3*{two}")
    await expect(till.at("total")).to_have_text("$1.30")

    await till.press("ArrowUp")
    await till.press("+")
    await expect(till.at("total")).to_have_text("$2.30")
    await till.press("-")
    await expect(till.at("total")).to_have_text("$1.30")
    await till.press("F8")
    await expect(till.at("total")).to_have_text("$0.30")

    quantity = till.page.get_by_label(f"Quantity of Thing {two}")
    await quantity.fill("٧")
    await quantity.press("Enter")
    await expect(till.at("total")).to_have_text("$0.70")
    await expect(till.at("code")).to_be_focused()


async def test_a_basket_is_cleared_only_when_asked_twice(till: TillTab, shop: Shop) -> None:
    await till.scan(await shop.product())

    await till.press("F9")
    await expect(till.notice).to_contain_text("Void the basket with 1 line?")
    await expect(till.lines).to_have_count(1)
    await till.press("F2")
    await till.press("Escape")
    await till.press("F9")
    await expect(till.lines).to_have_count(1)
    await till.press("F9")

    await expect(till.lines).to_have_count(0)


async def test_what_the_scanner_of_the_register_reads_is_in_the_basket(
    till: TillTab, shop: Shop, scanner: SimScanner
) -> None:
    await shop.product(price=100, barcodes=["96385074"])

    await asyncio.to_thread(scanner.scan, b"96385074")
    await expect(till.lines).to_have_count(1)
    await till.press("F2")
    await till.is_in("paying")
    # The same number written otherwise: the same code at once would be one label, read twice.
    await asyncio.to_thread(scanner.scan, b"00000096385074")

    await till.is_in("ringing")
    await expect(till.at("total")).to_have_text("$2.00")


async def test_money_that_is_none_is_not_taken(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=345)
    await till.scan(sku)
    await till.press("F2")
    await till.is_in("paying")

    for text, words in (
        ("1", "$2.45 are missing."),
        ("1,000", "This is no amount of money in USD."),
        ("4006381333931", "This looks like a barcode, not like money."),
        ("x", "This is no amount of money in USD."),
    ):
        await till.at("given").fill(text)
        await expect(till.at("given-problem")).to_have_text(words)
        await till.press("Enter")
        await till.is_in("paying")

    assert await sales_of(shop, sku) == []


async def test_a_register_with_a_printer_prints_a_copy(
    browser: Browser, shop: Shop, line: SimWan
) -> None:
    sku = await shop.product(stock=8)
    async with till_tab(browser, line.port) as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-paper").token)
        await till.scan(sku)
        await till.sell_for_cash()

        await till.page.get_by_role("button", name="Print a copy").click()

        await expect(till.notice).to_contain_text("A copy is being printed.")


# Refusals


async def test_a_short_quota_says_what_is_left_and_where_the_rest_is(
    till: TillTab, shop: Shop, harbour: Caller
) -> None:
    sku = await shop.product(stock=2, safety_stock=2)
    lines = [{"sku": sku, "quantity": 5}]

    async def arrives() -> bool:
        receipt = {"lines": lines, "reference": "paper"}
        return (await harbour.post("/v1/stock/receipts", receipt, key=sku)).status == 201

    async def heard() -> bool:
        return await shop.offered(sku) == 3

    await until(arrives)
    await until(heard)
    await till.scan(f"4*{sku}")

    await till.take_cash()

    await expect(till.notice).to_contain_text(f"Not enough of Thing {sku}.")
    words = await till.at("notice-sentences").inner_text()
    assert words.startswith("2 left here; 3 more are at harbour, last heard "), words
    await till.is_in("ringing")
    await expect(till.lines).to_have_count(1)
    assert await sales_of(shop, sku) == []

    await till.press("-")
    await till.press("-")
    await expect(till.page.get_by_label("Quantity of")).to_have_value("2")
    await till.sell_for_cash()
    assert len(await sales_of(shop, sku)) == 1


async def test_cut_off_only_what_is_known_is_said(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(stock=1, safety_stock=1)
    await shop.wan.set_mode(WanMode.CUT)
    await till.scan(f"2*{sku}")

    await till.take_cash()

    await expect(till.at("notice-sentences")).to_have_text("1 left here.")


async def test_an_unknown_code_is_said_and_nothing_else_happens(till: TillTab, shop: Shop) -> None:
    await till.scan(await shop.product())

    await till.type("4999999999999")

    await expect(till.notice).to_contain_text("Nothing in the catalogue has the code 4999999999999")
    await expect(till.lines).to_have_count(1)
    await expect(till.at("code")).to_be_focused()


async def test_what_is_sold_no_more_is_refused_at_once_and_not_asked_about_for_ever(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)
    body = {"name": "Gone", "price_minor": 100, "currency": "USD", "archived": True}
    await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)

    async def known() -> bool:
        return bool((await shop.cashier.read(f"/v1/products/{sku}"))["archived"])

    await until(known)

    await till.take_cash()
    await till.is_in("ringing")
    await expect(till.notice).to_contain_text("is sold no more.")
    await till.press("F8")
    await expect(till.notice).to_be_hidden()
    await till.type(sku)
    await expect(till.notice).to_contain_text("Gone is sold no more.")
    await expect(till.lines).to_have_count(0)


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem(Slug.STORAGE, "The disk is full."), "disk did not take the sale"),
        (Problem.unavailable("Another gateway has taken over.", retry_after_s=5), "not sell now"),
    ],
    ids=["disk full", "stopped"],
)
async def test_a_gateway_that_cannot_sell_says_why_and_keeps_the_basket(
    till: TillTab, shop: Shop, problem: Problem, words: str
) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)

    async def refuse(route: Route) -> None:
        await route.fulfill(
            status=problem.status, body=problem.body(), content_type="application/problem+json"
        )

    await till.page.route("**/v1/sales", refuse)
    await till.take_cash()
    await expect(till.notice).to_contain_text(words)
    await expect(till.notice).to_contain_text(problem.detail)
    await expect(till.lines).to_have_count(1)

    await till.page.unroute("**/v1/sales")
    await till.sell_for_cash()
    assert len(await sales_of(shop, sku)) == 1


# Signing in


async def test_a_wrong_token_is_told_what_to_do(browser: Browser, shop: Shop, line: SimWan) -> None:
    async with till_tab(browser, line.port) as till:
        await till.open()
        for token in ("ct_" + "x" * 43, shop.admin.token or "", "nonsense"):
            await till.at("token").fill(token)
            await till.press("Enter")
            await expect(till.notice).to_contain_text("This gateway does not know the token.")
            await expect(till.notice).to_contain_text("store-gateway token --data DIR --role")
            await till.is_in("signingIn")

        await till.at("token").fill(shop.technician.token or "")
        await till.press("Enter")
        await expect(till.notice).to_contain_text("A token of the role technician does not sell.")


async def test_a_token_of_any_register_is_asked_which_one(
    browser: Browser, shop: Shop, line: SimWan
) -> None:
    sku = await shop.product(stock=8)
    async with till_tab(browser, line.port) as till:
        await till.open()
        await till.at("token").fill(shop.cashier.token or "")
        await till.press("Enter")
        await expect(till.page.get_by_label("Name of this register")).to_be_focused()
        await till.type("till-9")
        await till.is_in("ringing")
        await till.page.reload()
        await till.is_in("ringing")
        await till.scan(sku)
        await till.sell_for_cash()

    (sale,) = await sales_of(shop, sku)
    assert sale["register"] == "till-9"


async def test_whoever_signs_out_leaves_nothing_behind(till: TillTab, shop: Shop) -> None:
    await till.scan(await shop.product())

    await till.page.get_by_role("button", name="Sign out").click()
    await till.is_in("signingIn")
    await till.page.reload()

    await till.is_in("signingIn")
    assert await till.page.evaluate("sessionStorage.length") == 0
