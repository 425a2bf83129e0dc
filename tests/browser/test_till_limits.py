"""Goal: at the till, a coupon that is used up, or cannot be checked, is refused in plain words.

Method: Chromium against running programs; a limited coupon is used up by an order, or the line to
head office is cut.
"""

import pytest
from playwright.async_api import expect

from devices.sim.wan import WanMode
from tests.browser.test_till_coupons import coupon, redeem
from tests.browser.till_tab import CHROMIUM, TillTab
from tests.programs import Shop, order_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]


async def test_a_coupon_that_is_used_up_is_refused_in_words(till: TillTab, shop: Shop) -> None:
    sku = await shop.product(price=500, stock=8)
    code = await coupon(shop, sku, max_usage=1)
    body = order_of(sku, 1) | {"coupon": code}
    assert (await shop.storefront.granted("/v1/orders", body))["total_minor"] == 450
    await till.scan(sku)

    await redeem(till, code)

    await expect(till.notice).to_contain_text(f"The coupon {code} is not taken.")
    await expect(till.notice).to_contain_text("It is used up.")
    await expect(till.at("total")).to_have_text("$5.00")


async def test_a_coupon_that_cannot_be_checked_is_refused_in_words(
    till: TillTab, shop: Shop
) -> None:
    sku = await shop.product(price=500, stock=8)
    code = await coupon(shop, sku, max_usage=1)
    body = order_of(sku, 1) | {"coupon": code}
    assert (await shop.storefront.granted("/v1/orders", body))["total_minor"] == 450
    await till.scan(sku)
    await shop.wan.set_mode(WanMode.CUT)
    try:
        await redeem(till, code)

        await expect(till.notice).to_contain_text("while the line to head office is down")
    finally:
        await shop.wan.set_mode(WanMode.PASS)
    await expect(till.at("total")).to_have_text("$5.00")
