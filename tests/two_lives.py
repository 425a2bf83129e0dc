"""Two lives of a box were told the same: the old disk is found, or an image answered as well."""

from collections.abc import Callable

from cloud_hub.lives.branches import BranchTaken
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.taking_over import new_box, take_over

Tell = Callable[[ShopSide], None]
"""Somebody tells a box something, or asks it with a key."""


def found(
    chain: LifeChain, old: ShopSide, tell: Tell, *, is_heard_first: bool, received: int = 0
) -> ShopSide:
    """The old box was told, the next one too, and then the old one's disk is found.

    `received` tea come in between, for what the other box held is frozen.
    """
    tell(old)
    new = new_box(chain)
    take_over(chain, new)
    chain.sync()
    if received:
        new.receive(tea=received)
    tell(new)
    if is_heard_first:
        chain.hand_over(old, sealed=True)
    chain.sync(new)
    if not is_heard_first:
        chain.hand_over(old, sealed=True)
    chain.sync()
    chain.sync()
    return new


def image_of(chain: LifeChain, box: ShopSide) -> ShopSide:
    """A box that runs on an image of this one."""
    return chain.boot(chain.image(box), box.state.identity)


def put_back(chain: LifeChain, old: ShopSide, tell: Tell) -> None:
    """The box was told, the hub heard, and an image of it is told too and hands over."""
    copy = image_of(chain, old)
    tell(old)
    chain.sync()
    chain.shops["riverside"] = copy
    tell(copy)
    hand_branch(chain, copy)


def hand_branch(chain: LifeChain, copy: ShopSide) -> None:
    """An image hands its branch over, and goes on as another box."""
    taken = chain.hand_branch(copy.state.ledger.writer, chain.branch_of(copy, chain.common(copy)))
    assert isinstance(taken, BranchTaken), taken
    chain.sync(chain.go_on(taken))
    chain.sync()
    chain.sync()
