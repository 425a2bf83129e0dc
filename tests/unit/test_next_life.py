"""Goal: from one life to the next a box loses neither file, wherever it is killed.

Method: real files; before each rename and each commit a start is cut off, and the next one goes on.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.app import DATABASE, open_database
from gateway.enrolment import BOX
from gateway.identity import Identity, load_identity, store_identity
from gateway.lives import next_life
from gateway.lives.next_life import CameOf, NextLife, begin_next_life, came_of, note_next_life
from replication.adapters.sqlite import ReplicaStore, connect, transaction


class Killed(Exception):
    """The power went."""


def identity_of(writer: str) -> Identity:
    return Identity(
        writer=writer, name="Riverside", kind="store", parent="hub.1", jurisdiction="OM",
        timezone="Asia/Muscat", token=f"ct_{writer}",
    )  # fmt: skip


FOLLOWING = NextLife(
    identity=identity_of("riverside.3"),
    came=CameOf(
        earlier="riverside.1", branch="riverside.2", exposed_units=4, register=None, at_ms=7
    ),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A box that is to be another from its next start on; its program was killed."""
    connection = open_database(tmp_path)
    with transaction(connection):
        store_identity(ReplicaStore(connection), identity_of("riverside.1"))
        ReplicaStore(connection).set_meta(BOX, "0" * 32)
        note_next_life(ReplicaStore(connection), FOLLOWING)
    connection.close()
    return tmp_path


def who(data: Path, file: str = DATABASE) -> str:
    connection = connect(data / file)
    try:
        identity = load_identity(ReplicaStore(connection))
    finally:
        connection.close()
    assert identity is not None
    return identity.writer


def check_reborn(data: Path) -> None:
    assert who(data) == "riverside.3"
    assert who(data, "gateway-riverside.1.db") == "riverside.1"
    connection = open_database(data)
    store = ReplicaStore(connection)
    assert (came_of(store), store.meta(BOX)) == (FOLLOWING.came, "0" * 32)
    assert store.load_head("riverside.1").seq == 0
    connection.close()
    assert not (next_life.next_file(data, DATABASE)).exists()


def test_a_start_takes_up_the_next_life_and_keeps_the_old_file(data: Path) -> None:
    begin_next_life(data, DATABASE)
    begin_next_life(data, DATABASE)

    check_reborn(data)


def test_a_box_without_a_next_life_stays_as_it_is(tmp_path: Path) -> None:
    begin_next_life(tmp_path, DATABASE)
    open_database(tmp_path).close()
    begin_next_life(tmp_path, DATABASE)

    assert [one.name for one in tmp_path.glob("*.db")] == [DATABASE]


@pytest.mark.parametrize("point", range(5))
def test_a_start_that_is_killed_on_the_way_is_gone_on_with(
    data: Path, monkeypatch: pytest.MonkeyPatch, point: int
) -> None:
    left = [point]
    names = ("_make", "_rename")
    doing: dict[str, Callable[..., None]] = {name: getattr(next_life, name) for name in names}

    def cut_at(name: str) -> Callable[..., None]:
        def work(*given: object) -> None:
            for when in ("before", "after"):
                if left[0] == 0:
                    raise Killed(f"{when} {name}")
                left[0] -= 1
                if when == "before":
                    doing[name](*given)

        return work

    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(next_life, name, cut_at(name))
        with pytest.raises(Killed):
            begin_next_life(data, DATABASE)

    begin_next_life(data, DATABASE)

    check_reborn(data)


@pytest.mark.parametrize("name", ["_make", "_rename"])
def test_a_disk_that_does_not_take_it_leaves_the_box_who_it_was(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def full(*_given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(next_life, name, full)
        begin_next_life(data, DATABASE)
        assert who(data) == "riverside.1"

    begin_next_life(data, DATABASE)

    check_reborn(data)


def test_a_half_made_file_is_made_again(data: Path) -> None:
    (next_life.next_file(data, DATABASE)).write_bytes(b"half a page")
    Path(f"{next_life.next_file(data, DATABASE)}-wal").write_bytes(b"more")

    begin_next_life(data, DATABASE)

    check_reborn(data)


def test_no_earlier_file_is_overwritten_when_it_happens_twice(data: Path) -> None:
    (data / "gateway-riverside.1.db").write_bytes(b"of the first time")

    begin_next_life(data, DATABASE)

    assert (data / "gateway-riverside.1.db").read_bytes() == b"of the first time"
    assert who(data, "gateway-riverside.1-2.db") == "riverside.1"
