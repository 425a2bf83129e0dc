"""The tables that a store's programs keep, beside those that every replica keeps.

A register that sells alone has them too: it decides with the same code, on a file of its own.
"""

from typing import Final

from replication.adapters.sqlite import REPLICA, Migrations

SERIES: Final = (REPLICA, Migrations("gateway", "gateway.storage"))
"""All schema files of a gateway's or a register's file."""
