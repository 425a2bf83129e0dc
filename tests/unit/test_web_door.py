"""Goal: only who may enter does, once at a time, and every answer has one shape and the stamp.

Method: a sample program with one endpoint of each kind behind aiohttp's own test client; handlers
are held still where calls must overlap. Bad bodies and queries are in test_web_input.py.
"""

import asyncio
import json
import logging

import pytest
from aiohttp import WSServerHandshakeError

from tests.web_samples import (
    AUDITOR_TOKEN,
    CASHIER_TOKEN,
    OTHER_CASHIER_TOKEN,
    SCANS,
    WITNESS,
    Client,
    MakeClient,
    SampleProgram,
    bearer,
    refused,
    sample_program,
)
from web.body import Empty
from web.door import BEARER_PROTOCOL, Door, DoorLimits
from web.endpoint import Answer, Call, Endpoint

SALE = b'{"lines": [{"sku": "A-1", "quantity": 2}]}'


@pytest.fixture
async def program() -> SampleProgram:
    return sample_program()


@pytest.fixture
async def client(program: SampleProgram, aiohttp_client: MakeClient) -> Client:
    return await aiohttp_client(program.app)


# --- who may enter


async def test_a_call_with_a_token_of_the_right_role_is_answered(client: Client) -> None:
    response = await client.post("/v1/ping", data=b"{}", headers=bearer())

    assert (response.status, await response.read()) == (200, b"{}")
    assert response.content_type == "application/json"
    assert response.headers["Countertop-Witness"] == WITNESS


async def test_no_token_is_a_401_with_a_challenge(client: Client) -> None:
    response = await client.post("/v1/ping", data=b"{}")

    await refused(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="countertop"'


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer nobody", "Basic dXNlcjpwYXNz", CASHIER_TOKEN, "Bearer \xe9"],
)
async def test_a_strange_authorization_header_is_a_401(client: Client, header: str) -> None:
    response = await client.post("/v1/ping", data=b"{}", headers={"Authorization": header})

    await refused(response, 401, "unauthenticated")
    assert "WWW-Authenticate" in response.headers


async def test_the_scheme_is_read_in_any_case(client: Client) -> None:
    headers = {"Authorization": f"bearer  {CASHIER_TOKEN}"}

    assert (await client.post("/v1/ping", data=b"{}", headers=headers)).status == 200


async def test_the_wrong_role_is_a_403_before_the_body_is_looked_at(client: Client) -> None:
    response = await client.post("/v1/sales", data=b"\xff", headers=bearer(AUDITOR_TOKEN))

    assert "auditor" in await refused(response, 403, "forbidden")


# --- addresses and methods


async def test_an_unknown_address_is_a_404_problem(client: Client) -> None:
    await refused(await client.get("/v1/nothing"), 404, "not-found")
    await refused(await client.post("/", data=b"x"), 404, "not-found")


async def test_an_unknown_method_is_a_405_problem_that_names_the_known_ones(
    client: Client,
) -> None:
    response = await client.put("/v1/orders/o1", data=b"{}", headers=bearer())

    await refused(response, 405, "method-not-allowed")
    assert response.headers["Allow"] == "DELETE, GET, HEAD"


async def test_head_answers_like_get_without_the_body(client: Client) -> None:
    response = await client.head("/v1/orders/o1", headers=bearer())

    assert (response.status, await response.read()) == (200, b"")


async def test_path_parts_arrive_decoded(client: Client) -> None:
    response = await client.get("/v1/orders/a%20b%2Fc", headers=bearer())

    assert await response.json() == {"id": "a b/c", "path": "/v1/orders/a b/c"}
    assert response.headers["X-Extra"] == "yes"


# --- idempotency keys


@pytest.mark.parametrize("key", [None, "", " ", "k" * 256, "t\tab", "caf\xe9"])
async def test_a_missing_or_strange_key_is_a_400(client: Client, key: str | None) -> None:
    response = await client.post("/v1/sales", data=SALE, headers=bearer(key=key))

    assert "Idempotency-Key" in await refused(response, 400, "invalid-request")


async def test_a_key_of_255_printable_characters_reaches_the_handler(client: Client) -> None:
    key = "~ k" * 85

    response = await client.post("/v1/sales", data=SALE, headers=bearer(key=key))

    assert response.status == 201
    assert (await response.json())["key"] == key


async def test_the_digest_counts_the_value_and_not_its_text(client: Client) -> None:
    bodies = [
        b'{"lines":[{"sku":"A-1","quantity":2}],"note":"n"}',
        b'{ "note": "\\u006e",\n "lines": [ {"quantity": 2, "sku": "A-1"} ] }',
        b'{"lines":[{"sku":"A-1","quantity":3}],"note":"n"}',
    ]

    answers = [
        await (await client.post("/v1/sales", data=body, headers=bearer(key="k"))).json()
        for body in bodies
    ]

    same, also_same, other = (answer["digest"] for answer in answers)
    assert same == also_same != other
    assert len(bytes.fromhex(same)) == 16


async def test_an_endpoint_without_key_gets_none_and_no_digest(client: Client) -> None:
    response = await client.post("/v1/check", data=SALE, headers=bearer(key="k1"))

    assert await response.json() == {"key": "", "digest": "", "lines": 1, "cashier": "Amal"}


async def test_a_twin_that_still_runs_is_a_409_and_then_free_again(
    program: SampleProgram, client: Client
) -> None:
    first = asyncio.create_task(client.post("/v1/orders/o1/wait", headers=bearer(key="k1")))
    await program.entered.get()

    twin = await client.post("/v1/orders/o1/wait", headers=bearer(key="k1"))
    program.release.set()
    again = await asyncio.gather(
        client.post("/v1/orders/o1/wait", headers=bearer(key="k2")),
        client.post("/v1/orders/o2/wait", headers=bearer(key="k1")),
        client.post("/v1/orders/o1/wait", headers=bearer(OTHER_CASHIER_TOKEN, key="k1")),
    )
    later = await client.post("/v1/orders/o1/wait", headers=bearer(key="k1"))

    await refused(twin, 409, "conflict")
    assert twin.headers["Retry-After"] == "1", "told apart from a conflict that stays one"
    assert [(await first).status, *(one.status for one in again), later.status] == [201] * 5
    assert not program.door.twins


async def test_a_twin_with_another_key_path_or_principal_is_no_twin(
    program: SampleProgram, client: Client
) -> None:
    running = [
        asyncio.create_task(client.post(path, headers=bearer(token, key=key)))
        for path, token, key in [
            ("/v1/orders/o1/wait", CASHIER_TOKEN, "k1"),
            ("/v1/orders/o2/wait", CASHIER_TOKEN, "k1"),
            ("/v1/orders/o1/wait", CASHIER_TOKEN, "k2"),
            ("/v1/orders/o1/wait", OTHER_CASHIER_TOKEN, "k1"),
        ]
    ]
    for _ in running:
        await program.entered.get()

    program.release.set()

    assert [(await one).status for one in running] == [201] * 4


# --- how many


async def test_64_concurrent_requests_of_one_token_are_never_refused(
    program: SampleProgram, client: Client
) -> None:
    running = [
        asyncio.create_task(client.post("/v1/orders/o1/wait", headers=bearer(key=f"k{number}")))
        for number in range(64)
    ]
    under_way = {await program.entered.get() for _ in range(64)}

    program.release.set()

    assert len(under_way) == 64
    assert {(await one).status for one in running} == {201}
    assert not program.door.calls


async def test_more_calls_of_one_token_than_the_limit_are_a_429(
    aiohttp_client: MakeClient,
) -> None:
    program = sample_program(DoorLimits(calls_per_token_max=1))
    client = await aiohttp_client(program.app)
    first = asyncio.create_task(client.post("/v1/orders/o1/wait", headers=bearer(key="k1")))
    await program.entered.get()

    second = await client.post("/v1/ping", headers=bearer())
    of_another = await client.post("/v1/ping", headers=bearer(OTHER_CASHIER_TOKEN))
    program.release.set()
    await first
    third = await client.post("/v1/ping", headers=bearer())

    await refused(second, 429, "rate-limited")
    assert second.headers["Retry-After"] == "1"
    assert (of_another.status, third.status) == (200, 200)


# --- problems and failures of handlers


async def test_a_problem_of_a_handler_goes_out_with_its_members(client: Client) -> None:
    response = await client.get("/v1/short", headers=bearer())

    await refused(response, 409, "quota-short")
    problem = await response.json()
    assert (problem["sku"], problem["wanted"], problem["sellable"]) == ("A-1", 3, 1)
    assert problem["elsewhere"] == [{"holder": "hub", "quantity": 2}]


async def test_a_failure_that_the_program_knows_is_its_problem(client: Client) -> None:
    assert await refused(await client.get("/v1/full", headers=bearer()), 503, "storage")


async def test_an_unforeseen_failure_is_a_500_that_tells_only_where_to_look(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.get("/v1/broken", headers=bearer())

    await refused(response, 500, "internal")
    assert (await response.json())["incident"] == "incident-1"
    assert "secret words" not in await response.text()
    (record,) = [one for one in caplog.records if one.name == "web.door"]
    assert (record.levelno, record.__dict__["incident"]) == (logging.ERROR, "incident-1")
    assert record.exc_info is not None


# --- pages, streams, sockets


async def test_a_page_goes_out_as_the_handler_made_it(client: Client) -> None:
    response = await client.get("/page")

    assert (response.content_type, await response.text()) == ("text/html", "<p>hello</p>")
    assert response.headers["Countertop-Witness"] == WITNESS


async def test_a_stream_is_stamped_and_left_alone(program: SampleProgram, client: Client) -> None:
    response = await client.get("/events")

    assert response.headers["Countertop-Witness"] == WITNESS
    assert await response.content.readline() == b"data: 1\n"
    assert program.door.streams == {"": 1}
    assert not program.door.calls


async def test_a_stream_that_breaks_is_cut_off(client: Client) -> None:
    response = await client.get("/torn")

    with pytest.raises(Exception, match=r".") as torn:
        await response.read()
    assert type(torn.value).__name__ == "ClientPayloadError"


async def test_a_websocket_knows_who_speaks(client: Client) -> None:
    async with client.ws_connect("/v1/live", headers=bearer()) as socket:
        await socket.send_str("hello")

        assert await socket.receive_str() == "Amal: hello"


async def test_a_websocket_without_token_is_a_401(client: Client) -> None:
    with pytest.raises(WSServerHandshakeError) as refusal:
        await client.ws_connect("/v1/live")

    assert refusal.value.status == 401


async def test_a_browser_sends_its_token_as_a_subprotocol_that_is_not_repeated_or_logged(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    protocols = [SCANS, BEARER_PROTOCOL + CASHIER_TOKEN]

    with caplog.at_level(logging.DEBUG):
        async with client.ws_connect("/v1/scans", protocols=protocols) as socket:
            assert socket.protocol == SCANS
            assert await socket.receive_str() == f"Amal: {SCANS}"

    assert CASHIER_TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("path", "protocols"),
    [
        ("/v1/scans", [SCANS]),
        ("/v1/scans", [BEARER_PROTOCOL + CASHIER_TOKEN]),
        ("/v1/scans", [SCANS, BEARER_PROTOCOL]),
        ("/v1/scans", [SCANS, BEARER_PROTOCOL + "ct_" + "x" * 43]),
        ("/v1/scans", [SCANS, BEARER_PROTOCOL + CASHIER_TOKEN, BEARER_PROTOCOL + AUDITOR_TOKEN]),
        ("/v1/live", [SCANS, BEARER_PROTOCOL + CASHIER_TOKEN]),
    ],
    ids=["no token", "token alone", "empty", "unknown", "two tokens", "a row that takes none"],
)
async def test_a_subprotocol_that_is_no_token_of_that_row_is_a_401(
    client: Client, caplog: pytest.LogCaptureFixture, path: str, protocols: list[str]
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(WSServerHandshakeError) as refusal:
        await client.ws_connect(path, protocols=protocols)

    assert refusal.value.status == 401
    assert CASHIER_TOKEN not in caplog.text


async def test_a_token_as_a_subprotocol_opens_no_other_call(client: Client) -> None:
    headers = {"Sec-WebSocket-Protocol": f"{SCANS}, {BEARER_PROTOCOL}{CASHIER_TOKEN}"}

    await refused(
        await client.post("/v1/ping", data=b"{}", headers=headers), 401, "unauthenticated"
    )


async def test_a_get_without_handshake_at_a_websocket_is_a_400(client: Client) -> None:
    await refused(await client.get("/v1/live", headers=bearer()), 400, "invalid-request")


async def test_the_description_is_open_and_stamped(client: Client) -> None:
    response = await client.get("/openapi.json")

    assert json.loads(await response.read())["openapi"] == "3.1.0"
    assert response.headers["Countertop-Witness"] == WITNESS


# --- rows


async def test_a_row_that_contradicts_itself_is_our_own_bug() -> None:
    async def handler(_call: Call[Empty]) -> Answer:
        return Answer(200)

    with pytest.raises(AssertionError, match="a key needs a principal"):
        Endpoint(method="POST", path="/x", summary="", roles=None, handler=handler, idempotent=True)


async def test_a_door_without_extras_stamps_nothing() -> None:
    async def nobody(_token: str) -> None:
        return None

    door = Door(authenticate=nobody)

    assert door.translate(ValueError()) is None
    assert len(door.new_incident()) == 8
