"""The interface of the guide of 2019, over this package's client."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._arguments import check_callback, check_text
from ._client import Client

if TYPE_CHECKING:
    from ._okx_feed import State

_log = logging.getLogger("okx_feed")

#: How many texts are taken at once.
_BATCH = 4096

#: By how many seconds `on_message` may be behind while a book is live.
_MOST_BEHIND = 1.0

#: The variable of the environment that names another address than the exchange's.
URL_VARIABLE = "OKX_FEED_V3_URL"


class WSSubscription:
    """Five-level book and trades of one v3 instrument, as the guide's class of that name.

    Subscribes ``MARKET/depth5:ID`` and ``MARKET/trade:ID`` on a daemon thread, and reconnects.

    Args:
        instrument_id: The instrument, such as ``BTC-USD-190517``.
        market: ``spot``, ``swap``, ``futures`` or ``option``.
        on_message: Called with the text of each message, replies included, on that thread. What it
            raises is logged. While it is slow, up to 65,536 texts wait; then new ones are dropped.
        url: The address; default: that of the variable OKX_FEED_V3_URL, else the exchange's of
            that time, which no longer answers.

    Raises:
        ConfigError: The value of an argument is wrong.
        TypeError: An argument is of a wrong type.
    """

    def __init__(
        self,
        instrument_id: str = "BTC-USD-190517",
        market: str = "futures",
        on_message: Callable[[str], object] | None = None,
        *,
        url: str | None = None,
    ) -> None:
        check_text("instrument_id", instrument_id)
        check_text("market", market)
        check_callback("on_message", on_message)
        self._book = _LastBook()
        self._topic = f"{market}/depth5:{instrument_id}"
        self._client = Client(
            [self._topic, f"{market}/trade:{instrument_id}"],
            dialect="v3",
            url=os.environ.get(URL_VARIABLE) or None if url is None else url,
            text_capacity=65536,
        )
        threading.Thread(
            target=_read,
            args=(self._client.texts, self._book, on_message),
            name="okx-feed-texts",
            daemon=True,
        ).start()
        _open.add(self)

    def GetDepth(self) -> dict[str, Any]:
        """The last book as the exchange sent it; ``{}`` before the first.

        ``asks`` and ``bids`` are lists of ``[price, size, ...]``, best first, as the message has
        them; further ``instrument_id`` and ``timestamp``. While the connection is lost, and after a
        malformed message, it is the last one from before, and while `on_message` is slow, one that
        is as old as the text that it has: `state` says so.

        Raises:
            StoppedError: It was closed.
            ForkedError: This is a child of the process that it was made in.
        """
        _ = self.state
        return self._book.value()

    @property
    def state(self) -> State:
        """``live`` if the last book is the exchange's; else why not. Raises as `GetDepth`.

        ``stale`` too while `on_message` is more than a second behind.
        """
        state = self._client.state(self._topic)
        return "stale" if state == "live" and self._book.is_behind() else state

    def close(self) -> None:
        """Closes the connection and ends the thread. Takes at most two seconds."""
        _open.discard(self)
        self._client.stop()


# The guide's programs need not keep the object: it runs until `close`, or until the program ends.
_open: set[WSSubscription] = set()


class _LastBook:
    """The text of the last book, which is parsed when somebody asks for it."""

    def __init__(self) -> None:
        #: All that came before this time has been handled; ``None`` while nothing waits.
        self.handled_until: float | None = None
        self._text: str | None = None
        self._parsed: tuple[str | None, dict[str, Any]] = (None, {})

    def set(self, text: str) -> None:
        self._text = text

    def is_behind(self) -> bool:
        until = self.handled_until
        return until is not None and time.monotonic() - until > _MOST_BEHIND

    def value(self) -> dict[str, Any]:
        text = self._text
        if text is not None and self._parsed[0] is not text:
            self._parsed = (text, _parse(text) or self._parsed[1])
        return self._parsed[1]


def _parse(text: str) -> dict[str, Any] | None:
    """The book of a message; ``None`` of a malformed one."""
    try:
        book = json.loads(text)["data"][0]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return book if isinstance(book, dict) else None


def _read(texts: Any, book: _LastBook, on_message: Callable[[str], object] | None) -> None:
    taken = time.monotonic()
    while True:
        book.handled_until = taken
        batch = texts.drain(_BATCH)
        if not batch:
            book.handled_until = None
            batch = texts.drain(_BATCH, None)
            if not batch and texts.is_ended:
                return
            book.handled_until = taken = time.monotonic()
        elif len(batch) < _BATCH:  # else more may have waited
            taken = time.monotonic()
        for text in batch:
            if '"asks"' in text and '"bids"' in text:
                book.set(text)
            if on_message is not None:
                try:
                    on_message(text)
                except BaseException:  # SystemExit too: it would end the thread of all callbacks
                    _log.exception("on_message has failed")
