"""The link from a register that sells alone to its gateway: a gateway's uplink, one level below.

What is a register's own:

* The gateway is found anew after each loss (`finding`), and may be another box by then. At a higher
  incarnation of the location's gateway the register enrols again, for this one may never have heard
  of it; then it is taken for the parent before it is greeted, and its feed is asked for from the
  beginning.
* A gateway sees, before any entry, the grants that this register has from it and from the boxes
  before it (`showing`). One of these may have died before the hub heard of them, and what was sold
  on them comes next; and one that gave more than it knows of has an old disk.
* The gateway says how far the hub has the journal, and only then are entries given up (`kept`).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

import msgspec

from gateway.client import kept
from gateway.client.finding import GatewayGone, Known
from gateway.client.line import Line
from gateway.client.register_enrolment import enrol_again
from gateway.client.register_file import RegisterRefused, store_doubt, store_parent
from gateway.client.showing import SHOWN_AGAIN_S, Showing
from gateway.client.witness import HEADER, Witness
from gateway.identity import Identity
from gateway.link.dial import NOT_BELIEVED, REFUSED, UNKNOWN, Dial
from gateway.link.uplink import BATCH_ENTRIES_MAX, Uplink
from gateway.lives.next_life import came_of
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.adapters.websocket import Socket
from replication.errors import PeerViolation, StorageFailed
from replication.escrow import CellChange, Table
from replication.ids import incarnation_of, replica_of
from replication.journal import Head
from replication.session import Ended, Event, GrantArrived, Session, Welcomed

log: Final = logging.getLogger(__name__)

TOLD_MAX: Final = 10_000
"""SKUs of which it is remembered what the gateway had left."""


class Told(NamedTuple):
    """What the gateway said it had left of a SKU, and when, in wall time."""

    units: int
    at_ms: int


class RegisterUplink(Uplink):
    """See the module's theory. `told` has what the gateway had left of a SKU when it was asked."""

    parent = "gateway"

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        dial: Dial,
        dice: random.Random,
        wall_ms: Callable[[], int],
        changed: Callable[[], None],
    ) -> None:
        super().__init__(
            "", shop, writer, reader, dial=dial, dice=dice, wall_ms=wall_ms, changed=changed
        )
        self.told: dict[str, Told] = {}
        self.at_hub = self._stored_at_hub = kept.at_hub(reader)
        """The last entry that the hub is known to have."""
        self._showing: Showing | None = None
        self.is_unknown = False
        """Whether the gateway was heard last and did not know the register's token."""

    def show(self, session: Session) -> None:
        """Present the grants of gateways to this register, until all have come."""
        self._showing = Showing(session, grants_held(self._reader, self._shop.identity))
        self._asides.start(self._show_again(self._showing))

    async def _show_again(self, showing: Showing) -> None:
        while not showing.is_over:
            await asyncio.sleep(SHOWN_AGAIN_S)
            showing.say()
            self.wake()

    async def reached_hub(self, head: Head) -> None:
        """The hub has the journal so far: now it need not be kept here any more."""
        known = self._reader.load_hash(self._shop.ledger.writer, head.seq)
        if known is not None and known != head.hash:
            await self._stop(StopReason.BEHIND_WITNESS)
            raise PeerViolation(f"the hub has another journal of {self._shop.ledger.writer}")
        if head.seq <= self.at_hub:
            return
        self.at_hub = head.seq
        if head.seq - self._stored_at_hub >= BATCH_ENTRIES_MAX or head.seq == self._shop.head.seq:
            self._stored_at_hub = head.seq
            with suppress(StorageFailed):  # a full disk must not keep the journal here
                await self._writer.submit(lambda: kept.keep_from(self._shop, head))
        self._changed()

    def _down(self, ended: Ended) -> None:
        was_unknown, self.is_unknown = self.is_unknown, ended.reason == UNKNOWN
        super()._down(ended)
        if was_unknown is not self.is_unknown:
            self._changed()

    async def _handle(self, event: Event) -> None:
        if isinstance(event, GrantArrived):
            self._note(event.sellable)
            if self._showing is not None:
                self._showing.answered(event.request)
        await super()._handle(event)

    async def _welcomed(self, event: Welcomed) -> None:
        pruned = kept.pruned_to(self._reader)
        if event.acknowledged.seq < pruned:
            raise PeerViolation(
                f"the gateway has this journal up to {event.acknowledged.seq}, and what comes "
                f"before {pruned} was given up here when the hub had it"
            )
        self.is_unknown = False
        await super()._welcomed(event)

    def _note(self, sellable: Sequence[tuple[str, int]]) -> None:
        if len(self.told) >= TOLD_MAX:
            self.told.clear()
        for sku, units in sellable:
            self.told[sku] = Told(units, self._wall_ms())


def grants_held(store: ReplicaStore, identity: Identity) -> Iterator[CellChange]:
    """What gateways of its location have granted to this register, as its file has it."""
    for location, sku, cells in store.connection.execute(
        "SELECT location, sku, cells FROM counter ORDER BY location, sku"
    ):
        for cell in msgspec.json.decode(cells, type=list[tuple[str, str, str, int]]):
            table, holder, detail, _ = cell
            is_mine = table == Table.GRANTED and detail == identity.writer
            if is_mine and replica_of(holder) == identity.location:
                yield CellChange(str(location), str(sku), *cell)


def dialling_gateway(
    line: Line,
    shop: Shop,
    writer: GroupCommit,
    known: Known,
    *,
    box: str,
    see: Callable[[Witness], Awaitable[None]],
) -> Dial:
    """A way to dial whoever is the location's gateway now; `box` is the register's own id.

    It is shown the witness of before, whose place an image or a copy may have given to another
    entry; `see` hears its own only when it has looked at that.
    """
    came = came_of(shop.store)

    async def dial() -> Socket | Ended:
        line.lose()  # whoever answers at the known address may be another by now
        try:
            await line.connect()
            contact = line.contact
            if contact is None:
                return Ended("unreachable", "the gateway was lost at this moment")
            met, parent = contact.witness.writer, shop.identity.parent
            if incarnation_of(met) < incarnation_of(parent):
                line.lose()
                return Ended(REFUSED, f"{contact.url} is {met}, which {parent} has replaced")
            if met != parent:
                await enrol_again(
                    line, box, shop.ledger.writer, met,
                    is_over=shop.stopped is StopReason.FENCED, came=came,
                )  # fmt: skip
                await _adopt(shop, writer, met)
            if known.is_doubted:
                await writer.submit(lambda: store_doubt(shop.store, known))
                known.is_doubted = False
            return await _open_link(line, contact.witness, known, see)
        except GatewayGone as gone:
            return Ended("unreachable", str(gone))
        except RegisterRefused as refused:
            return Ended(REFUSED, str(refused))
        except StorageFailed as failed:
            return Ended("storage", str(failed))

    return dial


async def _open_link(
    line: Line, shown: Witness, known: Known, see: Callable[[Witness], Awaitable[None]]
) -> Socket | Ended:
    """Dial the gateway that has shown its witness; it sees what was seen of it before."""
    before = known.witness
    opened = await line.replicate({} if before is None else {HEADER: str(before)})
    if not isinstance(opened, Ended):
        await see(shown)
    elif opened.reason == NOT_BELIEVED:
        known.take(shown)
    return opened


async def _adopt(shop: Shop, writer: GroupCommit, parent: str) -> None:
    """Another box is the shop's gateway now."""
    identity = msgspec.structs.replace(shop.identity, parent=parent)
    await writer.submit(lambda: store_parent(shop.store, identity))
    log.warning(
        "%s has taken the place of %s", parent, shop.identity.parent,
        extra={"action": "gateway_replaced", "parent": parent},
    )  # fmt: skip
    shop.identity = identity
