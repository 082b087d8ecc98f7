"""Books, trades, values and states of a live client."""

from __future__ import annotations

import gc
import struct
import threading
import time
from decimal import Decimal

import okx_feed
import pytest
from conftest import Exchange, until


def client(exchange: Exchange, *subscriptions: str, **options: object) -> okx_feed.Client:
    return okx_feed.Client(subscriptions, url=exchange.v5, **options)


def test_a_book_is_exact_and_has_its_state(exchange: Exchange) -> None:
    with client(exchange, "books5:BTC-USDT") as feed:
        assert feed.wait(timeout=20)
        book = feed.book("BTC-USDT")
        assert (book.state, book.is_live, book.topic) == ("live", True, "books5:BTC-USDT")
        assert (book.channel, book.inst_id, book.flags) == ("books5", "BTC-USDT", [])
        assert len(book.asks) == len(book.bids) == 5
        bid, ask = book.best_bid, book.best_ask
        assert bid is not None and ask is not None
        assert isinstance(bid.px, Decimal) and bid.px < ask.px and bid.sz > 0
        assert book.spread == ask.px - bid.px
        assert book.mid == (ask.px + bid.px) / 2
        assert bid.px_float == float(bid.px)
        assert tuple(bid) == (bid.px, bid.sz, bid.orders)
        assert book.top_floats() == (bid.px_float, bid.sz_float, ask.px_float, ask.sz_float)
        assert [level.px for level in book.asks] == sorted(level.px for level in book.asks)
        assert book.bids.levels()[0] == tuple(bid)
        assert book.asks.floats()[0] == (ask.px_float, ask.sz_float)
        assert book.bids[-1].px == min(level.px for level in book.bids)
        for index in (5, -6):
            with pytest.raises(IndexError):
                book.bids[index]
        sweep = book.sweep("buy", ask.sz)
        assert sweep is not None and sweep.complete and sweep.worst_px == ask.px
        assert -1 <= book.imbalance() <= 1
        assert bid.px < book.microprice(4) < ask.px
        assert bid.ticks("0.1") == int(bid.px * 10)
        assert time.time_ns() - book.ts_recv < 60e9
        assert "BTC-USDT live" in repr(book)
        assert "live" == feed.state("books5:BTC-USDT")
        assert feed.states() == {"books5:BTC-USDT": "live"}


def test_the_memory_of_levels_and_trades_is_read_without_numpy(exchange: Exchange) -> None:
    with client(exchange, "books5:BTC-USDT", "trades:BTC-USDT") as feed:
        assert feed.wait("books5:BTC-USDT", timeout=20)
        until(lambda: len(feed.trades("BTC-USDT")) > 10)
        book = feed.book("BTC-USDT")
        view = memoryview(book.bids)
        assert view.readonly and view.nbytes == 24 * 5
        for level, (px, sz, orders, px_scale, sz_scale) in zip(
            book.bids, struct.iter_unpack("=qqIBBxx", view), strict=True
        ):
            assert Decimal(px).scaleb(-px_scale) == level.px
            assert Decimal(sz).scaleb(-sz_scale) == level.sz
            assert orders == level.orders
        trades = feed.trades("BTC-USDT")
        words = list(struct.iter_unpack("=QQQqqqIBBBB", trades))
        assert len(words) == len(trades) and words[-1][2] == trades[-1].trade_id
        with pytest.raises((BufferError, TypeError)):
            memoryview(book.bids)[0] = 1
        # The view keeps the levels alive.
        copy = bytes(view)
        del book
        gc.collect()
        assert bytes(view) == copy


def test_numpy_reads_the_same_bytes(exchange: Exchange) -> None:
    np = pytest.importorskip("numpy")
    assert (okx_feed.LEVEL_DTYPE.itemsize, okx_feed.TRADE_DTYPE.itemsize) == (24, 56)
    with client(exchange, "books5:BTC-USDT", "trades:BTC-USDT") as feed:
        assert feed.wait("books5:BTC-USDT", timeout=20)
        until(lambda: len(feed.trades("BTC-USDT")) > 10)
        book = feed.book("BTC-USDT")
        asks = np.frombuffer(book.asks, okx_feed.LEVEL_DTYPE)
        assert not asks.flags.writeable and not asks.flags.owndata
        px = asks["px"] / 10.0 ** asks["px_scale"]
        assert px.tolist() == [level.px_float for level in book.asks]
        trades = feed.trades("BTC-USDT")
        of_numpy = np.frombuffer(trades, okx_feed.TRADE_DTYPE)
        assert of_numpy["trade_id"].tolist() == [trade.trade_id for trade in trades]
        sides = ["sell" if side & 1 else "buy" for side in of_numpy["side"]]
        assert sides == [trade.side for trade in trades]


def test_order_books_and_trades_go_on(exchange: Exchange) -> None:
    with client(exchange, "books:ETH-USDT", "trades:ETH-USDT") as feed:
        assert feed.wait("books:ETH-USDT", timeout=20)
        deep = feed.depth("ETH-USDT")
        assert len(deep.bids) == 25 and deep.is_live
        assert feed.book("ETH-USDT").topic == "books:ETH-USDT"
        reader = feed.book_reader("ETH-USDT", depth=True)
        before = reader.version
        assert reader.wait(before, timeout=20) and reader.version > before
        assert not reader.wait(1 << 60, timeout=0.01)
        first = feed.trades("ETH-USDT")
        until(lambda: len(feed.trades("ETH-USDT", first.next)) > 5)
        second = feed.trades("ETH-USDT", first.next)
        ids = [trade.trade_id for trade in second]
        assert ids == sorted(set(ids)) and second.missed == 0
        assert second[0].px > 0 and second[0].side in ("buy", "sell")
        assert second[0].topic == "trades:ETH-USDT"


def test_latest_values_and_streams(exchange: Exchange) -> None:
    with client(exchange, "tickers:BTC-USDT", "liquidation-orders:SWAP") as feed:
        assert feed.wait("tickers:BTC-USDT", timeout=20)
        until(lambda: feed.latest("BTC-USDT").kind == "Ticker")
        ticker = feed.latest("tickers:BTC-USDT")
        assert ticker.is_live and isinstance(ticker.last, Decimal)
        assert ticker.fields()["last"] == ticker.last
        assert ticker.ask_px > ticker.bid_px
        with pytest.raises(AttributeError, match="Ticker has no nothing"):
            _ = ticker.nothing
        assert isinstance(feed.records("liquidation-orders:SWAP"), list)


def test_subscriptions_come_and_go(exchange: Exchange) -> None:
    with client(exchange, "books5:BTC-USDT") as feed:
        with pytest.raises(okx_feed.NotSubscribedError, match="ETH-USDT"):
            feed.book("ETH-USDT")
        feed.subscribe(["books5:ETH-USDT", "trades:ETH-USDT"])
        assert feed.wait(["books5:ETH-USDT"], timeout=20)
        assert feed.subscriptions() == ["books5:BTC-USDT", "books5:ETH-USDT", "trades:ETH-USDT"]
        reader = feed.book_reader("ETH-USDT")
        feed.unsubscribe("books5:ETH-USDT")
        until(lambda: reader.read().state == "down_unsubscribed")
        with pytest.raises(okx_feed.NotSubscribedError):
            feed.book("ETH-USDT")
        # Again: its reader is a new one.
        feed.subscribe("books5:ETH-USDT")
        until(lambda: feed.book("ETH-USDT").is_live)


def test_reading_needs_no_lock_that_a_busy_program_holds(exchange: Exchange) -> None:
    """The feed goes on while Python computes, and other threads read while one waits."""
    with client(exchange, "books5:BTC-USDT") as feed:
        assert feed.wait(timeout=20)
        reader = feed.book_reader("BTC-USDT")
        before = reader.version
        end = time.monotonic() + 1
        while time.monotonic() < end:
            sum(range(1000))
        assert reader.version > before
        seen = []
        waiting = threading.Thread(target=lambda: seen.append(reader.wait(1 << 60, timeout=0.5)))
        waiting.start()
        count = 0
        while waiting.is_alive():
            assert feed.book("BTC-USDT").version > 0
            count += 1
        waiting.join()
        assert seen == [False] and count > 100


def test_health_and_counters(exchange: Exchange) -> None:
    with client(exchange, "books5:BTC-USDT") as feed:
        assert feed.wait(timeout=20)
        health = feed.health()
        assert (health["open"], health["is_whole"], health["text"]) == (1, True, "connected")
        stats = feed.stats()
        assert stats["feed"]["books"] > 0 and stats["feed"]["malformed"] == 0
        assert stats["connects"] == 1 and stats["latency_ns"]["count"] > 0
        assert stats["connections"][0]["connected"] is True
        assert feed.heartbeat_age < 10
        assert "connected" in repr(feed)


def test_a_stopped_client_says_so(exchange: Exchange) -> None:
    feed = client(exchange, "books5:BTC-USDT")
    reader = feed.book_reader("BTC-USDT")
    assert feed.is_running
    feed.stop()
    feed.stop()
    assert not feed.is_running and reader.read().state == "down_stopped"
    for call in (lambda: feed.book("BTC-USDT"), feed.stats, feed.health, feed.events):
        with pytest.raises(okx_feed.StoppedError):
            call()


def test_a_lost_exchange_is_seen_and_comes_back(serve) -> None:
    first = serve()
    with client(first, "books5:BTC-USDT", options={"backoff.first": 0.05}) as feed:
        assert feed.wait(timeout=20)
        address = first.v5.split("/")[2]
        first.stop()
        until(lambda: not feed.book("BTC-USDT").is_live)
        assert "not connected" in feed.health()["text"]
        serve(listen=address)
        until(lambda: feed.book("BTC-USDT").is_live, 30)


def test_errors_have_types_and_texts() -> None:
    cases = [
        (dict(subscriptions="nothing:BTC-USDT"), "unknown v5 channel"),
        (dict(subscriptions="books5"), "no ':'"),
        (dict(), "nothing to subscribe"),
        (dict(subscriptions="books5:A", dialect="v4"), "v3 or v5"),
        (dict(subscriptions="books5:A", region="mars"), "global, eea or us"),
        (dict(subscriptions="books5:A", url="http://x"), "http://x"),
        (dict(subscriptions="books5:A", login=("", "b", "c")), "the key is empty"),
        (dict(subscriptions="books5:A", options={"sesion.x": 1}), 'unknown option "sesion.x"'),
        (dict(subscriptions="books5:A", options={"session.ping_interval": -1}), "ping_interval"),
        (dict(subscriptions="books5:A", options={"depth.verify": "maybe"}), "every, off"),
        (dict(subscriptions="books5:A", options={"record.level": 3}), "nothing is recorded"),
        (dict(subscriptions="books5:A", select="books5"), "books5"),
    ]
    for arguments, text in cases:
        with pytest.raises(okx_feed.ConfigError) as raised:
            okx_feed.Client(**arguments)  # type: ignore[arg-type]
        assert text in str(raised.value), arguments
        assert isinstance(raised.value, ValueError)
    with pytest.raises(TypeError):
        okx_feed.Client("books5:A", nonsense=1)  # type: ignore[call-arg]


def test_every_option_of_the_guide_is_accepted(exchange: Exchange, tmp_path) -> None:
    """docs/PYTHON.md lists the options; each is set to its default."""
    import ast
    import re

    from conftest import ROOT

    text = (ROOT / "docs/PYTHON.md").read_text()
    table = text.split("<!-- options: start -->")[1].split("<!-- options: end -->")[0]
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", table, re.M)
    options = {name: ast.literal_eval(value) for name, value in rows}
    assert len(options) > 50
    with client(exchange, "books5:BTC-USDT", record=tmp_path, options=options) as feed:
        assert feed.wait(timeout=20)
