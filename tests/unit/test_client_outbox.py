"""Goal: what the register wrote down survives it, and belongs to one place and one program.

Method: each test closes the file and opens it again, which is what a restart sees.
"""

from pathlib import Path

import pytest

from gateway.client.outbox import FILE, OpenSale, Outbox, OutboxElsewhere
from gateway.client.witness import Witness
from replication.adapters.sqlite import connect
from replication.errors import SchemaTooNew, StorageFailed


def open_sale(key: str, written_ms: int = 1) -> OpenSale:
    return OpenSale(key=key, body=b'{"lines": []}', written_ms=written_ms)


def sale(seq: int) -> dict[str, object]:
    return {"id": f"riverside.1-{seq}", "writer": "riverside.1", "seq": seq}


def witness(text: str) -> Witness:
    parsed = Witness.parse(text)
    assert parsed is not None
    return parsed


def test_a_question_is_there_after_a_restart_until_it_is_settled(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.write(open_sale("b", 2))
        outbox.write(open_sale("a", 3))
        outbox.write(open_sale("c", 1))
        outbox.write(open_sale("c", 1))
    with Outbox(tmp_path) as outbox:
        assert [one.key for one in outbox.pending()] == ["c", "b", "a"]
        outbox.settle("b", sale(7), witness("riverside.1;7;aa"))
        outbox.settle("c", None, None)
    with Outbox(tmp_path) as outbox:
        assert outbox.pending() == [open_sale("a", 3)]
        assert outbox.done() == [sale(7)]
        assert outbox.witness() == witness("riverside.1;7;aa")


def test_the_highest_witness_stays(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        for text in (
            "riverside.1;7;aa",
            "riverside.1;5;bb",
            "riverside.2;1;cc",
            "riverside.1;9;dd",
        ):
            outbox.remember(witness(text))
    with Outbox(tmp_path) as outbox:
        assert str(outbox.witness()) == "riverside.2;1;cc"


def test_acknowledged_sales_stay_until_the_hub_has_them(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        for seq in (3, 10, 9):
            outbox.settle(f"key-{seq}", sale(seq), None)

        assert outbox.forget("riverside.2", 100) == 0
        assert outbox.forget("riverside.1", 9) == 2
        assert outbox.done() == [sale(10)]


def test_sales_of_one_place_are_never_asked_about_at_another(tmp_path: Path) -> None:
    with Outbox(tmp_path) as outbox:
        outbox.settle_at("riverside")
        outbox.write(open_sale("a"))
        with pytest.raises(OutboxElsewhere, match="1 sales here belong to riverside, not to hill"):
            outbox.settle_at("hill")
        outbox.settle("a", sale(1), witness("riverside.1;1;aa"))
        with pytest.raises(OutboxElsewhere):
            outbox.settle_at("hill")
        outbox.forget("riverside.1", 1)

        outbox.settle_at("hill")

        assert outbox.location() == "hill"
        assert outbox.witness() is None


def test_one_program_has_the_file(tmp_path: Path) -> None:
    with Outbox(tmp_path), pytest.raises(StorageFailed, match="in use by another"):
        Outbox(tmp_path)
    Outbox(tmp_path).close()


def test_a_file_of_a_newer_program_is_left_as_it_is(tmp_path: Path) -> None:
    Outbox(tmp_path).close()
    connection = connect(tmp_path / FILE)
    connection.execute("UPDATE schema_version SET version = 99")
    connection.close()
    before = (tmp_path / FILE).read_bytes()

    with pytest.raises(SchemaTooNew):
        Outbox(tmp_path)

    assert (tmp_path / FILE).read_bytes() == before


def test_what_is_not_a_database_is_refused_and_let_go(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database " * 400)

    for _ in range(2):
        with pytest.raises(StorageFailed, match="cannot be opened"):
            Outbox(tmp_path)


def test_a_question_is_not_kept_with_its_answer(tmp_path: Path) -> None:
    body = b'{"override": {"pin": "73312986"}}'
    with Outbox(tmp_path) as outbox:
        outbox.write(OpenSale(key="a", body=body, written_ms=1))
        outbox.settle("a", sale(1), None)

        assert "73312986" not in str(outbox.done())


def test_sales_of_boxes_before_are_handed_in_and_kept_until_the_hub_has_them(
    tmp_path: Path,
) -> None:
    order = {"order": {}, "payment": {"id": "riverside.1-9"}}
    with Outbox(tmp_path) as outbox:
        for key, done in (("a", sale(7)), ("b", sale(8)), ("c", order), ("d", sale(10))):
            outbox.settle(key, done, None)
        outbox.settle("e", sale(11) | {"writer": "riverside.3", "id": "riverside.3-11"}, None)

        assert outbox.orphans(1, (), 10) == []
        assert [key for key, _ in outbox.orphans(3, (), 10)] == ["a", "b", "d"]
        assert [key for key, _ in outbox.orphans(3, {"b"}, 1)] == ["a"]
        outbox.handed_in("a", ("riverside.3", 20))
        outbox.handed_in("b", None)
    with Outbox(tmp_path) as outbox:
        assert [key for key, _ in outbox.orphans(3, (), 10)] == ["d"]
        assert [key for key, _ in outbox.orphans(4, (), 10)] == ["d", "e", "a"]
        assert outbox.forget("riverside.3", 20) == 2
        assert outbox.done() == [order, sale(10)]
