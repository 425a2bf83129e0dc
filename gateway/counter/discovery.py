"""Finding the gateway of a shop on its network: mDNS, service ``_storegw._tcp``.

The gateway announces an instance named for its location, on host ``storegw-<location>.local.``.
The TXT ``id`` is the truth; the instance name is for people and gets a suffix when it is taken or
would not fit into a DNS label. `discovery_record` has the record and how it is read.

Three rules:

* The network is a convenience. Whatever mDNS does, the shop goes on selling: a network without
  multicast is one line in the log, tried again at every look at the addresses.
* What comes from the network is bounded and checked before it is believed, and even then it is a
  hint: anybody on the LAN may announce anything. A listing also outlives a killed gateway by 75
  minutes. Health is an HTTP answer, identity is what it says, see `gateway.client.finding`.
* IPv4 only: the addresses of a shop's LAN. A gateway that listens on loopback announces itself on
  loopback only, so that a test on one machine is not heard in the whole house.
"""

import asyncio
import contextlib
import ipaddress
import logging
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

import ifaddr
import zeroconf
from zeroconf import DNSQuestionType, IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from gateway.counter.discovery_record import (
    SUFFIX_MAX,
    Announcement,
    Found,
    announced_addresses,
    found_from,
    label,
    labels_of,
    txt_record,
)

__all__ = ["Announcement", "Announcer", "Found", "find_gateways", "find_location"]

log = logging.getLogger(__name__)

SERVICE: Final = "_storegw._tcp.local."

ADDRESS_POLL_S: Final = 10.0
"""zeroconf does not notice a new Wi-Fi address by itself; a look at the interfaces takes 0.1 ms."""

NAME_CHECK_MS: Final = 1_500
"""A responder may wait 1 s before it multicasts the same record again (RFC 6762, section 6)."""

GOODBYE_S_MAX: Final = 1.5
"""Three goodbye packets take 0.3 s, and SIGTERM has to end the program within 5 s."""

FOUND_MAX: Final = 256
"""Instances looked at in one search: a bound on what a hostile network can make us keep. Names
that a gateway of the location would have are looked at besides, so that nobody crowds them out."""

FIND_S: Final = 3.0
"""A cold search was measured at 25-110 ms; a gateway that asks for its name is silent for 3 s."""

MORE_S: Final = 0.3
"""After the first gateway of a location another one, if there is one, has this long to answer."""

RESOLVE_MS_MAX: Final = 1_000
"""An instance that does not say its address within this time is not there (measured: 1-3 ms)."""

NETWORK_ERRORS: Final = (OSError, RuntimeError, TimeoutError, zeroconf.Error)
"""What zeroconf raises when there is no interface, no multicast, no free name, or it was closed."""


def interface_addresses() -> list[str]:
    """All IPv4 addresses of this machine, sorted, loopback included."""
    adapters = ifaddr.get_adapters()
    return sorted({str(ip.ip) for adapter in adapters for ip in adapter.ips if ip.is_IPv4})


def base_addresses(listen_host: str, port: int) -> list[str]:
    """Under which addresses this machine's gateway is reached now, for people and for tickets."""
    hosts = announced_addresses(listen_host, interface_addresses())
    return [f"http://{host}:{port}" for host in hosts] or [f"http://[{listen_host}]:{port}"]


class Announcer:
    """Keeps a gateway announced while the context is open; a goodbye is sent when it closes.

    Entering returns at once: asking for the name takes 3 s and belongs to a task of its own.
    """

    def __init__(
        self,
        announcement: Announcement,
        *,
        addresses: Callable[[str, Sequence[str]], list[str]] = announced_addresses,
        address_poll_s: float = ADDRESS_POLL_S,
    ) -> None:
        self._announcement = announcement
        self._addresses = addresses
        self._address_poll_s = address_poll_s
        self._task: asyncio.Task[None] | None = None
        self._zeroconf: AsyncZeroconf | None = None
        self._info: AsyncServiceInfo | None = None
        self._said: frozenset[str] = frozenset()
        self._complained = False
        self.registered = asyncio.Event()
        """Set once the name is ours and the first announcement has left."""

    @property
    def instance(self) -> str | None:
        """The instance label in use, such as ``riverside`` or ``riverside-2``; None before."""
        return None if self._info is None else self._info.name.removesuffix(f".{SERVICE}")

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses that were announced last; empty before."""
        return self._said

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._watch(), name="mdns announcement")
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(GOODBYE_S_MAX):
                await self._goodbye()

    async def _watch(self) -> None:
        while True:
            try:
                await self._reconcile()
                self._complained = False
            except NETWORK_ERRORS as error:
                self._complain(error)
            await asyncio.sleep(self._address_poll_s)

    def _complain(self, error: BaseException) -> None:
        """Say once, not at every poll, that registers have to be given the address by hand."""
        if not self._complained:
            log.warning(
                "not announced over mDNS, registers need the address: %s",
                error or type(error).__name__,
                extra={"action": "mdns_unavailable", "location": self._announcement.location},
            )
        self._complained = True

    async def _reconcile(self) -> None:
        """Make what is announced agree with the addresses that the machine has now."""
        addresses = self._addresses(self._announcement.listen_host, interface_addresses())
        if not addresses:
            raise OSError("it listens on an IPv6 address, and mDNS is spoken over IPv4 here")
        if self._info is None:
            await self._register(addresses)
        elif self._said != frozenset(addresses):
            assert self._zeroconf is not None
            await self._zeroconf.async_update_interfaces(interfaces=list(addresses))
            self._info.addresses = [ipaddress.ip_address(text).packed for text in addresses]
            await (await self._zeroconf.async_update_service(self._info))
            self._said = frozenset(addresses)  # last: what failed on the way is tried again
            log.info(
                "announced under new addresses",
                extra={"action": "mdns_moved", "addresses": list(addresses)},
            )

    async def _register(self, addresses: Sequence[str]) -> None:
        """Open the sockets and take the first free name."""
        if self._zeroconf is None:
            self._zeroconf = AsyncZeroconf(interfaces=list(addresses), ip_version=IPVersion.V4Only)
        for attempt in range(1, SUFFIX_MAX + 1):
            info = self._service_info(addresses, attempt)
            if await self._taken(info.name):
                continue
            try:
                broadcast = await self._zeroconf.async_register_service(info)
            except zeroconf.NonUniqueNameException:
                continue
            self._info = info
            await broadcast
            self._said = frozenset(addresses)
            self._tell_name(attempt)
            self.registered.set()
            return
        raise zeroconf.NonUniqueNameException(f"{SUFFIX_MAX} names of this location are taken")

    def _tell_name(self, attempt: int) -> None:
        """Say under which name registers hear of us, louder when it is not the usual one."""
        log.log(
            logging.INFO if attempt == 1 else logging.WARNING,
            "announced as %s" if attempt == 1 else "announced as %s: the plain name is taken here",
            self.instance,
            extra={"action": "mdns_announced", "location": self._announcement.location},
        )

    async def _taken(self, name: str) -> bool:
        """Whether a responder answers for `name` already.

        zeroconf probes by itself, but asks for unicast answers, and of several responders on one
        machine the kernel gives those to any. So the question is asked once more by multicast.
        """
        assert self._zeroconf is not None
        other = AsyncServiceInfo(SERVICE, name)
        return await other.async_request(
            self._zeroconf.zeroconf, NAME_CHECK_MS, question_type=DNSQuestionType.QM
        )

    def _service_info(self, addresses: Sequence[str], attempt: int) -> AsyncServiceInfo:
        location = self._announcement.location
        return AsyncServiceInfo(
            SERVICE,
            f"{label('', location, attempt)}.{SERVICE}",
            port=self._announcement.port,
            properties=txt_record(self._announcement),
            # zeroconf probes instance names, not host names: the same suffix keeps both apart.
            server=f"{label('storegw-', location, attempt)}.local.",
            parsed_addresses=list(addresses),
        )

    async def _goodbye(self) -> None:
        held, self._zeroconf = self._zeroconf, None
        if held is None:
            return
        try:
            await held.async_unregister_all_services()
        finally:
            await held.async_close()


async def find_gateways(timeout_s: float, location: str | None = None) -> list[Found]:
    """Listen for gateways for `timeout_s` seconds; with a `location`, `MORE_S` after the first one.

    Returns what was heard, by location; nothing on a network without multicast. Every entry is a
    hint that the caller checks over HTTP.
    """
    try:
        held = AsyncZeroconf(interfaces=interface_addresses(), ip_version=IPVersion.V4Only)
    except NETWORK_ERRORS as error:
        log.warning("no mDNS on this machine: %s", error, extra={"action": "mdns_unavailable"})
        return []
    search = _Search(held, location)
    try:
        browser = AsyncServiceBrowser(held.zeroconf, [SERVICE], handlers=[search.on_change])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await search.satisfied.wait()
                await asyncio.sleep(MORE_S)
        await browser.async_cancel()
    finally:
        await search.close()
        await held.async_close()
    return sorted(
        search.found.values(), key=lambda found: (found.location, found.hosts, found.port)
    )


async def find_location(location: str) -> list[Found]:
    """The gateways that announce `location`: one, or none after `FIND_S`, or several by mistake."""
    return await find_gateways(FIND_S, location)


class _Search:
    """One search: instances are resolved as they are heard, as many as is good for us."""

    def __init__(self, held: AsyncZeroconf, location: str | None) -> None:
        self._held = held
        self._location = location
        self._resolving: set[asyncio.Task[None]] = set()
        self._seen: set[str] = set()
        self._ours = frozenset(
            f"{one}.{SERVICE}" for one in (labels_of(location) if location else ())
        )
        self._flooded = False
        self.found: dict[str, Found] = {}
        self.satisfied = asyncio.Event()

    def on_change(
        self,
        zeroconf: Zeroconf,  # noqa: ARG002  zeroconf calls its handlers by keyword
        service_type: str,  # noqa: ARG002
        name: str,
        state_change: ServiceStateChange,
    ) -> None:
        """Called by zeroconf, on the loop, for every instance that it hears of."""
        if state_change is ServiceStateChange.Removed:
            self.found.pop(name, None)  # one that comes back is for the next search
        elif name in self._seen:
            return
        elif len(self._seen) >= FOUND_MAX and name not in self._ours:
            self._complain()
        else:
            self._seen.add(name)
            task = asyncio.create_task(self._resolve(name), name="mdns resolve")
            self._resolving.add(task)
            task.add_done_callback(self._resolving.discard)

    def _complain(self) -> None:
        """Say once in a search, not for each instance, that there are too many."""
        if not self._flooded:
            log.warning(
                "more than %d gateways announce themselves here: the others are not looked at",
                FOUND_MAX,
                extra={"action": "mdns_flooded"},
            )
        self._flooded = True

    async def _resolve(self, name: str) -> None:
        try:
            info = AsyncServiceInfo(SERVICE, name)
            if not await info.async_request(self._held.zeroconf, RESOLVE_MS_MAX):
                return
            addresses = info.parsed_addresses(IPVersion.V4Only)
            found = found_from(info.properties, addresses, info.port)
        except (*NETWORK_ERRORS, ValueError):
            return
        if found is not None and self._location in {None, found.location}:
            self.found[name] = found
            if self._location is not None:
                self.satisfied.set()

    async def close(self) -> None:
        """Give up what is still being resolved."""
        for task in self._resolving:
            task.cancel()
        await asyncio.gather(*self._resolving, return_exceptions=True)
