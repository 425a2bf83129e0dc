"""What the command `store-register` says: tables that line up, and sentences."""

import datetime
import unicodedata
import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gateway.client.answers import Refusal
from gateway.client.register_status import Reach, RegisterStatus
from gateway.status.report import LinkState
from retail.money import format_minor
from retail.prices.quotes import Quote

GAP: Final = 2
"""Spaces between two columns."""

HELP: Final = """\
CODE                        look a code up: a barcode, a SKU, the label of a scale
sell CODE[xN]... --cash AMOUNT [--card AMOUNT]
                            sell; without an amount, say what it costs
receipt [NUMBER]            show a receipt again, the last one without a number
status                      how this register stands
quit                        end; what is not sent yet is kept\
"""


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines whose columns begin at the same place, whatever the script of the words."""
    columns = max((len(row) for row in rows), default=0)
    widths = [
        max((width_of(row[column]) for row in rows if column < len(row) - 1), default=0)
        for column in range(columns)
    ]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    *firsts, last = row
    padded = [
        text + " " * (width - width_of(text) + GAP)
        for text, width in zip(firsts, widths, strict=False)
    ]
    return ("".join(padded) + last).rstrip()


def width_of(text: str) -> int:
    """Places that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in {"F", "W"})
        for one in text
    )


def product_words(view: Mapping[str, object]) -> str:
    """What a code stands for (`gateway.reads.LookupView`)."""
    return table(list(_product_rows(view)))


def _product_rows(view: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    currency, unit = str(view["currency"]), str(view["unit"])
    per = _int(view["price_per_quantity"])
    price = f"{format_minor(_int(view['price_minor']), currency)} {currency}"
    yield str(view["name"]), price if per == 1 else f"{price} for {per} {unit}"
    yield "SKU", str(view["sku"])
    codes = view["barcodes"]
    assert isinstance(codes, Sequence), "barcodes are a list"
    yield "Barcodes", ", ".join(map(str, codes)) or "none"
    if view["quantity"] is not None:
        yield "On the label", f"{view['quantity']} {unit}"
    if view["line_total_minor"] is not None:
        yield "Price on it", f"{format_minor(_int(view['line_total_minor']), currency)} {currency}"
    if view["expires_on"] is not None:
        yield "Use by", f"{view['expires_on']}{', which is past' if view['is_expired'] else ''}"
    if view["archived"]:
        yield "Sold", "no more: it is archived"
    elif view["stock_policy"] == "untracked":
        yield "Sold", "without a count"
    else:
        units = max(0, _int(view["quota"]))
        what = "pieces" if unit == "piece" and units != 1 else unit
        yield "Can be sold", f"{units} {what}, without asking anyone"


def quote_words(quote: Quote) -> str:
    """What a basket would cost."""
    rows = [
        (
            f"{line.quantity} x {line.name}",
            f"{format_minor(line.total_minor, quote.currency)}",
        )
        for line in quote.lines
    ]
    total = f"{format_minor(quote.total_minor, quote.currency)} {quote.currency}"
    return f"{table([*rows, ('Total', total)])}\nSay how it is paid to sell it: --cash AMOUNT."


def refusal_words(refusal: Refusal, reach: Reach, zone: zoneinfo.ZoneInfo) -> str:
    """Why nothing was sold, and who may have what was short."""
    said = [refusal.detail]
    if refusal.slug == "quota-short":
        elsewhere = refusal.problem.get("elsewhere")
        said += [
            f"The gateway had {one['quantity']} when it was asked "
            f"({_minute(one['last_heard'], zone)}); somebody else may need them."
            for one in (elsewhere if isinstance(elsewhere, list) else ())
        ]
        if reach is not Reach.CONNECTED:
            how = "refuses this register" if reach is Reach.REFUSED else "is not heard"
            said.append(f"The gateway {how}, so it could not be asked for more.")
        elif not elsewhere:
            said.append("The gateway was asked and has no more for this register.")
    said.append("Nothing was sold.")
    return " ".join(said)


def status_words(status: RegisterStatus, zone: zoneinfo.ZoneInfo) -> str:
    """How the register stands."""
    where = status.gateway or "not met yet"
    places = f"the gateway has {status.at_gateway_seq:,} of them, the hub {status.at_hub_seq:,}"
    rows = [
        ("Register", f"{status.register} of {status.name} ({status.writer})"),
        ("Gateway", f"{where}{_link_words(status, zone)}"),
        ("Products", f"{status.products:,}{_ahead_words(status)}"),
        ("Can be sold", f"{status.goods:,} goods, {status.units:,} units, without asking anyone"),
        ("Journal", f"{status.last_seq:,} entries; {places}"),
        (
            "Sales",
            f"{status.sales_waiting:,} only here; the hub lacks {status.sales_not_at_hub:,}",
        ),
    ]
    if status.last_error is not None:
        rows.append(("Last error", status.last_error))
    return f"{status.headline}\n\n{table(rows)}"


def link_words(reach: Reach, error: str | None) -> str:
    """That the link came or went, for whoever stands there."""
    match reach:
        case Reach.CONNECTED:
            return "The gateway is connected."
        case Reach.REFUSED:
            return f"The gateway refuses this register{_why(error)}: selling alone."
        case Reach.DOWN | Reach.NEVER:
            return f"The gateway is not heard{_why(error)}: selling alone."


def kept_words(reach: Reach, error: str | None) -> str:
    """That a sale was not handed over yet."""
    if reach is Reach.REFUSED:
        return f"the gateway refuses this register{_why(error)}: the sale is kept here"
    return "the gateway is not heard: the sale is kept here and sent when it is"


def _why(error: str | None) -> str:
    return "" if error is None else f" ({error})"


def _link_words(status: RegisterStatus, zone: zoneinfo.ZoneInfo) -> str:
    if status.refused:
        return ", heard, and refuses this register"
    match status.link:
        case None:
            return ""
        case LinkState.CONNECTED:
            return f", connected since {_minute(status.since, zone)}"
        case LinkState.DOWN:
            return f", not heard since {_minute(status.since, zone)}"
        case LinkState.NEVER:
            return ", not heard yet"


def _ahead_words(status: RegisterStatus) -> str:
    return f"; {status.items_ahead:,} pieces of news still to come" if status.items_ahead else ""


def _minute(at: str | None, zone: zoneinfo.ZoneInfo) -> str:
    if at is None:
        return "an unknown time"
    return f"{datetime.datetime.fromisoformat(at).astimezone(zone):%Y-%m-%d %H:%M}"


def _int(value: object) -> int:
    assert isinstance(value, int), "a lookup's figures are whole numbers"
    return value
