"""HTTP without HTTP: a request goes through the program's real door to the row of its table.

Only the transport is missing. Who calls, which role may, the key, the strict decoding of the body,
the twin and what a failure is told as are all the door's own (`web.door`).
"""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import CIMultiDict, MultiDict

from gateway.client.witness import HEADER as WITNESS
from web.door import IDEMPOTENCY_KEY, Door, Passage
from web.endpoint import Endpoint

_decode: Final = msgspec.json.decode


class Reply(NamedTuple):
    """What came back: `body` is decoded JSON, or None, `path` that of the row that answered.

    `witness` is what a gateway's answer says of its journal.
    """

    status: int
    body: Any
    path: str = ""
    witness: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        """The answer in a few words, for the trace."""
        if not isinstance(self.body, dict):
            return str(self.status)
        slug = str(self.body.get("type", "")).rpartition("/")[2]
        words = (slug, self.body.get("id", ""), self.body.get("status", ""))
        told = " ".join(str(word) for word in words if word and word != self.status)
        return f"{self.status} {told}"


class _Content:
    """A body that has arrived with its headers."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def is_eof(self) -> bool:
        return True

    def exception(self) -> None:
        return None

    def read_nowait(self) -> bytes:
        return self._data


class VirtualDoor:
    """The rows of one program, found by method and path."""

    def __init__(self, endpoints: Sequence[Endpoint], door: Door) -> None:
        self._rows = [(row, row.path.strip("/").split("/")) for row in endpoints]
        self._door = door
        self._passages: dict[int, Passage] = {}

    def knows(self, method: str, path: str) -> bool:
        """Whether the program has such an endpoint."""
        return self._find(method, path) is not None

    def _find(self, method: str, path: str) -> tuple[Passage, dict[str, str], str] | None:
        parts = path.strip("/").split("/")
        for number, (row, template) in enumerate(self._rows):
            if row.method != method or len(template) != len(parts):
                continue
            params: dict[str, str] = {}
            for name, part in zip(template, parts, strict=True):
                if name[0] == "{":
                    params[name[1:-1]] = part
                elif name != part:
                    break
            else:
                if number not in self._passages:  # a row is prepared when it is first asked for
                    self._passages[number] = Passage(row, self._door)
                return self._passages[number], params, row.path
        return None

    async def serve(
        self,
        method: str,
        target: str,
        *,
        token: str,
        key: str = "",
        body: bytes = b"",
        witness: str = "",
    ) -> Reply:
        """One request to one answer."""
        path, _, query = target.partition("?")
        found = self._find(method, path)
        if found is None:
            return Reply(404, {"type": "/problems/not-found", "detail": "no such endpoint"})
        passage, params, template = found
        headers = {"Authorization": f"Bearer {token}"}
        if key:
            headers[IDEMPOTENCY_KEY] = key
        if witness:
            headers[WITNESS] = witness
        request = SimpleNamespace(
            headers=MultiDict(headers),
            path=path,
            rel_url=SimpleNamespace(raw_query_string=query),
            query=MultiDict(parse_qsl(query)),
            match_info=params,
            content=_Content(body),
            content_length=len(body),
            transport=None,
            writer=SimpleNamespace(output_size=0),
        )
        response = await passage.handle(cast("web.Request", request))
        assert isinstance(response, web.Response), "no stream is asked for here"
        data = response.body
        told = _decode(data) if isinstance(data, bytes) and data else None
        stamped: CIMultiDict[str] = CIMultiDict()
        self._door.stamp(stamped)
        return Reply(response.status, told, template, stamped.get(WITNESS, ""))
