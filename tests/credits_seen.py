"""Store credit in a chain: issued by a return, spent at a till, fetched from whoever has it."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from cloud_hub.auditing.audit import audit
from cloud_hub.prices import allowances
from cloud_hub.prices.allowances import whom_to_ask
from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from gateway.selling import sales
from gateway.selling.credits import CreditShort
from replication.allowances import usage_of
from replication.escrow import EscrowCounter, check_invariants
from replication.ids import EVERYWHERE
from retail.prices.sale_request import SaleRequest
from retail.returning.return_requests import RefundTo
from retail.returning.returns import GoodsReturn
from retail.selling.sales import Sale
from retail.selling.store_credit import CreditCode, read_credit_code
from tests.chain import Chain
from tests.chain_sides import HubSide, ShopSide, command
from tests.price_asking import open_chain
from tests.uses_asked import CUT_OFF
from web.credits import key_of
from web.once import Done
from web.problems import Problem
from web.uses import NOBODY, Asked, UsesShort

PRICE_MINOR: Final = 100
_numbers = itertools.count(1)

Sold = Sale | Problem | CreditShort | UsesShort | sales.Short


def chain_of_credits(directory: Path) -> Iterator[Chain]:
    """Two shops that are heard, with plenty at 1.00; in the end all books agree."""
    chain = open_chain(directory)
    chain.hub.state.reachable.update(chain.shops)
    yield chain
    chain.sync()
    assert audit(chain.hub.state.store, None).differences == []
    chain.close()


def came_back(outcome: object) -> GoodsReturn:
    """The return that a success answered with."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=GoodsReturn)


def sold(outcome: object) -> Sale:
    """The sale that a success answered with."""
    assert isinstance(outcome, Sale), outcome
    return outcome


def code_in(text: str | None) -> CreditCode:
    """The code that a record has."""
    assert text is not None
    code = read_credit_code(text)
    assert isinstance(code, CreditCode), code
    return code


def issue(shop: ShopSide, units: int = 1) -> CreditCode:
    """A customer buys tea and brings it back for store credit."""
    done = shop.sell("tea", units)
    assert isinstance(done, Done), done
    sale = msgspec.json.decode(done.record, type=Sale).id
    refund_to: RefundTo = "store_credit"
    return code_in(came_back(shop.take_back(sale, "tea", units, refund_to=refund_to)).credit)


def basket(units: int, *tenders: tuple[CreditCode | str, int], cash_minor: int = 0) -> SaleRequest:
    """Jam, paid with credits, and cash besides."""
    paid: list[dict[str, object]] = [
        {"type": "store_credit", "amount_minor": minor, "credit": str(code)}
        for code, minor in tenders
    ]
    if cash_minor:
        paid.append({"type": "cash", "amount_minor": cash_minor})
    body = {"register": "till-1", "lines": [{"sku": "jam", "quantity": units}], "tenders": paid}
    return msgspec.convert(body, SaleRequest)


def buy(shop: ShopSide, request: SaleRequest, asked: Asked = CUT_OFF) -> Sold:
    """A till sells; by default it has nobody to ask."""
    done = shop.commit(lambda: sales.sell(shop.state, command(), request, asked=asked))
    return msgspec.json.decode(done.record, type=Sale) if isinstance(done, Done) else done


def pay(shop: ShopSide, code: CreditCode, minor: int, asked: Asked = CUT_OFF) -> Sold:
    """A till sells for a credit, and for cash what it does not pay of whole jams."""
    units = -(-minor // PRICE_MINOR)
    return buy(shop, basket(units, (code, minor), cash_minor=units * PRICE_MINOR - minor), asked)


def pay_asking(chain: Chain, shop: ShopSide, code: CreditCode, minor: int) -> Sold:
    """The same, where the hub is asked for what is lacking, as a till does it."""
    outcome = pay(shop, code, minor, NOBODY)
    if not isinstance(outcome, UsesShort):
        return outcome
    assert outcome.wants == ((key_of(code), minor),)
    fetch(chain, shop, code, minor)
    return pay(shop, code, minor)


def fetch(chain: Chain, shop: ShopSide, code: CreditCode, minor: int) -> bool:
    """A gateway asks the hub for so much, which asks whoever has it; whether it came."""
    if lend(chain, shop, code, minor):
        return True
    key, office = key_of(code), chain.hub.state
    whom = whom_to_ask(office, key, minor, but=shop.state.location)
    if whom.location is None:
        return False
    give_back(chain, chain.shops[whom.location], code, whom.units)
    return lend(chain, shop, code, minor)


def lend(chain: Chain, shop: ShopSide, code: CreditCode, minor: int) -> bool:
    """The hub lends what it has itself."""
    writer, request = shop.state.ledger.writer, f"{shop.state.location}/c{next(_numbers)}"
    lent = chain.hub.commit(
        lambda: hub_lending.lend(chain.hub.state, writer, request, [(key_of(code), minor)])
    )
    shop_lending.check_grant(shop.state, lent.cells)
    shop.commit(lambda: shop_lending.take_grant(shop.state, lent.cells))
    return bool(lent.cells)


def give_back(chain: Chain, shop: ShopSide, code: CreditCode, minor: int) -> bool:
    """The hub asks a shop for so much."""
    writer, request = shop.state.ledger.writer, f"hub/c{next(_numbers)}"
    lent = shop.commit(lambda: shop_lending.lend(shop.state, request, [(key_of(code), minor)]))
    chain.hub.commit(lambda: allowances.take_grant(chain.hub.state, writer, lent.cells))
    return bool(lent.cells)


def at_hub(hub: HubSide, code: CreditCode) -> EscrowCounter:
    """The counter of a credit as the hub knows it."""
    return hub.state.ledger.counter(EVERYWHERE, key_of(code))


def left(hub: HubSide, code: CreditCode) -> dict[str, int]:
    """Who holds how much of a credit by what the hub has heard; its books are in order."""
    counter = at_hub(hub, code)
    assert check_invariants(counter) == []
    return usage_of(counter).held
