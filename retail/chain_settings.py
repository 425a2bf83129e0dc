"""What head office has settled for all its stores at once; it comes down to them by the feed."""

import msgspec

from retail.money import CurrencyCode
from retail.prices.tax import TaxRounding
from retail.products.embedded import Patterns


class ChainSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that stores go by; what a newer hub says besides is left out.

    `currency` is the one that products are priced in, `embedded_barcodes` are the patterns of the
    labels that the chain's scales print (`retail.products.embedded`), `tax_rounding` says where the
    tax of a basket is rounded (`retail.prices.tax`).
    """

    currency: CurrencyCode
    embedded_barcodes: Patterns = ()
    tax_rounding: TaxRounding = "line"
