"""How good the line to the hub was in the last minutes, for the technician's ticket.

Nothing is sent for it: every `LOOK_S` the kernel is asked how many packets of the link's own TCP
connection it has sent, and how many of those a second time because nobody acknowledged them. A link
that says nothing else still beats every 2 s, so there is always something to count.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

LOOK_S: Final = 10.0

LOOKS_MAX: Final = 30
"""Five minutes: long enough to count, short enough to see that a cable was changed."""

RESENT_AT: Final = 100
"""Where ``tcpi_total_retrans`` stands in the kernel's ``struct tcp_info``; four bytes."""

SENT_AT: Final = 136
"""Where ``tcpi_segs_out`` stands; four bytes."""

COUNT_BYTES: Final = 4


class Packets(NamedTuple):
    """Of one TCP connection since it was made: packets sent, and sent again, by this end."""

    sent: int
    resent: int


class Quality(NamedTuple):
    """The last minutes: how much of them the hub was connected, and what was lost on the way."""

    minutes: int
    in_touch_percent: int
    resent_percent: float | None
    """None when nothing was sent."""


class _Look(NamedTuple):
    in_touch: bool
    sent: int
    resent: int


class LineQuality:
    """Looks at the connection that `connection` names, None while there is none."""

    def __init__(self, connection: Callable[[], socket.socket | None]) -> None:
        self._connection = connection
        self._looks: deque[_Look] = deque(maxlen=LOOKS_MAX)
        self._before: tuple[socket.socket, Packets] | None = None

    async def run(self) -> None:
        """Until cancelled: look."""
        while True:
            await asyncio.sleep(LOOK_S)  # at the start nobody has dialled yet
            self.look()

    def look(self) -> None:
        """Note what the kernel says now."""
        connection = self._connection()
        now = None if connection is None else packets_of(connection)
        if connection is None or now is None:
            self._looks.append(_Look(connection is not None, 0, 0))
            return
        known = self._before is not None and self._before[0] is connection
        before = self._before[1] if known and self._before is not None else Packets(0, 0)
        self._before = (connection, now)
        self._looks.append(_Look(True, now.sent - before.sent, now.resent - before.resent))  # noqa: FBT003

    def last_minutes(self) -> Quality | None:
        """What all looks come to; None before the first one."""
        if not self._looks:
            return None
        sent = sum(look.sent for look in self._looks)
        resent = sum(look.resent for look in self._looks)
        return Quality(
            minutes=max(1, round(len(self._looks) * LOOK_S / 60)),
            in_touch_percent=100 * sum(look.in_touch for look in self._looks) // len(self._looks),
            resent_percent=None if sent == 0 else round(100 * resent / sent, 1),
        )


def packets_of(connection: socket.socket) -> Packets | None:
    """The kernel's counts of a TCP connection (tcp(7), TCP_INFO); None where it tells none."""
    try:
        told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SENT_AT + COUNT_BYTES)
        (resent,) = struct.unpack_from("=I", told, RESENT_AT)
        (sent,) = struct.unpack_from("=I", told, SENT_AT)
    except (AttributeError, OSError, struct.error):
        return None
    return Packets(sent=sent, resent=resent)
