#!/usr/bin/env python3
"""Reads exported files with other people's readers and compares them with the capture.

    check_exports.py OKX_FEED CAPTURE.tsv...

OKX_FEED is the program. Every capture is exported in all three formats to a temporary folder. The
capture is decoded here a second time, without any of the program's code, and DuckDB, pyarrow,
polars, hftbacktest's converter and its backtest engine have to agree with that: counts, sums, first
and last rows, and the best bid and ask at sampled times. Needs the PyPI packages duckdb, pyarrow,
polars and hftbacktest. Exit code 0 when all agree.
"""

import base64
import glob
import gzip
import json
import os
import subprocess
import sys
import tempfile
import zlib
from datetime import datetime, timezone
from decimal import Decimal

import duckdb
import numpy as np
import polars
import pyarrow.compute
import pyarrow.dataset

BOOKS = {"books", "books-l2-tbt", "books50-l2-tbt", "books-elp", "books-rpi", "books-full"}
V3_BOOKS = {"depth", "depth_l2_tbt"}


def nanos(seconds):
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0") or 0)


def millis_of_iso(text):
    time = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return round(time.timestamp() * 1000)


def messages(path):
    """The data messages of a capture: receive time in ns, channel, instrument, action, item."""
    with open(path, "rb") as file:
        for line in file:
            at, _, payload = line.rstrip(b"\r\n").partition(b"\t")
            at = nanos(at.decode())
            if not payload.startswith((b"{", b"pong")):
                payload = zlib.decompress(base64.b64decode(payload), -15)
            if payload == b"pong":
                continue
            text = json.loads(payload)
            if "table" in text:
                channel = text["table"].split("/")[1]
                for item in text["data"]:
                    yield at, channel, item["instrument_id"], text.get("action"), item
            elif "arg" in text and "data" in text:
                channel = text["arg"]["channel"]
                inst_id = text["arg"].get("instId")
                for item in text["data"]:
                    yield at, channel, inst_id, text.get("action"), item


def trades(path):
    """All trades of a capture that differ: instrument -> rows of id, price, size, side, ms, ns."""
    found, seen = {}, set()
    for at, channel, inst_id, _, item in messages(path):
        if channel not in ("trades", "trade"):
            continue
        is_v5 = channel == "trades"
        trade_id = int(item["tradeId"] if is_v5 else item["trade_id"])
        millis = int(item["ts"]) if is_v5 else millis_of_iso(item["timestamp"])
        price = Decimal(item["px"] if is_v5 else item["price"])
        size = Decimal(item["sz"] if is_v5 else item.get("size", item.get("qty")))
        if (inst_id, trade_id, millis) in seen:
            continue
        seen.add((inst_id, trade_id, millis))
        found.setdefault(inst_id, []).append((trade_id, price, size, item["side"], millis, at))
    return found


class Book:
    """An order book by its prices."""

    def __init__(self):
        self.sides = {"asks": {}, "bids": {}}

    def apply(self, action, item):
        if action in ("snapshot", "partial"):
            self.sides = {"asks": {}, "bids": {}}
        for side, levels in self.sides.items():
            for level in item[side]:
                price, size = Decimal(level[0]), Decimal(level[1])
                if size == 0:
                    levels.pop(price, None)
                else:
                    levels[price] = size

    def best(self):
        return max(self.sides["bids"], default=None), min(self.sides["asks"], default=None)


def books(path):
    """Each order book after each message: instrument -> [receive time, exchange's time, best]."""
    found, state, bad = {}, {}, set()
    for at, channel, inst_id, action, item in messages(path):
        if channel not in BOOKS | V3_BOOKS:
            continue
        key = (channel, inst_id)
        if action in ("snapshot", "partial"):
            state[key] = Book()
            if key in found:
                bad.add(key)  # begun twice: who reads it may be elsewhere for a moment
        if key not in state:
            continue
        state[key].apply(action, item)
        is_v5 = channel in BOOKS
        millis = int(item["ts"]) if is_v5 else millis_of_iso(item["timestamp"])
        found.setdefault(key, []).append((at, millis * 10**6, state[key].best()))
    return {key: rows for key, rows in found.items() if key not in bad}


def check(what, left, right):
    if left != right:
        sys.exit(f"{what}: {left!r} and {right!r} differ")


def export(program, capture, dialect, form, out):
    command = [program, "export", "--format", form, "--dialect", dialect, "--out", out, capture]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} failed: {done.stderr}")


def check_parquet(capture, out):
    """DuckDB, pyarrow and polars give the trades of the capture."""
    checked = 0
    channel = "trade*"
    pattern = f"{out}/exchange=*/channel={channel}/**/*.parquet"
    if not glob.glob(pattern, recursive=True):
        return 0
    lake = pyarrow.dataset.dataset(
        glob.glob(pattern, recursive=True), format="parquet", partitioning="hive"
    ).to_table()
    everything = polars.read_parquet(pattern, hive_partitioning=True)
    for inst_id, rows in trades(capture).items():
        query = f"""SELECT count(*), sum(price), sum(size), min(trade_id), max(trade_id)
                    FROM read_parquet('{pattern}', hive_partitioning = true)
                    WHERE inst_id = '{inst_id}'"""
        [(count, prices, sizes, first, last)] = duckdb.sql(query).fetchall()
        check(f"{inst_id} rows of DuckDB", count, len(rows))
        check(f"{inst_id} prices of DuckDB", prices, sum(row[1] for row in rows))
        check(f"{inst_id} sizes of DuckDB", sizes, sum(row[2] for row in rows))
        check(f"{inst_id} ids", (first, last), (min(r[0] for r in rows), max(r[0] for r in rows)))
        mine = lake.filter(pyarrow.compute.field("inst_id") == inst_id)
        check(f"{inst_id} rows of pyarrow", mine.num_rows, len(rows))
        times = [time.value for time in (mine["ts_recv"][0], mine["ts_recv"][-1])]
        check(f"{inst_id} receive times of pyarrow", times, [rows[0][5], rows[-1][5]])
        check(f"{inst_id} price of pyarrow", mine["price"][0].as_py(), rows[0][1])
        frame = everything.filter(polars.col("inst_id") == inst_id)
        check(f"{inst_id} sizes of polars", frame["size"].sum(), sum(row[2] for row in rows))
        check(f"{inst_id} sides of polars", frame["side"].to_list(), [row[3] for row in rows])
        checked += len(rows)
    return checked


def check_tardis(capture, out, scratch):
    """DuckDB reads the CSV files, and hftbacktest's converter takes them."""
    from hftbacktest.data import validate_event_order
    from hftbacktest.data.utils import tardis

    checked = 0
    for inst_id, rows in trades(capture).items():
        files = glob.glob(f"{out}/*/trades/*/*/*/{inst_id}.csv.gz")
        query = f"SELECT id, side, price, amount, timestamp, local_timestamp FROM read_csv({files})"
        read = duckdb.sql(query).fetchall()
        mine = [
            (row[0], row[3], float(row[1]), float(row[2]), row[4] * 1000, row[5] // 1000)
            for row in rows
        ]
        read = [(int(r[0]), r[1], float(r[2]), float(r[3]), r[4], r[5]) for r in read]
        check(f"{inst_id} trades of the CSV", read, mine)
        checked += len(rows)
    for file in glob.glob(f"{out}/*/incremental_book_L2/*/*/*/*.csv.gz"):
        with gzip.open(file, "rt") as text:
            rows = text.read().splitlines()
        check(f"{file} begins with a snapshot", rows[1].split(",")[4], "true")
        # By its name the converter knows what a file is.
        inst_id = os.path.basename(file).removesuffix(".csv.gz")
        folder = os.path.join(scratch, inst_id)
        os.makedirs(folder, exist_ok=True)
        name = os.path.join(folder, "incremental_book_L2.csv.gz")
        with open(file, "rb") as source, open(name, "wb") as target:
            target.write(source.read())
        array = tardis.convert([name], buffer_size=len(rows) * 4 + 10_000)
        validate_event_order(array)
        checked += len(rows) - 1
    return checked


def check_hftbacktest(capture, out):
    """The backtest engine shows the best bid and ask of the capture at sampled times."""
    from hftbacktest import BacktestAsset, HashMapMarketDepthBacktest
    from hftbacktest.data import validate_event_order

    checked = 0
    for file in glob.glob(f"{out}/*.npy"):
        validate_event_order(np.load(file))
    by_inst = {}
    for (channel, inst_id), rows in books(capture).items():
        by_inst.setdefault(inst_id, []).append(rows)
    for inst_id, [rows, *others] in by_inst.items():
        files = sorted(glob.glob(f"{out}/{inst_id}_*.npy"))
        if others or len(files) != 1 or len(rows) < 20:
            continue  # two books of one instrument: which was exported is the program's choice
        array = np.load(files[0])
        first = array[array["ev"] & 0xFF == 4]
        shift = max(0, int(first["local_ts"][0]) - rows[0][0])
        prices = [price for row in rows for price in row[2] if price is not None]
        tick = min(Decimal(1).scaleb(price.as_tuple().exponent) for price in prices)
        asset = (
            BacktestAsset()
            .data(files)
            .linear_asset(1.0)
            .constant_order_latency(0, 0)
            .risk_adverse_queue_model()
            .no_partial_fill_exchange()
            .trading_value_fee_model(0.0, 0.0)
            .tick_size(float(tick))
            .lot_size(1e-8)
            .last_trades_capacity(0)
        )
        engine = HashMapMarketDepthBacktest([asset])
        start = int(array["local_ts"][0])
        samples = sorted({rows[len(rows) * n // 12][0] + shift for n in range(2, 12)})
        now = None
        for at in samples:
            # The last message at or before this time.
            expected = [row for row in rows if row[0] + shift <= at][-1]
            if now is None:
                engine.elapse(0)
                now = int(engine.current_timestamp)
            if at < now:
                continue
            engine.elapse(at - now)
            now = at
            depth = engine.depth(0)
            shown = tuple(None if np.isnan(p) else round(p / float(tick)) for p in
                          (depth.best_bid, depth.best_ask))
            wanted = tuple(None if p is None else int(p / tick) for p in expected[2])
            check(f"{inst_id} best at {at} (from {start})", shown, wanted)
            checked += 1
        engine.close()
    return checked


def main():
    program, *captures = sys.argv[1:]
    for capture in captures:
        dialect = "v3" if "v3" in os.path.basename(capture) else "v5"
        with tempfile.TemporaryDirectory() as folder:
            out = {form: os.path.join(folder, form) for form in ("parquet", "tardis", "hftbacktest")}
            for form, path in out.items():
                export(program, capture, dialect, form, path)
            counts = (
                check_parquet(capture, out["parquet"]),
                check_tardis(capture, out["tardis"], os.path.join(folder, "converter")),
                check_hftbacktest(capture, out["hftbacktest"]),
            )
        name = os.path.basename(capture)
        print(f"{name}: {counts[0]} rows of Parquet, {counts[1]} of CSV, {counts[2]} samples agree")


if __name__ == "__main__":
    main()
