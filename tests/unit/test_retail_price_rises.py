"""Goal: from the lists alone it is known which prices stood on the shelf in the last hours.

Method: lists that begin, end and rise around a night; the model asks the price book minute after
minute.
"""

import datetime

import pytest

from retail.prices.price_lists import PriceBook
from retail.prices.price_rises import KeptPriceList, Rise, on_day, stood_lately
from retail.products.catalogue import Product
from retail.selling.occasion import Occasion

NIGHT = datetime.datetime.combine(datetime.date(2026, 11, 23), datetime.time())
HOUR = datetime.timedelta(hours=1)
TEA = Product(sku="tea", name="Tea", price_minor=100, currency="USD")


def a_list(price_minor: int, **fields: object) -> KeptPriceList:
    """A list with a price for tea."""
    given = {"id": f"l{price_minor}", "name": "L", "currency": "USD"} | fields
    return KeptPriceList(prices={"tea": price_minor}, **given)  # type: ignore[arg-type] # any field


def occasion(at: datetime.datetime) -> Occasion:
    return Occasion(channel="store", location="harbour", local_time=at)


def minute_by_minute(
    lists: list[KeptPriceList], since: datetime.datetime, until: datetime.datetime
) -> set[int]:
    """The model: what a till would have shown in each minute."""
    prices = set()
    at = since
    while at <= until:
        book = PriceBook(on_day(one, at.date()) for one in lists)
        prices.add(book.price_of(TEA, occasion(at)).price_minor)
        at += datetime.timedelta(minutes=1)
    return prices


RISES = a_list(150, rises={"tea": Rise(price_minor=120, until=NIGHT.date())})
SUNDAY = a_list(80, channel="store", valid_until=NIGHT - 2 * HOUR)
MONDAY = a_list(90, channel="store", valid_from=NIGHT + 3 * HOUR, valid_until=NIGHT + 4 * HOUR)
ELSEWHERE = a_list(10, locations=("riverside",))
EUROS = a_list(70, customer_group="staff", currency="EUR")


@pytest.mark.parametrize("end", [3.5, 5])
@pytest.mark.parametrize("hours", [1, 2, 5, 9, 13])
@pytest.mark.parametrize(
    "lists", [[], [RISES], [SUNDAY], [RISES, SUNDAY, MONDAY, ELSEWHERE, EUROS], [MONDAY, RISES]]
)
def test_they_are_what_a_till_would_have_shown_minute_by_minute(
    lists: list[KeptPriceList], hours: int, end: float
) -> None:
    until = NIGHT + end * HOUR
    since = until - hours * HOUR

    found = stood_lately(lists, TEA, occasion(until), since)

    assert found == minute_by_minute(lists, since, until)


def test_a_price_in_another_currency_is_none_of_them() -> None:
    euros = a_list(70, currency="EUR", valid_until=NIGHT)

    assert stood_lately([euros], TEA, occasion(NIGHT + HOUR), NIGHT - HOUR) == {100}
