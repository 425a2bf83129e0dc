"""Goal: a new box takes over all that it needs, whatever breaks on the way, but no nonsense.

Method: the hub's pages, two items each, go to a new box on a real file, which starts again from its
file after each of them and gets each twice. What it knows then is compared with the box before it.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from gateway.client.register_file import store_parent
from gateway.identity import Identity
from gateway.link import intake
from gateway.lives import earlier_stock, restoring
from gateway.lives.restoring import Step
from gateway.lives.tokens import Tokens, tell_tokens, tokens_of
from gateway.returning.return_rows import find_return, last_number
from gateway.returning.returnables import Elsewhere, Known, known_here
from gateway.selling import sales
from gateway.status.report import StopReason
from replication.errors import PeerViolation
from replication.escrow import CellChange, Table
from replication.ids import WriterId
from retail.returning.returns import Disposition
from tests.chain_sides import CommitFailed, ShopSide, command, sale_of
from tests.life_chain import LifeChain, opened_life
from tests.register_chain import RegisterSide, sold
from tests.returns_elsewhere import came, claimed
from tests.taking_over import entries_of, new_box, step, take_over
from web.lives import CounterState
from web.once import Command, Done
from web.problems import Problem
from web.sale_numbers import sale_named
from web.token_rows import add_token


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea and 10 jam."""
    with opened_life(tmp_path, "hillside", tea=40, jam=10, salt=5) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Its first box."""
    return chain.shops["riverside"]


def test_a_new_box_sells_when_its_catalogue_is_in_and_not_before(chain: LifeChain) -> None:
    new = new_box(chain)
    known = new.commit(lambda: restoring.begin(new.state))
    early = chain.offer(new)
    assert len(early) > 1
    new.commit(lambda: restoring.begin_selling(new.state))
    assert is_stopped(new)
    while known.step is not Step.DONE:
        known = new.commit(step(chain, new, known))
    first, rest = early[:1], early[1:]

    new.commit(lambda: intake.apply(new.state, first, first[-1].position, len(rest)))
    new.restart()
    said = new.sell("tea", 1)

    assert isinstance(said, Problem)
    assert said.detail == new.state.why_stopped()
    assert not restoring.is_needed(new.state)
    assert is_stopped(new)

    def take_rest() -> object:
        return new.commit(lambda: intake.apply(new.state, rest, rest[-1].position, 0))

    new.refuse_next_commit()
    with pytest.raises(CommitFailed):
        take_rest()
    assert is_stopped(new), "the disk did not take it"
    take_rest()

    assert not is_stopped(new)
    new.receive(tea=1)
    assert sold(new.sell("tea", 1)).startswith("riverside.2-")


def is_stopped(new: ShopSide) -> bool:
    """Whether a box says that it is new and does not sell yet."""
    return new.state.stopped is StopReason.RESTORING


def test_a_box_that_is_cut_off_after_each_page_knows_all_that_the_hub_has(
    chain: LifeChain, old: ShopSide
) -> None:
    ids = [sold(old.sell("tea", 1)) for _ in range(5)]
    chain.sync()
    cells = {sku: old.state.counter(sku).cells() for sku in ("tea", "jam", "salt")}
    head = old.state.ledger.head.seq
    new = new_box(chain)

    done = take_over(chain, new, restarts=True)

    assert (done.counters, done.entries) == (3, head)
    assert not restoring.is_needed(new.state)
    assert new.state.stopped is None
    for sku, before in cells.items():
        assert set(before) <= set(new.state.counter(sku).cells())
    rows = new.state.connection.execute(
        "SELECT seq FROM entry WHERE writer = 'riverside.1' ORDER BY arrival"
    ).fetchall()
    assert [seq for (seq,) in rows] == list(range(1, head + 1))
    assert sale_named(new.state.store, "riverside-1-000003") == ids[2]
    about_tea = [body for _, body in new.state.store.entries_about("riverside", "tea")]
    assert sum(b'"kind":"sale"' in body for body in about_tea) == 5
    chain.sync()
    new.receive(tea=1)
    assert sold(new.sell("tea", 1)).startswith("riverside.2-")


def test_a_request_whose_answer_was_lost_is_answered_by_the_new_box(
    chain: LifeChain, old: ShopSide
) -> None:
    asked, request = command(role="cashier"), sale_of("tea", 2)
    first = old.commit(lambda: sales.sell(old.state, asked, request))
    chain.sync()
    new = new_box(chain)

    def ask(again: Command) -> object:
        return new.commit(lambda: sales.sell(new.state, again, request))

    before = new.commit(lambda: restoring.begin(new.state)) and ask(asked)
    take_over(chain, new)
    chain.sync()
    stock = new.state.counter("tea").physical()
    again, other = ask(asked), ask(asked._replace(digest=b"\1" * 16))

    assert isinstance(first, Done)
    assert isinstance(before, Problem)
    assert "new" in before.detail
    assert again == first
    assert isinstance(other, Problem)
    assert new.state.counter("tea").physical() == stock


def test_what_came_back_before_does_not_come_back_again_and_waits_for_its_inspection(
    chain: LifeChain, old: ShopSide
) -> None:
    sale = sold(old.sell("tea", 3))
    back = sold(old.take_back(sale, "tea", 1))
    chain.sync()
    new = new_box(chain)

    take_over(chain, new)
    chain.sync()
    known = known_here(new.state, sale)

    assert isinstance(known, Known)
    assert known.left == (2,)
    assert last_number(new.state) == 0
    assert find_return(new.state, back) is not None
    inspected = new.inspect(back, "tea", 1, Disposition.RESTOCK)
    assert isinstance(inspected, Done), inspected
    assert isinstance(known_here(new.state, "riverside.1-9999"), Elsewhere)


def test_registers_and_people_keep_their_tokens(chain: LifeChain, old: ShopSide) -> None:
    def add() -> None:
        add_token(
            old.state.connection, secret_bytes=b"\7" * 32, token_id="one", role="cashier",  # noqa: S106
            register="till-1", name="Ann", now_ms=5,
        )  # fmt: skip

    old.commit(add)
    old.commit(lambda: tell_tokens(old.state))
    before = old.state.ledger.head.seq
    old.commit(lambda: tell_tokens(old.state))
    assert old.state.ledger.head.seq == before, "what was told is not told again"
    chain.sync()
    new = new_box(chain)

    done = take_over(chain, new)

    assert done.tokens == 1
    assert tokens_of(new.state.connection) == tokens_of(old.state.connection)
    assert tokens_of(new.state.connection) != Tokens()


def test_a_register_that_sells_alone_is_known_and_hands_in_what_the_dead_box_had_not_told(
    chain: LifeChain, old: ShopSide
) -> None:
    till = chain.register(old)
    chain.sync()
    chain.meet(till)
    sold(till.sell("tea", 1))
    chain.replay(till)  # the gateway has it, and the hub has not
    new = new_box(chain)

    done = take_over(chain, new, restarts=True)
    row = new.state.registers.rows.find(till.writer)

    assert done.registers == 1
    assert row is not None
    assert (row.is_living, row.reported) == (True, False)
    assert row.head.seq == chain.hub.state.head_of(row.writer).seq < till.state.ledger.head.seq


def test_a_register_hears_from_the_new_box_what_the_dead_one_granted_and_never_told(
    chain: LifeChain, old: ShopSide
) -> None:
    till = chain.register(old)
    held = till.quota("tea")
    told = chain.lend(till, "never-heard", ("tea", 3))
    assert told.cells
    chain.cut(till)
    chain.sync()  # the hub has the grant; the frame and the feed died with the box
    new = new_box(chain)
    take_over(chain, new)
    till.commit(lambda: store_parent(till.state.store, of_parent(till, new)))
    till.state.identity, till.gateway = of_parent(till, new), new

    chain.hear(till)

    assert till.quota("tea") > held
    assert till.quota("tea") == new.state.counter("tea").quota(WriterId(till.writer))
    chain.meet(till)
    till.commit(till.state.ledger.save)
    chain.lend(till, "of-the-new-box", ("tea", 1))
    chain.hear(till)
    assert till.quota("tea") == new.state.counter("tea").quota(WriterId(till.writer))


def test_a_register_hears_of_a_grant_that_an_earlier_box_tells_late(
    chain: LifeChain, old: ShopSide
) -> None:
    till = chain.register(old)
    chain.sync()
    held = till.quota("jam")
    new = new_box(chain)
    take_over(chain, new)
    told = chain.lend(till, "never-heard", ("jam", 1))
    news = [cell for cell in told.cells if cell.holder == old.state.ledger.writer]

    new.commit(lambda: earlier_stock.take_in(new.state, news))
    till.commit(lambda: store_parent(till.state.store, of_parent(till, new)))
    till.state.identity, till.gateway = of_parent(till, new), new
    chain.hear(till)

    assert news
    assert till.quota("jam") == new.state.counter("jam").quota(WriterId(till.writer)) > held


def of_parent(till: RegisterSide, gateway: ShopSide) -> Identity:
    """Who the register is below that gateway."""
    return structs.replace(till.state.identity, parent=gateway.state.ledger.writer)


@pytest.mark.parametrize("what", ["body", "order", "writer"])
def test_entries_that_do_not_follow_from_each_other_are_refused_and_nothing_is_kept(
    chain: LifeChain, old: ShopSide, what: str
) -> None:
    for _ in range(4):
        sold(old.sell("tea", 1))
    chain.sync()
    new = new_box(chain)
    known = new.commit(lambda: restoring.begin(new.state))
    while known.step is not Step.JOURNALS:
        known = new.commit(step(chain, new, known))
    items, cursor = entries_of(chain, new, known)
    known = new.commit(lambda: restoring.take_entries(new.state, items, cursor))
    third, fourth = entries_of(chain, new, known)[0]
    bad = {
        "body": (structs.replace(third, body=third.body.replace(b'"Ann"', b'"Eve"')), fourth),
        "order": (fourth, third),
        "writer": (structs.replace(third, writer="hillside.1"), fourth),
    }[what]

    with pytest.raises(PeerViolation):
        new.commit(lambda: restoring.take_entries(new.state, bad, None))

    assert restoring.progress_of(new.state.store) == known
    new.restart()
    assert restoring.is_needed(new.state)


def test_what_the_hub_hears_of_a_register_meanwhile_comes_from_the_register(
    chain: LifeChain, old: ShopSide
) -> None:
    till = chain.register(old)
    chain.sync()
    for _ in range(3):  # more than a page beyond what the state says
        sold(till.sell("tea", 1))
    chain.replay(till)
    new = new_box(chain)
    known = new.commit(lambda: restoring.begin(new.state))
    known = new.commit(step(chain, new, known))
    while chain.send(old):
        pass  # the old box reaches the hub before the journals are asked for

    while known.step is not Step.DONE:
        known = new.commit(step(chain, new, known))
    till.gateway = chain.shops["riverside"] = new
    chain.replay(till)

    assert till.row.head == till.state.head
    chain.sync()
    sold(till.sell("tea", 1))
    chain.replay(till)
    chain.sync()
    assert chain.hub.state.head_of(WriterId(till.writer)) == till.state.head


def test_the_state_of_another_location_is_refused(chain: LifeChain) -> None:
    new = new_box(chain)
    new.commit(lambda: restoring.begin(new.state))
    lives = chain.lives_before(new)
    of_hillside = [structs.replace(one, writer="hillside.1") for one in lives.earlier]
    cell = (str(Table.GRANTED), "hub.1", "hillside.1", 4)

    for wrong in (
        structs.replace(lives, writer="hillside.2"),
        structs.replace(lives, earlier=of_hillside),
        structs.replace(lives, tokens=msgspec.Raw(b'{"tokens":[{"id":1}]}')),
    ):
        with pytest.raises(PeerViolation):
            new.commit(partial(restoring.take_state, new.state, wrong))
    counter = CounterState(location="hillside", sku="tea", cells=[cell])
    with pytest.raises(PeerViolation):
        new.commit(lambda: restoring.take_counters(new.state, [counter], None))
    assert tokens_of(new.state.connection) == Tokens()


def test_news_of_the_box_before_is_merged_and_another_locations_is_refused(
    chain: LifeChain,
) -> None:
    new = new_box(chain)
    take_over(chain, new)
    late = CellChange("riverside", "tea", "spent", "riverside.1", "sold", 7)
    own = CellChange("riverside", "tea", "spent", "riverside.2", "sold", 9)
    other = CellChange("hillside", "tea", "spent", "hillside.1", "sold", 9)

    cells = earlier_stock.read(new.state, msgspec.json.encode([late, own]))
    new.commit(lambda: earlier_stock.take_in(new.state, cells))
    with pytest.raises(PeerViolation):
        earlier_stock.read(new.state, msgspec.json.encode([other]))

    assert new.state.counter("tea").value(Table.SPENT, "riverside.1", "sold") == 7
    assert new.state.counter("tea").value(Table.SPENT, "riverside.2", "sold") == 0


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_sale_of_a_box_that_is_over_comes_back_in_another_store_once(
    chain: LifeChain,
    old: ShopSide,
    is_sealed: bool,  # noqa: FBT001
) -> None:
    sale = sold(old.sell("tea", 3))
    chain.sync()
    new, hillside = new_box(chain), chain.shops["hillside"]
    take_over(chain, new)
    chain.sync(new)
    chain.hub.state.reachable.update(chain.shops)
    refused = chain.claim(hillside, sale)
    assert isinstance(refused, Problem), "the old box may have taken some of it back"
    assert "a box of riverside that is gone" in refused.detail

    if is_sealed:
        chain.hand_over(old, sealed=True)
    else:
        chain.count_all(new, tea=37, jam=10, salt=5)
        chain.sync(new)
        assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    chain.sync(new)
    claimed(chain, hillside, sale)
    came(hillside.take_back(sale, "tea", 2))

    assert new.take_back(sale, "tea", 1) == Elsewhere(sale), "its rights are in hillside"
    chain.sync()
    chain.check("tea")


def test_a_new_box_of_a_chain_that_has_nothing_to_tell_sells_at_once(tmp_path: Path) -> None:
    chain = LifeChain(tmp_path, shops=("riverside",))
    chain.hub.state.connection.execute("DELETE FROM feed")  # not even a tax rate
    new = new_box(chain)
    known = new.commit(lambda: restoring.begin(new.state))
    while known.step is not Step.DONE:
        assert new.state.stopped is StopReason.RESTORING
        known = new.commit(step(chain, new, known))

    assert chain.lives_before(new).feed_items == 0
    assert new.state.stopped is None
    new.restart()
    assert new.state.stopped is None
    new.close()
    chain.close()


def test_a_stop_that_no_disk_took_outlasts_a_batch_that_failed(old: ShopSide) -> None:
    old.state.stopped = StopReason.BEHIND_WITNESS
    old.refuse_next_commit()

    with pytest.raises(CommitFailed):
        old.receive(tea=1)

    assert old.state.stopped is StopReason.BEHIND_WITNESS
