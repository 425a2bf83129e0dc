"""A visit to the hub's demonstration of a shop, in a real Chromium (`hub_tab`)."""

from http import HTTPStatus
from typing import Any

from playwright.async_api import Locator, expect

from tests.browser.hub_tab import HubTab
from tests.programs import Shop, until


async def enter(tab: HubTab, shop: Shop, sku: str = "") -> None:
    """Open the shop and look for a product."""
    await tab.sign_in(shop.storefront.token)
    await is_in(tab, "browsing")
    await tab.at("find").fill(sku)
    await expect(products(tab).locator(".stock").first).to_be_visible()


async def is_in(tab: HubTab, state: str) -> None:
    """Wait until the visit is in this state."""
    await expect(tab.page.locator("body")).to_have_attribute("data-state", state)


def products(tab: HubTab) -> Locator:
    """The products on the screen."""
    return tab.at("products").locator("li")


async def fill_basket(tab: HubTab, *, times: int = 1) -> None:
    """Put the product that was looked for into the basket."""
    for _ in range(times):
        await products(tab).first.get_by_role("button").click()
    await expect(tab.at("sums")).to_contain_text("Total")
    await expect(tab.at("check-out")).to_be_enabled()


async def check_out(tab: HubTab) -> None:
    """Set the basket's goods aside; on a busy machine a store may lend too late (`granted`)."""

    async def ask() -> bool:
        asked = tab.page.expect_response(lambda told: told.url.endswith("/v1/reservations"))
        async with asked as answer:
            await tab.at("check-out").click()
        return (await answer.value).status == HTTPStatus.CREATED

    await until(ask)
    await is_in(tab, "checkout")


async def fill_details(tab: HubTab, *, payment: str = "paid", ship: bool = True) -> None:
    """Say who buys, and how it is paid."""
    await tab.at("name").fill("Amira Haddad")
    await tab.at("reach").fill("amira@example.com")
    if ship:
        await tab.at("address").fill("12 Corniche")
    await tab.at("payment").select_option(payment)


async def order_now(tab: HubTab, **details: Any) -> str:  # noqa: ANN401 - passed on
    """Order what is set aside; the order's number."""
    await fill_details(tab, **details)
    await tab.at("order-now").click()
    await is_in(tab, "ordered")
    return (await tab.at("ordered-title").inner_text()).removeprefix("Order ")


async def orders_of(shop: Shop, sku: str) -> list[Any]:
    """The orders at the hub that are about a product."""
    orders = await shop.admin.all("/v1/orders")
    return [one for one in orders if any(line["sku"] == sku for line in one["lines"])]
