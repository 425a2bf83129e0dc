"""What a register that sells alone decides, and how it tells: sales, prices, what it can sell.

It is a till on its own journal. The rules are the gateway's own modules, over the register's `Shop`
and its copy of the feed; answers have the words that a thin register hears from its gateway.
"""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar
from weakref import WeakValueDictionary

import msgspec

from gateway.client.answers import Refusal, SaleDone, SaleRefused
from gateway.client.register_file import Person, name_of
from gateway.client.register_uplink import Told
from gateway.link.elsewhere import Holding
from gateway.prices.priced import quote
from gateway.reads import lookup_view
from gateway.returning.returnables import Elsewhere
from gateway.selling import sales
from gateway.selling.asking import Asking, Borrow
from gateway.selling.credits import CreditShort
from gateway.selling.picked import scanned, unknown_code
from gateway.selling.sales import Short
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.clock import rfc3339
from replication.errors import EntryTooLarge
from replication.journal import Actor, EntryBody
from replication.ledger import RequestKey
from retail.prices.quotes import Quote
from retail.prices.sale_request import QuoteRequest, SaleRequest
from retail.products.scans import read_scan
from retail.selling.sales import Sale
from web.body import body_decoder, body_digest
from web.credits import money, refused_credit
from web.door import checked_key
from web.once import Command, Outcome, storage_problem
from web.problems import Problem, Slug
from web.tokens import Principal

SALES: Final = "/v1/sales"
"""What a key is scoped to besides the person, as at a gateway."""

T = TypeVar("T")

_decode_sale: Final = body_decoder(SaleRequest)
_decode_quote: Final = body_decoder(QuoteRequest)


class RegisterTill:
    """Decides on `shop`, through `writer`; `borrow` asks the gateway for what is short.

    `told` has what the gateway had left of a SKU when it was last asked.
    """

    def __init__(
        self,
        shop: Shop,
        writer: GroupCommit,
        person: Person,
        *,
        borrow: Borrow,
        told: Mapping[str, Told],
    ) -> None:
        self.shop = shop
        self.register = name_of(shop.identity)
        self._writer = writer
        self._asking = Asking(writer, borrow, as_heard=self._as_heard)
        self._told = told
        self._principal = Principal(
            id=person.id, role=person.role, register=self.register, name=person.name
        )
        self._asked: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._selling: set[asyncio.Task[SaleDone | SaleRefused]] = set()

    async def sell(self, body: bytes, key: str) -> SaleDone | SaleRefused:
        """Sell, once per key, in the register's own journal; `body` is that of ``POST /v1/sales``.

        Who stops waiting does not stop the sale.

        Raises:
            StorageFailed: see `ReplicaRegister.sell`.
        """
        selling = asyncio.create_task(self._sell(body, key))
        self._selling.add(selling)
        selling.add_done_callback(self._selling.discard)
        return await asyncio.shield(selling)

    async def settled(self) -> None:
        """Wait for the sales that nobody waits for any more."""
        await asyncio.gather(*self._selling, return_exceptions=True)

    async def _sell(self, body: bytes, key: str) -> SaleDone | SaleRefused:
        # A key that is asked for twice at once waits: the first success is what both hear.
        async with self._asked.setdefault(key, asyncio.Lock()):
            try:
                outcome = await self._outcome(body, key)
            except Problem as refused:
                outcome = refused
            except EntryTooLarge as too_large:
                outcome = _problem(too_large)
        if isinstance(outcome, Problem):
            return SaleRefused(key=key, refusal=refusal_of(outcome))
        return SaleDone(key=key, sale=msgspec.json.decode(outcome.record, type=dict[str, Any]))

    async def _outcome(self, body: bytes, key: str) -> Outcome:
        request: SaleRequest = _decode_sale(body)
        command = Command(
            principal=self._principal,
            key=RequestKey(self._principal.id, SALES, checked_key(key)),
            digest=body_digest(body),
            actor=Actor(register=self.register, person=self._principal.name),
        )
        decided = await self._asking.decided(
            command,
            lambda has_asked, asked: sales.sell(
                self.shop, command, request, asked_hub=has_asked, asked=asked
            ),
            has_override=request.override is not None,
        )
        match decided:
            case Short():
                return self._short(decided)
            case CreditShort():
                return _credit_short(decided)
            case Elsewhere():
                raise AssertionError("nothing comes back with a sale")
            case _:
                return decided

    async def quote(self, body: bytes) -> Quote | Refusal:
        """What a basket would cost now; `body` is that of ``POST /v1/quotes``."""
        role = self._principal.role
        try:
            request: QuoteRequest = _decode_quote(body)
            quoted: Quote | Problem = await self._asking.with_uses(
                lambda asked: self._writer.look(lambda: quote(self.shop, request, role, asked))
            )
        except Problem as refused:
            return refusal_of(refused)
        return refusal_of(quoted) if isinstance(quoted, Problem) else quoted

    async def lookup(self, code: str) -> Mapping[str, object] | Refusal:
        """What a scanned code stands for, with price and quota, from the register's own copy."""
        found = await self._writer.look(partial(look_up, self.shop, code))
        if isinstance(found, Problem):
            return refusal_of(found)
        return found

    async def sale(self, named: str) -> Sale | None:
        """One sale of this register, by its id or by the number on its receipt; "" is the last."""
        return await self._writer.look(lambda: kept_sale(self.shop, named))

    def _as_heard(self, short: Short) -> Short:
        """With what the gateway said that it has left: its own cells are not in its feed."""
        own, parent = self.shop.identity.writer, self.shop.identity.parent
        return Short(
            [
                lack._replace(holders={own: lack.sellable, parent: told.units})
                if (told := self._told.get(lack.sku)) is not None
                else lack
                for lack in short.lacks
            ]
        )

    def _short(self, short: Short) -> Problem:
        """The refusal, with what the gateway had of it when it was last asked."""
        lack = self._as_heard(short).worst()
        told = self._told.get(lack.sku)
        elsewhere = Holding(
            holder=self.shop.identity.parent,
            location=self.shop.location,
            quantity=0 if told is None else told.units,
            last_heard=None if told is None else rfc3339(told.at_ms),
            name=self.shop.identity.name,
        )
        return Problem.quota_short(
            sku=lack.sku,
            wanted=lack.wanted,
            sellable=lack.sellable,
            elsewhere=[msgspec.structs.asdict(elsewhere)] if elsewhere.quantity > 0 else [],
        )


def look_up(shop: Shop, code: str) -> Mapping[str, object] | Problem:
    """What a code means here and now, as ``GET /v1/lookup`` tells it; on the writer thread."""
    today = shop.business_date()
    found = scanned(shop.catalogue, shop.labels, code, today)
    if found is None:
        return unknown_code(code, read_scan(code, today))
    view: dict[str, object] = msgspec.to_builtins(lookup_view(shop, found, today))
    return view


def kept_sale(shop: Shop, named: str) -> Sale | None:
    """A sale that is still in the journal here, by its id or number; "" names the last one."""
    row = shop.connection.execute(
        "SELECT body FROM entry WHERE kind = ?1 AND (?2 = '' OR writer || '-' || seq = ?2 "
        "OR json_extract(CAST(body AS TEXT), '$.record.number') = upper(?2)) "
        "ORDER BY arrival DESC LIMIT 1",
        (sales.SALE, named.strip()),
    ).fetchone()
    if row is None:
        return None
    entry = msgspec.json.decode(bytes(row[0]), type=EntryBody)
    return msgspec.json.decode(entry.record, type=Sale)


def goods_held(shop: Shop) -> Iterator[tuple[str, int]]:
    """What the register can sell without asking anyone: (SKU, units); on the writer thread."""
    for (sku,) in shop.connection.execute(
        "SELECT sku FROM counter WHERE location = ? ORDER BY sku", (shop.location,)
    ).fetchall():
        if (units := shop.quota(str(sku))) > 0:
            yield str(sku), units


def refusal_of(problem: Problem) -> Refusal:
    """A problem as a register hears it."""
    return Refusal(
        status=problem.status,
        slug=problem.slug.text,
        detail=problem.detail,
        problem=msgspec.json.decode(problem.body(), type=dict[str, Any]),
    )


def _problem(failure: Exception) -> Problem:
    problem = storage_problem(failure)
    assert problem is not None, "an entry that is too large has words"
    return problem


def _credit_short(short: CreditShort) -> Problem:
    code, left_minor = short.code, short.spendable_minor
    if left_minor:
        why = f"{money(code, left_minor)} are left of it"
    else:
        why = "nothing of it lies here, and the gateway was not heard or gave nothing"
    return refused_credit(
        Slug.CREDIT_SHORT,
        f"Store credit {code} does not pay {money(code, short.wanted_minor)} here: {why}.",
        str(code),
        "left" if left_minor else "unheard",
        currency=code.currency,
        wanted_minor=short.wanted_minor,
        spendable_minor=left_minor,
    )
