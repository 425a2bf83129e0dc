"""Defects of images and copies of a box, to plant; `defects` lists them."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

from cloud_hub.lives import branches
from cloud_hub.stores import fold
from gateway.lives.behind import Handed, handed_over
from gateway.lives.branching import Mending, Taken
from gateway.lives.witnesses import WitnessCheck
from gateway.status.report import StopReason


def branch_not_folded() -> AbstractContextManager[Any]:
    """The hub keeps the entries of a branch, and nothing of what they say."""
    nothing = SimpleNamespace(fold=lambda *_: None, heard=fold.heard)
    return mock.patch.object(branches, "fold", nothing)


def copy_sells_on() -> AbstractContextManager[Any]:
    """A copy beside its box hands over what it did, and goes on all the same."""
    real = Mending._keep

    async def keep(self: Mending, known: Handed, reason: StopReason | None) -> None:
        if reason is not StopReason.COPIED:
            await real(self, known, reason)
            return
        await real(self, known, None)
        await self._writer.submit(lambda: self._shop.stop(None))

    return mock.patch.object(Mending, "_keep", keep)


def exposure_not_told() -> AbstractContextManager[Any]:
    """The hub says of no branch that it used anything beyond its rights."""
    return mock.patch.object(branches, "frozen", SimpleNamespace(counters_of=lambda *_: ()))


def witness_ignored() -> AbstractContextManager[Any]:
    """A gateway does not look at what registers show of its journal."""

    async def look(_self: WitnessCheck, *_: object) -> None:
        return

    return mock.patch.object(WitnessCheck, "__call__", look)


def branch_cut_short() -> AbstractContextManager[Any]:
    """A box hands over the first entry of its branch, and takes that for all."""
    real = Mending._keep

    async def keep(self: Mending, known: Handed, reason: StopReason | None) -> None:
        if known.name is None:
            end_seq = 1 + await self._common(known.end_seq)
            known = Handed(end_seq=end_seq)
        await real(self, known, reason)

    async def pieces(self: Mending, known: Handed) -> Taken:
        kept = handed_over(self._reader)
        return await real_pieces(self, kept or known)

    real_pieces = Mending._pieces
    return mock.patch.multiple(Mending, _keep=keep, _pieces=pieces)


IMAGE_DEFECTS: Final[Mapping[str, Callable[[], AbstractContextManager[Any]]]] = {
    "branch_not_folded": branch_not_folded,
    "branch_cut_short": branch_cut_short,
    "copy_sells_on": copy_sells_on,
    "exposure_not_told": exposure_not_told,
    "witness_ignored": witness_ignored,
}
"""By name."""
