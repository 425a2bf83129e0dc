"""Goal: what earlier boxes told is found again, and found soon: their tokens, their sales' numbers.

Method: a chain in one process on real files, whose box is replaced; entries of a branch are put
into the hub's journal by hand, and what SQLite does to find a number is read off its plans.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud_hub.lives import restoring as at_hub
from gateway.lives.tokens import Token, Tokens, keep_tokens, tokens_of
from gateway.roles import WRITTEN_OFF
from replication.journal import EMPTY, Head
from tests.chain_sides import ShopSide
from tests.life_chain import LifeChain, opened_life
from tests.register_chain import sold
from tests.replication_samples import body_of
from tests.replication_samples import chain as journal
from web.once import Done
from web.sale_numbers import sale_named


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[LifeChain]:
    """A shop with 40 tea."""
    with opened_life(tmp_path, tea=40) as chain:
        yield chain


@pytest.fixture
def old(chain: LifeChain) -> ShopSide:
    """Its first box."""
    return chain.shops["riverside"]


def test_the_tokens_of_a_branch_and_of_the_box_before_it_count_and_no_ended_ones(
    chain: LifeChain,
) -> None:
    chain.replace("riverside")
    chain.replace("riverside")
    branch = chain.hub.state.living_writer("riverside").replace(".3", ".2")
    chain.hub.state.connection.execute(
        "UPDATE life SET branch_of = 'riverside.1' WHERE writer = ?", (branch,)
    )
    told = [
        ("riverside.1", 90, ["ended", "kept"]),
        ("riverside.1", 91, ["kept", "since"]),
        (branch, 90, ["ended", "kept", "made"]),
    ]
    for writer, seq, names in told:
        record = msgspec.Raw(msgspec.json.encode({"tokens": [{"id": one} for one in names]}))
        body = body_of(seq, writer=writer, kind="tokens", record=record, cells=[])
        (entry,), _ = journal([body], Head(seq - 1, EMPTY.hash))
        row = (writer, seq, "tokens", entry.hash, entry.body)
        chain.hub.commit(partial(chain.hub.state.store.store_entries, [row]))

    tokens = at_hub.earlier_lives(
        chain.hub.state, chain.hub.state.living_writer("riverside")
    ).tokens

    found = [one["id"] for one in msgspec.json.decode(tokens)["tokens"]]
    assert found == ["kept", "since", "made"]


def test_a_token_that_was_ended_on_an_image_is_ended_for_the_box_after_it(old: ShopSide) -> None:
    token = Token(
        digest=b"d" * 32, id="a", role="cashier", register="till-3", name="amira", created_at_ms=1
    )
    ended = msgspec.structs.replace(token, role=WRITTEN_OFF)

    old.commit(lambda: keep_tokens(old.state.connection, Tokens(tokens=(token, ended))))

    assert tokens_of(old.state.connection).tokens == (ended,)


def test_a_number_that_is_not_here_is_not_looked_for_among_all_entries(
    chain: LifeChain, old: ShopSide
) -> None:
    done = old.sell("tea", 1)
    assert isinstance(done, Done)
    new = chain.replace("riverside")
    chain.recover(new, done.record)
    asked: list[tuple[str, Any]] = []

    def note(_cursor: object, sql: str, values: Any) -> bool:  # noqa: ANN401 - whatever was bound
        asked.append((sql, values))
        return True

    connection = new.state.connection
    connection.exec_trace = note
    found = sale_named(new.state.store, "RIVERSIDE-1-000001")
    missing = sale_named(new.state.store, "HILLSIDE-1-000007")
    connection.exec_trace = None
    plans = [
        str(row[3])
        for sql, values in asked
        for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)
    ]

    assert (found, missing) == (sold(done), "HILLSIDE-1-000007")
    assert plans
    assert [plan for plan in plans if plan.startswith("SCAN entry")] == []
