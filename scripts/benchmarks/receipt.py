"""Benchmark ``receipt``: drawing an Arabic receipt of 20 lines for a printer, in this process.

From the sale to the printer's bytes: names looked up, text shaped and ordered, codes drawn, packed
into raster commands. Against

    the time in which a fast printer moves the same paper: what is drawn later is waited for
    the same sale as a Latin receipt of text, in the printer's own letters
    the same sale as a Latin receipt that is drawn as well: what Arabic costs

Times are CPU time per receipt, the best of rounds that alternate: what another program takes away
is not a property of the code.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from devices.encode import encode
from devices.paper import Document, Language, Mode, Paper
from devices.picture import pictures_of
from gateway.config import ReceiptSetting
from gateway.printing.receipts import Issuer, receipt_of
from retail.business_day import zone_of
from scripts.benchmarks.basket import Timed
from scripts.benchmarks.figures import Better, Goal, Row
from scripts.drawn_receipts import sample_logo, sample_sale

TIMES: Final = 4
"""The sample has five lines."""

ROUNDS: Final = 10
RECEIPTS: Final = 5
PAPER_MM_PER_S: Final = 300.0
"""What the fastest receipt printers on the market move."""

DOTS_PER_MM: Final = 8
US_PER_S: Final = 1_000_000

Say = Callable[[str], None]


def run(say: Say) -> list[Row]:
    """Draw and time; a few seconds."""
    arabic = Timed(lambda _: printed("ar", "raster"))
    latin = Timed(lambda _: printed("en", "raster"))
    text = Timed(lambda _: printed("en", "text"))
    say(f"receipt: {ROUNDS} rounds of {RECEIPTS} receipts")
    for _ in range(ROUNDS):
        for timed in (arabic, latin, text):
            timed.measure(RECEIPTS)
    return rows_from(arabic, latin, text, paper_us(receipt("ar")))


def rows_from(arabic: Timed, latin: Timed, text: Timed, moving_us: float) -> list[Row]:
    """The rows of a run; the goal is that no printer waits for its picture."""
    name = "Arabic receipt of 20 lines"

    def row(name: str, baseline_us: float, baseline_is: str, goal: Goal | None = None) -> Row:
        return Row(
            name=name,
            ours=arabic.best_us,
            baseline=baseline_us,
            baseline_is=baseline_is,
            unit="us",
            goal=goal,
        )

    limit = Goal(better=Better.LOWER, ratio=1.0)
    paper_is = f"the paper at {PAPER_MM_PER_S:.0f} mm/s"
    return [
        row(name, moving_us, paper_is, limit),
        row(f"{name}, relative to text", text.best_us, "the same sale as Latin text"),
        row(f"{name}, relative to Latin", latin.best_us, "the same sale drawn in Latin"),
    ]


def receipt(language: Language) -> Document:
    """A receipt with all that one can have: logo, discounts, two tax rates, QR code, barcode."""
    sale, products = sample_sale()
    long = msgspec.structs.replace(
        sale,
        lines=sale.lines * TIMES,
        total_minor=sale.total_minor * TIMES,
        tax_minor=sale.tax_minor * TIMES,
    )
    setting = ReceiptSetting(language=language, vat_number="310122393500003", logo=Path("logo.png"))
    issuer = Issuer(name="Riverside Market", zone=zone_of("Asia/Riyadh"), setting=setting)
    return receipt_of(long, issuer, products)


def printed(language: Language, mode: Mode) -> bytes:
    """The receipt as a printer gets it."""
    return encode(receipt(language), Paper(mode=mode), logo=sample_logo())


def paper_us(document: Document) -> float:
    """How long a fast printer moves the paper of this document."""
    dots = sum(strip.height for strip in pictures_of(document, Paper().dots))
    return dots / DOTS_PER_MM / PAPER_MM_PER_S * US_PER_S
