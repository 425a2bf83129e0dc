"""Goal: `store-register` says what is, in tables that line up and in sentences that help.

Method: the commands run in this process on a directory that was a register of a gateway in memory,
which is gone; what they print is read. Words are also asked for one by one.
"""

import argparse
import asyncio
import io
import json
import sys
import zoneinfo
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.client import __main__ as command_line
from gateway.client import console, console_words
from gateway.client.answers import Refusal
from gateway.client.basket import SaleLine, Tender
from gateway.client.basket_text import lines_of, tenders_of
from gateway.client.console import Asked
from gateway.client.finding import Place
from gateway.client.register import World
from gateway.client.register_status import STOPPED, OldCopy, Reach, headline
from gateway.client.replica import ReplicaRegister
from gateway.counter.discovery_record import Found
from gateway.status.report import LinkState, StopReason
from replication.errors import StorageFailed
from tests.alone import STATUS
from tests.memory_parent import TOKEN, MemoryParent, ServedParent, tea

Capture = pytest.CaptureFixture[str]
UTC = zoneinfo.ZoneInfo("UTC")
WAIT_S = 20.0


async def find_nobody(_location: str) -> list[Found]:
    """A network without gateways."""
    return []


WORLD = World(find=find_nobody)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A register's directory, whose gateway has gone since."""
    parent = MemoryParent()
    parent.tell_taxes()
    parent.tell_product(tea())
    parent.tell_product(tea("BOXx2", price_minor=50, name="Box of two"))
    parent.stock("TEA", 5)
    parent.stock("BOXx2", 3)

    async def prepared() -> None:
        async with ServedParent(parent) as served:
            place = Place(address=served.url)
            async with ReplicaRegister(
                tmp_path, place, token=TOKEN, register="till-1", world=WORLD
            ) as register:
                async with asyncio.timeout(WAIT_S):
                    while (await register.status()).units != 8:
                        await register.until_quiet(0.05, 1.0)

    asyncio.run(prepared())
    return tmp_path


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody comes: there is nothing to wait for."""
    for name in ("LINK_S_MAX", "SENT_S_MAX", "LOOK_S_MAX"):
        monkeypatch.setattr(console, name, 0.02)


def run_lines(
    data: Path, lines: Sequence[str], monkeypatch: pytest.MonkeyPatch, *, is_json: bool = False
) -> None:
    """Type lines at a running register."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    asyncio.run(console.run(Asked(data=data, is_json=is_json, world=WORLD)))


def sell(data: Path, *typed: str, is_json: bool = False, key: str | None = None) -> int:
    """Sell as the command does; its exit status."""
    parser = argparse.ArgumentParser()
    console.add_basket(parser)
    asked = Asked(data=data, is_json=is_json, world=WORLD)
    try:
        asyncio.run(console.sell(asked, parser.parse_args(typed), key))
    except SystemExit as ended:
        return int(str(ended.code))
    return 0


def refused_by(monkeypatch: pytest.MonkeyPatch, capsys: Capture, *arguments: str) -> str:
    """What the program complains of when it ends with status 2."""
    monkeypatch.setattr(sys, "argv", ["store-register", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 2
    return str(capsys.readouterr().err)


# Commands


def test_a_code_is_told_with_what_can_be_sold(data: Path, capsys: Capture) -> None:
    console.scan(Asked(data=data), "4006381333931")

    assert capsys.readouterr().out.splitlines() == [
        "Green tea    3.45 USD",
        "SKU          TEA",
        "Barcodes     4006381333931",
        "Can be sold  5 pieces, without asking anyone",
    ]


def test_a_code_that_nobody_knows_is_an_answer(data: Path, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        console.scan(Asked(data=data, is_json=True), "nonsense")

    assert ended.value.code == 1
    assert json.loads(capsys.readouterr().out)["refused"]["type"] == "/problems/unknown-product"


def test_a_sale_without_its_gateway_prints_a_receipt_and_says_that_it_is_kept(
    data: Path, capsys: Capture
) -> None:
    assert sell(data, "TEAx2", "BOXx2", "--cash", "10", "--cash", "0.50") == 0

    told = capsys.readouterr()
    assert "RIVERSIDE.TILL-1-1-000001" in told.out
    assert "7.40 USD" in told.out
    assert "the sale is kept here" in told.err
    console.receipt(Asked(data=data), "riverside.till-1-1-000001")
    assert capsys.readouterr().out == told.out


def test_a_basket_without_an_amount_is_priced(data: Path, capsys: Capture) -> None:
    assert sell(data, "TEA", "TEAx2") == 0

    assert capsys.readouterr().out.splitlines() == [
        "1 x Green tea  3.45",
        "2 x Green tea  6.90",
        "Total          10.35 USD",
        "Say how it is paid to sell it: --cash AMOUNT.",
    ]


def test_what_is_short_is_refused_with_what_there_is(data: Path, capsys: Capture) -> None:
    assert sell(data, "TEAx6", "--cash", "100") == 1

    assert capsys.readouterr().out == (
        "6 of TEA were asked for and 5 can be sold here now. The gateway is not heard, so it could "
        "not be asked for more. Nothing was sold.\n"
    )


def test_a_key_makes_a_sale_once(data: Path, capsys: Capture) -> None:
    assert sell(data, "TEA", "--cash", "5", is_json=True, key="k") == 0
    assert sell(data, "TEA", "--cash", "5", is_json=True, key="k") == 0

    first, second = capsys.readouterr().out.splitlines()
    assert json.loads(first) == json.loads(second)
    assert json.loads(first)["key"] == "k"


def test_a_register_that_runs_obeys_line_by_line(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lines(
        data,
        ["4006381333931", "sell TEA --cash 3.456", "sell", "sell 'TEA", "", "sell TEA --cash 4",
         "receipt", "help", "quit", "sell TEA --cash 4"],
        monkeypatch,
    )  # fmt: skip

    told = capsys.readouterr().out
    assert told.startswith("Selling alone: the gateway is not heard.")
    assert '"3.456" has more decimals than USD, which has 2.' in told
    assert "are required: CODE[xN]: sell CODE[xN]... --cash AMOUNT." in told
    assert "No closing quotation." in told
    assert told.count("RIVERSIDE.TILL-1-1-000001") == 4  # number and barcode, twice
    assert "000002" not in told


def test_a_register_that_runs_answers_each_line_with_a_document(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_lines(
        data, ["TEA", "sell TEA --cash 4", "sell TEAx9 --cash 40", "sell --cash", "status"],
        monkeypatch, is_json=True,
    )  # fmt: skip

    status, found, sold, refused, unread, last = map(
        json.loads, capsys.readouterr().out.splitlines()
    )
    assert status["link"] in {"never", "down"}  # it has looked for a moment
    assert status["units"] == 8
    assert found["sku"] == "TEA"
    assert sold["sale"]["total_minor"] == 345
    assert refused["refused"]["wanted"] == 9
    assert "expected one argument" in unread["error"]
    assert (last["units"], last["sales_waiting"], last["sales_not_at_hub"]) == (7, 1, 1)


def test_the_file_alone_tells_how_the_register_stands(data: Path, capsys: Capture) -> None:
    console.status(Asked(data=data))

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Ready to sell."
    assert lines[2] == "Register     till-1 of Riverside Market (riverside.till-1.1)"
    assert lines[4:6] == [
        "Products     2",
        "Can be sold  2 goods, 8 units, without asking anyone",
    ]
    assert len({line[:13].rstrip() for line in lines[2:]}) == len(lines[2:])
    assert all(line[12] == " " and line[13] != " " for line in lines[2:])


# What cannot be done


def test_without_a_directory_nothing_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.delenv("STORE_REGISTER_DATA", raising=False)

    said = refused_by(monkeypatch, capsys, "status")

    assert said == (
        "store-register: say which data directory: --data DIR, or STORE_REGISTER_DATA\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status"], "has no register: enrol it with `store-register enrol`"),
        (["sell", "TEA"], "has no register yet: say which gateway, which register and its token"),
        (["run", "--gateway", "10.0.0.1"], "'10.0.0.1' must begin with http:// or https://"),
        (["run", "--ticket", "tea"], "--ticket is the text of the QR code on a gateway's ticket"),
    ],
)
def test_a_refusal_is_one_sentence(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    monkeypatch.setenv("STORE_REGISTER_DATA", str(tmp_path / "new"))

    complaint = refused_by(monkeypatch, capsys, *arguments)

    assert complaint.startswith("store-register: ")
    assert complaint.endswith(f"{said}\n")
    assert complaint.count("\n") == 1


def test_the_directory_of_another_program_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    (tmp_path / "gateway.db").touch()

    said = refused_by(monkeypatch, capsys, "sell", "TEA", "--data", str(tmp_path))

    assert "is the data directory of another program (gateway.db)" in said
    assert [path.name for path in tmp_path.iterdir()] == ["gateway.db"]


# Words


def test_tables_line_up_in_any_script() -> None:
    lines = console_words.table([("Tea", "1", "x"), ("شاي أخضر", "22", "y"), ("緑茶", "3", "z")])

    ends = [console_words.width_of(line[: line.index(last)]) for line, last in zip(
        lines.splitlines(), "xyz", strict=True
    )]  # fmt: skip
    assert len(set(ends)) == 1


async def test_a_count_is_cut_off_a_code_unless_it_is_one() -> None:
    async def is_code(text: str) -> bool:
        return text in {"TEA", "BOXx2"}

    lines = await lines_of(["TEA", "TEAx3", "BOXx2", "BOXx2x4", "whatx0", "x5"], is_code)

    assert [(line.barcode, line.quantity) for line in lines] == [
        ("TEA", 1), ("TEA", 3), ("BOXx2", 1), ("BOXx2", 4), ("whatx0", 1), ("x5", 1),
    ]  # fmt: skip
    assert all(line.sku is None for line in lines)
    assert isinstance(lines[0], SaleLine)


def test_amounts_have_the_decimals_of_their_currency() -> None:
    assert tenders_of([("cash", "10"), ("card", "0.5")], "USD") == [
        Tender(type="cash", amount_minor=1_000), Tender(type="card", amount_minor=50),
    ]  # fmt: skip
    assert tenders_of([("cash", "1.250")], "KWD") == [Tender(type="cash", amount_minor=1_250)]
    assert not isinstance(tenders_of([("cash", "-1")], "USD"), list)


@pytest.mark.parametrize(
    ("reach", "elsewhere", "said"),
    [
        (
            Reach.REFUSED,
            [],
            "The gateway refuses this register, so it could not be asked for more.",
        ),
        (Reach.DOWN, [], "The gateway is not heard, so it could not be asked for more."),
        (Reach.CONNECTED, [], "The gateway was asked and has no more for this register."),
        (
            Reach.CONNECTED,
            [{"quantity": 3, "last_heard": "2026-11-23T10:15:00.000Z"}],
            "The gateway had 3 when it was asked (2026-11-23 10:15); somebody else may need them.",
        ),
    ],
)
def test_a_refusal_says_who_may_have_more(
    reach: Reach, elsewhere: list[dict[str, object]], said: str
) -> None:
    refusal = Refusal(
        status=409, slug="quota-short", detail="Short.", problem={"elsewhere": elsewhere}
    )

    words = console_words.refusal_words(refusal, reach, UTC)

    assert words == f"Short. {said} Nothing was sold."


ALONE = "Selling alone: the gateway is not heard."
OLD_COPY = STOPPED[StopReason.BEHIND_WITNESS]
CONNECTED = "Selling. The gateway is connected."
WAS_OLD = (
    "Its disk was an old copy of riverside.till-1.1: it is riverside.till-1.2 now, with all that "
    "it sold (2)."
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, CONNECTED),
        ({"products": 0}, "Nothing can be sold yet: the gateway has not told any products."),
        ({"stopped": "It does not sell."}, "It does not sell."),
        ({"link": None}, "Ready to sell."),
        (
            {"link": LinkState.DOWN, "sales_waiting": 1, "sales_not_at_hub": 1},
            f"{ALONE} 1 sale is only here, until the gateway is heard.",
        ),
        (
            {
                "stopped": OLD_COPY,
                "link": LinkState.DOWN,
                "sales_waiting": 2,
            },
            f"{OLD_COPY} 2 sales are only here: leave it on.",
        ),
        (
            {"stopped": OLD_COPY, "problem": "till-1 is of harbour."},
            f"{OLD_COPY} At this moment it does not get on: till-1 is of harbour.",
        ),
        (
            {
                "writer": "riverside.till-1.2",
                "old_copy": OldCopy(earlier="riverside.till-1.1", at="", sales=2, units=3),
            },
            f"{CONNECTED} {WAS_OLD}",
        ),
        (
            {"sales_not_at_hub": 2},
            f"{CONNECTED} 2 sales are at the gateway and here, not yet at the hub.",
        ),
    ],
)
def test_the_headline_says_whether_it_sells_and_what_is_only_here(
    changes: dict[str, Any], said: str
) -> None:
    assert headline(msgspec.structs.replace(STATUS, **changes)) == said


def test_a_register_whose_token_is_not_known_says_what_to_do() -> None:
    status = msgspec.structs.replace(STATUS, link=LinkState.DOWN, sales_waiting=1)

    assert headline(status, is_known=False) == (
        "Selling alone: the gateway does not know this register's token. Make one there "
        "(store-gateway token --data DIR --role cashier --register till-1) and start this register "
        "with --token. 1 sale is only here, until then."
    )


def test_a_disk_that_fails_leaves_a_key_to_ask_with(
    data: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_args: object, **_kwargs: object) -> None:
        raise StorageFailed("database or disk is full")

    monkeypatch.setattr(ReplicaRegister, "sell", fails)
    run_lines(data, ["sell TEA --cash 4 --key k", "status"], monkeypatch)

    told = capsys.readouterr().out
    assert "The disk failed: database or disk is full. Ask again with --key k.\n" in told
    assert told.count("Selling alone") == 2
