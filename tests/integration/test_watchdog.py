"""Goal: the service manager hears that the gateway lives exactly while it does.

Method: a real datagram socket is the service manager. First the writer thread alone, stuck in a job
that waits for the test; then a real gateway, whose writer thread is stuck in a file that somebody
else has locked.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import apsw
import pytest

from gateway.box.watchdog import STATUS_CHARS_MAX, Supervisor
from replication.adapters import group_commit
from replication.adapters.group_commit import GroupCommit
from scripts.processes import Program, start
from tests.enrolled import enrolled_directory
from tests.selling_program import SellingState, open_state, selling

FAST_S = 0.03
WAIT_S_MAX = 20
STUCK = "STATUS=The writer thread does not answer."


class Manager:
    """The service manager's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.setblocking(False)  # noqa: FBT003 - as the library has it

    async def heard(self) -> list[str]:
        """The next message, line by line."""
        async with asyncio.timeout(WAIT_S_MAX):
            return (
                (await asyncio.get_running_loop().sock_recv(self.socket, 4096)).decode().split("\n")
            )

    async def heard_until(self, line: str) -> list[list[str]]:
        """All messages up to the first one with that line."""
        messages = [await self.heard()]
        while line not in messages[-1]:
            messages.append(await self.heard())
        return messages

    def is_told_nothing(self) -> bool:
        """Whether no message waits."""
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return True


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.socket.close()


@pytest.fixture
def supervisor(tmp_path: Path, manager: Manager) -> Supervisor:
    assert manager
    return Supervisor(address=str(tmp_path / "notify"), watchdog_s=FAST_S)


@pytest.fixture
def state(tmp_path: Path) -> SellingState:
    return open_state(tmp_path)


@pytest.fixture
async def writer(state: SellingState) -> AsyncIterator[GroupCommit]:
    async with selling(state) as writer:
        yield writer


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"NOTIFY_SOCKET": ""}, None),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, None),
        ({"NOTIFY_SOCKET": "/run/n"}, ("/run/n", None)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "30000000"}, ("@n", 30.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "9", "WATCHDOG_PID": "7"}, ("@n", 0.000009)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "9", "WATCHDOG_PID": "8"}, ("@n", None)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "0"}, ("@n", None)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, ("@n", None)),
        ({"WATCHDOG_USEC": "30000000"}, None),
    ],
)
def test_the_environment_says_who_wants_to_hear(
    environment: dict[str, str], expected: tuple[str, float | None] | None
) -> None:
    read = Supervisor.from_environment(environment, pid=7)

    assert (None if read is None else (read.address, read.watchdog_s)) == expected


async def test_an_abstract_socket_is_spoken_to() -> None:
    manager = Manager("\0countertop-test-watchdog")
    Supervisor(address="@countertop-test-watchdog", watchdog_s=None).tell("READY=1", "STATUS=x")

    assert await manager.heard() == ["READY=1", "STATUS=x"]
    manager.socket.close()


def test_a_manager_that_is_gone_is_no_error(tmp_path: Path) -> None:
    Supervisor(address=str(tmp_path / "nobody"), watchdog_s=None).tell("READY=1")


def test_a_manager_that_does_not_read_holds_nobody_up(
    supervisor: Supervisor, manager: Manager
) -> None:
    for _ in range(10_000):
        supervisor.tell("STATUS=" + "x" * 1_000)

    assert manager.socket.recv(4096)


async def test_a_writer_that_answers_feeds_the_watchdog_with_the_headline(
    supervisor: Supervisor, manager: Manager, writer: GroupCommit
) -> None:
    headline = "Selling normally.\nSafe to unplug: yes. " + "x" * STATUS_CHARS_MAX
    feeding = asyncio.create_task(supervisor.feed(writer.lives, lambda: headline))

    alive, status = await manager.heard()
    assert alive == "WATCHDOG=1"
    assert status == ("STATUS=" + headline.replace("\n", " "))[: STATUS_CHARS_MAX + len("STATUS=")]
    assert (await manager.heard())[0] == "WATCHDOG=1"
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)


async def test_a_stuck_writer_feeds_nobody_until_it_goes_on(
    supervisor: Supervisor, manager: Manager, writer: GroupCommit
) -> None:
    release = threading.Event()
    stuck = writer.submit(lambda: release.wait(WAIT_S_MAX))
    feeding = asyncio.create_task(supervisor.feed(writer.lives, lambda: "fine"))
    try:
        assert await manager.heard() == [STUCK]
        assert manager.is_told_nothing()
    finally:
        release.set()
    await stuck
    assert await manager.heard() == ["WATCHDOG=1", "STATUS=fine"]
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)


async def test_a_stuck_writer_with_a_full_queue_is_not_alive(
    writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, release = threading.Event(), threading.Event()

    def hang() -> None:
        busy.set()
        release.wait(WAIT_S_MAX)

    stuck = writer.submit(hang)
    await asyncio.to_thread(busy.wait)
    monkeypatch.setattr(group_commit, "QUEUE_MAX", 0)

    assert not await writer.lives()

    release.set()
    await stuck


async def test_a_disk_that_refuses_is_an_answer(
    state: SellingState, writer: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise apsw.IOError("disk I/O error")

    monkeypatch.setattr(state, "flush", refuse)
    monkeypatch.setattr(state, "forget", refuse)

    assert await writer.lives()
    assert writer.last_error is not None
    assert await writer.lives()


async def test_an_idle_gateway_writes_nothing_for_its_watchdog(
    state: SellingState, writer: GroupCommit
) -> None:
    await writer.submit(lambda: state.receive(1))
    wal = state.path.with_name(state.path.name + "-wal")
    before = wal.read_bytes()

    assert await writer.lives()

    assert wal.read_bytes() == before


# A real gateway


@pytest.fixture
async def gateway(
    manager: Manager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Program]:
    """A gateway under a service manager that wants to be fed every 0.6 s."""
    assert manager
    enrolled_directory(tmp_path / "riverside", "riverside")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "600000")
    program = await start(
        "riverside",
        ["gateway", "serve", "--data", str(tmp_path / "riverside"), "--listen", "127.0.0.1:0",
         "--hub", "http://127.0.0.1:9", "--no-mdns"],
        log=tmp_path / "riverside.log",
    )  # fmt: skip
    yield program
    await program.stop()


async def test_a_gateway_tells_its_life_from_ready_to_stopping(
    gateway: Program, manager: Manager
) -> None:
    messages = await manager.heard_until("READY=1")
    ready = messages[-1]
    alive = await manager.heard_until("WATCHDOG=1")
    await gateway.stop()
    last = await manager.heard_until("STOPPING=1")

    assert ready[1].startswith("STATUS=Selling normally.")
    assert "WATCHDOG=1" in alive[-1]
    assert last


async def test_a_gateway_whose_file_hangs_feeds_nobody(
    gateway: Program, manager: Manager, tmp_path: Path
) -> None:
    assert gateway.running
    await manager.heard_until("READY=1")
    await manager.heard_until("WATCHDOG=1")
    blocker = apsw.Connection(str(tmp_path / "riverside" / "gateway.db"))
    blocker.execute("BEGIN IMMEDIATE")
    try:
        before = await manager.heard_until(STUCK)
        assert manager.is_told_nothing()
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()

    assert len(before) <= 3, "at most what was under way"
    assert (await manager.heard())[0] == "WATCHDOG=1"


async def test_what_the_watchdog_ends_leaves_its_stacks_in_the_log(
    gateway: Program, manager: Manager, tmp_path: Path
) -> None:
    await manager.heard_until("READY=1")
    gateway.process.send_signal(6)
    await gateway.process.wait()

    log = (tmp_path / "riverside.log").read_text()
    assert "Fatal Python error: Aborted" in log
    assert "group_commit.py" in log, "the writer thread's stack is the one that is wanted"
