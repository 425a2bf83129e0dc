"""The JSON of ``GET /v1/status``: structs with limits, and nothing that decides.

All keys are always present. Times are aware `datetime` values in UTC, which msgspec writes as
RFC 3339; `moment` makes them from the milliseconds that the rest of the gateway counts in.
"""

import enum
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec

from gateway.registers.identity import RefusedRegister, RegisterImage, RegisterState

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Count = Annotated[int, msgspec.Meta(ge=0)]
"""How many of something: never negative."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""An instant with its offset from UTC."""


class LinkState(enum.Enum):
    """The link to the hub, as this gateway sees it."""

    CONNECTED = "connected"
    DOWN = "down"
    NEVER = "never"
    """No session with the hub has ever been opened by this data directory."""


class DeviceKind(enum.Enum):
    """What a device is for."""

    SCANNER = "scanner"
    PRINTER = "printer"


class DeviceState(enum.Enum):
    """Whether a device does its work."""

    READY = "ready"
    GONE = "gone"
    """Unplugged, switched off or not reachable; the driver keeps trying."""
    ATTENTION = "attention"
    """There, and waiting for a person: `DeviceReport.detail` says for what."""


class SellingState(enum.Enum):
    """Whether a sale with enough quota would be accepted now."""

    NORMAL = "normal"
    STOPPED = "stopped"


class StopReason(enum.Enum):
    """Why this gateway refuses every sale. `headline.STOPPED_SENTENCES` has the words for each."""

    STORAGE_FAILED = "storage-failed"
    BEHIND_WITNESS = "behind-witness"
    """The hub or a register knows entries that this journal lacks: the disk is an old image."""
    FENCED = "fenced"
    """The hub has given this location to another gateway."""
    COPIED = "copied"
    """Another copy of this box sells as what it is (`gateway.lives.branching`)."""
    RESTORING = "restoring"
    """This box is new and takes over what the one before it had (`gateway.lives.restoring`)."""


PARTED: Final = frozenset({StopReason.BEHIND_WITNESS, StopReason.COPIED, StopReason.FENCED})
"""The reasons of a box that may not be who it thinks: nothing is added to its journal."""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """The shop or warehouse that this gateway keeps; both empty before enrolment."""

    id: str
    name: str


class LinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """To the hub. `since` dates `state`, `last_error` is the last one's, `refused` its refusal."""

    state: LinkState
    since: Moment | None
    last_heard: Moment | None
    hub: str
    last_error: str | None
    refused: str | None = None


class JournalReport(msgspec.Struct, frozen=True, kw_only=True):
    """How far the journal goes and how much of it the hub has acknowledged.

    `oldest_waiting_sale` is when the oldest sale was booked that the hub has not acknowledged.
    `to_end` is true in a box that was replaced and whose last entry is not written yet.
    """

    last_seq: Count
    acknowledged_seq: Count
    unacknowledged_sales: Count
    oldest_waiting_sale: Moment | None = None
    to_end: bool = False


class QuotaReport(msgspec.Struct, frozen=True, kw_only=True):
    """Quota health, each figure a number of SKUs: known here, without quota, with a deficit."""

    skus: Count
    empty: Count
    deficits: Count


class RegisterReport(msgspec.Struct, frozen=True, kw_only=True):
    """A register that has spoken to this gateway; `live` by the gateway's own silence limit.

    `alone` is what became of one that sells alone, null for any other; `to_hub` counts the entries
    of its journal that are here and not at the hub yet. One that is gone has its writer's name.
    `writer` is that of one that sells alone.
    """

    register: str
    last_seen: Moment | None
    live: bool
    alone: RegisterState | None = None
    to_hub: Count = 0
    writer: str | None = None


class DeviceTest(enum.Enum):
    """What a technician can have a device do, to see that it works."""

    PRINT = "print"
    """A test page."""
    TICKET = "ticket"
    """The status ticket: addresses, pairing code, network, version."""
    KICK = "kick"
    """Open the cash drawer."""
    SCAN = "scan"
    """Listen for one scan, which then goes to no register."""


class DeviceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A scanner or printer. `waiting_jobs` counts spooled jobs that are not yet on paper.

    `tests` are those that this device can do; `in_doubt` counts jobs of which nobody knows whether
    they are on paper. What a device does not tell is null: paper near its end, the drawer, when it
    last read a code (never which one), and when it last sent bytes that were none.
    """

    name: str
    kind: DeviceKind
    state: DeviceState
    detail: str
    since: Moment
    register: str | None
    waiting_jobs: Count
    in_doubt: Count = 0
    paper_near_end: bool | None = None
    drawer_open: bool | None = None
    last_scan: Moment | None = None
    last_drop: Moment | None = None
    tests: tuple[DeviceTest, ...] = ()


class DoubtfulJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a person has to settle: look whether `title` came out of `printer`."""

    id: int
    printer: str
    title: str


class StorageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The data file, the room left on its file system, and what is written, in bytes.

    `written_bytes` is what this program had written to storage since it started, and
    `written_per_day` the same a day, once it has run for long enough to say so. `device` and what
    is written to it since the boot, by every program, are null where the kernel names no disk for
    the data directory. `life_used_percent` is an upper bound, from eMMC chips only: SD cards do not
    tell, and no life is guessed for them.
    """

    file_bytes: Count
    free_bytes: Count
    last_error: str | None
    written_bytes: Count | None = None
    written_per_day: Count | None = None
    device: str | None = None
    device_written_bytes: Count | None = None
    life_used_percent: Count | None = None


class ClockReport(msgspec.Struct, frozen=True, kw_only=True):
    """The wall clock at the instant of the report, and the kernel's id of this boot."""

    synchronised: bool
    now: Moment
    boot: str


class SellingReport(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the shop sells; `reason` is set exactly when it does not."""

    state: SellingState
    reason: StopReason | None


class CatchUpReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the feed has brought here so far: products and orders held, and its cursor.

    While this gateway is behind, `taken` counts the items since it fell behind and `ahead` those
    still to come, as it last heard; both are 0 when it is even with the hub.
    """

    products: Count
    orders: Count
    feed_cursor: Count
    taken: Count
    ahead: Count


class SetAsideReport(msgspec.Struct, frozen=True, kw_only=True):
    """Items of the feed that could not be taken in, ever; the rest is about the last of them.

    `item` is its kind and key; the three are null where there is none.
    """

    count: Count
    item: str | None
    reason: str | None
    at: Moment | None


class InterfaceReport(msgspec.Struct, frozen=True, kw_only=True):
    """A network interface; `signal_dbm` where it is wireless and says so."""

    name: str
    up: bool
    addresses: tuple[str, ...]
    signal_dbm: int | None = None


class LineReport(msgspec.Struct, frozen=True, kw_only=True):
    """The line to the hub in the last `minutes`.

    How much of them there was a link, and how much of what this end sent had to be sent again; null
    when nothing was sent.
    """

    minutes: Count
    in_touch_percent: Count
    resent_percent: float | None


class NetworkReport(msgspec.Struct, frozen=True, kw_only=True):
    """How this box is reached, and how far away the hub is.

    `announced` is the name in use on the store's network, null while there is none or none is
    wanted (`announcing`). `name_taken` says that another box there has the location's own name.
    `round_trip_ms` is the kernel's measure of the connection to the hub, or to what stands before
    it; null while there is no link.
    """

    host_name: str
    port: Count
    interfaces: tuple[InterfaceReport, ...]
    announcing: bool
    announced: str | None
    name_taken: bool
    round_trip_ms: float | None
    line: LineReport | None = None


class Throttle(enum.Enum):
    """Why a Raspberry Pi's firmware slows the processor down, as its own flags say."""

    UNDER_VOLTAGE = "under-voltage"
    FREQUENCY_CAPPED = "frequency-capped"
    THROTTLED = "throttled"
    HOT = "hot"


class MachineReport(msgspec.Struct, frozen=True, kw_only=True):
    """The box itself; null is what this machine does not measure.

    `throttled` are the flags of this moment, `throttled_since_boot` those that were ever set.
    """

    model: str | None
    uptime_s: Count | None
    temperature_c: float | None
    throttled: tuple[Throttle, ...] | None
    throttled_since_boot: tuple[Throttle, ...] | None


class VersionsReport(msgspec.Struct, frozen=True, kw_only=True):
    """What runs here: `schema` by component, `protocol` the newest version spoken to the hub."""

    gateway: str
    protocol: int
    schema: dict[str, int]
    python: str
    sqlite: str
    kernel: str


class ErrorReport(msgspec.Struct, frozen=True, kw_only=True):
    """A warning or error of the log, without secrets; the same one again only counts up."""

    at: Moment
    first_at: Moment
    count: Count
    level: str
    logger: str
    message: str


class EarlierBox(msgspec.Struct, frozen=True, kw_only=True):
    """A box that had this location before, and how far the hub heard it.

    What it did after `last_seq` is missing while `is_open`: nobody has heard its last entry, or
    said that nobody ever will.
    """

    writer: str
    last_seq: Count
    last_heard: Moment | None
    is_open: bool


class NewBoxReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a box that took another's place has taken over from the hub, as counts.

    `step` is state, stock, journals, or done; `error` why it does not get on at this moment.
    `silent` are registers that sell alone and have not told this box yet what they did before.
    """

    step: str
    began: Moment
    ended: Moment | None
    error: str | None
    tokens: Count
    counters: Count
    entries: Count
    requests: Count
    earlier: tuple[EarlierBox, ...]
    silent: tuple[str, ...]


class RefusedWitnessReport(msgspec.Struct, frozen=True, kw_only=True):
    """A register that presents a position of this shop's journal which nobody can have seen."""

    register: str
    witness: str
    why: str


class ImageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody else knows of this box's journal, and what came of it.

    `seen_by` is the register whose word stopped this gateway (null: the hub's), `seen` what it had
    seen, `problem` why the box could not mend itself yet. `branch` is the name that its own branch
    has at the hub, `exposed_units` what of that was beyond any right. `earlier` is who this box was
    before it became a new incarnation by itself, at `since`; then `seen_by` is whose word did it.
    """

    seen_by: str | None
    seen: str | None
    problem: str | None
    branch: str | None
    exposed_units: Count
    earlier: str | None
    since: Moment | None
    refused: tuple[RefusedWitnessReport, ...]


class AlertReport(msgspec.Struct, frozen=True, kw_only=True):
    """Something that wants a person. `kind` is one of a closed list (`gateway.status.alerts`).

    `subject` is the device or the like that it is about, or empty; `sentence` and `action` are in
    English.
    """

    kind: str
    severity: str
    subject: str
    sentence: str
    action: str


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to ``GET /v1/status``.

    Whoever builds one leaves `headline`, `safe_to_unplug` and `alerts` at their defaults and passes
    it through `alerts.with_words`, so that words and figures come from the same instant.
    """

    headline: str = ""
    safe_to_unplug: bool = False
    location: Location
    writer: str
    link: LinkReport
    journal: JournalReport
    quota: QuotaReport
    registers: tuple[RegisterReport, ...]
    devices: tuple[DeviceReport, ...]
    storage: StorageReport
    clock: ClockReport
    selling: SellingReport
    catch_up: CatchUpReport
    set_aside: SetAsideReport
    version: str
    started_at: Moment
    doubtful_jobs: tuple[DoubtfulJob, ...] = ()
    receipt_troubles: tuple[str, ...] = ()
    """What keeps receipts from looking as they should, in English sentences."""
    network: NetworkReport | None = None
    machine: MachineReport | None = None
    versions: VersionsReport | None = None
    errors: tuple[ErrorReport, ...] = ()
    new_box: NewBoxReport | None = None
    """Null in a location's first box, and once nothing of the earlier ones is missing."""
    image: ImageReport | None = None
    """Null where nobody knows anything else of this box's journal."""
    register_images: tuple[RegisterImage, ...] = ()
    refused_registers: tuple[RefusedRegister, ...] = ()
    alerts: tuple[AlertReport, ...] = ()


def moment(at_ms: int) -> datetime:
    """Return the instant `at_ms` milliseconds after 1970 in UTC.

    Raises:
        OverflowError: the year would be outside 1-9999.
    """
    return EPOCH + timedelta(milliseconds=at_ms)


def to_ms(at: datetime) -> int:
    """Return milliseconds since 1970 of an aware `at`, rounded down; the inverse of `moment`."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def same_but_for_the_clock(one: StatusReport, other: StatusReport) -> bool:
    """Say whether two reports differ in nothing but the instant they were made at."""
    return one == msgspec.structs.replace(other, clock=one.clock) and (
        one.clock == msgspec.structs.replace(other.clock, now=one.clock.now)
    )
