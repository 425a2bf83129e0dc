"""What several files of unit tests share."""

from collections.abc import AsyncIterator

import pytest

from tests.memory_parent import MemoryParent, ServedParent, tea


@pytest.fixture
def parent() -> MemoryParent:
    """A gateway that has told a register what tea costs, and given it five."""
    parent = MemoryParent()
    parent.tell_taxes()
    parent.tell_product(tea())
    parent.stock("TEA", 5)
    return parent


@pytest.fixture
async def served(parent: MemoryParent) -> AsyncIterator[ServedParent]:
    """That gateway, heard."""
    async with ServedParent(parent) as served:
        yield served
