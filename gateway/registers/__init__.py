"""This gateway as the parent of registers that sell alone.

A replica register has a journal and a quota of its own and speaks with this gateway as this gateway
speaks with the hub: the same session, the same frames. What it did is stored here verbatim and
travels on inside this gateway's own journal (`docs/decisions/0029`), so that the hub hears a store
in one order in which a grant always comes before what was sold on it. The files are in the README
of `gateway`.
"""
