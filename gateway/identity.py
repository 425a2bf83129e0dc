"""Who this gateway is: what enrolment gave it, kept in its own file."""

import msgspec

from replication.adapters.sqlite import ReplicaStore
from replication.ids import LocationId, WriterId, replica_of

_META: str = "identity"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of the hub to an enrolment code. `token` speaks for this box at the hub.

    `chain` is what all gateways of one hub have in common; empty for a box that was enrolled by a
    hub which had no such id yet.
    """

    writer: str
    name: str
    kind: str
    hub_writer: str
    jurisdiction: str
    timezone: str
    token: str
    chain: str = ""

    @property
    def location(self) -> LocationId:
        """The location that this gateway is the custodian of."""
        return replica_of(self.writer)

    @property
    def writer_id(self) -> WriterId:
        """This box's incarnation of the location's replica."""
        return WriterId(self.writer)


def load_identity(store: ReplicaStore) -> Identity | None:
    """The stored identity, or None before enrolment."""
    text = store.meta(_META)
    return None if text is None else msgspec.json.decode(text, type=Identity)


def store_identity(store: ReplicaStore, identity: Identity) -> None:
    """Keep the identity; the caller's transaction is open."""
    store.set_meta(_META, msgspec.json.encode(identity).decode())
