"""New files of the programs, each made once in a process: a chain opens thousands of them.

To migrate one takes 10 ms and waits for the disk a dozen times. That files are migrated rightly is
for `test_old_files`, and programs that run as processes make their own.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw

Opener = Callable[[Path], apsw.Connection]
"""A program's `open_database`."""


@cache
def _new_file(open_database: Opener, name: str) -> bytes:
    with TemporaryDirectory() as folder:
        open_database(Path(folder)).close()
        return (Path(folder) / name).read_bytes()


def open_file(open_database: Opener, data: Path, name: str) -> apsw.Connection:
    """Open a program's file in its data directory, a new one where there is none."""
    if not (data / name).exists():
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (data / name).write_bytes(_new_file(open_database, name))
    return open_database(data)
