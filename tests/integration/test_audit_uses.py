"""Goal: the audit sees each way in which uses of a limited promotion could be wrong, and where.

Method: the file of a hub after sales and an order that took uses; it is altered in one place, as by
hand, or a gateway writes what no verb of ours would.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud_hub.auditing.audit import AuditReport, audit
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import CellChange
from replication.ids import EVERYWHERE
from tests.chain import Chain
from tests.chain_sides import ShopSide, order_in
from tests.limited_offers import SUMMER, arrive, limit, sells_reduced
from tests.price_asking import open_chain, put_promotion
from tests.tampered_hub import TamperedHub
from tests.tampers import grow, raised


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """An offer that was used at a till and on the web."""
    chain = open_chain(tmp_path)
    limit(chain.hub, 40)
    arrive(chain, chain.shops["riverside"])
    assert sells_reduced(chain.shops["riverside"])
    order_in(chain.hub.place({"tea": 1}))
    chain.sync()
    yield chain
    chain.close()


@pytest.fixture
def shop(chain: Chain) -> ShopSide:
    """Where it was used."""
    return chain.shops["riverside"]


@pytest.fixture
def hub(chain: Chain, tmp_path: Path) -> TamperedHub:
    """The hub's file, saved, to alter."""
    office = chain.hub.state
    chain.hub.commit(office.ledger.save)
    return TamperedHub(tmp_path / "hub" / "hub.db")


def found(report: AuditReport) -> list[tuple[str, str | None, str | None, list[str]]]:
    return [(one.invariant, one.location, one.sku, one.entries) for one in report.differences]


def test_uses_that_were_had_honestly_are_no_difference(hub: TamperedHub) -> None:
    assert found(hub.report()) == []
    assert found(hub.report("riverside")) == []


def test_a_row_that_forgot_a_use_is_found(hub: TamperedHub) -> None:
    hub.set_cells(EVERYWHERE, SUMMER, lambda cells: raised(cells, ("spent", "used"), 1))

    ((invariant, location, key, entries),) = found(hub.report())

    assert (invariant, location, key) == ("rows", EVERYWHERE, SUMMER)
    assert set(entries) & {hub.last("sale"), hub.last("order", "hub.1")}


def test_more_uses_than_a_store_held_are_found(hub: TamperedHub) -> None:
    place = hub.last("sale")
    hub.rewrite(place, grow(SUMMER, ("spent", "used"), 100))

    differences = found(hub.report())

    assert ("E1", EVERYWHERE, SUMMER, [place]) in differences
    assert ("A1", EVERYWHERE, SUMMER, [place]) in differences


def test_a_limit_that_a_store_gives_itself_is_found(hub: TamperedHub) -> None:
    place = hub.last("sale")

    def alter(body: dict[str, Any]) -> None:
        body["cells"].append([EVERYWHERE, SUMMER, "minted", "riverside.1", "allowed", 5])

    hub.rewrite(place, alter)

    assert ("E8", EVERYWHERE, SUMMER, [place]) in found(hub.report())


def test_a_grant_to_somebody_who_sells_nothing_is_found(hub: TamperedHub) -> None:
    place = hub.last("grant", "hub.1")

    def alter(body: dict[str, Any]) -> None:
        body["cells"][0][4] = "mars.1"

    hub.rewrite(place, alter)

    assert ("E4", EVERYWHERE, SUMMER, [place]) in found(hub.report())


def test_a_use_that_no_discount_shows_is_found(chain: Chain, shop: ShopSide) -> None:
    ledger = shop.state.ledger
    cell = CellChange(EVERYWHERE, SUMMER, "spent", ledger.writer, "used", 2)
    sale = {"id": f"riverside.1-{ledger.next_seq}", "number": "RIVERSIDE-1-000002", "lines": []}

    def work() -> str:
        shop.state.counter(SUMMER).merge_cell(cell.key, cell.value)
        return ledger.append("sale", json.dumps(sale).encode(), cells=[cell])

    place = shop.commit(work)
    while chain.send(shop):
        pass

    assert found(audit(ReplicaStore(chain.hub.state.connection), None)) == [
        ("A1", EVERYWHERE, SUMMER, [place])
    ]


def test_an_offer_without_a_limit_is_not_counted(chain: Chain, shop: ShopSide) -> None:
    put_promotion(chain.hub, "summer", {"kind": "percentage", "skus": ["tea"], "off_bp": 1000})
    chain.sync()
    assert sells_reduced(shop)
    chain.sync()

    assert found(audit(ReplicaStore(chain.hub.state.connection), None)) == []
