"""The rows of returns in the gateway's file: numbered credit notes, by their sale."""

import msgspec

from gateway.shop import Shop
from replication.ids import incarnation_of
from retail.returns import GoodsReturn


def next_number(shop: Shop) -> int:
    """The number that the next return takes."""
    row = shop.connection.execute("SELECT max(number) FROM goods_return").fetchone()
    return 1 + int(str((row and row[0]) or 0))


def return_number(shop: Shop, number: int) -> str:
    """A return's number as it is printed: location, box, and R for its own series."""
    return f"{shop.location.upper()}-{incarnation_of(shop.ledger.writer)}-R{number:06d}"


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


def returns_of(shop: Shop, sale: str) -> list[GoodsReturn]:
    """The returns of a sale to this shop so far, oldest first."""
    rows = shop.connection.execute(
        "SELECT data FROM goods_return WHERE sale = ? ORDER BY number", (sale,)
    )
    return [msgspec.json.decode(str(data), type=GoodsReturn) for (data,) in rows]
