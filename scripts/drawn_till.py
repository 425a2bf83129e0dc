"""`python -m scripts.drawn_till`: the pictures of the till in the documents.

A hub and a gateway run, as in the tests; a basket of four lines with an offer, a coupon and a store
credit stands at the till, in English and in Arabic.
"""

import asyncio
import datetime
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import ViewportSize, async_playwright

from scripts.drawn_status import save
from tests.browser.till_tab import chromium, till_tab
from tests.programs import Shop, open_shop, sale_of, told

WINDOW: Final = ViewportSize(width=1024, height=960)
TILLS: Final = (("till-en", "en-EG"), ("till-ar", "ar-EG"))
REGISTER: Final = "till-1"
COUPON: Final = "FRIENDS-26"
CREDIT_UNITS: Final = 2
"""Bread that is brought back for the store credit."""

TAXES: Final = {"egypt": "0.14", "staple": "exempt"}

PRODUCTS: Final[dict[str, dict[str, Any]]] = {
    "tea-500": {"name": "Green tea, 500 g", "price_minor": 14_500, "arabic": "شاي أخضر، 500 غ"},
    "bread": {
        "name": "Baladi bread", "price_minor": 500, "arabic": "خبز بلدي", "tax_class": "staple",
    },
    "jam-fig": {"name": "Fig jam", "price_minor": 6_200, "arabic": "مربى التين"},
    "cheese": {
        "name": "White cheese", "price_minor": 18_000, "arabic": "جبنة بيضاء", "unit": "g",
        "price_per_quantity": 1_000,
    },
}  # fmt: skip

PROMOTIONS: Final[dict[str, dict[str, Any]]] = {
    "week-of-tea": {
        "name": "Week of tea",
        "effect": {"kind": "percentage", "skus": ["tea-500"], "off_bp": 1_000},
    },
    "friends": {
        "name": "Friends", "coupon": COUPON, "currency": "EGP",
        "effect": {"kind": "order_threshold", "threshold_minor": 10_000, "off_minor": 2_500},
    },
}  # fmt: skip

CODES: Final = ("2*tea-500", "5*bread", "jam-fig", "350*cheese")


async def _put(shop: Shop, path: str, body: object) -> None:
    reply = await shop.admin.ask("PUT", path, body=body)
    assert reply.status in (200, 201), reply


async def _furnish(shop: Shop) -> str:
    """Give the shop its goods and offers; the code of a store credit."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for name, rate in TAXES.items():
        await _put(shop, f"/v1/taxes/home/{name}/{today}", {"rate": rate, "inclusive": True})
    for sku, told_of in PRODUCTS.items():
        fields = {"currency": "EGP", "tax_class": "egypt"} | told_of
        fields["translations"] = {"ar": {"name": fields.pop("arabic")}}
        await _put(shop, f"/v1/products/{sku}", fields)
    for name, promotion in PROMOTIONS.items():
        await _put(shop, f"/v1/promotions/{name}", promotion)
    await shop.settled()
    for sku in PRODUCTS:
        await shop.receive(sku, 5_000)
    sale = await shop.cashier.done("/v1/sales", sale_of("bread", CREDIT_UNITS))
    brought = {
        "register": REGISTER, "sale": sale["id"], "reason": "unwanted", "refund_to": "store_credit",
        "lines": [{"sku": "bread", "quantity": CREDIT_UNITS}],
    }  # fmt: skip
    return str((await shop.cashier.done("/v1/returns", brought))["credit"])


async def _draw_all() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        config = root / "hub.toml"
        config.write_text('currency = "EGP"\n')
        async with open_shop(root, hub_config=config) as shop, async_playwright() as playwright:
            browser = await chromium(playwright)
            credit = await _furnish(shop)
            token = told(
                "gateway", "token", "--data", str(shop.gateway_data), "--role", "cashier",
                "--register", REGISTER, "--name", "Amira",
            )  # fmt: skip
            for name, locale in TILLS:
                async with till_tab(browser, shop.gateway.port, size=WINDOW, locale=locale) as till:
                    await till.sign_in(token)
                    await till.scan(*CODES)
                    await till.lines.nth(len(CODES) - 1).wait_for()
                    for key, code, place in (("F6", COUPON, "coupons"), ("F7", credit, "credits")):
                        await till.press(key)
                        await till.type(code)
                        await till.at(place).locator("li").wait_for()
                    await till.is_priced()
                    save(name, await till.page.screenshot(animations="disabled"))
            await browser.close()


def main() -> int:
    """Draw them; answers the exit status."""
    asyncio.run(_draw_all())
    return 0


if __name__ == "__main__":
    sys.exit(main())
