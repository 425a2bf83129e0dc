"""The tills of a store: cashiers at registers that ring up, and never ask twice.

A register is thin, and sells at its gateway, or it sells alone. A till takes baskets from a queue
until the doors are closed. What is refused for quota is taken out of the basket, as a cashier does,
and the rest is sold; where a price has changed, the customer is shown the new total and takes it.
Some sales are rung up by a register whose power fails just then: it is opened again on its disk and
asks with the same key.
Where a thin register certainly cannot sell, its customer joins another queue of the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple, Self

from devices.scanner import REPEAT_MS
from gateway.client import SaleDone, SaleLine, SaleRefused, Tender
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook, ToldSale
from scripts.demo_day.plan import PlannedSale
from scripts.demo_day.setting import Discovery, TillSetting
from scripts.demo_day.thin_register import CannotSell, ThinRegister

SCAN_S_MAX: Final = 2.0
"""A scan takes milliseconds; a cashier who has waited for two seconds keys the code in."""

NEXT_PIECE_S: Final = 2 * REPEAT_MS / 1_000
"""From one piece of a product to the next one before the scanner; sooner it is one label."""

NOTE_MINOR: Final = 500
"""Who pays cash pays with five-dollar notes and gets change."""

TENDER_TYPES: Final = ("card", "cash", "card", "wallet")

Baskets = asyncio.Queue[PlannedSale | None]
"""What comes to the tills; None closes the doors of one till."""


class Asking(NamedTuple):
    """What a till asks to be sold: what is left of a basket, for what its customer was shown."""

    wanted: Mapping[str, int]
    codes: Mapping[str, str]
    shown_minor: int
    basket: int


@dataclass(slots=True)
class Till:
    """One register with its cashier, open for as long as the context is.

    `patience_s` is how long a customer waits at a thin register that is not answered; without it,
    for as long as it takes.
    """

    setting: TillSetting
    discovery: Discovery
    products: Mapping[str, Product]
    notebook: Notebook
    patience_s: float | None = None
    closed_to: list[str] = field(default_factory=list)
    """Why the register could not sell, once for each customer that went to another till."""
    _register: ThinRegister | LoneRegister = field(init=False)
    _scans: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _scanned: str = ""
    _listening: asyncio.Task[None] | None = None
    _sale_s: float = 0.0
    """How long the last sale took."""

    def __post_init__(self) -> None:
        if self.setting.sells_alone:
            self._register = LoneRegister(self.setting, self.discovery)
        else:
            self._register = ThinRegister(self.setting, self.discovery, self.patience_s)

    async def __aenter__(self) -> Self:
        await self._register.switch_on()
        if self.setting.scanner is not None:
            self._listening = asyncio.create_task(self._listen(), name="scans")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop_listening()
        await self._register.switch_off()

    @property
    def alone(self) -> LoneRegister | None:
        """Its register, where it is one that sells alone."""
        return self._register if isinstance(self._register, LoneRegister) else None

    @property
    def thin(self) -> ThinRegister | None:
        """Its register, where it is a thin one."""
        return self._register if isinstance(self._register, ThinRegister) else None

    async def greet(self) -> None:
        """Find the gateway before the first customer comes."""
        await self._register.greet()

    async def serve(self, baskets: Baskets) -> None:
        """Ring up one basket after the other until the doors are closed."""
        while (planned := await baskets.get()) is not None:
            if not await self._ring_up(planned):
                baskets.put_nowait(planned)
                assert isinstance(self._register, ThinRegister), "the others need no gateway"
                await self._register.until_heard()

    async def _ring_up(self, planned: PlannedSale) -> bool:
        """Sell a basket, or what can be sold of it, and let nobody count its shelves meanwhile.

        False where the register cannot sell at all now.
        """
        shelves = [Shelf(self.setting.location, line.sku) for line in planned.basket.lines]
        async with self.notebook.aisles.taking(shelves):
            return await self._ring_up_lines(planned)

    async def _ring_up_lines(self, planned: PlannedSale) -> bool:
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
            if isinstance(outcome, CannotSell):
                self.closed_to.append(outcome.why)
                return False
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
        return True

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

    async def _sell(
        self, asking: Asking, interrupted: float | None
    ) -> SaleDone | SaleRefused | CannotSell:
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
        answer = await self._register.sell(lines, tenders, total_minor)
        self._sale_s = time.monotonic() - began_s
        return answer

    async def _sell_in_a_power_cut(
        self, lines: list[SaleLine], tenders: list[Tender], total_minor: int, cut_s: float
    ) -> SaleDone | SaleRefused | None:
        """Whatever came of a sale in which the register was switched off, if it was in time."""
        switched_on = self._register.switched_on
        await self._stop_listening()
        outcome = await self._register.sell_in_a_power_cut(lines, tenders, total_minor, cut_s)
        if self.setting.scanner is not None:
            self._listening = asyncio.create_task(self._listen(), name="scans")
        if self._register.switched_on > switched_on:
            self.notebook.tallies[self.setting.location].restarts += 1
        return outcome

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

    async def _listen(self) -> None:
        assert isinstance(self._register, ThinRegister), "a scanner is plugged into a gateway"
        async for code in self._register.scans():
            self._scans.put_nowait(code)

    async def _stop_listening(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
            self._listening = None


async def serve_last(till: Till, baskets: Baskets) -> None:
    """Ring up who was sent on by a till when the doors closed, and stands behind the last one."""
    while not baskets.empty():
        baskets.put_nowait(None)
        await till.serve(baskets)


def _tender(total_minor: int, basket: int) -> Tender:
    """How this basket's household pays."""
    kind = TENDER_TYPES[basket % len(TENDER_TYPES)]
    notes = -(-total_minor // NOTE_MINOR) * NOTE_MINOR
    return Tender(type=kind, amount_minor=notes if kind == "cash" else total_minor)
