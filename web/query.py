"""Query parameters into a struct, strictly: nothing unknown, nothing twice, ints written as ints.

`msgspec.convert` alone would take `1e3` for 1000 and the last of two values; a client that sends
such a thing has a bug that it should hear about. Every refusal here is a 400.
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Generic, TypeVar

import msgspec
from multidict import MultiMapping

from web.problems import Problem
from web.shape_words import shape_words

INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})", re.ASCII)
"""As JSON writes an int: no plus sign, no leading zero, no fraction, and it fits 64 bits."""

BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}

QueryT = TypeVar("QueryT", bound=msgspec.Struct)


class Reading(Enum):
    """How the text of one parameter is read before msgspec checks its limits."""

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    REPEATED = "repeated"


def _reading(kind: msgspec.inspect.Type) -> Reading:
    """How a field of type `kind` is read; optional ones as what they are when present."""
    match kind:
        case msgspec.inspect.Metadata(type=inner):
            return _reading(inner)
        case msgspec.inspect.UnionType(types=types):
            readings = {_reading(one) for one in types if one != msgspec.inspect.NoneType()}
            assert len(readings) == 1, f"a query parameter needs one way to be read: {kind}"
            return readings.pop()
        case msgspec.inspect.IntType():
            return Reading.INTEGER
        case msgspec.inspect.BoolType():
            return Reading.BOOLEAN
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return Reading.REPEATED
        case _:
            return Reading.TEXT


class QueryDecoder(Generic[QueryT]):
    """Reads query strings of one endpoint; made once, at registration.

    The struct's fields are text, int, bool, enum or date-time, optional or with a default, or a
    list of texts for a parameter that may be repeated (`?sku=a&sku=b`).
    """

    def __init__(self, query_type: type[QueryT]) -> None:
        info = msgspec.inspect.type_info(query_type)
        assert isinstance(info, msgspec.inspect.StructType), query_type
        self._type = query_type
        self._say = shape_words(query_type)
        self._readings = {field.encode_name: _reading(field.type) for field in info.fields}
        # Most lists are asked for without parameters: that answer is made once, when there is one.
        needs_some = any(field.required for field in info.fields)
        self._without: QueryT | None = None if needs_some else msgspec.convert({}, query_type)

    def decode(self, parameters: MultiMapping[str]) -> QueryT:
        """The parameters as a struct.

        Raises:
            Problem: invalid-request 400, saying which parameter is wrong and how.
        """
        if not parameters and self._without is not None:
            return self._without
        values: dict[str, Any] = {}
        for name in parameters:
            if name not in values:
                values[name] = self._value(name, parameters.getall(name))
        try:
            return msgspec.convert(values, self._type)
        except msgspec.ValidationError as refused:
            raise Problem.malformed(f"Query: {self._say(refused)}") from None

    def _value(self, name: str, texts: list[str]) -> object:
        """One parameter's value, or a Problem."""
        reading = self._readings.get(name)
        if reading is None:
            raise Problem.malformed(f"Query parameter {name!r} is not known here.")
        if reading is Reading.REPEATED:
            return texts
        if len(texts) > 1:
            raise Problem.malformed(f"Query parameter {name!r} is given {len(texts)} times.")
        text = texts[0]
        if reading is Reading.INTEGER:
            if INTEGER.fullmatch(text) is None:
                raise Problem.malformed(f"Query parameter {name!r} is not an integer.")
            return int(text)
        if reading is Reading.BOOLEAN:
            if text not in BOOLEANS:
                raise Problem.malformed(f"Query parameter {name!r} is neither true nor false.")
            return BOOLEANS[text]
        return text
