"""Price lists and promotions, written at the hub, on the writer thread.

Head office alone writes them, so they go down as their records (`docs/decisions/0020`). What is
wrong with one is found here, before any store hears of it: pricing trusts what it is given.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from cloud_hub.head_office import HeadOffice
from cloud_hub.prices.allowances import hand_out_to_all, limit_cells, shown
from replication import feed
from replication.allowances import promotion_uses
from replication.escrow import CellChange
from replication.journal import RECORD_BYTES_MAX
from retail.prices.price_lists import check_price_list, overlaps
from retail.prices.price_rises import KeptPriceList, PriceListRequest, taken_in, with_id
from retail.prices.promotions import Promotion, PromotionBody, check_promotion
from web.once import Command, Done, Outcome
from web.problems import Problem, Slug

WITHDRAWN: Final = "withdrawn"
"""The reason of an entry that takes a rule back."""

RULES_MAX: Final = 1_000
"""Of each kind: a list per location of a large chain; all are arranged anew when one changes."""


def put_price_list(
    office: HeadOffice, command: Command, list_id: str, request: PriceListRequest
) -> Outcome:
    """Create or change a price list; prices that go up wait for the next business day."""
    known = office.rules.price_lists.get(list_id)
    new = with_id(request, list_id)
    if known is not None and msgspec.structs.replace(known, rises={}) == new:
        return Done(200, msgspec.json.encode(known))
    if (refused := _refused_list(office, new)) is not None:
        return refused
    kept = taken_in(new, known, office.catalogue, office.local_time())
    return _write(office, command, kept)


def put_promotion(
    office: HeadOffice, command: Command, promotion_id: str, body: PromotionBody
) -> Outcome:
    """Create or change a promotion, and allow its uses.

    The answer says how many uses are allowed: a limit that is lowered takes back what the hub still
    holds, no more.
    """
    known = office.rules.promotions.get(promotion_id)
    promotion = Promotion(id=promotion_id, **msgspec.structs.asdict(body))
    if promotion == known:
        return Done(200, msgspec.json.encode(shown(office, known)))
    if (refused := _refused_promotion(office, promotion)) is not None:
        return refused
    written = _write(office, command, promotion)
    if not isinstance(written, Done):
        return written
    if (key := office.rules.limited.get(promotion_id)) is not None:
        hand_out_to_all(office, key)
    return Done(written.status, msgspec.json.encode(shown(office, promotion)))


def withdraw(office: HeadOffice, command: Command, kind: str, rule_id: str) -> Outcome:
    """Take a price list or a promotion back, wherever it has been told."""
    rules = office.rules
    known = (rules.price_lists if kind == feed.PRICE_LIST else rules.promotions).get(rule_id)
    if known is None:
        return unknown_rule(kind, rule_id)
    record = msgspec.json.encode(known)
    rules.remove(kind, rule_id)
    _touch(office, known)
    office.tell(_told_as(known), rule_id, feed.EVERYONE, b"")
    office.ledger.append(kind, record, actor=command.actor, reason=WITHDRAWN, reference=rule_id)
    return Done(200, record)


def unknown_rule(kind: str, rule_id: str) -> Problem:
    """The answer to the address of a rule that is not there."""
    return Problem(Slug.NOT_FOUND, f"There is no {kind.replace('_', ' ')} {rule_id}.")


def _told_as(rule: KeptPriceList | Promotion) -> str:
    """The kind of a rule's item in the feed."""
    if isinstance(rule, KeptPriceList):
        return feed.PRICE_LIST
    return feed.PROMOTION if rule.max_usage is None else feed.LIMITED_PROMOTION


def _write(office: HeadOffice, command: Command, rule: KeptPriceList | Promotion) -> Outcome:
    rules = office.rules
    kind = feed.PRICE_LIST if isinstance(rule, KeptPriceList) else feed.PROMOTION
    of_kind = rules.price_lists if kind == feed.PRICE_LIST else rules.promotions
    known = of_kind.get(rule.id)
    if known is None and len(of_kind) >= RULES_MAX:
        return Problem(Slug.CONFLICT, f"There are {RULES_MAX} already: withdraw some first.")
    record = msgspec.json.encode(rule)
    if len(record) > RECORD_BYTES_MAX:
        return Problem.too_large(RECORD_BYTES_MAX, what="A price list's or promotion's record")
    told_as = _told_as(rule)
    if known is not None and _told_as(known) != told_as:
        office.tell(_told_as(known), rule.id, feed.EVERYONE, b"")
    _touch(office, rules.price_lists.get(rule.id))
    _touch(office, rule)
    rules.keep(rule)
    office.tell(told_as, rule.id, feed.EVERYONE, record)
    cells: list[CellChange] = []
    if isinstance(rule, Promotion) and rule.max_usage is not None:
        cells = limit_cells(office, promotion_uses(rule.id), rule.max_usage)
    office.ledger.append(kind, record, actor=command.actor, reference=rule.id, cells=cells)
    return Done(201 if known is None else 200, record)


def _touch(office: HeadOffice, rule: KeptPriceList | Promotion | None) -> None:
    """What a list names costs something else: a storefront that asks for changes hears of it."""
    if isinstance(rule, KeptPriceList):
        office.catalogue.touch(rule.prices, office.ledger.now_ms)


def _refused_list(office: HeadOffice, new: KeptPriceList) -> Problem | None:
    for one in check_price_list(new, office.catalogue):
        return Problem.invalid(f"{one.detail}.", field=f"$.{one.field}")
    strange = _strange_currency(office, new.currency) or _strange_location(office, new.locations)
    if strange is not None:
        return strange
    for other in office.rules.price_lists.values():
        overlap = None if other.id == new.id else next(overlaps((other, new)), None)
        if overlap is not None:
            return Problem(
                Slug.CONFLICT,
                f"Two prices at once: {overlap}.",
                members={"price_list": new.id, "overlaps": other.id, "sku": overlap.sku},
            )
    return too_much_off(office, new.prices)


def _refused_promotion(office: HeadOffice, promotion: Promotion) -> Problem | None:
    price_lists = office.rules.price_lists.values()
    for one in check_promotion(promotion, office.catalogue, price_lists):
        return Problem.invalid(f"{one.detail}.", field=f"$.{one.field}")
    if promotion.currency is not None:
        refused = _strange_currency(office, promotion.currency)
        if refused is not None:
            return refused
    return _strange_location(office, promotion.locations)


def too_much_off(office: HeadOffice, prices: Mapping[str, int]) -> Problem | None:
    """The promotion that takes off more than one of these prices, in the chain's currency."""
    floors = office.rules.floors
    for sku, price_minor in prices.items():
        if (broken := floors.broken_by(sku, price_minor)) is not None:
            return Problem(
                Slug.CONFLICT,
                f"{broken}.",
                members={"promotion": broken.promotion, "sku": sku},
            )
    return None


def _strange_currency(office: HeadOffice, currency: str) -> Problem | None:
    if currency == office.settings.currency:
        return None
    return Problem.invalid(
        f"This chain sells in {office.settings.currency}, not in {currency}.", field="$.currency"
    )


def _strange_location(office: HeadOffice, locations: tuple[str, ...] | None) -> Problem | None:
    for number, location in enumerate(locations or ()):
        if office.location(location) is None:
            return Problem.invalid(
                f"There is no location {location}.", field=f"$.locations[{number}]"
            )
    return None
