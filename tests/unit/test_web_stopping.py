"""Goal: a program that goes down ends its streams at once instead of waiting for them.

Method: streams of the sample program are opened through aiohttp's test client, then the app's
shutdown is begun; the streams must end by themselves, the handlers having had their last word.
"""

import pytest
from aiohttp import WSMsgType

from tests.web_samples import Client, MakeClient, SampleProgram, bearer, sample_program
from web.stopping import STOPPING


@pytest.fixture
async def program() -> SampleProgram:
    return sample_program()


@pytest.fixture
async def client(program: SampleProgram, aiohttp_client: MakeClient) -> Client:
    return await aiohttp_client(program.app)


async def test_an_event_stream_ends_with_its_last_word(
    program: SampleProgram, client: Client
) -> None:
    response = await client.get("/events")
    assert await response.content.readline() == b"data: 1\n"

    await program.app.shutdown()

    assert await response.content.read() == b"\ndata: bye\n\n"
    assert program.app[STOPPING].is_set()


async def test_a_websocket_is_told_that_we_go_away(program: SampleProgram, client: Client) -> None:
    async with client.ws_connect("/v1/live", headers=bearer()) as socket:
        await socket.send_str("hello")
        assert await socket.receive_str() == "Amal: hello"

        await program.app.shutdown()
        message = await socket.receive()

    assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1001, "going down")


async def test_a_websocket_that_ends_by_itself_leaves_nothing_behind(
    program: SampleProgram, client: Client
) -> None:
    async with client.ws_connect("/v1/live", headers=bearer()) as socket:
        await socket.send_str("hello")
        await socket.receive_str()

    await program.app.shutdown()

    assert not program.door.streams
