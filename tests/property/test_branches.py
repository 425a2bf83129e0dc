"""Goal: whatever two boxes did that went on from one image, the hub comes to the sum of it.

Method: a chain in one process on real files. A box sells, receives, loses, holds and hands over;
its disk is copied at some point, and both go on without the hub, in any mixture. Then the hub hears
the one by its link and the other as a branch, in pieces of any size; and, where there is one, a
copy of the copy as a branch of that. What moved is added up by the test itself; all invariants and
the audit have the last word.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from cloud_hub.lives.branches import BranchTaken
from replication.ids import WriterId
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import sold
from web.once import Done

SKUS: Final = ("tea", "jam")

Deed = tuple[str, str, int]
"""What is done, with which SKU, how many."""

DEEDS = st.tuples(
    st.sampled_from(["sell", "receive", "lose", "find", "hold", "restart"]),
    st.sampled_from(SKUS),
    st.integers(1, 6),
)


def do(box: ShopSide, deed: Deed, there: dict[str, int], ids: list[str]) -> None:
    """One deed; `there` is what the shop's shelf is changed by."""
    kind, sku, units = deed
    if kind == "sell":
        done = box.sell(sku, units)
        if isinstance(done, Done):
            ids.append(sold(done))
            there[sku] -= units
    elif kind == "receive":
        assert isinstance(box.receive(**{sku: units}), Done)
        there[sku] += units
    elif kind == "lose":
        if isinstance(box.adjust(sku, -units, "theft"), Done):
            there[sku] -= units
    elif kind == "find":
        if isinstance(box.adjust(sku, units, "found"), Done):
            there[sku] += units
    elif kind == "hold":
        box.hold({sku: units})
    else:
        box.restart()


@settings(max_examples=40)
@given(
    before=st.lists(DEEDS, max_size=4),
    first=st.lists(DEEDS, max_size=8),
    second=st.lists(DEEDS, max_size=8),
    third=st.none() | st.lists(DEEDS, max_size=6),
    parts_at=st.integers(0, 8),
    piece_max=st.integers(1, 12),
    heard_first=st.booleans(),
    is_living_heard=st.booleans(),
)
def test_the_hub_comes_to_the_sum_of_both_branches(
    before: list[Deed],
    first: list[Deed],
    second: list[Deed],
    third: list[Deed] | None,
    *,
    parts_at: int,
    piece_max: int,
    heard_first: bool,
    is_living_heard: bool,
) -> None:
    with TemporaryDirectory() as directory:
        chain = LifeChain(Path(directory), skus=SKUS, shops=("riverside",))
        try:
            box = chain.shops["riverside"]
            there, ids = {"tea": 9, "jam": 5}, list[str]()
            box.receive(**there)
            chain.sync()
            for deed in before:
                do(box, deed, there, ids)
            if heard_first:
                chain.sync()
            copy = chain.boot(chain.image(box), box.state.identity)
            box.restart()  # each start says something that no other one does
            for deed in first:
                do(box, deed, there, ids)
            copied = chain.boot(chain.image(copy), copy.state.identity)
            for number, deed in enumerate(second):
                if number == parts_at:  # a copy of the copy, which has had some of these deeds
                    copied = chain.boot(chain.image(copy), copy.state.identity)
                do(copy, deed, there, ids)
            copy.restart()
            for deed in third or ():
                do(copied, deed, there, ids)
            while chain.send(box):
                pass
            pieces = chain.branch_of(copy, chain.common(copy), piece_max=piece_max)
            taken = chain.hand_branch(WriterId("riverside.1"), pieces)
            assert isinstance(taken, BranchTaken), taken
            new = chain.go_on(taken)
            if third is not None:
                pieces = chain.branch_of(copied, chain.common(copied), piece_max=piece_max)
                again = chain.hand_branch(WriterId("riverside.1"), pieces)
                assert isinstance(again, BranchTaken), again
                assert again.identity is None
                chain.sync(new)
            if is_living_heard:
                chain.hand_over(box, sealed=True)
                chain.sync(new)

            for sku in SKUS:
                counter = chain.hub.counter("riverside", sku)
                assert counter.physical() == there[sku]
                promised = chain.hub.state.promisable(counter)
                assert promised <= max(0, there[sku])
                if is_living_heard:  # nothing is frozen any more
                    levels = new.state.counter(sku).levels()
                    assert levels.on_hand == there[sku]
                    assert levels.deficit == max(0, -there[sku])
            assert sorted(chain.sales()) == sorted(ids)
            chain.check(*SKUS)
        finally:
            chain.close()
