"""Goal: a manager writes off a register that is gone, on the status page: once, and knowingly.

Method: Chromium on the page of a bare application (`status_tab`), and on a running gateway whose
register that sells alone is killed and not found again, or found while somebody writes it off.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest
from playwright.async_api import Browser, expect

from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.lost_answers import LostAnswers
from tests.browser.status_tab import PHONE, Box, Tab, open_tab
from tests.browser.till_tab import CHROMIUM, HOST
from tests.programs import Shop
from tests.register_program import enrolled, running
from tests.status_samples import NOON_MS, register_gone

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

WRITE_OFF = "button[data-lost]"


async def test_only_a_manager_sees_the_button_and_others_are_told_who_may(
    browser: Browser, box: Box
) -> None:
    box.report = register_gone()

    async with open_tab(browser) as tab:
        await tab.live(box)
        buttons, who_may = (
            tab.page.locator(WRITE_OFF),
            tab.page.locator("[data-part=registers] .resting"),
        )
        for token in (None, "ct_technician"):
            if token is not None:
                await tab.unlock(token)
                await expect(tab.page.locator("#who")).to_contain_text("nour")
            await expect(who_may).to_have_text(
                "If one is gone for good, a manager who signs in can write it off."
            )
            await expect(buttons.first).to_be_hidden()
        await tab.page.get_by_role("button", name="Sign out").click()

        await tab.unlock("ct_manager")

        await expect(buttons).to_have_count(2)
        await expect(buttons.first).to_be_visible()
        await expect(who_may).to_be_hidden()
        assert tab.complaints == []


async def test_it_says_what_it_means_and_asks_why_before_anything_is_done(
    browser: Browser, box: Box
) -> None:
    box.report = register_gone()

    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_manager")
        await tab.page.locator(WRITE_OFF).last.click()

        dialog = tab.page.get_by_role("dialog", name="Write till-3 off?")
        await expect(dialog).to_contain_text("From then on it sells nothing under this name.")
        await expect(dialog).to_contain_text(
            "nobody's until the goods that it could sell are counted"
        )
        do = dialog.get_by_role("button", name="Write till-3 off")
        await do.click()
        await tab.page.locator("#why-reason").fill("   ")
        await do.click()
        await expect(dialog).to_be_visible()
        await dialog.get_by_role("button", name="Keep it").click()
        await expect(dialog).to_be_hidden()
        assert box.asked == []

        await tab.page.locator(WRITE_OFF).first.click()
        await tab.page.locator("#why-reason").fill(" stolen ")
        await tab.page.get_by_role("button", name="Write riverside.till-1.1 off").click()

        await expect(tab.page.locator("#told-words")).to_contain_text(
            "riverside.till-1.1 is written off"
        )
        body = {"reason": "stolen", "writer": "riverside.till-1.1"}
        assert box.asked == [("/v1/registers/till-1/lost", body)]
        assert tab.complaints == []


async def test_news_take_nothing_from_the_dialog_that_was_typed(browser: Browser, box: Box) -> None:
    box.report = register_gone()

    async with open_tab(browser) as tab:
        await tab.live(box)
        await tab.unlock("ct_manager")
        await tab.page.locator(WRITE_OFF).last.click()
        await tab.page.keyboard.type("left in a taxi")

        box.show(register_gone(NOON_MS + 60_000))

        await expect(tab.page.locator("#gateway-time")).to_contain_text("12:01")
        await tab.page.keyboard.press("Enter")
        await expect(tab.page.locator("#told-words")).to_contain_text("till-3 is written off")
        assert [body["reason"] for _, body in box.asked] == ["left in a taxi"]


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_dialog_fits_a_phone_and_can_be_read(
    browser: Browser, box: Box, scheme: Literal["light", "dark"], language: str
) -> None:
    box.report = register_gone()

    async with open_tab(browser, width=320, scheme=scheme) as tab:
        await tab.live(box, language)
        await tab.unlock("ct_manager")
        await tab.page.locator(WRITE_OFF).first.click()
        await expect(tab.page.locator("#why")).to_be_visible()

        wide = await tab.page.evaluate(
            "[document.documentElement, why].map((one) => one.scrollWidth - one.clientWidth)"
        )
        height = await tab.page.locator("#why-do").evaluate("(one) => one.clientHeight")
        assert wide == [0, 0]
        assert height >= 42, "a finger needs that"
        assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []
        assert tab.complaints == []


# A running shop


async def row_of(shop: Shop, name: str) -> Any:  # noqa: ANN401
    """What the gateway has of a register."""
    rows = (await shop.manager.read("/v1/registers?limit=500"))["items"]
    return next(row for row in rows if row["register"] == name)


@asynccontextmanager
async def managers_page(browser: Browser, shop: Shop) -> AsyncIterator[Tab]:
    """The shop's page on a manager's phone."""
    async with open_tab(browser, width=PHONE) as tab:
        await tab.page.goto(f"http://{HOST}:{shop.gateway.port}/status?lang=en")
        await tab.unlock(shop.manager.token or "")
        await expect(tab.page.locator("#unlocked")).to_be_visible()
        yield tab


async def test_a_register_that_nobody_finds_is_written_off_once_and_counted_back(
    browser: Browser, shop: Shop
) -> None:
    sku = await shop.product(stock=20)
    register = await enrolled(shop, "till-7")
    async with running(register) as alone:
        await alone.holds(2)
        await alone.sold(sku)
        await alone.is_handed_over()
    answers = LostAnswers()

    async with managers_page(browser, shop) as tab:
        await tab.page.route("**/lost", answers)
        item = tab.page.locator("[data-part=registers] li", has_text="till-7")
        await item.get_by_role("button", name="Write it off").click()
        await tab.page.locator("#why-reason").fill("left in a taxi")
        do = tab.page.get_by_role("button", name="Write till-7 off")
        await do.click()
        await expect(tab.page.locator("#why-said")).to_contain_text("it is the same request")
        answers.losing = False
        await do.click()

        await expect(tab.page.locator("#told-words")).to_contain_text("till-7 is written off")
        gone = tab.page.locator("[data-part=registers] li", has_text="riverside.till-7.1")
        await expect(gone).to_contain_text("Written off, counting brings back what it held")
        await expect(gone.get_by_role("button")).to_have_count(0)
        assert len(answers.sent) == 2
        assert len(set(answers.sent)) == 1, "both tries have the same key and the same bytes"

    lost = await row_of(shop, "till-7")
    assert (lost["state"], lost["reason"]) == ("lost", "left in a taxi")
    assert lost["quota_units"] > 0
    count = await shop.manager.done("/v1/stock/counts", {"skus": [sku]})
    path = f"/v1/stock/counts/{count['id']}"
    await shop.manager.done(f"{path}/lines", {"lines": [{"sku": sku, "counted": 19}]})
    await shop.manager.done(f"{path}/close", {})
    assert (await row_of(shop, "till-7"))["quota_units"] == 0


async def test_a_register_that_comes_back_while_it_is_written_off_is_not_lost(
    browser: Browser, shop: Shop
) -> None:
    register = await enrolled(shop, "till-8")

    async with managers_page(browser, shop) as tab:
        item = tab.page.locator("[data-part=registers] li", has_text="till-8")
        await item.get_by_role("button", name="Write it off").click()
        await tab.page.locator("#why-reason").fill("nobody has seen it")
        async with running(register) as alone:
            await alone.is_linked("connected")
            await tab.page.get_by_role("button", name="Write till-8 off").click()

            await expect(tab.page.locator("#why-said")).to_have_text(
                "The gateway refuses this: riverside.till-8.1 is connected at this moment: "
                "it is not lost."
            )
            await tab.page.get_by_role("button", name="Keep it").click()
            await expect(item).to_contain_text("Connected, can sell alone")
            await expect(item.get_by_role("button")).to_have_count(0)

    assert (await row_of(shop, "till-8"))["state"] != "lost"
