"""Somebody who asks a program over HTTP and keeps the rules: same place, same key, until sure.

A request or an answer can be lost on the way, and a program can die over it. What became of such a
request is unknown, so it is asked again with the same key at the same place, until there is a
success or a refusal. Nothing else may be believed; a refusal at the door only where no earlier
try went unheard, as registers do (`gateway.client.answers`).
"""

import asyncio
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.client.finding import Known
from gateway.client.witness import Witness
from tests.simulation.door import Reply
from tests.simulation.shop_box import ShopBox
from tests.simulation.strands import Strand
from tests.simulation.witnessing import TillKind, object_to

if TYPE_CHECKING:
    from tests.simulation.programs import Box
    from tests.simulation.world import World

PATIENCE_S: Final = 5.0
"""A client that hears nothing for so long asks again."""

AGAIN_S: Final = (0.3, 2.0)
WAY_S: Final = (0.001, 0.01)
"""How long a request or an answer is on its way, in the shop's network or to a data centre."""

CONFLICT: Final = 409

NOT_NOW: Final = frozenset({429, 503})
"""Answers that say: nothing was changed, ask again."""

DOOR: Final = frozenset({401, 403})
"""Refusals before the key is looked up: they say nothing of an earlier try that nobody heard of."""

UNDER_WAY: Final = "The same request is still under way."
"""What somebody is told who asks again while the first one is being decided (`web.door`)."""

LOST: Final = 0.01
"""How often a request or an answer is lost without any fault."""

_encode: Final = msgspec.json.encode


class GivenUp(Exception):
    """Whoever asked has gone, without an answer."""


def _is_for_later(reply: Reply, *, unheard: bool) -> bool:
    """Whether nothing is decided by this answer; `unheard`: an earlier try may have been."""
    is_twin = reply.status == CONFLICT and reply.body.get("detail") == UNDER_WAY
    return reply.status in NOT_NOW or is_twin or (unheard and reply.status in DOOR)


def is_not_believed(reply: Reply) -> bool:
    """Whether a box does not believe what its till has seen, which then takes it as it is."""
    return reply.status == HTTPStatus.FORBIDDEN and "witness" in reply.body


class Client:
    """See the module's theory."""

    def __init__(
        self,
        world: "World",
        name: str,
        box: "Box",
        token: str,
        *,
        kind: TillKind = TillKind.NOTHING,
    ) -> None:
        """`kind`: what it does with witnesses; only a store's box says any."""
        self.world = world
        self.kind = kind
        self.name = name
        self.box = box
        self._token = token

    async def insist(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        key: bool | str = True,
        dice: random.Random | None = None,
        gives_up: Callable[[], bool] = lambda: False,
    ) -> Reply:
        """Ask until there is a definite answer; `key` may bring one that was used before.

        Raises:
            GivenUp: whoever asks does not wait any longer.
        """
        world = self.world
        idempotency_key = key if isinstance(key, str) else world.fresh_key() if key else ""
        data = b"" if body is None else _encode(body)
        dice = dice or world.dice(f"ask/{self.name}/{target}/{idempotency_key}")
        silent: list[Strand | None] = []
        while True:
            if gives_up():
                raise GivenUp
            asked = self.box.living.strand
            reply = await self._try(method, target, data, idempotency_key, dice, gives_up)
            if reply is not None and not _is_for_later(reply, unheard=bool(silent)):
                break
            silent.append(asked)
            await asyncio.sleep(dice.uniform(*AGAIN_S))
        if not reply.is_done and any(one is not asked for one in silent):
            world.notes.refused_elsewhere[idempotency_key] = world.hearsay.had_for(asked)
        if reply.status >= 500:
            world.accuse(f"{self.box.name} failed over {method} {target}: {reply.body}")
        world.notes.operations += 1
        world.deeds.asked(method, reply, body)
        return reply

    async def _try(
        self,
        method: str,
        target: str,
        body: bytes,
        key: str,
        dice: random.Random,
        gives_up: Callable[[], bool],
    ) -> Reply | None:
        """One request; None when nobody knows what became of it."""
        lost = 0.0 if self.world.is_calm else max(LOST, self.box.lost)
        await asyncio.sleep(dice.uniform(*WAY_S))
        if dice.random() < lost:
            await asyncio.sleep(PATIENCE_S)
            return None
        box, seen = self.box.living, self.world.witnesses.get(self.name)
        if gives_up():
            return None
        shown = "" if seen is None or self.kind is TillKind.NOTHING else str(seen)
        try:
            if self.kind is TillKind.LOOKS and await self._objects(box):
                return None
            reply = await box.ask(
                method, target, token=self._token, key=key, body=body, witness=shown
            )
        except ConnectionResetError:
            return None
        if dice.random() < lost:
            await asyncio.sleep(PATIENCE_S)
            return None
        self._remember(reply, seen)
        await asyncio.sleep(dice.uniform(*WAY_S))
        return reply

    def until_replaced(self) -> Callable[[], bool]:
        """Whether the box that is there now is gone, and another one stands in its place."""
        first = self.box.living
        if first.is_left:
            return lambda: False
        return lambda: first.is_left and first is not self.box.living

    async def _objects(self, box: "Box") -> bool:
        if not isinstance(box, ShopBox) or not box.is_up:
            return False
        known = Known(location=box.name, witness=self.world.witnesses.get(self.name))
        problem = await object_to(box, known, self._token)
        if known.is_doubted and known.witness is not None:
            self.world.witnesses[self.name] = known.witness
        return problem is not None

    def _remember(self, reply: Reply, seen: Witness | None) -> None:
        witness = Witness.parse(reply.witness)
        if witness is None or self.kind is TillKind.NOTHING:
            return
        if witness.above(seen) or is_not_believed(reply):
            self.world.witnesses[self.name] = witness
