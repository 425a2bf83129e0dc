"""What is rung up, and the request that asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleLine:
    """One line as it is rung up: a SKU or a barcode, and a quantity in base units."""

    sku: str | None = None
    barcode: str | None = None
    quantity: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tender:
    """What pays, in minor units of the gateway's currency."""

    type: str
    amount_minor: int


def sale_request(
    register: str,
    lines: Sequence[SaleLine],
    tenders: Sequence[Tender],
    expected_total_minor: int | None,
    override: Mapping[str, object] | None,
) -> bytes:
    """The body of ``POST /v1/sales``: made once, sent byte for byte the same at every try.

    Nothing is judged here; what the shop's rules do not allow is refused by the gateway.
    """
    body = {
        "register": register,
        "lines": [_without_none(line) for line in lines],
        "tenders": list(tenders),
        "expected_total_minor": expected_total_minor,
        "override": override,
    }
    return msgspec.json.encode({name: value for name, value in body.items() if value is not None})


def quote_request(lines: Sequence[SaleLine]) -> bytes:
    """The body of ``POST /v1/quotes``."""
    return msgspec.json.encode({"lines": [_without_none(line) for line in lines]})


def order_request(
    register: str,
    lines: Sequence[SaleLine],
    fulfilment: Mapping[str, object],
    tenders: Sequence[Tender],
    expected_total_minor: int | None,
    more: Mapping[str, object],
) -> bytes:
    """The body of ``POST /v1/orders``; `more` is who the customer is, a coupon and the like."""
    body = {
        "register": register,
        "lines": [_without_none(line) for line in lines],
        "fulfilment": fulfilment,
        "tenders": list(tenders),
        "expected_total_minor": expected_total_minor,
        **more,
    }
    return msgspec.json.encode({name: value for name, value in body.items() if value is not None})


def _without_none(line: SaleLine) -> dict[str, str | int]:
    code = {"sku": line.sku} if line.sku is not None else {"barcode": line.barcode or ""}
    return {**code, "quantity": line.quantity}
