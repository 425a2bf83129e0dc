"""Goal: of two boxes from one image one stays off for good, and a box alone goes on as another.

Method: a chain in one process on real files; a disk is copied, and both go on. The test says which
links seem to be alive, and when the last frame came.
"""

import pytest

from cloud_hub.lives.branches import BranchTaken
from replication.errors import PeerFenced
from replication.ids import WriterId
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import sold
from web.lives import BranchPiece

FIRST = WriterId("riverside.1")


@pytest.fixture
def pieces(lives: LifeChain, old: ShopSide) -> list[BranchPiece]:
    """What a copy of a box sold that the hub knows nothing of; the box itself is connected."""
    copy = lives.boot(lives.image(old), old.state.identity)
    sold(old.sell("tea"))
    lives.sync()
    sold(copy.sell("tea", 2))
    lives.hub.state.reachable.add("riverside")
    return lives.branch_of(copy, lives.common(copy))


def handed(
    lives: LifeChain, pieces: list[BranchPiece], *, heard_ms: int | None = None
) -> BranchTaken:
    """What the hub says to all of a branch."""
    taken = lives.hand_branch(FIRST, pieces, heard_ms=heard_ms)
    assert isinstance(taken, BranchTaken), taken
    return taken


def test_a_copy_hears_that_it_stays_off_once_the_other_box_has_spoken_since(
    lives: LifeChain, old: ShopSide, pieces: list[BranchPiece]
) -> None:
    before = lives.sales()

    first = handed(lives, pieces)
    assert (first.identity, first.branch) == (None, None)
    assert "waits to see" in first.detail
    assert len(lives.sales()) == len(before) + 1
    lives.check("tea")

    taken = handed(lives, pieces, heard_ms=lives.hub.state.ledger.now_ms + 1)
    assert (taken.identity, taken.branch) == (None, "riverside.2")
    assert "two boxes run from one image" in taken.detail
    sold(old.sell("tea"))
    lives.sync(old)  # it goes on
    lives.check("tea")


def test_a_copy_that_stays_off_does_so_whatever_becomes_of_lines_and_of_the_hub(
    lives: LifeChain, pieces: list[BranchPiece]
) -> None:
    handed(lives, pieces)
    handed(lives, pieces, heard_ms=lives.hub.state.ledger.now_ms + 1)

    lives.hub.restart()
    assert not lives.hub.state.reachable

    again = handed(lives, pieces)
    assert (again.identity, again.branch) == (None, "riverside.2")
    lives.hub.commit(lambda: lives.hub.state.check_living(FIRST))


def test_a_box_beside_which_only_its_own_dead_line_seemed_to_speak_goes_on_as_another(
    lives: LifeChain, pieces: list[BranchPiece]
) -> None:
    heard_ms = lives.hub.state.ledger.now_ms
    assert handed(lives, pieces, heard_ms=heard_ms).identity is None
    lives.hub.state.reachable.discard("riverside")

    assert handed(lives, pieces, heard_ms=heard_ms).identity is not None

    with pytest.raises(PeerFenced):
        lives.hub.commit(lambda: lives.hub.state.check_living(FIRST))
    lives.hub.commit(lambda: None)
    lives.check("tea")
