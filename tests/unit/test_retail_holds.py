"""Goal: a hold ends in one of three ways and is used once; its requests are bounded.

Method: walk the table of endings; decode request bodies strictly, as the door does.
"""

import msgspec
import pytest

from retail.ordering.holds import ENDS, BasketRequest, HoldStatus, ReservationRequest
from retail.ordering.orders import Ship
from retail.selling.sales import LINES_MAX

LINE = {"sku": "tea", "quantity": 1}


def test_every_status_says_what_may_become_of_it() -> None:
    assert set(ENDS) == set(HoldStatus)


def test_an_ended_hold_is_never_open_again_and_never_ends_as_it_is() -> None:
    for before, after in ENDS.items():
        assert HoldStatus.OPEN not in after
        assert before not in after


def test_a_hold_is_used_once_whenever_it_is_used() -> None:
    assert ENDS[HoldStatus.USED] == frozenset()
    for before in set(HoldStatus) - {HoldStatus.USED}:
        assert HoldStatus.USED in ENDS[before]


def test_a_checkout_that_does_not_say_how_is_for_shipping() -> None:
    assert msgspec.convert({"lines": [LINE]}, ReservationRequest).fulfilment == Ship()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"lines": []},
        {"lines": [LINE] * (LINES_MAX + 1)},
        {"lines": [{"sku": "tea", "quantity": 0}]},
        {"lines": [LINE | {"price_minor": 1}]},
        {"lines": [LINE], "seconds": 5},
    ],
)
@pytest.mark.parametrize("kind", [BasketRequest, ReservationRequest])
def test_a_body_that_is_out_of_bounds_does_not_decode(
    kind: type[msgspec.Struct], body: dict[str, object]
) -> None:
    register = {"register": "till-1"} if kind is BasketRequest else {}
    good = {"lines": [LINE] * LINES_MAX} | register
    assert msgspec.convert(good, kind)

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body | register, kind)


@pytest.mark.parametrize("line", [{"quantity": 1}, LINE | {"barcode": "12345670"}])
def test_a_basket_names_each_line_by_sku_or_by_barcode(line: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match="either"):
        msgspec.convert({"register": "till-1", "lines": [line]}, BasketRequest)
