"""The OpenAPI 3.1 description of a program, made from its endpoint table and the types in it.

Nothing is written by hand twice: limits come from the annotations that decode requests, refusals
from the same fields of a row that make the door refuse. The document is made once, at start.
"""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self, TypeAlias

import msgspec

from web.body import Empty
from web.door import IDEMPOTENCY_KEY, KEY_CHARS_MAX
from web.endpoint import JSON_MEDIA_TYPE, Answer, Call, Endpoint
from web.problems import PROBLEM_MEDIA_TYPE, TYPE_PREFIX, Slug

Json: TypeAlias = dict[str, Any]

OPENAPI_VERSION: Final = "3.1.0"
REF_PREFIX: Final = "#/components/schemas/"
PROBLEM_REF: Final[Json] = {"$ref": REF_PREFIX + "Problem"}
PATH_PART: Final = re.compile(r"\{(\w+)(?::[^{}]*)?\}")
"""A variable part of an aiohttp path, perhaps with a pattern, which OpenAPI has no place for."""

PROBLEM_SCHEMA: Final[Json] = {
    "title": "Problem",
    "description": "Problem details (RFC 9457). Branch on the end of `type`, show `detail`.",
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": [TYPE_PREFIX + slug.text for slug in Slug]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
    "required": ["type", "title", "status", "detail"],
}


def openapi_endpoint(endpoints: Sequence[Endpoint], *, title: str, version: str) -> Endpoint:
    """The row that answers `GET /openapi.json`, describing `endpoints` and itself."""
    described: list[bytes] = []

    async def describe(_call: Call[None]) -> Answer:
        return Answer(HTTPStatus.OK, described[0])

    row = Endpoint(
        method="GET",
        path="/openapi.json",
        summary="This description",
        roles=None,
        handler=describe,
        answer=dict[str, Any],
    )
    document = openapi_document([*endpoints, row], title=title, version=version)
    described.append(msgspec.json.encode(document))
    return row


@dataclass(frozen=True, slots=True, kw_only=True)
class _Schemas:
    """All types of a table, named together: two structs of one name get longer names.

    Attributes:
        of_type: each body's, answer's and query's schema, a reference where it has a name.
        components: the schemas that references lead to.
    """

    of_type: Mapping[Any, Json]
    components: Mapping[str, Json]

    @classmethod
    def of_rows(cls, endpoints: Sequence[Endpoint]) -> Self:
        """The schemas of everything that the rows name."""
        named = [
            kind
            for row in endpoints
            for kind in (_body_type(row), row.answer, row.query)
            if kind is not None
        ]
        schemas, components = msgspec.json.schema_components(
            named, ref_template=REF_PREFIX + "{name}"
        )
        return cls(of_type=dict(zip(named, schemas, strict=True)), components=components)

    def name(self, struct: type[msgspec.Struct]) -> str:
        """The name that a struct goes by among the components."""
        reference: str = self.of_type[struct]["$ref"]
        return reference.removeprefix(REF_PREFIX)


def openapi_document(endpoints: Sequence[Endpoint], *, title: str, version: str) -> Json:
    """The whole document as JSON-encodable dicts."""
    schemas = _Schemas.of_rows(endpoints)
    paths: dict[str, Json] = {}
    for row in endpoints:
        path = PATH_PART.sub(r"{\1}", row.path)
        paths.setdefault(path, {})[row.method.lower()] = _operation(row, schemas)
    # Query structs are taken apart into parameters; nothing refers to them.
    taken_apart = {schemas.name(row.query) for row in endpoints if row.query is not None}
    components = {
        name: _tidy(schema)
        for name, schema in schemas.components.items()
        if name not in taken_apart
    }
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**components, "Problem": PROBLEM_SCHEMA},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(row: Endpoint, schemas: _Schemas) -> Json:
    """One row as an operation."""
    operation: Json = {
        "operationId": _operation_id(row),
        "summary": row.summary,
        "parameters": _parameters(row, schemas),
        "responses": _responses(row, schemas),
        "security": [] if row.roles is None else [{"token": []}],
    }
    if row.roles is not None:
        operation["description"] = f"Roles: {', '.join(sorted(row.roles))}."
    body_type = _body_type(row)
    if body_type is not None:
        operation["requestBody"] = {
            "required": body_type is not Empty,
            "content": {JSON_MEDIA_TYPE: {"schema": schemas.of_type[body_type]}},
        }
    elif row.upload is not None:
        operation["requestBody"] = {"required": True, "content": {row.upload.media_type: {}}}
    return operation


def _body_type(row: Endpoint) -> Any:  # noqa: ANN401  any type that msgspec decodes
    """What the door decodes for this row."""
    return row.body or (Empty if row.idempotent and row.upload is None else None)


def _operation_id(row: Endpoint) -> str:
    """`POST /v1/orders/{id}/events` as `post_v1_orders_id_events`."""
    return "_".join([row.method.lower(), *re.findall(r"\w+", PATH_PART.sub(r"\1", row.path))])


def _parameters(row: Endpoint, schemas: _Schemas) -> list[Json]:
    """Path parts, query parameters and the idempotency key."""
    parameters: list[Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in PATH_PART.findall(row.path)
    ]
    if row.query is not None:
        struct = schemas.components[schemas.name(row.query)]
        parameters += [
            {
                "name": name,
                "in": "query",
                "required": name in struct.get("required", ()),
                "schema": schema,
            }
            for name, schema in struct["properties"].items()
        ]
    if row.idempotent:
        parameters.append(
            {
                "name": IDEMPOTENCY_KEY,
                "in": "header",
                "required": True,
                "description": "Repeat it with the same body to learn the first success again.",
                "schema": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": KEY_CHARS_MAX,
                    "pattern": "^[ -~]+$",
                },
            }
        )
    return parameters


def _refusals(row: Endpoint) -> list[tuple[int, Slug]]:
    """Status and slug of every problem that the row can answer, the door's own included."""
    found = {(slug.status, slug) for slug in row.refusals}
    found |= {(HTTPStatus.BAD_REQUEST, Slug.INVALID_REQUEST), (500, Slug.INTERNAL)}
    found.add((Slug.RATE_LIMITED.status, Slug.RATE_LIMITED))
    if row.roles is not None:
        found |= {(slug.status, slug) for slug in (Slug.UNAUTHENTICATED, Slug.FORBIDDEN)}
    if _body_type(row) is not None or row.upload is not None:
        found |= {(slug.status, slug) for slug in (Slug.INVALID_REQUEST, Slug.TOO_LARGE)}
    if row.idempotent:
        found |= {(slug.status, slug) for slug in (Slug.INVALID_REQUEST, Slug.CONFLICT)}
    if row.method != "GET":
        found |= {(slug.status, slug) for slug in (Slug.STORAGE, Slug.UNAVAILABLE)}
    return sorted(found, key=lambda entry: (entry[0], entry[1].text))


def _responses(row: Endpoint, schemas: _Schemas) -> Json:
    """The success and all problems, by status."""
    status = HTTPStatus.SWITCHING_PROTOCOLS if row.websocket else HTTPStatus(row.status)
    success: Json = {"description": "WebSocket" if row.websocket else status.phrase}
    if row.answer is not None:
        success["content"] = {row.media_type: {"schema": schemas.of_type[row.answer]}}
    elif not row.websocket and status is not HTTPStatus.NO_CONTENT:
        success["content"] = {row.media_type: {}}
    responses: Json = {str(status.value): success}
    slugs: dict[int, list[str]] = {}
    for problem_status, slug in _refusals(row):
        slugs.setdefault(problem_status, []).append(slug.text)
    for problem_status, texts in slugs.items():
        responses[str(int(problem_status))] = {
            "description": ", ".join(texts),
            "content": {PROBLEM_MEDIA_TYPE: {"schema": PROBLEM_REF}},
        }
    return responses


def _tidy(schema: Json) -> Json:
    """A component whose description is its docstring, without the indentation of the source."""
    if "description" not in schema:
        return schema
    return {**schema, "description": inspect.cleandoc(schema["description"])}
