"""The end of the day for people and for programs: the tables, the JSON, and what to try next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

from scripts.demo_day.api import Json
from scripts.demo_day.baskets import Line
from scripts.demo_day.chain import Chain
from scripts.demo_day.closing import Verdict
from scripts.demo_day.notebook import Notebook
from scripts.demo_day.story import Chronicle
from scripts.demo_day.verdict import SETTLED

STORE_HEADS: Final = (
    "store", "baskets", "lines sold", "lines refused", "sales", "at the hub", "catch-up s",
)  # fmt: skip

ORDER_HEADS: Final = {
    "baskets": "baskets",
    "placed": "placed",
    "refused": "refused",
    "cancelled": "cancelled",
    "collected": "collected",
    "ready_for_pickup": "ready",
    "shipped": "shipped",
    "at_hub": "at hub",
}
"""What of the orders' figures the table has, in words: as wide as a terminal is."""

DIFFERENCES_SHOWN: Final = 40
"""On the screen; the JSON has all of them."""


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows under heads: the first column to the left, numbers to the right."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *texts, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  ".join([first, *others])

    return [line(heads), line(["-" * width for width in widths]), *map(line, texts)]


def _text(cell: object) -> str:
    match cell:
        case None:
            return "-"
        case float():
            return f"{cell:.1f}"
        case int():
            return f"{cell:,}"
        case _:
            return str(cell)


def as_tables(
    chain: Chain,
    notebook: Notebook,
    verdict: Verdict,
    seconds: float,
    chronicle: Chronicle | None = None,
) -> list[str]:
    """The end of the day in words and numbers; of a day with a scenario, what is about that."""
    rows = [[*row.values()] for row in _stores(chain, notebook, verdict)]
    sums = [sum(column) for column in zip(*(row[1:-1] for row in rows), strict=True)]
    orders = _orders(notebook, verdict)
    sentences = [
        "",
        *table(STORE_HEADS, [*rows, ["all", *sums, None]]),
        "",
        *table(
            ["orders", *ORDER_HEADS.values()], [["website", *(orders[one] for one in ORDER_HEADS)]]
        ),
        "",
        *(_of_the_day(notebook, verdict) if chronicle is None else chronicle.said),
        f"{verdict.oversold_units} units oversold, {verdict.overdrawn_units} overdrawn",
        f"{len(verdict.sales.lost)} sales lost, {len(verdict.sales.duplicated)} duplicated",
        f"the audit of all that the hub has heard: {verdict.audit}",
        f"{seconds:.0f} s in all",
        "",
    ]
    if verdict.differences:
        shown = verdict.differences[:DIFFERENCES_SHOWN]
        more = len(verdict.differences) - len(shown)
        sentences += ["", f"{len(verdict.differences)} DIFFERENCES", *shown]
        sentences += [f"and {more} more"] if more else []
    else:
        sentences.append("What the registers were told, the shelves and the hub agree.")
    return sentences


def _of_the_day(notebook: Notebook, verdict: Verdict) -> list[str]:
    """What was staged on an ordinary day, and what came of it."""
    tallies = notebook.tallies.values()
    scanned = sum(each.scanned for each in tallies)
    on_shelf = sum(each.refused_on_shelf for each in tallies) + notebook.online.refused_on_shelf
    missed = sum(each.missed_scans for each in tallies)
    stock, transfers = notebook.stock, _transfers(notebook)
    prices, returns, after = _prices(notebook, verdict), _returns(notebook), notebook.after
    short = sum(units for kind, units in verdict.shortages.items() if kind != "refund")
    return [
        f"{stock.deliveries} deliveries booked",
        f"{transfers['shipped']} units sent to another store, {transfers['received']} arrived",
        f"{stock.counted} shelves counted, {stock.missing} units missing",
        f"{stock.broken} units broken, {stock.written_off} written off",
        f"{stock.holds_used} holds used, {stock.holds_expired} expired",
        f"{short} shortages of goods settled, {stock.refunds} refunds paid",
        (
            f"{after.cancelled_behind} orders cancelled behind a cut line,"
            f" {after.collected_all_the_same} of them collected before the store could know"
        ),
        f"{after.sold_from_afar} sale of what stood elsewhere, {after.missed} unit not found",
        (
            f"{returns['taken']} returns ({returns['elsewhere']} of what was sold elsewhere),"
            f" {returns['exchanged']} exchange"
        ),
        f"{prices['changed']} prices changed, {prices['repriced']} customers shown another total",
        f"{prices['old_while_cut_off']} lines sold at old prices while cut off",
        f"{prices['new_after']} lines sold at new prices, in stores that had heard of them",
        f"{on_shelf:,} of the refused lines stood unpromised on a shelf of a connected store",
        f"{scanned:,} lines came through the scanner, {missed} scans were keyed in instead",
        f"{sum(each.restarts for each in tallies)} tills lost their power in the middle of a sale",
    ]


def as_json(
    chain: Chain, notebook: Notebook, verdict: Verdict, chronicle: Chronicle | None = None
) -> dict[str, object]:
    """The same as JSON values, in the shape of the contract and with the differences by name."""
    told: dict[str, object] = {
        "stores": _stores(chain, notebook, verdict),
        "orders": _orders(notebook, verdict),
        "oversold_units": verdict.oversold_units,
        "overdrawn_units": verdict.overdrawn_units,
        "lost": len(verdict.sales.lost),
        "duplicated": len(verdict.sales.duplicated),
        "audit": verdict.audit,
        "shortages": dict(verdict.shortages),
        "transfers": _transfers(notebook),
        "stock": asdict(notebook.stock),
        "prices": _prices(notebook, verdict),
        "returns": _returns(notebook),
        "differences": list(verdict.differences),
    }
    if chronicle is not None:
        told["scenario"] = scenario_as_json(chronicle, verdict)
    return told


def scenario_as_json(chronicle: Chronicle, verdict: Verdict) -> dict[str, object]:
    """What happened when, and the figures; lost and oversold are those of the demo's own ledger."""
    return {
        "name": chronicle.name,
        "location": chronicle.location,
        "events": [one._asdict() for one in chronicle.events],
        **chronicle.figures,
        "lost": len(verdict.sales.lost),
        "oversold_units": verdict.oversold_units,
    }


def invitation(chain: Chain, location: str) -> list[str]:
    """What to open and try while the chain keeps running, with the tokens of one store."""
    store = chain.stores[location]
    lines = ["", "Everything keeps running. Open in a browser:"]
    pages = [(each.location, f"{each.program.url}/status") for each in chain.stores.values()]
    pages += [
        ("a till", f"{store.program.url}/register"),
        ("orders", f"{chain.hub.url}/orders"),
        ("web shop", f"{chain.hub.url}/shop"),
    ]
    width = max(len(name) for name, _ in pages)
    lines += [f"  {name:{width}}  {url}" for name, url in pages]
    return [
        *lines,
        "",
        f"Hub: {chain.hub.url}, its interface {chain.hub.url}/openapi.json",
        f"  admin token       {chain.admin.token}",
        f"  storefront token  {chain.website.token}",
        f"  auditor token     {chain.auditor.token}",
        f"Gateway of {store.location}: {store.program.url}",
        f"  manager token     {store.manager.token}",
        f"  till-1's token    {store.tills[0].token}",
        "",
        f'  curl -H "Authorization: Bearer {chain.auditor.token}" "{chain.hub.url}/v1/locations"',
        "",
        "Ctrl-C ends all of it.",
    ]


def _stores(chain: Chain, notebook: Notebook, verdict: Verdict) -> list[dict[str, Json]]:
    return [
        {
            "location": location,
            "baskets": tally.baskets,
            "lines": tally.lines,
            "refused": tally.refused,
            "acknowledged": tally.acknowledged,
            "at_hub": verdict.sales.at_hub.get(location, 0),
            "catch_up_s": round(tally.catch_up_s or 0.0, 2),
        }
        for location in chain.stores
        for tally in [notebook.tallies[location]]
    ]


def _transfers(notebook: Notebook) -> dict[str, int]:
    """Units of all transfers, as their stores know them."""

    def units(lines: Iterable[Line]) -> int:
        return sum(line.quantity for line in lines)

    shipped = sum(units(each.shipped) for each in notebook.transfers)
    received = sum(units(each.received) for each in notebook.transfers)
    return {"shipped": shipped, "received": received, "lost": shipped - received}


def _prices(notebook: Notebook, verdict: Verdict) -> dict[str, int]:
    """How many terms changed, and how many lines and customers that touched."""
    repriced = sum(each.repriced for each in notebook.tallies.values())
    return {
        "changed": len(notebook.prices.terms),
        **verdict.prices,
        "repriced": repriced + notebook.online.repriced,
    }


def _returns(notebook: Notebook) -> dict[str, int]:
    """What came back: credit notes, those of what was sold elsewhere, units, and money."""
    notes = [each.note for each in notebook.returns]
    return {
        "taken": len(notes),
        "elsewhere": notebook.after.elsewhere,
        "exchanged": notebook.after.exchanged,
        "units": sum(sum(note["goods"].values()) for note in notes),
        "worth_minor": sum(note["total_minor"] for note in notes),
    }


def _orders(notebook: Notebook, verdict: Verdict) -> dict[str, int]:
    return {
        "baskets": notebook.online.baskets,
        "placed": len(notebook.orders),
        "refused": notebook.online.refused,
        "cancels_asked": sum(each.cancel_asked for each in notebook.orders),
        "cancelled_behind_a_cut": notebook.after.cancelled_behind,
        "collected_all_the_same": notebook.after.collected_all_the_same,
        "sold_from_afar": notebook.after.sold_from_afar,
        "units_missed": notebook.after.missed,
        **{status: verdict.orders.ends.get(status, 0) for status in sorted(SETTLED)},
        "at_hub": sum(verdict.orders.ends.values()),
    }
