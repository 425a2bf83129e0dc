"""A box that was replaced ends its journal, on the writer thread.

It sells no more. What its open baskets kept is free again, for whoever takes its rights over; its
last entry, `sealed`, says that nothing is missing, or what a register had seen that is. After it
nothing is appended, not at a later start either: the link hands over what the parent has not, and
that was all.
"""

import msgspec

from gateway.lives.behind import handed_over, presented
from gateway.selling import baskets
from gateway.selling.held import basket_rows
from gateway.shop import Shop
from gateway.status.report import StopReason
from replication.adapters.sqlite import ReplicaStore
from replication.journal import decode_body
from web.lives import SEALED, Sealed


def seal(shop: Shop) -> None:
    """Another box speaks for this one now: stop, release, and write the last entry.

    Of a box whose journal is a branch the hub writes it (`gateway.lives.branching`).
    """
    shop.stop(StopReason.FENCED)
    if has_ended(shop) or handed_over(shop.store) is not None:
        return
    for basket_id in list(basket_rows(shop).open_ids()):
        baskets.give_up(shop, basket_id)
    seen = presented(shop.store)
    record = Sealed(behind=None if seen is None else seen.witness)
    shop.ledger.append(SEALED, msgspec.json.encode(record))


def has_ended(shop: Shop) -> bool:
    """Whether the journal's last entry is written, in the open batch too."""
    return _is_sealed(shop.ledger.body_of(shop.ledger.writer, shop.ledger.head.seq))


def is_to_end(store: ReplicaStore, writer: str, stopped: StopReason | None) -> bool:
    """Whether a replaced box still owes its last entry: none is on this disk, or not durably yet.

    The box stops at once, in memory, and the entry is written with the next commit.
    """
    if stopped is not StopReason.FENCED or handed_over(store) is not None:
        return False
    return not _is_sealed(store.load_body(writer, store.load_head(writer).seq))


def _is_sealed(body: bytes | None) -> bool:
    return body is not None and decode_body(body).kind == SEALED
