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
    is_register,
    is_register_name,
    is_writer_id,
    location_of,
    location_of_entry,
    parse_entry_id,
    register_of,
    register_writer,
    replica_of,
    writer_id,
)

replicas = st.from_regex(r"[a-z0-9][a-z0-9-]{0,62}", fullmatch=True).map(LocationId)
registers = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
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
        "riverside.till-1",
        "riverside.till-1.0",
        "riverside.Till.1",
        "riverside.-till.1",
        "riverside.till.drawer.1",
        f"riverside.{'a' * 32}.1",
        "hub.till-1.1",
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
    assert (location_of(writer), replica_of(writer)) == (replica, replica)
    assert (incarnation_of(writer), register_of(writer)) == (number, None)
    assert not is_register(writer)


@given(replicas.filter(lambda name: name != HUB), registers, incarnations, seqs)
def test_a_registers_writer_splits_into_what_it_was_joined_from(
    location: LocationId, register: str, number: int, seq: int
) -> None:
    writer = register_writer(location, register, number)

    assert is_writer_id(writer)
    assert is_register(writer)
    assert (location_of(writer), register_of(writer)) == (location, register)
    assert (replica_of(writer), incarnation_of(writer)) == (f"{location}.{register}", number)
    assert parse_entry_id(entry_id(writer, seq)) == (writer, seq)
    assert location_of_entry(entry_id(writer, seq)) == location


@pytest.mark.parametrize("text", ["", "1", "-a", "Till", "till.1", "till_1", "a" * 32, "till\n"])
def test_what_is_no_registers_name(text: str) -> None:
    assert not is_register_name(text)


@pytest.mark.parametrize("text", ["till-1", "a", "a" * 31, "kasse"])
def test_what_names_a_register(text: str) -> None:
    assert is_register_name(text)


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
    assert location_of("hub.1") == HUB


@given(replica=replicas, incarnation=incarnations, seq=st.integers(1, SEQ_MAX))
def test_what_is_about_an_entry_is_allowed_where_it_was_written(
    replica: LocationId, incarnation: int, seq: int
) -> None:
    entry = entry_id(writer_id(replica, incarnation), seq)

    assert location_of_entry(entry) == replica
    assert {allower_of(f"returnable/{entry}/1"), allower_of(f"credit/{entry}/SAR/K7QX2M")} == {
        replica
    }
    assert allower_of(f"promotion/{entry}") == HUB


def test_what_is_about_a_registers_entry_is_its_gateways_to_allow() -> None:
    assert allower_of("returnable/riverside.till-1.1-42/2") == "riverside"


def test_what_names_no_entry_is_the_hubs_to_allow() -> None:
    assert location_of_entry("riverside") is None
    assert allower_of("returnable/riverside/1") == HUB
