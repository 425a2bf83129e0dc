"""A register that sells alone: a box of its own, with its own disk and its own line to the gateway.

What decides and what talks is the product's: `RegisterTill` and `RegisterUplink` over a `Shop`, put
together as `gateway.client.replica` does. In the place of looking for a gateway on the network, the
register knows which box stands in its store, and dials that over its line; one that it has not met
it first tells who it is.

Such a box may be lost: its disk is dead, or somebody has taken it away and may bring it back.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import msgspec

from gateway.client.answers import Reply, SaleDone, SaleRefused
from gateway.client.finding import GatewayGone, Known
from gateway.client.line import Line as GatewayLine
from gateway.client.register_enrolment import enrol_again
from gateway.client.register_file import (
    Person,
    RegisterRefused,
    load_person,
    name_of,
    store_doubt,
    store_enrolment,
)
from gateway.client.register_status import STOPPED
from gateway.client.register_till import RegisterTill
from gateway.client.register_uplink import RegisterUplink, _adopt
from gateway.client.replica import WITNESS_S
from gateway.client.witness import Witness
from gateway.identity import Identity, load_identity
from gateway.link.dial import CONNECT_S_MAX, NOT_BELIEVED
from gateway.shop import Shop
from gateway.status.report import LinkState, StopReason
from gateway.storage import SERIES
from replication.adapters.sqlite import transaction
from replication.errors import StorageFailed
from replication.ids import incarnation_of
from replication.journal import decode_body
from replication.ledger import Ledger
from replication.session import Ended
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Line, SimSocket
from tests.simulation.programs import START_AGAIN_S, Box, OnEnd
from tests.simulation.witnessing import contact_of, object_to
from tests.simulation.writer import SimWriter
from web.door import IDEMPOTENCY_KEY
from web.endpoint import Endpoint

if TYPE_CHECKING:
    from tests.simulation.shop_box import ShopBox

AGAIN_S: Final = (0.2, 1.5)
"""How long whoever stands at a register that fails waits before the same key is asked again."""


class Enrolled(NamedTuple):
    """Who a box is by the word of its gateway, who stands at it, and its own random id."""

    identity: Identity
    person: Person
    box: str


class RegisterBox(Box):
    """See the module's theory. `gateway` says which box stands in the store at this moment."""

    def __init__(
        self,
        enrolled: Enrolled,
        loop: VirtualLoop,
        dice: random.Random,
        *,
        line: Line,
        gateway: "Callable[[], ShopBox | None]",
        on_commit: Callable[[Box], None],
        on_end: OnEnd,
    ) -> None:
        """`on_end` hears why each link ended at the gateway."""
        self.identity = enrolled.identity
        super().__init__(self.identity.writer, loop, dice, SERIES, on_commit=on_commit)
        self.line = line
        self.is_lost = False
        """Whether it is gone: stolen, or its disk is dead."""

        self.is_given_up = False
        """Whether people have written it off, or have set up another box in its place."""

        self.kept_to: int | None = None
        """How far others had its journal when it was lost first."""

        self._box = enrolled.box
        self._on_end = on_end
        self._gateway = gateway
        self.is_begun = False
        self.known = Known(location=enrolled.identity.location)
        """What it knows of its gateway: how far it has seen its journal."""

        self.shop: Shop
        self.uplink: RegisterUplink
        self._till: RegisterTill
        with transaction(self.disk.connection):
            store_enrolment(self._store, enrolled.identity, enrolled.person)

    @property
    def register(self) -> str:
        """Its name, such as ``alone-1``."""
        return name_of(self.identity)

    @property
    def ledger(self) -> Ledger:
        """The register's journal and counters."""
        return self.shop.ledger

    @property
    def writer(self) -> SimWriter:
        """The writer of the running program."""
        return self._sim_writer

    @property
    def is_connected(self) -> bool:
        """Whether its gateway has welcomed it, as far as it knows."""
        return self.is_up and self.uplink.state is LinkState.CONNECTED

    @property
    def is_over(self) -> bool:
        """Whether it has heard that it is that register no more."""
        return self.is_begun and self.shop.stopped is StopReason.FENCED

    @property
    def is_selling(self) -> bool:
        """Whether somebody may stand at it."""
        return not (self.is_lost or self.is_over)

    def lose(self) -> None:
        """It is gone, with its disk."""
        self.is_lost = True
        self.crash(down_s=START_AGAIN_S, silently=self.dice.random() < 0.5)

    def find(self) -> None:
        """Somebody has brought it back, and switches it on."""
        self.is_lost = False
        self.start()

    def start(self) -> None:
        """Start, unless it is gone or has been started by somebody else."""
        if not self.is_lost and self.process is None:
            super().start()

    def _open(self) -> None:
        identity = load_identity(self._store)
        assert identity is not None, "it was enrolled before it started"
        self.shop = Shop(
            self.disk.connection,
            identity,
            boot=f"{self.name}-{self.starts}",
            now_ms=self.clock.wall_ms,
            synchronised=self.clock.synchronised,
            printers=(),
            stopped_sentences=STOPPED,
        )
        self._sim_writer = self._writer(self.shop)
        self.uplink = RegisterUplink(
            self.shop,
            self._sim_writer,
            self.shop.store,
            dial=self._dial,
            dice=random.Random(self.dice.random()),  # noqa: S311 - no secret
            wall_ms=self.clock.wall_ms,
            changed=lambda: None,
        )
        self._till = RegisterTill(
            self.shop,
            self._sim_writer,
            load_person(self._store),
            borrow=self.uplink.borrow,
            told=self.uplink.told,
        )
        self._sim_writer.after_batch = self._after_batch

    def _after_batch(self) -> None:
        self.uplink.wake()
        self.shop.news.clear()

    def _begin(self) -> None:
        self.is_begun = True
        if self.shop.stopped is not StopReason.FENCED:
            self.shop.ledger.start(f"{self.name}-{self.starts}")

    def _background(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self._sim_writer.save_when_idle(self.shop.ledger),
            self.uplink.run(),
            self._follow_witness(),
        ]

    def _endpoints(self) -> Sequence[Endpoint]:
        return ()  # whoever stands at it types

    async def sell(
        self, body: bytes, key: str, dice: random.Random
    ) -> SaleDone | SaleRefused | None:
        """Sell, asked with the same key until it says something; None: it never will again.

        Where it is lost or replaced over a sale, its disk says whether the customer had left.
        """
        while self.is_selling:
            if self.is_up and self.process is not None:
                work = self.process.spawn(self._till.sell(body, key))
                await asyncio.wait([work])
                if not work.cancelled() and not isinstance(work.exception(), StorageFailed):
                    told = work.result()
                    if not (isinstance(told, SaleRefused) and told.refusal.status == 503):
                        return told
            await asyncio.sleep(dice.uniform(*AGAIN_S))
        return self._sold_under(key)

    def _sold_under(self, key: str) -> SaleDone | None:
        row = self.disk.connection.execute(
            "SELECT body FROM entry JOIN request ON request.entry = writer || '-' || seq "
            "WHERE request.key = ?",
            (key,),
        ).fetchone()
        if row is None:
            return None
        record = decode_body(bytes(row[0])).record
        return SaleDone(key=key, sale=msgspec.json.decode(record, type=dict[str, Any]))

    async def _look_at(self, gateway: "ShopBox") -> Ended | None:
        """Why the box that stands there is not dialled, by what was seen of it; it is told."""
        token = self.identity.token
        known = self.known
        try:
            problem = await object_to(gateway, known, token)
            if problem is not None:
                return Ended("unreachable", problem)
            if known.is_doubted:
                await self._sim_writer.submit(lambda: store_doubt(self.shop.store, known))
                known.is_doubted = False
            shown = contact_of(gateway).witness
            refused = await gateway.examine(str(known.witness or ""), gateway.people[token])
        except ConnectionResetError:
            return Ended("unreachable", "the gateway was lost at this moment")
        except StorageFailed as failed:
            return Ended("storage", str(failed))
        if refused is not None:
            known.take(shown)
            return Ended(NOT_BELIEVED, str(refused.detail))
        self._see(shown)  # it has looked at what was seen before
        return None

    def _see(self, shown: Witness) -> None:
        if shown.above(self.known.witness):
            self.known.witness = shown

    async def _follow_witness(self) -> None:
        while True:
            await asyncio.sleep(WITNESS_S)
            gateway = self._gateway()
            if self.is_connected and gateway is not None and self._reaches(gateway):
                self._see(contact_of(gateway).witness)

    def _reaches(self, gateway: "ShopBox") -> bool:
        return gateway.is_up and not self.line.is_cut

    async def _dial(self) -> SimSocket | Ended:
        line, process, gateway = self.line, self.process, self._gateway()
        await asyncio.sleep(line.up.delay_s + line.down.delay_s)
        if gateway is None or not self._reaches(gateway):
            return Ended("unreachable", "no gateway of this shop is heard")
        if line.is_quiet:
            await asyncio.sleep(CONNECT_S_MAX)
            return Ended("unreachable", "the gateway did not answer")
        ended = await self._look_at(gateway) or await self._meet(gateway)
        if ended is not None:
            return ended
        if not self._reaches(gateway):
            return Ended("unreachable", "the gateway was lost at this moment")
        own, gateways = line.connect()
        assert process is not None, "only a running program dials"
        process.sockets.append(own)
        gateway.accept(gateways, self.register, self._on_end)
        return own

    async def _meet(self, gateway: "ShopBox") -> Ended | None:
        """Tell a gateway that is new to it who it is, and take it for its own; None: it is."""
        met, parent = gateway.identity.writer, self.shop.identity.parent
        if met == parent:
            return None
        if incarnation_of(met) < incarnation_of(parent):
            return Ended("refused", f"this is {met}, which {parent} has replaced")
        try:
            asked = cast("GatewayLine", _Asked(self, gateway))
            own = self.shop.ledger.writer
            await enrol_again(asked, self._box, own, met, is_over=self.is_over, came=None)
            await _adopt(self.shop, self._sim_writer, met)
        except GatewayGone as gone:
            return Ended("unreachable", str(gone))
        except RegisterRefused as refused:
            return Ended("refused", str(refused))
        except StorageFailed as failed:
            return Ended("storage", str(failed))
        return None


class _Asked:
    """A register's HTTP to the gateway that it has found: in the place of `GatewayLine`."""

    def __init__(self, register: RegisterBox, gateway: "ShopBox") -> None:
        self._register = register
        self._gateway = gateway

    async def ask(
        self, method: str, path: str, *, body: bytes, headers: Mapping[str, str]
    ) -> tuple[Reply, None]:
        """Ask once."""
        register, line = self._register, self._register.line
        token, key = register.identity.token, headers[IDEMPOTENCY_KEY]
        try:
            told = await self._gateway.ask(method, path, token=token, key=key, body=body)
        except ConnectionResetError as gone:
            raise GatewayGone(str(gone), unheard=True) from None
        await asyncio.sleep(line.up.delay_s + line.down.delay_s)
        if line.is_quiet:
            raise GatewayGone("the gateway's answer was not heard", unheard=True)
        return Reply(
            status=told.status, document=told.body, problem=not told.is_done, retry_after_s=None
        ), None
