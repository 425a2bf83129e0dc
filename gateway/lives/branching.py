"""A box that is not what the hub or a register knows mends itself, on the loop.

Asked first is the hub: it has every (seq, hash) for ever. Then one of four things follows:

    the hub's journal leaves this one  what was done here since is handed over as a branch, or what
                                       of that the hub does not have from another image. The box
                                       goes on as a new incarnation, if no other speaks for its shop
    another box speaks as this one     two run from one image: this one stays off, and a person says
                                       which of them is to stay
    the hub has the same journal       only a register knows better (its word stopped this box): it
                                       hands over the rest by the link, then becomes a new
                                       incarnation, to which registers hand in what is lost
    nobody made what was presented     the witness is refuted, and the shop sells on

Every step may be asked for again: the end of the branch is fixed before its first piece leaves, and
what the hub answers is written down before anything follows from it (`next_life`).
"""

import asyncio
import base64
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec

from gateway.enrolment import BOX
from gateway.identity import Identity
from gateway.link.hub_line import HubAnswer, HubLine
from gateway.lives import behind
from gateway.lives.behind import BRANCH, Handed, Presented, handed_over
from gateway.lives.mending import CannotMend, MendingLoop
from gateway.lives.next_life import CameOf, NextLife
from gateway.lives.sealing import seal
from gateway.shop import Shop
from gateway.status.report import PARTED, StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.ids import incarnation_of
from replication.journal import Entry, Head
from web.lives import PIECE_BYTES_MAX, PIECE_ENTRIES_MAX, HeldHash

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

FOLD_S_MAX: Final = 120.0
"""The hub folds each piece of a branch before it answers, between all else that it does."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The hub's answer to a piece of a branch, and to a box that becomes a new incarnation."""

    held_seq: int
    branch: str | None
    exposed_units: int
    identity: Identity | None
    detail: str


class _Detail(msgspec.Struct, frozen=True):
    detail: str = ""


async def common_point(last_seq: int, is_same: Callable[[int], Awaitable[bool]]) -> int:
    """The last seq up to `last_seq` at which two journals are the same; both begin alike.

    Journals are chains: where they differ once they differ for good. Asks log2(last_seq) times.
    """
    same, other = 0, last_seq + 1
    while other - same > 1:
        middle = (same + other) // 2
        if await is_same(middle):
            same = middle
        else:
            other = middle
    return same


class Mending(MendingLoop):
    """See the module's theory."""

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        hub: HubLine,
        *,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
        reborn: Callable[[], None],
    ) -> None:
        """Ask `hub`, connected or not; see `MendingLoop` for the rest."""
        super().__init__(
            shop, writer, reader,
            mends=PARTED, sleep=asyncio.sleep, changed=changed, reborn=reborn,
        )  # fmt: skip
        self._hub = hub
        self._wall_ms = wall_ms

    async def _settled(self) -> bool:
        shop = self._shop
        if (unkept := shop.stop_unkept) is not None:  # or it would pass for the hub's own word
            await self._writer.submit(unkept)
            shop.stop_unkept = None
        known = handed_over(self._reader)
        if known is not None and known.name is not None and shop.stopped is StopReason.FENCED:
            return True
        head = shop.head
        held = await self._held(head.seq)
        if known is None and self._is_ours(held):
            return await self._same_journal(head, held)
        return await self._hand_over(known, head)

    def _is_ours(self, held: HeldHash) -> bool:
        """Whether the hub's journal of this writer is, to its end, this one."""
        own = self._reader.load_hash(self._shop.ledger.writer, held.head_seq)
        return own is not None and own.hex() == held.head_hash

    async def _same_journal(self, head: Head, held: HeldHash) -> bool:
        """The hub knows no other journal; was it a register's word?"""
        shop = self._shop
        seen = behind.presented(self._reader)
        if shop.stopped is not StopReason.BEHIND_WITNESS:
            return True  # what is left of a replaced box's journal goes by the link
        if seen is None:
            await self._writer.submit(lambda: _sell_on(shop))
            self._changed()
            return True
        if _incarnation(seen) > incarnation_of(shop.ledger.writer):
            # Incarnations are the hub's to give, and it says nothing of another box.
            log.warning(
                "%s is refuted: the hub knows of no such box", seen.witness,
                extra={"action": "witness_refuted", "register": seen.register},
            )  # fmt: skip
            await self._writer.submit(lambda: behind.refute(shop, seen))
            self._changed()
            return True
        if not seen.is_marked:
            nonce = secrets.token_hex(8)
            await self._writer.submit(lambda: behind.mark(shop, seen, nonce))
        if not seen.is_marked or held.head_seq < head.seq:
            return False  # the rest goes by the link
        body = {
            "box": self._box(),
            "seq": head.seq,
            "hash": head.hash.hex(),
            "why": f"{seen.register} has seen {seen.witness}"[:400],
        }
        try:
            taken = await self._post("renew", body)
        except CannotMend as no:
            if no.status != HTTPStatus.CONFLICT or await self._why_off() is not StopReason.FENCED:
                raise
            await self._writer.submit(lambda: seal(shop))  # another box is the shop's by now
            self._changed()
            return True
        if taken.identity is None:
            raise CannotMend(taken.detail)
        came = _came(shop, taken, seen, self._wall_ms())
        await self._become(NextLife(identity=taken.identity, came=came))
        return True

    async def _hand_over(self, known: Handed | None, head: Head) -> bool:
        shop = self._shop
        if known is None:
            if await self._common(head.seq) == head.seq:
                # No entry of its own, which a start would have left: now there is one.
                await self._writer.submit(lambda: shop.ledger.start(secrets.token_hex(8)))
                return False
            known = Handed(end_seq=head.seq)
            await self._keep(known, None)
        taken = await self._pieces(known)
        if taken.branch is None:
            raise CannotMend(taken.detail)  # it looks whether another copy lives
        done = msgspec.structs.replace(
            known, name=taken.branch, exposed_units=taken.exposed_units, said=taken.detail
        )
        if taken.identity is not None:
            seen = behind.presented(self._reader)
            came = _came(shop, taken, seen, self._wall_ms())
            await self._become(NextLife(identity=taken.identity, came=came))
            return True
        reason = await self._why_off()
        if done != known or shop.stopped is not reason:
            await self._keep(done, reason)
            self._changed()
        return reason is StopReason.FENCED

    async def _why_off(self) -> StopReason:
        """Whether this box was replaced, or another copy of it sells as what it is."""
        answer = await self._hub.get("/v1/replicate/state", within_s=FOLD_S_MAX)
        if answer is not None and answer.status == HTTPStatus.OK:
            return StopReason.COPIED
        if answer is not None and answer.status == HTTPStatus.FORBIDDEN:
            return StopReason.FENCED
        raise CannotMend("The hub does not say who speaks for this location now.")

    async def _pieces(self, known: Handed) -> Taken:
        """Hand over what the hub does not have of the branch, at least its last entry."""
        store, writer = self._reader, self._shop.ledger.writer
        after = known.end_seq if known.name is not None else await self._common(known.end_seq)
        after = min(after, known.end_seq - 1)
        while True:
            count = min(PIECE_ENTRIES_MAX, known.end_seq - after)
            before = store.load_hash(writer, after)
            assert before is not None, "it is this box's own journal"
            entries, last = store.entries_after(
                writer, after, count_max=count, bytes_max=PIECE_BYTES_MAX
            )
            taken = await self._post(
                "branch",
                {
                    "box": self._box(),
                    "after_seq": after,
                    "after_hash": before.hex(),
                    "entries": [_in_base64(entry) for entry in entries],
                    "is_last": last == known.end_seq,
                },
            )
            if last == known.end_seq:
                return taken
            after = last

    async def _common(self, last_seq: int) -> int:
        """The last entry up to `last_seq` that the hub has, in the journal or in a branch of it."""
        return await common_point(last_seq, self._is_same)

    async def _is_same(self, seq: int) -> bool:
        own = self._reader.load_hash(self._shop.ledger.writer, seq)
        return own is not None and own.hex() == (await self._held(seq, own)).hash

    async def _held(self, seq: int, digest: bytes | None = None) -> HeldHash:
        """What the hub has of this journal at a seq; with a hash, also in a branch of it."""
        path = f"/v1/replicate/hash?writer={self._shop.ledger.writer}&seq={seq}"
        path += "" if digest is None else f"&hash={digest.hex()}"
        return _read(await self._hub.get(path), HeldHash)

    async def _post(self, what: str, body: object) -> Taken:
        key = f"{what}-{self._box()}"
        sent = msgspec.json.encode(body)
        answer = await self._hub.post(f"/v1/replicate/{what}", sent, key=key, within_s=FOLD_S_MAX)
        return _read(answer, Taken)

    def _box(self) -> str:
        """This box's own id; copies of a box share it, and their branches tell them apart."""
        known = self._reader.meta(BOX)
        token = self._shop.identity.token
        return known or hashlib.sha256(token.encode()).hexdigest()[:32]

    async def _keep(self, known: Handed, reason: StopReason | None) -> None:
        """Write down how far the branch is, and why this box stays off: `reason`, or what it was.

        A disk that was full may have taken none of it: the stop is in memory alone then, and a box
        that starts again must not sell on behind the end of its branch, which nobody hands over.
        """
        shop = self._shop

        def keep() -> None:
            shop.store.set_meta(BRANCH, msgspec.json.encode(known).decode())
            shop.stop(reason or shop.stopped)

        await self._writer.submit(keep)


def _sell_on(shop: Shop) -> None:
    if shop.stopped is StopReason.BEHIND_WITNESS:
        shop.stop(None)


def _incarnation(seen: Presented) -> int:
    return incarnation_of(seen.witness.partition(";")[0])


def _came(shop: Shop, taken: Taken, seen: Presented | None, now_ms: int) -> CameOf:
    return CameOf(
        earlier=shop.ledger.writer,
        branch=taken.branch,
        exposed_units=taken.exposed_units,
        register=None if seen is None else seen.register,
        at_ms=now_ms,
    )


def _in_base64(entry: Entry) -> tuple[str, str]:
    return base64.b64encode(entry.body).decode(), base64.b64encode(entry.hash).decode()


def _read(answer: HubAnswer | None, kind: type[T]) -> T:
    """The hub's answer as what it should be.

    Raises:
        CannotMend: it is none, or something else.
    """
    if answer is None:
        raise CannotMend("The hub does not answer.")
    try:
        if answer.status in {HTTPStatus.OK, HTTPStatus.CREATED}:
            return msgspec.json.decode(answer.body, type=kind)
        said = msgspec.json.decode(answer.body, type=_Detail).detail
    except msgspec.DecodeError:
        said = ""
    told = f"The hub answers {answer.status}: {said or 'nothing that can be read'}"[:400]
    raise CannotMend(told, answer.status)
