"""The files that programs keep, as they are cut: a day of each, and a start on what is left."""

from pathlib import Path
from typing import Final, Protocol

from tests.power.contents import broken_in, unsound_in
from tests.power.days import GATEWAY, PoweredChain, gateway_day, hub_day
from tests.power.disk import Disk
from tests.power.faults import Once
from tests.power.new_box_day import NEW_BOX, new_box_day, take_over
from tests.power.outbox_day import PoweredOutbox, outbox_day
from tests.power.register_day import PoweredRegister, PoweredRegisterChain, register_day
from tests.power.sides import Loop, Patient, PoweredHub, PoweredShop, Seen
from tests.power.vfs import PowerVfs


class Storage(Protocol):
    """One kind of file."""

    def __init__(self, vfs: PowerVfs, loop: Loop) -> None:
        """Nothing is open yet."""

    def live(self, directory: Path, patient: Patient) -> Seen:
        """A long day, to its end; the file is closed."""

    def again(self, disk: Disk) -> Seen:
        """Start on a disk that is mounted, as it is; go on with some deeds, and close the file.

        Fails where what was found does not fit together.
        """


class GatewayFile:
    """`gateway.db`."""

    def __init__(self, vfs: PowerVfs, loop: Loop) -> None:
        self._vfs, self._loop = vfs, loop

    def live(self, directory: Path, patient: Patient) -> Seen:
        """A day in the shop."""
        self._chain = PoweredChain(
            directory, vfs=self._vfs, loop=self._loop, powered=GATEWAY, patient=patient
        )
        return gateway_day(self._chain).seen

    def again(self, disk: Disk) -> Seen:
        """Goods come and go; before the first feed there is no product yet."""
        shop = self._chain.shop_on(disk, Once())
        shop.receive(tea=1)
        shop.sell("tea")
        return _ended(shop)


class HubFile:
    """`hub.db`."""

    def __init__(self, vfs: PowerVfs, loop: Loop) -> None:
        self._vfs, self._loop = vfs, loop

    def live(self, directory: Path, patient: Patient) -> Seen:
        """A day of the head office."""
        self._chain = PoweredChain(
            directory, vfs=self._vfs, loop=self._loop, powered="hub", patient=patient
        )
        return hub_day(self._chain).seen

    def again(self, disk: Disk) -> Seen:
        """A product is written, and ordered where there is any."""
        hub = self._chain.hub_on(disk, Once())
        hub.product("tea", price_minor=120)
        hub.place({"tea": 1})
        return _ended(hub)


class RegisterFile:
    """`register.db` of a register that sells alone."""

    def __init__(self, vfs: PowerVfs, loop: Loop) -> None:
        self._vfs, self._loop = vfs, loop

    def live(self, directory: Path, patient: Patient) -> Seen:
        """A day at a till."""
        self._chain = PoweredRegisterChain(
            directory, vfs=self._vfs, loop=self._loop, patient=patient
        )
        return register_day(self._chain).seen

    def again(self, disk: Disk) -> Seen:
        """It sells what it has."""
        register = self._chain.register_on(disk, Once())
        register.sell("tea")
        register.sell("jam")
        return _ended(register)


class NewBoxFile:
    """`gateway.db` of a box that takes another's place."""

    def __init__(self, vfs: PowerVfs, loop: Loop) -> None:
        self._vfs, self._loop = vfs, loop

    def live(self, directory: Path, patient: Patient) -> Seen:
        """Its first day."""
        self._chain = PoweredChain(
            directory, vfs=self._vfs, loop=self._loop, powered=NEW_BOX, patient=patient
        )
        shop, self._pages = new_box_day(self._chain)
        return shop.seen

    def again(self, disk: Disk) -> Seen:
        """It goes on taking over, and sells."""
        shop = self._chain.shop_on(disk, Once())
        take_over(shop, self._pages)
        shop.receive(tea=1)
        shop.sell("tea")
        return _ended(shop)


class OutboxFile:
    """`outbox.db` of a thin register."""

    def __init__(self, vfs: PowerVfs, loop: Loop) -> None:
        del loop  # it has no writer thread: all its steps block
        self._vfs = vfs

    def live(self, directory: Path, patient: Patient) -> Seen:
        """A day at a till."""
        disk = self._vfs.mount(Disk(directory))
        return outbox_day(disk, patient(disk)).seen

    def again(self, disk: Disk) -> Seen:
        """What is pending is asked about again and settled, and one more sale is made."""
        register = PoweredOutbox(disk, Once())
        for pending in register.outbox.pending():
            register.settle(pending.key, pending.written_ms)
        register.sell(10, answer=True)
        assert broken_in(register.outbox._connection) == []
        register.outbox.close()
        return register.seen


STORAGES: Final[dict[str, type[Storage]]] = {
    "gateway": GatewayFile,
    "hub": HubFile,
    "new box": NewBoxFile,
    "outbox": OutboxFile,
    "register": RegisterFile,
}


def _ended(side: PoweredShop | PoweredHub | PoweredRegister) -> Seen:
    """Everything in the file fits together; it is closed."""
    state = side.state
    assert broken_in(state.connection) == []
    unsound = unsound_in(state.ledger, state.store)
    assert unsound == [], "\n".join(unsound)
    side.close()
    return side.seen
