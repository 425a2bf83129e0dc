"""What the tests of a chain in one process share: its shops by name."""

import pytest

from tests.chain import Chain
from tests.chain_sides import ShopSide


@pytest.fixture
def riverside(chain: Chain) -> ShopSide:
    """The shop that has goods; `chain` is the test file's own."""
    return chain.shops["riverside"]


@pytest.fixture
def harbour(chain: Chain) -> ShopSide:
    """The shop that has none yet."""
    return chain.shops["harbour"]
