"""Goal: a gateway passes its registers' entries on byte for byte, and nobody else's.

Method: entries of a register are wrapped and unwrapped again; then each name, hash and cell of what
a gateway may pass on is replaced by one that is not its to say.
"""

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.errors import EntryTooLarge, PeerViolation
from replication.escrow import CellChange
from replication.ids import EVERYWHERE, WriterId
from replication.journal import EMPTY, ENTRY_BYTES_MAX, Entry, EntryBody, append, verify
from replication.ledger import Ledger
from replication.relaying import (
    RELAYABLE_BYTES_MAX,
    RELAYED,
    RELAYED_BYTES_MAX,
    WITNESSED,
    Relayed,
    Witnessed,
    check_witnessed,
    relay,
    unwrap,
)
from tests.replication_samples import MemoryStore, body_of, chain

TILL: Final = WriterId("riverside.till-1.2")
GATEWAY: Final = WriterId("riverside.2")
GRANT: Final = CellChange("riverside", "tea", "granted", "riverside.1", TILL, 5)

GIVEN_BACK: Final = [
    GRANT._replace(holder=TILL, detail=gateway) for gateway in ("riverside.1", "riverside.2")
]


def sold_at_the_till(count: int, filler: str = "") -> list[Entry]:
    record = msgspec.Raw(msgspec.json.encode({"filler": filler}))
    return chain(body_of(n, writer=TILL, cells=[], record=record) for n in range(1, count + 1))[0]


def passed_on(record: object, *, by: str = GATEWAY, kind: str = RELAYED) -> EntryBody:
    """An entry of the gateway with that record in it, as the hub decodes it."""
    raw = record if isinstance(record, bytes) else msgspec.json.encode(record)
    return body_of(1, writer=by, kind=kind, cells=[], moves=[], record=msgspec.Raw(raw))


@given(st.lists(st.integers(0, 90_000), min_size=1, max_size=12))
def test_what_is_relayed_comes_out_byte_for_byte_and_in_order(sizes: list[int]) -> None:
    entries, _head = chain(
        body_of(n, writer=TILL, cells=[], record=msgspec.Raw(b'"' + b"x" * size + b'"'))
        for n, size in enumerate(sizes, 1)
    )

    records = relay(TILL, entries)

    unwrapped = [unwrap(passed_on(record)) for record in records]
    assert {writer for writer, _ in unwrapped} == {TILL}
    assert [entry for _, some in unwrapped for entry in some] == entries
    assert len(verify(EMPTY, TILL, entries)[0]) == len(sizes)
    for (_, some), record in zip(unwrapped, records, strict=True):
        assert len(some) == 1 or len(record) <= RELAYED_BYTES_MAX + 200


def test_many_small_entries_travel_together() -> None:
    assert len(relay(TILL, sold_at_the_till(100))) == 1
    assert relay(TILL, []) == []


def test_a_registers_largest_entry_fits_into_one_of_its_gateway() -> None:
    store = MemoryStore()
    till = Ledger(store, TILL, "3f9a", entry_bytes_max=RELAYABLE_BYTES_MAX)
    room = RELAYABLE_BYTES_MAX - len(sold_at_the_till(1)[0].body) + 20
    with pytest.raises(EntryTooLarge, match=str(RELAYABLE_BYTES_MAX)):
        till.append("note", msgspec.json.encode("x" * RELAYABLE_BYTES_MAX))
    assert (till.next_seq, bool(till.pending)) == (1, False)
    till.append("note", msgspec.json.encode("x" * (room - 400)))
    [new] = till.take_pending().entries

    [record] = relay(TILL, [new.entry])
    entry, _head = append(EMPTY, passed_on(record))

    assert RELAYABLE_BYTES_MAX - 1000 < len(new.entry.body) <= RELAYABLE_BYTES_MAX
    assert len(entry.body) <= ENTRY_BYTES_MAX


@pytest.mark.parametrize(
    ("writer", "by"),
    [
        ("riverside.1", GATEWAY),  # no register
        ("hub.1", GATEWAY),
        ("hub.till-1.1", GATEWAY),
        ("airport.till-1.1", GATEWAY),  # another store's
        ("riverside.till-1", GATEWAY),
        ("", GATEWAY),
        (TILL, TILL),  # a register relays nothing
        (TILL, "riverside.till-2.1"),
        (TILL, "hub.1"),
        (TILL, "airport.1"),
    ],
)
def test_a_gateway_speaks_for_its_own_registers_only(writer: str, by: str) -> None:
    [entry] = sold_at_the_till(1)
    record = Relayed(writer=writer, entries=[(entry.body, entry.hash)])

    with pytest.raises(PeerViolation):
        unwrap(passed_on(record, by=by))


@pytest.mark.parametrize(
    "record",
    [
        b"{}",
        b"[]",
        b'{"writer": "riverside.till-1.2", "entries": []}',
        b'{"writer": "riverside.till-1.2", "entries": [["e30="]]}',
        b'{"writer": "riverside.till-1.2", "entries": [["e30=", "e30="]]}',
        b'{"writer": "riverside.till-1.2", "entries": [["%%%", "%%%"]]}',
        b'{"writer": "riverside.till-1.2", "entries": [], "more": 1}',
        b"[" * 10_000 + b"]" * 10_000,
        msgspec.json.encode(
            {"writer": TILL, "entries": [[b"x" * (RELAYABLE_BYTES_MAX + 1), bytes(32)]]}
        ),
    ],
    ids=lambda record: record[:60].decode(),
)
def test_what_is_no_relayed_record_is_a_violation(record: bytes) -> None:
    with pytest.raises(PeerViolation):
        unwrap(passed_on(record))


def test_a_tampered_entry_does_not_follow_at_the_hub() -> None:
    entries = sold_at_the_till(3)
    entries[1] = Entry(entries[1].body.replace(b"till", b"tull", 1), entries[1].hash)
    writer, unwrapped = unwrap(passed_on(relay(TILL, entries)[0]))

    with pytest.raises(PeerViolation):
        verify(EMPTY, writer, unwrapped)


def test_grants_between_a_register_and_its_gateways_lives_are_witnessed() -> None:
    uses = CellChange(EVERYWHERE, "promotion/summer", "granted", "riverside.1", TILL, 2)
    record = Witnessed(register=TILL, cells=[GRANT, uses, *GIVEN_BACK])

    assert check_witnessed(passed_on(record, kind=WITNESSED)) == record


@pytest.mark.parametrize(
    "changed",
    [
        {"holder": "riverside.2"},  # its own: it knows them itself
        {"holder": "riverside.3"},
        {"holder": "hub.1"},
        {"holder": "airport.1"},
        {"holder": "riverside.till-2.1"},
        {"holder": TILL},  # to itself
        {"holder": TILL, "detail": "riverside.3"},
        {"holder": TILL, "detail": "hub.1"},
        {"holder": TILL, "detail": "airport.1"},
        {"holder": TILL, "detail": "riverside.till-2.1"},
        {"holder": "riverside.till-1.1", "detail": "riverside.2"},
        {"holder": "riverside"},
        {"holder": ""},
        {"detail": "riverside.till-2.1"},
        {"detail": "riverside.2"},
        {"table": "minted", "detail": "received"},
        {"table": "granted", "detail": "received"},
        {"location": "airport"},
        {"location": EVERYWHERE},
        {"sku": "promotion/summer"},
        {"value": 0},
        {"value": -1},
        {"value": 2**53},
    ],
    ids=str,
)
def test_no_other_cell_is_witnessed(changed: dict[str, Any]) -> None:
    record = Witnessed(register=TILL, cells=[GRANT, GRANT._replace(**changed)])

    with pytest.raises(PeerViolation):
        check_witnessed(passed_on(record, kind=WITNESSED))


@pytest.mark.parametrize("register", ["airport.till-1.1", "riverside.2", "", "hub.1"])
def test_no_others_registers_witness(register: str) -> None:
    record = Witnessed(register=register, cells=[GRANT._replace(detail=register or TILL)])

    with pytest.raises(PeerViolation):
        check_witnessed(passed_on(record, kind=WITNESSED))
