"""Goal: what is spooled is printed, or says why not; a kick is sent at most once.

Method: the real spool, writer thread and worker on a real file, and the simulated printer over TCP
or a serial line. What counts is its paper and its drawer.
"""

import gzip
from pathlib import Path

import msgspec
import pytest
from PIL import Image

from devices.paper import Document, Logo, Text
from devices.printer import Pace
from devices.sim.printer import SimPrinter
from gateway import app as gateway_app
from gateway.printing import spool as rows
from gateway.printing.printer_worker import ASIDE, KICK_MS_MAX
from gateway.selling.selling_api import print_copy
from gateway.status.report import DeviceState
from replication.adapters.sqlite import ReplicaStore, connect
from replication.ids import EntryId
from retail.selling.sales import Sale
from tests.chain_sides import command
from tests.spooling import Spooling, counter
from web.journal_pages import sale_record
from web.once import Done
from web.problems import Problem

DRAWER = "open_is_high"
HASTE = Pace(answer_s_max=0.3, poll_s=0.05, quiet_polls_max=2, write_s_max=0.3)


def note(words: str) -> Document:
    return Document(language="en", blocks=(Text(words),))


# --- documents ------------------------------------------------------------------------------------


async def test_documents_wait_for_a_printer_and_come_in_order(data: Path) -> None:
    async with counter(data) as (printer, spool):
        jobs = [await spool.add_document(note(f"page {n}"), f"Page {n}") for n in range(3)]
        assert spool.worker.waiting_jobs() == 3
        spool.start()
        for job in jobs:
            assert job is not None
            assert (await spool.until_ended(job)).state == "printed"

    assert [text.strip() for text in printer.receipts] == ["page 0", "page 1", "page 2"]


async def test_what_cannot_be_spooled_is_refused_and_changes_nothing(data: Path) -> None:
    huge = Document(language="en", blocks=(Text("x" * 500),) * 600)
    async with counter(data) as (_, spool):
        before = rows.jobs(spool.reader)
        assert await spool.add_document(huge) is None
        assert await spool.add_kick() is None, "this printer has no drawer"
        elsewhere = await spool.writer.submit(
            lambda: rows.add_document(spool.shop, "kitchen", note("x"), "x")
        )
        nowhere = await spool.writer.submit(
            lambda: rows.add(spool.shop, "till-9", EntryId("riverside.1-3"))
        )

        assert (elsewhere, nowhere) == (None, False)
        assert rows.jobs(spool.reader) == before


async def test_beyond_the_limit_receipts_are_set_aside_and_say_so(
    data: Path, sales: list[EntryId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "WAITING_JOBS_MAX", 2)
    async with counter(data) as (_, spool):
        jobs = [await spool.add_receipt(sale) for sale in sales]

        assert await spool.add_document(note("one more")) is None
        assert [spool.job(job).state for job in jobs] == ["waiting", "waiting", "aside"]
        assert "waited for the printer already" in spool.job(jobs[2]).reason


async def test_a_copy_beyond_the_limit_is_refused_to_the_person_who_asks(
    data: Path, sales: list[EntryId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "WAITING_JOBS_MAX", 1)
    async with counter(data) as (_, spool):
        sale = msgspec.json.decode(sale_record(spool.reader, sales[0]) or b"", type=Sale)
        taken = await spool.writer.submit(lambda: print_copy(spool.shop, command(), sale))
        before = (rows.jobs(spool.reader), spool.shop.ledger.next_seq)
        refused = await spool.writer.submit(lambda: print_copy(spool.shop, command(), sale))

        assert isinstance(taken, Done)
        assert isinstance(refused, Problem)
        assert refused.detail == "Too many jobs wait for counter already."
        assert (rows.jobs(spool.reader), spool.shop.ledger.next_seq) == before


async def test_a_job_that_nobody_can_read_does_not_stop_the_others(data: Path) -> None:
    async with counter(data) as (printer, spool):
        strange = await spool.add_document(note("strange"))
        good = await spool.add_document(note("good"))
        assert strange is not None
        assert good is not None
        await spool.writer.submit(
            lambda: spool.shop.connection.execute(
                """UPDATE print_job SET document = '{"sings": true}' WHERE id = ?""",
                (strange,),
            ).fetchall()
        )
        spool.start()

        assert (await spool.until_ended(good)).state == "printed"
        assert spool.job(strange).state == "aside"
        assert "cannot read the job" in spool.job(strange).reason
    assert [text.strip() for text in printer.receipts] == ["good"]


async def test_a_receipt_that_cannot_be_made_is_shown_until_its_copy_is_printed(
    data: Path, sales: list[EntryId], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counter(data) as (printer, spool):
        with monkeypatch.context() as broken:
            broken.setattr(spool.receipts, "of", lambda _: 1 // 0)
            spool.start()
            job = await spool.add_receipt(sales[0])
            assert (await spool.until_ended(job)).state == "aside"
        assert "ZeroDivisionError" in spool.job(job).reason
        title = spool.job(job).title
        await spool.until(lambda: spool.worker.detail == f"{ASIDE}: {title}")

        await spool.until_ended(await spool.add_receipt(sales[0], copy=True))
        await spool.until_ready()
    assert len(printer.receipts) == 1


async def test_a_receipt_of_a_sale_that_is_not_here_does_not_stop_the_others(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data) as (_, spool):
        spool.start()
        lost = await spool.add_receipt(EntryId("riverside.1-9999"))

        assert (await spool.until_ended(await spool.add_receipt(sales[0]))).state == "printed"
        assert spool.job(lost).state == "aside"


async def test_with_a_broken_logo_it_is_printed_without(data: Path) -> None:
    broken = Image.new("1", (8, 8))
    broken.close()
    async with counter(data) as (printer, spool):
        spool.receipts.logo = broken
        job = await spool.add_document(Document(language="en", blocks=(Logo(), Text("still here"))))
        assert job is not None
        spool.start()

        assert (await spool.until_ended(job)).state == "printed"
        assert "without the logo" in spool.job(job).reason
    assert [text.strip() for text in printer.receipts] == ["still here"]


async def test_jobs_that_have_ended_are_deleted_in_time_and_those_in_doubt_stay(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KEPT_JOBS", 2)
    async with counter(data) as (_, spool):
        doubtful = await spool.add_document(note("doubtful"))
        assert doubtful is not None
        await spool.writer.submit(lambda: rows.mark(spool.shop, doubtful, "doubt"))
        spool.start()
        jobs = [await spool.add_document(note(f"page {n}")) for n in range(5)]
        assert jobs[4] is not None
        await spool.until_ended(jobs[4])

        assert {job.id for job in rows.jobs(spool.reader)} == {doubtful, jobs[3], jobs[4]}
        assert rows.jobs(spool.reader)[0].id == doubtful


# --- a person -------------------------------------------------------------------------------------


async def in_doubt(printer: SimPrinter, spool: Spooling, sale: EntryId) -> int:
    """A receipt that came out, of which the printer will not say so."""
    printer.command("drop at cut")
    spool.start()
    job = await spool.add_receipt(sale)
    assert (await spool.until_ended(job)).state == "doubt"
    return job


async def test_a_doubt_is_shown_until_a_person_has_looked(data: Path, sales: list[EntryId]) -> None:
    async with counter(data) as (printer, spool):
        job = await in_doubt(printer, spool, sales[0])
        assert [one.id for one in spool.worker.in_doubt()] == [job]
        await spool.until(lambda: spool.worker.state is DeviceState.ATTENTION)
        assert spool.job(job).title in spool.worker.detail

        resolved = await spool.resolve(job, printed=True)
        await spool.until(lambda: spool.worker.state is DeviceState.READY)

        assert resolved is not None
        assert spool.job(job).state == "printed"
        assert await spool.resolve(job, printed=False) is None, "it is settled"
        assert await spool.resolve(10_000, printed=True) is None
    assert len(printer.receipts) == 1


async def test_what_a_person_did_not_find_is_printed_with_the_mark_and_without_a_kick(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data, drawer=DRAWER) as (printer, spool):
        job = await in_doubt(printer, spool, sales[0])
        await spool.resolve(job, printed=False)
        await spool.until_ended(job)

    assert ["POSSIBLE DUPLICATE" in text for text in printer.receipts] == [False, True]
    assert printer.mechanism.kicks == 1


async def test_what_a_printer_still_held_when_a_person_was_asked_never_prints(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data, pace=HASTE) as (printer, spool):
        spool.start()
        await spool.until_ready()
        printer.command("hold after 3 lines")
        job = await spool.add_receipt(sales[0])
        await printer.until(lambda inside: inside.held_bytes > 0)
        printer.command("drop")
        assert (await spool.until_ended(job)).state == "doubt"
        await spool.resolve(job, printed=False)
        await spool.until(lambda: spool.worker.waiting_jobs() == 1)
        printer.command("go on")
        await spool.until_ended(job)

    assert len(printer.receipts) == 1
    assert "POSSIBLE DUPLICATE" in printer.receipts[0]


async def test_a_copy_answers_for_a_doubt(data: Path, sales: list[EntryId]) -> None:
    async with counter(data) as (printer, spool):
        job = await in_doubt(printer, spool, sales[0])
        copy = await spool.add_receipt(sales[0], copy=True)
        await spool.until_ended(copy)

        assert spool.job(job).state == "printed"
        assert spool.worker.in_doubt() == []
    assert ["COPY" in text for text in printer.receipts] == [False, True]


async def test_jobs_behind_a_doubt_go_on(data: Path, sales: list[EntryId]) -> None:
    async with counter(data) as (printer, spool):
        await in_doubt(printer, spool, sales[0])

        assert (await spool.until_ended(await spool.add_receipt(sales[1]))).state == "printed"


# --- the drawer -----------------------------------------------------------------------------------


async def test_only_the_first_paper_of_a_cash_sale_opens_the_drawer(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data, drawer=DRAWER) as (printer, spool):
        spool.start()
        await spool.until_ended(await spool.add_receipt(sales[0]))
        await spool.until(lambda: spool.worker.drawer_open is True)
        await spool.until_ended(await spool.add_receipt(sales[0], copy=True))
        await spool.until_ended(await spool.add_receipt(sales[1], kicks=False))

    assert printer.mechanism.kicks == 1


async def test_a_printer_without_a_drawer_is_never_kicked(data: Path, sales: list[EntryId]) -> None:
    async with counter(data) as (printer, spool):
        spool.start()
        await spool.until_ended(await spool.add_receipt(sales[0]))

        assert spool.worker.drawer_open is None
    assert printer.mechanism.kicks == 0


async def test_a_drawer_is_not_kept_waiting_by_receipts(data: Path, sales: list[EntryId]) -> None:
    async with counter(data, drawer=DRAWER) as (printer, spool):
        receipts = [await spool.add_receipt(sale, kicks=False) for sale in sales]
        kick = await spool.add_kick()
        assert kick is not None
        printer.command("hold")
        spool.start()

        assert (await spool.until_ended(kick)).state == "printed"
        assert [spool.job(job).state for job in receipts].count("printed") == 0
        printer.command("go on")
        await spool.until_ended(receipts[-1])
    assert printer.mechanism.kicks == 1


async def test_a_kick_that_came_too_late_is_not_sent(data: Path) -> None:
    async with counter(data, drawer=DRAWER) as (printer, spool):
        kick = await spool.add_kick()
        assert kick is not None
        await spool.writer.submit(
            lambda: spool.shop.connection.execute(
                "UPDATE print_job SET created_ms = created_ms - ?", (KICK_MS_MAX + 1,)
            ).fetchall()
        )
        spool.start()

        assert (await spool.until_ended(kick)).state == "aside"
        assert "not ready within 15 s" in spool.job(kick).reason
    assert printer.mechanism.kicks == 0


@pytest.mark.parametrize(
    "fault", ["kill after 9 bytes", "drop after 14 bytes", "silent after 14 bytes"]
)
async def test_a_kick_whose_outcome_nobody_knows_is_never_repeated(data: Path, fault: str) -> None:
    async with counter(data, drawer=DRAWER, pace=HASTE) as (printer, spool):
        spool.start()
        await spool.until_ready()
        printer.acts["kill"] = spool.kill
        kick = await spool.writer.submit(lambda: rows.add_kick(spool.shop, "counter"))
        assert kick is not None
        printer.command(fault)
        if fault.startswith("kill"):
            await printer.until(lambda _: printer.bytes_taken >= 9)
            spool.start()
        ended = await spool.until_ended(kick)

        assert ended.state in {"aside", "printed"}
        assert printer.mechanism.kicks <= 1


async def test_a_late_receipt_opens_no_drawer(data: Path, sales: list[EntryId]) -> None:
    async with counter(data, drawer=DRAWER) as (printer, spool):
        job = await spool.add_receipt(sales[0])
        await spool.writer.submit(
            lambda: spool.shop.connection.execute(
                "UPDATE print_job SET created_ms = created_ms - ?", (KICK_MS_MAX + 1,)
            ).fetchall()
        )
        spool.start()

        assert (await spool.until_ended(job)).state == "printed"
    assert printer.mechanism.kicks == 0


# --- older files ----------------------------------------------------------------------------------


def test_jobs_of_an_older_file_are_kept_but_for_those_that_were_printed_long_ago(
    tmp_path: Path,
) -> None:
    old = Path(__file__).parents[1] / "golden" / "files_v1" / "gateway.db.gz"
    path = tmp_path / gateway_app.DATABASE
    path.write_bytes(gzip.decompress(old.read_bytes()))
    before = connect(path)
    before.execute("DELETE FROM print_job")
    states = ["printed", "doubt", "sent", "waiting"]
    for number, state in enumerate(states, 41):
        before.execute(
            "INSERT INTO print_job VALUES (?, 'counter', ?, 0, ?, ?)",
            (number, f"riverside.1-{number}", state, 7 if state == "sent" else None),
        )
    before.execute("INSERT INTO print_job VALUES (3, 'counter', 'riverside.1-3', 0, 'doubt', 1)")
    before.execute("INSERT INTO print_job VALUES (4, 'counter', 'riverside.1-4', 0, 'printed', 1)")
    before.execute("UPDATE print_job SET id = id + 3000 WHERE id > 40")
    before.close()

    gateway_app.open_database(tmp_path).close()

    store = ReplicaStore(connect(path, read_only=True))
    doubtful, *kept = sorted(rows.jobs(store))
    assert (doubtful.id, doubtful.state, doubtful.cut_counter) == (3, "doubt", 1)
    assert [(job.id, job.state, job.sale) for job in kept] == [
        (3000 + number, state, f"riverside.1-{number}") for number, state in enumerate(states, 41)
    ]
    assert [job.cut_counter for job in kept] == [None, None, 7, None]
    assert {job.kind for job in kept} == {"receipt"}
    first = rows.next_job(store, "counter")
    assert first is not None
    assert first.id == 3043
