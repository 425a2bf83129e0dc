"""Settings of a program: defaults, then a TOML file, then the environment, then the command line.

Each program has one struct of settings. A key that the struct does not know is refused wherever it
stands: a misspelt setting that is silently ignored is found by a customer. In the environment a
setting is `<PREFIX>_<NAME>`; text and paths as they are, everything else as JSON.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from web.shape_words import shape_words

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")

SettingsT = TypeVar("SettingsT", bound=msgspec.Struct)


class SettingsRefused(Exception):
    """A setting is unknown or out of range; the sentence says which and where it stands."""


def load_settings(
    kind: type[SettingsT],
    *,
    prefix: str,
    file: Path | None,
    environment: Mapping[str, str],
    arguments: Mapping[str, object],
) -> SettingsT:
    """Put the settings together; an argument that is None was not given.

    Raises:
        SettingsRefused: the file does not parse, a key is unknown, or a value does not fit.
    """
    values: dict[str, Any] = {}
    if file is not None:
        values.update(_from_file(kind, file))
    values.update(_from_environment(kind, prefix, environment))
    values.update({name: value for name, value in arguments.items() if value is not None})
    try:
        return msgspec.convert(values, kind, dec_hook=_path)
    except msgspec.ValidationError as refused:
        missing = _MISSING.fullmatch(str(refused))
        if missing is not None:
            raise SettingsRefused(f"the setting {missing[1]} is needed: --{missing[1]}") from None
        where = "settings" if file is None else f"settings ({file}, environment, command line)"
        say = shape_words(kind, _schema)
        raise SettingsRefused(f"{where}: {say(refused)}") from None


def _from_file(kind: type[msgspec.Struct], file: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise SettingsRefused(f"{file}: the file is not UTF-8") from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsRefused(f"{file}: {error}") from None
    _refuse_unknown(set(values) - set(kind.__struct_fields__), str(file))
    return values


def _from_environment(
    kind: type[msgspec.Struct], prefix: str, environment: Mapping[str, str]
) -> dict[str, Any]:
    texts = {
        name.removeprefix(f"{prefix}_").lower(): text
        for name, text in environment.items()
        if name.startswith(f"{prefix}_")
    }
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    _refuse_unknown(set(texts) - set(fields), f"the environment ({prefix}_...)")
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = msgspec.convert(text, fields[name], dec_hook=_path)
        except msgspec.ValidationError:
            try:
                values[name] = msgspec.json.decode(text)
            except msgspec.DecodeError:
                values[name] = text
    return values


def _path(kind: type[Any], value: object) -> Path:
    """Text as the one type of setting that msgspec does not know."""
    assert kind is Path, f"no setting is a {kind}"
    if not isinstance(value, str) or not value:
        raise ValueError("Expected the path of a file or folder")
    return Path(value)


def _schema(kind: type[Any]) -> dict[str, Any]:
    """What `_path` takes, for `shape_words`."""
    assert kind is Path, f"no setting is a {kind}"
    return {"type": "string"}


def _refuse_unknown(names: set[str], where: str) -> None:
    if names:
        raise SettingsRefused(f"{where}: unknown setting {', '.join(sorted(names))}")
