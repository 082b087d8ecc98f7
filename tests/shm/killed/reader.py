"""The reader in Python of a writer that is killed: checks that every live book is of one write, until
the writer is silent. Prints "reading" after the first one, and at the end how many there were and
when the last one was live.

    reader.py SEGMENT BOOK
"""

import sys
import time

from okx_feed_shm import Segment


def is_whole(book):
    """Whether every number follows from the sequence number."""
    n = book["seq"]
    asks = [(n + 1 + nth, n, n % 1000) for nth in range(5)]
    bids = [(n - nth, n, n % 1000) for nth in range(5)]
    return ((book["ts_event"], book["ts_recv"]) == (n, n)
            and book["asks"] == asks and book["bids"] == bids)


def main():
    path, name = sys.argv[1:3]
    segment = Segment(path)
    live, last, newest = 0, 0, 0
    while True:
        now = time.monotonic_ns()
        try:
            book = segment.book(name)
        except TimeoutError:
            book = None
        if book is not None and book["state"] == "live":
            assert is_whole(book), book
            assert book["seq"] >= newest, "an older book after a newer one"
            newest, last, live = book["seq"], now, live + 1
            if live == 1:
                print("reading", flush=True)
        elif (writer := segment.writer()) == "silent":
            break
        else:
            assert writer == "running", writer
    print(live, last)


if __name__ == "__main__":
    main()
