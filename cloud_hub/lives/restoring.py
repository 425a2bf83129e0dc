"""What a new box of a location takes over from the hub, in pages, as committed.

A new incarnation begins with an empty file. What its location has is here: all holders' cells, what
its registers are, the digests of its tokens, and the journals of the lives before it. What none of
them had told the hub is not; its registers hand that in, and the rest is listed as what may be
missing (`EarlierLife`).
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import branch_tree, rows
from replication.adapters.sqlite import ReplicaStore
from replication.clock import rfc3339
from replication.ids import EVERYWHERE, SEQ_MAX, WriterId, location_of, replica_of
from replication.journal import EntryBody, Head
from web.lives import (
    TOKENS,
    CounterState,
    EarlierLife,
    EarlierLives,
    HashQuery,
    HeldEntry,
    HeldHash,
    HeldQuery,
    RegisterAtHub,
)
from web.paging import Cursor, Page, Paged
from web.problems import Problem, Slug

PAGE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Bodies in a page of entries, at least one: in base 64 a page stays below 3 MB."""

NO_TOKENS: Final = msgspec.Raw(b"null")

_PLACE: Final = Cursor(tuple[str, str])
_ENTRY: Final = Cursor(tuple[str, int])


def has_begun(office: HeadOffice, writer: WriterId) -> bool:
    """Whether a box goes on as this writer, on the writer thread: who asks to be it is a copy.

    It has asked for what its location has, or has written an entry. Until then its answer may have
    been lost, and is told again; from then on another answer would end its token while it sells.
    """
    is_heard = office.head_of(writer).seq > 0
    return is_heard or office.store.meta(rows.BEGUN + writer) is not None


def note_begun(office: HeadOffice, writer: WriterId) -> None:
    """A box has asked for what its location has, with the token that it was told."""
    office.store.set_meta(rows.BEGUN + writer, rfc3339(office.ledger.now_ms))


def earlier_lives(office: HeadOffice, writer: WriterId) -> EarlierLives:
    """The lives and registers of a box's location, on the writer thread."""
    location = location_of(writer)
    lives = [
        EarlierLife(
            writer=life.writer,
            state=life.state,
            last_seq=head.seq,
            last_hash=head.hash.hex(),
            last_heard=None if life.heard_ms is None else rfc3339(life.heard_ms),
            branch_of=life.branch_of,
        )
        for life in rows.lives_of(office.connection, location)
        for head in [office.head_of(life.writer)]
    ]
    registers = [
        RegisterAtHub(
            writer=one.writer,
            register=one.name,
            box=one.box,
            state=one.state,
            sealed=bool(one.sealed),
            reported_to=one.reported_to,
            head_seq=head.seq,
            head_hash=head.hash.hex(),
            enrolled=msgspec.Raw(one.enrolled.encode()),
        )
        for one in rows.registers_of(office.connection, location)
        for head in [office.head_of(one.writer)]
    ]
    return EarlierLives(
        location=location,
        writer=writer,
        at=rfc3339(office.ledger.now_ms),
        earlier=lives,
        registers=registers,
        tokens=_last_tokens(office, location),
        orders=_unsure_orders(office, location, lives),
        feed_items=office.feed_count(location, 0),
        fed_to=office.feed_end(location),
    )


def _unsure_orders(office: HeadOffice, location: str, lives: list[EarlierLife]) -> list[str]:
    """Orders that a box before may have handed over; none where all journals were heard out.

    The box that asks has been offered nothing yet, so what was offered was offered to those.
    """
    if all(one.state == "sealed" for one in lives):
        return []
    rows = office.connection.execute(
        "SELECT DISTINCT order_id FROM allocation JOIN location ON location.id = location "
        "WHERE location = ? AND state = 'committed' AND position BETWEEN 1 AND offered "
        "ORDER BY order_id",
        (location,),
    )
    return [str(one) for (one,) in rows]


class _Told(msgspec.Struct, frozen=True):
    """The record of an entry of kind `tokens`, read as far as tokens are to be told apart."""

    tokens: tuple[msgspec.Raw, ...] = ()


def _last_tokens(office: HeadOffice, location: str) -> msgspec.Raw:
    """The tokens that were told last, and those that were made on a branch.

    A branch went on from an old image: what it has from before that may be ended since, and what
    was made elsewhere since it does not know.
    """
    branches = {
        life.writer for life in rows.lives_of(office.connection, location) if life.branch_of
    }
    last: dict[bytes, None] = {}
    ever: set[bytes] = set()
    made: list[bytes] = []
    for writer, body in office.connection.execute(
        "SELECT writer, body FROM entry WHERE location = ? AND kind = ? ORDER BY arrival",
        (location, TOKENS),
    ):
        record = msgspec.json.decode(body, type=EntryBody).record
        told = [bytes(one) for one in msgspec.json.decode(record, type=_Told).tokens]
        if str(writer) in branches:
            made.extend(told)
        else:
            last = dict.fromkeys(told)
            ever.update(told)
    last |= dict.fromkeys(one for one in made if one not in ever)
    return NO_TOKENS if not (last or ever) else _record_of(last)


def _record_of(tokens: Iterable[bytes]) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(_Told(tokens=tuple(msgspec.Raw(one) for one in tokens))))


def counter_after(query: Page) -> tuple[str, str]:
    """The last counter of the page before.

    Raises:
        Problem: nobody gave out this cursor. So it is read before the writer is asked for a page.
    """
    return _PLACE.decode(query.cursor) or ("", "")


def counters_page(office: HeadOffice, writer: WriterId, query: Page) -> Paged[CounterState]:
    """All cells of the location's counters, then of the allowances it has cells in.

    On the writer thread, whose counters are newer than their rows.
    """
    location = location_of(writer)
    place = counter_after(query)
    found = list(_places(office, location, place, query.limit + 1))
    items = [
        CounterState(location=where, sku=sku, cells=office.ledger.counter(where, sku).cells())
        for where, sku in found[: query.limit]
    ]
    more = len(found) > query.limit
    last = found[query.limit - 1] if more else None
    return Paged(items=items, next_cursor=None if last is None else _PLACE.encode(last))


def _places(
    office: HeadOffice, location: str, after: tuple[str, str], limit: int
) -> Iterator[tuple[str, str]]:
    """Places of counters after one, the location's own first ("" sorts before, "*" comes last)."""
    left = limit
    if after[0] != EVERYWHERE:
        for (sku,) in office.connection.execute(
            "SELECT sku FROM counter WHERE location = ? AND sku > ? ORDER BY sku LIMIT ?",
            (location, after[1], left),
        ):
            left -= 1
            yield location, str(sku)
    after_key = after[1] if after[0] == EVERYWHERE else ""
    unsaved = {
        one.sku
        for one in office.ledger.unsaved()
        if one.location == EVERYWHERE and one.sku > after_key and _has_cells(one.cells(), location)
    }
    saved = {
        str(sku)
        for (sku,) in office.connection.execute(
            "SELECT sku FROM counter WHERE location = ? AND sku > ? AND "
            "instr(cells, ?) ORDER BY sku LIMIT ?",
            (EVERYWHERE, after_key, f'"{location}.', max(0, left)),
        )
    }
    for sku in sorted(saved | unsaved)[: max(0, left)]:
        yield EVERYWHERE, sku


def _has_cells(cells: list[tuple[str, str, str, int]], location: str) -> bool:
    return any(location in {location_of(one[1]), location_of(one[2])} for one in cells)


def entries_page(store: ReplicaStore, asker: WriterId, query: HeldQuery) -> Paged[HeldEntry]:
    """Entries of the lives before a box's own, the newest first, and then of its registers.

    Raises:
        Problem: forbidden, for another location's journal.
    """
    location = location_of(asker)
    _check_own(asker, query.writer)
    lives = [life.writer for life in rows.lives_of(store.connection, location)]
    registers = [one.writer for one in rows.registers_of(store.connection, location)]
    writers = [query.writer] if query.writer is not None else [*lives, *registers]
    place = _ENTRY.decode(query.cursor)
    items: list[HeldEntry] = []
    size = 0
    for writer in writers:
        before = SEQ_MAX
        if place is not None:
            if writer != place[0]:
                continue
            before, place = place[1], None
        for seq, digest, body in store.connection.execute(
            "SELECT seq, hash, body FROM entry WHERE writer = ? AND seq < ? ORDER BY seq DESC",
            (writer, before),
        ):
            size += len(body)
            if items and (len(items) == query.limit or size > PAGE_BYTES_MAX):
                last = (writer, int(str(seq)) + 1)
                return Paged(items=items, next_cursor=_ENTRY.encode(last))
            items.append(HeldEntry(writer=writer, seq=seq, hash=digest, body=body))
    return Paged(items=items, next_cursor=None)


def _check_own(asker: WriterId, writer: str | None) -> None:
    if writer is not None and location_of(writer) != location_of(asker):
        raise Problem(Slug.FORBIDDEN, f"{replica_of(asker)} has no part in {writer}.")


def held_hash(store: ReplicaStore, asker: WriterId, query: HashQuery) -> HeldHash:
    """The hash of an entry of the asker's own location.

    Raises:
        Problem: forbidden, for another location's journal.
    """
    _check_own(asker, query.writer)
    held = store.load_hash(query.writer, query.seq)
    if query.hash is not None:
        asked = Head(query.seq, bytes.fromhex(query.hash))
        if branch_tree.place_of_entry(store, query.writer, asked) is not None:
            held = asked.hash
    head = store.load_head(query.writer)
    return HeldHash(
        writer=query.writer,
        seq=query.seq,
        hash=None if held is None else held.hex(),
        head_seq=head.seq,
        head_hash=head.hash.hex(),
    )
