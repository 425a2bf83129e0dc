"""The endpoints of the dated tax rates."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.prices import taxes
from cloud_hub.roles import ADMIN, ANYONE
from retail.prices.tax import TaxPlace, TaxRate, TaxRateBody
from web.endpoint import Answer, Call, Endpoint
from web.once import Command, Outcome, answer, command_of
from web.problems import Problem, Slug
from web.shape_words import shape_words

PATH: Final = "/v1/taxes/{jurisdiction}/{tax_class}/{valid_from}"
PLACE_WORDS: Final = shape_words(TaxPlace)


class TaxRates(msgspec.Struct, frozen=True, kw_only=True):
    """All rows; there are few, and a page of them would say nothing."""

    items: Sequence[TaxRate]


class TaxApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def tax_rates(self, _call: Call[None]) -> Answer:
        """All tax rates, by jurisdiction, class and day."""
        office = self._parts.office
        rows = await self._parts.writer.look(lambda: list(office.tax_rows))
        rows.sort(key=lambda row: (row.jurisdiction, row.tax_class, row.valid_from))
        return Answer(200, TaxRates(items=rows))

    async def put_tax_rate(self, call: Call[TaxRateBody]) -> Answer:
        """Add a tax rate, or change one that has not begun."""
        office, place = self._parts.office, _place(call)
        return await self._decide(
            call, lambda command: taxes.put_tax_rate(office, command, place, call.body)
        )

    async def withdraw_tax_rate(self, call: Call[None]) -> Answer:
        """Take back a tax rate that has not begun."""
        office, place = self._parts.office, _place(call)
        return await self._decide(
            call, lambda command: taxes.withdraw_tax_rate(office, command, place)
        )

    async def _decide(self, call: Call[Any], decide: Callable[[Command], Outcome]) -> Answer:
        command = command_of(call)
        return answer(await self._parts.writer.submit(lambda: decide(command)))

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/taxes", summary="All tax rates", roles=ANYONE,
                handler=self.tax_rates, answer=TaxRates,
            ),
            Endpoint(
                method="PUT", path=PATH, summary="Add a tax rate, or change one to come",
                roles=ADMIN, handler=self.put_tax_rate, body=TaxRateBody, answer=TaxRate,
                refusals=(Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="DELETE", path=PATH, summary="Take back a tax rate to come", roles=ADMIN,
                handler=self.withdraw_tax_rate, answer=TaxRate,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
        ]  # fmt: skip


def _place(call: Call[Any]) -> TaxPlace:
    """The row that the address names.

    Raises:
        Problem: it names none.
    """
    try:
        return msgspec.convert(dict(call.params), TaxPlace)
    except msgspec.ValidationError as refused:
        words = PLACE_WORDS(refused)
        raise Problem.invalid(f"The address is not that of a tax rate: {words}.") from None
