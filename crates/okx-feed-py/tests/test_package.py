"""The package itself: stubs, documentation, and the programs of the guides."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import okx_feed
import pytest
from conftest import ROOT, Exchange
from okx_feed import _okx_feed

STUBS = Path(okx_feed.__file__).with_name("_okx_feed.pyi")


def members(cls: type) -> set[str]:
    return {name for name in vars(cls) if not name.startswith("_")}


def test_the_stubs_have_what_the_module_has() -> None:
    tree = ast.parse(STUBS.read_text())
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    native = {n: c for n, c in vars(_okx_feed).items() if inspect.isclass(c)}
    assert set(classes) == set(native)
    for name, node in classes.items():
        stubbed = {
            item.name if isinstance(item, ast.FunctionDef) else item.target.id
            for item in node.body
            if isinstance(item, (ast.FunctionDef, ast.AnnAssign))
        }
        stubbed = {item for item in stubbed if not item.startswith("_")}
        assert stubbed == members(native[name]), name
    assert STUBS.with_name("py.typed").exists()


def test_every_class_and_method_is_documented() -> None:
    missing = []
    for name in okx_feed.__all__:
        found = getattr(okx_feed, name)
        if not inspect.isclass(found):
            continue
        if not found.__doc__:
            missing.append(name)
        for member, value in vars(found).items():
            if not member.startswith("_") and member != "EVENT":
                if not getattr(value, "__doc__", None):
                    missing.append(f"{name}.{member}")
    assert missing == []
    assert okx_feed.decode.__doc__ and okx_feed.__doc__


def test_all_names_can_be_imported_without_numpy() -> None:
    code = "import sys; sys.modules['numpy'] = None\nfrom okx_feed import *\nprint(Client.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("Client\n", "")


def test_the_reader_of_shared_memory_has_the_same_types_of_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    np = pytest.importorskip("numpy")
    monkeypatch.syspath_prepend(str(ROOT / "examples/shared-memory"))
    shm = importlib.import_module("okx_feed_shm")
    assert np.dtype(shm.LEVEL_DTYPE) == okx_feed.LEVEL_DTYPE
    assert np.dtype(shm.TRADE_DTYPE) == okx_feed.TRADE_DTYPE


@pytest.mark.parametrize(
    ("script", "pattern"),
    [
        ("old_monitor.py", r"best bid [\d.]+ +best ask [\d.]+"),
        ("old_handler.py", r"trade (buy|sell) \d+ @ [\d.]+"),
        ("top_of_book.py", r"BTC-USDT bid [\d.]+ ask [\d.]+ spread [\d.]+"),
        ("async_events.py", r"\d+ events"),
        ("arrays.py", r"mean price [\d.]+"),
    ],
)
def test_the_examples_run_against_the_exchange(
    exchange: Exchange, script: str, pattern: str
) -> None:
    if script == "arrays.py":
        pytest.importorskip("numpy")
    env = {
        **os.environ,
        "OKX_FEED_V3_URL": exchange.v3,
        "OKX_FEED_V5_URL": exchange.v5,
        "PYTHONUNBUFFERED": "1",
    }
    path = ROOT / "examples/python" / script
    process = subprocess.Popen(
        # A program that hangs ends, and says where.
        ["timeout", "30", sys.executable, str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if re.search(pattern, line):
                return
            assert len(lines) < 500, lines[-5:]
        raise AssertionError("".join(lines))
    finally:
        # `timeout` passes it on.
        process.terminate()
        process.wait()


@pytest.mark.parametrize("document", ["README.md", "docs/PYTHON.md"])
def test_the_programs_of_the_documents_run(exchange: Exchange, document: str) -> None:
    """Each block of Python, with the exchange in the place of the real one."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.S)
    # `tests/shm/foreign.rs` runs that of shared memory, which needs no package.
    blocks = [block for block in blocks if "okx_feed_shm" not in block]
    assert blocks
    at_exchange = (
        "import functools, okx_feed as of\n"
        f"of.Client = functools.partial(of.Client, url={exchange.v5!r}, rest_url={exchange.rest!r})\n"
        f"of.History = functools.partial(of.History, {exchange.rest!r})\n"
    )
    for block in blocks:
        code = at_exchange + block
        env = {**os.environ, "OKX_FEED_V3_URL": exchange.v3}
        # A program that hangs says where.
        watched = f"import faulthandler; faulthandler.dump_traceback_later(20, exit=True)\n{code}"
        done = subprocess.run(
            [sys.executable, "-c", watched],
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
            cwd=ROOT,
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
        assert done.stdout or "print" not in block, block
