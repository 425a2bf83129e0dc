"""The judge of sales and what comes back of them, entry by entry, with arithmetic of its own.

W1, W2      no line of a sale comes back, or is paid back, more than it was sold
exchange    its return and its sale become durable in one commit, and are paid with each other
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from tests.simulation.bought import GOODS


class _Tender(msgspec.Struct):
    type: str
    amount_minor: int


class _Line(msgspec.Struct):
    quantity: int
    total_minor: int
    line: int = 0


class _Sale(msgspec.Struct):
    id: str
    lines: list[_Line]
    tenders: list[_Tender]


class _Order(msgspec.Struct):
    id: str
    lines: list[_Line]


class _Return(msgspec.Struct):
    id: str
    sale: str
    lines: list[_Line]
    refunds: list[_Tender]


class _Exchange(msgspec.Struct):
    id: str
    returned: _Return
    sale: _Sale


_order: Final = msgspec.json.Decoder(_Order).decode
_sale: Final = msgspec.json.Decoder(_Sale).decode
_return: Final = msgspec.json.Decoder(_Return).decode
_exchange: Final = msgspec.json.Decoder(_Exchange).decode


SELLING: Final = frozenset({"sale", "order"})
"""Kinds of entries that say what was sold, or is going to be."""


def _goods(tenders: list[_Tender]) -> int:
    """What is paid with goods."""
    return sum(tender.amount_minor for tender in tenders if tender.type == GOODS)


class SalesJudge:
    """See the module's theory. `accuse` is told each sentence that is broken."""

    def __init__(self, accuse: Callable[[str], None]) -> None:
        self.returns: list[str] = []
        """The ids of all returns, in the order in which they became durable."""

        self._accuse = accuse
        self._sold: dict[str, list[_Line]] = {}
        self._units: Counter[tuple[str, int]] = Counter()
        self._minor: Counter[tuple[str, int]] = Counter()
        self._new: set[str] = set()
        self._halves: dict[str, int] = {}

    def take(self, kind: str, record: bytes) -> None:
        """An entry that is new in its journal, whatever it is about."""
        if kind == "sale":
            sale = _sale(record)
            self._sold[sale.id] = sale.lines
            self._half(sale.id, sale.tenders)
        elif kind == "order":
            order = _order(record)
            self._sold[order.id] = order.lines
        elif kind == "return":
            came = _return(record)
            self.returns.append(came.id)
            self._half(came.id, came.refunds)
            self._compare(came)
        elif kind == "exchange":
            self._whole(_exchange(record))

    def committed(self) -> None:
        """All entries of a commit were taken."""
        for half in self._halves:
            self._accuse(f"exchange: {half} is one half, and the other is not there")
        self._halves.clear()
        self._new.clear()

    def _half(self, entry: str, tenders: list[_Tender]) -> None:
        self._new.add(entry)
        if minor := _goods(tenders):
            self._halves[entry] = minor

    def _whole(self, both: _Exchange) -> None:
        if not {both.returned.id, both.sale.id} <= self._new:
            self._accuse(f"exchange: {both.id} was not written together with what it is of")
        if _goods(both.returned.refunds) != _goods(both.sale.tenders):
            self._accuse(f"exchange: {both.id} takes one worth and gives another")
        self._halves.pop(both.returned.id, None)
        self._halves.pop(both.sale.id, None)

    def _compare(self, came: _Return) -> None:
        sold = self._sold.get(came.sale, [])
        for line in came.lines:
            if not 0 < line.line <= len(sold):
                self._accuse(f"W1: {came.id} is of line {line.line} of {came.sale}")
                continue
            key, whole = (came.sale, line.line), sold[line.line - 1]
            self._units[key] += line.quantity
            self._minor[key] += line.total_minor
            if self._units[key] > whole.quantity:
                self._accuse(f"W1: {self._units[key]} of {whole.quantity} of {key} came back")
            if self._minor[key] > whole.total_minor:
                self._accuse(
                    f"W2: {self._minor[key]} of {whole.total_minor} are paid back for {key}"
                )
