"""Goal: the audit finds money for an order that came twice, or not, or not as it was told (M1).

Method: a hub's file after an order that two cut-off tills were paid for (`tests.aisle`), on which
the audit finds nothing. Each test alters a copy in one way, with all hashes made again.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.aisle import Aisle, paid_in, tea_at_harbour
from tests.chain_sides import order_in
from tests.shortage_stories import lend_all
from tests.tampered_hub import Body, TamperedHub


@pytest.fixture(scope="module")
def honest_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Riverside has sold two orders; a third was paid at Riverside and at Harbour."""
    directory = tmp_path_factory.mktemp("paid")
    chain = tea_at_harbour(directory)
    riverside, harbour = Aisle(chain, "riverside"), Aisle(chain, "harbour")
    for _ in range(2):
        paid_in(riverside.order({"tea": 1}))
    chain.shops["riverside"].receive(tea=4)
    chain.sync()
    lend_all(chain, chain.shops["riverside"], 4)
    order = order_in(chain.hub.place({"tea": 10}, payment="on_delivery"))
    chain.sync()
    for till in (riverside, harbour):
        paid_in(till.pay(order.id))
    chain.sync()
    chain.hub.commit(chain.hub.state.ledger.save)
    chain.close()
    return directory / "hub" / "hub.db"


@pytest.fixture
def hub(honest_file: Path, tmp_path: Path) -> Iterator[TamperedHub]:
    """A copy of it to alter."""
    hub = TamperedHub(Path(shutil.copy(honest_file, tmp_path / "hub.db")))
    yield hub
    hub.file.close()


def test_an_order_that_was_paid_twice_is_no_difference_where_one_goes_back(
    hub: TamperedHub,
) -> None:
    assert hub.report().differences == []
    assert hub.report("harbour").differences == []


def alter(**changes: object) -> Callable[[Body], None]:
    """Change the payment in a record."""
    return lambda body: body["record"]["payment"].update(changes)


def other_money(hub: TamperedHub) -> str:
    place = hub.last("order_payment")
    hub.rewrite(place, alter(tenders=[{"type": "card", "amount_minor": 999}], change_minor=0))
    return place


def another_total(hub: TamperedHub) -> str:
    place = hub.last("order_payment")
    hub.rewrite(place, alter(total_minor=900, change_minor=99_100))
    return place


def a_number_left_out(hub: TamperedHub) -> str:
    place = hub.last("order_payment")
    hub.rewrite(place, alter(number="RIVERSIDE-1-P000007"))
    return place


def another_order(hub: TamperedHub) -> str:
    place = hub.last("order_payment")
    hub.rewrite(place, alter(order="hub.1-1"))
    return place


def a_payment_of_another_entry(hub: TamperedHub) -> str:
    place = hub.last("order_payment")
    hub.rewrite(place, alter(id="riverside.1-1"))
    return place


def no_payment_at_all(hub: TamperedHub) -> str:
    place = hub.last("order_payment")

    def rename(body: Body) -> None:
        body["kind"] = "note"

    hub.rewrite(place, rename)
    seq = int(place.rpartition("-")[2])
    hub.do("UPDATE entry SET kind = 'note' WHERE writer = 'riverside.1' AND seq = ?", seq)
    return place


def a_refund_that_nobody_opened(hub: TamperedHub) -> str:
    place = str(hub.row("SELECT data ->> 'payment' FROM shortage")[0])
    hub.do("DELETE FROM shortage WHERE data ->> 'payment' = ?", place)
    return place


TAMPERS: Final = (
    other_money, another_total, a_number_left_out, another_order, a_payment_of_another_entry,
    no_payment_at_all, a_refund_that_nobody_opened,
)  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.__name__)
def test_money_that_does_not_agree_is_found_and_named(
    hub: TamperedHub, tamper: Callable[[TamperedHub], str]
) -> None:
    place = tamper(hub)

    found = [one for one in hub.report().differences if one.invariant == "M1"]

    assert found
    assert any(place in one.entries for one in found)


def test_a_record_that_is_no_payment_is_a_difference_of_its_rows(hub: TamperedHub) -> None:
    place = hub.last("order_payment")
    hub.rewrite(place, lambda body: body["record"].pop("payment"))

    found = {one.invariant for one in hub.report().differences if place in one.entries}

    assert "rows" in found


def test_more_money_that_goes_back_than_came_is_told(hub: TamperedHub) -> None:
    hub.file.execute(
        "UPDATE shortage SET data = json_set(data, '$.amount_minor', 2001) WHERE kind = 'refund'"
    )

    told = [one.detail for one in hub.report().differences if one.invariant == "M1"]

    assert any("go back, and 2000 were paid" in one for one in told), told
