"""`WSSubscription`, as the guide of 2019 has it."""

from __future__ import annotations

import json
import threading

import okx_feed
import pytest
from conftest import FUTURE, Exchange, until
from okx_feed._legacy import _LastBook


def test_the_dictionary_is_that_of_the_message(exchange: Exchange) -> None:
    texts: list[str] = []
    ws = okx_feed.WSSubscription(FUTURE, "futures", texts.append, url=exchange.v3)
    assert ws.GetDepth() == {} or "asks" in ws.GetDepth()
    until(ws.GetDepth)
    until(lambda: sum("futures/trade" in text for text in texts) > 2)
    depth = ws.GetDepth()
    assert set(depth) == {"asks", "bids", "instrument_id", "timestamp"}
    assert depth["instrument_id"] == FUTURE
    assert len(depth["asks"][0]) == 4 and float(depth["asks"][0][0]) > float(depth["bids"][0][0])
    messages = [json.loads(text) for text in texts if text != "pong"]
    assert {"subscribe"} == {m["event"] for m in messages if "event" in m}
    books = [m["data"][0] for m in messages if m.get("table") == "futures/depth5"]
    assert books and all(book["instrument_id"] == FUTURE for book in books)
    until(lambda: ws.GetDepth() in [json.loads(t)["data"][0] for t in texts if '"asks"' in t])
    ws.close()


def test_the_arguments_are_those_of_the_guide(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OKX_FEED_V3_URL", exchange.v3)
    default = okx_feed.WSSubscription()
    named = okx_feed.WSSubscription(instrument_id="BTC-USDT", market="spot", on_message=None)
    until(lambda: default.GetDepth() and named.GetDepth())
    assert default.GetDepth()["instrument_id"] == FUTURE
    # Spot has three elements a level in v3.
    assert len(named.GetDepth()["bids"][0]) == 3
    for one in (default, named):
        one.close()
    with pytest.raises(okx_feed.ConfigError, match="margin"):
        okx_feed.WSSubscription("BTC-USDT", "margin")


def test_it_reconnects_and_a_failing_callback_is_no_end(serve) -> None:
    first = serve()
    count = 0
    called = threading.Event()

    def fails(_text: str) -> None:
        nonlocal count
        count += 1
        called.set()
        raise ValueError("in the callback")

    ws = okx_feed.WSSubscription(FUTURE, "futures", fails, url=first.v3)
    assert called.wait(20)
    until(ws.GetDepth)
    address = first.v3.split("/")[2]
    first.stop()
    before = count
    serve(listen=address)
    until(lambda: count > before + 5, 30)
    ws.close()


@pytest.mark.parametrize(
    "malformed",
    ['{"asks"', '{"data":[]}', '{"data":7}', '{"data":"asks"}', "[]", "{}", "[" * 200_000],
)
def test_a_malformed_message_leaves_the_book_of_before(malformed: str) -> None:
    book = _LastBook()
    book.set(malformed)
    assert book.value() == {}
    book.set('{"data":[{"asks":[["1","2"]],"bids":[]}]}')
    assert book.value() == {"asks": [["1", "2"]], "bids": []}
    book.set(malformed)
    assert book.value() == {"asks": [["1", "2"]], "bids": []}
    book.set('{"data":[{"asks":[],"bids":[]}]}')
    assert book.value() == {"asks": [], "bids": []}


def test_a_callback_that_is_slow_makes_the_book_stale(exchange: Exchange) -> None:
    goes_on = threading.Event()
    goes_on.set()
    ws = okx_feed.WSSubscription(FUTURE, "futures", lambda _: goes_on.wait(), url=exchange.v3)
    until(lambda: ws.state == "live" and ws.GetDepth())
    goes_on.clear()
    until(lambda: ws.state == "stale" and ws._client.state(ws._topic) == "live")
    held = ws.GetDepth()
    assert ws.GetDepth() == held
    goes_on.set()
    until(lambda: ws.state == "live")
    ws.close()
