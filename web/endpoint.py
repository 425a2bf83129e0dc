"""The endpoint table: what a program answers, row by row, and what a handler gets and gives.

A row is all there is to know about an endpoint from outside. `web/door.py` turns the rows of a
program into routes, `web/openapi.py` into its public description; a rule that both need is a field
here, so that neither can say what the other does not do.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from aiohttp import web

from web.problems import Slug
from web.tokens import Principal
from web.upload import Upload

JSON_MEDIA_TYPE: Final = "application/json"
EVENTS_MEDIA_TYPE: Final = "text/event-stream"

ANONYMOUS: Final = Principal(id="", role="", register=None, name="")
"""Who calls an open endpoint. Its role is in nobody's row."""

BodyT = TypeVar("BodyT")


class Call(msgspec.Struct, Generic[BodyT], frozen=True):
    """One request that has passed the door. A Struct, because its constructor is the fastest.

    Attributes:
        request: aiohttp's; needed for streams, else leave it alone. Its body is already read.
        principal: who calls; `ANONYMOUS` on open endpoints.
        body: the decoded body; an open file where the row takes an upload, valid until the handler
            returns; None where the row names neither.
        query: the decoded query, of the row's type; None where the row names none.
        path: the decoded path; with `principal.id` it scopes the key.
        key: the Idempotency-Key; "" on endpoints that take none.
        body_digest: 16 bytes that are equal for equal JSON bodies, or equal files; b"" where there
            is no key.
    """

    request: web.Request
    principal: Principal
    body: BodyT
    query: Any
    path: str
    key: str
    body_digest: bytes

    @property
    def params(self) -> Mapping[str, str]:
        """The path's variable parts, decoded: any text without a slash, up to 8 kB."""
        return self.request.match_info


class Answer(msgspec.Struct, frozen=True):
    """What a handler answers.

    Attributes:
        status: HTTP status; a remembered first success is repeated with the status it had.
        body: bytes go out as they are, under the row's media type; all else is encoded as JSON.
        headers: further headers.
    """

    status: int
    body: Any = b""
    headers: Mapping[str, str] | None = None


Handler: TypeAlias = Callable[[Call[Any]], Awaitable[Answer | web.StreamResponse]]
"""Decodes nothing, encodes little, has no rules: calls the program and says what came out.

May return a StreamResponse of its own (a page, a stream, a WebSocket), prepared or not.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One row of the table.

    Attributes:
        method: upper case. A GET that does not stream answers HEAD too.
        path: `/v1/orders/{id}/events`; a part in braces matches one segment.
        summary: one line for the reader of the API description.
        roles: who may call it, every role named; None: open to all, without a token.
        handler: see `Handler`.
        body: struct of the request's body. None: a body is neither read nor described, except that
            an idempotent endpoint without one still takes `{}` or nothing.
        upload: the file that is the body, in the place of JSON.
        query: struct of the query parameters; None: there are none, and any is refused.
        answer: type of the success's body, for the description. None: not JSON, or nothing.
        status: status of a success, for the description.
        idempotent: wants an Idempotency-Key. The door refuses a twin that still runs; remembering
            the first success, in the commit that it stands for, is the handler's duty.
        websocket: the handler upgrades the connection; it ends when `web.stopping.STOPPING` is set.
        subprotocol: of a WebSocket that browsers open: what is agreed on. Who offers it may send a
            token as one more, since a browser cannot set a header (`web.door`).
        media_type: of a success; `EVENTS_MEDIA_TYPE` marks a stream, which ends the same way.
        refusals: problems that the handler may raise, for the description, beside the door's own.
    """

    method: str
    path: str
    summary: str
    roles: frozenset[str] | None
    handler: Handler
    body: type[Any] | None = None
    upload: Upload | None = None
    query: type[msgspec.Struct] | None = None
    answer: Any = None
    status: int = 200
    idempotent: bool = False
    websocket: bool = False
    subprotocol: str | None = None
    media_type: str = JSON_MEDIA_TYPE
    refusals: tuple[Slug, ...] = ()

    def __post_init__(self) -> None:
        """A row that contradicts itself is our own bug."""
        assert self.method == self.method.upper(), self
        assert self.path.startswith("/"), self
        assert not self.idempotent or self.roles is not None, f"a key needs a principal: {self}"
        assert not self.websocket or self.method == "GET", self
        assert self.websocket or self.subprotocol is None, self
        assert self.upload is None or (self.body is None and not self.streams), self
        assert not self.streams or (self.body is None and not self.idempotent), self

    @property
    def streams(self) -> bool:
        """Whether a call may last for hours: counted apart, ended on shutdown."""
        return self.websocket or self.media_type == EVENTS_MEDIA_TYPE
