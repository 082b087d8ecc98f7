"""Ctrl-C, forks, and the end of the interpreter."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import okx_feed
import pytest
from conftest import Exchange, run, until

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
