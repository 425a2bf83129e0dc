"""A truck that two lives of a box have told of left once, or came once, on the writer thread.

A box that dies takes with it that it had sent a truck off or counted one in, as far as nobody heard
of it. Whoever types that in again at the next box, under whatever key, names the same truck: when
the dead one is heard after all, or the branch of an image, its goods are booked back
(`cloud_hub.lives.twice`). Of both the later life counts (TR4 in `retail.stock.transfers`).
"""

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.lives import twice
from cloud_hub.stock import transfers
from replication.ids import WriterId, entry_id, location_of
from replication.journal import EntryBody
from retail.stock.transfers import Transfer, TransferEvent, last_lives, life_of


def hear(office: HeadOffice, body: EntryBody) -> None:
    """A truck left or was counted in: what another life of the box has told of it counts once."""
    transfers.hear(office, body)
    if not office.has_fenced(location_of(body.writer)):
        return
    place = entry_id(WriterId(body.writer), body.seq)
    row = office.connection.execute(
        "SELECT transfer.data FROM transfer, json_each(transfer.data, '$.events') AS event "
        "WHERE transfer.id = ? AND event.value ->> 'id' = ?",
        (body.reference, place),
    ).fetchone()
    if row is None:
        return  # it was set aside
    events = msgspec.json.decode(str(row[0]), type=Transfer).events
    kind = next(type(one) for one in events if one.id == place)
    alike = [one for one in events if isinstance(one, kind)]
    for one in alike:
        _book_back(office, one, alike)


def _book_back(office: HeadOffice, one: TransferEvent, alike: list[TransferEvent]) -> None:
    """Have goods of an event booked back of which a later life has told."""
    last = last_lives(alike)
    skus = {line.sku for line in one.lines}
    again = {sku for sku in skus if last[sku] > life_of(one)}
    if again:
        told_by = next(
            other.id
            for other in alike
            if any(line.sku in again and life_of(other) == last[line.sku] for line in other.lines)
        )
        twice.undo(office, twice.held(office, one.id), told_by, but=frozenset(skus - again))
