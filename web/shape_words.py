"""What msgspec says of a value of the wrong shape, in words that a person can act on.

msgspec quotes the regular expression that a text does not match. Whoever declares such a text says
beside it, in the annotation's `description`, what it is; here the one takes the other's place. Of a
value that is none of a few it says only that: here those few are named.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

PATH_MARK: Final = " - at `"
"""What msgspec puts between the complaint and the path."""

CHOICES_NAMED_MAX: Final = 40
"""Longer lists are in the description of the endpoint."""

_TIMES: Final[Mapping[str, str]] = {
    "Invalid RFC3339 encoded datetime": "Expected a date and time like 2026-11-30T18:00:00",
    "Invalid RFC3339 encoded date": "Expected a date like 2026-11-30",
    "Invalid RFC3339 encoded time": "Expected a time of day like 18:00:00",
    "Expected `datetime` with no timezone component": (
        "Expected a date and time without a zone, like 2026-11-30T18:00:00"
    ),
    "Expected `time` with no timezone component": (
        "Expected a time of day without a zone, like 18:00:00"
    ),
}

_STEP: Final = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")

Schema = Mapping[str, Any]


def shape_words(
    kind: Any,  # noqa: ANN401  any type
    schema_hook: Callable[[type[Any]], dict[str, Any]] | None = None,
) -> Callable[[msgspec.ValidationError], str]:
    """A function that puts a refused value of `kind` into words; made once per type.

    `schema_hook` is msgspec's: the schema of types that it does not know.

    Raises:
        AssertionError: `kind` has a pattern without a description.
    """
    schema = msgspec.json.schema(kind, schema_hook=schema_hook)
    quoted = [
        (f"`str` matching regex {pattern!r}", words)
        for pattern, words in sorted(dict(_patterns(schema)).items())
    ]

    def say(refused: msgspec.ValidationError) -> str:
        complaint, mark, path = str(refused).partition(PATH_MARK)
        for pattern, words in quoted:
            complaint = complaint.replace(pattern, words)
        complaint = _TIMES.get(complaint, complaint)
        if complaint.startswith(("Invalid enum value", "Invalid value")):
            choices = sorted(set(map(str, _choices(schema, path.rstrip("`")))))
            if 0 < len(choices) <= CHOICES_NAMED_MAX:
                complaint += f" (known: {', '.join(choices)})"
        return complaint + mark + path

    return say


def _patterns(schema: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  any part of a JSON schema
    """Every pattern in a schema with the words that stand beside it."""
    if isinstance(schema, list):
        for part in schema:
            yield from _patterns(part)
    elif isinstance(schema, dict):
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            assert "description" in schema, f"nobody said in words what {pattern} is"
            yield pattern, schema["description"]
        for part in schema.values():
            yield from _patterns(part)


def _choices(schema: Schema, path: str) -> Iterator[object]:
    """The values that are known at a path such as `$.lines[0].type`."""
    here = [schema]
    for name, index in _STEP.findall(path):
        here = [
            part
            for one in _alternatives(schema, here)
            for part in (
                one.get("properties", {}).get(name) if name else one.get("items"),
                one.get("additionalProperties") if index == "..." else None,
            )
            if isinstance(part, dict)
        ]
    for one in _alternatives(schema, here):
        yield from one.get("enum", ())


def _alternatives(schema: Schema, parts: list[Schema]) -> Iterator[Schema]:
    """Each part as what it refers to, unions as what they are of."""
    for part in parts:
        if "$ref" in part:
            named = str(part["$ref"]).rpartition("/")[2]
            yield from _alternatives(schema, [schema["$defs"][named]])
        elif "anyOf" in part:
            yield from _alternatives(schema, part["anyOf"])
        else:
            yield part
