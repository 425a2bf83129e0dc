"""Benchmark ``import``: a catalogue of many rows from a file into a running hub.

The same file is read with the csv module alone, in this process; tried at the hub without importing
anything (decoded, checked row by row, held against the catalogue); imported into a hub that knows
none of it (each product a document, a feed item and a journal entry, in commits with fsync); and
imported again, when nothing is new. Times of the hub are from request to answer, upload included.
"""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from retail.product_files.product_csv import MARK, export_cells, export_header, export_lines
from retail.products.catalogue import with_sku
from scripts.benchmarks.figures import Better, Goal, Row
from scripts.benchmarks.loaded_hub import product_body
from scripts.benchmarks.premises import BenchmarkBroken, Premises, Say, open_hub
from scripts.processes import Programs

ROWS: Final = 100_000
ROUNDS: Final = 3
GOAL_RATIO: Final = 1 / 20
HTTP_OK: Final = 200


async def run(root: Path, *, say: Say, rows: int = ROWS) -> list[Row]:
    """Start a hub under `root`, import into it, end it.

    Raises:
        ProgramBroken, BenchmarkBroken: there is no figure.
    """
    file = csv_file(rows)
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout) as session, Programs(root) as programs:
        premises = await open_hub(programs, session)
        read_s: list[float] = []
        tried_s: list[float] = []
        for number in range(ROUNDS):
            read_s.append(_timed(lambda: _read(file)))
            tried_s.append(await _import(premises, file, rows, key=f"try-{number}", dry_run=True))
            say(f"import: {rows:,} rows checked in {tried_s[-1]:.2f} s, read {read_s[-1]:.2f} s")
        imported_s = await _import(premises, file, rows, key="import", dry_run=False)
        say(f"import: written in {imported_s:.1f} s")
        again_s = await _import(premises, file, rows, key="again", dry_run=False)
    return rows_from(rows, min(read_s), min(tried_s), imported_s, again_s)


def csv_file(rows: int) -> bytes:
    """A file of our own dialect, as an export writes it."""
    products = (with_sku(product_body(number), f"sku-{number:06d}") for number in range(rows))
    text = export_lines(export_cells(product, ()) for product in products)
    return (MARK + export_lines([export_header(())]) + text).encode()


def rows_from(
    rows: int, read_s: float, tried_s: float, imported_s: float, again_s: float
) -> list[Row]:
    """Rows per second, each against reading the same file with the csv module."""
    return [
        Row(
            name=f"import, {what}, {rows:,} rows",
            ours=rows / took_s,
            baseline=rows / read_s,
            baseline_is="the csv module reads the same file",
            unit="rows/s",
            goal=goal,
        )
        for what, took_s, goal in (
            ("checked only", tried_s, Goal(better=Better.HIGHER, ratio=GOAL_RATIO)),
            ("all new, durable", imported_s, None),
            ("nothing new", again_s, None),
        )
    ]


def _read(file: bytes) -> None:
    text = io.TextIOWrapper(io.BytesIO(file), encoding="utf-8-sig", newline="")
    for _ in csv.reader(text):
        pass


def _timed(work: Callable[[], None]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


async def _import(premises: Premises, file: bytes, rows: int, *, key: str, dry_run: bool) -> float:
    """Seconds from the request to its answer, which has to be that nothing was wrong."""
    admin = premises.admin
    headers = {
        "Authorization": f"Bearer {admin.token}",
        "Content-Type": "text/csv",
        "Idempotency-Key": key,
    }
    began_s = time.perf_counter()
    async with premises.session.post(
        f"{admin.url}/v1/catalogue/import",
        params={"dry_run": "true"} if dry_run else {},
        data=io.BytesIO(file),
        headers=headers,
    ) as response:
        body = await response.read()
    took_s = time.perf_counter() - began_s
    report: dict[str, Any] = msgspec.json.decode(body)
    if response.status != HTTP_OK or report["rows"] != rows or report["errors"]:
        raise BenchmarkBroken(f"the hub does not import: {body[:300]!r}")
    return took_s
