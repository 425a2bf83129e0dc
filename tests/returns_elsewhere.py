"""Two shops that take back what either sold: the chain, and what is read off its answers."""

from pathlib import Path

import msgspec

from cloud_hub.auditing.audit import audit
from retail.returning.returns import GoodsReturn, ReturnClaim
from tests.chain import Chain
from tests.chain_sides import ShopSide
from web.once import Done


def two_shops(directory: Path) -> Chain:
    """Riverside and harbour have 20 tea and jam each, at 100 the piece; both are heard."""
    chain = Chain(directory, skus=["tea", "jam"], shops=["riverside", "harbour"])
    for shop in chain.shops.values():
        assert isinstance(shop.receive(tea=20, jam=20), Done)
    chain.sync()
    chain.hub.state.reachable.update(chain.shops)
    return chain


def sold(shop: ShopSide, sku: str = "tea", units: int = 3) -> str:
    """A shop sells; the id of the sale."""
    done = shop.sell(sku, units)
    assert isinstance(done, Done), done
    return str(msgspec.json.decode(done.record)["id"])


def came(outcome: object) -> GoodsReturn:
    """The return that a success answered with."""
    assert isinstance(outcome, Done), outcome
    return msgspec.json.decode(outcome.record, type=GoodsReturn)


def differences(chain: Chain) -> list[str]:
    """What the hub's audit finds once everybody has heard everything."""
    chain.sync()
    return [one.detail for one in audit(chain.hub.state.store, None).differences]


def claimed(chain: Chain, shop: ShopSide, sale: str) -> ReturnClaim:
    """A shop claims goods of a sale, and gets what is left of it."""
    claim = chain.claim(shop, sale)
    assert isinstance(claim, ReturnClaim), claim
    return claim
