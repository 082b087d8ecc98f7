"""A real `okx-feed serve`, and what tests share."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("OKX_FEED_PROGRAM", str(ROOT / "target/debug/okx-feed"))

FUTURE = "BTC-USD-190517"


@dataclass
class Exchange:
    """A running exchange and its addresses."""

    process: subprocess.Popen[str]
    v3: str
    v5: str
    rest: str

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(*arguments: str, listen: str = "127.0.0.1:0") -> Exchange:
    process = subprocess.Popen(
        [PROGRAM, "serve", "--listen", listen, *arguments],
        stdin=subprocess.DEVNULL,
        # Where the tests are killed, nobody must wait for what this process holds.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    found: dict[str, str] = {}
    for line in process.stderr:
        for name, pattern in [
            ("v3", r"(ws://\S+/ws/v3)"),
            ("v5", r"(ws://\S+/ws/v5/public)"),
            ("rest", r"REST\s+(http://\S+)"),
        ]:
            if match := re.search(pattern, line):
                found.setdefault(name, match[1])
        if len(found) == 3:
            return Exchange(process, **found)
    raise RuntimeError(f"{PROGRAM} serve has ended: {process.wait()}")


@pytest.fixture(scope="session")
def exchange() -> Iterator[Exchange]:
    # Each process of pytest has one of its own, which takes its share of the processor.
    made = start("--rate", "1000")
    yield made
    made.stop()


@pytest.fixture
def serve() -> Iterator[Callable[..., Exchange]]:
    running: list[Exchange] = []

    def begin(*arguments: str, **named: str) -> Exchange:
        running.append(start(*arguments, **named))
        return running[-1]

    yield begin
    for one in running:
        one.stop()


def until(is_so: Callable[[], object], seconds: float = 60.0) -> None:
    """Waits until something is so, and fails after `seconds`."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it has not happened in time"
        time.sleep(0.01)


def run(code: str, *arguments: str, seconds: float = 30.0, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=seconds,
        env={**os.environ, **env},
    )
