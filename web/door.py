"""The door: everything between aiohttp and a handler, as one call per request.

Each row of the endpoint table becomes one wrapped handler at registration; there is no middleware
stack, because every layer of one costs each request and can be forgotten by none. The order:

    step            refused with                        only where the row says
    --------------  ----------------------------------  -----------------------
    who             401 unauthenticated, 403 forbidden   roles
    how many        429 rate-limited
    key             400 invalid-request                  idempotent
    query           400 invalid-request                  always: unknown ones are refused
    body            413 too-large, 400 / 422 invalid     body, upload
    twin            409 conflict                         idempotent
    handler         its own problems

so that a stranger learns nothing but 401 and a large body is not read for one. Whatever is raised
on the way becomes problem details here and only here. Unknown addresses and methods have routes of
their own, and one signal stamps every answer, streams included, right before its headers leave.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from aiohttp import HttpVersion11, hdrs, web
from multidict import CIMultiDict, MultiDict, MultiDictProxy

from web.body import BODY_BYTES_MAX, BODY_S_MAX, Empty, body_decoder, body_digest, read_body
from web.endpoint import ANONYMOUS, Answer, Call, Endpoint
from web.problems import Problem, Slug
from web.query import QueryDecoder
from web.stopping import add_stop_event
from web.tokens import Principal
from web.upload import UPLOADS_MAX, spooled

log: Final = logging.getLogger(__name__)

KEY_CHARS_MAX: Final = 255
BEARER: Final = "Bearer "
BEARER_PROTOCOL: Final = "countertop.bearer."
"""What a browser, which cannot set headers for a WebSocket, writes before its token instead."""

CHALLENGE: Final = 'Bearer realm="countertop"'
CHALLENGE_INVALID: Final = CHALLENGE + ', error="invalid_token"'

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

TWIN_AGAIN_S: Final = "1"
"""When to ask again for what is under way: most requests are over in a tenth of it."""


class _NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of an endpoint without parameters: any parameter is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """How much one caller may ask for.

    Attributes:
        body_bytes_max: longest body, also of chunked ones.
        body_s_max: longest time for a body to arrive, in seconds.
        calls_per_token_max: requests of one token under way; four times what must never be refused.
        streams_per_token_max: WebSockets and event streams of one token, which last for hours; one
            token may stand for every register of a large shop.
    """

    body_bytes_max: int = BODY_BYTES_MAX
    body_s_max: float = BODY_S_MAX
    calls_per_token_max: int = 256
    streams_per_token_max: int = 1_024


def _stamp_nothing(_headers: CIMultiDict[str]) -> None:
    """The hub has nothing to add to its answers."""


def _translate_nothing(_failure: Exception) -> Problem | None:
    """No failure has a problem of its own."""


def _random_incident() -> str:
    """Eight characters that a user can read out to whoever has the log."""
    return secrets.token_hex(4)


async def _examine_nothing(_request: web.Request, _principal: Principal) -> None:
    """The examiner of a program that takes a caller's token for enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What a program hands in once, and what its requests under way have in common.

    Attributes:
        authenticate: whose token this is, or None; called per request, so it remembers by itself.
        examine: looks at a request whose caller is known, before it is read; may raise a `Problem`.
        stamp: adds headers to every answer just before it leaves; must be cheap and never raise.
        translate: a program's own failures as problems (a full disk as `storage`), or None.
        limits: see `DoorLimits`.
        new_incident: an id for each unforeseen failure, put into the answer and the log.
        twins: (path, principal, key) of idempotent calls under way.
        uploads: turns of those who send a file (`web.upload`).
    """

    authenticate: Callable[[str], Awaitable[Principal | None]]
    examine: Callable[[web.Request, Principal], Awaitable[None]] = _examine_nothing
    stamp: Callable[[CIMultiDict[str]], None] = _stamp_nothing
    translate: Callable[[Exception], Problem | None] = _translate_nothing
    limits: DoorLimits = field(default_factory=DoorLimits)
    new_incident: Callable[[], str] = _random_incident
    twins: set[tuple[str, str, str]] = field(default_factory=set)
    calls: dict[str, int] = field(default_factory=dict)
    streams: dict[str, int] = field(default_factory=dict)
    uploads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(UPLOADS_MAX))

    async def admit(
        self, request: web.Request, roles: frozenset[str], subprotocol: str | None = None
    ) -> Principal:
        """Who calls, when the row lets that role in; otherwise 401 or 403.

        `subprotocol` is the row's: beside it, and nowhere else, a token may come as a subprotocol.
        """
        principal = await self.authenticate(_token_of(request, subprotocol))
        if principal is None:
            raise Problem.unauthenticated(
                "Nobody has this token here; gateway and hub each make their own with `token`.",
                challenge=CHALLENGE_INVALID,
            )
        if principal.role not in roles:
            raise Problem(Slug.FORBIDDEN, f"Role {principal.role} may not do this.")
        return principal

    def problem_for(self, request: web.Request, failure: Exception) -> Problem:
        """The problem for something that nobody raised on purpose; logged, the text stays here."""
        known = self.translate(failure)
        if known is not None:
            log.warning(
                "request failed: %s",
                failure,
                extra={"action": "request_failed", "slug": known.slug.text},
            )
            return known
        incident = self.new_incident()
        log.error(
            "request failed unexpectedly",
            exc_info=failure,
            extra={"action": "request_broken", "incident": incident, "path": request.path},
        )
        return Problem(
            Slug.INTERNAL,
            f"The program failed; its log has the reason under {incident}.",
            members={"incident": incident},
        )


def _token_of(request: web.Request, subprotocol: str | None) -> str:
    """The token of a request: in its header, or, where the row says so, among its subprotocols.

    Raises:
        Problem: unauthenticated, when there is none.
    """
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is None:
        offered = _subprotocols(request) if subprotocol is not None else []
        tokens = [one for one in offered if one.startswith(BEARER_PROTOCOL)]
        # Without the row's own name beside it nothing could be agreed on but the token itself.
        if len(tokens) != 1 or subprotocol not in offered:
            raise Problem.unauthenticated("A bearer token is needed.", challenge=CHALLENGE)
        return tokens[0].removeprefix(BEARER_PROTOCOL)
    if not header.startswith(BEARER) and header[: len(BEARER)].lower() != BEARER.lower():
        raise Problem.unauthenticated("Only bearer tokens are taken.", challenge=CHALLENGE)
    return header[len(BEARER) :].strip()


def _handshake(subprotocol: str | None) -> web.WebSocketResponse:
    """What a WebSocket's handshake is tried with.

    aiohttp logs all that a client offers when it knows nothing of it. With the row's own name it
    knows one, and no token gets into a log.
    """
    return web.WebSocketResponse(protocols=() if subprotocol is None else (subprotocol,))


def _subprotocols(request: web.Request) -> list[str]:
    """The WebSocket subprotocols that the client offers."""
    header = request.headers.get(hdrs.SEC_WEBSOCKET_PROTOCOL, "")
    return [one.strip() for one in header.split(",")]


class Passage:
    """The way through the door to one endpoint. All that can be decided early is decided here."""

    def __init__(self, endpoint: Endpoint, door: Door) -> None:
        limits = door.limits
        self._door = door
        self._handler = endpoint.handler
        self._roles = endpoint.roles
        self._websocket = endpoint.websocket
        self._subprotocol = endpoint.subprotocol
        self._idempotent = endpoint.idempotent
        self._under_way = door.streams if endpoint.streams else door.calls
        self._under_way_max = (
            limits.streams_per_token_max if endpoint.streams else limits.calls_per_token_max
        )
        self._upload = endpoint.upload
        self._takes_query = endpoint.query is not None
        self._decode_query = QueryDecoder(endpoint.query or _NoQuery).decode
        takes_empty = endpoint.idempotent and endpoint.upload is None
        body_type = endpoint.body or (Empty if takes_empty else None)
        self._decode_body = None if body_type is None else body_decoder(body_type)
        # Copied into each response, which is cheaper than building it from pairs each time.
        self._headers: Final = CIMultiDict(
            {hdrs.CONTENT_TYPE: endpoint.media_type, hdrs.CACHE_CONTROL: "no-store"}
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request to one response: the handler that aiohttp is given."""
        try:
            roles = self._roles
            principal = (
                ANONYMOUS
                if roles is None
                else await self._door.admit(request, roles, self._subprotocol)
            )
            under_way = self._under_way
            _enter(under_way, principal.id, self._under_way_max)
            try:
                if roles is not None:
                    await self._door.examine(request, principal)
                return await self._serve(request, principal)
            finally:
                _leave(under_way, principal.id)
        except web.HTTPException:
            raise  # a redirect of a page
        except Exception as failure:  # noqa: BLE001  the one place that turns failures into answers
            return self._refuse(request, failure)

    async def _serve(self, request: web.Request, principal: Principal) -> web.StreamResponse:
        """Read what the row asks for, call the handler, wrap what it answers."""
        if self._websocket and not _handshake(self._subprotocol).can_prepare(request):
            raise Problem.malformed(
                "This address is a WebSocket; the handshake is missing or wrong."
            )
        key = idempotency_key(request) if self._idempotent else ""
        query = self._query(request)
        if self._upload is not None:
            async with self._door.uploads, spooled(request, self._upload) as sent:
                digest = sent.digest if key else b""
                return await self._answer(
                    Call(request, principal, sent.file, query, request.path, key, digest)
                )
        body, digest = None, b""
        if self._decode_body is not None:
            limits = self._door.limits
            raw = await read_body(
                request, bytes_max=limits.body_bytes_max, seconds_max=limits.body_s_max
            )
            body = self._decode_body(raw)
            if key:
                digest = body_digest(raw)
        return await self._answer(Call(request, principal, body, query, request.path, key, digest))

    async def _answer(self, call: Call[Any]) -> web.StreamResponse:
        """Call the handler, unless the same request is under way already."""
        if not call.key:
            return self._response(await self._handler(call))
        twins, twin = self._door.twins, (call.path, call.principal.id, call.key)
        if twin in twins:
            # Who gets this may come back; every other conflict is an answer.
            raise Problem(
                Slug.CONFLICT,
                "The same request is still under way.",
                headers={"Retry-After": TWIN_AGAIN_S},
            )
        twins.add(twin)
        try:
            return self._response(await self._handler(call))
        finally:
            twins.discard(twin)

    def _query(self, request: web.Request) -> object:
        """The decoded query, or None when the row has none; asked for without cost when empty."""
        if request.rel_url.raw_query_string:
            return self._decode_query(request.query)
        return self._decode_query(_NO_PARAMETERS) if self._takes_query else None

    def _response(self, answer: Answer | web.StreamResponse) -> web.StreamResponse:
        """The answer as a response; a handler's own response goes out as it is."""
        if isinstance(answer, web.StreamResponse):
            return answer
        body = answer.body if type(answer.body) is bytes else _encode(answer.body)
        response = web.Response(body=body, status=answer.status, headers=self._headers)
        if answer.headers is not None:
            response.headers.update(answer.headers)
        return response

    def _refuse(self, request: web.Request, failure: Exception) -> web.StreamResponse:
        """The response for whatever was raised."""
        transport = request.transport
        if isinstance(failure, ConnectionError) and (transport is None or transport.is_closing()):
            return web.Response()  # nobody is there to read it, and nothing failed
        if request.writer.output_size > 0:
            raise failure  # half an answer is out: aiohttp logs it and cuts the connection
        if isinstance(failure, Problem):
            return failure.response()
        return self._door.problem_for(request, failure).response()


_NO_PARAMETERS: Final = MultiDictProxy[str](MultiDict())
_encode: Final = msgspec.json.Encoder().encode


def _enter(under_way: dict[str, int], principal_id: str, most: int) -> None:
    """One more call of this principal, or a 429 when `most` are under way."""
    others = under_way.get(principal_id, 0)
    if others >= most:
        raise Problem.rate_limited(
            f"{others} requests of this token are under way.", retry_after_s=1
        )
    under_way[principal_id] = others + 1


def _leave(under_way: dict[str, int], principal_id: str) -> None:
    """One call of this principal is over; who has none left takes no room."""
    left = under_way[principal_id] - 1
    if left:
        under_way[principal_id] = left
    else:
        del under_way[principal_id]


def idempotency_key(request: web.Request) -> str:
    """The request's Idempotency-Key, checked."""
    return checked_key(request.headers.get(IDEMPOTENCY_KEY))


def checked_key(key: str | None) -> str:
    """An Idempotency-Key: 1 to 255 printable ASCII characters.

    Raises:
        Problem: 400, it is anything else.
    """
    if not key:
        raise Problem.malformed(f"{IDEMPOTENCY_KEY} is missing or empty.")
    if len(key) > KEY_CHARS_MAX or not (key.isascii() and key.isprintable()):
        raise Problem.malformed(
            f"{IDEMPOTENCY_KEY} takes 1 to {KEY_CHARS_MAX} printable ASCII characters."
        )
    return key


def add_endpoints(app: web.Application, endpoints: Iterable[Endpoint], door: Door) -> None:
    """Register the whole table. Called once per program, after any routes that are not in it.

    Every path of the table answers 405 to other methods, and what no route matches answers 404.
    Sets up `STOPPING` for the handlers of streams.
    """
    add_stop_event(app)
    expect = _expect_handler(door.limits.body_bytes_max)
    resources: dict[str, web.Resource] = {}
    methods: dict[str, set[str]] = {}
    for endpoint in endpoints:
        path = endpoint.path
        if path not in resources:
            resources[path] = app.router.add_resource(path)
            methods[path] = set()
        handle = Passage(endpoint, door).handle
        upload = endpoint.upload
        expect_here = expect if upload is None else _expect_handler(upload.bytes_max)
        resources[path].add_route(endpoint.method, handle, expect_handler=expect_here)
        methods[path].add(endpoint.method)
        if endpoint.method == hdrs.METH_GET and not endpoint.streams:
            resources[path].add_route(hdrs.METH_HEAD, handle, expect_handler=expect)
            methods[path].add(hdrs.METH_HEAD)
    for path, resource in resources.items():
        resource.add_route(
            hdrs.METH_ANY, _method_refusal(frozenset(methods[path])), expect_handler=expect
        )
    app.router.add_route(hdrs.METH_ANY, "/{path:.*}", _nothing_here, expect_handler=expect)
    if door.stamp is not _stamp_nothing:
        app.on_response_prepare.append(_stamper(door.stamp))


def _method_refusal(
    allowed: frozenset[str],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A handler for the methods that a path of the table does not know."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        return Problem.method_not_allowed(request.method, allowed).response()

    return refuse


async def _nothing_here(request: web.Request) -> web.StreamResponse:
    """The handler for paths that are not in the table."""
    return Problem(Slug.NOT_FOUND, f"There is nothing at {request.path}.").response()


def _stamper(
    stamp: Callable[[CIMultiDict[str]], None],
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The signal receiver that stamps each response, streams and 404s included."""

    async def stamp_headers(_request: web.Request, response: web.StreamResponse) -> None:
        stamp(response.headers)

    return stamp_headers


def _expect_handler(
    bytes_max: int,
) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
    """Answers `Expect: 100-continue` before a body is sent that would be refused for its length."""

    async def expect(request: web.Request) -> web.StreamResponse | None:
        if request.version < HttpVersion11:
            return None
        if request.headers[hdrs.EXPECT].lower() != "100-continue":
            return Problem.malformed("Only 100-continue can be expected.").response()
        if (request.content_length or 0) > bytes_max:
            return Problem.too_large(bytes_max).response()
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
        return None

    return expect
