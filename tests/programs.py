"""A shop of running programs, as its tests see it: callers with tokens, and one way to wait.

A `Shop` is a hub and one gateway as processes, with a line between them that can be cut. Tests that
share one use SKUs of their own (`Shop.product` makes one), so that they never meet.
"""

import asyncio
import contextlib
import io
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp

import cloud_hub.__main__
import gateway.__main__
from devices.sim.wan import SimWan
from replication.adapters.sqlite import connect
from scripts.processes import PROJECT, Program, Programs

PATIENCE_S: Final = 45.0
"""What does not become true within this is not going to."""

LOOK_S: Final = 0.02

COMMANDS: Final = {"gateway": gateway.__main__.main, "cloud_hub": cloud_hub.__main__.main}

T = TypeVar("T")

_numbers = itertools.count(1)


def fresh(prefix: str) -> str:
    """A name that nothing else in this run has: a SKU, a key."""
    return f"{prefix}-{next(_numbers)}"


async def until(look: Callable[[], Awaitable[T | None]], *, within_s: float = PATIENCE_S) -> T:
    """Look again and again until the answer is something; the one way to wait in these tests."""
    async with asyncio.timeout(within_s):
        while not (found := await look()):  # noqa: ASYNC110 - other processes set no events
            await asyncio.sleep(LOOK_S)
    return found


def told(program: str, *arguments: str) -> str:
    """What an administrative command prints.

    Run inside this process, because starting Python costs half a second; `test_enrolment` runs the
    commands as programs.
    """
    printed = io.StringIO()
    before, sys.argv = sys.argv, [program, *arguments]
    try:
        with contextlib.redirect_stdout(printed):
            COMMANDS[program]()
    finally:
        sys.argv = before
    return printed.getvalue().strip()


async def run(*arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program of ours to its end, as a process; its exit status and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *arguments,
        cwd=PROJECT,
        env={**os.environ, **(environment or {})},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            _, complaint = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, complaint.decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the program says
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def slug(self) -> str:
        """The end of the problem's type; fails on what is no problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        problem = self.json
        assert problem["status"] == self.status
        assert problem["title"]
        assert problem["detail"]
        return str(problem["type"]).rpartition("/")[2]

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and slug."""
        return self.status, self.slug

    @property
    def witness(self) -> str:
        """The gateway's witness."""
        return self.headers["Countertop-Witness"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody with a token, or without one, at one program."""

    client: aiohttp.ClientSession
    url: str
    token: str | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Any request; `raw` goes out as it is, `body` as JSON."""
        sent = dict(headers or {})
        if self.token is not None:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        if raw is None and body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            sent.setdefault("Content-Type", "application/json")
        data = None if raw is None else io.BytesIO(raw)
        async with self.client.request(
            method, self.url + path, data=data, headers=sent, allow_redirects=False
        ) as response:
            read = await response.read()
            return Reply(status=response.status, headers=response.headers, body=read)

    async def get(self, path: str) -> Reply:
        """Look something up; any answer."""
        return await self.ask("GET", path)

    async def read(self, path: str) -> Any:  # noqa: ANN401 - whatever the program says
        """Look something up that is there."""
        reply = await self.get(path)
        assert reply.status == 200, reply
        return reply.json

    async def post(self, path: str, body: object, *, key: str | None = None) -> Reply:
        """Change something; a fresh key when none is given."""
        return await self.ask(
            "POST", path, body=body, headers={"Idempotency-Key": key or fresh("key")}
        )

    async def done(self, path: str, body: object, *, key: str | None = None) -> Any:  # noqa: ANN401
        """Change something that can be changed; the record."""
        reply = await self.post(path, body, key=key)
        assert reply.status == 201, reply
        return reply.json

    async def granted(self, path: str, body: object) -> Any:  # noqa: ANN401
        """Change something that the other side has to lend for; the record.

        Asked again with its key, because on a busy machine the 300 ms of a borrow may pass.
        """
        key = fresh("key")

        async def ask() -> Reply | None:
            reply = await self.post(path, body, key=key)
            return None if reply.status == 409 and reply.slug == "quota-short" else reply

        reply = await until(ask)
        assert reply.status == 201, reply
        return reply.json

    async def all(self, path: str) -> list[Any]:
        """All items of a list, page by page."""
        items: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            mark = "&" if "?" in path else "?"
            page = await self.read(f"{path}{mark}limit=500{cursor and '&cursor=' + cursor}")
            items += page["items"]
            cursor = page["next_cursor"]
        return items


def sale_of(sku: str, quantity: int = 1, *, register: str = "till-1", cash: int = 0) -> Any:  # noqa: ANN401
    """The body of a sale of one line; without `cash` it is paid with plenty."""
    return {
        "register": register,
        "lines": [{"sku": sku, "quantity": quantity}],
        "tenders": [{"type": "cash", "amount_minor": cash or 10**9}],
    }


def order_of(
    sku: str, quantity: int = 1, *, payment: str = "paid", pickup: str | None = "riverside"
) -> Any:  # noqa: ANN401
    """The body of an order of one line; without a place to pick it up it is shipped."""
    way = {"type": "ship"} if pickup is None else {"type": "pickup", "location": pickup}
    return {"lines": [{"sku": sku, "quantity": quantity}], "fulfilment": way, "payment": payment}


@dataclass(slots=True, kw_only=True)
class Shop:
    """A hub, a line, a gateway, and people with tokens at both."""

    programs: Programs
    client: aiohttp.ClientSession
    wan: SimWan
    hub: Program
    gateway: Program
    location: str
    options: Sequence[str]
    hub_config: Path | None
    admin: Caller = field(init=False)
    storefront: Caller = field(init=False)
    auditor: Caller = field(init=False)
    cashier: Caller = field(init=False)
    supervisor: Caller = field(init=False)
    manager: Caller = field(init=False)
    technician: Caller = field(init=False)

    def __post_init__(self) -> None:
        """Everyone gets a token."""
        for role in ("admin", "storefront", "auditor"):
            setattr(self, role, self.at_hub(role))
        for role in ("cashier", "supervisor", "manager", "technician"):
            setattr(self, role, self.at_gateway(role))

    @property
    def gateway_data(self) -> Path:
        """The gateway's data directory."""
        return self.programs.root / self.location

    def at_hub(self, role: str) -> Caller:
        """A new token of the hub."""
        data = str(self.programs.root / "hub")
        token = told("cloud_hub", "token", "--data", data, "--role", role)
        return Caller(client=self.client, url=self.hub.url, token=token)

    def at_gateway(self, role: str, *, register: str | None = None) -> Caller:
        """A new token of the gateway."""
        arguments = ["token", "--data", str(self.gateway_data), "--role", role]
        arguments += [] if register is None else ["--register", register]
        return Caller(client=self.client, url=self.gateway.url, token=told("gateway", *arguments))

    def code(self, location: str, *more: str) -> str:
        """A new enrolment code."""
        data = str(self.programs.root / "hub")
        return told(
            "cloud_hub", "enrol", "--data", data, "--location", location, "--name", location, *more
        )

    async def start_gateway(self) -> None:
        """Start the gateway again where it was, after it was stopped or killed."""
        self.gateway = await self.programs.gateway(
            self.location,
            hub_url=f"http://{self.wan.host}:{self.wan.port}",
            listen=f"127.0.0.1:{self.gateway.port}",
            options=self.options,
        )

    async def start_hub(self) -> None:
        """Start the hub again where it was, after it was stopped or killed."""
        self.hub = await self.programs.hub(
            listen=f"127.0.0.1:{self.hub.port}", config=self.hub_config
        )

    async def product(self, *, price: int = 100, stock: int = 0, **more: object) -> str:
        """A new product that the gateway knows, with so many units received in the store."""
        sku = fresh("SKU")
        body = {"name": f"Thing {sku}", "price_minor": price, "currency": "USD"}
        body |= {"tax_class": "standard", "barcodes": []} | more
        reply = await self.admin.ask("PUT", f"/v1/products/{sku}", body=body)
        assert reply.status == 201, reply

        async def known() -> bool:
            return (await self.technician.get(f"/v1/products/{sku}")).status == 200

        await until(known)
        if stock:
            await self.receive(sku, stock)
        return sku

    async def receive(self, sku: str, quantity: int) -> None:
        """Goods arrive, and the hub hears of them when it can."""
        lines = [{"sku": sku, "quantity": quantity}]
        await self.manager.done("/v1/stock/receipts", {"lines": lines, "reference": "paper"})
        if (await self.status())["link"]["state"] == "connected":
            await self.settled()

    async def status(self) -> Any:  # noqa: ANN401 - whatever the program says
        """The gateway's figures."""
        return await self.technician.read("/v1/status")

    async def connected(self) -> None:
        """Wait until both ends know of each other."""

        async def both() -> bool:
            links = [(await self.status())["link"], (await self.fleet())["link"]]
            return {link["state"] for link in links} == {"connected"}

        await until(both)

    async def fleet(self) -> Any:  # noqa: ANN401 - whatever the program says
        """The gateway's row at the hub."""
        rows = await self.admin.all("/v1/locations")
        return next(row for row in rows if row["id"] == self.location)

    async def settled(self) -> None:
        """Wait until the hub has the whole journal and the gateway has the whole feed."""

        async def quiet() -> bool:
            row = await self.fleet()
            journal = (await self.status())["journal"]
            return bool(
                row["feed"]["cursor"] == row["feed"]["newest"]
                and row["journal"]["seq"] == journal["last_seq"] == journal["acknowledged_seq"]
            )

        await until(quiet)

    async def stock(self, sku: str) -> Any:  # noqa: ANN401 - whatever the program says
        """One SKU at the gateway."""
        return await self.cashier.read(f"/v1/stock/{sku}")

    async def hub_stock(self, sku: str) -> Any:  # noqa: ANN401 - whatever the program says
        """One SKU at the hub, at this location, without the time."""
        places = (await self.admin.read(f"/v1/stock/{sku}"))["locations"]
        row = next(place for place in places if place["location"] == self.location)
        return {name: value for name, value in row.items() if name != "last_heard"}

    async def offered(self, sku: str) -> int:
        """What may be offered online."""
        return int((await self.admin.read(f"/v1/availability/{sku}"))["available_online"])

    async def picture(self) -> dict[str, object]:
        """Everything that a refused request must leave as it was."""
        return {
            "journal": self._entries(),
            "stock": await self.cashier.all("/v1/stock"),
            "sales": [sale["id"] for sale in await self.cashier.all("/v1/sales")],
            "orders": [(one["id"], one["status"]) for one in await self.admin.all("/v1/orders")],
            "movements": len(await self.admin.all("/v1/movements")),
        }

    def _entries(self) -> int:
        """Entries of the gateway's journal, but for those that tell of tokens when it is time."""
        connection = connect(self.gateway_data / "gateway.db", read_only=True)
        try:
            row = connection.execute("SELECT count(*) FROM entry WHERE kind <> 'tokens'").fetchone()
        finally:
            connection.close()
        assert row is not None, "an aggregate always answers"
        return int(row[0])

    @contextlib.asynccontextmanager
    async def nothing_changes(self) -> AsyncIterator[None]:
        """Check that the block leaves stock, journal, sales and orders as they were."""
        await self.settled()
        before = await self.picture()
        yield
        after = await self.picture()
        changed = {
            name: (before[name], after[name]) for name in before if before[name] != after[name]
        }
        assert not changed, changed


@contextlib.asynccontextmanager
async def open_shop(
    root: Path,
    *,
    location: str = "riverside",
    options: Sequence[str] = (),
    hub_config: Path | None = None,
) -> AsyncIterator[Shop]:
    """Start a hub, a line and an enrolled gateway; all of it ends with the block."""
    connector = aiohttp.TCPConnector(limit=0)
    async with Programs(root) as programs, aiohttp.ClientSession(connector=connector) as client:
        hub = await programs.hub(config=hub_config)
        async with SimWan.listening(to=("127.0.0.1", hub.port)) as wan:
            data = str(root / "hub")
            code = told(
                "cloud_hub", "enrol", "--data", data, "--location", location, "--name", "Riverside"
            )
            every = ("--no-mdns", *options)
            gateway_program = await programs.gateway(
                location, hub_url=f"http://{wan.host}:{wan.port}", code=code, options=every
            )
            shop = Shop(
                programs=programs,
                client=client,
                wan=wan,
                hub=hub,
                gateway=gateway_program,
                location=location,
                options=every,
                hub_config=hub_config,
            )
            await shop.connected()
            yield shop
