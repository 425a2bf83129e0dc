"""Goal: each card says in words, not only in colour, what its part of the report means.

Method: cards of a good day, an outage and a bad day, found by key.
"""

import msgspec
import pytest

from gateway.registers.identity import RegisterState
from gateway.status.amounts import said_bytes
from gateway.status.card import Card, Tone, WriteOff
from gateway.status.cards import page_view
from gateway.status.report import (
    JournalReport,
    QuotaReport,
    RegisterReport,
    SetAsideReport,
    StatusReport,
)
from tests.status_samples import CAIRO, bad_day, cut_off, good_day, new_box, register_gone


def card(report: StatusReport, key: str) -> Card:
    return next(each for each in page_view(report, CAIRO).cards if each.key == key)


def rows(of: Card) -> dict[str, str]:
    return {row.label: row.value for row in of.rows}


def test_every_card_has_a_key_of_its_own_and_a_verdict() -> None:
    for report in (good_day(), cut_off(), bad_day()):
        cards = page_view(report, CAIRO).cards
        assert len({each.key for each in cards}) == len(cards) == 11
        assert all(each.verdict for each in cards)


def test_the_page_is_as_good_as_its_worst_card() -> None:
    assert page_view(good_day(), CAIRO).tone is Tone.GOOD
    assert page_view(cut_off(), CAIRO).tone is Tone.WARN
    assert page_view(bad_day(), CAIRO).tone is Tone.BAD


def test_the_headline_is_cut_into_first_middle_and_last() -> None:
    view = page_view(cut_off(), CAIRO)

    assert view.first == "Selling normally."
    assert view.middle == (
        "Internet down since 11:13.",
        "Printer counter needs paper, 2 receipts wait.",
    )
    assert view.last == "Safe to unplug: no, 212 sales are not yet at the hub."


def test_the_link_says_since_when_and_why() -> None:
    link = card(cut_off(), "link")

    assert (link.tone, link.verdict) == (Tone.WARN, "Down since 11:13")
    assert "unreachable" in rows(link)["Last error"]


def test_sales_on_the_way_are_work_and_sales_that_cannot_leave_are_trouble() -> None:
    journal = JournalReport(last_seq=12, acknowledged_seq=9, unacknowledged_sales=2)
    on_the_way = msgspec.structs.replace(good_day(), journal=journal)
    stuck = msgspec.structs.replace(cut_off(), journal=journal)

    assert card(on_the_way, "journal").tone is Tone.GOOD
    assert card(stuck, "journal").tone is Tone.WARN
    assert card(stuck, "journal").verdict == "2 sales waiting"
    assert rows(card(stuck, "journal"))["Entries waiting"] == "3"


def test_a_journal_that_is_at_the_hub_says_so() -> None:
    assert card(good_day(), "journal").verdict == "All at the hub"


@pytest.mark.parametrize(
    ("quota", "tone", "verdict"),
    [
        (QuotaReport(skus=0, empty=0, deficits=0), Tone.IDLE, "No products yet"),
        (QuotaReport(skus=10, empty=4, deficits=0), Tone.GOOD, "6 of 10 sellable"),
        (QuotaReport(skus=10, empty=4, deficits=1), Tone.WARN, "1 product short"),
    ],
)
def test_quota_counts_what_can_be_sold(quota: QuotaReport, tone: Tone, verdict: str) -> None:
    shown = card(msgspec.structs.replace(good_day(), quota=quota), "quota")

    assert (shown.tone, shown.verdict) == (tone, verdict)


def test_registers_are_live_or_silent() -> None:
    registers = card(good_day(), "registers")

    assert registers.verdict == "2 of 3 live"
    assert [(item.name, item.words) for item in registers.items] == [
        ("till-1", "Live"),
        ("till-2", "Live"),
        ("till-3", "Silent"),
    ]


def test_a_register_that_sells_alone_says_what_became_of_it() -> None:
    def told(state: RegisterState, to_hub: int = 0) -> RegisterReport:
        return RegisterReport(
            register=f"till-{state}", last_seen=None, live=state is RegisterState.CONNECTED,
            alone=state, to_hub=to_hub,
        )  # fmt: skip

    report = msgspec.structs.replace(
        good_day(), registers=tuple(told(state, n) for n, state in enumerate(RegisterState))
    )
    registers = card(report, "registers")

    assert registers.verdict == "1 of 4 live"
    assert [(item.tone, item.words) for item in registers.items] == [
        (Tone.GOOD, "Connected, can sell alone"),
        (Tone.IDLE, "Away, sells on what it holds"),
        (Tone.WARN, "Replaced, its last sales not heard"),
        (Tone.WARN, "Written off, counting brings back what it held"),
    ]
    assert registers.items[1].detail == "Never seen · 1 entry not at the hub yet"
    assert registers.items[2].detail == "Never seen · 2 entries not at the hub yet"


def test_a_register_that_may_be_lost_can_be_written_off_under_its_writers_name() -> None:
    registers = card(register_gone(), "registers")

    assert [item.write_off for item in registers.items] == [
        None,
        WriteOff(path="/v1/registers/till-1/lost", writer="riverside.till-1.1"),
        None,
        WriteOff(path="/v1/registers/till-3/lost", writer="riverside.till-3.1"),
    ]
    assert not card(good_day(), "registers").has_write_offs


def test_a_new_box_says_how_far_it_is_and_what_may_be_missing() -> None:
    under_way, done = card(new_box(), "new_box"), card(new_box(step="done"), "new_box")

    assert (under_way.tone, under_way.verdict) == (Tone.WARN, "Taking over: what was sold")
    assert rows(under_way)["Step"] == "3 of 3"
    assert rows(under_way)["Journal entries"] == "6,500"
    assert "not heard" in rows(under_way)["Last error"]
    assert done.verdict == "All that the hub had is here"
    assert rows(done)["Finished"] == "11:59"
    assert [(item.name, item.tone, item.words) for item in done.items] == [
        ("riverside.1", Tone.WARN, "Something may be missing"),
        ("riverside.till-2.1", Tone.WARN, "Has not handed in yet"),
    ]
    assert done.items[0].detail == "at the hub up to entry 18,204, last heard 11:29"
    assert not [one for one in page_view(good_day(), CAIRO).cards if one.key == "new_box"]


def test_a_shop_without_registers_and_devices_is_quiet_not_broken() -> None:
    bare = msgspec.structs.replace(good_day(), registers=(), devices=())

    assert card(bare, "registers").tone is Tone.IDLE
    assert card(bare, "devices").verdict == "None set up"
    assert page_view(bare, CAIRO).tone is Tone.GOOD


def test_a_device_says_what_it_wants_and_what_waits() -> None:
    devices = card(cut_off(), "devices")

    assert devices.verdict == "1 of 2 needs a look"
    assert devices.items[0].words == "Paper out"
    assert devices.items[0].detail == (
        "Printer · for till-1 · since 11:57 · 2 receipts wait · drawer closed"
    )


def test_storage_says_full_or_failing() -> None:
    full = msgspec.structs.replace(good_day().storage, free_bytes=1_000)

    assert card(good_day(), "storage").verdict == "21.7 GB free"
    assert card(msgspec.structs.replace(good_day(), storage=full), "storage").tone is Tone.WARN
    assert card(bad_day(), "storage").tone is Tone.BAD


def test_the_gateway_says_what_of_the_feed_it_could_not_take_in() -> None:
    good = good_day()
    aside = SetAsideReport(
        count=1_002, item="product TEA", reason="not a product: half JSON", at=good.started_at
    )

    quiet = rows(card(good, "gateway"))
    told = rows(card(msgspec.structs.replace(good, set_aside=aside), "gateway"))

    assert not {"Set aside", "Last set aside"} & quiet.keys()
    assert told["Set aside"] == "1,002, last 15 Nov 09:00"
    assert told["Last set aside"] == "product TEA: not a product: half JSON"


@pytest.mark.parametrize(
    ("size_bytes", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (48_234_496, "48.2 MB"),
        (21_700_000_000, "21.7 GB"),
        (4_000_000_000_000, "4,000.0 GB"),
    ],
)
def test_sizes_are_said_in_decimal_units(size_bytes: int, said: str) -> None:
    assert said_bytes(size_bytes) == said


def test_the_gateway_says_how_far_its_catalogue_is() -> None:
    even = good_day()
    behind = msgspec.structs.replace(even.catch_up, taken=12_400, ahead=87_600)

    assert rows(card(even, "gateway"))["Catching up"] == "Done"
    report = msgspec.structs.replace(even, catch_up=behind)
    assert rows(card(report, "gateway"))["Catching up"] == "12,400 of 100,000 items"
