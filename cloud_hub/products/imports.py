"""Imports of products: a file is checked as a whole, then written in batches.

    waiting    another import is at work; one goes at a time
    checking   rows are read and held against the catalogue, in a thread of their own; a dry run
               and a file with an error end here, and nothing was written
    writing    batches go through the writer thread, others' requests between them
    done       the report is in the journal, under the import's key

Each product that is new or differs is written as its PUT would: document, feed, journal. A batch is
decided as a whole before any of it is written, and merged with the catalogue of that moment, so
that a change made meanwhile in a column that the file does not have is kept.

An import that ends in the middle (a crash, a full disk, a PUT that took a barcode) has written some
of its products, each of them whole. It is not undone: stores have heard of them and may have sold
some. The same file sent again, under the same key, skips what is as it should be and writes the
rest; only then is the key remembered.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Final, Literal

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.products.catalogue import refused, write
from replication.adapters.group_commit import GroupCommit
from replication.errors import StorageFailed
from replication.journal import Actor
from retail.product_files.catalogue_import import ImportPlan, plan_import
from retail.product_files.product_csv import read_products
from retail.product_files.product_sheet import Given, ProductSheet, SheetProduct, SheetRules, merged
from retail.product_files.row_problems import RowProblem, RowProblems
from retail.products.catalogue import Product
from web.catalogue_rows import Catalogue
from web.endpoint import Answer
from web.once import Command, Done, Outcome, answer, earlier
from web.problems import Problem, Slug

IMPORT: Final = "import"

IMPORT_BYTES_MAX: Final = 64 * 1024 * 1024
"""A row of all columns takes some 200 to 600 bytes: 100,000 of the longest fit."""

BATCH_PRODUCTS: Final = 64
"""In one commit, some 20 ms of the writer thread: a checkout that comes meanwhile waits so long."""

PAGE_PRODUCTS: Final = 500
IMPORTS_SEEN_MAX: Final = 100
RETRY_S: Final = 5


class ImportReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import came to, or what it would come to."""

    rows: int
    products: int
    created: int
    changed: int
    unchanged: int
    errors: int
    warnings: int
    dry_run: bool
    problems: tuple[RowProblem, ...]


class ImportView(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import is; `id` is its Idempotency-Key. `written` of `to_write` are durable."""

    id: str
    state: Literal["waiting", "checking", "writing", "done", "refused", "stopped"]
    rows: int
    to_write: int
    written: int
    report: ImportReport | None


@dataclass(slots=True)
class _Progress:
    """What a view is made from; the checking thread writes `rows`, the loop all else."""

    state: Literal["waiting", "checking", "writing", "done", "refused", "stopped"] = "waiting"
    rows: int = 0
    to_write: int = 0
    written: int = 0
    report: ImportReport | None = None


@dataclass(frozen=True, slots=True)
class _Checked:
    """A file held against the catalogue; no `sheet` where the header says that there is none."""

    sheet: ProductSheet | None
    plan: ImportPlan
    report: ImportReport


class Imports:
    """All imports of a running hub. `reading` is a catalogue for the checking thread alone."""

    def __init__(self, office: HeadOffice, writer: GroupCommit, reading: Catalogue) -> None:
        self._office = office
        self._writer = writer
        self._reading = reading
        self._turn = asyncio.Lock()
        self._seen: dict[tuple[str, str], _Progress] = {}

    async def run(
        self,
        command: Command,
        file: IO[bytes],
        *,
        dry_run: bool,
        is_stopping: Callable[[], bool],
    ) -> Answer:
        """Import a file, or only say what that would come to.

        Raises:
            Problem: invalid-request with the report, when a row has an error; conflict when the
                catalogue was changed meanwhile; unavailable when the program ends; storage.
        """
        progress = self._progress(command)
        try:
            async with self._turn:
                return await self._run(command, file, progress, is_stopping, dry_run=dry_run)
        except Problem:
            progress.state = "refused" if progress.written == 0 else "stopped"
            raise
        except BaseException:
            progress.state = "stopped"
            raise

    async def view(self, command: Command) -> ImportView | None:
        """How far the import under this command's key is; None when nobody heard of it."""
        progress = self._seen.get((command.principal.id, command.key.key))
        if progress is None or progress.report is None:
            known = await self._writer.look(lambda: self._remembered(command))
            if known is not None:
                wrote = known.created + known.changed
                return _view(command, _Progress("done", known.rows, wrote, wrote, known))
        return None if progress is None else _view(command, progress)

    def _progress(self, command: Command) -> _Progress:
        """A new line among those that can be looked up; the oldest are forgotten."""
        place = (command.principal.id, command.key.key)
        self._seen.pop(place, None)
        while len(self._seen) >= IMPORTS_SEEN_MAX:
            del self._seen[next(iter(self._seen))]
        progress = self._seen[place] = _Progress()
        return progress

    async def _run(
        self,
        command: Command,
        file: IO[bytes],
        progress: _Progress,
        is_stopping: Callable[[], bool],
        *,
        dry_run: bool,
    ) -> Answer:
        known, rules = await self._writer.look(lambda: self._before(command))
        if known is not None and not dry_run:
            return self._end(progress, known)

        def tick(rows: int) -> None:
            progress.rows = rows
            if is_stopping():
                raise _stopping("Nothing was imported.")

        progress.state = "checking"
        checked = await asyncio.to_thread(self._check, file, rules, tick, dry_run=dry_run)
        report = progress.report = checked.report
        progress.rows = report.rows
        if dry_run:
            progress.state = "done"
            return Answer(200, report)
        if report.errors or checked.sheet is None:
            raise Problem(
                Slug.INVALID_REQUEST,
                f"Nothing was imported: the file has {_errors(report.errors)}.",
                members=msgspec.to_builtins(report),
            )
        progress.state, progress.to_write = "writing", len(checked.plan.writes)
        await self._write(command, checked.sheet.given, checked.plan, progress, is_stopping)
        done = await self._writer.submit(lambda: _finish(self._office, command, report))
        return self._end(progress, done)

    def _end(self, progress: _Progress, outcome: Outcome) -> Answer:
        """The first success, now or before; a key that had another file is a problem."""
        told = answer(outcome)
        progress.report = msgspec.json.decode(told.body, type=ImportReport)
        progress.state = "done"
        return told

    async def _write(
        self,
        command: Command,
        given: Given,
        plan: ImportPlan,
        progress: _Progress,
        is_stopping: Callable[[], bool],
    ) -> None:
        """Batch after batch; whatever ends it early says how far it came."""
        moving = {one.product.sku for one in plan.writes} if "barcodes" in given.fields else set()
        for batch in batches(plan):
            if is_stopping():
                raise _stopping(_so_far(progress))
            try:
                problem = await self._writer.submit(
                    partial(write_batch, self._office, command.actor, batch, given, moving)
                )
            except StorageFailed as failed:
                raise Problem(
                    Slug.STORAGE, f"The disk did not take it: {failed}. {_so_far(progress)}"
                ) from failed
            if problem is not None:
                raise Problem(Slug.CONFLICT, f"{problem.detail} {_so_far(progress)}")
            progress.written += len(batch)
            moving.difference_update(one.product.sku for one in batch)

    # The writer thread

    def _before(self, command: Command) -> tuple[Outcome | None, SheetRules]:
        """What this key came to before, and what the chain allows now."""
        office = self._office
        rules = SheetRules(
            currency=office.settings.currency,
            tax_classes=frozenset(
                row.tax_class
                for row in office.tax_rows
                if row.jurisdiction == office.settings.jurisdiction
            ),
            floors=office.rules.floors,
        )
        return earlier(office.ledger, office.store, command), rules

    def _remembered(self, command: Command) -> ImportReport | None:
        found = self._office.store.find_request(command.key)
        if found is None:
            return None
        # The digest of the file is not asked for again: whoever has the key may see its report.
        same = command._replace(digest=found.digest)
        known = earlier(self._office.ledger, self._office.store, same)
        if not isinstance(known, Done):
            return None
        return msgspec.json.decode(known.record, type=ImportReport)

    # The checking thread

    def _check(
        self,
        file: IO[bytes],
        rules: SheetRules,
        tick: Callable[[int], None],
        *,
        dry_run: bool,
    ) -> _Checked:
        problems = RowProblems()
        plan = ImportPlan(created=0, changed=0, unchanged=0, writes=(), plain=0)
        try:
            sheet = read_products(file, rules, problems, tick)
            if sheet is not None:
                known = every_product(self._reading, lambda: tick(sheet.rows))
                plan = plan_import(sheet, known, self._reading, problems)
        finally:
            self._reading.forget()
        report = ImportReport(
            rows=0 if sheet is None else sheet.rows,
            products=0 if sheet is None else len(sheet.products),
            created=plan.created,
            changed=plan.changed,
            unchanged=plan.unchanged,
            errors=problems.errors,
            warnings=problems.warnings,
            dry_run=dry_run,
            problems=problems.listed(),
        )
        return _Checked(sheet, plan, report)


def every_product(catalogue: Catalogue, tick: Callable[[], None]) -> Iterator[Product]:
    """All products by SKU, a page at a time, so that no read lasts for long."""
    page = catalogue.search("", "", PAGE_PRODUCTS)
    while page:
        tick()
        yield from page
        page = catalogue.search("", page[-1].sku, PAGE_PRODUCTS)


def batches(plan: ImportPlan) -> Iterator[Sequence[SheetProduct]]:
    """The plan's products in its order; no bundle is decided before its components are written."""
    for start, end in ((0, plan.plain), (plan.plain, len(plan.writes))):
        for first in range(start, end, BATCH_PRODUCTS):
            yield plan.writes[first : min(first + BATCH_PRODUCTS, end)]


def write_batch(
    office: HeadOffice,
    actor: Actor,
    batch: Sequence[SheetProduct],
    given: Given,
    moving: set[str],
) -> Problem | None:
    """Write some products, or none of them when one is refused.

    `moving` are the SKUs whose barcodes the rest of the import still arranges.
    """
    known = office.catalogue.among([one.product.sku for one in batch])
    products = [merged(known.get(one.product.sku), one.product, given) for one in batch]
    for one, product in zip(batch, products, strict=True):
        if (problem := refused(office, product.sku, product, moving)) is not None:
            return Problem(
                Slug.CONFLICT,
                f"The catalogue was changed meanwhile, and row {one.row} does not fit any more: "
                f"{problem.detail}",
            )
    write(office, products, actor, reason=IMPORT)
    return None


def _finish(office: HeadOffice, command: Command, report: ImportReport) -> Done:
    """All is written: the report goes into the journal, and the key is remembered."""
    record = msgspec.json.encode(report)
    entry = office.ledger.append(IMPORT, record, actor=command.actor, reference=command.key.key)
    office.ledger.remember(command.key, command.digest, 200, entry)
    return Done(200, record)


def _errors(count: int) -> str:
    return "1 error" if count == 1 else f"{count} errors"


def _so_far(progress: _Progress) -> str:
    return (
        f"{progress.written} of {progress.to_write} products were written: send the file again, "
        "and the rest follows."
    )


def _stopping(so_far: str) -> Problem:
    return Problem.unavailable(f"The program is going down. {so_far}", retry_after_s=RETRY_S)


def _view(command: Command, progress: _Progress) -> ImportView:
    return ImportView(
        id=command.key.key,
        state=progress.state,
        rows=progress.rows,
        to_write=progress.to_write,
        written=progress.written,
        report=progress.report,
    )
