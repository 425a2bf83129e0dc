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

import logging
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final, TypeVar

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
from gateway.lives.branching import common_point
from gateway.lives.mending import CannotMend, MendingLoop
from gateway.lives.next_life import CameOf, NextLife
from gateway.registers.identity import ImageOf, RegisterIdentity, RegisterRequest
from gateway.selling.sales import take
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import COUNTERS_SAVED, ReplicaStore
from replication.errors import EntryTooLarge
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

MENDS: Final = frozenset({StopReason.BEHIND_WITNESS})
"""Why a register is stopped that mends itself; one that was replaced has ended."""


class Parting(msgspec.Struct, frozen=True, kw_only=True):
    """The last entry in common, and the id under which the box asks: the same one, asked again."""

    box: str
    common_seq: int


class RegisterMending(MendingLoop):
    """Makes an old copy its next incarnation."""

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
        """Ask over `line`; see `MendingLoop` for the rest."""
        super().__init__(
            shop, writer, reader,
            mends=MENDS, sleep=world.sleep, changed=_nobody_waits, reborn=reborn,
        )  # fmt: skip
        self._line = line
        self._world = world

    async def _settled(self) -> bool:
        shop = self._shop
        parting = parting_of(self._reader) or await self._parting()
        if shop.stopped not in MENDS:
            return True
        if parting is None:
            return False
        name = name_of(shop.identity)
        common = self._reader.load_hash(shop.ledger.writer, parting.common_seq)
        image_of = ImageOf(
            writer=shop.ledger.writer,
            seq=0 if common is None else parting.common_seq,  # given up here, the hub has it
            hash=(common or GENESIS).hex(),
        )
        asked = RegisterRequest(register=name, box=parting.box, image_of=image_of)
        key = {IDEMPOTENCY_KEY: f"image-{parting.box}"}
        reply = await self._ask("POST", REGISTERS, body=msgspec.json.encode(asked), headers=key)
        if reply.status in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
            await self._writer.submit(lambda: _forget(shop))
        await self._become(self._following(told(reply, RegisterIdentity), parting))
        return True

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
        reply = await self._ask("GET", f"{REGISTERS}/hash", query=query)
        return told(reply, HeldHash).hash == own.hex()

    async def _ask(self, method: str, path: str, **sent: Any) -> Reply:  # noqa: ANN401
        try:
            reply, _ = await self._line.ask(method, path, **sent)
        except GatewayGone as gone:
            raise CannotMend(str(gone)) from None
        return reply

    def _following(self, told_identity: RegisterIdentity, parting: Parting) -> NextLife:
        """Who this register is from now on, and what was sold since the parting."""
        shop = self._shop
        identity = msgspec.structs.replace(
            shop.identity, writer=told_identity.writer, parent=told_identity.parent
        )
        branch = sold_since(self._reader, shop.ledger.writer, parting.common_seq)
        came = CameOf(
            earlier=shop.ledger.writer,
            branch=told_identity.writer,
            exposed_units=sum(-units for one in branch for _, units in one.moves if units < 0),
            register=None,
            at_ms=self._world.now_ms(),
        )
        return NextLife(identity=identity, came=came)


def _nobody_waits() -> None:
    """A register's figures are looked at when somebody asks for them."""


def parting_of(store: ReplicaStore) -> Parting | None:
    """Where this journal and the gateway's part, once that was found."""
    known = store.meta(PARTING)
    return None if known is None else msgspec.json.decode(known, type=Parting)


def told(reply: Reply, wanted: type[T]) -> T:
    """What a success says.

    Raises:
        CannotMend: it is a no, or says nothing.
    """
    if reply.slug is not None:
        raise CannotMend(refusal_from(reply).detail, reply.status)
    if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise CannotMend(f"the gateway answers {reply.status}", reply.status)
    try:
        return msgspec.convert(reply.document, wanted)
    except msgspec.ValidationError as unfit:
        raise CannotMend(f"this gateway speaks of registers otherwise: {unfit}") from None


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
