"""Goal: a disk that loses power keeps what was synced, and does its worst to everything else.

Method: writes, truncations, syncs and names made up by Hypothesis or by hand, against what a plain
file holds.
"""

import random
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from tests.power.disk import (
    ALL_KEPT,
    ALL_LOST,
    DAMAGES,
    REORDERED,
    SOME,
    WRECKED,
    Damage,
    Named,
    NamesSynced,
    Platter,
    Renamed,
    Step,
    Synced,
    SyncFailed,
    Truncated,
    Wrote,
    dice_of,
)

BEFORE: Final = bytes(range(256)) * 32
FILE: Final = 0

writes = st.builds(Wrote, st.just(FILE), st.integers(0, 9_000), st.binary(min_size=1, max_size=600))
truncations = st.builds(Truncated, st.just(FILE), st.integers(0, 9_000))
asked = st.lists(writes | truncations, max_size=12)
damages = st.sampled_from(DAMAGES)
dice = st.integers(0, 2**32).map(dice_of)


def plain(steps: list[Wrote | Truncated], file: bytes = BEFORE) -> bytes:
    """What a file holds after that, where nothing is ever lost."""
    data = bytearray(file)
    for step in steps:
        size = step.size if isinstance(step, Truncated) else step.offset
        data.extend(bytes(max(0, size - len(data))))
        if isinstance(step, Truncated):
            del data[size:]
        else:
            data[size : size + len(step.data)] = step.data
    return bytes(data)


def after(*steps: Step) -> Platter:
    """A disk with one file, after these steps."""
    platter = Platter({"a.db": BEFORE})
    for step in steps:
        platter.take(step)
    return platter


@given(steps=asked, damage=damages, dice=dice)
def test_what_was_synced_survives_whatever_happens(
    steps: list[Wrote | Truncated], damage: Damage, dice: random.Random
) -> None:
    platter = after(*steps, Synced(FILE, directory=False))

    assert platter.cut(damage, dice) == {"a.db": plain(steps)}


@given(synced=asked, cached=asked, dice=dice)
def test_what_was_not_synced_is_all_lost_or_all_kept(
    synced: list[Wrote | Truncated], cached: list[Wrote | Truncated], dice: random.Random
) -> None:
    platter = after(*synced, Synced(FILE, directory=False), *cached)

    assert platter.cut(ALL_LOST, dice) == {"a.db": plain(synced)}
    assert platter.cut(ALL_KEPT, dice) == {"a.db": plain(synced + cached)}


@given(cached=st.lists(writes, max_size=6), damage=damages, dice=dice)
def test_nothing_beside_what_is_written_is_touched(
    cached: list[Wrote], damage: Damage, dice: random.Random
) -> None:
    written = {at for one in cached for at in range(one.offset, one.offset + len(one.data))}

    left = after(*cached).cut(damage, dice)["a.db"]

    assert len(left) >= len(BEFORE)
    assert all(left[at] == BEFORE[at] for at in range(len(BEFORE)) if at not in written)
    assert not any(left[at] for at in range(len(BEFORE), len(left)) if at not in written)


def test_a_cut_can_lose_tear_spoil_and_reorder() -> None:
    old, first, second = b"o" * 512, b"1" * 512, b"2" * 512
    seen: set[str] = set()
    for seed in range(300):
        platter = Platter({"a.db": old})
        platter.take(Wrote(FILE, 0, first))
        platter.take(Wrote(FILE, 0, second))
        for damage in (WRECKED, SOME, REORDERED):
            left = platter.cut(damage, dice_of(seed))["a.db"]
            seen |= {
                {old: "lost", first: "the first", second: "the second"}.get(
                    left, "torn" if set(left) <= set(b"o12") else "garbage"
                ),
                f"{damage.name}: {left == first}",
            }

    assert {"lost", "torn", "garbage", "the first", "the second"} <= seen
    assert "out of order: True" in seen


def test_a_share_of_what_is_cached_is_damaged() -> None:
    platter = Platter({"a.db": bytes(512 * 1_000)})
    for sector in range(1_000):
        platter.take(Wrote(FILE, 512 * sector, b"n" * 512))

    for seed in range(20):
        left = platter.cut(WRECKED, dice_of(seed))["a.db"]
        kept = sum(left[at : at + 512] == b"n" * 512 for at in range(0, len(left), 512))
        assert kept <= 260, "80 to 100 % are damaged"


def test_a_file_that_its_directory_does_not_know_may_not_be_there() -> None:
    platter = after(Named("a.db-wal", 1), Wrote(1, 0, b"log"), Synced(1, directory=False))

    found = {"a.db-wal" in platter.cut(SOME, dice_of(seed)) for seed in range(50)}
    platter.take(Synced(FILE, directory=True))
    later = {platter.cut(SOME, dice_of(seed))["a.db-wal"] for seed in range(50)}

    assert found == {True, False}
    assert later == {b"log"}


def test_a_file_that_was_deleted_may_be_there_again() -> None:
    platter = after(Named("a.db", None))

    found = {platter.cut(SOME, dice_of(seed)).get("a.db") for seed in range(50)}
    platter.take(Named("other", None, is_synced=True))

    assert found == {BEFORE, None}
    assert platter.cut(ALL_LOST, dice_of(0)) == {}


def test_what_a_failed_sync_lost_no_later_sync_brings_back() -> None:
    left = {
        after(
            Wrote(FILE, 0, b"n" * 512), SyncFailed(FILE, seed), Synced(FILE, directory=False)
        ).cut(ALL_KEPT, dice_of(0))["a.db"][:512]
        for seed in range(50)
    }

    assert {BEFORE[:512], b"n" * 512} <= left


@given(damages, dice)
def test_a_renamed_file_has_one_of_its_names_until_the_directory_is_synced(
    damage: Damage, dice: random.Random
) -> None:
    platter = after(Renamed("a.db", "b.db"))

    left = platter.cut(damage, dice)
    assert list(left.values()) == [BEFORE]
    assert damage not in (ALL_KEPT, ALL_LOST) or list(left) == [
        "b.db" if damage == ALL_KEPT else "a.db"
    ]

    platter.take(NamesSynced())
    assert platter.cut(damage, dice) == {"b.db": BEFORE}
