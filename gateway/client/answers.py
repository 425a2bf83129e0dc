"""What an answer of the gateway means for a sale: done, refused, or ask again. Pure.

The gateway remembers the first *success* of a key. So a question may be repeated as often as one
likes, and the only mistake possible is to stop asking while the outcome is unknown:

    a refusal by the shop's rules (quota, price, product) was decided after the key was looked up:
        no earlier try had succeeded, this is final
    a refusal at the door (who are you, may you) was decided before: it says nothing about an
        earlier try whose answer was lost; such a sale is asked about until the door opens again
    an answer that is not a problem document of ours came from something in between, and an answer
        of 5xx from a gateway that did not come to an end: unknown

One window stays open and is the price of a refusal that may be tried again: a try whose connection
was lost can still lie unread at the gateway while its repetition is refused for quota, and be sold
when quota has come in between. The gateway's journal tells; the register's caller was told no.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import msgspec

SLUG_SHAPE: Final = re.compile(r"[a-z]+(?:-[a-z]+)*$")

BACKOFF_MS_MIN: Final = 50
BACKOFF_MS_MAX: Final = 5_000
"""A gateway restarts in about 2 s; a register that waits longer than 5 s feels broken."""

RETRY_AFTER_S_MAX: Final = 30
"""What is asked for by ``Retry-After`` beyond this is not waited: a cashier stands there."""


class Next(enum.Enum):
    """What to do after an answer."""

    DONE = "done"
    REFUSED = "refused"
    AGAIN = "again"


STATUS: Final[Mapping[int, tuple[Next, Next]]] = MappingProxyType(
    {
        # status: (no earlier try's answer was lost, some try's answer was lost)
        200: (Next.DONE, Next.DONE),
        201: (Next.DONE, Next.DONE),
        400: (Next.REFUSED, Next.REFUSED),
        401: (Next.REFUSED, Next.AGAIN),
        403: (Next.REFUSED, Next.AGAIN),
        404: (Next.REFUSED, Next.REFUSED),
        408: (Next.AGAIN, Next.AGAIN),
        409: (Next.REFUSED, Next.REFUSED),
        413: (Next.REFUSED, Next.REFUSED),
        422: (Next.REFUSED, Next.REFUSED),
        429: (Next.AGAIN, Next.AGAIN),
    }
)
"""Everything else, above all 5xx, is `Next.AGAIN`."""

SLUG: Final[Mapping[str, Next]] = MappingProxyType(
    {
        "conflict": Next.AGAIN,  # a twin of this very request is still running
        "rate-limited": Next.AGAIN,
    }
)
"""These go before the status."""


UNAVAILABLE: Final = "unavailable"
"""What a gateway says that does not hear the hub, or does not sell at all."""


WITNESS: Final = "witness"
"""The field of a 403 that has what the gateway does not believe (`gateway.lives.witnesses`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An HTTP answer, read whole."""

    status: int
    document: Mapping[str, object] | None
    """The JSON object in it, None when it is anything else."""
    problem: bool
    """Whether it came as ``application/problem+json``."""
    retry_after_s: int | None

    @property
    def slug(self) -> str | None:
        """The stable end of a problem's type, such as ``quota-short``; None for other answers."""
        if not self.problem or self.document is None:
            return None
        shape = SLUG_SHAPE.search(str(self.document.get("type", "")))
        return None if shape is None else shape.group()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An expected no: nothing has changed at the gateway."""

    status: int
    slug: str
    detail: str
    problem: Mapping[str, object]
    """The whole problem document; a short quota has ``sellable`` and ``elsewhere`` in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleDone:
    """The gateway has committed the sale."""

    key: str
    sale: Mapping[str, object]
    """The sale as the gateway and later the hub show it."""

    @property
    def sale_id(self) -> str:
        """The sale's id, ``<writer>-<seq>``."""
        return str(self.sale["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDone:
    """The gateway has placed the order at the hub and committed the money for it."""

    key: str
    order: Mapping[str, object]
    """The order as the hub placed it, paid."""
    payment: Mapping[str, object]
    """The payment: its number, what was due, tenders and change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRefused:
    """The gateway has refused the sale or order; to sell anyway is a new one with a new key."""

    key: str
    refusal: Refusal


def decide(reply: Reply, *, unheard: bool, is_order: bool = False) -> Next:
    """What a reply means; `unheard` when the answer to an earlier try of the key was lost.

    An order that the gateway cannot take now, for it does not hear the hub, is refused: it looked
    the key up first, so nothing is paid, and a customer does not wait for a line to come back.
    """
    if 200 <= reply.status < 300:  # noqa: PLR2004
        return Next.DONE if place_in_journal(reply.document) else Next.AGAIN
    if reply.slug is None:
        return Next.AGAIN
    if is_order and reply.slug == UNAVAILABLE:
        return Next.REFUSED
    by_slug = SLUG.get(reply.slug)
    return by_slug or STATUS.get(reply.status, (Next.AGAIN, Next.AGAIN))[unheard]


def leaves_unheard(reply: Reply) -> bool:
    """Whether, after this reply, the gateway may have committed the sale without our knowing.

    True for what a gateway says in the middle of its work, and for what it did not say itself.
    """
    return reply.slug is None or reply.slug == "conflict" or reply.status >= 500  # noqa: PLR2004


def is_not_believed(reply: Reply) -> bool:
    """Whether the gateway does not believe what it was shown of its journal; it changed nothing."""
    return reply.status == HTTPStatus.FORBIDDEN and WITNESS in (reply.document or ())


def done_of(key: str, document: Mapping[str, object]) -> SaleDone | OrderDone:
    """The success in a reply's document (`place_in_journal`)."""
    match document:
        case {"order": {} as order, "payment": {} as payment}:
            return OrderDone(key=key, order=order, payment=payment)
        case _:
            return SaleDone(key=key, sale=document)


def refusal_from(reply: Reply) -> Refusal:
    """The refusal in a reply that is a problem document."""
    assert reply.slug is not None, "only a problem document refuses"
    assert reply.document is not None
    detail = reply.document.get("detail") or reply.document.get("title") or reply.slug
    return Refusal(status=reply.status, slug=reply.slug, detail=str(detail), problem=reply.document)


def reply_from(status: int, content_type: str, body: bytes, retry_after: str | None) -> Reply:
    """Read an answer from the network; never raises."""
    try:
        decoded = msgspec.json.decode(body)
    except msgspec.DecodeError:
        decoded = None
    seconds = retry_after or ""
    plain = seconds.isascii() and seconds.isdigit()
    return Reply(
        status=status,
        document=decoded if isinstance(decoded, dict) else None,
        problem=content_type == "application/problem+json",
        # An int of thousands of digits is slow to read: what has more than 4 is above the limit.
        retry_after_s=min(int(seconds[:5]), RETRY_AFTER_S_MAX) if plain else None,
    )


def backoff_ms(tries: int, retry_after_s: int | None, dice: float) -> int:
    """How long to wait before the next try.

    Args:
        tries: how many there were, from 1.
        retry_after_s: what the gateway asked for, already bounded.
        dice: from 0 to 1, so that the registers of a shop do not come back all at once.
    """
    assert tries >= 1
    ceiling = min(BACKOFF_MS_MAX, BACKOFF_MS_MIN << min(tries - 1, 10))
    wait = int(ceiling * (0.5 + dice / 2))
    return max(wait, (retry_after_s or 0) * 1_000)


def time_ordered_key(now_ms: int, dice: bytes) -> str:
    """An idempotency key that sorts by its time, so that the gateway's index grows at one end.

    Args:
        now_ms: Unix time; a wrong clock costs locality, not uniqueness.
        dice: 10 random bytes.
    """
    assert len(dice) == KEY_DICE_BYTES
    return f"{now_ms & 0xFFFF_FFFF_FFFF:012x}-{dice.hex()}"


KEY_DICE_BYTES: Final = 10
"""80 random bits beside the millisecond: as much as a ULID has."""


def place_in_journal(document: Mapping[str, object] | None) -> tuple[str, int] | None:
    """The writer and number of the entry that a success is; None for what is no success of ours.

    A sale has them as they are, a paid order in its payment's id; a captive portal's page has none.
    """
    if document is None:
        return None
    match document:
        case {"id": str(), "writer": str(writer), "seq": int(seq)}:
            return writer, seq
        case {"order": {}, "payment": {"id": str(place)}}:
            writer, _, digits = place.rpartition("-")
            is_place = bool(writer) and digits.isascii() and digits.isdecimal()
            return (writer, int(digits)) if is_place else None
        case _:
            return None


def place_at_hub(status: Mapping[str, object]) -> tuple[str, int] | None:
    """The writer and the last entry that the hub has of a gateway, as its status says them.

    None of one that does not sell. It may be an old image or a copy: what the hub has of it is then
    another sale than the one that this register was told in the same place.
    """
    match status:
        case {"selling": {"state": "stopped"}}:
            return None
        case {"writer": str(writer), "journal": {"acknowledged_seq": int(seq)}}:
            return writer, seq
        case _:
            return None
