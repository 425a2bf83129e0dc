"""The tills of a store: thin registers that find their gateway, ring up, and never ask twice.

A till takes baskets from a queue until the doors are closed. What the gateway refuses for quota is
taken out of the basket, as a cashier would, and the rest is sold; where a price has changed, the
customer is shown the new total and takes it. Some sales are rung up by a
register whose power fails just then: it is opened again on its outbox and asks with the same key.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import urlsplit

from devices.scanner import REPEAT_MS
from gateway.client import (
    GatewayClient,
    OrderDone,
    Place,
    SaleDone,
    SaleLine,
    SaleRefused,
    Tender,
    World,
)
from gateway.counter.discovery import find_gateways
from gateway.counter.discovery_record import Found
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.notebook import Notebook, ToldSale
from scripts.demo_day.plan import PlannedSale

SCAN_S_MAX: Final = 2.0
"""A scan takes milliseconds; a cashier who has waited for two seconds keys the code in."""

NEXT_PIECE_S: Final = 2 * REPEAT_MS / 1_000
"""From one piece of a product to the next one before the scanner; sooner it is one label."""

FIND_S_MAX: Final = 2.0
"""mDNS answers within 0.1 s where it answers at all."""

NOTE_MINOR: Final = 500
"""Who pays cash pays with five-dollar notes and gets change."""

TENDER_TYPES: Final = ("card", "cash", "card", "wallet")

Scanner = Callable[[bytes], bool]
"""Types one code; false when it could not be typed."""

Baskets = asyncio.Queue[PlannedSale | None]
"""What comes to the tills; None closes the doors of one till."""


@dataclass(slots=True, kw_only=True)
class Discovery:
    """Finds one store's gateway over mDNS, else under the address that a technician typed in."""

    address: str
    say: Callable[[str], None]
    over_mdns: int = 0
    by_address: int = 0

    async def find(self, location: str) -> list[Found]:
        """For `gateway.client.World`: called at each first contact and after each lost one."""
        typed = urlsplit(self.address)
        assert typed.hostname is not None
        assert typed.port is not None
        # Another demo on this machine has gateways of the same names.
        found = [one for one in await find_gateways(FIND_S_MAX, location) if one.port == typed.port]
        if found:
            self.over_mdns += 1
            return found
        if not self.by_address:
            self.say(f"{location}: not heard over mDNS, a till uses the address {self.address}")
        self.by_address += 1
        place = Found(
            location=location,
            hosts=(typed.hostname,),
            port=typed.port,
            protocol=1,
            tls=False,
            fingerprint=None,
        )
        return [place]


@dataclass(frozen=True, slots=True, kw_only=True)
class TillSetting:
    """What a technician gives a new register."""

    location: str
    register: str
    token: str
    outbox: Path
    scanner: Scanner | None = None


class Asking(NamedTuple):
    """What a till asks to be sold: what is left of a basket, for what its customer was shown."""

    wanted: Mapping[str, int]
    codes: Mapping[str, str]
    shown_minor: int
    basket: int


@dataclass(slots=True)
class Till:
    """One register with its cashier, open for as long as the context is."""

    setting: TillSetting
    discovery: Discovery
    products: Mapping[str, Product]
    notebook: Notebook
    _client: GatewayClient = field(init=False)
    _scans: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _scanned: str = ""
    _listening: asyncio.Task[None] | None = None
    _sale_s: float = 0.0
    """How long the last sale took."""

    async def __aenter__(self) -> Self:
        await self._switch_on()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._switch_off()

    async def greet(self) -> None:
        """Find the gateway before the first customer comes."""
        await self._client.products("")

    async def serve(self, baskets: Baskets) -> None:
        """Ring up one basket after the other until the doors are closed."""
        while (planned := await baskets.get()) is not None:
            await self._ring_up(planned)

    async def _ring_up(self, planned: PlannedSale) -> None:
        """Sell a basket, or what can be sold of it, and let nobody count its shelves meanwhile."""
        shelves = [Shelf(self.setting.location, line.sku) for line in planned.basket.lines]
        async with self.notebook.aisles.taking(shelves):
            await self._ring_up_lines(planned)

    async def _ring_up_lines(self, planned: PlannedSale) -> None:
        tally = self.notebook.tallies[self.setting.location]
        wanted = {line.sku: line.quantity for line in planned.basket.lines}
        codes = await self._scan(planned) if planned.scanned and self.setting.scanner else {}
        refused: set[str] = set()
        interrupted = planned.interrupted
        repriced = False
        shown_minor = self._total_minor(wanted)
        while wanted:
            asking = Asking(wanted, codes, shown_minor, planned.basket.basket)
            asked_s = time.monotonic()
            outcome = await self._sell(asking, interrupted)
            interrupted = None
            if isinstance(outcome, SaleDone):
                self._write_down(outcome, asking, asked_s)
                break
            short = outcome.refusal.problem
            if outcome.refusal.slug == "price-changed" and short["total_minor"] != shown_minor:
                shown_minor = int(str(short["total_minor"]))
                repriced = True
                continue
            sku = str(short.get("sku"))
            if outcome.refusal.slug != "quota-short" or sku not in wanted:
                self.notebook.oddities.append(f"{self.setting.register}: {outcome.refusal}")
                break
            if sku not in refused:
                tally.refused_on_shelf += self.notebook.was_there(
                    Shelf(self.setting.location, sku), wanted[sku]
                )
            refused.add(sku)
            # Quota moves while we speak; a basket that was refused asks for less each time.
            sellable = min(int(str(short["sellable"])), wanted[sku] - 1)
            if sellable > 0:
                wanted[sku] = sellable
            else:
                del wanted[sku]
            shown_minor = self._total_minor(wanted)
        tally.repriced += repriced
        tally.refused += len(refused)
        tally.baskets += 1

    def _write_down(self, done: SaleDone, asking: Asking, asked_s: float) -> None:
        location, wanted = self.setting.location, asking.wanted
        tally = self.notebook.tallies[location]
        tally.acknowledged += 1
        tally.lines += len(wanted)
        self.notebook.ledger.record(
            Fact.SOLD,
            done.sale_id,
            [(Shelf(location, sku), quantity) for sku, quantity in wanted.items()],
        )
        self.notebook.sales.append(
            ToldSale(
                location=location,
                register=self.setting.register,
                key=done.key,
                lines=tuple(Line(sku=sku, quantity=wanted[sku]) for sku in wanted),
                total_minor=asking.shown_minor,
                asked_s=asked_s,
                told_s=time.monotonic(),
                sale=done.sale,
            )
        )

    def _total_minor(self, wanted: Mapping[str, int]) -> int:
        """What it costs by the labels of the morning."""
        return sum(self.products[sku].price_minor * wanted[sku] for sku in wanted)

    async def _sell(self, asking: Asking, interrupted: float | None) -> SaleDone | SaleRefused:
        total_minor = asking.shown_minor
        lines = [
            SaleLine(barcode=asking.codes[sku], quantity=quantity)
            if sku in asking.codes
            else SaleLine(sku=sku, quantity=quantity)
            for sku, quantity in asking.wanted.items()
        ]
        tenders = [_tender(total_minor, asking.basket)]
        if interrupted is not None:
            cut_s = interrupted * self._sale_s
            outcome = await self._sell_in_a_power_cut(lines, tenders, total_minor, cut_s)
            if outcome is not None:
                return outcome
        began_s = time.monotonic()
        outcome = await self._client.sell(lines, tenders, expected_total_minor=total_minor)
        self._sale_s = time.monotonic() - began_s
        return outcome

    async def _sell_in_a_power_cut(
        self, lines: list[SaleLine], tenders: list[Tender], total_minor: int, cut_s: float
    ) -> SaleDone | SaleRefused | None:
        """Ask, lose the power, come back and ask again; None when nothing had been written yet."""
        asking = asyncio.create_task(
            self._client.sell(lines, tenders, expected_total_minor=total_minor)
        )
        answered, _ = await asyncio.wait({asking}, timeout=cut_s)
        if answered:
            return asking.result()
        known = {str(sale["id"]) for sale in await self._client.done()}
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            return await asking
        await self._switch_off()
        await self._switch_on()
        self.notebook.tallies[self.setting.location].restarts += 1
        for outcome in await self._client.resume():
            assert not isinstance(outcome, OrderDone), "nobody ordered anything here"
            return outcome
        # The answer was on its disk already, and the power failed before the cashier saw it.
        for sale in await self._client.done():
            if str(sale["id"]) not in known:
                return SaleDone(key="answered before the power cut", sale=sale)
        return None

    async def _scan(self, planned: PlannedSale) -> dict[str, str]:
        """Scan one piece of each line; answers the codes that reached this register, per SKU."""
        assert self.setting.scanner is not None
        tally = self.notebook.tallies[self.setting.location]
        codes: dict[str, str] = {}
        for line in planned.basket.lines:
            if not (barcode := self.products[line.sku].barcode):
                continue
            if barcode == self._scanned:
                await asyncio.sleep(NEXT_PIECE_S)
            self._scanned = barcode
            while not self._scans.empty():
                self._scans.get_nowait()
            self.setting.scanner(barcode.encode())
            try:
                async with asyncio.timeout(SCAN_S_MAX):
                    codes[line.sku] = await self._scans.get()
                tally.scanned += 1
            except TimeoutError:
                tally.missed_scans += 1
        return codes

    async def _switch_on(self) -> None:
        self._client = GatewayClient(
            Place(location=self.setting.location),
            outbox=self.setting.outbox,
            token=self.setting.token,
            register=self.setting.register,
            world=World(find=self.discovery.find),
        )
        await self._client.__aenter__()
        if self.setting.scanner is not None:
            self._listening = asyncio.create_task(self._listen(), name="scans")

    async def _switch_off(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None
        await self._client.__aexit__(None, None, None)

    async def _listen(self) -> None:
        async for scan in self._client.scans():
            self._scans.put_nowait(scan.code)


def _tender(total_minor: int, basket: int) -> Tender:
    """How this basket's household pays."""
    kind = TENDER_TYPES[basket % len(TENDER_TYPES)]
    notes = -(-total_minor // NOTE_MINOR) * NOTE_MINOR
    return Tender(type=kind, amount_minor=notes if kind == "cash" else total_minor)
