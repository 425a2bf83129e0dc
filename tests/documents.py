"""Documents for tests: one that reads like a receipt, and hostile ones that Hypothesis writes."""

from typing import Final

from hypothesis import strategies as st

from devices.paper import (
    LANGUAGES,
    Barcode,
    Block,
    Document,
    Gap,
    Logo,
    Pair,
    Qr,
    Rule,
    Table,
    Text,
)

RECEIPT: Final = Document(
    language="en",
    blocks=(
        Text("Riverside Grocery", align="center"),
        Text("12 Quay Street", align="center"),
        Pair("Receipt", "riverside.1-42"),
        Rule(),
        Pair("Milk 1 l", "3.98"),
        Text("2 x 1.99", indented=True),
        Pair("Organic cr\N{LATIN SMALL LETTER E WITH GRAVE}me with extra caramel", "2.50"),
        Rule(),
        Pair("Total", "6.48 USD", strong=True),
        Pair("Cash", "10.00"),
        Pair("Change", "3.52"),
        Rule(),
        Table(("Rate", "Net", "Tax", "Gross"), (("15%", "5.63", "0.85", "6.48"),)),
        Gap(),
        Text("Thank you", align="center"),
    ),
)

HOSTILE: Final = (
    "A" * 10_000,
    "\N{ARABIC LETTER BEH}" * 10_000,
    "\N{RIGHT-TO-LEFT OVERRIDE}abc\N{POP DIRECTIONAL FORMATTING}" * 20,
    "\N{LEFT-TO-RIGHT ISOLATE}" * 300 + "never closed",
    "z\N{ZERO WIDTH SPACE}e\N{ZERO WIDTH JOINER}r\N{ZERO WIDTH NON-JOINER}o",
    "stack" + "\N{COMBINING ACUTE ACCENT}" * 400,
    "\N{ROCKET}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}",
    "nul\0esc\x1b@\x1dV\x00dle\x10\x14\x01\x00\x05 tab\t line\n cr\r",
    "lone \ud800 half",
    "\N{ARABIC LIGATURE BISMILLAH AR-RAHMAN AR-RAHEEM}" * 100,
    "\N{ARABIC TATWEEL}" * 500,
    "-" * 500,
    "1-" * 250,
    "(" * 500,
    "",
    " ",
)
"""What a name may be in the worst case."""

_WORDS: Final = st.text(max_size=60) | st.sampled_from(HOSTILE)
_BLOCKS: Final = st.one_of(
    st.builds(
        Text,
        _WORDS,
        align=st.sampled_from(["start", "center", "end"]),
        strong=st.booleans(),
        big=st.booleans(),
        indented=st.booleans(),
    ),
    st.builds(Pair, _WORDS, _WORDS, strong=st.booleans(), big=st.booleans()),
    st.builds(
        Table,
        st.lists(_WORDS, max_size=8).map(tuple),
        st.lists(st.lists(_WORDS, max_size=8).map(tuple), max_size=3).map(tuple),
    ),
    st.builds(Qr, _WORDS),
    st.builds(Barcode, _WORDS),
    st.sampled_from([Rule(), Gap(), Logo()]),
)


def documents(blocks: st.SearchStrategy[Block] = _BLOCKS) -> st.SearchStrategy[Document]:
    """Documents of any words."""
    return st.builds(
        Document,
        language=st.sampled_from(LANGUAGES),
        blocks=st.lists(blocks, max_size=5).map(tuple),
        copy_mark=st.none() | _WORDS,
    )
