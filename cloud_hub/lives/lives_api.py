"""The endpoints about the lives of a location's boxes."""

import secrets
from collections.abc import Sequence

import msgspec

from cloud_hub.lives import attesting, branches, renewing, restoring
from cloud_hub.lives.attesting import Attested, LocationDetail
from cloud_hub.lives.branches import BranchTaken
from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.roles import ADMIN, GATEWAY, OFFICE
from replication.errors import PeerViolation
from replication.ids import WriterId, location_of
from web.endpoint import Answer, Call, Endpoint
from web.lives import (
    AttestRequest,
    BranchPiece,
    CounterState,
    EarlierLives,
    HashQuery,
    HeldEntry,
    HeldHash,
    HeldQuery,
    RenewRequest,
)
from web.once import answer, command_of
from web.paging import Page, Paged
from web.problems import Problem, Slug


class LivesApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # People

    async def location(self, call: Call[None]) -> Answer:
        """A location, with the lives of its gateway that are over and what they still hold."""
        office, location = self._parts.office, call.params["id"]
        row = self._parts.reads.location_view(location)
        if row is None:
            raise Problem(Slug.NOT_FOUND, f"There is no location {location}.")
        lives = await self._parts.writer.look(lambda: attesting.lives_view(office, location))
        return Answer(200, LocationDetail(**msgspec.structs.asdict(row), lives=lives))

    async def attest(self, call: Call[AttestRequest]) -> Answer:
        """Somebody answers for it that nothing more will be heard of a box that was replaced."""
        office, command, location = self._parts.office, command_of(call), call.params["id"]
        return answer(
            await self._parts.writer.submit(
                lambda: attesting.attest(office, command, location, call.body)
            )
        )

    # A new box

    async def state(self, call: Call[None]) -> Answer:
        """The lives and registers of the location whose gateway this is."""
        office, writer = self._parts.office, await self._living(call)
        if not await self._parts.writer.look(lambda: restoring.has_begun(office, writer)):
            await self._parts.writer.submit(lambda: restoring.note_begun(office, writer))
        return Answer(
            200, await self._parts.writer.look(lambda: restoring.earlier_lives(office, writer))
        )

    async def counters(self, call: Call[None]) -> Answer:
        """All cells of the location's counters."""
        restoring.counter_after(call.query)
        office, writer = self._parts.office, await self._living(call)
        return Answer(
            200,
            await self._parts.writer.look(
                lambda: restoring.counters_page(office, writer, call.query)
            ),
        )

    async def entries(self, call: Call[None]) -> Answer:
        """Journals of the location's earlier lives and registers, the newest entries first."""
        writer = await self._living(call)
        return await self._parts.lists.answer(
            lambda reads: restoring.entries_page(reads.store, writer, call.query)
        )

    async def _living(self, call: Call[None]) -> WriterId:
        """The box that asks, if it speaks for its location."""
        office, writer = self._parts.office, WriterId(call.principal.name)
        if not await self._parts.writer.look(lambda: office.is_living(writer)):
            raise Problem(Slug.FORBIDDEN, f"{writer} was replaced by another box.")
        return writer

    # A box that is not sure

    async def hash(self, call: Call[None]) -> Answer:
        """What the hub has of a journal at one place; where two journals part is found by it."""
        asker = WriterId(call.principal.name)
        return await self._parts.lists.answer(
            lambda reads: restoring.held_hash(reads.store, asker, call.query)
        )

    async def branch(self, call: Call[BranchPiece]) -> Answer:
        """A box hands over what it did on a branch of its own."""
        office, writer = self._parts.office, WriterId(call.principal.name)
        secret = secrets.token_bytes(32)
        heard_ms = self._parts.links.view(location_of(writer)).heard_ms
        try:
            outcome = await self._parts.writer.submit(
                lambda: branches.take_piece(office, writer, call.body, secret, heard_ms=heard_ms)
            )
        except PeerViolation as broken:  # all of it was undone
            raise branches.refused(writer, broken) from broken
        if isinstance(outcome, Problem):
            raise outcome
        self._parts.links.told()
        return Answer(200, outcome)

    async def renew(self, call: Call[RenewRequest]) -> Answer:
        """A box that lost entries which nobody here ever had goes on as a new incarnation."""
        office, writer = self._parts.office, WriterId(call.principal.name)
        secret = secrets.token_bytes(32)
        outcome = await self._parts.writer.submit(
            lambda: renewing.renew(office, writer, call.body, secret)
        )
        if isinstance(outcome, Problem):
            raise outcome
        return Answer(200, outcome)

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/locations/{id}",
                summary="A location, with what boxes held that were replaced", roles=OFFICE,
                handler=self.location, answer=LocationDetail, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="POST", path="/v1/locations/{id}/attest",
                summary="Answer for it that a replaced box is gone for good", roles=ADMIN,
                handler=self.attest, body=AttestRequest, answer=Attested, status=201,
                idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/replicate/state",
                summary="What a new box of a location takes over: lives, registers, tokens",
                roles=GATEWAY, handler=self.state, answer=EarlierLives,
                refusals=(Slug.FORBIDDEN,),
            ),
            Endpoint(
                method="GET", path="/v1/replicate/state/counters",
                summary="All cells of a location's counters", roles=GATEWAY,
                handler=self.counters, query=Page, answer=Paged[CounterState],
                refusals=(Slug.FORBIDDEN,),
            ),
            Endpoint(
                method="GET", path="/v1/replicate/state/entries",
                summary="Journals of a location's earlier lives and registers", roles=GATEWAY,
                handler=self.entries, query=HeldQuery, answer=Paged[HeldEntry],
                refusals=(Slug.FORBIDDEN,),
            ),
            Endpoint(
                method="GET", path="/v1/replicate/hash",
                summary="The hash of one entry of a location's journals", roles=GATEWAY,
                handler=self.hash, query=HashQuery, answer=HeldHash, refusals=(Slug.FORBIDDEN,),
            ),
            Endpoint(
                method="POST", path="/v1/replicate/branch",
                summary="Hand over a branch of a journal, and become a new incarnation",
                roles=GATEWAY, handler=self.branch, body=BranchPiece, answer=BranchTaken,
                refusals=(Slug.CONFLICT, Slug.FORBIDDEN, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/replicate/renew",
                summary="Go on as a new incarnation: only registers know what is lost",
                roles=GATEWAY, handler=self.renew, body=RenewRequest, answer=BranchTaken,
                refusals=(Slug.CONFLICT, Slug.FORBIDDEN, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip
