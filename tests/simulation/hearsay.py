"""What others know of a writer whose name was on more disks than one, by their own rows."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cloud_hub.stores.enrolment import ENROLMENT
from replication.ids import EVERYWHERE, location_of
from tests.simulation.judge import Judge
from tests.simulation.shelf import Place
from tests.simulation.strands import Cell, Strand, Strands

if TYPE_CHECKING:
    from tests.simulation.world import World


class Hearsay:
    """See the module's theory."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._seen: list[object] = []

    def place_at_hub(self, writer: str, seq: int, digest: bytes) -> str | None:
        """In whose journal the hub has an entry: its writer's, or a branch's."""
        row = self._world.hub.disk.connection.execute(
            "SELECT writer FROM entry WHERE writer = ?1 AND seq = ?2 AND hash = ?3 UNION ALL "
            "SELECT branch FROM branch_entry WHERE writer = ?1 AND seq = ?2 AND hash = ?3",
            (writer, seq, digest),
        ).fetchone()
        return None if row is None else str(row[0])

    def had_for(self, strand: Strand | None) -> int:
        """How many entries the hub had, of whomever, that this disk certainly took over.

        What came to the hub later, while it took over or since, it need not know; and an image took
        nothing over.
        """
        if strand is None or strand.leaves is not None:
            return 0
        made = self._world.hub.disk.connection.execute(
            "SELECT arrival, body FROM entry WHERE kind = ? ORDER BY arrival", (ENROLMENT,)
        )
        for arrival, body in made:
            if json.loads(bytes(body))["record"]["writer"] == strand.writer:
                return int(str(arrival))
        return 0

    def has_news(self, strands: Strands) -> bool:
        """Whether the hub has heard more of such writers since this was asked last."""
        seen = [
            self._world.hub.disk.connection.execute(
                "SELECT (SELECT max(seq) FROM entry WHERE writer = ?1), "
                "(SELECT count(*) FROM branch_entry WHERE writer = ?1)",
                (writer,),
            ).fetchone()
            for writer in strands.parted()
        ]
        before, self._seen = self._seen, list(seen)
        return seen != before

    def grants(self, judge: Judge) -> Iterator[tuple[Place, Cell, int]]:
        """Grants of such writers, as those know them who have them, and the hub.

        They travel ahead of their entries.
        """
        world, strands = self._world, judge.strands
        writers = set(strands.parted())
        locations = {EVERYWHERE, *map(location_of, sorted(writers))}
        places = [one for one in sorted(judge.seen) if one[0] in locations]
        registers = [one for one in world.registers.values() if one.is_begun]
        for box in [*registers, world.hub]:
            for place in places:
                for table, holder, detail, value in box.ledger.counter(*place).cells():
                    is_one = table == "granted" and holder in writers
                    if is_one and (box is world.hub or detail == box.ledger.writer):
                        yield place, (table, holder, detail), value

    def ended(self) -> list[str]:
        """Writers of boxes that are gone, and of branches."""
        found = self._world.hub.disk.connection.execute("SELECT writer FROM life ORDER BY writer")
        return [str(writer) for (writer,) in found]
