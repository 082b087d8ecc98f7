"""The REST interface: history, books, instruments."""

from __future__ import annotations

from decimal import Decimal

import okx_feed
import pytest
from conftest import Exchange, until


def test_trades_of_the_past_without_a_gap(exchange: Exchange) -> None:
    history = okx_feed.History(exchange.rest)
    now = history.time()
    pages = history.trade_pages("BTC-USDT", since=now - 60_000_000_000)
    ids: list[int] = []
    for page in pages:
        assert isinstance(page, okx_feed.Trades)
        ids.extend(trade.trade_id for trade in page)
    assert len(ids) > 100 and ids == list(range(ids[0], ids[-1] + 1)) and pages.missing == 0


def test_candles_books_and_instruments(exchange: Exchange) -> None:
    history = okx_feed.History(exchange.rest)
    now = history.time()
    candles = history.candles("BTC-USDT", "1m", since=now - 600_000_000_000)
    assert len(candles) >= 8
    for candle in candles:
        assert isinstance(candle["open"], Decimal) and isinstance(candle["volume"], Decimal)
        assert candle["low"] <= candle["open"] <= candle["high"] and candle["closed"] is True
    book = history.book("BTC-USDT", 50)
    assert len(book.bids) == 50 and book.seq is not None and book.spread > 0
    swaps = history.instruments("SWAP")
    assert "BTC-USDT-SWAP" in swaps and len(swaps) == len(swaps.ids())
    swap = swaps["BTC-USDT-SWAP"]
    assert (swap.kind, swap.inst_type, swaps.is_open("BTC-USDT-SWAP")) == ("Instrument", "SWAP", True)
    assert swaps.ticks("BTC-USDT-SWAP", "100.5") == Decimal("100.5") / swap.tick_sz
    value = swaps.notional("BTC-USDT-SWAP", Decimal("100.5"), 3)
    assert value == Decimal("100.5") * 3 * swap.ct_val
    assert swaps.contract_amount("BTC-USDT-SWAP", 3) == 3 * swap.ct_val
    with pytest.raises(KeyError):
        swaps["NO-SUCH"]
    with pytest.raises(okx_feed.DecimalError):
        swaps.ticks("BTC-USDT-SWAP", "100.03")
    with pytest.raises(TypeError, match="not exact"):
        swaps.ticks("BTC-USDT-SWAP", 100.5)  # type: ignore[arg-type]


def test_refusals_and_wrong_arguments(exchange: Exchange) -> None:
    history = okx_feed.History(exchange.rest)
    with pytest.raises(okx_feed.RestError) as raised:
        history.book("NO-SUCH")
    assert raised.value.code == 51001
    with pytest.raises(okx_feed.ConfigError, match="https://HOST"):
        okx_feed.History("ftp://x")
    with pytest.raises(okx_feed.ConfigError, match="1m"):
        history.candles("BTC-USDT", "7m", since=0)
    # Nothing listens there.
    closed = okx_feed.History("http://127.0.0.1:9", give_up_after=0.2)
    with pytest.raises(okx_feed.RestError, match="failed"):
        closed.time()


def test_history_and_live_trades_are_one_sequence(exchange: Exchange) -> None:
    since = okx_feed.History(exchange.rest).time() - 5_000_000_000
    feed = okx_feed.Client(
        "trades-all:BTC-USDT",
        url=exchange.v5,
        rest_url=exchange.rest,
        trade_history_since=since,
        options={"retry.give_up_after": 60.0},
    )
    trades: list[okx_feed.Trade] = []
    with feed:
        events = feed.events()

        def both() -> bool:
            batch = events.drain(timeout=0.2)
            trades.extend(event for event in batch if isinstance(event, okx_feed.Trade))
            origins = [trade.origin for trade in trades]
            return "history" in origins and origins[-1] == "live"

        until(both)
    ids = [trade.trade_id for trade in trades]
    assert ids == list(range(ids[0], ids[-1] + 1)) and sum(t.missed for t in trades) == 0
    assert trades[0].ts_event >= since


def test_a_selection_follows_the_listings(exchange: Exchange) -> None:
    with okx_feed.Client(
        select="books5:*-USDT-SWAP", url=exchange.v5, rest_url=exchange.rest
    ) as feed:
        until(lambda: "books5:BTC-USDT-SWAP" in feed.subscriptions())
        until(lambda: feed.book("BTC-USDT-SWAP").is_live)
