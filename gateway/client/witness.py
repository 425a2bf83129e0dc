"""The witness: how far a gateway's journal had come when it answered, ``writer;seq;hash``.

A writer is ``<location>.<incarnation>``: only a gateway answers with witnesses. Those of one
location are ordered by incarnation, then by seq; a higher one proves that the journal once reached
that far.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

HEADER: Final = "Countertop-Witness"
"""In every answer of a gateway, and in every request of a register."""

SHAPE: Final = re.compile(
    r"([a-z0-9][a-z0-9-]{0,62})\.([1-9][0-9]{0,8});([0-9]{1,18});([0-9a-zA-Z_-]{0,128})"
)
"""What a header is believed to be: bounded in every part, as it comes from the network."""

HASH: Final = re.compile(r"[0-9a-f]{64}")
"""The hash of an entry, as gateways write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """One position in one writer's journal."""

    location: str
    incarnation: int
    seq: int
    entry_hash: str
    """Hash of the entry at `seq`; empty for a journal without entries."""

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a header; None when it is not one of ours."""
        shape = SHAPE.fullmatch(text)
        if shape is None:
            return None
        location, incarnation, seq, entry_hash = shape.groups()
        return cls(
            location=location, incarnation=int(incarnation), seq=int(seq), entry_hash=entry_hash
        )

    @property
    def writer(self) -> str:
        """The journal's writer, such as ``riverside.1``."""
        return f"{self.location}.{self.incarnation}"

    @property
    def is_whole(self) -> bool:
        """Whether the hash is one; before the first entry there may be none."""
        is_none = self.seq == 0 and not self.entry_hash
        return is_none or HASH.fullmatch(self.entry_hash) is not None

    def __str__(self) -> str:
        return f"{self.writer};{self.seq};{self.entry_hash}"

    def above(self, other: "Witness | None") -> bool:
        """Whether this one proves more than `other`, which is of the same location or None."""
        if other is None:
            return True
        assert self.location == other.location, "witnesses of two locations are not compared"
        return (self.incarnation, self.seq) > (other.incarnation, other.seq)
