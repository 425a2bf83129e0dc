"""Goal: what comes back can be paid with store credit, for what it is worth and no more (W2, W3).

Method: a hub and two shops in one process (`tests.chain`); returns and exchanges of sales that were
paid in several ways, one of them taken in while nobody could verify it.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.returning import unverified
from gateway.returning.returnables import Elsewhere
from gateway.selling.credits import seen_here
from retail.prices.sale_request import SaleRequest
from retail.returning.return_requests import ExchangeRequest, ReturnRequest, SettleRequest
from retail.selling.sales import STORE_CREDIT, Sale, Tender
from tests import uses_asked
from tests.chain import Chain
from tests.chain_sides import ShopSide, command
from tests.credits_seen import (
    buy,
    came_back,
    chain_of_credits,
    code_in,
    issue,
    left,
    pay,
    pay_asking,
    sold,
)
from tests.uses_asked import SECRET, no_paper
from web.credits import issuer_of
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops with tea and jam at 1.00; see `chain_of_credits`."""
    yield from chain_of_credits(tmp_path)


def test_a_return_is_paid_with_a_new_credit(chain: Chain, riverside: ShopSide) -> None:
    done = riverside.sell("tea", 3)
    assert isinstance(done, Done)
    sale = msgspec.json.decode(done.record, type=Sale)

    came = came_back(riverside.take_back(sale.id, "tea", 2, refund_to="store_credit"))

    code = code_in(came.credit)
    assert issuer_of(code) == came.id
    assert came.refunds == (Tender(type=STORE_CREDIT, amount_minor=200, credit=str(code)),)
    assert seen_here(riverside.state, code) is not None
    chain.sync()
    assert left(chain.hub, code) == {"riverside.1": 200}


def test_what_is_returned_to_the_original_tender_has_no_credit(riverside: ShopSide) -> None:
    done = riverside.sell("tea", 1)
    assert isinstance(done, Done)
    sale = msgspec.json.decode(done.record, type=Sale)

    came = came_back(riverside.take_back(sale.id, "tea", 1))

    assert (came.credit, [one.type for one in came.refunds]) == (None, ["cash"])


def test_later_returns_of_a_sale_go_to_what_paid_it_and_never_beyond(riverside: ShopSide) -> None:
    request = msgspec.convert(
        {
            "register": "till-1",
            "lines": [{"sku": "tea", "quantity": 5}],
            "tenders": [
                {"type": "card", "amount_minor": 300},
                {"type": "cash", "amount_minor": 200},
            ],
        },
        SaleRequest,
    )
    sale = sold(buy(riverside, request)).id

    first = came_back(riverside.take_back(sale, "tea", 2, refund_to="store_credit"))
    second = came_back(riverside.take_back(sale, "tea", 3))

    paid = {one.type: one.amount_minor for one in (*first.refunds, *second.refunds)}
    assert sum(paid.values()) == 500
    assert paid["store_credit"] == 200
    assert paid["card"] <= 300


def test_what_an_exchange_leaves_over_may_become_a_credit(
    chain: Chain, riverside: ShopSide
) -> None:
    done = riverside.sell("tea", 5)
    assert isinstance(done, Done)
    body = {
        "register": "till-1", "sale": msgspec.json.decode(done.record, type=Sale).id,
        "reason": "wrong size", "refund_to": "store_credit",
        "returned": [{"sku": "tea", "quantity": 5}], "lines": [{"sku": "jam", "quantity": 2}],
    }  # fmt: skip
    request = msgspec.convert(body, ExchangeRequest)

    swapped = riverside.commit(lambda: uses_asked.exchange(riverside.state, command(), request))

    assert isinstance(swapped, Done)
    returned = msgspec.json.decode(swapped.record)["returned"]
    assert [(one["type"], one["amount_minor"]) for one in returned["refunds"]] == [
        ("exchange", 200), ("store_credit", 300),
    ]  # fmt: skip
    code = code_in(returned["credit"])
    assert sold(pay(riverside, code, 300)).tenders[0].left_minor == 0
    chain.sync()
    assert left(chain.hub, code) == {}


def test_a_sale_that_a_credit_paid_is_paid_back_with_a_new_one(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    code = issue(riverside, 2)
    chain.sync()
    sale = sold(pay_asking(chain, harbour, code, 150)).id

    came = came_back(harbour.take_back(sale, "jam", 2))

    assert [(one.type, one.amount_minor) for one in came.refunds] == [
        ("store_credit", 150), ("cash", 50),
    ]  # fmt: skip
    again = code_in(came.credit)
    assert again.location == "harbour"
    assert sold(pay(harbour, again, 150)).tenders[0].left_minor == 0


@pytest.mark.parametrize(("advance_minor", "credit_minor"), [(None, 300), (100, 200), (300, None)])
def test_goods_that_nobody_could_verify_are_paid_with_a_credit_less_the_advance(
    chain: Chain,
    riverside: ShopSide,
    harbour: ShopSide,
    advance_minor: int | None,
    credit_minor: int | None,
) -> None:
    done = riverside.sell("tea", 3)
    assert isinstance(done, Done)
    sale = msgspec.json.decode(done.record, type=Sale)
    body = {
        "register": "till-1", "sale": sale.id, "reason": "unwanted",
        "lines": [{"sku": "tea", "quantity": 3}], "advance_minor": advance_minor,
    }  # fmt: skip
    request = msgspec.convert(body, ReturnRequest)
    waiting = came_back(
        harbour.commit(
            lambda: unverified.take_in(harbour.state, command(), request, sale.id, no_paper)
        )
    )
    chain.sync()
    settle = SettleRequest(register="till-1", refund_to="store_credit")

    def settled() -> object:
        return unverified.settle(
            harbour.state, command(), waiting.id, settle, sale.id, no_paper, SECRET
        )

    assert isinstance(harbour.commit(settled), Elsewhere)
    chain.claim(harbour, sale.id)
    came = came_back(harbour.commit(settled))

    assert sum(one.amount_minor for one in came.refunds) == 300
    assert (came.credit is None) == (credit_minor is None)
    chain.sync()
    if credit_minor is not None:
        assert left(chain.hub, code_in(came.credit)) == {"harbour.1": credit_minor}
