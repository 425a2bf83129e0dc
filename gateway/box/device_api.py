"""The endpoints of a technician: devices and their tests, the spool, diagnostics.

Every paper and every drawer that is asked for here is in the journal, with who asked. A scan that a
test catches goes to no register and is not kept.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from devices.paper import Document, Language
from gateway.counter.scanners import ScannerWorker
from gateway.parts import COMMAND_REFUSALS, Parts
from gateway.printing import spool
from gateway.printing.printer_worker import PrinterWorker
from gateway.printing.trial_page import trial_page_of
from gateway.roles import ANYONE, SERVICE
from gateway.shop import Shop
from gateway.status.report import DeviceReport, DeviceTest, Moment, moment
from retail.business_day import local_time_at, zone_of
from web.endpoint import Answer, Call, Endpoint
from web.once import Command, Done, Outcome, answer, command_of
from web.paging import Paged
from web.problems import Problem, Slug

DEVICE_TEST: Final = "device_test"
"""The journal's kind for a paper or a drawer that a technician asked for."""

PRINT_SETTLED: Final = "print_settled"
"""The journal's kind for a job in doubt that a person has looked for."""

TITLES: Final[Mapping[DeviceTest, str]] = {
    DeviceTest.PRINT: "Test page",
    DeviceTest.TICKET: "Status ticket",
}
"""What a person looks for when such a job is in doubt."""

REFERENCE_CHARS_MAX: Final = 200
JOB_ID_CHARS_MAX: Final = 18

ZIP_MEDIA_TYPE: Final = "application/zip"


class DeviceTestRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a device is to do; papers are printed in `language`."""

    what: DeviceTest
    language: Language = "en"


class DeviceTested(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: the `job` that was spooled, or what was `read`; null: nothing was."""

    device: str
    what: DeviceTest
    job: int | None = None
    read: str | None = None


class PrintJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job of the spool: `state` is waiting, sent, doubt, printed or aside, `reason` why."""

    id: int
    printer: str
    kind: str
    title: str
    sale: str | None
    order: str | None
    copy: bool
    state: str
    reason: str
    created_at: Moment


class Resolution(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person saw: whether the paper came out."""

    printed: bool


class PrintSettled(msgspec.Struct, frozen=True, kw_only=True):
    """A job in doubt that was settled. What was not printed is printed now, marked."""

    job: Annotated[int, Meta(ge=0)]
    printer: str
    title: str
    printed: bool


class DeviceApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def devices(self, _call: Call[None]) -> Answer:
        """Scanners and printers as the status page shows them."""
        report = self._parts.status.report()
        return Answer(HTTPStatus.OK, Paged(items=list(report.devices), next_cursor=None))

    async def test(self, call: Call[DeviceTestRequest]) -> Answer:
        """Have a device do something.

        A test scan waits for the scan, some 30 s at most; asked again with its key it waits again.
        """
        name, what = call.params["name"], call.body.what
        printer = next((one for one in self._parts.printers if one.setting.name == name), None)
        scanner = next((one for one in self._parts.scanners if one.setting.device == name), None)
        if scanner is not None and what is DeviceTest.SCAN:
            return await self._scan(scanner)
        if printer is not None and what is not DeviceTest.SCAN:
            return await self._spool(printer, call)
        if printer is None and scanner is None:
            raise Problem(Slug.NOT_FOUND, f"No device here is called {name}.")
        kind = "scanner" if printer is None else "printer"
        raise Problem(Slug.CONFLICT, f"{name} is a {kind}: it has no test {what.value!r}.")

    async def _scan(self, scanner: ScannerWorker) -> Answer:
        last = await scanner.arm_test()
        tested = DeviceTested(
            device=scanner.setting.device,
            what=DeviceTest.SCAN,
            read=None if last is None else last.shown,
        )
        return Answer(HTTPStatus.CREATED, tested)

    async def _spool(self, printer: PrinterWorker, call: Call[DeviceTestRequest]) -> Answer:
        parts, command, asked = self._parts, command_of(call), call.body
        name = printer.setting.name
        if asked.what is DeviceTest.KICK:
            if printer.setting.drawer == "none":
                raise Problem(Slug.CONFLICT, f"{name} has no drawer: its setting `drawer` is none.")
            return answer(
                await parts.writer.submit(lambda: kick(parts.shop, command, name), command.key)
            )
        document = self._paper(printer, asked)
        return answer(
            await parts.writer.submit(
                lambda: spool_paper(parts.shop, command, name, asked.what, document), command.key
            )
        )

    def _paper(self, printer: PrinterWorker, asked: DeviceTestRequest) -> Document:
        if asked.what is DeviceTest.TICKET:
            assert self._parts.ticket is not None, "a running gateway has them"
            return self._parts.ticket(asked.language)
        identity = self._parts.shop.identity
        now = local_time_at(self._parts.wall_ms(), zone_of(identity.timezone))
        return trial_page_of(printer.setting, identity.name, now, asked.language)

    async def jobs(self, _call: Call[None]) -> Answer:
        """What waits for paper, what is in doubt, and the latest that has ended."""
        found = await self._parts.lists.read(lambda reads: spool.jobs(reads.store))
        items = [
            PrintJob(
                id=job.id,
                printer=job.printer,
                kind=job.kind,
                title=job.title,
                sale=job.sale,
                order=job.order_id,
                copy=job.copy,
                state=job.state,
                reason=job.reason,
                created_at=moment(job.created_ms),
            )
            for job in found
        ]
        return Answer(HTTPStatus.OK, Paged(items=items, next_cursor=None))

    async def resolve(self, call: Call[Resolution]) -> Answer:
        """Say what became of a job in doubt."""
        parts, command, job = self._parts, command_of(call), call.params["id"]
        printed = call.body.printed
        return answer(
            await parts.writer.submit(
                lambda: settle(parts.shop, command, job, printed=printed), command.key
            )
        )

    async def bundle(self, _call: Call[None]) -> Answer:
        """A file for support (`gateway.box.diagnostics`)."""
        parts = self._parts
        assert parts.diagnostics is not None, "a running gateway has them"
        report, now = await parts.status.fresh_report(), moment(parts.wall_ms())
        file = await parts.diagnostics.bundle(report, parts.shop.head, now=now)
        name = f"diagnostics-{report.location.id}-{now:%Y%m%d-%H%M%S}.zip"
        return Answer(
            HTTPStatus.OK, file, {"Content-Disposition": f'attachment; filename="{name}"'}
        )

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="GET", path="/v1/devices", summary="Scanners and printers", roles=ANYONE,
                handler=self.devices, answer=Paged[DeviceReport],
            ),
            Endpoint(
                method="POST", path="/v1/devices/{name}/test", summary="Have a device do something",
                roles=SERVICE, handler=self.test, body=DeviceTestRequest, answer=DeviceTested,
                status=201, idempotent=True,
                refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/print-jobs", summary="What is on its way to paper",
                roles=SERVICE, handler=self.jobs, answer=Paged[PrintJob],
            ),
            Endpoint(
                method="POST", path="/v1/print-jobs/{id}/resolve",
                summary="Say whether a job in doubt was printed", roles=SERVICE,
                handler=self.resolve, body=Resolution, answer=PrintSettled, status=201,
                idempotent=True, refusals=(Slug.NOT_FOUND, Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/diagnostics", summary="A file for support",
                roles=SERVICE, handler=self.bundle, media_type=ZIP_MEDIA_TYPE,
            ),
        ]  # fmt: skip


def spool_paper(
    shop: Shop, command: Command, printer: str, what: DeviceTest, document: Document
) -> Outcome:
    """Spool a test page or a ticket."""
    known = shop.answered(command)
    if known is not None:
        return known
    job = spool.add_document(shop, printer, document, TITLES[what])
    return _tested(shop, command, printer, what, job)


def kick(shop: Shop, command: Command, printer: str) -> Outcome:
    """Spool the pulse that opens a drawer."""
    known = shop.answered(command)
    if known is not None:
        return known
    return _tested(shop, command, printer, DeviceTest.KICK, spool.add_kick(shop, printer))


def _tested(
    shop: Shop, command: Command, printer: str, what: DeviceTest, job: int | None
) -> Outcome:
    """Journal what was spooled; where nothing was, nothing has changed."""
    if job is None:
        return Problem(Slug.CONFLICT, f"Too many jobs wait for {printer} already.")
    record = msgspec.json.encode(DeviceTested(device=printer, what=what, job=job))
    shop.ledger.append(
        DEVICE_TEST,
        record,
        actor=command.actor,
        reference=printer[:REFERENCE_CHARS_MAX],
        request=command.mark(),
    )
    return Done(HTTPStatus.CREATED, record)


def settle(shop: Shop, command: Command, job_id: str, *, printed: bool) -> Outcome:
    """What a person saw of a job in doubt; what was not printed is printed now, marked."""
    known = shop.answered(command)
    if known is not None:
        return known
    is_number = job_id.isascii() and job_id.isdigit() and len(job_id) <= JOB_ID_CHARS_MAX
    job = spool.find(shop.store, int(job_id)) if is_number else None
    if job is None:
        return Problem(Slug.NOT_FOUND, f"There is no print job {job_id}.")
    if spool.resolve(shop, job.id, printed=printed) is None:
        return Problem(Slug.CONFLICT, f"Job {job.id} is not in doubt: it is {job.state}.")
    record = msgspec.json.encode(
        PrintSettled(job=job.id, printer=job.printer, title=job.title, printed=printed)
    )
    reference = (job.sale or job.printer)[:REFERENCE_CHARS_MAX]
    shop.ledger.append(
        PRINT_SETTLED, record, actor=command.actor, reference=reference, request=command.mark()
    )
    return Done(HTTPStatus.CREATED, record)
