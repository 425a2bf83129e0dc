"""Sales that a box acknowledged and the hub may not have: thin registers hand in what they keep.

A register that looks whose box it asks keeps its sales as well (`gateway.client`): at a box of a
later incarnation it hands in what those before it answered. None of these may be missing in the
end. Of the others exactly those may be that only a disk had which is destroyed, or was put back to
an image from before.

And a till that heard no answer, and then a refusal of the box after, goes by that: the goods stay.
Where an image had the sale all the same it is told later, and nobody can know that none was made.

A till that heard no answer may also be answered anew, by an image: then that sale is the one that
counts. Where it burns with its disk, the first one stands for it, which nobody was told of.
"""

import json
from collections.abc import Iterable
from typing import Any

from replication.allowances import promotion_uses
from replication.ids import incarnation_of, is_register
from tests.simulation import deeds
from tests.simulation.client import is_not_believed
from tests.simulation.notes import Sold
from tests.simulation.witnessing import TillKind
from tests.simulation.world import World
from web.journal_pages import SALE_KINDS

CONFLICT = 409


async def hand_in(world: World, at: str) -> None:
    """Registers of a store hand in to its box what boxes before it answered."""
    for sale in list(world.notes.sales):
        if sale.location != at or not keeps(world, sale):
            continue
        writer = sale.id.rpartition("-")[0]
        living = world.shops[at].identity.writer
        if incarnation_of(writer) >= incarnation_of(living) or sale.handed_to == living:
            continue
        is_only_here = not is_at_hub(world, sale)
        till = world.till(at, int(str(sale.told["register"]).rpartition("-")[2]))
        target, body = "/v1/recovered-sales", {"sale": sale.told}
        reply = await till.insist("POST", target, body, key=sale.key or True)
        if is_not_believed(reply):  # that says nothing of the sale (`gateway.client.orphans.LATER`)
            reply = await till.insist("POST", target, body, key=sale.key or True)
        world.notes.refused_elsewhere.pop(sale.key, None)  # the sale itself was not refused
        world.tell(till.name, f"hands in {sale.id}: {reply}")
        if reply.status == CONFLICT:  # what is doubtful takes a supervisor who looks at the receipt
            number = int(str(sale.told["register"]).rpartition("-")[2])
            reply = await world.till(at, number, role="supervisor").insist("POST", target, body)
            world.deeds.note(deeds.DOUBTED)
        if not reply.is_done:
            world.accuse(f"recovered: {sale.id} of {writer} is not taken: {reply.body}")
        sale.handed_to = living
        if is_only_here:
            world.deeds.note(deeds.SALES_HANDED_IN)


def keeps(world: World, sale: Sold) -> bool:
    """Whether the register that sold it keeps what it sold; one that sells alone does otherwise."""
    if is_register(sale.id.rpartition("-")[0]):
        return False
    return world.kind_of_till(sale.location, str(sale.told["register"])) is TillKind.LOOKS


def is_at_hub(world: World, sale: Sold) -> bool:
    """Whether the hub has the entry of a sale, as what its till was told."""
    known = world.hearsay.place_at_hub
    return any(known(*entry) is not None for entry in _entries(world, sale))


def uses_handed_in(world: World, writer: str, key: str) -> int:
    """Uses that sales of a writer had whose entries burnt: the right to them stays with it."""
    return sum(
        sale.id.rpartition("-")[0] == writer
        and bool(sale.handed_to or is_register(writer))
        and key in _uses_of(sale)
        and not is_at_hub(world, sale)
        for sale in world.notes.sales
    )


def _uses_of(sale: Sold) -> set[str]:
    found = (one["promotion"] for line in sale.told["lines"] for one in line["discounts"])
    return {promotion_uses(promotion) for promotion in found if promotion is not None}


def may_be_missing(world: World, sale: Sold) -> bool:
    """Whether nobody has a sale any more: its disk is gone, and its till kept nothing."""
    if is_register(sale.id.rpartition("-")[0]) or keeps(world, sale):
        return False
    return not is_at_hub(world, sale)


def sales_given(world: World, sale: str) -> set[str]:
    """What the sales say that were given this id, on whichever disk."""
    writer, _, seq = sale.rpartition("-")
    return {
        _plain(json.loads(entry.sale))
        for strand in world.judge.strands.of(writer)
        for entry in strand.entries
        if str(entry.seq) == seq and entry.sale
    }


def record_at_hub(world: World, place: str) -> str:
    """What an entry at the hub is about."""
    writer, _, seq = place.rpartition("-")
    body = world.hub.office.store.load_body(writer, int(seq))
    assert body is not None, f"the hub names {place}"
    return _plain(json.loads(body)["record"])


def refused_sales(world: World) -> list[Any]:
    """Sales that another disk refused to the till that asked, as it could not know of them."""
    found = world.hub.disk.connection.execute(
        "SELECT arrival, body FROM entry WHERE kind IN (?, ?)", SALE_KINDS
    )
    told = [(int(str(arrival)), json.loads(bytes(body))) for arrival, body in found]
    refused = world.notes.refused_elsewhere
    return [
        one["record"]
        for arrival, one in told
        if (mark := one.get("request")) and arrival > refused.get(mark["key"], arrival)
    ]


def skus_refused(world: World, at: str) -> set[str]:
    """What moved in a store by requests that one box answered unheard, and another one refused."""
    found = world.hub.disk.connection.execute(
        "SELECT body FROM entry WHERE writer GLOB ?", (f"{at}.*",)
    )
    told = [json.loads(bytes(body)) for (body,) in found]
    refused = world.notes.refused_elsewhere
    return {
        sku
        for one in told
        if (mark := one.get("request")) and mark["key"] in refused
        for sku, _ in one["moves"]
    }


def stands_for(world: World, gone: Iterable[Sold]) -> list[Any]:
    """Sales that answered the same requests as sales that are gone: one for each of these."""
    found = world.hub.disk.connection.execute(
        "SELECT body FROM entry WHERE kind IN (?, ?) "
        "AND writer || '-' || seq NOT IN (SELECT entry FROM sale_again) ORDER BY arrival",
        SALE_KINDS,
    )
    answers = {
        mark["key"]: one["record"]
        for one in (json.loads(bytes(body)) for (body,) in found)
        if (mark := one.get("request"))
    }
    return [answers[sale.key] for sale in gone if sale.key in answers]


def _entries(world: World, sale: Sold) -> list[tuple[str, int, bytes]]:
    """The entries that say just this: an image may give one id to two sales."""
    writer, _, seq = sale.id.rpartition("-")
    told = _plain(sale.told)
    return [
        (writer, entry.seq, entry.digest)
        for strand in world.judge.strands.of(writer)
        for entry in strand.entries
        if entry.seq == int(seq) and entry.sale and _plain(json.loads(entry.sale)) == told
    ]


def _plain(record: Any) -> str:  # noqa: ANN401 - whatever JSON says
    return json.dumps(record, sort_keys=True)
