"""Goal: the order queue finds what is looked for, from either end, page by page, none twice.

Method: a hub and two shops in one process; orders are placed by its verbs and read as the endpoint
reads them.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.ordering import order_list, orders
from cloud_hub.ordering.order_list import OrdersQuery, orders_page
from retail.ordering.orders import Order, OrderLine, OrderRequest, Pickup, Ship
from tests.chain import Chain
from tests.chain_sides import command
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    made = Chain(tmp_path, skus=["TEA", "RICE"], shops=["riverside", "harbour"])
    for name, shop in made.shops.items():
        shop.receive(TEA=50, **({"RICE": 50} if name == "harbour" else {}))
    made.sync()
    yield made
    made.close()


def place(chain: Chain, sku: str = "TEA", code: str = "AAAAAA", **more: object) -> Order:
    fields: dict[str, object] = {"fulfilment": Pickup(location="riverside"), "payment": "paid"}
    request = OrderRequest(lines=(OrderLine(sku=sku, quantity=1),), **(fields | more))  # type: ignore[arg-type] # any field
    done = chain.hub.commit(lambda: orders.place(chain.hub.state, command(), request, code))
    assert isinstance(done, Done), done
    return msgspec.json.decode(done.record, type=Order)


def numbers(chain: Chain, **asked: object) -> list[int]:
    """The numbers of all orders that match, over all pages."""
    found: list[int] = []
    query = OrdersQuery(**asked)  # type: ignore[arg-type] # any field
    while True:
        page = orders_page(chain.hub.state.store, query)
        found += [
            int(msgspec.json.decode(one, type=Order).number.removeprefix("W-"))
            for one in page.items
        ]
        if page.next_cursor is None:
            return found
        query = msgspec.structs.replace(query, cursor=page.next_cursor)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_either_end_comes_first_and_pages_overlap_nowhere(chain: Chain, limit: int) -> None:
    for _ in range(5):
        place(chain)

    assert numbers(chain, limit=limit) == [1, 2, 3, 4, 5]
    assert numbers(chain, limit=limit, newest=True) == [5, 4, 3, 2, 1]


def test_a_location_has_the_orders_whose_units_it_keeps(chain: Chain) -> None:
    place(chain, fulfilment=Pickup(location="riverside"))
    place(chain, fulfilment=Pickup(location="harbour"))
    place(chain, "RICE", fulfilment=Ship())

    assert numbers(chain, location="riverside") == [1]
    assert numbers(chain, location="harbour", newest=True) == [3, 2]
    assert numbers(chain, location="harbour", text="rice") == [3]


def test_a_text_is_a_number_or_a_part_of_what_people_know(chain: Chain) -> None:
    place(chain, customer="Amira Haddad", contact={"phone": "+20 100 555"})
    order = place(chain, code="QKMXYZ", customer={"name": "Omar"})
    place(chain, "RICE", fulfilment=Ship(address="12 Corniche"))

    for text, wanted in (
        ("3", [3]), ("w-000002", [2]), ("W-2", [2]), (order.id, [2]), ("amira", [1]),
        ("100 555", [1]), ("OMAR", [2]), ("corniche", [3]), ("rice", [3]), (" tea ", [1, 2]),
        ("qkmxyz", [2]), ("nobody", []), ("net_minor", []), ("%", []), ("'", []),
    ):  # fmt: skip
        assert numbers(chain, text=text) == wanted, text


def test_a_status_narrows_it_and_all_filters_hold_at_once(chain: Chain) -> None:
    place(chain, payment="pending", customer="Amira")
    place(chain, customer="Amira")
    place(chain, customer="Omar")

    assert numbers(chain, status="paid") == [2, 3]
    assert numbers(chain, status="paid", text="amira", location="riverside") == [2]


def test_a_page_that_looks_through_too_many_ends_and_the_next_goes_on(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_list, "ORDERS_SCANNED_MAX", 3)
    for number in range(8):
        place(chain, customer="Amira" if number in {4, 7} else "Omar")

    first = orders_page(chain.hub.state.store, OrdersQuery(text="amira"))

    assert (first.items, first.next_cursor is None) == ([], False)
    assert numbers(chain, text="amira") == [5, 8]
    assert numbers(chain) == [1, 2, 3, 4, 5, 6, 7, 8]
