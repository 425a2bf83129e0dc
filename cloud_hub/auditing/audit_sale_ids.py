"""Is each sale's id one sale's? The audit of what was told under one id in two contents (E5).

A sale that somebody booked in its writer's place has its writer's id. Two boxes that went on from
one image both gave the places after it, and the hub knows of such boxes: of those whose branch it
took, or which it made another incarnation. Elsewhere one of the two sales never was, and a person
has to find out which.
"""

from collections.abc import Callable, Container

import msgspec

from cloud_hub.auditing.audit_findings import Findings, HeardEntry
from cloud_hub.lives.records import sale_digest
from replication.ids import location_of
from replication.journal import EntryBody
from web.journal_pages import SALE_KIND
from web.lives import RECOVERED_SALE


class SaleIdAudit:
    """Looks at recovered sales, which are few, then at what stands in the places they name."""

    def __init__(self, findings: Findings) -> None:
        """Begin with nothing."""
        self._findings = findings
        self._told: dict[str, dict[bytes, str]] = {}

    def take(self, entry: HeardEntry) -> None:
        """Look at one entry, whatever it is about."""
        if entry.body.kind == RECOVERED_SALE:
            contents = self._told.setdefault(entry.body.reference, {})
            contents.setdefault(sale_digest(entry.body.record), entry.place)

    def finish(self, body_of: Callable[[str], bytes | None], parted: Container[str]) -> None:
        """Compare; of the writers in `parted` the hub knows that a place was given twice."""
        for sale, contents in sorted(self._told.items()):
            writer = sale.rpartition("-")[0]
            data = body_of(sale)
            body = None if data is None else msgspec.json.decode(data, type=EntryBody)
            if body is not None and body.kind == SALE_KIND:
                contents.setdefault(sale_digest(body.record), sale)
            if len(contents) > 1 and writer not in parted:
                self._findings.add(
                    "E5", f"{sale} was told as {len(contents)} different sales",
                    sorted(contents.values()), location=location_of(writer),
                )  # fmt: skip
