"""Goal: whatever became of a box while its image lay in a drawer, the image loses no sale.

Method: a chain in one process on real files; disks are copied at awkward moments, put back, and
what they did is handed over, as the simulator's images do it by the hundred.
"""

import msgspec
import pytest

from cloud_hub.lives import restoring, rows
from cloud_hub.lives.branches import BranchTaken
from cloud_hub.stores.arrival import arrive
from gateway.client.register_uplink import grants_held
from gateway.lives import behind
from gateway.lives.next_life import CAME_OF, CameOf
from gateway.lives.sealing import seal
from gateway.registers import lending
from gateway.status.report import StopReason
from replication import wire
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import WriterId
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import SKU, RegisterSide, sold
from web.journal_pages import SalesQuery, sales_page
from web.once import Done

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


def listed(lives: LifeChain) -> list[str]:
    """The ids of the sales that the hub lists, each one's own."""
    connection = lives.hub.state.connection
    again, otherwise = rows.told_again(connection), rows.told_otherwise(connection)
    page = sales_page(lives.hub.state.store, SalesQuery(limit=500), again, otherwise)
    return [str(msgspec.json.decode(record)["id"]) for record in page.items]


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


def test_a_copy_of_a_branch_becomes_nobody_once_the_next_box_has_begun(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea", 2))
    pieces = lives.branch_of(restored, lives.common(restored))
    first, office = taken_in(lives, restored), lives.hub.state
    again = lives.hand_branch(FIRST, pieces)
    lives.hub.commit(lambda: restoring.note_begun(office, WriterId("riverside.3")))

    copy = lives.hand_branch(FIRST, pieces)

    assert isinstance(again, BranchTaken)
    assert isinstance(copy, BranchTaken)
    assert again.identity == first.identity, "an answer may have been lost"
    assert copy.identity is None
    assert "riverside.3 now" in copy.detail


def test_a_sale_has_its_id_also_where_a_copy_has_told_another_under_it_before(
    lives: LifeChain, old: ShopSide, restored: ShopSide
) -> None:
    copied = [sold(restored.sell("tea")) for _ in range(4)]
    lives.hub.state.reachable.add("riverside")  # the other box is heard, so this one stays off
    assert taken_in(lives, restored).identity is None
    before = listed(lives)

    mine = sold(old.sell("tea", 2))
    lives.sync(old)

    assert mine in copied
    assert mine in before
    assert listed(lives)[-1] == mine
    assert len(set(listed(lives))) == len(before) + 1


@pytest.mark.parametrize(("more", "stopped"), [(0, None), (1, StopReason.BEHIND_WITNESS)])
def test_a_register_that_has_more_of_its_gateway_than_that_gave_shows_it_an_old_image(
    shop: ShopSide, till: RegisterSide, more: int, stopped: StopReason | None
) -> None:
    ours, theirs = shop.state.ledger.writer, till.state.ledger.writer
    given = shop.state.counter(SKU).value(Table.GRANTED, ours, theirs)
    cell = CellChange("riverside", SKU, Table.GRANTED, ours, theirs, given + more)
    head = shop.state.ledger.head

    shop.commit(lambda: lending.take_grant(shop.state, theirs, [cell]))

    assert shop.state.stopped is stopped
    assert shop.state.ledger.head == head
    assert shop.state.counter(SKU).value(Table.GRANTED, ours, theirs) == given


@pytest.mark.parametrize("is_believed", [True, False])
def test_an_image_sees_with_the_first_frame_of_a_register_what_it_gave_since(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, *, is_believed: bool
) -> None:
    theirs = own_till.state.ledger.writer
    image = lives.image(old)
    assert lives.borrow(own_till, (SKU, 1))
    shown = list(grants_held(own_till.state.store, own_till.state.identity))
    old.commit(lambda: lending.take_grant(old.state, theirs, shown))
    assert old.state.stopped is None
    restored = lives.boot(image, old.state.identity)
    came = CameOf(
        earlier="riverside.0", branch=None, exposed_units=0, at_ms=restored.state.ledger.now_ms,
        register="till-2" if is_believed else "till-1",
    )  # fmt: skip
    restored.commit(
        lambda: restored.state.store.set_meta(CAME_OF, msgspec.json.encode(came).decode())
    )

    restored.commit(lambda: lending.take_grant(restored.state, theirs, shown))

    assert restored.state.stopped is (StopReason.BEHIND_WITNESS if is_believed else None)


def test_nobody_elses_grant_stops_a_gateway(shop: ShopSide, till: RegisterSide) -> None:
    ours, theirs = shop.state.ledger.writer, till.state.ledger.writer
    cell = CellChange("riverside", SKU, Table.GRANTED, ours, WriterId("riverside.other.1"), 99)

    with pytest.raises(PeerViolation, match="sent granted"):
        shop.commit(lambda: lending.take_grant(shop.state, theirs, [cell]))
    assert shop.state.stopped is None


def test_what_a_copy_says_of_itself_counts_only_once_its_entries_continue_the_journal(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea"))
    restored.receive(tea=1)
    head = restored.state.ledger.head
    office = lives.hub.state
    before = office.connection.execute("SELECT software, cursor FROM location").fetchall()
    hello = wire.Hello(
        versions=list(wire.VERSIONS), writer=FIRST, seq=head.seq, hash=head.hash,
        cursor=0, boot="copy", software="copied", now_ms=0,
    )  # fmt: skip

    arrival = lives.hub.commit(lambda: arrive(office, FIRST, hello))

    assert arrival.is_living
    assert not arrival.is_known
    assert office.connection.execute("SELECT software, cursor FROM location").fetchall() == before


def test_an_image_of_a_box_that_takes_over_stops_when_the_hub_knows_another_journal(
    shop: ShopSide,
) -> None:
    shop.commit(lambda: shop.state.stop(StopReason.RESTORING))
    shop.commit(lambda: behind.stop_behind(shop.state, None))

    assert shop.state.stopped is StopReason.BEHIND_WITNESS


def test_a_count_on_an_image_is_not_the_last_one_though_its_branch_has_the_highest_number(
    lives: LifeChain, restored: ShopSide
) -> None:
    lives.count_all(restored, tea=39, jam=10)
    new = lives.replace("riverside")
    taken = taken_in(lives, restored)
    lives.count_all(new, tea=39, jam=10)
    lives.sync(new)

    assert taken.branch == "riverside.3"
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    lives.check("tea", "jam")
