"""The load generator: as many kept connections as there are registers, each asks when answered.

It runs in a process of its own, so that it takes the second core and not the server's:
``python -m scripts.benchmarks.load`` reads one `Plan` and then one `Round` per line from stdin and
answers each round with one `Sample` line on stdout. Connections stay open between rounds.

It is light on purpose: requests are bytes made beforehand, answers are read by Content-Length only.
What it cannot read, or what has another status than expected, is a fault, and a sample with faults
is no figure.
"""

import asyncio
import secrets
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import msgspec

PROJECT: Final = Path(__file__).resolve().parents[2]

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""A sample of 100,000 latencies is about 600 KB of JSON."""

GRACE_S: Final = 15.0
"""How long the last answers of a round may take before the round is called broken."""

FAULTS_MAX: Final = 5
"""Faults that are kept as text; the others are counted."""

END_OF_HEAD: Final = b"\r\n\r\n"
LENGTH: Final = b"\r\ncontent-length:"


class LoadBroken(RuntimeError):
    """The generator ended or its round did not; nothing was measured."""


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whom to ask, and what. Bodies are taken in turn."""

    host: str
    port: int
    tokens: list[str]
    """Connection n speaks with token n modulo their number."""
    connections: int
    bodies: dict[str, list[str]]
    """Path to its JSON bodies; ``@register`` in one becomes the connection's register."""
    statuses: dict[str, int]
    """Path to the status of its success."""
    refusals: dict[str, int] = {}
    """Path to the status of a refusal that is expected: the connection asks no more that round."""


class Round(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ask for `path` over the first `connections` connections for `seconds`."""

    path: str
    connections: int
    seconds: float


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one round measured."""

    latencies_us: list[int]
    elapsed_s: float
    """From the first request to the last answer."""
    busy: float
    """Share of one core that the generator itself needed; near 1 it is the limit of the figure."""
    fault_count: int
    faults: list[str]
    refused: int = 0
    """Connections that stopped at an expected refusal; its time is not among the latencies."""

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies_us) / self.elapsed_s


@dataclass(slots=True)
class _Meter:
    """A round under way: when it ends, what was measured, who is still waiting."""

    path: str
    ends_ns: int
    waiting: int
    finished: asyncio.Future[None]
    latencies_us: list[int] = field(default_factory=list)
    fault_count: int = 0
    faults: list[str] = field(default_factory=list)
    refused: int = 0

    def fault(self, text: str) -> None:
        """Count a fault, and keep the first few."""
        self.fault_count += 1
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(text)

    def leave(self) -> None:
        """One connection has asked its last."""
        self.waiting -= 1
        if self.waiting == 0 and not self.finished.done():
            self.finished.set_result(None)


class Connection(asyncio.Protocol):
    """One register: asks, waits for the answer, asks again until the round is over."""

    def __init__(self, plan: Plan, number: int) -> None:
        register = f"till-{number + 1}"
        token = plan.tokens[number % len(plan.tokens)]
        self._statuses = {path: b"%d" % status for path, status in plan.statuses.items()}
        self._refusals = {path: b"%d" % status for path, status in plan.refusals.items()}
        self._requests = {
            path: [_request_tail(body.replace("@register", register)) for body in bodies]
            for path, bodies in plan.bodies.items()
        }
        self._heads = {
            path: (
                f"POST {path} HTTP/1.1\r\nHost: {plan.host}:{plan.port}\r\n"
                f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
                "Idempotency-Key: "
            ).encode()
            for path in plan.bodies
        }
        # The key begins with the time, as a register's does, and counts on from there.
        self._key_end = b"-" + secrets.token_hex(5).encode()
        self._turn = number
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent_ns = 0
        self._meter: _Meter | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio: connected."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio: a server that hangs up during a round is a fault."""
        self._transport = None
        if self._meter is not None:
            self._meter.fault(f"connection lost: {exc}")
            meter, self._meter = self._meter, None
            meter.leave()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    def run(self, meter: _Meter) -> None:
        """Take part in a round."""
        self._meter = meter
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Called by asyncio: a piece of an answer, usually all of it."""
        received = self._received + data if self._received else data
        head_end = received.find(END_OF_HEAD)
        if head_end < 0:
            self._received = received
            return
        head = received[:head_end].lower()
        at = head.find(LENGTH)
        if at < 0:
            self._answered(f"answer without a length: {head[:300]!r}")
            return
        length = int(head[at + len(LENGTH) :].split(b"\r\n", 1)[0])
        if len(received) < head_end + len(END_OF_HEAD) + length:
            self._received = received
            return
        self._received = b""
        meter = self._meter
        status = head[9:12]
        if meter is not None and status == self._refusals.get(meter.path):
            self._meter = None
            meter.refused += 1
            meter.leave()
        elif meter is not None and status != self._statuses[meter.path]:
            body = received[head_end + len(END_OF_HEAD) :][:300]
            self._answered(f"{status!r} {body!r}")
        else:
            self._answered(None)

    def _answered(self, fault: str | None) -> None:
        meter = self._meter
        if meter is None:
            return
        now_ns = time.perf_counter_ns()
        if fault is not None:
            meter.fault(fault)
        else:
            meter.latencies_us.append((now_ns - self._sent_ns) // 1_000)
        if now_ns < meter.ends_ns and fault is None:
            self._ask()
        else:
            self._meter = None
            meter.leave()

    def _ask(self) -> None:
        meter = self._meter
        assert meter is not None
        if self._transport is None:
            meter.fault("not connected")
            self._meter = None
            meter.leave()
            return
        tails = self._requests[meter.path]
        self._turn += 1
        key = b"%012x%s%08x" % (time.time_ns() // 1_000_000, self._key_end, self._turn)
        request = self._heads[meter.path] + key + tails[self._turn % len(tails)]
        self._sent_ns = time.perf_counter_ns()
        self._transport.write(request)


def _request_tail(body: str) -> bytes:
    """Everything after the idempotency key."""
    encoded = body.encode()
    return b"\r\nContent-Length: %d\r\n\r\n%s" % (len(encoded), encoded)


async def measure(connections: list[Connection], asked: Round) -> Sample:
    """Run one round over the first of the open connections."""
    loop = asyncio.get_running_loop()
    began_ns, began_cpu = time.perf_counter_ns(), time.process_time()
    meter = _Meter(
        path=asked.path,
        ends_ns=began_ns + int(asked.seconds * 1e9),
        waiting=asked.connections,
        finished=loop.create_future(),
    )
    for connection in connections[: asked.connections]:
        connection.run(meter)
    try:
        async with asyncio.timeout(asked.seconds + GRACE_S):
            await meter.finished
    except TimeoutError:
        meter.fault(f"{meter.waiting} answers did not come within {GRACE_S:.0f} s")
    elapsed_s = (time.perf_counter_ns() - began_ns) / 1e9
    return Sample(
        latencies_us=meter.latencies_us,
        elapsed_s=elapsed_s,
        busy=(time.process_time() - began_cpu) / elapsed_s,
        fault_count=meter.fault_count,
        faults=meter.faults,
        refused=meter.refused,
    )


async def connect(plan: Plan) -> list[Connection]:
    """Open all connections of a plan."""
    loop = asyncio.get_running_loop()
    connections = [Connection(plan, number) for number in range(plan.connections)]
    for connection in connections:

        def protocol(one: Connection = connection) -> Connection:
            return one

        await loop.create_connection(protocol, plan.host, plan.port)
    return connections


async def serve() -> None:
    """The process: a plan, then rounds, until stdin ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    connections = await connect(msgspec.json.decode(await reader.readline(), type=Plan))
    while line := await reader.readline():
        sample = await measure(connections, msgspec.json.decode(line, type=Round))
        sys.stdout.buffer.write(msgspec.json.encode(sample) + b"\n")
        sys.stdout.buffer.flush()
    for connection in connections:
        connection.close()


class Generator:
    """The load generator's process, from outside."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "scripts.benchmarks.load",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT,
            limit=LINE_BYTES_MAX,
            start_new_session=True,
        )
        await self._tell(self._plan)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        process = self._process
        if process is not None:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def run(self, asked: Round) -> Sample:
        """One round.

        Raises:
            LoadBroken: the generator ended, or some request was not answered as expected.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        await self._tell(asked)
        line = await self._process.stdout.readline()
        if not line:
            raise LoadBroken("the load generator ended; what it said is above")
        sample = msgspec.json.decode(line, type=Sample)
        if sample.fault_count or not sample.latencies_us:
            raise LoadBroken(f"{asked.path}: {sample.fault_count} faults, such as {sample.faults}")
        return sample

    async def _tell(self, message: Plan | Round) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(message) + b"\n")
            await self._process.stdin.drain()
        except ConnectionError as error:
            raise LoadBroken("the load generator ended; what it said is above") from error


if __name__ == "__main__":
    asyncio.run(serve())
