"""Goal: a register that only a destroyed gateway knew keeps its journal, and all of it comes up.

Method: a chain in one process. A box dies before the hub hears that it has enrolled a register; the
register says to the new box who it is, alone, twice, or beside others that say the same.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.lives import restoring as at_hub
from cloud_hub.lives import rows as hub_rows
from gateway.client.register_uplink import grants_held
from gateway.lives import restoring
from gateway.registers import enrolment, journals
from gateway.registers import lending as register_lending
from gateway.registers.identity import RegisterIdentity, RegisterRequest
from gateway.registers.reclaiming import reclaim_some
from gateway.registers.rows import REPLACED
from replication.escrow import Table
from replication.ids import EVERYWHERE, WriterId
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain, opened_life
from tests.limited_offers import SUMMER, lend_to, limit
from tests.limited_offers import at_hub as uses_at_hub
from tests.register_chain import ACKNOWLEDGED_NOTHING, RegisterSide, sold
from web.lives import EarlierLives
from web.once import Done, Outcome
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


def says(
    new: ShopSide, writer: str, *, box: str, name: str = "till-1"
) -> RegisterIdentity | Problem:
    """A box says who it is."""
    request = RegisterRequest(register=name, box=box, writer=writer)
    outcome: Outcome = new.commit(lambda: enrolment.enrol(new.state, command(), request))
    if isinstance(outcome, Problem):
        return outcome
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=RegisterIdentity)


def hand_over(chain: LifeChain, till: RegisterSide, new: ShopSide) -> None:
    """It shows the grants of the dead box, and sends its journal from where the new one has it."""
    till.gateway, writer = new, WriterId(till.writer)
    till.commit(till.state.ledger.save)
    identity = msgspec.structs.replace(till.state.identity, parent=new.state.ledger.writer)
    shown = list(grants_held(till.state.store, identity))
    new.commit(lambda: register_lending.take_grant(new.state, writer, shown))
    chain.replay(till)
    new.commit(lambda: journals.note_reported(new.state, writer))
    chain.sync()


def test_a_register_that_only_the_dead_box_knew_goes_on_in_its_journal_from_the_beginning(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    hub, writer = chain.hub.state, WriterId(till.writer)

    who = says(new, writer, box=till.box)
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
    till: RegisterSide, new: ShopSide
) -> None:
    first = says(new, till.writer, box=till.box)
    head = new.state.ledger.head

    assert says(new, till.writer, box=till.box) == first
    assert new.state.ledger.head == head


def test_two_boxes_that_say_they_are_one_register_are_told_apart(
    till: RegisterSide, new: ShopSide
) -> None:
    assert isinstance(says(new, till.writer, box=till.box), RegisterIdentity)
    head = new.state.ledger.head

    no = says(new, till.writer, box=secrets.token_hex(8))

    assert isinstance(no, Problem)
    assert no.slug is Slug.CONFLICT
    assert "the journal of another box" in no.detail
    assert new.state.ledger.head == head


def test_a_register_whose_name_was_taken_meanwhile_hands_over_and_is_none_any_more(
    chain: LifeChain, till: RegisterSide, new: ShopSide
) -> None:
    later = chain.register(new)
    assert later.writer == "riverside.till-1.1001"

    who = says(new, till.writer, box=till.box)
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
    first = says(new, till.writer, box=till.box)
    assert isinstance(first, RegisterIdentity), first

    assert isinstance(says(new, later.writer, box=later.box), RegisterIdentity)
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
def test_no_box_becomes_what_no_gateway_before_can_have_made_it(new: ShopSide, writer: str) -> None:
    head = new.state.ledger.head

    no = says(new, writer, box="box-0123456789abcdef")

    assert isinstance(no, Problem)
    assert no.slug is Slug.CONFLICT
    assert not new.state.registers.rows.any()
    assert new.state.ledger.head == head


def test_the_first_box_of_a_shop_adopts_nobody(chain: LifeChain) -> None:
    no = says(chain.shops["hillside"], "hillside.till-1.1", box="box-0123456789abcdef")

    assert isinstance(no, Problem)
    assert "before hillside.1" in no.detail


# What the hub hears late


def hub_tells(chain: LifeChain, new: ShopSide) -> None:
    """The new box asks again what there was before it."""
    told = at_hub.earlier_lives(chain.hub.state, new.state.ledger.writer)
    lives = msgspec.json.decode(msgspec.json.encode(told), type=EarlierLives)
    new.commit(lambda: restoring.hear_lives(new.state, lives))


def test_a_register_that_only_the_last_entries_of_a_dead_box_tell_of_is_taken_over(
    chain: LifeChain, till: RegisterSide
) -> None:
    old, writer = chain.shops["riverside"], WriterId(till.writer)
    new = chain.replace("riverside")
    hub_tells(chain, new)
    assert new.state.registers.rows.find(writer) is None

    chain.hand_over(old, sealed=True)
    hub_tells(chain, new)
    hub_tells(chain, new)

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
    hub_tells(chain, new)

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
    hub_tells(chain, third)
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
    hub_tells(chain, new)
    while new.commit(lambda: reclaim_some(new.state)):
        pass

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

    till.commit(till.state.ledger.save)
    identity = msgspec.structs.replace(till.state.identity, parent=new.state.ledger.writer)
    shown = list(grants_held(till.state.store, identity))
    new.commit(lambda: register_lending.take_grant(new.state, writer, shown))
    assert new.state.counter("tea").quota(writer) > 0
    while new.commit(lambda: reclaim_some(new.state)):
        pass

    assert new.state.counter("tea").quota(writer) == 0
    chain.sync()
    assert chain.hub.counter("riverside", "tea").quota(writer) == 0


def test_a_use_that_went_to_a_register_and_back_twice_is_one_use_when_the_box_has_died(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    till = chain.register(old)
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 1)
    chain.hear(till)
    for _ in range(2):
        assert chain.borrow(till, (SUMMER, 1))
        chain.give(till, chain.lend_back(till, (SUMMER, 1)))
    new, writer = chain.replace("riverside"), WriterId(till.writer)
    assert isinstance(says(new, writer, box=till.box), RegisterIdentity)
    till.gateway = new
    till.commit(till.state.ledger.save)
    identity = msgspec.structs.replace(till.state.identity, parent=new.state.ledger.writer)
    shown = list(grants_held(till.state.store, identity))
    new.commit(lambda: register_lending.take_grant(new.state, writer, shown))
    chain.sync()  # the hub hears what it was given, and not yet that it gave it back
    uses = uses_at_hub(chain.hub)
    assert uses.value("conceded", "hub.1", "riverside.1") == 1

    chain.replay(till)
    new.commit(lambda: journals.note_reported(new.state, writer))
    chain.sync()
    chain.count_all(new, tea=40)
    chain.sync()
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    chain.sync()

    assert sum(uses.holders().values()) == 4, "nobody has had one, and there are no more"
    assert (uses.deficit(), new.state.quota(SUMMER)) == (0, uses.quota(new.state.ledger.writer))


def test_a_use_that_a_dead_register_had_given_to_a_dead_box_is_not_had_twice(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    gone, till = chain.register(old, "till-1"), chain.register(old, "till-2")
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 1)
    chain.hear(gone)
    assert chain.borrow(gone, (SUMMER, 1))
    chain.sync()  # and what comes now the hub does not hear
    chain.give(gone, chain.lend_back(gone, (SUMMER, 1)))
    chain.hear(till)
    assert chain.borrow(till, (SUMMER, old.state.quota(SUMMER)))
    new, writer = chain.replace("riverside"), WriterId(till.writer)
    hub_tells(chain, new)
    assert isinstance(chain.write_off(new, "till-1", writer=gone.writer), Done)
    while new.commit(lambda: reclaim_some(new.state)):
        pass
    assert new.state.quota(SUMMER) == 1, "the use that nobody knows to be given back"

    till.gateway = new
    till.commit(till.state.ledger.save)
    identity = msgspec.structs.replace(till.state.identity, parent=new.state.ledger.writer)
    shown = list(grants_held(till.state.store, identity))
    new.commit(lambda: register_lending.take_grant(new.state, writer, shown))
    chain.sync()

    uses = uses_at_hub(chain.hub)
    assert uses.value("conceded", "hub.1", "riverside.1") == 1
    assert (sum(uses.holders().values()), uses.deficit()) == (4, 0)


@pytest.fixture
def twice(chain: LifeChain) -> RegisterSide:
    """A register that gave a use back to a box and borrowed it again, which burnt with the box.

    Of four uses the box had two, and the register has them now; the hub has the others.
    """
    old = chain.shops["riverside"]
    till = chain.register(old)
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 2)
    chain.hear(till)
    assert chain.borrow(till, (SUMMER, 1))
    chain.sync()  # and what comes now the hub does not hear
    chain.give(till, chain.lend_back(till, (SUMMER, 1)))
    assert chain.borrow(till, (SUMMER, 2))
    assert chain.hub.state.quota(EVERYWHERE, SUMMER) == 2
    return till


def replace_and_lose(chain: LifeChain, till: RegisterSide, *, hears_first: bool) -> ShopSide:
    """A new box takes over, sees the register's grants, and takes back what it held: it is lost.

    With `hears_first` it has heard before what the hub conceded.
    """
    new, writer = chain.replace("riverside"), WriterId(till.writer)
    till.commit(till.state.ledger.save)
    identity = msgspec.structs.replace(till.state.identity, parent=new.state.ledger.writer)
    shown = list(grants_held(till.state.store, identity))
    assert isinstance(says(new, writer, box=till.box), RegisterIdentity)
    new.commit(lambda: register_lending.take_grant(new.state, writer, shown))
    if hears_first:
        chain.sync()
    assert isinstance(chain.write_off(new, "till-1", writer=till.writer), Done)
    while new.commit(lambda: reclaim_some(new.state)):
        pass
    return new


@pytest.mark.parametrize("hears_first", [False, True])
def test_a_use_that_a_lost_register_had_borrowed_twice_is_taken_back_once(
    chain: LifeChain, twice: RegisterSide, *, hears_first: bool
) -> None:
    assert lend_to(chain, chain.shops["hillside"], 2), "so that the hub can cover nothing"
    new = replace_and_lose(chain, twice, hears_first=hears_first)

    assert new.state.quota(SUMMER) == 2, "there never were more"
    chain.sync()
    uses = uses_at_hub(chain.hub)
    assert (sum(uses.holders().values()), uses.deficit()) == (4, 0)


def test_a_use_that_the_hub_and_a_box_have_covered_is_not_gone_for_good(
    chain: LifeChain, twice: RegisterSide
) -> None:
    new = replace_and_lose(chain, twice, hears_first=True)
    chain.sync()

    uses = uses_at_hub(chain.hub)
    assert uses.total(Table.SPENT, "covered") == 2
    assert (sum(uses.holders().values()), uses.deficit()) == (4, 0)
    chain.count_all(new, tea=40)
    chain.sync()
    assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    assert uses_at_hub(chain.hub).quota("riverside.1") == 0
