"""Goal: whatever became of a box while its image lay in a drawer, the image loses no sale.

Method: a chain in one process on real files; disks are copied at awkward moments, put back, and
what they did is handed over, as the simulator's images do it by the hundred.
"""

import pytest

from cloud_hub.lives.branches import BranchTaken
from gateway.lives.sealing import seal
from replication.ids import WriterId
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import sold

FIRST = WriterId("riverside.1")


@pytest.fixture
def restored(lives: LifeChain, old: ShopSide) -> ShopSide:
    """The same box, restored from an image of before its last sale, and on its own since."""
    image = lives.image(old)
    sold(old.sell("tea"))
    lives.sync()
    return lives.boot(image, old.state.identity)


def taken_in(lives: LifeChain, shop: ShopSide) -> BranchTaken:
    """The hub takes a box's branch in."""
    outcome = lives.hand_branch(FIRST, lives.branch_of(shop, lives.common(shop)))
    assert isinstance(outcome, BranchTaken), outcome
    return outcome


def test_an_image_that_hears_first_that_it_was_replaced_ends_its_branch_once(
    lives: LifeChain, restored: ShopSide
) -> None:
    mine = sold(restored.sell("tea", 2))
    lives.replace("riverside")
    restored.commit(lambda: seal(restored.state))  # fenced: that its journal parted it hears next

    taken = taken_in(lives, restored)

    assert taken.branch is not None
    assert taken.identity is None
    assert mine in lives.sales()
    assert lives.state_of(taken.branch) == "sealed"
    lives.check("tea")


def test_of_two_copies_of_one_branch_only_one_becomes_the_next_box(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea", 2))
    pieces = lives.branch_of(restored, lives.common(restored))
    first = taken_in(lives, restored)
    new = lives.go_on(first)
    new.receive(tea=1)
    lives.sync(new)

    copy = lives.hand_branch(FIRST, pieces)

    assert isinstance(copy, BranchTaken)
    assert copy.branch == first.branch
    assert copy.identity is None
    assert "riverside.3 now" in copy.detail
    assert lives.hub.state.is_living(WriterId("riverside.3"))
    lives.check("tea")
