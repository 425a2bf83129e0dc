"""What the disk alone can do, on the same file system as the programs' data.

Both loops stop at their time, so that a slow card costs seconds and not minutes.
"""

import os
import time
from pathlib import Path
from typing import Final

from replication.adapters.sqlite import connect, transaction

PAGE: Final = b"\xa5" * 4096
ROW: Final = b"\xa5" * 200
"""About the size of a sale's journal entry."""

NS_PER_US: Final = 1_000


def fsync_us(directory: Path, seconds: float) -> list[float]:
    """Times, in microseconds, to append 4 KiB to a file and fdatasync it."""
    path = directory / "fsync.bin"
    times: list[float] = []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        ends_ns = time.perf_counter_ns() + int(seconds * 1e9)
        while (before_ns := time.perf_counter_ns()) < ends_ns:
            os.write(handle, PAGE)
            os.fdatasync(handle)
            times.append((time.perf_counter_ns() - before_ns) / NS_PER_US)
    finally:
        os.close(handle)
        path.unlink()
    return times


def commits_us(directory: Path, seconds: float) -> list[float]:
    """Times, in microseconds, of one-row commits with the pragmas of the gateway (WAL, FULL)."""
    path = directory / "commits.db"
    times: list[float] = []
    connection = connect(path)
    try:
        connection.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT")
        ends_ns = time.perf_counter_ns() + int(seconds * 1e9)
        while (before_ns := time.perf_counter_ns()) < ends_ns:
            with transaction(connection):
                connection.execute("INSERT INTO row (body) VALUES (?)", (ROW,))
            times.append((time.perf_counter_ns() - before_ns) / NS_PER_US)
    finally:
        connection.close()
        for left in directory.glob("commits.db*"):
            left.unlink()
    return times
