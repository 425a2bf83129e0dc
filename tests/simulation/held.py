"""What others have of a box that is gone, or that has sold alone: read from their disks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from replication.adapters.sqlite import ReplicaStore
from replication.ids import EVERYWHERE, WriterId, is_register, location_of
from replication.ledger import Ledger
from tests.simulation.judge import overdrawn_by_losses, overridden
from tests.simulation.shelf import Place

if TYPE_CHECKING:
    from tests.simulation.alone import RegisterBox
    from tests.simulation.notes import Sold
    from tests.simulation.programs import Box
    from tests.simulation.world import World


def bury(world: "World", writer: str, heard: int) -> None:
    """The disk of a store's box is gone, and the hub has its journal up to `heard`.

    What came after is known to nobody any more, but for grants that registers have, or the hub:
    those travel ahead of their entries. What it had overdrawn happened all the same.
    """
    location = location_of(writer)
    ahead = [
        (writer, place, cell[:3], cell[3])
        for place in sorted(world.judge.union.cells)
        if place[0] in {location, EVERYWHERE}
        for cell in world.hub.ledger.counter(*place).cells()
        if cell[0] == "granted" and cell[1] == writer
    ]
    shown = [
        (register.identity.writer, place, (table, holder, detail), value)
        for register in world.registers.values()
        if register.identity.location == location and register.is_begun
        for place in sorted(world.judge.union.cells)
        if place[0] in {location, EVERYWHERE}
        for table, holder, detail, value in register.ledger.counter(*place).cells()
        if holder == writer and detail == register.identity.writer
    ]
    with burning(world, location):
        world.judge.bury(writer, heard, ahead + shown)


def hear_found(world: "World") -> None:
    """What the hub hears by now of boxes that were replaced and found again counts again."""
    for writer in world.found:
        heard = world.hub.head_of(writer).seq
        if heard > world.judge.buried.get(writer, heard):
            with burning(world, location_of(writer)):
                world.judge.hear_buried(writer, heard)
            hear_more(world, location_of(writer))


@contextmanager
def burning(world: "World", location: str) -> Iterator[None]:
    """What only a disk knew is known to nobody from then on; what it had overdrawn did happen.

    Or it is known again, and what had burnt had not.
    """
    union = world.judge.union
    here = sorted(place for place in union.cells if place[0] == location)
    before = {
        place: (overridden(union, place), overdrawn_by_losses(union, place)) for place in here
    }
    yield
    union = world.judge.union  # it was added up anew
    for place, (overrides, losses) in before.items():
        world.shelves[place].burnt_overrides += overrides - overridden(union, place)
        world.shelves[place].burnt_losses += losses - overdrawn_by_losses(union, place)


def overdrawn_by_losses_at_most(world: "World", place: Place) -> int:
    """Units that losses overdrew, as far as programs wrote it down.

    A sale that is handed in overdraws where the paper of its goods burnt. A count that finds these
    goods books them together with what is lost, which overdraws less then: the sale stands for it.
    """
    shelf, union = world.shelves[place], world.judge.union
    on_their_word = max(0, shelf.overridden - shelf.burnt_overrides)
    handed_in = max(0, overridden(union, place) - on_their_word)
    return shelf.burnt_losses + overdrawn_by_losses(union, place) + handed_in


def hear_lost(world: "World", register: "RegisterBox") -> None:
    """What others have of a register that is gone."""
    writer, location = register.identity.writer, register.identity.location
    shop = world.shops[location]
    heard = max(held_of(world, writer), world.hub.head_of(writer).seq)
    shown = [
        (place, (table, holder, detail), value)
        for ledger in (_ledger_of(shop), _ledger_of(world.hub))
        for place in sorted(world.judge.union.cells)
        if place[0] in {location, EVERYWHERE}
        for table, holder, detail, value in ledger.counter(*place).cells()
        if holder == writer or (holder in world.ended and detail == writer)
    ]
    world.judge.hear_lost(writer, heard, shown)
    if register.kept_to is not None:  # its gateway may have died with what it had of it
        register.kept_to = min(register.kept_to, heard)


def _ledger_of(box: "Box") -> Ledger:
    """What a box knows, also while it is down: it is on its disk."""
    if box.is_up:
        return box.ledger
    return Ledger(ReplicaStore(box.disk.connection), WriterId(f"{box.name}.1"), "")


def forget_uses(world: "World", register: "RegisterBox") -> None:
    """A register is written off: of what it used of offers only what others know counts now.

    There is nothing to count, and maybe nobody knows of rights of it that could be taken back.
    """
    shop = world.shops[register.identity.location]
    for place in sorted(world.judge.seen):
        if place[0] == EVERYWHERE:
            by = (shop.identity.writer, shop.ledger.head.seq)
            world.judge.counted(register.identity.writer, place, by)


def hear_more(world: "World", location: str) -> None:
    """What a register that is gone had sent on its way may still come to its gateway.

    Also what travels ahead of its journal, and after that nothing else ever comes. Another box in
    the gateway's place may know less.
    """
    for writer in list(world.judge.lost):
        if location_of(writer) == location:
            hear_lost(world, world.registers[writer])


def held_of(world: "World", register: str) -> int:
    """How far the gateway of its location has the journal of a register that sells alone."""
    disk = world.shops[location_of(register)].disk
    row = disk.connection.execute(
        "SELECT head_seq FROM register WHERE writer = ?", (register,)
    ).fetchone()
    return 0 if row is None else int(str(row[0]))


def has_reported(world: "World", register: str) -> bool:
    """Whether the gateway of its location has all that it had from the boxes before."""
    row = (
        world.shops[location_of(register)]
        .disk.connection.execute("SELECT reported FROM register WHERE writer = ?", (register,))
        .fetchone()
    )
    return row is not None and bool(row[0])


def is_unheard(world: "World", sale: "Sold") -> bool:
    """Whether a register has sold alone what its gateway does not know of yet."""
    writer, _, seq = sale.id.rpartition("-")
    return is_register(writer) and held_of(world, writer) < int(seq)


def is_exposed(world: "World", location: str) -> bool:
    """Whether a register may sell there, of whose rights others know that it has none."""
    return any(
        one.is_given_up
        and one.identity.location == location
        and held_of(world, one.identity.writer) != one.ledger.head.seq
        for one in world.registers.values()
        if not one.is_lost and one.is_begun
    )
