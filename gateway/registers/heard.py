"""What the writer thread knows of this gateway's registers, besides their rows."""

import apsw

from gateway.registers.rows import RegisterRow, RegisterRows
from replication.escrow import EscrowCounter
from replication.ids import WriterId


class RegistersHeard:
    """The heart of the parent's side, on the writer thread.

    `reachable` is told by the links, and `heard_ms`: up to when each register has told what it did,
    in wall time. `told_grants` is what a register's journal, as far as it is held, has granted to
    this gateway, per counter: what came ahead of the journal is not missing from what it has spent.
    `owed` are SKUs that may be in deficit: registers are asked back for them.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self.rows = RegisterRows(connection)
        self.reachable: set[WriterId] = set()
        self.told_grants: dict[tuple[str, str], int] = {}
        self.heard_ms: dict[WriterId, int] = {}
        self.owed: set[str] = set()
        self._living: dict[WriterId, RegisterRow] | None = None

    def forget(self) -> None:
        """Go back to the file."""
        self.told_grants.clear()
        self._living = None

    def changed(self) -> None:
        """A box has become a register, has told what it had before, or is none any more."""
        self._living = None

    def living(self) -> frozenset[WriterId]:
        """The registers that may sell."""
        return frozenset(self._living_rows())

    def silent(self) -> frozenset[WriterId]:
        """Those of them that have not told yet what they had from gateways before this one."""
        return frozenset(row.writer for row in self._living_rows().values() if not row.reported)

    def near(self) -> list[WriterId]:
        """The registers that may sell and can be asked at this moment, in a fixed order."""
        if not self.reachable:
            return []
        return sorted(self.living() & self.reachable)

    def quota_of(self, counter: EscrowCounter) -> int:
        """Units of a counter that all living registers hold together, as heard."""
        return sum(counter.quota(writer) for writer in self.living())

    def _living_rows(self) -> dict[WriterId, RegisterRow]:
        if self._living is None:
            self._living = {row.writer: row for row in self.rows.of_state("living")}
        return self._living
