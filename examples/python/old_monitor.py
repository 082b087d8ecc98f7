"""The monitor of the guide of 2019: the best prices of a future, once a second.

The program is as it was but for the import. OKX_FEED_V3_URL names the exchange:

    okx-feed serve &
    OKX_FEED_V3_URL=ws://127.0.0.1:8443/ws/v3 python examples/python/old_monitor.py
"""

import time

from okx_feed import WSSubscription


def main():
    okex = WSSubscription('BTC-USD-190517', 'futures')
    while True:
        depth = okex.GetDepth()
        if depth:
            bid, ask = depth['bids'][0], depth['asks'][0]
            print('%s  best bid %s  best ask %s' % (depth['timestamp'], bid[0], ask[0]))
        time.sleep(1)


if __name__ == '__main__':
    main()
