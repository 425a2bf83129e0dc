"""Where the status page's figures come from: gathered from the parts of the program, from memory.

Counts that need the file are read at most once in `COUNTS_MS_MAX`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from gateway.box.box_facts import BoxFacts, versions_of
from gateway.box.quota_health import QuotaHealth
from gateway.box.recent_log import RecentLog
from gateway.counter.live import LiveBoard
from gateway.counter.scanners import ScannerWorker
from gateway.identity import Identity
from gateway.link.cursor import cursor_of
from gateway.link.uplink import Uplink
from gateway.lives.images import Images
from gateway.lives.sealing import is_to_end
from gateway.lives.takeover import Takeover
from gateway.printing.printer_worker import PrinterWorker
from gateway.registers.identity import RegisterState
from gateway.registers.links import RegisterLinks
from gateway.registers.listing import RegisterNow
from gateway.shop import SET_ASIDE, SetAside, Shop
from gateway.status.alerts import IMAGE_SHOWN_MS, with_words
from gateway.status.report import (
    CatchUpReport,
    ClockReport,
    DeviceKind,
    DeviceReport,
    DeviceState,
    DeviceTest,
    DoubtfulJob,
    JournalReport,
    LinkReport,
    Location,
    RegisterReport,
    SellingReport,
    SellingState,
    SetAsideReport,
    StatusReport,
    StopReason,
    moment,
)
from gateway.version import VERSION
from replication.adapters.group_commit import GroupCommit
from replication.adapters.machine_clock import read_boot_id, read_clock_status
from replication.adapters.sqlite import ReplicaStore
from retail.business_day import zone_of

COUNTS_MS_MAX: Final = 2_000
"""Counting rows takes milliseconds in a large shop; a technician does not see two seconds."""

REGISTER_SILENT_MS: Final = 60_000
"""A register that asked nothing for this long, and does not listen, is shown as away."""

DOUBTS_SHOWN_MAX: Final = 20
"""Jobs in doubt that a person is asked about at once; the next ones follow."""


class _Counts(NamedTuple):
    orders: int
    feed_cursor: int
    sales_after: int
    oldest_sale_ms: int | None


class StatusSource:
    """Builds the report of this instant. Belongs to the event loop's thread."""

    def __init__(  # noqa: PLR0913 - it looks at every part
        self,
        *,
        box: BoxFacts,
        receipt_troubles: tuple[str, ...],
        recent: RecentLog,
        identity: Identity,
        shop: Shop,
        writer: GroupCommit,
        uplink: Uplink,
        links: RegisterLinks,
        reader: ReplicaStore,
        quota: QuotaHealth,
        takeover: Takeover,
        images: Images,
        live: LiveBoard,
        scanners: Sequence[ScannerWorker],
        printers: Sequence[PrinterWorker],
        seen: Mapping[str, int],
        wall_ms: Callable[[], int],
    ) -> None:
        self._box = box
        self._receipt_troubles = receipt_troubles
        self._recent = recent
        self._identity = identity
        self._shop = shop
        self._writer = writer
        self._uplink = uplink
        self._links = links
        self._reader = reader
        self._quota = quota
        self._takeover = takeover
        self._images = images
        self._live = live
        self._scanners = scanners
        self._printers = printers
        self._seen = seen
        self._wall_ms = wall_ms
        self._started_ms = wall_ms()
        self._device_since: dict[str, tuple[tuple[DeviceState, str], int]] = {}
        self._counted: tuple[int, _Counts] | None = None
        self._boot = read_boot_id()
        self._versions = versions_of(reader)

    async def fresh_report(self) -> StatusReport:
        """The report with quota health counted just now; for who asks once."""
        await self._quota.fresh()
        return self.report()

    def report(self) -> StatusReport:
        """The state of everything, with its headline; at once, for who goes on watching."""
        now_ms = self._wall_ms()
        uplink, identity = self._uplink, self._identity
        counts = self._counts(now_ms)
        stopped = self._shop.stopped
        if stopped is None and self._writer.last_error is not None:
            stopped = StopReason.STORAGE_FAILED
        acknowledged = self._images.at_hub(uplink.acknowledged.seq)
        # the count is older than the acknowledgement: never more than all that is open
        sales_waiting = min(counts.sales_after, self._shop.head.seq - acknowledged)
        oldest_ms = counts.oldest_sale_ms if sales_waiting else None
        doubtful = self._doubtful_jobs()
        report = StatusReport(
            location=Location(id=identity.location, name=identity.name),
            writer=identity.writer,
            link=LinkReport(
                state=uplink.state,
                since=None if uplink.since_ms is None else moment(uplink.since_ms),
                last_heard=None if uplink.heard_wall_ms is None else moment(uplink.heard_wall_ms),
                hub=uplink.hub_url,
                last_error=uplink.refusal or uplink.last_error,
                refused=uplink.refusal,
            ),
            journal=JournalReport(
                last_seq=self._shop.head.seq,
                acknowledged_seq=acknowledged,
                unacknowledged_sales=sales_waiting,
                oldest_waiting_sale=None if oldest_ms is None else moment(oldest_ms),
                to_end=is_to_end(self._reader, identity.writer, self._shop.stopped),
            ),
            quota=self._quota.watched(),
            registers=self._registers(now_ms),
            devices=self._devices(now_ms, Counter(job.printer for job in doubtful)),
            storage=self._box.storage(self._writer.last_error),
            clock=ClockReport(
                synchronised=read_clock_status().synchronised, now=moment(now_ms), boot=self._boot
            ),
            selling=SellingReport(
                state=SellingState.NORMAL if stopped is None else SellingState.STOPPED,
                reason=stopped,
            ),
            catch_up=CatchUpReport(
                products=self._shop.products_count,
                orders=counts.orders,
                feed_cursor=counts.feed_cursor,
                taken=uplink.catch_up.taken,
                ahead=uplink.catch_up.ahead,
            ),
            set_aside=self._set_aside(),
            version=VERSION,
            started_at=moment(self._started_ms),
            doubtful_jobs=tuple(doubtful[:DOUBTS_SHOWN_MAX]),
            receipt_troubles=self._receipt_troubles,
            network=self._box.network(uplink.round_trip_ms),
            machine=self._box.machine(),
            versions=self._versions,
            errors=self._recent.errors(),
            image=self._images.report(),
            register_images=self._links.images(now_ms - IMAGE_SHOWN_MS),
            refused_registers=self._links.refused(),
            new_box=self._takeover.report(self._links),
        )
        return with_words(report, zone_of(identity.timezone))

    def _counts(self, now_ms: int) -> _Counts:
        acknowledged = self._uplink.acknowledged.seq
        if self._counted is None or abs(now_ms - self._counted[0]) > COUNTS_MS_MAX:
            self._counted = (now_ms, self._count(acknowledged))
        counts = self._counted[1]
        # Counted a moment ago: since then the hub may have acknowledged most of them.
        entries_after = max(0, self._shop.head.seq - acknowledged)
        return counts._replace(sales_after=min(counts.sales_after, entries_after))

    def _count(self, acknowledged: int) -> _Counts:
        connection = self._reader.connection

        def count(sql: str, *values: str | int) -> int:
            row = connection.execute(sql, values).fetchone()
            assert row is not None, "an aggregate always answers"
            return int(str(row[0]))

        sales_after = count(
            "SELECT count(*) FROM entry WHERE writer = ? AND seq > ? AND kind = 'sale'",
            self._identity.writer,
            acknowledged,
        )
        return _Counts(
            orders=count("SELECT count(*) FROM shop_order"),
            feed_cursor=cursor_of(self._reader),
            sales_after=sales_after,
            oldest_sale_ms=self._oldest_sale_ms(acknowledged) if sales_after else None,
        )

    def _oldest_sale_ms(self, acknowledged: int) -> int | None:
        row = self._reader.connection.execute(
            "SELECT json_extract(CAST(body AS TEXT), '$.at_ms') FROM entry "
            "WHERE writer = ? AND seq > ? AND kind = 'sale' ORDER BY seq LIMIT 1",
            (self._identity.writer, acknowledged),
        ).fetchone()
        return None if row is None else int(str(row[0]))

    def _set_aside(self) -> SetAsideReport:
        last = self._reader.meta(SET_ASIDE)
        if last is None:
            return SetAsideReport(count=0, item=None, reason=None, at=None)
        found = msgspec.json.decode(last, type=SetAside)
        return SetAsideReport(
            count=found.count,
            item=f"{found.kind} {found.key}",
            reason=found.reason,
            at=moment(found.at_ms),
        )

    def _registers(self, now_ms: int) -> tuple[RegisterReport, ...]:
        listening = self._live.registers()
        alone = [self._alone(one) for one in self._links.now()]
        thin = [
            RegisterReport(
                register=name,
                last_seen=None if name not in self._seen else moment(self._seen[name]),
                live=name in listening or now_ms - self._seen.get(name, 0) < REGISTER_SILENT_MS,
            )
            for name in sorted(listening | set(self._seen) - {one.register for one in alone})
        ]
        return (*alone, *thin)

    def _alone(self, now: RegisterNow) -> RegisterReport:
        return RegisterReport(
            register=now.row.name if now.row.is_living else now.row.writer,
            last_seen=None if now.heard_ms is None else moment(now.heard_ms),
            live=now.state is RegisterState.CONNECTED,
            alone=now.state,
            to_hub=now.to_hub,
            writer=now.row.writer,
        )

    def _devices(self, now_ms: int, doubts: Mapping[str, int]) -> tuple[DeviceReport, ...]:
        return (
            *(self._scanner(worker, now_ms) for worker in self._scanners),
            *(self._printer(worker, now_ms, doubts) for worker in self._printers),
        )

    def _scanner(self, worker: ScannerWorker, now_ms: int) -> DeviceReport:
        name, last, drop = worker.setting.device, worker.last_scan, worker.last_drop
        return DeviceReport(
            name=name,
            kind=DeviceKind.SCANNER,
            state=worker.state,
            detail=worker.detail,
            since=self._since(name, worker.state, worker.detail, now_ms),
            register=worker.setting.register,
            waiting_jobs=0,
            last_scan=None if last is None else moment(last.at_ms),
            last_drop=None if drop is None else moment(drop.at_ms),
            tests=(DeviceTest.SCAN,),
        )

    def _printer(
        self, worker: PrinterWorker, now_ms: int, doubts: Mapping[str, int]
    ) -> DeviceReport:
        setting = worker.setting
        has_drawer = setting.drawer != "none"
        return DeviceReport(
            name=setting.name,
            kind=DeviceKind.PRINTER,
            state=worker.state,
            detail=worker.detail,
            since=self._since(setting.name, worker.state, worker.detail, now_ms),
            register=setting.registers[0] if setting.registers else None,
            waiting_jobs=worker.waiting_jobs(),
            in_doubt=doubts.get(setting.name, 0),
            paper_near_end=worker.paper_near_end,
            drawer_open=worker.drawer_open,
            tests=(DeviceTest.PRINT, DeviceTest.TICKET, *([DeviceTest.KICK] * has_drawer)),
        )

    def _doubtful_jobs(self) -> list[DoubtfulJob]:
        return [
            DoubtfulJob(id=job.id, printer=job.printer, title=job.title)
            for worker in self._printers
            for job in worker.in_doubt()
        ]

    def _since(self, name: str, state: DeviceState, detail: str, now_ms: int) -> datetime:
        """When the device came into this state, as far as somebody looked."""
        known = self._device_since.get(name)
        if known is None or known[0] != (state, detail):
            known = self._device_since[name] = ((state, detail), now_ms)
        return moment(known[1])
