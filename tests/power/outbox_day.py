"""The day of a thin register's outbox: questions written, settled, refused and forgotten."""

from collections.abc import Callable
from typing import Final, TypeVar

from gateway.client.outbox import OpenSale, Outbox
from gateway.client.witness import Witness
from gateway.counter.pairing import Pairing
from tests.power.disk import Disk
from tests.power.faults import Patience
from tests.power.sides import Seen

WRITER: Final = "riverside.1"
SALES: Final = 24
PAIRING: Final = Pairing(location="riverside", addresses=("http://192.0.2.1:8460",), chain="0" * 16)

T = TypeVar("T")


class PoweredOutbox:
    """An outbox on a disk that can lose power."""

    def __init__(self, disk: Disk, patience: Patience) -> None:
        self.seen = Seen(disk)
        self._patience = patience
        self._open()

    def _open(self) -> None:
        root = self.seen.disk.root
        self.outbox = self._patience.ask(lambda: Outbox(root), lambda: True, in_log=False)
        self.seen.told(self.outbox._connection)

    def do(self, deed: Callable[[Outbox], T]) -> T:
        """One step of a sale; when it returns, the next may begin."""
        answer = self._patience.ask(lambda: deed(self.outbox), self._is_as_told)
        self.seen.told(self.outbox._connection)
        return answer

    def _is_as_told(self) -> bool:
        return self.seen.is_unchanged(self.outbox._connection)

    def sell(self, number: int, *, answer: bool | None) -> None:
        """Ask for a sale; it is answered, refused (False), or not heard of (None)."""
        key = f"key-{number:03}"
        body = b'{"lines": [' + b'{"sku": "tea"},' * number + b"{}]}"  # of very different lengths
        self.do(lambda outbox: outbox.write(OpenSale(key=key, body=body, written_ms=number)))
        if answer is not None:
            self.settle(key, number if answer else None)

    def settle(self, key: str, seq: int | None) -> None:
        """The answer is heard: a sale at a place in the journal, or a refusal."""
        sale = None if seq is None else {"id": f"{WRITER}-{seq}", "writer": WRITER, "seq": seq}
        witness = None if seq is None else Witness.parse(f"{WRITER};{seq};ab")
        self.do(lambda outbox: outbox.settle(key, sale, witness))

    def forget(self, seq: int) -> None:
        """The hub has the sales up to a place."""
        self.do(lambda outbox: outbox.forget(WRITER, seq))

    def restart(self) -> None:
        """The register's program ends, and starts again."""
        self.outbox.close()
        self._open()

    def checkpoint(self, mode: str) -> None:
        """Move the log into the file."""
        self._patience.ask(
            lambda: self.outbox._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall(),
            self._is_as_told,
            in_log=False,
        )
        self.seen.told(self.outbox._connection)


def outbox_day(disk: Disk, patience: Patience) -> PoweredOutbox:
    """What an outbox lives through, to its end; its file is closed."""
    register = PoweredOutbox(disk, patience)
    register.do(lambda outbox: outbox.settle_at("riverside"))
    register.do(lambda outbox: outbox.remember_gateway(PAIRING))
    for number in range(1, SALES):
        register.sell(number, answer=(True, True, False, None)[number % 4])
        if number % 9 == 0:
            register.forget(number - 4)
    register.checkpoint("TRUNCATE")
    register.restart()
    for pending in register.outbox.pending():
        register.settle(pending.key, pending.written_ms)
    register.checkpoint("RESTART")
    register.forget(SALES)
    register.outbox.close()
    return register
