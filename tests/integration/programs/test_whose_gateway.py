"""Goal: all gateways of one hub say one chain, and registers keep to it.

Method: the shop's own programs, and a box of another chain that was enrolled elsewhere.
"""

from pathlib import Path

import pytest

from gateway.client import GatewayClient, GatewayGone, Place, World
from gateway.counter.discovery_record import Found
from gateway.counter.pairing import CHAIN, Pairing, pairing_text
from scripts.processes import start
from tests import enrolled
from tests.programs import Shop, fresh


async def find_nobody(_location: str) -> list[Found]:
    """A network without mDNS."""
    return []


QUIET = World(find=find_nobody)


async def chain_of(shop: Shop) -> str:
    """What the shop's gateway says of itself."""
    return str((await shop.cashier.read("/healthz"))["chain"])


async def test_a_hub_tells_each_box_the_same_chain(shop: Shop) -> None:
    answers = []
    for _ in range(2):
        code = shop.code(fresh("lakeside"))
        answers.append(await shop.admin.ask("POST", "/v1/enrolments", body={"code": code}))

    chains = {reply.json["chain"] for reply in answers}

    assert chains == {await chain_of(shop)}
    assert CHAIN.fullmatch(chains.pop())


async def test_a_register_that_met_one_chain_refuses_a_box_of_another(
    shop: Shop, tmp_path: Path
) -> None:
    enrolled.enrolled_directory(tmp_path / "other", shop.location)
    other = await start(
        "other",
        ["gateway", "serve", "--data", str(tmp_path / "other"), "--listen", "127.0.0.1:0",
         "--hub", "http://127.0.0.1:9", "--no-mdns"],
        log=tmp_path / "other.log",
    )  # fmt: skip
    token = shop.cashier.token or ""
    try:
        for address in (shop.gateway.url, other.url):
            place = Place(location=shop.location, address=address)
            async with GatewayClient(
                place, outbox=tmp_path / "till", token=token, register="till-1", world=QUIET
            ) as till:
                await till.products("tea")
                # The second time the address that worked last comes to the rescue.
                assert till.address == shop.gateway.url
        stranger = Place.from_ticket(
            pairing_text(
                Pairing(location=shop.location, addresses=(other.url,), chain=await chain_of(shop))
            )
        )
        assert stranger is not None
        async with GatewayClient(
            stranger, outbox=tmp_path / "new", token=token, register="till-1", world=QUIET
        ) as till:
            with pytest.raises(GatewayGone, match=f"another chain .{enrolled.CHAIN}"):
                await till.products("tea")
    finally:
        await other.stop()
