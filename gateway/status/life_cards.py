"""The cards about the lives of this box: it took another's place. Pure."""

from collections.abc import Iterator
from typing import Final

from gateway.status.card import Card, Item, Row, Tone
from gateway.status.report import EarlierBox, NewBoxReport, StatusReport, to_ms
from gateway.status.words import Reading

STEPS: Final = {
    "state": "new_box.step.state",
    "stock": "new_box.step.stock",
    "journals": "new_box.step.journals",
    "done": "new_box.step.done",
}
"""What a new box takes over, in order, and the words for it."""


def life_cards(report: StatusReport, reading: Reading) -> Iterator[Card]:
    """The cards that apply; none in a box that is its location's first."""
    if report.new_box is not None:
        yield _new_box(report.new_box, reading)


def _new_box(box: NewBoxReport, reading: Reading) -> Card:
    """How far it is, and what may be missing."""
    say, number = reading.speaker.say, reading.speaker.number
    rows = [Row(label=say("new_box.began"), value=reading.time(to_ms(box.began)))]
    if box.ended is not None:
        rows.append(Row(label=say("new_box.ended"), value=reading.time(to_ms(box.ended))))
    else:
        at = list(STEPS).index(box.step) + 1
        of = say("new_box.of", number=str(at), all=str(len(STEPS) - 1))
        rows.append(Row(label=say("new_box.step"), value=of))
    rows += [
        Row(label=say("new_box.tokens"), value=number(box.tokens)),
        Row(label=say("new_box.counters"), value=number(box.counters)),
        Row(label=say("new_box.entries"), value=number(box.entries)),
        Row(label=say("new_box.requests"), value=number(box.requests)),
    ]
    if box.error is not None:
        rows.append(Row(label=say("last_error"), value=box.error, raw=True))
    return Card(
        key="new_box",
        title=say("card.new_box"),
        tone=Tone.WARN,
        verdict=say(STEPS[box.step]),
        rows=tuple(rows),
        items=(
            *(_earlier(one, reading) for one in box.earlier),
            *(_silent(one, reading) for one in box.silent),
        ),
    )


def _earlier(box: EarlierBox, reading: Reading) -> Item:
    say, heard = reading.speaker.say, box.last_heard
    since = say("never") if heard is None else reading.time(to_ms(heard))
    return Item(
        name=box.writer,
        tone=Tone.WARN if box.is_open else Tone.GOOD,
        words=say("new_box.earlier.open" if box.is_open else "new_box.earlier.settled"),
        detail=say("new_box.heard", entry=reading.speaker.number(box.last_seq), since=since),
    )


def _silent(register: str, reading: Reading) -> Item:
    say = reading.speaker.say
    return Item(
        name=register,
        tone=Tone.WARN,
        words=say("new_box.silent"),
        detail=say("new_box.switch_on"),
    )
