#!/usr/bin/env bash
# Makes an environment with the release wheel and the other packages, and runs compare.py against an
# exchange of its own. `bash crates/okx-feed-py/bench/compare.sh`; takes about ten minutes.
set -euo pipefail
cd "$(dirname "$0")/../../.."
own="${OKX_FEED_BENCH_DIR:-$PWD/target/bench-python}"
python="${PYTHON:-python3}"
mkdir -p "$own"
[ -x "$own/venv/bin/python" ] || "$python" -m venv "$own/venv"
pip() { "$own/venv/bin/pip" install -q --disable-pip-version-check "$@"; }
pip numpy websocket-client 'ccxt>=4' 'maturin>=1.9.4,<2'
pip cryptofeed || echo "cryptofeed can't be installed here"
"$own/venv/bin/maturin" build --locked --quiet --release --interpreter "$python" \
    --manifest-path crates/okx-feed-py/Cargo.toml --out "$own/wheels"
pip --force-reinstall --no-deps "$own"/wheels/*.whl
cargo build --locked --release --quiet
program="${CARGO_TARGET_DIR:-target}/release/okx-feed"
run() { "$own/venv/bin/python" crates/okx-feed-py/bench/compare.py "$@"; }

serve() {
    "$program" serve --listen 127.0.0.1:18443 "$@" 2>"$own/serve.log" &
    exchange=$!
    export OKX_FEED_V5_URL=ws://127.0.0.1:18443/ws/v5/public
    sleep 1
}
trap 'kill -INT "${exchange:-0}" 2>/dev/null || true' EXIT

date; uname -srm; grep -m1 'model name' /proc/cpuinfo || true
serve --rate 2000
run record "$own/frames.jsonl"
run frames "$own/frames.jsonl"
kill -INT "$exchange"; wait "$exchange" || true
serve --rate 4000 --every-change
for contender in okx_feed okx_feed-readers json ccxt.pro; do run live "$contender"; done
kill -INT "$exchange"; wait "$exchange" || true
serve --rate 50000 --every-change
run events
