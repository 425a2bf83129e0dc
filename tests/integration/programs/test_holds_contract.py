"""Goal: checkouts and baskets hold units, give them back, and are used once, as the contract says.

Method: a running hub and gateway over HTTP; a shop of its own, whose holds last 10 s, for what
expires and for kill -9.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Caller, Reply, Shop, fresh, open_shop, order_of, sale_of, until

RESERVATION_FIELDS = {
    "id", "status", "lines", "fulfilment", "allocations", "expires_at", "used_by",
}  # fmt: skip
BASKET_FIELDS = {
    "id", "status", "location", "register", "lines", "held", "expires_at", "used_by",
}  # fmt: skip


def lines_of(units: Mapping[str, int]) -> Any:  # noqa: ANN401
    return [{"sku": sku, "quantity": many} for sku, many in units.items()]


async def reserve(shop: Shop, units: Mapping[str, int]) -> Any:  # noqa: ANN401
    return await shop.storefront.done("/v1/reservations", {"lines": lines_of(units)})


async def hold(shop: Shop, units: Mapping[str, int], *, register: str = "till-1") -> Any:  # noqa: ANN401
    body = {"register": register, "lines": lines_of(units)}
    return await shop.cashier.done("/v1/baskets", body)


async def drop(caller: Caller, path: str) -> Reply:
    return await caller.ask("DELETE", path)


async def levels(shop: Shop, sku: str) -> tuple[int, int, int, int]:
    """On hand, available, held and committed; hub and gateway agree on them."""
    await shop.settled()
    at_hub, at_gateway = await shop.hub_stock(sku), await shop.stock(sku)
    names = ("on_hand", "available", "held", "committed")
    found = tuple(int(at_gateway[name]) for name in names)
    assert found == tuple(int(at_hub[name]) for name in names)
    return found  # type: ignore[return-value] # four names, four numbers


# Checkouts


async def test_a_reservation_has_its_fields_and_is_made_once_per_key(shop: Shop) -> None:
    sku = await shop.product(stock=40)  # 30 in the store, 10 online
    body, key = {"lines": lines_of({sku: 4})}, fresh("key")

    made = await shop.storefront.post("/v1/reservations", body, key=key)
    again = await shop.storefront.post("/v1/reservations", body, key=key)
    other = await shop.storefront.post("/v1/reservations", {"lines": lines_of({sku: 5})}, key=key)
    keyless = await shop.storefront.ask("POST", "/v1/reservations", body=body)

    assert made.status == 201
    assert made.body == again.body
    assert other.refusal == (422, "invalid-request")
    assert keyless.refusal == (400, "invalid-request")
    reservation = made.json
    assert set(reservation) == RESERVATION_FIELDS
    assert reservation["status"] == "open"
    assert [
        (one["sku"], one["location"], one["quantity"]) for one in reservation["allocations"]
    ] == [(sku, "riverside", 4)]
    path = f"/v1/reservations/{reservation['id']}"
    assert await shop.auditor.read(path) == reservation
    assert await levels(shop, sku) == (40, 36, 4, 0)

    first, second = await drop(shop.storefront, path), await drop(shop.storefront, path)

    assert first.status == second.status == 200
    assert first.body == second.body
    assert first.json == reservation | {"status": "released"}
    assert await levels(shop, sku) == (40, 40, 0, 0)
    assert (await drop(shop.storefront, "/v1/reservations/hub.1-99999")).refusal == (
        404, "not-found"
    )  # fmt: skip
    assert (await shop.admin.get("/v1/reservations/none")).refusal == (404, "not-found")


async def test_reserved_units_are_sold_to_the_order_that_names_them_alone(shop: Shop) -> None:
    sku = await shop.product(stock=40)
    reservation = await reserve(shop, {sku: 10})
    await shop.wan.set_mode(WanMode.CUT)

    async def alone() -> bool:
        return bool((await shop.fleet())["link"]["state"] == "down")

    await until(alone)
    refused = await shop.storefront.post("/v1/orders", order_of(sku))
    order = await shop.storefront.done(
        "/v1/orders", order_of(sku, 10) | {"reservation": reservation["id"]}
    )
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()

    assert refused.refusal == (409, "quota-short")
    used = await shop.storefront.read(f"/v1/reservations/{reservation['id']}")
    assert (used["status"], used["used_by"]) == ("used", order["id"])
    assert await levels(shop, sku) == (40, 30, 0, 10)
    async with shop.nothing_changes():
        twice = await shop.storefront.post(
            "/v1/orders", order_of(sku, 10) | {"reservation": reservation["id"]}
        )
        dropped = await drop(shop.storefront, f"/v1/reservations/{reservation['id']}")
    assert twice.refusal == dropped.refusal == (409, "conflict")


async def test_a_checkout_that_is_short_borrows_from_the_store(shop: Shop) -> None:
    sku = await shop.product(stock=40)

    reservation = await shop.storefront.granted("/v1/reservations", {"lines": lines_of({sku: 25})})
    too_many = await shop.storefront.post("/v1/reservations", {"lines": lines_of({sku: 16})})

    assert await levels(shop, sku) == (40, 15, 25, 0)
    assert too_many.refusal == (409, "quota-short")
    assert too_many.json["wanted"] == 16
    await drop(shop.storefront, f"/v1/reservations/{reservation['id']}")


async def test_a_bundle_is_reserved_by_its_components(shop: Shop) -> None:
    tea, jam = await shop.product(stock=40), await shop.product(stock=40)
    hamper = await shop.product(bundle=[{"sku": tea, "quantity": 2}, {"sku": jam, "quantity": 1}])

    reservation = await reserve(shop, {hamper: 3, jam: 1})
    held = {one["sku"]: one["quantity"] for one in reservation["allocations"]}
    basket = await hold(shop, {hamper: 4, tea: 1})

    assert held == {tea: 6, jam: 4}
    assert basket["lines"] == lines_of({hamper: 4, tea: 1})
    assert {line["sku"]: line["quantity"] for line in basket["held"]} == {tea: 9, jam: 4}
    assert await levels(shop, tea) == (40, 25, 15, 0)
    assert await levels(shop, jam) == (40, 32, 8, 0)
    sold = await shop.cashier.post("/v1/sales", sale_of(hamper, 4) | {"basket": basket["id"]})
    order = order_of(hamper, 3) | {"reservation": reservation["id"]}
    order["lines"] += lines_of({jam: 1})
    placed = await shop.storefront.post("/v1/orders", order)
    assert (sold.status, placed.status) == (201, 201)
    assert await levels(shop, tea) == (32, 26, 0, 6)
    assert await levels(shop, jam) == (36, 32, 0, 4)


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"lines": []}, 422, "invalid-request"),
        ({"lines": [{"sku": "no-such", "quantity": 1}]}, 404, "unknown-product"),
        ({"lines": [{"sku": "no-such", "quantity": 0}]}, 422, "invalid-request"),
        ({"lines": [{"sku": "no-such", "quantity": -1}]}, 422, "invalid-request"),
        ({"fulfilment": {"type": "pickup", "location": "nowhere"}}, 422, "invalid-request"),
        ({"fulfilment": {"type": "drone"}}, 422, "invalid-request"),
        ({"expires_at": "2099-01-01T00:00:00Z"}, 422, "invalid-request"),
    ],
)
async def test_a_wrong_reservation_is_refused_and_changes_nothing(
    shop: Shop, change: dict[str, object], status: int, slug: str
) -> None:
    sku = await shop.product(stock=8)

    async with shop.nothing_changes():
        reply = await shop.storefront.post(
            "/v1/reservations", {"lines": lines_of({sku: 1})} | change
        )

    assert reply.refusal == (status, slug)


async def test_an_order_of_other_lines_than_its_reservation_is_refused(shop: Shop) -> None:
    sku, other = await shop.product(stock=8), await shop.product(stock=8)
    reservation = (await reserve(shop, {sku: 2}))["id"]

    async with shop.nothing_changes():
        for body in (
            order_of(sku, 1),
            order_of(other, 2),
            order_of(sku, 2, pickup="nowhere"),
            order_of(sku, 2) | {"lines": lines_of({sku: 2, other: 1})},
        ):
            reply = await shop.storefront.post("/v1/orders", body | {"reservation": reservation})
            assert reply.refusal == (422, "invalid-request"), body

    await drop(shop.storefront, f"/v1/reservations/{reservation}")


# Baskets


async def test_a_basket_has_its_fields_and_is_made_once_per_key(shop: Shop) -> None:
    sku = await shop.product(stock=40, barcodes=[code := fresh("code")])
    body = {"register": "till-1", "lines": [{"barcode": code, "quantity": 6}]}
    key = fresh("key")

    made = await shop.cashier.post("/v1/baskets", body, key=key)
    again = await shop.cashier.post("/v1/baskets", body, key=key)

    assert made.status == 201
    assert made.body == again.body
    basket = made.json
    assert set(basket) == BASKET_FIELDS
    assert (basket["status"], basket["register"], basket["location"]) == (
        "open", "till-1", "riverside"
    )  # fmt: skip
    assert basket["lines"] == basket["held"] == lines_of({sku: 6})
    path = f"/v1/baskets/{basket['id']}"
    assert await shop.manager.read(path) == basket
    assert await levels(shop, sku) == (40, 34, 6, 0)

    first, second = await drop(shop.cashier, path), await drop(shop.cashier, path)

    assert first.status == second.status == 200
    assert first.body == second.body
    assert first.json == basket | {"status": "released"}
    assert await levels(shop, sku) == (40, 40, 0, 0)
    for reply in (
        await drop(shop.cashier, "/v1/baskets/x"),
        await shop.cashier.get("/v1/baskets/x"),
    ):
        assert reply.refusal == (404, "not-found")


async def test_a_basket_borrows_and_its_sale_takes_what_it_holds(shop: Shop) -> None:
    sku = await shop.product(stock=40)
    body = {"register": "till-1", "lines": lines_of({sku: 40})}

    basket = await shop.cashier.granted("/v1/baskets", body)
    walk_in = await shop.cashier.post("/v1/sales", sale_of(sku))
    second = await shop.cashier.post("/v1/baskets", body)
    sold = await shop.cashier.post("/v1/sales", sale_of(sku, 39) | {"basket": basket["id"]})

    assert walk_in.refusal == second.refusal == (409, "quota-short")
    assert sold.status == 201
    used = await shop.cashier.read(f"/v1/baskets/{basket['id']}")
    assert (used["status"], used["used_by"]) == ("used", sold.json["id"])
    assert await levels(shop, sku) == (1, 1, 0, 0)
    async with shop.nothing_changes():
        twice = await shop.cashier.post("/v1/sales", sale_of(sku) | {"basket": basket["id"]})
        dropped = await drop(shop.cashier, f"/v1/baskets/{basket['id']}")
        unknown = await shop.cashier.post("/v1/sales", sale_of(sku) | {"basket": "x"})
    assert twice.refusal == dropped.refusal == (409, "conflict")
    assert unknown.refusal == (422, "invalid-request")


async def test_a_registers_token_has_the_baskets_of_its_register_alone(shop: Shop) -> None:
    sku = await shop.product(stock=8)
    seventeen = shop.at_gateway("cashier", register="till-17")
    basket = await hold(shop, {sku: 2}, register="till-18")
    sale = sale_of(sku, 2, register="till-17") | {"basket": basket["id"]}

    async with shop.nothing_changes():
        foreign = {"register": "till-18", "lines": lines_of({sku: 1})}
        held = await seventeen.post("/v1/baskets", foreign)
        sold = await seventeen.post("/v1/sales", sale)
        dropped = await drop(seventeen, f"/v1/baskets/{basket['id']}")
    anyone = await shop.cashier.post("/v1/sales", sale)

    assert held.refusal == sold.refusal == dropped.refusal == (403, "forbidden")
    assert anyone.status == 201


@pytest.mark.parametrize(
    ("change", "status", "slug"),
    [
        ({"lines": []}, 422, "invalid-request"),
        ({"lines": [{"sku": "no-such", "quantity": 1}]}, 404, "unknown-product"),
        ({"lines": [{"quantity": 1}]}, 422, "invalid-request"),
        ({"register": ""}, 422, "invalid-request"),
        ({"minutes": 600}, 422, "invalid-request"),
    ],
)
async def test_a_wrong_basket_is_refused_and_changes_nothing(
    shop: Shop, change: dict[str, object], status: int, slug: str
) -> None:
    sku = await shop.product(stock=8)
    body = {"register": "till-1", "lines": lines_of({sku: 1})}

    async with shop.nothing_changes():
        reply = await shop.cashier.post("/v1/baskets", body | change)

    assert reply.refusal == (status, slug)


# Time, and kill -9


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop of its own, whose holds last 10 s, and whose programs are killed."""
    root = tmp_path_factory.mktemp("hasty")
    hub_config, config = root / "hub.toml", root / "gateway.toml"
    hub_config.write_text("reservation_s = 10\n")
    config.write_text("basket_s = 10\n")
    async with open_shop(root, options=("--config", str(config)), hub_config=hub_config) as shop:
        yield shop


async def test_holds_outlive_their_programs_and_expire_after_their_full_time(hasty: Shop) -> None:
    shop = hasty
    online, at_till = await shop.product(stock=40), await shop.product(stock=40)
    reservation, basket = await reserve(shop, {online: 10}), await hold(shop, {at_till: 30})

    await shop.gateway.kill()
    await shop.hub.kill()
    await shop.start_hub()
    await shop.start_gateway()
    await shop.connected()
    paths = {
        f"/v1/reservations/{reservation['id']}": shop.storefront,
        f"/v1/baskets/{basket['id']}": shop.cashier,
    }
    after = [(await caller.read(path))["status"] for path, caller in paths.items()]
    held = await levels(shop, online), await levels(shop, at_till)

    async def both_expired() -> bool:
        found = {(await caller.read(path))["status"] for path, caller in paths.items()}
        return found == {"expired"}

    await until(both_expired)

    assert after == ["open", "open"]
    assert held == ((40, 30, 10, 0), (40, 10, 30, 0))
    assert await levels(shop, online) == await levels(shop, at_till) == (40, 40, 0, 0)
    order = await shop.storefront.done(
        "/v1/orders", order_of(online, 10) | {"reservation": reservation["id"]}
    )
    sold = await shop.cashier.done("/v1/sales", sale_of(at_till, 30) | {"basket": basket["id"]})
    used = [(await caller.read(path))["used_by"] for path, caller in paths.items()]
    assert used == [order["id"], sold["id"]]
    assert await levels(shop, online) == (40, 30, 0, 10)
    assert await levels(shop, at_till) == (10, 10, 0, 0)
