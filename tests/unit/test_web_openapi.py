"""Goal: the description says what the door does, for every row, and its references lead somewhere.

Method: documents of a few rows and of the sample program, looked at in parts and as a whole.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.web_samples import Line, MakeClient, OrdersQuery, Sale, sample_program
from web.endpoint import Answer, Call, Endpoint
from web.openapi import openapi_document, openapi_endpoint
from web.paging import Paged
from web.problems import Slug


async def answer_nothing(_call: Call[Any]) -> Answer:
    return Answer(204)


ROWS = [
    Endpoint(
        method="POST",
        path="/v1/sales",
        summary="Ring up a sale",
        roles=frozenset({"cashier", "manager"}),
        handler=answer_nothing,
        body=Sale,
        answer=Paged[Line],
        status=201,
        idempotent=True,
        refusals=(Slug.QUOTA_SHORT, Slug.UNKNOWN_PRODUCT),
    ),
    Endpoint(
        method="GET",
        path=r"/v1/orders/{id:\d+}/events",
        summary="Events",
        roles=None,
        handler=answer_nothing,
        query=OrdersQuery,
        answer=Paged[Line],
    ),
    Endpoint(
        method="POST",
        path="/v1/orders/{id}/print",
        summary="Print",
        roles=frozenset({"cashier"}),
        handler=answer_nothing,
        status=204,
        idempotent=True,
    ),
    Endpoint(
        method="GET",
        path="/v1/live",
        summary="Live",
        roles=frozenset({"cashier"}),
        handler=answer_nothing,
        websocket=True,
    ),
    Endpoint(
        method="GET",
        path="/status",
        summary="Page",
        roles=None,
        handler=answer_nothing,
        media_type="text/html",
    ),
]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi_document(ROWS, title="Sample", version="7")


def references(node: object) -> Iterator[str]:
    match node:
        case {"$ref": str(target)}:
            yield target
        case dict():
            for value in node.values():
                yield from references(value)
        case list():
            for value in node:
                yield from references(value)


def test_it_is_openapi_3_1_with_the_title_and_version_of_the_program(
    document: dict[str, Any],
) -> None:
    assert document["openapi"] == "3.1.0"
    assert document["info"] == {"title": "Sample", "version": "7"}


def test_every_reference_leads_to_a_schema(document: dict[str, Any]) -> None:
    found = set(references(document))

    schemas = document["components"]["schemas"]
    assert found
    assert all(one.removeprefix("#/components/schemas/") in schemas for one in found)


def test_limits_of_a_body_are_those_that_decode_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert schemas["Sale"]["additionalProperties"] is False
    assert schemas["Sale"]["properties"]["lines"]["maxItems"] == 20
    assert schemas["Line"]["properties"]["quantity"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000_000,
    }


def test_an_idempotent_post_wants_its_key_and_lists_all_refusals(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/sales"]["post"]

    (key,) = operation["parameters"]
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)
    assert operation["requestBody"]["required"] is True
    assert sorted(operation["responses"]) == [
        "201", "400", "401", "403", "404", "409", "413", "422", "429", "500", "503"
    ]  # fmt: skip
    assert operation["responses"]["409"]["description"] == "conflict, quota-short"
    assert operation["security"] == [{"token": []}]
    assert "cashier, manager" in operation["description"]


def test_query_structs_become_parameters_and_are_no_schemas(document: dict[str, Any]) -> None:
    operation = document["paths"]["/v1/orders/{id}/events"]["get"]

    by_name = {one["name"]: one for one in operation["parameters"]}
    assert list(by_name) == ["id", "limit", "cursor", "status", "sku", "open"]
    assert by_name["limit"]["schema"] == {
        "type": "integer", "minimum": 1, "maximum": 500, "default": 100
    }  # fmt: skip
    assert not by_name["limit"]["required"]
    assert "OrdersQuery" not in document["components"]["schemas"]
    assert operation["security"] == []


def test_an_idempotent_post_without_data_takes_an_optional_empty_body(
    document: dict[str, Any],
) -> None:
    operation = document["paths"]["/v1/orders/{id}/print"]["post"]

    assert operation["requestBody"]["required"] is False
    assert operation["responses"]["204"] == {"description": "No Content"}


def test_sockets_and_pages_are_described_as_what_they_are(document: dict[str, Any]) -> None:
    assert "101" in document["paths"]["/v1/live"]["get"]["responses"]
    page = document["paths"]["/status"]["get"]["responses"]["200"]
    assert page["content"] == {"text/html": {}}


def test_two_structs_of_one_name_are_told_apart() -> None:
    other = msgspec.defstruct("Sale", [("total_minor", int)], module="elsewhere")
    row = Endpoint(
        method="GET",
        path="/v1/other",
        summary="Other",
        roles=None,
        handler=answer_nothing,
        answer=other,
    )

    document = openapi_document([*ROWS, row], title="Sample", version="7")

    schemas = document["components"]["schemas"]
    assert {"elsewhere.Sale", "tests.web_samples.Sale"} <= schemas.keys()
    assert {one.removeprefix("#/components/schemas/") for one in references(document)} <= {*schemas}
    answer = document["paths"]["/v1/other"]["get"]["responses"]["200"]["content"]
    assert answer["application/json"]["schema"]["$ref"].endswith("/elsewhere.Sale")


def test_operation_ids_are_unique_names(document: dict[str, Any]) -> None:
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]

    assert len(set(ids)) == len(ids) == len(ROWS)
    assert all(one.isidentifier() for one in ids)


def test_the_row_describes_itself_too() -> None:
    row = openapi_endpoint(ROWS, title="Sample", version="7")

    assert (row.method, row.path, row.roles) == ("GET", "/openapi.json", None)


async def test_every_route_of_a_program_is_described(aiohttp_client: MakeClient) -> None:
    program = sample_program()
    client = await aiohttp_client(program.app)

    document = await (await client.get("/openapi.json")).json()

    routes = {
        (route.method.lower(), route.resource.canonical)
        for route in program.app.router.routes()
        if route.resource is not None and route.method not in {"*", "HEAD"}
    }
    assert routes == {(method, path) for path, row in document["paths"].items() for method in row}
