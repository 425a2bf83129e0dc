"""What msgspec says of a value of the wrong shape, in words that a person can act on.

msgspec quotes the regular expression that a text does not match. Whoever declares such a text says
beside it, in the annotation's `description`, what it is; here the one takes the other's place.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec


def shape_words(kind: Any) -> Callable[[msgspec.ValidationError], str]:  # noqa: ANN401  any type
    """A function that puts a refused value of `kind` into words; made once per type.

    Raises:
        AssertionError: `kind` has a pattern without a description.
    """
    quoted = [
        (f"`str` matching regex {pattern!r}", words)
        for pattern, words in sorted(dict(_patterns(msgspec.json.schema(kind))).items())
    ]

    def say(refused: msgspec.ValidationError) -> str:
        sentence = str(refused)
        for pattern, words in quoted:
            sentence = sentence.replace(pattern, words)
        return sentence

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
