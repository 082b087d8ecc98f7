"""Levels and trades as numpy arrays, without a copy.

OKX_FEED_V5_URL names another exchange than the real one, such as that of `okx-feed serve`.
"""

import os
import time

import numpy as np

import okx_feed

channels = ["books:BTC-USDT", "trades:BTC-USDT"]
with okx_feed.Client(channels, url=os.environ.get("OKX_FEED_V5_URL")) as client:
    since = 0
    while True:
        time.sleep(0.5)
        trades = client.trades("BTC-USDT", since)
        since = trades.next
        if len(trades):
            rows = np.frombuffer(memoryview(trades), okx_feed.TRADE_DTYPE)
            px = rows["px"] / 10.0 ** rows["px_scale"]
            print(f"{len(rows)} trades, mean price {px.mean():.2f}, missed {trades.missed}")
        bids = np.frombuffer(memoryview(client.depth("BTC-USDT").bids), okx_feed.LEVEL_DTYPE)
        print("size of the best bids", (bids["sz"] / 10.0 ** bids["sz_scale"]).sum())
