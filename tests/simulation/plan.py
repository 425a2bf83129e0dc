"""What happens in a run, decided up front: a list of steps, each with its time and its own dice.

Because a step's dice are named for its number and not drawn from a common source, a plan with some
steps left out is a plan in which the others do the same things. So a failing plan can be shrunk.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.simulation import (
    crossing,
    faults,
    found,
    goods,
    holding,
    images,
    inspecting,
    lives,
    lost,
    offers,
    operations,
    ordering,
    paying,
    returning,
    selling_alone,
    store_work,
    trucks,
)
from tests.simulation.deeds import EVERY
from tests.simulation.operations import Operation

OPERATIONS: Final[Mapping[str, Operation]] = {
    "receive": goods.receive,
    "sell": operations.sell,
    "lose": goods.lose,
    "damage": goods.damage,
    "clear_damaged": goods.clear_damaged,
    "find": goods.find,
    "send_back": goods.send_back,
    "steal": goods.steal,
    "count": goods.count,
    "transfer": trucks.send,
    "mistake": trucks.ask_to_receive_elsewhere,
    "basket": holding.hold_basket,
    "product": operations.change_product,
    "look": operations.look_at_stock,
    "order": ordering.place,
    "pay": ordering.pay,
    "pay_too_late": ordering.pay_too_late,
    "cancel": ordering.cancel,
    "work_on": store_work.work_on,
    "hand_over": ordering.hand_over,
    "give_back": store_work.give_back,
    "nobody_comes": store_work.nobody_comes,
    "short_pick": store_work.short_pick,
    "pay_here": paying.pay_here,
    "order_widely": ordering.place_widely,
    "pay_behind": crossing.pay_behind_a_store,
    "elsewhere": paying.sell_from_elsewhere,
    "reserve": holding.reserve,
    "follow": ordering.follow,
    "move": ordering.move,
    "resolve": ordering.resolve,
    "cancel_behind": crossing.cancel_behind_a_store,
    "move_behind": crossing.move_behind_a_store,
    "promote": offers.promote,
    "withdraw": offers.withdraw,
    "quote": offers.quote,
    "bring_back": returning.bring_back,
    "bring_too_much": returning.bring_too_much,
    "bring_twice": returning.bring_twice,
    "exchange": returning.exchange,
    "inspect": inspecting.inspect,
    "verify": returning.verify,
    "bring_behind": crossing.bring_behind_a_store,
    "open_register": selling_alone.open_register,
    "sell_alone": selling_alone.sell,
    "lose_disk": lives.lose_disk,
    "lose_register": lost.lose_register,
    "turn_up": found.turn_up,
    "make_image": images.make,
    "put_back": images.put_back,
    "start_beside": images.start_beside,
}

FAULTS: Final[Mapping[str, Operation]] = {
    "cut": faults.cut,
    "black_hole": faults.black_hole,
    "mangle": faults.mangle,
    "slow": faults.slow,
    "crash": faults.crash,
    "full_disk": faults.fill_disk,
    "clock": faults.jump_clock,
    "wrong_clock": faults.wrong_clock,
    "save": faults.save,
    "wifi": faults.weak_wifi,
    "bad_line": faults.bad_line,
}

_STOCK: Final = {
    "receive": 14, "sell": 36, "lose": 4, "damage": 2, "clear_damaged": 2, "find": 2, "steal": 1,
    "send_back": 2, "count": 3, "transfer": 5, "mistake": 1, "basket": 4, "product": 2, "look": 3,
}  # fmt: skip
_ORDERS: Final = {
    "order": 14, "pay": 6, "cancel": 4, "work_on": 3, "hand_over": 10, "give_back": 3,
    "reserve": 4, "follow": 1, "move": 2, "resolve": 2, "pay_too_late": 4, "cancel_behind": 3,
    "move_behind": 3, "nobody_comes": 3, "short_pick": 4,
    "pay_here": 4, "elsewhere": 5, "order_widely": 3, "pay_behind": 4,
}  # fmt: skip
_BOX_ORDERS: Final = {
    "order": 12, "pay": 5, "cancel": 3, "work_on": 3, "hand_over": 8, "give_back": 2, "follow": 1,
    "pay_too_late": 2, "pay_here": 4,
}  # fmt: skip
"""What is done with orders where boxes die."""
_OFFERS: Final = {"promote": 3, "withdraw": 1, "quote": 3}
_RETURNS: Final = {
    "bring_back": 10, "bring_too_much": 4, "bring_twice": 2, "exchange": 10, "inspect": 10,
    "bring_behind": 3, "verify": 4,
}  # fmt: skip
_FAULTS: Final = {
    "cut": 3, "black_hole": 2, "mangle": 1, "slow": 1, "crash": 3, "full_disk": 1, "clock": 1,
    "save": 2, "wifi": 1,
}  # fmt: skip

_BOXES: Final = {
    **_FAULTS, "crash": 6, "bad_line": 6, "cut": 5, "black_hole": 4, "mangle": 0,
    "clock": 0,
    "receive": 14, "sell": 16, "sell_alone": 46, "open_register": 2, "lose_disk": 1,
    "lose_register": 2,
    "lose": 3, "find": 1, "count": 3, "product": 1, "look": 2, **_BOX_ORDERS,
}  # fmt: skip

PROFILES: Final[Mapping[str, Mapping[str, int]]] = {
    "all": {**_STOCK, **_ORDERS, **_OFFERS, **_RETURNS, **_FAULTS},
    "stock": {**_STOCK, **_FAULTS, "order": 4},
    "orders": {**_ORDERS, **_FAULTS, "receive": 8, "sell": 12, "lose": 3, "basket": 2, "look": 2},
    "offers": {
        **_FAULTS, "receive": 16, "sell": 30, "order": 20, "pay": 8, "cancel": 5, "hand_over": 4,
        "promote": 10, "withdraw": 2, "quote": 10,
    },
    "returns": {
        **_FAULTS, "crash": 8, "receive": 14, "sell": 30, "bring_back": 13, "bring_too_much": 5,
        "bring_twice": 3, "bring_behind": 5, "verify": 6, "exchange": 18, "inspect": 16,
        "product": 5, "lose": 2, "damage": 1, "clear_damaged": 2, "count": 2, "steal": 1,
        "transfer": 2, "basket": 2, "order": 8, "cancel": 3, "hand_over": 4, "promote": 1,
    },
    "boxes": _BOXES,
    "mixed": {
        **_BOXES, **_OFFERS, "transfer": 5, "mistake": 1, "basket": 4, "reserve": 4,
        "short_pick": 3, "wrong_clock": 2,
    },
    "images": {
        **_FAULTS, "crash": 6, "bad_line": 6, "cut": 5, "black_hole": 4, "mangle": 0, "clock": 0,
        "receive": 14, "sell": 34, "sell_alone": 24, "open_register": 2, "lose_disk": 1,
        "make_image": 5, "put_back": 3, "start_beside": 2,
        "lose": 3, "find": 1, "count": 3, "product": 1, "look": 2,
    },
}  # fmt: skip
"""How often each step is taken, relative to the others."""

APART: Final[Mapping[str, Mapping[str, int]]] = {"found": {**_BOXES, "turn_up": 3}}
"""Profiles that are asked for by name alone: not enough of their seeds were run for a test."""

IN_TURN: Final = ("all", "boxes", "images", "mixed")
"""Together these have all there is: asked for `EVERY`, seed after seed takes the next of them."""

STEPS: Final = 150
STEPS_OF_ALL: Final = 240
"""The profile `all` has more kinds of steps, and each shall still meet the others."""

GAP_S: Final = 0.2
"""Between two steps, on average; many are done at the same moment, then there is a pause."""

DELIVERIES: Final = 4
"""A run begins with so many deliveries, so that there is something to sell."""

REGISTERS: Final = 3
"""Where there are registers that sell alone, so many boxes are set up first; two may get one name:
then the second takes the place of the first."""


@dataclass(frozen=True, slots=True)
class Step:
    """The step number `number`: at `at_s` after the beginning, do `kind`."""

    number: int
    at_s: float
    kind: str

    @property
    def does(self) -> Operation:
        """What is done."""
        return OPERATIONS.get(self.kind) or FAULTS[self.kind]

    @property
    def is_fault(self) -> bool:
        """Whether the world does it, and not people."""
        return self.kind in FAULTS


def profile_of(seed: int, asked: str) -> str:
    """The profile that a seed has where `asked` was asked for."""
    return IN_TURN[seed % len(IN_TURN)] if asked == EVERY else asked


def plan_of(seed: int, profile: str) -> Sequence[Step]:
    """The plan of a seed."""
    dice = random.Random(f"{seed}/plan/{profile}")  # noqa: S311 - no secret
    weights = {**PROFILES, **APART}[profile]
    steps_in_all = STEPS_OF_ALL if profile == "all" else STEPS
    first = ["open_register"] * REGISTERS if "open_register" in weights else []
    first += ["receive"] * DELIVERIES
    kinds = first + dice.choices(list(weights), list(weights.values()), k=steps_in_all - len(first))
    steps: list[Step] = []
    at_s = 0.0
    for number, kind in enumerate(kinds):
        steps.append(Step(number, at_s, kind))
        if dice.random() < 0.5:
            at_s += dice.expovariate(1 / (2 * GAP_S))
    return steps
