"""Goal: a register that only a destroyed gateway knew keeps its journal, and all of it comes up.

Method: a chain in one process. A box dies before the hub hears that it has enrolled a register; the
register says to the new box who it is, alone, twice, or beside others that say the same.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.lives import rows as hub_rows
from gateway.registers import enrolment, journals
from gateway.registers.identity import RegisterIdentity, RegisterRequest
from gateway.registers.rows import REPLACED
from replication.ids import WriterId
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain, opened_life
from tests.register_chain import ACKNOWLEDGED_NOTHING, RegisterSide, sold
from tests.taking_over import reports, tell_lives
from web.once import Done
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea."""
    with opened_life(tmp_path, "hillside", tea=40) as chain:
        yield chain


@pytest.fixture
def till(chain: LifeChain) -> RegisterSide:
    """A register of the first box, of which the hub has heard nothing. It has sold."""
    till = chain.register(chain.shops["riverside"])
    sold(till.sell("tea", 1))
    chain.replay(till)
    sold(till.sell("tea", 1))
    return till


@pytest.fixture
def new(chain: LifeChain, till: RegisterSide) -> ShopSide:
    """The box that takes the place of the first one, which is gone with its disk."""
    assert chain.hub.state.head_of(WriterId(till.writer)).seq == 0
    return chain.replace("riverside")


def hand_over(chain: LifeChain, till: RegisterSide, new: ShopSide) -> None:
    """It shows the grants of the dead box, and sends its journal from where the new one has it."""
    reports(chain, till, new)
    chain.sync()


def test_a_register_that_only_the_dead_box_knew_goes_on_in_its_journal_from_the_beginning(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    hub, writer = chain.hub.state, WriterId(till.writer)

    who = chain.enrol(new, "till-1", till.box, writer=writer)
    chain.sync()

    assert isinstance(who, RegisterIdentity), who
    assert (who.writer, who.parent) == (writer, "riverside.2")
    known = hub_rows.registers_of(hub.connection, "riverside")
    assert [(one.writer, one.state, one.enrolled_by, one.reported_to) for one in known] == [
        (writer, "living", "riverside.1", None)
    ]

    hand_over(chain, till, new)
    chain.meet(till)

    assert hub.head_of(writer) == till.state.ledger.head
    assert [one.reported_to for one in hub_rows.registers_of(hub.connection, "riverside")] == [
        "riverside.2"
    ]
    sold(till.sell("tea", 1))
    chain.replay(till)
    chain.sync()
    assert hub.head_of(writer) == till.state.ledger.head


def test_a_register_that_says_again_who_it_is_changes_nothing(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    first = chain.enrol(new, "till-1", till.box, writer=till.writer)
    head = new.state.ledger.head

    assert chain.enrol(new, "till-1", till.box, writer=till.writer) == first
    assert new.state.ledger.head == head


def test_two_boxes_that_say_they_are_one_register_are_told_apart(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    assert isinstance(chain.enrol(new, "till-1", till.box, writer=till.writer), RegisterIdentity)
    head = new.state.ledger.head

    no = chain.enrol(new, "till-1", secrets.token_hex(8), writer=till.writer)

    assert isinstance(no, Problem)
    assert no.slug is Slug.CONFLICT
    assert "the journal of another box" in no.detail
    assert new.state.ledger.head == head


def test_a_register_whose_name_was_taken_meanwhile_hands_over_and_is_none_any_more(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    later = chain.register(new)
    assert later.writer == "riverside.till-1.1001"

    who = chain.enrol(new, "till-1", till.box, writer=till.writer)
    hand_over(chain, till, new)

    assert isinstance(who, RegisterIdentity), who
    assert (till.row.state, later.row.is_living) == (REPLACED, True)
    assert chain.hub.state.head_of(WriterId(till.writer)) == till.state.ledger.head
    known = hub_rows.registers_of(chain.hub.state.connection, "riverside")
    assert {one.writer: one.state for one in known} == {
        till.writer: "replaced",
        later.writer: "living",
    }


def test_a_register_of_the_dead_box_takes_the_place_of_one_before_it(
    chain: LifeChain, till: RegisterSide
) -> None:
    old = chain.shops["riverside"]
    chain.sync()
    later = chain.register(old)
    new = chain.replace("riverside")
    first = chain.enrol(new, "till-1", till.box, writer=till.writer)
    assert isinstance(first, RegisterIdentity), first

    assert isinstance(chain.enrol(new, "till-1", later.box, writer=later.writer), RegisterIdentity)
    chain.sync()

    till.gateway = later.gateway = new
    assert (till.row.state, later.row.is_living) == (REPLACED, True)
    known = hub_rows.registers_of(chain.hub.state.connection, "riverside")
    assert {one.writer: one.state for one in known} == {
        till.writer: "replaced",
        later.writer: "living",
    }


@pytest.mark.parametrize(
    "writer",
    [
        "hillside.till-1.1",
        "riverside.till-2.1",
        "riverside.till-1.1001",
        "riverside.1",
        "nonsense",
        "",
    ],
)
def test_no_box_becomes_what_no_gateway_before_can_have_made_it(
    chain: LifeChain, new: ShopSide, writer: str
) -> None:
    head = new.state.ledger.head

    no = chain.enrol(new, "till-1", "box-0123456789abcdef", writer=writer)

    assert isinstance(no, Problem)
    assert no.slug is Slug.CONFLICT
    assert not new.state.registers.rows.any()
    assert new.state.ledger.head == head


def test_the_first_box_of_a_shop_adopts_nobody(chain: LifeChain) -> None:
    no = chain.enrol(
        chain.shops["hillside"], "till-1", "box-0123456789abcdef", writer="hillside.till-1.1"
    )

    assert isinstance(no, Problem)
    assert "before hillside.1" in no.detail


# What the hub hears late


def test_a_register_that_only_the_last_entries_of_a_dead_box_tell_of_is_taken_over(
    chain: LifeChain, till: RegisterSide
) -> None:
    old, writer = chain.shops["riverside"], WriterId(till.writer)
    new = chain.replace("riverside")
    tell_lives(chain, new)
    assert new.state.registers.rows.find(writer) is None

    chain.hand_over(old, sealed=True)
    tell_lives(chain, new)
    tell_lives(chain, new)

    row = new.state.registers.rows.find(writer)
    assert row is not None
    assert (row.state, row.head) == ("living", chain.hub.state.head_of(writer))
    assert row.head.seq > 0
    till.gateway = new
    chain.sync()  # and with it what the dead box had granted
    chain.meet(till)
    chain.sync()
    assert chain.hub.state.head_of(writer) == till.state.head
    assert isinstance(chain.write_off(new, "till-1"), Problem), "it is connected"


def test_of_two_that_live_under_one_name_the_newer_is_the_register_and_the_next_box_takes_over(
    chain: LifeChain, till: RegisterSide
) -> None:
    old = chain.shops["riverside"]
    new = chain.replace("riverside")
    second = chain.register(new)
    chain.sync()

    chain.hand_over(old, sealed=True)
    tell_lives(chain, new)

    states = {
        one.writer: one.state
        for one in hub_rows.registers_of(chain.hub.state.connection, "riverside")
    }
    assert states == {till.writer: "replaced", second.writer: "living"}
    rows = new.state.registers.rows
    assert [(one.writer, one.state) for one in rows.all()] == [
        (second.writer, "living"),
        (till.writer, "replaced"),
    ]
    till.gateway = new
    chain.replay(till)
    chain.sync()
    assert chain.hub.state.head_of(WriterId(till.writer)) == till.state.head

    third = chain.replace("riverside")
    tell_lives(chain, third)
    assert len(third.state.registers.living()) == 1


def test_what_a_sealed_register_still_held_comes_back_at_the_box_after_the_one_that_heard_it(
    chain: LifeChain, till: RegisterSide
) -> None:
    old, writer = chain.shops["riverside"], WriterId(till.writer)
    chain.replay(till)
    chain.register(old)
    till.seal()
    old.commit(
        lambda: journals.fold(
            old.state, writer, chain.entries(till), acknowledged=ACKNOWLEDGED_NOTHING
        )
    )
    chain.sync()  # it was heard, and the box dies before anything of it is back
    assert old.state.counter("tea").quota(writer) > 0

    new = chain.replace("riverside")
    chain.hand_over(old, sealed=True)
    tell_lives(chain, new)
    chain.sync(new)
    chain.reclaim_all(new)

    assert new.state.counter("tea").quota(writer) == 0
    chain.sync()
    assert chain.hub.counter("riverside", "tea").quota(writer) == 0


def test_what_a_sealed_register_shows_late_of_its_rights_comes_back_too(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    writer = WriterId(till.writer)
    request = RegisterRequest(register="till-1", box=till.box, writer=writer, hands_over=True)
    outcome = new.commit(lambda: enrolment.enrol(new.state, command(), request))
    assert isinstance(outcome, Done), outcome
    till.seal()
    till.gateway = new
    chain.replay(till)  # what it used beyond what is known is conceded
    assert new.state.counter("tea").quota(writer) == 0

    chain.show(till, new)
    assert new.state.counter("tea").quota(writer) > 0
    chain.reclaim_all(new)
    assert new.state.counter("tea").quota(writer) > 0, "the old box may have had it back"
    chain.count_all(new, tea=38)

    assert new.state.counter("tea").quota(writer) == 0
    chain.sync()
    assert chain.hub.counter("riverside", "tea").quota(writer) == 0
