"""A gateway's data directory as an enrolment leaves it, for tests that have no hub."""

from pathlib import Path
from typing import Final

from gateway.app import open_database
from gateway.identity import Identity, store_identity
from replication.adapters.sqlite import ReplicaStore, transaction

CHAIN: Final = "0123456789abcdef"


def identity_of(location: str) -> Identity:
    """What a hub would have answered."""
    return Identity(
        writer=f"{location}.1",
        name=location,
        kind="store",
        parent="hub.1",
        jurisdiction="home",
        timezone="UTC",
        token="none",  # noqa: S106
        chain=CHAIN,
    )


def enrolled_directory(data: Path, location: str) -> None:
    """Make a data directory; `store-gateway serve` starts on it, whatever its hub."""
    data.mkdir(parents=True)
    connection = open_database(data)
    with transaction(connection):
        store_identity(ReplicaStore(connection), identity_of(location))
    connection.close()
