"""Goal: a journal is believed only whole: no gap, other writer, broken chain or foreign cell.

Method: a good journal is cut, shuffled, doubled and bent in one place each; `verify` either returns
the whole of it or raises `PeerViolation`. It is pure, so a refusal has nothing to undo.
"""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.clock import TICK_MAX, WALL_MS_MAX
from replication.errors import LocalMisuse, PeerViolation
from replication.escrow import CELL_VALUE_MAX, CellChange
from replication.ids import SEQ_MAX, WriterId
from replication.journal import (
    EMPTY,
    ENTRY_BYTES_MAX,
    GENESIS,
    Actor,
    Entry,
    EntryBody,
    Head,
    RequestMark,
    append,
    decode_body,
    movements_of,
    verify,
)
from tests.replication_samples import HUB, STORE, body_of, chain, journal

GOLDEN: Final = Path(__file__).parents[1] / "golden" / "journal_v1.json"
TEN: Final = journal(10)

texts = st.text(max_size=20)
values = st.integers(1, CELL_VALUE_MAX)
names = st.text(  # of goods, not allowances
    st.characters(codec="utf-8", exclude_characters="/*"), max_size=20
)
spent_cells = st.builds(
    CellChange,
    names,
    names,
    st.just("spent"),
    st.just(STORE),
    st.sampled_from(["sold", "held", "committed"]),
    values,
)
bodies = st.builds(
    body_of,
    st.just(1),
    at_ms=st.integers(0, WALL_MS_MAX),
    tick=st.integers(0, TICK_MAX),
    boot=texts,
    synchronised=st.booleans(),
    kind=st.text(min_size=1, max_size=20),
    actor=st.builds(Actor, register=texts, person=texts),
    reason=texts,
    reference=texts,
    moves=st.lists(st.tuples(texts, st.integers(-CELL_VALUE_MAX, CELL_VALUE_MAX)), max_size=3),
    cells=st.lists(spent_cells, max_size=3),
    request=st.none()
    | st.builds(
        RequestMark,
        principal=texts,
        path=texts,
        key=texts,
        digest=st.binary(max_size=64),
        status=st.integers(100, 599),
    ),
)


def rechained(*written: EntryBody, head: Head = EMPTY) -> list[Entry]:
    """Entries whose hashes are right, whatever their bodies say."""
    entries: list[Entry] = []
    digest = head.hash
    for body in written:
        data = msgspec.json.encode(body)
        digest = hashlib.sha256(digest + data).digest()
        entries.append(Entry(data, digest))
    return entries


def bent(**changed: object) -> bytes:
    """A good entry's JSON with some of its members replaced."""
    members: dict[str, Any] = json.loads(msgspec.json.encode(body_of(1)))
    return json.dumps(members | changed).encode()


def test_the_bytes_and_hashes_of_a_journal_never_change() -> None:
    pinned = json.loads(GOLDEN.read_text(encoding="utf-8"))
    started = body_of(
        1, kind="started", moves=[], cells=[], record=msgspec.Raw(b'{"nonce":"00ff"}')
    )

    entries, head = chain([started, body_of(2)])

    assert [{"body": entry.body.decode(), "hash": entry.hash.hex()} for entry in entries] == pinned
    assert verify(EMPTY, STORE, entries) == ([started, body_of(2)], head)


def test_an_entry_names_the_request_that_it_answers_or_none() -> None:
    mark = RequestMark("till-1", "/v1/sales", "k-1", b"digest", 201)

    [plain, marked], _head = chain([body_of(1), body_of(2, request=mark)])

    assert b"request" not in plain.body
    assert marked.body.endswith(
        b',"request":{"principal":"till-1","path":"/v1/sales","key":"k-1",'
        b'"digest":"ZGlnZXN0","status":201}}'
    )
    assert decode_body(marked.body).request == mark


@given(bodies)
def test_a_body_comes_back_as_it_was_written(body: EntryBody) -> None:
    entry, head = append(EMPTY, body)

    assert decode_body(entry.body) == body
    assert head == Head(1, hashlib.sha256(GENESIS + entry.body).digest())
    assert verify(EMPTY, STORE, [entry]) == ([body], head)


@given(st.lists(st.integers(0, 10)))
def test_a_journal_in_batches_is_the_journal(cuts: list[int]) -> None:
    edges = sorted({0, 10, *cuts})
    head, seqs = EMPTY, []

    for start, end in itertools.pairwise(edges):
        batch, head = verify(head, STORE, TEN[start:end])
        seqs += [body.seq for body in batch]

    assert seqs == list(range(1, 11))
    assert head == Head(10, TEN[-1].hash)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_only_what_follows_without_a_gap_is_believed(places: list[int]) -> None:
    delivered = [TEN[place] for place in places]

    if places == list(range(len(places))):
        assert verify(EMPTY, STORE, delivered)[1].seq == len(places)
    else:
        with pytest.raises(PeerViolation, match="out of sequence"):
            verify(EMPTY, STORE, delivered)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_a_deed_is_believed_as_a_whole_or_not_at_all(sizes: list[int]) -> None:
    told = [more for size in sizes for more in range(size, -1, -1)]
    head, entries = EMPTY, []
    for number, more in enumerate(told, 1):
        entry, head = append(head, msgspec.structs.replace(body_of(number), more=more))
        entries.append(entry)

    assert verify(EMPTY, STORE, entries)[1] == head
    for end in range(len(told)):
        if end and told[end - 1]:
            with pytest.raises(PeerViolation, match="belong to entry"):
                verify(EMPTY, STORE, entries[:end])
        else:
            assert verify(EMPTY, STORE, entries[:end])[1].seq == end


@pytest.mark.parametrize("others", [(2, 0), (1, 1), (2, 2, 1, 0)])
def test_a_deed_that_others_break_into_is_not_believed(others: tuple[int, ...]) -> None:
    head, entries = EMPTY, []
    for number, more in enumerate([*others, 0], 1):
        entry, head = append(head, msgspec.structs.replace(body_of(number), more=more))
        entries.append(entry)

    with pytest.raises(PeerViolation, match="is no part of what it comes after"):
        verify(EMPTY, STORE, entries)


@given(st.integers(0, 9), st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_anywhere_breaks_the_chain(place: int, at: int, mask: int) -> None:
    body, digest = TEN[place]
    data = bytearray(body + digest)
    data[at % len(data)] ^= mask
    broken = Entry(bytes(data[: len(body)]), bytes(data[len(body) :]))

    with pytest.raises(PeerViolation):
        verify(EMPTY, STORE, [*TEN[:place], broken, *TEN[place + 1 :]])


def test_an_entry_of_another_branch_does_not_follow() -> None:
    fork = rechained(body_of(1, boot="other"), body_of(2))

    with pytest.raises(PeerViolation, match="does not follow"):
        verify(Head(1, TEN[0].hash), STORE, fork[1:])


@pytest.mark.parametrize("writer", ["riverside.2", "hilltop.1", "hub.1"])
def test_another_writers_entry_is_refused(writer: str) -> None:
    with pytest.raises(PeerViolation, match="in the journal of"):
        verify(EMPTY, STORE, rechained(body_of(1, writer=writer)))
    with pytest.raises(PeerViolation, match="in the journal of"):
        verify(EMPTY, WriterId(writer), TEN[:1])


@pytest.mark.parametrize(
    "cell",
    [
        CellChange("riverside", "tea", "granted", HUB, STORE, 5),
        CellChange("riverside", "tea", "spent", "riverside.2", "sold", 5),
        CellChange("riverside", "tea", "spent", STORE, "given_away", 5),
        CellChange("riverside", "tea", "invented", STORE, "sold", 5),
        CellChange("riverside", "tea", "granted", STORE, STORE, 5),
        CellChange("riverside", "tea", "spent", STORE, "sold", 0),
        CellChange("riverside", "tea", "spent", STORE, "sold", -5),
        CellChange("riverside", "tea", "minted", STORE, "received", CELL_VALUE_MAX + 1),
        CellChange("riverside", "tea", "minted", STORE, "received", 2**63),
    ],
    ids=lambda cell: f"{cell.table}[{cell.holder},{cell.detail}]={cell.value}",
)
def test_a_cell_that_the_writer_may_not_write_is_refused(cell: CellChange) -> None:
    """Also after good entries: the whole batch is refused."""
    bad = rechained(body_of(1), body_of(2, cells=[*body_of(2).cells, cell]))

    with pytest.raises(PeerViolation):
        verify(EMPTY, STORE, bad)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"seq":1',
        b"\xff\xfe",
        b"[" * 100_000,
        bent(seq=0),
        bent(seq=-1),
        bent(seq=1.5),
        bent(seq="1"),
        bent(seq=SEQ_MAX + 1),
        bent(seq=10**30),
        bent(writer="riverside"),
        bent(writer=""),
        bent(writer=7),
        bent(kind=""),
        bent(kind="k" * 65),
        bent(reason="r" * 501),
        bent(reference="r" * 201),
        bent(at_ms=-1),
        bent(at_ms=WALL_MS_MAX + 1),
        bent(at_ms=10**30),
        bent(tick=-1),
        bent(tick=10**30),
        bent(synchronised=1),
        bent(moves=[["tea", 0.5]]),
        bent(moves=[["tea", 10**30]]),
        bent(moves=[["tea"]]),
        bent(cells=[["riverside", "tea", "spent", STORE, "sold", 1.5]]),
        bent(cells=[["riverside", "tea", "spent", STORE, "sold", True]]),
        bent(cells=[["riverside", "tea", "spent", STORE, "sold"]]),
        bent(cells=[["riverside", "tea", "spent", STORE, "sold", 1, 1]]),
        bent(actor={"register": "till-1", "god": True}),
        bent(unknown=1),
        bent() + b"x",
        b'{"boot":"\\ud800",' + bent()[1:],
    ],
    ids=lambda data: f"{len(data)}-{hashlib.sha256(data).hexdigest()[:6]}",
)
def test_what_is_no_entry_is_a_violation(data: bytes) -> None:
    with pytest.raises(PeerViolation):
        decode_body(data)


@given(st.binary(max_size=200))
def test_invented_bytes_never_do_worse_than_a_violation(data: bytes) -> None:
    with pytest.raises(PeerViolation):
        decode_body(data)


@given(st.lists(st.tuples(st.integers(0), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bytes_never_do_worse_than_a_violation(flips: list[tuple[int, int]]) -> None:
    data = bytearray(TEN[0].body)
    for place, mask in flips:
        data[place % len(data)] ^= mask

    try:
        body = decode_body(bytes(data))
    except PeerViolation:
        return
    assert len(movements_of(body)) == len(body.moves), "what decodes can be shown to people"


def test_an_entry_beyond_the_limit_is_neither_written_nor_read() -> None:
    padding = ENTRY_BYTES_MAX - len(msgspec.json.encode(body_of(1, boot="")))
    full, too_full = body_of(1, boot="x" * padding), body_of(1, boot="x" * (padding + 1))

    assert len(append(EMPTY, full)[0].body) == ENTRY_BYTES_MAX
    with pytest.raises(LocalMisuse, match="above"):
        append(EMPTY, too_full)
    with pytest.raises(PeerViolation, match="above"):
        decode_body(msgspec.json.encode(too_full))


def test_a_gap_is_our_own_bug_when_we_write_it() -> None:
    with pytest.raises(AssertionError):
        append(Head(1, TEN[0].hash), body_of(3))


def test_a_movement_tells_who_what_when_and_why() -> None:
    body = body_of(7, moves=[("tea", -2), ("mug", 1)], reason="broken", reference="N-1")

    tea, mug = movements_of(body)

    assert (tea.sku, tea.quantity, mug.sku, mug.quantity) == ("tea", -2, "mug", 1)
    assert (tea.writer, tea.seq, tea.at) == (STORE, 7, "2026-11-22T12:00:00.007Z")
    assert (tea.kind, tea.actor.register, tea.actor.person) == ("sale", "till-1", "cashier-7")
    assert (tea.reason, tea.reference) == ("broken", "N-1")
