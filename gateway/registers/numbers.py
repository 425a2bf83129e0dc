"""The numbers of the boxes that are registers: those of each gateway of a location are its own.

So no two gateways that have not heard of each other ever give one number to two boxes.
"""

from typing import Final

from replication.ids import incarnation_of

BOXES_PER_NAME_MAX: Final = 1_000
"""Boxes that one gateway makes the register of one name, one after the other."""


def numbers_before(gateway: str) -> int:
    """The last number that a gateway before this one can have given."""
    return (incarnation_of(gateway) - 1) * BOXES_PER_NAME_MAX


def was_made_before(register: str, gateway: str) -> bool:
    """Whether a gateway before this one has made a box that register."""
    return incarnation_of(register) <= numbers_before(gateway)


def incarnation_that_made(register: str) -> int:
    """Which incarnation of its location's gateway has made a box that register."""
    return (incarnation_of(register) - 1) // BOXES_PER_NAME_MAX + 1
