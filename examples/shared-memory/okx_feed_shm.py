"""Reads books and trades of a shared-memory segment of okx-feed, with the standard library alone.

    python3 okx_feed_shm.py /dev/shm/okx-feed books5:BTC-USDT trades:BTC-USDT

Layout: docs/SHARED-MEMORY.md. Words are read one by one, as the processor has them; the order of
two reads is that of an x86-64 processor. On others, read by the C header instead.
"""

import mmap
import sys
import time
from decimal import Decimal

STATES = ["connecting", "awaiting_snapshot", "live", "stale", "resyncing", "down_rejected",
          "down_unsubscribed", "down_stopped"]
BOOK, TRADES = 1, 2
HEADER, ENTRY = 32, 32


def _signed(word):
    return word - (1 << 64) if word >> 63 else word


def _decimal(mantissa, scale):
    return Decimal(_signed(mantissa)).scaleb(-min(scale, 18))


class Segment:
    """A segment, mapped for reading."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        words = memoryview(self._map)
        self._words = words[: len(words) // 8 * 8].cast("Q")
        if len(self._words) < HEADER or self._map[:8] != b"OKXFEED1" or self._words[1] != 1:
            raise ValueError(f"{path}: not a segment of this version")

    def writer(self):
        """`running`, `silent`, `ended` or `replaced` (open the file again)."""
        phase, age = self._words[9], time.monotonic_ns() - self._words[8]
        if phase == 1:
            return "silent" if age > self._words[5] else "running"
        return "replaced" if phase == 3 else "ended"

    def _find(self, name, kind, value_words):
        room = (len(self._words) - HEADER) // ENTRY
        for nth in range(min(self._words[10], self._words[6], room)):
            at = HEADER + nth * ENTRY
            entry = self._words[at:at + ENTRY]
            text = entry[5:].tobytes()[: entry[4]]
            if (entry[0], entry[2], text) == (kind, value_words, name.encode()) and entry[3] > 0:
                stride = (value_words + 8) // 8 * 8
                end = entry[1] + stride * entry[3] + (16 if kind == TRADES else 0)
                if end <= len(self._words):
                    return entry[1], entry[3]
        raise KeyError(name)

    def _copy(self, at, count):
        """The words of one write and the number of writes; None if a write interferes."""
        version = self._words[at]
        words = self._words[at + 1:at + 1 + count].tolist()
        if version % 2 or self._words[at] != version:
            return None
        return words, version // 2

    def _wait_for_copy(self, at, count):
        """As `_copy`, when a write interferes: it takes a microsecond, or as long as the system lets
        the writer wait."""
        begin = time.monotonic()
        while True:
            was_running = self.writer() == "running"
            if copied := self._copy(at, count):
                return copied
            if not was_running:
                raise TimeoutError("the writer ended in the middle of a write")
            waited = time.monotonic() - begin
            if waited > 1:
                raise TimeoutError("the writer is interrupted in the middle of a write")
            if waited > 0.001:
                time.sleep(0.0001)

    def _state(self, code):
        return STATES[code] if self.writer() == "running" and code < 8 else "down_stopped"

    def book(self, name):
        """The five-level book of a subscription: state, times, levels as (price, size, orders).

        TimeoutError if the writer ended in the middle of a write, or is interrupted in one for a
        second.
        """
        at, _ = self._find(name, BOOK, 31)
        words, version = self._copy(at, 31) or self._wait_for_copy(at, 31)
        levels, spare = [], []
        for px, sz, tail in zip(words[1::3], words[2::3], words[3::3]):
            px, sz = _decimal(px, tail >> 32 & 255), _decimal(sz, tail >> 40 & 255)
            levels.append((px, sz, tail & 0xFFFFFFFF))
            spare.append(tail >> 48)
        join = lambda parts: sum(part << 16 * nth for nth, part in enumerate(parts))
        asks, bids = min(spare[8] & 255, 5), min(spare[8] >> 8, 5)
        return {"state": self._state(spare[9] >> 8), "version": version, "ts_event": words[0],
                "ts_recv": join(spare[:4]), "seq": _signed(join(spare[4:8])),
                "asks": levels[:asks], "bids": levels[5:5 + bids]}

    def trades(self, name, since=0):
        """The number of the next trade, and the held trades from number `since` on."""
        at, length = self._find(name, TRADES, 7)
        last, held = self._words[at], []
        for number in range(max(since, last - length), last):
            copied = self._copy(at + 16 + number % length * 8, 7)
            if copied is None or copied[1] != number // length + 1:
                continue
            (ts_event, ts_recv, trade_id, seq, px, sz, tail), _ = copied
            if tail & 0xFFFFFFFF:
                held.append({"number": number, "trade_id": trade_id, "ts_event": ts_event,
                             "ts_recv": ts_recv, "seq": _signed(seq),
                             "px": _decimal(px, tail >> 32 & 255),
                             "sz": _decimal(sz, tail >> 40 & 255),
                             "side": "sell" if tail >> 48 & 1 else "buy"})
        return last, held


def main():
    path, book, trades = sys.argv[1:4]
    segment = Segment(path)
    print(segment.writer(), segment.book(book))
    print(*segment.trades(trades)[1], sep="\n")


if __name__ == "__main__":
    main()
