"""Quota policy: who should hold how many rights. Pure, replaceable, and never able to oversell.

Whatever a policy answers, escrow keeps E1: it only proposes grants, and a grant is refused where
the giver's quota does not cover it. What a policy can do wrong is to strand units or to refuse a
sale that someone else could have made. This first policy does not forecast; it keeps five rules
between the hub and a store:

    share    of stock that arrives in a store, the hub gets a share to sell while the line is down;
             whenever it has to borrow, it is filled up to its share
    floor    what the hub holds never exceeds available minus safety stock: walk-ins can buy
             the last units
    uses     of a limited promotion, each connected store holds a few, so that it can offer it while
             the line is down; the hub keeps the rest, and all where they are scarce
    credit   lies where it was issued or spent last, and goes whole to the till that asks for it
    borrow   a short sale asks the other side for its whole need or nothing, while the customer
             waits; when both sides ask at once for the same SKU, the location's custodian wins

Between a gateway and the registers that sell alone there are two more:

    stock up  each register holds an equal part of half of what stands in the store, so that it can
              sell while the gateway is away; it is filled up when it has used half of its part, and
              of what is scarce, where a part would be less than `PART_MIN`, it holds nothing:
              connected, whoever asks first borrows it
    recall    what somebody lacks is asked of the registers first, of the richest first: they are
              near, and the hub may be far; and whoever is asked hands back, with what is lacking,
              what he holds above his part of what then stands in the store, so that of goods that
              run out only the first who lacks them has to wait
"""

from collections.abc import Mapping, MutableMapping
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from replication.allowances import is_store_credit
from replication.escrow import CellChange

ONLINE_SHARE: Final = Fraction(1, 4)
"""The part of arriving stock that goes online; a quarter of demand is a usual online share."""

REGISTERS_SHARE: Final = Fraction(1, 2)
"""The part of a store's goods that its registers hold together: with the gateway away they sell on
for half of what there is, and with a register lost no more than its part of that is frozen."""

PART_MIN: Final = 2
"""A register's part of some goods in units, at least. A single unit is one sale in an outage, and
in the weeks between two outages a sale that others make only after asking for it."""

USES_BLOCK_MAX: Final = 50
"""Uses that one store holds at most: as many baskets as a till sells in half an hour or more."""

USES_KEPT: Final = 4
"""What is handed out at once is a part in so many: the hub can still serve who comes later."""

LENT_REMEMBERED_MAX: Final = 1_000
"""Borrows whose answer is remembered; a repeat comes within one link, so a few dozen would do."""

BORROW_MS_MAX: Final = 300
"""How long a customer waits for the other side's quota."""

RECALL_MS_MAX: Final = 100
"""Of that, how long for the registers near by; the rest of it is left for the hub."""

GRANT: Final = "grant"
"""The kind of an entry that gives quota away."""


class GrantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Quota that changed hands, as journalled; `request` is the borrow that it answers, if any."""

    to: str
    request: str
    lines: tuple[tuple[str, int], ...]


class Lent(NamedTuple):
    """The answer to a borrow: cells of the grant (empty: refused), and what is left here."""

    cells: list[CellChange]
    sellable: list[tuple[str, int]]


def fill_online(
    *,
    quota_store: int,
    quota_online: int,
    safety_stock: int,
    quota_registers: int = 0,
    share: Fraction = ONLINE_SHARE,
) -> int:
    """Units that the custodian grants to the hub; 0 when it has enough.

    Asked when stock arrived, and with each loan to the hub: then what it holds besides the loan.

    The hub is filled up to its share of what may be offered online, counted over all quotas.
    """
    offered = max(0, quota_store + quota_registers + quota_online - safety_stock)
    target = offered * share.numerator // share.denominator
    return max(0, min(target - quota_online, quota_store))


def hand_back(*, available: int, quota_online: int, safety_stock: int, owed: int = 0) -> int:
    """Units that the hub hands back because it holds more than may be offered online.

    And at least what the custodian has `owed` beyond any right and cannot cover with its own:
    others may hold enough, and be where nobody can ask them.
    """
    above_floor = max(0, quota_online - max(0, available - safety_stock))
    return max(above_floor, min(quota_online, owed), 0)


def lend_online(
    *, quota_store: int, safety_stock: int, wanted: int, quota_registers: int = 0
) -> int:
    """What the custodian grants to a checkout: the whole need above the safety stock, or 0.

    What its registers hold is there for walk-ins too.
    """
    keeps_floor = quota_store + quota_registers - wanted >= safety_stock
    return wanted if keeps_floor and quota_store >= wanted else 0


def lend_store(*, quota_online: int, wanted: int) -> int:
    """What the hub grants to a till: the whole need or nothing.

    The till asks for what it lacks; the hub keeps nothing back from a customer in the shop.
    """
    return wanted if quota_online >= wanted else 0


def fill_register(
    *,
    quota_gateway: int,
    quota_register: int,
    quota_others: int,
    registers: int,
    share: Fraction = REGISTERS_SHARE,
) -> int:
    """Units that the gateway grants to one of `registers` that sell alone; 0 when it has enough.

    `quota_others` is what the other registers hold. A register that has used half of its part is
    filled up to it, as far as the gateway has so much.
    """
    part = _part(max(0, quota_gateway) + quota_register + quota_others, registers, share)
    if 2 * quota_register > part:
        return 0
    return max(0, min(part - quota_register, quota_gateway))


def _part(standing: int, registers: int, share: Fraction) -> int:
    """Units that each register should hold of so many that stand in a store; 0: they are scarce."""
    part = max(0, standing) * share.numerator // (share.denominator * registers)
    return part if part >= PART_MIN else 0


def recall_register(
    *,
    quota_registers: Mapping[str, int],
    wanted: int,
    quota_gateway: int = 0,
    share: Fraction = REGISTERS_SHARE,
) -> dict[str, int]:
    """Units that are asked back of each register, the richest first, to get what is wanted.

    As far as they have it: who asks decides again with what came, and asks the hub for the rest.
    With it comes what a register that is asked holds above its part; of `quota_registers` all are
    there to be asked. `quota_gateway` is what the gateway has besides what is wanted of them.
    """
    standing = max(0, quota_gateway) + sum(max(0, units) for units in quota_registers.values())
    asked: dict[str, int] = {}
    for register in sorted(quota_registers, key=lambda one: (-quota_registers[one], one)):
        lacking = wanted - sum(asked.values())
        if min(lacking, quota_registers[register]) <= 0:
            break
        held = quota_registers[register]
        part = _part(standing - wanted, len(quota_registers), share)
        asked[register] = min(held, max(lacking, held - part))
    return asked


def uses_handed_out(*, quota_hub: int, quota_store: int, stores: int) -> int:
    """Uses that the hub grants to a connected store, of `stores` that may offer the promotion.

    A store that has used half of its share is filled up to it. Where there are not more uses than
    stores the hub keeps them: connected, whoever needs one borrows it, and a coupon that is good
    once does not lie in a store that is cut off.
    """
    if quota_hub <= stores:
        return 0
    share = min(USES_BLOCK_MAX, max(1, quota_hub // (USES_KEPT * stores)))
    return share - quota_store if 2 * quota_store <= share else 0


def uses_recalled(*, quota_store: int) -> int:
    """Uses that the hub asks back of a store that has some, when its own are gone: half of them."""
    return (quota_store + 1) // 2


def allowance_lent(key: str, *, quota: int, wanted: int) -> int:
    """Units of an allowance that are granted to who lacks `wanted`; 0 where there are not so many.

    A store credit goes whole, so that whoever holds it can tell the customer what is left of it.
    """
    if quota < wanted:
        return 0
    return quota if is_store_credit(key) else wanted


def allowance_recalled(key: str, *, quota_store: int, wanted: int) -> int:
    """Units of an allowance that the hub asks back of a store that holds it; 0: it is not asked.

    For a credit that is too small nobody is asked: it stays where its customer was last.
    """
    if not is_store_credit(key):
        return uses_recalled(quota_store=quota_store)
    return wanted if wanted <= quota_store else 0


def remember_lent(
    lent: MutableMapping[str, list[CellChange]], request: str, cells: list[CellChange]
) -> None:
    """Remember what a borrow was answered with: the same request is never granted twice."""
    while len(lent) >= LENT_REMEMBERED_MAX:
        del lent[next(iter(lent))]
    lent[request] = cells
