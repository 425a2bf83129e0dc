"""Goal: a box that is gone for good is answered for, and nothing that it told twice counts twice.

Method: a chain in one process on real files; another box is enrolled in the place of the first,
somebody counts, registers hand sales in, and the last entries come when a test says so.
"""

import msgspec
import pytest

from cloud_hub.lives import attesting, restoring
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide, sold
from web.journal_pages import sale_record
from web.lives import HashQuery, HeldQuery
from web.once import Done
from web.problems import Problem


def tea(lives: LifeChain) -> int:
    """Tea in the shop, by the hub's books of what came and went."""
    return lives.hub.counter("riverside", "tea").physical()


def reported(box: ShopSide, register: RegisterSide) -> None:
    """A register has told a box all that it had when it greeted."""
    record = msgspec.json.encode({"writer": register.writer, "seq": 0})
    box.commit(lambda: box.state.ledger.append("register_reported", record))


# A box that is gone for good


def test_a_count_of_the_new_box_is_the_last_one_though_its_clock_is_behind(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.count_all(old, tea=40, jam=10)
    lives.sync(old)
    lives.advance(-86_400_000)
    new = lives.replace("riverside")
    lives.count_all(new, tea=40, jam=10)
    lives.sync(new)

    assert isinstance(lives.attest("riverside", "riverside.1"), Done)


def test_nobody_can_answer_for_a_box_before_its_registers_reported_and_its_goods_were_counted(
    lives: LifeChain, own_till: RegisterSide
) -> None:
    lives.sync()
    new = lives.replace("riverside")

    refused = lives.attest("riverside", "riverside.1")
    assert isinstance(refused, Problem)
    assert own_till.writer in (refused.detail or "")
    assert "tea" in (refused.detail or "")

    reported(new, own_till)
    lives.sync(new)
    refused = lives.attest("riverside", "riverside.1")
    assert isinstance(refused, Problem)
    assert own_till.writer not in (refused.detail or "")

    lives.count_all(new, tea=40 - own_till.quota("tea"), jam=10 - own_till.quota("jam"))
    lives.sync(new)
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    again = lives.attest("riverside", "riverside.1")
    assert isinstance(again, Problem)
    assert "somebody has done so" in (again.detail or "")


def test_a_register_that_told_the_box_that_lives_has_told_it_also_if_a_box_before_says_so_late(
    lives: LifeChain, own_till: RegisterSide
) -> None:
    lives.sync()
    second = lives.replace("riverside")
    reported(second, own_till)  # of which nobody hears
    third = lives.replace("riverside")
    reported(third, own_till)
    lives.count_all(third, tea=40 - own_till.quota("tea"), jam=10 - own_till.quota("jam"))
    lives.sync(third)

    lives.hand_over(second, sealed=True)
    lives.sync(third)

    assert isinstance(lives.attest("riverside", "riverside.1"), Done)


def test_an_answer_and_a_count_bring_the_rights_back_and_a_late_tail_is_not_counted_twice(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    unheard = sold(old.sell("tea", 3))
    new = lives.replace("riverside")
    lives.count_all(new, tea=37, jam=10)
    lives.sync(new)
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    lives.sync(new)
    assert new.state.quota("tea") + lives.hub.state.quota("riverside", "tea") == 37
    lives.check("tea", "jam")

    lives.hand_over(old, sealed=True)
    lives.sync(new)

    assert lives.sales() == [unheard]
    assert tea(lives) == 37
    assert new.state.counter("tea").physical() == 37
    levels = lives.hub.counter("riverside", "tea").levels()
    assert (levels.available, levels.deficit) == (37, 0)
    lives.check("tea", "jam")


def test_a_box_that_was_answered_for_and_is_heard_in_part_gives_nothing_back_before_its_last_entry(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.hub.product("milk")
    lives.sync()
    new = lives.replace("riverside")
    lives.count_all(new, tea=40, jam=10)
    lives.sync(new)
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    old.receive(milk=10)  # it still runs, and nobody hears it
    sold(old.sell("milk", 4))
    while lives.hub.counter("riverside", "milk").physical() == 0:
        assert lives.send(old, entries_max=1)
    lives.sync(new)

    assert new.state.quota("milk") == 0
    (life,) = attesting.lives_view(lives.hub.state, "riverside")
    assert (life.state, life.ended_by, life.reason) == ("open", None, None)
    assert "milk had not been counted" in life.waits_for[0]

    lives.hand_over(old, sealed=True)
    lives.sync(new)
    assert lives.state_of("riverside.1") == "sealed"
    milk = lives.hub.counter("riverside", "milk")
    assert (milk.physical(), milk.available(), milk.deficit()) == (6, 6, 0)
    lives.check("tea", "jam", "milk")


def test_a_box_that_is_heard_after_an_answer_can_be_answered_for_again(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    new = lives.replace("riverside")
    lives.count_all(new, tea=40, jam=10)
    lives.sync(new)
    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    sold(old.sell("tea", 3))
    lives.hand_over(old, sealed=False)
    lives.sync(new)
    lives.count_all(new, tea=37, jam=10)
    lives.sync(new)
    assert lives.state_of("riverside.1") == "open"

    assert isinstance(lives.attest("riverside", "riverside.1"), Done)
    lives.sync(new)

    tea = lives.hub.counter("riverside", "tea")
    assert (tea.physical(), tea.available(), tea.deficit()) == (37, 37, 0)
    lives.check("tea", "jam")


def test_a_sale_is_not_put_back_by_a_count_whose_clock_nobody_could_believe(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    new = lives.replace("riverside")
    lives.synchronised = False
    lives.advance(86_400_000)
    lives.count_all(new, tea=40, jam=10)
    lives.sync(new)
    lives.advance(-86_400_000)
    lives.synchronised = True
    sold(old.sell("tea", 5))  # after the count, and before it by its clock

    lives.hand_over(old, sealed=True)
    lives.sync(new)

    tea = lives.hub.counter("riverside", "tea")
    assert (tea.physical(), tea.available()) == (35, 35)
    lives.check("tea")


def test_goods_that_came_before_a_count_and_are_heard_of_after_it_are_not_there_twice(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    old.receive(tea=10)
    new = lives.replace("riverside")
    lives.count_all(new, tea=50)
    lives.sync(new)
    lives.hand_over(old, sealed=True)
    told = lives.hub.counter("riverside", "tea")
    assert told.available() - lives.hub.state.frozen(told) <= 50  # until they are taken off
    lives.sync(new)

    assert tea(lives) == 50
    levels = lives.hub.counter("riverside", "tea").levels()
    assert (levels.available, levels.deficit) == (50, 0)
    lives.check("tea")


@pytest.mark.parametrize(
    ("location", "writer", "says"),
    [
        ("riverside", "riverside.2", "is the gateway of its location"),
        ("riverside", "riverside.9", "never had"),
        ("hillside", "riverside.1", "never had"),
        ("nowhere", "riverside.1", "There is no location"),
    ],
)
def test_an_answer_for_what_is_no_fenced_box_is_refused(
    lives: LifeChain, location: str, writer: str, says: str
) -> None:
    lives.replace("riverside")
    refused = lives.attest(location, writer)
    assert isinstance(refused, Problem)
    assert says in (refused.detail or "")


def test_a_locations_lives_show_what_is_frozen_and_what_is_to_be_done(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.replace("riverside")
    (life,) = attesting.lives_view(lives.hub.state, "riverside")

    assert (life.writer, life.state, life.last_seq) == ("riverside.1", "open", old.state.head.seq)
    held = {one.sku: one.units for one in life.frozen}
    assert held == {"tea": old.state.quota("tea"), "jam": old.state.quota("jam")}
    assert life.frozen_units == sum(held.values())
    assert "count what stands there" in life.waits_for[0]


# Sales that somebody else booked


def test_a_recovered_sale_is_there_once_before_and_after_its_original_comes(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    done = old.sell("tea", 3)
    assert isinstance(done, Done)
    sale = sold(done)
    new = lives.replace("riverside")
    lives.recover(new, done.record)
    lives.sync(new)
    assert lives.sales() == [sale]
    assert tea(lives) == 37
    record = sale_record(lives.hub.state.store, sale)
    assert record == done.record

    lives.hand_over(old, sealed=True)
    lives.sync(new)

    assert lives.sales() == [sale]
    assert tea(lives) == 37
    assert lives.audit().sales == 1
    levels = lives.hub.counter("riverside", "tea").levels()
    assert (levels.available, levels.deficit) == (37, 0)
    lives.check("tea")


def test_a_sale_that_two_boxes_recovered_counts_once(lives: LifeChain, old: ShopSide) -> None:
    lives.sync()
    done = old.sell("tea", 3)
    assert isinstance(done, Done)
    second = lives.replace("riverside")
    lives.recover(second, done.record)
    third = lives.replace("riverside")  # the hub has not heard of it
    lives.recover(third, done.record)
    lives.sync(third)
    lives.hand_over(second, sealed=True)
    lives.hand_over(old, sealed=True)
    lives.sync(third)

    assert len(lives.sales()) == 1
    assert tea(lives) == 37
    lives.check("tea")


def test_a_sale_that_comes_after_the_count_that_missed_it_is_not_taken_off_again(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    done = old.sell("tea", 3)
    assert isinstance(done, Done)
    new = lives.replace("riverside")
    lives.count_all(new, tea=37)
    lives.recover(new, done.record)
    lives.sync(new)
    assert tea(lives) == 37

    lives.hand_over(old, sealed=True)
    lives.sync(new)
    assert tea(lives) == 37
    assert len(lives.sales()) == 1
    lives.check("tea")


# What a new box takes over


def test_a_new_box_gets_all_that_the_hub_has_in_pages(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide
) -> None:
    sold(own_till.sell("tea"))
    lives.replay(own_till)
    old.commit(lambda: old.state.ledger.append("tokens", b'{"tokens": ["x"]}'))
    lives.sync()
    new = lives.replace("riverside")
    office, writer = lives.hub.state, new.state.ledger.writer

    state = restoring.earlier_lives(office, writer)
    assert [(one.writer, one.state, one.last_seq) for one in state.earlier] == [
        ("riverside.1", "open", old.state.head.seq)
    ]
    (register,) = state.registers
    assert (register.writer, register.box, register.head_seq) == (
        own_till.writer, own_till.box, own_till.row.head.seq
    )  # fmt: skip
    assert state.tokens is not None
    assert msgspec.json.decode(state.tokens) == {"tokens": ["x"]}
    for sku in ("tea", "jam"):
        assert new.state.counter(sku).physical() == old.state.counter(sku).physical()

    seen: list[tuple[str, int]] = []
    cursor: str | None = None
    while True:
        page = restoring.entries_page(office.store, writer, HeldQuery(limit=3, cursor=cursor))
        seen += [(one.writer, one.seq) for one in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == [
        *(("riverside.1", seq) for seq in range(old.state.head.seq, 0, -1)),
        *((own_till.writer, seq) for seq in range(own_till.row.head.seq, 0, -1)),
    ]
    found = restoring.held_hash(office.store, writer, HashQuery(writer="riverside.1", seq=1))
    assert found.hash == (old.state.store.load_hash("riverside.1", 1) or b"").hex()
    with pytest.raises(Problem, match="no part"):
        restoring.held_hash(office.store, writer, HashQuery(writer="hillside.1", seq=1))


def test_a_replaced_box_stays_fenced_after_the_hub_starts_again(
    lives: LifeChain, old: ShopSide
) -> None:
    lives.sync()
    new = lives.replace("riverside")
    lives.hub.restart()
    counter = lives.hub.counter("riverside", "tea")
    assert lives.hub.state.frozen(counter) == old.state.quota("tea")
    lives.hand_over(old, sealed=True)
    lives.hub.restart()
    lives.sync(new)
    assert lives.hub.state.frozen(lives.hub.counter("riverside", "tea")) == 0
    lives.check("tea")
