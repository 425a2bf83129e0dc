r"""Networks of network namespaces, and avahi in one of them: a second opinion on our mDNS.

    shop ---- front 10.77.1.0/24 ---- front: avahi, registers
      \----- back  10.77.2.0/24 ---- back: registers

The shop has address .1 in both. Everything is made by the test and gone after it. It needs root,
the right to make namespaces, and Debian's avahi-daemon and avahi-utils; `why_not` says what is
missing.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from scripts.processes import PROJECT

PROGRAMS: Final = ("ip", "avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon")
SIDES: Final = {"front": 1, "back": 2}
FIND: Final = "tests.find_in_network"

BUS: Final = """\
<busconfig>
  <type>system</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""

AVAHI: Final = """\
[server]
host-name=witness
use-ipv4=yes
use-ipv6=no
deny-interfaces=lo
[wide-area]
enable-wide-area=no
"""


def why_not() -> str | None:
    """Why there can be no such networks here; None when there can."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (avahi-daemon, avahi-utils, iproute2)"
    if os.geteuid() != 0:
        return "only root makes network namespaces"
    name = f"ct-{secrets.token_hex(3)}"
    tried = subprocess.run(
        ["ip", "netns", "add", name], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"no network namespaces: {tried.stderr.strip()}"
    subprocess.run(["ip", "netns", "delete", name], check=True)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instance that avahi has resolved."""

    name: str
    host: str
    address: str
    port: int
    txt: frozenset[str]


@dataclass(slots=True, kw_only=True)
class Networks:
    """The three namespaces, and what runs in them."""

    root: Path
    token: str
    started: list[asyncio.subprocess.Process] = field(default_factory=list)

    def namespace(self, side: str) -> str:
        """The kernel's name for the namespace of a side."""
        return f"ct-{self.token}-{side}"

    def ip(self, side: str, *arguments: str) -> None:
        """Configure a namespace."""
        subprocess.run(["ip", "-n", self.namespace(side), *arguments], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """Where avahi's own D-Bus is."""
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.root / 'bus'}"}

    async def start(self, side: str | None, *command: str, log: str) -> asyncio.subprocess.Process:
        """Start a program in a namespace, or beside them; it ends with the networks."""
        within = [] if side is None else ["ip", "netns", "exec", self.namespace(side)]
        with (self.root / f"{log}.log").open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *within, *command, cwd=PROJECT, env=self.environment,
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self.started.append(process)
        return process

    async def told(self, side: str | None, *command: str) -> str:
        """What a program prints that ends by itself."""
        within = [] if side is None else ["ip", "netns", "exec", self.namespace(side)]
        process = await asyncio.create_subprocess_exec(
            *within, *command, cwd=PROJECT, env=self.environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        printed, _ = await process.communicate()
        return printed.decode()

    async def browse(self) -> list[Listing]:
        """What avahi lists and resolves in the front network, its cache included."""
        printed = await self.told(None, "avahi-browse", "-rpt", "_storegw._tcp")
        fields = [line.split(";", 9) for line in printed.splitlines() if line.startswith("=;")]
        return [
            Listing(
                name=row[3],
                host=row[6],
                address=row[7],
                port=int(row[8]),
                txt=frozenset(text.strip('"') for text in row[9].split()),
            )
            for row in fields
        ]

    async def find(self, side: str, *arguments: str) -> str:
        """What a register says that looks for its gateway on that side."""
        return await self.told(side, sys.executable, "-m", FIND, *arguments)

    async def avahi(self) -> None:
        """Start avahi in the front network, with a D-Bus of its own."""
        (self.root / "bus.conf").write_text(BUS.format(path=self.root / "bus"))
        (self.root / "avahi.conf").write_text(AVAHI)
        config = f"--config-file={self.root / 'bus.conf'}"
        await self.start(None, "dbus-daemon", config, "--nofork", "--nopidfile", log="dbus")
        while not (self.root / "bus").exists():  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0.01)
        # Its pid file has a fixed place; `ip netns exec` has given it mounts of its own.
        await self.start(
            "front", "sh", "-c",
            "mkdir -p /run/avahi-daemon && mount -t tmpfs tmpfs /run/avahi-daemon && exec "
            f"avahi-daemon -f {self.root / 'avahi.conf'} --no-drop-root --no-chroot --no-rlimits",
            log="avahi",
        )  # fmt: skip
        while not await self._avahi_answers():  # noqa: ASYNC110 - it sets no event either
            await asyncio.sleep(0.05)

    async def _avahi_answers(self) -> bool:
        process = await asyncio.create_subprocess_exec(
            "avahi-browse", "-pt", "_storegw._tcp", env=self.environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        return await process.wait() == 0

    async def end(self, process: asyncio.subprocess.Process) -> None:
        """Stop a program as a service manager would."""
        if process.returncode is None:
            process.terminate()
        await process.wait()


@contextlib.contextmanager
def _namespaces(networks: Networks) -> Iterator[None]:
    made: list[str] = []
    try:
        for side in ("shop", *SIDES):
            subprocess.run(["ip", "netns", "add", networks.namespace(side)], check=True)
            made.append(side)
            networks.ip(side, "link", "set", "lo", "up")
        for side, number in SIDES.items():
            peer: Sequence[str] = ("peer", "name", "shop", "netns", networks.namespace(side))
            networks.ip("shop", "link", "add", side, "type", "veth", *peer)
            networks.ip("shop", "address", "add", f"10.77.{number}.1/24", "dev", side)
            networks.ip(side, "address", "add", f"10.77.{number}.2/24", "dev", "shop")
            networks.ip("shop", "link", "set", side, "up")
            networks.ip(side, "link", "set", "shop", "up")
        yield
    finally:
        for side in made:
            subprocess.run(["ip", "netns", "delete", networks.namespace(side)], check=True)


@contextlib.asynccontextmanager
async def open_networks(root: Path) -> AsyncIterator[Networks]:
    """Make the networks with avahi in the front one; all of it ends with the block."""
    networks = Networks(root=root, token=secrets.token_hex(3))
    with _namespaces(networks):
        try:
            await networks.avahi()
            yield networks
        finally:
            for process in reversed(networks.started):
                await networks.end(process)
