"""Goal: the page says the same in each of its languages, and says all that it may have to say.

Method: the tables are compared with one another, with the enums whose values are ends of keys, and
with the text of the code that speaks.
"""
# ruff: noqa: RUF001 - Arabic is what is tested

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from devices.ports import GoneReason
from devices.printer import Doubt
from devices.printer_status import Trouble
from gateway.printing.printer_worker import LOOK, SHARED
from gateway.roles import ROLES
from gateway.status.alerts import AlertKind
from gateway.status.device_words import said_detail, slug_of
from gateway.status.report import (
    DeviceKind,
    DeviceState,
    DeviceTest,
    LinkState,
    StopReason,
    Throttle,
)
from gateway.status.words import (
    CLIENT,
    LANGUAGES,
    PLAIN,
    Reading,
    Speaker,
    chosen_language,
    spoken_time,
)
from tests.status_samples import CAIRO, NOON_MS

ENGLISH = LANGUAGES["en"].words
OTHERS = [tag for tag in LANGUAGES if tag != "en"]
CODE = Path(__file__).resolve().parents[2] / "gateway"

BY_VALUE = (
    "alert.", "do.", "detail.", "device.", "kind.", "link.", "test.", "job.", "stopped.",
    "throttle.", "live.", "told.", "role.", "needs.", "machine.",
)  # fmt: skip
"""Beginnings of keys whose end is a value of the code."""


def forms(words: str | Mapping[str, str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words.values())


def values_in(words: str | Mapping[str, str]) -> set[str]:
    return {value for form in forms(words) for value in re.findall(r"\{(\w+)\}", form)}


def keys_by_value() -> Iterator[str]:
    for kind in AlertKind:
        yield from (f"alert.{kind.value}", f"do.{kind.value}")
    for prefix, values in (
        ("device.", DeviceState),
        ("device.", DeviceKind),
        ("kind.", DeviceKind),
        ("test.", DeviceTest),
        ("told.", DeviceTest),
        ("link.", LinkState),
        ("stopped.", StopReason),
        ("throttle.", Throttle),
    ):
        yield from (f"{prefix}{one.value}" for one in values)
    yield from (f"role.{role}" for role in ROLES)


@pytest.mark.parametrize("tag", OTHERS)
def test_each_language_has_the_same_keys_with_the_same_values(tag: str) -> None:
    words = LANGUAGES[tag].words

    assert set(words) == set(ENGLISH)
    assert {key: values_in(words[key]) for key in words} == {
        key: values_in(ENGLISH[key]) for key in ENGLISH
    }


@pytest.mark.parametrize("tag", LANGUAGES)
def test_forms_are_one_and_other_and_none_is_empty(tag: str) -> None:
    for key, words in LANGUAGES[tag].words.items():
        if not isinstance(words, str):
            assert list(words) == ["one", "other"], key
        assert all(form.strip() for form in forms(words)), key


@pytest.mark.parametrize("tag", LANGUAGES)
def test_there_are_words_for_every_value(tag: str) -> None:
    words = LANGUAGES[tag].words

    assert not [key for key in keys_by_value() if key not in words]
    assert len(str(words["months"]).split()) == 12


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize(
    "detail",
    [*(one.value for kind in (Trouble, GoneReason, Doubt) for one in kind), LOOK, SHARED],
)
def test_what_a_driver_reports_is_said_in_each_language(tag: str, detail: str) -> None:
    speaker = Speaker(LANGUAGES[tag])

    assert speaker.knows(f"detail.{slug_of(detail)}")
    said = said_detail(f"{detail}: end of file", speaker)
    assert said.startswith(said_detail(detail, speaker))
    assert "end of file" in said


def test_what_nobody_knows_is_said_as_it_stands() -> None:
    assert said_detail("the cutter is jammed", Speaker(LANGUAGES["ar"])) == "The cutter is jammed"


def test_no_words_are_left_that_nobody_says() -> None:
    said = "".join(
        path.read_text(encoding="utf-8")
        for path in CODE.rglob("*")
        if path.suffix in {".py", ".html", ".js"} and not path.name.startswith("words_")
    )

    unsaid = [key for key in ENGLISH if not key.startswith(BY_VALUE) and f'"{key}"' not in said]
    assert not unsaid


def test_the_pages_own_script_has_words_without_plurals() -> None:
    for language in LANGUAGES.values():
        wanted = {key for key in language.words if key.startswith(CLIENT)}
        assert set(Speaker(language).client_words()) == wanted


def test_numbers_choose_their_form_and_are_grouped() -> None:
    assert PLAIN.say("deficits", 1).startswith("1 product has")
    assert PLAIN.say("deficits", 1_204).startswith("1,204 products have")


def test_a_value_is_isolated_where_it_could_reorder_the_sentence() -> None:
    english, arabic = Speaker(LANGUAGES["en"]), Speaker(LANGUAGES["ar"])

    assert english.say("hub.down_since", since="14:02") == "Internet down since 14:02."
    assert "\u2068المطبخ\u2069" in english.say("alert.paper-out", device="المطبخ")
    assert "\u206814:02\u2069" in arabic.say("hub.down_since", since="14:02")
    assert "\u2068" not in PLAIN.say("alert.paper-out", device="المطبخ")


def test_a_value_with_braces_is_no_value_itself() -> None:
    assert PLAIN.say("alert.paper-out", device="{other}") == "Printer {other} has no paper."


def test_a_month_has_the_readers_name() -> None:
    reading = Reading(now_ms=NOON_MS, timezone=CAIRO, speaker=Speaker(LANGUAGES["ar"]))
    long_ago_ms = NOON_MS - 3 * 86_400_000

    assert reading.time(long_ago_ms) == "18 نوفمبر 12:00"
    assert spoken_time(long_ago_ms, NOON_MS, CAIRO) == "18 Nov 12:00"


@pytest.mark.parametrize(
    ("asked", "accepted", "tag"),
    [
        (None, "", "en"),
        (None, "fr, de;q=0.8", "en"),
        (None, "ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        (None, "fr-FR, en-GB;q=0.8, ar;q=0.7", "en"),
        ("ar", "en-US", "ar"),
        ("en", "ar-EG", "en"),
        ("xx", "ar", "ar"),
        ("../etc", ",,;;q", "en"),
    ],
)
def test_the_language_is_what_is_asked_for_or_what_the_browser_reads(
    asked: str | None, accepted: str, tag: str
) -> None:
    assert chosen_language(asked, accepted).tag == tag
