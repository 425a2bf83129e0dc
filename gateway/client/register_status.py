"""How a register that sells alone stands: its figures, and the one sentence that matters."""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.client import kept
from gateway.client.register_file import name_of
from gateway.client.register_till import goods_held
from gateway.client.register_uplink import RegisterUplink
from gateway.link.intake import CatchUp
from gateway.lives.next_life import came_of
from gateway.selling.sales import SALE
from gateway.shop import Shop
from gateway.status.report import LinkState, StopReason
from replication.adapters.sqlite import ReplicaStore
from replication.clock import rfc3339
from web.journal_pages import SALE_KINDS
from web.lives import RECOVERED_SALE

STOPPED: Final[Mapping[StopReason, str]] = {
    **{one: f"This register does not sell: {one.value}." for one in StopReason},
    StopReason.STORAGE_FAILED: "This register does not sell: its storage is failing.",
    StopReason.BEHIND_WITNESS: (
        "This register does not sell: its disk is an old copy, for its gateway has other sales of "
        "it. It goes on by itself under a new name, and hands over what it sold, while its gateway "
        "is heard."
    ),
    StopReason.FENCED: (
        "This register does not sell: another box has taken its name, or it was written off. Set "
        "it up again with a new data directory."
    ),
}
"""What is told instead of selling."""

COPIED: Final = (
    "This register does not sell: it runs from a copy of a disk, and another box sells as "
    "{earlier}. Switch off the one that is not to stay. If this one is to stay, set it up again "
    "with a new data directory, once all that it sold is at the hub."
)
"""What is told instead where two boxes ran from one disk, and this one is not the register."""

UNKNOWN: Final = (
    "Selling alone: the gateway does not know this register's token. Make one there (store-gateway "
    "token --data DIR --role cashier --register {register}) and start this register with --token."
)


REFUSED: Final = (
    "Selling alone: the gateway is heard, and does not take what this register sells: {error}. Its "
    "sales are kept here: leave it on, and leave its data directory as it is. If it belongs to "
    "another shop, take it there; else read the gateway's page, and call head office."
)


class Reach(enum.Enum):
    """How the gateway is to be had: a link's state, or that it is heard and refuses."""

    CONNECTED = "connected"
    DOWN = "down"
    NEVER = "never"
    REFUSED = "refused"


def reach_of(link: LinkState, *, is_refused: bool) -> Reach:
    """One that refuses welcomes a register each time, and ends the link with its next entries."""
    return Reach.REFUSED if is_refused else Reach(link.value)


class OldCopy(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a register whose disk was an old copy of `earlier`, found out at `at`.

    What it had sold on that are the first entries of its journal now: so many sales and units of
    goods, beyond any right.
    """

    earlier: str
    at: str
    sales: int
    units: int


class RegisterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A register that sells alone, at one instant; times are RFC 3339.

    `link` is null where only the file was read: nobody can say then whether there is one.
    `sales_waiting` are those that the gateway is not known to have, `sales_not_at_hub` those that
    are kept here because the hub is not known to have them. `goods` counts SKUs of which `units`
    can be sold without asking anyone; `items_ahead` is what the gateway still has to tell.
    `problem` is why a register that has stopped does not get on, `last_error` why the last attempt
    at a link came to nothing; `refused` says that the gateway was heard, and refused it.
    """

    headline: str
    register: str
    writer: str
    location: str
    name: str
    gateway: str | None
    link: LinkState | None
    since: str | None
    last_heard: str | None
    last_seq: int
    at_gateway_seq: int
    at_hub_seq: int
    sales_waiting: int
    sales_not_at_hub: int
    products: int
    goods: int
    units: int
    items_ahead: int
    stopped: str | None
    problem: str | None
    last_error: str | None
    refused: bool
    old_copy: OldCopy | None


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the link knows; wall times in milliseconds. `state` is None where nobody looked.

    `is_known`: the gateway did not say that it does not know the register's token. `is_refused`:
    it is heard, and does not take what the register sells, because of `last_error`.
    """

    state: LinkState | None
    since_ms: int | None
    heard_ms: int | None
    address: str | None
    acknowledged_seq: int
    at_hub_seq: int
    catch_up: CatchUp
    is_known: bool = True
    is_refused: bool = False
    last_error: str | None = None
    problem: str | None = None


def facts_in(store: ReplicaStore, catch_up: CatchUp, address: str | None) -> LinkFacts:
    """What the file alone says of the link."""
    return LinkFacts(
        state=None,
        since_ms=None,
        heard_ms=None,
        address=address,
        acknowledged_seq=int(store.meta("acknowledged_seq") or "0"),
        at_hub_seq=kept.at_hub(store),
        catch_up=catch_up,
    )


def facts_of(uplink: RegisterUplink, address: str | None, problem: str | None) -> LinkFacts:
    """What the link knows at this instant, with what others know beside it."""
    return LinkFacts(
        state=uplink.state,
        since_ms=uplink.since_ms,
        heard_ms=uplink.heard_wall_ms,
        address=address,
        acknowledged_seq=uplink.acknowledged.seq,
        at_hub_seq=uplink.at_hub,
        catch_up=uplink.catch_up,
        is_known=not uplink.is_unknown,
        is_refused=uplink.refusal is not None,
        last_error=uplink.refusal or uplink.last_error,
        problem=problem,
    )


def status_of(shop: Shop, link: LinkFacts) -> RegisterStatus:
    """The figures of this instant; on the writer thread, or over a file that nobody writes."""
    identity, last = shop.identity, shop.ledger.head.seq
    held = list(goods_held(shop))
    waiting = _sales_after(shop, link.acknowledged_seq)
    status = RegisterStatus(
        headline="",
        register=name_of(identity),
        writer=identity.writer,
        location=identity.location,
        name=identity.name,
        gateway=link.address,
        link=link.state,
        since=_time(link.since_ms),
        last_heard=_time(link.heard_ms),
        last_seq=last,
        at_gateway_seq=link.acknowledged_seq,
        at_hub_seq=link.at_hub_seq,
        sales_waiting=waiting,
        sales_not_at_hub=_sales_after(shop, link.at_hub_seq),
        products=len(shop.catalogue),
        goods=len(held),
        units=sum(units for _, units in held),
        items_ahead=link.catch_up.ahead,
        stopped=shop.why_stopped(),
        problem=link.problem,
        last_error=link.last_error,
        refused=link.is_refused,
        old_copy=(old := _old_copy(shop)),
    )
    if old is not None and shop.stopped is StopReason.FENCED and not _sales(shop, SALE):
        status = msgspec.structs.replace(status, stopped=COPIED.format(earlier=old.earlier))
    return msgspec.structs.replace(status, headline=headline(status, is_known=link.is_known))


def _old_copy(shop: Shop) -> OldCopy | None:
    came = came_of(shop.store)
    if came is None:
        return None
    return OldCopy(
        earlier=came.earlier,
        at=rfc3339(came.at_ms),
        sales=_sales(shop, RECOVERED_SALE),
        units=came.exposed_units,
    )


def headline(status: RegisterStatus, *, is_known: bool = True) -> str:
    """Whether it sells, and on whose stock; then what is only here, and what its disk was."""
    said = _selling(status, is_known=is_known)
    if status.problem is not None and status.stopped is not None:
        said += f" At this moment it does not get on: {status.problem.removesuffix('.')}."
    if status.sales_waiting and status.stopped is not None:
        said += f" {_are(status.sales_waiting)} only here: leave it on."
    elif status.sales_waiting and (status.refused or status.link is not LinkState.CONNECTED):
        until = "then" if not is_known else "it does" if status.refused else "the gateway is heard"
        said += f" {_are(status.sales_waiting)} only here, until {until}."
    elif status.sales_not_at_hub:
        said += f" {_are(status.sales_not_at_hub)} at the gateway and here, not yet at the hub."
    if status.old_copy is not None and status.stopped is None:
        said += (
            f" Its disk was an old copy of {status.old_copy.earlier}: it is {status.writer} now, "
            f"with all that it sold ({status.old_copy.sales})."
        )
    return said


def _selling(status: RegisterStatus, *, is_known: bool) -> str:
    """Whether it sells, and on whose stock."""
    if status.stopped is not None:
        said = status.stopped
    elif not status.products and status.refused:
        said = f"Nothing can be sold yet: the gateway refuses this register: {_error(status)}."
    elif not status.products:
        said = "Nothing can be sold yet: the gateway has not told any products."
    elif not is_known:
        said = UNKNOWN.format(register=status.register)
    elif status.refused:
        said = REFUSED.format(error=_error(status))
    elif status.link is LinkState.CONNECTED:
        said = "Selling. The gateway is connected."
    elif status.link is None:
        said = "Ready to sell."
    else:
        said = "Selling alone: the gateway is not heard."
    return said


def _error(status: RegisterStatus) -> str:
    return (status.last_error or "it does not say why").removesuffix(".")


def _are(count: int) -> str:
    return "1 sale is" if count == 1 else f"{count} sales are"


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def _sales_after(shop: Shop, seq: int) -> int:
    return sum(_sales(shop, kind, seq) for kind in SALE_KINDS)


def _sales(shop: Shop, kind: str, after: int = 0) -> int:
    row = shop.connection.execute(
        "SELECT count(*) FROM entry WHERE writer = ? AND kind = ? AND seq > ?",
        (shop.ledger.writer, kind, after),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(str(row[0]))
