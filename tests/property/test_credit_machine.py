"""Goal: no store credit ever pays more than it has, and what it did not pay is never lost.

Method: a hub and three shops on real files (`tests.chain`). Hypothesis picks who takes goods back,
who pays where and with how much, which shops are cut off, whose journal arrives, which grants come
late or twice, whose commit fails and who starts again. The model is one number per credit: what its
customer was given, less what was paid with it. Caches are tiny, as in `test_chain_machine`.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_hub.auditing.audit import audit
from cloud_hub.prices import allowances
from cloud_hub.prices.allowances import whom_to_ask
from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from gateway.selling.credits import CreditShort
from replication import ledger
from replication.escrow import check_invariants
from retail.returning.returns import GoodsReturn
from retail.selling.sales import Sale
from retail.selling.store_credit import CreditCode
from tests.chain import Chain
from tests.chain_sides import CommitFailed, ShopSide
from tests.credits_seen import at_hub, code_in, pay
from web.credits import key_of
from web.once import Done
from web.uses import NOBODY

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

SHOPS: Final = ("airport", "bazaar", "castle")
PRICE_MINOR: Final = 100

T = TypeVar("T")

shops = st.sampled_from(SHOPS)
lately = st.integers(0, 2)


class CreditMachine(RuleBasedStateMachine):
    """See the module's method."""

    def __init__(self) -> None:
        super().__init__()
        self.caches = pytest.MonkeyPatch()
        self.caches.setattr(ledger, "COUNTERS_CACHED_MAX", 2)
        self.caches.setattr(ledger, "SAVE_ENTRIES", 7)
        self.directory = tempfile.TemporaryDirectory()
        self.chain = Chain(Path(self.directory.name), skus=("tea", "jam"), shops=SHOPS)
        self.hub = self.chain.hub
        self.cut: set[str] = set()
        self.codes: list[CreditCode] = []
        self.left: dict[CreditCode, int] = {}
        self.on_their_way: list[Callable[[], None]] = []
        self.asked = 0
        for shop in self.chain.shops.values():
            shop.receive(tea=10_000, jam=10_000)
        self.chain.sync()
        self._watch()

    def _watch(self) -> None:
        """The hub knows whom it hears."""
        self.hub.state.reachable.clear()
        self.hub.state.reachable.update(set(SHOPS) - self.cut)

    @staticmethod
    def _try(act: Callable[[], T]) -> T | None:
        """What an act comes to; None when its commit failed."""
        try:
            return act()
        except CommitFailed:
            return None

    # Customers

    @rule(at=shops, units=st.integers(1, 4))
    def bring_back(self, at: str, units: int) -> None:
        shop = self.chain.shops[at]
        bought = self._try(lambda: shop.sell("tea", units))
        if not isinstance(bought, Done):
            return
        sale = msgspec.json.decode(bought.record, type=Sale).id
        came = self._try(lambda: shop.take_back(sale, "tea", units, refund_to="store_credit"))
        if isinstance(came, Done):
            code = code_in(msgspec.json.decode(came.record, type=GoodsReturn).credit)
            self.codes.append(code)
            self.left[code] = units * PRICE_MINOR

    @precondition(lambda self: self.codes)
    @rule(at=shops, which=lately, minor=st.integers(1, 250), loses=st.booleans())
    def spend(self, at: str, which: int, minor: int, *, loses: bool) -> None:
        """A till is paid; connected it asks first, and the answer may be lost on the way."""
        shop, code = self.chain.shops[at], self.codes[-1 - which % len(self.codes)]
        outcome = self._try(lambda: pay(shop, code, minor, NOBODY))
        if not isinstance(outcome, Sale | CreditShort | None):
            if at not in self.cut:
                self._fetch(shop, code, minor, loses=loses)
            outcome = self._try(lambda: pay(shop, code, minor))
        if isinstance(outcome, Sale):
            paid = outcome.tenders[0]
            self.left[code] -= paid.amount_minor
            assert paid.left_minor == self.left[code], "who holds a credit knows what is left"
        elif outcome is not None:
            assert isinstance(outcome, CreditShort)
            assert outcome.spendable_minor in {0, self.left[code]}

    def _fetch(self, shop: ShopSide, code: CreditCode, minor: int, *, loses: bool) -> None:
        """The hub lends what it has, or asks whom it hears; all as the links do it."""
        key, own = key_of(code), shop.state.location
        if self._try(lambda: self._lend(shop, key, minor, loses=loses)):
            return
        whom = self.hub.commit(lambda: whom_to_ask(self.hub.state, key, minor, but=own))
        if whom.location is not None:
            assert whom.location not in self.cut
            self._try(lambda: self._recall(self.chain.shops[str(whom.location)], key, whom.units))
            self._try(lambda: self._lend(shop, key, minor, loses=loses))

    def _lend(self, shop: ShopSide, key: str, minor: int, *, loses: bool) -> bool:
        self.asked += 1
        writer, request = shop.state.ledger.writer, f"{shop.state.location}/{self.asked}"
        lent = self.hub.commit(
            lambda: hub_lending.lend(self.hub.state, writer, request, [(key, minor)])
        )

        def arrive() -> None:
            shop_lending.check_grant(shop.state, lent.cells)
            shop.commit(lambda: shop_lending.take_grant(shop.state, lent.cells))

        self._travel(arrive, loses=loses)
        return bool(lent.cells)

    def _recall(self, shop: ShopSide, key: str, minor: int) -> None:
        self.asked += 1
        writer, request = shop.state.ledger.writer, f"hub/{self.asked}"
        lent = shop.commit(lambda: shop_lending.lend(shop.state, request, [(key, minor)]))
        self._travel(
            lambda: self.hub.commit(
                lambda: allowances.take_grant(self.hub.state, writer, lent.cells)
            ),
            loses=False,
        )

    def _travel(self, arrive: Callable[[], None], *, loses: bool) -> None:
        """A grant arrives now, or late; and it may arrive again."""
        self.on_their_way.append(arrive)
        if not loses:
            arrive()

    # The world

    @precondition(lambda self: self.on_their_way)
    @rule(which=st.integers(0, 9))
    def arrive_late(self, which: int) -> None:
        self._try(self.on_their_way[which % len(self.on_their_way)])

    @rule(at=shops)
    def cut_or_mend(self, at: str) -> None:
        self.cut ^= {at}
        self._watch()

    @rule(at=shops, entries_max=st.integers(1, 5))
    def talk(self, at: str, entries_max: int) -> None:
        if at not in self.cut:
            self._try(lambda: self.chain.send(self.chain.shops[at], entries_max=entries_max))

    @rule(at=shops)
    def talk_it_all_over(self, at: str) -> None:
        if at not in self.cut:
            self._try(lambda: self.chain.sync(self.chain.shops[at]))

    @rule(at=st.sampled_from((*SHOPS, "hub")))
    def disk_refuses_next(self, at: str) -> None:
        side = self.hub if at == "hub" else self.chain.shops[at]
        side.refuse_next_commit()

    @rule(at=st.sampled_from((*SHOPS, "hub")))
    def restart(self, at: str) -> None:
        side = self.hub if at == "hub" else self.chain.shops[at]
        side.restart()
        self._watch()

    # What must hold

    @invariant()
    def no_credit_pays_more_than_it_has(self) -> None:
        assert all(minor >= 0 for minor in self.left.values())

    @invariant()
    def nobody_holds_more_than_is_left(self) -> None:
        for code in self.codes[-3:]:
            held = [shop.state.quota(key_of(code)) for shop in self.chain.shops.values()]
            held.append(self.hub.state.quota("", key_of(code)))
            assert all(units >= 0 for units in held)
            assert sum(held) <= self.left[code]
            assert len([units for units in held if units]) <= 1, "a credit travels whole"

    def teardown(self) -> None:
        self.cut.clear()
        self.hub._refuses = False
        for shop in self.chain.shops.values():
            shop._refuses = False
        self.chain.sync()
        for code, minor in self.left.items():
            counter = at_hub(self.hub, code)
            assert check_invariants(counter) == []
            assert counter.available() == minor, "what was not paid is still there"
        assert audit(self.hub.state.store, None).differences == []
        self.chain.close()
        self.directory.cleanup()
        self.caches.undo()


TestCredits = CreditMachine.TestCase
TestCredits.settings = settings(stateful_step_count=60)
