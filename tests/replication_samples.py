"""What tests of replication share: a writer's entries, and a ledger's store in memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from replication.escrow import CellChange
from replication.ids import WriterId
from replication.journal import EMPTY, Actor, Entry, EntryBody, Head, append, whole_deeds
from replication.ledger import NewRequest, Pending, RequestKey

NOON_MS: Final = 1_795_348_800_000
HUB: Final = WriterId("hub.1")
STORE: Final = WriterId("riverside.1")


def body_of(seq: int, **changed: Any) -> EntryBody:  # noqa: ANN401 - any field may be changed
    """Entry `seq` of a store's journal: a sale of one tea, unless something was changed."""
    fields: dict[str, Any] = {
        "writer": STORE,
        "seq": seq,
        "at_ms": NOON_MS + seq,
        "tick": 0,
        "boot": "3f9a",
        "synchronised": True,
        "kind": "sale",
        "actor": Actor(register="till-1", person="cashier-7"),
        "reason": "",
        "reference": "",
        "moves": [("tea", -1)],
        "cells": [
            CellChange("riverside", "tea", "spent", STORE, "sold", seq),
            CellChange("riverside", "tea", "moved", STORE, "sold", seq),
        ],
        "record": msgspec.Raw(b'{"note":"tea"}'),
    }
    return EntryBody(**(fields | changed))


def chain(bodies: Iterable[EntryBody], head: Head = EMPTY) -> tuple[list[Entry], Head]:
    """Append `bodies` after `head`."""
    entries: list[Entry] = []
    for body in bodies:
        entry, head = append(head, body)
        entries.append(entry)
    return entries, head


def journal(count: int) -> list[Entry]:
    """The first `count` entries of a store's journal."""
    return chain(body_of(seq) for seq in range(1, count + 1))[0]


@dataclass(slots=True)
class MemoryStore:
    """A ledger's store in memory: what was committed, and nothing else."""

    cells: dict[tuple[str, str], list[tuple[str, str, str, int]]] = field(default_factory=dict)
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    requests: dict[RequestKey, NewRequest] = field(default_factory=dict)
    arrived: list[bytes] = field(default_factory=list)
    saved: int = 0

    def bodies_since_save(self) -> Iterable[bytes]:
        """The entries after the last checkpoint of the counters."""
        return self.arrived[self.saved :]

    def load_counter(self, location: str, sku: str) -> Iterable[tuple[str, str, str, int]]:
        """The committed cells of one counter."""
        return list(self.cells.get((location, sku), ()))

    def load_head(self, writer: str) -> Head:
        """The last committed entry of a writer."""
        known = self.entries.get(writer, [])
        return Head(len(known), known[-1].hash) if known else EMPTY

    def load_body(self, writer: str, seq: int) -> bytes | None:
        """The committed bytes of one entry."""
        known = self.entries.get(writer, [])
        return known[seq - 1].body if 1 <= seq <= len(known) else None

    def entries_after(
        self, writer: str, seq: int, *, count_max: int, bytes_max: int
    ) -> tuple[list[Entry], int]:
        """Consecutive entries after `seq`, at least one if there is any, and the last one's seq."""
        known = self.entries.get(writer, [])[seq:]
        taken = whole_deeds(known, count_max=count_max, bytes_max=bytes_max)
        return taken, seq + len(taken)

    def find_request(self, request: RequestKey) -> NewRequest | None:
        """The first success under a key, if there was one."""
        return self.requests.get(request)

    def commit(self, pending: Pending) -> None:
        """Take over a whole batch."""
        for new in pending.entries:
            known = self.entries.setdefault(new.writer, [])
            assert new.seq == len(known) + 1, "a journal has no gaps"
            known.append(new.entry)
            self.arrived.append(new.entry.body)
        self.requests.update(pending.requests)
        for place, counter in pending.counters.items():
            self.cells[place] = counter.cells()
        if pending.is_checkpoint:
            self.saved = len(self.arrived)


def replayed(bodies: Iterable[bytes]) -> dict[tuple[str, ...], int]:
    """The cells that these entries leave, by `max`: what a replay of the journal rebuilds."""
    values: dict[tuple[str, ...], int] = {}
    for data in bodies:
        for change in msgspec.json.decode(data, type=EntryBody).cells:
            name = (change.location, change.sku, *change.key)
            values[name] = max(change.value, values.get(name, 0))
    return values
