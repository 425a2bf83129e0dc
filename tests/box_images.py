"""Images of a gateway's disk: made while its program is stopped, and put back later."""

import shutil
from pathlib import Path

from tests.programs import Shop


async def keep_image(shop: Shop, name: str = "image") -> Path:
    """An image of the box's disk, made while it is switched off."""
    await shop.gateway.stop()
    image = shop.gateway_data.with_name(name)
    shutil.copytree(shop.gateway_data, image)
    await shop.start_gateway()
    await shop.connected()
    return image


async def keep_image_cut_off(shop: Shop) -> Path:
    """The same, while the shop has no line."""
    await shop.gateway.stop()
    image = shop.gateway_data.with_name("image")
    shutil.copytree(shop.gateway_data, image)
    await shop.start_gateway()
    return image


async def put_back(shop: Shop, image: Path) -> None:
    """The box's disk is the image again; the box is off."""
    await shop.gateway.stop()
    shutil.rmtree(shop.gateway_data)
    shutil.copytree(image, shop.gateway_data)
