"""What goods cost in this day and who can know it since when, kept outside the code under test.

Head office changes prices once, for all stores at once. Between the first word of it and the moment
in which a place is seen to have it, old and new are both right there; a place that is cut off has
heard nothing until its line is mended. So every line of every sale and order has at most two right
prices, and outside of that time exactly one:

    told before it was announced              the old one
    asked after it was seen there             the new one
    told before a cut line was mended         the old one, if it was cut before the announcement
    otherwise                                 either
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from scripts.demo_day.api import Json

WEBSITE: Final = "website"
"""The place of those who buy online: what the hub charges."""

WHOLE_BP: Final = 10_000
"""All of an amount, in basis points."""


class Terms(NamedTuple):
    """What a piece costs by its label, and the share that is taken off, in basis points."""

    price_minor: int
    off_bp: int = 0

    def off_minor(self, units: int) -> int:
        """What the promotion takes off so many pieces together: rounded once, half up."""
        return (units * self.price_minor * self.off_bp + WHOLE_BP // 2) // WHOLE_BP

    def total_minor(self, units: int) -> int:
        """What so many pieces cost."""
        return units * self.price_minor - self.off_minor(units)


class Asked(NamedTuple):
    """Lines that were asked for and priced at a place; seconds are of the monotonic clock.

    `name` is of the sale or order that they are on.
    """

    name: str
    where: str
    asked_s: float
    told_s: float
    lines: Iterable[Json]


class Outage(NamedTuple):
    """When a line was cut and mended."""

    since_s: float
    until_s: float


@dataclass(slots=True, kw_only=True)
class PriceNews:
    """The one change of prices of a day, and who heard of it when."""

    terms: dict[str, Terms] = field(default_factory=dict)
    """The new terms, by SKU; all other goods keep theirs."""
    announced_s: float = math.inf
    """When head office began to write them."""
    seen_s: dict[str, float] = field(default_factory=dict)
    """Where all of them were seen, and when at the latest they were there."""
    outages: dict[str, Outage] = field(default_factory=dict)

    def announce(self, terms: Mapping[str, Terms], now_s: float) -> None:
        """Head office is about to write these terms."""
        self.terms.update(terms)
        self.announced_s = now_s

    def cut(self, where: str, now_s: float) -> None:
        """The line of a place is cut now."""
        self.outages[where] = Outage(now_s, math.inf)

    def mend(self, where: str, now_s: float) -> None:
        """The line of a place is about to be mended."""
        self.outages[where] = Outage(self.outages[where].since_s, now_s)

    def right(self, asked: Asked, sku: str, old: Terms) -> tuple[Terms, ...]:
        """The terms on which so much may have been charged."""
        new = self.terms.get(sku, old)
        if asked.told_s < self.announced_s or self._was_cut_off(asked):
            return (old,)
        if asked.asked_s > self.seen_s.get(asked.where, math.inf):
            return (new,)
        return (old, new)

    def counts(self, everything: Iterable[Asked]) -> dict[str, int]:
        """Lines of the goods whose price changed: sold at the old one while cut off, and after."""
        lines: Counter[str] = Counter(old_while_cut_off=0, new_after=0)
        for asked in everything:
            changed = sum(line["sku"] in self.terms for line in asked.lines)
            if self._was_cut_off(asked) and asked.asked_s > self.announced_s:
                lines["old_while_cut_off"] += changed
            elif asked.asked_s > self.seen_s.get(asked.where, math.inf):
                lines["new_after"] += changed
        return dict(lines)

    def _was_cut_off(self, asked: Asked) -> bool:
        """Whether no word of the change can have come there before the answer."""
        outage = self.outages.get(asked.where)
        return (
            outage is not None
            and outage.since_s < self.announced_s
            and asked.told_s < outage.until_s
        )


def judge_prices(
    news: PriceNews, labels: Mapping[str, int], everything: Iterable[Asked]
) -> tuple[str, ...]:
    """Lines that were charged on terms that were not right there and then; `labels` are of before.

    Every line is checked, also of the goods whose price nobody changed.
    """
    return tuple(
        f"{asked.name} at {asked.where}: {line['quantity']} x {line['sku']} charged as {charged},"
        f" right is {' or '.join(map(str, right))}"
        for asked in everything
        for line in asked.lines
        for right in [
            [
                _charge(terms, line["quantity"])
                for terms in news.right(asked, line["sku"], Terms(labels[line["sku"]]))
            ]
        ]
        for charged in [charged_of(line)]
        if charged not in right
    )


class Charge(NamedTuple):
    """What a line costs: by the piece, off by promotions, and in all."""

    unit_price_minor: int
    off_minor: int
    total_minor: int

    def __str__(self) -> str:
        return f"{self.unit_price_minor} each, {self.off_minor} off, {self.total_minor} in all"


def charged_of(line: Json) -> Charge:
    """What a priced line says."""
    off_minor = sum(one["amount_minor"] for one in line["discounts"])
    return Charge(line["unit_price_minor"], off_minor, line["total_minor"])


def _charge(terms: Terms, units: int) -> Charge:
    return Charge(terms.price_minor, terms.off_minor(units), terms.total_minor(units))


def is_charged(terms: Mapping[str, Terms], quote: Json) -> bool:
    """Whether every line of a quote is on these terms."""
    return all(
        charged_of(line) == _charge(terms[line["sku"]], line["quantity"]) for line in quote["lines"]
    )


def judge_quotes(
    terms: Mapping[str, Terms], quotes: Mapping[str, Iterable[Json]]
) -> tuple[str, ...]:
    """Where a place quotes something else than the terms at the end of the day, per SKU.

    Args:
        terms: of everything that is sold.
        quotes: the lines that each place quoted, of everything.
    """
    wrong = []
    for where, lines in quotes.items():
        quoted = {line["sku"]: line for line in lines}
        wrong += [f"{sku} has no price at {where}" for sku in sorted(terms.keys() - quoted.keys())]
        wrong += [
            f"{sku} costs {charged} at {where} in the end, right is {right}"
            for sku, line in sorted(quoted.items())
            for charged in [charged_of(line)]
            for right in [_charge(terms[sku], line["quantity"])]
            if charged != right
        ]
    return tuple(wrong)
