"""Goal: what is no transfer, or not the teller's to tell, is set aside; all else goes on.

Method: broken items in a shop's feed and forged entries in its journal, in a chain in one process.
"""

from pathlib import Path

import msgspec
import pytest

from cloud_hub import transfers as hub_transfers
from gateway import transfers
from replication import feed
from replication.document import EntityDocument
from replication.errors import PeerViolation
from replication.feed import FeedItem
from retail.transfers import (
    Plan,
    Received,
    ReceivedLine,
    Transfer,
    TransferLine,
    TransferStatus,
    event_field,
    plan_field,
    plan_of,
)
from tests.chain import Chain, ShopSide, transfer_in
from tests.transfers_seen import tea_and_jam

NEW, SHIPPED = TransferStatus.NEW, TransferStatus.SHIPPED
PARTLY_RECEIVED, RECEIVED = TransferStatus.PARTLY_RECEIVED, TransferStatus.RECEIVED


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return tea_and_jam(tmp_path)


def wrong_documents() -> dict[str, tuple[str, bytes]]:
    """Feed items that are no transfer of Harbour's, by what is wrong with them: key and data."""
    actor = bytes(16)
    plan = plan_field(
        Plan(
            lines=(TransferLine(sku="tea", quantity=5),), reference=None,
            created_at="2026-11-22T14:02:31Z", created_by="Ann",
        )
    )  # fmt: skip
    forged = Received(
        id="bazaar.1-5", at="2026-11-22T14:02:31Z", actor="Bo", unmatched=False,
        lines=(ReceivedLine(sku="tea", quantity=5, lost=0),),
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
        "a stranger's event": (own, document(fields=plan, events=event_field(forged))),
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
    before = hub_transfers.transfers_heard(chain.hub.state)
    writer, seq = harbour.state.ledger.writer, harbour.state.ledger.next_seq
    event = Received(
        id=f"{writer}-{seq}", at="2026-11-22T14:02:31Z", actor="Bo", unmatched=True,
        lines=(ReceivedLine(sku="tea", quantity=5, lost=0),),
    )  # fmt: skip
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

    assert hub_transfers.transfers_heard(chain.hub.state) == before
    assert chain.hub.state.head_of(writer).seq == seq
    assert plan_of(before[0]) is not None


def test_a_stranger_can_neither_plan_nor_ship_for_another(
    chain: Chain, riverside: ShopSide, harbour: ShopSide
) -> None:
    """Harbour tells a transfer of Riverside's that Riverside never made."""
    real = transfer_in(riverside.create_transfer("harbour", tea=6))
    forged = retold(real, id="riverside.1-900-harbour")

    for kind in ("transfer", "transfer_shipped", "transfer_received"):
        harbour.commit(lambda kind=kind: harbour.state.ledger.append(kind, forged))  # type: ignore[misc]
    chain.sync()

    assert [one.id for one in hub_transfers.transfers_heard(chain.hub.state)] == [real.id]


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
