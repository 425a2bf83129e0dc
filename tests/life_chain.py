"""A chain whose boxes die and come back (`tests.register_chain`), with what the hub does about it.

What a new box takes over is here as short as it can be: all cells that the hub has.
"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from cloud_hub.auditing.audit import AuditReport, audit
from cloud_hub.lives import attesting, branches, restoring, rows
from cloud_hub.lives.branches import BranchTaken
from cloud_hub.stores import fold
from gateway.identity import Identity
from gateway.lives.earlier import remember_lives
from gateway.lives.recovered import recover
from gateway.ordering import unsure
from gateway.shop import Shop
from gateway.stockroom.deficit import cover
from replication.adapters.sqlite import ReplicaStore, connect
from replication.errors import PeerViolation
from replication.escrow import CellChange, check_invariants
from replication.ids import WriterId
from replication.journal import Head
from replication.session import BATCH_BYTES_MAX
from retail.selling.sales import Sale
from retail.stock.counts import ScannedLine
from tests.chain import begin_shop
from tests.chain_sides import ShopSide, command
from tests.register_chain import RegisterChain
from web.journal_pages import SalesQuery, sales_page
from web.lives import AttestRequest, BranchPiece, EarlierLives, HashQuery, RegisterAtHub
from web.once import Done, Outcome
from web.paging import Page
from web.problems import Problem

BOX: Final = "box-0123456789abcdef"


class LifeChain(RegisterChain):
    """The hub and its shops, whose boxes are replaced, sealed, restored and copied."""

    def replace(self, location: str) -> ShopSide:
        """A new box takes a location's place, and all that the hub has of it."""
        new = self.box(location, replace=True)
        self.take_over(new)
        self.shops[location] = new
        self.sync(new)
        return new

    def take_over(self, new: ShopSide) -> None:
        """The lives before, all holders' cells, in pages; and which orders are in doubt."""
        writer = new.state.ledger.writer
        lives = self.lives_before(new)
        new.commit(lambda: remember_lives(new.state.store, lives))
        new.commit(lambda: unsure.keep(new.state, lives.orders))
        cursor: str | None = None
        while True:
            query = Page(limit=2, cursor=cursor)
            page = restoring.counters_page(self.hub.state, writer, query)
            cells = [
                CellChange(one.location, one.sku, *cell)
                for one in page.items
                for cell in one.cells
                if cell[1] != writer
            ]
            new.commit(partial(_take_over, new.state, cells))
            cursor = page.next_cursor
            if cursor is None:
                return

    def lives_before(self, shop: ShopSide) -> EarlierLives:
        """What the hub tells a box of those before it, as it comes over the line."""
        writer = shop.state.ledger.writer
        told = self.hub.commit(lambda: restoring.earlier_lives(self.hub.state, writer))
        return msgspec.json.decode(msgspec.json.encode(told), type=EarlierLives)

    def hand_over(self, old: ShopSide, *, sealed: bool, entries_max: int = 500) -> Head:
        """A box that was replaced hears of it: its last entries come, with `sealed` or without."""
        if sealed:
            old.commit(lambda: old.state.ledger.append("sealed", b"{}"))
        while self.send(old, entries_max=entries_max):
            pass
        return self.hub.state.head_of(old.state.ledger.writer)

    def count_all(self, shop: ShopSide, **there: int) -> None:
        """Somebody counts what stands there, units per SKU."""
        started = shop.start_count(*there)
        assert isinstance(started, Done), started
        count = str(msgspec.json.decode(started.record)["id"])
        lines = [ScannedLine(sku=sku, counted=units) for sku, units in there.items()]
        for outcome in (shop.count(count, *lines), shop.close_count(count)):
            assert isinstance(outcome, Done), outcome

    def recover(self, shop: ShopSide, record: bytes) -> None:
        """A register hands in a sale that the box of before had answered."""
        sale = msgspec.json.decode(record, type=Sale)
        outcome = shop.commit(lambda: recover(shop.state, command(), sale))
        assert isinstance(outcome, Done), outcome

    def attest(self, location: str, writer: str) -> Outcome:
        """An admin answers for a box that is gone."""
        request = AttestRequest(writer=writer, reason="it burnt")
        office = self.hub.state
        return self.hub.commit(lambda: attesting.attest(office, command(), location, request))

    # Images

    def image(self, shop: ShopSide) -> Path:
        """A copy of a box's disk as it is now."""
        shop.state.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy = self._directory / f"image-{len(list(self._directory.glob('image-*')))}"
        shutil.copytree(Path(shop.state.connection.filename).parent, copy)
        return copy

    def boot(self, image: Path, identity: Identity) -> ShopSide:
        """A box starts from an image."""
        return ShopSide(lambda: self.open_shop(image, identity), begin_shop)

    def branch_of(self, shop: ShopSide, common: Head, *, piece_max: int = 500) -> list[BranchPiece]:
        """What a box did after the last entry that it has in common with the hub, in pieces."""
        writer = shop.state.ledger.writer
        entries, _ = shop.state.store.entries_after(
            writer, common.seq, count_max=10_000, bytes_max=BATCH_BYTES_MAX
        )
        return [
            BranchPiece(
                box=BOX,
                after_seq=common.seq + at,
                after_hash=(common if at == 0 else entries[at - 1]).hash.hex(),
                entries=[(one.body, one.hash) for one in entries[at : at + piece_max]],
                is_last=at + piece_max >= len(entries),
            )
            for at in range(0, len(entries), piece_max)
        ]

    def hand_branch(
        self, writer: WriterId, pieces: Sequence[BranchPiece], *, heard_ms: int | None = None
    ) -> BranchTaken | Problem:
        """A box hands over its branch; what the hub says to the last piece, or where it refuses."""
        office = self.hub.state
        outcome: BranchTaken | Problem | None = None
        for piece in pieces:
            try:
                outcome = self.hub.commit(
                    partial(
                        branches.take_piece, office, writer, piece, b"\x07" * 32, heard_ms=heard_ms
                    )
                )
            except PeerViolation as broken:
                outcome = branches.refused(writer, broken)
            if isinstance(outcome, Problem):
                return outcome
        assert outcome is not None, "a branch has a piece"
        return outcome

    def go_on(self, taken: BranchTaken) -> ShopSide:
        """The box that handed a branch over goes on as whom the hub says."""
        assert taken.identity is not None, taken.detail
        identity = msgspec.convert(msgspec.to_builtins(taken.identity), Identity)
        new = self.shop_side(self._directory / identity.writer, identity)
        self.take_over(new)
        self.shops[identity.location] = new
        self.sync(new)
        return new

    # What the hub has

    def common(self, shop: ShopSide) -> Head:
        """The last entry of a box that the hub has as well, in its journal or in a branch of it."""
        writer, hub = shop.state.ledger.writer, self.hub.state.store
        for seq in range(shop.state.ledger.head.seq, -1, -1):
            own = shop.state.store.load_hash(writer, seq)
            assert own is not None, "it has all that it wrote"
            asked = HashQuery(writer=writer, seq=seq, hash=own.hex())
            if restoring.held_hash(hub, writer, asked).hash == own.hex():
                return Head(seq, own)
        raise AssertionError("all journals begin alike")

    def audit(self) -> AuditReport:
        """What the hub's audit says of all that is committed."""
        path = self._directory / "hub" / "hub.db"
        connection = connect(path, read_only=True)
        try:
            return audit(ReplicaStore(connection), None)
        finally:
            connection.close()

    def sales(self) -> list[str]:
        """The ids of the sales that the hub lists."""
        again = {
            str(entry)
            for (entry,) in self.hub.state.connection.execute("SELECT entry FROM sale_again")
        }
        page = sales_page(self.hub.state.store, SalesQuery(limit=500), again)
        return [str(msgspec.json.decode(record)["id"]) for record in page.items]

    def state_of(self, writer: str) -> str:
        """What the hub thinks of a life that is over."""
        life = rows.life_of(self.hub.state.connection, writer)
        assert life is not None, f"{writer} lives"
        return life.state

    def registers_told(self, shop: ShopSide) -> list[RegisterAtHub]:
        """The registers of a box's location, as the hub tells the box."""
        return restoring.earlier_lives(self.hub.state, shop.state.ledger.writer).registers

    def state_of_register(self, writer: str) -> tuple[str, int]:
        """What the hub thinks of a register, and whether its last entry was heard."""
        row = rows.register_of(self.hub.state.connection, writer)
        assert row is not None, f"nobody told of {writer}"
        return row.state, row.sealed

    def check(self, *skus: str, location: str = "riverside") -> None:
        """All invariants hold in the hub's books, and its audit finds nothing."""
        for sku in skus:
            assert check_invariants(self.hub.counter(location, sku)) == []
        report = self.audit()
        assert [one.detail for one in report.differences] == []


@contextmanager
def opened_life(directory: Path, *others: str, **stock: int) -> Iterator[LifeChain]:
    """Riverside has received this stock, which the hub has heard of; `others` have nothing."""
    chain = LifeChain(directory, skus=tuple(stock), shops=("riverside", *others))
    chain.shops["riverside"].receive(**stock)
    chain.sync()
    yield chain
    chain.close()


def _take_over(shop: Shop, cells: Sequence[CellChange]) -> None:
    covered: list[CellChange] = []
    for sku in dict.fromkeys(one.sku for one in shop.ledger.merge_cells(cells)):
        cover(shop, covered, sku)
    if covered:
        shop.ledger.append("cover", b"{}", cells=covered)


def fold_once(chain: LifeChain, shop: ShopSide, after: int) -> fold.Folded:
    """The hub takes entries after a place in, whoever has them already."""
    writer = shop.state.ledger.writer
    entries, _ = shop.state.store.entries_after(
        writer, after, count_max=500, bytes_max=BATCH_BYTES_MAX
    )
    return chain.hub.commit(lambda: fold.fold(chain.hub.state, writer, entries))
