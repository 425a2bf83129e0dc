"""A register that sells alone: always in its own journal, connected or not.

It has a file of its own with a copy of the catalogue, a part of the shop's stock as quota, and a
journal. A sale is decided and committed here, with fsync, before anybody is told yes; nothing of it
waits for the gateway but a sale beyond the register's own quota, which borrows (300 ms). The link
is kept up in the background: the journal goes up verbatim and in order, feed and quota come down.
Every entry stays in the file until the hub has it (`kept`). Where its disk turns out to be an old
copy it goes on as another incarnation, in a new file, by itself (`images`).

An answer that was not heard (a crash, a cancelled call) is asked for again with the same key.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw
import msgspec

from devices.paper import Document
from gateway.client import images, register_status
from gateway.client.answers import (
    KEY_DICE_BYTES,
    Refusal,
    SaleDone,
    SaleRefused,
    time_ordered_key,
)
from gateway.client.basket import SaleLine, Tender, quote_request, sale_request
from gateway.client.finding import Contact, Finder, GatewayGone, Place
from gateway.client.line import Line
from gateway.client.register import World
from gateway.client.register_enrolment import enrol
from gateway.client.register_file import (
    FILE,
    RegisterRefused,
    begin_life,
    held_file,
    known_gateway,
    load_person,
    name_of,
    store_gateway,
)
from gateway.client.register_status import STOPPED, Reach, RegisterStatus, reach_of
from gateway.client.register_till import RegisterTill
from gateway.client.register_uplink import RegisterUplink, dialling_gateway
from gateway.client.witness import Witness
from gateway.config import ReceiptSetting
from gateway.counter.pairing import Pairing
from gateway.enrolment import box_id
from gateway.identity import Identity, load_identity, store_identity
from gateway.printing.receipts import Issuer, receipt_of
from gateway.shop import Shop
from gateway.status.report import LinkState, StopReason
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import ClockWatch, read_boot_id
from replication.adapters.sqlite import ReplicaStore, connect, transaction
from replication.errors import StorageFailed
from retail.business_day import zone_of
from retail.prices.quotes import Quote
from retail.selling.sales import Sale
from web.catalogue_rows import Catalogue
from web.file_check import marked_open
from web.stopping import cancelled

log: Final = logging.getLogger(__name__)

WITNESS_S: Final = 30.0
"""How often a connected gateway's witness is asked for: what it did since is what can be missed."""

REOPEN_S: Final = 1.0  # between two tries to open the file of a next life: the disk may be full

NONCE_BYTES: Final = 8
"""Of a start: random, so that two copies of one disk fork at their first word."""


class ReplicaRegister:
    """A register of one shop on a data directory of its own; see the module's theory.

    `place`, `token` and `register` are needed the first time, when the box becomes that register at
    its gateway; later they may be left out. Sales may be asked for concurrently.

    Raises (on entering):
        GatewayGone: it was never enrolled, and no gateway answers.
        RegisterRefused: it was enrolled as another register, or cannot be; the sentence says why.
        FileDamaged: the file was copied while its program ran, or a disk has damaged it.
        StorageFailed, SchemaTooNew: it cannot be used otherwise, or another program has it.
    """

    def __init__(
        self,
        data: Path,
        place: Place | None = None,
        *,
        token: str | None = None,
        register: str | None = None,
        world: World | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed` is called on the loop when the link or what is known here has changed."""
        self._data = data
        self._place = place
        self._token = token
        self._register = register
        self._world = world or World()
        self._changed = changed
        self._moved = asyncio.Event()
        self._stack = AsyncExitStack()
        self._is_open = asyncio.Event()
        self._reborn = asyncio.Event()
        self._changing = asyncio.Lock()
        self._write: Callable[[Callable[[], None]], Awaitable[None]] = self._write_now

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        self._lives = asyncio.get_running_loop().create_task(self._follow_lives())
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        async with self._changing:
            await cancelled(self._lives)
            await self._stack.aclose()

    # Who and how

    @property
    def identity(self) -> Identity:
        """Who this register is."""
        return self._shop.identity

    @property
    def register(self) -> str:
        """Its name, such as ``till-1``."""
        return name_of(self.identity)

    @property
    def link(self) -> LinkState:
        """Whether the gateway is connected at this moment."""
        return self._uplink.state

    @property
    def witness(self) -> Witness | None:
        """How far a gateway's journal has been seen; it is presented with each link."""
        return self._known.witness

    @property
    def last_error(self) -> str | None:
        """Why the last attempt at a link came to nothing, as a sentence."""
        return self._uplink.refusal or self._uplink.last_error

    @property
    def reach(self) -> Reach:
        """How the gateway is to be had at this moment, and whether it refuses this register."""
        return reach_of(self._uplink.state, is_refused=self._uplink.refusal is not None)

    async def status(self) -> RegisterStatus:
        """Its figures, at this instant."""
        await self._is_open.wait()
        last = self._known.last
        address = None if last is None else last.addresses[0]
        facts = register_status.facts_of(self._uplink, address, self._mending.problem)
        return await self._writer.look(lambda: register_status.status_of(self._shop, facts))

    async def until(self, is_so: Callable[[Self], bool], within_s: float | None) -> bool:
        """Wait until something is so of this register; False where it was not within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not is_so(self):
                    self._moved.clear()
                    await self._moved.wait()
                return True
        return False

    async def until_quiet(self, for_s: float, within_s: float) -> bool:
        """Wait until nothing has come or been done for a while; False where it went on and on."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while True:
                    self._moved.clear()
                    try:
                        await asyncio.wait_for(self._moved.wait(), for_s)
                    except TimeoutError:
                        return True
        return False

    def is_up_to_date(self) -> bool:
        """Whether the gateway has told all that it had to tell."""
        uplink = self._uplink
        is_told = self._shop.products_count > 0 and not uplink.catch_up.ahead
        return uplink.state is LinkState.CONNECTED and is_told

    def is_handed_over(self) -> bool:
        """Whether the gateway has every entry."""
        return self._uplink.acknowledged.seq == self._shop.head.seq

    def is_at_hub(self) -> bool:
        """Whether the hub is known to have every entry."""
        return self._uplink.at_hub == self._shop.head.seq

    # What a register is for

    def new_key(self) -> str:
        """A key for a sale: whoever keeps it before asking may ask again after anything."""
        return time_ordered_key(self._world.now_ms(), self._world.dice(KEY_DICE_BYTES))

    async def sell(
        self,
        lines: Sequence[SaleLine],
        tenders: Sequence[Tender],
        *,
        key: str | None = None,
        expected_total_minor: int | None = None,
        override: Mapping[str, object] | None = None,
    ) -> SaleDone | SaleRefused:
        """Sell here and now; with a `key` that has been sold under, the sale that it was.

        A cancelled call may have sold: ask again with its key. Keys are kept as long as the journal
        here (`kept.KEPT_ENTRIES`).

        Raises:
            StorageFailed: the disk failed. Nothing was sold, unless a later start finds the commit
                on it all the same: only a repeat with the key tells.
        """
        body = sale_request(self.register, lines, tenders, expected_total_minor, override)
        await self._is_open.wait()
        return await self._till.sell(body, self.new_key() if key is None else key)

    async def quote(self, lines: Sequence[SaleLine]) -> Quote | Refusal:
        """What a basket would cost now."""
        await self._is_open.wait()
        return await self._till.quote(quote_request(lines))

    async def lookup(self, code: str) -> Mapping[str, object] | Refusal:
        """What a scanned code stands for, with its price and what can be sold of it here alone."""
        await self._is_open.wait()
        return await self._till.lookup(code)

    async def sale(self, named: str = "") -> Sale | None:
        """A sale that is still kept here, by id or receipt number; "" is the last."""
        await self._is_open.wait()
        return await self._till.sale(named)

    def receipt(self, sale: Sale) -> Document:
        """The receipt of a sale, as the customer takes it home."""
        self._products.forget()
        return receipt_of(sale, self._issuer, self._products)

    # Opening

    async def _open(self) -> None:
        stack, loop = self._stack, asyncio.get_running_loop()
        connection = stack.enter_context(
            held_file(self._data, lambda data: begin_life(data, images.carry))
        )
        stack.enter_context(marked_open(self._data / FILE))
        self._store = ReplicaStore(connection)
        identity = load_identity(self._store)
        if identity is not None:
            identity = self._checked(identity)
        self._known = known_gateway(self._store, identity)
        self._line = self._line_for(identity)
        await self._line.open()
        stack.push_async_callback(self._line.close)
        if identity is None:
            identity = await self._enrolled()
        self._start_deciding(identity)
        nonce = self._world.dice(NONCE_BYTES).hex()
        if self._shop.stopped is not StopReason.FENCED:  # the journal of a fenced one has ended
            await self._writer.submit(lambda: self._shop.ledger.start(nonce))
        stack.push_async_callback(self._writer.submit_save, self._shop.ledger)
        for running in (
            self._writer.save_when_idle(self._shop.ledger),
            self._uplink.run(),
            self._mending.run(),
            self._follow_witness(),
        ):
            stack.push_async_callback(cancelled, loop.create_task(running))
        self._is_open.set()

    async def _follow_lives(self) -> None:
        """Until cancelled: open the file of the next life, when the one that is open has ended."""
        while True:
            await self._reborn.wait()
            self._reborn.clear()
            self._is_open.clear()
            while not await self._opened_again():
                await self._world.sleep(REOPEN_S)
            self._has_moved()

    async def _opened_again(self) -> bool:
        """Whether the files of the life that ended are closed, and those of the next one open."""
        async with self._changing:
            await self._stack.aclose()
            try:
                await self._open()
            except (StorageFailed, apsw.Error, OSError):
                log.exception("the next life waits", extra={"action": "next_life_waits"})
        return self._is_open.is_set()

    def _checked(self, identity: Identity) -> Identity:
        """Who the directory is, where that is who was asked for; with a new token, if there is one.

        Raises:
            RegisterRefused: it is somebody else.
        """
        wanted = self._place.location if self._place is not None else None
        if self._register not in {None, name_of(identity)}:
            raise RegisterRefused(
                f"{self._data} is register {name_of(identity)} of {identity.location}, not "
                f"{self._register}: use a data directory for each register"
            )
        if wanted not in {None, identity.location}:
            raise RegisterRefused(
                f"{self._data} is a register of {identity.location}, not of {wanted}: use another "
                "data directory"
            )
        if self._token in {None, identity.token}:
            return identity
        identity = msgspec.structs.replace(identity, token=self._token)
        with transaction(self._store.connection):
            store_identity(self._store, identity)
        return identity

    def _line_for(self, identity: Identity | None) -> Line:
        """The line to the gateway of the place that was given, or else of the file's."""
        token = self._token if identity is None else identity.token
        place = self._place
        if place is None and identity is not None:
            place = Place(location=identity.location)
        if token is None or place is None:
            raise RegisterRefused(
                f"{self._data} has no register yet: say which gateway, which register and its token"
            )
        if self._known.location is None:
            self._known.location, self._known.chain = place.location, place.chain
        finder = Finder(place=place, find=self._world.find, known=self._known)
        return Line(finder, token=token, met=self._met)

    async def _enrolled(self) -> Identity:
        if self._register is None or self._token is None:
            raise RegisterRefused(f"{self._data} has no register yet: say which it is to be")
        identity, seen = await enrol(self._store, self._line, self._register, self._token)
        await self._see(seen)
        return identity

    def _start_deciding(self, identity: Identity) -> None:
        """Start the writer thread, and put together what stands on it."""
        stack, world, path = self._stack, self._world, self._data / FILE
        person, box = load_person(self._store), box_id(self._store)
        shop = self._shop = Shop(
            self._store.connection,
            identity,
            boot=f"{read_boot_id()[:8]}-{world.dice(3).hex()}",
            now_ms=world.now_ms,
            synchronised=ClockWatch(),
            printers=(),
            stopped_sentences=STOPPED,
        )
        self._writer = GroupCommit(shop, asyncio.get_running_loop(), self._after_batch)
        self._writer.start()
        self._write = self._writer.submit
        stack.push_async_callback(self._writer.stop)
        reader = ReplicaStore(connect(path, read_only=True))
        stack.callback(reader.connection.close)
        self._products = Catalogue(reader.connection)
        self._issuer = Issuer(
            name=identity.name, zone=zone_of(identity.timezone), setting=ReceiptSetting()
        )
        self._uplink = RegisterUplink(
            shop,
            self._writer,
            reader,
            dial=dialling_gateway(
                self._line, shop, self._writer, self._known, box=box, see=self._see
            ),
            dice=random.Random(world.dice(NONCE_BYTES)),  # noqa: S311 - no secret
            wall_ms=world.now_ms,
            changed=self._has_moved,
        )
        self._mending = images.RegisterMending(
            shop, self._writer, reader, self._line, world=world, reborn=self._reborn.set
        )
        self._till = RegisterTill(
            shop, self._writer, person, borrow=self._uplink.borrow, told=self._uplink.told
        )
        stack.push_async_callback(self._till.settled)

    def _after_batch(self) -> None:
        """On the loop, after each commit."""
        self._uplink.wake()
        self._shop.news.clear()
        self._has_moved()

    def _has_moved(self) -> None:
        self._mending.wake()
        self._moved.set()
        self._changed()

    async def _follow_witness(self) -> None:
        """Until cancelled: ask now and then how far the gateway's journal is.

        A gateway that comes back as an older image of itself is told by it.
        """
        while True:
            await self._world.sleep(WITNESS_S)
            if self._uplink.state is not LinkState.CONNECTED:
                continue
            with suppress(GatewayGone, StorageFailed):
                _, witness = await self._line.ask("GET", "/healthz")
                await self._see(witness)

    async def _met(self, contact: Contact) -> None:
        """Keep where the gateway was met."""
        known = self._known
        now = Pairing(
            location=contact.location, addresses=(contact.url,),
            chain=contact.chain, fingerprint=contact.fingerprint,
        )  # fmt: skip
        known.location, known.chain = contact.location, contact.chain or known.chain
        if now != known.last:
            known.last = now
            await self._write(lambda: store_gateway(self._store, now, known.settled))

    async def _see(self, witness: Witness) -> None:
        """Keep how far the gateway's journal is, once it was shown what was seen before."""
        known = self._known
        if known.last is not None and witness.above(known.witness):
            await self._write(partial(store_gateway, self._store, known.last, witness))
            known.witness = witness

    async def _write_now(self, work: Callable[[], None]) -> None:
        """Before there is a writer thread: this one writes."""
        with transaction(self._store.connection):
            work()
