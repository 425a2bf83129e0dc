"""How a register that sells alone stands: its figures, and the one sentence that matters."""

from collections.abc import Mapping
from typing import Final

import msgspec

from gateway.client import kept
from gateway.client.register_file import name_of
from gateway.client.register_till import goods_held
from gateway.link.intake import CatchUp
from gateway.selling.sales import SALE
from gateway.shop import Shop
from gateway.status.report import LinkState, StopReason
from replication.adapters.sqlite import ReplicaStore
from replication.clock import rfc3339

STOPPED: Final[Mapping[StopReason, str]] = {
    **{one: f"This register does not sell: {one.value}." for one in StopReason},
    StopReason.STORAGE_FAILED: "This register does not sell: its storage is failing.",
    StopReason.BEHIND_WITNESS: (
        "This register does not sell: its gateway has newer sales of it than its own disk, an old "
        "copy. Set it up again with a new data directory, and keep the old one."
    ),
    StopReason.FENCED: (
        "This register does not sell: another box has taken its name, or it was written off. Set "
        "it up again with a new data directory."
    ),
}
"""What is told instead of selling."""


class RegisterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A register that sells alone, at one instant; times are RFC 3339.

    `link` is null where only the file was read: nobody can say then whether there is one.
    `sales_waiting` are those that the gateway is not known to have, `sales_not_at_hub` those that
    are kept here because the hub is not known to have them. `goods` counts SKUs of which `units`
    can be sold without asking anyone; `items_ahead` is what the gateway still has to tell.
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


class LinkFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the link knows; wall times in milliseconds. `state` is None where nobody looked."""

    state: LinkState | None
    since_ms: int | None
    heard_ms: int | None
    address: str | None
    acknowledged_seq: int
    at_hub_seq: int
    catch_up: CatchUp


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
    )
    return msgspec.structs.replace(status, headline=headline(status))


def headline(status: RegisterStatus) -> str:
    """Whether it sells, and on whose stock; then what is only here."""
    if status.stopped is not None:
        said = status.stopped
    elif not status.products:
        said = "Nothing can be sold yet: the gateway has not told any products."
    elif status.link is LinkState.CONNECTED:
        said = "Selling. The gateway is connected."
    elif status.link is None:
        said = "Ready to sell."
    else:
        said = "Selling alone: the gateway is not heard."
    if status.sales_waiting and status.stopped == STOPPED[StopReason.BEHIND_WITNESS]:
        said += f" {_sales(status.sales_waiting)} nowhere else: have them booked again by hand."
    elif status.sales_waiting and status.link is not LinkState.CONNECTED:
        said += f" {_sales(status.sales_waiting)} only here, until the gateway is heard."
    elif status.sales_not_at_hub:
        said += f" {_sales(status.sales_not_at_hub)} at the gateway and here, not yet at the hub."
    return said


def _sales(count: int) -> str:
    return "1 sale is" if count == 1 else f"{count} sales are"


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def _sales_after(shop: Shop, seq: int) -> int:
    row = shop.connection.execute(
        "SELECT count(*) FROM entry WHERE writer = ? AND kind = ? AND seq > ?",
        (shop.ledger.writer, SALE, seq),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(str(row[0]))
