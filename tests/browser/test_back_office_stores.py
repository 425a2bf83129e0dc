"""Goal: head office sees what a replaced box still holds, and answers for it once it may.

Method: Chromium against running programs: a gateway's box is destroyed with what it had sold, and
another one takes its place. What was decided is read at the hub and never believed from the screen.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Route, expect

from devices.sim.wan import WanMode
from tests.browser.contrast import CONTRASTS_TOO_LOW
from tests.browser.hub_tab import NARROW, HubTab, hub_tab, is_live, says
from tests.browser.till_tab import CHROMIUM
from tests.programs import Shop, open_shop, sale_of
from tests.replacement import destroyed, replaced, sells, told_tokens

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

RECEIVED = 20


@pytest_asyncio.fixture(loop_scope="module")
async def another_box(tmp_path: Path) -> AsyncIterator[tuple[Shop, list[str]]]:
    """A shop whose box was destroyed and replaced, and the seven SKUs that stand in it."""
    async with open_shop(tmp_path) as shop:
        skus = [await shop.product(stock=RECEIVED) for _ in range(7)]
        await told_tokens(shop)
        await shop.wan.set_mode(WanMode.CUT)
        await shop.cashier.done("/v1/sales", sale_of(skus[0]))
        await destroyed(shop)
        await shop.wan.set_mode(WanMode.PASS)
        await replaced(shop)
        await sells(shop)
        yield shop, skus


async def counted(shop: Shop, skus: list[str]) -> None:
    """Everything is counted, as it stands there: one was sold that nobody has heard of."""
    count = await shop.manager.done("/v1/stock/counts", {"skus": skus})
    path = f"/v1/stock/counts/{count['id']}"
    units = dict.fromkeys(skus, RECEIVED) | {skus[0]: RECEIVED - 1}
    lines = [{"sku": sku, "counted": many} for sku, many in units.items()]
    await shop.manager.done(f"{path}/lines", {"lines": lines})
    await shop.manager.done(f"{path}/close", {})


async def life(shop: Shop) -> Any:  # noqa: ANN401
    """The first box's life, as the hub has it."""
    return (await shop.admin.read(f"/v1/locations/{shop.location}"))["lives"][0]


async def open_stores(tab: HubTab, token: str | None) -> None:
    """Sign in, and look at the stores."""
    await tab.sign_in(token)
    await is_live(tab)
    await tab.page.get_by_role("link", name="Stores").click()
    await expect(tab.at("stores")).to_be_visible()


async def test_a_box_that_is_gone_is_attested_once_nothing_of_it_is_missing(
    browser: Browser, another_box: tuple[Shop, list[str]]
) -> None:
    shop, skus = another_box
    lost = 0
    keys = []

    async def lose_the_first(route: Route) -> None:
        nonlocal lost
        keys.append((await route.request.all_headers())["idempotency-key"])
        if lost < 2:  # the hub has refused the first, and has not heard the second
            lost += 1
        await (route.abort() if lost == 2 and len(keys) == 2 else route.continue_())

    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await open_stores(tab, shop.admin.token)
        await tab.page.route("**/attest", lose_the_first)
        store = tab.at("stores-list").locator("li", has_text="Riverside").first
        await says(store, "Connected", "since", "riverside.2")
        await says(store, "riverside.1", "Its last sales may be missing", "and 2 more")
        await says(store, "had not been counted since riverside.2 is the gateway")
        await expect(tab.at("stores-unsettled")).to_have_text("(1)")

        await store.get_by_role("button", name="Attest that it is gone").click()
        await says(tab.at("why"), "Attest that riverside.1 is gone?", "switch it on once")
        do = tab.at("why").get_by_role("button", name="Attest that riverside.1 is gone")
        await do.click()
        assert keys == [], "it asks why first"
        await tab.at("why-reason").fill("it burnt")
        await do.click()
        await says(tab.at("why-said"), "What riverside.1 held stays frozen.", "count what stands")
        await counted(shop, skus)
        await says(store, "Nothing speaks against it any more.", f"of {min(skus)} (counted)")
        assert (await life(shop))["state"] == "open"

        await do.click()
        await says(tab.at("why-said"), "it is the same request")
        await do.click()

        await says(tab.notice, "riverside.1 is attested to be gone.", "Riverside has ")
        await says(store, "Attested to be gone", "it burnt")
        await expect(store.get_by_role("button")).to_have_count(0)
        await expect(tab.at("stores-unsettled")).to_be_empty()
        assert len(keys) == 3
        assert len(set(keys)) == 1

    gone = await life(shop)
    assert (gone["state"], gone["reason"], gone["frozen_units"]) == ("attested", "it burnt", 0)
    await shop.settled()
    assert (await shop.hub_stock(skus[0]))["on_hand"] == RECEIVED - 1


async def test_stores_fit_a_phone_and_who_may_not_attest_has_no_button(
    browser: Browser, another_box: tuple[Shop, list[str]]
) -> None:
    shop, _ = another_box

    for token, buttons in ((shop.auditor.token, 0), (shop.admin.token, 1)):
        async with hub_tab(browser, shop.hub.port, "/orders", size=NARROW) as tab:
            await open_stores(tab, token)
            store = tab.at("stores-list").locator("li").first
            await says(store, "riverside.1", "units are frozen")
            await expect(store.get_by_role("button")).to_have_count(buttons)
            assert await tab.width() <= NARROW["width"]
            assert await tab.page.evaluate(CONTRASTS_TOO_LOW) == []
            assert tab.complaints == []

    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await open_stores(tab, shop.storefront.token)
        await says(tab.at("stores-said"), "A token of the role storefront does not see stores.")
        await expect(tab.at("stores-list").locator("li")).to_have_count(0)


async def test_a_store_that_falls_off_the_line_is_said_without_a_reload(
    browser: Browser, shop: Shop
) -> None:
    async with hub_tab(browser, shop.hub.port, "/orders") as tab:
        await open_stores(tab, shop.admin.token)
        store = tab.at("stores-list").locator("li", has_text="Riverside").first
        await says(store, "Connected", "riverside.1")
        await expect(store.get_by_role("button")).to_have_count(0)

        await shop.wan.set_mode(WanMode.CUT)
        try:
            await says(store, "Down", "last heard")
        finally:
            await shop.wan.set_mode(WanMode.PASS)
        await says(store, "Connected")
        assert tab.complaints == []
