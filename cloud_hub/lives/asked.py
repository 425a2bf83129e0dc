"""What two lives of a box were both asked, and answered, is done once; on the writer thread.

A register that heard no answer asks again with its key, the next box too. That one cannot know what
its predecessor did last, and answers anew; what is heard of the earlier one then is the same deed.
A box that was put back to an image from before, or a copy, does so too; there the later one counts.
What a register hands in comes with the key that it had asked with: it saw that answer, so whatever
another box answered to that key was lost on the way.

A deed is booked back (`twice`), and what a count had found of it (`came_again`). An order is not
told again of what it knows: money that came once, a parcel that was refused once. A count that both
have closed is one, by whatever key.
"""

from http import HTTPStatus
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import came_again, rows, twice
from cloud_hub.lives.counted import COUNT_CLOSED
from cloud_hub.lives.records import sale_digest
from replication.ids import (
    WriterId,
    entry_id,
    incarnation_of,
    is_register,
    location_of,
    parse_entry_id,
)
from replication.journal import EntryBody, RequestMark
from web.journal_pages import SALE_KIND
from web.lives import RECOVERED_SALE, SOLD_AT

PAYMENT: Final = "order_payment"
"""The kind of an entry of money that a till took for an order."""

OF_ORDERS: Final = frozenset({PAYMENT, "order_event"})
"""Kinds of entries that tell an order of what may happen to it more than once."""

ASKED_AGAIN: Final = frozenset(
    {SALE_KIND, "receipt", "adjustment", twice.RETURN, "exchange", COUNT_CLOSED, *OF_ORDERS}
)
"""Kinds of entries that answer a request which was done once. Others are told apart by what they
name."""

CLOSING: Final = RequestMark("", "/v1/stock/counts/close", "", b"closed", HTTPStatus.CREATED)
"""In place of the request that closed a count, whose key is the count: it is closed once, whoever
asked for that."""

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


def hear(office: HeadOffice, body: EntryBody) -> None:
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
    but: frozenset[str] = frozenset()
    known = _known(office, location, mark)
    if known is None:
        _keep_asked(office, location, mark, twice.told_at(body))
        return
    other, questions = twice.held(office, known.entry), {mark.digest, known.digest}
    if (len(questions) > 1 and HANDED_IN not in questions) or other.writer == writer:
        return
    if body.kind == PAYMENT:
        return  # the one that was heard of first stands
    if body.kind == COUNT_CLOSED:
        is_told = other.at_ms <= body.at_ms  # it was compared when somebody stood at the shelf
        but = _counted_by_one(office, other, body)
    elif HANDED_IN not in questions:
        is_told = _is_later(office, other, body)
    elif len(questions) == 1 or not _is_bought_twice(other, body):
        return
    else:
        is_told = known.digest == HANDED_IN
    if is_told:
        twice.undo(office, body, twice.told_at(other), but=but)
        came_again.hear_earlier(office, body, other)
    else:
        but |= _not_moved_twice(office, other, body)
        twice.undo(office, other, twice.told_at(body), but=but)
        came_again.hear_later(office, other, body)
        _keep_told(
            office, location, structs.replace(mark, principal=known.principal), twice.told_at(body)
        )


def is_told_again(office: HeadOffice, body: EntryBody) -> bool:
    """Whether its order knows already what an entry tells: another life has answered that request.

    An order of another store is placed anew at the next box, and the till saw that one's answer.
    """
    if body.kind not in OF_ORDERS or body.request is None:
        return False
    known = _known(office, location_of(body.writer), body.request)
    if known is None or known.digest != body.request.digest:
        return False
    other = twice.held(office, known.entry)
    is_earlier = incarnation_of(body.writer) < incarnation_of(other.writer)
    if other.writer == body.writer or not (other.reference == body.reference or is_earlier):
        return False
    office.connection.execute("INSERT OR IGNORE INTO sale_again VALUES (?)", (twice.told_at(body),))
    return True


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
            mark = _closing(told.reference) if told.kind == COUNT_CLOSED else told.request
            _keep_asked(office, location_of(writer), mark, place)


def _question_of(office: HeadOffice, body: EntryBody, mark: RequestMark) -> RequestMark | None:
    """The request for the goods of an entry, by which others are told; None: there is none.

    What was handed in was told to its register, unless somebody has told of it before.
    """
    if body.kind == COUNT_CLOSED:
        return _closing(body.reference)
    if body.kind in ASKED_AGAIN or _is_sold_on_branch(office, body):
        return mark
    if body.kind != RECOVERED_SALE or twice.told_at(body) in rows.told_again(office.connection):
        return None
    return structs.replace(mark, path=SOLD_AT, digest=HANDED_IN)


def _closing(count: str) -> RequestMark:
    return structs.replace(CLOSING, key=count)


class _Asked(msgspec.Struct, frozen=True):
    seq: int
    kind: str
    reference: str = ""
    request: RequestMark | None = None


class _Known(NamedTuple):
    """The entry that answered a request, as far as it counts."""

    principal: str
    digest: bytes
    entry: str


def _known(office: HeadOffice, location: str, mark: RequestMark) -> _Known | None:
    """What answered a request, by who asked; of what was handed in, by whoever has its key.

    A supervisor may have asked for what a cashier's token hands in.
    """
    row = office.connection.execute(
        "SELECT principal, digest, entry FROM asked WHERE location = ?1 AND path = ?2 AND key = ?3 "
        "AND (principal = ?4 OR ?6 IN (digest, ?5)) ORDER BY principal != ?4 LIMIT 1",
        (location, mark.path, mark.key, mark.principal, mark.digest, HANDED_IN),
    ).fetchone()
    return None if row is None else msgspec.convert(row, _Known)


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


def _counted_by_one(office: HeadOffice, one: EntryBody, other: EntryBody) -> frozenset[str]:
    """SKUs of which only one of two who closed a count has booked a difference."""
    of_one, of_other = (
        {sku for part in twice.deed_of(office, told) for sku, _ in part.moves}
        for told in (one, other)
    )
    return frozenset(of_one ^ of_other)


def _not_moved_twice(office: HeadOffice, other: EntryBody, body: EntryBody) -> frozenset[str]:
    """SKUs of `other` of which `body`, which was told later, moves nothing in the end.

    A count had them, and had `other` in the book; or the box that booked what was handed in does
    not know them.
    """
    told = twice.told_of(office, body)
    skus = {sku for sku, _ in told.moves} if told else set()
    if body.kind == RECOVERED_SALE:
        skus |= {sku for sku, _ in other.moves} - {sku for sku, _ in body.moves}
    return frozenset(skus)
