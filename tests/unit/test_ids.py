"""Goal: a name is a name everywhere or nowhere, and a journal place names one entry for ever.

Method: examples at each edge of the grammar; what was joined is split again by Hypothesis.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.ids import (
    HUB,
    SEQ_MAX,
    LocationId,
    WriterId,
    allower_of,
    entry_id,
    incarnation_of,
    is_location_id,
    is_writer_id,
    parse_entry_id,
    replica_of,
    replica_of_entry,
    writer_id,
)

replicas = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True).map(LocationId)
incarnations = st.integers(1, 999_999_999)
seqs = st.integers(1, SEQ_MAX)


@pytest.mark.parametrize("text", ["riverside", "0", "store-12", "a" * 63, "a--b", "hubs", "a-"])
def test_a_label_names_a_location(text: str) -> None:
    assert is_location_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hub",
        "-a",
        "Riverside",
        "a.b",
        "a_b",
        "a b",
        "a" * 64,
        "a\n",
        "é",
        "\N{ARABIC-INDIC DIGIT THREE}",
        "a/b",
        "a\0",
    ],
)
def test_anything_else_names_none(text: str) -> None:
    assert not is_location_id(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "riverside",
        ".1",
        "riverside.",
        "riverside.0",
        "riverside.01",
        "riverside.-1",
        "riverside.1234567890",
        "riverside.1.2",
        "riverside.1\n",
        "Riverside.1",
        "riverside.\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_a_writer_has_a_replica_and_a_counted_incarnation(text: str) -> None:
    assert not is_writer_id(text)


@given(replicas, incarnations)
def test_a_writer_splits_into_what_it_was_joined_from(replica: LocationId, number: int) -> None:
    writer = writer_id(replica, number)

    assert is_writer_id(writer)
    assert (replica_of(writer), incarnation_of(writer)) == (replica, number)


@given(replicas, incarnations, seqs)
def test_a_place_splits_into_what_it_was_joined_from(
    replica: LocationId, number: int, seq: int
) -> None:
    writer = writer_id(replica, number)

    assert parse_entry_id(entry_id(writer, seq)) == (writer, seq)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "riverside-42",
        "riverside.1",
        "riverside.1-0",
        "riverside.1-042",
        "riverside.1--42",
        f"riverside.1-{SEQ_MAX + 1}",
        "riverside.1-99999999999999999999",
        "riverside.1-42 ",
        "riverside.1-42\n",
    ],
)
def test_what_is_no_place_is_none(text: str) -> None:
    assert parse_entry_id(text) is None


@given(st.text(max_size=100))
def test_no_text_makes_a_parser_raise(text: str) -> None:
    parsed = parse_entry_id(text)

    assert parsed is None or entry_id(*parsed) == text
    assert not is_location_id(text) or is_writer_id(f"{text}.1")


def test_the_last_possible_place_is_one() -> None:
    assert parse_entry_id(f"hub.1-{SEQ_MAX}") == (WriterId("hub.1"), SEQ_MAX)
    assert replica_of("hub.1") == HUB


@given(replica=replicas, incarnation=incarnations, seq=st.integers(1, SEQ_MAX))
def test_what_is_about_an_entry_is_allowed_by_whoever_wrote_it(
    replica: LocationId, incarnation: int, seq: int
) -> None:
    entry = entry_id(writer_id(replica, incarnation), seq)

    assert replica_of_entry(entry) == replica
    assert {allower_of(f"returnable/{entry}/1"), allower_of(f"credit/{entry}/SAR/K7QX2M")} == {
        replica
    }
    assert allower_of(f"promotion/{entry}") == HUB


def test_what_names_no_entry_is_the_hubs_to_allow() -> None:
    assert replica_of_entry("riverside") is None
    assert allower_of("returnable/riverside/1") == HUB
