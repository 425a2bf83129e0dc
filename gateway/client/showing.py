"""A register shows the grants that it has from gateways until its gateway has answered them all.

Nobody else may know of these: the box that gave them may have died with the word. A frame that is
lost inside a living connection would be missed for as long as that lives, and meanwhile what the
register holds is found by a count, and sold by the gateway as well. So each frame is answered, and
what is not is shown again. When all is answered the register says so, and only then it counts as
having told what it knows of the boxes before.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from replication.escrow import CellChange
from replication.session import Session
from replication.wire import SHOWN, SHOWN_VERSION, WANTS_MAX, WITNESSED

SHOWN_AGAIN_S: Final = 5.0
"""How long an answer is waited for; a frame that comes twice changes nothing."""

AT_ONCE_MAX: Final = 16
"""Frames under way: some 20,000 grants, far from all that a session keeps unsent."""


class Showing:
    """The grants that are shown on one link, in frames that are taken."""

    def __init__(self, session: Session, grants: Iterator[CellChange]) -> None:
        self._session = session
        self._unanswered: dict[str, list[CellChange]] = {}
        if session.version < SHOWN_VERSION:
            while some := list(islice(grants, WANTS_MAX)):
                session.grant(WITNESSED, some, [])
            return
        while some := list(islice(grants, WANTS_MAX)):
            self._unanswered[f"{WITNESSED}/{len(self._unanswered) + 1}"] = some
        self._unanswered[SHOWN] = []
        self.say()

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be said."""
        return not self._unanswered

    def say(self) -> None:
        """Show what was not answered; when all was, say that this was all."""
        for request in self._under_way():
            self._session.grant(request, self._unanswered[request], [])

    def answered(self, request: str) -> None:
        """The gateway has what was shown under a request, durably."""
        before = self._under_way()
        self._unanswered.pop(request, None)
        for following in self._under_way():
            if following not in before:
                self._session.grant(following, self._unanswered[following], [])

    def _under_way(self) -> list[str]:
        """The requests of the frames that wait for their answer now; the last one waits for all."""
        requests = list(islice(self._unanswered, AT_ONCE_MAX))
        return requests if requests == [SHOWN] else [one for one in requests if one != SHOWN]
