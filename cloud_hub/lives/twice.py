"""What two lives of a box have both told, or a count has counted before it was told; booked back.

A sale that its own writer could not tell any more is handed in by a register and booked by the box
that lives now (`recovered_sale`). The original may come after all, in the last entries of a box
that was thought dead: then its cells are merged like any others, and the goods of the one that was
told later are booked back by the box that lives. The same goes for goods that moved before somebody
counted the shelf, and are heard of after it: the count had them already. As long as goods are to be
taken off, what the late box held of them stays frozen: else they could be sold in between.

    key    the entry that was told later; it is booked back once, whatever else is said of it
    moves  the opposite of what it says moved

Two branches of one journal may give two sales one id: they are told apart by what they say.
"""

import datetime
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import counted, rows, unheard
from cloud_hub.lives.records import sale_digest
from replication import feed
from replication.ids import (
    WriterId,
    entry_id,
    incarnation_of,
    is_register,
    location_of,
    parse_entry_id,
)
from replication.journal import EntryBody
from retail.stock.counts import instant_ms
from web.journal_pages import SALE_KIND
from web.lives import RECOVERED_SALE, ToldTwice

log: Final = logging.getLogger(__name__)


COUNT_DIFFERENCE: Final = "count_difference"
"""The kind of an entry of what a count has found, or missed, of one SKU."""

RETURN: Final = "return"
"""The kind of an entry of goods that a customer brought back."""


class _Sold(msgspec.Struct, frozen=True):
    id: str
    at: datetime.datetime
    clock_synchronised: bool = True


def hear_recovered(office: HeadOffice, body: EntryBody) -> None:
    """A sale was booked in the place of its writer: once, whoever else has it or brings it."""
    try:
        sold = msgspec.json.decode(body.record, type=_Sold)
    except msgspec.DecodeError:
        log.exception(
            "a recovered sale means nothing here",
            extra={"action": "recovered_sale_set_aside", "entry": told_at(body)},
        )  # fmt: skip
        return
    place, digest = told_at(body), sale_digest(body.record)
    first = _first_of(office, sold.id, digest)
    if first is None:
        original = _original(office, sold.id)
        first = sold.id if original == digest else None
        _keep_first(office, sold.id, digest, first or place)
        if original is not None:
            _keep_first(office, sold.id, original, sold.id)
    seller = parse_entry_id(sold.id)
    _look_at(
        office, body, instant_ms(sold.at),
        told_by=None if first == place else first, by=None if seller is None else seller[0],
        is_believed=sold.clock_synchronised,
    )  # fmt: skip


def hear_sale(office: HeadOffice, body: EntryBody) -> None:
    """A box tells of a sale: one that went on from an old copy of its disk may have told it.

    Or another one under its id: both were written by what was one box. What is late of a box that
    was replaced is looked at by `look`.
    """
    sale, writer = told_at(body), WriterId(body.writer)
    if not _is_recovered(office, sale) or not (is_register(writer) or office.is_living(writer)):
        return
    digest = sale_digest(body.record)
    first = _first_of(office, sale, digest)
    if first is None:
        _keep_first(office, sale, digest, sale)
    elif first != sale:
        _look_at(office, body, body.at_ms, told_by=first)


def look(office: HeadOffice, gateway: WriterId, bodies: Sequence[EntryBody]) -> None:
    """Look at entries that came late, by a gateway that was replaced: which were told before?"""
    replaying = {
        one.writer
        for one in rows.registers_of(office.connection, location_of(gateway))
        if one.state == "living" and not one.sealed
    }
    for body in bodies:
        if body.kind == RECOVERED_SALE:
            continue  # what was recovered was looked at when it was heard
        if not (body.moves or body.kind == SALE_KIND):  # a sale may be of goods without stock
            continue
        if is_register(body.writer) and body.writer in replaying:
            continue  # it tells its new gateway too, which puts its own counts right
        first: str | None = None
        if body.kind == SALE_KIND:
            sale = told_at(body)
            digest = sale_digest(body.record)
            first = _first_of(office, sale, digest)
            if first is None and _is_recovered(office, sale):  # as another one
                _keep_first(office, sale, digest, sale)
        _look_at(office, body, body.at_ms, told_by=first, by=gateway)
        told = told_of(office, body)
        booked = {sku for sku, _ in told.moves} if told else set()
        left = [(sku, units) for sku, units in body.moves if sku not in booked]
        unheard.keep(office, gateway, told_at(body), left)


def hear_count(office: HeadOffice, body: EntryBody) -> None:
    """A box ends a count: it was compared without what that box had not heard of those before."""
    without, location = counted.hear_ended(office, body), location_of(body.writer)
    if body.kind != counted.COUNT_CLOSED:
        return
    last = counted.counted_by(office, location, body.writer)  # and by no later box since
    for one, skus in without.items():
        told = held(office, one.place)
        moves = [
            (sku, -units)
            for sku, units in told.moves
            if sku in skus & last
            if _is_counted(office, told, sku, units, told.at_ms, one.gateway, is_believed=True)
        ]
        if moves:
            key = _key_of(office, one.place, told_at(body))
            _book_back(office, location, key, "it was counted unheard", moves, [one.place])


def undo(
    office: HeadOffice, body: EntryBody, told_by: str, *, but: frozenset[str] = frozenset()
) -> None:
    """Have the whole deed booked back that this entry answers for: another one did the same.

    Of SKUs in `but` nothing: that is so already.
    """
    for one in deed_of(office, body):
        _look_at(office, one, one.at_ms, told_by=told_by, but=but)
        if one.kind == RETURN:  # the box that lives may have heard of it before
            office.tell(feed.EARLIER_RETURN, told_at(one), location_of(one.writer), b"")


def deed_of(office: HeadOffice, body: EntryBody) -> list[EntryBody]:
    """The entries of its deed: the answer is the last of them, or the first.

    What a count has found is booked one by one before it is closed.
    """
    deed, writer = [body], WriterId(body.writer)
    while deed[-1].more:
        deed.append(held(office, entry_id(writer, deed[-1].seq + 1)))
    while deed[0].seq > 1:
        before = held(office, entry_id(writer, deed[0].seq - 1))
        is_found = before.kind == COUNT_DIFFERENCE and before.reference == body.reference
        if before.more <= deed[0].more and not is_found:
            break
        deed.insert(0, before)
    return deed


def held(office: HeadOffice, entry: str) -> EntryBody:
    """An entry that the hub has."""
    place = parse_entry_id(entry)
    data = None if place is None else office.store.load_body(*place)
    assert data is not None, "entries stay"
    return msgspec.json.decode(data, type=EntryBody)


def told_of(office: HeadOffice, body: EntryBody) -> ToldTwice | None:
    """What is to be booked back of an entry, or was."""
    row = office.connection.execute(
        "SELECT data FROM told_twice WHERE key = ?", (told_at(body),)
    ).fetchone()
    return None if row is None else msgspec.json.decode(str(row[0]), type=ToldTwice)


def take_off(
    office: HeadOffice, body: EntryBody, skus: frozenset[str], told_by: str | None,
    *, returned: bool,
) -> None:  # fmt: skip
    """Have goods taken off that an entry brought and a count had found, or `told_by` has told of.

    Where it is the count alone, a box that has counted again since knows better.
    """
    place = told_at(body)
    why = "a count had found it" if told_by is None else f"{told_by} has told of it"
    if moves := [(sku, -units) for sku, units in body.moves if units > 0 and sku in skus]:
        _book_back(
            office, location_of(body.writer), place, why, moves,
            [place] if told_by is None else [told_by, place], returned=returned,
        )  # fmt: skip


def _look_at(
    office: HeadOffice,
    body: EntryBody,
    at_ms: int,
    *,
    told_by: str | None,
    by: WriterId | None = None,
    but: frozenset[str] = frozenset(),
    is_believed: bool = True,
) -> None:
    """Have booked back what of an entry was told by another one, or was counted since.

    `is_believed` is what a sale says of the clock that `at_ms` is by, where another box books it.
    """
    place, location = told_at(body), location_of(body.writer)
    if told_by is not None:
        office.connection.execute("INSERT OR IGNORE INTO sale_again VALUES (?)", (place,))
        if moves := [(sku, -units) for sku, units in body.moves if sku not in but]:
            _book_back(
                office, location, place, f"{told_by} has told of it", moves, [told_by, place],
                returned=body.kind == RETURN,
            )  # fmt: skip
        return
    moves = [
        (sku, -units)
        for sku, units in body.moves
        if _is_counted(office, body, sku, units, at_ms, by, is_believed=is_believed)
    ]
    if moves:
        _book_back(office, location, place, "it was counted since", moves, [place])


def _is_counted(
    office: HeadOffice, body: EntryBody, sku: str, units: int, at_ms: int, by: WriterId | None,
    *, is_believed: bool,
) -> bool:  # fmt: skip
    """Whether a count has had a movement already; `by` is the fenced gateway that did or told it.

    Goods that came before a successor's count are taken off whatever their time says: a clock that
    was ahead must not leave rights to what is not there. Goods that went are put back only where
    all clocks can be believed, and never by a count of a box before the one that sold them. Whoever
    counts knows what it moved itself.
    """
    last = counted.last_count(office, location_of(body.writer), sku)
    if last is None or last.writer == by:
        return False
    is_successor = by is not None and incarnation_of(last.writer) > incarnation_of(by)
    is_before = at_ms <= last.at_ms
    if units > 0:
        return is_successor or is_before
    if by is not None and _is_box_after(office, by, body, last):
        return False
    return is_before and is_believed and body.synchronised and last.is_believed


def _is_box_after(office: HeadOffice, by: WriterId, body: EntryBody, last: counted.Counted) -> bool:
    """Whether goods were moved by a box that came after the one which has counted them.

    A register may have sold alone while the box before was counting: of one nobody knows it.
    """
    if is_register(by) or is_register(body.writer):
        return False
    return counted.box_of(office, by) > counted.box_of(office, last.writer)


def _book_back(
    office: HeadOffice, location: str, key: str, why: str, moves: list[tuple[str, int]],
    entries: list[str], *, returned: bool = False,
) -> None:  # fmt: skip
    told = msgspec.json.encode(
        ToldTwice(key=key, why=why, moves=moves, entries=entries, returned=returned)
    )
    is_new = office.connection.execute(
        "INSERT OR IGNORE INTO told_twice VALUES (?, ?, ?, NULL) RETURNING key",
        (key, location, told.decode()),
    ).fetchone()
    if is_new is not None:
        office.tell(feed.TOLD_TWICE, key, location, told)
        unheard.settled(office, entries[-1], [sku for sku, _ in moves])


def _key_of(office: HeadOffice, place: str, count: str) -> str:
    """Where other goods of an entry are booked back already, these need a key of their own."""
    row = office.connection.execute("SELECT 1 FROM told_twice WHERE key = ?", (place,)).fetchone()
    return place if row is None else f"{place} {count}"


def hear_booked(office: HeadOffice, body: EntryBody) -> None:
    """A gateway has booked something back: nobody needs to be told of it any more."""
    key, place = body.reference, told_at(body)
    row = office.connection.execute(
        "SELECT location, booked, data FROM told_twice WHERE key = ?", (key,)
    ).fetchone()
    if row is None or row[0] != location_of(body.writer):
        return
    if row[1] is not None:
        if row[1] != place:  # an earlier box had done so, and it was not heard of
            moves = [(sku, -units) for sku, units in body.moves]
            entries = [str(row[1]), place]
            returned = msgspec.json.decode(str(row[2]), type=ToldTwice).returned
            _book_back(
                office, str(row[0]), place, f"{row[1]} had booked it", moves, entries,
                returned=returned,
            )  # fmt: skip
        return
    office.connection.execute("UPDATE told_twice SET booked = ? WHERE key = ?", (place, key))
    office.tell(feed.TOLD_TWICE, key, str(row[0]), b"")


def told_at(body: EntryBody) -> str:
    """The place of an entry, by which it is known."""
    return entry_id(WriterId(body.writer), body.seq)


def _first_of(office: HeadOffice, sale: str, digest: bytes) -> str | None:
    """The entry that told first of a sale which was recovered."""
    row = office.connection.execute(
        "SELECT entry FROM recovered_sale WHERE id = ? AND digest = ?", (sale, digest)
    ).fetchone()
    return None if row is None else str(row[0])


def _keep_first(office: HeadOffice, sale: str, digest: bytes, entry: str) -> None:
    office.connection.execute(
        "INSERT OR IGNORE INTO recovered_sale VALUES (?, ?, ?)", (sale, digest, entry)
    )


def _is_recovered(office: HeadOffice, sale: str) -> bool:
    row = office.connection.execute("SELECT 1 FROM recovered_sale WHERE id = ?", (sale,)).fetchone()
    return row is not None


def _original(office: HeadOffice, sale: str) -> bytes | None:
    """The digest of the sale that is held in the place of this id, if one is."""
    place = parse_entry_id(sale)
    data = None if place is None else office.store.load_body(*place)
    if data is None:
        return None
    entry = msgspec.json.decode(data, type=EntryBody)
    return sale_digest(entry.record) if entry.kind == SALE_KIND else None
