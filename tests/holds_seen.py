"""What a chain in one process (`tests.chain`) shows of its holds: cells, rows and entries."""

from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from replication.escrow import check_invariants
from replication.journal import EntryBody
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide
from web.problems import Problem, Slug

SKUS: Final = ("tea", "jam")


def stocked(directory: Path) -> Chain:
    """A hub with tea and jam; Riverside has 40 of each, and the hub may sell 10 of them."""
    chain = Chain(directory, skus=SKUS, shops=["riverside"])
    chain.shops["riverside"].receive(tea=40, jam=40)
    chain.sync()
    return chain


def shop_of(chain: Chain) -> ShopSide:
    """The one shop."""
    return chain.shops["riverside"]


def held(chain: Chain) -> dict[str, int]:
    """Units that are held; cells, both sides and the open rows agree on them."""
    chain.sync()
    shop = shop_of(chain).state
    rows: Counter[str] = Counter()
    at_hub = chain.hub.state.connection
    for sku, units in at_hub.execute(
        "SELECT value ->> 'sku', value ->> 'quantity' "
        "FROM reservation, json_each(data, '$.allocations') WHERE status = 'open' "
        "UNION ALL SELECT sku, quantity FROM allocation WHERE state = 'held'"
    ):
        rows[str(sku)] += int(str(units))
    for sku, units in shop.connection.execute(
        "SELECT value ->> 'sku', value ->> 'quantity' "
        "FROM basket, json_each(data, '$.held') WHERE status = 'open'"
    ):
        rows[str(sku)] += int(str(units))
    for sku in SKUS:
        counter = chain.hub.counter("riverside", sku)
        assert counter.cells() == shop.counter(sku).cells()
        assert check_invariants(counter) == []
        assert counter.levels().held == rows[sku], sku
    return {sku: units for sku, units in rows.items() if units}


def status_of(side: HubSide | ShopSide, hold: str) -> tuple[str, str | None]:
    """How a hold stands in its program's file, and what used it."""
    table = "reservation" if isinstance(side, HubSide) else "basket"
    row = side.state.connection.execute(
        f"SELECT status, data ->> 'used_by' FROM {table} WHERE id = ?",  # noqa: S608 - one of two names
        (hold,),
    ).fetchone()
    assert row is not None
    return str(row[0]), row[1]


def last_entry(side: HubSide | ShopSide) -> EntryBody:
    """The newest entry of a program's own journal."""
    ledger = side.state.ledger
    body = side.state.store.load_body(ledger.writer, ledger.head.seq)
    assert body is not None
    return msgspec.json.decode(body, type=EntryBody)


def slug_of(outcome: object) -> Slug:
    """Why something was refused."""
    assert isinstance(outcome, Problem), outcome
    return outcome.slug
