"""Goal: head office says where its locations are, and an order comes from the nearest that has it.

Method: a hub that was started with the rule `nearest`, Riverside next door behind a line that can
be cut or fall silent, and Harbour far away with more of everything. What is wrong is sent too.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Caller, Reply, Shop, fresh, open_shop, order_of, told, until

CAIRO: Final = {"latitude": 30.04, "longitude": 31.24}
GIZA: Final = {"latitude": 30.01, "longitude": 31.21}
ASWAN: Final = {"latitude": 24.09, "longitude": 32.9}


class Pair(NamedTuple):
    """Riverside, near the customer, and a manager at Harbour, far from them."""

    riverside: Shop
    harbour: Caller


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def pair(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """Both stores open, and the hub knows where they are."""
    root: Path = tmp_path_factory.mktemp("near")
    config = root / "hub.toml"
    config.write_text('fulfilment_rule = "nearest"\n')
    async with open_shop(root, hub_config=config) as riverside:
        gateway = await riverside.programs.gateway(
            "harbour", hub_url=riverside.hub.url, code=riverside.code("harbour"),
            options=("--no-mdns",),
        )  # fmt: skip
        token = told("gateway", "token", "--data", str(root / "harbour"), "--role", "manager")
        for location, place in (("riverside", GIZA), ("harbour", ASWAN)):
            assert (await describe(riverside, location, coordinates=place)).status == 200
        yield Pair(riverside, Caller(client=riverside.client, url=gateway.url, token=token))


async def describe(shop: Shop, location: str, **said: object) -> Reply:
    """Head office says all there is to say of a location."""
    return await shop.admin.ask("PUT", f"/v1/locations/{location}", body=said)


async def stocked(pair: Pair) -> str:
    """A product of which Riverside has 4 and Harbour 40, and the hub has heard it."""
    riverside, harbour = pair
    sku = await riverside.product(stock=4)

    async def known() -> bool:
        return (await harbour.get(f"/v1/products/{sku}")).status == 200

    await until(known)
    lines = [{"sku": sku, "quantity": 40}]
    await harbour.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
    await riverside.settled()

    async def heard() -> bool:
        return await riverside.offered(sku) == 44

    await until(heard)
    return sku


def near_cairo(sku: str, quantity: int) -> dict[str, object]:
    """The body of an order to be sent to Cairo."""
    ship = {"type": "ship", "address": "12 Corniche", "near": CAIRO}
    return {**order_of(sku, quantity), "fulfilment": ship}


def sent_from(order: Any) -> dict[str, int]:  # noqa: ANN401
    return {one["location"]: one["quantity"] for one in order["allocations"]}


async def test_an_order_comes_from_the_nearest_which_lends_what_the_hub_has_not(
    pair: Pair,
) -> None:
    shop, sku = pair.riverside, await stocked(pair)

    near = await shop.storefront.done("/v1/orders", near_cairo(sku, 3))
    more = await shop.storefront.done("/v1/orders", near_cairo(sku, 5))

    assert sent_from(near) == {"riverside": 3}
    assert sent_from(more) == {"harbour": 5}, "one parcel from afar goes before two"
    assert near["fulfilment"] == {"type": "ship", "address": "12 Corniche"}
    assert await shop.admin.read(f"/v1/orders/{near['id']}") == near


async def test_a_reservation_is_near_too_and_its_order_comes_from_there(pair: Pair) -> None:
    shop, sku = pair.riverside, await stocked(pair)
    body = near_cairo(sku, 3)
    asked = {"lines": body["lines"], "fulfilment": body["fulfilment"]}

    reserved = await shop.storefront.done("/v1/reservations", asked)
    order = await shop.storefront.done("/v1/orders", body | {"reservation": reserved["id"]})

    assert sent_from(reserved) == sent_from(order) == {"riverside": 3}


async def test_when_the_near_store_is_silent_the_far_one_sends(pair: Pair) -> None:
    shop, sku = pair.riverside, await stocked(pair)
    await shop.wan.set_mode(WanMode.BLACK_HOLE)

    order = await shop.storefront.done("/v1/orders", near_cairo(sku, 3))

    assert sent_from(order) == {"harbour": 3}
    await shop.wan.set_mode(WanMode.PASS)
    await shop.connected()


async def test_customers_are_told_where_to_collect_and_when(pair: Pair) -> None:
    shop = pair.riverside
    said = {"address": "3 Pyramids Road\nGiza", "hours": "Sat to Thu 10-22", "coordinates": GIZA}
    told("cloud_hub", "enrol", "--data", str(shop.programs.root / "hub"),
         "--location", "stockroom", "--name", "Stockroom", "--kind", "warehouse")  # fmt: skip

    described = await describe(shop, "riverside", **said)

    riverside = {"id": "riverside", "name": "Riverside", "timezone": "UTC", **said}
    assert described.json == {**riverside, "kind": "store"}
    points = await shop.storefront.all("/v1/pickup-points")
    assert {one["id"] for one in points} == {"harbour", "riverside"}, "no warehouse"
    assert riverside in points
    assert (await shop.fleet())["address"] == said["address"]
    first = await shop.storefront.read("/v1/pickup-points?limit=1")
    assert len(first["items"]) == 1
    rest = await shop.storefront.read(f"/v1/pickup-points?cursor={first['next_cursor']}")
    assert [*first["items"], *rest["items"]] == points


@pytest.mark.parametrize(
    ("said", "refusal", "words"),
    [
        ({"coordinates": {"latitude": 91, "longitude": 0}}, (422, "invalid-request"), "90"),
        ({"coordinates": {"latitude": 0, "longitude": -181}}, (422, "invalid-request"), "-180"),
        ({"coordinates": {"latitude": 30}}, (422, "invalid-request"), "longitude"),
        ({"coordinates": {"latitude": "30", "longitude": 31}}, (422, "invalid-request"), "latit"),
        ({"coordinates": [30, 31]}, (422, "invalid-request"), "$.coordinates"),
        ({"address": "x" * 100_000}, (422, "invalid-request"), "500"),
        ({"hours": "x" * 100_000}, (422, "invalid-request"), "500"),
        ({"hours": ""}, (422, "invalid-request"), "$.hours"),
        ({"name": "Elsewhere"}, (422, "invalid-request"), "name"),
    ],
)
async def test_what_cannot_be_said_of_a_location_is_refused_and_changes_nothing(
    pair: Pair, said: dict[str, object], refusal: tuple[int, str], words: str
) -> None:
    shop = pair.riverside
    before = await shop.storefront.all("/v1/pickup-points")

    async with shop.nothing_changes():
        reply = await describe(shop, "riverside", **said)

    assert reply.refusal == refusal
    assert words in reply.body.decode()
    assert len(reply.body) < 1_000
    assert await shop.storefront.all("/v1/pickup-points") == before


async def test_a_location_that_is_not_there_a_number_that_is_none_and_a_stranger_are_refused(
    pair: Pair,
) -> None:
    shop = pair.riverside

    nowhere = await describe(shop, fresh("mars"), address="Olympus Mons")
    stranger = await shop.storefront.ask("PUT", "/v1/locations/riverside", body={})
    async with shop.client.put(
        f"{shop.hub.url}/v1/locations/riverside",
        data=b'{"coordinates":{"latitude":NaN,"longitude":0}}',
        headers={
            "Authorization": f"Bearer {shop.admin.token}", "Content-Type": "application/json",
        },
    ) as reply:  # fmt: skip
        not_a_number = reply.status

    assert nowhere.refusal == (404, "not-found")
    assert stranger.refusal == (403, "forbidden")
    assert not_a_number == 400


@pytest.mark.parametrize("near", [{"latitude": 91, "longitude": 0}, {"latitude": 1}, "Cairo", 7])
@pytest.mark.parametrize("path", ["/v1/orders", "/v1/reservations"])
async def test_an_order_to_no_point_on_the_globe_is_refused_and_changes_nothing(
    pair: Pair, path: str, near: object
) -> None:
    shop = pair.riverside
    sku = await shop.product(stock=4)
    body = order_of(sku) | {"fulfilment": {"type": "ship", "near": near}}
    if path == "/v1/reservations":
        del body["payment"]

    async with shop.nothing_changes():
        reply = await shop.storefront.post(path, body)

    assert reply.refusal == (422, "invalid-request")
