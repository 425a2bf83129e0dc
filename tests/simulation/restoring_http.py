"""A new box takes over from the hub: the product's own code over the simulated line."""

from contextlib import nullcontext
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec

from gateway.lives.takeover import PAGE_S_MAX, HubUnready, Takeover
from gateway.shop import Shop
from replication.adapters.group_commit import GroupCommit
from replication.adapters.sqlite import ReplicaStore
from tests.simulation.hub_http import SimHubLine

T = TypeVar("T")


class SimTakeover(Takeover):
    """`Takeover`, with pages that come over a store's simulated line."""

    def __init__(
        self, line: SimHubLine, shop: Shop, writer: GroupCommit, reader: ReplicaStore
    ) -> None:
        super().__init__("http://hub", shop, writer, reader, changed=lambda: None)
        self._line = line

    def _client(self) -> Any:  # noqa: ANN401 - nobody uses it
        return nullcontext()

    async def _told(
        self, client: aiohttp.ClientSession, path: str, decoder: "msgspec.json.Decoder[T]"
    ) -> T:
        del client
        answer = await self._line.get(path, within_s=PAGE_S_MAX)
        if answer is None:
            raise HubUnready("the hub is not heard")
        if answer.status != HTTPStatus.OK:
            raise HubUnready(f"the hub says {answer.status}: {answer.body.decode()}")
        return decoder.decode(answer.body)
