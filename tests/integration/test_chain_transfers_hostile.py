"""Goal: what is no transfer, or not the teller's to tell, is set aside; all else goes on.

Method: broken items in a shop's feed and forged entries in its journal, in a chain in one process.
"""

from pathlib import Path

import msgspec
import pytest

from gateway.stockroom import transfers
from replication import feed
from replication.document import EntityDocument
from replication.errors import PeerViolation
from replication.feed import FeedItem
from retail.stock.transfers import (
    Plan,
    Received,
    ReceivedLine,
    Shipped,
    Transfer,
    TransferLine,
    event_field,
    plan_field,
    plan_of,
)
from tests.chain import Chain
from tests.chain_sides import ShopSide, transfer_in
from tests.transfers_seen import tea_and_jam, transfers_heard

AT = "2026-11-22T14:02:31Z"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return tea_and_jam(tmp_path)


def arrival(place: str) -> Received:
    """Five of tea came by paper, by the entry at `place`."""
    lines = (ReceivedLine(sku="tea", quantity=5, lost=0),)
    return Received(id=place, at=AT, actor="Bo", lines=lines, unmatched=True)


def wrong_documents() -> dict[str, tuple[str, bytes]]:
    """Feed items that are no transfer of Harbour's, by what is wrong with them: key and data."""
    actor = bytes(16)
    plan = plan_field(
        Plan(
            lines=(TransferLine(sku="tea", quantity=5),), reference=None,
            created_at=AT, created_by="Ann",
        )
    )  # fmt: skip

    def document(**parts: dict[str, str]) -> bytes:
        made = EntityDocument.new(actor)
        made.put(**parts)
        return made.save()

    own = "riverside.1-50-harbour"
    return {
        "no document": (own, b"nonsense"),
        "no plan": (own, document(fields={"transfer": "[]"})),
        "no number": ("T-1", document(fields=plan)),
        "another's": ("riverside.1-50-bazaar", document(fields=plan)),
        "a stranger's event": (
            own,
            document(fields=plan, events=event_field(arrival("bazaar.1-5"))),
        ),
    }


@pytest.mark.parametrize("wrong", wrong_documents())
def test_an_item_that_is_no_transfer_of_this_location_is_set_aside(
    chain: Chain, harbour: ShopSide, wrong: str
) -> None:
    key, data = wrong_documents()[wrong]
    position = chain.offer(harbour, after=0)[-1].position + 1

    harbour.apply([FeedItem(position, feed.TRANSFER, key, data)])

    assert harbour.state.connection.execute("SELECT * FROM transfer").fetchall() == []
    assert harbour.state.store.load_document(feed.TRANSFER, key, bytes(16)) is None


def retold(transfer: Transfer, **changes: object) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(transfer, **changes))


@pytest.mark.parametrize("wrong", ["json", "another's", "number", "event", "plan", "size"])
def test_an_entry_that_makes_no_transfer_is_kept_and_set_aside_at_the_hub(
    chain: Chain, riverside: ShopSide, harbour: ShopSide, wrong: str
) -> None:
    real = transfer_in(riverside.create_transfer("harbour", tea=6))
    chain.sync()
    before = transfers_heard(chain)
    writer, seq = harbour.state.ledger.writer, harbour.state.ledger.next_seq
    event = arrival(f"{writer}-{seq}")
    many = tuple(ReceivedLine(sku=f"{one:064}", quantity=1, lost=0) for one in range(900))
    record = {
        "json": b"{}",
        "another's": retold(real, id="riverside.1-7-bazaar", events=(event,)),
        "number": retold(real, id="T-1", events=(event,)),
        "event": retold(real),
        "plan": retold(real, lines=()),
        "size": retold(real, events=(msgspec.structs.replace(event, lines=many),)),
    }[wrong]

    harbour.commit(lambda: harbour.state.ledger.append("transfer_received", record))
    chain.sync()

    assert transfers_heard(chain) == before
    assert chain.hub.state.head_of(writer).seq == seq
    assert plan_of(before[0]) is not None


def test_a_stranger_can_neither_plan_nor_ship_for_another(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    """Harbour tells a transfer of Riverside's that Riverside never made."""
    real = transfer_in(riverside.create_transfer("harbour", tea=6))
    forged = retold(real, id="riverside.1-900-harbour")

    for kind in ("transfer", "transfer_shipped", "transfer_received"):
        harbour.commit(lambda kind=kind: harbour.state.ledger.append(kind, forged))  # type: ignore[misc] # bound
    chain.sync()

    assert [one.id for one in transfers_heard(chain)] == [real.id]


def test_who_tells_of_an_arrival_tells_nothing_in_the_name_of_the_source(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    real = transfer_in(riverside.create_transfer("harbour", tea=6))
    sent = Shipped(
        id="riverside.1-901", at=AT, actor="Bo", lines=(TransferLine(sku="tea", quantity=6),)
    )
    own = arrival(f"{harbour.state.ledger.writer}-{harbour.state.ledger.next_seq}")
    forged = retold(real, id="riverside.1-900-harbour", events=(sent, own))

    harbour.commit(lambda: harbour.state.ledger.append("transfer_received", forged))
    chain.sync()

    heard = {one.id: one for one in transfers_heard(chain)}
    told = heard["riverside.1-900-harbour"]
    assert (told.created_at, told.events) == (None, (own,))


def test_cells_of_a_shipment_beyond_the_quota_are_refused_by_the_hub(
    chain: Chain, riverside: ShopSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = transfer_in(riverside.create_transfer("harbour", tea=60)).id
    counter = riverside.state.counter("tea")
    with monkeypatch.context() as patch:  # a box that does not ask whether it may
        patch.setattr(transfers, "lacks_of", lambda *_: [])
        patch.setitem(counter._quota, riverside.state.ledger.writer, 60)
        transfer_in(riverside.ship_transfer(number))

    with pytest.raises(PeerViolation, match="E1"):
        chain.send(riverside)
