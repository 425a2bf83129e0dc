"""Goal: a promotion with `max_usage` over HTTP: at the till, on the web, on both ends of a cut.

Method: a running gateway behind a running hub. Each test has a product and a promotion of its own;
uses are counted by the sales and orders that came out cheaper.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest_asyncio

from devices.sim.wan import WanMode
from tests.programs import Reply, Shop, fresh, order_of, sale_of

FULL, REDUCED = 100, 90


class Offer(NamedTuple):
    """A tenth off one product at 1.00, so many times."""

    shop: Shop
    sku: str
    path: str
    coupon: str

    async def put(self, uses: int | None, **more: object) -> Any:  # noqa: ANN401
        """Head office writes it, for this one shop: others may have been enrolled meanwhile."""
        effect = {"kind": "percentage", "skus": [self.sku], "off_bp": 1000}
        here = [self.shop.location]
        body = {
            "name": "A tenth off",
            "effect": effect,
            "max_usage": uses,
            "locations": here,
        } | more
        reply = await self.shop.admin.ask("PUT", self.path, body=body)
        assert reply.status in {200, 201}, reply
        await self.shop.settled()
        return reply.json["usage"]

    async def usage(self) -> Any:  # noqa: ANN401
        """What head office is told of its uses, once all has been heard."""
        await self.shop.settled()
        return (await self.shop.auditor.read(self.path))["usage"]

    async def quote(self, *coupons: str) -> Reply:
        """A till asks what one costs."""
        body = {"lines": [{"sku": self.sku, "quantity": 1}], "coupons": coupons}
        return await self.shop.cashier.ask("POST", "/v1/quotes", body=body)

    async def sell(self, *coupons: str, **more: object) -> Reply:
        """A till sells one."""
        return await self.shop.cashier.post(
            "/v1/sales", sale_of(self.sku) | {"coupons": coupons} | more
        )

    async def order(self, coupon: str | None = None) -> Reply:
        """A customer orders one."""
        body = order_of(self.sku) | ({} if coupon is None else {"coupon": coupon})
        return await self.shop.storefront.post("/v1/orders", body)


@pytest_asyncio.fixture(loop_scope="session")
async def offer(shop: Shop) -> AsyncIterator[Offer]:
    """An offer that is not written yet; it is taken back in the end."""
    sku = await shop.product(price=FULL, stock=100)
    name = fresh("offer")
    yield Offer(shop, sku, f"/v1/promotions/{name}", fresh("SUMMER").upper())
    await shop.wan.set_mode(WanMode.PASS)
    await shop.admin.ask("DELETE", f"/v1/promotions/{name}")


@contextlib.asynccontextmanager
async def cut(shop: Shop) -> AsyncIterator[None]:
    """The line to head office is down, and the gateway knows."""
    await shop.wan.set_mode(WanMode.CUT)
    try:
        yield
    finally:
        await shop.wan.set_mode(WanMode.PASS)
        await shop.connected()


def totals(replies: list[Reply]) -> list[int]:
    assert {reply.status for reply in replies} == {201}, replies
    return [reply.json["total_minor"] for reply in replies]


async def test_head_office_sees_how_often_an_offer_was_used(offer: Offer) -> None:
    assert await offer.put(8) == {"allowed": 8, "used": 0, "with_hub": 6, "with_stores": 2}

    assert totals([await offer.sell(), await offer.order()]) == [REDUCED, REDUCED]

    told = await offer.usage()
    assert (told["allowed"], told["used"]) == (8, 2)
    assert told["with_hub"] + told["with_stores"] == 6
    listed = await offer.shop.auditor.all("/v1/promotions")
    assert {f"/v1/promotions/{one['id']}": one["usage"] for one in listed}[offer.path] == told


async def test_an_offer_without_a_limit_has_no_usage(offer: Offer) -> None:
    assert await offer.put(None) is None


async def test_till_and_website_share_the_last_uses_and_nobody_gets_one_more(offer: Offer) -> None:
    await offer.put(5)

    bought = await asyncio.gather(*(
        offer.sell() if number % 2 else offer.order() for number in range(12)
    ))  # fmt: skip

    assert sorted(totals(bought)) == [REDUCED] * 5 + [FULL] * 7
    assert await offer.usage() == {"allowed": 5, "used": 5, "with_hub": 0, "with_stores": 0}


async def test_the_only_use_is_anybodys_who_asks_first(offer: Offer) -> None:
    await offer.put(1)

    quoted = (await offer.quote()).json
    sold = await offer.sell(expected_total_minor=quoted["total_minor"])

    assert quoted["total_minor"] == REDUCED
    assert totals([sold, await offer.sell(), await offer.order()]) == [REDUCED, FULL, FULL]


async def test_a_use_that_lies_in_a_store_is_fetched_for_the_website(offer: Offer) -> None:
    await offer.put(1, coupon=offer.coupon)
    assert (await offer.quote(offer.coupon)).json["total_minor"] == REDUCED
    told = await offer.usage()
    assert (told["with_hub"], told["with_stores"]) == (0, 1)

    quoted = await offer.shop.storefront.ask(
        "POST", "/v1/quotes",
        body={
            "lines": [{"sku": offer.sku, "quantity": 1}], "coupon": offer.coupon,
            "fulfilment": {"type": "pickup", "location": offer.shop.location},
        },
    )  # fmt: skip
    ordered = await offer.order(offer.coupon)

    assert quoted.json["total_minor"] == REDUCED
    assert totals([ordered]) == [REDUCED]


async def test_a_coupon_that_is_used_up_is_refused_by_its_name(offer: Offer) -> None:
    await offer.put(1, coupon=offer.coupon)
    assert totals([await offer.order(offer.coupon)]) == [REDUCED]
    await offer.shop.settled()

    async with offer.shop.nothing_changes():
        at_till = [await offer.quote(offer.coupon), await offer.sell(offer.coupon)]
        online = await offer.order(offer.coupon)

    for reply, field in [(one, "$.coupons[0]") for one in at_till] + [(online, "$.coupon")]:
        assert reply.refusal == (422, "invalid-request")
        assert reply.json["detail"] == (f"The coupon is refused: coupon {offer.coupon} is used up.")
        assert (reply.json["field"], reply.json["coupon"]) == (field, offer.coupon)
        assert reply.json["reason"] == "used-up"
    assert totals([await offer.sell(), await offer.order()]) == [FULL, FULL]


async def test_a_store_that_is_cut_off_offers_what_it_holds(offer: Offer) -> None:
    await offer.put(8)
    async with cut(offer.shop):
        in_store = totals([await offer.sell() for _ in range(4)])
    online = totals([await offer.order() for _ in range(8)])

    assert in_store == [REDUCED, REDUCED, FULL, FULL]
    assert online == [REDUCED] * 6 + [FULL] * 2
    assert await offer.usage() == {"allowed": 8, "used": 8, "with_hub": 0, "with_stores": 0}


async def test_a_coupon_that_cannot_be_checked_says_so(offer: Offer) -> None:
    await offer.put(1, coupon=offer.coupon)
    async with cut(offer.shop):
        quoted, sold = await offer.quote(offer.coupon), await offer.sell(offer.coupon)
        without = await offer.quote()

    for reply in (quoted, sold):
        assert reply.refusal == (422, "invalid-request")
        assert reply.json["detail"] == (
            f"The coupon is refused: coupon {offer.coupon} cannot be checked while the line to "
            "head office is down."
        )
        assert reply.json["reason"] == "unheard"
    assert without.json["total_minor"] == FULL


async def test_a_total_that_counted_on_a_use_is_refused_when_it_is_gone(offer: Offer) -> None:
    await offer.put(1)
    await offer.order()

    refused = await offer.sell(expected_total_minor=REDUCED)

    assert refused.refusal == (409, "price-changed")
    assert refused.json["total_minor"] == FULL


async def test_a_limit_moves_and_an_offer_comes_back_with_the_uses_that_were_had(
    offer: Offer,
) -> None:
    await offer.put(1)
    await offer.order()

    assert (await offer.put(3))["with_hub"] + (await offer.usage())["with_stores"] == 2
    assert (await offer.shop.admin.ask("DELETE", offer.path)).status == 200
    assert totals([await offer.order()]) == [FULL]
    told = await offer.put(3)
    assert (told["allowed"], told["used"]) == (3, 1)
    lowered = await offer.put(1)
    assert lowered["allowed"] == 1 + lowered["with_stores"]


async def test_uses_are_no_products(offer: Offer) -> None:
    await offer.put(8)
    await offer.sell()
    await offer.shop.settled()
    key = f"promotion%2F{offer.path.rpartition('/')[2]}"

    for caller in (offer.shop.admin, offer.shop.manager):
        for path in (f"/v1/stock/{key}", f"/v1/products/{key}"):
            assert (await caller.get(path)).status == 404, path

    report = await offer.shop.auditor.ask("POST", "/v1/audit", body={})
    assert report.json["verdict"] == "no difference", report.json
