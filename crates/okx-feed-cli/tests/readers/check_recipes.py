#!/usr/bin/env python3
"""Runs every recipe of docs/RECIPES.md.

    check_recipes.py OKX_FEED RECIPES.md

OKX_FEED is the program. It serves an exchange, records three seconds of it and exports the
recording; then each block of SQL and Python runs in that folder and has to give rows. Needs the
PyPI packages duckdb, polars and pyarrow. Exit code 0 when all do.
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile

import duckdb

CHANNELS = ["bbo-tbt:BTC-USDT", "trades:BTC-USDT", "books5:ETH-USDT", "books:BTC-USDT"]


def record(program, folder):
    """Records the embedded exchange to folder/capture."""
    serve = subprocess.Popen(
        [program, "serve", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True
    )
    try:
        for line in serve.stderr:
            found = re.search(r"ws://\S+/ws/v5/public", line)
            if found:
                break
        command = [program, "record", "--url", found.group(), "--out", f"{folder}/capture"]
        subprocess.run([*command, "--duration", "3s", *CHANNELS], check=True, capture_output=True)
    finally:
        serve.terminate()
        serve.wait()


def main():
    program, recipes = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    with open(recipes, encoding="utf-8") as file:
        blocks = re.findall(r"^```(sql|python|sh)\n(.*?)^```", file.read(), re.M | re.S)
    with tempfile.TemporaryDirectory() as folder:
        record(program, folder)
        os.chdir(folder)
        for language, text in blocks:
            name = text.strip().splitlines()[0]
            if language == "sh":
                text = text.replace("okx-feed ", f"'{program}' ")
                subprocess.run(["bash", "-ec", text], check=True)
            elif language == "sql":
                rows = duckdb.sql(text).fetchall()
                print(f"{len(rows)} rows: {name}")
                if not rows:
                    sys.exit(f"no rows: {text}")
            else:
                shown = io.StringIO()
                with contextlib.redirect_stdout(shown):
                    exec(compile(text, recipes, "exec"), {})
                print(f"{len(shown.getvalue().splitlines())} lines: {name}")
                if "shape: (0," in shown.getvalue() or not shown.getvalue():
                    sys.exit(f"no rows: {text}\n{shown.getvalue()}")


if __name__ == "__main__":
    main()
