"""Which entry of a mapping was refused: msgspec says `$.prices[...]` and does not name it."""

from typing import Any, Final

import msgspec

ANY_KEY: Final = "[...]"
KEY_CHARS_MAX: Final = 64


def named_key(kind: Any, raw: bytes, refused: msgspec.ValidationError, path: str) -> str:  # noqa: ANN401  any type
    """`path` with the key in the place of its first `[...]`, or as it is where that is not found.

    Args:
        kind: the type of the whole.
        raw: the JSON that was sent; its mapping is looked through in halves.
        refused: the complaint.
        path: the path in that complaint, such as `$.prices[...]`.
    """
    steps, found, _ = path.partition(ANY_KEY)
    if not found:
        return path
    try:
        root: Any = {"$": msgspec.json.decode(raw)}
    except (msgspec.DecodeError, RecursionError):  # something else is wrong behind it
        return path
    holder, names = root, steps.replace("[", ".").replace("]", "").split(".")
    for name in names[:-1]:
        holder = holder[name] if isinstance(holder, dict) else holder[int(name)]
    last: Any = names[-1] if isinstance(holder, dict) else int(names[-1])

    def is_refused(entries: list[tuple[str, Any]]) -> bool:
        holder[last] = dict(entries)
        return _complaint(root["$"], kind) == str(refused)

    rest = list(holder[last].items())
    while len(rest) > 1:
        half = rest[: len(rest) // 2]
        rest = half if is_refused(half) else rest[len(half) :]
    if not is_refused(rest):
        return path
    return path.replace(ANY_KEY, f"[{rest[0][0][:KEY_CHARS_MAX]}]", 1)


def _complaint(value: Any, kind: Any) -> str:  # noqa: ANN401  any JSON, any type
    """What msgspec says of a value, or nothing."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as refused:
        return str(refused)
    return ""
