"""Goal: a cashier sees in words what a scan said, in either language, and nothing counts twice.

Method: Chromium on the till of running programs; the register's simulated scanner types.
"""

import asyncio

import pytest
from playwright.async_api import expect

from devices.sim.scanner import SimScanner
from tests.browser.till_tab import CHROMIUM, TillTab
from tests.programs import Shop

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no chromium at {CHROMIUM}"),
]

CHEESE = "94006381333934"
MILK = "04006381333931"


async def typed(scanner: SimScanner, data: bytes) -> None:
    assert await asyncio.to_thread(scanner.type_bytes, data)


async def test_a_weight_and_a_date_on_the_label_are_shown(
    till: TillTab, shop: Shop, scanner: SimScanner
) -> None:
    sku = await shop.product(
        price=1_000, stock=9_000, barcodes=[CHEESE], unit="g", price_per_quantity=1_000
    )

    await typed(scanner, f"]e001{CHEESE}310300125017200131\r".encode())

    await expect(till.lines).to_have_count(1)
    await expect(till.lines.locator(".pack")).to_have_text("1,250 g")
    await expect(till.at("total")).to_have_text("$12.50")
    await expect(till.notice).to_contain_text(f"Thing {sku} was to be used by Jan 31, 2020.")
    await till.sell_for_cash()
    sales = await shop.cashier.all("/v1/sales")
    (sale,) = [one for one in sales if one["lines"][0]["sku"] == sku]
    assert (sale["lines"][0]["quantity"], sale["total_minor"]) == (1_250, 1_250)
    assert till.complaints == []


async def test_a_label_that_is_read_twice_at_once_counts_once(
    till: TillTab, shop: Shop, scanner: SimScanner
) -> None:
    sku = await shop.product(price=100, barcodes=[MILK])

    await typed(scanner, f"{MILK}\r{MILK}\r".encode())

    await expect(till.notice).to_contain_text(
        f"Thing {sku} was read twice at once and is counted once."
    )
    await expect(till.at("total")).to_have_text("$1.00")


async def test_a_wrong_check_digit_is_asked_for_again_in_either_language(
    till: TillTab, scanner: SimScanner
) -> None:
    await typed(scanner, b"4006381333932\r")
    await expect(till.notice).to_contain_text("The check digit of 4006381333932 is wrong.")
    await expect(till.notice).to_contain_text("Scan it again")

    await till.at("language").select_option("ar")

    await expect(till.notice).to_contain_text("رقم التحقق في 4006381333932 خطأ.")
    await expect(till.lines).to_have_count(0)


async def test_a_scan_that_stopped_is_said_because_the_scanner_has_beeped(
    till: TillTab, scanner: SimScanner
) -> None:
    await typed(scanner, b"400638")

    await expect(till.notice).to_contain_text("Not added: the scan stopped in the middle.")
    await till.at("language").select_option("ar")
    await expect(till.notice).to_contain_text("انقطع المسح في منتصفه")


async def test_a_gs1_code_that_is_broken_is_no_unknown_product(
    till: TillTab, scanner: SimScanner
) -> None:
    await typed(scanner, f"]C101{MILK}17ABCDEF\r".encode())

    await expect(till.notice).to_contain_text("cannot be read whole")
