"""The version of the installed program, as the status page and the hub show it."""

from importlib import metadata
from typing import Final

VERSION: Final = metadata.version("countertop")
