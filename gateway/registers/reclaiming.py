"""What a register that is gone still held comes back, on the writer thread.

Of a register that was replaced or written off nobody knows what it sold last, so what it held is
frozen (`replication.fencing`). Two things end that: its last entry comes (`sealed`), so that
nothing is missing; or it is written off and somebody counts the goods, which says what is left,
whoever sold it. Should its sales come after all, they are booked, and what goes beyond its rights
is conceded: a deficit, to be worked off. A register takes no goods in, so a count never finds what
only its journal had booked.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from gateway.registers.rows import LOST
from gateway.shop import Shop
from gateway.stockroom.deficit import cover
from replication import feed
from replication.escrow import CellChange, EscrowCounter
from replication.fencing import concede_shortfall, reclaim_residual
from replication.ids import WriterId

RECLAIMED: Final = "register_reclaimed"
CONCEDED: Final = "register_conceded"

LINES_MAX: Final = 500
"""Lines of one entry: some 100 KB with their cells."""


class RegisterRights(msgspec.Struct, frozen=True, kw_only=True):
    """Rights of a register that is gone, as journalled: taken back, or conceded; units per key."""

    writer: str
    lines: tuple[tuple[str, int], ...]


def reclaim_all(shop: Shop, writer: WriterId) -> None:
    """Take back all that a sealed register held: of its goods, and of allowances."""
    rows = shop.connection.execute(
        # What it was granted here, and what it has from an earlier gateway of this location.
        "SELECT key FROM register_feed WHERE audience = ?1 AND kind = ?2 "
        "UNION SELECT sku FROM counter WHERE instr(cells, ?3)",
        (writer, feed.STOCK, f'"{writer}"'),
    )
    counters = [shop.counter(str(key)) for (key,) in rows.fetchall()]
    _reclaim(shop, writer, [one for one in counters if one.quota(writer) > 0])


def reclaim_counted(shop: Shop, skus: Iterable[str], *, reference: str) -> None:
    """Take back what lost registers held of goods that were counted just now."""
    counters = [shop.counter(sku) for sku in skus]
    for row in shop.registers.rows.of_state(LOST):
        held = [one for one in counters if one.quota(row.writer) > 0]
        _reclaim(shop, row.writer, held, reference=reference)


def _reclaim(
    shop: Shop, writer: WriterId, counters: Sequence[EscrowCounter], *, reference: str = ""
) -> None:
    for start in range(0, len(counters), LINES_MAX):
        some = counters[start : start + LINES_MAX]
        lines = [(counter.sku, counter.quota(writer)) for counter in some]
        cells = [
            cell
            for counter in some
            for cell in reclaim_residual(counter, shop.ledger.writer, writer)
        ]
        for counter in some:  # before anybody promises one of them
            cover(shop, cells, counter.sku)
        _journal(shop, RECLAIMED, writer, lines, cells, reference)


def concede(shop: Shop, writer: WriterId, keys: Sequence[str]) -> None:
    """More was heard of a register that is gone: what was beyond its rights becomes a deficit."""
    for start in range(0, len(keys), LINES_MAX):
        lines: list[tuple[str, int]] = []
        cells: list[CellChange] = []
        for counter in map(shop.counter, keys[start : start + LINES_MAX]):
            before = counter.quota(writer)
            conceded = concede_shortfall(counter, shop.ledger.writer, writer)
            if conceded:
                cells += conceded
                lines.append((counter.sku, counter.quota(writer) - before))
        if cells:
            _journal(shop, CONCEDED, writer, lines, cells, "")


def _journal(
    shop: Shop,
    kind: str,
    writer: WriterId,
    lines: Sequence[tuple[str, int]],
    cells: Sequence[CellChange],
    reference: str,
) -> None:
    record = RegisterRights(writer=writer, lines=tuple(lines))
    shop.ledger.append(
        kind, msgspec.json.encode(record), reference=reference or writer, cells=cells
    )
