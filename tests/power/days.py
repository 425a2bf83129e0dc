"""Long days of the programs whose files are cut: every kind of deed that writes something.

A day runs in a whole chain of which one side is on a disk that can lose power. The days of gateway
and hub are one (`tests.busy_chain`), seen from either end, and then what only that end does.
"""

from functools import partial
from pathlib import Path
from typing import Final

import apsw

from cloud_hub.stores import lending as hub_lending
from gateway.identity import Identity, store_identity
from gateway.link.lending import lend
from gateway.lives import restoring
from gateway.shop import Shop
from replication.adapters.sqlite import ReplicaStore
from retail.ordering.orders import OrderLine, OrderRequest, Pickup
from tests import uses_asked
from tests.busy_chain import SHOPS, SKUS, busy_day
from tests.chain import Chain, begin_hub, begin_shop
from tests.chain_sides import HubSide, ShopSide, basket_in, command, sale_of
from tests.new_files import Opener
from tests.power.disk import Disk
from tests.power.faults import Patience
from tests.power.sides import Loop, Patient, PoweredHub, PoweredShop
from tests.power.vfs import PowerVfs
from tests.price_asking import put_list, put_promotion, withdraw
from web.token_rows import add_token

BATCH: Final = 12
"""Requests that share a commit: more rows in one than a single deed has."""

SHOP: Final = "riverside"
GATEWAY: Final = "riverside.1"
"""Its first box."""


def start_box(shop: Shop) -> None:
    """The first commit of a start; a box that takes another's place takes over first."""
    if restoring.is_needed(shop):
        restoring.begin(shop)
    else:
        begin_shop(shop)


class PoweredChain(Chain):
    """A chain of which one writer, the hub or a box, is on a disk that can lose power."""

    def __init__(
        self,
        directory: Path,
        *,
        vfs: PowerVfs,
        loop: Loop,
        powered: str,
        patient: Patient,
    ) -> None:
        self._vfs = vfs
        self._patient = patient
        self._loop = loop
        self._powered = powered
        super().__init__(directory, skus=SKUS, shops=SHOPS)

    def hub_side(self, data: Path) -> HubSide:
        """The hub."""
        if self._powered != "hub":
            return super().hub_side(data)
        disk = self._vfs.mount(Disk(data))
        return self.hub_on(disk, self._patient(disk))

    def shop_side(self, data: Path, identity: Identity) -> ShopSide:
        """A gateway; its file knows who it is, as after enrolment."""
        if identity.writer != self._powered:
            return super().shop_side(data, identity)
        self.identity = identity
        disk = self._vfs.mount(Disk(data))
        shop = self.shop_on(disk, self._patient(disk))
        shop.beside(lambda file: store_identity(ReplicaStore(file), identity))
        return shop

    def open_file(self, open_database: Opener, data: Path, name: str) -> apsw.Connection:
        """A file on a disk that records: it is made there step by step."""
        del name
        return open_database(data)

    def hub_on(self, disk: Disk, patience: Patience) -> PoweredHub:
        """The hub starts on a disk, as it is."""
        return PoweredHub(
            lambda: self.open_hub(disk.root),
            begin_hub, disk=disk, loop=self._loop, patience=patience,
        )  # fmt: skip

    def shop_on(self, disk: Disk, patience: Patience) -> PoweredShop:
        """Riverside's gateway starts on a disk, as it is."""
        return PoweredShop(
            lambda: self.open_shop(disk.root, self.identity),
            start_box, disk=disk, loop=self._loop, patience=patience,
        )  # fmt: skip


def gateway_day(chain: PoweredChain) -> PoweredShop:
    """What a gateway lives through, to its end; its file is closed."""
    shop = chain.shops[SHOP]
    assert isinstance(shop, PoweredShop)
    shop.beside(_token)
    busy_day(chain)
    shop.together([lambda: uses_asked.sell(shop.state, command(), sale_of("tea", 1))] * BATCH)
    put_list(chain.hub, "winter", {"tea": 90}, locations=[SHOP])
    put_promotion(chain.hub, "tenth", {"kind": "percentage", "skus": ["jam"], "off_bp": 1000})
    with shop.read_beside():  # so that the log cannot be written into the file
        chain.sync(shop)
        sold = [shop.sell("jam") for _ in range(3)]
        assert len(sold) == 3
    shop.checkpoint("RESTART")
    shop.drop(basket_in(shop.hold({"tea": 2})).id)
    shop.restart()
    shop.commit(lambda: lend(shop.state, "request/1", [("tea", 2)]))
    withdraw(chain.hub, "price_list", "winter")
    chain.hub.product("salt", price_minor=250)
    chain.sync(shop)
    shop.receive(salt=7)
    shop.checkpoint("TRUNCATE")
    shop.sell("salt", 2)
    shop.commit(shop.state.ledger.save)
    shop.checkpoint("PASSIVE")
    shop.sell("salt", 1)
    chain.close()
    return shop


def hub_day(chain: PoweredChain) -> PoweredHub:
    """What a hub lives through, to its end; its file is closed."""
    hub, shop = chain.hub, chain.shops[SHOP]
    assert isinstance(hub, PoweredHub)
    busy_day(chain)
    hub.together([partial(_order, hub)] * BATCH)
    with hub.read_beside():
        for _ in range(8):
            shop.sell("tea")
        chain.sync(shop, entries_max=3)
        put_list(hub, "winter", {"tea": 90})
    hub.checkpoint("RESTART")
    put_promotion(hub, "tenth", {"kind": "percentage", "skus": ["jam"], "off_bp": 1000})
    writer = shop.state.ledger.writer
    hub.commit(lambda: hub_lending.lend(hub.state, writer, "request/1", [("tea", 1)]))
    hub.restart()
    hub.state.reachable.update(SHOPS)
    chain.box("airport").close()
    for sku in ("salt", "oil", "rice"):
        hub.product(sku)
    hub.checkpoint("TRUNCATE")
    chain.sync(shop)
    withdraw(hub, "promotion", "tenth")
    hub.commit(hub.state.ledger.save)
    chain.close()
    return hub


def _token(file: apsw.Connection) -> None:
    add_token(
        file, secret_bytes=bytes(32), token_id="t-1", role="cashier", register="till-1",  # noqa: S106
        name="Ann", now_ms=1,
    )  # fmt: skip


def _order(hub: PoweredHub) -> object:
    line, way = OrderLine(sku="tea", quantity=1), Pickup(location=SHOP)
    request = OrderRequest(lines=(line,), fulfilment=way, payment="paid")
    return uses_asked.place(hub.state, command(), request)
