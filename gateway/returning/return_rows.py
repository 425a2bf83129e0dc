"""The rows of returns in the gateway's file: numbered credit notes, by their sale."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from gateway.shop import Shop
from replication.clock import rfc3339
from replication.ids import entry_id
from retail.returning.announced import announced_number, printed_announcement
from retail.returning.returns import GoodsReturn
from web.once import Command
from web.sale_numbers import printed_number

BEFORE_ALL: Final = -(2**62)
"""Below the numbers of all rows: those of an earlier box of this location are below zero."""

RETURN: Final = "return"
"""The kind of an entry of goods that came back."""


class NewReturn(NamedTuple):
    """A return that is the next entry, and its number in this gateway's series."""

    number: int
    record: GoodsReturn


def new_return(
    shop: Shop,
    command: Command,
    *,
    sale: str,
    sale_number: str,
    reason: str,
    currency: str,
    goods: Mapping[str, int],
    told: str = "",
) -> NewReturn:
    """Goods that come back by this command, and nothing paid for them so far; nothing is changed.

    Its printed number is location, box, and R for a series of its own. `told` is what somebody
    named the sale by: perhaps the number of an announced return.
    """
    announced = announced_number(told)
    ledger = shop.ledger
    number = last_number(shop) + 1
    record = GoodsReturn(
        id=entry_id(ledger.writer, ledger.next_seq),
        number=printed_number(ledger.writer, number, "R"),
        sale=sale,
        sale_number=sale_number,
        location=shop.location,
        register=command.actor.register,
        cashier=command.principal.name,
        business_date=shop.business_date().isoformat(),
        at=rfc3339(ledger.now_ms),
        reason=reason,
        currency=currency,
        lines=(),
        total_minor=0,
        tax_minor=0,
        refunds=(),
        goods=dict(goods),
        announced=None if announced is None else printed_announcement(announced),
    )
    return NewReturn(number, record)


def last_number(shop: Shop) -> int:
    """The number of this gateway's last return; 0 before the first."""
    row = shop.connection.execute("SELECT max(number) FROM goods_return").fetchone()
    return max(0, int(str((row and row[0]) or 0)))


def keep_return(shop: Shop, number: int, record: GoodsReturn) -> None:
    """Write a return's row as it is now."""
    shop.connection.execute(
        "INSERT INTO goods_return VALUES (?1, ?2, ?3, ?4, ?5) "
        "ON CONFLICT (number) DO UPDATE SET is_open = ?4, data = ?5",
        (
            number,
            record.id,
            record.sale,
            int(bool(record.in_quality_control())),
            msgspec.json.encode(record).decode(),
        ),
    )


def find_return(shop: Shop, return_id: str) -> tuple[int, GoodsReturn] | None:
    """A return of this shop with its number, or None."""
    row = shop.connection.execute(
        "SELECT number, data FROM goods_return WHERE id = ?", (return_id,)
    ).fetchone()
    if row is None:
        return None
    return int(str(row[0])), msgspec.json.decode(str(row[1]), type=GoodsReturn)


def returns_of(shop: Shop, sale: str, *, after: int = BEFORE_ALL) -> list[GoodsReturn]:
    """The returns of a sale to this shop so far, oldest first; those numbered above `after`."""
    rows = shop.connection.execute(
        "SELECT data FROM goods_return WHERE sale = ? AND number > ? ORDER BY number",
        (sale, after),
    )
    return [msgspec.json.decode(str(data), type=GoodsReturn) for (data,) in rows]
