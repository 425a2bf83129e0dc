"""A caller of the printer driver: what it must keep of one job, and the job."""

from typing import Final

from devices.ports import Port
from devices.printer import Pace, PrintOutcome, Proof, print_job
from devices.printer_status import Condition
from devices.printer_wire import mark_of

JOB: Final = b"\x1b@\x1bt\x10one\ntwo\n\x1bd\x06\x1dV\x00"
JOB_ID: Final = "riverside.1-42"
ON_PAPER: Final = "one\ntwo\n"
HASTE: Final = Pace(answer_s_max=0.005, poll_s=0.005, quiet_polls_max=2)
WELL: Final = Condition(trouble=None, is_pin_high=False)
MARK: Final = mark_of(JOB_ID)


class Caller:
    """What a caller keeps of one job, and what it was told."""

    def __init__(self) -> None:
        self.is_under_way = False
        self.cuts_before: int | None = None
        self.conditions: list[Condition] = []

    async def before_first_byte(self, cuts: int | None) -> None:
        self.is_under_way, self.cuts_before = True, cuts

    async def print_over(
        self, port: Port, *, pace: Pace = HASTE, proof: Proof = Proof.FINISHED
    ) -> PrintOutcome:
        return await print_job(
            port,
            job_id=JOB_ID,
            data=JOB,
            before_first_byte=self.before_first_byte,
            on_condition=self.conditions.append,
            proof=proof,
            pace=pace,
        )
