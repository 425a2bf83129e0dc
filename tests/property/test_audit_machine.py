"""Goal: an honest chain's audit never finds a difference, and its stories add up to its numbers.

Method: the chain of `test_chain_machine`, with all that its Hypothesis does to it. After each step
the hub's file is audited, and both sides' numbers are told: page by page the same steps as at once,
ending in the levels that the counter has.
"""

from typing import Final

import apsw
import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from cloud_hub.auditing.audit import audit
from replication.adapters.sqlite import ReplicaStore
from retail.stock.story import Step
from tests.property.test_chain_machine import SHOPS, SKUS, ChainMachine
from web.paging import Page
from web.story_pages import story_page

pytestmark = pytest.mark.timeout(600)  # a pass takes seconds, the shrinking of a failure minutes

PAGE: Final = Page(limit=3)


class AuditedChain(ChainMachine):
    """A chain whose auditor never sleeps; what a step did not change it has seen already."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[apsw.Connection, int]] = {}
        super().__init__()

    def _is_seen(self, reading: str, store: ReplicaStore) -> bool:
        """Whether this reading has seen the file as it is now, over the same connection."""
        state = store.connection, store.connection.total_changes()
        seen, self._seen[reading] = self._seen.get(reading), state
        return seen == state

    @invariant()
    def the_audit_finds_nothing(self) -> None:
        if self._is_seen("audit", self.hub.state.store):
            return
        report = audit(self.hub.state.store, None)

        assert report.differences == []
        assert report.verdict == "no difference"

    @invariant()
    def every_number_is_the_end_of_its_story(self) -> None:
        for at in SHOPS:
            for name, side in (("hub", self.hub), ("shop", self.chain.shops[at])):
                store = side.state.store
                if not self._is_seen(f"{at} at its {name}", store):
                    for sku in SKUS:
                        self._check_story(store, at, sku)

    def heal(self) -> None:
        """When all has arrived, no grant is ahead of its entry any more."""
        super().heal()
        self.the_audit_finds_nothing()
        self.every_number_is_the_end_of_its_story()
        assert audit(self.hub.state.store, None).ahead == []

    @staticmethod
    def _check_story(store: ReplicaStore, at: str, sku: str) -> None:
        whole = story_page(store, at, sku, Page(limit=500))
        assert whole.next_cursor is None
        assert whole.opening.entries == 0
        if whole.entries:
            assert whole.entries[-1].after == whole.levels
        # The feed may bring an order before the hub's cells: then the counter itself lacks them.
        least = min(0, whole.levels.committed)
        assert all(step.after.committed >= least for step in whole.entries)
        cursor: str | None = None
        steps: list[Step] = []
        while True:
            page = story_page(store, at, sku, Page(limit=PAGE.limit, cursor=cursor))
            steps = [*page.entries, *steps]
            if (cursor := page.next_cursor) is None:
                break
        assert steps == whole.entries


TestAuditedChain = AuditedChain.TestCase
TestAuditedChain.settings = settings(stateful_step_count=40)
