"""`/v1/live`: what registers hear without asking.

Each register that listens has a bounded mailbox; one that does not read loses its oldest messages,
never the shop's memory. A scan goes to the registers of that name alone, news to all.
"""

import asyncio
from typing import Final

import msgspec

MAILBOX_MAX: Final = 256
"""Messages that wait for one register; a person scans two a second."""

LISTENERS_MAX: Final = 512
"""Live connections of one gateway."""


class Mailbox:
    """One listening register's messages, oldest dropped first."""

    def __init__(self, register: str | None) -> None:
        self.register = register
        self._queue: asyncio.Queue[str] = asyncio.Queue(MAILBOX_MAX)

    def put(self, message: str) -> None:
        """Add a message; the oldest gives way when the register does not read."""
        if self._queue.full():
            self._queue.get_nowait()
        self._queue.put_nowait(message)

    async def take(self) -> str:
        """Wait for the next message."""
        return await self._queue.get()


class LiveBoard:
    """Who listens, and who hears what."""

    def __init__(self) -> None:
        self._mailboxes: set[Mailbox] = set()

    def join(self, register: str | None) -> Mailbox | None:
        """A mailbox for a listener; `register` None hears every register's scans. None: full."""
        if len(self._mailboxes) >= LISTENERS_MAX:
            return None
        mailbox = Mailbox(register)
        self._mailboxes.add(mailbox)
        return mailbox

    def leave(self, mailbox: Mailbox) -> None:
        """The listener is gone."""
        self._mailboxes.discard(mailbox)

    def registers(self) -> set[str]:
        """The registers that listen now."""
        return {box.register for box in self._mailboxes if box.register is not None}

    def tell(self, message: object, *, register: str | None = None) -> bool:
        """Send a message (a struct or dict) to one register or to all; False: nobody listens."""
        text = msgspec.json.encode(message).decode()
        heard = False
        for mailbox in self._mailboxes:
            if register is None or mailbox.register in {register, None}:
                mailbox.put(text)
                heard = True
        return heard
