"""One writer's state while it decides: journal head, clock, counters, and what awaits the commit.

A ledger belongs to the one thread that writes. A request reads counters, decides, and only then
changes them and appends one entry; whatever it left behind waits in `pending` until the store
commits the whole batch (E5). Nobody is told yes before. When a commit fails, or a request breaks
half-way, `forget` throws away everything that is not in the file and the counters are loaded again.

Counters are rows too, but the journal already holds every cell that its entries left. So their rows
are a checkpoint: written when `SAVE_ENTRIES` entries have gathered, when the program is idle, and
when it ends; a start merges the entries since then into them, which is harmless to repeat (E3).
What no journal here holds (a cell that came ahead of its entry, or of the other end's journal) is
written at once.

The store is a seam (`LedgerStore`): SQLite in `replication.adapters.sqlite`, memory in tests.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import msgspec

from replication.clock import HybridClock
from replication.escrow import CellChange, EscrowCounter
from replication.ids import EntryId, WriterId, entry_id
from replication.journal import (
    EMPTY,
    ENTRY_BYTES_MAX,
    STARTED,
    Actor,
    Entry,
    EntryBody,
    Head,
    RequestMark,
    append,
)

COUNTERS_CACHED_MAX: Final = 200_000
"""Counters kept in memory, about 1 KB each; beyond it the cache starts again from the file."""

STAMP_AHEAD_MS_MAX: Final = 1_000
"""An entry is never stamped before the one before it. One that is stamped so far ahead of the wall
clock, which was wrong once, has no time that can be believed, however right the clock is now."""

SAVE_ENTRIES: Final = 500
"""Entries between two checkpoints of the counters: a start replays at most so many, in some 10 ms,
and a sale writes less to the disk than with its counters' rows in each commit."""

PROGRAM: Final = Actor(person="program")
"""Who acts when no person does."""


class LedgerStore(Protocol):
    """Where a ledger's committed state is read from."""

    def load_counter(self, location: str, sku: str) -> Iterable[tuple[str, str, str, int]]:
        """The committed cells of one counter; empty where there are none."""

    def load_head(self, writer: str) -> Head:
        """The last committed entry of a writer's journal; `EMPTY` where there is none."""

    def load_body(self, writer: str, seq: int) -> bytes | None:
        """The committed bytes of one entry, or None."""

    def bodies_since_save(self) -> Iterable[bytes]:
        """The committed entries that came after the last checkpoint of the counters."""


class NewEntry(NamedTuple):
    """An entry on its way into the store."""

    writer: str
    seq: int
    kind: str
    entry: Entry


class RequestKey(NamedTuple):
    """What an idempotency key is scoped to, besides the program."""

    principal: str
    path: str
    key: str


class NewRequest(NamedTuple):
    """A first success on its way into the store: its record in the journal is the answer."""

    request: RequestKey
    digest: bytes
    status: int
    entry: EntryId


@dataclass(slots=True)
class Pending:
    """What a batch leaves for the store to write in one transaction."""

    entries: list[NewEntry] = field(default_factory=list)
    requests: dict[RequestKey, NewRequest] = field(default_factory=dict)
    counters: dict[tuple[str, str], EscrowCounter] = field(default_factory=dict)
    is_checkpoint: bool = False
    """Whether with these counters the rows hold every cell of every entry stored so far."""

    def __bool__(self) -> bool:
        return bool(self.entries or self.requests or self.counters or self.is_checkpoint)


class Ledger:
    """The deciding state of one writer. Mutable, one thread; see the module's theory."""

    def __init__(
        self,
        store: LedgerStore,
        writer: WriterId,
        boot: str,
        *,
        entry_bytes_max: int = ENTRY_BYTES_MAX,
    ) -> None:
        """Take up the writer's journal where the store has it.

        Args:
            store: read now, and whenever memory is thrown away.
            writer: whose entries are appended.
            boot: random, of this start of the program.
            entry_bytes_max: a larger entry is refused; of a register, `RELAYABLE_BYTES_MAX`.
        """
        self.writer = writer
        self.boot = boot
        self.clock = HybridClock()
        self.now_ms = 0
        self.synchronised = False
        self.pending = Pending()
        self.head = EMPTY
        self._store = store
        self._entry_bytes_max = entry_bytes_max
        self._counters: dict[tuple[str, str], EscrowCounter] = {}
        self._unsaved: dict[tuple[str, str], EscrowCounter] = {}
        self._rowless: set[tuple[str, str]] = set()
        self._since_save = 0
        self._more = 0
        self._deed_bytes = 0
        self.forget()

    def forget(self) -> None:
        """Go back to what the file holds: after a failed commit, before anything is answered."""
        self.pending = Pending()
        self._more = self._deed_bytes = 0
        self._counters.clear()
        self._unsaved.clear()
        self._rowless.clear()
        self._since_save = 0
        for since in self._store.bodies_since_save():
            for change in msgspec.json.decode(since, type=EntryBody).cells:
                self.counter(change.location, change.sku).merge_cell(change.key, change.value)
                self.journalled(change.location, change.sku)
            self.folded(1)
        self.head = self._store.load_head(self.writer)
        if (body := self._store.load_body(self.writer, self.head.seq)) is not None:
            last = msgspec.json.decode(body, type=EntryBody)
            self.clock.observe(last.stamp, last.stamp.wall_ms)

    def counter(self, location: str, sku: str) -> EscrowCounter:
        """The counter of (SKU, location), from memory or the store. Read before you change."""
        place = (location, sku)
        found = self._counters.get(place)
        if found is None:
            cells = list(self._store.load_counter(location, sku))
            if not cells:
                self._rowless.add(place)
            found = self._counters[place] = EscrowCounter(location, sku, cells)
        return found

    @property
    def next_seq(self) -> int:
        """The seq that the next `append` takes."""
        return self.head.seq + 1

    @property
    def next_ms(self) -> int:
        """The time that the next entry will carry: never before that of an entry there is."""
        return max(self.now_ms, self.clock.last.wall_ms)

    def body_of(self, writer: str, seq: int) -> bytes | None:
        """The bytes of one entry, also of one that awaits its commit; None where there is none."""
        for one in self.pending.entries:
            if (one.writer, one.seq) == (writer, seq):
                return one.entry.body
        return self._store.load_body(writer, seq)

    def append(  # noqa: PLR0913 - an entry's own parts
        self,
        kind: str,
        record: bytes,
        *,
        actor: Actor = PROGRAM,
        reason: str = "",
        reference: str = "",
        moves: Iterable[tuple[str, int]] = (),
        cells: Iterable[CellChange] = (),
        request: RequestMark | None = None,
        more: int = 0,
    ) -> EntryId:
        """Append one entry; `record` is JSON bytes, `cells` what it leaves behind.

        With `request` it is the first success of that request: kept in the same commit (E5), and
        known to whoever takes this writer's place. So many `more` entries, appended next, belong to
        the same deed, and all of them together are no larger than one may be.

        Raises:
            EntryTooLarge: it was not appended.
        """
        assert more == self._more - 1 or not self._more, "a deed is told to its end"
        changes = list(cells)
        wall_ms, tick = self.clock.stamp(self.now_ms)
        body = EntryBody(
            writer=self.writer,
            seq=self.head.seq + 1,
            at_ms=wall_ms,
            tick=tick,
            boot=self.boot,
            synchronised=self.synchronised and wall_ms - self.now_ms <= STAMP_AHEAD_MS_MAX,
            kind=kind,
            actor=actor,
            reason=reason,
            reference=reference,
            moves=list(moves),
            cells=changes,
            record=msgspec.Raw(record),
            request=request,
            more=more,
        )
        bytes_max = self._entry_bytes_max - self._deed_bytes
        entry, self.head = append(self.head, body, bytes_max=bytes_max)
        self._more, self._deed_bytes = more, self._deed_bytes + len(entry.body) if more else 0
        self.pending.entries.append(NewEntry(self.writer, body.seq, kind, entry))
        for change in changes:
            self.journalled(change.location, change.sku)
        entry_named = entry_id(self.writer, body.seq)
        if request is not None:
            key = RequestKey(request.principal, request.path, request.key)
            self.remember(key, request.digest, request.status, entry_named)
        return entry_named

    def start(self, nonce: str) -> None:
        """Append the `started` entry; `nonce` is random, so that two copies of one disk fork."""
        self.append(STARTED, msgspec.json.encode({"nonce": nonce}))

    def remember(self, request: RequestKey, digest: bytes, status: int, entry: EntryId) -> None:
        """Keep the first success of a request, in the same commit as its entry (E5).

        For requests that nobody else will be asked again; a store's go into the entry (`append`).
        """
        self.pending.requests[request] = NewRequest(request, digest, status, entry)

    def merge_cells(self, changes: Iterable[CellChange]) -> list[CellChange]:
        """Merge cells of other writers (checked already); returns those that were news."""
        news: list[CellChange] = []
        for change in changes:
            assert change.holder != self.writer, "nobody else writes our cells (E8)"
            if self.counter(change.location, change.sku).merge_cell(change.key, change.value):
                self.touch(change.location, change.sku)
                news.append(change)
        return news

    def touch(self, location: str, sku: str) -> None:
        """The counter took a cell that no journal here holds: write it with this batch."""
        self.pending.counters[location, sku] = self.counter(location, sku)

    def journalled(self, location: str, sku: str) -> None:
        """The counter took a cell of an entry that is stored with this batch: its row can wait.

        All but the first: which locations have a SKU is read from the rows.
        """
        place = (location, sku)
        if place not in self._unsaved:
            self._unsaved[place] = self._counters[place]
            if place in self._rowless:
                self._rowless.discard(place)
                self.touch(location, sku)

    def folded(self, entries: int) -> None:
        """So many entries of other writers are stored with this batch."""
        self._since_save += entries

    def save(self) -> None:
        """Write the counters' rows with this batch: the program is idle, or ends."""
        self._since_save = SAVE_ENTRIES

    def unsaved(self) -> list[EscrowCounter]:
        """The counters whose rows are older than they are."""
        return list(self._unsaved.values())

    def is_saved(self) -> bool:
        """Whether the rows of the counters are up to date."""
        return not self._unsaved

    def take_pending(self) -> Pending:
        """Hand the batch to the store, which is writing it now. Nothing is half changed then."""
        taken, self.pending = self.pending, Pending()
        self._since_save += len(taken.entries)
        if self._since_save >= SAVE_ENTRIES or len(self._counters) > COUNTERS_CACHED_MAX:
            taken.counters.update(self._unsaved)
            taken.is_checkpoint = True
            self._unsaved.clear()
            self._since_save = 0
        if len(self._counters) > COUNTERS_CACHED_MAX:
            self._counters.clear()
            self._rowless.clear()
        return taken
