"""What head office says of its locations: address, hours, coordinates.

A location is made when it is enrolled (`cloud_hub.stores.enrolment`), with its name and its time
zone. What is said of it here is for customers, who collect there, and for the rule that chooses
where goods are sent from (`retail.ordering.fulfilment`); no store needs to know it.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cloud_hub.head_office import HeadOffice
from replication.adapters.sqlite import ReplicaStore
from retail.places import Coordinates
from web.once import Command, Done, Outcome
from web.paging import Cursor, Page, Paged
from web.problems import Problem, Slug

LOCATION: Final = "location"

_TEXT: Final = Cursor(tuple[str])

TextForPeople = Annotated[str, Meta(min_length=1, max_length=500)]
"""Some lines, as they are to be shown; no rule reads them."""


class LocationBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All that head office says of a location; what is left out is not known any more."""

    address: TextForPeople | None = None
    hours: TextForPeople | None = None
    coordinates: Coordinates | None = None


class PickupPoint(LocationBody, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A store where customers collect what they ordered. Its hours are in its own time zone."""

    id: str
    name: str
    timezone: str


class Described(PickupPoint, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A location with what is said of it."""

    kind: str


def put_location(
    office: HeadOffice, command: Command, location: str, body: LocationBody
) -> Outcome:
    """On the writer thread: say what is to be known of a location, in the place of all before."""
    row = office.location(location)
    if row is None:
        return Problem(
            Slug.NOT_FOUND, f"There is no location {location}: it is made by enrolling its gateway."
        )
    described = Described(
        id=row.id,
        name=row.name,
        kind=row.kind,
        timezone=row.timezone,
        **msgspec.structs.asdict(body),
    )
    record = msgspec.json.encode(described)
    if body != description_of(office, location):
        place = body.coordinates
        office.connection.execute(
            "UPDATE location SET address = ?2, hours = ?3, latitude = ?4, longitude = ?5 "
            "WHERE id = ?1",
            (
                location,
                body.address,
                body.hours,
                place.latitude if place else None,
                place.longitude if place else None,
            ),
        )
        office.ledger.append(LOCATION, record, actor=command.actor, reference=location)
    return Done(200, record)


def description_of(office: HeadOffice, location: str) -> LocationBody:
    """What was said last of a location that exists."""
    row = office.connection.execute(
        "SELECT address, hours, latitude, longitude FROM location WHERE id = ?", (location,)
    ).fetchone()
    assert row is not None, f"{location} is no location"
    return read_description(*row)


def read_description(
    address: object, hours: object, latitude: object, longitude: object
) -> LocationBody:
    """A row's columns as what they say."""
    return msgspec.convert(
        {
            "address": address,
            "hours": hours,
            "coordinates": None
            if latitude is None
            else {"latitude": latitude, "longitude": longitude},
        },
        LocationBody,
    )


def pickup_points_page(store: ReplicaStore, query: Page) -> Paged[PickupPoint]:
    """The stores, by id."""
    place = _TEXT.decode(query.cursor)
    rows = store.connection.execute(
        "SELECT id, name, timezone, address, hours, latitude, longitude FROM location "
        "WHERE kind = 'store' AND id > ? ORDER BY id LIMIT ?",
        (place[0] if place else "", query.limit + 1),
    ).fetchall()
    items = [
        PickupPoint(
            id=str(row[0]),
            name=str(row[1]),
            timezone=str(row[2]),
            **msgspec.structs.asdict(read_description(*row[3:])),
        )
        for row in rows[: query.limit]
    ]
    more = len(rows) > query.limit
    return Paged(items=items, next_cursor=_TEXT.encode((items[-1].id,)) if more else None)


def places(office: HeadOffice) -> dict[str, Coordinates]:
    """Where the locations are of which it is known."""
    return {
        str(location): msgspec.convert({"latitude": north, "longitude": east}, Coordinates)
        for location, north, east in office.connection.execute(
            "SELECT id, latitude, longitude FROM location WHERE latitude IS NOT NULL"
        )
    }
