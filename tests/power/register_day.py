"""The day of a register that sells alone: its journal, quota from its gateway, a pruned tail."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final

from gateway.client import kept
from gateway.client.register_file import Person, held_file, store_enrolment
from gateway.identity import Identity
from gateway.shop import Shop
from replication.adapters.sqlite import ReplicaStore
from replication.journal import Head
from tests import uses_asked
from tests.busy_chain import SKUS
from tests.chain import begin_shop
from tests.chain_sides import command, sale_of
from tests.power.disk import Disk
from tests.power.faults import Patience
from tests.power.sides import Loop, Patient, PoweredSide
from tests.power.vfs import PowerVfs
from tests.register_chain import RegisterChain, RegisterSide

SHOP: Final = "riverside"
BATCH: Final = 6


class PoweredRegister(PoweredSide[Shop], RegisterSide):
    """A register on a disk that can lose power; its directory is held while it is open."""

    held: ExitStack

    def close(self) -> None:
        """Stop, and let others have the directory."""
        super().close()
        self.held.close()


class PoweredRegisterChain(RegisterChain):
    """A shop with one register, which is on a disk that can lose power."""

    def __init__(self, directory: Path, *, vfs: PowerVfs, loop: Loop, patient: Patient) -> None:
        self._vfs = vfs
        self._loop = loop
        self._patient = patient
        super().__init__(directory, skus=SKUS, shops=[SHOP])

    def register_side(self, data: Path, identity: Identity) -> RegisterSide:
        """The register; its file knows who it is, as after enrolment."""
        self.identity = identity
        disk = self._vfs.mount(Disk(data))
        register = self.register_on(disk, self._patient(disk))
        person = Person(id="t-1", role="cashier", name="Ann")
        register.beside(lambda file: store_enrolment(ReplicaStore(file), identity, person))
        return register

    def register_on(self, disk: Disk, patience: Patience) -> PoweredRegister:
        """The register starts on a disk, as it is."""
        held = ExitStack()

        def open_register() -> Shop:
            connection = held.enter_context(held_file(disk.root))
            return Shop(
                connection, self.identity,
                boot="r", now_ms=self.now_ms, synchronised=lambda: self.synchronised, printers=(),
            )  # fmt: skip

        register = PoweredRegister(
            open_register, begin_shop, disk=disk, loop=self._loop, patience=patience
        )
        register.held = held
        return register


def register_day(chain: PoweredRegisterChain) -> PoweredRegister:
    """What a register lives through, to its end; its file is closed."""
    shop = chain.shops[SHOP]
    shop.receive(tea=60, jam=60)
    chain.sync()
    register = chain.register(shop)
    assert isinstance(register, PoweredRegister)
    for units in (1, 2, 3):
        register.sell("tea", units)
    _sell_alone(register)
    chain.meet(register)
    _is_at_hub(register)
    chain.borrow(register, ("jam", 20))
    register.sell("jam", 12)
    shop.receive(tea=9)
    chain.hub.product("salt", price_minor=250)
    chain.sync()
    with register.read_beside():
        chain.meet(register)
        _sell_alone(register)
    register.checkpoint("RESTART")
    chain.recall(shop, ("tea", 50))
    register.restart()
    chain.meet(register)
    _sell_alone(register)
    register.checkpoint("TRUNCATE")
    _is_at_hub(register)
    register.sell("jam")
    register.commit(register.state.ledger.save)
    chain.meet(register)
    chain.close()
    return register


def _sell_alone(register: PoweredRegister) -> None:
    """Customers at the till, while nobody is asked: some share a commit."""
    for sku in SKUS:
        register.sell(sku)
    sale = sale_of("tea", 1)
    register.together([lambda: uses_asked.sell(register.state, command(), sale)] * BATCH)


def _is_at_hub(register: PoweredRegister) -> None:
    """The hub has all of the journal: what is older than the tail goes."""
    head = Head(*register.state.ledger.head)
    for _ in range(2):
        register.commit(lambda: kept.keep_from(register.state, head))
