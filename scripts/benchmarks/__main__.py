"""``python -m scripts.benchmarks [NAME ...] [--json]``: run, and print figures.

The names are those of `NAMES`; `catalogue` and `devices` stand for all parts of them.
"""

import argparse
import asyncio
import logging
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from scripts.benchmarks import (
    basket,
    checkout,
    fill,
    imports,
    price_change,
    printing,
    propagate,
    receipt,
    replacement,
    sale,
    scan,
)
from scripts.benchmarks.figures import Row, as_json, as_table
from scripts.benchmarks.load import LoadBroken
from scripts.benchmarks.premises import BenchmarkBroken
from scripts.demo_day.api import NoAnswer, Unexpected
from scripts.processes import ProgramBroken

CATALOGUE: Final = ("price", "fill", "basket", "import")
DEVICES: Final = ("scan", "printing", "receipt")
NAMES: Final = ("sale", "checkout", "propagate", "replacement", *CATALOGUE, *DEVICES)
GROUPS: Final = {"catalogue": CATALOGUE, "devices": DEVICES}
PLAIN: Final[Mapping[str, Callable[..., Awaitable[list[Row]]]]] = {
    "checkout": checkout.run,
    "replacement": replacement.run,
    "fill": fill.run,
    "import": imports.run,
    "scan": scan.run,
    "printing": printing.run,
}
"""Those that take a directory, and nothing from the command line."""
RUN_S_MAX: Final = 400
"""Bound of one benchmark, whatever happens; a usual one takes a minute."""

BROKEN: Final = (
    BenchmarkBroken,
    LoadBroken,
    NoAnswer,
    OSError,
    ProgramBroken,
    TimeoutError,
    Unexpected,
)
EXIT_BROKEN: Final = 1
INTERRUPTED: Final = 130
ROUND_S: Final = 2.0
GATEWAYS: Final = 50


def main() -> None:
    """Run the benchmarks named, all by default; exits 0 also when a goal was missed."""
    arguments = _arguments()
    rows: list[Row] = []
    status = 0
    try:
        rows = asyncio.run(_run(arguments))
    except* (KeyboardInterrupt, asyncio.CancelledError):
        _say("ended before there were figures")
        status = INTERRUPTED
    except* BROKEN as broken:
        _say("; ".join(str(error) or type(error).__name__ for error in _leaves(broken)))
        status = EXIT_BROKEN
    # Outside of the except*, which would wrap this exit into a group.
    if status:
        sys.exit(status)
    print(as_json(rows) if arguments.json else as_table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"of {', '.join((*NAMES, *GROUPS))}"
    )
    parser.add_argument("--json", action="store_true", help="only JSON on stdout")
    parser.add_argument(
        "--directory", type=Path, default=_directory(), help="where data is written (%(default)s)"
    )
    parser.add_argument(
        "--round-seconds", type=float, default=ROUND_S, help="length of a round of sale"
    )
    parser.add_argument(
        "--gateways", type=int, default=GATEWAYS, help="gateways of propagate and price"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*NAMES, *GROUPS}:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}")
    return arguments


def _directory() -> Path:
    """A place on a disk: /tmp may be memory, where an fsync costs nothing."""
    persistent = Path("/var/tmp")  # noqa: S108  a fresh directory inside is made with 0700
    return persistent if persistent.is_dir() else Path(tempfile.gettempdir())


async def _run(arguments: argparse.Namespace) -> list[Row]:
    # What a person has to know of registers in this process is said in words.
    logging.getLogger().addHandler(logging.NullHandler())
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    _say(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    rows: list[Row] = []
    for name in _parts(arguments.names or NAMES):
        root = Path(tempfile.mkdtemp(prefix="countertop-bench-", dir=arguments.directory))
        try:
            async with asyncio.timeout(RUN_S_MAX):
                rows += await _rows_of(name, root, arguments)
        finally:
            shutil.rmtree(root, ignore_errors=True)
    return rows


async def _rows_of(name: str, root: Path, arguments: argparse.Namespace) -> list[Row]:
    """Run one benchmark."""
    if name in PLAIN:
        return await PLAIN[name](root, say=_say)
    match name:
        case "sale":
            return await sale.run(root, round_s=arguments.round_seconds, say=_say)
        case "price":
            return await price_change.run(root, gateways=arguments.gateways, say=_say)
        case "basket":
            return basket.run(_say)
        case "receipt":
            return receipt.run(_say)
    return await propagate.run(root, gateways=arguments.gateways, say=_say)


def _parts(names: Sequence[str]) -> list[str]:
    """The benchmarks that the names stand for."""
    return [part for name in names for part in GROUPS.get(name, (name,))]


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    """The errors in a group of groups."""
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves


def _say(line: str) -> None:
    """Progress goes to stderr: stdout is for the figures."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
