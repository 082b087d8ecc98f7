"""The custom handler of the guide of 2019: each message as text, read by a function.

The program is as it was but for the import. OKX_FEED_V3_URL names the exchange; see old_monitor.py.
"""

import json
import time

from okx_feed import WSSubscription


def handler(message):
    if message == 'pong':
        return
    message = json.loads(message)
    if message.get('table') == 'futures/trade':
        for trade in message['data']:
            print('trade %s %s @ %s' % (trade['side'], trade['qty'], trade['price']))


WSSubscription(instrument_id='BTC-USD-190517', market='futures', on_message=handler)
while True:
    time.sleep(1)
