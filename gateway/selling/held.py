"""What a basket's hold keeps, for whoever ends it: a sale, the register, or the clock."""

from collections.abc import Mapping
from typing import Final

from gateway.shop import Shop
from gateway.stockroom.deficit import cover
from replication.escrow import CellChange, Minted
from retail.ordering.holds import Basket, HoldStatus
from web.hold_rows import HoldRows
from web.once import Command
from web.problems import Problem, Slug

NOTHING: Final[Mapping[str, int]] = {}


def basket_rows(shop: Shop) -> HoldRows[Basket]:
    """The baskets, on the writer thread."""
    return HoldRows(shop.connection, "basket", Basket)


def unknown_basket(basket_id: str) -> Problem:
    """The answer to the address of a basket that was never held here."""
    return Problem(Slug.NOT_FOUND, f"There is no basket {basket_id} here.")


def why_not_ended(command: Command, basket: Basket) -> Problem | None:
    """Why this command may not end the basket, or None: a register's token ends its own only."""
    own = command.principal.register
    if own is not None and own != basket.register:
        return Problem(
            Slug.FORBIDDEN, f"This token speaks for {own}; the basket is one of {basket.register}."
        )
    if basket.status is HoldStatus.USED:
        return Problem(
            Slug.CONFLICT,
            f"Basket {basket.id} became sale {basket.used_by}.",
            members={"sale": basket.used_by},
        )
    return None


def basket_to_sell(shop: Shop, command: Command, basket_id: str | None) -> Basket | Problem | None:
    """The basket that a sale names, or why it cannot be sold; None when it names none."""
    if basket_id is None:
        return None
    basket = basket_rows(shop).find(basket_id)
    if basket is None:
        return Problem.invalid(f"There is no basket {basket_id} here.", field="$.basket")
    return why_not_ended(command, basket) or basket


def units_held(basket: Basket | None) -> Mapping[str, int]:
    """What is set aside for a basket now, per SKU: nothing once its hold has ended."""
    if basket is None or basket.status is not HoldStatus.OPEN:
        return NOTHING
    return {line.sku: line.quantity for line in basket.held}


def release_units(shop: Shop, cells: list[CellChange], held: Mapping[str, int]) -> None:
    """Rights come back from a hold (E6). Who does not spend them next calls `cover_deficits`."""
    for sku, units in held.items():
        cells.append(shop.counter(sku).mint(shop.ledger.writer, Minted.HOLD_RELEASED, units))


def cover_deficits(shop: Shop, cells: list[CellChange], held: Mapping[str, int]) -> None:
    """Rights that came back first work off what went beyond any right."""
    for sku in held:
        cover(shop, cells, sku)
