"""Entity documents: what people edit, merged by Automerge. The only module that imports it.

A product or an order is one small document with two maps:

    fields    name -> JSON text; concurrent writes to one field: one of them wins everywhere
    events    event id -> JSON text; only ever added to, so a merge is a union

Values are JSON text in string scalars: a composite value (the list of barcodes) is replaced whole,
and the binding's traps stay out of reach (counters panic, `True` comes back as 1; see
`docs/decisions/0004`). No stock, points or money balance lives in a document: those are escrow
cells.

Actors: a cloned actor id never merges again, so the caller derives one per writer *and start*.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from automerge import core

from replication.errors import DocumentCorrupt

DOCUMENT_BYTES_MAX: Final = 512 * 1024
"""A product takes about 300 bytes, an order about 700. The largest order (192 KB) with the most
that four writers may add to it apart (64 KB each) still loads; beyond this it is not ours."""

HISTORY_BYTES_MAX: Final = 8 * 1024
"""A product takes about 600 bytes; 2,500 edits of one take 8 KB and load in some 12 ms. From there
on its owner goes on without the history (`forget_history`)."""

_MAGIC: Final = b"\x85oJ\x83"
"""How everything that Automerge saves begins."""

_FIELDS: Final = "fields"
_EVENTS: Final = "events"


def actor_for(writer: str, boot: str) -> bytes:
    """The Automerge actor of one start of one writer: 16 bytes, never reused by another start."""
    return hashlib.sha256(f"{writer}/{boot}".encode()).digest()[:16]


def is_document(data: bytes) -> bool:
    """Whether these bytes claim to be a saved document; `EntityDocument.load` says if they are."""
    return data.startswith(_MAGIC)


class EntityDocument:
    """One entity's document. Mutable: a replica of it lives in the caller's database as bytes."""

    __slots__ = ("_doc",)

    def __init__(self, doc: core.Document) -> None:
        self._doc = doc

    @classmethod
    def new(cls, actor: bytes) -> "EntityDocument":
        """An empty document; both maps are made by the same first change everywhere.

        Two replicas that create "the same" map concurrently would make two maps, of which one hides
        the other; so the maps come from one fixed actor and are identical bytes on every replica.
        """
        document = cls(_EMPTY.fork())
        document.set_actor(actor)
        return document

    @classmethod
    def saying(
        cls, actor: bytes, fields: Mapping[str, str], events: Mapping[str, str] = {}
    ) -> "EntityDocument":
        """A new document with these fields and events; cheaper than `new` and `put`."""
        document = cls.new(actor)
        document._write(fields, events)  # noqa: SLF001 - of the same class
        return document

    @classmethod
    def load(cls, saved: bytes, changes: Iterable[bytes] = ()) -> "EntityDocument":
        """Load a snapshot and the changes after it.

        Raises:
            DocumentCorrupt: the bytes do not load; nothing was half applied.
        """
        data = b"".join((saved, *changes))
        if len(data) > DOCUMENT_BYTES_MAX:
            raise DocumentCorrupt(f"document of {len(data)} bytes is above {DOCUMENT_BYTES_MAX}")
        try:
            document = cls(core.Document.load(data))
            document.fields()
            document.events()
        except BaseException as error:  # the binding's panics are no Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            raise DocumentCorrupt(f"document does not load: {error}") from None
        return document

    def set_actor(self, actor: bytes) -> None:
        """Write as `actor` from now on; `load` alone would pick a random one."""
        self._doc.set_actor(actor)

    def fields(self) -> dict[str, str]:
        """All fields, each as JSON text."""
        return self._map(_FIELDS)

    def events(self) -> dict[str, str]:
        """All events by id, each as JSON text."""
        return self._map(_EVENTS)

    def put(
        self,
        fields: Mapping[str, str] = {},
        events: Mapping[str, str] = {},
    ) -> bytes:
        """Write fields and add events in one change; returns its bytes (empty: nothing was new)."""
        heads = self._doc.get_heads()
        known_fields, known_events = self.fields(), self.events()
        new_fields = {k: v for k, v in fields.items() if known_fields.get(k) != v}
        new_events = {k: v for k, v in events.items() if k not in known_events}
        if not new_fields and not new_events:
            return b""
        self._write(new_fields, new_events)
        return b"".join(change.bytes for change in self._doc.get_changes(heads))

    def _write(self, fields: Mapping[str, str], events: Mapping[str, str]) -> None:
        with self._doc.transaction() as change:
            for name, values in ((_FIELDS, fields), (_EVENTS, events)):
                target = self._object(name)
                for key, value in values.items():
                    change.put(target, key, core.ScalarType.Str, value)

    def merge(self, other: "EntityDocument") -> bytes:
        """Take in what another replica's copy has; returns the changes that were new, as bytes."""
        heads = self._doc.get_heads()
        self._doc.merge(other._doc)  # noqa: SLF001 - of the same class
        return b"".join(change.bytes for change in self._doc.get_changes(heads))

    def forget_history(self) -> None:
        """Go on as a fresh document that says the same; for a kind that has one owner.

        A merge with a copy of before would let old values win, so nobody else may hold one. The
        actor is a new one, too: an actor never begins anew.
        """
        origin = b"".join((self._doc.get_actor(), *sorted(self._doc.get_heads())))
        actor = hashlib.sha256(origin).digest()[:16]
        fresh = EntityDocument.saying(actor, self.fields(), self.events())
        self._doc = fresh._doc  # noqa: SLF001 - of the same class

    def save(self) -> bytes:
        """The whole document as bytes, for `load`."""
        return self._doc.save()

    def _object(self, name: str) -> bytes:
        found = self._doc.get(core.ROOT, name)
        if found is None or found[0] != core.ObjType.Map:
            raise DocumentCorrupt(f"document has no map {name!r}")
        if found[1] != _MAPS.get(name):
            raise DocumentCorrupt(f"the map {name!r} is a stranger's and would hide ours")
        return found[1]

    def _map(self, name: str) -> dict[str, str]:
        target = self._object(name)
        texts: dict[str, str] = {}
        for key in self._doc.keys(target):
            found = self._doc.get(target, key)
            value = found[0] if found else None
            if not isinstance(value, tuple) or not isinstance(value[1], str):
                raise DocumentCorrupt(f"{name}[{key!r}] is not JSON text")
            texts[key] = value[1]
        return texts


def _blank() -> bytes:
    """The first change of every document, the same bytes on every machine."""
    doc = core.Document(bytes(16))
    with doc.transaction() as change:
        change.put_object(core.ROOT, _FIELDS, core.ObjType.Map)
        change.put_object(core.ROOT, _EVENTS, core.ObjType.Map)
    return doc.save()


_EMPTY: Final = core.Document.load(_blank())
"""What every new document is forked from; nobody writes into it."""

_MAPS: Final = {
    name: found[1]
    for name in (_FIELDS, _EVENTS)
    if (found := _EMPTY.get(core.ROOT, name)) is not None
}
"""The objects that the first change made; another under their name is by who does not know it."""
