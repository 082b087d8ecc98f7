"""Reads books and trades of a shared-memory segment of okx-feed, with the standard library alone.

    python3 okx_feed_shm.py /dev/shm/okx-feed books5:BTC-USDT trades:BTC-USDT

Layout: docs/SHARED-MEMORY.md. Words are read one by one, as the processor has them; the order of
two reads is that of an x86-64 processor. On others, read by the C header instead.
"""

import mmap
import sys
import time
from array import array
from decimal import Decimal

STATES = ["connecting", "awaiting_snapshot", "live", "stale", "resyncing", "down_rejected",
          "down_unsubscribed", "down_stopped"]
BOOK, TRADES = 1, 2
HEADER, ENTRY = 32, 32
MAX_WORDS = 1 << 27

# The bytes of `raw_book` and `raw_trades`: numpy.frombuffer(book["asks"], LEVEL_DTYPE). A number is
# its mantissa divided by ten to the power of its scale; `side & 1` is 1 of a sell.
LEVEL_DTYPE = [("px", "=i8"), ("sz", "=i8"), ("orders", "=u4"), ("px_scale", "u1"),
               ("sz_scale", "u1"), ("reserved", "V2")]
TRADE_DTYPE = [("ts_event", "=u8"), ("ts_recv", "=u8"), ("trade_id", "=u8"), ("seq", "=i8"),
               ("px", "=i8"), ("sz", "=i8"), ("count", "=u4"), ("px_scale", "u1"),
               ("sz_scale", "u1"), ("side", "u1"), ("source", "u1")]
LEVEL_SIZE = 24

# A heartbeat may be of this moment, but one so far ahead of the clock is not fresh.
MAX_AHEAD_NS = 1_000_000_000


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
        length = len(self._words)
        if length < HEADER or self._map[:8] != b"OKXFEED1" or self._words[1] != 1:
            raise ValueError(f"{path}: not a segment of this version")
        if length > MAX_WORDS or self._words[2] > length:
            raise ValueError(f"{path}: not of the size that its header says")
        if HEADER + self._words[6] * ENTRY > length:
            raise ValueError(f"{path}: its directory is longer than the file")

    def heartbeat_age(self):
        """Nanoseconds since the writer's last heartbeat; a little below 0 if it is of this moment."""
        return time.monotonic_ns() - self._words[8]

    def writer(self):
        """`running`, `silent`, `ended` or `replaced` (open the file again)."""
        phase = self._words[9]
        if phase == 1:
            is_fresh = -MAX_AHEAD_NS <= self.heartbeat_age() <= self._words[5]
            return "running" if is_fresh else "silent"
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
        words, book = self._book(name)
        levels = [(_decimal(px, tail >> 32 & 255), _decimal(sz, tail >> 40 & 255), tail & 0xFFFFFFFF)
                  for px, sz, tail in zip(words[1::3], words[2::3], words[3::3])]
        return book | {"asks": levels[:book["asks"]], "bids": levels[5:5 + book["bids"]]}

    def raw_book(self, name):
        """As `book`, with asks and bids as the bytes of LEVEL_DTYPE: no object for each level."""
        words, book = self._book(name)
        raw = array("Q", words[1:]).tobytes()
        asks, bids = (book[side] * LEVEL_SIZE for side in ("asks", "bids"))
        return book | {"asks": raw[:asks], "bids": raw[5 * LEVEL_SIZE:][:bids]}

    def _book(self, name):
        """The words of a book, and what it has beside levels, with their numbers."""
        at, _ = self._find(name, BOOK, 31)
        words, version = self._copy(at, 31) or self._wait_for_copy(at, 31)
        spare = [tail >> 48 for tail in words[3::3]]
        join = lambda parts: sum(part << 16 * nth for nth, part in enumerate(parts))
        return words, {"state": self._state(spare[9] >> 8), "version": version,
                       "ts_event": words[0], "ts_recv": join(spare[:4]),
                       "seq": _signed(join(spare[4:8])),
                       "asks": min(spare[8] & 255, 5), "bids": min(spare[8] >> 8, 5)}

    def trades(self, name, since=0):
        """The number of the next trade, and the held trades from number `since` on."""
        last, held = self._trades(name, since)
        return last, [{"number": number, "trade_id": trade_id, "ts_event": ts_event,
                       "ts_recv": ts_recv, "seq": _signed(seq),
                       "px": _decimal(px, tail >> 32 & 255),
                       "sz": _decimal(sz, tail >> 40 & 255),
                       "side": "sell" if tail >> 48 & 1 else "buy"}
                      for number, (ts_event, ts_recv, trade_id, seq, px, sz, tail) in held]

    def raw_trades(self, name, since=0):
        """As `trades`, with the trades as the bytes of TRADE_DTYPE."""
        last, held = self._trades(name, since)
        return last, array("Q", (word for _, words in held for word in words)).tobytes()

    def _trades(self, name, since):
        at, length = self._find(name, TRADES, 7)
        last, held = self._words[at], []
        for number in range(max(since, last - length), last):
            copied = self._copy(at + 16 + number % length * 8, 7)
            # A number whose trade was overwritten, or was lost.
            if copied and copied[1] == number // length + 1 and copied[0][6] & 0xFFFFFFFF:
                held.append((number, copied[0]))
        return last, held

    def trades_state(self, name):
        """The state of a subscription's trades, such as `live`."""
        at, _ = self._find(name, TRADES, 7)
        return self._state(self._words[at + 8])


def main():
    path, book, trades = sys.argv[1:4]
    segment = Segment(path)
    print(segment.writer(), segment.book(book))
    print(*segment.trades(trades)[1], sep="\n")


if __name__ == "__main__":
    main()
