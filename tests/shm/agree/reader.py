"""The reader in Python: prints the hash of each version of a book and of each trade that it sees.

    reader.py SEGMENT BOOK TRADES
"""

import sys
import time

from okx_feed_shm import STATES, Segment

MASK = (1 << 64) - 1


def hash_of(words):
    value = 0xCBF29CE484222325
    for word in words:
        value = ((value ^ (word & MASK)) * 0x100000001B3) & MASK
    return value


def parts(number):
    """Mantissa and scale of a decimal."""
    scale = -number.as_tuple().exponent
    return int(number.scaleb(scale)), scale


def hash_of_book(book):
    words = [book["ts_event"], book["ts_recv"], book["seq"], STATES.index(book["state"]),
             len(book["asks"]), len(book["bids"])]
    for px, sz, orders in book["asks"] + book["bids"]:
        words += [*parts(px), *parts(sz), orders]
    return hash_of(words)


def hash_of_trade(trade):
    return hash_of([trade["ts_event"], trade["ts_recv"], trade["trade_id"], trade["seq"],
                    *parts(trade["px"]), *parts(trade["sz"]), int(trade["side"] == "sell")])


def opened(path, book, trades):
    for _ in range(30_000):
        try:
            segment = Segment(path)
            segment.book(book), segment.trades(trades)
            return segment
        except (OSError, KeyError, ValueError):
            time.sleep(0.001)
    sys.exit("no slot of the book and the trades")


def main():
    path, book_name, trades_name = sys.argv[1:4]
    segment = opened(path, book_name, trades_name)
    version, after = 0, 0
    while True:
        is_running = segment.writer() == "running"
        try:
            book = segment.book(book_name)
        except TimeoutError:
            if is_running:
                continue
            break
        # The state of an ended writer is not that of a publication.
        if book["version"] != version and segment.writer() == "running":
            version = book["version"]
            print("book", version, f"{hash_of_book(book):016x}")
        after, trades = segment.trades(trades_name, after)
        for trade in trades:
            print("trade", trade["number"], f"{hash_of_trade(trade):016x}")
        if not is_running:
            break
        time.sleep(0.0002)


if __name__ == "__main__":
    main()
