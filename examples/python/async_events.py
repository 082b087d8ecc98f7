"""Events in asyncio: one wake-up of the loop for each batch.

OKX_FEED_V5_URL names another exchange than the real one, such as that of `okx-feed serve`.
"""

import asyncio
import os

import okx_feed


async def main():
    channels = ["books5:BTC-USDT", "trades:BTC-USDT"]
    with okx_feed.Client(channels, url=os.environ.get("OKX_FEED_V5_URL")) as client:
        async for batch in client.events().batches():
            for event in batch:
                match event:
                    case okx_feed.Trade():
                        print(event.side, event.sz, "@", event.px)
                    case okx_feed.StateChange():
                        print(event.topic, "is", event.state)
            print(len(batch), "events")


asyncio.run(main())
