"""What the status page shows of images and copies of this box, put together from what knows it."""

from gateway.lives.behind import handed_over, presented
from gateway.lives.branching import Mending
from gateway.lives.next_life import came_of
from gateway.lives.witnesses import WitnessCheck
from gateway.shop import Shop
from gateway.status.report import PARTED, ImageReport, RefusedWitnessReport, moment
from replication.adapters.sqlite import ReplicaStore


class Images:
    """Builds that part of the report, on the loop."""

    def __init__(
        self, shop: Shop, reader: ReplicaStore, mending: Mending, witnesses: WitnessCheck
    ) -> None:
        self._shop = shop
        self._reader = reader
        self._mending = mending
        self._witnesses = witnesses

    def at_hub(self, acknowledged_seq: int) -> int:
        """How far the hub has this journal, or the branch that it is."""
        branch = handed_over(self._reader) if self._shop.stopped in PARTED else None
        is_there = branch is not None and branch.name is not None
        return self._shop.head.seq if is_there else acknowledged_seq

    def report(self) -> ImageReport | None:
        """What somebody else knows of this box's journal; None where that is nothing."""
        is_parted = self._shop.stopped in PARTED
        came = came_of(self._reader)
        refused = self._witnesses.refused
        if came is None and not is_parted and not refused:
            return None
        seen = presented(self._reader) if is_parted else None
        branch = handed_over(self._reader) if is_parted else None
        seen_by = None if seen is None else seen.register
        exposed_units = 0 if branch is None else branch.exposed_units
        name = None if branch is None else branch.name
        if not is_parted and came is not None:
            seen_by, exposed_units, name = came.register, came.exposed_units, came.branch
        return ImageReport(
            seen_by=seen_by,
            seen=None if seen is None else seen.witness,
            problem=self._mending.problem if is_parted else None,
            branch=name,
            exposed_units=exposed_units,
            earlier=None if came is None else came.earlier,
            since=None if came is None else moment(came.at_ms),
            refused=tuple(
                RefusedWitnessReport(register=one.register, witness=one.witness, why=one.why)
                for one in refused.values()
            ),
        )
