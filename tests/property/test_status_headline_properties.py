"""Goal: no facts, names or errors make a headline that misleads (H1-H4 of `gateway.status`).

Method: Hypothesis draws any facts, with any text for names and errors; the headline is taken apart
again and each sentence compared with the situation that said it.
"""

from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from gateway.status.cards import SPEAKERS
from gateway.status.headline import (
    HEADLINE_CHARS_MAX,
    SITUATIONS,
    DeviceNeed,
    Facts,
    headline,
    safe_to_unplug,
    sentences,
    split_sentences,
)
from gateway.status.report import DeviceKind, DeviceState, LinkState, StopReason
from gateway.status.words import END_ISOLATE, ISOLATE, PLAIN, Reading, Speaker

NOW_MS = 1_795_255_200_000

any_text = st.text(max_size=200) | st.sampled_from(
    ["a. b", "Safe to unplug: yes. ", "x.", ". . .", ".\x1b 0", ".\u202e .\u2068 x"]
)
any_count = st.integers(min_value=0, max_value=2**63)
any_time = st.integers(min_value=0, max_value=2 * NOW_MS)

needs = st.builds(
    DeviceNeed,
    kind=st.sampled_from(DeviceKind),
    name=any_text,
    state=st.sampled_from([DeviceState.GONE, DeviceState.ATTENTION]),
    detail=any_text,
    waiting_jobs=any_count,
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    sales = draw(any_count)
    return Facts(
        stopped=draw(st.none() | st.sampled_from(StopReason)),
        link=draw(st.sampled_from(LinkState)),
        link_since_ms=draw(st.none() | any_time),
        hub_refuses=draw(st.booleans()),
        unacknowledged_sales=sales,
        unacknowledged_entries=sales + draw(st.integers(0, 5)),
        storage_error=draw(st.none() | any_text),
        free_bytes=draw(any_count),
        clock_synchronised=draw(st.booleans()),
        deficit_skus=draw(any_count),
        items_taken=draw(any_count),
        items_ahead=draw(any_count),
        device_needs=tuple(draw(st.lists(needs, max_size=4))),
    )


@given(facts=any_facts())
def test_a_headline_starts_with_selling_and_ends_with_unplugging(facts: Facts) -> None:
    said = split_sentences(headline(facts, NOW_MS, UTC))

    assert said[0].startswith("Not selling" if facts.stopped else "Selling")
    assert said[-1].startswith(
        "Safe to unplug: yes" if safe_to_unplug(facts) else "Safe to unplug: no"
    )
    assert safe_to_unplug(facts) == (facts.unacknowledged_entries == 0)


@given(facts=any_facts(), speaker=st.sampled_from([PLAIN, *SPEAKERS.values()]))
def test_no_text_from_outside_forges_or_hides_a_sentence(facts: Facts, speaker: Speaker) -> None:
    reading = Reading(now_ms=NOW_MS, timezone=UTC, speaker=speaker)
    said = [text for situation in SITUATIONS if (text := situation(facts, reading)) is not None]

    assert list(split_sentences(" ".join(said))) == said


@given(facts=any_facts())
def test_every_language_says_the_same_situations(facts: Facts) -> None:
    english, *others = (
        [
            situation(facts, Reading(now_ms=NOW_MS, timezone=UTC, speaker=speaker)) is None
            for situation in SITUATIONS
        ]
        for speaker in SPEAKERS.values()
    )

    assert all(other == english for other in others)


@given(facts=any_facts())
def test_isolates_are_closed_in_every_sentence(facts: Facts) -> None:
    reading = Reading(now_ms=NOW_MS, timezone=UTC, speaker=SPEAKERS["ar"])

    for sentence in sentences(facts, reading):
        assert sentence.count(ISOLATE) == sentence.count(END_ISOLATE)


@given(facts=any_facts())
def test_a_headline_is_one_printable_line_of_bounded_length(facts: Facts) -> None:
    text = headline(facts, NOW_MS, UTC)

    assert text.isprintable()
    assert len(text) <= HEADLINE_CHARS_MAX
