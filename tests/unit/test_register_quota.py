"""Goal: registers get a part to sell alone, never more than the gateway has, and it comes back.

Method: properties over all small numbers; a store's registers that are filled, sell, and are asked
back at random, against the counter that decides.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.escrow import EscrowCounter, Minted, Moved, QuotaShort, Spent, check_invariants
from replication.ids import LocationId, WriterId, register_writer, writer_id
from replication.quota import fill_register, lend_online, recall_register

PLACE = LocationId("riverside")
GATEWAY = writer_id(PLACE, 1)
units = st.integers(0, 2_000)
many = st.integers(1, 20)


@given(units, units, units, many)
def test_what_fills_a_register_is_the_gateways_and_no_more_than_its_part(
    quota_gateway: int, quota_register: int, quota_others: int, registers: int
) -> None:
    given_units = fill_register(
        quota_gateway=quota_gateway, quota_register=quota_register, quota_others=quota_others,
        registers=registers,
    )  # fmt: skip

    assert 0 <= given_units <= quota_gateway
    standing = quota_gateway + quota_register + quota_others
    if given_units:
        assert quota_register + given_units <= standing / (2 * registers)
        assert 4 * registers * quota_register <= standing, "it had used half of its part"


@given(units, units, units, many)
def test_a_register_is_filled_once(
    quota_gateway: int, quota_register: int, quota_others: int, registers: int
) -> None:
    given_units = fill_register(
        quota_gateway=quota_gateway, quota_register=quota_register, quota_others=quota_others,
        registers=registers,
    )  # fmt: skip
    again = fill_register(
        quota_gateway=quota_gateway - given_units, quota_register=quota_register + given_units,
        quota_others=quota_others, registers=registers,
    )  # fmt: skip

    assert again == 0 or given_units == quota_gateway


@pytest.mark.parametrize(
    ("gateway", "register", "others", "registers", "filled"),
    [
        (40, 0, 0, 1, 20),
        (40, 0, 0, 4, 5),
        (20, 20, 0, 1, 0),
        (30, 10, 0, 1, 10),  # half of its part is used: filled up
        (29, 11, 0, 1, 0),
        (3, 0, 0, 2, 0),  # scarce: it stays where it can be asked for
        (1, 0, 0, 1, 0),
        (2, 0, 0, 1, 0),
        (3, 0, 0, 1, 0),
        (4, 0, 0, 1, 2),
        (11, 0, 0, 3, 0),  # a part would be one unit
        (0, 0, 40, 2, 0),
        (-3, 0, 8, 2, 0),
    ],
)
def test_half_of_what_stands_in_a_store_is_spread_over_its_registers(
    gateway: int, register: int, others: int, registers: int, filled: int
) -> None:
    assert filled == fill_register(
        quota_gateway=gateway, quota_register=register, quota_others=others, registers=registers
    )


held = st.dictionaries(st.sampled_from([f"till-{n}" for n in range(8)]), st.integers(-5, 50))


@given(held, st.integers(1, 200))
def test_as_much_as_there_is_is_asked_back_and_of_nobody_more_than_he_has(
    quota_registers: dict[str, int], wanted: int
) -> None:
    asked = recall_register(quota_registers=quota_registers, wanted=wanted)

    there = sum(max(0, one) for one in quota_registers.values())
    assert sum(asked.values()) >= min(wanted, there)
    assert all(0 < part <= quota_registers[register] for register, part in asked.items())
    if sum(asked.values()) > wanted:
        left = max(0, there - wanted) // 2 // len(quota_registers)
        kept = [quota_registers[register] - part for register, part in asked.items()]
        assert all(units in {0, left} or units < left for units in kept), "no more than its part"


def test_the_richest_are_asked_first() -> None:
    quota_registers = {"till-1": 2, "till-2": 9, "till-3": 2}

    assert recall_register(quota_registers=quota_registers, wanted=4) == {"till-2": 9}
    assert recall_register(quota_registers=quota_registers, wanted=4, quota_gateway=40) == {
        "till-2": 4
    }
    assert list(recall_register(quota_registers=quota_registers, wanted=12)) == [
        "till-2", "till-1", "till-3",
    ]  # fmt: skip


@given(units, units, units, st.integers(1, 2_000))
def test_a_checkout_leaves_the_floor_over_gateway_and_registers(
    quota_store: int, quota_registers: int, safety_stock: int, wanted: int
) -> None:
    lent = lend_online(
        quota_store=quota_store, quota_registers=quota_registers, safety_stock=safety_stock,
        wanted=wanted,
    )  # fmt: skip

    assert lent in {0, wanted}
    assert lent <= quota_store
    if lent:
        assert quota_store + quota_registers - lent >= safety_stock


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["arrive", "fill", "sell", "sell_at_gateway", "recall"]),
        st.integers(0, 2),
        st.integers(1, 12),
    ),
    max_size=60,
)


@given(STEPS)
def test_however_a_day_goes_nobody_sells_what_he_has_not_and_nothing_is_stranded(
    steps: list[tuple[str, int, int]],
) -> None:
    counter = EscrowCounter(PLACE, "tea")
    tills = [register_writer(PLACE, f"till-{n}", 1) for n in range(3)]
    for what, number, many_units in steps:
        till = tills[number]
        if what == "arrive":
            counter.mint(GATEWAY, Minted.RECEIVED, many_units)
            counter.move(GATEWAY, Moved.RECEIVED, many_units)
        elif what == "fill":
            fill(counter, till, tills)
        elif what == "recall":
            recall(counter, tills, many_units)
        else:
            seller = till if what == "sell" else GATEWAY
            if not isinstance(counter.spend(seller, Spent.SOLD, many_units), QuotaShort):
                counter.move(seller, Moved.SOLD, many_units)
        assert not check_invariants(counter)
    left = counter.available()
    recall(counter, tills, left)
    assert counter.quota(GATEWAY) == left, "connected, the gateway can get the last unit"


def fill(counter: EscrowCounter, till: WriterId, tills: list[WriterId]) -> None:
    """The gateway fills a register up."""
    filled = fill_register(
        quota_gateway=counter.quota(GATEWAY),
        quota_register=counter.quota(till),
        quota_others=sum(counter.quota(one) for one in tills if one != till),
        registers=len(tills),
    )
    if filled:
        assert not isinstance(counter.grant(GATEWAY, till, filled), QuotaShort)


def recall(counter: EscrowCounter, tills: list[WriterId], wanted: int) -> None:
    """The gateway asks back what it lacks."""
    lack = wanted - counter.quota(GATEWAY)
    if lack <= 0:
        return
    quota_registers = {str(till): counter.quota(till) for till in tills}
    for till, part in recall_register(quota_registers=quota_registers, wanted=lack).items():
        assert not isinstance(counter.grant(WriterId(till), GATEWAY, part), QuotaShort)
