"""How a box becomes a register that sells alone: it asks its gateway, once, with its token.

The box has a random id of its own, kept before it first asks: an answer that was lost is asked for
again and is the same. Another box that asks to be the same register takes its place.

At each gateway that is new to it a register enrols again, as who it is: the gateway before may have
died with the only word of it.
"""

import logging
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec

from gateway.client.answers import Reply, refusal_from
from gateway.client.finding import GatewayGone
from gateway.client.line import Line
from gateway.client.register_file import Person, RegisterRefused, store_enrolment
from gateway.client.witness import Witness
from gateway.enrolment import box_id
from gateway.identity import Identity
from gateway.lives.next_life import CameOf
from gateway.registers.identity import ImageOf, RegisterIdentity, RegisterRequest
from replication.adapters.sqlite import ReplicaStore, transaction
from replication.ids import WriterId, register_of
from replication.journal import GENESIS
from web.door import IDEMPOTENCY_KEY

log: Final = logging.getLogger(__name__)

REGISTERS: Final = "/v1/registers"

T = TypeVar("T")


async def enrol(
    store: ReplicaStore, line: Line, register: str, token: str
) -> tuple[Identity, Witness]:
    """Become `register` at the gateway that the line finds, and keep that.

    Its witness from then on comes with it: a box that does not reach so far knows no such register.

    Raises:
        GatewayGone: it is not there; ask again later.
        RegisterRefused: it says no, and why.
    """
    box = box_id(store)
    asked = msgspec.json.encode(RegisterRequest(register=register, box=box))
    reply, _ = await line.ask(
        "POST", REGISTERS, body=asked, headers={IDEMPOTENCY_KEY: f"enrol-{register}-{box}"}
    )
    told = _told(reply, RegisterIdentity)
    reply, witness = await line.ask("GET", "/v1/token")
    person = _told(reply, Person)
    identity = Identity(
        writer=told.writer,
        name=told.name,
        kind=told.kind,
        parent=told.parent,
        jurisdiction=told.jurisdiction,
        timezone=told.timezone,
        token=token,
        chain=told.chain,
    )
    with transaction(store.connection):
        store_enrolment(store, identity, person)
    log.info("enrolled", extra={"action": "enrolled", "writer": identity.writer})
    return identity, witness


async def enrol_again(
    line: Line,
    box: str,
    writer: WriterId,
    gateway: str,
    *,
    is_over: bool = False,
    came: CameOf | None = None,
) -> None:
    """Tell `gateway`, which the line has found, who this is, in case it never heard of it.

    `is_over`: this is the register no more, and only has its last entries to tell. `came`: its disk
    had been an old copy.

    Raises:
        GatewayGone: it is not there; ask again later.
        RegisterRefused: it says no, and why.
    """
    name = register_of(writer)
    assert name is not None, "only a register's writer is in a register's file"
    earlier = None if came is None else ImageOf(writer=came.earlier, seq=0, hash=GENESIS.hex())
    asked = msgspec.json.encode(
        RegisterRequest(register=name, box=box, writer=writer, image_of=earlier, hands_over=is_over)
    )
    key = {IDEMPOTENCY_KEY: f"enrol-{box}-at-{gateway}{'-over' if is_over else ''}"}
    reply, _ = await line.ask("POST", REGISTERS, body=asked, headers=key)
    _told(reply, RegisterIdentity)


def _told(reply: Reply, wanted: type[T]) -> T:
    """What a success says."""
    if reply.slug is not None:
        raise RegisterRefused(f"the gateway refuses: {refusal_from(reply).detail}")
    if reply.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
        raise GatewayGone(f"the gateway answers {reply.status}", unheard=True)
    try:
        return msgspec.convert(reply.document, wanted)
    except msgspec.ValidationError as unfit:
        raise RegisterRefused(f"this gateway speaks of registers otherwise: {unfit}") from None
