"""`cloud-hub import` and `cloud-hub export`: a file to a running hub, and out of it.

An import may take minutes: its key is made here, so that its progress can be asked for under it
while the answer is awaited. Figures of progress go to stderr, problems to stdout, lined up.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec

from cloud_hub.products.import_api import CSV_MEDIA_TYPE, IMPORT_PATH
from cloud_hub.products.imports import ImportReport, ImportView
from retail.product_files.row_problems import RowProblem
from web.command_line import CommandRefused

LOOK_S: Final = 0.5
CONNECT_S: Final = 10.0
CHUNK_BYTES: Final = 1 << 16
HTTP_OK: Final = 200
HTTP_REFUSED: Final = 422


async def import_file(hub: str, token: str, path: Path, *, key: str, dry_run: bool) -> None:
    """Send a file, tell its progress and its problems, and what it came to.

    Raises:
        CommandRefused: the file has errors, or the hub refused it or cannot be reached.
    """
    async with _session(hub, token) as session:
        watching = asyncio.create_task(_watch(session, key))
        try:
            status, body = await _reached(hub, lambda: _send(session, path, key, dry_run=dry_run))
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
    report = _report(status, body)
    sys.stdout.write(problem_lines(report.problems))
    hidden = report.errors + report.warnings - len(report.problems)
    if hidden:
        sys.stdout.write(f"and {hidden} more\n")
    sys.stdout.write(summary(report))
    if report.errors:
        raise CommandRefused(f"{path} has {report.errors} errors: nothing was imported")


async def export_file(hub: str, token: str, path: Path) -> None:
    """Write the hub's catalogue into a file; half a file is not left behind.

    Raises:
        CommandRefused: the hub refused it, or cannot be reached.
    """
    part = path.with_name(path.name + ".part")

    async def fetch() -> None:
        async with session.get("/v1/catalogue/export") as response:
            if response.status != HTTP_OK:
                raise CommandRefused(_detail(await response.read()))
            with part.open("wb") as file:
                async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                    file.write(chunk)

    async with _session(hub, token) as session:
        try:
            await _reached(hub, fetch)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def problem_lines(problems: Sequence[RowProblem]) -> str:
    """The problems as a table: row, column, how bad, what."""
    row_chars = max((len(str(one.row)) for one in problems), default=0)
    column_chars = max((len(one.column) for one in problems), default=0)
    return "".join(
        f"row {one.row:>{row_chars}}  {one.column:<{column_chars}}  {one.severity:<7}  "
        f"{one.detail}\n"
        for one in problems
    )


def summary(report: ImportReport) -> str:
    """What an import came to, in a line."""
    mood = "would be " if report.dry_run or report.errors else ""
    return (
        f"{report.rows} rows, {report.products} products: {report.created} {mood}created, "
        f"{report.changed} {mood}changed, {report.unchanged} unchanged; "
        f"{report.errors} errors, {report.warnings} warnings\n"
    )


def _session(hub: str, token: str) -> aiohttp.ClientSession:
    """No limit in all: a large import takes minutes."""
    return aiohttp.ClientSession(
        base_url=hub,
        headers={"Authorization": f"Bearer {token}"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
    )


async def _reached(hub: str, ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
    try:
        return await ask()
    except aiohttp.ClientError as failed:
        raise CommandRefused(f"{hub} cannot be reached, or went away: {failed}") from failed


async def _send(
    session: aiohttp.ClientSession, path: Path, key: str, *, dry_run: bool
) -> tuple[int, bytes]:
    with path.open("rb") as file:
        async with session.post(
            IMPORT_PATH,
            params={"dry_run": "true"} if dry_run else {},
            data=file,
            headers={"Content-Type": CSV_MEDIA_TYPE, "Idempotency-Key": key},
        ) as response:
            return response.status, await response.read()


def _report(status: int, body: bytes) -> ImportReport:
    """The report in an answer: of a success, or of a refusal because of the file."""
    if status in {HTTP_OK, HTTP_REFUSED}:
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(body, type=ImportReport)
    raise CommandRefused(_detail(body))


def _detail(body: bytes) -> str:
    """What a problem says, or the beginning of what is none."""
    with suppress(msgspec.DecodeError):
        return str(msgspec.json.decode(body, type=dict[str, Any])["detail"])
    return body[:200].decode(errors="replace")


async def _watch(session: aiohttp.ClientSession, key: str) -> None:
    """Until cancelled: tell on stderr how far the import is, whenever that has changed."""
    told = ""
    while True:
        await asyncio.sleep(LOOK_S)
        with suppress(aiohttp.ClientError, msgspec.DecodeError):
            async with session.get(f"/v1/catalogue/imports/{key}") as response:
                if response.status != HTTP_OK:
                    continue
                view = msgspec.json.decode(await response.read(), type=ImportView)
            line = _progress_line(view)
            if line != told:
                told = line
                sys.stderr.write(line)


def _progress_line(view: ImportView) -> str:
    if view.state == "writing":
        return f"written: {view.written} of {view.to_write} products\n"
    return f"{view.state}: {view.rows} rows\n"
