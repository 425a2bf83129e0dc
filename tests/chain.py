"""A chain in one process: the hub's office and its shops on real files, with nothing between them.

No sockets, threads or timers: a side decides in one transaction, as `GroupCommit` lets it, and what
travels between two sides travels when a test says so. Time is the chain's own and moves a second
per transaction. Files are written without waiting for the disk, since no machine loses power here.
"""

import itertools
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import apsw

from cloud_hub import app as hub_app
from cloud_hub.config import HubSettings
from cloud_hub.head_office import HeadOffice
from cloud_hub.prices import allowances
from cloud_hub.returning import returnables
from cloud_hub.stores import fold, told
from gateway import app as gateway_app
from gateway.identity import Identity
from gateway.link import lending
from gateway.link.cursor import cursor_of
from gateway.link.lending import check_grant
from gateway.returning.returnables import take_claim
from gateway.shop import Shop
from replication.feed import FeedItem
from replication.session import BATCH_BYTES_MAX
from retail.returning.returns import ReturnClaim
from tests.chain_sides import HubSide, ShopSide
from tests.new_files import Opener, open_file
from web.problems import Problem

START_MS: Final = 1_795_348_800_000
ROUNDS: Final = 4
"""A cancel needs three: asked in the feed, answered in the journal, told again in the feed."""

CLAIM_ROUNDS: Final = 6


def begin_hub(office: HeadOffice) -> None:
    """The first commit of the hub's start."""
    hub_app._begin(office, "nonce")


def begin_shop(shop: Shop) -> None:
    """The first commit of a shop's start."""
    shop.ledger.start("nonce")


class Chain:
    """The hub and its shops. `now_ms` is the one clock of all; it moves by itself.

    `synchronised` says whether it can be believed.
    """

    def __init__(self, directory: Path, *, skus: Sequence[str] = (), shops: Sequence[str]) -> None:
        self._directory = directory
        self._now_ms = START_MS
        self.synchronised = True
        self._boots = itertools.count(1)
        self.hub = self.hub_side(directory / "hub")
        for sku in skus:
            self.hub.product(sku)
        self.shops = {name: self.box(name) for name in shops}
        self.sync()

    def now_ms(self) -> int:
        """The time, a second later at each look."""
        self._now_ms += 1_000
        return self._now_ms

    def advance(self, by_ms: int) -> None:
        """Time passes."""
        self._now_ms += by_ms

    def open_file(self, open_database: Opener, data: Path, name: str) -> apsw.Connection:
        """A program's file in its data directory."""
        return open_file(open_database, data, name)

    def open_hub(self, data: Path) -> HeadOffice:
        """The hub's state over the file in a data directory."""
        return HeadOffice(
            self.open_file(hub_app.open_database, data, hub_app.DATABASE), HubSettings(data=data),
            boot=f"h{next(self._boots)}", now_ms=self.now_ms,
            synchronised=lambda: self.synchronised,
        )  # fmt: skip

    def box(self, location: str, *, replace: bool = False) -> ShopSide:
        """A new box for a location, with a file of its own."""
        identity = self.hub.enrol(location, replace=replace)
        return self.shop_side(self._directory / identity.writer, identity)

    def open_shop(self, data: Path, identity: Identity) -> Shop:
        """A shop's state over the file in a data directory."""
        return Shop(
            self.open_file(gateway_app.open_database, data, gateway_app.DATABASE), identity,
            boot=f"g{next(self._boots)}", now_ms=self.now_ms,
            synchronised=lambda: self.synchronised, printers=(),
        )  # fmt: skip

    def hub_side(self, data: Path) -> HubSide:
        """The hub over the file in a data directory."""
        return HubSide(lambda: self.open_hub(data), begin_hub)

    def shop_side(self, data: Path, identity: Identity) -> ShopSide:
        """A shop over the file in a data directory."""
        return ShopSide(lambda: self.open_shop(data, identity), begin_shop)

    def send(self, shop: ShopSide, *, entries_max: int = 500) -> bool:
        """One batch of a shop's journal is folded, and what the hub hands back is taken."""
        writer, office = shop.state.ledger.writer, self.hub.state
        held = office.head_of(writer).seq
        entries, _ = shop.state.store.entries_after(
            writer, held, count_max=entries_max, bytes_max=BATCH_BYTES_MAX
        )
        if not entries:
            return False
        folded = self.hub.commit(lambda: fold.fold(self.hub.state, writer, entries))
        if folded.given:
            shop.commit(lambda: lending.take_grant(shop.state, folded.given))
        return True

    def offer(self, shop: ShopSide, after: int | None = None) -> list[FeedItem]:
        """What the hub has for a shop after a position, by default its cursor; offered, not in."""
        writer = shop.state.ledger.writer
        position = cursor_of(shop.state.store) if after is None else after
        return self.hub.commit(lambda: told.offer(self.hub.state, writer, position))

    def sync(self, *shops: ShopSide, entries_max: int = 500) -> None:
        """These shops (all, when none is named) and the hub talk until nobody has any news."""
        for _ in range(ROUNDS):
            for shop in shops or self.shops.values():
                while self.send(shop, entries_max=entries_max):
                    pass
                while items := self.offer(shop):
                    shop.apply(items)

    def claim(
        self, shop: ShopSide, sale: str, *, is_answered: bool = True
    ) -> ReturnClaim | Problem:
        """A shop gets the rights to goods of a sale, from whichever connected shop has them.

        Where the hub's answer is lost, the rights come by the feed and nothing else does.
        """
        hub, writer, seq = self.hub, shop.state.ledger.writer, shop.state.ledger.head.seq
        asked: set[str] = set()
        for _ in range(CLAIM_ROUNDS):
            outcome = hub.commit(lambda: returnables.claim(hub.state, writer, sale, seq))
            if isinstance(outcome, Problem):
                return outcome
            if isinstance(outcome, ReturnClaim) and not is_answered:
                return outcome
            if isinstance(outcome, ReturnClaim):
                check_grant(shop.state, outcome.cells)
                shop.commit(partial(take_claim, shop.state, outcome))
                return outcome
            if isinstance(outcome, returnables.AskStore) and outcome.location not in asked:
                asked.add(outcome.location)
                self.lend_returnables(self.shops[outcome.location], outcome.wants)
            else:
                for name in hub.state.reachable:
                    self.send(self.shops[name])
        raise AssertionError("a claim goes round in circles")

    def lend_returnables(self, shop: ShopSide, wants: Sequence[tuple[str, int]]) -> bool:
        """The hub gets from a shop every right to goods of a sale; False: there is none."""
        request = f"claim-{self._now_ms}"
        lent = shop.commit(lambda: lending.lend(shop.state, request, wants))
        writer = shop.state.ledger.writer
        self.hub.commit(lambda: allowances.take_grant(self.hub.state, writer, lent.cells))
        return bool(lent.cells)

    def close(self) -> None:
        """Close all files."""
        self.hub.close()
        for shop in self.shops.values():
            shop.close()
