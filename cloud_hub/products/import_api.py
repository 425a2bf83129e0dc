"""The endpoints of the catalogue as a file: import, its progress, export."""

from collections.abc import Sequence
from functools import partial
from typing import IO, Final

import msgspec
from aiohttp import hdrs, web

from cloud_hub.parts import COMMAND_REFUSALS, Parts
from cloud_hub.products.imports import IMPORT_BYTES_MAX, PAGE_PRODUCTS, ImportReport, ImportView
from cloud_hub.reads import HubReads
from cloud_hub.roles import ADMIN, OFFICE
from replication.ledger import RequestKey
from retail.product_files.product_csv import MARK, export_cells, export_header, export_lines
from web.endpoint import Answer, Call, Endpoint
from web.once import command_of
from web.problems import Problem, Slug
from web.stopping import STOPPING
from web.upload import Upload

CSV_MEDIA_TYPE: Final = "text/csv"
IMPORT_PATH: Final = "/v1/catalogue/import"


class ImportQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whether to say only what the import would come to."""

    dry_run: bool = False


class ImportApi:
    """The handlers, over the parts of the program."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def import_file(self, call: Call[IO[bytes]]) -> Answer:
        """Import a file of products; answered when all of it is durable."""
        return await self._parts.imports.run(
            command_of(call),
            call.body,
            dry_run=call.query.dry_run,
            is_stopping=call.request.app[STOPPING].is_set,
        )

    async def progress(self, call: Call[None]) -> Answer:
        """How far an import of this token is, or what it came to."""
        key = RequestKey(call.principal.id, IMPORT_PATH, call.params["id"])
        view = await self._parts.imports.view(command_of(call)._replace(key=key))
        if view is None:
            raise Problem(
                Slug.NOT_FOUND,
                f"No import of this token is known as {key.key}: it has not begun, or the program "
                "ended before it was complete, and the file is to be sent again.",
            )
        return Answer(200, view)

    async def export(self, call: Call[None]) -> web.StreamResponse:
        """The whole catalogue as a file, page by page: each product as it is when it is read."""
        lists = self._parts.lists
        languages = await lists.read(_languages)
        response = web.StreamResponse(
            headers={
                hdrs.CONTENT_TYPE: f"{CSV_MEDIA_TYPE}; charset=utf-8",
                hdrs.CONTENT_DISPOSITION: 'attachment; filename="products.csv"',
                hdrs.CACHE_CONTROL: "no-store",
            }
        )
        await response.prepare(call.request)
        if call.request.method == hdrs.METH_HEAD:
            return response
        await response.write((MARK + export_lines([export_header(languages)])).encode())
        after = ""
        while True:
            text, after = await lists.read(partial(_page, after=after, languages=languages))
            if not text:
                return response
            await response.write(text.encode())

    def endpoints(self) -> Sequence[Endpoint]:
        """The rows."""
        return [
            Endpoint(
                method="POST", path=IMPORT_PATH, summary="Import products from a CSV file",
                roles=ADMIN, handler=self.import_file, query=ImportQuery, idempotent=True,
                upload=Upload(media_type=CSV_MEDIA_TYPE, bytes_max=IMPORT_BYTES_MAX),
                answer=ImportReport, refusals=(Slug.CONFLICT, *COMMAND_REFUSALS),
            ),
            Endpoint(
                method="GET", path="/v1/catalogue/imports/{id}",
                summary="How far an import is; its id is its Idempotency-Key", roles=ADMIN,
                handler=self.progress, answer=ImportView, refusals=(Slug.NOT_FOUND,),
            ),
            Endpoint(
                method="GET", path="/v1/catalogue/export", summary="All products as a CSV file",
                roles=OFFICE, handler=self.export, media_type=CSV_MEDIA_TYPE,
            ),
        ]  # fmt: skip


def _languages(reads: HubReads) -> list[str]:
    """The languages that any product has a name in."""
    rows = reads.store.connection.execute(
        "SELECT DISTINCT one.key FROM product, json_each(product.data, '$.translations') AS one "
        "ORDER BY one.key"
    )
    return [str(language) for (language,) in rows]


def _page(reads: HubReads, *, after: str, languages: Sequence[str]) -> tuple[str, str]:
    """Some products after a SKU as CSV text, and the last of their SKUs; "" after the last."""
    products = reads.catalogue.search("", after, PAGE_PRODUCTS)
    text = export_lines(export_cells(product, languages) for product in products)
    return text, products[-1].sku if products else after
