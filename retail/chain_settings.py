"""What head office has settled for all its stores at once; it comes down to them by the feed."""

import msgspec

from retail.embedded import Patterns
from retail.money import CurrencyCode
from retail.tax import TaxRounding


class ChainSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that stores go by; what a newer hub says besides is left out.

    `currency` is the one that products are priced in, `embedded_barcodes` are the patterns of the
    labels that the chain's scales print (`retail.embedded`), `tax_rounding` says where the tax of a
    basket is rounded (`retail.tax`).
    """

    currency: CurrencyCode
    embedded_barcodes: Patterns = ()
    tax_rounding: TaxRounding = "line"
