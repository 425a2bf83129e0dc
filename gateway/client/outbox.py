"""The register's outbox: a small durable file of sales asked for and sales acknowledged.

Order of events for one sale, each step durable (WAL and FULL) before the next begins:

    write     key and body, before the first byte leaves
    settle    the outcome and the witness that came with it, before the caller hears of it

A crash between the two leaves a pending sale, which is asked about again; a crash before ``write``
has asked nothing. A refusal removes the question: nothing was sold, and nothing is owed an answer.

Sales that are done stay until `forget`, which the register calls with what the hub has. They are
the last copy when a gateway's disk is lost.

All calls block on the disk: one thread calls them, see `GatewayClient`.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import apsw
import msgspec

from gateway.client.answers import place_in_journal
from gateway.client.witness import Witness
from gateway.counter.pairing import Pairing, pairing_of, pairing_text
from replication.adapters.sqlite import Migrations, connect, migrate, only_program, transaction
from replication.errors import StorageFailed
from replication.ids import incarnation_of

FILE: Final = "outbox.db"
OUTBOX: Final = Migrations("outbox", "gateway.client")
FULFILMENT: Final = "fulfilment"
"""The field that an order's body has and a sale's has not."""


class OutboxElsewhere(Exception):
    """The file holds sales for another location or chain: they are never asked about here.

    Whoever catches it takes another directory, or goes back to where the sales belong.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSale:
    """A sale whose outcome is unknown, as the file has it."""

    key: str
    body: bytes
    """The request, byte for byte the same at every try."""
    written_ms: int
    """Unix time of the first try."""

    @property
    def is_order(self) -> bool:
        """Whether it asks for goods of another store: what says how they get to the customer."""
        return FULFILMENT in msgspec.json.decode(self.body, type=dict[str, msgspec.Raw])


class Outbox:
    """One register's file, in a directory of its own that no second program may use.

    Raises (when opened):
        StorageFailed: another program has it, or it cannot be opened.
        SchemaTooNew: a newer program wrote it; it is left as it is.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._held = only_program(directory)
        self._held.__enter__()
        try:
            self._connection = connect(directory / FILE)
            migrate(self._connection, [OUTBOX])
        except apsw.Error as error:
            self._held.__exit__(None, None, None)
            raise StorageFailed(f"{directory / FILE} cannot be opened: {error}") from error
        except BaseException:
            self._held.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and let others have it. Safe to repeat."""
        self._connection.close()
        self._held.__exit__(None, None, None)

    def settle_at(self, location: str, chain: str | None = None) -> None:
        """Tie the file to a location, and to a chain if that is known, before a sale leaves.

        Raises:
            OutboxElsewhere: it holds sales, pending or not yet at the hub, of another one.
        """
        before, chain_before = self.location(), self.chain()
        if before == location and (chain is None or chain_before in {None, chain}):
            return
        held = self._connection.execute(
            "SELECT (SELECT count(*) FROM pending_sale) + (SELECT count(*) FROM done_sale)"
        ).fetchone()
        if before is not None and held is not None and held[0]:
            other = location if before != location else f"another chain's {location}"
            raise OutboxElsewhere(f"{held[0]} sales here belong to {before}, not to {other}")
        with transaction(self._connection):
            self._connection.execute("DELETE FROM outbox_meta")
            self._set("location", location)

    def location(self) -> str | None:
        """The location whose gateway is asked; None before the first contact."""
        return self._get("location")

    def gateway(self) -> Pairing | None:
        """Where the gateway was met last; None before the first contact."""
        text = self._get("gateway")
        return None if text is None else pairing_of(text)

    def remember_gateway(self, gateway: Pairing) -> None:
        """Keep where the gateway was met, and its chain."""
        with transaction(self._connection):
            self._set("gateway", pairing_text(gateway))
            if gateway.chain is not None:
                self._set("chain", gateway.chain)

    def chain(self) -> str | None:
        """The chain of the gateway that is asked; None before one has said it."""
        return self._get("chain")

    def witness(self) -> Witness | None:
        """The highest witness seen of that location."""
        text = self._get("witness")
        return None if text is None else Witness.parse(text)

    def remember(self, witness: Witness) -> None:
        """Keep a witness if it is above the one that is kept."""
        if witness.above(self.witness()):
            with transaction(self._connection):
                self._set("witness", str(witness))

    def write(self, sale: OpenSale) -> None:
        """Make a question durable. Writing the same one again changes nothing."""
        with transaction(self._connection):
            self._connection.execute(
                "INSERT OR IGNORE INTO pending_sale VALUES (?, ?, ?)",
                (sale.key, sale.body, sale.written_ms),
            )

    def pending(self) -> list[OpenSale]:
        """All sales whose outcome is unknown, oldest first."""
        rows = self._connection.execute(
            "SELECT key, body, written_ms FROM pending_sale ORDER BY written_ms, key"
        )
        return [OpenSale(key=key, body=body, written_ms=ms) for key, body, ms in rows]

    def settle(self, key: str, sale: Mapping[str, object] | None, witness: Witness | None) -> None:
        """End a question: with the sale or paid order it came to, or with None for a refusal."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM pending_sale WHERE key = ?", (key,))
            if sale is not None:
                place = place_in_journal(sale)
                assert place is not None, "only a success of the gateway settles a question so"
                self._connection.execute(
                    "INSERT OR IGNORE INTO done_sale VALUES (?, ?, ?, ?)",
                    (key, *place, msgspec.json.encode(sale)),
                )
            if witness is not None and witness.above(self.witness()):
                self._set("witness", str(witness))

    def done(self) -> list[Mapping[str, object]]:
        """The acknowledged sales that are still kept here, in their writers' order."""
        rows = self._connection.execute("SELECT sale FROM done_sale ORDER BY writer, seq")
        return [msgspec.json.decode(sale, type=dict[str, object]) for (sale,) in rows]

    def orphans(
        self, incarnation: int, but: Container[str], count_max: int
    ) -> list[tuple[str, bytes]]:
        """(key, sale) of sales that boxes before `incarnation` answered, the oldest first.

        Without the keys in `but`. Orders are left out: they are at the hub, whoever took the money.
        """
        rows = self._connection.execute(
            "SELECT key, writer, sale FROM done_sale ORDER BY writer, seq"
        )
        return [
            (key, sale)
            for key, writer, sale in rows
            if incarnation_of(writer) < incarnation
            and key not in but
            and "order" not in msgspec.json.decode(sale, type=dict[str, object])
        ][:count_max]

    def handed_in(self, key: str, place: tuple[str, int] | None) -> None:
        """A sale is journalled at `place` now; None: it is at the hub, and need not be kept."""
        with transaction(self._connection):
            if place is None:
                self._connection.execute("DELETE FROM done_sale WHERE key = ?", (key,))
            else:
                self._connection.execute(
                    "UPDATE done_sale SET writer = ?, seq = ? WHERE key = ?", (*place, key)
                )

    def forget(self, writer: str, seq: int) -> int:
        """Drop the sales of `writer` up to `seq`, which the hub has; returns how many."""
        with transaction(self._connection):
            self._connection.execute(
                "DELETE FROM done_sale WHERE writer = ? AND seq <= ?", (writer, seq)
            )
            return self._connection.changes()

    def _get(self, name: str) -> str | None:
        row = self._connection.execute(
            "SELECT value FROM outbox_meta WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else str(row[0])

    def _set(self, name: str, value: str) -> None:
        self._connection.execute(
            "INSERT INTO outbox_meta VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2",
            (name, value),
        )
