"""Goal: a store credit pays at the till, in part or in full, and what is left of it can be read.

Method: Chromium against running programs; credits are issued by returns over the API. What is
booked is read at the gateway and never believed from the screen.
"""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from devices.sim.wan import SimWan
from tests.browser.till_tab import CHROMIUM, TillTab, sales_of, till_tab
from tests.programs import Shop, sale_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def issued(shop: Shop, units: int) -> str:
    """The code of a credit of so many dollars."""
    sku = await shop.product(stock=units)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku, units))
    body = {
        "register": "till-1", "sale": sale["id"], "reason": "unwanted",
        "lines": [{"sku": sku, "quantity": units}], "refund_to": "store_credit",
    }  # fmt: skip
    came = await shop.cashier.done("/v1/returns", body)
    return str(came["credit"])


async def show(till: TillTab, code: str) -> None:
    await till.press("F7")
    await till.type(code)


async def tenders_of(shop: Shop, sku: str) -> Any:  # noqa: ANN401 - JSON
    (sale,) = await sales_of(shop, sku)
    return sale["tenders"]


async def test_a_credit_pays_what_it_has_and_cash_the_rest(till: TillTab, shop: Shop) -> None:
    code, sku = await issued(shop, 3), await shop.product(price=500, stock=8)
    await till.scan(sku)

    await show(till, code.lower())
    await expect(till.at("credits")).to_have_text(f"Store credit {code}: $3.00×")  # noqa: RUF001 - the button's sign
    await expect(till.at("credited")).to_have_text("-$3.00")
    await expect(till.at("due")).to_have_text("$2.00")
    await expect(till.at("credit-code")).to_have_value("")
    await till.take_cash("10")

    await till.is_in("done")
    await expect(till.at("change")).to_have_text("$8.00")
    assert await tenders_of(shop, sku) == [
        {"type": "store_credit", "amount_minor": 300, "credit": code, "left_minor": 0},
        {"type": "cash", "amount_minor": 1_000},
    ]
    await expect(till.at("receipt")).to_contain_text("Left of it")
    await till.press("F9")
    await expect(till.at("credits").locator("li")).to_have_count(0)
    await expect(till.at("credit-row")).to_be_hidden()
    assert till.complaints == []


@pytest.mark.parametrize("key", ["F2", "F4"])
async def test_a_credit_that_pays_all_asks_for_nothing_else(
    till: TillTab, shop: Shop, key: str
) -> None:
    code, sku = await issued(shop, 8), await shop.product(price=500, stock=8)
    await till.scan(sku)
    await show(till, code)
    await expect(till.at("due")).to_have_text("$0.00")

    await till.press(key)
    await till.is_in("paying")
    await expect(till.at("pay-card")).to_have_text(
        "The store credit pays all of it. Book the sale."
    )
    await expect(till.at("pay-cash")).to_be_hidden()
    await till.press("Enter")

    await till.is_in("done")
    assert await tenders_of(shop, sku) == [
        {"type": "store_credit", "amount_minor": 500, "credit": code, "left_minor": 300}
    ]


async def test_a_card_pays_the_rest_and_a_reload_keeps_the_credit(
    till: TillTab, shop: Shop
) -> None:
    code, sku = await issued(shop, 3), await shop.product(price=500, stock=8)
    await till.scan(sku)
    await show(till, code)
    await expect(till.at("due")).to_have_text("$2.00")

    await till.page.reload()
    await till.is_in("ringing")
    await expect(till.at("due")).to_have_text("$2.00")
    await till.press("F4")
    await expect(till.at("pay-card")).to_contain_text("Take $2.00 on the card terminal")
    await till.press("Enter")

    await till.is_in("done")
    assert [one["amount_minor"] for one in await tenders_of(shop, sku)] == [300, 200]


async def test_a_credit_is_taken_out_again(till: TillTab, shop: Shop) -> None:
    code, sku = await issued(shop, 3), await shop.product(price=500, stock=8)
    await till.scan(sku)
    await show(till, code)
    await expect(till.at("due-row")).to_be_visible()

    await till.at("credits").get_by_role("button").click()
    await expect(till.at("due-row")).to_be_hidden()
    await till.sell_for_cash()

    assert [one["type"] for one in await tenders_of(shop, sku)] == ["cash"]


async def test_a_credit_note_is_scanned_like_goods_before_the_money_is_taken(
    till: TillTab, shop: Shop
) -> None:
    code, sku = await issued(shop, 3), await shop.product(price=500, stock=8)
    await till.type(code)
    await expect(till.notice).to_contain_text("First the goods, then the store credit.")
    await till.scan(sku)

    await till.type(code)
    await expect(till.at("due")).to_have_text("$2.00")
    await expect(till.lines).to_have_count(1)
    await till.sell_for_cash("2")

    assert [one["amount_minor"] for one in await tenders_of(shop, sku)] == [300, 200]


async def test_what_was_spent_meanwhile_is_refused_in_words(till: TillTab, shop: Shop) -> None:
    code, sku = await issued(shop, 3), await shop.product(price=500, stock=8)
    other = await shop.product(price=100, stock=8)
    await till.scan(sku)
    await show(till, code)
    await expect(till.at("due")).to_have_text("$2.00")
    spent = {"type": "store_credit", "amount_minor": 200, "credit": code}
    await shop.cashier.done("/v1/sales", sale_of(other, 2) | {"tenders": [spent]})

    await till.take_cash("2")

    await till.is_in("ringing")
    await expect(till.notice).to_contain_text(f"The store credit {code} does not pay this.")
    await expect(till.notice).to_contain_text("$1.00 are left on it.")
    await show(till, code)
    await expect(till.at("due")).to_have_text("$4.00")
    await till.sell_for_cash("4")
    assert [one["amount_minor"] for one in await tenders_of(shop, sku)] == [100, 400]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("none", "This is no code of a store credit."),
        ("RIVERSIDE-1-57-USD-K7QX2MA", "A letter or digit of the code is wrong."),
    ],
)
async def test_what_is_no_credit_is_said_to_be_none(
    till: TillTab, shop: Shop, typed: str, words: str
) -> None:
    await till.scan(await shop.product(price=500, stock=8))

    await show(till, typed)

    await expect(till.notice).to_contain_text(words)
    await expect(till.at("credit-code")).to_have_value(typed)
    await expect(till.at("credits").locator("li")).to_have_count(0)


async def test_in_arabic_a_credit_is_shown_and_refused_in_arabic(
    browser: Browser, shop: Shop, line: SimWan
) -> None:
    code, sku = await issued(shop, 3), await shop.product(price=500, stock=8)
    async with till_tab(browser, line.port, locale="ar-EG") as till:
        await till.sign_in(shop.at_gateway("cashier", register="till-1").token)
        await till.scan(sku)

        await show(till, "none")
        await expect(till.notice).to_contain_text("هذا ليس رمز رصيد")
        await till.at("credit-code").fill(code)
        await till.press("Enter")

        await expect(till.at("credits")).to_contain_text("رصيد لدى المتجر")
        await expect(till.at("due")).to_contain_text("٢")
