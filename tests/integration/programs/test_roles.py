"""Goal: each role may do what it is for and nothing else; a register's token speaks for it alone.

Method: every endpoint of the generated description is asked with every role's token; what a role
may do is written out here a second time.
"""

import re

from tests.hand_register import enrolled
from tests.programs import Caller, Shop, fresh, sale_of

TILL = {"cashier", "supervisor", "manager"}
STOCKROOM = {"supervisor", "manager"}
EVERYONE = TILL | {"technician"}
SERVICE = {"technician", "manager"}
HANDING_OVER = TILL | {"written-off"}
GATEWAY_ROLES = {
    "POST /v1/sales": TILL,
    "GET /v1/sales": TILL,
    "GET /v1/sales/{id}": TILL,
    "GET /v1/sales/{id}/receipt": TILL,
    "POST /v1/sales/{id}/print": TILL,
    "POST /v1/returns": TILL,
    "POST /v1/returns/{id}/inspect": STOCKROOM,
    "POST /v1/returns/{id}/settle": STOCKROOM,
    "GET /v1/returns": TILL,
    "GET /v1/returns/{id}": TILL,
    "POST /v1/exchanges": TILL,
    "GET /v1/credits/{code}": TILL,
    "POST /v1/quotes": TILL,
    "GET /v1/labels": TILL,
    "POST /v1/labels/printed": TILL,
    "POST /v1/baskets": TILL,
    "GET /v1/baskets/{id}": TILL,
    "DELETE /v1/baskets/{id}": TILL,
    "POST /v1/stock/receipts": STOCKROOM,
    "POST /v1/stock/adjustments": STOCKROOM,
    "POST /v1/stock/counts": STOCKROOM,
    "POST /v1/stock/counts/{id}/lines": TILL,
    "POST /v1/stock/counts/{id}/close": STOCKROOM,
    "POST /v1/stock/counts/{id}/cancel": STOCKROOM,
    "GET /v1/stock/counts": TILL,
    "GET /v1/stock/counts/{id}": TILL,
    "POST /v1/transfers": STOCKROOM,
    "POST /v1/transfers/{id}/ship": STOCKROOM,
    "POST /v1/transfers/{id}/receive": STOCKROOM,
    "GET /v1/transfers": TILL,
    "GET /v1/transfers/{id}": TILL,
    "GET /v1/stock/{sku}/explain": EVERYONE,
    "GET /v1/stock": EVERYONE,
    "GET /v1/stock/{sku}": EVERYONE,
    "GET /v1/products": EVERYONE,
    "GET /v1/products/{sku}": EVERYONE,
    "POST /v1/products": STOCKROOM,
    "GET /v1/lookup": EVERYONE,
    "GET /v1/movements": TILL,
    "GET /v1/orders": TILL,
    "GET /v1/orders/{id}": TILL,
    "POST /v1/orders/{id}/events": TILL,
    "POST /v1/orders": TILL,
    "POST /v1/orders/quotes": TILL,
    "POST /v1/orders/{id}/payments": TILL,
    "POST /v1/orders/{id}/slip/print": TILL,
    "POST /v1/orders/{id}/receipt/print": TILL,
    "POST /v1/ping": EVERYONE,
    "GET /v1/token": EVERYONE,
    "GET /v1/status": EVERYONE,
    "GET /v1/live": EVERYONE,
    "GET /v1/devices": EVERYONE,
    "POST /v1/devices/{name}/test": SERVICE,
    "GET /v1/print-jobs": SERVICE,
    "POST /v1/print-jobs/{id}/resolve": SERVICE,
    "GET /v1/diagnostics": SERVICE,
    "POST /v1/recovered-sales": TILL,
    "POST /v1/registers": HANDING_OVER,
    "GET /v1/registers": EVERYONE,
    "GET /v1/registers/hash": HANDING_OVER,
    "POST /v1/registers/{name}/lost": {"manager"},
    "GET /v1/replicate": HANDING_OVER,
}

READERS = {"admin", "storefront", "auditor"}
HUB_ROLES = {
    "PUT /v1/products/{sku}": {"admin"},
    "PUT /v1/prices/{id}": {"admin"},
    "GET /v1/prices": {"admin", "auditor"},
    "GET /v1/prices/{id}": {"admin", "auditor"},
    "DELETE /v1/prices/{id}": {"admin"},
    "PUT /v1/promotions/{id}": {"admin"},
    "GET /v1/promotions": {"admin", "auditor"},
    "GET /v1/promotions/{id}": {"admin", "auditor"},
    "DELETE /v1/promotions/{id}": {"admin"},
    "GET /v1/taxes": READERS,
    "PUT /v1/taxes/{jurisdiction}/{tax_class}/{valid_from}": {"admin"},
    "DELETE /v1/taxes/{jurisdiction}/{tax_class}/{valid_from}": {"admin"},
    "POST /v1/quotes": {"admin", "storefront"},
    "GET /v1/products": READERS,
    "GET /v1/products/{sku}": READERS,
    "GET /v1/availability": READERS,
    "GET /v1/availability/{sku}": READERS,
    "POST /v1/reservations": {"admin", "storefront"},
    "GET /v1/reservations/{id}": READERS,
    "DELETE /v1/reservations/{id}": {"admin", "storefront"},
    "POST /v1/orders": {"admin", "storefront"},
    "GET /v1/orders": READERS,
    "GET /v1/orders/{id}": READERS,
    "POST /v1/orders/{id}/events": {"admin", "storefront"},
    "POST /v1/orders/{id}/reallocate": {"admin"},
    "POST /v1/returns": {"admin", "storefront"},
    "POST /v1/returns/claim": set(),
    "GET /v1/returns": READERS,
    "GET /v1/returns/{id}": READERS,
    "GET /v1/announced-returns": READERS,
    "GET /v1/announced-returns/{id}": READERS,
    "GET /v1/shortages": {"admin", "auditor"},
    "GET /v1/shortages/{id}": {"admin", "auditor"},
    "POST /v1/shortages/{id}/resolve": {"admin"},
    "GET /v1/transfers": {"admin", "auditor"},
    "GET /v1/transfers/{id}": {"admin", "auditor"},
    "GET /v1/stock/{sku}/explain": {"admin", "auditor"},
    "POST /v1/audit": {"admin", "auditor"},
    "GET /v1/credits/{code}": READERS,
    "POST /v1/catalogue/import": {"admin"},
    "GET /v1/catalogue/imports/{id}": {"admin"},
    "GET /v1/catalogue/export": {"admin", "auditor"},
    "GET /v1/stock/{sku}": READERS,
    "GET /v1/sales": {"admin", "auditor"},
    "GET /v1/sales/{id}": {"admin", "auditor"},
    "GET /v1/movements": {"admin", "auditor"},
    "GET /v1/locations": READERS,
    "PUT /v1/locations/{id}": {"admin"},
    "GET /v1/locations/{id}": {"admin", "auditor"},
    "POST /v1/locations/{id}/attest": {"admin"},
    "GET /v1/pickup-points": READERS,
    "GET /v1/token": READERS,
    "GET /v1/live": READERS,
    "GET /v1/replicate": set(),
    "GET /v1/replicate/state": set(),
    "GET /v1/replicate/state/counters": set(),
    "GET /v1/replicate/state/entries": set(),
    "GET /v1/replicate/hash": set(),
    "POST /v1/replicate/branch": set(),
    "POST /v1/replicate/renew": set(),
}

OPEN = {"GET /healthz", "GET /openapi.json", "POST /v1/enrolments"}


async def described(caller: Caller) -> set[str]:
    """The endpoints that a program says it has."""
    paths = (await caller.read("/openapi.json"))["paths"]
    return {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method in {"get", "put", "post", "delete", "patch"}
    }


async def ask(caller: Caller, row: str) -> tuple[int, str]:
    """Ask an endpoint for what none does; status and slug, or "" where it is no problem."""
    method, path = row.split(" ")
    headers = {"Idempotency-Key": fresh("key")} if method == "POST" else {}
    reply = await caller.ask(
        method, re.sub(r"\{\w+\}", "none", path),
        body=None if method in {"GET", "DELETE"} else {"nonsense": 1}, headers=headers,
    )  # fmt: skip
    return reply.status, reply.slug if reply.status >= 400 else ""


async def test_every_endpoint_of_the_gateway_lets_in_exactly_its_roles(shop: Shop) -> None:
    callers = {
        "cashier": shop.cashier, "supervisor": shop.supervisor, "manager": shop.manager,
        "technician": shop.technician,
    }  # fmt: skip
    gone = fresh("till")
    lost = await enrolled(shop, gone)
    callers["written-off"] = lost.caller
    await shop.manager.done(f"/v1/registers/{gone}/lost", {"reason": "stolen"})
    assert await described(shop.cashier) - OPEN == set(GATEWAY_ROLES)

    async with shop.nothing_changes():
        for row, roles in GATEWAY_ROLES.items():
            for role, caller in callers.items():
                refused = await ask(caller, row) == (403, "forbidden")
                assert refused == (role not in roles), (row, role)


async def test_every_endpoint_of_the_hub_lets_in_exactly_its_roles(shop: Shop) -> None:
    callers = {"admin": shop.admin, "storefront": shop.storefront, "auditor": shop.auditor}
    assert await described(shop.admin) - OPEN == set(HUB_ROLES)

    async with shop.nothing_changes():
        for row, roles in HUB_ROLES.items():
            for role, caller in callers.items():
                refused = await ask(caller, row) == (403, "forbidden")
                assert refused == (role not in roles), (row, role)


async def test_without_a_token_or_with_a_strange_one_everything_is_401(shop: Shop) -> None:
    for url, rows, foreign in (
        (shop.gateway.url, GATEWAY_ROLES, shop.admin.token),
        (shop.hub.url, HUB_ROLES, shop.manager.token),
    ):
        nobody = Caller(client=shop.client, url=url)
        for row in rows:
            assert await ask(nobody, row) == (401, "unauthenticated"), row
        for token in (foreign, "ct_" + "x" * 43, "x", ""):
            stranger = Caller(client=shop.client, url=url, token=token)
            assert await ask(stranger, next(iter(rows))) == (401, "unauthenticated")
        basic = await nobody.ask("GET", "/v1/orders", headers={"Authorization": "Basic Og=="})
        assert basic.refusal == (401, "unauthenticated")
        assert basic.headers["WWW-Authenticate"].startswith("Bearer")


async def test_what_needs_no_token_needs_none(shop: Shop) -> None:
    for url in (shop.gateway.url, shop.hub.url):
        nobody = Caller(client=shop.client, url=url)
        assert (await nobody.get("/healthz")).status == 200
        assert (await nobody.get("/openapi.json")).status == 200


async def test_a_register_token_sells_for_its_register_alone(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    till_seven = shop.at_gateway("cashier", register="till-7")

    own = await till_seven.post("/v1/sales", sale_of(sku, register="till-7"))
    async with shop.nothing_changes():
        other = await till_seven.post("/v1/sales", sale_of(sku, register="till-8"))
    await till_seven.ask("POST", "/v1/ping", body={})

    assert own.json["register"] == "till-7"
    assert other.refusal == (403, "forbidden")
    registers = {row["register"]: row for row in (await shop.status())["registers"]}
    assert registers["till-7"]["live"] is True
    assert "till-8" not in registers


async def test_an_override_needs_a_supervisor_also_where_quota_would_do(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    body = sale_of(sku) | {"override": {"reason": "to be sure"}}

    async with shop.nothing_changes():
        refused = await shop.cashier.post("/v1/sales", body)
    sold = await shop.manager.post("/v1/sales", body)

    assert refused.refusal == (403, "forbidden")
    assert sold.status == 201
