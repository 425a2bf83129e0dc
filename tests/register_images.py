"""Registers whose disks are copied and put back, in a chain in one process (`tests.life_chain`).

What `gateway.client.images` does on the loop is done here step by step, over the same files.
"""

import secrets
from pathlib import Path

import msgspec

from gateway.client import images as client_images
from gateway.client.images import PARTING, Parting
from gateway.lives.next_life import CameOf, NextLife, begin_next_life, note_next_life
from gateway.registers import images
from gateway.registers.identity import ImageOf, RegisterIdentity, RegisterRequest
from replication.journal import Head
from tests.chain_sides import command
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide
from web.lives import HashQuery
from web.once import Done, Outcome
from web.problems import Problem

DATABASE = "gateway.db"


def copied(chain: LifeChain, register: RegisterSide) -> Path:
    """A copy of a register's disk as it is now."""
    register.commit(register.state.ledger.save)
    return chain.image(register)


def booted(chain: LifeChain, image: Path, register: RegisterSide) -> RegisterSide:
    """A box starts from a copy of that register's disk, and says that it is it."""
    side = chain.register_side(image, register.state.identity)
    side.gateway, side.box = register.gateway, register.box
    chain.registers.append(side)
    return side


def common_of(copy: RegisterSide) -> Head:
    """The last entry that a copy has in common with its gateway."""
    row, store = copy.row, copy.gateway.state.store
    for seq in range(copy.state.ledger.head.seq, -1, -1):
        own = copy.state.store.load_hash(copy.writer, seq)
        held = images.held_hash(store, row, HashQuery(writer=copy.writer, seq=seq)).hash
        if own is not None and own.hex() == held:
            return Head(seq, own)
    raise AssertionError("all journals begin alike")


def asks(
    copy: RegisterSide, claim: ImageOf, *, box: str, name: str = "till-1", is_heard: bool = False
) -> Outcome:
    """A box says that its disk is an old copy."""
    gateway = copy.gateway
    request = RegisterRequest(register=name, box=box, image_of=claim)
    return gateway.commit(
        lambda: images.go_on(gateway.state, command(), request, claim, is_heard=is_heard)
    )


def goes_on(chain: LifeChain, copy: RegisterSide, *, is_heard: bool = False) -> RegisterSide:
    """A copy becomes its next incarnation, in a file of its own; it has heard nothing yet."""
    common, box = common_of(copy), secrets.token_hex(8)
    claim = ImageOf(writer=copy.writer, seq=common.seq, hash=common.hash.hex())
    outcome = asks(copy, claim, box=box, is_heard=is_heard)
    assert isinstance(outcome, Done), outcome
    told = msgspec.json.decode(outcome.record, type=RegisterIdentity)
    identity = msgspec.structs.replace(copy.state.identity, writer=told.writer)
    parting = Parting(box=box, common_seq=common.seq)
    came = CameOf(
        earlier=copy.writer, branch=told.writer, exposed_units=0, register=None,
        at_ms=chain.now_ms(),
    )  # fmt: skip

    def note() -> None:
        store = copy.state.store
        store.set_meta(PARTING, msgspec.json.encode(parting).decode())
        note_next_life(store, NextLife(identity=identity, came=came))

    copy.commit(note)
    data = Path(copy.state.connection.filename).parent
    copy.close()
    chain.registers.remove(copy)
    begin_next_life(data, DATABASE, client_images.carry)
    side = chain.register_side(data, identity)
    side.gateway, side.box = copy.gateway, box
    chain.registers.append(side)
    return side


def detail(outcome: Outcome) -> str:
    """Why not."""
    assert isinstance(outcome, Problem), outcome
    return outcome.detail
