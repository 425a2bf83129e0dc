"""The register itself: sells, reads, listens. What an answer means is decided in `answers`."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, ParamSpec, Self, TypeVar
from urllib.parse import quote

from gateway.client.answers import (
    KEY_DICE_BYTES,
    Next,
    OrderDone,
    Refusal,
    Reply,
    SaleDone,
    SaleRefused,
    backoff_ms,
    decide,
    done_of,
    leaves_unheard,
    place_at_hub,
    refusal_from,
    time_ordered_key,
)
from gateway.client.basket import SaleLine, Tender, order_request, sale_request
from gateway.client.finding import Contact, Find, Finder, GatewayGone, Known, Place
from gateway.client.line import Line
from gateway.client.live import Scan, live_messages, scans_for
from gateway.client.orphans import Orphans
from gateway.client.outbox import OpenSale, Outbox
from gateway.client.witness import HEADER, Witness
from gateway.counter.discovery import find_location
from gateway.counter.pairing import Pairing

P = ParamSpec("P")
T = TypeVar("T")

JsonObject = Mapping[str, object]

READ_TRIES_MAX: Final = 4
"""A read changes nothing, so its caller is told soon (after 0.4 s of waiting) and decides."""

DICE_BYTES: Final = 2
DICE_MAX: Final = 2 ** (8 * DICE_BYTES) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSale:
    """A sale whose outcome is not known yet, for the cashier to see."""

    key: str
    written_ms: int
    """Unix time of the first try."""
    tries: int
    """Tries of this run of the register."""
    asking: bool
    """Whether a `sell` or `resume` is at it; if not, `resume` takes it up."""
    problem: str | None
    """Why the last try brought no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the register takes from outside; tests hand in their own."""

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    dice: Callable[[int], bytes] = secrets.token_bytes
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    find: Find = find_location


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A pending sale with what this run knows of it."""

    sale: OpenSale
    unheard: bool
    """Whether some try may have reached the gateway without our hearing the outcome."""
    tries: int = 0
    asking: bool = False
    problem: str | None = None


class GatewayClient:
    """A thin register named `register`, selling at one place; see the package's docstring.

    One per register and outbox directory. Sales may be asked for concurrently.

    Raises (on entering):
        StorageFailed, SchemaTooNew: see `Outbox`.
        OutboxElsewhere: the outbox holds sales of another location.
    """

    def __init__(
        self,
        place: Place,
        *,
        outbox: Path,
        token: str,
        register: str,
        world: World | None = None,
    ) -> None:
        self._world = world or World()
        self._place = place
        self._known = Known(location=place.location, chain=place.chain)
        self._line = Line(
            Finder(place=place, find=self._world.find, known=self._known),
            token=token,
            met=self._met,
        )
        self._outbox_directory = outbox
        self._register = register
        # One thread: an fsync takes milliseconds and never sits on the event loop.
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
        self._outbox: Outbox | None = None
        self._asked: dict[str, _Asked] = {}
        self._tied = False
        self.orphans = Orphans(self._line, self._known, self._on_disk)

    async def __aenter__(self) -> Self:
        try:
            self._outbox = await self._on_disk(Outbox, self._outbox_directory)
            self.orphans.outbox = self._outbox
            await self._recall()
            for sale in await self._on_disk(self._outbox.pending):
                self._asked[sale.key] = _Asked(sale=sale, unheard=True)
            await self._line.open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_raised: object) -> None:
        await self._close()

    @property
    def location(self) -> str | None:
        """The location that this register sells at; None before the first contact."""
        return self._known.location

    @property
    def address(self) -> str | None:
        """Where the gateway was met last, in this run or an earlier one."""
        last = self._known.last
        return None if last is None else last.addresses[0]

    @property
    def witness(self) -> Witness | None:
        """The highest witness of the gateway's journal that this register has seen."""
        return self._known.witness

    def pending(self) -> list[PendingSale]:
        """All sales whose outcome is unknown, oldest first."""
        asked = sorted(self._asked.values(), key=lambda one: (one.sale.written_ms, one.sale.key))
        return [
            PendingSale(
                key=one.sale.key,
                written_ms=one.sale.written_ms,
                tries=one.tries,
                asking=one.asking,
                problem=one.problem,
            )
            for one in asked
        ]

    async def sell(
        self,
        lines: Sequence[SaleLine],
        tenders: Sequence[Tender],
        expected_total_minor: int | None = None,
        override: JsonObject | None = None,
    ) -> SaleDone | SaleRefused:
        """Sell, once, however often that has to be asked.

        Returns when the outcome is known. A caller that cannot wait cancels; the sale then stays in
        `pending` and is taken up by `resume`, or taken back by `withdraw` if it was never sent.

        Raises:
            StorageFailed, apsw.Error: the outbox could not be written; nothing was asked.
        """
        body = sale_request(self._register, lines, tenders, expected_total_minor, override)
        outcome = await self._ask_anew(body)
        assert not isinstance(outcome, OrderDone), "a sale's success is no order"
        return outcome

    async def order(
        self,
        lines: Sequence[SaleLine],
        fulfilment: JsonObject,
        tenders: Sequence[Tender],
        expected_total_minor: int | None = None,
        **more: object,
    ) -> OrderDone | SaleRefused:
        """Sell what stands in another store, as an order that is paid here; once, like a sale.

        `fulfilment` is ``{"type": "ship", "address": ...}`` or ``{"type": "pickup", "location":
        ...}``; `more` may have ``customer``, ``contact``, ``coupon`` and ``customer_group``. While
        the gateway does not hear the hub it is refused, and nothing is paid. Raises as `sell`.
        """
        body = order_request(self._register, lines, fulfilment, tenders, expected_total_minor, more)
        outcome = await self._ask_anew(body)
        assert not isinstance(outcome, SaleDone), "an order's success is no sale"
        return outcome

    async def resume(self) -> list[SaleDone | OrderDone | SaleRefused]:
        """Ask again about every pending sale that nobody is asking about, oldest first.

        A register calls it when it starts, before its first sale. Returns when all are known; like
        `sell` it may be cancelled, and what is unknown then stays pending.
        """
        waiting = [one.key for one in self.pending() if not one.asking]
        settled = [
            await self._settle(self._asked[key])
            for key in waiting
            if key in self._asked and not self._asked[key].asking
        ]
        await self.orphans.hand_in_some()
        return settled

    async def withdraw(self, key: str) -> bool:
        """Take back a pending sale that certainly never left; False when it may have left."""
        asked = self._asked.get(key)
        if asked is None or asked.asking or asked.unheard:
            return False
        asked.asking = True
        await self._on_disk(self._opened.settle, key, None, None)
        del self._asked[key]
        return True

    async def done(self) -> list[JsonObject]:
        """Acknowledged sales that are kept because the hub may not have them yet."""
        return await self._on_disk(self._opened.done)

    async def forget_what_the_hub_has(self) -> int:
        """Drop acknowledged sales up to the position that the hub has acknowledged.

        Called now and then, as the file grows until it is. Returns how many were dropped: none of a
        journal of which a gateway did not believe what was seen.

        Raises:
            GatewayGone: no answer.
        """
        status = await self._read("/v1/status")
        if isinstance(status, Refusal):
            return 0
        place = place_at_hub(status)
        if place is None or self._known.is_disputed(place[0]):
            return 0
        return await self._on_disk(self._opened.forget, *place)

    async def products(self, search: str) -> JsonObject | Refusal:
        """Products with their price here and now: ``{"items", "next_cursor"}``.

        The reads raise `GatewayGone` when `READ_TRIES_MAX` tries brought no answer.
        """
        return await self._read("/v1/products", {"q": search})

    async def lookup(self, code: str) -> JsonObject | Refusal:
        """What a scanned code stands for; a `Refusal` when it is unknown."""
        return await self._read("/v1/lookup", {"code": code})

    async def stock(self, sku: str) -> JsonObject | Refusal:
        """Stock of one SKU at this location, with the quota that it can sell alone."""
        return await self._read("/v1/stock/" + quote(sku, safe=""))

    def scans(self) -> AsyncGenerator[Scan, None]:
        """Scans for this register, for ever, over lost connections; see `live`."""
        return scans_for(self._register, self.live())

    def live(self) -> AsyncGenerator[JsonObject, None]:
        """All live messages, see `live_messages`; close it (`contextlib.aclosing`) when done.

        Raises (while iterating):
            TokenRefused: the gateway does not know the token or its role may not listen.
        """
        return live_messages(self._line, lambda tries: self._pause(tries, None))

    async def _ask_anew(self, body: bytes) -> SaleDone | OrderDone | SaleRefused:
        """Ask for something under a new key."""
        now_ms = self._world.now_ms()
        key = time_ordered_key(now_ms, self._world.dice(KEY_DICE_BYTES))
        asked = _Asked(sale=OpenSale(key=key, body=body, written_ms=now_ms), unheard=False)
        self._asked[key] = asked
        return await self._settle(asked)

    async def _settle(self, asked: _Asked) -> SaleDone | OrderDone | SaleRefused:
        """Ask about one sale until its outcome is known."""
        asked.asking = True
        try:
            try:
                # Also for one read from the file: writing it again changes nothing.
                await self._on_disk(self._opened.write, asked.sale)
            except Exception:
                if not asked.tries and not asked.unheard:
                    del self._asked[asked.sale.key]
                raise
            while (outcome := await self._ask_once(asked)) is None:
                pass
        finally:
            asked.asking = False
        del self._asked[asked.sale.key]
        await self.orphans.hand_in_some()
        return outcome

    async def _ask_once(self, asked: _Asked) -> SaleDone | OrderDone | SaleRefused | None:
        """One try and, when it brought no outcome, the pause after it."""
        asked.tries += 1
        retry_after_s = None
        try:
            reply, witness = await self._post(asked)
        except GatewayGone as gone:
            asked.problem = str(gone)
        else:
            if (outcome := await self._outcome(asked, reply, witness)) is not None:
                return outcome
            retry_after_s = reply.retry_after_s
            asked.problem = f"the gateway answers {reply.status} {reply.slug or ''}".rstrip()
        await self._pause(asked.tries, retry_after_s)
        return None

    async def _post(self, asked: _Asked) -> tuple[Reply, Witness]:
        """Send the sale. `asked.unheard` holds for as long as the answer is outstanding."""
        await self._line.connect()
        unheard_before, asked.unheard = asked.unheard, True
        try:
            reply, witness = await self._line.ask(
                "POST",
                "/v1/orders" if asked.sale.is_order else "/v1/sales",
                body=asked.sale.body,
                headers={"Idempotency-Key": asked.sale.key, **self._presented()},
            )
        except GatewayGone as gone:
            asked.unheard = unheard_before or gone.unheard
            raise
        asked.unheard = unheard_before
        return reply, witness

    async def _outcome(
        self, asked: _Asked, reply: Reply, witness: Witness
    ) -> SaleDone | OrderDone | SaleRefused | None:
        """What a reply makes of a sale, durable before it is told; None to ask again."""
        key, kept = asked.sale.key, self._known.to_keep(witness)
        outcome: SaleDone | OrderDone | SaleRefused
        match decide(reply, unheard=asked.unheard, is_order=asked.sale.is_order):
            case Next.DONE:
                assert reply.document is not None
                asked.unheard = True  # it is sold: who stops waiting now cannot take it back
                await self._on_disk(self._opened.settle, key, reply.document, kept)
                outcome = done_of(key, reply.document)
            case Next.REFUSED:
                await self._on_disk(self._opened.settle, key, None, kept)
                outcome = SaleRefused(key=key, refusal=refusal_from(reply))
            case Next.AGAIN:
                asked.unheard = asked.unheard or leaves_unheard(reply)
                return None
        self._note(witness)
        return outcome

    async def _read(
        self, path: str, query: Mapping[str, str] | None = None
    ) -> JsonObject | Refusal:
        tries = 0
        while True:
            tries += 1
            try:
                reply, witness = await self._line.ask(
                    "GET", path, query=query, headers=self._presented()
                )
            except GatewayGone:
                if tries == READ_TRIES_MAX:
                    raise
                await self._pause(tries, None)
                continue
            if witness.above(self._known.witness):
                if (kept := self._known.to_keep(witness)) is not None:
                    await self._on_disk(self._opened.remember, kept)
                self._note(witness)
            if reply.status == OK and reply.document is not None:
                return reply.document
            if reply.slug is not None:
                return refusal_from(reply)
            raise GatewayGone(f"{path} was answered with {reply.status}", unheard=False)

    def _presented(self) -> dict[str, str]:
        """The witness as a header: a gateway that is behind it has lost entries."""
        witness = self._known.witness
        return {} if witness is None else {HEADER: str(witness)}

    def _note(self, witness: Witness) -> None:
        if witness.above(self._known.witness):
            self._known.witness = witness

    async def _recall(self) -> None:
        """Know again what an earlier run knew of the gateway, as far as this place is the same."""
        known, outbox = self._known, self._opened
        if known.location is None:
            known.location = await self._on_disk(outbox.location)
        else:
            await self._tie(known.location, known.chain)
        known.last = await self._on_disk(outbox.gateway)
        known.chain = known.chain or await self._on_disk(outbox.chain)
        known.witness = await self._on_disk(outbox.witness)

    async def _met(self, contact: Contact) -> None:
        """Tie the outbox to a gateway before the first sale leaves for it, and keep its address."""
        known = self._known
        await self._tie(contact.location, contact.chain)
        known.location, known.chain = contact.location, contact.chain or known.chain
        now = Pairing(
            location=contact.location,
            addresses=(contact.url,),
            chain=contact.chain,
            fingerprint=contact.fingerprint,
        )
        if now != known.last:
            await self._on_disk(self._opened.remember_gateway, now)
            known.last = now

    async def _tie(self, location: str, chain: str | None) -> None:
        """Tie the outbox to a location, once in a run."""
        if not self._tied:
            await self._on_disk(self._opened.settle_at, location, chain)
            self._tied = True

    async def _pause(self, tries: int, retry_after_s: int | None) -> None:
        dice = int.from_bytes(self._world.dice(DICE_BYTES), "big") / DICE_MAX
        await self._world.sleep(backoff_ms(tries, retry_after_s, dice) / 1_000)

    @property
    def _opened(self) -> Outbox:
        assert self._outbox is not None, "the register is used inside its context"
        return self._outbox

    async def _on_disk(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._disk, lambda: call(*args, **kwargs))

    async def _close(self) -> None:
        await self._line.close()
        if self._outbox is not None:
            await self._on_disk(self._outbox.close)
        self._disk.shutdown()


OK: Final = 200
