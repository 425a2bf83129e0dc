"""The feed: what a replica needs to know, compacted by key, resumed by cursor.

The hub numbers every change of an item in commit order (its *position*). A newer change of the same
(kind, key, audience) replaces the older one, so a store that was away for a month receives each
thing once, in its last state. Empty data is a removal: the replica has no part in it any more. Any
prefix is safe to act on: whatever fulfilment needs is inside the order. The cursor is the position
of the last item that a replica has committed.
"""

from typing import Annotated, Final

import msgspec

PRODUCT: Final = "product"
"""A product's record as JSON where the hub alone writes it (`docs/decisions/0019`); an Automerge
document where a store has a hand in it, in version 1, and from an older hub; key = SKU."""
ORDER: Final = "order"
"""An Automerge document, only to the locations that hold one of its allocations; key = order id."""
TRANSFER: Final = "transfer"
"""An Automerge document, only to its source and its destination; key = transfer id."""
STOCK: Final = "stock"
"""The hub's own cells of one counter as JSON, only to that location; key = SKU. Of an allowance:
what the hub has granted to that location; key = the allowance's."""
TAXES: Final = "taxes"
"""All dated tax rates as JSON; key = `all`."""
SETTINGS: Final = "settings"
"""What head office has settled for all stores, as JSON; key = `all`."""
PRICE_LIST: Final = "price_list"
"""A price list's record as JSON, for head office alone writes it; key = its id."""
PROMOTION: Final = "promotion"
"""A promotion's record as JSON, for head office alone writes it; key = its id."""
LIMITED_PROMOTION: Final = "limited_promotion"
"""A promotion with `max_usage`, told like any other; of a kind of its own, so that a program from
before allowances sets it aside and does not offer it without end. Key = its id."""

EARLIER_STOCK: Final = "earlier_stock"
"""All cells of one counter whose holders are boxes of that location, but for its living gateway, or
the hub, as JSON: news of a box that was replaced came late, and the hub has conceded what that one
lacked. Only to that location; key = SKU or an allowance's."""
EARLIER_RETURN: Final = "earlier_return"
"""A return that a box of before took, and told late, or what became of its goods since: its record
as JSON, only to that location; key = its id. Taken away where the living box has told the same."""
TOLD_TWICE: Final = "told_twice"
"""Goods that moved and were told or counted before: `web.lives.ToldTwice` as JSON, only to that
location, which books them back once; key = the entry that was told later."""

EVERYONE: Final = ""
"""The audience of items that every location receives."""

ITEM_BYTES_MAX: Final = 512 * 1024
"""As large as the largest document."""


class FeedItem(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One item in its last state."""

    position: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    kind: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    data: Annotated[bytes, msgspec.Meta(max_length=ITEM_BYTES_MAX)]
