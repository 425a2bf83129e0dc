"""What the tests of a chain in one process share: its shops by name; and a file with sales."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from replication.ids import EntryId
from tests.chain import Chain
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, opened_life
from tests.register_chain import RegisterChain, RegisterSide, opened
from tests.spooling import make_shop_file


@pytest.fixture
def riverside(chain: Chain) -> ShopSide:
    """The shop that has goods; `chain` is the test file's own."""
    return chain.shops["riverside"]


@pytest.fixture
def harbour(chain: Chain) -> ShopSide:
    """The shop that has none yet."""
    return chain.shops["harbour"]


@pytest.fixture
def stores() -> Iterator[RegisterChain]:
    """Two shops that can have registers which sell alone, with 40 of `SKU` each."""
    with opened("riverside", "hillside") as stores:
        yield stores


@pytest.fixture
def shop(stores: RegisterChain) -> ShopSide:
    """The first of them."""
    return stores.shops["riverside"]


@pytest.fixture
def till(stores: RegisterChain, shop: ShopSide) -> RegisterSide:
    """A register that has met its gateway."""
    return stores.register(shop)


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea and 10 jam, whose box may die; and another one."""
    with opened_life(tmp_path, "hillside", tea=40, jam=10) as lives:
        yield lives


@pytest.fixture
def old(lives: LifeChain) -> ShopSide:
    """Its first box."""
    return lives.shops["riverside"]


@pytest.fixture
def own_till(lives: LifeChain, old: ShopSide) -> RegisterSide:
    """A register of that box, which sells alone."""
    return lives.register(old)


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
