"""Goal: a box that goes on from an old image, or beside its copy, loses no sale and doubles none.

Method: a chain in one process on real files; a disk is copied, and both go on. What each did is
known to the test; the hub has to come to the same, with all invariants and a clean audit.
"""

from functools import partial
from unittest import mock

import msgspec
import pytest

from cloud_hub.lives import rows as hub_rows
from cloud_hub.lives.branches import BranchTaken
from cloud_hub.stores import enrolment
from replication.errors import PeerViolation
from replication.escrow import CellChange, Spent, Table
from replication.ids import WriterId
from replication.journal import Entry, EntryBody, Head, append, decode_body
from tests.chain_sides import ShopSide, order_in
from tests.life_chain import LifeChain
from tests.register_chain import sold
from web.lives import PIECE_BYTES_MAX, BranchPiece
from web.once import Done
from web.problems import Problem

FIRST = WriterId("riverside.1")


@pytest.fixture
def restored(lives: LifeChain, old: ShopSide) -> ShopSide:
    """The same box, restored from an image of before its last three sales, and on its own since."""
    image = lives.image(old)
    for _ in range(3):
        sold(old.sell("tea"))
    lives.sync()
    return lives.boot(image, old.state.identity)


def _body(entry: Entry) -> EntryBody:
    return decode_body(entry.body)


def taken_in(lives: LifeChain, shop: ShopSide, *, piece_max: int = 500) -> BranchTaken:
    """The hub takes a box's branch in."""
    pieces = lives.branch_of(shop, lives.common(shop), piece_max=piece_max)
    outcome = lives.hand_branch(FIRST, pieces)
    assert isinstance(outcome, BranchTaken), outcome
    return outcome


@pytest.mark.parametrize("piece_max", [500, 2, 1])
def test_a_restored_box_hands_over_what_it_did_and_goes_on_as_another(
    lives: LifeChain, restored: ShopSide, piece_max: int
) -> None:
    mine = [sold(restored.sell("tea", 2)), sold(restored.sell("jam"))]
    restored.receive(jam=4)
    before = lives.sales()

    taken = taken_in(lives, restored, piece_max=piece_max)
    new = lives.go_on(taken)

    assert (taken.branch, taken.exposed_units) == ("riverside.2", 2)  # the jam came and went
    assert new.state.ledger.writer == "riverside.3"
    assert sorted(lives.sales()) == sorted([*before, *mine])
    assert lives.hub.counter("riverside", "tea").physical() == 40 - 3 - 2
    assert lives.hub.counter("riverside", "jam").physical() == 10 - 1 + 4
    assert lives.state_of("riverside.2") == "sealed"
    assert lives.state_of("riverside.1") == "open"
    lives.check("tea", "jam")


def test_what_a_branch_has_left_was_not_used_beyond_its_rights_though_it_is_taken_back_later(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("jam"))
    restored.receive(jam=4)
    waits = frozenset({"jam"})  # a gateway has yet to take some off that two boxes had booked

    with mock.patch.object(hub_rows, "to_be_taken_off", return_value=waits):
        taken = taken_in(lives, restored, piece_max=1)

    counter = lives.hub.counter("riverside", "jam")
    assert counter.value(Table.CONCEDED, "hub.1", "riverside.2") == 1
    assert counter.quota("riverside.2") > 0
    assert taken.exposed_units == 0


def test_what_a_branch_used_beyond_its_rights_is_short_until_somebody_answers_for_the_old_box(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea", 6))
    new = lives.go_on(taken_in(lives, restored))

    short = [one for one in lives.hub.shortages() if one.kind == "deficit" and one.sku == "tea"]
    assert short
    counter, product = lives.hub.counter("riverside", "tea"), lives.hub.state.catalogue["tea"]
    assert lives.hub.state.offered_online(counter, product, connected=False) <= 31

    lives.count_all(new, tea=31, jam=10)
    lives.sync(new)
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    lives.sync(new)
    levels = lives.hub.counter("riverside", "tea").levels()
    assert (levels.available, levels.deficit, levels.on_hand) == (31, 0, 31)
    lives.check("tea", "jam")


def test_asked_again_the_hub_says_the_same_and_folds_nothing_twice(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea", 2))
    pieces = lives.branch_of(restored, lives.common(restored), piece_max=2)
    first = lives.hand_branch(FIRST, pieces)
    cells = lives.hub.counter("riverside", "tea").cells()
    again = lives.hand_branch(FIRST, pieces)

    assert isinstance(first, BranchTaken)
    assert isinstance(again, BranchTaken)
    assert first.identity is not None
    assert again.identity is not None
    assert (again.branch, again.exposed_units) == (first.branch, first.exposed_units)
    assert again.identity.writer == first.identity.writer
    assert lives.hub.counter("riverside", "tea").cells() == cells
    lives.check("tea")


def test_a_sale_of_a_branch_that_a_register_recovered_counts_once(
    lives: LifeChain, restored: ShopSide
) -> None:
    done = restored.sell("tea", 2)
    assert isinstance(done, Done)
    pieces = lives.branch_of(restored, lives.common(restored))
    new = lives.replace("riverside")  # somebody was quicker
    lives.recover(new, done.record)
    lives.sync(new)
    taken = lives.hand_branch(FIRST, pieces)
    lives.sync(new)

    assert isinstance(taken, BranchTaken)
    assert taken.identity is None
    assert "riverside.2 now" in taken.detail
    assert len(lives.sales()) == 4
    assert lives.hub.counter("riverside", "tea").physical() == 35
    lives.check("tea")


def test_two_sales_of_one_id_are_two_sales(lives: LifeChain, old: ShopSide) -> None:
    image = lives.image(old)
    copy = lives.boot(image, old.state.identity)
    old.commit(lambda: old.state.ledger.append("note", b"{}"))  # both are at the same place now
    ids = [sold(old.sell("tea", 3)), sold(copy.sell("tea", 4))]
    lives.sync()

    assert ids[0] == ids[1]
    lives.go_on(taken_in(lives, copy))
    assert lives.sales() == ids
    assert lives.audit().sales == 2
    assert lives.hub.counter("riverside", "tea").physical() == 33
    lives.check("tea")


def test_an_order_that_both_handed_over_leaves_a_deficit_and_is_told_once(
    lives: LifeChain, old: ShopSide
) -> None:
    order = order_in(lives.hub.place({"tea": 2}))
    lives.sync()
    copy = lives.boot(lives.image(old), old.state.identity)
    order_in(old.tell(order.id, "shipped"))  # type: ignore[arg-type] # an EventType is its text
    lives.sync()
    order_in(copy.tell(order.id, "shipped"))  # type: ignore[arg-type] # the same
    new = lives.go_on(taken_in(lives, copy))

    counter = lives.hub.counter("riverside", "tea")
    assert counter.levels().committed == 0
    assert counter.physical() == 36
    lives.count_all(new, tea=38)
    lives.sync(new)
    assert lives.hub.counter("riverside", "tea").physical() == 38
    lives.check("tea")


def test_a_long_branch_is_folded_piece_by_piece_and_goes_on_from_where_it_was_left(
    lives: LifeChain, restored: ShopSide
) -> None:
    before = lives.sales()
    mine = [sold(restored.sell("tea", 2)) for _ in range(3)]
    first = lives.branch_of(restored, lives.common(restored), piece_max=2)[0]
    assert isinstance(lives.hand_branch(FIRST, [first]), BranchTaken)

    assert len(before) < len(lives.sales()) < len(before) + 3  # nobody waits for the rest
    assert lives.common(restored).seq == first.after_seq + 2
    assert lives.state_of("riverside.2") == "open"
    taken = taken_in(lives, restored)
    assert (taken.branch, taken.exposed_units) == ("riverside.2", 6)
    lives.go_on(taken)
    assert sorted(lives.sales()) == sorted([*before, *mine])
    assert lives.state_of("riverside.2") == "sealed"
    lives.check("tea", "jam")


# Branches of a branch


def test_an_image_of_a_box_that_stood_on_a_branch_hands_over_only_what_is_new(
    lives: LifeChain, restored: ShopSide
) -> None:
    before = lives.sales()
    mine = [sold(restored.sell("tea", 2))]
    image = lives.image(restored)
    restored.restart()
    mine.append(sold(restored.sell("tea", 4)))
    lives.go_on(taken_in(lives, restored))

    again = lives.boot(image, restored.state.identity)
    sale = sold(again.sell("tea", 5))
    again.commit(lambda: again.state.ledger.append("note", b"{}", reference=mine[0]))
    mine += [sale]
    second = taken_in(lives, again)

    assert second.identity is None
    assert "riverside.3 now" in second.detail
    assert second.branch == "riverside.4"
    assert sorted(lives.sales()) == sorted([*before, *mine])
    assert lives.hub.counter("riverside", "tea").physical() == 40 - 3 - 2 - 4 - 5
    folded, _ = lives.hub.state.store.entries_after("riverside.4", 0, count_max=9, bytes_max=10**6)
    (again_noted,) = [one for one in map(_body, folded) if one.kind == "note"]
    first_sale = lives.hub.state.store.load_body("riverside.2", 2)
    assert again_noted.reference == "riverside.2-2"
    assert first_sale is not None
    assert decode_body(first_sale).reference == mine[0]
    lives.check("tea", "jam")


def test_two_copies_with_a_shared_beginning_both_hand_over_what_they_did(
    lives: LifeChain, restored: ShopSide
) -> None:
    before = lives.sales()
    mine = [sold(restored.sell("tea", 2))]
    copy = lives.boot(lives.image(restored), restored.state.identity)
    restored.restart()
    mine += [sold(restored.sell("tea", 1)), sold(copy.sell("tea", 3)), sold(copy.sell("jam"))]
    places = [lives.common(one) for one in (restored, copy)]
    theirs = lives.branch_of(restored, places[0], piece_max=1)
    copied = lives.branch_of(copy, places[1], piece_max=1)

    assert places[0] == places[1]
    for one in range(max(len(theirs), len(copied))):  # the two come in turns
        for pieces in (theirs, copied):
            outcome = lives.hand_branch(FIRST, pieces[one : one + 1] or pieces[-1:])
            assert isinstance(outcome, BranchTaken), outcome
    answers = [lives.hand_branch(FIRST, pieces[-1:]) for pieces in (theirs, copied)]

    identities = [one.identity for one in answers if isinstance(one, BranchTaken)]
    assert [one is None for one in identities].count(True) == 1
    assert sorted(lives.sales()) == sorted([*before, *mine])
    assert lives.hub.counter("riverside", "tea").physical() == 40 - 3 - 2 - 1 - 3
    assert lives.hub.counter("riverside", "jam").physical() == 9
    lives.check("tea", "jam")


# Hostile


def test_a_piece_that_breaks_a_rule_is_refused_whole_and_the_one_after_it_is_taken(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea", 2))
    (piece,) = lives.branch_of(restored, lives.common(restored))
    last = decode_body(piece.entries[-1][0])
    head = Head(last.seq, piece.entries[-1][1])
    stolen = CellChange("hillside", "tea", Table.SPENT, FIRST, Spent.SOLD, 1)
    entry, _ = append(head, msgspec.structs.replace(last, seq=last.seq + 1, cells=[stolen]))
    broken = msgspec.structs.replace(piece, entries=[*piece.entries, (entry.body, entry.hash)])
    before = (lives.audit().entries, lives.hub.counter("riverside", "tea").cells())

    refused = lives.hand_branch(FIRST, [broken])

    assert isinstance(refused, Problem)
    assert refused.status == 422
    assert "wrote a cell of hillside" in (refused.detail or "")
    assert "keep that, and ask head office" in (refused.detail or "")
    ask = lives.hub.state.connection.execute
    assert ask("SELECT * FROM branch").fetchall() == []
    assert ask("SELECT * FROM branch_entry").fetchall() == []
    assert (lives.audit().entries, lives.hub.counter("riverside", "tea").cells()) == before
    assert isinstance(lives.hand_branch(FIRST, [piece]), BranchTaken)
    lives.check("tea")


def test_a_branch_that_does_not_hash_is_refused_and_nothing_is_kept(
    lives: LifeChain, restored: ShopSide
) -> None:
    sold(restored.sell("tea", 2))
    common = lives.common(restored)
    (piece,) = lives.branch_of(restored, common)
    body, digest = piece.entries[-1]
    replace = msgspec.structs.replace
    broken = replace(piece, entries=[*piece.entries[:-1], (body.replace(b"tea", b"tee"), digest)])
    cases = [
        (broken, "does not follow"),
        (replace(piece, after_hash="00" * 32), "another entry"),
        (replace(piece, after_seq=10**6), "another entry"),
        (replace(piece, entries=[*piece.entries[1:]]), "out of sequence"),
        (replace(piece, entries=[(b"\xff", bytes(32))]), "does not decode"),
        (replace(piece, entries=[(b"x" * (PIECE_BYTES_MAX + 1), bytes(32))]), "at most"),
    ]
    before = lives.audit().entries
    for case, says in cases:
        refused = lives.hand_branch(FIRST, [case])
        assert isinstance(refused, Problem), says
        assert says in (refused.detail or "")
    rows = lives.hub.state.connection.execute("SELECT count(*) FROM branch_entry").fetchone()
    assert rows == (0,)
    assert lives.audit().entries == before


def test_what_the_hub_has_just_so_is_no_branch(lives: LifeChain, old: ShopSide) -> None:
    lives.sync()
    entries, _ = old.state.store.entries_after(FIRST, 1, count_max=9, bytes_max=10**6)
    digest = old.state.store.load_hash(FIRST, 1)
    assert digest is not None
    piece = BranchPiece(
        box="b" * 16, after_seq=1, after_hash=digest.hex(),
        entries=[(one.body, one.hash) for one in entries], is_last=True,
    )  # fmt: skip
    refused = lives.hand_branch(FIRST, [piece])
    assert isinstance(refused, Problem)
    assert "no branch" in (refused.detail or "")
    head = Head(old.state.head.seq, old.state.head.hash)
    sold(old.sell("tea"))
    unheard = lives.hand_branch(FIRST, lives.branch_of(old, head))
    assert isinstance(unheard, Problem)
    assert "by the link" in (unheard.detail or "")


def test_another_box_cannot_go_on_with_a_branch(lives: LifeChain, restored: ShopSide) -> None:
    sold(restored.sell("tea"))
    pieces = lives.branch_of(restored, lives.common(restored), piece_max=1)
    assert len(pieces) > 1
    assert isinstance(lives.hand_branch(FIRST, pieces[:1]), BranchTaken)
    theirs = [msgspec.structs.replace(one, box="another-box-0123") for one in pieces]
    refused = lives.hand_branch(FIRST, theirs)
    assert isinstance(refused, Problem)
    assert "another box" in (refused.detail or "")
    assert isinstance(lives.hand_branch(FIRST, pieces), BranchTaken)


def test_a_copy_cannot_continue_the_journal_by_its_link(
    lives: LifeChain, restored: ShopSide
) -> None:
    for _ in range(9):
        sold(restored.sell("tea"))
    with pytest.raises(PeerViolation, match="does not follow"):
        lives.send(restored)


# Enrolment


def test_a_box_that_is_connected_is_not_replaced_unless_that_is_meant(lives: LifeChain) -> None:
    lives.hub.state.reachable.add("riverside")
    place = enrolment.Place(
        location="riverside", name="x", kind="store", jurisdiction="home", timezone="UTC"
    )
    office = lives.hub.state

    def use(code: str, *, although_connected: bool) -> object:
        def work() -> object:
            enrolment.add_code(
                office.connection, place, replace=True, code=code, now_ms=office.ledger.now_ms,
                although_connected=although_connected,
            )  # fmt: skip
            request = enrolment.EnrolmentRequest(code=code, box="b" * 16)
            return enrolment.enrol(office, request, code[-1].encode() * 32)

        return lives.hub.commit(work)

    refused = use("CODE-A", although_connected=False)
    assert isinstance(refused, Problem)
    assert "is connected at this moment" in (refused.detail or "")
    lives.hub.state.reachable.discard("riverside")
    request = enrolment.EnrolmentRequest(code="CODE-A", box="b" * 16)
    now = lives.hub.commit(partial(enrolment.enrol, office, request, b"\1" * 32))
    assert isinstance(now, enrolment.Enrolled)
    assert now.writer == "riverside.2"
    lives.hub.state.reachable.add("riverside")
    meant = use("CODE-B", although_connected=True)
    assert isinstance(meant, enrolment.Enrolled)
    assert meant.writer == "riverside.3"


def test_a_code_for_another_location_is_refused_and_not_used_up(lives: LifeChain) -> None:
    office = lives.hub.state
    place = enrolment.Place(
        location="airport", name="x", kind="store", jurisdiction="home", timezone="UTC"
    )
    lives.hub.commit(
        lambda: enrolment.add_code(
            office.connection, place, replace=False, code="CODE-C", now_ms=office.ledger.now_ms
        )
    )
    mine = enrolment.EnrolmentRequest(code="CODE-C", box="b" * 16, location="riverside")
    refused = lives.hub.commit(lambda: enrolment.enrol(office, mine, b"\1" * 32))
    assert isinstance(refused, Problem)
    assert "is for airport" in (refused.detail or "")
    right = enrolment.EnrolmentRequest(code="CODE-C", box="b" * 16)
    assert isinstance(
        lives.hub.commit(lambda: enrolment.enrol(office, right, b"\1" * 32)), enrolment.Enrolled
    )
