"""How often each kind of deed was done and was refused, and which races really took place.

A run in which the intended never happens proves nothing, so it is counted: each request by its
endpoint (an order's events by their type), each fault, each start of a box, and by name what only
people can see (a customer cancels online what the cut-off store hands over) or what an order's
history tells in the end. `INTENDED` is what a few hundred runs of a profile must have had.
"""

import itertools
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tests.simulation.door import Reply

CANCELLED_THEN_GONE: Final = "cut off, a store hands over what its customer has cancelled"
GONE_THEN_CANCELLED: Final = "cut off, a store hands over what its customer cancels next"
CANCELLED_AND_KEPT: Final = "cut off, a store still has what its customer cancels, and returns it"
ASKED_BACK_AND_GIVEN: Final = "a store is asked for units back, and gives them"
ASKED_BACK_AND_GONE: Final = "a store is asked for units back that its customer has"
PAID_LATE_AND_KEPT: Final = "money for an expired order comes, and so do the goods"
PAID_LATE_AND_REFUNDED: Final = "money for an expired order comes too late for the goods"
SALE_BACK_ELSEWHERE: Final = "a sale comes back in a store that did not sell it"
ORDER_BACK: Final = "an order comes back to a store"
EXCHANGED_ELSEWHERE: Final = "goods are exchanged in a store that did not sell them"
TAKEN_IN_UNVERIFIED: Final = "goods are taken in that nobody can verify"
SETTLED_LATER: Final = "goods that were taken in unverified are paid for"
REJECTED_LATER: Final = "goods that were taken in unverified are found to be none of the sale"
BROUGHT_TO_TWO: Final = "two stores are brought the same goods at once"
BROUGHT_BEHIND: Final = "two stores are brought the same goods, one of them cut off"
MISSED_AND_REPLACED: Final = "units that a picker missed come from elsewhere"
MISSED_AND_REFUNDED: Final = "units that a picker missed never come"
SENT_IN_PARTS: Final = "an allocation goes out in parts"
AISLE_SOLD: Final = "a till sells what stands elsewhere"
AISLE_UNHEARD: Final = "a till asks for a price of what stands elsewhere in vain"
PAID_TWICE: Final = "two stores take the money for one order"
SOLD_ALONE: Final = "a register sells, and hears no gateway"
SOLD_CONNECTED: Final = "a register sells, connected"
ALONE_REFUSED: Final = "a register that sells alone refuses"
DISK_DESTROYED: Final = "the disk of a store is destroyed"
REPLACED_CUT_OFF: Final = "the disk of a store is destroyed while its line is cut"
SALES_GONE: Final = "sales that only a destroyed disk had are gone"
SALES_HANDED_IN: Final = "a thin register hands in what only a destroyed disk had"
LOST_AND_COUNTED: Final = "what a destroyed disk had is attested, and its rights are back"
HAND_OVER_GONE: Final = "that an order was handed over only a destroyed disk knew"
HAND_OVER_TOLD: Final = "a store says what the box before had handed over"
PAYMENT_GONE: Final = "money for an order that only a destroyed disk had booked"
REGISTER_DESTROYED: Final = "a register that sells alone is destroyed"
REGISTER_TAKEN: Final = "a register that sells alone is taken away"
REGISTER_LOST_IN_CUT: Final = "a register is lost while its gateway is cut off"
REGISTER_LOST_AT_DEATH: Final = "a register is lost while its gateway dies or is replaced"
LOST_SALES_GONE: Final = "sales that only a lost register had are gone"
WRITTEN_OFF: Final = "a register is written off"
WRITTEN_OFF_AGAIN: Final = "a register is written off again, for its gateway died with the word"
WRITTEN_OFF_UNHEARD: Final = "a register is written off at a box that burns with the word"
NOBODY_WRITTEN_OFF: Final = "a register is written off that a found box made, and no box ever was"
FOUND_IN_TIME: Final = "a register is found before it is written off"
FOUND_LATE: Final = "a register is found after it was written off"
FOUND_SELLS: Final = "a register that was written off sells again, before it hears of it"
NAME_TAKEN: Final = "another box takes the name of a lost register"
DOUBTED: Final = "a supervisor hands in what is not taken on the word of a till"
IMAGE_MADE: Final = "an image is made of a box"
IMAGE_OF_IMAGE: Final = "an image is made of a box that stands on an image"
PUT_BACK: Final = "a box is put back to an image, connected"
PUT_BACK_CUT_OFF: Final = "a box is put back to an image while its line is cut"
IMAGE_OF_EARLIER: Final = "an image of an earlier box stays off, and another box is enrolled"
BRANCH_HANDED_OVER: Final = "a box hands over its branch and becomes another"
RENEWED: Final = "a box becomes another on the word of a register"
COPY_STARTED: Final = "a second box is started from an image"
FIRST_STAYS_OFF: Final = "of two boxes the first one stays off"
COPY_STAYS_OFF: Final = "of two boxes the copy stays off"
EXPOSED: Final = "units used beyond any right on an image"
BOX_TAKEN_OUT: Final = "the box of a store is taken away with its disk, and replaced"
BOX_FOUND: Final = "a replaced box is found, and hands over"
REPLACED_RUNNING: Final = "a box is replaced while it runs, and hands over"
FOUND_AFTER_ANSWER: Final = "a replaced box is found after somebody answered for it"
FOUND_WITH_NEWS: Final = "a replaced box is found with entries that nobody else has"
FOUND_BEHIND: Final = "a replaced box hands over while the new one is cut off"
NEVER_COUNTED: Final = "a shelf is known again by what a found box tells, and nobody counted it"
HAND_OVER_HEARD: Final = "a found box tells that an order had left, and nobody has to say it"
PAYMENT_HEARD: Final = "a found box tells of money for an order that only it had booked"
FOUND_AFTER_COUNT: Final = "a replaced box is found after its store was counted"
ARRIVAL_GONE: Final = "that a truck came only a destroyed disk knew"
ARRIVAL_TOLD: Final = "a store says that a truck had come to the box before"
LEFT_TO_COUNT: Final = "goods that a dead box may have booked are left to the count"
COUNT_WAITS: Final = "a count at a new box waits for what registers have to tell"
SHIPMENT_GONE: Final = "that a truck left only a destroyed disk knew"
SHORT_PICK_GONE: Final = "that goods of an order were missing only a destroyed disk knew"
STARTED_AGAIN: Final = "a box starts again"

_ALL: Final = (
    CANCELLED_THEN_GONE,
    GONE_THEN_CANCELLED,
    CANCELLED_AND_KEPT,
    ASKED_BACK_AND_GIVEN,
    ASKED_BACK_AND_GONE,
    PAID_LATE_AND_KEPT,
    PAID_LATE_AND_REFUNDED,
    SALE_BACK_ELSEWHERE,
    ORDER_BACK,
    EXCHANGED_ELSEWHERE,
    TAKEN_IN_UNVERIFIED,
    SETTLED_LATER,
    REJECTED_LATER,
    BROUGHT_TO_TWO,
    BROUGHT_BEHIND,
    MISSED_AND_REPLACED,
    MISSED_AND_REFUNDED,
    SENT_IN_PARTS,
    AISLE_SOLD,
    PAID_TWICE,
    "POST /v1/orders/{id}/payments",
    "POST /v1/sales",
    "POST /v1/returns",
    "POST /v1/returns/{id}/inspect",
    "POST /v1/exchanges",
    "POST /v1/baskets",
    "POST /v1/reservations",
    "POST /v1/orders",
    "POST /v1/orders/{id}/events paid",
    "POST /v1/orders/{id}/events cancelled",
    "POST /v1/orders/{id}/events picked",
    "POST /v1/orders/{id}/events collected",
    "POST /v1/orders/{id}/events shipped",
    "POST /v1/orders/{id}/events released",
    "POST /v1/orders/{id}/events short_picked",
    "POST /v1/orders/{id}/events uncollected",
    "POST /v1/orders/{id}/reallocate",
    "POST /v1/shortages/{id}/resolve",
    "POST /v1/stock/receipts",
    "POST /v1/stock/adjustments",
    "POST /v1/stock/counts/{id}/close",
    "POST /v1/transfers/{id}/ship",
    "POST /v1/transfers/{id}/receive",
    "PUT /v1/products/{sku}",
    "PUT /v1/promotions/{id}",
    "fault cut",
    "fault black_hole",
    "fault crash",
    STARTED_AGAIN,
)
_BOXES: Final = (
    SOLD_ALONE,
    SOLD_CONNECTED,
    ALONE_REFUSED,
    DISK_DESTROYED,
    REPLACED_CUT_OFF,
    SALES_GONE,
    SALES_HANDED_IN,
    LOST_AND_COUNTED,
    HAND_OVER_GONE,
    HAND_OVER_TOLD,
    PAYMENT_GONE,
    LEFT_TO_COUNT,
    COUNT_WAITS,
    REGISTER_DESTROYED,
    REGISTER_TAKEN,
    REGISTER_LOST_IN_CUT,
    REGISTER_LOST_AT_DEATH,
    LOST_SALES_GONE,
    WRITTEN_OFF,
    WRITTEN_OFF_AGAIN,
    WRITTEN_OFF_UNHEARD,
    FOUND_IN_TIME,
    FOUND_LATE,
    FOUND_SELLS,
    NAME_TAKEN,
    "POST /v1/sales",
    "POST /v1/orders",
    "POST /v1/stock/receipts",
    "POST /v1/stock/counts/{id}/close",
    "fault cut",
    "fault black_hole",
    "fault bad_line",
    "fault crash",
    STARTED_AGAIN,
)
_IMAGES: Final = (
    SOLD_ALONE,
    SOLD_CONNECTED,
    DISK_DESTROYED,
    IMAGE_MADE,
    IMAGE_OF_IMAGE,
    PUT_BACK,
    PUT_BACK_CUT_OFF,
    IMAGE_OF_EARLIER,
    BRANCH_HANDED_OVER,
    RENEWED,
    COPY_STARTED,
    FIRST_STAYS_OFF,
    COPY_STAYS_OFF,
    EXPOSED,
    SALES_HANDED_IN,
    "POST /v1/sales",
    "POST /v1/stock/receipts",
    "fault cut",
    "fault bad_line",
    "fault crash",
    STARTED_AGAIN,
)

_FOUND: Final = (
    *_BOXES,
    BOX_TAKEN_OUT,
    REPLACED_RUNNING,
    BOX_FOUND,
    FOUND_WITH_NEWS,
    FOUND_AFTER_COUNT,
    FOUND_AFTER_ANSWER,
    FOUND_BEHIND,
    NEVER_COUNTED,
    HAND_OVER_HEARD,
    PAYMENT_HEARD,
)

EVERY: Final = "every"
"""What is asked for to have all profiles in turn."""

_OF_EACH: Final[Mapping[str, tuple[str, ...]]] = {
    "all": _ALL,
    "boxes": _BOXES,
    "mixed": (
        *_BOXES,
        ARRIVAL_GONE,
        ARRIVAL_TOLD,
        SHIPMENT_GONE,
        "PUT /v1/promotions/{id}",
        "POST /v1/orders/{id}/events short_picked",
        SHORT_PICK_GONE,
        "fault wrong_clock",
    ),
    "images": _IMAGES,
}

INTENDED: Final[Mapping[str, tuple[str, ...]]] = {
    **_OF_EACH,
    "found": _FOUND,
    EVERY: tuple(dict.fromkeys(itertools.chain(*_OF_EACH.values()))),
}
"""What these profiles are for, by name; `test_deeds` looks whether each was done."""


@dataclass(slots=True)
class Deeds:
    """The counts of a run, or of many."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, name: str, times: int = 1) -> None:
        """Something happened."""
        self.done[name] += times

    def asked(self, method: str, reply: "Reply", body: object) -> None:
        """A request had a definite answer; questions are not counted."""
        if method == "GET":
            return
        name = f"{method} {reply.path}"
        if isinstance(body, Mapping) and reply.path.endswith("/events"):
            name = f"{name} {body['type']}"
        (self.done if reply.is_done else self.refused)[name] += 1

    def add(self, more: "Deeds") -> None:
        """Those of another run."""
        self.done.update(more.done)
        self.refused.update(more.refused)

    def never(self, profile: str) -> list[str]:
        """What the profile is for and was never done."""
        return [name for name in INTENDED.get(profile, ()) if not self.done[name]]

    def as_json(self) -> dict[str, dict[str, int]]:
        """How often each was done and refused, by name."""
        return {
            name: {"done": self.done[name], "refused": self.refused[name]}
            for name in sorted({*self.done, *self.refused})
        }

    def read(self, order: Mapping[str, Any]) -> None:
        """What the history of an order tells when everything is over."""
        state = {one["id"]: one["state"] for one in order["allocations"]}
        types = {event["type"] for event in order["events"]}
        by_store = any(event["type"] == "released" for event in order["events"])
        for event in order["events"]:
            for allocation in event["allocations"] or ():
                if state[allocation] == "fulfilled":
                    self.note(ASKED_BACK_AND_GONE)
                elif by_store and state[allocation] == "released":
                    self.note(ASKED_BACK_AND_GIVEN)
        missed = {event["id"] for event in order["events"] if event["type"] == "short_picked"}
        replaced = {one["replaces"] for one in order["allocations"]}
        for one in order["allocations"]:
            if one["part_of"] is not None and one["state"] == "fulfilled":
                self.note(SENT_IN_PARTS)
            if missed and one["state"] == "released" and one["replaces"] is None:
                is_replaced = one["id"] in replaced
                self.note(MISSED_AND_REPLACED if is_replaced else MISSED_AND_REFUNDED)
        if {"expired", "paid"} <= types:
            is_over = order["status"] == "cancelled"
            self.note(PAID_LATE_AND_REFUNDED if is_over else PAID_LATE_AND_KEPT)
