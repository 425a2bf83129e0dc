"""Counts as rows: their heads, and what each is about. Written on the writer thread."""

from typing import Final, NamedTuple

import apsw
import msgspec

from retail.stock.counts import (
    CountHead,
    CountLine,
    CountStatus,
    CountView,
    by_reason,
    differing,
    told,
)
from web.paging import Cursor, Page, Paged

_PLACE: Final = Cursor(tuple[int])

_encode = msgspec.json.Encoder().encode
_head = msgspec.json.Decoder(CountHead).decode
_line = msgspec.json.Decoder(CountLine).decode


class CountsQuery(Page, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Counts in one status, or all."""

    status: CountStatus | None = None


class KeptCount(NamedTuple):
    """A count as it is kept; none of its scans is older than `started_ms`."""

    head: CountHead
    started_ms: int


class LineOfCount(NamedTuple):
    """A counted line with the head of its count."""

    head: CountHead
    line: CountLine


class CountRows:
    """The rows, over one connection, which belongs to one thread at a time."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def add(self, count: KeptCount, skus: tuple[str, ...]) -> None:
        """A count is started of these SKUs."""
        head = count.head
        self._connection.execute(
            "INSERT INTO stock_count (id, status, started_ms, data) VALUES (?, ?, ?, ?)",
            (head.id, head.status, count.started_ms, _encode(head).decode()),
        )
        self._connection.executemany(
            "INSERT INTO count_line VALUES (?, ?, 1, NULL)", [(head.id, sku) for sku in skus]
        )

    def find(self, count_id: str) -> KeptCount | None:
        """One count, or None."""
        row = self._connection.execute(
            "SELECT data, started_ms FROM stock_count WHERE id = ?", (count_id,)
        ).fetchone()
        return None if row is None else KeptCount(_head(row[0]), row[1])

    def open_counts(self) -> int:
        """How many counts nobody ended."""
        row = self._connection.execute(
            "SELECT count(*) FROM stock_count WHERE status = ?", (CountStatus.OPEN,)
        ).fetchone()
        assert row is not None, "an aggregate always answers"
        return int(row[0])

    def open_count_of(self, sku: str) -> str | None:
        """The open count that is about a SKU, or None."""
        row = self._connection.execute(
            "SELECT count_id FROM count_line WHERE sku = ? AND is_open = 1", (sku,)
        ).fetchone()
        return None if row is None else str(row[0])

    def lines(self, count_id: str) -> dict[str, CountLine | None]:
        """What a count is about, by SKU; None where nobody has counted."""
        return {
            str(sku): None if data is None else _line(data)
            for sku, data in self._connection.execute(
                "SELECT sku, data FROM count_line WHERE count_id = ? ORDER BY sku", (count_id,)
            )
        }

    def lines_about(self, sku: str) -> list[LineOfCount]:
        """What was ever counted of a SKU, but for counts that were cancelled."""
        return [
            LineOfCount(_head(head), _line(line))
            for head, line in self._connection.execute(
                "SELECT stock_count.data, count_line.data FROM count_line "
                "JOIN stock_count ON stock_count.id = count_id "
                "WHERE sku = ? AND count_line.data IS NOT NULL AND status <> ?",
                (sku, CountStatus.CANCELLED),
            )
        ]

    def keep(self, head: CountHead, lines: list[CountLine]) -> None:
        """The count is now `head`, and these of its lines are new or different."""
        is_open = head.status is CountStatus.OPEN
        self._connection.execute(
            "UPDATE stock_count SET status = ?, data = ? WHERE id = ?",
            (head.status, _encode(head).decode(), head.id),
        )
        self._connection.executemany(
            "INSERT INTO count_line VALUES (?1, ?2, 1, ?3) "
            "ON CONFLICT (count_id, sku) DO UPDATE SET data = ?3",
            [(head.id, line.sku, _encode(line).decode()) for line in lines],
        )
        if not is_open:
            self._connection.execute(
                "UPDATE count_line SET is_open = 0 WHERE count_id = ?", (head.id,)
            )

    def view(self, count_id: str) -> CountView | None:
        """A count with its lines as they may be told, or None."""
        count = self.find(count_id)
        if count is None:
            return None
        about = self.lines(count_id)
        hidden = count.head.blind and count.head.status is not CountStatus.CLOSED
        lines = tuple(told(line, blind=hidden) for line in about.values() if line is not None)
        return CountView(
            **msgspec.structs.asdict(count.head),
            lines=lines,
            differences=differing(lines),
            by_reason=by_reason(lines),
            uncounted=tuple(sku for sku, line in about.items() if line is None),
        )

    def page(self, query: CountsQuery) -> Paged[msgspec.Raw]:
        """Counts without their lines, in the order in which they were started."""
        place = _PLACE.decode(query.cursor)
        rows = self._connection.execute(
            "SELECT number, data FROM stock_count WHERE number > ?1 "
            "AND (?2 IS NULL OR status = ?2) ORDER BY number LIMIT ?3",
            (place[0] if place else 0, query.status, query.limit + 1),
        ).fetchall()
        shown = rows[: query.limit]
        more = len(rows) > query.limit
        return Paged(
            items=[msgspec.Raw(str(data).encode()) for _, data in shown],
            next_cursor=_PLACE.encode((int(str(shown[-1][0])),)) if more else None,
        )
