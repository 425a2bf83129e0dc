"""A register whose disk is an old copy goes on as its own next incarnation (`docs/decisions/0032`).

Its gateway has other entries in the places of its journal: the disk went back to an older state, or
another box runs from a copy of it. The register has stopped selling when it is told so (`uplink`).
What it did since the two parted is told by nobody else, so

    1  it finds the last entry that both have, by halving
    2  it asks its gateway to be the next incarnation, as a box of its own (`gateway.registers`)
    3  it writes down who it is from now on, and begins anew in a file of its own (`next_life`)

The first entries in that file are what it had sold, as recovered sales: they go up with its journal
like any others, are kept until the hub has them, and are handed to whichever gateway stands there.
Each step may be done again after a crash; the old file stays beside the new one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Final, TypeVar

import apsw
import msgspec

from gateway.client.answers import Reply, refusal_from
from gateway.client.finding import GatewayGone
from gateway.client.kept import KEPT_ENTRIES, pruned_to
from gateway.client.line import Line
from gateway.client.register import World
from gateway.client.register_enrolment import REGISTERS
from gateway.client.register_file import keep_known, name_of
from gateway.enrolment import BOX
from gateway.lives.branching import PAUSE_S_MAX, PAUSE_S_MIN, common_point
from gateway.lives.next_life import NEXT_LIFE, CameOf, NextLife, note_next_life
from gateway.registers.identity import ImageOf, RegisterIdentity, RegisterRequest
from gateway.selling.sales import take
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import COUNTERS_SAVED, ReplicaStore
from replication.errors import EntryTooLarge, StorageFailed
from replication.escrow import CellChange, Minted, Moved, Spent
from replication.ids import WriterId, entry_id
from replication.journal import GENESIS, EntryBody, decode_body
from web.door import IDEMPOTENCY_KEY
from web.journal_pages import SALE_KINDS
from web.lives import RECOVERED_SALE, HeldHash

T = TypeVar("T")

log: Final = logging.getLogger(__name__)

PARTING: Final = "parting"
"""The meta row with where this journal and the gateway's part, and who the box is from then on."""

FLUSH_ENTRIES: Final = 200
"""Recovered sales that are in memory at once."""

BOX_BYTES: Final = 16


class Parting(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry in common, and the id under which the box asks: the same one, asked again."""

    box: str
    common_seq: int


class Refused(Exception):
    """The gateway does not take it; the sentence says why."""


class Mending:
    """Makes an old copy its next incarnation, on the loop. `problem` is why it does not get on."""

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        line: Line,
        *,
        world: World,
        reborn: Callable[[], None],
    ) -> None:
        """`reborn` is called once the register is another from its next opening on."""
        self.problem: str | None = None
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._line = line
        self._world = world
        self._reborn = reborn
        self._look = asyncio.Event()

    def wake(self) -> None:
        """Something has changed: this register may have been stopped."""
        if self._shop.stopped is StopReason.BEHIND_WITNESS:
            self._look.set()

    async def run(self) -> None:
        """Mend until cancelled."""
        pause_s = PAUSE_S_MIN
        self.wake()
        while True:
            await self._look.wait()
            try:
                await self._mend()
                self.problem = None
            except (GatewayGone, Refused, StorageFailed) as no:
                self.problem = str(no)
            if self._shop.stopped is StopReason.BEHIND_WITNESS:
                await self._world.sleep(pause_s)
                pause_s = min(pause_s * 2, PAUSE_S_MAX)
            else:
                self._look.clear()
                pause_s = PAUSE_S_MIN

    async def _mend(self) -> None:
        """One try.

        Raises:
            GatewayGone: it is not heard.
            Refused: it says no; the next try looks anew.
        """
        shop = self._shop
        if self._reader.meta(NEXT_LIFE) is not None:  # the disk did not take it at this start
            await self._world.sleep(PAUSE_S_MAX)
            self._reborn()
            return
        parting = parting_of(self._reader) or await self._parting()
        if shop.stopped is not StopReason.BEHIND_WITNESS or parting is None:
            return
        name = name_of(shop.identity)
        common = self._reader.load_hash(shop.ledger.writer, parting.common_seq)
        image_of = ImageOf(
            writer=shop.ledger.writer,
            seq=0 if common is None else parting.common_seq,  # given up here, the hub has it
            hash=(common or GENESIS).hex(),
        )
        asked = RegisterRequest(register=name, box=parting.box, image_of=image_of)
        key = {IDEMPOTENCY_KEY: f"image-{parting.box}"}
        reply, _ = await self._line.ask(
            "POST", REGISTERS, body=msgspec.json.encode(asked), headers=key
        )
        if reply.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
            await self._writer.submit(lambda: _forget(shop))
        await self._become(told(reply, RegisterIdentity), parting)

    async def _parting(self) -> Parting | None:
        """Where the two journals part, written down; None: the gateway has all of this one."""
        shop = self._shop
        last = shop.head.seq
        common_seq = await common_point(last, self._is_same)
        if common_seq == last:
            return None
        parting = Parting(box=self._world.dice(BOX_BYTES).hex(), common_seq=common_seq)
        await self._writer.submit(
            lambda: shop.store.set_meta(PARTING, msgspec.json.encode(parting).decode())
        )
        return parting

    async def _is_same(self, seq: int) -> bool:
        writer = self._shop.ledger.writer
        own = self._reader.load_hash(writer, seq)
        if own is None:  # given up here, when the hub had it
            return seq <= pruned_to(self._reader)
        query = {"writer": writer, "seq": str(seq)}
        reply, _ = await self._line.ask("GET", f"{REGISTERS}/hash", query=query)
        return told(reply, HeldHash).hash == own.hex()

    async def _become(self, told_identity: RegisterIdentity, parting: Parting) -> None:
        """From the next opening on this register is another; that is now."""
        shop = self._shop
        identity = msgspec.structs.replace(
            shop.identity, writer=told_identity.writer, parent=told_identity.parent
        )
        branch = list(sold_since(self._reader, shop.ledger.writer, parting.common_seq))
        came = CameOf(
            earlier=shop.ledger.writer,
            branch=told_identity.writer,
            exposed_units=sum(-units for one in branch for _, units in one.moves if units < 0),
            register=None,
            at_ms=self._world.now_ms(),
        )
        following = NextLife(identity=identity, came=came)
        await self._writer.submit(lambda: note_next_life(shop.store, following))
        log.warning(
            "%s goes on as %s", came.earlier, identity.writer,
            extra={"action": "reborn", "sales": len(branch), "exposed_units": came.exposed_units},
        )  # fmt: skip
        self._reborn()


def parting_of(store: ReplicaStore) -> Parting | None:
    """Where this journal and the gateway's part, once that was found."""
    known = store.meta(PARTING)
    return None if known is None else msgspec.json.decode(known, type=Parting)


def told(reply: Reply, wanted: type[T]) -> T:
    """What a success says.

    Raises:
        GatewayGone: it has to be asked again.
        Refused: it is a no.
    """
    if reply.slug is not None:
        raise Refused(refusal_from(reply).detail)
    if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise GatewayGone(f"the gateway answers {reply.status}", unheard=True)
    try:
        return msgspec.convert(reply.document, wanted)
    except msgspec.ValidationError as unfit:
        raise Refused(f"this gateway speaks of registers otherwise: {unfit}") from None


def _forget(shop: Shop) -> None:
    """The gateway is another one, or it has less than it had: look again where the two part."""
    shop.connection.execute("DELETE FROM meta WHERE name = ?", (PARTING,))


def sold_since(store: ReplicaStore, writer: str, seq: int) -> Iterator[EntryBody]:
    """The sales of a register after an entry, its own and those that it had recovered itself."""
    for (body,) in store.connection.execute(
        "SELECT body FROM entry WHERE writer = ? AND seq > ? AND kind IN (?, ?) ORDER BY seq",
        (writer, seq, *SALE_KINDS),
    ):
        yield decode_body(bytes(body))


# Into the new file


def carry(old: ReplicaStore, connection: apsw.Connection, life: NextLife) -> None:
    """Begin a register's new file with what only its old one says, in the open transaction.

    Whom it knows; what it had sold since the parting, as recovered sales; and what it keeps of its
    earlier entries, so that receipts can be shown and a key that was asked with is known again.
    """
    parting = parting_of(old)
    assert parting is not None, "it was written down before anybody was asked"
    new = ReplicaStore(connection)
    keep_known(old, new)
    new.set_meta(BOX, parting.box)
    shop = Shop(
        connection,
        life.identity,
        boot="image",
        now_ms=lambda: life.came.at_ms,
        synchronised=lambda: False,
        printers=(),
    )
    shop.ledger.now_ms = life.came.at_ms
    for number, body in enumerate(sold_since(old, life.came.earlier, parting.common_seq), 1):
        try:
            _recover(shop, body)
        except EntryTooLarge:  # by a hair: it is in the old file, which says so
            log.exception(
                "%s-%s stays in the old file", body.writer, body.seq,
                extra={"action": "sale_not_recovered", "entry": f"{body.writer}-{body.seq}"},
            )  # fmt: skip
        if number % FLUSH_ENTRIES == 0:
            new.store(shop.ledger.take_pending())
    shop.ledger.save()
    new.store(shop.ledger.take_pending())
    _keep_entries(old, new)


def _recover(shop: Shop, body: EntryBody) -> None:
    """Book a sale of the old copy: what the new incarnation has no rights to is overdrawn."""
    cells: list[CellChange] = []
    writer, ledger = shop.ledger.writer, shop.ledger
    for sku, units in body.moves:
        if units > 0:  # found while it was weighed
            cells.append(shop.counter(sku).mint(writer, Minted.COUNTED_UP, units))
            cells.append(shop.counter(sku).move(writer, Moved.COUNTED_UP, units))
    for sku, units in body.moves:
        if units < 0:
            take(shop, cells, sku, -units, Spent.SOLD, Moved.SOLD)
    is_own = body.kind != RECOVERED_SALE
    ledger.synchronised = body.synchronised
    ledger.append(
        RECOVERED_SALE,
        body.record,
        actor=body.actor,
        reason=body.reason,
        reference=entry_id(WriterId(body.writer), body.seq) if is_own else body.reference,
        moves=body.moves,
        cells=cells,
        request=body.request,
    )


def _keep_entries(old: ReplicaStore, new: ReplicaStore) -> None:
    """Keep the last entries of earlier lives, with the requests that they answered.

    Their cells are of other writers, and nothing to the new one: they count as saved already.
    """
    rows = old.connection.execute(
        "SELECT writer, seq, kind, hash, body FROM (SELECT * FROM entry ORDER BY arrival DESC "
        "LIMIT ?) ORDER BY arrival",
        (KEPT_ENTRIES,),
    ).fetchall()
    new.store_entries(msgspec.convert(rows, list[tuple[str, int, str, bytes, bytes]]))
    last = new.connection.execute("SELECT coalesce(max(arrival), 0) FROM entry").fetchone()
    assert last is not None, "an aggregate always answers"
    new.set_meta(COUNTERS_SAVED, str(last[0]))
    kept = {f"{writer}-{seq}" for writer, seq, *_ in rows}
    new.connection.executemany(
        "INSERT OR IGNORE INTO request VALUES (?, ?, ?, ?, ?, ?)",
        [
            row
            for row in old.connection.execute(
                "SELECT principal, path, key, digest, status, entry FROM request"
            )
            if row[-1] in kept
        ],
    )
