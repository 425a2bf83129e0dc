"""Goal: a writer decides on its file plus the batch, and a failed batch leaves no trace.

Method: a real ledger over a store in memory; a commit is one call, a failed one is none.
"""

import hashlib
from typing import Final

import msgspec
import pytest

from replication import ledger as ledger_module
from replication.errors import EntryTooLarge
from replication.escrow import CellChange, EscrowCounter, Minted, Moved, Spent, Table
from replication.journal import EMPTY, Actor, EntryBody, RequestMark, decode_body, verify
from replication.ledger import PROGRAM, Ledger, RequestKey
from tests.replication_samples import HUB, NOON_MS, STORE, MemoryStore, replayed

KEY: Final = RequestKey("till-1", "/v1/sales", "k-1")
PLACE: Final = ("riverside", "tea")


def opened(store: MemoryStore, boot: str = "3f9a") -> Ledger:
    ledger = Ledger(store, STORE, boot)
    ledger.now_ms = NOON_MS
    return ledger


def receive(ledger: Ledger, quantity: int, sku: str = "tea") -> list[CellChange]:
    counter = ledger.counter("riverside", sku)
    return [
        counter.mint(STORE, Minted.RECEIVED, quantity),
        counter.move(STORE, Moved.RECEIVED, quantity),
    ]


def bodies(store: MemoryStore) -> list[EntryBody]:
    return verify(EMPTY, STORE, store.entries[STORE])[0]


def test_entries_of_many_batches_and_starts_are_one_chain() -> None:
    store = MemoryStore()
    for boot in ("first", "second"):
        ledger = opened(store, boot)
        ledger.start(f"nonce-{boot}")
        ledger.append("receipt", b"{}", cells=receive(ledger, 3))
        store.commit(ledger.take_pending())
        ledger.append("note", b"{}")
        store.commit(ledger.take_pending())

    written = bodies(store)

    assert [body.seq for body in written] == [1, 2, 3, 4, 5, 6]
    assert [body.kind for body in written] == ["started", "receipt", "note"] * 2
    assert [body.boot for body in written] == ["first"] * 3 + ["second"] * 3
    assert msgspec.json.decode(written[3].record) == {"nonce": "nonce-second"}
    assert ledger.next_seq == 7


def test_an_entry_says_who_why_and_what_it_left() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.synchronised = True
    actor = Actor(register="till-1", person="amal")

    place = ledger.append(
        "receipt", b'{"n":1}', actor=actor, reason="late", reference="N-7",
        moves=[("tea", 3)], cells=receive(ledger, 3),
        request=RequestMark(*KEY, b"digest", 201),
    )  # fmt: skip
    store.commit(ledger.take_pending())

    [body] = bodies(store)
    assert place == "riverside.1-1"
    assert (body.actor, body.reason, body.reference) == (actor, "late", "N-7")
    assert (body.moves, body.synchronised, body.at_ms) == ([("tea", 3)], True, NOON_MS)
    assert bytes(body.record) == b'{"n":1}'
    assert body.request == RequestMark(*KEY, b"digest", 201)
    assert body.cells == [
        CellChange(*PLACE, "minted", STORE, "received", 3),
        CellChange(*PLACE, "moved", STORE, "received", 3),
    ]


def test_the_program_acts_when_no_person_does() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.start("00")
    store.commit(ledger.take_pending())

    assert bodies(store)[0].actor == PROGRAM


def test_a_replay_of_the_journal_is_the_state() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.append("receipt", b"{}", cells=receive(ledger, 9))
    store.commit(ledger.take_pending())
    for _ in range(4):
        sold = ledger.counter(*PLACE).spend(STORE, Spent.SOLD, 2)
        assert isinstance(sold, CellChange)
        ledger.append("sale", b"{}", cells=[sold])
    store.commit(ledger.take_pending())

    rebuilt = replayed(entry.body for entry in store.entries[STORE])

    assert rebuilt == {
        (*PLACE, table, holder, detail): value
        for table, holder, detail, value in Ledger(store, STORE, "again").counter(*PLACE).cells()
    }
    assert Ledger(store, STORE, "again").counter(*PLACE).quota(STORE) == 1


def test_after_a_failed_commit_nothing_of_the_batch_is_known() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.append("receipt", b"{}", cells=receive(ledger, 5))
    store.commit(ledger.take_pending())
    committed = ledger.head

    ledger.append("receipt", b"{}", cells=receive(ledger, 7))
    ledger.counter("riverside", "mug").mint(STORE, Minted.RECEIVED, 1)
    place = ledger.append("note", b"{}")
    ledger.remember(KEY, b"d", 201, place)
    ledger.forget()

    assert not ledger.pending
    assert ledger.head == committed
    assert ledger.counter(*PLACE).quota(STORE) == 5
    assert ledger.counter("riverside", "mug").quota(STORE) == 0


def test_the_commit_after_a_failed_one_continues_the_journal() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.start("00")
    store.commit(ledger.take_pending())

    ledger.append("note", b'"lost"')
    ledger.take_pending()
    ledger.forget()
    ledger.append("note", b'"kept"')
    store.commit(ledger.take_pending())

    assert [bytes(body.record) for body in bodies(store)][1:] == [b'"kept"']


def test_a_batch_is_handed_over_once() -> None:
    ledger = opened(MemoryStore())
    assert not ledger.pending
    place = ledger.append("receipt", b"{}", cells=receive(ledger, 5))
    ledger.remember(KEY, hashlib.sha256(b"body").digest(), 201, place)

    batch = ledger.take_pending()

    assert [new.seq for new in batch.entries] == [1]
    assert batch.requests[KEY].entry == "riverside.1-1"
    assert batch.counters[PLACE].quota(STORE) == 5
    assert not ledger.pending
    assert not ledger.take_pending()


def test_a_counter_that_was_only_read_is_not_written() -> None:
    ledger = opened(MemoryStore())

    assert ledger.counter(*PLACE).quota(STORE) == 0

    assert not ledger.pending


def test_changes_survive_a_full_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receipt of many lines changes counter after counter and appends its entry last."""
    monkeypatch.setattr(ledger_module, "COUNTERS_CACHED_MAX", 2)
    store = MemoryStore()
    ledger = opened(store)
    skus = [f"sku-{n}" for n in range(7)]

    for quantity in (3, 4):
        cells = [cell for sku in skus for cell in receive(ledger, quantity, sku)]
        ledger.append("receipt", b"{}", cells=cells)
        store.commit(ledger.take_pending())

    for sku in skus:
        saved = Ledger(store, STORE, "again").counter("riverside", sku)
        assert saved.quota(STORE) == 7
        assert saved.value(Table.MINTED, STORE, Minted.RECEIVED) == 7


def test_a_start_replays_a_bounded_number_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "SAVE_ENTRIES", 5)
    store = MemoryStore()
    ledger = opened(store)

    for batch in range(1, 12):
        for _ in range(3):
            ledger.append("receipt", b"{}", cells=receive(ledger, 1))
        store.commit(ledger.take_pending())

        assert len(list(store.bodies_since_save())) < 5
        assert Ledger(store, STORE, "again").counter(*PLACE).quota(STORE) == 3 * batch


def test_entries_of_others_count_towards_the_next_checkpoint() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.append("receipt", b"{}", cells=receive(ledger, 1))
    ledger.folded(ledger_module.SAVE_ENTRIES - 2)
    assert not ledger.take_pending().is_checkpoint

    ledger.folded(1)

    assert ledger.take_pending().is_checkpoint


def test_an_idle_program_saves_its_counters() -> None:
    store = MemoryStore()
    ledger = opened(store)
    for quantity in (2, 3):
        ledger.append("receipt", b"{}", cells=receive(ledger, quantity))
        store.commit(ledger.take_pending())
    assert not ledger.is_saved()

    ledger.save()
    store.commit(ledger.take_pending())

    assert ledger.is_saved()
    assert list(store.bodies_since_save()) == []
    assert EscrowCounter(*PLACE, store.load_counter(*PLACE)).quota(STORE) == 5


def test_where_a_sku_is_stocked_is_in_the_rows_from_the_first_entry_on() -> None:
    store = MemoryStore()
    ledger = opened(store)

    ledger.append("receipt", b"{}", cells=receive(ledger, 2))
    store.commit(ledger.take_pending())

    assert list(store.load_counter(*PLACE)) != []


def test_a_cell_ahead_of_its_entry_is_in_the_rows_at_once() -> None:
    """No journal here holds it: a replay would not bring it back."""
    store = MemoryStore()
    ledger = opened(store)
    ledger.append("receipt", b"{}", cells=receive(ledger, 2))
    store.commit(ledger.take_pending())

    ledger.merge_cells([CellChange(*PLACE, "granted", HUB, STORE, 4)])
    store.commit(ledger.take_pending())

    assert Ledger(store, STORE, "again").counter(*PLACE).quota(STORE) == 6


def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "COUNTERS_CACHED_MAX", 2)
    ledger = opened(MemoryStore())

    for batch in range(10):
        ledger.counter("riverside", f"sku-{batch}")
        ledger.take_pending()
        assert len(ledger._counters) <= 2


def test_cells_of_others_are_news_once() -> None:
    store = MemoryStore()
    ledger = opened(store)
    granted = CellChange(*PLACE, "granted", HUB, STORE, 4)

    assert ledger.merge_cells([granted, granted]) == [granted]
    store.commit(ledger.take_pending())

    assert ledger.merge_cells([granted, granted._replace(value=3)]) == []
    assert not ledger.pending
    assert Ledger(store, STORE, "again").counter(*PLACE).quota(STORE) == 4


def test_nobody_else_writes_our_own_cells() -> None:
    ledger = opened(MemoryStore())
    own = receive(ledger, 5)[0]

    with pytest.raises(AssertionError, match="E8"):
        ledger.merge_cells([own])

    assert ledger.counter(*PLACE).quota(STORE) == 5


def test_stamps_go_on_after_a_restart_whatever_the_wall_clock_says() -> None:
    store = MemoryStore()
    ledger = opened(store)
    ledger.start("00")
    store.commit(ledger.take_pending())

    again = opened(store, "a box without a clock")
    again.now_ms = 1_000
    again.start("01")
    store.commit(again.take_pending())

    first, second = (decode_body(entry.body).stamp for entry in store.entries[STORE])
    assert second > first


def test_the_entries_of_a_deed_are_together_no_larger_than_one_may_be() -> None:
    store = MemoryStore()
    ledger = Ledger(store, STORE, "3f9a", entry_bytes_max=2_000)
    note = b'"' + b"x" * 700 + b'"'
    for more in (1, 0):
        ledger.append("note", note, more=more)
    ledger.append("note", note, more=2)
    ledger.append("note", note, more=1)

    with pytest.raises(EntryTooLarge):
        ledger.append("note", note)

    ledger.forget()
    ledger.append("note", note)
    ledger.append("note", note, more=2)
    with pytest.raises(AssertionError, match="told to its end"):
        ledger.append("note", note)
