"""What a register that is gone still held comes back, on the writer thread.

Of a register that was replaced or written off nobody knows what it sold last, so what it held is
frozen (`replication.fencing`). Two things end that: its last entry comes (`sealed`), so that
nothing is missing; or it is written off and somebody counts the goods, which says what is left,
whoever sold it. Of uses of promotions and store credits there is nothing to count: for them the
word that it is lost decides alone, as it does for a box. Of a register that a box before this one
had made, which may have taken it back, all but a count waits for that box too (`coming_back`).
Should its sales come after all, they are booked, and what goes beyond its rights is conceded: a
deficit, to be worked off. What is conceded of an allowance this gateway covers at once; only where
it holds none, the limit is passed. What a register had given back to a box that is dead is in
neither's journal: taken back from the register are uses that the box never had, so what boxes here
lack is covered first. A register takes no goods in, so a count never finds what only its journal
had booked.

A box may take back what a register held, die with the word, and be heard late. Then the box after
it has done the same, or the register sells on there: both is conceded (`make_good`).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from gateway.link.cursor import cursor_of
from gateway.lives.earlier import earlier_of, is_all_known
from gateway.registers.numbers import was_made_before
from gateway.registers.rows import LOST, RegisterRow, RegisterRows
from gateway.shop import Shop
from gateway.stockroom.deficit import cover
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import CellChange, EscrowCounter
from replication.fencing import (
    concede_shortfall,
    concede_taken,
    cover_conceded,
    lacking_at,
    reclaim_residual,
)
from replication.ids import EVERYWHERE, WriterId, is_allowance
from replication.journal import decode_body
from web.uses_told import uses_unspent

RECLAIMED: Final = "register_reclaimed"
CONCEDED: Final = "register_conceded"

ENTRY_LINES_MAX: Final = 500
"""Lines of one entry: some 100 KB with their cells."""

LOOKED_AT_ONCE_MAX: Final = ENTRY_LINES_MAX
"""Counters that are looked at in one commit for what a sealed register held: some 10 ms."""


class RegisterRights(msgspec.Struct, frozen=True, kw_only=True):
    """Rights of a register that is gone, as journalled: taken back, or conceded; units per key."""

    writer: str
    lines: tuple[tuple[str, int], ...]


def coming_back(rows: RegisterRows, store: ReplicaStore) -> list[tuple[RegisterRow, str]]:
    """Whose rights come back now, and the place of the counter that was looked at last.

    Not those of a register that a box before this one had made, while that box may have taken them
    back itself, unheard, and used them. They are as frozen as its own: until it was heard to its
    end, or is answered for.
    """
    gone = rows.to_reclaim()
    lives = earlier_of(store) if gone else None
    if lives is None or is_all_known(lives, cursor_of(store)):
        return gone
    return [one for one in gone if not was_made_before(one[0].writer, lives.writer)]


def reclaim_some(shop: Shop) -> bool:
    """Take back the next of what registers held; False: none is left.

    Of sealed ones goods and allowances, of lost ones the allowances. A few counters in one commit,
    for customers wait meanwhile.
    """
    rows = shop.registers.rows
    for row, place in [] if shop.stopped is not None else coming_back(rows, shop.store):
        location, _, sku = place.partition("/")
        found = shop.connection.execute(
            "SELECT location, sku FROM counter WHERE (location, sku) > (?, ?) "
            "AND (? OR location = ?) ORDER BY location, sku LIMIT ?",
            (location, sku, row.sealed, EVERYWHERE, LOOKED_AT_ONCE_MAX),
        ).fetchall()
        counters = [shop.counter(str(key)) for _, key in found]
        _reclaim(shop, row.writer, [one for one in counters if one.quota(row.writer) > 0])
        # What a box before this one had taken back as well lacks as soon as both are heard of.
        concede(shop, row.writer, [one.sku for one in counters if one.quota(row.writer) < 0])
        is_more = len(found) == LOOKED_AT_ONCE_MAX
        rows.keep_reclaimed(row.writer, f"{found[-1][0]}/{found[-1][1]}" if is_more else None)
        return True
    return False


def reclaim_counted(shop: Shop, scanned: Mapping[str, int], *, reference: str) -> None:
    """Take back what lost registers held of goods that were counted just now.

    `scanned` has when each of them was scanned, by this gateway's clock: what stood there then says
    nothing of what a register may still have sold that was written off later.
    """
    rows = shop.registers.rows
    sealed = [row for row, _ in rows.to_reclaim() if row.sealed]  # which waits, or has just begun
    for row in {one.writer: one for one in (*rows.of_state(LOST), *sealed)}.values():
        held = [
            counter
            for sku, at_ms in scanned.items()
            if at_ms >= (row.lost_ms or 0) and (counter := shop.counter(sku)).quota(row.writer) > 0
        ]
        _reclaim(shop, row.writer, held, reference=reference)


def _reclaim(
    shop: Shop, writer: WriterId, counters: Sequence[EscrowCounter], *, reference: str = ""
) -> None:
    of_allowances = any(is_allowance(one.sku) for one in counters)
    used = _used_untold(shop, writer) if of_allowances else Counter[str]()
    there = [one for one in counters if one.quota(writer) > used[one.sku]]
    by = shop.ledger.writer
    for start in range(0, len(there), ENTRY_LINES_MAX):
        some = there[start : start + ENTRY_LINES_MAX]
        lines = [(counter.sku, counter.quota(writer) - used[counter.sku]) for counter in some]
        cells = [
            cell
            for counter in some
            for cell in reclaim_residual(counter, by, writer, but=used[counter.sku])
        ]
        for counter in some:  # before anybody promises one of them
            if is_allowance(counter.sku):
                cells += cover_conceded(counter, by, lacking_at(counter, shop.location, but=by))
            else:
                cover(shop, cells, counter.sku)
        _journal(shop, RECLAIMED, writer, lines, cells, reference)


def _used_untold(shop: Shop, writer: WriterId) -> Counter[str]:
    """What a register used of allowances that only sales of its old copies tell of.

    There are few, and they have an index of their own.
    """
    used: Counter[str] = Counter()
    for (data,) in shop.connection.execute(
        "SELECT body FROM entry WHERE kind = 'recovered_sale' "
        "AND json_extract(CAST(body AS TEXT), '$.reference') GLOB ?",
        (f"{writer}-*",),
    ):
        used += uses_unspent(decode_body(bytes(data)))
    return used


def concede(shop: Shop, writer: WriterId, keys: Sequence[str]) -> None:
    """More was heard of a register that is gone: what was beyond its rights becomes a deficit."""
    _concede(shop, writer, keys, concede_shortfall)


def give_again(shop: Shop, writer: WriterId, keys: Sequence[str]) -> None:
    """A register sells on here that a box before this one had given up, and taken rights from.

    It knows nothing of that, and holds them: what was taken is there twice, and is a deficit.
    """
    _concede(shop, writer, keys, concede_taken)


def make_good(shop: Shop, writer: WriterId, keys: Sequence[str]) -> None:
    """Boxes before this one took back what a register held: several of them, or it lives on."""
    row = shop.registers.rows.find(writer)
    if row is not None:  # else it shows its grants when it comes here
        (give_again if row.is_living else concede)(shop, row.writer, keys)


def _concede(
    shop: Shop,
    writer: WriterId,
    keys: Sequence[str],
    conceded_of: Callable[[EscrowCounter, WriterId, WriterId], list[CellChange]],
) -> None:
    for start in range(0, len(keys), ENTRY_LINES_MAX):
        lines: list[tuple[str, int]] = []
        cells: list[CellChange] = []
        for counter in map(shop.counter, keys[start : start + ENTRY_LINES_MAX]):
            before = counter.quota(writer)
            conceded = conceded_of(counter, shop.ledger.writer, writer)
            if conceded:
                units = counter.quota(writer) - before
                cells += conceded
                if is_allowance(counter.sku):  # one less for all others, or the limit is passed
                    cells += cover_conceded(counter, shop.ledger.writer, units)
                lines.append((counter.sku, units))
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
