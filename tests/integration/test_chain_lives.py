"""Goal: whatever becomes of a box, the hub loses no sale and sells nothing that is not there.

Method: a chain in one process on real files; a box is replaced by enrolling another one, its last
entries come when a test says so. After each story all invariants hold in the hub's books, and its
audit of all that was heard finds nothing.
"""

from functools import partial

import msgspec
import pytest

from cloud_hub.stores.arrival import arrive
from replication import wire
from replication.errors import PeerFenced, PeerViolation
from replication.escrow import CellChange, Table, check_invariants
from replication.ids import WriterId
from replication.journal import Actor, EntryBody, Head, append
from replication.relaying import RELAYED, WITNESSED, Witnessed, relay
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, fold_once
from tests.register_chain import RegisterSide, sold
from web.journal_pages import MovementsQuery, movements_page, sale_record
from web.once import Done
from web.paging import Page
from web.story_pages import story_page


def tea(lives: LifeChain) -> int:
    """Tea in the shop, by the hub's books of what came and went."""
    return lives.hub.counter("riverside", "tea").physical()


# Registers


def test_the_hub_has_a_registers_sales_movements_and_story_as_the_registers_own(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    sale = sold(own_till.sell("tea", 3))
    lives.replay(own_till)
    lives.sync()
    store = lives.hub.state.store

    assert lives.sales() == [sale]
    assert sale_record(store, sale) is not None
    moved = movements_page(store, MovementsQuery(writer=own_till.writer)).items
    assert [(one.seq, one.sku, one.quantity) for one in moved] == [
        (own_till.state.head.seq, "tea", -3)
    ]
    story = story_page(store, "riverside", "tea", Page())
    assert story.physical == 37
    assert [step.kind for step in story.entries][-1] == "sale"
    verbatim, _ = own_till.state.store.entries_after(
        own_till.writer, 0, count_max=99, bytes_max=10**7
    )
    held, _ = store.entries_after(own_till.writer, 0, count_max=99, bytes_max=10**7)
    assert held == verbatim
    assert {one.writer for one in lives.audit().writers} >= {own_till.writer}
    assert (tea(lives), fold_once(lives, old, 0).head) == (37, old.state.head)
    lives.check("tea", "jam")


def test_what_a_register_hands_back_is_known_before_its_own_journal(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    sold(own_till.sell("tea", 2))
    had = own_till.quota("tea")
    lives.recall(old, ("tea", 3))
    assert own_till.quota("tea") < had
    sold(old.sell("tea", old.state.quota("tea")))
    while lives.send(old):
        pass

    lives.check("tea")  # the hub has heard nothing of the register's own journal since
    lives.replay(own_till)
    lives.sync()
    lives.check("tea")


def forged(lives: LifeChain, old: ShopSide, kind: str, record: bytes) -> None:
    """The gateway journals something that it should not, and the hub hears it."""
    old.commit(lambda: old.state.ledger.append(kind, record))
    lives.send(old)


def test_a_register_that_spends_more_than_it_had_stops_the_journal_and_leaves_nothing(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    lives.replay(own_till)
    lives.sync()
    known = own_till.row.head
    body = EntryBody(
        writer=own_till.writer, seq=known.seq + 1, at_ms=1, tick=0, boot="x", synchronised=True,
        kind="sale", actor=Actor(), reason="", reference="", moves=[("tea", -999)],
        cells=[
            CellChange("riverside", "tea", "spent", own_till.writer, "sold", 999),
            CellChange("riverside", "tea", "moved", own_till.writer, "sold", 999),
        ],
        record=msgspec.Raw(b'{"id": "x", "number": "X-1"}'),
    )  # fmt: skip
    entry, _ = append(known, body)
    before = (lives.sales(), tea(lives), lives.hub.state.head_of(old.state.ledger.writer))

    with pytest.raises(PeerViolation, match="more of tea than it had"):
        forged(lives, old, RELAYED, relay(WriterId(own_till.writer), [entry])[0])

    assert before == (
        lives.sales(), tea(lives), lives.hub.state.head_of(old.state.ledger.writer)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (b'{"writer":"hillside.till-1.1","entries":[["e30=","%s"]]}' % (b"A" * 43 + b"="), "hill"),
        (b'{"writer":"riverside.1","entries":[["e30=","%s"]]}' % (b"A" * 43 + b"="), "no register"),
        (
            b'{"writer":"riverside.till-1.1","entries":[["e30=","%s"]]}' % (b"A" * 43 + b"="),
            "entry",
        ),
        (b'{"writer":"riverside.till-1.1","entries":[]}', "no such record"),
        (b"[]", "no such record"),
    ],
    ids=["another shop's register", "a gateway", "no entries", "none", "no record"],
)
def test_what_is_no_registers_entry_is_refused(
    lives: LifeChain, old: ShopSide, record: bytes, says: str
) -> None:
    lives.register(old)
    lives.sync()
    head = lives.hub.state.head_of(old.state.ledger.writer)
    with pytest.raises(PeerViolation, match=says):
        forged(lives, old, RELAYED, record)
    assert lives.hub.state.head_of(old.state.ledger.writer) == head


# A fenced box's last entries


def test_a_sealed_journal_brings_every_sale_and_gives_the_rest_to_the_new_box(
    lives: LifeChain, old: ShopSide
) -> None:
    first = sold(old.sell("tea", 2))
    lives.sync()
    unheard = sold(old.sell("tea", 5))
    new = lives.replace("riverside")
    assert new.state.quota("tea") == 0
    frozen = lives.hub.state.frozen(lives.hub.counter("riverside", "tea"))
    assert frozen > 5

    lives.hand_over(old, sealed=False)
    assert lives.state_of("riverside.1") == "open"
    assert lives.hub.state.frozen(lives.hub.counter("riverside", "tea")) == frozen - 5
    lives.hand_over(old, sealed=True)
    lives.sync(new)

    assert lives.sales() == [first, unheard]
    assert lives.state_of("riverside.1") == "sealed"
    assert lives.hub.state.frozen(lives.hub.counter("riverside", "tea")) == 0
    assert new.state.quota("tea") + lives.hub.state.quota("riverside", "tea") == 33
    assert new.state.counter("tea").physical() == 33
    old.commit(lambda: old.state.ledger.append("started", b"{}"))
    with pytest.raises(PeerFenced):
        lives.send(old)
    lives.check("tea", "jam")


def test_a_box_that_did_not_hear_that_its_last_entry_had_come_is_told_when_it_greets_again(
    lives: LifeChain, old: ShopSide
) -> None:
    sold(old.sell("tea", 2))
    lives.replace("riverside")
    lives.hand_over(old, sealed=True)
    head, office, writer = old.state.ledger.head, lives.hub.state, WriterId("riverside.1")

    def greeting(at: Head) -> wire.Hello:
        return wire.Hello(
            versions=list(wire.VERSIONS), writer=writer, seq=at.seq, hash=at.hash,
            cursor=0, boot="again", software="1", now_ms=0,
        )  # fmt: skip

    arrival = lives.hub.commit(lambda: arrive(office, writer, greeting(head)))

    assert (arrival.head, arrival.is_living) == (head, False)
    with pytest.raises(PeerFenced):  # another journal of that name
        arrive(office, writer, greeting(Head(head.seq, b"\1" * 32)))
    lives.hub.commit(lambda: None)
    lives.check("tea")


def test_frozen_units_are_nobodys_to_promise(lives: LifeChain) -> None:
    while lives.hub.state.quota("riverside", "tea") and isinstance(
        lives.hub.place({"tea": 1}), Done
    ):
        pass
    lives.sync()
    lives.replace("riverside")
    counter, product = lives.hub.counter("riverside", "tea"), lives.hub.state.catalogue["tea"]

    assert counter.available() > 0
    assert lives.hub.state.offered_online(counter, product, connected=True) == 0
    assert not isinstance(lives.hub.place({"tea": 1}, pickup="riverside"), Done)


def test_open_baskets_of_a_sealed_box_are_ended_by_the_hub(lives: LifeChain, old: ShopSide) -> None:
    assert isinstance(old.hold({"tea": 4}), Done)
    new = lives.replace("riverside")
    lives.hand_over(old, sealed=True)
    lives.sync(new)

    assert lives.hub.counter("riverside", "tea").levels().held == 0
    assert new.state.quota("tea") + lives.hub.state.quota("riverside", "tea") == 40
    lives.check("tea")


def test_a_tail_brings_its_registers_entries_which_the_new_box_has_brought_too(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    lives.sync()
    sold(own_till.sell("tea", 2))
    lives.replay(own_till)
    by_old = old.state.store.entries_after(own_till.writer, 0, count_max=99, bytes_max=10**7)[0]
    new = lives.replace("riverside")
    held = lives.hub.state.head_of(WriterId(own_till.writer)).seq
    for record in relay(WriterId(own_till.writer), by_old[held:]):
        new.commit(partial(new.state.ledger.append, RELAYED, record))
    lives.sync(new)
    lives.hand_over(old, sealed=True)
    lives.sync(new)

    assert len(lives.sales()) == 1
    assert tea(lives) == 38
    lives.check("tea")


def test_grants_that_only_the_register_knew_are_conceded_until_the_tail_comes(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    lives.sync()
    old.receive(tea=100)  # of which the hub does not hear
    lives.meet(own_till)
    sold(own_till.sell("tea", own_till.quota("tea")))
    mine = own_till.state.store.entries_after(own_till.writer, 0, count_max=99, bytes_max=10**7)[0]
    grants = [one for one in own_till.state.counter("tea").cells() if one[0] == Table.GRANTED]
    new = lives.replace("riverside")
    witnessed = Witnessed(
        register=own_till.writer,
        cells=[CellChange("riverside", "tea", *one) for one in grants],
    )
    new.commit(lambda: new.state.ledger.append(WITNESSED, msgspec.json.encode(witnessed)))
    held = lives.hub.state.head_of(WriterId(own_till.writer)).seq
    for record in relay(WriterId(own_till.writer), mine[held:]):
        new.commit(partial(new.state.ledger.append, RELAYED, record))
    lives.sync(new)

    assert lives.hub.counter("riverside", "tea").deficit() > 0
    assert any(one.sku == "tea" and one.kind == "deficit" for one in lives.hub.shortages())
    lives.check("tea")

    lives.hand_over(old, sealed=True)
    lives.sync(new)
    assert lives.hub.counter("riverside", "tea").deficit() == 0
    lives.check("tea")


def test_what_a_register_gave_back_to_a_box_that_has_ended_comes_back_when_it_is_heard(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    lives.replay(own_till)
    had = own_till.quota("tea")
    lives.lend_back(own_till, ("tea", 3))  # the line is cut before it arrives
    assert own_till.quota("tea") < had
    new = lives.replace("riverside")
    lives.hand_over(old, sealed=True)
    lives.sync(new)
    mine = lives.entries(own_till)
    assert mine, "the box that has ended did not hear of it"

    for record in relay(WriterId(own_till.writer), mine):
        new.commit(partial(new.state.ledger.append, RELAYED, record))
    lives.sync(new)

    counter = lives.hub.counter("riverside", "tea")
    assert (lives.state_of("riverside.1"), counter.quota("riverside.1")) == ("sealed", 0)
    assert counter.quota(own_till.writer) + new.state.quota("tea") + counter.quota("hub.1") == 40
    lives.check("tea")


def test_a_register_that_told_another_journal_does_not_keep_a_tail_away(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    lives.sync()
    seq = own_till.row.head.seq
    image = lives.image(own_till)
    sold(own_till.sell("tea"))
    lives.replay(own_till)
    by_old = sold(old.sell("tea", 2))
    new = lives.replace("riverside")
    copy = lives.boot(image, own_till.state.identity)
    by_copy = sold(copy.sell("tea", 3))
    others, _ = copy.state.store.entries_after(own_till.writer, seq, count_max=9, bytes_max=10**6)
    for record in relay(WriterId(own_till.writer), others):
        new.commit(partial(new.state.ledger.append, RELAYED, record))
    lives.sync(new)
    lives.hand_over(old, sealed=True)
    lives.sync(new)

    assert lives.state_of("riverside.1") == "sealed"
    assert set(lives.sales()) == {by_old, by_copy}
    assert check_invariants(lives.hub.counter("riverside", "tea")) == []
    (difference,) = lives.audit().differences
    assert difference.invariant == "chain"
    assert own_till.writer in difference.detail


def test_two_gateways_of_a_store_never_make_two_boxes_one_register(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    new = lives.replace("riverside")
    lives.take_over(new)

    of_old, of_new = lives.register(old), lives.register(new)

    assert own_till.writer == "riverside.till-1.1"
    assert (of_old.writer, of_new.writer) == ("riverside.till-1.2", "riverside.till-1.1001")


def test_a_register_that_told_another_gateway_something_else_does_not_silence_its_store(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    register = WriterId(own_till.writer)
    sold(own_till.sell("tea", 1))
    lives.replay(own_till)
    lives.sync()
    head = lives.hub.state.head_of(register)
    body = EntryBody(
        writer=register, seq=head.seq, at_ms=1, tick=0, boot="copy", synchronised=True,
        kind="started", actor=Actor(), reason="", reference="", moves=[], cells=[],
        record=msgspec.Raw(b"{}"),
    )  # fmt: skip
    copied, _ = append(Head(head.seq - 1, bytes(32)), body)
    (record,) = relay(register, [copied])
    old.commit(lambda: old.state.ledger.append(RELAYED, record))
    old.receive(tea=2)

    lives.sync()

    assert lives.hub.state.head_of(old.state.ledger.writer) == old.state.head
    assert lives.hub.state.head_of(register) == head
    assert tea(lives) == 41
