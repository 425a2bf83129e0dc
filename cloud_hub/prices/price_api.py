"""The endpoints of prices: price lists, promotions, and what an order would cost."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from cloud_hub.ordering import orders
from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.prices import price_rules
from cloud_hub.prices.allowances import PromotionAtHub, shown
from cloud_hub.prices.priced import price
from cloud_hub.roles import ADMIN, GATEWAY, OFFICE, SHOPFRONT
from replication import feed
from retail.ordering.orders import OrderQuoteRequest
from retail.prices.price_rises import KeptPriceList, PriceListRequest
from retail.prices.pricing import PricedBasket
from retail.prices.promotions import Promotion, PromotionBody
from retail.prices.quotes import Quote, quote_of
from retail.selling.occasion import RuleId
from web.endpoint import Answer, Call, Endpoint
from web.once import Command, Outcome, answer, command_of
from web.paging import Page, Paged
from web.problems import Problem, Slug
from web.shape_words import shape_words
from web.uses import Asked, UsesShort

RULE_ID_WORDS: Final = shape_words(RuleId)


class PriceApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def put_price_list(self, call: Call[PriceListRequest]) -> Answer:
        """Create or change a price list."""
        office = self._parts.office
        return await self._decide(
            call, lambda command, rule: price_rules.put_price_list(office, command, rule, call.body)
        )

    async def put_promotion(self, call: Call[PromotionBody]) -> Answer:
        """Create or change a promotion."""
        office = self._parts.office
        return await self._decide(
            call, lambda command, rule: price_rules.put_promotion(office, command, rule, call.body)
        )

    async def price_lists(self, call: Call[None]) -> Answer:
        """Price lists by id."""
        return await self._page(feed.PRICE_LIST, call)

    async def price_list(self, call: Call[None]) -> Answer:
        """One price list, with the prices that are not raised yet."""
        return Answer(200, self._one(feed.PRICE_LIST, call))

    async def withdraw_price_list(self, call: Call[None]) -> Answer:
        """Take a price list back."""
        return await self._withdraw(feed.PRICE_LIST, call)

    async def promotions(self, call: Call[None]) -> Answer:
        """Promotions by id, each with its uses as far as they were heard."""
        page = await self._parts.lists.read(
            lambda reads: reads.rules_page(feed.PROMOTION, call.query)
        )
        kept = [msgspec.json.decode(one, type=Promotion) for one in page.items]
        office = self._parts.office
        items = await self._parts.writer.look(lambda: [shown(office, one) for one in kept])
        return Answer(200, Paged(items=items, next_cursor=page.next_cursor))

    async def promotion(self, call: Call[None]) -> Answer:
        """One promotion, with its uses."""
        kept = msgspec.json.decode(self._one(feed.PROMOTION, call), type=Promotion)
        office = self._parts.office
        return Answer(200, await self._parts.writer.look(lambda: shown(office, kept)))

    async def withdraw_promotion(self, call: Call[None]) -> Answer:
        """Take a promotion back."""
        return await self._withdraw(feed.PROMOTION, call)

    async def quote(self, call: Call[OrderQuoteRequest]) -> Answer:
        """What an order would cost now."""
        look = self._parts.writer.look
        quoted = await self._parts.with_uses(
            lambda asked: look(lambda: self._quote(call.body, asked))
        )
        if isinstance(quoted, Problem):
            raise quoted
        return Answer(200, quoted)

    def _quote(self, request: OrderQuoteRequest, asked: Asked) -> Quote | UsesShort | Problem:
        office = self._parts.office
        lines = orders.products_of(office, request.lines)
        if isinstance(lines, Problem):
            return lines
        if (nowhere := orders.strange_pickup(office, request.fulfilment)) is not None:
            return nowhere
        priced = price(office, lines, request, request.fulfilment, asked)
        if not isinstance(priced, PricedBasket):
            return priced
        return quote_of(priced, office.rules.promotions)

    async def _decide(self, call: Call[Any], decide: Callable[[Command, str], Outcome]) -> Answer:
        try:
            rule_id = msgspec.convert(call.params["id"], RuleId)
        except msgspec.ValidationError as refused:
            words = RULE_ID_WORDS(refused)
            raise Problem.invalid(f"The id in the address is not one: {words}.") from None
        command = command_of(call)
        return answer(await self._parts.writer.submit(lambda: decide(command, rule_id)))

    async def _withdraw(self, kind: str, call: Call[None]) -> Answer:
        office = self._parts.office
        return await self._decide(
            call, lambda command, rule: price_rules.withdraw(office, command, kind, rule)
        )

    async def _page(self, kind: str, call: Call[None]) -> Answer:
        return await self._parts.lists.answer(lambda reads: reads.rules_page(kind, call.query))

    def _one(self, kind: str, call: Call[None]) -> bytes:
        found = self._parts.reads.rule(kind, call.params["id"])
        if found is None:
            raise price_rules.unknown_rule(kind, call.params["id"])
        return found

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="PUT", path="/v1/prices/{id}", summary="Create or change a price list",
                roles=ADMIN, handler=self.put_price_list, body=PriceListRequest,
                answer=KeptPriceList, refusals=(Slug.CONFLICT, Slug.TOO_LARGE, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/prices", summary="Price lists by id", roles=OFFICE,
                handler=self.price_lists, query=Page, answer=Paged[KeptPriceList],
            ),
            Endpoint(
                method="GET", path="/v1/prices/{id}",
                summary="One price list, with the prices that are not raised yet", roles=OFFICE,
                handler=self.price_list, answer=KeptPriceList, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="DELETE", path="/v1/prices/{id}", summary="Take a price list back",
                roles=ADMIN, handler=self.withdraw_price_list, answer=KeptPriceList,
                refusals=(Slug.NOT_FOUND, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="PUT", path="/v1/promotions/{id}", summary="Create or change a promotion",
                roles=ADMIN, handler=self.put_promotion, body=PromotionBody, answer=PromotionAtHub,
                refusals=(Slug.CONFLICT, Slug.TOO_LARGE, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/promotions", summary="Promotions by id", roles=OFFICE,
                handler=self.promotions, query=Page, answer=Paged[PromotionAtHub],
            ),
            Endpoint(
                method="GET", path="/v1/promotions/{id}", summary="One promotion", roles=OFFICE,
                handler=self.promotion, answer=PromotionAtHub, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="DELETE", path="/v1/promotions/{id}", summary="Take a promotion back",
                roles=ADMIN, handler=self.withdraw_promotion, answer=Promotion,
                refusals=(Slug.NOT_FOUND, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="POST", path="/v1/quotes", summary="What an order would cost now",
                roles=SHOPFRONT | GATEWAY, handler=self.quote, body=OrderQuoteRequest,
                answer=Quote,
                refusals=(Slug.UNKNOWN_PRODUCT,),
            ),
        ]  # fmt: skip
