"""Who this gateway is: what enrolment gave it, kept in its own file."""

import msgspec

from replication.adapters.sqlite import ReplicaStore
from replication.ids import LocationId, WriterId, is_register, location_of

_META: str = "identity"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who a gateway or a register that sells alone is. `token` speaks for it at its parent.

    `parent` is the writer above: whom the journal goes to and quota comes from, the hub's for a
    gateway, and for a register its gateway's of when it last met one. `chain` is what all gateways
    of one hub have in common; empty for a box that was enrolled by a hub which had no such id yet.
    """

    writer: str
    name: str
    kind: str
    parent: str = msgspec.field(name="hub_writer")
    jurisdiction: str
    timezone: str
    token: str
    chain: str = ""

    @property
    def location(self) -> LocationId:
        """The location that this gateway is the custodian of, or this register belongs to."""
        return location_of(self.writer)

    @property
    def writer_id(self) -> WriterId:
        """This box's incarnation of its replica."""
        return WriterId(self.writer)

    @property
    def is_register(self) -> bool:
        """Whether this is a register that sells alone, below a gateway."""
        return is_register(self.writer)

    @property
    def parent_id(self) -> WriterId:
        """Whom quota is asked of and handed back to."""
        return WriterId(self.parent)


def load_identity(store: ReplicaStore) -> Identity | None:
    """The stored identity, or None before enrolment."""
    text = store.meta(_META)
    return None if text is None else msgspec.json.decode(text, type=Identity)


def stored_writer(store: ReplicaStore) -> str | None:
    """Whose file it is, or None before enrolment."""
    identity = load_identity(store)
    return None if identity is None else identity.writer


def store_identity(store: ReplicaStore, identity: Identity) -> None:
    """Keep the identity; the caller's transaction is open."""
    store.set_meta(_META, msgspec.json.encode(identity).decode())
