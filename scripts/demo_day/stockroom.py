"""The people behind a shop: goods in, goods out, counts and mishaps, told to their gateway.

They work whether the line is up or not. What they do to the shelf is in the demo's own ledger; what
the gateway says of it is only compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from scripts.demo_day.agenda import (
    PlannedBreakage,
    PlannedCount,
    PlannedDamage,
    PlannedDelivery,
    PlannedTransfer,
)
from scripts.demo_day.api import Api, Json
from scripts.demo_day.baskets import Line, Product
from scripts.demo_day.ledger import Fact, Shelf
from scripts.demo_day.lone_register import LoneRegister
from scripts.demo_day.notebook import Notebook, ToldTransfer
from scripts.demo_day.progress import Tell

RECEIPT_LINES: Final = 250
"""Lines of one stock receipt."""

MARGIN: Final = 10
"""A clerk counts a shelf with fewer pieces at a glance: nothing is stolen from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stockroom:
    """The people of one store; `gateway` is spoken to with a manager's token."""

    location: str
    gateway: Api
    products: Mapping[str, Product]
    notebook: Notebook
    tell: Tell
    lone: Sequence[LoneRegister]
    """The registers here that sell alone."""

    async def receive(self, delivery: PlannedDelivery) -> None:
        """Put a delivery on the shelves, paper by paper."""
        lines = iter(delivery.lines)
        paper = 0
        while batch := list(islice(lines, RECEIPT_LINES)):
            paper += 1
            reference = f"{delivery.reference}-{paper}"
            self._record(Fact.RECEIVED, reference, batch)
            await self._do(
                "/v1/stock/receipts",
                {
                    "lines": [self._with_cost(line) for line in batch],
                    "reference": reference,
                    "supplier": delivery.supplier,
                },
                f"receipt-{reference}",
            )
            self.notebook.stock.deliveries += 1

    async def ship(self, planned: PlannedTransfer) -> str:
        """Load a truck and send it; answers the transfer's number, which is on its paper."""
        made = await self._do(
            "/v1/transfers",
            {"to": planned.destination, "lines": _lines(planned.lines), "reference": "for the day"},
            f"transfer-{planned.destination}",
        )
        number = str(made["id"])
        await self._do(f"/v1/transfers/{number}/ship", {}, f"ship-{number}")
        self._record(Fact.SENT, number, planned.lines)
        self.tell(self.location, f"ships {self.named(planned.lines)} to {planned.destination}")
        return number

    async def take_in(self, number: str, planned: PlannedTransfer) -> None:
        """Count a truck in by its paper; whether the line is up makes no difference."""
        self._record(Fact.ARRIVED, number, planned.arriving)
        taken = await self._do(
            f"/v1/transfers/{number}/receive",
            {"lines": _lines(planned.arriving)},
            f"receive-{number}",
        )
        self.notebook.transfers.append(
            ToldTransfer(
                id=number,
                source=planned.source,
                destination=planned.destination,
                shipped=planned.lines,
                received=planned.arriving,
            )
        )
        heard = "" if taken["created_at"] else ", by its paper: nothing was heard of it yet"
        self.tell(self.location, f"counts in {self.named(planned.arriving)}{heard}")

    async def break_goods(self, planned: PlannedBreakage) -> None:
        """Book breakage. What was promised of the goods is somebody else's worry."""
        line = Line(sku=planned.sku, quantity=planned.broken)
        self._record(Fact.BROKEN, "breakage", [line])
        adjusted = await self._adjust(line, "breakage", "a pallet tipped over")
        self.notebook.stock.broken += line.quantity
        left = adjusted["on_hand"]
        self.tell(self.location, f"{self.named([line])} are broken, {left} are left")

    async def set_damaged_aside(self, planned: PlannedDamage) -> None:
        """A unit stays in the shop, and nobody can buy it."""
        self._record(Fact.DAMAGED, "damaged", [planned.line])
        await self._adjust(planned.line, "damaged", "dented")
        self.tell(self.location, f"{self.named([planned.line])} is damaged and set aside")

    async def write_off(self, planned: PlannedDamage) -> None:
        """It goes into the bin."""
        self._record(Fact.WRITTEN_OFF, "written off", [planned.line])
        adjusted = await self._adjust(planned.line, "damaged_written_off", None)
        self.notebook.stock.written_off += planned.line.quantity
        if adjusted["damaged"]:
            self.notebook.oddities.append(f"{adjusted['damaged']} are damaged still: {adjusted}")
        self.tell(self.location, f"{self.named([planned.line])}, damaged before, is written off")

    async def start_count(self, planned: PlannedCount) -> str:
        """Begin a count and count every shelf of it; answers its id. Shops sell on meanwhile."""
        started = await self._do(
            "/v1/stock/counts", {"skus": planned.skus, "reference": "aisle 1"}, "count"
        )
        self.tell(self.location, f"begins to count {len(planned.skus)} shelves, while it sells")
        for place, sku in enumerate(planned.skus):
            await self._count_shelf(str(started["id"]), sku, f"shelf-{place}")
        return str(started["id"])

    async def close_count(self, count: str, stolen: Line) -> None:
        """End a count; it must have found what was stolen, and nothing else."""
        closed = await self._do(
            f"/v1/stock/counts/{count}/close",
            {"reasons": [{"sku": stolen.sku, "reason": "theft"}]},
            f"close-{count}",
        )
        booked = {line["sku"]: line["booked"] for line in closed["differences"]}
        if booked != {stolen.sku: -stolen.quantity}:
            self.notebook.oddities.append(f"count {count}: {stolen} was stolen, booked {booked}")
        self.notebook.stock.missing += stolen.quantity
        self.tell(
            self.location,
            f"count closed: {closed['agreed']} shelves agree, {self.named([stolen])} are missing",
        )

    def steal(self, planned: PlannedCount) -> Line:
        """Somebody walks off with a few pieces of the fullest of the shelves to be counted."""
        stands = self.notebook.ledger.on_hand()
        *busy, quiet = planned.skus
        full = [sku for sku in busy if stands.get(Shelf(self.location, sku), 0) >= MARGIN]
        sku = max(full, key=lambda one: stands[Shelf(self.location, one)], default=quiet)
        stolen = Line(sku=sku, quantity=planned.stolen)
        self._record(Fact.STOLEN, "theft", [stolen])
        return stolen

    def named(self, lines: Iterable[Line]) -> str:
        """Lines in words, such as ``4 x Ground coffee``."""
        return " and ".join(f"{line.quantity} x {self.products[line.sku].spoken}" for line in lines)

    async def _count_shelf(self, count: str, sku: str, key: str) -> None:
        """Count what stands there, and tell it before the next piece is taken."""
        shelf = Shelf(self.location, sku)
        async with self.notebook.aisles.counting([shelf]):
            # Where clocks are not to be believed, a sale that is heard later counts twice.
            for register in self.lone:
                await register.until_handed_over()
            counted = self.notebook.ledger.on_hand().get(shelf, 0)
            await self._do(
                f"/v1/stock/counts/{count}/lines",
                {"lines": [{"sku": sku, "counted": counted}]},
                f"{count}-{key}",
            )
        self.notebook.stock.counted += 1

    async def _adjust(self, line: Line, reason: str, note: str | None) -> Json:
        return await self._do(
            "/v1/stock/adjustments",
            {"sku": line.sku, "delta": -line.quantity, "reason": reason, "note": note},
            reason,
        )

    async def _do(self, path: str, body: Json, key: str) -> Json:
        answer = await self.gateway.post(path, body, key=f"{self.location}-{key}")
        return answer.success(f"{path} at {self.location}")

    def _record(self, fact: Fact, reference: str, lines: Iterable[Line]) -> None:
        self.notebook.ledger.record(
            fact, reference, [(Shelf(self.location, line.sku), line.quantity) for line in lines]
        )

    def _with_cost(self, line: Line) -> Json:
        """A line of a supplier's paper: the shop lives on the third that it adds."""
        cost = self.products[line.sku].price_minor * 3 // 4
        return {"sku": line.sku, "quantity": line.quantity, "unit_cost_minor": cost}


def _lines(lines: Iterable[Line]) -> list[Json]:
    return [{"sku": line.sku, "quantity": line.quantity} for line in lines]
