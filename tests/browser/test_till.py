"""Goal: a cashier sells on one page: by keys, in two languages, and never loses or doubles a sale.

Method: Debian's chromium against running programs (a hub, two gateways, a scanner, a printer) with
a line between browser and gateway that can be cut. Answers that must be lost exactly are taken away
inside the browser. What is booked is read at the gateway and never believed from the screen.
"""
# ruff: noqa: RUF001 - Arabic digits are what is tested

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, ViewportSize, async_playwright, expect

from devices.sim.printer import SimPrinter
from devices.sim.scanner import SimScanner
from devices.sim.wan import SimWan, WanMode
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.till_tab import CHROMIUM, DESK, HOST, PHONE, TillTab, chromium, till_tab
from tests.programs import Caller, Shop, open_shop, until
from web.problems import Problem, Slug

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

TRANSLATED = {"ar": {"name": "شاي أخضر"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await chromium(playwright)
        yield opened
        await opened.close()


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


async def sales_of(shop: Shop, sku: str) -> list[Any]:
    """The sales at the gateway with this SKU in them."""
    sales = await shop.cashier.all("/v1/sales")
    return [sale for sale in sales if any(row["sku"] == sku for row in sale["lines"])]


class LostAnswers:
    """Lets sales through to the gateway and loses the answers; sees what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.losing = True

    async def __call__(self, route: Route) -> None:
        headers = await route.request.all_headers()
        self.sent.append((headers["idempotency-key"], route.request.post_data or ""))
        if not self.losing:
            await route.continue_()
            return
        # Not through the browser, which alone knows the shop's name.
        await route.fetch(url=route.request.url.replace(HOST, "127.0.0.1"))
        await route.abort("connectionreset")


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
    await asyncio.to_thread(scanner.scan, b"96385074")

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


async def test_a_raised_price_is_shown_and_asked_for(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    await till.scan(sku)
    await reprice(shop, sku, 130)
    await expect(till.at("total")).to_have_text("$1.00")

    await till.take_cash("2")
    await till.is_in("asking")
    await expect(till.at("asking-title")).to_have_text("The total is now $1.30, not $1.00.")
    assert await sales_of(shop, sku) == []
    await till.press("Enter")
    await till.is_in("paying")
    await till.type("2")
    await till.is_in("done")

    await expect(till.at("change")).to_have_text("$0.70")
    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 130


async def test_a_price_that_falls_is_the_open_baskets_at_once(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=8)
    await till.scan(sku)

    await reprice(shop, sku, 80)

    await expect(till.at("total")).to_have_text("$0.80")
    await till.sell_for_cash()


async def reprice(shop: Shop, sku: str, price: int) -> None:
    """Head office changes a price, and the gateway has heard of it."""
    body = {"name": f"Thing {sku}", "price_minor": price, "currency": "USD"}
    await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)

    async def known() -> bool:
        product = await shop.cashier.read(f"/v1/products/{sku}")
        return bool(product["price_minor"] == price)

    await until(known)


async def test_an_unknown_code_is_said_and_nothing_else_happens(till: TillTab, shop: Shop) -> None:
    await till.scan(await shop.product())

    await till.type("4999999999990")

    await expect(till.notice).to_contain_text("Nothing in the catalogue has the code 4999999999990")
    await expect(till.lines).to_have_count(1)
    await expect(till.at("code")).to_be_focused()


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
            await expect(till.notice).to_contain_text("store-gateway token --role cashier")
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


# Never lost, never doubled


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
    answers.losing = False
    await till.page.get_by_role("button", name="Ask again now").click()
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
    assert await till.page.evaluate("localStorage.length") == 0


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
    assert await till.page.evaluate("localStorage.length") == 0


async def test_a_sale_that_cannot_be_written_down_is_not_sent(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)
    await till.page.evaluate(FILL_THE_STORE)

    await till.take_cash()

    await expect(till.notice).to_contain_text("the sale was not sent")
    assert await sales_of(shop, sku) == []


# Two languages, many sizes


async def test_arabic_is_read_from_the_right(browser: Browser, shop: Shop, line: SimWan) -> None:
    sku = await shop.product(price=345, stock=8, translations=TRANSLATED)
    async with till_tab(browser, line.port, locale="ar-EG") as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await till.scan(sku)

        page = till.page
        assert await page.evaluate("[document.documentElement.lang, document.dir]") == ["ar", "rtl"]
        await expect(till.lines.locator(".name")).to_have_text("شاي أخضر")
        await expect(till.lines.locator(".detail > bdi")).to_have_text(sku)
        await expect(till.at("total")).to_contain_text("٣٫٤٥")
        field, total = till.at("code"), till.at("total")
        boxes = [await one.bounding_box() for one in (field, total)]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert boxes[1]["x"] < boxes[0]["x"] + boxes[0]["width"] / 2, "the total is on the left"

        await till.sell_for_cash("٥٫٠٠")
        await expect(till.at("change")).to_contain_text("١٫٥٥")
        (sale,) = await sales_of(shop, sku)
        assert sale["change_minor"] == 155
        assert till.complaints == []


async def test_the_language_is_chosen_once(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=100, stock=1, safety_stock=1, translations=TRANSLATED)
    await till.scan(f"2*{sku}")
    await till.take_cash()
    await expect(till.at("notice-sentences")).to_contain_text("1 left here")

    await till.page.get_by_label("Language").select_option("ar")

    await expect(till.notice).to_contain_text("الكمية لا تكفي: شاي أخضر.")
    await expect(till.at("notice-sentences")).to_contain_text("المتبقي هنا: 1")
    await till.page.reload()
    await till.is_in("ringing")
    assert await till.page.evaluate("document.dir") == "rtl"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["en-US", "ar-EG"])
async def test_nothing_is_wider_than_the_screen_and_every_text_can_be_read(
    browser: Browser, shop: Shop, line: SimWan, size: ViewportSize, locale: str
) -> None:
    long = await shop.product(price=123_456, name="Thing with a name that goes on " * 6)
    async with till_tab(browser, line.port, size=size, locale=locale) as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await till.scan(long)
        await till.take_cash("999999")
        await till.is_in("ringing")
        await expect(till.notice).to_be_visible()

        assert await till.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert await till.page.evaluate(CONTRASTS_TOO_LOW) == []
        assert await till.page.evaluate(OUT_OF_THEIR_BOX) == []
        await till.press("F2")
        await till.is_in("paying")
        assert await till.page.evaluate(OUT_OF_THEIR_BOX) == []


async def test_every_field_has_a_name_and_the_tab_key_goes_through_in_order(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(stock=8)
    await till.scan(sku)

    names = []
    for _ in range(9):
        await till.press("Tab")
        names.append(
            await till.page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()"
            )
        )

    thing = f"Thing {sku}"
    assert names == [
        "Add", f"One less of {thing}", f"Quantity of {thing}", f"One more of {thing}",
        "Cash F2", "Card F4", "Void line F8", "New basket F9", names[-1],
    ]  # fmt: skip
    fields = till.page.locator("input, select")
    for each in range(await fields.count()):
        field = fields.nth(each)
        named = await field.evaluate("one => one.labels.length > 0 || one.ariaLabel !== null")
        assert named, await field.evaluate("one => one.outerHTML")


async def test_a_phone_sells_by_touch_alone(browser: Browser, shop: Shop, line: SimWan) -> None:
    sku = await shop.product(price=100, stock=8)
    context = await browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    till = TillTab(page=await context.new_page(), url=f"http://{HOST}:{line.port}/register")
    await till.open()
    await till.at("token").fill(shop.at_gateway("cashier", register="till-1").token or "")
    await till.page.get_by_role("button", name="Sign in").tap()
    await till.at("code").fill(sku)
    await till.page.get_by_role("button", name="Add").tap()
    await till.page.get_by_label("One more of").tap()
    await expect(till.at("total")).to_have_text("$2.00")
    await till.page.get_by_role("button", name="Cash").tap()
    await till.page.get_by_role("button", name="Book the sale").tap()
    await till.is_in("done")
    await context.close()

    (sale,) = await sales_of(shop, sku)
    assert sale["total_minor"] == 200


OUT_OF_THEIR_BOX = """() => {
  const out = [];
  for (const one of document.querySelectorAll("button, input, select, bdi, dd")) {
    const inner = one.getBoundingClientRect();
    const box = one.closest("#side, #basket, #scan, header, main")?.getBoundingClientRect();
    const over = Math.max(box.left - inner.left, inner.right - box.right);
    if (inner.width > 0 && over > 1) out.push(`${one.outerHTML}: ${over}`);
    if (one.localName === "button" && inner.height > 80) out.push(`${one.outerHTML}: broken up`);
  }
  return out;
}"""
"""Whatever sticks out of the part that it belongs to, and buttons broken into many lines."""

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
