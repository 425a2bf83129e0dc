"""Goal: a chain sells in a currency of no, two or three decimals, and no minor unit goes astray.

Method: a hub and a gateway as processes for each currency, with the tax on top of prices and
rounded on the total. One basket is quoted at both ends, sold, printed as a receipt, exported and
imported. The amounts are worked out by hand.
"""

from pathlib import Path

import pytest

from tests.programs import Shop, fresh, open_shop, until

CASES = [
    # three lines of one unit, 14 % on top: 9.09 x 14 % is 1.2726, and by line it would be 0.42 x 3
    ("JPY", 303, 127, "303", "1036"),
    ("USD", 303, 127, "3.03", "10.36"),
    ("KWD", 1_303, 547, "1.303", "4.456"),
]


@pytest.mark.parametrize(("currency", "price_minor", "tax_minor", "price", "total"), CASES)
async def test_a_basket_is_the_same_everywhere(
    tmp_path: Path, currency: str, price_minor: int, tax_minor: int, price: str, total: str
) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(
        f'currency = "{currency}"\ntax_rounding = "total"\n'
        'standard_tax_rate = "0.14"\ntax_inclusive = false\n'
    )
    async with open_shop(tmp_path, hub_config=config) as shop:
        sku = await product(shop, currency, price_minor)
        lines = [{"sku": sku, "quantity": 1}] * 3

        quoted = (await shop.cashier.ask("POST", "/v1/quotes", body={"lines": lines})).json
        online = (await shop.storefront.ask("POST", "/v1/quotes", body={"lines": lines})).json
        sale = await shop.cashier.done("/v1/sales", {
            "register": "till-1", "lines": lines,
            "tenders": [{"type": "cash", "amount_minor": 10**6}],
            "expected_total_minor": quoted["total_minor"],
        })  # fmt: skip
        receipt = (await shop.cashier.get(f"/v1/sales/{sale['id']}/receipt")).body.decode()
        exported = (await shop.admin.get("/v1/catalogue/export")).body
        back = await shop.admin.ask(
            "POST", "/v1/catalogue/import", raw=exported,
            headers={"Content-Type": "text/csv", "Idempotency-Key": fresh("key")},
        )  # fmt: skip
        finer = await shop.admin.ask(
            "POST", "/v1/catalogue/import?dry_run=true",
            raw=f"sku,name,price\n{sku},Tea,{price}{'' if '.' in price else '.'}1\n".encode(),
            headers={"Content-Type": "text/csv", "Idempotency-Key": fresh("key")},
        )  # fmt: skip

    total_minor = 3 * price_minor + tax_minor
    for told in (quoted, online, sale):
        assert (told["currency"], told["tax_minor"]) == (currency, tax_minor)
        assert told["total_minor"] == total_minor
        assert sum(line["tax_minor"] for line in told["lines"]) == tax_minor
        assert sum(line["total_minor"] for line in told["lines"]) == total_minor
    assert quoted["taxes"] == [{
        "tax_rate": "0.14", "net_minor": 3 * price_minor, "tax_minor": tax_minor,
        "total_minor": total_minor,
    }]  # fmt: skip
    assert total in receipt
    assert f",{currency},{price}," in exported.decode()
    assert (back.json["unchanged"], back.json["errors"]) == (1, 0)
    assert [one["column"] for one in finer.json["problems"]] == ["price"]


async def product(shop: Shop, currency: str, price_minor: int) -> str:
    """A product in the chain's currency that the store knows, and has ten of."""
    sku = fresh("SKU")
    body = {"name": "Tea", "price_minor": price_minor, "currency": currency}
    assert (await shop.admin.ask("PUT", f"/v1/products/{sku}", body=body)).status == 201

    async def known() -> bool:
        return (await shop.technician.get(f"/v1/products/{sku}")).status == 200

    await until(known)
    await shop.receive(sku, 10)
    return sku
