"""What runs at a register, which finds its gateway and never sells twice or forgets a sale.

There are two kinds, and a register is one of them for good:

    thin       `GatewayClient` commits at the gateway and cannot sell without it
    replica    `ReplicaRegister` always commits in its own journal, on its own part of the stock; it
               sells on when the gateway is away and hands everything over when it is back

Both answer with `SaleDone` or `SaleRefused`. What a thin register owns is the *question*:

* A sale is written with its idempotency key to the `outbox`, durably, before its first byte leaves.
* While the answer is unknown it is asked again, with the same key and the same body, at the same
  place, across lost connections and across a restart of the register. `answers` has the table that
  says which answers end that, and which do not.
* Success and refusal are returned; an unknown outcome is waited for, and seen in
  `GatewayClient.pending`. Cancelling the wait leaves the sale pending, it does not undo it.
* The highest `Witness` of the gateway's journal is kept with the outcome and presented with every
  request, so that a gateway which came back as an older image of itself can be told.

The place is a location, not an address: addresses change. Who answers under an address shows in
``/healthz`` whose gateway it is before it gets a token or a sale; `finding` has the order in which
addresses are tried, and whom it takes.

    place = Place(location="riverside")             # or Place.from_ticket(text of the QR code)
    async with GatewayClient(place, outbox=path, token=token, register="till-1") as register:
        for outcome in await register.resume(): ...
        paid = Tender(type="cash", amount_minor=1000)
        outcome = await register.sell([SaleLine(sku="tea", quantity=2)], [paid])
        way = {"type": "pickup", "location": "harbour"}     # what stands in another store
        ordered = await register.order([SaleLine(sku="jam")], way, [paid])

What a replica register owns is the *sale*: it is decided and durable here before anybody hears of
it, and stays here until the hub has it. Its caller owns the key, and asks again with it after
anything. `store-register` is one at a command line.

    async with ReplicaRegister(directory, place, token=token, register="till-1") as register:
        key = register.new_key()
        outcome = await register.sell([SaleLine(sku="tea", quantity=2)], [paid], key=key)
"""

from gateway.client.answers import OrderDone, Refusal, SaleDone, SaleRefused
from gateway.client.basket import SaleLine, Tender
from gateway.client.finding import GatewayGone, Place
from gateway.client.live import Scan, TokenRefused
from gateway.client.outbox import OutboxElsewhere
from gateway.client.register import GatewayClient, PendingSale, World
from gateway.client.register_file import RegisterRefused
from gateway.client.register_status import RegisterStatus
from gateway.client.replica import ReplicaRegister
from gateway.client.witness import Witness

__all__ = [
    "GatewayClient",
    "GatewayGone",
    "OrderDone",
    "OutboxElsewhere",
    "PendingSale",
    "Place",
    "Refusal",
    "RegisterRefused",
    "RegisterStatus",
    "ReplicaRegister",
    "SaleDone",
    "SaleLine",
    "SaleRefused",
    "Scan",
    "Tender",
    "TokenRefused",
    "Witness",
    "World",
]
