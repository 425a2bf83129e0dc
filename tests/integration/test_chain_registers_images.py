"""Goal: a register that runs from an old copy of its disk loses no sale, and nothing counts twice.

Method: a chain in one process. A register's directory is copied, sells on, alone, beside what the
register did since, and meets its gateway again: as its next incarnation, or to hand over alone.
"""

from functools import partial

import msgspec
import pytest

from cloud_hub.lives import rows
from gateway.client import images as client_images
from gateway.lives.recovered import told_more
from gateway.registers.identity import ImageOf
from gateway.registers.listing import images_since, recovered
from replication.errors import PeerViolation
from tests.chain_sides import ShopSide, command, sale_of
from tests.life_chain import LifeChain
from tests.register_chain import RegisterSide, kinds, sold
from tests.register_images import asks, booted, common_of, copied, detail, goes_on
from tests.uses_asked import sell as sell_with
from web.journal_pages import SalesQuery, sales_page
from web.once import Done

NOBODY = "0" * 64


def ids_here(shop: ShopSide) -> list[str]:
    """The ids of the sales that the gateway lists."""
    page = sales_page(shop.state.store, SalesQuery(limit=500), *told_more(shop.state.store))
    return [str(msgspec.json.decode(record)["id"]) for record in page.items]


def ids_at_hub(lives: LifeChain) -> list[str]:
    """The same of the hub."""
    hub = lives.hub.state
    more = rows.told_again(hub.connection), rows.told_otherwise(hub.connection)
    page = sales_page(hub.store, SalesQuery(limit=500), *more)
    return [str(msgspec.json.decode(record)["id"]) for record in page.items]


def stands(lives: LifeChain, units: int) -> None:
    """So many are on the shelf, at both ends, and the books agree."""
    shop = lives.shops["riverside"]
    assert shop.state.counter("tea").levels().on_hand == units
    assert lives.hub.counter("riverside", "tea").levels().on_hand == units
    lives.check("tea", "jam")


@pytest.fixture
def copy(lives: LifeChain, own_till: RegisterSide) -> RegisterSide:
    """An old copy of the register that has sold 2, while the register sold 1; 37 are there."""
    sold(own_till.sell("tea"))
    lives.meet(own_till)
    image = copied(lives, own_till)
    own_till.restart()
    sold(own_till.sell("tea"))
    lives.meet(own_till)
    lives.cut(own_till)
    copy = booted(lives, image, own_till)
    sold(copy.sell("tea", 2))
    return copy


def test_what_an_old_copy_sold_is_booked_once_by_its_next_incarnation(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, copy: RegisterSide
) -> None:
    kept = kinds(old)

    new = goes_on(lives, copy)
    lives.meet(new)
    lives.sync()

    assert (new.writer, own_till.row.state) == ("riverside.till-1.2", "replaced")
    assert new.row.is_living
    assert new.row.image_of == own_till.writer
    assert "register_enrolled" in kinds(old)[len(kept) :]
    stands(lives, 36)
    ids = ["riverside.till-1.1-2", "riverside.till-1.1-4", "riverside.till-1.2-1"]
    assert sorted(ids_here(old)) == ids
    assert sorted(ids_at_hub(lives)) == ids
    assert recovered(old.state.connection, new.row) == (1, 2)
    sold(new.sell("tea"))
    lives.meet(new)
    lives.sync()
    stands(lives, 35)


def test_what_the_shops_own_stock_does_not_cover_is_a_shortage(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, copy: RegisterSide
) -> None:
    units = copy.quota("tea")
    sold(copy.sell("tea", units))
    while (left := old.state.quota("tea")) > 0:
        sold(old.sell("tea", left))
    lives.sync()

    new = goes_on(lives, copy)
    lives.meet(new)

    assert old.state.counter("tea").deficit() == units + 2
    lives.sync()
    assert recovered(old.state.connection, new.row) == (2, units + 2)
    lives.check("tea", "jam")
    frozen = old.state.counter("tea").quota(own_till.writer)
    assert frozen > 0
    assert old.state.counter("tea").deficit() <= units + 2


def test_a_key_that_was_asked_with_is_known_to_the_next_incarnation(
    lives: LifeChain, own_till: RegisterSide
) -> None:
    before, since = command(), command()
    request = sale_of("tea", 1)
    first = own_till.commit(lambda: sell_with(own_till.state, before, request))
    lives.meet(own_till)
    image = copied(lives, own_till)
    sold(own_till.sell("tea"))
    lives.meet(own_till)
    lives.cut(own_till)
    copy = booted(lives, image, own_till)
    second = copy.commit(lambda: sell_with(copy.state, since, request))

    new = goes_on(lives, copy)
    lives.meet(new)

    for asked, answered in ((before, first), (since, second)):
        again = new.commit(partial(sell_with, new.state, asked, request))
        assert isinstance(again, Done)
        assert isinstance(answered, Done)
        assert again.record == answered.record
    lives.sync()
    stands(lives, 37)


def test_so_is_one_of_a_sale_that_is_not_kept_any_more(
    lives: LifeChain, copy: RegisterSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, request = command(), sale_of("tea", 1)
    first = copy.commit(lambda: sell_with(copy.state, asked, request))
    monkeypatch.setattr(client_images, "KEPT_ENTRIES", 0)
    monkeypatch.setattr(client_images, "FLUSH_ENTRIES", 1)

    new = goes_on(lives, copy)
    lives.meet(new)

    again = new.commit(lambda: sell_with(new.state, asked, request))
    assert isinstance(first, Done)
    assert isinstance(again, Done)
    assert again.record == first.record
    assert recovered(new.gateway.state.connection, new.row) == (2, 3)
    lives.sync()
    stands(lives, 35)


def test_a_copy_beside_the_register_hands_over_and_stays_off(
    lives: LifeChain, old: ShopSide, own_till: RegisterSide, copy: RegisterSide
) -> None:
    lives.connect(own_till)

    other = goes_on(lives, copy, is_heard=True)
    lives.replay(other)
    other.seal()
    lives.replay(other)
    lives.sync()

    assert (other.row.state, other.row.sealed) == ("replaced", True)
    assert own_till.row.is_living
    sold(own_till.sell("tea"))
    lives.meet(own_till)
    lives.sync()
    stands(lives, 35)
    [told] = images_since(old.state.connection, 0)
    assert (told.writer, told.stays_off, told.sales, told.units) == (other.writer, True, 1, 2)
    third = lives.register(old)
    assert (third.writer, own_till.row.state) == ("riverside.till-1.3", "replaced")


def test_the_same_copy_put_back_once_more_goes_on_again(
    lives: LifeChain, own_till: RegisterSide, copy: RegisterSide
) -> None:
    again = lives.image(copy)
    second = goes_on(lives, copy)
    lives.meet(second)
    lives.cut(second)
    back = booted(lives, again, own_till)
    sold(back.sell("tea", 3))

    third = goes_on(lives, back)
    lives.meet(third)
    lives.sync()
    lives.sync()

    assert third.writer == "riverside.till-1.3"
    assert third.row.is_living
    assert second.row.state == "replaced"
    # The two units that both have told of are booked back: 40 - 1 - 1 - 2 - 3.
    stands(lives, 33)
    assert len(lives.sales()) == 4


def test_sales_that_the_register_itself_had_not_sent_keep_their_ids(
    lives: LifeChain, own_till: RegisterSide, copy: RegisterSide
) -> None:
    late = sold(own_till.sell("tea"))
    assert sold(copy.sell("tea")) == late
    new = goes_on(lives, copy)
    lives.meet(new)
    lives.sync()

    own_till.seal()
    lives.replay(own_till)
    lives.sync()

    stands(lives, 34)
    ids = ids_at_hub(lives)
    assert late in ids
    assert len(ids) == len(set(ids)) == 5
    assert lives.state_of_register(own_till.writer) == ("replaced", 1)


def test_a_new_gateway_knows_what_became_of_it(
    lives: LifeChain, own_till: RegisterSide, copy: RegisterSide
) -> None:
    new = goes_on(lives, copy)
    lives.meet(new)
    lives.sync()

    box = lives.replace("riverside")

    told = [one for one in lives.registers_told(box) if one.writer == new.writer]
    assert [msgspec.json.decode(one.enrolled)["image_of"] for one in told] == [own_till.writer]


def test_asked_again_it_is_the_same_incarnation(
    old: ShopSide, own_till: RegisterSide, copy: RegisterSide
) -> None:
    common = common_of(copy)
    claim = ImageOf(writer=copy.writer, seq=common.seq, hash=common.hash.hex())
    first = asks(copy, claim, box="0123456789abcdef")
    head = old.state.ledger.head

    second = asks(copy, claim, box="0123456789abcdef", is_heard=True)

    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert msgspec.json.decode(second.record)["writer"] == "riverside.till-1.2"
    assert old.state.ledger.head == head
    assert not own_till.row.is_living


@pytest.mark.parametrize(
    ("changes", "name", "said"),
    [
        ({"writer": "hillside.till-1.1"}, "till-1", "is no register till-1 of riverside"),
        ({"writer": "riverside.till-2.1"}, "till-1", "is no register till-1 of riverside"),
        ({"writer": "riverside.1"}, "till-1", "is no register till-1 of riverside"),
        ({"writer": "riverside.till-1.9"}, "till-1", "is not enrolled at riverside.1"),
        ({"seq": 10**15}, "till-1", "another entry 1000000000000000 of"),
        ({"hash": NOBODY}, "till-1", "Look for the last one that both have"),
        ({"seq": 5}, "till-1", "Look for the last one that both have"),
    ],
)
def test_a_claim_that_cannot_be_true_is_refused_and_changes_nothing(
    old: ShopSide,
    own_till: RegisterSide,
    copy: RegisterSide,
    changes: dict[str, object],
    name: str,
    said: str,
) -> None:
    common, head = common_of(copy), old.state.ledger.head
    claim = ImageOf(writer=copy.writer, seq=common.seq, hash=common.hash.hex())
    claim = msgspec.structs.replace(claim, **changes)

    assert said in detail(asks(copy, claim, box="0123456789abcdef", name=name))

    assert old.state.ledger.head == head
    assert own_till.row.is_living


def test_a_register_that_is_no_copy_stays_what_it_is(own_till: RegisterSide) -> None:
    head = own_till.row.head
    claim = ImageOf(writer=own_till.writer, seq=head.seq, hash=head.hash.hex())

    assert "this is no old copy" in detail(asks(own_till, claim, box="0123456789abcdef"))


@pytest.mark.parametrize(
    "sale", ["riverside.till-2.1-3", "riverside.1-3", "riverside.till-1.2-1", "hillside.till-1.1-3"]
)
def test_a_register_recovers_only_what_it_was_itself(
    lives: LifeChain, copy: RegisterSide, sale: str
) -> None:
    new = goes_on(lives, copy)
    writer, _, seq = sale.rpartition("-")
    record = {"id": sale, "writer": writer, "seq": int(seq)}
    new.commit(
        lambda: new.state.ledger.append(
            "recovered_sale", msgspec.json.encode(record), reference=sale
        )
    )
    held = new.row.head

    with pytest.raises(PeerViolation, match="never its own"):
        lives.replay(new)

    assert new.row.head == held


def test_a_branch_that_does_not_hash_is_not_taken(lives: LifeChain, copy: RegisterSide) -> None:
    new = goes_on(lives, copy)
    first, *rest = lives.entries(new)
    broken = first._replace(body=first.body.replace(b"recovered_sale", b"recovered_tale"))

    with pytest.raises(PeerViolation, match="does not follow"):
        lives.fold(new, [broken, *rest])

    assert new.row.head.seq == 0
    lives.meet(new)
    lives.sync()
    stands(lives, 36)
