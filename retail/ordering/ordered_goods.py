"""What of an online order may come back: the units of its lines that really went out.

An order is priced by line and fulfilled by SKU, a bundle as what it is of. A line's units went out
as far as the goods that left cover them, the first line first. Goods of a refused delivery came
back already, and nobody brings those again.
"""

from collections.abc import Mapping, Sequence

from retail.ordering.order_money import tenders_less
from retail.ordering.order_status import EventType
from retail.ordering.orders import Order, OrderEvent, OrderLine, refused_units, returned_units
from retail.products.catalogue import Product, demand
from retail.returning.returns import GoodsReturn, SoldGoods
from retail.selling.sales import Tender


def delivered_units(order: Order, products: Mapping[str, Product]) -> tuple[int, ...]:
    """Units of each line that went out; `products` are those of the lines, and their parts.

    What has no stock (a delivery fee) went out with the first goods.
    """
    gone = _gone(order)
    went_out = any(units > 0 for units in gone.values())
    delivered: list[int] = []
    for line in order.lines:
        parts = _parts(line.sku, products)
        units = line.quantity if went_out else 0
        for sku, each in parts.items():
            units = min(units, max(0, gone.get(sku, 0)) // each)
        for sku, each in parts.items():
            gone[sku] = gone.get(sku, 0) - each * units
        delivered.append(units)
    return tuple(delivered)


def is_all_back(order: Order, products: Mapping[str, Product]) -> bool:
    """Whether all goods that went out of an order are back, and no others are kept for it.

    What never went out, or has no stock (a delivery fee), does not keep it from being returned.
    """
    states = {one.state for one in order.allocations}
    if "fulfilled" not in states or states & {"held", "committed"}:
        return False
    gone = _gone(order)
    for sku, units in returned_units(order).items():
        for part, each in _parts(sku, products).items():
            gone[part] = gone.get(part, 0) - each * units
    return not any(units > 0 for units in gone.values())


def _gone(order: Order) -> dict[str, int]:
    """Units per SKU that went out, less those that were refused at the door."""
    gone: dict[str, int] = {}
    for one in order.allocations:
        if one.state == "fulfilled":
            gone[one.sku] = gone.get(one.sku, 0) + one.quantity
    for sku, units in refused_units(order).items():
        gone[sku] = gone.get(sku, 0) - units
    return gone


def _parts(sku: str, products: Mapping[str, Product]) -> dict[str, int]:
    """What one of a line takes from stock."""
    product = products.get(sku)
    return {sku: 1} if product is None else demand([(product, 1)], products)


def returned_event(record: GoodsReturn) -> OrderEvent:
    """What a return is to its order: the same event, whoever writes it, under the return's id."""
    units: dict[str, int] = {}
    for line in record.lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return OrderEvent(
        id=record.id,
        type=EventType.RETURNED,
        at=record.at,
        actor=record.cashier,
        lines=tuple(OrderLine(sku=sku, quantity=many) for sku, many in units.items()),
    )


def refused_lines(order: Order) -> tuple[int, ...]:
    """Units of each line that were refused at the door, the last line first; of bundles none."""
    left = dict(refused_units(order))
    units = [0] * len(order.lines)
    for number in reversed(range(len(order.lines))):
        line = order.lines[number]
        units[number] = min(left.get(line.sku, 0), line.quantity)
        left[line.sku] = left.get(line.sku, 0) - units[number]
    return tuple(units)


def ordered_goods(order: Order, paid: Sequence[Tender], paid_back_minor: int) -> SoldGoods:
    """An order, as far as a return asks.

    Of what was `paid`, `paid_back_minor` went back for units that never came. That is counted from
    the end of a line, and what comes back from its start, so that all parts of a line add up to it,
    whichever is settled first.
    """
    return SoldGoods(
        id=order.id,
        number=order.number,
        currency=order.currency,
        lines=order.lines,
        tenders=tenders_less(paid, paid_back_minor),
        change_minor=0,
    )
