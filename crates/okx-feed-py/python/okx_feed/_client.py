"""The client."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401  Before `_stop_all` is registered, see there.
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ._arguments import check_callback, check_count
from ._events import Events
from ._okx_feed import Client as _Client
from ._okx_feed import Instruments, _note_fork

if TYPE_CHECKING:
    from . import Event

_log = logging.getLogger("okx_feed")

os.register_at_fork(after_in_child=_note_fork)

_running: weakref.WeakSet[Client] = weakref.WeakSet()


def _stop_all() -> None:
    """Stops what runs, before the interpreter ends: no thread may need it then.

    The interpreter first waits for the threads of the program, and for those of
    `concurrent.futures`; one that reads events would never end. So this comes before both: the last
    function that was registered is called first.
    """
    for client in list(_running):
        client.stop()


getattr(threading, "_register_atexit", atexit.register)(_stop_all)
# Those that another thread has made since.
atexit.register(_stop_all)


class Client(_Client):
    """Books, trades and values of the exchange, kept up to date by a thread of its own.

    Connects, subscribes, resynchronises and reconnects by itself until it is stopped: by `stop`,
    by the end of a ``with`` block, when nothing refers to it, or when the main thread ends. Then
    whatever waits ends. Nothing here waits for the exchange but `wait`. All methods may be called
    on any thread.

    A name is a subscription as the exchange's documents write it, ``books5:BTC-USDT`` or
    ``futures/depth5:BTC-USD-190517``, or an instrument alone, ``BTC-USDT``: then the first of its
    subscriptions that has what is asked for.

    Times are nanoseconds since 1970, UTC; 0 if unknown. Durations are seconds. Prices and sizes
    are `decimal.Decimal` with the digits of the wire.

    Args:
        subscriptions: One or several, such as ``books5:BTC-USDT``.
        dialect: ``v5``, or ``v3`` for the protocol of 2018 to 2022.
        select: Selections such as ``books5:*-USDT-SWAP``: what is listed later too (v5).
        url: The address to connect to, in the place of the exchange's.
        rest_url: The address of the REST interface; needed with `url` where REST is used.
        region: ``global``, ``eea`` or ``us``.
        demo: Whether to connect to demo trading.
        proxy: ``http://HOST:PORT``, ``socks5://HOST:PORT`` or ``none``; default: the environment's.
        headers: Further headers of the request that opens a connection.
        ca_file: A PEM file of further CA certificates.
        login: ``(key, secret, passphrase)``, a file of them, or ``env`` for OKX_API_KEY,
            OKX_API_SECRET and OKX_API_PASSPHRASE.
        redundancy: How many connections carry the same subscriptions, 1 to 16; the first copy of
            an update counts.
        busy_poll: Whether the feed's thread never sleeps: one core for lower latency.
        record: A directory to record every frame in, for `Replay`.
        trade_history_since: The time, in nanoseconds since 1970, from which on events have every
            trade, with those of the past, in the order of ids (v5).
        book_snapshots: Whether broken order books recover by a REST snapshot (v5).
        sbe: The instruments that are received in the binary encoding; needs `login` (v5).
        text_capacity: The size of `texts`, the queue of received messages as text, at most
            1,048,576; 0 for none.
        options: Options without an argument of their own, by name: docs/PYTHON.md.
        on_event: Called with each event, on a thread of its own. What it raises is logged
            (`logging.getLogger("okx_feed")`), and ends nothing.
        on_batch: Called with each batch of events, a list, on the same thread.
        event_capacity: The size of the queue before `on_event` and `on_batch`, at least 1.

    Raises:
        ConfigError: The value of an argument is wrong, or nothing is subscribed.
        TypeError: An argument is of a wrong type.
    """

    _dispatcher: threading.Thread | None

    def __new__(
        cls,
        subscriptions: str | Iterable[str] = (),
        *,
        dialect: str = "v5",
        select: str | Iterable[str] = (),
        url: str | None = None,
        rest_url: str | None = None,
        region: str = "global",
        demo: bool = False,
        proxy: str | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        login: tuple[str, str, str] | str | os.PathLike[str] | None = None,
        redundancy: int = 1,
        busy_poll: bool = False,
        record: str | os.PathLike[str] | None = None,
        trade_history_since: int | None = None,
        book_snapshots: bool = False,
        sbe: Instruments | None = None,
        text_capacity: int = 0,
        options: Mapping[str, Any] | None = None,
        on_event: Callable[[Event], object] | None = None,
        on_batch: Callable[[list[Event]], object] | None = None,
        event_capacity: int = 65536,
    ) -> Client:
        check_callback("on_event", on_event)
        check_callback("on_batch", on_batch)
        check_count("event_capacity", event_capacity)
        self = super().__new__(
            cls,
            subscriptions=subscriptions,
            dialect=dialect,
            select=select,
            url=url,
            rest_url=rest_url,
            region=region,
            demo=demo,
            proxy=proxy,
            headers=headers,
            ca_file=ca_file,
            login=login,
            redundancy=redundancy,
            busy_poll=busy_poll,
            record=record,
            trade_history_since=trade_history_since,
            book_snapshots=book_snapshots,
            sbe=sbe,
            text_capacity=text_capacity,
            options=options,
        )
        self._dispatcher = None
        _running.add(self)
        if on_event is not None or on_batch is not None:
            # The thread must not keep the client alive: a client without a name left stops.
            events = self.events(event_capacity)
            self._dispatcher = threading.Thread(
                target=_dispatch,
                args=(events, on_event, on_batch),
                name="okx-feed-events",
                daemon=True,
            )
            self._dispatcher.start()
        return self

    def events(self, capacity: int = 65536) -> Events:
        """A queue of the later events, at most `capacity`, which is at least 1. May be called
        several times.

        Raises:
            ConfigError: The capacity is less than 1.
            StoppedError, ForkedError: The client runs no more, or in another process.
        """
        return Events(self.event_queue(capacity))

    def stop(self) -> None:
        """Closes the connections and ends the threads: whatever waits for the client ends.

        Takes at most two seconds, and as long as a callback still runs, two more. Does nothing if
        it has stopped, and in a child of the process that made it.
        """
        super().stop()
        _running.discard(self)
        dispatcher = self._dispatcher
        if dispatcher is not None and dispatcher is not threading.current_thread():
            dispatcher.join(2.0)

    def __exit__(self, *_error: object) -> None:
        self.stop()


def _dispatch(
    events: Events,
    on_event: Callable[[Event], object] | None,
    on_batch: Callable[[list[Event]], object] | None,
) -> None:
    while True:
        batch = events.drain(4096, None)
        if not batch and events.is_ended:
            return
        if on_batch is not None:
            try:
                on_batch(batch)
            except BaseException:  # SystemExit too: it would end the thread of all callbacks
                _log.exception("on_batch has failed")
        if on_event is not None:
            for event in batch:
                try:
                    on_event(event)
                except BaseException:  # SystemExit too: it would end the thread of all callbacks
                    _log.exception("on_event has failed")
