"""Telling the service manager that this program lives, in the protocol of sd_notify(3).

A program that runs is not yet one that sells: its event loop may hang in a bug, its writer thread
in a disk that never answers. So the watchdog is fed only when both have shown that they turn: the
task below runs on the loop, and each time the writer thread has to answer a trivial job first.
While it does not, nothing is sent, and systemd ends the program after ``WatchdogSec=`` with
SIGABRT; the stacks of all threads are then in the log, and the next start finds every sale that was
acknowledged.

A disk that *refuses* is answered, and so is no reason to be restarted: the status page has to be
there to say it. An idle gateway writes nothing for its watchdog, so a disk that hangs is noticed by
the first commit that hangs in it.

Without ``NOTIFY_SOCKET`` in the environment there is nobody to tell, and nothing here happens.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

log: Final = logging.getLogger(__name__)

FEEDINGS: Final = 3
"""Times that a watchdog is fed within its time: one lost datagram is no reason to be shot."""

STATUS_CHARS_MAX: Final = 200
"""``systemctl status`` shows one line."""

SPELL_S: Final = 10.0
"""How often the status line is told where the unit has no watchdog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """The service manager that started this program, if it wants to hear of it."""

    address: str
    """Of its datagram socket; an abstract one begins with ``@``."""
    watchdog_s: float | None
    """It shoots after this silence; None when it does not."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], pid: int) -> Self | None:
        """Read sd_notify's variables; None where there is nobody, or an address of another kind."""
        address = environment.get("NOTIFY_SOCKET", "")
        if address[:1] not in {"/", "@"}:
            return None
        meant = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        micros = environment.get("WATCHDOG_USEC", "")
        known = meant and micros.isascii() and micros.isdigit() and int(micros) > 0
        return cls(address=address, watchdog_s=int(micros) / 1_000_000 if known else None)

    def tell(self, *assignments: str) -> None:
        """Send one message, such as ``READY=1``. Never waits, and never fails."""
        place = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as pipe:
            pipe.setblocking(False)  # noqa: FBT003 - as the library has it
            pipe.sendto("\n".join(assignments).encode(), place)

    async def stopping(self, _app: web.Application) -> None:
        """For the app's `on_shutdown`: what comes now takes its time, and is no failure."""
        self.tell("STOPPING=1", "STATUS=Stopping.")

    async def feed(self, lives: Callable[[], Awaitable[bool]], headline: Callable[[], str]) -> None:
        """Until cancelled: feed the watchdog each time that `lives` says so, and tell the headline.

        `lives` waits for the writer thread; as long as it does, nobody is fed.
        """
        pause_s = SPELL_S if self.watchdog_s is None else self.watchdog_s / FEEDINGS
        waiting: asyncio.Future[bool] | None = None
        try:
            while True:
                waiting = asyncio.ensure_future(lives())
                await self._answer(waiting, pause_s)
                if waiting.result():
                    self.tell("WATCHDOG=1", f"STATUS={_line(headline())}")
                await asyncio.sleep(pause_s)
        finally:
            if waiting is not None:
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)

    async def _answer(self, waiting: "asyncio.Future[bool]", pause_s: float) -> None:
        """Wait for an answer, however long it takes; say in the log when that is too long."""
        await asyncio.wait({waiting}, timeout=pause_s)
        if not waiting.done():
            log.error(
                "the writer thread does not answer; the watchdog is not fed",
                extra={"action": "writer_stuck", "waited_s": pause_s},
            )
            self.tell("STATUS=The writer thread does not answer.")
            await asyncio.wait({waiting})
            log.warning("the writer thread answers again", extra={"action": "writer_back"})


def _line(text: str) -> str:
    """A text as one line of a message."""
    return " ".join(text.split())[:STATUS_CHARS_MAX]
