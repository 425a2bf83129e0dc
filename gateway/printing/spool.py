"""The spool: what is on its way to paper, as rows, and the verbs that write them.

A receipt's job is written in its sale's own commit: only a committed sale prints, and none is
forgotten. One worker per printer (`gateway.printing.printer_worker`) takes its jobs in order:

    waiting ---> sent ---> printed
       ^          |
       |          +------> doubt      the printer cannot say: a person looks (`resolve`)
       +------ not printed
    waiting --------------> aside     it cannot be printed: the reason is told

Before the first byte leaves, a job is marked as sent with the printer's cut counter; a job found in
that state (after a crash, a broken link) is settled by asking the printer, never simply sent again.

All verbs here run on the writer thread, in an open transaction.
"""

import logging
from typing import Final, NamedTuple

import msgspec

from devices.paper import Document
from gateway.shop import News, Shop
from replication.adapters.sqlite import ReplicaStore
from replication.ids import EntryId

log: Final = logging.getLogger(__name__)

REPRINT: Final = "reprint"
"""The kind of an entry that says that a paper was printed again."""

PRINT: Final = "print"
"""News that a job waits; for the spool's workers, not for registers."""

WAITING_JOBS_MAX: Final = 1_000
"""Per printer; a busy till's day. A receipt beyond it is set aside: its copy can be printed later,
and nobody wants the paper of a week when a printer comes back."""

DOCUMENT_BYTES_MAX: Final = 256 * 1024
"""Of a stored document as JSON; a picking slip of 1,000 lines has some 100 KiB."""

KEPT_JOBS: Final = 2_000
"""So many jobs back, those that have ended are kept for whoever asks; older ones are deleted."""

TITLE_CHARS_MAX: Final = 120
REASON_CHARS_MAX: Final = 400


class Job(NamedTuple):
    """One row of the spool. Of `sale`, `order_id` and `document` at most one is set (`kind`)."""

    id: int
    printer: str
    kind: str
    title: str
    sale: EntryId | None
    order_id: str | None
    document: str | None
    copy: bool
    kicks: bool
    marked: bool
    state: str
    cut_counter: int | None
    reason: str
    created_ms: int


_COLUMNS: Final = (
    "id, printer, kind, title, sale, order_id, document, copy, kicks, marked, state, cut_counter, "
    "reason, created_ms"
)
_OPEN: Final = "state IN ('waiting', 'sent')"


def add(
    shop: Shop, register: str, sale: EntryId, *, copy: bool = False, kicks: bool = False
) -> bool:
    """Spool a receipt; False where the register has no printer.

    `kicks` opens the drawer with the first paper, where the printer has one.
    """
    printer = shop.printers.get(register)
    if printer is None:
        return False
    if copy:  # whoever asks for a copy has looked at what the printer left in doubt
        shop.connection.execute(
            "UPDATE print_job SET state = 'printed', reason = 'a copy was printed' "
            "WHERE sale = ? AND state = 'doubt'",
            (sale,),
        )
    full = is_full(shop, printer)
    shop.connection.execute(
        "INSERT INTO print_job (printer, kind, title, sale, copy, kicks, marked, state, reason, "
        "created_ms) VALUES (?, 'receipt', ?, ?, ?, ?, 0, ?, ?, ?)",
        (
            printer,
            f"Receipt {sale}",
            sale,
            int(copy),
            int(kicks and not copy),
            "aside" if full else "waiting",
            _FULL if full else "",
            shop.ledger.now_ms,
        ),
    )
    shop.tell(News(type=PRINT))
    return True


def add_document(shop: Shop, printer: str, document: Document, title: str) -> int | None:
    """Spool a slip, a ticket or a test page.

    Returns:
        The job's id; None where there is no such printer, where `WAITING_JOBS_MAX` wait for it
        already, or where the document is larger than `DOCUMENT_BYTES_MAX`.
    """
    text = msgspec.json.encode(document)
    if printer not in shop.printer_settings or len(text) > DOCUMENT_BYTES_MAX:
        return None
    return _insert(shop, printer, "document", title, document=text.decode())


def add_kick(shop: Shop, printer: str) -> int | None:
    """Spool the pulse that opens a drawer; None where there is no such printer, or no drawer."""
    setting = shop.printer_settings.get(printer)
    if setting is None or setting.drawer == "none":
        return None
    return _insert(shop, printer, "kick", "Drawer")


def add_slips(shop: Shop, order_id: str, *, more: bool = False) -> None:
    """Spool an order's picking slip wherever slips are printed; once, however often it is heard.

    Where there is `more` to pick than before, another one, of all that is kept then.
    """
    known = shop.connection.execute("SELECT 1 FROM picking_slip WHERE order_id = ?", (order_id,))
    if known.fetchone() is not None and not more:
        return
    shop.connection.execute("INSERT OR IGNORE INTO picking_slip VALUES (?)", (order_id,))
    for setting in shop.printer_settings.values():
        if setting.slips:
            _insert(shop, setting.name, "slip", f"Picking slip {order_id}", order_id=order_id)


def is_full(shop: Shop, printer: str) -> bool:
    """Whether nothing more is spooled for this printer now; the log says so."""
    full = waiting_count(shop.store, printer) >= WAITING_JOBS_MAX
    if full:
        log.warning(
            "the spool of a printer is full", extra={"action": "spool_full", "printer": printer}
        )
    return full


def resolve(shop: Shop, job: int, *, printed: bool) -> Job | None:
    """A person has looked for the paper of a job in doubt; None when there is no such job.

    What was not printed is printed now, marked as a possible duplicate: the person may have looked
    in the wrong place.
    """
    found = find(shop.store, job)
    if found is None or found.state != "doubt":
        return None
    if printed:
        shop.connection.execute(
            "UPDATE print_job SET state = 'printed', reason = 'a person saw it' WHERE id = ?",
            (job,),
        )
    else:
        shop.connection.execute(
            "UPDATE print_job SET state = 'waiting', marked = 1, kicks = 0, cut_counter = NULL, "
            "reason = 'a person did not find it' WHERE id = ?",
            (job,),
        )
    shop.tell(News(type=PRINT))
    return found


def mark(
    shop: Shop, job: int, state: str, *, cut_counter: int | None = None, reason: str = ""
) -> None:
    """Write where a job stands; old jobs that have ended are deleted on the way."""
    shop.connection.execute(
        "UPDATE print_job SET state = ?, cut_counter = ?, reason = ? WHERE id = ?",
        (state, cut_counter, reason[:REASON_CHARS_MAX], job),
    )
    if state in {"printed", "aside"}:
        shop.connection.execute(
            "DELETE FROM print_job WHERE id <= ? AND state IN ('printed', 'aside')",
            (job - KEPT_JOBS,),
        )


def mark_unprinted(shop: Shop, job: int) -> None:
    """The printer said that nothing was cut: print it again, with the mark and without a kick."""
    shop.connection.execute(
        "UPDATE print_job SET state = 'waiting', marked = 1, kicks = 0, cut_counter = NULL, "
        "reason = '' WHERE id = ?",
        (job,),
    )


# What anybody may read


def find(store: ReplicaStore, job: int) -> Job | None:
    """One job, or None."""
    row = store.connection.execute(
        f"SELECT {_COLUMNS} FROM print_job WHERE id = ?",  # noqa: S608 - our own column names
        (job,),
    ).fetchone()
    return None if row is None else _job(row)


def jobs(reader: ReplicaStore, *, count_max: int = 200) -> list[Job]:
    """What has not ended, and the latest that has: newest first, those in doubt before all."""
    rows = reader.connection.execute(
        f"SELECT {_COLUMNS} FROM print_job "  # noqa: S608 - our own column names
        "ORDER BY state <> 'doubt', id DESC LIMIT ?",
        (count_max,),
    )
    return [_job(row) for row in rows]


def next_job(reader: ReplicaStore, printer: str) -> Job | None:
    """The oldest job of this printer that can be worked on; a kick before all others."""
    row = reader.connection.execute(
        f"SELECT {_COLUMNS} FROM print_job "  # noqa: S608 - our own column names
        f"WHERE printer = ? AND {_OPEN} ORDER BY kind <> 'kick', id LIMIT 1",
        (printer,),
    ).fetchone()
    return None if row is None else _job(row)


def waiting_count(reader: ReplicaStore, printer: str) -> int:
    """Jobs that will be tried by themselves; those in doubt wait for a person."""
    row = reader.connection.execute(
        f"SELECT count(*) FROM print_job WHERE printer = ? AND {_OPEN}",  # noqa: S608
        (printer,),
    ).fetchone()
    assert row is not None, "an aggregate always answers"
    return int(row[0])


def in_doubt(reader: ReplicaStore, printer: str) -> list[Job]:
    """The printer's jobs that a person has to look for, oldest first."""
    rows = reader.connection.execute(
        f"SELECT {_COLUMNS} FROM print_job "  # noqa: S608 - our own column names
        "WHERE printer = ? AND state = 'doubt' ORDER BY id LIMIT 100",
        (printer,),
    )
    return [_job(row) for row in rows]


def lately_aside(reader: ReplicaStore, printer: str, after_ms: int) -> Job | None:
    """The last job spooled since then that was set aside, a late kick apart; None after a copy."""
    row = reader.connection.execute(
        f"SELECT {_COLUMNS} FROM print_job AS one "  # noqa: S608 - our own column names
        "WHERE printer = ? AND state = 'aside' AND kind <> 'kick' AND created_ms > ? "
        "AND NOT EXISTS (SELECT 1 FROM print_job WHERE sale = one.sale AND id > one.id) "
        "ORDER BY id DESC LIMIT 1",
        (printer, after_ms),
    ).fetchone()
    return None if row is None else _job(row)


def last_count(reader: ReplicaStore, printer: str) -> int | None:
    """What the cutter must have counted after the last job; None where nobody knows.

    After a job that ended in doubt nobody does: its cut may have been made or not.
    """
    row = reader.connection.execute(
        "SELECT cut_counter FROM print_job WHERE printer = ? AND kind <> 'kick' "
        "AND state IN ('printed', 'doubt') ORDER BY id DESC LIMIT 1",
        (printer,),
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


_FULL: Final = f"{WAITING_JOBS_MAX} jobs waited for the printer already"


def _insert(
    shop: Shop,
    printer: str,
    kind: str,
    title: str,
    *,
    document: str | None = None,
    order_id: str | None = None,
) -> int | None:
    if is_full(shop, printer):
        return None
    shop.connection.execute(
        "INSERT INTO print_job (printer, kind, title, document, order_id, copy, kicks, marked, "
        "state, reason, created_ms) VALUES (?, ?, ?, ?, ?, 0, 0, 0, 'waiting', '', ?)",
        (printer, kind, title[:TITLE_CHARS_MAX], document, order_id, shop.ledger.now_ms),
    )
    shop.tell(News(type=PRINT))
    return shop.connection.last_insert_rowid()


def _job(row: tuple[object, ...]) -> Job:
    job = Job(*row)  # type: ignore[arg-type] # the columns are in the order of the fields
    return job._replace(copy=bool(job.copy), kicks=bool(job.kicks), marked=bool(job.marked))
