"""Goal: each kind of printer prints what is spooled once, and what is wrong with it is shown.

Method: the real spool, writer thread and worker on a real file, and the simulated printer over TCP
or a serial line; or something on its port that is no printer at all.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from devices.printer import Pace
from devices.sim.printer import SimPrinter
from gateway.printing import printer_worker
from gateway.printing.printer_worker import SHARED
from gateway.status.report import DeviceState
from replication.ids import EntryId
from tests.spooling import counter, spooling

DRAWER = "open_is_high"
HASTE = Pace(answer_s_max=0.3, poll_s=0.05, quiet_polls_max=2, write_s_max=0.3)


async def test_its_condition_is_shown_while_it_is_idle(data: Path) -> None:
    async with counter(data, drawer=DRAWER, idle_s=0.01) as (printer, spool):
        spool.start()
        worker = spool.worker
        await spool.until_ready()
        for words, is_shown in [
            ("paper low", lambda: worker.paper_near_end is True),
            ("paper new", lambda: worker.paper_near_end is False),
            ("paper out", lambda: worker.detail == "paper out"),
            ("paper in", lambda: worker.state is DeviceState.READY),
            ("cover open", lambda: worker.detail == "cover open"),
            ("cover closed", lambda: worker.state is DeviceState.READY),
            ("jam", lambda: "error" in worker.detail),
            ("jam cleared", lambda: worker.state is DeviceState.READY),
            ("unplug", lambda: worker.state is DeviceState.GONE and worker.drawer_open is None),
            ("plug", lambda: worker.state is DeviceState.READY),
        ]:  # type: tuple[str, Callable[[], bool]]
            printer.command(words)
            await spool.until(is_shown)


async def test_strangers_cuts_are_noticed_and_the_setting_is_not_believed_for_a_day(
    data: Path, sales: list[EntryId], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counter(data, exclusive=True) as (printer, spool):
        spool.start()
        await spool.until_ended(await spool.add_receipt(sales[0]))
        printer.command("another")
        await spool.until_ended(await spool.add_receipt(sales[1]))
        assert spool.worker.is_shared
        printer.command("drop at cut")
        job = await spool.add_receipt(sales[2])

        assert (await spool.until_ended(job)).state == "doubt"
        await spool.resolve(job, printed=True)
        await spool.until(lambda: spool.worker.detail == SHARED)
        monkeypatch.setattr(printer_worker, "SHARED_MS", 0)
        assert not spool.worker.is_shared, "a day later"


async def test_our_own_cut_of_a_job_in_doubt_is_no_strangers(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data, exclusive=True, pace=HASTE) as (printer, spool):
        spool.start()
        await spool.until_ready()
        printer.command("no counter at cut")
        printer.command("drop at cut")
        job = await spool.add_receipt(sales[0])
        assert (await spool.until_ended(job)).state == "doubt"
        printer.command("counter")
        await spool.until_ended(await spool.add_receipt(sales[1]))
        assert not spool.worker.is_shared
        await spool.resolve(job, printed=True)
        spool.kill()
        spool.start()
        await spool.until_ended(await spool.add_receipt(sales[2]))

        assert not spool.worker.is_shared


async def test_after_a_restart_the_last_count_is_still_known(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data, exclusive=True) as (printer, spool):
        spool.start()
        await spool.until_ended(await spool.add_receipt(sales[0]))
        spool.kill()
        printer.command("another")
        spool.start()
        await spool.until_ended(await spool.add_receipt(sales[1]))

        assert spool.worker.is_shared


async def test_a_serial_printer_prints_and_stops_us_when_its_buffer_is_full(
    data: Path, sales: list[EntryId], tmp_path: Path
) -> None:
    link = tmp_path / "printer"
    async with (
        SimPrinter.on_line(link=link) as printer,
        spooling(data, str(link), drawer=DRAWER) as spool,
    ):
        spool.start()
        await spool.until_ready()
        printer.command("full after 100 bytes")
        job = await spool.add_receipt(sales[0])
        await printer.until(lambda _: printer.bytes_taken > 100)
        printer.command("room")

        assert (await spool.until_ended(job)).state == "printed"
        await spool.until(lambda: spool.worker.drawer_open is True)
    assert len(printer.receipts) == 1


@pytest.mark.parametrize("kind", ["tcp", "pty"])
async def test_gone_and_back_ten_times_each_receipt_is_printed_once(
    data: Path, sales: list[EntryId], tmp_path: Path, kind: str
) -> None:
    link = tmp_path / "printer"
    printing = SimPrinter.on_line(link=link) if kind == "pty" else SimPrinter.listening()
    async with printing as printer, spooling(data, printer.address, exclusive=True) as spool:
        spool.start()
        for _ in range(10):
            await spool.until_ready()
            printer.command("unplug")
            job = await spool.add_receipt(sales[0], kicks=False)
            await spool.until(lambda: spool.worker.state is DeviceState.GONE)
            printer.command("plug")
            assert (await spool.until_ended(job)).state == "printed"

    assert len(printer.receipts) == 10
    assert not [text for text in printer.receipts if "DUPLICATE" in text]


async def test_switched_off_in_the_middle_of_a_picture_it_is_printed_whole_and_marked(
    data: Path, sales: list[EntryId]
) -> None:
    async with counter(data, mode="raster") as (printer, spool):
        spool.start()
        await spool.until_ready()
        size = len(spool.bytes_of(spool.receipt_job(sales[0])))
        printer.command(f"power cycle after {21 + size // 2} bytes")
        job = await spool.add_receipt(sales[0])
        ended = await spool.until_ended(job)
        marked = spool.bytes_of(spool.job(job))

        assert (ended.state, ended.marked) == ("printed", True)
    (picture,) = printer.mechanism.pictures
    assert picture is not None
    expected = SimPrinter()
    expected.mechanism.receive_bytes(marked)
    (whole,) = expected.mechanism.pictures
    assert whole is not None
    assert picture.rows.endswith(whole.rows)
    assert picture.height_dots > whole.height_dots, "a piece of the first hangs above it"


@asynccontextmanager
async def impostor(answer: bytes, *, endless: bool) -> AsyncIterator[str]:
    """Something on port 9100 that is no printer; its address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.read(1_000):
                writer.write(answer)
                while endless:
                    writer.write(answer)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "endless"),
    [
        (b"", False),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (b"\xff" * 4_096, True),
        (b"\x37\x22abcd\x00\x5f12\x00\x10\x00\x00\x00" * 100, True),
    ],
)
async def test_what_is_no_printer_is_sent_no_job_and_holds_up_nobody(
    data: Path, sales: list[EntryId], answer: bytes, *, endless: bool
) -> None:
    async with (
        impostor(answer, endless=endless) as address,
        spooling(data, address, pace=HASTE) as spool,
    ):
        spool.start()
        job = await spool.add_receipt(sales[0])
        await spool.until(lambda: "does not answer" in spool.worker.detail)
        another = await spool.add_receipt(sales[1])

        assert [spool.job(one).state for one in (job, another)] == ["waiting", "waiting"]
        assert spool.worker.waiting_jobs() == 2
