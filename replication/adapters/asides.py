"""Work beside the frames of a link, which nobody waits for once the link has ended."""

import asyncio
from collections.abc import Coroutine


class Asides:
    """The tasks of one link; `len` of it is how many are under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Do something beside the frames."""
        self._tasks.add(task := asyncio.create_task(work))
        task.add_done_callback(self._tasks.discard)

    def end(self) -> None:
        """The link has ended."""
        for task in self._tasks:
            task.cancel()
