"""Why links end: over a sound line no end calls what the other says a violation.

Not where two journals have one name, which disagree, nor what only looks like it: a line that held
frames back brings them together with what the next link says again, a box that has stopped is not
who it was, and one that became another is met with the next try.
"""

from typing import TYPE_CHECKING

from gateway.registers.lending import TAKES_NOTHING
from replication.session import Ended
from tests.simulation.network import Line

if TYPE_CHECKING:
    from tests.simulation.world import World


class LinkEnds:
    """What a world hears of the ends of its links."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._overtaken: set[tuple[str, str]] = set()
        """Registers that a gateway's next life was ahead of while they dialled, with that life."""

    def of_store(self, writer: str, ended: Ended) -> None:
        """The link of a store's box has ended at the hub."""
        world = self._world
        world.tell("hub", f"link of {writer} ended: {ended.reason}: {ended.detail}")
        at = writer.rpartition(".")[0]
        # Of a copy it is not known whose line it was.
        if not world.judge.strands.is_parted(writer) and at not in world.copies:
            box = world.found.get(writer, world.shops[at])
            self._look_at(f"{writer} and the hub", box.line, ended)

    def of_register(self, writer: str, ended: Ended) -> None:
        """The link of a register that sells alone has ended at its gateway."""
        world, register = self._world, self._world.registers[writer]
        at = register.identity.location
        gateway = world.shops[at].identity.writer
        world.tell(at, f"link of {writer} ended: {ended.reason}: {ended.detail}")
        if not (world.judge.strands.is_parted(gateway) or self._is_late(writer, gateway, ended)):
            self._look_at(f"{writer} and {at}", register.line, ended)

    def _is_late(self, register: str, gateway: str, ended: Ended) -> bool:
        """Whether the gateway became another while the register dialled the one that it had met.

        It meets the next one when it dials again, so of each life that is said once.
        """
        dialled = (register, gateway)
        if dialled in self._overtaken or not ended.detail.startswith(f"this is {gateway}, "):
            return False
        self._overtaken.add(dialled)
        return True

    def _look_at(self, who: str, line: Line, ended: Ended) -> None:
        is_echo = line.has_been_held and ended.detail.startswith("out of sequence")
        is_echo |= ended.detail == TAKES_NOTHING
        if ended.reason == "violation" and not (line.has_been_mangled or is_echo):
            self._world.accuse(f"link: over a sound line {who} disagree: {ended.detail}")
