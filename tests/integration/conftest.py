"""What the tests of a chain in one process share: its shops by name; and a file with sales."""

import shutil
from pathlib import Path

import pytest

from replication.ids import EntryId
from tests.chain import Chain
from tests.chain_sides import ShopSide
from tests.spooling import make_shop_file


@pytest.fixture
def riverside(chain: Chain) -> ShopSide:
    """The shop that has goods; `chain` is the test file's own."""
    return chain.shops["riverside"]


@pytest.fixture
def harbour(chain: Chain) -> ShopSide:
    """The shop that has none yet."""
    return chain.shops["harbour"]


@pytest.fixture(scope="session")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[EntryId]]:
    """The directory of a gateway with three sales, for tests that print; not to be changed."""
    root = tmp_path_factory.mktemp("shop")
    sales = make_shop_file(root, sales=3)
    return root / "riverside.1", sales


@pytest.fixture
def sales(shop_file: tuple[Path, list[EntryId]]) -> list[EntryId]:
    """The sales in `data`."""
    return shop_file[1]


@pytest.fixture
def data(shop_file: tuple[Path, list[EntryId]], tmp_path: Path) -> Path:
    """A copy of that directory, for one test."""
    return Path(shutil.copytree(shop_file[0], tmp_path / "data"))
