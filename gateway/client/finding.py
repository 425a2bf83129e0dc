"""Finding the gateway: where a register looks, in which order, and whom it takes for its own.

    typed      the address that a person gave the register: a person knows best
    last       the one that worked last, kept on the register's disk: no search is needed
    announced  what mDNS says of the location, in all networks of each gateway: it has moved
    ticket     what the ticket said that the register was set up with: as old as the paper

One source is asked after the other, all its addresses at once, `PROBE_S_MAX` each; the search of
mDNS takes `gateway.counter.discovery.FIND_S` besides at most. An address is asked for ``/healthz``,
and only the answer counts: a listing outlives its gateway by 75 minutes, and anybody may announce
anything.

Whoever answers is taken when it is ready, at the register's location, of its chain, and not behind
the witness that the register has: neither a box that was replaced nor an old copy of its disk. Of
two that are taken, the one with the higher witness is the gateway. An old copy is shown what it
lacks, so that it sells no more. All this tells a mistake, not a liar: against a liar there is the
certificate's fingerprint.
"""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

import aiohttp

from gateway.client.answers import Reply, reply_from
from gateway.client.witness import HEADER, Witness
from gateway.counter.discovery_record import Found
from gateway.counter.pairing import CHAIN, Pairing, pairing_of

log = logging.getLogger(__name__)

PROBE_S_MAX: Final = 3.0
"""Same LAN: a second is long. A gateway on a busy card answers ``/healthz`` from memory."""

CHOICE_S: Final = 0.5
"""After the first gateway that is taken, the other addresses of its source have this long."""

BODY_BYTES_MAX: Final = 4 * 1024 * 1024
"""A sale of 1,000 lines is 300 KB, a page of 500 products 500 KB; more is not ours."""

HEALTHY: Final = 200

Find = Callable[[str], Awaitable[Sequence[Found]]]
"""Asks the network who announces a location; see `gateway.counter.discovery.find_location`."""


class GatewayGone(Exception):
    """No answer from the gateway. Whoever catches it asks again later, with the same key.

    Attributes:
        unheard: whether the request may have reached the gateway.
    """

    def __init__(self, problem: str, *, unheard: bool) -> None:
        super().__init__(problem)
        self.unheard = unheard


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a register sells: a location to be found, an address, or both to be sure.

    With an address alone, whoever answers there first is the location from then on; the same goes
    for the chain.
    """

    location: str | None = None
    address: str | None = None
    """Such as ``http://192.168.1.20:8080``, typed by a person; it is asked before all others."""
    fingerprint: str | None = None
    """SHA-256 of the gateway's certificate, 64 hexadecimal digits: nobody else is talked to."""
    chain: str | None = None
    """Whose gateway it has to be; without it the first one that is met says."""
    ticket: tuple[str, ...] = ()
    """Addresses that a ticket gave, asked after all others."""

    def __post_init__(self) -> None:
        assert self.location or self.address, "a register needs a location or an address"

    @classmethod
    def from_ticket(cls, text: str) -> Self | None:
        """The place that a ticket's QR code names; None for any other text."""
        pairing = pairing_of(text)
        if pairing is None:
            return None
        return cls(
            location=pairing.location,
            fingerprint=pairing.fingerprint,
            chain=pairing.chain,
            ticket=pairing.addresses,
        )


class Source(enum.Enum):
    """Where an address comes from, in the order in which they are asked."""

    TYPED = "typed"
    LAST = "last"
    ANNOUNCED = "announced"
    TICKET = "ticket"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A gateway that has shown whose it is."""

    url: str
    witness: Witness
    chain: str | None
    fingerprint: str | None
    ssl: aiohttp.Fingerprint | bool

    @property
    def location(self) -> str:
        """The location that it is the gateway of."""
        return self.witness.location


@dataclass(slots=True, kw_only=True)
class Known:
    """What the register knows of its gateway so far; grows with each contact.

    `is_doubted`: a gateway of this name did not believe what was seen of it. It may be another box
    than the one that was heard, so its feed is heard from the beginning. `doubted`: the highest of
    what was seen and not believed; what the hub has of this journal may be another box's.
    """

    location: str | None = None
    chain: str | None = None
    last: Pairing | None = None
    witness: Witness | None = None
    is_doubted: bool = False
    doubted: Witness | None = None

    @property
    def settled(self) -> Witness | None:
        """The witness to be kept; none while it is one whose feed is not heard anew yet."""
        return None if self.is_doubted else self.witness

    def take(self, shown: Witness) -> None:
        """Go on with what a gateway shows, which did not believe what was seen of it."""
        if self.witness is not None and self.witness.above(self.doubted):
            self.doubted = self.witness
        self.witness, self.is_doubted = shown, True

    def is_disputed(self, writer: str) -> bool:
        """Whether a gateway did not believe what was seen of this very journal."""
        return self.doubted is not None and self.doubted.writer == writer

    def to_keep(self, witness: Witness) -> Witness | None:
        """The witness for a file: none of a disputed journal.

        The next run shows what was doubted again. Believed by then, it makes that box another one,
        to which the sales are handed in that it does not have.
        """
        return None if self.is_disputed(witness.writer) else witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Finder:
    """Looks for the gateway of one place."""

    place: Place
    find: Find
    known: Known
    problems: list[str] = field(default_factory=list)
    """Why nobody was taken in the last look, in the order of the sources."""
    behind: list[Contact] = field(default_factory=list)
    """Gateways of the last look that lack what was seen of them: they have to be told."""

    async def meet(self, session: aiohttp.ClientSession) -> Contact:
        """Find the gateway.

        Raises:
            GatewayGone: nobody answers, or somebody else does. Nothing was asked.
        """
        self.problems.clear()
        self.behind.clear()
        for source in Source:
            addresses = await self._addresses(source)
            if (contact := await self._choose(session, addresses)) is not None:
                log.info(
                    "gateway of %s met at %s", contact.location, contact.url,
                    extra={"action": "gateway_met", "source": source.value},
                )  # fmt: skip
                return contact
        raise GatewayGone("; ".join(dict.fromkeys(self.problems)), unheard=False)

    async def _addresses(self, source: Source) -> list[tuple[str, str | None]]:
        """Base addresses of a source, each with the fingerprint that belongs to it."""
        place, last = self.place, self.known.last
        match source:
            case Source.TYPED if place.address is not None:
                return [(place.address.rstrip("/"), place.fingerprint)]
            case Source.LAST if last is not None:
                return [(url, last.fingerprint) for url in last.addresses]
            case Source.ANNOUNCED if self.known.location is not None:
                return await self._announced(self.known.location)
            case Source.TICKET:
                return [(url, place.fingerprint) for url in place.ticket]
            case _:
                return []

    async def _announced(self, location: str) -> list[tuple[str, str | None]]:
        found = await self.find(location)
        if not found:
            self.problems.append(f"no gateway of {location} is announced")
        return [(url, one.fingerprint) for one in found for url in one.urls]

    async def _choose(
        self, session: aiohttp.ClientSession, addresses: Sequence[tuple[str, str | None]]
    ) -> Contact | None:
        """Ask all addresses at once; the contact with the highest witness of those in time."""
        asked = dict.fromkeys(address for address in addresses if self._may_ask(*address))
        probes = [asyncio.ensure_future(self._probe(session, *address)) for address in asked]
        taken: list[Contact] = []
        try:
            async with asyncio.timeout(None) as patience:
                for probe in asyncio.as_completed(probes):
                    if (contact := await probe) is not None:
                        taken.append(contact)
                        if len(taken) == 1:
                            patience.reschedule(asyncio.get_running_loop().time() + CHOICE_S)
        except TimeoutError:
            assert taken, "only a contact sets the time"
        finally:
            for one in probes:
                one.cancel()
            await asyncio.gather(*probes, return_exceptions=True)
        if not taken:
            return None
        best = taken[0]
        for other in taken[1:]:
            if other.witness.above(best.witness):
                best = other
        _tell_several(taken, best)
        return best

    def _may_ask(self, url: str, fingerprint: str | None) -> bool:
        """Whether an address may be asked at all: a pinned certificate is the only one."""
        pinned = self.place.fingerprint
        if pinned is None or (fingerprint == pinned and url.startswith("https://")):
            return True
        self.problems.append(f"{url} has another certificate than the one that was given, or none")
        return False

    async def _probe(
        self, session: aiohttp.ClientSession, url: str, fingerprint: str | None
    ) -> Contact | None:
        """Ask one address whose gateway it is; notes the problem when it is not ours."""
        ssl = True if fingerprint is None else aiohttp.Fingerprint(bytes.fromhex(fingerprint))
        try:
            async with (
                asyncio.timeout(PROBE_S_MAX),
                session.get(url + "/healthz", allow_redirects=False, ssl=ssl) as response,
            ):
                reply = await read_whole(response)
                witness = Witness.parse(response.headers.get(HEADER, ""))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            self.problems.append(f"{url}: {say(error)}")
            return None
        if witness is None or reply.status != HEALTHY:
            self.problems.append(f"{url} is not a gateway that is ready ({reply.status})")
            return None
        contact = Contact(
            url=url, witness=witness, chain=_chain_in(reply), fingerprint=fingerprint, ssl=ssl
        )
        problem = objection(contact, self.known)
        if problem is not None:
            self.problems.append(problem)
            if is_behind(contact, self.known):
                self.behind.append(contact)
            return None
        return contact


def objection(contact: Contact, known: Known) -> str | None:
    """Why a gateway that is ready is not this register's, as a sentence; None when it is."""
    url, witness = contact.url, contact.witness
    if known.location not in {None, witness.location}:
        return f"{url} is the gateway of {witness.location}, not of {known.location}"
    if known.chain is not None and contact.chain != known.chain:
        return f"{url} is a gateway of another chain ({contact.chain}, not {known.chain})"
    if known.witness is None or known.witness.location != witness.location:
        return None
    if witness.incarnation < known.witness.incarnation:
        return f"{url} is {witness.writer}, which {known.witness.writer} has replaced"
    if is_behind(contact, known):
        return (
            f"{url} is an old copy of {witness.writer}: it ends at entry {witness.seq}, "
            f"and {known.witness.seq} was seen"
        )
    return None


def is_behind(contact: Contact, known: Known) -> bool:
    """Whether it is this register's own gateway, and lacks what was seen of it: an old image."""
    seen, shown = known.witness, contact.witness
    return (
        seen is not None
        and seen.writer == shown.writer
        and known.chain in {None, contact.chain}
        and seen.above(shown)
    )


async def read_whole(response: aiohttp.ClientResponse) -> Reply:
    """Read an answer whole, but not without end.

    Raises:
        aiohttp.ClientPayloadError: it is longer than `BODY_BYTES_MAX`, or was cut off.
    """
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            response.close()
            raise aiohttp.ClientPayloadError(f"an answer of more than {BODY_BYTES_MAX} bytes")
    retry_after = response.headers.get("Retry-After")
    return reply_from(response.status, response.content_type, bytes(body), retry_after)


def say(error: BaseException) -> str:
    """What went wrong with a connection, in words."""
    return str(error) or type(error).__name__


def _chain_in(reply: Reply) -> str | None:
    """The chain that an answer of ``/healthz`` names; None where it names none."""
    chain = None if reply.document is None else reply.document.get("chain")
    return chain if isinstance(chain, str) and CHAIN.fullmatch(chain) else None


def _tell_several(taken: Sequence[Contact], best: Contact) -> None:
    """Say that more than one box answers for the location: somebody has to switch one off."""
    writers = sorted({one.witness.writer for one in taken})
    if len(writers) > 1:
        log.warning(
            "several gateways answer for %s: %s; %s at %s is used",
            best.location, ", ".join(writers), best.witness.writer, best.url,
            extra={"action": "several_gateways", "location": best.location},
        )  # fmt: skip
