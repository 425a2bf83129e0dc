"""Goal: a count without what the box before had told the hub by then books nothing twice.

Nor has anybody rights to goods twice meanwhile.

Method: a chain in one process on real files. The old box takes goods in, is replaced, and found:
the hub hears it while the new one counts and hears nothing, in every order.
"""

import msgspec
import pytest

from cloud_hub.stores.arrival import let_in
from gateway.lives import earlier_stock
from gateway.stockroom import counts, stock
from replication import wire
from replication.journal import decode_body
from retail.stock.counts import ScannedLine
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain
from web.lives import EARLIER_HEARD
from web.once import Command, Done
from web.problems import Problem


def on_the_books(lives: LifeChain, sku: str = "tea") -> tuple[int, int]:
    """Units on hand by the hub's book, and those that anybody may sell."""
    counter = lives.hub.counter("riverside", sku)
    return counter.physical() - counter.deficit(), lives.hub.state.promisable(counter)


def frozen(lives: LifeChain) -> int:
    """Units of tea that nobody may sell."""
    return lives.hub.state.frozen(lives.hub.counter("riverside", "tea"))


def settle(lives: LifeChain) -> None:
    """All is told, answered and told again."""
    for _ in range(4):
        lives.sync()


def receive(shop: ShopSide, asked: Command) -> None:
    """A program has ten tea booked, by its key."""
    request = stock.ReceiptRequest(
        lines=(stock.ReceiptLine(sku="tea", quantity=10),), reference="paper"
    )
    assert isinstance(shop.commit(lambda: stock.receive(shop.state, asked, request)), Done)


def start(shop: ShopSide, *skus: str) -> str:
    """A count is begun."""
    started = shop.start_count(*skus)
    assert isinstance(started, Done)
    return str(msgspec.json.decode(started.record)["id"])


def scan(shop: ShopSide, count: str, **there: int) -> None:
    """Somebody counts what stands there."""
    lines = [ScannedLine(sku=sku, counted=units) for sku, units in there.items()]
    assert isinstance(shop.count(count, *lines), Done)


def close(shop: ShopSide, count: str) -> None:
    """The count is closed."""
    assert isinstance(shop.close_count(count), Done)


@pytest.mark.parametrize("at_once", ["", "sealed"])
def test_what_came_before_a_count_that_had_not_heard_of_it_is_there_once(
    lives: LifeChain, old: ShopSide, at_once: str
) -> None:
    held, _ = on_the_books(lives)
    old.receive(tea=10)
    new = lives.replace("riverside")

    lives.hand_over(old, sealed=at_once == "sealed")
    lives.count_all(new, tea=held + 10)
    settle(lives)

    if not at_once:
        lives.hand_over(old, sealed=True)
        settle(lives)
    assert on_the_books(lives) == (held + 10, held + 10)
    assert lives.audit().differences == []


def test_what_came_is_nobodys_before_the_living_box_has_heard_of_it(
    lives: LifeChain, old: ShopSide
) -> None:
    held, _ = on_the_books(lives)
    old.receive(tea=10)
    new = lives.replace("riverside")
    before = frozen(lives)

    lives.hand_over(old, sealed=True)

    assert frozen(lives) > before
    settle(lives)
    assert on_the_books(lives) == (held + 10, held + 10)
    assert EARLIER_HEARD in [
        decode_body(entry.body).kind
        for entry in new.state.store.entries_after(
            new.state.ledger.writer, 0, count_max=100, bytes_max=10**6
        )[0]
    ]


@pytest.mark.parametrize("heard", ["before its line", "after its line", "after it was told"])
def test_a_line_that_was_kept_before_counts_without_it(
    lives: LifeChain, old: ShopSide, heard: str
) -> None:
    held, _ = on_the_books(lives)
    old.receive(tea=10)
    new = lives.replace("riverside")
    count = start(new, "tea")
    if heard == "before its line":
        lives.hand_over(old, sealed=True)
    scan(new, count, tea=held + 10)
    if heard == "after it was told":
        lives.sync()
    if heard != "before its line":
        lives.hand_over(old, sealed=True)
    settle(lives)

    close(new, count)

    assert on_the_books(lives)[1] <= held + 10
    settle(lives)
    assert on_the_books(lives) == (held + 10, held + 10)
    assert lives.audit().differences == []


def test_a_line_that_is_counted_again_counts_with_what_was_heard(
    lives: LifeChain, old: ShopSide
) -> None:
    held, _ = on_the_books(lives)
    old.receive(tea=10)
    new = lives.replace("riverside")
    count = start(new, "tea")
    scan(new, count, tea=held + 10)
    lives.hand_over(old, sealed=True)
    settle(lives)

    again = ScannedLine(sku="tea", counted=held + 10, recount=True)
    assert isinstance(new.count(count, again), Done)
    close(new, count)
    settle(lives)

    assert on_the_books(lives) == (held + 10, held + 10)


def test_a_count_that_is_given_up_leaves_the_goods_to_whoever_holds_them(
    lives: LifeChain, old: ShopSide
) -> None:
    held, _ = on_the_books(lives)
    old.receive(tea=10)
    new = lives.replace("riverside")
    count = start(new, "tea")
    scan(new, count, tea=held + 10)
    lives.sync()
    lives.hand_over(old, sealed=True)
    settle(lives)
    assert frozen(lives) >= 10

    assert isinstance(new.commit(lambda: counts.cancel(new.state, command(), count)), Done)
    settle(lives)

    assert on_the_books(lives) == (held + 10, held + 10)


def test_what_left_before_a_count_that_had_not_heard_of_it_is_missing_once(
    lives: LifeChain, old: ShopSide
) -> None:
    held, _ = on_the_books(lives)
    assert isinstance(old.sell("tea", 3), Done)
    lives.advance(1000)
    new = lives.replace("riverside")

    lives.hand_over(old, sealed=True)
    lives.count_all(new, tea=held - 3)
    settle(lives)

    assert on_the_books(lives)[0] == held - 3


def test_each_of_two_goods_of_one_delivery_is_taken_off_with_its_count(
    lives: LifeChain, old: ShopSide
) -> None:
    tea, jam = on_the_books(lives)[0], on_the_books(lives, "jam")[0]
    old.receive(tea=10, jam=5)
    new = lives.replace("riverside")

    lives.count_all(new, tea=tea + 10)
    lives.sync()
    lives.hand_over(old, sealed=True)
    lives.count_all(new, jam=jam + 5)
    settle(lives)

    assert on_the_books(lives) == (tea + 10, tea + 10)
    assert on_the_books(lives, "jam") == (jam + 5, jam + 5)


@pytest.mark.parametrize(
    "booked_again", ["before the count", "between its line and its end", "after it"]
)
def test_what_a_program_repeated_at_a_box_that_had_not_heard_is_there_once(
    lives: LifeChain, old: ShopSide, booked_again: str
) -> None:
    held, _ = on_the_books(lives)
    asked = command()
    receive(old, asked)
    new = lives.replace("riverside")
    lives.hand_over(old, sealed=True)

    if booked_again == "before the count":
        receive(new, asked)
    count = start(new, "tea")
    scan(new, count, tea=held + 10)
    if booked_again == "between its line and its end":
        receive(new, asked)
    close(new, count)
    if booked_again == "after it":
        receive(new, asked)
    settle(lives)

    assert on_the_books(lives) == (held + 10, held + 10)


def test_a_box_that_died_before_it_heard_of_goods_is_answered_for_when_they_are_counted(
    lives: LifeChain, old: ShopSide
) -> None:
    (held, _), (jam, _) = on_the_books(lives), on_the_books(lives, "jam")
    old.receive(tea=10)
    deaf = lives.replace("riverside")
    lives.count_all(deaf, tea=held + 10)
    assert isinstance(deaf.sell("tea", 9), Done)
    lives.hand_over(old, sealed=True)
    new = lives.replace("riverside")
    settle(lives)
    _, free = on_the_books(lives)

    refused = lives.attest("riverside", "riverside.2")
    assert isinstance(refused, Problem)
    assert "tea had not been counted since riverside.3 is the gateway" in refused.detail
    assert free <= held + 1
    lives.count_all(new, tea=held + 1, jam=jam)
    settle(lives)
    assert isinstance(lives.attest("riverside", "riverside.2"), Done)
    settle(lives)

    assert on_the_books(lives) == (held + 1, held + 1)
    assert lives.audit().differences == []


def test_a_program_that_does_not_say_what_it_heard_is_told_again_when_it_says_hello(
    lives: LifeChain, old: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.receive(tea=10)
    new = lives.replace("riverside")
    lives.hand_over(old, sealed=True)
    with monkeypatch.context() as before:
        before.setattr(earlier_stock, "say_heard", lambda *_: None)
        settle(lives)
    assert frozen(lives) >= 10

    hello = wire.Hello(
        versions=list(wire.VERSIONS), writer=new.state.ledger.writer, seq=new.state.head.seq,
        hash=new.state.head.hash, cursor=lives.hub.state.feed_end("riverside"), boot="a",
        software="1", now_ms=lives.now_ms(),
    )  # fmt: skip
    lives.hub.commit(lambda: let_in(lives.hub.state, new.state.ledger.writer, hello))
    settle(lives)

    assert frozen(lives) == 0
