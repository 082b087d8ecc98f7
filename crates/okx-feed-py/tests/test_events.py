"""Events: in batches, by callbacks, awaited."""

from __future__ import annotations

import asyncio
import select
import threading
import time

import okx_feed
from conftest import Exchange, until

CHANNELS = ["books5:BTC-USDT", "trades:BTC-USDT", "books:BTC-USDT", "tickers:BTC-USDT"]


def test_batches_have_every_kind_in_order(exchange: Exchange) -> None:
    with okx_feed.Client(CHANNELS, url=exchange.v5) as feed:
        events = feed.events()
        seen: list[okx_feed.Event] = []
        missing = {"book", "trade", "record", "state", "control"}

        def is_complete() -> bool:
            batch = events.drain(timeout=0.1)
            seen.extend(batch)
            missing.difference_update(event.EVENT for event in batch)
            return not missing

        until(is_complete)
        trades = [event for event in seen if isinstance(event, okx_feed.Trade)]
        ids = [trade.trade_id for trade in trades]
        assert ids == sorted(set(ids))
        books = [event for event in seen if isinstance(event, okx_feed.Book)]
        assert {book.channel for book in books} == {"books5", "books"}
        deep = [book for book in books if book.channel == "books"]
        assert deep[0].action == "snapshot" and deep[-1].sync == "live" and deep[-1].fault is None
        assert all(book.state is None for book in books)
        states = [event for event in seen if isinstance(event, okx_feed.StateChange)]
        assert "live" in {change.state for change in states}
        feed.stop()
        until(lambda: not events.drain() and events.is_ended)


def test_a_full_queue_says_what_it_dropped(exchange: Exchange) -> None:
    with okx_feed.Client(CHANNELS, url=exchange.v5) as feed:
        events = feed.events(capacity=4)
        until(lambda: feed.stats()["feed"]["books"] > 10)
        batch = events.drain()
        assert 0 < len(batch) <= 4
        batch = events.drain(timeout=10)
        while not any(isinstance(event, okx_feed.Dropped) for event in batch):
            batch = events.drain(timeout=10)
        dropped = next(event for event in batch if isinstance(event, okx_feed.Dropped))
        assert dropped.total > 5 and dropped.books > 0


def test_callbacks_get_each_event_and_may_fail(exchange: Exchange) -> None:
    seen: list[str] = []
    batches: list[int] = []
    threads = set()

    def on_event(event: okx_feed.Event) -> None:
        seen.append(event.EVENT)
        threads.add(threading.current_thread().name)
        if len(seen) % 7 == 0:
            raise RuntimeError("in the callback")

    feed = okx_feed.Client(
        CHANNELS, url=exchange.v5, on_event=on_event, on_batch=lambda b: batches.append(len(b))
    )
    with feed:
        until(lambda: len(seen) > 50)
    assert threads == {"okx-feed-events"}
    count = len(seen)
    assert sum(batches) == count
    time.sleep(0.2)
    assert len(seen) == count, "called after the end"


def test_a_callback_may_stop_the_client(exchange: Exchange) -> None:
    ended = threading.Event()

    def on_event(event: okx_feed.Event) -> None:
        if isinstance(event, okx_feed.Book):
            feed.stop()
            ended.set()

    feed = okx_feed.Client("books5:BTC-USDT", url=exchange.v5, on_event=on_event)
    assert ended.wait(20)
    until(lambda: not feed.is_running)


def test_events_are_awaited_one_by_one_and_in_batches(exchange: Exchange) -> None:
    async def main() -> tuple[int, int]:
        with okx_feed.Client(CHANNELS, url=exchange.v5) as feed:
            one, other = feed.events(), feed.events()

            async def count(events: okx_feed.Events) -> int:
                seen = 0
                async for event in events:
                    seen += isinstance(event, okx_feed.Book)
                    if seen == 20:
                        return seen
                return -1

            async def batches(events: okx_feed.Events) -> int:
                seen = 0
                async for batch in events.batches():
                    seen += sum(isinstance(event, okx_feed.Book) for event in batch)
                    if seen >= 20:
                        return seen
                return -1

            return await asyncio.wait_for(asyncio.gather(count(one), batches(other)), 30)

    one, other = asyncio.run(main())
    assert one == 20 and other >= 20


def test_an_awaiting_task_ends_with_the_client_and_can_be_cancelled(exchange: Exchange) -> None:
    async def main() -> None:
        # An instrument that does not trade: nothing comes but replies.
        feed = okx_feed.Client("books5:BTC-USDT", url=exchange.v5)
        events = feed.events()

        async def consume() -> int:
            count = 0
            async for _ in events:
                count += 1
            return count

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.3)
        await asyncio.to_thread(feed.stop)
        assert await asyncio.wait_for(task, 10) > 0
        with okx_feed.Client("trades:EOS-USD-210625-8.00-C", url=exchange.v5) as quiet:
            idle = asyncio.create_task(anext(quiet.events().batches()))
            await asyncio.sleep(0.1)
            idle.cancel()
            await asyncio.gather(idle, return_exceptions=True)

    asyncio.run(main())


def test_the_descriptor_is_for_select_too(exchange: Exchange) -> None:
    with okx_feed.Client("books5:BTC-USDT", url=exchange.v5) as feed:
        events = feed.events()
        woken = 0
        while woken < 5:
            if not events.arm():
                assert select.select([events], [], [], 20)[0] == [events]
                woken += 1
            while events.drain():
                pass


def test_a_look_at_the_queue_does_not_take_the_place_of_who_waits(exchange: Exchange) -> None:
    with okx_feed.Client("books5:BTC-USDT", url=exchange.v5) as feed:
        events = feed.events()
        woken = 0
        while woken < 3:
            while events.drain():
                pass
            if not events.arm():
                assert not events.is_ended
                assert select.select([events], [], [], 20)[0] == [events]
                woken += 1


def test_a_blocking_loop_ends_with_the_client(exchange: Exchange) -> None:
    feed = okx_feed.Client("books5:BTC-USDT", url=exchange.v5)
    threading.Timer(0.5, feed.stop).start()
    assert sum(1 for _ in feed.events()) > 0
