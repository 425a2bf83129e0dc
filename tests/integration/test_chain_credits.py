"""Goal: a store credit pays what it has, once, wherever its rights lie, and is never lost.

Method: a hub and two shops in one process (`tests.chain`), lines that are cut by not being used;
what was issued and paid is read off the records, and compared with the books at the end of each
test (`tests.credits_seen`).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_hub.prices.allowances import Recall, whom_to_ask
from cloud_hub.returning.credit_api import credit_as_heard
from gateway.selling import sales
from gateway.selling.credits import CreditShort, seen_here
from replication.cell_rules import check_cell
from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.ids import EVERYWHERE
from retail.selling.sales import Sale
from retail.selling.store_credit import CreditCode
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide, command
from tests.credits_seen import (
    at_hub,
    basket,
    buy,
    came_back,
    chain_of_credits,
    fetch,
    give_back,
    issue,
    left,
    lend,
    pay,
    pay_asking,
    sold,
)
from web.credits import key_of
from web.problems import Problem
from web.uses import NOBODY, UsesShort


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops with tea and jam at 1.00; see `chain_of_credits`."""
    yield from chain_of_credits(tmp_path)


def unchanged(shop: ShopSide, act: Callable[[], object]) -> object:
    """What an act comes to that leaves the journal as it is."""
    before = shop.state.ledger.head
    outcome = act()
    assert shop.state.ledger.head == before
    return outcome


# Spent where it lies


def test_a_credit_pays_in_parts_and_says_what_is_left(chain: Chain, riverside: ShopSide) -> None:
    code = issue(riverside, 3)

    told = [sold(pay(riverside, code, minor)).tenders[0] for minor in (120, 100, 80)]

    assert [one.left_minor for one in told] == [180, 80, 0]
    assert {one.credit for one in told} == {str(code)}
    short = unchanged(riverside, lambda: pay(riverside, code, 1))
    assert short == CreditShort(code, 1, 0)
    chain.sync()
    assert left(chain.hub, code) == {}


def test_more_than_is_left_is_refused_without_asking_anybody(
    chain: Chain, riverside: ShopSide
) -> None:
    code = issue(riverside)

    short = unchanged(riverside, lambda: pay(riverside, code, 101, NOBODY))

    assert short == CreditShort(code, 101, 100)
    chain.sync()
    assert left(chain.hub, code) == {"riverside.1": 100}


def test_two_credits_and_cash_pay_one_sale(riverside: ShopSide) -> None:
    one, other = issue(riverside), issue(riverside)

    sale = sold(buy(riverside, basket(3, (one, 100), (other, 50), cash_minor=200)))

    assert [tender.left_minor for tender in sale.tenders] == [0, 50, None]
    assert sale.change_minor == 50


def test_one_credit_too_many_leaves_the_other_as_it_was(riverside: ShopSide) -> None:
    one, other = issue(riverside), issue(riverside)

    short = unchanged(riverside, lambda: buy(riverside, basket(3, (one, 100), (other, 200))))

    assert short == CreditShort(other, 200, 100)
    assert riverside.state.quota(key_of(one)) == 100


def test_a_credit_gives_no_change(riverside: ShopSide) -> None:
    code = issue(riverside, 2)

    refused = unchanged(riverside, lambda: buy(riverside, basket(1, (code, 200))))

    assert isinstance(refused, Problem)
    assert "exceed the total" in refused.detail


def test_a_credit_of_another_currency_does_not_pay(riverside: ShopSide) -> None:
    code = issue(riverside)._replace(currency="SAR")

    refused = unchanged(riverside, lambda: pay(riverside, code, 50))

    assert isinstance(refused, Problem)
    assert refused.detail == f"Store credit {code} pays in SAR, and what is sold costs USD."
    assert refused.members["reason"] == "currency"


def test_a_guessed_secret_is_another_credit(riverside: ShopSide) -> None:
    guessed = issue(riverside)._replace(secret="GUESSD")  # noqa: S106 - somebody's guess

    short = unchanged(riverside, lambda: pay(riverside, guessed, 50))

    assert short == CreditShort(guessed, 50, 0)


def test_a_repeated_request_pays_once(riverside: ShopSide) -> None:
    code, by = issue(riverside, 2), command()

    for _ in range(2):
        riverside.commit(lambda: sales.sell(riverside.state, by, basket(1, (code, 100))))

    assert riverside.state.quota(key_of(code)) == 100


def test_a_sale_and_a_return_whose_commits_fail_move_no_money(riverside: ShopSide) -> None:
    code = issue(riverside, 2)
    riverside.refuse_next_commit()
    with pytest.raises(CommitFailed):
        pay(riverside, code, 100)
    assert riverside.state.quota(key_of(code)) == 200

    sale = sold(pay(riverside, code, 100)).id
    riverside.refuse_next_commit()
    with pytest.raises(CommitFailed):
        riverside.take_back(sale, "jam", 1, refund_to="store_credit")

    assert came_back(riverside.take_back(sale, "jam", 1)).credit is not None


# Spent elsewhere


def test_a_credit_goes_whole_to_the_store_where_its_customer_is(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 3)
    chain.sync()

    sale = sold(pay_asking(chain, harbour, code, 100))

    assert sale.tenders[0].left_minor == 200
    assert riverside.state.quota(key_of(code)) == 0
    chain.sync()
    assert left(chain.hub, code) == {"harbour.1": 200}
    assert sold(pay_asking(chain, riverside, code, 200)).tenders[0].left_minor == 0


def test_of_two_stores_that_are_cut_off_only_the_holder_is_paid(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 2)
    chain.sync()
    chain.hub.state.reachable.clear()

    assert unchanged(harbour, lambda: pay(harbour, code, 100)) == CreditShort(code, 100, 0)
    assert isinstance(pay(riverside, code, 100), Sale)
    assert fetch(chain, harbour, code, 100) is False

    chain.hub.state.reachable.update(chain.shops)
    chain.sync()
    assert isinstance(pay_asking(chain, harbour, code, 100), Sale)
    chain.sync()
    assert left(chain.hub, code) == {}


def test_a_credit_that_the_hub_has_not_heard_of_pays_nowhere_else(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside)

    assert pay_asking(chain, harbour, code, 100) == CreditShort(code, 100, 0)
    assert credit_as_heard(chain.hub.state, code) is None

    chain.sync()
    assert isinstance(pay_asking(chain, harbour, code, 100), Sale)


def test_for_more_than_is_left_nothing_moves(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 2)
    chain.sync()

    assert pay_asking(chain, harbour, code, 201) == CreditShort(code, 201, 0)

    assert whom_to_ask(chain.hub.state, key_of(code), 201) == Recall(None, 0, are_out=True)
    assert riverside.state.quota(key_of(code)) == 200


def test_a_store_that_spent_since_it_was_heard_gives_nothing_or_all_it_has(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 3)
    chain.sync()
    assert isinstance(pay(riverside, code, 200), Sale)

    assert pay_asking(chain, harbour, code, 300) == CreditShort(code, 300, 0)
    sale = sold(pay_asking(chain, harbour, code, 50))

    assert sale.tenders[0].left_minor == 50
    chain.sync()
    assert left(chain.hub, code) == {"harbour.1": 50}


def test_a_credit_that_a_customer_waits_for_is_not_lent_away(
    chain: Chain, riverside: ShopSide
) -> None:
    code = issue(riverside)
    chain.sync()
    riverside.state.wanted[key_of(code)] = 1

    assert not give_back(chain, riverside, code, 100)


def test_a_grant_that_comes_too_late_is_there_for_the_next_try(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside)
    chain.sync()
    assert isinstance(pay(harbour, code, 100, NOBODY), UsesShort)
    assert isinstance(pay(harbour, code, 100), CreditShort)

    assert give_back(chain, riverside, code, 100)
    assert lend(chain, harbour, code, 100)

    assert isinstance(pay(harbour, code, 100), Sale)


def test_a_credit_outlives_restarts_on_its_way(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 2)
    chain.sync()
    assert give_back(chain, riverside, code, 100)

    riverside.restart()
    chain.hub.restart()
    chain.hub.state.reachable.update(chain.shops)

    assert lend(chain, harbour, code, 100)
    harbour.restart()
    assert sold(pay(harbour, code, 150)).tenders[0].left_minor == 50


def test_what_a_lost_box_held_is_frozen_and_spent_by_nobody(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code, moved = issue(riverside), issue(riverside)
    chain.sync()
    assert isinstance(pay_asking(chain, harbour, moved, 50), Sale)
    riverside.close()
    chain.shops["riverside"] = chain.box("riverside", replace=True)
    chain.hub.state.reachable.add("riverside")

    assert pay_asking(chain, harbour, code, 100) == CreditShort(code, 100, 0)
    assert isinstance(pay(harbour, moved, 50), Sale)
    chain.sync()
    assert left(chain.hub, code) == {"riverside.1": 100}


# What is told


def test_the_hub_tells_who_holds_how_much(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 3)
    chain.sync()
    sold(pay_asking(chain, harbour, code, 100))
    chain.sync()

    told = credit_as_heard(chain.hub.state, code)

    assert told is not None
    assert (told.code, told.issued_minor, told.balance_minor) == (str(code), 300, 200)
    (held,) = told.held
    assert (held.location, held.amount_minor) == ("harbour", 200)
    assert held.last_heard is not None
    here = seen_here(harbour.state, code)
    assert here is not None
    assert (here.balance_minor, here.issued_minor) == (200, None)
    assert seen_here(harbour.state, code._replace(seq=999)) is None


# Who may write what


@pytest.mark.parametrize("writer", ["harbour.1", "hub.1"])
def test_nobody_but_the_returns_own_store_brings_a_credit_into_being(
    riverside: ShopSide, writer: str
) -> None:
    code: CreditCode = issue(riverside)

    with pytest.raises(PeerViolation, match="decides what is allowed"):
        check_cell(CellChange(EVERYWHERE, key_of(code), "minted", writer, "allowed", 5), writer)


def test_the_hubs_book_of_a_credit_has_only_what_was_done(
    chain: Chain, riverside: ShopSide
) -> None:
    code = issue(riverside)
    sold(pay(riverside, code, 40))
    chain.sync()

    assert at_hub(chain.hub, code).cells() == [
        ("minted", "riverside.1", "allowed", 100),
        ("spent", "riverside.1", "used", 40),
    ]
