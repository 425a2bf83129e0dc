"""What entries say about the lives of a box, as the hub writes and reads them. Pure."""

import hashlib
from typing import Final, NamedTuple

import msgspec

from replication.escrow import CellChange
from replication.journal import EntryBody
from replication.relaying import WITNESSED, check_witnessed
from web.journal_pages import contents_of

RECLAIMED: Final = "rights_reclaimed"
CONCEDED: Final = "rights_conceded"

HELD: Final = "held"
RIGHTS: Final = "rights"
"""In a line of `Conceded`: the writer's own quota, and no level."""


class ReclaimedLine(NamedTuple):
    """Rights of a SKU or an allowance that were taken back, and units of holds that were ended."""

    sku: str
    units: int
    held: int


class Reclaimed(msgspec.Struct, frozen=True, kw_only=True):
    """What was taken back of a fenced writer, as journalled."""

    writer: str
    lines: tuple[ReclaimedLine, ...]


class ConcededLine(NamedTuple):
    """Units that a fenced writer lacked, or that its last entries left a level below zero by."""

    sku: str
    level: str
    units: int


class Conceded(msgspec.Struct, frozen=True, kw_only=True):
    """What was made good for a fenced writer as a deficit, as journalled.

    Without lines the entry only covers what others had conceded.
    """

    writer: str
    lines: tuple[ConcededLine, ...]


def sale_digest(record: bytes) -> bytes:
    """What tells two sales of one id apart: their contents, however they are written down."""
    return hashlib.sha256(contents_of(record)).digest()


def cells_told(body: EntryBody) -> list[CellChange]:
    """All cells that an entry tells of: its writer's, and those that it tells in another's place.

    Raises:
        PeerViolation: it tells what is not for it to tell.
    """
    return check_witnessed(body).cells if body.kind == WITNESSED else body.cells
