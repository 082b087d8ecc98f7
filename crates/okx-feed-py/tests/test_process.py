"""Ctrl-C, forks, and the end of the interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import okx_feed
import pytest
from conftest import ROOT, Exchange, run, until

WAITS = """
import sys, okx_feed
feed = okx_feed.Client("books5:BTC-USDT", url=sys.argv[1])
assert feed.wait(timeout=20)
print("ready", flush=True)
try:
    WAIT
except KeyboardInterrupt:
    print("interrupted", feed.book("BTC-USDT").state, flush=True)
"""


@pytest.mark.parametrize(
    "wait",
    [
        "feed.wait(state='stale', timeout=60)",
        "feed.book_reader('BTC-USDT').wait(1 << 60)",
        "okx_feed.Client('trades:EOS-USD-210625-8.00-C', url=sys.argv[1]).wait(state='stale')",
        "[_ for _ in iter(lambda: feed.events().drain(1, 60), None) if False]",
    ],
)
def test_ctrl_c_interrupts_what_waits(exchange: Exchange, wait: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.replace("WAIT", wait), exchange.v5],
        stdout=subprocess.PIPE,
        text=True,
        # Ctrl-C is ignored in what a shell runs in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    guard = threading.Timer(40, process.kill)
    guard.daemon = True
    guard.start()
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted live\n"
    assert time.monotonic() - begun < 2
    assert process.wait(10) == 0


def test_a_replay_that_waits_is_interrupted_and_read_by_others() -> None:
    code = """
import sys, threading, time, okx_feed
replay = okx_feed.Replay(sys.argv[1], dialect="v5", speed=1e-6)
events = iter(replay)
next(events)
longest = 0.0
def read():
    global longest
    while True:
        begun = time.monotonic()
        replay.now
        longest = max(longest, time.monotonic() - begun)
threading.Thread(target=read, daemon=True).start()
print("ready", flush=True)
try:
    for _ in events: pass
except KeyboardInterrupt:
    print("interrupted", longest < 1, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(ROOT / "tests/data/conn-sim-v5.tsv")],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    guard = threading.Timer(20, process.kill)
    guard.daemon = True
    guard.start()
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "interrupted True\n"
    assert process.wait(10) == 0


def test_the_interpreter_ends_with_a_running_client(exchange: Exchange) -> None:
    code = """
import sys, okx_feed
feed = okx_feed.Client("books5:BTC-USDT", url=sys.argv[1], on_event=lambda event: None)
old = okx_feed.WSSubscription(url=sys.argv[2], on_message=lambda text: None)
events = feed.events()
assert feed.wait(timeout=20)
print("done")
"""
    done = run(code, exchange.v5, exchange.v3)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_the_interpreter_ends_while_a_callback_runs(exchange: Exchange) -> None:
    code = """
import sys, time, threading, okx_feed
called = threading.Event()
def slow(event):
    called.set()
    time.sleep(60)
feed = okx_feed.Client("books5:BTC-USDT", url=sys.argv[1], on_event=slow)
assert called.wait(20)
print("done")
"""
    begun = time.monotonic()
    done = run(code, exchange.v5)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
    assert time.monotonic() - begun < 15


def test_a_client_without_a_name_stops(exchange: Exchange) -> None:
    feed = okx_feed.Client("books5:BTC-USDT", url=exchange.v5, on_event=lambda event: None)
    reader, dispatcher = feed.book_reader("BTC-USDT"), feed._dispatcher
    assert feed.wait(timeout=20) and dispatcher is not None
    del feed
    until(lambda: reader.read().state == "down_stopped")
    until(lambda: not dispatcher.is_alive())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_is_refused_and_the_parent_goes_on(exchange: Exchange) -> None:
    code = """
import os, sys, okx_feed
feed = okx_feed.Client("books5:BTC-USDT", url=sys.argv[1])
reader, events = feed.book_reader("BTC-USDT"), feed.events()
assert feed.wait(timeout=20)
child = os.fork()
if child == 0:
    refused = 0
    for call in (lambda: feed.book("BTC-USDT"), reader.read, events.drain, feed.stats):
        try:
            call()
        except okx_feed.ForkedError as error:
            assert "parent" in str(error)
            refused += 1
    assert not feed.is_running
    feed.stop()
    # A client of the child's own.
    with okx_feed.Client("books5:BTC-USDT", url=sys.argv[1]) as own:
        assert own.wait(timeout=20)
    os._exit(refused)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 4, status
version = reader.version
assert reader.wait(version, timeout=20) and feed.book("BTC-USDT").is_live
print("done")
"""
    done = run(code, exchange.v5, seconds=60)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_ends_as_programs_do(exchange: Exchange) -> None:
    code = """
import multiprocessing, sys, okx_feed
feed = okx_feed.Client("books5:BTC-USDT", url=sys.argv[1], on_event=lambda event: None)
assert feed.wait(timeout=20)
child = multiprocessing.get_context("fork").Process(target=lambda: None)
child.start()
child.join(20)
assert child.exitcode == 0, child.exitcode
assert feed.book("BTC-USDT").is_live
print("done")
"""
    done = run(code, exchange.v5, seconds=60)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_whatever_waits_ends_with_the_client(exchange: Exchange) -> None:
    feed = okx_feed.Client(["books5:BTC-USDT", "books:BTC-USDT"], url=exchange.v5, text_capacity=9)
    assert feed.wait(timeout=20) and feed.texts is not None
    texts, events = feed.texts, feed.events()
    top, deep = feed.book_reader("books5:BTC-USDT"), feed.book_reader("BTC-USDT", depth=True)

    def drained(queue: okx_feed.Events | okx_feed.TextQueue) -> str:
        while queue.drain(4096, None) or not queue.is_ended:
            pass
        return "ended"

    def ended(wait: Callable[[], object]) -> str:
        try:
            return f"gave {wait()}"
        except okx_feed.StoppedError:
            return "ended"

    waits: list[Callable[[], str]] = [
        lambda: ended(lambda: top.wait(1 << 60)),
        lambda: ended(lambda: deep.wait(1 << 60)),
        lambda: ended(lambda: feed.wait(state="stale")),
        lambda: ended(lambda: feed.wait("books5:BTC-USDT", state="stale")),
        lambda: drained(texts),
        lambda: drained(events),
        lambda: "ended" if [event for event in feed.events()] else "nothing came",
    ]
    results: list[str] = []
    threads = [
        threading.Thread(target=lambda wait=wait: results.append(wait()), daemon=True)
        for wait in waits
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    feed.stop()
    for thread in threads:
        thread.join(10)
    assert results == ["ended"] * len(waits)
    # Those that begin afterwards, too.
    for wait in (lambda: top.wait(1 << 60), lambda: deep.wait(1 << 60), feed.wait):
        with pytest.raises(okx_feed.StoppedError):
            wait()
    assert drained(texts) == drained(events) == "ended"
    # The last change is still seen.
    assert top.wait(0)


def test_a_wait_for_what_is_unsubscribed_ends(exchange: Exchange) -> None:
    with okx_feed.Client(["books5:BTC-USDT", "trades:BTC-USDT"], url=exchange.v5) as feed:
        assert feed.wait("books5:BTC-USDT", timeout=20)
        reader = feed.book_reader("BTC-USDT")
        threading.Timer(0.2, feed.unsubscribe, ["books5:BTC-USDT"]).start()
        with pytest.raises(okx_feed.NotSubscribedError):
            feed.wait("books5:BTC-USDT", state="stale", timeout=20)
        with pytest.raises(okx_feed.NotSubscribedError):
            reader.wait(1 << 60, timeout=20)


CONSUMERS = {
    "for": "for _ in feed.events(): pass",
    "drain": "q = feed.events()\n    while q.drain(64, None) or not q.is_ended: pass",
    "reader": "r = feed.book_reader('BTC-USDT')\n    while r.wait(r.version): pass",
    "wait": "feed.wait(state='stale')",
    "asyncio": "asyncio.run(consume(feed.events()))",
}


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("begin", ["threading.Thread(target=work).start()", "pool().submit(work)"])
def test_the_interpreter_ends_though_a_thread_of_the_program_waits(
    exchange: Exchange, consumer: str, begin: str
) -> None:
    code = f"""
import asyncio, sys, threading, okx_feed
from concurrent.futures import ThreadPoolExecutor as pool
feed = okx_feed.Client("books5:BTC-USDT", url=sys.argv[1])
assert feed.wait(timeout=20)
began = threading.Event()
async def consume(events):
    async for _ in events: pass
def work():
    began.set()
    try:
        consuming()
    except okx_feed.StoppedError:
        pass
    print("ended")
def consuming():
    {CONSUMERS[consumer]}
{begin}
began.wait()
print("done", flush=True)
"""
    done = run(code, exchange.v5)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\nended\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_what_belongs_to_the_parent_says_so_in_a_child(exchange: Exchange) -> None:
    code = """
import os, sys, okx_feed
v5, v3, rest, capture = sys.argv[1:]
old = okx_feed.WSSubscription(url=v3)
feed = okx_feed.Client("books5:BTC-USDT", url=v5, text_capacity=9)
assert feed.wait(timeout=20)
reader, events, texts = feed.book_reader("BTC-USDT"), feed.events(), feed.texts
while not old.GetDepth():
    pass
history, replay = okx_feed.History(rest), okx_feed.Replay(capture, dialect="v5")
pages = history.trade_pages("BTC-USDT")
child = os.fork()
if child == 0:
    try:
        calls = [
            old.GetDepth, lambda: old.state,
            lambda: reader.wait(0), lambda: reader.version, reader.read,
            lambda: events.is_ended, events.drain, events.fileno, events.arm, lambda: next(iter(events)),
            lambda: texts.is_ended, lambda: texts.dropped, texts.drain,
            lambda: feed.book("BTC-USDT"), lambda: feed.depth("BTC-USDT"), feed.wait, feed.events,
            lambda: feed.trades("A"), lambda: feed.latest("A"), lambda: feed.records("A"),
            lambda: feed.book_reader("BTC-USDT"), lambda: feed.state("BTC-USDT"), feed.states,
            feed.subscriptions, lambda: feed.subscribe("books5:A"), feed.health, feed.stats,
            lambda: feed.unsubscribe("books5:BTC-USDT"), lambda: feed.heartbeat_age,
            history.time, lambda: history.book("A"), lambda: history.instruments("SWAP"),
            lambda: history.candles("A", since=0), lambda: next(pages),
            lambda: next(iter(replay)), lambda: replay.book("A"), replay.report,
        ]
        for nth, call in enumerate(calls):
            try:
                print("no error of call", nth, call())
            except okx_feed.ForkedError:
                pass
        old.close(), feed.stop()
        print(repr(feed), feed.is_running, len(calls))
    finally:
        sys.stdout.flush()
        os._exit(0)
os.waitpid(child, 0)
assert old.GetDepth() and old.state == "live" and feed.book("BTC-USDT").is_live
old.close()
try:
    old.GetDepth()
except okx_feed.StoppedError:
    print("closed")
"""
    capture = str(ROOT / "tests/data/conn-sim-v5.tsv")
    done = run(code, exchange.v5, exchange.v3, exchange.rest, capture)
    assert done.stdout == "Client(v5, stopped) False 37\nclosed\n", done.stdout + done.stderr
    assert done.returncode == 0
