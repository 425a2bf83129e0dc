"""This gateway as the parent of registers that sell alone.

A replica register has a journal and a quota of its own and speaks with this gateway as this gateway
speaks with the hub: the same session, the same frames. What it did is stored here verbatim and
travels on inside this gateway's own journal (`docs/decisions/0029`), so that the hub hears a store
in one order in which a grant always comes before what was sold on it.

    identity     what is said when a register enrols, is listed, is written off
    rows         the registers as they are kept
    enrolment    a box becomes a register's next incarnation; a lost one is written off
    journals     a register's entries on their way into this gateway's file and journal
    reclaiming   what a register that is gone still held comes back
    lending      quota to and from registers
    told         the feed that flows down to them
    links        one session per register
    gathering    what a customer lacks, from registers near by and from the hub
    listing      the registers as people see them
    api          the endpoints
"""
