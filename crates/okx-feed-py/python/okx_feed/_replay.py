"""Captures as events."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ._okx_feed import Book
from ._okx_feed import Replay as _Replay

if TYPE_CHECKING:
    from . import Event


class Replay:
    """Plays captures of this program, of Tardis and of hftbacktest's collector.

    The frames go through the code that live ones go through, with their recorded times: the same
    files give the same events. Iterate over it, or take `batches`.

    Args:
        files: One or several. Files of one recording continue each other; others are redundant
            lines.
        dialect: ``v3`` or ``v5``, of files that do not say it.
        subscribe: What is played; default: all that the files have.
        speed: So many times as fast as recorded, more than 0; default: as fast as possible. With it
            a batch ends before a line that has to wait.
        start, end: Plays what came from `start` to before `end`, in nanoseconds, alone.
        lines: Redundant lines are ``arbitrated`` as a client does, played ``apart``, or only the
            line of a number is, such as ``0``.

    Raises:
        ReplayError: A file can't be read, or does not say its dialect.
        ConfigError: The value of an argument is wrong.
        TypeError: An argument is of a wrong type.

    All methods raise `ForkedError` in a child of the process that it was made in.
    """

    def __init__(
        self,
        files: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        dialect: str | None = None,
        subscribe: str | Iterable[str] = (),
        speed: float | None = None,
        start: int = 0,
        end: int | None = None,
        lines: str = "arbitrated",
    ) -> None:
        paths = [files] if isinstance(files, (str, os.PathLike)) else list(files)
        self._replay = _Replay(
            paths,
            dialect=dialect,
            subscribe=subscribe,
            speed=speed,
            start=start,
            end=end,
            lines=lines,
        )

    def batches(self, most: int = 4096) -> Iterator[list[Event]]:
        """Lists of about `most` events, at least 1, to the end. Waits without the GIL; Ctrl-C
        raises `KeyboardInterrupt` within 50 ms.

        `book` and `depth` are as of the last event of a batch; with ``most=1`` as of each message.

        Raises:
            ReplayError: A file can't be read any further.
        """
        while batch := self._replay.batch(most):
            yield batch

    def __iter__(self) -> Iterator[Event]:
        for batch in self.batches():
            yield from batch

    def book(self, name: str) -> Book:
        """The five-level book as of what was played. See `Client.book`."""
        return self._replay.book(name)

    def depth(self, name: str) -> Book:
        """The best 25 levels as of what was played. See `Client.depth`."""
        return self._replay.depth(name)

    def subscriptions(self) -> list[str]:
        """Those that were named, or those that the files have shown so far."""
        return self._replay.subscriptions()

    @property
    def dialect(self) -> str:
        """``v3`` or ``v5``."""
        return self._replay.dialect

    @property
    def now(self) -> int:
        """The time of the last line that was played."""
        return self._replay.now

    def report(self) -> dict[str, Any]:
        """What was played until now: frames, gaps, files that are torn or not ended."""
        return self._replay.report()
