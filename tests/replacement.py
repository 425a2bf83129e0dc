"""A shop's box is destroyed and another one is enrolled in its place, as programs."""

import shutil

from gateway.app import DATABASE
from gateway.lives.tokens import are_told
from replication.adapters.sqlite import ReplicaStore, connect
from tests.programs import Shop, until


async def destroyed(shop: Shop) -> None:
    """The gateway's box is gone, with its disk."""
    await shop.gateway.kill()
    shutil.rmtree(shop.gateway_data)


async def replaced(shop: Shop, *, name: str = "another-box") -> None:
    """Another box is enrolled in its place, at the same address."""

    async def enrolled_again() -> bool:
        fleet = await shop.fleet()
        return bool(fleet["link"]["state"] != "connected")

    await until(enrolled_again)
    shop.gateway = await shop.programs.gateway(
        name,
        hub_url=f"http://{shop.wan.host}:{shop.wan.port}",
        code=shop.code(shop.location, "--replace"),
        listen=f"127.0.0.1:{shop.gateway.port}",
        options=shop.options,
    )


async def sells(shop: Shop) -> None:
    """Wait until the new box has taken over and has the whole feed."""

    async def is_so() -> bool:
        reply = await shop.technician.get("/v1/status")
        return bool(
            reply.status == 200
            and reply.json["selling"]["state"] == "normal"
            and reply.json["link"]["state"] == "connected"
        )

    await until(is_so)
    await shop.settled()


async def told_tokens(shop: Shop) -> None:
    """Wait until the hub has heard of the tokens that were made."""

    async def is_so() -> bool:
        connection = connect(shop.gateway_data / DATABASE, read_only=True)
        try:
            return are_told(ReplicaStore(connection))
        finally:
            connection.close()

    await until(is_so)
    await shop.settled()
