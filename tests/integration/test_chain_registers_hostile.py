"""Goal: whatever a register sends, its gateway says what is wrong with it and keeps nothing of it.

Method: entries and grants that break one rule each, handed to the gateway's deciding state.
"""

from functools import partial

import msgspec
import pytest

from gateway.registers import journals
from gateway.registers.lending import take_grant
from replication.errors import PeerViolation
from replication.escrow import CellChange
from replication.ids import LocationId, register_writer
from replication.journal import Actor, Entry, EntryBody, append
from replication.relaying import RELAYED, WITNESSED
from tests.chain_sides import ShopSide
from tests.register_chain import SKU, RegisterChain, RegisterSide, check_whole, sold


def tampered(till: RegisterSide, **other: object) -> list[Entry]:
    """The register's next entry, written otherwise than a register would."""
    body = EntryBody(
        writer=till.writer, seq=till.row.head.seq + 1, at_ms=1, tick=0, boot="b",
        synchronised=True, kind="sale", actor=Actor(), reason="",
        reference="", moves=[], cells=[], record=msgspec.Raw(b"{}"),
    )  # fmt: skip
    entry, _ = append(till.row.head, msgspec.structs.replace(body, **other))
    return [entry]


def cell(table: str, detail: str, value: int, holder: str = "riverside.till-1.1") -> CellChange:
    return CellChange("riverside", SKU, table, holder, detail, value)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"writer": "hillside.till-1.1"}, "journal of riverside.till-1.1"),
        ({"seq": 99}, "out of sequence"),
        ({"cells": [cell("spent", "sold", 10_000)]}, "E1"),
        ({"cells": [cell("spent", "sold", 1, "riverside.1")]}, "wrote a cell of"),
        ({"cells": [cell("granted", "hub.1", 1)]}, "granted"),
        ({"cells": [cell("reclaimed", "riverside.1", 1)]}, "not for"),
        (
            {"cells": [cell("spent", "sold", 1)._replace(location="hillside")]},
            "a cell of hillside",
        ),
        ({"kind": RELAYED}, "kind relayed"),
        ({"kind": WITNESSED}, "kind witnessed"),
        ({"kind": "register_enrolled"}, "kind register_enrolled"),
        ({"record": msgspec.Raw(b'"' + b"x" * 600_000 + b'"')}, "cannot be passed on"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_entry_that_breaks_a_rule_is_refused_and_nothing_of_it_is_kept(
    stores: RegisterChain,
    shop: ShopSide,
    till: RegisterSide,
    other: dict[str, object],
    why: str,
) -> None:
    before = (shop.state.head, shop.state.counter(SKU).cells(), till.row.head)

    if "seq" in other:
        raw = tampered(till)[0]
        body = msgspec.structs.replace(msgspec.json.decode(raw.body, type=EntryBody), **other)
        entries = [Entry(msgspec.json.encode(body), raw.hash)]
    else:
        entries = tampered(till, **other)
    with pytest.raises(PeerViolation, match=why):
        stores.fold(till, entries)

    assert (shop.state.ledger.head, shop.state.counter(SKU).cells(), till.row.head) == before
    sold(till.sell(SKU))
    stores.replay(till)
    check_whole(stores)


def test_a_tail_that_does_not_hash_is_refused_and_the_true_one_taken(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    sold(till.sell(SKU))
    sold(till.sell(SKU))
    first, second = stores.entries(till)[-2:]
    wrong = [*stores.entries(till)[:-1], Entry(second.body, first.hash)]

    with pytest.raises(PeerViolation, match="does not follow"):
        stores.fold(till, wrong)
    assert shop.state.counter(SKU).physical() == 40

    stores.replay(till)
    assert shop.state.counter(SKU).physical() == 38


def test_a_register_that_nobody_enrolled_is_told_to_enrol(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    stranger = register_writer(LocationId("riverside"), "till-7", 1)

    with pytest.raises(PeerViolation, match="enrol it"):
        shop.commit(
            lambda: journals.fold(shop.state, stranger, stores.entries(till), acknowledged=0)
        )


def test_a_register_hands_back_only_its_own_units_and_only_to_its_gateway(
    stores: RegisterChain, shop: ShopSide, till: RegisterSide
) -> None:
    for wrong in (
        cell("granted", "hub.1", 1),
        cell("granted", "riverside.1", 1, "riverside.till-2.1"),
        cell("spent", "sold", 1),
        cell("granted", "riverside.1", 1)._replace(location="hillside"),
        cell("granted", "riverside.1", till.quota(SKU) + 1),  # more than it has (E1)
    ):
        with pytest.raises(PeerViolation):
            shop.commit(partial(take_grant, shop.state, till.row.writer, [wrong]))
    check_whole(stores)
