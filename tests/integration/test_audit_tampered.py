"""Goal: whoever alters the hub's file is found out, and the difference names the entries.

Method: a hub's file after a busy day (`tests.busy_chain`), on which the audit finds nothing. Each
test alters a copy of it in one way, some with all hashes made again, as somebody would who has the
file (`tests.tampered_hub`), and reads the report.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud_hub.auditing import audit as audits
from cloud_hub.auditing import audit_findings
from cloud_hub.auditing.audit import AuditStopped, audit
from cloud_hub.stores import lending as hub_lending
from gateway.link import lending as shop_lending
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import CellKey, EscrowCounter
from replication.ids import WriterId
from tests.busy_chain import busy_chain
from tests.chain import Chain
from tests.tampered_hub import TamperedHub
from tests.tampers import ONE_DIFFERENCE, TAMPERS, Tamper, raised
from web.once import Done
from web.problems import Problem


@pytest.fixture(scope="module")
def honest_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub's file after a busy day."""
    directory = tmp_path_factory.mktemp("busy")
    chain = busy_chain(directory)
    hub = chain.hub
    hub.commit(hub.state.ledger.save)
    chain.close()
    return directory / "hub" / "hub.db"


@pytest.fixture
def hub(honest_file: Path, tmp_path: Path) -> Iterator[TamperedHub]:
    """A copy of it to alter."""
    hub = TamperedHub(Path(shutil.copy(honest_file, tmp_path / "hub.db")))
    yield hub
    hub.file.close()


# An honest file


def test_an_honest_busy_chain_has_no_difference(hub: TamperedHub) -> None:
    report = hub.report()

    assert report.differences == []
    assert (report.verdict, report.truncated, report.ahead) == ("no difference", False, [])
    entries, sales, orders, counters = (
        hub.row(sql)[0]
        for sql in (
            "SELECT count(*) FROM entry",
            "SELECT count(*) FROM entry WHERE kind = 'sale'",
            "SELECT count(*) FROM online_order",
            "SELECT count(*) FROM counter",
        )
    )
    counted = (report.entries, report.sales, report.orders, report.counters)
    assert counted == (entries, sales, orders, counters)
    for one in report.writers:
        head = "SELECT seq, hash FROM entry WHERE writer = ? ORDER BY seq DESC"
        seq, digest = hub.row(head, one.writer)
        assert (one.head_seq, one.head_hash, one.entries) == (seq, digest.hex(), seq)


def test_one_location_is_audited_with_the_hubs_part_in_it(hub: TamperedHub) -> None:
    report = hub.report("harbour")

    assert report.verdict == "no difference"
    assert [one.writer for one in report.writers] == ["harbour.1", "hub.1"]
    assert (report.counters, report.sales) == (1, 1)


def test_a_location_that_nobody_knows_is_refused(hub: TamperedHub) -> None:
    with pytest.raises(Problem, match="no location nowhere"):
        hub.report("nowhere")


def test_rights_that_were_lent_ahead_of_the_journal_are_no_difference(tmp_path: Path) -> None:
    chain = Chain(tmp_path, skus=["tea"], shops=["riverside"])
    hub, shop = chain.hub, chain.shops["riverside"]
    assert isinstance(shop.receive(tea=10), Done)  # of which the hub has not heard
    lent = shop.commit(lambda: shop_lending.lend(shop.state, "request/1", [("tea", 4)]))
    hub.commit(lambda: hub_lending.take_grant(hub.state, WriterId("riverside.1"), lent.cells))

    before = audit(hub.state.store, None)
    chain.sync()
    after = audit(hub.state.store, None)
    chain.close()

    assert before.differences == after.differences == []
    assert [(one.holder, one.units) for one in before.ahead] == [("riverside.1", 6)]
    assert after.ahead == []


def test_what_came_after_the_last_checkpoint_is_compared_too(tmp_path: Path) -> None:
    chain = busy_chain(tmp_path)
    saved = chain.hub.state.store.counters_saved()

    report = audit(chain.hub.state.store, None)
    chain.close()

    assert saved == 0
    assert report.verdict == "no difference"


def test_a_large_chain_is_read_once_per_group(
    hub: TamperedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = hub.report()
    monkeypatch.setattr(audits, "COUNTERS_AT_ONCE_MAX", 1)

    in_groups = hub.report()

    assert in_groups == at_once
    hub.set_cells("riverside", "tea", lambda cells: cells.pop())
    assert hub.report().verdict == "1 difference"


def test_an_audit_ends_with_the_program(hub: TamperedHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audits, "LOOK_ENTRIES", 5)

    with pytest.raises(AuditStopped):
        audit(ReplicaStore(hub.file), None, lambda: True)

    assert not hub.file.in_transaction
    assert hub.report().verdict == "no difference"


def test_progress_is_told(
    hub: TamperedHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audits, "PROGRESS_ENTRIES", 10)

    with caplog.at_level("INFO"):
        report = hub.report()

    told = [one for one in caplog.records if getattr(one, "action", "") == "audit_progress"]
    assert len(told) == report.entries // 10


# Tampered files


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda one: one.__name__)
def test_what_was_altered_is_found_and_its_entries_are_named(
    hub: TamperedHub, tamper: Tamper
) -> None:
    invariant, places = tamper(hub)

    report = hub.report()

    assert report.verdict != "no difference"
    named = [set(one.entries) for one in report.differences if one.invariant == invariant]
    assert named, report.differences
    assert any(set(places) <= entries for entries in named), (places, report.differences)


@pytest.mark.parametrize("tamper", ONE_DIFFERENCE, ids=lambda one: one.__name__)
def test_one_altered_row_is_one_difference(hub: TamperedHub, tamper: Tamper) -> None:
    tamper(hub)

    assert hub.report().verdict == "1 difference"


def test_cells_that_overwrite_instead_of_merging_are_found(
    hub: TamperedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overwrite(counter: EscrowCounter, key: CellKey, value: int) -> int:
        growth = value - counter.value(*key)
        counter._cells[key] = value
        return growth

    monkeypatch.setattr(EscrowCounter, "merge_cell", overwrite)

    found = [one for one in hub.report().differences if one.invariant == "E3"]

    assert any("riverside.1-4" in one.entries for one in found)


def test_a_grant_ahead_of_its_entry_is_named_apart(hub: TamperedHub) -> None:
    hub.set_cells("riverside", "tea", lambda cells: raised(cells, ("granted", "hub.1"), 3))

    report = hub.report()

    assert report.verdict == "no difference"
    assert [(one.location, one.sku, one.holder, one.units) for one in report.ahead] == [
        ("riverside", "tea", "riverside.1", 3)
    ]


def test_differences_are_listed_up_to_a_bound_and_all_counted(
    hub: TamperedHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_findings, "DIFFERENCES_MAX", 3)
    hub.file.execute("UPDATE entry SET hash = zeroblob(32)")

    report = hub.report()

    assert (len(report.differences), report.truncated) == (3, True)
    assert int(report.verdict.split()[0]) > 3


def test_an_index_that_misses_entries_does_not_mislead_the_audit(hub: TamperedHub) -> None:
    hub.file.execute("DELETE FROM entry_by_sku")

    assert hub.report().verdict == "no difference"
