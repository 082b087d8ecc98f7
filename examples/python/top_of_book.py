"""The best prices of an instrument, exact, with the state of the book.

OKX_FEED_V5_URL names another exchange than the real one, such as that of `okx-feed serve`.
"""

import os
import time

import okx_feed

with okx_feed.Client("books5:BTC-USDT", url=os.environ.get("OKX_FEED_V5_URL")) as client:
    while True:
        book = client.book("BTC-USDT")
        if book.is_live and book.best_bid and book.best_ask:
            bid, ask = book.best_bid.px, book.best_ask.px
            print(f"BTC-USDT bid {bid} ask {ask} spread {book.spread}")
        else:
            print(f"no book: {book.state}, {client.health()['text']}")
        time.sleep(0.2)
