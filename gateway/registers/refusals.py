"""Registers that are heard and not taken in, for the status page; on the event loop.

A register that sells alone asks again for as long as it is on, so one that was not refused lately
is switched off, or has gone to its own shop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.link.dial import VERSION
from gateway.registers.identity import RefusedRegister
from gateway.status.report import moment
from replication.errors import PeerViolation
from replication.ids import is_writer_id, location_of, register_of
from replication.session import Ended

SHOWN_MS: Final = 10 * 60_000
"""A register that was not refused for this long does not ask any more: its pauses are 10 s."""

SHOWN_MAX: Final = 20
"""Registers that are told of at once; whoever comes beyond that is told of when one has gone."""

_REASONS: Final = frozenset({PeerViolation.reason, VERSION})


@dataclass(slots=True)
class _Refused:
    why: str
    since_ms: int
    last_ms: int


class Refusals:
    """Who was refused last, and why; a link that is taken in ends it."""

    def __init__(self, location: str, wall_ms: Callable[[], int]) -> None:
        """Those of the gateway of `location`."""
        self._location = location
        self._wall_ms = wall_ms
        self._refused: dict[str, _Refused] = {}

    def ended(self, who: str, ended: Ended) -> bool:
        """The link of whoever says that he is `who` has ended; True where he is refused now."""
        if ended.reason not in _REASONS:
            self.taken_in(who)
            return False
        name, now_ms = self._name(who), self._wall_ms()
        known = self._refused.get(name)
        if known is not None:
            known.why, known.last_ms = ended.detail, now_ms
            return False
        self._forget_gone(now_ms)
        if len(self._refused) >= SHOWN_MAX:
            return False
        self._refused[name] = _Refused(ended.detail, now_ms, now_ms)
        return True

    def taken_in(self, who: str) -> None:
        """What this register has is here, or its link was not ended by a refusal."""
        self._refused.pop(self._name(who), None)

    def now(self) -> tuple[RefusedRegister, ...]:
        """Those that are refused at this time."""
        self._forget_gone(self._wall_ms())
        return tuple(
            RefusedRegister(register=name, why=one.why, since=moment(one.since_ms))
            for name, one in sorted(self._refused.items())
        )

    def _forget_gone(self, now_ms: int) -> None:
        gone = [name for name, one in self._refused.items() if now_ms - one.last_ms > SHOWN_MS]
        for name in gone:
            del self._refused[name]

    def _name(self, who: str) -> str:
        """The register's name: an old copy is taken in under its next incarnation."""
        is_ours = is_writer_id(who) and location_of(who) == self._location
        return (register_of(who) if is_ours else None) or who
