"""The shop's deciding state: what the writer thread owns while it sells, receives and hands over.

One `Shop` belongs to the writer thread (`replication.adapters.group_commit`). Its verbs are in
modules of their own, each a function of (shop, command, body): `sales`, `stock`, `orders`,
`intake`, `lending`. They read, decide, and only then change; what they leave is committed before
anyone is told yes.

What other threads may see is published by `committed`: the head of the journal, and news.
"""

import datetime
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import apsw
import msgspec

from gateway.config import PrinterSetting
from gateway.identity import Identity
from gateway.lives.named_entries import NamedEntries
from gateway.registers.heard import RegistersHeard
from gateway.status.headline import STOPPED_SENTENCES
from gateway.status.report import StopReason
from replication.adapters.sqlite import ReplicaStore
from replication.escrow import CellChange, EscrowCounter
from replication.ids import place_of
from replication.journal import ENTRY_BYTES_MAX, Head
from replication.ledger import Ledger, RequestKey
from replication.relaying import RELAYABLE_BYTES_MAX
from retail.business_day import date_at, local_time_at, zone_of
from retail.chain_settings import ChainSettings
from retail.prices.tax import TaxRate, TaxRounding, TaxTable
from retail.products.embedded import LabelTable
from web.catalogue_rows import Catalogue
from web.once import Command, Outcome, earlier
from web.price_rules import NO_RULES, Arranged, PriceRules
from web.problems import Problem

NEWS_MAX: Final = 10_000
"""News that the event loop has not taken yet; older ones give way (they are hints, not records)."""

STOPPED: Final = "stopped"
"""The meta row with why this gateway does not sell, across restarts; absent while it may."""

TAXES: Final = "taxes"
"""The meta row with the tax rates of the last feed."""


SETTINGS: Final = "settings"
"""The meta row with the chain's settings of the last feed."""

SET_ASIDE: Final = "set_aside"
"""The meta row with what of the feed could not be taken in; absent while nothing was."""


REASON_CHARS_MAX: Final = 400
"""Of why something was set aside: what broke may quote all that it was given."""


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of the feed could not be taken in, and the last of them."""

    count: int
    kind: str
    key: str
    reason: str
    at_ms: int


class News(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that registers or the status page may want to know; sent on `/v1/live` as JSON."""

    type: str
    order: str | None = None
    sku: str | None = None
    price_minor: int | None = None


def printers_by_register(settings: Iterable[PrinterSetting]) -> Mapping[str, str]:
    """Which printer each register prints on; the first that names it."""
    named: dict[str, str] = {}
    for setting in settings:
        for register in setting.registers:
            named.setdefault(register, setting.name)
    return named


class Shop:
    """See the module's theory. `now_ms` is wall time, `synchronised` whether it can be believed.

    `wanted` counts, per SKU, the tills that wait for another's quota at this moment (the links
    write it); `lent` remembers the borrows that were answered lately, so that none is granted
    twice. `stopped_sentences` are what is said while it does not sell.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        identity: Identity,
        *,
        boot: str,
        now_ms: Callable[[], int],
        synchronised: Callable[[], bool],
        printers: Iterable[PrinterSetting],
        stopped_sentences: Mapping[StopReason, str] = STOPPED_SENTENCES,
    ) -> None:
        self.connection = connection
        self.identity = identity
        self.location = identity.location
        self.printer_settings = {one.name: one for one in printers}
        self.printers = printers_by_register(self.printer_settings.values())
        self.store = ReplicaStore(connection)
        self.ledger = Ledger(
            self.store, identity.writer_id, boot,
            entry_bytes_max=RELAYABLE_BYTES_MAX if identity.is_register else ENTRY_BYTES_MAX,
        )  # fmt: skip
        self.catalogue = Catalogue(connection)
        self.rules = PriceRules(self.store)
        self.stopped: StopReason | None = None
        if (stopped := self.store.meta(STOPPED)) is not None:
            self.stopped = StopReason(stopped)
        self.stop_unkept: Callable[[], None] | None = None
        """Writes down a register's word that stopped this gateway while the disk took nothing."""
        self._stopped_before: list[StopReason | None] = []
        self.head: Head = self.ledger.head
        self.products_count = len(self.catalogue)
        self.news: deque[News] = deque(maxlen=NEWS_MAX)
        self.wanted: dict[str, int] = {}
        self.lent: dict[str, list[CellChange]] = {}
        self.registers = RegistersHeard(connection)
        self.named = NamedEntries(connection, self.ledger)
        self._stopped_sentences = stopped_sentences
        self._now_ms = now_ms
        self._synchronised = synchronised
        self._zone = zone_of(identity.timezone)
        self._day: tuple[int, datetime.date] = (0, datetime.date.min)
        self._news: list[News] = []
        self._reload()

    @property
    def witness(self) -> str:
        """How far the journal has come: what each answer says of it, and registers show again.

        Nothing while a register's word against it is only in memory: whoever saw more must not
        take this for the higher place, and show that after a power cut in which the word is gone.
        """
        head = self.head
        if self.stop_unkept is not None:
            return f"{self.identity.writer};0;"
        return f"{self.identity.writer};{head.seq};{head.hash.hex()}"

    def _reload(self) -> None:
        self.taxes = TaxTable(
            msgspec.json.decode(self.store.meta(TAXES) or "[]", type=list[TaxRate])
        )
        settings = self.store.meta(SETTINGS)
        self.take_settings(
            None if settings is None else msgspec.json.decode(settings, type=ChainSettings)
        )
        self.sales_count = self._last_sale_number()

    def _last_sale_number(self) -> int:
        row = self.connection.execute(
            "SELECT json_extract(CAST(body AS TEXT), '$.record.number') FROM entry "
            "WHERE writer = ? AND kind = 'sale' ORDER BY seq DESC LIMIT 1",
            (self.ledger.writer,),
        ).fetchone()
        return 0 if row is None else int(str(row[0]).rpartition("-")[2])

    def take_settings(self, settings: ChainSettings | None) -> None:
        """Go by what head office has settled; None until it is heard for the first time.

        Raises:
            PatternUnfit: its labels cannot be told apart; nothing is changed.
        """
        labels = LabelTable(() if settings is None else settings.embedded_barcodes)
        self.settings, self.labels = settings, labels

    # The writer thread's side (`CommittedState`)

    def begin(self, requests: Sequence[RequestKey]) -> None:
        """A batch begins."""
        self.store.look_up(requests)
        self.ledger.now_ms = self._now_ms()
        self.ledger.synchronised = self._synchronised()
        self.current_rules()

    def flush(self) -> None:
        """Write what the batch left behind."""
        self.rules.remember()
        self.store.store(self.ledger.take_pending())

    def committed(self) -> None:
        """The batch is durable: others may see its head, its news, its products' number."""
        self.head = self.ledger.head
        self.products_count = len(self.catalogue)
        self.news.extend(self._news)
        self._news.clear()
        self._stopped_before.clear()

    def forget(self) -> None:
        """Nothing of the batch happened; go back to the file.

        Whether it sells goes back to what it was, for a stop that no disk took is nowhere else.
        """
        self._news.clear()
        if self._stopped_before:
            self.stopped = self._stopped_before[0]
            self._stopped_before.clear()
        self.store.forget()
        self.ledger.forget()
        self.catalogue.forget()
        self.rules.forget()
        self.lent.clear()
        self.registers.forget()
        self._reload()

    # What the verbs use

    @property
    def tax_rounding(self) -> TaxRounding:
        """Where the tax of a basket is rounded; on each line until head office was heard."""
        return "line" if self.settings is None else self.settings.tax_rounding

    def counter(self, sku: str) -> EscrowCounter:
        """This location's counter of one SKU, or the chain's of an allowance."""
        return self.ledger.counter(place_of(sku, self.location), sku)

    def quota(self, sku: str) -> int:
        """Units that this gateway may sell now without asking anyone."""
        return self.counter(sku).quota(self.ledger.writer)

    @contextmanager
    def waiting(self, keys: Iterable[str]) -> Iterator[None]:
        """Customers here wait for more of these: it is not lent to anybody else meanwhile."""
        waited_for = tuple(keys)
        for key in waited_for:
            self.wanted[key] = self.wanted.get(key, 0) + 1
        try:
            yield
        finally:
            for key in waited_for:
                self.wanted[key] -= 1
                if not self.wanted[key]:
                    del self.wanted[key]

    def business_date(self) -> datetime.date:
        """Today in the store's time zone."""
        minute = self.ledger.now_ms // 60_000
        if self._day[0] != minute:
            self._day = (minute, date_at(self.ledger.now_ms, self._zone))
        return self._day[1]

    def local_time(self) -> datetime.datetime:
        """What the clock on the shop's wall shows."""
        return local_time_at(self.ledger.now_ms, self._zone)

    def current_rules(self) -> Arranged:
        """The price lists and promotions of this second, as far as the clock can be believed."""
        if self.rules.is_empty:
            return NO_RULES
        return self.rules.at(self.local_time(), synchronised=self.ledger.synchronised)

    def answered(self, command: Command) -> Outcome | None:
        """What a command comes to without being done: its first success, or that we are stopped."""
        known = earlier(self.ledger, self.store, command)
        if known is None and (stopped := self.why_stopped()) is not None:
            return Problem.unavailable(stopped, retry_after_s=5)
        return known

    def why_stopped(self) -> str | None:
        """The sentence for whoever would sell here while that is not allowed, or None."""
        return None if self.stopped is None else self._stopped_sentences[self.stopped]

    def stop(self, reason: StopReason | None) -> None:
        """Sell no more until further notice, or (None) again; in the open transaction."""
        self._stopped_before.append(self.stopped)
        self.stopped = reason
        if reason is None:
            self.connection.execute("DELETE FROM meta WHERE name = ?", (STOPPED,))
        else:
            self.store.set_meta(STOPPED, reason.value)

    def set_aside(self, kind: str, key: str, reason: str) -> None:
        """Count an item of the feed that could not be taken in; in the open transaction."""
        before = self.store.meta(SET_ASIDE)
        count = 0 if before is None else msgspec.json.decode(before, type=SetAside).count
        now = SetAside(
            count=count + 1,
            kind=kind,
            key=key,
            reason=reason[:REASON_CHARS_MAX],
            at_ms=self.ledger.now_ms,
        )
        self.store.set_meta(SET_ASIDE, msgspec.json.encode(now).decode())

    def tell(self, news: News) -> None:
        """Publish something after the commit."""
        self._news.append(news)
