"""Every way to alter a hub's file that the audit is to find (`tests.tampered_hub`).

A tamper alters the file after a busy day (`tests.busy_chain`) and returns the invariant that is
broken then, and the entries that a difference of it must name.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from tests.tampered_hub import Body, TamperedHub


def grow(sku: str, cell: tuple[str, str], by: int) -> Callable[[Body], None]:
    """Alter the cells of a SKU in a body: those of one table and detail."""

    def alter(body: Body) -> None:
        found = [one for one in body["cells"] if (one[1], one[2], one[4]) == (sku, *cell)]
        assert found, body["cells"]
        for one in found:
            one[5] += by

    return alter


Tamper = Callable[[TamperedHub], tuple[str, list[str]]]


def a_byte_of_a_body(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")
    hub.rewrite(place, lambda body: body["actor"].update(person="Bob"), rechain=False)
    return "chain", [place]


def a_hash(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE entry SET hash = ? WHERE writer = 'riverside.1' AND seq = 9", bytes(32))
    return "chain", ["riverside.1-9"]


def an_entry_without_its_chain(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("DELETE FROM entry WHERE writer = 'riverside.1' AND seq = 4")
    return "chain", ["riverside.1-3", "riverside.1-5"]


def an_entry_with_its_chain(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("DELETE FROM entry WHERE writer = 'riverside.1' AND seq = 4")
    hub.rechain("riverside.1")
    return "chain", ["riverside.1-3", "riverside.1-5"]


def a_first_entry(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("DELETE FROM entry WHERE writer = 'riverside.1' AND seq = 1")
    return "chain", ["riverside.1-2"]


def the_kind_of_a_row(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("adjustment")
    seq = int(place.rpartition("-")[2])
    hub.do("UPDATE entry SET kind = 'note' WHERE writer = 'riverside.1' AND seq = ?", seq)
    return "chain", [place]


def the_writer_in_a_body(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("count_line")
    hub.rewrite(place, lambda body: body.update(writer="harbour.1"))
    return "chain", [place]


def a_body_that_is_no_entry(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("count_line")
    hub.rewrite(place, lambda body: body.update(beyond=1))
    return "chain", [place]


def a_deed_in_part(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("count_line")
    hub.rewrite(place, lambda body: body.update(more=2))
    return "chain", [place]


def a_counters_row_raised(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.set_cells("riverside", "tea", lambda cells: raised(cells, ("spent", "sold"), 1))
    return "rows", ["riverside.1-5"]


def a_counters_row_lowered(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.set_cells("riverside", "tea", lambda cells: raised(cells, ("moved", "received"), -1))
    return "rows", [hub.last("receipt")]


def raised(cells: list[Any], cell: tuple[str, str], by: int) -> None:
    """Alter a cell in a counter's row."""
    found = next(one for one in cells if (one[0], one[2]) == cell)
    found[3] += by


def a_cell_left_out_of_a_row(hub: TamperedHub) -> tuple[str, list[str]]:
    def leave_out(cells: list[Any]) -> None:
        cells[:] = [one for one in cells if one[2] != "transferred_out"]

    hub.set_cells("riverside", "tea", leave_out)
    return "rows", [hub.last("transfer_shipped")]


def a_counters_row_deleted(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("DELETE FROM counter WHERE location = 'harbour' AND sku = 'tea'")
    return "rows", [hub.last("transfer_received", "harbour.1")]


def a_counters_row_for_nothing(hub: TamperedHub) -> tuple[str, list[str]]:
    cells = json.dumps([["minted", "harbour.1", "received", 5]])
    hub.do("INSERT INTO counter VALUES ('harbour', 'jam', ?)", cells)
    return "rows", []


def the_state_of_an_allocation(hub: TamperedHub) -> tuple[str, list[str]]:
    one, order = hub.row("SELECT id, order_id FROM allocation WHERE state = 'committed'")
    hub.do("UPDATE allocation SET state = 'fulfilled' WHERE id = ?", one)
    return "E9", [order]


def the_units_of_an_allocation(hub: TamperedHub) -> tuple[str, list[str]]:
    one, order = hub.row("SELECT id, order_id FROM allocation WHERE state = 'held'")
    hub.do("UPDATE allocation SET quantity = quantity + 1 WHERE id = ?", one)
    return "E9", [order]


def an_allocation_deleted(hub: TamperedHub) -> tuple[str, list[str]]:
    one, order = hub.row("SELECT id, order_id FROM allocation WHERE state = 'committed'")
    hub.do("DELETE FROM allocation WHERE id = ?", one)
    return "E9", [order]


def the_text_of_an_order(hub: TamperedHub) -> tuple[str, list[str]]:
    order = hub.row("SELECT id FROM online_order")[0]
    hub.do("UPDATE online_order SET data = replace(data, 'W-0', 'X-0') WHERE id = ?", order)
    return "rows", [order]


def the_status_of_an_order(hub: TamperedHub) -> tuple[str, list[str]]:
    order = hub.row("SELECT id FROM online_order WHERE status = 'paid'")[0]
    hub.do("UPDATE online_order SET status = 'shipped' WHERE id = ?", order)
    return "rows", [order]


def an_order_deleted(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.file.pragma("foreign_keys", "off")
    order = hub.row("SELECT id FROM online_order WHERE status = 'paid'")[0]
    hub.do("DELETE FROM online_order WHERE id = ?", order)
    return "rows", [order]


def a_document_deleted(hub: TamperedHub) -> tuple[str, list[str]]:
    order = hub.row("SELECT id FROM document WHERE kind = 'order'")[0]
    hub.do("DELETE FROM document WHERE kind = 'order' AND id = ?", order)
    return "rows", [order]


def a_remembered_request(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE request SET entry = 'hub.1-999' WHERE entry = 'hub.1-6'")
    return "E5", ["hub.1-999"]


def a_reservation_ended(hub: TamperedHub) -> tuple[str, list[str]]:
    one = hub.row("SELECT id FROM reservation WHERE status = 'open'")[0]
    hub.do("UPDATE reservation SET status = 'released' WHERE id = ?", one)
    return "E6", [one]


def the_text_of_a_transfer(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE transfer SET data = replace(data, '\"lost\":1', '\"lost\":0')")
    return "rows", [hub.last("transfer_shipped")]


def a_sale_twice(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")
    seq = 1 + hub.row("SELECT max(seq) FROM entry WHERE writer = 'riverside.1'")[0]
    body = hub.body(place) | {"seq": seq}
    body["record"]["number"] = body["record"]["number"].replace("0004", "0005")
    data = json.dumps(body).encode()
    hub.do(
        "INSERT INTO entry (arrival, writer, seq, kind, hash, body) "
        "SELECT max(arrival) + 1, 'riverside.1', ?, 'sale', ?, ? FROM entry",
        seq, bytes(32), data,
    )  # fmt: skip
    hub.rechain("riverside.1")
    return "E5", [place, f"riverside.1-{seq}"]


def more_kept_than_was_ordered(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("order", "hub.1")
    hub.rewrite(place, grow("jam", ("spent", "committed"), 1))
    return "E9", [place]


def a_sales_number(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")
    number = hub.body(place)["record"]["number"].replace("0004", "0003")
    hub.rewrite(place, lambda body: body["record"].update(number=number))
    return "E5", [place]


def the_moves_of_an_entry(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")
    hub.rewrite(place, lambda body: body.update(moves=[["jam", -1]]))
    return "moves", [place]


def the_moves_of_the_hub(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.rewrite("hub.1-6", lambda body: body.update(moves=[["jam", -1]]))
    return "moves", ["hub.1-6"]


def rights_without_goods(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("receipt")
    hub.rewrite(place, grow("jam", ("minted", "received"), 5))
    hub.set_cells("riverside", "jam", lambda cells: raised(cells, ("minted", "received"), 5))
    return "E2", [place]


def more_used_than_there_was(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("basket")
    hub.rewrite(place, grow("jam", ("spent", "held"), 100))
    return "E1", [place]


def a_cell_that_shrinks(hub: TamperedHub) -> tuple[str, list[str]]:
    first, second = "riverside.1-3", "riverside.1-4"
    hub.rewrite(first, grow("tea", ("moved", "sold"), 3))
    return "E3", [first, second]


def anothers_cell(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")

    def alter(body: Body) -> None:
        body["cells"][0][3] = "harbour.1"

    hub.rewrite(place, alter)
    return "E8", [place]


def a_cell_of_another_location(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")

    def alter(body: Body) -> None:
        body["cells"][0][0] = "harbour"

    hub.rewrite(place, alter)
    return "E8", [place]


def a_grant_to_itself(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("receipt")

    def alter(body: Body) -> None:
        granted = next(one for one in body["cells"] if one[2] == "granted")
        granted[4] = "riverside.1"

    hub.rewrite(place, alter)
    return "E4", [place]


def units_fulfilled_twice(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("fulfilment")
    hub.rewrite(place, grow("jam", ("moved", "fulfilled"), 1))
    return "E9", [place]


def a_fulfilment_twice(hub: TamperedHub) -> tuple[str, list[str]]:
    """Again, in an entry of its own whose cells and moves agree."""
    place = hub.last("fulfilment")
    seq = 1 + hub.row("SELECT max(seq) FROM entry WHERE writer = 'riverside.1'")[0]
    body = hub.body(place) | {"seq": seq}
    for sku, units in body["moves"]:
        grow(sku, ("moved", "fulfilled"), -units)(body)
    hub.do(
        "INSERT INTO entry (arrival, writer, seq, kind, hash, body) "
        "SELECT max(arrival) + 1, 'riverside.1', ?, 'fulfilment', ?, ? FROM entry",
        seq, bytes(32), json.dumps(body).encode(),
    )  # fmt: skip
    hub.rechain("riverside.1")
    return "E9", [place, f"riverside.1-{seq}"]


def units_released_twice(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("release")
    hub.rewrite(place, grow("jam", ("minted", "order_released"), 2))
    return "E9", [place]


def a_truck_counted_in_twice(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("transfer_received", "harbour.1")
    hub.rewrite(place, grow("tea", ("moved", "transferred_in"), 5))
    return "E7", [place]


def a_box_that_was_never_enrolled(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE location SET incarnation = 0 WHERE id = 'harbour'")
    return "E8", ["harbour.1-1"]


def a_box_that_was_replaced(hub: TamperedHub) -> tuple[str, list[str]]:
    """It had ended its journal, and then it went on."""
    hub.do("UPDATE location SET incarnation = 2 WHERE id = 'harbour'")
    started, last = hub.body("harbour.1-1"), hub.body("harbour.1-4")
    sealed, seq = last["seq"] + 1, last["seq"] + 2
    for number, kind in ((sealed, "sealed"), (seq, "started")):
        body = started | {"seq": number, "kind": kind}
        hub.do(
            "INSERT INTO entry (arrival, writer, seq, kind, hash, body) "
            "SELECT max(arrival) + 1, 'harbour.1', ?, ?, ?, ? FROM entry",
            number, kind, bytes(32), json.dumps(body).encode(),
        )  # fmt: skip
    hub.rechain("harbour.1")
    return "E8", [f"harbour.1-{sealed}", f"harbour.1-{seq}"]


def goods_that_the_hub_moved(hub: TamperedHub) -> tuple[str, list[str]]:
    def alter(body: Body) -> None:
        body["cells"].append(["riverside", "jam", "moved", "hub.1", "sold", 1])

    hub.rewrite("hub.1-6", alter)
    return "E8", ["hub.1-6"]


def a_counters_row_that_is_no_json(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE counter SET cells = '[[' WHERE location = 'harbour' AND sku = 'tea'")
    return "rows", ["harbour.1-2"]


def an_order_that_is_no_json(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE online_order SET data = '{' WHERE id = 'hub.1-6'")
    return "rows", ["hub.1-6"]


def a_reservation_that_is_no_json(hub: TamperedHub) -> tuple[str, list[str]]:
    one = hub.row("SELECT id FROM reservation WHERE status = 'open'")[0]
    hub.do("UPDATE reservation SET data = '{' WHERE id = ?", one)
    return "rows", [one]


def a_transfer_that_is_no_json(hub: TamperedHub) -> tuple[str, list[str]]:
    hub.do("UPDATE transfer SET data = '{'")
    return "rows", []


def a_sale_that_is_no_sale(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("sale")
    hub.rewrite(place, lambda body: body.update(record={}))
    return "rows", [place]


def more_units_came_back_than_were_sold(hub: TamperedHub) -> tuple[str, list[str]]:
    first, second = returned(hub)

    def alter(body: Body) -> None:
        body["record"]["lines"][0]["quantity"] += 1

    hub.rewrite(first, alter)
    return "W1", [hub.body(first)["record"]["sale"], first, second]


def more_money_went_back_than_was_paid(hub: TamperedHub) -> tuple[str, list[str]]:
    first, second = returned(hub)

    def alter(body: Body) -> None:
        body["record"]["lines"][0]["total_minor"] += 1

    hub.rewrite(second, alter)
    return "W1", [hub.body(first)["record"]["sale"], first, second]


def a_return_of_another_sale(hub: TamperedHub) -> tuple[str, list[str]]:
    _, second = returned(hub)
    hub.rewrite(second, lambda body: body["record"].update(sale=second))
    return "W1", [second]


def more_inspected_than_came(hub: TamperedHub) -> tuple[str, list[str]]:
    place = hub.last("inspection")

    def alter(body: Body) -> None:
        body["record"]["inspected"][0]["quantity"] += 1

    hub.rewrite(place, alter)
    return "W1", [hub.body(place)["record"]["id"], place]


def returned(hub: TamperedHub) -> list[str]:
    """The places of the day's two returns."""
    rows = hub.file.execute("SELECT writer, seq FROM entry WHERE kind = 'return' ORDER BY seq")
    return [f"{writer}-{seq}" for writer, seq in rows]


TAMPERS: Final[tuple[Tamper, ...]] = (
    a_byte_of_a_body, a_hash, an_entry_without_its_chain, an_entry_with_its_chain, a_first_entry,
    the_kind_of_a_row,
    the_writer_in_a_body, a_body_that_is_no_entry, a_deed_in_part, a_counters_row_raised,
    a_counters_row_lowered,
    a_cell_left_out_of_a_row, a_counters_row_deleted, a_counters_row_for_nothing,
    the_state_of_an_allocation, the_units_of_an_allocation, an_allocation_deleted,
    the_text_of_an_order, the_status_of_an_order, an_order_deleted, a_document_deleted,
    a_remembered_request, a_reservation_ended, the_text_of_a_transfer, a_sale_twice, a_sales_number,
    more_kept_than_was_ordered, the_moves_of_an_entry, the_moves_of_the_hub, rights_without_goods,
    more_used_than_there_was,
    a_cell_that_shrinks, anothers_cell, a_cell_of_another_location, a_grant_to_itself,
    units_fulfilled_twice, a_fulfilment_twice, units_released_twice, a_truck_counted_in_twice,
    a_box_that_was_never_enrolled, a_box_that_was_replaced, goods_that_the_hub_moved,
    a_counters_row_that_is_no_json, an_order_that_is_no_json, a_reservation_that_is_no_json,
    a_transfer_that_is_no_json, a_sale_that_is_no_sale,
    more_units_came_back_than_were_sold, more_money_went_back_than_was_paid,
    a_return_of_another_sale, more_inspected_than_came,
)  # fmt: skip

ONE_DIFFERENCE: Final[tuple[Tamper, ...]] = (
    a_byte_of_a_body, the_kind_of_a_row, a_counters_row_raised, a_counters_row_lowered,
    the_text_of_an_order, the_status_of_an_order, a_remembered_request, a_reservation_ended,
    the_text_of_a_transfer, the_moves_of_an_entry, the_moves_of_the_hub,
)  # fmt: skip
