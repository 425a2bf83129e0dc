"""A chain whose shops have registers that sell alone, in one process (`tests.chain`).

A register is a `ShopSide` over a file of its own; its parent is a shop's gateway. What travels
between the two travels when a test says so.
"""

import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from gateway.client.register_uplink import grants_held
from gateway.identity import Identity
from gateway.link import lending
from gateway.link.cursor import cursor_of
from gateway.registers import enrolment, journals, told
from gateway.registers import lending as register_lending
from gateway.registers.identity import LostRequest, RegisterIdentity, RegisterRequest
from gateway.registers.reclaiming import reclaim_some
from gateway.registers.rows import RegisterRow
from replication.errors import PeerFenced
from replication.escrow import check_invariants
from replication.ids import register_of
from replication.journal import Entry, Head
from replication.quota import Lent
from replication.session import BATCH_BYTES_MAX
from tests.chain import Chain, begin_shop
from tests.chain_sides import ShopSide, command
from web.once import Done, Outcome

SKU: Final = "tea"
"""What the shops of `opened` have 40 of."""

ACKNOWLEDGED_NOTHING: Final = 0


def sold(outcome: object) -> str:
    """The id of what a success made."""
    assert isinstance(outcome, Done), outcome
    return str(msgspec.json.decode(outcome.record)["id"])


def kinds(shop: ShopSide) -> list[str]:
    """The kinds of the gateway's own entries, in order."""
    rows = shop.state.connection.execute(
        "SELECT kind FROM entry WHERE writer = ? ORDER BY seq", (shop.state.ledger.writer,)
    )
    return [str(kind) for (kind,) in rows]


def check_whole(chain: Chain, *, sku: str = SKU) -> None:
    """E1, E2, E6 and E9 hold in the books of the first shop."""
    shop = next(iter(chain.shops.values()))
    assert not check_invariants(shop.state.counter(sku))


class RegisterSide(ShopSide):
    """A register with its gateway; `box` is its data directory's id."""

    gateway: ShopSide
    box: str

    @property
    def writer(self) -> str:
        """Whose journal it writes."""
        return self.state.ledger.writer

    @property
    def row(self) -> RegisterRow:
        """What its gateway keeps of it."""
        row = self.gateway.state.registers.rows.find(self.writer)
        assert row is not None, "it was enrolled"
        return row

    def quota(self, sku: str) -> int:
        """Units that it can sell unasked."""
        return self.state.quota(sku)

    def seal(self) -> None:
        """Its journal ends."""
        self.commit(lambda: self.state.ledger.append("sealed", b"{}"))


class RegisterChain(Chain):
    """The hub, its shops, and the shops' registers."""

    def __init__(self, directory: Path, *, skus: Sequence[str] = (), shops: Sequence[str]) -> None:
        self.registers: list[RegisterSide] = []
        super().__init__(directory, skus=skus, shops=shops)

    def enrol(
        self, shop: ShopSide, name: str, box: str, *, writer: str | None = None
    ) -> RegisterIdentity | Outcome:
        """A box asks to be a register; with `writer` it says which one it is."""
        request = RegisterRequest(register=name, box=box, writer=writer)
        outcome = shop.commit(lambda: enrolment.enrol(shop.state, command(), request))
        if not isinstance(outcome, Done):
            return outcome
        return msgspec.json.decode(outcome.record, type=RegisterIdentity)

    def register(self, shop: ShopSide, name: str = "till-1") -> RegisterSide:
        """A new box is a register of this shop, and has heard what there is to hear."""
        box = secrets.token_hex(8)
        who = self.enrol(shop, name, box)
        assert isinstance(who, RegisterIdentity), who
        identity = Identity(
            writer=who.writer, name=who.name, kind=who.kind, parent=who.parent,
            jurisdiction=who.jurisdiction, timezone=who.timezone, chain=who.chain, token="",
        )  # fmt: skip

        side = self.register_side(self._directory / identity.writer, identity)
        side.gateway, side.box = shop, box
        self.registers.append(side)
        self.meet(side)
        return side

    def register_side(self, data: Path, identity: Identity) -> RegisterSide:
        """A register over the file in a data directory."""
        return RegisterSide(lambda: self.open_shop(data, identity), begin_shop)

    # What a link would do

    def connect(self, register: RegisterSide) -> None:
        """It is heard again: it may be asked, and is stocked up."""
        shop, writer = register.gateway.state, register.state.ledger.writer
        if not register.row.is_living:
            raise PeerFenced(f"{writer} is {register.row.state}")
        shop.registers.reachable.add(writer)
        after: str | None = ""
        while after is not None:
            step = partial(register_lending.stock_up_after, shop, writer, after)
            after = register.gateway.commit(step).after

    def cut(self, register: RegisterSide) -> None:
        """It is not heard any more."""
        register.gateway.state.registers.reachable.discard(register.state.ledger.writer)

    def entries(self, register: RegisterSide, after: int | None = None) -> list[Entry]:
        """Its entries that the gateway does not have, or those after a place."""
        seq = register.row.head.seq if after is None else after
        entries, _ = register.state.store.entries_after(
            register.writer, seq, count_max=500, bytes_max=BATCH_BYTES_MAX
        )
        return entries

    def fold(self, register: RegisterSide, entries: Sequence[Entry]) -> Head:
        """The gateway takes entries in, and then back what a sealed register held."""
        shop, writer = register.gateway.state, register.state.ledger.writer
        head = register.gateway.commit(
            lambda: journals.fold(shop, writer, entries, acknowledged=ACKNOWLEDGED_NOTHING)
        )
        self.reclaim_all(register.gateway)
        return head

    def reclaim_all(self, shop: ShopSide) -> None:
        """The gateway takes back what it may of registers that are gone."""
        while shop.commit(lambda: reclaim_some(shop.state)):
            pass

    def replay(self, register: RegisterSide) -> None:
        """The gateway takes in all that the register did."""
        while entries := self.entries(register):
            self.fold(register, entries)

    def hear(self, register: RegisterSide) -> None:
        """The register takes in all that the gateway has to tell."""
        connection, writer = register.gateway.state.connection, register.writer
        while (batch := told.next_batch(connection, writer, cursor_of(register.state.store))).items:
            register.apply(batch.items)

    def meet(self, register: RegisterSide) -> None:
        """Connected until nobody has any news."""
        self.connect(register)
        self.replay(register)
        self.hear(register)

    def borrow(self, register: RegisterSide, *wants: tuple[str, int]) -> bool:
        """The register asks the gateway for units and takes them; False: refused."""
        lent = self.lend(register, f"{register.writer}/{self.now_ms()}", *wants)
        if lent.cells:
            lending.check_grant(register.state, lent.cells)
            register.commit(lambda: lending.take_grant(register.state, lent.cells))
        return bool(lent.cells)

    def lend(self, register: RegisterSide, request: str, *wants: tuple[str, int]) -> Lent:
        """What the gateway answers to a borrow."""
        shop, writer = register.gateway.state, register.state.ledger.writer
        return register.gateway.commit(lambda: register_lending.lend(shop, writer, request, wants))

    def recall(self, shop: ShopSide, *wants: tuple[str, int]) -> list[tuple[str, int]]:
        """The gateway asks its connected registers back; what is still wanted then."""
        asked = shop.commit(lambda: register_lending.whom_to_ask(shop.state, wants))
        for register in self.registers:
            lines = asked.asked.get(register.state.ledger.writer)
            if lines and register.gateway is shop:
                self.give(register, self.lend_back(register, *lines))
        return shop.commit(lambda: register_lending.still_wanted(shop.state, asked.targets))

    def lend_back(self, register: RegisterSide, *wants: tuple[str, int]) -> Lent:
        """What a register answers to its gateway, which does not hear it yet."""
        request = f"{register.gateway.state.ledger.writer}/{self.now_ms()}"
        return register.commit(partial(lending.lend, register.state, request, wants))

    def give(self, register: RegisterSide, lent: Lent) -> None:
        """What a register hands back arrives at its gateway."""
        shop, writer = register.gateway.state, register.state.ledger.writer
        register.gateway.commit(lambda: register_lending.take_grant(shop, writer, lent.cells))

    def write_off(
        self, shop: ShopSide, name: str, *, reason: str = "stolen", writer: str | None = None
    ) -> Outcome:
        """A manager gives a register up."""
        request = LostRequest(reason=reason, writer=writer)
        return shop.commit(lambda: enrolment.write_off(shop.state, command(), name, request))

    def lose(self, register: RegisterSide, shop: ShopSide) -> None:
        """It is cut off and written off at this gateway, and what it held of allowances is back."""
        writer = register.state.ledger.writer
        shop.state.registers.reachable.discard(writer)
        name = register_of(writer)
        assert name is not None, f"{writer} is a register"
        outcome = self.write_off(shop, name, writer=writer)
        assert isinstance(outcome, Done), outcome
        self.reclaim_all(shop)

    # What a register does when another box is its gateway

    def show(self, register: RegisterSide, new: ShopSide) -> None:
        """It shows its new gateway what those before had granted to it."""
        register.gateway, writer = new, register.state.ledger.writer
        register.commit(register.state.ledger.save)
        identity = msgspec.structs.replace(register.state.identity, parent=new.state.ledger.writer)
        shown = list(grants_held(register.state.store, identity))
        new.commit(lambda: register_lending.take_grant(new.state, writer, shown))

    def report(self, register: RegisterSide) -> None:
        """Its gateway has all that it did by now, and says so."""
        shop, writer = register.gateway, register.state.ledger.writer
        shop.commit(lambda: journals.note_reported(shop.state, writer))

    def close(self) -> None:
        """Close all files."""
        for register in self.registers:
            register.close()
        super().close()


@contextmanager
def opened(*shops: str) -> Iterator[RegisterChain]:
    """Shops with 40 of `SKU` each, that can have registers."""
    with tempfile.TemporaryDirectory() as directory:
        chain = RegisterChain(Path(directory), skus=(SKU, "jam"), shops=shops)
        for shop in chain.shops.values():
            shop.receive(**{SKU: 40})
        chain.sync()
        try:
            yield chain
        finally:
            chain.close()
