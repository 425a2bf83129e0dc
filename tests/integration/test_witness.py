"""Goal: what we print is what somebody else's code reads: text, pictures, codes, the drawer.

Method: the real spool and worker send to `emupos`, an ESC/POS interpreter that this project did not
write, over TCP; what it says that it printed is compared with what was meant. Then cells of the
fault matrix: what happens, happens at an exact byte, in a cable of ours.
"""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from PIL import Image, ImageChops

from devices.paper import Barcode, Document, Logo, Pair, Qr, Rule, Text
from devices.printer_wire import KICK_DRAWER, READ_TURN
from devices.shaping import check_shaping
from devices.sim.mechanism import Mechanism
from gateway.config import ReceiptSetting
from gateway.status.report import DeviceState
from replication.ids import EntryId
from tests.printing_faults import EXPECTED_TAKEN, Cell
from tests.spooling import ENDED, Spooling, spooling
from tests.witness import ABSENT, PROGRAM, Relay, Witness, witness_running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PROGRAM.exists(), reason=ABSENT),
]

QUESTIONS_BYTES = 9
ARABIC = ReceiptSetting(language="ar")
TEXT: dict[str, Any] = {"proof": "taken", "columns": 48, "drawer": "open_is_high"}
RASTER: dict[str, Any] = {"proof": "taken", "mode": "raster", "dots": 576, "drawer": "open_is_high"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def program(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Witness]:
    """The independent printer, for all tests here."""
    async with witness_running(tmp_path_factory.mktemp("witness")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def witness(program: Witness) -> Witness:
    """The same, with new paper."""
    await program.forget()
    return program


def simulated(data: bytes) -> Mechanism:
    """The same bytes in our own simulator."""
    printer = Mechanism()
    printer.receive_bytes(data)
    return printer


def lines_of(text: str) -> list[str]:
    """The lines that hold something, with codes as emupos writes them."""
    return [
        line.strip().replace("[barcode CODE128 ", "[bars {B").replace("[qr ", "[QR ")
        for line in text.splitlines()
        if line.strip()
    ]


def picture_of(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("1")


def meant(printer: Mechanism) -> Image.Image:
    """What our simulator has on paper, which is what `devices.encode` drew."""
    (picture,) = printer.pictures
    assert picture is not None
    return Image.open(io.BytesIO(picture.pbm())).convert("1")


def assert_same_ink(theirs: Image.Image, ours: Image.Image) -> None:
    """Dot by dot; white below the last ink is nobody's."""
    box = ImageChops.invert(ours.convert("L")).getbbox()
    assert box is not None, "there is something on the paper"
    width, height = ours.width, box[3]
    assert theirs.width == width
    assert theirs.height >= height
    difference = ImageChops.difference(
        theirs.convert("L").crop((0, 0, width, height)),
        ours.convert("L").crop((0, 0, width, height)),
    )
    assert difference.getbbox() is None
    below = theirs.convert("L").crop((0, height, width, theirs.height))
    assert ImageChops.invert(below).getbbox() is None


async def printed(spool: Spooling, job: int | None) -> None:
    assert job is not None
    assert (await spool.until_ended(job)).state == "printed"


async def test_an_english_receipt_is_read_line_by_line_and_the_drawer_opens(
    witness: Witness, data: Path, sales: list[EntryId]
) -> None:
    async with spooling(data, witness.address, **TEXT) as spool:
        spool.start()
        await spool.until_ready()
        assert spool.worker.drawer_open is False
        job = await spool.add_receipt(sales[0])
        await printed(spool, job)
        await spool.until(lambda: spool.worker.drawer_open is True)
        expected = simulated(spool.bytes_of(spool.job(job))).receipts[0]

    (text,) = await witness.texts()
    assert lines_of(text) == lines_of(expected)
    assert (await witness.state())["drawer"] == "open"


async def test_a_reprint_is_marked_and_opens_no_drawer(
    witness: Witness, data: Path, sales: list[EntryId]
) -> None:
    async with spooling(data, witness.address, **TEXT) as spool:
        spool.start()
        await printed(spool, await spool.add_receipt(sales[0], copy=True))

    (text,) = await witness.texts()
    assert [line for line in lines_of(text) if "COPY" in line] == ["COPY", "COPY"]
    assert (await witness.state())["drawer"] == "closed"


async def test_a_kick_opens_the_drawer_once(witness: Witness, data: Path) -> None:
    async with spooling(data, witness.address, **TEXT) as spool:
        spool.start()
        await printed(spool, await spool.add_kick())
        assert (await witness.state())["drawer"] == "open"
        await witness.close_drawer()

    assert (await witness.state())["drawer"] == "closed"
    assert await witness.texts() == []


@pytest.mark.skipif(check_shaping() is not None, reason=str(check_shaping()))
async def test_an_arabic_receipt_has_the_same_ink(
    witness: Witness, data: Path, sales: list[EntryId]
) -> None:
    async with spooling(data, witness.address, receipt=ARABIC, **RASTER) as spool:
        spool.start()
        job = await spool.add_receipt(sales[0])
        await printed(spool, job)
        ours = meant(simulated(spool.bytes_of(spool.job(job))))

    (png,) = await witness.pictures()
    assert_same_ink(picture_of(png), ours)


async def test_logo_and_codes_have_the_same_ink(
    witness: Witness, data: Path, tmp_path: Path
) -> None:
    logo = tmp_path / "logo.png"
    picture = Image.new("L", (200, 80), 255)
    picture.paste(0, (20, 10, 120, 60))
    picture.save(logo)
    document = Document(
        language="en",
        blocks=(
            Logo(),
            Text("Riverside", align="center", strong=True, big=True),
            Rule(),
            Pair("Total", "12.50", strong=True),
            Barcode("RIVERSIDE-1-000001"),
            Qr("https://example.com/receipt/1"),
        ),
    )
    async with spooling(
        data, witness.address, receipt=ReceiptSetting(logo=logo), **RASTER
    ) as spool:
        spool.start()
        job = await spool.add_document(document)
        await printed(spool, job)
        assert job is not None
        ours = meant(simulated(spool.bytes_of(spool.job(job))))

    (png,) = await witness.pictures()
    assert_same_ink(picture_of(png), ours)


async def test_codes_of_a_text_receipt_hold_what_was_meant(witness: Witness, data: Path) -> None:
    document = Document(language="en", blocks=(Barcode("RIVERSIDE-1-000001"), Qr("AQhSaXZlcg==")))
    async with spooling(data, witness.address, **TEXT) as spool:
        spool.start()
        await printed(spool, await spool.add_document(document))

    (text,) = await witness.texts()
    assert "[qr AQhSaXZlcg==]" in text
    assert "RIVERSIDE-1-000001" in text


# --- the cells of the fault matrix that it can play -----------------------------------------------

FAULTS = {"paper": "paper-out", "cover": "cover-open"}
CELLS = [(fault, moment) for fault, cells in EXPECTED_TAKEN.items() for moment in cells]


async def cell_of(
    witness: Witness, relay: Relay, spool: Spooling, sales: list[EntryId], fault: str, moment: str
) -> Cell:
    has_come = asyncio.Event()

    async def happen() -> None:
        if fault in FAULTS:
            await witness.fault(FAULTS[fault], active=True)
        elif fault == "link":
            relay.cut()
        elif fault == "killed":
            spool.kill()
        has_come.set()

    spool.start()
    await spool.until_ready()
    data = spool.bytes_of(spool.receipt_job(sales[0]))
    size = len(KICK_DRAWER + data)
    whole = await read_by(witness, data)
    places = {"before": 0, "middle": size // 2, "cut": size}
    if moment == "idle":
        await happen()
    else:
        relay.at(QUESTIONS_BYTES + places[moment], happen)
    job = await spool.add_receipt(sales[0])
    await has_come.wait()
    if fault == "killed":
        spool.start()
    else:
        await spool.until(
            lambda: spool.job(job).state in ENDED or spool.worker.state is not DeviceState.READY
        )
    if fault in FAULTS:
        await witness.fault(FAULTS[fault], active=False)
    state = (await spool.until_ended(job)).state
    unmarked = (await witness.texts()).count(whole) - 1
    if state == "doubt":
        await spool.resolve(job, printed=unmarked > 0)
        await spool.until(lambda: spool.job(job).state == "printed")
        marked = sum("POSSIBLE DUPLICATE" in text for text in await witness.texts())
        assert unmarked + marked == 1, "after a person has looked every sale has its receipt"
    return Cell(unmarked, 0, state)


async def read_by(witness: Witness, data: bytes) -> str:
    """What it reads in these bytes when nothing happens; its answer comes in turn, behind them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", witness.port)
    writer.write(data + READ_TURN)
    await reader.readexactly(1)
    writer.close()
    (text,) = await witness.texts()
    return text


@pytest.mark.parametrize(("fault", "moment"), CELLS, ids=["-".join(one) for one in CELLS])
async def test_the_witness_has_on_paper_what_the_matrix_says(
    witness: Witness, data: Path, sales: list[EntryId], fault: str, moment: str
) -> None:
    async with (
        Relay(witness.port).running() as relay,
        spooling(data, relay.address, **TEXT) as spool,
    ):
        cell = await cell_of(witness, relay, spool, sales, fault, moment)

    assert cell == EXPECTED_TAKEN[fault][moment]
