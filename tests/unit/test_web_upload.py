"""Goal: a file as a body is taken whole or refused, large ones beside memory, few at a time.

Method: one endpoint that takes a file, behind the door and aiohttp's own test client; its limits
are small, and its handler can be held still.
"""

import asyncio
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO

import pytest
from aiohttp import web
from multidict import CIMultiDict

from tests.web_samples import CASHIER_TOKEN, WITNESS, Client, MakeClient, bearer, refused
from web.door import Door, add_endpoints
from web.endpoint import Answer, Call, Endpoint
from web.openapi import openapi_document
from web.tokens import Principal
from web.upload import UPLOADS_MAX, Upload

BYTES_MAX = 3_000_000
CASHIER = Principal(id="1", role="cashier", register=None, name="Ann")


@dataclass(slots=True)
class Taker:
    """A program that takes files and says how long they were."""

    calls: list[tuple[bytes, bytes]] = field(default_factory=list)
    inside: int = 0
    may_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, call: Call[IO[bytes]]) -> Answer:
        """Read the file, and wait when told to."""
        self.inside += 1
        await self.may_go.wait()
        call.body.seek(0)
        data = call.body.read()
        self.calls.append((data, call.body_digest))
        return Answer(200, {"bytes": len(data)})

    def endpoint(self) -> Endpoint:
        """The one row."""
        return Endpoint(
            method="POST", path="/v1/files", summary="Take a file", roles=frozenset({"cashier"}),
            handler=self.take, upload=Upload(media_type="text/csv", bytes_max=BYTES_MAX),
            idempotent=True, answer=dict[str, int],
        )  # fmt: skip


async def _authenticate(token: str) -> Principal | None:
    return CASHIER if token == CASHIER_TOKEN else None


def _stamp(headers: CIMultiDict[str]) -> None:
    headers["Countertop-Witness"] = WITNESS


@pytest.fixture
async def taker() -> Taker:
    taker = Taker()
    taker.may_go.set()
    return taker


@pytest.fixture
async def client(taker: Taker, aiohttp_client: MakeClient) -> Client:
    app = web.Application()
    add_endpoints(app, [taker.endpoint()], Door(authenticate=_authenticate, stamp=_stamp))
    return await aiohttp_client(app)


def headers(key: str = "k", media_type: str = "text/csv; charset=utf-8") -> dict[str, str]:
    return {**bearer(), "Idempotency-Key": key, "Content-Type": media_type}


@pytest.mark.parametrize("length", [0, 10, 2_000_000, BYTES_MAX])
async def test_a_file_arrives_whole_with_a_digest_of_its_own(
    client: Client, taker: Taker, length: int
) -> None:
    for byte in (b"a", b"b", b"a"):
        response = await client.post("/v1/files", data=io.BytesIO(byte * length), headers=headers())
        assert await response.json() == {"bytes": length}

    first, other, again = taker.calls
    assert first == again == (b"a" * length, first[1])
    assert (first[1] == other[1]) == (length == 0)


async def test_one_byte_too_many_is_a_413_whether_announced_or_not(
    client: Client, taker: Taker
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * BYTES_MAX
        yield b"x"

    announced = await client.post(
        "/v1/files", data=io.BytesIO(b"x" * (BYTES_MAX + 1)), headers=headers()
    )
    await refused(announced, 413, "too-large")
    unannounced = await client.post("/v1/files", data=chunks(), headers=headers())
    await refused(unannounced, 413, "too-large")
    assert taker.calls == []


async def test_what_waits_for_a_100_hears_the_limit_of_files(client: Client) -> None:
    fits = await client.post(
        "/v1/files", data=io.BytesIO(b"x" * 2_000_000), headers=headers(), expect100=True
    )
    assert fits.status == 200
    more = io.BytesIO(b"x" * (BYTES_MAX + 1))
    await refused(
        await client.post("/v1/files", data=more, headers=headers(), expect100=True),
        413, "too-large",
    )  # fmt: skip


@pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream"])
async def test_another_type_is_a_400(client: Client, taker: Taker, media_type: str) -> None:
    response = await client.post("/v1/files", data=b"x", headers=headers(media_type=media_type))

    await refused(response, 400, "invalid-request")
    assert taker.calls == []


async def test_a_stranger_and_a_call_without_a_key_are_refused(client: Client) -> None:
    csv = {"Content-Type": "text/csv"}
    await refused(await client.post("/v1/files", data=b"x", headers=csv), 401, "unauthenticated")
    without = await client.post("/v1/files", data=b"x", headers=csv | bearer())
    await refused(without, 400, "invalid-request")


async def test_a_twin_is_refused_while_the_first_is_under_way(client: Client, taker: Taker) -> None:
    taker.may_go.clear()
    first = asyncio.create_task(client.post("/v1/files", data=b"x", headers=headers()))
    while not taker.inside:  # noqa: ASYNC110 - the handler is entered a few turns of the loop later
        await asyncio.sleep(0)

    await refused(await client.post("/v1/files", data=b"x", headers=headers()), 409, "conflict")
    taker.may_go.set()
    assert (await first).status == 200


async def test_only_so_many_are_worked_on_at_once_and_the_others_wait_and_are_not_refused(
    client: Client, taker: Taker
) -> None:
    taker.may_go.clear()
    calls = [
        asyncio.create_task(client.post("/v1/files", data=b"x", headers=headers(f"k{number}")))
        for number in range(UPLOADS_MAX + 3)
    ]
    while taker.inside < UPLOADS_MAX:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert taker.inside == UPLOADS_MAX

    taker.may_go.set()
    assert [(await call).status for call in calls] == [200] * len(calls)


def test_the_description_says_what_kind_of_file(taker: Taker) -> None:
    document = openapi_document([taker.endpoint()], title="", version="")

    operation = document["paths"]["/v1/files"]["post"]
    assert list(operation["requestBody"]["content"]) == ["text/csv"]
    assert {"400", "409", "413", "422"} <= set(operation["responses"])
