"""What the simulator programs share: one ready line, commands by lines on stdin, a quick end."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

LINE_BYTES_MAX = 65_536
"""A command longer than this is not kept in memory."""


def say(line: str) -> None:
    """One line to stdout, at once: whoever started us may be waiting for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(line: str) -> None:
    """One line to stderr, for the person at the keyboard."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


async def run_until_told(on_line: Callable[[bytes], None]) -> None:
    """Hand every line of stdin to `on_line`, on the event loop, until SIGTERM or SIGINT.

    The end of stdin ends nothing. Stdin is read in a thread, since it may be a file, a terminal or
    a pipe; by `os.read`, since a thread inside `sys.stdin` holds a lock that the interpreter wants
    when it ends.
    """
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    threading.Thread(target=_read_stdin, args=(loop, on_line), daemon=True).start()
    await told.wait()


def _read_stdin(loop: asyncio.AbstractEventLoop, on_line: Callable[[bytes], None]) -> None:
    rest = b""
    # OSError: stdin is closed. RuntimeError: the loop has ended meanwhile.
    with contextlib.suppress(OSError, RuntimeError):
        while chunk := os.read(0, 4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(on_line, line.removesuffix(b"\r"))
            if len(rest) > LINE_BYTES_MAX:
                rest = b""


def host_and_port(text: str) -> tuple[str, int]:
    """Read HOST:PORT, as an argument type for argparse; an IPv6 host in brackets.

    Raises:
        ValueError: it is something else.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or not 0 <= int(port) <= 65_535:  # noqa: PLR2004 - the port range
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.removeprefix("[").removesuffix("]"), int(port)


def shown(host: str, port: int) -> str:
    """HOST:PORT as it is written in an address."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
