"""What two lives of a box have both told, or a count has counted before it was told; booked back.

A sale that its own writer could not tell any more is handed in by a register and booked by the box
that lives now (`recovered_sale`). The original may come after all, in the last entries of a box
that was thought dead: then its cells are merged like any others, and the goods of the one that was
told later are booked back by the box that lives. The same goes for goods that moved before somebody
counted the shelf, and are heard of after it: the count had them already. As long as goods are to be
taken off, what the late box held of them stays frozen: else they could be sold in between.

    key    the entry that was told later; it is booked back once, whatever else is said of it
    moves  the opposite of what it says moved

A register that heard no answer asks again with its key, the next box too. That one cannot know what
its predecessor did last, and answers anew; what is heard of the earlier one then is the same deed.
A box that was put back to an image from before, or a copy, does so too; there the later one counts.
What a register hands in comes with the key that it had asked with: it saw that answer, so whatever
another box answered to that key was lost on the way.

Two branches of one journal may give two sales one id: they are told apart by what they say.
"""

import datetime
import logging
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import counted, rows
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
from replication.journal import EntryBody, RequestMark
from retail.stock.counts import instant_ms
from web.journal_pages import SALE_KIND
from web.lives import RECOVERED_SALE, SOLD_AT, ToldTwice

log: Final = logging.getLogger(__name__)


RETURN: Final = "return"
"""The kind of an entry of goods that a customer brought back."""

ASKED_AGAIN: Final = frozenset({SALE_KIND, "receipt", "adjustment", RETURN, "exchange"})
"""Kinds of entries that answer a request which moved goods once. Others are told apart by what they
name."""

HANDED_IN: Final = b""
"""In place of a request's digest: of what is handed in nobody knows more of it than its key."""

ASKED_ENTRIES_MAX: Final = 5_000
"""Entries at the end of a dead box's journal whose requests are kept: some days of a shop."""


class _Line(msgspec.Struct, frozen=True):
    sku: str
    quantity: int
    total_minor: int


class _Deal(msgspec.Struct, frozen=True):
    """What every answer to a request for a sale says alike."""

    register: str
    lines: tuple[_Line, ...]
    tenders: tuple[dict[str, object], ...]


class _Sold(msgspec.Struct, frozen=True):
    id: str
    at: datetime.datetime


def hear_recovered(office: HeadOffice, body: EntryBody) -> None:
    """A sale was booked in the place of its writer: once, whoever else has it or brings it."""
    try:
        sold = msgspec.json.decode(body.record, type=_Sold)
    except msgspec.DecodeError:
        log.exception(
            "a recovered sale means nothing here",
            extra={"action": "recovered_sale_set_aside", "entry": _place(body)},
        )  # fmt: skip
        return
    place, digest = _place(body), sale_digest(body.record)
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
    )  # fmt: skip


def hear_sale(office: HeadOffice, body: EntryBody) -> None:
    """A box tells of a sale: one that went on from an old copy of its disk may have told it.

    Or another one under its id: both were written by what was one box. What is late of a box that
    was replaced is looked at by `look`.
    """
    sale, writer = _place(body), WriterId(body.writer)
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
            sale = _place(body)
            digest = sale_digest(body.record)
            first = _first_of(office, sale, digest)
            if first is None and _is_recovered(office, sale):  # as another one
                _keep_first(office, sale, digest, sale)
        _look_at(office, body, body.at_ms, told_by=first, by=gateway)


def hear_asked(office: HeadOffice, body: EntryBody) -> None:
    """Look whether another life has answered the same request: what the earlier one did is undone.

    Nobody saw its answer, or nobody would have asked again.
    """
    writer = WriterId(body.writer)
    location = location_of(writer)
    if body.request is None or is_register(writer) or not office.has_fenced(location):
        return
    mark = _question_of(office, body, body.request)
    if mark is None:
        return
    row = office.connection.execute(
        "SELECT digest, entry FROM asked "
        "WHERE location = ? AND principal = ? AND path = ? AND key = ?",
        (location, mark.principal, mark.path, mark.key),
    ).fetchone()
    if row is None:
        _keep_asked(office, location, mark, _place(body))
        return
    other, questions = held(office, str(row[1])), {mark.digest, row[0]}
    if (len(questions) > 1 and HANDED_IN not in questions) or other.writer == writer:
        return
    if HANDED_IN not in questions:
        is_told = _is_later(office, other, body)
    elif len(questions) == 1 or not _is_bought_twice(other, body):
        return
    else:
        is_told = row[0] == HANDED_IN
    if is_told:
        undo(office, body, _place(other))
    else:
        undo(office, other, _place(body), but=_not_moved_twice(office, other, body))
        _keep_told(office, location, mark, _place(body))


def replace(office: HeadOffice, writer: WriterId) -> None:
    """A box takes another's place: what that one was asked last an image of it may have been too.

    Nobody hands its branch over where it burnt, but a register may hand in what it was told.
    """
    part(office, writer, max(0, office.head_of(writer).seq - ASKED_ENTRIES_MAX))


def part(office: HeadOffice, writer: WriterId, common_seq: int) -> None:
    """A journal parts after `common_seq`: what was asked since may have been asked the other box.

    While a location had one box alone nobody kept what was asked of it.
    """
    kinds = sorted(ASKED_AGAIN)
    found = office.connection.execute(
        "SELECT body FROM entry WHERE writer = ? AND seq > ? "  # noqa: S608 - only marks
        f"AND kind IN ({', '.join('?' * len(kinds))}) ORDER BY seq",
        (writer, common_seq, *kinds),
    ).fetchall()
    for (data,) in msgspec.convert(found, list[tuple[bytes]]):
        told = msgspec.json.decode(data, type=_Asked)
        if told.request is not None:
            place = entry_id(writer, told.seq)
            _keep_asked(office, location_of(writer), told.request, place)


def _question_of(office: HeadOffice, body: EntryBody, mark: RequestMark) -> RequestMark | None:
    """The request for the goods of an entry, by which others are told; None: there is none.

    What was handed in was told to its register, unless somebody has told of it before.
    """
    if body.kind in ASKED_AGAIN or _is_sold_on_branch(office, body):
        return mark
    if body.kind != RECOVERED_SALE or _place(body) in rows.told_again(office.connection):
        return None
    return structs.replace(mark, path=SOLD_AT, digest=HANDED_IN)


class _Asked(msgspec.Struct, frozen=True):
    seq: int
    request: RequestMark | None = None


def _keep_asked(office: HeadOffice, location: str, mark: RequestMark, place: str) -> None:
    office.connection.execute(
        "INSERT OR IGNORE INTO asked VALUES (?, ?, ?, ?, ?, ?)",
        (location, mark.principal, mark.path, mark.key, mark.digest, place),
    )


def _keep_told(office: HeadOffice, location: str, mark: RequestMark, place: str) -> None:
    """Another answer than the first one is the one that counts."""
    office.connection.execute(
        "UPDATE asked SET digest = ?5, entry = ?6 "
        "WHERE location = ?1 AND principal = ?2 AND path = ?3 AND key = ?4",
        (location, mark.principal, mark.path, mark.key, mark.digest, place),
    )


def _is_sold_on_branch(office: HeadOffice, body: EntryBody) -> bool:
    """Whether this is a branch's own sale, and not one that a register had handed in to its box."""
    sold_by = parse_entry_id(body.reference)
    if body.kind != RECOVERED_SALE or sold_by is None:
        return False
    life = rows.life_of(office.connection, body.writer)
    return life is not None and life.branch_of == sold_by[0]


def _is_later(office: HeadOffice, one: EntryBody, other: EntryBody) -> bool:
    """Which of two answers somebody saw: the later life's; of a branch only clocks can say it."""
    lives = [rows.life_of(office.connection, told.writer) for told in (one, other)]
    if one.at_ms != other.at_ms and any(life and life.branch_of for life in lives):
        return one.at_ms > other.at_ms
    return incarnation_of(one.writer) > incarnation_of(other.writer)


def _is_bought_twice(one: EntryBody, other: EntryBody) -> bool:
    """Whether two sales are of the same goods for the same money, and not one and the same.

    Whoever has a till's token could put another sale in the place of a true one otherwise.
    """
    try:
        deals = [msgspec.json.decode(told.record, type=_Deal) for told in (one, other)]
    except msgspec.DecodeError:
        return False  # what it says means nothing here
    return deals[0] == deals[1] and sale_digest(one.record) != sale_digest(other.record)


def undo(
    office: HeadOffice, body: EntryBody, told_by: str, *, but: frozenset[str] = frozenset()
) -> None:
    """Have the whole deed booked back whose last entry this is: another one did the same.

    Of SKUs in `but` nothing: that is so already.
    """
    deed = [body]
    while deed[-1].seq > 1:
        before = held(office, entry_id(WriterId(body.writer), deed[-1].seq - 1))
        if before.more <= deed[-1].more:
            break
        deed.append(before)
    for one in deed:
        _look_at(office, one, one.at_ms, told_by=told_by, but=but)
        if one.kind == RETURN:  # the box that lives may have heard of it before
            office.tell(feed.EARLIER_RETURN, _place(one), location_of(one.writer), b"")


def _not_moved_twice(office: HeadOffice, other: EntryBody, body: EntryBody) -> frozenset[str]:
    """SKUs of `other` of which `body`, which was told later, moves nothing in the end.

    A count had them, and had `other` in the book; or the box that booked what was handed in does
    not know them.
    """
    row = office.connection.execute(
        "SELECT data FROM told_twice WHERE key = ?", (_place(body),)
    ).fetchone()
    told = None if row is None else msgspec.json.decode(str(row[0]), type=ToldTwice)
    skus = {sku for sku, _ in told.moves} if told else set()
    if body.kind == RECOVERED_SALE:
        skus |= {sku for sku, _ in other.moves} - {sku for sku, _ in body.moves}
    return frozenset(skus)


def held(office: HeadOffice, entry: str) -> EntryBody:
    """An entry that the hub has."""
    place = parse_entry_id(entry)
    data = None if place is None else office.store.load_body(*place)
    assert data is not None, "entries stay"
    return msgspec.json.decode(data, type=EntryBody)


def _look_at(
    office: HeadOffice,
    body: EntryBody,
    at_ms: int,
    *,
    told_by: str | None,
    by: WriterId | None = None,
    but: frozenset[str] = frozenset(),
) -> None:
    """Have booked back what of an entry was told by another one, or was counted since."""
    place, location = _place(body), location_of(body.writer)
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
        if _is_counted(office, body, sku, units, at_ms, by)
    ]
    if moves:
        _book_back(office, location, place, "it was counted since", moves, [place])


def _is_counted(
    office: HeadOffice, body: EntryBody, sku: str, units: int, at_ms: int, by: WriterId | None
) -> bool:
    """Whether a count has had a movement already; `by` is the fenced gateway that did or told it.

    Goods that came before a successor's count are taken off whatever their time says: a clock that
    was ahead must not leave rights to what is not there. Goods that went are put back only by a
    clock that can be believed. Whoever counts knows what it moved itself.
    """
    last = counted.last_count(office, location_of(body.writer), sku)
    if last is None or last.writer == by:
        return False
    is_successor = by is not None and incarnation_of(last.writer) > incarnation_of(by)
    is_before = at_ms <= last.at_ms
    return is_successor or is_before if units > 0 else is_before and body.synchronised


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


def hear_booked(office: HeadOffice, body: EntryBody) -> None:
    """A gateway has booked something back: nobody needs to be told of it any more."""
    key, place = body.reference, _place(body)
    row = office.connection.execute(
        "SELECT location, booked FROM told_twice WHERE key = ?", (key,)
    ).fetchone()
    if row is None or row[0] != location_of(body.writer):
        return
    if row[1] is not None:
        if row[1] != place:  # an earlier box had done so, and it was not heard of
            moves = [(sku, -units) for sku, units in body.moves]
            entries = [str(row[1]), place]
            _book_back(office, str(row[0]), place, f"{row[1]} had booked it", moves, entries)
        return
    office.connection.execute("UPDATE told_twice SET booked = ? WHERE key = ?", (place, key))
    office.tell(feed.TOLD_TWICE, key, str(row[0]), b"")


def _place(body: EntryBody) -> str:
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
