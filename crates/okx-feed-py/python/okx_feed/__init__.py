"""Low-latency market data of the OKX v5 and OKEX v3 WebSockets.

>>> import okx_feed
>>> with okx_feed.Client(["books5:BTC-USDT", "trades:BTC-USDT"]) as client:
...     client.wait(timeout=10)
...     book = client.book("BTC-USDT")
...     print(book.best_bid, book.best_ask, book.state)

docs/PYTHON.md is the guide; every class has its own documentation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._client import Client
from ._errors import (
    ConfigError,
    DecimalError,
    DecodeError,
    ForkedError,
    NotSubscribedError,
    OkxFeedError,
    ReplayError,
    RestError,
    StoppedError,
    UnknownInstrumentError,
)
from ._events import Events
from ._legacy import WSSubscription
from ._okx_feed import (
    Book,
    BookReader,
    Control,
    Decoder,
    DepthUpdate,
    Dropped,
    FeedHandler,
    Gap,
    History,
    Instruments,
    Level,
    Malformed,
    Record,
    Side,
    Skipped,
    StateChange,
    Sweep,
    TextQueue,
    Trade,
    TradePages,
    Trades,
    __version__,
    decode,
)
from ._replay import Replay

#: What a queue, a replay and `decode` give.
Event = (
    Book
    | Trade
    | Record
    | DepthUpdate
    | StateChange
    | Control
    | Skipped
    | Malformed
    | Dropped
    | Gap
)

__all__ = [
    "Book",
    "BookReader",
    "Client",
    "ConfigError",
    "Control",
    "DecimalError",
    "DecodeError",
    "Decoder",
    "DepthUpdate",
    "Dropped",
    "Event",
    "Events",
    "FeedHandler",
    "ForkedError",
    "Gap",
    "History",
    "Instruments",
    "Level",
    "Malformed",
    "NotSubscribedError",
    "OkxFeedError",
    "Record",
    "Replay",
    "ReplayError",
    "RestError",
    "Side",
    "Skipped",
    "StateChange",
    "StoppedError",
    "Sweep",
    "TextQueue",
    "Trade",
    "TradePages",
    "Trades",
    "UnknownInstrumentError",
    "WSSubscription",
    "__version__",
    "decode",
]

if TYPE_CHECKING:
    import numpy as np

    #: The bytes of a level: ``np.frombuffer(book.asks, okx_feed.LEVEL_DTYPE)``.
    LEVEL_DTYPE: np.dtype[Any]
    #: The bytes of a trade: ``np.frombuffer(trades, okx_feed.TRADE_DTYPE)``.
    TRADE_DTYPE: np.dtype[Any]

_DTYPES = {
    "LEVEL_DTYPE": [
        ("px", "=i8"),
        ("sz", "=i8"),
        ("orders", "=u4"),
        ("px_scale", "u1"),
        ("sz_scale", "u1"),
        ("reserved", "V2"),
    ],
    "TRADE_DTYPE": [
        ("ts_event", "=u8"),
        ("ts_recv", "=u8"),
        ("trade_id", "=u8"),
        ("seq", "=i8"),
        ("px", "=i8"),
        ("sz", "=i8"),
        ("count", "=u4"),
        ("px_scale", "u1"),
        ("sz_scale", "u1"),
        ("side", "u1"),
        ("source", "u1"),
    ],
}


def __getattr__(name: str) -> Any:
    # numpy is imported where somebody asks for a dtype, and nowhere else.
    if name not in _DTYPES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import numpy as np

    made = np.dtype(_DTYPES[name])
    globals()[name] = made
    return made
