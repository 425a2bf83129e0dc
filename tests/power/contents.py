"""What a file holds, and whether it is sound: read after each deed, and again after each cut."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import apsw

from gateway.client import kept
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import EscrowCounter, check_invariants
from replication.ids import WriterId, is_register
from replication.journal import EMPTY, Entry, EntryBody, Head, decode_body, verify
from replication.ledger import PROGRAM, Ledger

Contents = Mapping[str, str]
"""A digest of all rows, per table."""

Journals = Mapping[str, Mapping[int, bytes]]
"""The hashes of all entries, per writer and seq."""

GRANTED: Final = "granted"
"""Cells of this table may come ahead of their entry."""


def contents_of(connection: apsw.Connection) -> Contents:
    """All rows of all tables, and the schema itself."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    found = {str(name): _digest(connection, f'SELECT * FROM "{name}"') for (name,) in tables}  # noqa: S608
    return found | {"schema": _digest(connection, "SELECT type, name, sql FROM sqlite_schema")}


def _digest(connection: apsw.Connection, select: str) -> str:
    digest = hashlib.sha256()
    for row in connection.execute(select):
        digest.update(repr(row).encode())
    return digest.hexdigest()


def journals_of(connection: apsw.Connection) -> Journals:
    """Every journal that a replica keeps, in order."""
    journals: dict[str, dict[int, bytes]] = {}
    for writer, seq, digest in connection.execute(
        "SELECT writer, seq, hash FROM entry ORDER BY writer, seq"
    ):
        journals.setdefault(str(writer), {})[int(str(seq))] = bytes(digest)
    return journals


def broken_in(connection: apsw.Connection) -> list[str]:
    """What SQLite itself has to say about a file."""
    said = [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    strangers = connection.execute("PRAGMA foreign_key_check").fetchall()
    return [one for one in said if one != "ok"] + [f"foreign key: {row}" for row in strangers]


def unsound_in(ledger: Ledger, store: ReplicaStore) -> list[str]:
    """What does not fit together in a replica: journals, counters, remembered requests."""
    bodies: list[EntryBody] = []
    for writer, journal in journals_of(store.connection).items():
        head = EMPTY
        for seq, digest in journal.items():
            body = store.load_body(writer, seq)
            assert body is not None
            if seq != head.seq + 1 and seq <= kept.pruned_to(store) + 1:
                bodies.append(decode_body(body))  # what was before it was given up
            else:
                bodies += verify(head, WriterId(writer), [Entry(body, digest)])[0]
            head = Head(seq, digest)
    return [*_unfolded(ledger, store, bodies), *_unremembered(store, ledger, bodies)]


def _unfolded(ledger: Ledger, store: ReplicaStore, bodies: Iterable[EntryBody]) -> list[str]:
    """Counters are what the entries leave. A grant of another may be ahead of its entry.

    Where entries were given up, counters know more than those that are left.
    """
    folded: Counter[tuple[str, ...]] = Counter()
    for body in bodies:
        for cell in body.cells:
            key = (cell.location, cell.sku, *cell.key)
            folded[key] = max(folded[key], cell.value)
    writers = {body.writer for body in bodies}
    is_pruned = kept.pruned_to(store) > 0
    wrong: list[str] = []
    for counter in counters_of(ledger, store, folded):
        place = (counter.location, counter.sku)
        for table, holder, detail, value in counter.cells():
            told = folded.pop((*place, table, holder, detail), 0)
            may_know_more = is_pruned or (table == GRANTED and holder != ledger.writer)
            if holder in writers and value != told and not (may_know_more and value > told):
                wrong.append(f"{table}[{detail}] of {holder} at {place}: {value}, told {told}")
        wrong += [one for one in check_invariants(counter) if _is_owed(one, ledger.writer)]
    return wrong + [f"{key} has no counter" for key in folded]


def _is_owed(broken: str, writer: str) -> bool:
    """Whether a replica owes that: a register hears nothing of what its gateway may sell."""
    return broken.startswith("E1") and (writer in broken or not is_register(writer))


def counters_of(
    ledger: Ledger, store: ReplicaStore, folded: Iterable[tuple[str, ...]]
) -> list[EscrowCounter]:
    """All counters of a replica, as a start knows them."""
    rows = store.connection.execute("SELECT location, sku FROM counter").fetchall()
    places = {(str(location), str(sku)) for location, sku in rows}
    places |= {(key[0], key[1]) for key in folded}
    return [ledger.counter(*place) for place in sorted(places)]


def _unremembered(store: ReplicaStore, ledger: Ledger, bodies: Iterable[EntryBody]) -> list[str]:
    """Each remembered request points to its entry; a kind that is remembered always is, once."""
    pointed = Counter(
        str(entry) for (entry,) in store.connection.execute("SELECT entry FROM request")
    )
    there = {f"{body.writer}-{body.seq}": body for body in bodies}
    kinds = {there[entry].kind for entry in pointed if entry in there}
    lost = [f"a request points to {entry}" for entry in pointed if entry not in there]
    return lost + [
        f"{place} ({body.kind}) is remembered {pointed[place]} times"
        for place, body in there.items()
        if body.writer == ledger.writer and body.actor != PROGRAM and body.kind in kinds
        if pointed[place] != 1
    ]
