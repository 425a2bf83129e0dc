"""Goal: the audit sees each way in which a store credit could be wrong, and where.

Method: the file of a hub after a credit was issued in one shop and spent in two; it is altered in
one place, as by hand, or a gateway writes what no verb of ours would.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_hub.auditing.audit import AuditReport
from replication.escrow import CellChange
from replication.ids import EVERYWHERE
from retail.selling.store_credit import CreditCode
from tests.chain import Chain
from tests.chain_sides import ShopSide
from tests.credits_seen import issue, left, pay, pay_asking, sold
from tests.life_chain import LifeChain
from tests.price_asking import open_chain
from tests.tampered_hub import Body, TamperedHub
from tests.tampers import grow
from web.credits import key_of


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """Two shops that are heard."""
    chain = open_chain(tmp_path)
    chain.hub.state.reachable.update(chain.shops)
    yield chain
    chain.close()


@pytest.fixture
def code(chain: Chain) -> CreditCode:
    """A credit of Riverside's that paid there, and then in Harbour."""
    code = issue(chain.shops["riverside"], 3)
    sold(pay(chain.shops["riverside"], code, 100))
    chain.sync()
    sold(pay_asking(chain, chain.shops["harbour"], code, 150))
    chain.sync()
    return code


@pytest.fixture
def hub(chain: Chain, code: CreditCode, tmp_path: Path) -> TamperedHub:
    """The hub's file, saved, to alter."""
    assert code.location == "riverside"
    chain.hub.commit(chain.hub.state.ledger.save)
    return TamperedHub(tmp_path / "hub" / "hub.db")


def found(report: AuditReport) -> list[tuple[str, str | None, str | None, list[str]]]:
    return [(one.invariant, one.location, one.sku, one.entries) for one in report.differences]


def test_what_was_issued_and_spent_honestly_is_no_difference(hub: TamperedHub) -> None:
    assert found(hub.report()) == []
    assert found(hub.report("riverside")) == []
    assert found(hub.report("harbour")) == []


def test_a_tender_that_says_more_than_was_used_is_found(hub: TamperedHub, code: CreditCode) -> None:
    place = hub.last("sale", "harbour.1")

    def alter(body: Body) -> None:
        body["record"]["tenders"][0]["amount_minor"] += 1

    hub.rewrite(place, alter)

    assert ("A1", EVERYWHERE, key_of(code), [place]) in found(hub.report())


def test_a_sale_that_used_more_than_its_tender_says_is_found(
    hub: TamperedHub, code: CreditCode
) -> None:
    place = hub.last("sale", "harbour.1")
    hub.rewrite(place, grow(key_of(code), ("spent", "used"), 10))

    assert ("A1", EVERYWHERE, key_of(code), [place]) in found(hub.report())


def test_a_credit_of_more_than_its_return_says_is_found(hub: TamperedHub, code: CreditCode) -> None:
    place = hub.last("return")
    hub.rewrite(place, grow(key_of(code), ("minted", "allowed"), 500))

    assert ("A1", EVERYWHERE, key_of(code), [place]) in found(hub.report())


def test_a_return_that_says_more_than_its_credit_is_found(
    hub: TamperedHub, code: CreditCode
) -> None:
    place = hub.last("return")

    def alter(body: Body) -> None:
        body["record"]["refunds"][0]["amount_minor"] += 5

    hub.rewrite(place, alter)

    assert ("A1", EVERYWHERE, key_of(code), [place]) in found(hub.report())


def test_a_credit_that_another_shop_gives_itself_is_found(
    hub: TamperedHub, code: CreditCode
) -> None:
    place = hub.last("sale", "harbour.1")

    def alter(body: dict[str, Any]) -> None:
        body["cells"].append([EVERYWHERE, key_of(code), "minted", "harbour.1", "allowed", 5])

    hub.rewrite(place, alter)

    assert ("E8", EVERYWHERE, key_of(code), [place]) in found(hub.report())


def test_a_credit_out_of_nothing_is_found(chain: Chain, code: CreditCode, tmp_path: Path) -> None:
    shop = chain.shops["riverside"]
    ledger = shop.state.ledger
    made_up = key_of(code._replace(secret="NOTHNG"))  # noqa: S106 - nobody issued it
    cell = CellChange(EVERYWHERE, made_up, "minted", ledger.writer, "allowed", 1_000)

    def work() -> str:
        shop.state.counter(made_up).merge_cell(cell.key, cell.value)
        return ledger.append("note", json.dumps({}).encode(), cells=[cell])

    place = shop.commit(work)
    while chain.send(shop):
        pass
    chain.hub.commit(chain.hub.state.ledger.save)

    report = TamperedHub(tmp_path / "hub" / "hub.db").report()

    assert found(report) == [("A1", EVERYWHERE, made_up, [place])]


def test_a_credit_whose_box_has_died_and_was_found_is_no_difference(
    lives: LifeChain, old: ShopSide
) -> None:
    code = issue(old, 3)
    lives.replace("riverside")
    lives.hand_over(old, sealed=True)
    lives.sync()

    assert left(lives.hub, code) == {"hub.1": 300}
    lives.check("tea", "jam")
