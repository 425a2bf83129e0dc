"""Goal: what a register has from gateways comes to the one that stands there now, all of it.

Method: a register with a real file and a real link to a gateway in memory, which overhears some.
"""

from pathlib import Path

import pytest

from gateway.client import register_uplink, showing
from gateway.client.showing import Showing
from replication import wire
from replication.escrow import CellChange
from replication.session import GrantArrived, Session, Side
from tests.alone import register_at, so, stocked
from tests.memory_parent import REGISTER, MemoryParent, ServedParent
from tests.session_sides import Child


async def test_grants_are_shown_in_frames_that_are_taken(
    parent: MemoryParent, served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showing, "WANTS_MAX", 2)
    for number in range(5):
        parent.stock(f"SKU-{number}", 1)
    async with register_at(served, tmp_path) as register:
        await stocked(register, 10)
        await served.cut()
        replacement = MemoryParent(incarnation=3)
        served.heal(replacement)
        await so(register, lambda _one: bool(replacement.entries))

    shown = [[cell.sku for cell in one.cells] for one in replacement.grants()]
    assert shown == [["SKU-0", "SKU-1"], ["SKU-2", "SKU-3"], ["SKU-4", "TEA"]]


def requests(parent: MemoryParent) -> list[str]:
    """What grants were shown as, in the order in which they came."""
    return [one.request for one in parent.heard if isinstance(one, GrantArrived)]


async def test_grants_that_are_not_answered_are_shown_again_and_then_it_says_that_this_was_all(
    parent: MemoryParent, served: ServedParent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register_uplink, "SHOWN_AGAIN_S", 0.01)
    monkeypatch.setattr(showing, "WANTS_MAX", 1)
    parent.stock("SKU-1", 1)
    async with register_at(served, tmp_path) as register:
        await stocked(register, 6)
        await served.cut()
        replacement = MemoryParent(incarnation=3, overhears=["witnessed/2", "witnessed/2", "shown"])
        served.heal(replacement)
        await so(register, lambda _one: requests(replacement).count("shown") > 1)

    said = requests(replacement)
    answered = [place for place, one in enumerate(said) if one == "witnessed/2"][2]
    assert said[:2] == ["witnessed/1", "witnessed/2"]
    assert said.index("shown") > answered
    assert replacement.overhears == []


def test_an_older_gateway_is_shown_all_once_for_it_answers_nothing() -> None:
    session = Session(Side.CHILD, 0)
    session.greet(Child().hello())
    session.receive_bytes(
        wire.encode_frame(wire.Welcome(3, "riverside.2", 0, bytes(32), 0), wire.GREETING_VERSION), 0
    )
    session.frames_to_send()
    cell = CellChange("riverside", "tea", "granted", "riverside.1", REGISTER, 5)

    shows = Showing(session, iter([cell]))
    shows.say()

    assert shows.is_over
    [frame] = session.frames_to_send()
    assert wire.decode_frame(frame) == wire.Grant("witnessed", [cell], [])


def test_a_hundred_thousand_grants_are_shown_a_few_frames_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(showing, "WANTS_MAX", 1)
    monkeypatch.setattr(showing, "AT_ONCE_MAX", 2)
    session = Session(Side.CHILD, 0)
    session.greet(Child().hello())
    session.receive_bytes(
        wire.encode_frame(wire.Welcome(4, "riverside.2", 0, bytes(32), 0), wire.GREETING_VERSION), 0
    )
    session.frames_to_send()
    shows = Showing(
        session,
        (CellChange("riverside", f"SKU-{one}", "granted", "riverside.1", REGISTER, 5)
         for one in range(4)),
    )  # fmt: skip

    def said() -> list[str]:
        frames = [wire.decode_frame(frame) for frame in session.frames_to_send()]
        return [frame.request for frame in frames if isinstance(frame, wire.Grant)]

    assert said() == ["witnessed/1", "witnessed/2"]
    shows.answered("witnessed/2")
    shows.answered("witnessed/2")  # it had been shown twice
    assert said() == ["witnessed/3"]
    shows.say()
    assert said() == ["witnessed/1", "witnessed/3"]
    shows.answered("witnessed/1")
    shows.answered("witnessed/3")
    assert said() == ["witnessed/4"]
    shows.answered("witnessed/4")
    assert said() == ["shown"]
    shows.answered("shown")
    assert shows.is_over
    assert said() == []
