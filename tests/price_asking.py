"""What tests of prices do in a chain: head office writes rules, tills and customers ask."""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from cloud_hub.prices import price_rules
from cloud_hub.prices.priced import price
from gateway.prices.priced import quote
from retail.ordering.orders import OrderQuoteRequest
from retail.prices.price_rises import KeptPriceList, PriceListRequest
from retail.prices.promotions import Promotion, PromotionBody
from retail.prices.quotes import Quote
from retail.prices.sale_request import QuoteRequest, SaleRequest
from retail.selling.sales import Sale
from tests import uses_asked
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide, command
from tests.uses_asked import CUT_OFF
from web.once import Done, Outcome
from web.problems import Problem
from web.uses import UsesShort

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
TENTH: Final = {"kind": "percentage", "skus": ["tea"], "off_bp": 1000}


def open_chain(directory: Path) -> Chain:
    """Two shops that sell tea and jam at 1.00, with plenty of both."""
    chain = Chain(directory, skus=["jam", "tea"], shops=["harbour", "riverside"])
    for shop in chain.shops.values():
        shop.receive(tea=100, jam=100)
    chain.sync()
    return chain


def put_list(hub: HubSide, list_id: str, prices: Mapping[str, int], **more: object) -> Outcome:
    """Head office writes a price list."""
    body = {"name": list_id, "currency": "USD", "prices": dict(prices)} | more
    request = msgspec.convert(body, PriceListRequest)
    return hub.commit(lambda: price_rules.put_price_list(hub.state, command(), list_id, request))


def put_promotion(hub: HubSide, promotion_id: str, effect: object, **more: object) -> Outcome:
    """Head office writes a promotion."""
    body = msgspec.convert({"name": promotion_id, "effect": effect} | more, PromotionBody)
    return hub.commit(lambda: price_rules.put_promotion(hub.state, command(), promotion_id, body))


def withdraw(hub: HubSide, kind: str, rule: str) -> Outcome:
    """Head office takes a rule back."""
    return hub.commit(lambda: price_rules.withdraw(hub.state, command(), kind, rule))


def asked(
    shop: ShopSide, sku: str, units: int = 1, *, role: str = "cashier", **more: object
) -> Quote | Problem:
    """What a till is told that units of a SKU cost."""
    body = {"lines": [{"sku": sku, "quantity": units}]} | more
    request = msgspec.convert(body, QuoteRequest)
    quoted = shop.commit(lambda: quote(shop.state, request, role, CUT_OFF))
    assert not isinstance(quoted, UsesShort), quoted
    return quoted


def cost(shop: ShopSide, sku: str, units: int = 1, **more: object) -> int:
    """The total of a quote that a till gets."""
    quoted = asked(shop, sku, units, **more)  # type: ignore[arg-type] # role among them
    assert isinstance(quoted, Quote), quoted
    return quoted.total_minor


def cost_online(hub: HubSide, sku: str, units: int = 1, **more: object) -> int | Problem:
    """The total that the storefront is told."""
    body = {"lines": [{"sku": sku, "quantity": units}]} | more
    request = msgspec.convert(body, OrderQuoteRequest)
    lines = [(hub.state.catalogue[sku], units)]
    priced = hub.commit(lambda: price(hub.state, lines, request, request.fulfilment, CUT_OFF))
    assert not isinstance(priced, UsesShort), priced
    return priced if isinstance(priced, Problem) else priced.total_minor


def sell(
    shop: ShopSide, sku: str, units: int = 1, *, role: str = "cashier", **more: object
) -> Sale | Problem:
    """A till sells units of a SKU, paid with plenty of cash."""
    line = {"sku": sku, "quantity": units}
    if (shown := more.pop("shown_price_minor", None)) is not None:
        line["shown_price_minor"] = shown
    body = {
        "register": "till-1",
        "lines": [line],
        "tenders": [{"type": "cash", "amount_minor": 1_000_000}],
    } | more
    request = msgspec.convert(body, SaleRequest)
    done = shop.commit(lambda: uses_asked.sell(shop.state, command(role=role), request))
    if isinstance(done, Done):
        return msgspec.json.decode(done.record, type=Sale)
    assert isinstance(done, Problem), done
    return done


def rules_of(side: HubSide | ShopSide) -> tuple[list[KeptPriceList], list[Promotion]]:
    """The price lists and promotions that a side goes by, by id."""
    rules = side.state.rules
    lists = {key: msgspec.structs.replace(one, rises={}) for key, one in rules.price_lists.items()}
    return (
        [lists[key] for key in sorted(lists)],
        [rules.promotions[key] for key in sorted(rules.promotions)],
    )


def hours(chain: Chain, start: int, end: int) -> dict[str, str]:
    """Dates of a promotion, in minutes from now."""
    now = chain.shops["riverside"].state.local_time().replace(microsecond=0)
    return {
        "valid_from": (now + datetime.timedelta(minutes=start)).isoformat(),
        "valid_until": (now + datetime.timedelta(minutes=end)).isoformat(),
    }
