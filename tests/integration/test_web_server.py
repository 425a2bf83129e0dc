"""Goal: a program listens where it says, bears strangers, and is gone within 5 s of SIGTERM.

Method: real sockets on loopback, bytes written by hand, and once a signal to this process.
"""

import asyncio
import contextlib
import gzip
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest

from tests.web_samples import CASHIER_TOKEN, WITNESS, SampleProgram, sample_program
from web.server import HttpServer, ServerLimits, parse_listen, serve_until_signal

LIMITS = ServerLimits(connections_max=3, linger_s=0.2, grace_s=0.2)


@pytest.fixture
async def program() -> SampleProgram:
    return sample_program()


@pytest.fixture
async def server(program: SampleProgram) -> AsyncIterator[HttpServer]:
    server = await HttpServer.start(
        program.app, program.door, host="127.0.0.1", port=0, limits=LIMITS
    )
    yield server
    await server.stop()


async def say(server: HttpServer, data: bytes) -> bytes:
    """Send bytes on a new connection and read until the other side closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""  # cut off without a word
    finally:
        writer.close()


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until the other end of a socket has come that far."""
    async with asyncio.timeout(10):
        for _ in itertools.takewhile(lambda _: not condition(), itertools.count()):
            await asyncio.sleep(0)


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *headers]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body


async def test_a_request_is_answered_at_the_address_that_is_announced(server: HttpServer) -> None:
    answer = await say(
        server,
        request("POST", "/v1/ping", f"Authorization: Bearer {CASHIER_TOKEN}", body=b"{}"),
    )

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\n{}")
    assert server.url == f"http://127.0.0.1:{server.port}"


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: a\r\n" * 200 + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_what_is_not_http_gets_a_stamped_problem_and_is_cut_off(
    server: HttpServer, data: bytes
) -> None:
    answer = await say(server, data)

    assert b" 400 Bad Request\r\n" in answer
    assert b"application/problem+json" in answer
    assert b'"/problems/invalid-request"' in answer
    assert WITNESS.encode() in answer


async def test_a_body_whose_chunks_are_broken_is_a_400(server: HttpServer) -> None:
    answer = await say(
        server,
        b"POST /v1/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        + f"Authorization: Bearer {CASHIER_TOKEN}".encode()
        + b"\r\n\r\nzz\r\n",
    )

    assert b" 400 Bad Request\r\n" in answer
    assert WITNESS.encode() in answer


async def test_a_compressed_body_is_not_taken_apart(server: HttpServer) -> None:
    answer = await say(
        server,
        request(
            "POST",
            "/v1/check",
            f"Authorization: Bearer {CASHIER_TOKEN}",
            "Content-Encoding: gzip",
            body=gzip.compress(b'{"lines": [{"sku": "A-1", "quantity": 2}]}'),
        ),
    )

    assert b" 400 Bad Request\r\n" in answer


async def test_an_endless_body_is_answered_413_and_cut_off(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = f"POST /v1/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {CASHIER_TOKEN}\r\n"
    writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")

    async def pour_until_cut_off() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"400\r\n" + b" " * 1_024 + b"\r\n")
                await writer.drain()

    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(pour_until_cut_off())
        answer = await reader.readuntil(b"}")
    writer.close()

    assert b" 413 " in answer
    assert b"Connection: close" in answer


async def test_connections_beyond_the_limit_are_cut_and_the_others_served(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    kept = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]

    refused = [await say(server, b"") for _ in range(2)]
    kept[0][1].write(request("GET", "/page"))
    answer = await kept[0][0].read()
    for _, writer in kept:
        writer.close()

    assert refused == [b"", b""]
    assert b" 200 OK" in answer
    assert len(caplog.records) == 1  # not a line for each: a flood must not fill the disk


async def test_an_address_in_use_is_an_error_and_the_resources_are_cleaned_up(
    server: HttpServer,
) -> None:
    other = sample_program()
    ended: list[str] = []

    async def resource(_app: object) -> AsyncIterator[None]:
        yield
        ended.append("closed")

    other.app.cleanup_ctx.append(resource)

    with pytest.raises(OSError, match="address already in use"):
        await HttpServer.start(other.app, other.door, host="127.0.0.1", port=server.port)

    assert ended == ["closed"]


async def test_a_signal_ends_streams_and_idle_connections_and_the_program(
    program: SampleProgram, server: HttpServer
) -> None:
    del server  # its signal handling is not in use; it shows that two can live side by side
    own = sample_program()
    announced: asyncio.Queue[str] = asyncio.Queue()
    serving = asyncio.create_task(
        serve_until_signal(
            own.app,
            own.door,
            host="127.0.0.1",
            port=0,
            announce=announced.put_nowait,
            limits=LIMITS,
        )
    )
    port = int((await announced.get()).rpartition(":")[2])
    _, idle = await asyncio.open_connection("127.0.0.1", port)
    stream_reader, stream = await asyncio.open_connection("127.0.0.1", port)
    stream.write(request("GET", "/events"))
    await stream_reader.readuntil(b"data: 1")

    os.kill(os.getpid(), signal.SIGTERM)

    async with asyncio.timeout(5):
        await serving
        assert b"data: bye" in await stream_reader.read()
    idle.close()
    stream.close()
    assert program.app is not own.app


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/events"),
        b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n"
        + f"Authorization: Bearer {CASHIER_TOKEN}\r\n\r\n{{".encode(),
    ],
    ids=["in a stream", "in a body"],
)
async def test_a_client_that_goes_away_is_no_error(
    program: SampleProgram, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    server = await HttpServer.start(
        program.app, program.door, host="127.0.0.1", port=0, limits=LIMITS
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    if b"/events" in data:
        await reader.readuntil(b"data: 1")
    await until(lambda: bool(program.door.calls or program.door.streams))

    writer.transport.abort()
    await until(lambda: server.connections == 0)
    await server.stop()

    assert not caplog.records
    assert not program.door.calls
    assert not program.door.streams


async def test_a_handler_that_hangs_does_not_hold_the_program(
    program: SampleProgram,
) -> None:
    server = await HttpServer.start(
        program.app, program.door, host="127.0.0.1", port=0, limits=LIMITS
    )
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    authorization = f"Authorization: Bearer {CASHIER_TOKEN}"
    writer.write(request("POST", "/v1/orders/o1/wait", authorization, "Idempotency-Key: k"))
    await program.entered.get()

    async with asyncio.timeout(5):
        await server.stop()

    writer.close()
    assert not program.door.twins
    assert not program.door.calls


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("127.0.0.2:0", ("127.0.0.2", 0)),
        ("[::1]:80", ("::1", 80)),
        ("localhost:65535", ("localhost", 65_535)),
    ],
)
def test_a_listen_address_is_read(text: str, address: tuple[str, int]) -> None:
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text", ["", "8080", ":8080", "host:", "host:http", "host:65536", "host:-1", "::1:80", "h:٣"]
)
def test_a_bad_listen_address_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="listen address"):
        parse_listen(text)
