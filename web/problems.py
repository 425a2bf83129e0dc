"""Problem details (RFC 9457): every refusal and failure of either program, as one shape.

    {"type": "/problems/quota-short", "title": "...", "status": 409, "detail": "...", ...}

`type` ends in a slug that clients may branch on; `title` is the slug in words and never changes;
`detail` is a sentence for a person about this one case; further members are data of the slug.

    who raises it                           slugs
    --------------------------------------  ----------------------------------------------------
    the door, before a handler runs         invalid-request, unauthenticated, forbidden,
                                            rate-limited, too-large, not-found (unknown path),
                                            method-not-allowed, conflict (a twin still runs)
    handlers                                quota-short, credit-short, price-changed, conflict,
                                            unknown-product, not-found, invalid-request, unavailable
    the program's translation of a failure  storage, unavailable
    the door, for what nobody foresaw       internal
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from http import HTTPStatus
from typing import Final, Self

import msgspec
from aiohttp import web
from multidict import CIMultiDict

TYPE_PREFIX: Final = "/problems/"
"""Problem types are relative references (RFC 9457, 3.1.1): they name no host that may go away."""

DETAIL_CHARS_MAX: Final = 400
"""A detail may quote what the client sent (a field name of a megabyte, say); it is cut here."""

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"

STANDARD_MEMBERS: Final = frozenset({"type", "title", "status", "detail"})


class Slug(Enum):
    """What kind of problem, with its usual status. The text is part of the contract."""

    QUOTA_SHORT = ("quota-short", 409, "Not enough units can be sold here now")
    CREDIT_SHORT = ("credit-short", 409, "Not enough of a store credit can be spent here now")
    PRICE_CHANGED = ("price-changed", 409, "The total is not the one that was expected")
    CONFLICT = ("conflict", 409, "The request is at odds with the present state")
    UNKNOWN_PRODUCT = ("unknown-product", 404, "No product has this SKU or barcode")
    NOT_FOUND = ("not-found", 404, "There is nothing at this address")
    INVALID_REQUEST = ("invalid-request", 422, "The request cannot be understood or accepted")
    UNAUTHENTICATED = ("unauthenticated", 401, "A valid bearer token is needed")
    FORBIDDEN = ("forbidden", 403, "This token's role does not allow that")
    RATE_LIMITED = ("rate-limited", 429, "Too many requests at once")
    TOO_LARGE = ("too-large", 413, "The request body is too large")
    METHOD_NOT_ALLOWED = ("method-not-allowed", 405, "This address does not know the method")
    UNAVAILABLE = ("unavailable", 503, "Not available at the moment")
    STORAGE = ("storage", 503, "The store could not be written; nothing was changed")
    INTERNAL = ("internal", 500, "The program failed; the failure was logged")

    def __init__(self, text: str, status: int, title: str) -> None:
        self.text = text
        self.status = status
        self.title = title


_encoder: Final = msgspec.json.Encoder()

_HEADERS: Final = CIMultiDict(
    {"Content-Type": PROBLEM_MEDIA_TYPE, "Cache-Control": "no-store"},
)


class Problem(Exception):
    """A refusal or failure on its way to the client; raised anywhere behind the door.

    Attributes:
        slug: what kind.
        status: HTTP status; the slug's own unless it was given.
        detail: one sentence about this case, at most `DETAIL_CHARS_MAX` characters.
        members: further members, JSON-encodable; they may not use the names of the standard ones.
        headers: further response headers, such as Retry-After.
    """

    def __init__(
        self,
        slug: Slug,
        detail: str,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(slug.text, detail)
        self.slug = slug
        self.status = slug.status if status is None else status
        self.detail = (
            detail if len(detail) <= DETAIL_CHARS_MAX else detail[: DETAIL_CHARS_MAX - 3] + "..."
        )
        self.headers: Mapping[str, str] = headers or {}
        self.members: Mapping[str, object] = members or {}
        assert STANDARD_MEMBERS.isdisjoint(self.members), self.members

    # Constructors for the slugs that carry data or a header; the others are raised as they are.

    @classmethod
    def quota_short(
        cls, *, sku: str, wanted: int, sellable: int, elsewhere: Iterable[Mapping[str, object]]
    ) -> Self:
        """Fewer units can be sold here than were asked for.

        Args:
            sku: the product that is short.
            wanted: units asked for.
            sellable: units that this holder could sell at this instant.
            elsewhere: who holds the rest: `{"holder", "location", "quantity", "last_heard"}`.
        """
        return cls(
            Slug.QUOTA_SHORT,
            f"{wanted} of {sku} were asked for and {sellable} can be sold here now.",
            members={
                "sku": sku,
                "wanted": wanted,
                "sellable": sellable,
                "elsewhere": list(elsewhere),
            },
        )

    @classmethod
    def price_changed(cls, *, total_minor: int, expected_minor: int) -> Self:
        """The basket's total is not the one that the customer was shown."""
        return cls(
            Slug.PRICE_CHANGED,
            f"The total is {total_minor}, not {expected_minor}: show it and ask again.",
            members={"total_minor": total_minor, "expected_total_minor": expected_minor},
        )

    @classmethod
    def malformed(cls, detail: str) -> Self:
        """The request could not even be read: not JSON, no key, a bad parameter. 400."""
        return cls(Slug.INVALID_REQUEST, detail, status=HTTPStatus.BAD_REQUEST)

    @classmethod
    def invalid(cls, detail: str, *, field: str | None = None) -> Self:
        """The request was read and its content is not acceptable. 422.

        Args:
            detail: what is wrong.
            field: where, as a path such as `$.lines[0].quantity`.
        """
        members = {} if field is None else {"field": field[:DETAIL_CHARS_MAX]}
        return cls(Slug.INVALID_REQUEST, detail, members=members)

    @classmethod
    def unauthenticated(cls, detail: str, *, challenge: str) -> Self:
        """No token, or one that nobody knows; `challenge` goes into WWW-Authenticate."""
        return cls(Slug.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": challenge})

    @classmethod
    def rate_limited(cls, detail: str, *, retry_after_s: int) -> Self:
        """Too much at once; the client may come back after `retry_after_s` seconds."""
        return cls(Slug.RATE_LIMITED, detail, headers={"Retry-After": str(retry_after_s)})

    @classmethod
    def too_large(cls, limit_bytes: int, *, what: str = "A body") -> Self:
        """`what` is longer than `limit_bytes`; the connection is closed after the answer."""
        return cls(Slug.TOO_LARGE, f"{what} may have at most {limit_bytes} bytes: split it.")

    @classmethod
    def method_not_allowed(cls, method: str, allowed: Iterable[str]) -> Self:
        """The address exists and does not know `method`."""
        names = ", ".join(sorted(allowed))
        return cls(
            Slug.METHOD_NOT_ALLOWED,
            f"{method} is not known here; {names} would be.",
            headers={"Allow": names},
        )

    @classmethod
    def unavailable(cls, detail: str, *, retry_after_s: int) -> Self:
        """The program or something it needs cannot answer for the moment."""
        return cls(Slug.UNAVAILABLE, detail, headers={"Retry-After": str(retry_after_s)})

    def body(self) -> bytes:
        """The problem as JSON text."""
        return _encoder.encode(
            {
                "type": TYPE_PREFIX + self.slug.text,
                "title": self.slug.title,
                "status": self.status,
                "detail": self.detail,
                **self.members,
            }
        )

    def response(self) -> web.Response:
        """A new response for this problem; made per request, because responses are sent once."""
        response = web.Response(body=self.body(), status=self.status, headers=_HEADERS)
        response.headers.update(self.headers)
        if self.slug is Slug.TOO_LARGE:
            # The rest of the body is on its way: say that the connection will not be used again.
            response.force_close()
        return response
