"""Goal: what a program says about itself in /openapi.json is what it does.

Method: the documents of the running programs, read as a client generator would, and compared with
answers that the programs give.
"""

from typing import Any

import pytest

from tests.programs import Caller, Shop, order_of, sale_of


def caller_of(shop: Shop, program: str) -> Caller:
    return shop.cashier if program == "gateway" else shop.admin


def references(node: Any) -> list[str]:  # noqa: ANN401 - any part of a document
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [one for value in node.values() for one in references(value)]
    if isinstance(node, list):
        return [one for value in node for one in references(value)]
    return []


@pytest.mark.parametrize("program", ["gateway", "hub"])
async def test_the_document_is_whole(shop: Shop, program: str) -> None:
    document = await caller_of(shop, program).read("/openapi.json")

    assert document["openapi"].startswith("3.1")
    assert document["info"]["version"]
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


KEYLESS = {
    "/v1/ping", "/v1/enrolments", "/v1/audit", "/v1/quotes", "/v1/orders/quotes",
    "/v1/returns/claim", "/v1/replicate/branch", "/v1/replicate/renew",
}  # fmt: skip
"""Posts that change nothing, or that have a code of their own which is used once."""


@pytest.mark.parametrize("program", ["gateway", "hub"])
async def test_every_post_that_changes_something_wants_a_key(shop: Shop, program: str) -> None:
    document = await caller_of(shop, program).read("/openapi.json")

    for path, methods in document["paths"].items():
        if "post" in methods and path not in KEYLESS:
            named = [one for one in methods["post"]["parameters"] if one["in"] == "header"]
            assert [one["name"] for one in named] == ["Idempotency-Key"], path
            assert named[0]["required"] is True
            assert {"400", "401", "403", "409", "413", "422"} <= set(methods["post"]["responses"])


async def test_answers_have_the_members_that_are_described(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    sale = await shop.cashier.done("/v1/sales", sale_of(sku))
    order = await shop.storefront.done("/v1/orders", order_of(sku))
    at_gateway = (await shop.cashier.read("/openapi.json"))["components"]["schemas"]
    at_hub = (await shop.admin.read("/openapi.json"))["components"]["schemas"]

    always = set(sale) - {"clock_synchronised"}  # there where no time daemon keeps the clock right
    assert set(at_gateway["Sale"]["required"]) == always
    assert set(at_gateway["Sale"]["properties"]) == {*always, "clock_synchronised"}
    assert at_gateway["Sale"] == at_hub["Sale"]
    assert set(at_hub["Order"]["properties"]) == set(order)
    assert at_gateway["Order"] == at_hub["Order"]
    assert set(at_gateway["StockView"]["properties"]) == set(await shop.stock(sku))
