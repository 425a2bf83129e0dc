"""What a print job puts on paper: its row as ESC/POS bytes.

A job must not stand before the others for ever because it cannot be made: what fails with the
store's logo is made without it, and what fails all the same is told as `Unprintable`.
"""

import logging
from typing import Final, NamedTuple

import msgspec
from PIL import Image

from devices.encode import encode
from devices.paper import Document, Paper
from gateway.printing.receipt_words import Mark
from gateway.printing.receipts import Receipts
from gateway.printing.slips import slip_of
from gateway.printing.spool import Job
from replication.adapters.sqlite import ReplicaStore
from retail.ordering.orders import Order
from retail.selling.sales import Sale
from web.catalogue_rows import Catalogue
from web.once import record_of

log: Final = logging.getLogger(__name__)


class Content(NamedTuple):
    """The bytes of one job, ending in a cut; `note` says what is missing on the paper."""

    data: bytes
    note: str = ""


class Unprintable(NamedTuple):
    """The job cannot be made into bytes; trying again would not help."""

    reason: str


def document_of(
    job: Job, reader: ReplicaStore, receipts: Receipts, location: str
) -> Document | Unprintable:
    """The document of a job, with the mark that this paper needs; never raises."""
    try:
        if job.sale is not None:
            sale = msgspec.json.decode(record_of(reader, job.sale), type=Sale)
            document = receipts.of(sale)
        elif job.order_id is not None:
            row = reader.connection.execute(
                "SELECT data FROM shop_order WHERE id = ?", (job.order_id,)
            ).fetchone()
            if row is None:
                return Unprintable("the order is not here any more")
            order = msgspec.json.decode(str(row[0]), type=Order)
            products = Catalogue(reader.connection)
            document = slip_of(order, location, receipts.issuer, products)
        else:
            document = msgspec.json.decode(job.document or "", type=Document)
    except msgspec.DecodeError as unknown:  # a file that another version of this program wrote
        return Unprintable(f"this program cannot read the job: {unknown}")
    except Exception as broken:
        log.exception("a job cannot be made into a document")
        return Unprintable(f"it cannot be made into a document: {type(broken).__name__}: {broken}")
    if job.marked:
        return receipts.marked(document, Mark.POSSIBLE_DUPLICATE)
    return receipts.marked(document, Mark.COPY) if job.copy else document


def content_of(document: Document, paper: Paper, logo: Image.Image | None) -> Content | Unprintable:
    """The document as bytes. Takes a thread's time; never raises for what a document says."""
    note = ""
    if logo is not None:
        try:
            return Content(encode(document, paper, logo=logo))
        except Exception as broken:
            log.exception("a job is printed without its logo")
            note = f"printed without the logo: {type(broken).__name__}: {broken}"
    try:
        return Content(encode(document, paper), note)
    except Exception as broken:
        log.exception("a job cannot be printed")
        return Unprintable(f"it cannot be made into a print: {type(broken).__name__}: {broken}")
