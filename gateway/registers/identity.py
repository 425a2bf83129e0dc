"""What a register and its gateway say to each other before there is a link, and what people ask."""

import datetime
import enum
from typing import Annotated

import msgspec
from msgspec import Meta

from replication.ids import SEQ_MAX
from web.lives import BoxId, HexHash, WriterName

RegisterName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9-]{0,30}\Z",
        description="a register: small letters, digits and dashes, a letter first",
    ),
]


class RegisterState(enum.StrEnum):
    """What became of a register's box."""

    CONNECTED = "connected"
    AWAY = "away"
    """Not heard at this moment; it sells on what it holds."""
    REPLACED = "replaced"
    """Another box is that register now. What this one held is frozen until its last entry comes."""
    LOST = "lost"
    """Written off by a manager. What it held comes back by counting."""


class ImageOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A disk's word that it is an old copy: it says `writer`, whose journal goes on otherwise here.

    (`seq`, `hash`) is the last entry that it has in common with this gateway.
    """

    writer: WriterName
    seq: Annotated[int, Meta(ge=0, le=SEQ_MAX)]
    hash: HexHash


class RegisterRequest(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True
):
    """A box asks to be a register. `box` is its own random id: asked again, it is the same one.

    `writer` is what it is already, by an earlier gateway of this shop: it stays that. With
    `image_of` it cannot stay what it was, and becomes the next incarnation; with both it became
    that one at an earlier gateway. `hands_over`: another box is that register, and this one has its
    last entries to tell, if it has any.
    """

    register: RegisterName
    box: BoxId
    writer: Annotated[str, Meta(max_length=200)] | None = None
    image_of: ImageOf | None = None
    hands_over: bool = False


class RegisterIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a box becomes: the writer of its journal, and the shop that it sells for.

    `parent` is the gateway's writer, `chain` what all gateways of one hub have in common.
    """

    writer: str
    register: str
    location: str
    name: str
    parent: str
    jurisdiction: str
    timezone: str
    chain: str
    kind: str


class RegisterEnrolled(RegisterIdentity, frozen=True, kw_only=True):
    """A box that became a register, as journalled; `replaces` is the writer that is fenced by it.

    Whoever takes this gateway's place knows the register and its box by this. One that an earlier
    gateway had enrolled (`enrolled_by`) has to tell what it did there; where its name was taken
    meanwhile (`replaced_by`) it does only that. One whose disk was an old copy says of which writer
    (`image_of`): what it sold comes as recovered sales, of which some may have that one's ids.
    """

    box: str
    replaces: str | None
    enrolled_by: str | None = None
    replaced_by: str | None = None
    image_of: str | None = None


class LostRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A register is written off: stolen, burnt, its disk dead. `writer` names an earlier box."""

    reason: Annotated[
        str, Meta(min_length=1, max_length=400, pattern=r"\S", description="some words")
    ]
    writer: Annotated[str, Meta(max_length=200)] | None = None


class RegisterLost(msgspec.Struct, frozen=True, kw_only=True):
    """A register that was written off, as journalled.

    `heard_seq` is the last of its entries that was heard; `last_heard` is None where it never was.
    """

    register: str
    writer: str
    at: str
    by: str
    reason: str
    heard_seq: int
    last_heard: str | None


class RegisterView(msgspec.Struct, frozen=True, kw_only=True):
    """A register as people see it.

    `to_hub` counts its entries that are held here and that the hub is not known to have;
    `quota_units` are those that it holds by what was heard, over all goods: of one that is replaced
    or lost they are frozen. `image_of` is the writer that its disk, an old copy, said it was;
    `recovered_sales` are what it had sold on that, beyond any right: `recovered_units` of goods.
    """

    register: str
    writer: str
    state: RegisterState
    last_heard: str | None
    last_seq: int
    to_hub: int
    quota_units: int
    software: str | None
    reason: str | None
    image_of: str | None
    recovered_sales: int
    recovered_units: int


class RefusedRegister(msgspec.Struct, frozen=True, kw_only=True):
    """A register that is heard and not taken in: `why`, and since when that is so.

    `register` is its name, or the writer that it says it is, where that is of another shop.
    """

    register: str
    why: str
    since: Annotated[datetime.datetime, Meta(tz=True)]


class RegisterImage(msgspec.Struct, frozen=True, kw_only=True):
    """A register whose disk was found to be an old copy, and what came of it; see `RegisterView`.

    `stays_off`: another box is that register, from the same disk, and this one only hands over.
    """

    register: str
    writer: str
    image_of: str
    stays_off: bool
    sales: int
    units: int
    since: Annotated[datetime.datetime, Meta(tz=True)]
