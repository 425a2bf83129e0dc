"""A new box asks the hub for what its location has, page by page, until it has all of it.

The hub's state comes over HTTP, beside the link: nothing is journalled before, and the link to the
hub, those of registers, and sales begin when it is done. A line that breaks, or a hub that says
something that makes no sense, is asked again; a box that is switched off goes on where it was
(`gateway.lives.restoring`).

Afterwards the hub is asked now and then whether the boxes before are settled, for as long as they
are not: people want to know what may be missing.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec

from gateway.link.hub_line import answer_of
from gateway.lives import restoring
from gateway.lives.earlier import are_settled, earlier_of
from gateway.lives.restoring import Progress, Step
from gateway.registers.links import RegisterLinks
from gateway.shop import Shop
from gateway.status.report import EarlierBox, Moment, NewBoxReport, moment
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from replication.errors import PeerViolation, StorageFailed
from web.lives import CounterState, EarlierLife, EarlierLives, HeldEntry
from web.paging import LIMIT_MAX, Paged

log: Final = logging.getLogger(__name__)

PAGE_S_MAX: Final = 60.0
"""A page of 3 MB over a line of 0.5 Mbit/s."""

PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""More than any page of the hub: 500 counters with all their cells, 2 MB of entries in base 64."""

PAUSE_S_MIN: Final = 0.2
PAUSE_S_MAX: Final = 10.0
"""Pauses after what went wrong double up to this."""

LOOK_S: Final = 30.0
"""Between two looks at whether the boxes before are settled."""

_STATE: Final = "/v1/replicate/state"

_lives: Final = msgspec.json.Decoder(EarlierLives)
_counters: Final = msgspec.json.Decoder(Paged[CounterState])
_entries: Final = msgspec.json.Decoder(Paged[HeldEntry])

T = TypeVar("T")


class HubUnready(Exception):
    """The hub was not heard, or does not do it: the sentence says why. Asked again later."""


class Takeover:
    """See the module's theory. Belongs to the event loop; `report` is for the status page."""

    def __init__(
        self,
        hub_url: str,
        shop: Shop,
        writer: GroupCommit,
        reader: ReplicaStore,
        *,
        changed: Callable[[], None],
        look_s: float = LOOK_S,
    ) -> None:
        """Ask the hub at `hub_url`, in the name of the shop's writer; `reader` is the loop's."""
        self._hub_url = hub_url
        self._shop = shop
        self._writer = writer
        self._reader = reader
        self._changed = changed
        self._look_s = look_s
        self._error: str | None = None
        self._progress = restoring.progress_of(reader)
        self._earlier = earlier_of(reader)

    async def begin(self) -> None:
        """Sell nothing before all of it is here; called before anybody can ask."""
        self._progress = await self._writer.submit(lambda: restoring.begin(self._shop))

    async def run(self, nonce: str) -> None:
        """Take everything over; returns when this box may sell. `nonce` is for its first entry."""
        progress, pause_s = self._progress, PAUSE_S_MIN
        assert progress is not None, "it has begun"
        async with self._client() as client:
            while progress.step is not Step.DONE:
                try:
                    self._progress = progress = await self._step(client, progress, nonce)
                    self._earlier = earlier_of(self._reader)
                    self._error, pause_s = None, PAUSE_S_MIN
                except Exception as trouble:  # noqa: BLE001 - told on the page; it is tried again
                    self._note(trouble)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, PAUSE_S_MAX)
                self._changed()
        log.info(
            "took over %d counters and %d entries",
            progress.counters,
            progress.entries,
            extra={"action": "taken_over", "writer": self._shop.ledger.writer},
        )

    async def watch(self) -> None:
        """Ask whether the boxes before are settled, until they are.

        The last entries of one may tell of a register that nobody had heard of.
        """
        shop = self._shop
        while self._earlier is not None and not are_settled(self._earlier):
            await asyncio.sleep(self._look_s)
            try:
                async with self._client() as client:
                    lives = await self._told(client, _STATE, _lives)
                await self._writer.submit(lambda: restoring.hear_lives(shop, lives))  # noqa: B023 - awaited here
            except (HubUnready, PeerViolation, StorageFailed) as trouble:
                log.info("earlier boxes not asked about: %s", trouble)
                continue
            self._earlier = lives
            self._changed()

    def report(self, links: RegisterLinks) -> NewBoxReport | None:
        """What the status page says of it; None where there is nothing to say any more."""
        progress, lives = self._progress, self._earlier
        if progress is None:
            return None
        is_done = progress.step is Step.DONE
        silent = tuple(
            one.row.writer
            for one in links.now()
            if one.row.is_living and not one.row.reported
        )  # fmt: skip
        if is_done and not silent and (lives is None or are_settled(lives)):
            return None
        return NewBoxReport(
            step=progress.step.value,
            began=moment(progress.began_ms),
            ended=None if progress.ended_ms is None else moment(progress.ended_ms),
            error=self._error,
            tokens=progress.tokens,
            counters=progress.counters,
            entries=progress.entries,
            requests=progress.requests,
            earlier=() if lives is None else tuple(map(_earlier_box, lives.earlier)),
            silent=silent,
        )

    def _client(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._shop.identity.token}"},
            timeout=aiohttp.ClientTimeout(total=PAGE_S_MAX),
        )

    def _note(self, trouble: Exception) -> None:
        is_known = isinstance(trouble, HubUnready | PeerViolation | StorageFailed)
        told = str(trouble) if is_known else f"this end failed: {trouble!r}"
        if self._error != told:
            log.warning(
                "this box cannot take over yet: %s", told,
                exc_info=None if is_known else trouble, extra={"action": "takeover_waits"},
            )  # fmt: skip
        self._error = told

    async def _step(self, client: aiohttp.ClientSession, known: Progress, nonce: str) -> Progress:
        """One page, or the end."""
        shop, submit = self._shop, self._writer.submit
        if known.step is Step.STATE:
            lives = await self._told(client, _STATE, _lives)
            return await submit(lambda: restoring.take_state(shop, lives))
        query = {"limit": str(LIMIT_MAX)} | ({"cursor": known.cursor} if known.cursor else {})
        if known.step is Step.STOCK:
            path = f"{_STATE}/counters?{urlencode(query)}"
            stock = await self._told(client, path, _counters)
            return await submit(
                lambda: restoring.take_counters(shop, stock.items, stock.next_cursor)
            )
        if known.journals and known.entries < restoring.ENTRIES_MAX:
            path = f"{_STATE}/entries?{urlencode(query | {'writer': known.journals[0]})}"
            held = await self._told(client, path, _entries)
            return await submit(lambda: restoring.take_entries(shop, held.items, held.next_cursor))
        return await submit(lambda: restoring.finish(shop, nonce))

    async def _told(
        self, client: aiohttp.ClientSession, path: str, decoder: "msgspec.json.Decoder[T]"
    ) -> T:
        """What the hub says.

        Raises:
            HubUnready: it is not heard, refuses, or says something that cannot be read.
        """
        try:
            async with client.get(self._hub_url + path) as response:
                status, body = await answer_of(response, PAGE_BYTES_MAX)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise HubUnready(f"the hub is not heard: {error or 'no answer in time'}") from None
        if status != HTTPStatus.OK:
            raise HubUnready(f"the hub says {status}: {_detail_in(body)}")
        try:
            return decoder.decode(body)
        except msgspec.DecodeError as error:
            raise HubUnready(f"the hub's answer cannot be read: {error}") from None


def _earlier_box(life: EarlierLife) -> EarlierBox:
    heard = life.last_heard
    return EarlierBox(
        writer=life.writer,
        last_seq=life.last_seq,
        last_heard=None if heard is None else msgspec.convert(heard, type=Moment),
        is_open=life.state == "open",
    )


def _detail_in(body: bytes) -> str:
    try:
        told = msgspec.json.decode(body)
    except msgspec.DecodeError:
        told = None
    return str(told.get("detail", "")) if isinstance(told, dict) else "no problem document"
