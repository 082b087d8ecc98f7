#!/usr/bin/env python3
"""A server that is not this project's: plays a recorded session to whoever subscribes, and fails.

Each connection acknowledges what is asked for, plays the file's frames for a few seconds, and then
ends in one of four ways, by turns: it closes, it resets, it says and reads nothing any more, or the
whole server goes away for three seconds. Seconds later a client must be back each time.

    pip install websockets
    python3 tests/foreign/capture_player.py v3 9301 session.tsv 200 &
    okx-feed watch --dialect v3 --url ws://127.0.0.1:9301/ws/v3 --json --duration 190s \\
        spot/depth_l2_tbt:BTC-USDT

The file has a line a frame: the time, a tab, and the text (v5) or the base64 of the body (v3).
"""

import asyncio
import base64
import json
import random
import sys
import time
import zlib

import websockets

FAULTS = ["close", "reset", "stall", "die"]
# Longer than a client that pings after 20 s and waits 10 s for the answer can stay.
STALL_S = 45


def frames_of(dialect, path):
    with open(path, encoding="utf8") as lines:
        bodies = [line.rstrip("\n").split("\t", 1)[1] for line in lines]
    return [base64.b64decode(body) for body in bodies] if dialect == "v3" else bodies


def deflated(text):
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    return compressor.compress(text.encode()) + compressor.flush()


def log(*words):
    print(f"{time.time():.3f}", *words, flush=True)


class Player:
    def __init__(self, dialect, frames):
        self.dialect, self.frames = dialect, frames
        self.random, self.connections = random.Random(1), 0
        self.gone = asyncio.Event()

    async def reply(self, socket, reply):
        text = reply if isinstance(reply, str) else json.dumps(reply, separators=(",", ":"))
        await socket.send(deflated(text) if self.dialect == "v3" else text)

    async def read(self, socket, subscribed):
        async for text in socket:
            if text == "ping":
                await self.reply(socket, "pong")
                continue
            request = json.loads(text)
            name = "channel" if self.dialect == "v3" else "arg"
            for argument in request["args"]:
                await self.reply(socket, {"event": request["op"], name: argument})
            subscribed.set()

    async def play(self, socket):
        until, sent = time.time() + self.random.uniform(2, 4), 0
        while time.time() < until:
            await socket.send(self.frames[sent % len(self.frames)])
            sent += 1
            await asyncio.sleep(0.002)
        return sent

    async def serve(self, socket):
        fault = FAULTS[self.connections % len(FAULTS)]
        self.connections += 1
        subscribed = asyncio.Event()
        reader = asyncio.create_task(self.read(socket, subscribed))
        try:
            await asyncio.wait_for(subscribed.wait(), 10)
            log("connection", self.connections, "played", await self.play(socket), "then", fault)
            if fault == "close":
                return await socket.close(1001)
            if fault == "stall":
                reader.cancel()
                socket.transport.pause_reading()
                await asyncio.sleep(STALL_S)
            if fault == "die":
                self.gone.set()
            socket.transport.abort()
        except (websockets.ConnectionClosed, asyncio.TimeoutError) as error:
            log("connection", self.connections, "ended:", type(error).__name__)
        finally:
            reader.cancel()


async def main(dialect, port, path, seconds):
    player, stop = Player(dialect, frames_of(dialect, path)), time.time() + seconds
    while time.time() < stop:
        player.gone.clear()
        options = {"ping_interval": None, "compression": None, "close_timeout": 1}
        async with websockets.serve(player.serve, "127.0.0.1", port, **options):
            try:
                await asyncio.wait_for(player.gone.wait(), max(0.1, stop - time.time()))
            except asyncio.TimeoutError:
                return
        log("gone for three seconds")
        await asyncio.sleep(3)


if __name__ == "__main__":
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
