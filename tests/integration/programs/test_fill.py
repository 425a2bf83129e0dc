"""Goal: a new store is filled from nothing, shows how far it is, and goes on where it was cut.

Method: a hub with a few thousand products and a gateway with none, as programs, and between them a
line that carries less of the feed than there is before it is cut, each time. Nothing is timed: the
line stays down until the test has looked.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp

from scripts.benchmarks.loaded_hub import load_products, product_body
from scripts.processes import Programs
from tests.programs import Caller, told, until
from tests.short_line import ShortLine

PRODUCTS = 3_000
LINE_BYTES = 400_000
"""Two batches of 500 products and a part of the third; six are to come."""


async def reports(client: aiohttp.ClientSession, url: str) -> AsyncGenerator[Any, None]:
    """What the stream of the status page says, report by report."""
    async with client.get(f"{url}/status/events") as stream:
        async for line in stream.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))


async def test_a_new_store_is_filled_over_cuts_and_says_how_far_it_is(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as client, Programs(tmp_path) as programs:
        hub = await programs.hub()  # for its tax rates
        await hub.stop()
        await load_products(tmp_path / "hub", PRODUCTS, say=lambda _: None)
        hub = await programs.hub(listen=f"127.0.0.1:{hub.port}")
        data = str(tmp_path / "hub")
        code = told("cloud_hub", "enrol", "--data", data, "--location", "new", "--name", "New")
        async with ShortLine.listening(to_port=hub.port, bytes_max=LINE_BYTES) as line:
            gateway = await programs.gateway(
                "new", hub_url=f"http://127.0.0.1:{line.port}", code=code, options=["--no-mdns"]
            )
            token = told("gateway", "token", "--data", str(tmp_path / "new"), "--role", "manager")
            store = Caller(client=client, url=gateway.url, token=token)

            async def down() -> Any:  # noqa: ANN401 - whatever the program says
                status = await store.read("/v1/status")
                return status if line.cut.is_set() and status["link"]["state"] == "down" else None

            seen: list[tuple[int, int]] = []
            for _ in range(2):
                status = await until(down)
                caught = status["catch_up"]
                seen.append((caught["taken"], caught["ahead"]))
                assert f"Catching up with the hub: {caught['taken']:,} of" in status["headline"]
                line.let_through()
            await gateway.kill()
            line.bytes_max = 10 * LINE_BYTES
            line.let_through()
            gateway = await programs.gateway(
                "new",
                hub_url=f"http://127.0.0.1:{line.port}",
                listen=f"127.0.0.1:{gateway.port}",
                options=["--no-mdns"],
            )
            streamed: list[tuple[int, int]] = []
            async with aclosing(reports(client, gateway.url)) as stream:
                async for report in stream:
                    streamed.append((report["catch_up"]["taken"], report["catch_up"]["ahead"]))
                    if streamed[-1] == (0, 0) and report["link"]["state"] == "connected":
                        break

            first, second = seen
            total = sum(first)
            assert PRODUCTS <= total <= PRODUCTS + 10
            assert 0 < first[0] < second[0] < total
            assert sum(second) == total, "it goes on where it was"
            status = await store.read("/v1/status")
            assert status["catch_up"]["products"] == PRODUCTS
            assert "Catching up" not in status["headline"]
            last = await store.read(f"/v1/products/sku-{PRODUCTS - 1:06d}")
            assert last["name"] == product_body(PRODUCTS - 1).name
            whole = 350 * PRODUCTS
            assert sum(line.down_bytes) < 2 * whole, "no link began again from the start"
