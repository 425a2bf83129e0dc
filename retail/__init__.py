"""What a shop knows: money, catalogue, tax, pricing, sales, orders. Pure functions and values.

Nothing here reads a clock, a file or a socket; the gateway and the hub call the same rules.
README.md has the theory.
"""
