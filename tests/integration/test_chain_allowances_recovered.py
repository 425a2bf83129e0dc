"""Goal: what a recovered sale had of an allowance is had once, whoever answers for whoever sold it.

Method: a chain in one process. A box burns with a sale that only a till has, or a register sells
from an old copy of its disk; somebody hands the sale in, and the rights are taken back.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_hub.lives.attesting import lives_view
from retail.selling.sales import Sale
from tests.allowances_over_lives import (
    answer_for,
    had_of_all,
    had_reduced,
    held,
    register_with_uses,
    two_shops,
)
from tests.credits_seen import fetch, issue, pay
from tests.credits_seen import sold as sold_for
from tests.life_chain import LifeChain
from tests.limited_offers import SUMMER, lend_to, limit, sells_reduced
from tests.price_asking import sell
from tests.register_images import booted, copied, goes_on
from web.credits import key_of
from web.once import Done


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """Two shops with tea and jam, whose boxes may die."""
    yield from two_shops(tmp_path)


def test_a_credit_that_a_recovered_sale_was_paid_with_does_not_pay_again(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    code = issue(old, 1)
    chain.sync()
    sale = sold_for(pay(old, code, 100))  # and the box burns; the till has the sale
    new = chain.replace("riverside")
    chain.recover(new, msgspec.json.encode(sale))
    chain.sync()

    answer_for(chain, "riverside.1")

    assert chain.audit().differences == []
    assert held(chain, key_of(code)) == {"riverside.1": 100}
    chain.hub.state.reachable.update(chain.shops)
    assert not fetch(chain, new, code, 100)


def test_a_use_that_a_recovered_sale_had_is_not_had_again(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    limit(chain.hub, 1)
    chain.sync()
    assert lend_to(chain, old, 1)
    chain.sync()
    sale = sell(old, "tea")
    assert isinstance(sale, Sale)
    assert sale.total_minor == 90
    new = chain.replace("riverside")
    chain.recover(new, msgspec.json.encode(sale))
    chain.sync()

    answer_for(chain, "riverside.1")

    lend_to(chain, new, 1)
    assert not sells_reduced(new), "it was had, and the hub knows it"


def test_nothing_is_shown_as_frozen_that_a_recovered_sale_had(chain: LifeChain) -> None:
    old = chain.shops["riverside"]
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 2)
    chain.sync()
    units = old.state.quota(SUMMER)
    sale = sell(old, "tea")
    new = chain.replace("riverside")
    (before,) = lives_view(chain.hub.state, "riverside")
    assert {one.sku: one.units for one in before.frozen}[SUMMER] == units

    chain.recover(new, msgspec.json.encode(sale))
    chain.sync()

    (after,) = lives_view(chain.hub.state, "riverside")
    assert {one.sku: one.units for one in after.frozen}[SUMMER] == units - 1
    answer_for(chain, "riverside.1")
    (answered_for,) = lives_view(chain.hub.state, "riverside")
    assert (answered_for.frozen_units, answered_for.frozen) == (0, [])


def test_a_use_that_a_box_is_heard_to_have_had_is_not_taken_off_what_it_has_left(
    chain: LifeChain,
) -> None:
    old = chain.shops["riverside"]
    limit(chain.hub, 4)
    chain.sync()
    assert lend_to(chain, old, 2)
    chain.sync()
    sale = sell(old, "tea")
    new = chain.replace("riverside")
    chain.recover(new, msgspec.json.encode(sale))
    chain.sync()

    chain.hand_over(old, sealed=True)  # the sale was on its disk after all
    chain.sync()

    assert "riverside.1" not in held(chain), "all came back that it had left"
    assert had_of_all(chain, new) == 3


def test_a_use_that_a_registers_old_copy_had_is_not_had_again(chain: LifeChain) -> None:
    shop = chain.shops["riverside"]
    till = register_with_uses(chain, shop, 2, of=3)
    image = copied(chain, till)
    till.restart()
    assert isinstance(till.sell("jam", 1), Done)  # so that the two journals part
    chain.meet(till)
    chain.cut(till)
    copy = booted(chain, image, till)
    had = had_reduced(copy)
    assert had == 2
    second = goes_on(chain, copy)
    chain.meet(second)
    chain.cut(second)
    chain.sync()

    chain.lose(till, shop)  # the earlier incarnation, as the page says
    chain.sync()

    assert had + had_of_all(chain, shop) <= 3
