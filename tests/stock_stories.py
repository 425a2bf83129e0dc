"""What stories about one shop's stock share: their chain's SKUs, what is read, what must hold."""

import msgspec

from cloud_hub.auditing.audit import audit
from replication.escrow import check_invariants
from replication.journal import EntryBody
from tests.chain import Chain
from tests.chain_sides import ShopSide
from web.problems import Problem

SKUS = ("tea", "jam", "salt")


def unacceptable(outcome: object) -> str:
    """Why a request was refused as such; fails where it was not."""
    assert isinstance(outcome, Problem), outcome
    assert outcome.status == 422
    return outcome.detail


def entries_of(shop: ShopSide, kind: str) -> list[EntryBody]:
    """The shop's entries of one kind, in their order."""
    rows = shop.state.connection.execute(
        "SELECT body FROM entry WHERE kind = ? ORDER BY seq", (kind,)
    )
    return [msgspec.json.decode(bytes(body), type=EntryBody) for (body,) in rows]


def check_agreed(chain: Chain, shop: ShopSide) -> None:
    """Both know the same, the audit finds nothing, and the shop starts again as it was."""
    chain.sync()
    assert audit(chain.hub.state.store, None).differences == []
    for sku in SKUS:
        cells = shop.state.counter(sku).cells()
        assert chain.hub.counter("riverside", sku).cells() == cells
        assert check_invariants(chain.hub.counter("riverside", sku)) == []
    known = {sku: shop.state.counter(sku).cells() for sku in SKUS}
    shop.restart()
    assert {sku: shop.state.counter(sku).cells() for sku in known} == known
