"""Goal: the benchmark of a replacement replaces a box, and finds every sale at the hub afterwards.

Method: the whole of it with real programs, in a corner shop: two registers, a few dozen sales.
Nothing is held against a time.
"""

from pathlib import Path

import pytest

from scripts.benchmarks import replacement
from scripts.benchmarks.trading_store import Size

pytestmark = pytest.mark.timeout(300)  # a dozen starts of programs, on a busy machine

CORNER_SHOP = Size(skus=30, sales=40, registers=2)
BASKETS = 2
SALES = 40 + 2 * (BASKETS + BASKETS) + 1
"""The last one is the first basket of the new box."""


async def test_a_corner_shops_box_is_replaced_and_there_are_figures(tmp_path: Path) -> None:
    said: list[str] = []

    rows = await replacement.run(tmp_path, say=said.append, size=CORNER_SHOP, baskets=BASKETS)

    assert len(rows) == 5
    assert all(row.ours > 0 and row.baseline > 0 for row in rows)
    assert any("done, 30 counters" in line for line in said)
    assert any(f"all {SALES} sales" in line for line in said)
