"""Goal: no count gives a new box what a register may sell that has not told it so.

Method: a chain in one process on real files. A box dies with a delivery, and with what it had given
of that to a register that sells alone; somebody counts the shelf at the next box.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from gateway.registers import enrolment
from gateway.registers.identity import RegisterRequest
from retail.stock.counts import CountClosed, ScannedLine
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain, opened_life
from tests.register_chain import RegisterSide, sold
from tests.taking_over import reports, tell_lives
from web.once import Done, Outcome
from web.problems import Problem, Slug

CAME: Final = 60
"""Tea of which only the dead box knew, besides the 40."""

THERE: Final = 40 + CAME
GONE: Final = 15


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Riverside has 40 tea and no milk, and registers that the hub has heard of."""
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        chain.hub.product("milk")
        chain.sync()
        for name in ("till-1", "till-2"):
            chain.register(chain.shops["riverside"], name)
        chain.sync()
        yield chain


@pytest.fixture
def tills(chain: LifeChain) -> list[RegisterSide]:
    """The registers."""
    return chain.registers


def replaced(chain: LifeChain) -> ShopSide:
    """Another box takes the place of the dead one; it knows whom the hub knows."""
    new = chain.replace("riverside")
    tell_lives(chain, new)
    return new


def scanned(new: ShopSide, **there: int) -> str:
    """A count that is open, of what stands there."""
    count = sold(new.start_count(*there))
    scans = [ScannedLine(sku=sku, counted=units) for sku, units in there.items()]
    assert isinstance(new.count(count, *scans), Done)
    return count


def refusal(outcome: Outcome) -> Problem:
    """Why something was not done."""
    assert isinstance(outcome, Problem), outcome
    assert outcome.slug is Slug.CONFLICT
    return outcome


def closed(outcome: Outcome) -> CountClosed:
    """What a count came to."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=CountClosed)


def all_sold(chain: LifeChain, *sides: ShopSide) -> int:
    """Everybody sells all the tea to which he has a right, the website too."""
    units = [side.state.quota("tea") for side in sides]
    for side, many in zip(sides, units, strict=True):
        if many:
            sold(side.sell("tea", many))
    online = chain.hub.state.quota("riverside", "tea")
    for _ in range(online):
        assert isinstance(chain.hub.place({"tea": 1}), Done)
    return sum(units) + online


def test_a_count_waits_for_a_register_that_may_sell_what_it_finds(
    chain: LifeChain, tills: list[RegisterSide]
) -> None:
    chain.shops["riverside"].receive(tea=CAME)
    for till in tills:
        chain.meet(till)
    new = replaced(chain)
    count = scanned(new, tea=THERE)
    reports(chain, tills[0], new)
    before = (new.state.counter("tea").cells(), new.state.head)

    no = refusal(new.close_count(count))

    assert no.detail.startswith("riverside.till-2.1 had not told this gateway")
    assert no.members == {"registers": ["riverside.till-2.1"]}
    assert (new.state.counter("tea").cells(), new.state.head) == before

    reports(chain, tills[1], new)
    (found,) = closed(new.close_count(count)).differences

    assert found.booked == CAME
    chain.sync()
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    chain.sync()
    assert all_sold(chain, new, *tills) == THERE
    for till in tills:
        chain.replay(till)
    chain.sync()
    assert chain.hub.counter("riverside", "tea").deficit() == 0
    chain.check("tea")


def test_a_count_that_finds_nothing_waits_as_well_for_it_is_put_right_later(
    chain: LifeChain, tills: list[RegisterSide]
) -> None:
    old = chain.shops["riverside"]
    old.receive(tea=30)
    assert chain.borrow(tills[0], ("tea", 30 - tills[0].quota("tea")))
    assert chain.borrow(tills[1], ("tea", old.state.quota("tea")))
    sold(tills[0].sell("tea", 30))
    new = replaced(chain)
    count = scanned(new, tea=40)

    refusal(new.close_count(count))
    reports(chain, tills[0], new)  # what it had sold is a gain of the count
    refusal(new.close_count(count))
    assert new.state.quota("tea") == 0
    reports(chain, tills[1], new)

    assert isinstance(new.close_count(count), Done)
    chain.sync()
    assert all_sold(chain, new, *tills) == 40
    chain.replay(tills[1])
    chain.sync()
    chain.check("tea")


def test_what_a_lost_register_had_given_away_is_not_taken_back_before_all_have_told(
    chain: LifeChain, tills: list[RegisterSide]
) -> None:
    old, lost, till = chain.shops["riverside"], *tills
    chain.give(lost, chain.lend_back(lost, ("tea", lost.quota("tea"))))
    assert chain.borrow(till, ("tea", old.state.quota("tea")))
    new = replaced(chain)
    assert isinstance(chain.write_off(new, "till-1"), Done)
    count = scanned(new, tea=40)

    refusal(new.close_count(count))

    assert new.state.quota("tea") == 0
    reports(chain, till, new)
    assert isinstance(new.close_count(count), Done)
    chain.sync()
    assert all_sold(chain, new, till) <= 40


@pytest.mark.parametrize("has_successor", [False, True])
def test_what_was_scanned_before_a_register_was_written_off_is_scanned_again(
    chain: LifeChain, tills: list[RegisterSide], *, has_successor: bool
) -> None:
    kept, lost = tills
    chain.shops["riverside"].receive(tea=CAME)
    chain.meet(lost)
    new = replaced(chain)
    reports(chain, kept, new)
    if has_successor:  # the box that had the name is out there as before
        chain.register(new, "till-2")
    count = scanned(new, tea=THERE)
    assert lost.writer in refusal(new.close_count(count)).detail
    sold(lost.sell("tea", GONE))
    chain.advance(1_000)
    assert isinstance(chain.write_off(new, "till-2", writer=lost.writer), Done)

    no = refusal(new.close_count(count))

    assert no.members == {"skus": ["tea"]}
    assert isinstance(
        new.count(count, ScannedLine(sku="tea", counted=THERE - GONE, recount=True)), Done
    )
    (found,) = closed(new.close_count(count)).differences
    assert found.booked == CAME - GONE
    chain.sync()
    chain.check("tea")


def test_an_open_count_is_put_right_for_goods_of_which_the_new_box_knew_no_right(
    chain: LifeChain, tills: list[RegisterSide]
) -> None:
    chain.shops["riverside"].receive(milk=20)
    assert chain.borrow(tills[0], ("milk", 8))
    sold(tills[0].sell("milk", 5))
    new = replaced(chain)
    count = scanned(new, milk=15)

    for till in tills:
        reports(chain, till, new)

    (found,) = closed(new.close_count(count)).differences
    assert (found.expected, found.booked) == (-5, 20)
    chain.sync()
    milk = new.state.counter("milk")
    assert (milk.physical(), milk.available(), milk.deficit()) == (15, 15, 0)
    chain.check("milk")


def test_the_box_that_enrolled_its_registers_counts_without_them(
    chain: LifeChain, tills: list[RegisterSide]
) -> None:
    old = chain.shops["riverside"]
    for till in tills:
        chain.cut(till)

    assert isinstance(old.close_count(scanned(old, tea=41)), Done)


def test_what_a_register_sells_that_only_the_dead_box_knew_is_a_deficit(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    unknown = chain.register(old, "till-3")
    old.receive(tea=CAME)
    assert chain.borrow(unknown, ("tea", old.state.quota("tea")))
    new = replaced(chain)
    for till in chain.registers[:2]:
        reports(chain, till, new)

    assert isinstance(new.close_count(scanned(new, tea=THERE)), Done), "nobody can know"

    chain.sync()
    beyond = all_sold(chain, new, unknown) - THERE
    request = RegisterRequest(register="till-3", box=unknown.box, writer=unknown.writer)
    adopted = new.commit(lambda: enrolment.enrol(new.state, command(), request))
    assert isinstance(adopted, Done), adopted
    reports(chain, unknown, new)
    chain.sync()
    assert 0 < beyond <= chain.hub.counter("riverside", "tea").deficit()
    chain.check("tea")
