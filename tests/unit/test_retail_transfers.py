"""Goal: a transfer's number, status and sums follow from its plan and events (TR1 to TR3, E7).

Method: documents are written out as plans and events, in every order that matters, and read.
"""

from itertools import permutations
from random import Random
from string import ascii_letters

import msgspec
import pytest

from replication.document import EntityDocument
from replication.journal import ENTRY_BYTES_MAX
from retail.documents import DocumentUnfit
from retail.selling.sales import LINES_MAX
from retail.stock.transfer_totals import TransferTotals, check_conservation, conservation
from retail.stock.transfers import (
    PART_BYTES_MAX,
    Discrepancy,
    Plan,
    Received,
    ReceivedLine,
    Route,
    Shipped,
    Transfer,
    TransferEvent,
    TransferLine,
    TransferStatus,
    event_field,
    is_too_large,
    parse_transfer_id,
    plan_field,
    plan_of,
    transfer_id,
    transfer_of,
    units_of,
)

NUMBER = "riverside.1-57-harbour"
AT = "2026-11-22T14:02:31Z"
LETTERS = ascii_letters + "0123456789"


def lines_of(units: dict[str, int]) -> tuple[TransferLine, ...]:
    return tuple(TransferLine(sku=sku, quantity=many) for sku, many in units.items())


def planned(**units: int) -> Plan:
    return Plan(lines=lines_of(units), reference=None, created_at=AT, created_by="Ann")


def shipped(seq: int = 58, *, writer: str = "riverside.1", **units: int) -> Shipped:
    return Shipped(id=f"{writer}-{seq}", at=AT, actor="Ann", lines=lines_of(units))


def received(
    seq: int = 9, *, writer: str = "harbour.1", unmatched: bool = False, **units: int
) -> Received:
    lines = tuple(ReceivedLine(sku=sku, quantity=many, lost=0) for sku, many in units.items())
    return Received(id=f"{writer}-{seq}", at=AT, actor="Bo", lines=lines, unmatched=unmatched)


def read(plan: Plan | None, *events: TransferEvent, number: str = NUMBER) -> Transfer:
    """The transfer in the document that these make."""
    texts: dict[str, str] = {}
    for event in events:
        texts |= event_field(event)
    return transfer_of(number, {} if plan is None else plan_field(plan), texts)


def sums(transfer: Transfer, sku: str = "tea") -> dict[str, int]:
    """What is not zero of one line's sums."""
    line = next(one for one in transfer.lines if one.sku == sku)
    told = msgspec.structs.asdict(line)
    return {name: value for name, value in told.items() if name not in {"sku", "quantity"} if value}


# Numbers


@pytest.mark.parametrize("destination", ["harbour", "new-york", "3-rivers", "7"])
def test_a_number_says_who_sends_and_where_it_goes(destination: str) -> None:
    number = f"north-bank.12-57-{destination}"

    route = parse_transfer_id(number)

    assert route == Route("north-bank", destination, "north-bank.12-57")  # type: ignore[arg-type] # plain text
    assert route is not None
    assert transfer_id(route.entry, route.destination) == number


@pytest.mark.parametrize(
    "text",
    [
        "", "T-1", "riverside.1-57", "riverside.1-57-", "riverside-57-harbour",
        "riverside.1--harbour", "riverside.0-57-harbour", "riverside.1-0-harbour",
        "riverside.1-057-harbour",
        "riverside.1-57-Harbour", "riverside.1-57-har.bour", "riverside.1-57-harbour\n",
        "riverside.1-57-hub", "hub.1-57-harbour", "riverside.1-57-riverside",
        f"riverside.1-{2**63}-harbour", f"riverside.1-57-{'x' * 64}", "riverside.1-57-h arbour",
    ],
)  # fmt: skip
def test_what_names_no_two_locations_is_no_number(text: str) -> None:
    assert parse_transfer_id(text) is None


# Status and sums

STORIES = [
    ((), TransferStatus.NEW, {}),
    ((shipped(tea=6),), TransferStatus.SHIPPED, {"shipped": 6, "in_transit": 6}),
    ((shipped(tea=6), received(tea=6)), TransferStatus.RECEIVED, {"shipped": 6, "received": 6}),
    (
        (shipped(tea=6), received(tea=4)),
        TransferStatus.RECEIVED,
        {"shipped": 6, "received": 4, "lost": 2},
    ),
    (
        (shipped(tea=6), received(tea=0)),
        TransferStatus.RECEIVED,
        {"shipped": 6, "lost": 6},
    ),
    (
        (shipped(tea=6), received(tea=7, unmatched=True)),
        TransferStatus.RECEIVED,
        {"shipped": 6, "received": 7, "surplus": 1},
    ),
    (
        (received(tea=7, unmatched=True),),
        TransferStatus.PARTLY_RECEIVED,
        {"received": 7, "unmatched": 7},
    ),
    (
        (shipped(tea=6, jam=2), received(jam=2)),
        TransferStatus.PARTLY_RECEIVED,
        {"shipped": 6, "in_transit": 6},
    ),
    (
        (shipped(jam=2), received(tea=1, jam=2, unmatched=True)),
        TransferStatus.RECEIVED,
        {"received": 1, "surplus": 1},
    ),
]


@pytest.mark.parametrize("plan", [planned(tea=8, jam=2), None], ids=["planned", "by paper"])
@pytest.mark.parametrize(("events", "status", "tea"), STORIES)
def test_status_and_sums_are_read_off_the_events_in_any_order(
    plan: Plan | None,
    events: tuple[TransferEvent, ...],
    status: TransferStatus,
    tea: dict[str, int],
) -> None:
    told = {read(plan, *order) for order in permutations((*events, *events))}

    assert len(told) == 1
    transfer = told.pop()
    assert transfer.status is status
    if events or plan:
        assert sums(transfer) == tea
    assert (
        check_conservation(
            [transfer],
            transferred_out={one.sku: one.shipped for one in transfer.lines},
            transferred_in={one.sku: one.received for one in transfer.lines},
        )
        == []
    )


def test_a_discrepancy_is_named_and_what_came_as_sent_is_not() -> None:
    transfer = read(
        None, shipped(tea=6, jam=2, salt=1), received(tea=5, jam=3, salt=1, unmatched=True)
    )

    assert transfer.discrepancies == (
        Discrepancy(sku="tea", shipped=6, received=5, lost=1, surplus=0),
        Discrepancy(sku="jam", shipped=2, received=3, lost=0, surplus=1),
    )


def test_two_boxes_of_one_location_write_to_one_transfer() -> None:
    transfer = read(
        planned(tea=6, jam=2),
        shipped(3, writer="riverside.2", tea=6, jam=2),
        received(4, tea=6),
        received(4, writer="harbour.2", jam=2),
    )

    assert transfer.status is TransferStatus.RECEIVED


def test_the_plan_is_found_again_in_what_is_shown() -> None:
    plan = Plan(lines=lines_of({"tea": 6}), reference="PO 7", created_at=AT, created_by="Ann")

    assert plan_of(read(plan, shipped(tea=2), received(salt=1))) == plan
    assert plan_of(read(None, received(tea=1))) is None
    with pytest.raises(DocumentUnfit):
        plan_of(msgspec.structs.replace(read(plan), lines=()))


def test_a_transfer_is_shown_and_read_as_json() -> None:
    transfer = read(planned(tea=6), shipped(tea=6), received(tea=5))

    told = msgspec.json.decode(msgspec.json.encode(transfer))

    assert (told["from"], told["to"]) == ("riverside", "harbour")
    assert msgspec.convert(told, Transfer) == transfer


# Documents that are none


@pytest.mark.parametrize(
    ("fields", "events"),
    [
        ({"transfer": "nonsense"}, {}),
        ({"transfer": "{}"}, {}),
        (plan_field(planned(tea=-1)), {}),
        ({}, {"riverside.1-58": "{}"}),
        ({}, {"riverside.1-59": event_field(shipped(tea=1))["riverside.1-58"]}),
        ({}, event_field(shipped(writer="harbour.1", tea=1))),
        ({}, event_field(received(writer="riverside.1", tea=1))),
        ({}, event_field(received(writer="elsewhere.1", tea=1))),
        ({}, event_field(shipped(tea=-1))),
        ({}, event_field(received(tea=-1))),
        ({}, event_field(shipped())),
    ],
)  # fmt: skip
def test_what_is_no_transfer_or_has_a_strangers_event_is_unfit(
    fields: dict[str, str], events: dict[str, str]
) -> None:
    with pytest.raises(DocumentUnfit):
        transfer_of(NUMBER, fields, events)


def test_a_document_under_no_number_is_unfit() -> None:
    with pytest.raises(DocumentUnfit):
        transfer_of("T-1", {}, {})


def test_each_part_of_a_transfer_is_bounded() -> None:
    many = {f"{number:064}": 1 for number in range(PART_BYTES_MAX // 64)}
    plan = Plan(lines=lines_of(many), reference=None, created_at=AT, created_by="Ann")
    sent = msgspec.structs.replace(shipped(), lines=plan.lines)
    counts = tuple(ReceivedLine(sku=sku, quantity=1, lost=0) for sku in many)
    came = msgspec.structs.replace(received(), lines=counts)
    assert not is_too_large(read(planned(tea=1), shipped(tea=1), received(tea=1)))

    assert is_too_large(read(plan))
    assert is_too_large(read(None, sent))
    assert is_too_large(read(None, came))


def test_a_part_of_many_short_lines_is_bounded_too() -> None:
    lines = tuple(ReceivedLine(sku=f"{one}", quantity=1, lost=0) for one in range(LINES_MAX + 1))
    first = msgspec.structs.replace(received(9), lines=lines[:LINES_MAX])
    beyond = msgspec.structs.replace(received(10), lines=lines[LINES_MAX:])

    assert not is_too_large(read(None, first))
    assert is_too_large(read(None, first, beyond))


def test_what_was_shipped_can_be_counted_in_line_by_line_however_large_it_is() -> None:
    """Both ends and the hub write what each knows, line by line; the union is still a document."""
    dice = Random(1)  # noqa: S311 - made-up SKUs that nothing can compress
    skus = ["".join(dice.choices(LETTERS, k=64)) for _ in range(PART_BYTES_MAX // 72)]
    lines = lines_of(dict.fromkeys(skus, 1))
    plan = Plan(lines=lines, reference=None, created_at=AT, created_by="Ann")
    texts = event_field(msgspec.structs.replace(shipped(), lines=lines))
    arrivals = [received(seq, **{sku: 1}) for seq, sku in enumerate(skus, 1)]  # type: ignore[arg-type] # plain text
    source, hub, destination = [EntityDocument.new(bytes([one] * 16)) for one in range(1, 4)]

    for side in (source, hub):
        side.put(plan_field(plan), texts)
    for side in (hub, destination):
        for event in arrivals:
            side.put(events=event_field(event))
    for side in (source, destination):
        hub.merge(side)

    whole = EntityDocument.load(hub.save())
    transfer = transfer_of(NUMBER, whole.fields(), whole.events())
    assert transfer.status is TransferStatus.RECEIVED
    assert not is_too_large(transfer)
    assert len(msgspec.json.encode(transfer)) < ENTRY_BYTES_MAX - 64 * 1024, "and cells beside it"


def test_lines_of_one_sku_are_summed_in_the_order_of_their_first_naming() -> None:
    assert list(units_of([("tea", 1), ("jam", 2), ("tea", 3)]).items()) == [("tea", 4), ("jam", 2)]


# E7


def test_units_are_conserved_over_all_transfers_also_while_some_are_unmatched() -> None:
    transfers = [
        read(planned(tea=6), shipped(tea=6), received(tea=4)),
        read(planned(tea=5), shipped(tea=5), number="riverside.1-60-harbour"),
        read(None, received(12, tea=3, unmatched=True), number="riverside.1-70-harbour"),
        read(planned(tea=9), number="riverside.1-80-harbour"),
    ]

    totals = conservation(transfers)

    assert totals == {
        "tea": TransferTotals(shipped=11, received=7, in_transit=2, lost=2, surplus=0, unmatched=3)
    }
    told = totals["tea"]
    assert told.shipped + told.surplus == told.received + told.in_transit + told.lost
    assert not check_conservation(transfers, transferred_out={"tea": 11}, transferred_in={"tea": 7})


def test_a_difference_between_cells_and_transfers_is_named() -> None:
    transfers = [read(planned(tea=6), shipped(tea=6), received(tea=6))]

    minted = check_conservation(transfers, transferred_out={"tea": 6}, transferred_in={"tea": 8})
    stranger = check_conservation([], transferred_out={}, transferred_in={"jam": 1})

    assert minted == ["E7 tea: 8 were transferred in by the cells and 6 by the transfers"]
    assert stranger == ["E7 jam: 1 were transferred in by the cells and 0 by the transfers"]


def test_a_line_received_twice_is_named_though_the_cells_agree() -> None:
    transfers = [read(planned(tea=6), shipped(tea=6), received(9, tea=6), received(10, tea=6))]

    broken = check_conservation(transfers, transferred_out={"tea": 6}, transferred_in={"tea": 12})

    assert broken == [f"E7 {NUMBER}: tea was received 2 times"]


def test_what_two_lives_of_a_box_have_told_counts_once_and_by_the_later_one() -> None:
    earlier = received(9, tea=5)
    again = msgspec.structs.replace(received(9, tea=6), id="harbour.2-3")
    for told in ((earlier, again), (again, earlier)):
        transfer = read(planned(tea=6), shipped(tea=6), *told)

        assert (transfer.lines[0].received, transfer.lines[0].lost) == (6, 0)
        assert not check_conservation(
            [transfer], transferred_out={"tea": 6}, transferred_in={"tea": 11}
        )
