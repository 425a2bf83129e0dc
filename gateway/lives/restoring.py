"""A new box takes over from the hub what its location has, on the writer thread.

A box that takes the place of another begins with an empty file, as a new incarnation. Before it
sells it takes over, in this order:

    state      the lives and registers of the location, and the digests of its tokens
    stock      all holders' cells of its counters
    journals   the last entries of the lives before, and of the registers: for returns, receipts,
               and registers that ask again for what was answered already
    done       the registers may come, and the link to the hub begins: this box sells as soon as
               the first feed is in, for until then it knows no goods

Each page is one commit with how far it came (`Progress`), so that a box that is cut off or switched
off goes on where it was. Pages may be taken twice: cells merge by `max`, rows are kept once.

Journals come from their ends, for what is new is asked for first, and are numbered downwards below
everything that happens here: their order of arrival is the order in which they were written.
"""

import enum
import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
from msgspec import structs

from gateway.lives.earlier import earlier_of, remember_lives
from gateway.lives.earlier_returns import keep_earlier
from gateway.lives.tokens import Tokens, keep_tokens
from gateway.ordering import unsure
from gateway.registers import adopting
from gateway.registers.lending import tell_earlier_grants, work_off
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.many_rows import insert_rows
from replication.adapters.sku_index import index_bodies
from replication.adapters.sqlite import COUNTERS_SAVED, ReplicaStore
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.ids import (
    EVERYWHERE,
    SEQ_MAX,
    WriterId,
    entry_id,
    incarnation_of,
    is_writer_id,
    location_of,
    place_of,
)
from replication.journal import EMPTY, EntryBody, decode_body
from web.lives import CounterState, EarlierLives, HeldEntry

ENTRIES_MAX: Final = 100_000
"""Entries that are taken over: some months of a shop. 200 MB, which a line of 16 Mbit/s brings in
two minutes. A sale before them is returned as one that nobody can verify here."""

TAKEOVER: Final = "takeover"
"""The meta row with `Progress`; absent in a location's first box."""


class Step(enum.Enum):
    """What is under way."""

    STATE = "state"
    STOCK = "stock"
    JOURNALS = "journals"
    DONE = "done"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a box is with taking over.

    `journals` are still to come, the first of them down to `lowest`; `arrival` is the number of the
    next entry, counted down; `cursor` the hub's, of the step that is under way.
    """

    step: Step
    began_ms: int
    arrival: int
    ended_ms: int | None = None
    cursor: str | None = None
    journals: tuple[str, ...] = ()
    lowest: int | None = None
    tokens: int = 0
    counters: int = 0
    entries: int = 0
    requests: int = 0
    registers: int = 0


def progress_of(store: ReplicaStore) -> Progress | None:
    """How far this box is; None where it never took anything over."""
    known = store.meta(TAKEOVER)
    return None if known is None else msgspec.json.decode(known, type=Progress)


def is_needed(shop: Shop) -> bool:
    """Whether this box takes another's place and has not taken everything over yet."""
    known = progress_of(shop.store)
    if known is not None:
        return known.step is not Step.DONE
    return incarnation_of(shop.ledger.writer) > 1 and shop.ledger.head == EMPTY


def begin(shop: Shop) -> Progress:
    """Sell nothing until all of it is here."""
    known = progress_of(shop.store)
    if known is not None:
        return known
    shop.stop(StopReason.RESTORING)
    last = shop.connection.execute("SELECT coalesce(max(arrival), 0) FROM entry").fetchone()
    assert last is not None, "an aggregate always answers"
    return _keep(
        shop,
        Progress(
            step=Step.STATE,
            began_ms=shop.ledger.now_ms,
            arrival=int(str(last[0])) + ENTRIES_MAX,
        ),
    )


def take_state(shop: Shop, lives: EarlierLives) -> Progress:
    """Who this location was before, and whose tokens count here.

    Raises:
        PeerViolation: it is another location's, or makes no sense.
    """
    if lives.writer != shop.ledger.writer or lives.location != shop.location:
        raise PeerViolation(f"the hub told {shop.ledger.writer} the state of {lives.writer}")
    for life in lives.earlier:
        _check_writer(shop, life.writer)
    for register in lives.registers:
        _check_writer(shop, register.writer)
        adopting.head_of(register)
    tokens = _tokens_told(lives.tokens)
    keep_tokens(shop.connection, tokens)
    remember_lives(shop.store, lives)
    unsure.keep(shop, lives.orders)
    lived, registers = (
        [one.writer for one in lives.earlier],
        [one.writer for one in lives.registers],
    )
    return _keep(
        shop,
        structs.replace(
            _known(shop),
            step=Step.STOCK,
            tokens=len(tokens.tokens),
            journals=(*lived[:1], *registers, *lived[1:]),
        ),
    )


def hear_lives(shop: Shop, lives: EarlierLives) -> None:
    """The hub tells again of the lives before, and of registers that it had not heard of before.

    Raises:
        PeerViolation: it makes no sense.
    """
    for register in lives.registers:
        _check_writer(shop, register.writer)
    adopting.adopt(shop, lives.registers)
    remember_lives(shop.store, lives)


def take_counters(shop: Shop, items: Sequence[CounterState], cursor: str | None) -> Progress:
    """Cells of all holders.

    Raises:
        PeerViolation: a cell of another location, or one that nobody may write.
    """
    cells: list[CellChange] = []
    for item in items:
        if item.location != place_of(item.sku, shop.location):
            raise PeerViolation(f"the hub sent the counter of {item.sku} at {item.location}")
        for cell in item.cells:
            change = CellChange(item.location, item.sku, *cell)
            check_cell(change, change.holder)
            if change.holder != shop.ledger.writer:
                cells.append(change)
    shop.ledger.merge_cells(cells)
    known = _known(shop)
    return _keep(
        shop,
        structs.replace(
            known,
            step=Step.STOCK if cursor is not None else Step.JOURNALS,
            counters=known.counters + len(items),
            cursor=cursor,
        ),
    )


def take_entries(shop: Shop, items: Sequence[HeldEntry], cursor: str | None) -> Progress:
    """The next entries of the journal under way, from its end towards its beginning.

    Raises:
        PeerViolation: they are another journal's, or do not follow from each other.
    """
    known = _known(shop)
    writer = WriterId(known.journals[0])
    if not items and cursor is not None:
        raise PeerViolation(f"the hub sent a page of {writer} with nothing on it")
    bodies = [_checked(item, writer) for item in items]
    _check_chain(shop, known, items)
    last_seq, room = _last_seq(shop, writer), ENTRIES_MAX - known.entries
    bodies = [body for body in bodies if body.seq <= last_seq][:room]
    items = [item for item in items if item.seq <= last_seq][:room]
    numbered = [
        (known.arrival - number, body.writer, body.seq, body.kind, item.hash, item.body)
        for number, (body, item) in enumerate(zip(bodies, items, strict=True))
    ]
    shop.store.forget()  # it counts arrivals, and these come before
    insert_rows(shop.connection, "INSERT OR IGNORE INTO entry VALUES", numbered)
    index_bodies(shop.connection, [(arrival, body) for arrival, *_, body in numbered])
    if known.entries == 0 and numbered:  # the hub's counters have their cells
        shop.store.set_meta(COUNTERS_SAVED, str(known.arrival))
    requests = _requests(bodies)
    insert_rows(shop.connection, "INSERT OR IGNORE INTO request VALUES", requests)
    is_over = cursor is None or room <= len(items)
    return _keep(
        shop,
        structs.replace(
            known,
            arrival=known.arrival - len(items),
            entries=known.entries + len(items),
            requests=known.requests + len(requests),
            journals=known.journals[1:] if is_over else known.journals,
            lowest=None if is_over or not bodies else bodies[-1].seq,
            cursor=None if is_over else cursor,
        ),
    )


def finish(shop: Shop, nonce: str) -> Progress:
    """Everything is here: this box begins its journal, and registers may come.

    It sells when the first feed is in (`begin_selling`), at once where there is none: a chain that
    has no products yet has nothing to say.

    Rights that the hub gave it before it asked first cover what is short (`nonce` is random).
    """
    known, lives = _known(shop), earlier_of(shop.store)
    assert lives is not None, "the state came first"
    shop.ledger.start(nonce)
    adopting.adopt(shop, lives.registers)
    keep_earlier(shop)
    known_here = [
        str(sku)
        for (sku,) in shop.connection.execute(
            "SELECT sku FROM counter WHERE location IN (?, ?)", (shop.location, EVERYWHERE)
        )
    ]
    tell_earlier_grants(shop, known_here)
    work_off(shop, known_here)
    shop.ledger.save()
    done = structs.replace(
        known, step=Step.DONE, registers=len(lives.registers), ended_ms=shop.ledger.now_ms
    )
    _keep(shop, done)
    if not lives.feed_items:
        begin_selling(shop)
    return done


def begin_selling(shop: Shop) -> None:
    """The hub's feed is in, up to its end: a box that has all else sells from now on."""
    if shop.stopped is StopReason.RESTORING and not is_needed(shop):
        shop.stop(None)


def _known(shop: Shop) -> Progress:
    known = progress_of(shop.store)
    assert known is not None, "it has begun"
    return known


def _keep(shop: Shop, progress: Progress) -> Progress:
    shop.store.set_meta(TAKEOVER, msgspec.json.encode(progress).decode())
    return progress


def _tokens_told(record: msgspec.Raw) -> Tokens:
    try:
        return msgspec.json.decode(record, type=Tokens | None) or Tokens()
    except msgspec.DecodeError as error:
        raise PeerViolation(f"the hub's tokens of this location do not decode: {error}") from None


def _check_writer(shop: Shop, writer: str) -> None:
    is_here = is_writer_id(writer) and location_of(writer) == shop.location
    if not is_here or writer == shop.ledger.writer:
        raise PeerViolation(f"the hub says that {writer!r} was here before {shop.ledger.writer}")


def _checked(item: HeldEntry, writer: WriterId) -> EntryBody:
    body = decode_body(item.body)
    if (body.writer, body.seq) != (item.writer, item.seq) or body.writer != writer:
        raise PeerViolation(f"the hub sent {item.writer}-{item.seq} as one of {writer}")
    return body


def _last_seq(shop: Shop, writer: str) -> int:
    """How far a journal is taken over: of a register, to the head that it is adopted with.

    The hub may have heard more of it since the state was told. The register sends that itself, and
    what is stored already would be in its way.
    """
    lives = earlier_of(shop.store)
    assert lives is not None, "the state came first"
    return next((one.head_seq for one in lives.registers if one.writer == writer), SEQ_MAX)


def _check_chain(shop: Shop, known: Progress, items: Sequence[HeldEntry]) -> None:
    """Each entry is the one that the entry after it was chained to."""
    after: tuple[int, bytes, bytes] | None = None
    if known.lowest is not None:
        writer = known.journals[0]
        body = shop.store.load_body(writer, known.lowest)
        digest = shop.store.load_hash(writer, known.lowest)
        assert body is not None, "it was stored with the progress"
        assert digest is not None, "it was stored with the progress"
        after = known.lowest, digest, body
    for item in items:
        if after is not None:
            seq, digest, body = after
            if item.seq != seq - 1 or hashlib.sha256(item.hash + body).digest() != digest:
                raise PeerViolation(
                    f"{item.writer}-{seq} does not follow from the entry that the hub has before it"
                )
        after = item.seq, item.hash, item.body


def _requests(bodies: Iterable[EntryBody]) -> list[tuple[str, str, str, bytes, int, str]]:
    """The first successes among entries, so that whoever asks again hears the same answer."""
    return [
        (*mark, entry_id(WriterId(body.writer), body.seq))
        for body in bodies
        if (mark := None if body.request is None else structs.astuple(body.request)) is not None
    ]
