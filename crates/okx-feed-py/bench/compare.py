"""This package beside what Python programs use: json by hand, ccxt.pro and cryptofeed.

    python compare.py record FRAMES        frames of a running `okx-feed serve`
    python compare.py frames FRAMES        from a frame to a book that Python reads
    python compare.py live CONTENDER       processor time a message, against the same exchange
    python compare.py events               events a second: batches, callbacks, arrays

`compare.sh` makes the environment and runs all of it. Each contender reads the same frames in the
same process, in turn, and must show the same best prices at the end. Times are processor time of the
thread: what else the machine does counts less.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

V5 = os.environ.get("OKX_FEED_V5_URL", "ws://127.0.0.1:8443/ws/v5/public")
INST = "BTC-USDT"
CHANNELS = ["books5", "books", "trades"]
ROUNDS = 40


# Frames.


def record(path: Path, seconds: float = 20.0) -> None:
    import websocket

    socket = websocket.create_connection(V5)
    args = [{"channel": channel, "instId": INST} for channel in CHANNELS]
    socket.send(json.dumps({"op": "subscribe", "args": args}))
    end = time.monotonic() + seconds
    with path.open("w") as out:
        while time.monotonic() < end:
            out.write(socket.recv() + "\n")


def frames_of(path: Path, channel: str) -> list[str]:
    mark = f'"channel":"{channel}",'
    lines = path.read_text().splitlines()
    return [line for line in lines if mark in line and '"data"' in line]


# Contenders: each gives a function that takes a frame, and one that reads what it made.


def by_hand(channel: str) -> tuple[Callable[[str], None], Callable[[], object]]:
    """`json` and dictionaries, as programs on websocket-client do it."""
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    last: dict[str, object] = {}

    def on_books5(frame: str) -> None:
        last.update(json.loads(frame)["data"][0])

    def on_books(frame: str) -> None:
        message = json.loads(frame)
        data = message["data"][0]
        if message["action"] == "snapshot":
            bids.clear()
            asks.clear()
        for side, levels in ((bids, data["bids"]), (asks, data["asks"])):
            for px, sz, *_ in levels:
                if sz == "0":
                    side.pop(float(px), None)
                else:
                    side[float(px)] = float(sz)

    def on_trades(frame: str) -> None:
        for row in json.loads(frame)["data"]:
            last["px"] = float(row["px"])

    if channel == "books5":
        return on_books5, lambda: (float(last["bids"][0][0]), float(last["asks"][0][0]))
    if channel == "books":
        return on_books, lambda: (max(bids), min(asks))
    return on_trades, lambda: last["px"]


def okx_feed_floats(channel: str) -> tuple[Callable[[str], None], Callable[[], object]]:
    """As `okx_feed_`, without an object for the book."""
    import okx_feed

    feed = okx_feed.FeedHandler(f"{channel}:{INST}")

    def read() -> object:
        top = feed.top_floats(INST)
        return top and (top[0], top[2])

    return feed.on_frame, read


def okx_feed_(channel: str) -> tuple[Callable[[str], None], Callable[[], object]]:
    import okx_feed

    feed = okx_feed.FeedHandler(f"{channel}:{INST}")
    if channel == "trades":
        seen: list[okx_feed.Trade] = []

        def on_trade(frame: str) -> None:
            seen[:] = feed.events(frame)[-1:]

        return on_trade, lambda: seen[0].px_float

    def read() -> object:
        top = feed.book(INST).top_floats()
        return top and (top[0], top[2])

    return feed.on_frame, read


def ccxt_pro(channel: str) -> tuple[Callable[[str], None], Callable[[], object]]:
    import ccxt.pro

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    exchange = ccxt.pro.okx({"newUpdates": True})
    market = exchange.safe_market_structure(
        {
            "id": INST,
            "symbol": "BTC/USDT",
            "base": "BTC",
            "quote": "USDT",
            "type": "spot",
            "spot": True,
            "active": True,
            "precision": {"amount": 1e-8, "price": 0.1},
        }
    )
    exchange.set_markets([market])

    async def in_loop() -> object:
        return exchange.client(V5)

    client = loop.run_until_complete(in_loop())
    client.subscriptions[f"{channel}:BTC/USDT"] = True

    def on_frame(frame: str) -> None:
        # As its client does with a text message.
        exchange.handle_message(client, json.loads(frame))

    if channel == "trades":
        return on_frame, lambda: exchange.trades["BTC/USDT"][-1]["price"]

    def read() -> object:
        book = exchange.orderbooks["BTC/USDT"]
        return book["bids"][0][0], book["asks"][0][0]

    return on_frame, read


def cryptofeed(channel: str) -> tuple[Callable[[str], None], Callable[[], object]]:
    from cryptofeed.defines import L2_BOOK, OKX, TRADES
    from cryptofeed.exchanges import OKX as Feed
    from cryptofeed.symbols import Symbols

    Symbols.set(OKX, {"BTC-USDT": INST}, {"instrument_type": {"BTC-USDT": "spot"}})
    last: dict[str, object] = {}

    async def on_book(book: object, _received: float) -> None:
        last["book"] = book

    async def on_trade(trade: object, _received: float) -> None:
        last["trade"] = trade

    of = TRADES if channel == "trades" else L2_BOOK
    feed = Feed(symbols=["BTC-USDT"], channels=[of], callbacks={L2_BOOK: on_book, TRADES: on_trade})
    loop = asyncio.new_event_loop()

    def on_frame(frame: str) -> None:
        # No socket: the coroutine runs to its end at once.
        task = feed.message_handler(frame, None, time.time())
        try:
            task.send(None)
        except StopIteration:
            return
        loop.run_until_complete(task)

    if channel == "trades":
        return on_frame, lambda: float(last["trade"].price)

    def read() -> object:
        book = last["book"].book
        return float(book.bids.index(0)[0]), float(book.asks.index(0)[0])

    return on_frame, read


CONTENDERS = {
    "okx_feed": okx_feed_,
    "its floats": okx_feed_floats,
    "json by hand": by_hand,
    "ccxt.pro": ccxt_pro,
    "cryptofeed": cryptofeed,
}


def frames(path: Path) -> None:
    print(f"Python {sys.version.split()[0]}; least and median of {ROUNDS} rounds, µs a frame")
    for channel in CHANNELS:
        all_frames = frames_of(path, channel)
        size = sum(map(len, all_frames)) // len(all_frames)
        print(f"\n{channel}: {len(all_frames)} frames of {size} bytes on average")
        shown: dict[str, object] = {}
        times: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for name, make in CONTENDERS.items():
                if name == "cryptofeed" and channel == "books5":
                    continue  # It does not offer that channel.
                if name == "its floats" and channel == "trades":
                    continue
                try:
                    on_frame, read = make(channel)
                except ImportError as error:
                    times.setdefault(name, [])
                    shown[name] = f"not installed: {error}"
                    continue
                gc.collect()
                begun = time.thread_time_ns()
                for frame in all_frames:
                    on_frame(frame)
                    result = read()
                took = time.thread_time_ns() - begun
                times.setdefault(name, []).append(took / 1000 / len(all_frames))
                shown[name] = result
        results = {name: value for name, value in shown.items() if times[name]}
        assert len(set(results.values())) == 1, results
        ours = min(times["okx_feed"])
        for name, of in times.items():
            if of:
                least, median = min(of), sorted(of)[len(of) // 2]
                print(f"  {name:14} {least:9.2f} {median:9.2f}   {least / ours:6.1f}x")
            else:
                print(f"  {name:14} {shown[name]}")


# Live: processor time of the whole process, all threads.


def live(contender: str, seconds: float = 10.0) -> None:
    count = 0

    async def run_ccxt() -> None:
        nonlocal count
        import ccxt.pro

        exchange = ccxt.pro.okx({"newUpdates": True})
        market = {"id": INST, "symbol": "BTC/USDT", "base": "BTC", "quote": "USDT"}
        market |= {"type": "spot", "spot": True, "active": True}
        market |= {"precision": {"amount": 1e-8, "price": 0.1}}
        exchange.set_markets([exchange.safe_market_structure(market)])
        exchange.urls["api"]["ws"] = V5.removesuffix("/public")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            book = await exchange.watch_order_book("BTC/USDT", None, {"depth": "books5"})
            _ = book["bids"][0][0]
            count += 1
        await exchange.close()

    def run_hand() -> None:
        nonlocal count
        import websocket

        socket = websocket.create_connection(V5)
        args = [{"channel": "books5", "instId": INST}]
        socket.send(json.dumps({"op": "subscribe", "args": args}))
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = json.loads(socket.recv())
            if "data" in message:
                _ = float(message["data"][0]["bids"][0][0])
                count += 1

    def run_okx_feed() -> None:
        nonlocal count
        import okx_feed

        with okx_feed.Client(f"books5:{INST}", url=V5) as client:
            events = client.events()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for event in events.drain(timeout=1):
                    if isinstance(event, okx_feed.Book):
                        _ = event.best_bid.px_float
                        count += 1

    def run_readers() -> None:
        nonlocal count
        import okx_feed

        with okx_feed.Client(f"books5:{INST}", url=V5) as client:
            client.wait(timeout=10)
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                _ = client.book(INST).top_floats()
                time.sleep(0.01)
            count = client.stats()["feed"]["books"]

    runs = {
        "okx_feed": run_okx_feed,
        "okx_feed-readers": run_readers,
        "json": run_hand,
        "ccxt.pro": lambda: asyncio.run(run_ccxt()),
    }
    before = time.process_time()
    runs[contender]()
    used = time.process_time() - before
    print(f"  {contender:16} {count:7} books, {used / count * 1e6:8.1f} µs of processor time each")


# Events a second.


def events() -> None:
    import okx_feed

    channels = [f"books5:{INST}", f"trades:{INST}", "trades:BTC-USDT-SWAP", "trades:ETH-USDT"]
    options = {"trades.ring_len": 65536}
    with okx_feed.Client(channels, url=V5, options=options) as client:
        queue, other = client.events(1 << 20), client.events(1 << 20)
        time.sleep(20)
        begun = time.thread_time()
        batch = queue.drain(1 << 20)
        took = time.thread_time() - begun
        print(f"  batches    {len(batch):8} events, {len(batch) / took:12,.0f} a second")
        trades = [event for event in batch if isinstance(event, okx_feed.Trade)]
        begun = time.thread_time()
        total = sum(trade.sz_float for trade in trades)
        took = time.thread_time() - begun
        print(f"  attributes {len(trades):8} trades, {len(trades) / took:12,.0f} a second")
        count = 0

        def on_event(event: object) -> None:
            nonlocal count
            count += 1

        begun = time.thread_time()
        while batch := other.drain(4096):
            for event in batch:
                on_event(event)
        took = time.thread_time() - begun
        print(f"  callback   {count:8} events, {count / took:12,.0f} a second")
        try:
            import numpy as np
        except ImportError:
            return
        best = 0.0
        for _ in range(20):
            begun = time.thread_time()
            rows = np.frombuffer(client.trades(INST), okx_feed.TRADE_DTYPE)
            total = float((rows["sz"] / 10.0 ** rows["sz_scale"]).sum())
            best = max(best, len(rows) / (time.thread_time() - begun))
        print(f"  arrays     {len(rows):8} trades, {best:12,.0f} a second (sum of sizes {total:.4f})")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["record", path]:
            record(Path(path))
        case ["frames", path]:
            frames(Path(path))
        case ["live", contender]:
            live(contender)
        case ["events"]:
            events()
        case _:
            sys.exit(__doc__)
