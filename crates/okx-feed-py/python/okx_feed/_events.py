"""The events of a client: in batches, one by one, or awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from ._okx_feed import EventQueue

if TYPE_CHECKING:
    from . import Event


class Events:
    """A bounded queue of a client's later events.

    The feed never waits for it: what does not fit is dropped, and a `Dropped` says so in its place.
    Made by `Client.events`. One consumer at a time.
    """

    def __init__(self, queue: EventQueue) -> None:
        self._queue = queue

    def drain(self, most: int = 65536, timeout: float | None = 0.0) -> list[Event]:
        """Takes what has come, oldest first, at most `most` events.

        Waits up to `timeout` seconds for the first one, at most 1e9, without the GIL; ``None``
        waits without end. Gives an empty list where nothing came, and once the client has stopped
        (`is_ended`). Ctrl-C raises `KeyboardInterrupt` within 50 ms.

        Raises:
            ConfigError: `most` is less than 1, or `timeout` is no duration.
            ForkedError: This is a child of the process that it was made in.
        """
        return self._queue.drain(most, timeout)

    @property
    def is_ended(self) -> bool:
        """Whether the client has stopped and nothing is left. Raises `ForkedError`."""
        return self._queue.is_ended

    def fileno(self) -> int:
        """A descriptor for `select` and event loops. See `arm`.

        Raises:
            ForkedError: This is a child of the process that it was made in.
            OSError: The process has no descriptor left.
        """
        return self._queue.fileno()

    def arm(self) -> bool:
        """Has the descriptor become readable with the next event.

        True if something is there already, or the client has stopped: drain it then. Without it
        the descriptor stays as it is, and the feed's thread makes no system call. Raises as
        `fileno`.
        """
        return self._queue.arm()

    def __iter__(self) -> Iterator[Event]:
        """Events one by one, until the client stops. Blocks without the GIL. Raises
        `ForkedError`."""
        while True:
            batch = self.drain(4096, None)
            if not batch and self.is_ended:
                return
            yield from batch

    async def batches(self, most: int = 65536) -> AsyncIterator[list[Event]]:
        """Batches of events, until the client stops: one wake-up of the loop for each. Raises as
        `drain` and `fileno`."""
        while True:
            batch = self._queue.drain(most)
            if batch:
                yield batch
                # Other tasks run too where the queue is never empty.
                await asyncio.sleep(0)
            elif self._queue.is_ended:
                return
            elif not self._queue.arm():
                await self._readable()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        fd = self._queue.fileno()
        loop.add_reader(fd, wake)
        try:
            await future
        finally:
            loop.remove_reader(fd)

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for batch in self.batches():
            for event in batch:
                yield event
