"""What a new box takes over, as bare rows: sent over HTTP and inserted, and nothing else.

The rows of a box that has taken everything over are read from its file, sent page by page over
loopback, and inserted into an empty file with a gateway's pragmas and schema, a page a commit.
Nothing is checked, and nothing is decided by them afterwards: no new box could do with less.
"""

import itertools
import time
from pathlib import Path
from typing import Any, Final

import aiohttp
import apsw
import msgspec
from aiohttp import web

from gateway import app
from replication.adapters.many_rows import insert_rows
from replication.adapters.sqlite import transaction
from web.paging import LIMIT_MAX

TABLES: Final = ("counter", "entry", "entry_by_sku", "request")
"""What a take-over writes, but for some single rows."""

_rows: Final = msgspec.msgpack.Decoder(list[tuple[Any, ...]])


async def transfer_s(source: Path, directory: Path) -> float:
    """Seconds to bring the rows of `TABLES` from a gateway's file into a new one."""
    read = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
    write = app.open_database(directory)
    runner = web.AppRunner(_serving(read))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        began_s = time.perf_counter()
        async with aiohttp.ClientSession(f"http://{host}:{port}") as client:
            for table in TABLES:
                while rows := await _page(client, table):
                    with transaction(write):
                        insert_rows(write, f"INSERT INTO {table} VALUES", rows)
        return time.perf_counter() - began_s
    finally:
        await runner.cleanup()
        write.close()
        read.close()


async def _page(client: aiohttp.ClientSession, table: str) -> list[tuple[Any, ...]]:
    async with client.get(f"/{table}") as answer:
        return _rows.decode(await answer.read())


def _serving(read: apsw.Connection) -> web.Application:
    """Each table under its name: its next rows at each request, none after the last."""
    left = {table: read.execute(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608 - a word of ours

    async def next_rows(request: web.Request) -> web.Response:
        rows = itertools.islice(left[request.match_info["table"]], LIMIT_MAX)
        return web.Response(body=msgspec.msgpack.encode(list(rows)))

    serving = web.Application()
    serving.router.add_get("/{table}", next_rows)
    return serving
