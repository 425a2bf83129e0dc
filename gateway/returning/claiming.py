"""Goods that this shop did not sell, or not alone: the hub is asked who may take them back.

The customer waits for the answer. It brings what was sold, what came back before, and the rights to
the rest; the return is then decided here, like any other. Where the hub is not heard, or cannot
reach whoever has the rights, nothing is paid: the goods can be taken in unverified.
"""

import logging
from http import HTTPStatus
from typing import Final, Protocol, TypeVar

import msgspec

from gateway.link.hub_line import HubLine
from gateway.link.lending import check_grant
from gateway.returning import returnables
from gateway.returning.returnables import Elsewhere
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.errors import PeerViolation
from retail.returning.return_requests import ClaimRequest
from retail.returning.returns import ReturnClaim
from web.problems import Problem, Slug

log: Final = logging.getLogger(__name__)

CLAIMS_MAX: Final = 3
"""Times that rights may be gone again when it comes to deciding: two tills want the same goods."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Decide(Protocol[T_co]):
    """Decides on the goods of a sale; `has_asked`: the hub was asked about it, just now."""

    async def __call__(self, sale: str, *, has_asked: bool) -> T_co | Elsewhere:
        """What it comes to, or that the hub has to be asked."""


class Claiming:
    """Decides on goods of a sale; asks the hub for them where that is not known here."""

    def __init__(self, shop: Shop, writer: GroupCommit, hub: HubLine) -> None:
        self._shop = shop
        self._writer = writer
        self._hub = hub

    async def decided(self, decide: Decide[T], sale: str) -> T:
        """What `decide` comes to for the sale, named by its id or number.

        Raises:
            Problem: it is nowhere known, or whoever has the rights is not heard.
        """
        outcome = await decide(sale, has_asked=False)
        for _ in range(CLAIMS_MAX):
            if not isinstance(outcome, Elsewhere):
                return outcome
            claim = await self._claim(outcome.sale)
            outcome = await decide(claim.sold.id, has_asked=True)
        if isinstance(outcome, Elsewhere):
            raise Problem(
                Slug.CONFLICT, f"Somebody else takes goods of {sale} back just now: try again."
            )
        return outcome

    async def _claim(self, sale: str) -> ReturnClaim:
        asked = msgspec.json.encode(ClaimRequest(sale=sale, seq=self._shop.head.seq))
        answer = await self._hub.post("/v1/returns/claim", asked, key="")
        if answer is None:
            raise Unverifiable(
                f"The hub is not heard, and only it knows who may take goods of {sale} back."
            )
        if answer.status != HTTPStatus.OK:
            raise _refused(answer.status, answer.body, sale)
        try:
            claim = msgspec.json.decode(answer.body, type=ReturnClaim)
            check_grant(self._shop, claim.cells)
        except (msgspec.DecodeError, PeerViolation) as broken:
            log.error("the hub's claim makes no sense: %s", broken, extra={"action": "claim_unfit"})  # noqa: TRY400 - the hub's mistake, not ours
            raise Unverifiable(f"The hub's answer about {sale} makes no sense.") from None
        await self._writer.submit(lambda: returnables.take_claim(self._shop, claim))
        return claim


class Unverifiable(Problem):
    """Nobody can say now what is left of a sale."""

    def __init__(self, why: str) -> None:
        super().__init__(
            Slug.CONFLICT,
            f"{why} The goods can be taken in with `unverified`: they wait in quality control, and "
            "are paid for when the line is back.",
            members={"field": "$.sale", "unverified": True},
        )


def _refused(status: int, body: bytes, sale: str) -> Problem:
    """The hub's own words, where it is sure; a hub that is not, is as good as none."""
    detail = ""
    try:
        told = msgspec.json.decode(body)
        detail = str(told["detail"]) if isinstance(told, dict) and "detail" in told else ""
    except msgspec.DecodeError:
        pass
    if status == HTTPStatus.NOT_FOUND:
        return Problem(Slug.NOT_FOUND, detail or f"Nobody knows a sale {sale}.")
    if status == HTTPStatus.CONFLICT:
        return Problem(Slug.CONFLICT, detail or f"{sale} cannot be taken back.")
    return Unverifiable(detail or f"The hub cannot say now what is left of {sale}.")
