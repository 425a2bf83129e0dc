"""The hub's settings; `docs/operating.md` explains each, and a test compares the two."""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from retail.money import CurrencyCode
from retail.ordering.fulfilment import RuleName
from retail.prices.tax import DecimalRate, TaxRounding
from retail.products.embedded import LabelTable, Patterns

PREFIX: Final = "CLOUD_HUB"
"""Environment variables of this program start with this."""


class HubSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings of `cloud-hub serve`.

    `data` is the data directory, `listen` HOST:PORT (port 0: any free one). `currency` is the one
    that products may be priced in. `standard_tax_rate` and `tax_inclusive` make the first row of
    the tax table, for `jurisdiction`; later changes are new rows. `tax_rounding` says where the tax
    of a basket is rounded, here and in all stores. `timezone` is that of locations
    which are enrolled without one. `pending_s` is how long an order waits for its payment,
    `reservation_s` how long a checkout's reservation keeps its units. With `settle_shortages` what
    is proposed about missing goods is done without asking anyone. `embedded_barcodes` are the
    patterns of what the chain's scales print (`retail.products.embedded`). `fulfilment_rule` says
    which locations an online order is sent from (`retail.ordering.fulfilment`).
    """

    data: Path
    listen: str = "127.0.0.1:8470"
    currency: CurrencyCode = "USD"
    standard_tax_rate: DecimalRate = "0.15"
    tax_inclusive: bool = True
    jurisdiction: Annotated[str, Meta(min_length=1, max_length=64)] = "home"
    tax_rounding: TaxRounding = "line"
    timezone: str = "UTC"
    pending_s: Annotated[int, Meta(ge=10, le=7 * 86_400)] = 1_800
    reservation_s: Annotated[int, Meta(ge=10, le=7 * 86_400)] = 600
    settle_shortages: bool = False
    embedded_barcodes: Patterns = ()
    fulfilment_rule: RuleName = "fewest_parcels"

    def __post_init__(self) -> None:
        LabelTable(self.embedded_barcodes)  # a pattern that cannot be used is found at the start
