"""Goal: entity documents come out the same wherever and in whichever order they were merged.

Method: Hypothesis lets several replicas write and hear of each other; the model of events is a
union. Saved bytes are cut and flipped: `DocumentCorrupt` is the only answer to a broken one.
"""

import hashlib
import itertools
from typing import Final

import pytest
from automerge import core
from hypothesis import given
from hypothesis import strategies as st

from replication import document
from replication.document import DOCUMENT_BYTES_MAX, EntityDocument, actor_for, is_document
from replication.errors import DocumentCorrupt

BLANK_SHA256: Final = "a5f98101e7e91fe7572364bd59910f30ef1247ab708798517e4cb3984cfff859"
ACTORS: Final = [actor_for(f"{name}.1", "boot") for name in ("hub", "riverside", "hilltop")]

names = st.sampled_from(["name", "price", "barcodes"])
texts = st.text(max_size=30).map(lambda text: f'"{text}"')
writes = st.tuples(
    st.integers(0, 2),
    st.dictionaries(names, texts, max_size=3),
    st.dictionaries(st.sampled_from([f"e{n}" for n in range(6)]), texts, max_size=2),
)

State = tuple[dict[str, str], dict[str, str]]
Write = tuple[int, dict[str, str], dict[str, str]]


def state_of(one: EntityDocument) -> State:
    return one.fields(), one.events()


def merged(documents: list[EntityDocument]) -> State:
    union = EntityDocument.new(actor_for("reader.1", "boot"))
    for one in documents:
        union.merge(one)
    return state_of(union)


def replicas() -> list[EntityDocument]:
    return [EntityDocument.new(actor) for actor in ACTORS]


def sample() -> EntityDocument:
    one = EntityDocument.new(ACTORS[0])
    one.put({"name": '"Tea"', "price": "349"}, {"e1": '{"type":"placed"}'})
    return one


def test_every_document_starts_with_the_same_bytes_on_every_machine() -> None:
    assert hashlib.sha256(document._EMPTY.save()).hexdigest() == BLANK_SHA256
    assert EntityDocument.new(ACTORS[0]).save() == EntityDocument.new(ACTORS[1]).save()
    assert state_of(EntityDocument.new(ACTORS[0])) == ({}, {})


@given(st.lists(writes, max_size=8))
def test_merging_in_any_order_gives_one_document(history: list[Write]) -> None:
    documents = replicas()
    written: dict[str, set[str]] = {}
    for who, fields, events in history:
        for name, text in events.items():
            written.setdefault(name, set()).add(text)
        documents[who].put(fields, events)

    states = [merged(list(order)) for order in itertools.permutations(documents)]

    assert all(state == states[0] for state in states), "commutative and associative"
    assert merged([*documents, *documents]) == states[0], "idempotent"
    fields, events = states[0]
    assert events.keys() == written.keys(), "a merge of events is a union"
    assert all(text in written[name] for name, text in events.items())
    offered = [one.fields() for one in documents]
    assert all(any(one.get(name) == text for one in offered) for name, text in fields.items())


@given(st.lists(st.tuples(writes, st.integers(0, 2)), max_size=8))
def test_replicas_that_talk_now_and_then_end_up_equal(
    history: list[tuple[Write, int]],
) -> None:
    documents = replicas()
    for (who, fields, events), told in history:
        documents[who].put(fields, events)
        if told != who:
            documents[told].merge(documents[who])

    for a, b in itertools.permutations(range(3), 2):
        documents[a].merge(documents[b])

    for one in documents:
        assert state_of(one) == state_of(documents[0]) == merged(documents)
        assert state_of(EntityDocument.load(one.save())) == state_of(one)


@given(st.lists(writes, max_size=6))
def test_a_snapshot_and_the_changes_after_it_are_the_document(
    history: list[Write],
) -> None:
    one = EntityDocument.new(ACTORS[0])
    snapshot = one.save()
    changes = [one.put(fields, events) for _, fields, events in history]

    loaded = EntityDocument.load(snapshot, changes)

    assert state_of(loaded) == state_of(one)


def test_what_is_known_already_is_no_change() -> None:
    one = sample()

    assert one.put({"price": "349"}, {"e1": '{"type":"other"}'}) == b""
    assert one.events() == {"e1": '{"type":"placed"}'}, "an event is never rewritten"
    assert one.merge(EntityDocument.load(one.save())) == b""


def test_what_a_merge_brought_is_a_change_of_its_own() -> None:
    mine, theirs = sample(), sample()
    theirs.set_actor(ACTORS[1])
    theirs.put({"price": "399"})
    before = mine.save()

    news = mine.merge(theirs)

    assert state_of(EntityDocument.load(before, [news])) == state_of(mine)
    assert mine.fields()["price"] == "399"


def test_an_actor_belongs_to_one_start_of_one_writer() -> None:
    actors = {
        actor_for(writer, boot)
        for writer in ("hub.1", "hub.2", "riverside.1", "riverside.11")
        for boot in ("a", "b", "1a")
    }

    assert len(actors) == 12
    assert {len(actor) for actor in actors} == {16}
    assert actor_for("hub.1", "a") == actor_for("hub.1", "a")


def test_two_starts_of_one_writer_write_the_same_document_and_still_merge() -> None:
    """A copied disk that started twice: with one actor Automerge would refuse the merge."""
    saved = sample().save()
    twins = [EntityDocument.load(saved) for _ in range(2)]
    for twin, boot in zip(twins, ("first", "second"), strict=True):
        twin.set_actor(actor_for("hub.1", boot))
        twin.put(events={boot: "{}"})

    twins[0].merge(twins[1])

    assert twins[0].events().keys() == {"e1", "first", "second"}


@given(st.integers(0))
def test_a_document_cut_anywhere_does_not_load(place: int) -> None:
    saved = sample().save()

    with pytest.raises(DocumentCorrupt):
        EntityDocument.load(saved[: place % len(saved)])


@given(st.integers(0), st.integers(1, 255))
def test_a_flipped_byte_does_not_load(place: int, mask: int) -> None:
    data = bytearray(sample().save())
    data[place % len(data)] ^= mask

    with pytest.raises(DocumentCorrupt):
        EntityDocument.load(bytes(data))


@given(st.integers(0), st.integers(0, 255))
def test_a_broken_change_leaves_nothing_half_applied(place: int, mask: int) -> None:
    one = sample()
    snapshot = one.save()
    change = bytearray(one.put({"price": "399", "name": '"Green tea"'}))
    broken = bytes(change[: place % len(change)])
    if mask:
        change[place % len(change)] ^= mask
        broken = bytes(change)

    if broken:
        with pytest.raises(DocumentCorrupt):
            EntityDocument.load(snapshot, [broken])
    assert state_of(EntityDocument.load(snapshot)) == state_of(sample())


@given(st.binary(max_size=200))
def test_invented_bytes_do_not_load(data: bytes) -> None:
    for garbage in (data, b"\x85oJ\x83" + data):
        with pytest.raises(DocumentCorrupt):
            EntityDocument.load(garbage)


def test_a_document_without_its_history_says_the_same_in_fewer_bytes() -> None:
    one = sample()
    for price in range(200):
        one.put({"price": str(price)})
    before, said = len(one.save()), state_of(one)

    one.forget_history()

    assert state_of(one) == said
    assert len(one.save()) < before / 2
    change = one.put({"price": "7"})
    assert change
    assert state_of(EntityDocument.load(one.save())) == ({**said[0], "price": "7"}, said[1])


def test_who_goes_on_without_history_is_another_actor() -> None:
    """Were it the same, a copy of before could not even be compared: Automerge would refuse it."""
    one = sample()
    copy = EntityDocument.load(one.save())
    one.put({"price": "1"})

    one.forget_history()
    one.put({"price": "2"})
    one.forget_history()
    one.put({"price": "3"})
    copy.merge(EntityDocument.load(one.save()))

    assert copy.fields().keys() == one.fields().keys()


def test_only_what_automerge_saved_claims_to_be_a_document() -> None:
    assert is_document(sample().save())
    assert is_document(EntityDocument.new(ACTORS[0]).save())
    assert not is_document(b"")
    assert not is_document(b'{"sku":"tea"}')


def test_a_document_of_another_shape_is_not_one_of_ours() -> None:
    def made(**maps: object) -> bytes:
        doc = core.Document(bytes(16))
        with doc.transaction() as change:
            for name, value in maps.items():
                if isinstance(value, core.ObjType):
                    change.put_object(core.ROOT, name, value)
                elif isinstance(value, dict):
                    target = change.put_object(core.ROOT, name, core.ObjType.Map)
                    change.put(target, "key", core.ScalarType.Int, 7)
                else:
                    change.put(core.ROOT, name, core.ScalarType.Str, str(value))
        return doc.save()

    both = {"fields": core.ObjType.Map, "events": core.ObjType.Map}
    for strange in (
        {},
        {"fields": core.ObjType.Map},
        both | {"events": core.ObjType.List},
        both | {"events": "text"},
        both | {"fields": {"key": 7}},
    ):
        with pytest.raises(DocumentCorrupt):
            EntityDocument.load(made(**strange))


def test_a_document_that_begins_otherwise_is_refused_before_it_hides_ours() -> None:
    stranger = core.Document(ACTORS[1])
    with stranger.transaction() as change:
        fields = change.put_object(core.ROOT, "fields", core.ObjType.Map)
        change.put_object(core.ROOT, "events", core.ObjType.Map)
        change.put(fields, "name", core.ScalarType.Str, '"Theirs"')
    late = core.Document.load(sample().save())
    late.set_actor(ACTORS[1])
    with late.transaction() as change:
        change.put_object(core.ROOT, "events", core.ObjType.Map)

    for strange in (stranger, late):
        with pytest.raises(DocumentCorrupt, match="stranger"):
            EntityDocument.load(strange.save())


def test_a_document_beyond_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(DocumentCorrupt, match="above"):
        EntityDocument.load(bytes(DOCUMENT_BYTES_MAX), [b"\x00"])
