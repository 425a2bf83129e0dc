"""The HTTP of hub and gateway as this demo uses it: JSON, one token, POSTs repeated until answered.

A POST whose outcome is unknown (no answer, or one of the passing refusals) is sent again with the
same Idempotency-Key, at the same place, until a definite answer comes or `GIVE_UP_S` is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import aiohttp

Json = Any
"""What `json.loads` gives; looked into where it arrives."""

TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
"""Longer than any answer takes; a lost one is asked for again."""

GIVE_UP_S: Final = 60.0
"""A program that has not answered by then is broken, and the demo ends with that."""

PAUSE_S: Final = 0.2
"""Between two attempts: a restart takes 1-2 s."""

TWIN_TRIES: Final = 25
"""How often a ``conflict`` after a lost answer may be our own earlier attempt, still running."""

PAGE_LIMIT: Final = 500
"""The most that a list gives at once."""

PASSING: Final = frozenset(
    {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE}
)
"""Refusals that say "later", not "no"."""


def in_path(text: str) -> str:
    """A name as a part of a path: SKUs of a shop may have `#` and spaces in them."""
    return quote(text, safe="")


class NoAnswer(Exception):
    """A program did not give a definite answer within `GIVE_UP_S`."""


class Unexpected(Exception):
    """A definite answer that the demo has no use for: a bug here or there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A definite answer: a success, or a refusal as problem details."""

    status: int
    body: Json

    @property
    def succeeded(self) -> bool:
        """Whether the request was carried out."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def slug(self) -> str:
        """What kind of refusal, such as ``quota-short``; empty for a success."""
        return "" if self.succeeded else str(self.body.get("type", "")).rsplit("/", 1)[-1]

    def success(self, what: str) -> Json:
        """The body of a success.

        Raises:
            Unexpected: it was a refusal; `what` says of which request.
        """
        if not self.succeeded:
            raise Unexpected(f"{what}: {self.status} {self.body}")
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One program, spoken to with one token."""

    session: aiohttp.ClientSession
    url: str
    token: str

    async def get(self, path: str, **query: str | int) -> Json:
        """The body of a GET; asked again until it succeeds."""
        return (await self._ask("GET", path, query=query)).success(path)

    async def put(self, path: str, body: Json) -> Answer:
        """Put `body`; safe to repeat, therefore repeated until answered."""
        return await self._ask("PUT", path, body=body)

    async def look_up(self, path: str, body: Json) -> Json:
        """The body of a POST that changes nothing; asked again until it succeeds."""
        return (await self._ask("POST", path, body=body)).success(path)

    async def post(self, path: str, body: Json, *, key: str) -> Answer:
        """Post `body` under an idempotency key, until there is a definite answer."""
        return await self._ask("POST", path, body=body, headers={"Idempotency-Key": key})

    async def every(self, path: str, **query: str | int) -> AsyncIterator[Json]:
        """All items of a list, page by page."""
        cursor: dict[str, str | int] = {}
        while True:
            page = await self.get(path, limit=PAGE_LIMIT, **query, **cursor)
            for item in page["items"]:
                yield item
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Json = None,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Ask until there is a definite answer.

        Raises:
            NoAnswer: there was none within `GIVE_UP_S`.
        """
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        lost: object = None
        twins = 0
        try:
            async with asyncio.timeout(GIVE_UP_S):
                while True:
                    try:
                        answer = await self._ask_once(method, path, body, query, headers)
                    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
                        lost = error or type(error).__name__
                    else:
                        twin = lost is not None and answer.slug == "conflict" and twins < TWIN_TRIES
                        if answer.status not in PASSING and not twin:
                            return answer
                        twins += twin
                        lost = answer
                    await asyncio.sleep(PAUSE_S)
        except TimeoutError as timeout:
            raise NoAnswer(f"{method} {self.url}{path}: {lost!r}") from timeout

    async def _ask_once(
        self,
        method: str,
        path: str,
        body: Json,
        query: Mapping[str, str | int] | None,
        headers: Mapping[str, str],
    ) -> Answer:
        async with self.session.request(
            method,
            self.url + path,
            json=body,
            params=query,
            headers=headers,
            timeout=TIMEOUT,
        ) as response:
            body = await response.json(content_type=None)
            return Answer(status=response.status, body=body)
