"""What the pages of a shop's people cannot find out by themselves before anybody has signed in."""

import msgspec

from gateway.identity import Identity
from retail.money import EXPONENTS


class ShopFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The shop, its chain and its clock, and ISO 4217's decimals.

    The chain tells apart what a browser keeps for an address: another chain may have had it.
    Browsers count decimals as the CLDR does, which knows no fils of the Iraqi dinar.
    """

    chain: str
    location: str
    name: str
    timezone: str
    decimals: dict[str, int]


def facts_of(identity: Identity) -> str:
    """The shop's facts as JSON, for a page to carry; nothing in them is secret."""
    facts = ShopFacts(
        chain=identity.chain,
        location=identity.location,
        name=identity.name,
        timezone=identity.timezone,
        decimals=dict(EXPONENTS),
    )
    return msgspec.json.encode(facts).decode()
