"""Somebody who has the hub's file, and the means to make its hashes again.

`tests.tampers` has what they do with it.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from cloud_hub.auditing.audit import AuditReport, audit
from replication.adapters.many_rows import Bindable
from replication.adapters.sqlite import ReplicaStore, connect
from replication.ids import parse_entry_id
from replication.journal import GENESIS

Body = dict[str, Any]


class TamperedHub:
    """Somebody with the file of a hub, and the means to make hashes again."""

    def __init__(self, path: Path) -> None:
        self.file = connect(path)

    def report(self, location: str | None = None) -> AuditReport:
        """What the audit says now."""
        return audit(ReplicaStore(self.file), location)

    def do(self, sql: str, *bindings: Bindable) -> None:
        """Alter exactly one row."""
        self.file.execute(sql, bindings)
        assert self.file.changes() == 1, sql

    def row(self, sql: str, *bindings: Bindable) -> Any:  # noqa: ANN401 - whatever it is
        """The first row."""
        found = self.file.execute(sql, bindings).fetchone()
        assert found is not None, sql
        return found

    def last(self, kind: str, writer: str = "riverside.1") -> str:
        """The place of the last entry of a kind."""
        seq = self.row("SELECT max(seq) FROM entry WHERE writer = ? AND kind = ?", writer, kind)[0]
        return f"{writer}-{seq}"

    def body(self, place: str) -> Body:
        """An entry's body."""
        found = parse_entry_id(place)
        assert found is not None
        return dict(
            json.loads(self.row("SELECT body FROM entry WHERE writer = ? AND seq = ?", *found)[0])
        )

    def rewrite(self, place: str, alter: Callable[[Body], None], *, rechain: bool = True) -> None:
        """Alter an entry's body, and by default make all hashes after it fit again."""
        found = parse_entry_id(place)
        assert found is not None
        body = self.body(place)
        alter(body)
        data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        self.do("UPDATE entry SET body = ? WHERE writer = ? AND seq = ?", data, *found)
        if rechain:
            self.rechain(found[0])

    def rechain(self, writer: str) -> None:
        """Make the hashes of a journal again."""
        head = GENESIS
        rows = self.file.execute(
            "SELECT seq, body FROM entry WHERE writer = ? ORDER BY seq", (writer,)
        ).fetchall()
        for seq, data in rows:
            head = sha256(head + bytes(data)).digest()  # type: ignore[arg-type] # a BLOB
            self.do("UPDATE entry SET hash = ? WHERE writer = ? AND seq = ?", head, writer, seq)

    def set_cells(self, location: str, sku: str, alter: Callable[[list[Any]], None]) -> None:
        """Alter the row of a counter."""
        where = "location = ? AND sku = ?"
        cells = json.loads(
            self.row(f"SELECT cells FROM counter WHERE {where}", location, sku)[0]  # noqa: S608
        )
        alter(cells)
        text = json.dumps(cells)
        self.do(f"UPDATE counter SET cells = ? WHERE {where}", text, location, sku)  # noqa: S608
