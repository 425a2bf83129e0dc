"""Goal: a till's token invents no sale and doubles none, and no sale that was answered is lost.

Method: a new box has what the hub has of the one before, whose last sale only its register knows.
A till hands in that sale in every way that could not have been, then as it was; what is odd but may
be true is handed in by a supervisor.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from cloud_hub.lives import restoring as at_hub
from cloud_hub.lives import rows
from cloud_hub.lives.branches import BranchTaken
from gateway.lives.earlier import remember_lives
from gateway.lives.next_life import CAME_OF, CameOf
from gateway.lives.recovered import RecoveredSale, recover
from gateway.shop import Shop
from replication.adapters.many_rows import insert_rows
from replication.ids import WriterId
from retail.selling.sales import LineDiscount, Sale, SaleLine, Tender
from tests.chain_sides import ShopSide, command
from tests.life_chain import LifeChain, opened_life
from web.journal_pages import SalesQuery, sales_page
from web.lives import SEALED, EarlierLives, Sealed
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    with opened_life(tmp_path, tea=20, jam=10) as chain:
        yield chain


def sold(shop: ShopSide, units: int) -> Sale:
    done = shop.sell("tea", units)
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.record, type=Sale)


class Lost:
    """`known` are at the hub, `sale` only in a register; `new` has taken the box's place."""

    def __init__(self, chain: LifeChain) -> None:
        old = chain.shops["riverside"]
        self.known = [sold(old, 2), sold(old, 1)]
        chain.sync()
        old.receive(jam=1)  # the last sale is some entries further
        self.sale = sold(old, 3)
        self.old, self.new = old, chain.replace("riverside")
        self.chain = chain
        self.learn()

    def learn(self) -> None:
        """The new box hears what the hub has of the lives before, as it takes over."""
        chain, new = self.chain, self.new
        connection = chain.hub.state.connection
        entries = connection.execute(
            "SELECT writer, seq, kind, hash, body FROM entry WHERE writer = ? ORDER BY seq",
            (self.sale.writer,),
        ).fetchall()
        writer = new.state.ledger.writer
        told = chain.hub.commit(lambda: at_hub.earlier_lives(chain.hub.state, writer))
        lives = msgspec.json.decode(msgspec.json.encode(told), type=EarlierLives)
        new.commit(partial(_learn, new.state, entries, lives))

    def hand_in(self, sale: Sale, *, role: str = "cashier", key: Command | None = None) -> Outcome:
        """Somebody hands it in at the new box."""
        asked = command(role=role, register="till-1") if key is None else key
        return self.new.commit(lambda: recover(self.new.state, asked, sale))


def _learn(
    shop: Shop, rows: Sequence[tuple[int | float | bytes | str | None, ...]], lives: EarlierLives
) -> None:
    shop.store.forget()
    numbered = [(number - len(rows), *row) for number, row in enumerate(rows)]
    insert_rows(shop.connection, "INSERT OR REPLACE INTO entry VALUES", numbered)
    remember_lives(shop.store, lives)


@pytest.fixture
def lost(chain: LifeChain) -> Lost:
    return Lost(chain)


def answer(outcome: Outcome) -> RecoveredSale:
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=RecoveredSale)


def at(sale: Sale, seq: int) -> Sale:
    return replace(sale, id=f"{sale.writer}-{seq}", seq=seq)


def line_of(sale: Sale, change: Callable[[SaleLine], SaleLine]) -> Sale:
    return replace(sale, lines=tuple(change(line) for line in sale.lines))


UNSOUND: dict[str, Callable[[Sale], Sale]] = {
    "no currency": lambda one: replace(one, currency="XXX"),
    "before there were boxes": lambda one: replace(one, at="0001-01-01T00:00:00+23:59"),
    "an instant in other words": lambda one: replace(one, at=one.at.replace("Z", "+00:00")),
    "another day": lambda one: replace(one, business_date="2001-01-01"),
    "no day": lambda one: replace(one, business_date="2026-02-31"),
    "another box's number": lambda one: replace(one, number="RIVERSIDE-2-000003"),
    "a number beyond its place": lambda one: replace(one, number="RIVERSIDE-1-999999"),
    "number nought": lambda one: replace(one, number="RIVERSIDE-1-000000"),
    "a number written otherwise": lambda one: replace(one, number="RIVERSIDE-1-0000003"),
    "a line that does not add up": lambda one: line_of(
        one, lambda line: replace(line, net_minor=line.net_minor + 1)
    ),
    "card above the total": lambda one: replace(
        one, tenders=(Tender(type="card", amount_minor=one.total_minor + 1),), change_minor=1
    ),
    "a credit without its code": lambda one: replace(
        one, tenders=(Tender(type="store_credit", amount_minor=one.total_minor),), change_minor=0
    ),
}

ODD: dict[str, tuple[Callable[[Lost], Sale], str]] = {
    "by a clock that was ahead": (
        lambda lost: replace(
            lost.sale, at="2999-01-01T00:00:00.000Z", business_date="2999-01-01"
        ),
        "is in the future",
    ),
    "a sale that is known, by somebody else": (
        lambda lost: replace(lost.known[0], cashier="Mallory"), "is known, as another sale",
    ),
    "a sale that is known, with other goods": (
        lambda lost: line_of(lost.known[0], lambda line: replace(line, quantity=1)),
        "is known, as another sale",
    ),
    "the place of something else": (lambda lost: at(lost.known[1], 2), "is known, as '"),
    "far beyond anything": (
        lambda lost: at(lost.sale, 2**62), "cannot have come to entry",
    ),
    "further than anybody sells unheard": (
        lambda lost: at(lost.sale, lost.sale.seq + 200_000), "cannot have come to entry",
    ),
    "a number that is taken": (
        lambda lost: replace(lost.sale, number=lost.known[1].number), "does not come after",
    ),
    "a number that leaves more out than there is room": (
        lambda lost: replace(lost.sale, number=f"RIVERSIDE-1-{lost.sale.seq:06d}"),
        "does not come after",
    ),
    "a currency in which nothing is sold": (
        lambda lost: replace(lost.sale, currency="CHF"), "is not sold in CHF",
    ),
    "fewer for the money": (
        lambda lost: line_of(lost.sale, lambda line: replace(line, quantity=1)), "do not cost",
    ),
    "more for the money": (
        lambda lost: line_of(lost.sale, lambda line: replace(line, quantity=100)), "do not cost",
    ),
    "a discount that nobody gave": (
        lambda lost: line_of(
            lost.sale,
            lambda line: replace(
                line, discounts=(LineDiscount(promotion=None, name="x", amount_minor=1),)
            ),
        ),
        "do not cost",
    ),
}  # fmt: skip


@pytest.mark.parametrize("wrong", UNSOUND)
def test_what_no_box_answers_is_taken_from_nobody(lost: Lost, wrong: str) -> None:
    before = lost.new.state.ledger.head

    refused = lost.hand_in(UNSOUND[wrong](lost.sale), role="manager")

    assert isinstance(refused, Problem)
    assert refused.status == 422
    assert lost.new.state.ledger.head == before
    assert answer(lost.hand_in(lost.sale)).is_new


@pytest.mark.parametrize("odd", ODD)
def test_what_is_odd_is_taken_from_a_supervisor_alone_and_the_entry_says_so(
    lost: Lost, odd: str
) -> None:
    change, why = ODD[odd]
    told, before = change(lost), lost.new.state.ledger.head

    refused = lost.hand_in(told)
    assert isinstance(refused, Problem)
    assert (refused.status, lost.new.state.ledger.head) == (409, before)
    assert why in (refused.detail or "")
    assert "supervisor" in (refused.detail or "")

    taken = answer(lost.hand_in(told, role="supervisor"))
    assert taken.is_new
    (entry,) = lost.new.state.named.find("recovered_sale", told.id)
    assert why in entry.reason


def test_one_id_and_one_number_are_one_sale(lost: Lost) -> None:
    first = answer(lost.hand_in(lost.sale))
    others = [
        replace(lost.sale, cashier="Mallory"),
        at(lost.sale, lost.sale.seq + 1),  # its number is taken
    ]

    refused = [lost.hand_in(one) for one in others]

    assert [one.status for one in refused if isinstance(one, Problem)] == [409, 409]
    again = answer(lost.hand_in(lost.sale))
    assert (again.entry, again.is_new) == (first.entry, False)
    assert not answer(lost.hand_in(lost.known[0])).is_new


def test_a_request_is_answered_once_and_its_key_takes_no_other_sale(lost: Lost) -> None:
    key = command(role="cashier", register="till-1")
    first = lost.hand_in(lost.sale, key=key)
    known_key = command(role="cashier", register="till-1")
    known = lost.hand_in(lost.known[0], key=known_key)
    lost.new.restart()

    assert lost.hand_in(lost.sale, key=key) == first
    assert lost.hand_in(lost.known[0], key=known_key) == known
    assert (answer(first).is_new, answer(known).is_new) == (True, False)
    for used in (key, known_key):
        refused = lost.hand_in(lost.sale, key=used._replace(digest=b"\1" * 16))
        assert isinstance(refused, Problem)
        assert refused.slug is Slug.INVALID_REQUEST


@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_journal_that_has_ended_has_no_more_sales_for_a_till(
    chain: LifeChain,
    lost: Lost,
    is_sealed: bool,  # noqa: FBT001
) -> None:
    if is_sealed:
        chain.hand_over(lost.old, sealed=True)
    else:
        chain.count_all(lost.new, tea=17, jam=10)
        chain.sync(lost.new)
        chain.hub.commit(lambda: None)
        assert isinstance(chain.attest("riverside", "riverside.1"), Done)
    lost.learn()
    head = chain.hub.state.head_of(lost.old.state.ledger.writer).seq
    late = at(replace(lost.sale, number="RIVERSIDE-1-000004"), head + 1)

    refused = lost.hand_in(late)

    assert isinstance(refused, Problem)
    assert refused.status == 409
    assert isinstance(lost.hand_in(late, role="supervisor"), Done)


def test_where_the_journal_is_known_to_have_parted_a_place_may_be_held_as_another_sale(
    lost: Lost,
) -> None:
    came = CameOf(
        earlier="riverside.1", branch=None, exposed_units=0, register="till-1", at_ms=1
    )  # fmt: skip
    told = msgspec.json.encode(came).decode()
    lost.new.commit(lambda: lost.new.state.store.set_meta(CAME_OF, told))
    first = replace(lost.known[1], cashier="Bob")

    assert answer(lost.hand_in(first)).is_new
    assert answer(lost.hand_in(lost.sale)).is_new
    odd = lost.hand_in(line_of(lost.sale, lambda line: replace(line, quantity=1)))
    assert isinstance(odd, Problem)  # what things cost has not parted


def test_where_an_image_ended_the_journal_a_place_may_be_held_as_another_sale(
    chain: LifeChain, lost: Lost
) -> None:
    seen = Sealed(behind=f"riverside.1;99;{'0' * 64}")
    old = lost.old.state
    lost.old.commit(lambda: old.ledger.append(SEALED, msgspec.json.encode(seen)))
    chain.hand_over(lost.old, sealed=False)
    lost.learn()
    first = replace(lost.known[1], cashier="Bob")

    assert answer(lost.hand_in(first)).is_new
    odd = lost.hand_in(line_of(lost.sale, lambda line: replace(line, quantity=1)))
    assert isinstance(odd, Problem)  # what things cost has not parted


def listed(chain: LifeChain) -> list[tuple[str, str]]:
    """Id and cashier of each sale, as ``GET /v1/sales`` of the hub lists them."""
    connection = chain.hub.state.connection
    again, otherwise = rows.told_again(connection), rows.told_otherwise(connection)
    page = sales_page(chain.hub.state.store, SalesQuery(limit=500), again, otherwise)
    told = [msgspec.json.decode(record, type=Sale) for record in page.items]
    return [(one.id, one.cashier) for one in told]


def test_the_hub_lists_each_id_once_and_its_audit_names_one_that_is_told_in_two_contents(
    chain: LifeChain, lost: Lost
) -> None:
    other = replace(lost.known[0], cashier="Mallory")
    entry = answer(lost.hand_in(other, role="supervisor")).entry
    lost.hand_in(lost.sale)
    chain.sync(lost.new)

    known = [one.id for one in lost.known]
    assert listed(chain) == [
        *((one, "Ann") for one in known),
        (entry, "Mallory"),
        (lost.sale.id, "Ann"),
    ]
    assert [(one.invariant, one.entries) for one in chain.audit().differences] == [
        ("E5", [other.id, entry])
    ]


def test_an_original_that_comes_late_keeps_its_id_beside_another_content(
    chain: LifeChain, lost: Lost
) -> None:
    entry = answer(lost.hand_in(replace(lost.sale, cashier="Mallory"))).entry
    chain.sync(lost.new)
    chain.hand_over(lost.old, sealed=True)

    assert listed(chain)[2:] == [(entry, "Mallory"), (lost.sale.id, "Ann")]
    assert [one.entries for one in chain.audit().differences] == [[lost.sale.id, entry]]


def test_two_sales_of_a_journal_that_parted_are_both_listed_and_are_no_difference(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    copy = chain.boot(chain.image(old), old.state.identity)
    old.commit(lambda: old.state.ledger.append("note", b"{}"))  # both are at the same place now
    first, second = sold(old, 3), sold(copy, 4)
    chain.sync()
    taken = chain.hand_branch(WriterId("riverside.1"), chain.branch_of(copy, chain.common(copy)))
    assert isinstance(taken, BranchTaken)

    assert first.id == second.id
    ids = [one for one, _ in listed(chain)]
    assert len(ids) == len(set(ids)) == 2
    chain.check("tea")
