"""Witnesses that registers present: does this journal hold what they have seen?

Every answer of a gateway carries how far its journal had come, and registers show the highest that
they saw with each request. What a journal does not hold though a register saw it has been lost: the
disk is an old image. Such a gateway stops selling before it gives the same place to another sale.

Who is believed: a till with a token of this shop, for the position of a journal of this location.
One that nobody could have seen is refused with the request that carries it, and changes nothing:

    another location         the register is of another store
    far beyond               no shop does so much between two backups: it is made up
    refuted                  the hub, which alone makes incarnations, knows of no such box
    believed before          its word has made this box a new incarnation already, lately
"""

import enum
import logging
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final

import msgspec
from aiohttp import web

from gateway.client.witness import HEADER, Witness
from gateway.lives.behind import BELIEVED_AGAIN_MS, Presented, refuted, stop_behind
from gateway.lives.next_life import came_of
from gateway.roles import TILL
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import StorageFailed
from replication.ids import incarnation_of, location_of
from replication.journal import Head
from web.problems import Problem, Slug
from web.tokens import Principal

log: Final = logging.getLogger(__name__)

ENTRIES_AHEAD_MAX: Final = 1_000_000
"""Entries that an image may be old by: half a year of a busy shop."""

INCARNATIONS_AHEAD_MAX: Final = 1_000
"""Boxes that a location may have had since: one a day for some years."""

REFUSED_NAMED_MAX: Final = 20
"""Registers that the page names."""

REFUSED_AGAIN_MS: Final = 60_000
"""What else a register shows that is not believed, is told so long after the last time."""


class Verdict(enum.Enum):
    """What a witness says of a journal."""

    HELD = "held"
    EARLIER = "earlier"
    """It is of a box before this one: registers hand in what they have of it."""
    BEHIND = "behind"
    """The journal does not hold it: this box is not what it was."""
    ELSEWHERE = "elsewhere"
    FAR = "far"


class RefusedWitness(msgspec.Struct, frozen=True, kw_only=True):
    """A witness that was not believed, and why, in English."""

    register: str
    witness: str
    why: str
    at_ms: int


def judge(
    witness: Witness, *, writer: str, head: Head, hash_at: Callable[[int], bytes | None]
) -> Verdict:
    """Compare a witness with a writer's journal, which ends at `head`.

    `hash_at` answers the hash of an entry, None where it is not kept any more.
    """
    if witness.location != location_of(writer):
        return Verdict.ELSEWHERE
    ahead = witness.incarnation - incarnation_of(writer)
    if ahead:
        if ahead < 0:
            return Verdict.EARLIER
        return Verdict.BEHIND if ahead <= INCARNATIONS_AHEAD_MAX else Verdict.FAR
    if witness.seq > head.seq:
        is_near = witness.seq - head.seq <= ENTRIES_AHEAD_MAX
        return Verdict.BEHIND if is_near else Verdict.FAR
    own = head.hash if witness.seq == head.seq else hash_at(witness.seq)
    is_held = witness.seq == 0 or own is None or own.hex() == witness.entry_hash
    return Verdict.HELD if is_held else Verdict.BEHIND


class WitnessCheck:
    """Looks at the witness of each request, on the loop; `refused` is for the status page."""

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._wall_ms = wall_ms
        self._changed = changed
        self._refused: MutableMapping[str, RefusedWitness] = {}

    @property
    def refused(self) -> Mapping[str, RefusedWitness]:
        """The last witness of each register that was not believed, in this start."""
        return self._refused

    async def __call__(self, request: web.Request, principal: Principal) -> None:
        """Look at what a caller shows, who has passed the door.

        Raises:
            Problem: it cannot be believed; nothing is changed.
        """
        text = request.headers.get(HEADER)
        if text is None or principal.role not in TILL:
            return
        witness = Witness.parse(text)
        if witness is None or not witness.is_whole:
            raise Problem.malformed(f"{HEADER} is <writer>;<seq>;<hash>, as a gateway said it.")
        shop = self._shop
        verdict = judge(
            witness,
            writer=shop.identity.writer,
            head=shop.head,
            hash_at=lambda seq: self._reader.load_hash(shop.ledger.writer, seq),
        )
        if verdict in {Verdict.HELD, Verdict.EARLIER}:
            return
        seen = Presented(
            register=principal.register or principal.name or principal.id,
            witness=text,
            at_ms=self._wall_ms(),
        )
        self._check(witness, verdict, seen)
        if shop.stopped in {None, StopReason.STORAGE_FAILED}:
            await self._stop(seen)
            self._check(witness, verdict, seen)  # it may have been refuted just before

    def _check(self, witness: Witness, verdict: Verdict, seen: Presented) -> None:
        if (why := self._why_not(witness, verdict, seen)) is not None:
            self._refuse(seen, why)

    def _why_not(self, witness: Witness, verdict: Verdict, seen: Presented) -> str | None:
        """Why a witness is not believed, as the rest of a sentence; None where it is."""
        here = self._shop.identity.writer
        if verdict is Verdict.ELSEWHERE:
            return f"it belongs to {witness.location}, and this is {location_of(here)}"
        if verdict is Verdict.FAR:
            return f"no journal can be so far ahead of {here} at {self._shop.head.seq}"
        if witness.writer in refuted(self._reader):
            return f"the hub never made a {witness.writer}"
        before = came_of(self._reader)
        if (
            before is not None
            and before.register == seen.register
            and seen.at_ms - before.at_ms < BELIEVED_AGAIN_MS
        ):
            return f"its word has made this box {here} already, less than a day ago"
        return None

    def _refuse(self, seen: Presented, why: str) -> None:
        if self._is_news(seen, why):
            self._refused[seen.register] = RefusedWitness(
                register=seen.register, witness=seen.witness, why=why, at_ms=seen.at_ms
            )
            log.warning(
                "the witness of %s is not believed: %s", seen.register, why,
                extra={"action": "witness_refused", "witness": seen.witness},
            )  # fmt: skip
            self._changed()
        raise Problem(
            Slug.FORBIDDEN,
            f"The journal position that {seen.register} presents is not believed: {why}. Is the "
            "register of this store? Where it is, set it up again with an empty directory once its "
            "sales are at the hub.",
            members={"witness": seen.witness},
        )

    def _is_news(self, seen: Presented, why: str) -> bool:
        """Whether the page is to say it: a register asks ten times a second, and shows it always.

        Not again within `REFUSED_AGAIN_MS`, whatever else it shows; and of so many registers only.
        """
        known = self._refused.get(seen.register)
        if known is None:
            return len(self._refused) < REFUSED_NAMED_MAX
        is_other = (known.witness, known.why) != (seen.witness, why)
        return is_other and seen.at_ms - known.at_ms >= REFUSED_AGAIN_MS

    async def _stop(self, seen: Presented) -> None:
        shop = self._shop
        log.error(
            "%s has seen %s and this journal ends at %d: selling stops",
            seen.register, seen.witness, shop.head.seq,
            extra={"action": "behind_witness", "register": seen.register},
        )  # fmt: skip
        try:
            await self._writer.submit(lambda: stop_behind(shop, seen))
        except StorageFailed:  # in memory at once; who mends it writes it down first
            shop.stopped = StopReason.BEHIND_WITNESS
            shop.stop_unkept = lambda: stop_behind(shop, seen)
        self._changed()
