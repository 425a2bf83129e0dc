"""Benchmarks: on this machine, each figure against a peer or limit of the same run.

    load          the load generator: raw HTTP/1.1 over kept connections, in a process of its own
    disk          what the disk alone can do: fdatasync, one-row commits
    figures       rows, quantiles, the table and the JSON
    sale          durable three-line sales at one gateway
    propagate     from a till's commit to what the hub offers online, over many gateways
    replacement   a store's box is dead, and another takes its place
    price         (price_change) a new price at head office, until many stores' lookups show it
    fill          a new store hears of a whole catalogue
    loaded_hub    a hub's catalogue made fast
    loaded_store  a store's journal made fast
    trading_store a chain whose store has traded for a while
    new_box_page  what a new box's status page says while it takes over
    raw_transfer  what it takes over, as bare rows
    basket        pricing with promotions, in this process

All but basket start real programs.

Run it with ``scripts/bench`` or ``python -m scripts.benchmarks [NAME ...] [--json]``. Machines and
their noise differ; ratios of one run are what counts, and rounds of the two sides alternate so that
noise hits both.
"""
