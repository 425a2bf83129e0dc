"""Goal: every situation of a shop is said in its sentence, and the sentences in their order.

Method: one set of facts for a good day; each test changes what its name says and compares the
whole headline, as a shopkeeper would read it.
"""

from dataclasses import replace
from datetime import UTC
from zoneinfo import ZoneInfo

import msgspec
import pytest

from gateway.status.headline import (
    FREE_BYTES_MIN,
    STOPPED_SENTENCES,
    DeviceNeed,
    Facts,
    facts_of,
    headline,
    split_sentences,
    with_headline,
)
from gateway.status.report import DeviceKind, DeviceState, LinkState, StopReason
from gateway.status.words import DAY_MS, spoken_time
from tests.status_samples import CAIRO, NOON_MS, bad_day, cut_off, good_day

MINUTE_MS = 60_000

GOOD = Facts(
    stopped=None,
    link=LinkState.CONNECTED,
    link_since_ms=NOON_MS - 600 * MINUTE_MS,
    hub_refuses=False,
    unacknowledged_sales=0,
    unacknowledged_entries=0,
    storage_error=None,
    free_bytes=20_000_000_000,
    clock_synchronised=True,
    deficit_skus=0,
    items_taken=0,
    items_ahead=0,
    device_needs=(),
)

PAPER = DeviceNeed(
    kind=DeviceKind.PRINTER,
    name="counter",
    state=DeviceState.ATTENTION,
    detail="paper out",
    waiting_jobs=0,
)

UNPLUGGED = DeviceNeed(
    kind=DeviceKind.SCANNER,
    name="till-1",
    state=DeviceState.GONE,
    detail="",
    waiting_jobs=0,
)


def read(facts: Facts) -> str:
    return headline(facts, NOON_MS, CAIRO)


def middle(facts: Facts) -> list[str]:
    """The sentences between selling with its link, and unplugging."""
    return list(split_sentences(read(facts)))[2:-1]


def test_a_hub_that_refuses_is_not_called_an_internet_that_is_down() -> None:
    facts = replace(GOOD, link=LinkState.DOWN, hub_refuses=True)

    assert "The hub is heard, and refuses what this gateway sends." in split_sentences(read(facts))
    assert "Internet" not in read(facts)


def test_a_replaced_box_that_has_not_written_its_last_entry_is_not_safe_to_unplug() -> None:
    report = good_day()
    ends = msgspec.structs.replace(report.journal, to_end=True)

    told = with_headline(msgspec.structs.replace(report, journal=ends), CAIRO)

    assert with_headline(report, CAIRO).safe_to_unplug
    assert not told.safe_to_unplug
    assert facts_of(told).unacknowledged_entries == 1


def test_a_good_day_is_three_short_sentences() -> None:
    assert read(GOOD) == (
        "Selling normally. Connected to the hub. Safe to unplug: yes, everything is at the hub."
    )


def test_an_outage_says_since_when_and_how_many_sales_wait() -> None:
    facts = replace(
        GOOD,
        link=LinkState.DOWN,
        link_since_ms=NOON_MS - 118 * MINUTE_MS,
        unacknowledged_sales=212,
        unacknowledged_entries=230,
    )

    assert read(facts) == (
        "Selling normally. Internet down since 10:02. "
        "Safe to unplug: no, 212 sales are not yet at the hub."
    )


def test_one_sale_is_not_sales() -> None:
    facts = replace(GOOD, unacknowledged_sales=1, unacknowledged_entries=1)

    assert read(facts).endswith("Safe to unplug: no, 1 sale is not yet at the hub.")


def test_entries_that_are_no_sales_are_waited_for_too() -> None:
    one = replace(GOOD, unacknowledged_entries=1)
    many = replace(GOOD, unacknowledged_entries=1_200)

    assert read(one).endswith("no, 1 journal entry is not yet at the hub.")
    assert read(many).endswith("no, 1,200 journal entries are not yet at the hub.")


def test_a_gateway_that_never_met_the_hub_says_so() -> None:
    facts = replace(GOOD, link=LinkState.NEVER, link_since_ms=None)

    assert split_sentences(read(facts))[1] == "Not yet connected to the hub."


def test_an_outage_of_unknown_start_has_no_time() -> None:
    facts = replace(GOOD, link=LinkState.DOWN, link_since_ms=None)

    assert split_sentences(read(facts))[1] == "Internet down."


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        (StopReason.STORAGE_FAILED, "Not selling: the storage is failing."),
        (
            StopReason.BEHIND_WITNESS,
            "Not selling: others know newer sales than this gateway's disk.",
        ),
        (StopReason.FENCED, "Not selling: another gateway has taken over this location."),
    ],
)
def test_a_stopped_shop_says_why(reason: StopReason, sentence: str) -> None:
    assert split_sentences(read(replace(GOOD, stopped=reason)))[0] == sentence


def test_every_reason_to_stop_has_its_sentence() -> None:
    assert set(STOPPED_SENTENCES) == set(StopReason)


def test_a_disk_error_is_part_of_the_first_sentence() -> None:
    facts = replace(GOOD, storage_error="disk I/O error.")

    assert split_sentences(read(facts))[0] == "Selling, but the storage is failing: disk I/O error."


def test_a_nearly_full_disk_says_what_is_left() -> None:
    assert middle(replace(GOOD, free_bytes=FREE_BYTES_MIN)) == []
    assert middle(replace(GOOD, free_bytes=41_999_999)) == ["Storage is nearly full: 41 MB left."]


def test_a_printer_without_paper_needs_paper() -> None:
    assert middle(replace(GOOD, device_needs=(PAPER,))) == ["Printer counter needs paper."]


def test_receipts_that_wait_are_counted() -> None:
    one = replace(PAPER, waiting_jobs=1)
    two = replace(PAPER, waiting_jobs=2)

    assert middle(replace(GOOD, device_needs=(one,))) == [
        "Printer counter needs paper, 1 receipt waits."
    ]
    assert middle(replace(GOOD, device_needs=(two,))) == [
        "Printer counter needs paper, 2 receipts wait."
    ]


@pytest.mark.parametrize(
    ("detail", "sentence"),
    [
        ("paper low", "Printer counter is low on paper."),
        ("cover open", "Printer counter has its cover open."),
        ("cutter jammed", "Printer counter needs attention: cutter jammed."),
        ("", "Printer counter needs attention: unknown."),
    ],
)
def test_other_needs_of_a_printer(detail: str, sentence: str) -> None:
    assert middle(replace(GOOD, device_needs=(replace(PAPER, detail=detail),))) == [sentence]


def test_a_device_that_is_gone_is_not_answering() -> None:
    assert middle(replace(GOOD, device_needs=(UNPLUGGED,))) == ["Scanner till-1 is not answering."]


def test_two_devices_are_named_and_the_rest_are_counted() -> None:
    three = replace(GOOD, device_needs=(PAPER, UNPLUGGED, PAPER))
    four = replace(GOOD, device_needs=(PAPER, UNPLUGGED, PAPER, PAPER))

    assert middle(three) == [
        "Printer counter needs paper; scanner till-1 is not answering; 1 more device needs a look."
    ]
    assert middle(four)[0].endswith("; 2 more devices need a look.")


def test_deficits_are_said_in_products() -> None:
    assert middle(replace(GOOD, deficit_skus=1)) == [
        "1 product has a deficit: more promised than there is."
    ]
    assert middle(replace(GOOD, deficit_skus=17)) == [
        "17 products have a deficit: more promised than there is."
    ]


def test_a_store_that_is_filled_says_how_far_it_is() -> None:
    filling = replace(GOOD, items_taken=12_400, items_ahead=87_600)
    down = replace(filling, link=LinkState.DOWN)

    sentence = "Catching up with the hub: 12,400 of 100,000 items."
    assert middle(filling) == [sentence]
    assert middle(down) == [sentence], "also while the line is cut"
    assert middle(replace(filling, items_ahead=0)) == []
    assert middle(replace(GOOD, items_ahead=1)) == ["Catching up with the hub: 0 of 1 item."]


def test_a_clock_that_nobody_set_is_said() -> None:
    assert middle(replace(GOOD, clock_synchronised=False)) == ["Clock not set: times may be wrong."]


def test_troubles_come_in_a_fixed_order() -> None:
    facts = replace(
        GOOD, free_bytes=0, device_needs=(PAPER,), deficit_skus=2, clock_synchronised=False
    )

    assert [sentence.split()[0] for sentence in middle(facts)] == [
        "Storage",
        "Printer",
        "2",
        "Clock",
    ]


@pytest.mark.parametrize(
    ("before_ms", "said"),
    [
        (0, "12:00"),
        (DAY_MS - 1, "12:00"),
        (DAY_MS, "20 Nov 12:00"),
        (21 * DAY_MS, "31 Oct 12:00"),
        (365 * DAY_MS, "21 Nov 2025 12:00"),
        (-MINUTE_MS, "21 Nov 12:01"),
    ],
)
def test_times_older_than_a_day_or_yet_to_come_carry_their_date(before_ms: int, said: str) -> None:
    assert spoken_time(NOON_MS - before_ms, NOON_MS, CAIRO) == said


def test_times_are_said_in_the_zone_of_the_store() -> None:
    assert spoken_time(NOON_MS, NOON_MS, UTC) == "10:00"
    assert spoken_time(NOON_MS, NOON_MS, ZoneInfo("America/New_York")) == "05:00"


def test_the_facts_are_those_of_the_report() -> None:
    facts = facts_of(cut_off())

    assert facts.link_since_ms == NOON_MS - 47 * MINUTE_MS
    assert facts.unacknowledged_sales == 212
    assert facts.unacknowledged_entries == 227
    assert [need.name for need in facts.device_needs] == ["counter"]


def test_a_report_is_completed_from_its_own_figures() -> None:
    assert good_day().safe_to_unplug
    assert not cut_off().safe_to_unplug
    assert bad_day().headline.startswith("Not selling: the storage is failing. Internet down since")
    assert with_headline(good_day(), CAIRO) == good_day()
