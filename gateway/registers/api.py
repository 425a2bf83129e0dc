"""The endpoints of registers that sell alone: enrolling, listing, writing off, and their link."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from aiohttp import web

from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.registers import enrolment, images
from gateway.registers.identity import (
    LostRequest,
    RegisterIdentity,
    RegisterLost,
    RegisterRequest,
    RegisterView,
)
from gateway.registers.listing import cursor_after, place_of, quota_held, recovered, register_view
from gateway.roles import ANYONE, HANDING_OVER, WRITTEN_OFF
from replication.ids import is_register_name, register_of
from web.endpoint import Answer, Call, Endpoint
from web.lives import HashQuery, HeldHash
from web.once import Command, Outcome, answer, command_of
from web.paging import Page, Paged
from web.problems import Problem, Slug
from web.replicating import serve_link
from web.tokens import Principal

NO_REGISTER: Final = ""

ASK_AGAIN_S: Final = 2
"""A register that lives says something every two seconds (`replication.session.BEAT_MS`)."""


def spoken_for(principal: Principal) -> str | None:
    """The register that a token speaks for as a replica; None: any, for a manager's.

    Whoever speaks as a register can take its place, which a token of all tills may not.
    """
    is_anybodys = principal.register is None and principal.role != "manager"
    return NO_REGISTER if is_anybodys else principal.register


def handing_over(request: RegisterRequest) -> RegisterRequest:
    """What a box may ask whose register was written off: to hand over what it has.

    Raises:
        Problem: it asks to be a register.
    """
    if request.writer is None and request.image_of is None:
        raise Problem(
            Slug.FORBIDDEN,
            f"{request.register} was written off, and its tokens ended with it. Make a new one "
            f"(store-gateway token --data DIR --role cashier --register {request.register}).",
        )
    return msgspec.structs.replace(request, hands_over=True)


class RegistersApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def enrol(self, call: Call[RegisterRequest]) -> Answer:
        """A box becomes a register."""
        parts, request = self._parts, call.body
        if spoken_for(call.principal) == NO_REGISTER:
            raise Problem(
                Slug.FORBIDDEN, "A register is enrolled with its own token, or by a manager."
            )
        parts.speaks_for(call, request.register)
        if call.principal.role == WRITTEN_OFF:
            request = handing_over(request)
        command = command_of(call, request.register)
        decide = self._decision(command, request)
        outcome = await parts.writer.submit(decide, command.key)
        parts.registers.drop_fenced()
        return answer(outcome)

    def _decision(self, command: Command, request: RegisterRequest) -> Callable[[], Outcome]:
        """What the writer thread is to do about a box that asks to be a register."""
        parts, claim = self._parts, request.image_of
        if claim is None or request.writer is not None:
            return lambda: enrolment.enrol(parts.shop, command, request)
        is_heard = parts.registers.is_heard(request.register, request.box)
        if is_heard is None:
            raise Problem.unavailable(
                f"Another box was {request.register} a moment ago: ask again, until it is heard or "
                "its line is known to be dead.",
                retry_after_s=ASK_AGAIN_S,
            )
        return lambda: images.go_on(parts.shop, command, request, claim, is_heard=is_heard)

    async def hash(self, call: Call[None]) -> Answer:
        """What is held of a register's journal at one place; by it two disks find their parting."""
        parts, query = self._parts, call.query
        name = register_of(query.writer)
        if name is not None:
            parts.speaks_for(call, name)
        row = await parts.writer.look(lambda: parts.shop.registers.rows.find(query.writer))
        if row is None:
            raise Problem(Slug.NOT_FOUND, f"{query.writer} is no register of this shop.")
        return Answer(200, images.held_hash(parts.reads.store, row, query))

    async def write_off(self, call: Call[LostRequest]) -> Answer:
        """A register is gone."""
        parts, name = self._parts, call.params["name"]
        if not is_register_name(name):
            raise Problem(Slug.NOT_FOUND, "There is no such register.")
        command = command_of(call)
        outcome = await parts.writer.submit(
            lambda: enrolment.write_off(parts.shop, command, name, call.body), command.key
        )
        parts.forget_tokens()
        parts.registers.drop_fenced()
        return answer(outcome)

    async def registers(self, call: Call[None]) -> Answer:
        """All that sell or sold alone here."""
        parts, query = self._parts, call.query
        after, location = place_of(query), parts.shop.location
        await parts.writer.submit_save(parts.shop.ledger)
        found = parts.registers.page(after, query.limit + 1)
        now = found[: query.limit]
        writers = [one.row.writer for one in now]
        held = await parts.lists.read(
            lambda reads: quota_held(reads.store.connection, location, writers)
        )
        connection = parts.reads.store.connection
        views = [
            register_view(one, held[one.row.writer], recovered(connection, one.row)) for one in now
        ]
        next_cursor = cursor_after(now[-1]) if len(found) > query.limit else None
        return Answer(200, Paged(items=views, next_cursor=next_cursor))

    async def replicate(self, call: Call[None]) -> web.StreamResponse:
        """A register's link."""
        register = spoken_for(call.principal)
        return await serve_link(
            call.request, lambda socket: self._parts.registers.talk(socket, register)
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path="/v1/registers",
                summary="Make a box a register that sells alone", roles=HANDING_OVER,
                handler=self.enrol, body=RegisterRequest, answer=RegisterIdentity, status=201,
                idempotent=True,
                refusals=(Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/registers", summary="Registers that sell alone",
                roles=ANYONE, handler=self.registers, query=Page, answer=Paged[RegisterView],
            ),
            Endpoint(
                method="GET", path="/v1/registers/hash",
                summary="The hash of one entry of a register's journal", roles=HANDING_OVER,
                handler=self.hash, query=HashQuery, answer=HeldHash, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/registers/{name}/lost",
                summary="Write a register off: what it held comes back by counting",
                roles=frozenset({"manager"}), handler=self.write_off, body=LostRequest,
                answer=RegisterLost, status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/replicate",
                summary="A register's link: journal up, quota and feed down", roles=HANDING_OVER,
                handler=self.replicate, websocket=True,
            ),
        ]  # fmt: skip
