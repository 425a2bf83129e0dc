"""Transfers in a chain in one process: what each side knows, and what all must agree on."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from cloud_hub.stock import transfers as hub_transfers
from gateway import reads as shop_reads
from replication.escrow import EscrowCounter, Moved, Table, check_invariants
from replication.journal import EntryBody, Movement, movements_of
from retail.stock.transfer_totals import check_conservation
from retail.stock.transfers import Transfer
from tests.chain import Chain
from tests.chain_sides import ShopSide
from web.problems import Problem

SKUS = ("tea", "jam")


def tea_and_jam(directory: Path) -> Chain:
    """Riverside has 40 of each, Harbour nothing; Bazaar has nothing to do with it."""
    chain = Chain(directory, skus=SKUS, shops=["riverside", "harbour", "bazaar"])
    chain.shops["riverside"].receive(tea=40, jam=40)
    chain.sync()
    return chain


def incoming(shop: ShopSide, sku: str = "tea") -> int:
    """Units on their way, as the shop's stock says."""
    product = shop.state.catalogue[sku]
    return shop.commit(lambda: shop_reads.stock_view(shop.state, product)).incoming


def known(shop: ShopSide, number: str) -> Transfer:
    """A transfer as the shop's own file has it."""
    row = shop.state.connection.execute(
        "SELECT status, data FROM transfer WHERE id = ?", (number,)
    ).fetchone()
    assert row is not None, f"{number} is not known"
    transfer = msgspec.json.decode(str(row[1]), type=Transfer)
    assert transfer.status == row[0]
    return transfer


def counters_at_hub(chain: Chain) -> list[EscrowCounter]:
    """Every counter that the hub has, whatever tells of it."""
    rows = chain.hub.state.connection.execute("SELECT location, sku FROM counter")
    return [chain.hub.counter(str(location), str(sku)) for location, sku in rows]


def cells_moved(counters: Iterable[EscrowCounter], moved: Moved) -> Counter[str]:
    """What moved one way, per SKU, by the cells of all locations."""
    units: Counter[str] = Counter()
    for counter in counters:
        for table, _, detail, value in counter.cells():
            if (table, detail) == (Table.MOVED, moved):
                units[counter.sku] += value
    return units


def transfers_heard(chain: Chain) -> list[Transfer]:
    """All transfers at the hub, in the order in which they were heard."""
    rows = chain.hub.state.connection.execute("SELECT data FROM transfer ORDER BY number")
    return [msgspec.json.decode(str(data), type=Transfer) for (data,) in rows]


def conserved(chain: Chain) -> None:
    """E7 over what the hub has heard, and E1, E2 of each counter there."""
    counters = counters_at_hub(chain)
    assert not check_conservation(
        transfers_heard(chain),
        transferred_out=cells_moved(counters, Moved.TRANSFERRED_OUT),
        transferred_in=cells_moved(counters, Moved.TRANSFERRED_IN),
    )
    for counter in counters:
        assert check_invariants(counter) == []


def healed(chain: Chain, number: str) -> Transfer:
    """The transfer, on which all sides agree once everybody has talked."""
    chain.sync()
    conserved(chain)
    for name, shop in chain.shops.items():
        for sku in SKUS:
            assert shop.state.counter(sku).cells() == chain.hub.counter(name, sku).cells()
            at_hub = hub_transfers.incoming(chain.hub.state, sku)
            assert incoming(shop, sku) == at_hub.get(name, 0)
    transfer = next(one for one in transfers_heard(chain) if one.id == number)
    for location in {transfer.source, transfer.destination} & chain.shops.keys():
        assert known(chain.shops[location], number) == transfer
    return transfer


def on_hand(shop: ShopSide, sku: str = "tea") -> int:
    return shop.state.counter(sku).physical()


def movements(shop: ShopSide) -> list[Movement]:
    """What moved, by the shop's own journal, without what came first."""
    rows = shop.state.connection.execute("SELECT body FROM entry ORDER BY arrival")
    bodies = [msgspec.json.decode(bytes(body), type=EntryBody) for (body,) in rows]
    return [one for body in bodies for one in movements_of(body) if one.reference != "paper"]


def refused(outcome: object, status: int, says: str) -> None:
    """The outcome is a problem of that status whose sentence has these words."""
    assert isinstance(outcome, Problem), str(outcome)[:500]
    assert (outcome.status, says in outcome.detail) == (status, True), outcome.detail
