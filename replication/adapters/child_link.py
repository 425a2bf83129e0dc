"""A child's link as its parent keeps it: a store's at the hub, a register's at its gateway.

One task handles a link: frames are folded in the order in which they came. Only an answer for which
others have to be asked is given beside the frames, or two links could wait for each other's child.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

from replication.adapters.asides import Asides
from replication.adapters.borrowing import Borrows
from replication.adapters.machine_clock import loop_ms
from replication.adapters.websocket import Link, Socket
from replication.session import Ended, Event, Session, Side


class ChildLink(ABC):
    """One live link to a child, from the upgrade of its socket to its end."""

    def __init__(self, asker: str, wall_ms: Callable[[], int]) -> None:
        """`asker` is unique among all links of all starts of the parent.

        A child remembers what it answered to a request, over all its links.
        """
        self.since_ms = wall_ms()
        self.link: Link | None = None
        self.borrows = Borrows(asker)
        self._wall_ms = wall_ms
        self._asides = Asides()

    async def run(self, socket: Socket) -> Ended:
        """Talk until the link ends."""
        session = Session(Side.PARENT, loop_ms())
        self.link = Link(socket, session, handle=self._handle, more=self._more)
        return await self.link.run()

    @abstractmethod
    async def _handle(self, event: Event) -> None:
        """Commit what an event asks for, then answer it on the session."""

    @abstractmethod
    async def _more(self, after: int) -> bool:
        """Offer the feed after that position to the session; False when there is none."""

    @property
    def session(self) -> Session:
        """The conversation; there is one for as long as `run` runs."""
        assert self.link is not None, "a link has a session from its start"
        return self.link.session

    @property
    def heard_ms(self) -> int:
        """When the last frame came, beats included; wall time, for people."""
        return self.since_ms if self.link is None else self.link.heard_wall_ms(self._wall_ms())

    def reachable(self) -> bool:
        """Whether a customer may be kept waiting for this child."""
        return self.link is not None and self.session.reachable(self.link.now_ms())

    def wake(self) -> None:
        """There may be something to send."""
        if self.link is not None:
            self.link.wake()

    def close(self, reason: str, detail: str) -> None:
        """End it from here; the child is told why."""
        if self.link is not None:
            self.session.close(reason, detail)
            self.wake()

    def lose(self) -> None:
        """The link has ended: nobody waits for its answers any more."""
        self.borrows.lose()
        self._asides.end()
