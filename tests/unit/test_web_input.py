"""Goal: no handler sees a bad body or query, and whoever sends one learns what is wrong with it.

Method: each kind of bad input is sent to a sample program as bytes, the way a stranger would.
"""

import asyncio
import io
from collections.abc import AsyncIterator

import pytest

from tests.web_samples import (
    BODY_BYTES_MAX,
    Client,
    MakeClient,
    bearer,
    refused,
    sample_program,
)
from web.door import DoorLimits

SALE = b'{"lines": [{"sku": "A-1", "quantity": 2}]}'


@pytest.fixture
async def client(aiohttp_client: MakeClient) -> Client:
    return await aiohttp_client(sample_program().app)


# --- bodies


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "empty"),
        (b"{", 400, "truncated"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1}]} {}', 400, "malformed"),
        (b"quantity=1", 400, "malformed"),
        (b"\xef\xbb\xbf{}", 400, "malformed"),
        (b"\xff\xfe", 400, "malformed"),
        (b'{"lines": [{"sku": "\xff", "quantity": 1}]}', 400, "UTF-8"),
        (b'{"\xff": 1}', 400, "UTF-8"),
        (b'{"free": {"a": ' + b"[" * 3_000, 400, "nested"),
        (b"[]", 422, "Expected `object`"),
        (b'"text"', 422, "Expected `object`"),
        (b"null", 422, "Expected `object`"),
        (b"{}", 422, "missing required field `lines`"),
        (b'{"lines": []}', 422, "$.lines"),
        (b'{"lines": [{"sku": "A-1", "quantity": 0}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": -1}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1.5}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1.0}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": "1"}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": true}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": 2147483649}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1' + b"0" * 400 + b"}]}", 422, "quantity"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1e999}]}', 422, "$.lines[0].quantity"),
        (b'{"lines": [{"sku": "", "quantity": 1}]}', 422, "$.lines[0].sku"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1, "qty": 1}]}', 422, "unknown field `qty`"),
        (b'{"lines": [{"sku": "A-1", "quantity": 1}], "x": 1}', 422, "unknown field `x`"),
    ],
)
async def test_a_bad_body_is_refused_and_says_why(
    client: Client, body: bytes, status: int, says: str
) -> None:
    response = await client.post("/v1/sales", data=body, headers=bearer(key="k1"))

    assert says in await refused(response, status, "invalid-request")


async def test_too_many_lines_are_a_422_that_names_the_field(client: Client) -> None:
    body = {"lines": [{"sku": "A-1", "quantity": 1}] * 21}

    response = await client.post("/v1/sales", json=body, headers=bearer(key="k1"))

    await refused(response, 422, "invalid-request")
    assert (await response.json())["field"] == "$.lines"


async def test_a_long_complaint_is_cut(client: Client) -> None:
    body = {"lines": [], "x" * 3_000: 1}

    response = await client.post("/v1/check", json=body, headers=bearer())

    assert len(await refused(response, 422, "invalid-request")) <= 400


async def chunks(pieces: int) -> AsyncIterator[bytes]:
    """A body without an announced length."""
    for _ in range(pieces):
        yield b" " * 1_024


async def test_an_announced_body_that_is_too_long_is_a_413(client: Client) -> None:
    response = await client.post("/v1/check", data=io.BytesIO(b" " * 10_000_000), headers=bearer())

    assert str(BODY_BYTES_MAX) in await refused(response, 413, "too-large")
    assert response.headers["Connection"] == "close"


async def test_a_chunked_body_that_is_too_long_is_a_413(client: Client) -> None:
    response = await client.post("/v1/check", data=chunks(40), headers=bearer())

    await refused(response, 413, "too-large")


async def test_a_chunked_body_within_the_limit_is_read(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for index in range(len(SALE)):
            yield SALE[index : index + 1]

    response = await client.post("/v1/check", data=pieces(), headers=bearer())

    assert (await response.json())["lines"] == 1


async def test_a_body_that_is_too_long_is_refused_before_it_is_sent(client: Client) -> None:
    response = await client.post("/v1/check", data=b" " * 10_000, headers=bearer(), expect100=True)

    await refused(response, 413, "too-large")


async def test_a_client_that_waits_for_100_continue_gets_it(client: Client) -> None:
    response = await client.post("/v1/check", data=SALE, headers=bearer(), expect100=True)

    assert response.status == 201


async def test_another_expectation_is_refused(client: Client) -> None:
    response = await client.post("/v1/check", data=SALE, headers={**bearer(), "Expect": "tea"})

    await refused(response, 400, "invalid-request")


async def test_a_body_that_does_not_come_is_given_up(aiohttp_client: MakeClient) -> None:
    client = await aiohttp_client(sample_program(DoorLimits(body_s_max=0.01)).app)
    given_up = asyncio.Event()

    async def dribble() -> AsyncIterator[bytes]:
        yield b"{"
        await given_up.wait()

    response = await client.post("/v1/check", data=dribble(), headers=bearer())

    assert "did not arrive" in await refused(response, 400, "invalid-request")
    given_up.set()


async def test_a_post_without_data_takes_an_empty_object_or_nothing(client: Client) -> None:
    assert (await client.post("/v1/ping", data=b"{}", headers=bearer())).status == 200
    assert (await client.post("/v1/ping", headers=bearer())).status == 200
    await refused(
        await client.post("/v1/ping", data=b'{"a": 1}', headers=bearer()), 422, "invalid-request"
    )


# --- queries


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0", "?limit=501", "?limit=-1", "?limit=1.0", "?limit=1e2", "?limit=+1",
        "?limit=01", "?limit=", "?limit=ten", "?limit=1&limit=1", "?limit=9" + "9" * 30,
        "?cursor=", "?cursor=!", "?cursor=AAAA", "?cursor=" + "A" * 600, "?page=1", "?open=yes",
    ],
)  # fmt: skip
async def test_a_bad_query_is_a_400(client: Client, query: str) -> None:
    await refused(await client.get(f"/v1/orders{query}", headers=bearer()), 400, "invalid-request")


async def test_a_query_where_none_is_known_is_a_400(client: Client) -> None:
    response = await client.get("/v1/orders/o1?verbose=1", headers=bearer())

    assert "'verbose'" in await refused(response, 400, "invalid-request")


async def test_a_query_is_decoded_and_a_cursor_leads_on(client: Client) -> None:
    first = await (await client.get("/v1/orders", headers=bearer())).json()

    response = await client.get(
        f"/v1/orders?limit=7&sku=a&sku=b&open=true&cursor={first['next_cursor']}", headers=bearer()
    )

    query, place = (await response.json())["items"]
    assert first["items"][0] == {
        "limit": 100, "cursor": None, "status": None, "sku": [], "open": None
    }  # fmt: skip
    assert (query["limit"], query["sku"], query["open"]) == (7, ["a", "b"], True)
    assert place == {"place": [100, "o1"]}
