"""Goal: one code means one thing, whoever asks: a lookup, a sale, and the register that hears it.

Method: a running gateway over HTTP and WebSocket, codes typed by its simulated scanner.
"""

import datetime
from typing import Any
from urllib.parse import quote

import pytest

from tests.integration.programs.conftest import Devices
from tests.integration.programs.test_live import listening, next_of
from tests.programs import Shop, fresh, sale_of, until

FAR = datetime.date.today() + datetime.timedelta(days=400)  # noqa: DTZ011 - more than any zone
PAST = datetime.date.today() - datetime.timedelta(days=40)  # noqa: DTZ011


def number() -> str:
    """A GTIN-14 that nothing else in this run has."""
    body = f"9{int(fresh('1').rpartition('-')[2]):012}"
    singles, triples = body[-2::-2], body[::-2]
    return f"{body}{-(sum(map(int, singles)) + 3 * sum(map(int, triples))) % 10}"


async def cheese(shop: Shop) -> tuple[str, str]:
    """A product by the gram, 12.99 a kilogram, and its GTIN."""
    gtin = number()
    sku = await shop.product(
        price=1_299, stock=100_000, barcodes=[gtin], unit="g", price_per_quantity=1_000
    )
    return sku, gtin


async def looked_up(shop: Shop, code: str) -> Any:  # noqa: ANN401
    return await shop.cashier.read(f"/v1/lookup?code={quote(code)}")


async def test_a_gs1_code_means_the_same_to_all_who_ask(shop: Shop, devices: Devices) -> None:
    sku, gtin = await cheese(shop)
    code = f"]d201{gtin}17{FAR:%y%m%d}3103001250\x1d10AB-1\x1d21S7"
    said = {
        "sku": sku, "quantity": 1_250, "line_total_minor": None, "expires_on": f"{FAR}",
        "is_expired": False, "best_before": None, "batch": "AB-1", "serial": "S7",
    }  # fmt: skip

    one = shop.at_gateway("cashier", register="till-1")
    async with listening(shop, one) as heard:

        async def typed() -> bool:
            return devices.scanners["till-1"].scan(code.encode())

        await until(typed)
        scan = await next_of(heard, "scan", code=code)
    found = await looked_up(shop, code)
    body = sale_of("x") | {"lines": [{"barcode": code, "quantity": 2}]}
    sale = await shop.cashier.done("/v1/sales", body)

    assert scan.items() >= said.items()
    assert scan["symbology"] == "GS1 DataMatrix"
    assert found.items() >= said.items()
    (line,) = sale["lines"]
    assert (line["sku"], line["quantity"], line["total_minor"]) == (sku, 2_500, 3_248)


async def test_a_use_by_date_that_is_past_is_told_and_refuses_nothing(shop: Shop) -> None:
    gtin = number()
    sku = await shop.product(price=100, stock=8, barcodes=[gtin])
    code = f"01{gtin}17{PAST:%y%m%d}10OLD"

    found = await looked_up(shop, code)
    body = sale_of("x") | {"lines": [{"barcode": code, "quantity": 1}]}
    sale = await shop.cashier.done("/v1/sales", body)

    assert (found["sku"], found["expires_on"], found["is_expired"]) == (sku, f"{PAST}", True)
    assert sale["lines"][0]["sku"] == sku
    plain = await looked_up(shop, gtin)
    assert (plain["expires_on"], plain["is_expired"], plain["batch"]) == (None, None, None)


async def test_a_price_in_a_gs1_code_is_what_the_line_costs(shop: Shop) -> None:
    sku, gtin = await cheese(shop)
    code = f"]e001{gtin}31030012503922999"

    found = await looked_up(shop, code)
    body = sale_of("x") | {"lines": [{"barcode": code, "quantity": 1}]}
    sale = await shop.cashier.done("/v1/sales", body)

    assert (found["sku"], found["quantity"], found["line_total_minor"]) == (sku, 1_250, 999)
    assert (sale["lines"][0]["quantity"], sale["total_minor"]) == (1_250, 999)


@pytest.mark.parametrize(
    ("code", "fault", "words"),
    [
        ("4006381333932", "check-digit", "The check digit is wrong, scan again"),
        ("]E04006381333932", "check-digit", "The check digit is wrong, scan again"),
        ("]d20104006381333932", "check-digit", "The check digit is wrong, scan again"),
        ("]C10104006381333931XX", "unreadable", "cannot be read whole, scan again"),
        ("9" * 1_025, "too-long", "longer than any code"),
    ],
)
async def test_a_code_that_was_read_wrong_is_asked_for_again(
    shop: Shop, code: str, fault: str, words: str
) -> None:
    async with shop.nothing_changes():
        refused = await shop.cashier.get(f"/v1/lookup?code={quote(code)}")
        assert refused.refusal == (404, "unknown-product")
        assert refused.json["fault"] == fault
        assert words in refused.json["detail"]
        if len(code) <= 1_024:
            body = sale_of("x") | {"lines": [{"barcode": code, "quantity": 1}]}
            sale = await shop.cashier.post("/v1/sales", body)
            assert sale.refusal == (404, "unknown-product")
            assert (sale.json["fault"], sale.json["field"]) == (fault, "$.lines[0]")
            assert words in sale.json["detail"]


@pytest.mark.parametrize(
    "code", ["http://[", "]d2", "\x1d", "]Q1https://x/01/%FF", "(01)", "]C1(("]
)
async def test_no_code_is_too_odd_to_be_unknown(shop: Shop, code: str) -> None:
    refused = await shop.cashier.get(f"/v1/lookup?code={quote(code)}")

    assert refused.refusal == (404, "unknown-product")


async def test_a_code_that_a_catalogue_keeps_as_text_is_found_in_spite_of_its_digits(
    shop: Shop,
) -> None:
    sku = await shop.product(barcodes=["4006381333935"])

    assert (await looked_up(shop, "4006381333935"))["sku"] == sku
    assert (await looked_up(shop, "]E04006381333935"))["sku"] == sku


async def test_a_label_that_is_read_twice_at_once_is_told_as_a_duplicate(
    shop: Shop, devices: Devices
) -> None:
    one = shop.at_gateway("cashier", register="till-1")
    async with listening(shop, one) as heard:

        async def typed() -> bool:
            return devices.scanners["till-1"].type_bytes(b"double\rdouble\r")

        await until(typed)
        first, second = [await next_of(heard, "scan", code="double") for _ in range(2)]

    assert (first["duplicate"], second["duplicate"]) == (False, True)
