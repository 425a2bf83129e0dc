"""Goal: a register that only a destroyed gateway knew keeps its journal, and all of it comes up.

Method: a chain in one process. A box dies before the hub hears that it has enrolled a register; the
register says to the new box who it is, alone, twice, or beside others that say the same.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.lives import rows as hub_rows
from gateway.client.register_uplink import grants_before
from gateway.registers import enrolment, journals
from gateway.registers import lending as register_lending
from gateway.registers.identity import RegisterIdentity, RegisterRequest
from gateway.registers.rows import REPLACED
from replication.ids import WriterId
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide, sold
from web.once import Done, Outcome
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea."""
    chain = LifeChain(tmp_path, skus=("tea",), shops=("riverside", "hillside"))
    chain.shops["riverside"].receive(tea=40)
    chain.sync()
    yield chain
    chain.close()


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
    shown = list(grants_before(till.state.store, identity))
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
