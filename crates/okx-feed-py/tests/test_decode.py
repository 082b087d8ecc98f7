"""Single frames, and frames of a connection of one's own."""

from __future__ import annotations

import zlib
from decimal import Decimal

import okx_feed
import pytest
from conftest import ROOT

BOOK = (
    '{"arg":{"channel":"books5","instId":"LTC-USDT"},"data":[{"asks":[["81.50","2.0","0","3"],'
    '["81.6","7","0","1"]],"bids":[["81.4","0.25","0","2"]],"instId":"LTC-USDT",'
    '"ts":"1700000000123","seqId":12}]}'
)
SNAPSHOT = (
    '{"arg":{"channel":"books","instId":"LTC-USDT"},"action":"snapshot","data":[{"asks":'
    '[["81.5","2","0","1"]],"bids":[["81.4","1","0","1"]],"ts":"1700000000127","checksum":0,'
    '"seqId":11,"prevSeqId":-1}]}'
)
UPDATE = (
    '{"arg":{"channel":"books","instId":"LTC-USDT"},"action":"update","data":[{"asks":[],'
    '"bids":[["81.3","3","0","2"]],"ts":"1700000000128","checksum":0,"seqId":15,"prevSeqId":%d}]}'
)


def deflated(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text.encode()) + packer.flush()


@pytest.mark.parametrize("frame", [BOOK, BOOK.encode()])
def test_a_frame_of_v5(frame: str | bytes) -> None:
    (book,) = okx_feed.decode(frame, ts_recv=7)
    assert isinstance(book, okx_feed.Book)
    assert (book.topic, book.seq, book.ts_recv) == ("books5:LTC-USDT", 12, 7)
    assert book.ts_event == 1_700_000_000_123_000_000
    ask = book.best_ask
    assert ask is not None and str(ask.px) == "81.50" and ask.sz == Decimal("2.0")
    assert (ask.orders, len(book.asks), len(book.bids)) == (3, 2, 1)


def test_a_frame_of_v3() -> None:
    text = (
        '{"table":"futures/trade","data":[{"side":"buy","trade_id":"9","price":"4061.94",'
        '"qty":"4","instrument_id":"BTC-USD-190517","timestamp":"2019-05-01T00:00:00.007Z"}]}'
    )
    for frame in (deflated(text), text):
        (trade,) = okx_feed.decode(frame, "v3")
        assert isinstance(trade, okx_feed.Trade)
        assert (trade.px, trade.sz, trade.side, trade.trade_id) == (
            Decimal("4061.94"),
            4,
            "buy",
            9,
        )
        assert trade.topic == "futures/trade:BTC-USD-190517"
    decoder = okx_feed.Decoder("v3")
    decoder.decode(deflated(text))
    assert decoder.last_text == text
    (pong,) = decoder.decode(deflated("pong"))
    assert isinstance(pong, okx_feed.Control) and pong.kind == "pong"


def test_messages_of_order_books_and_others() -> None:
    decoder = okx_feed.Decoder()
    (update,) = decoder.decode(UPDATE % 11)
    assert isinstance(update, okx_feed.DepthUpdate)
    assert (update.action, update.seq, update.prev_seq) == ("update", 15, 11)
    assert len(update.asks) == 0 and update.bids[0].px == Decimal("81.3")
    assert len(memoryview(update.bids)) == 24
    (error,) = decoder.decode('{"event":"error","msg":"Wrong URL","code":"60018"}')
    assert (error.kind, error.code, error.message) == ("error", 60018, "Wrong URL")
    (skipped,) = decoder.decode('{"arg":{"channel":"new-thing","instId":"A"},"data":[{}]}')
    assert isinstance(skipped, okx_feed.Skipped) and skipped.channel == "new-thing"
    (price,) = decoder.decode(
        '{"arg":{"channel":"mark-price","instId":"A-SWAP"},"data":[{"instType":"SWAP",'
        '"instId":"A-SWAP","markPx":"81.55","ts":"1700000000124"}]}'
    )
    assert (price.kind, price.mark_px) == ("MarkPrice", Decimal("81.55"))


def test_malformed_frames_raise_with_kind_and_offset() -> None:
    for frame, kind in [
        (b'{"arg":', "json"),
        ('{"arg":{"channel":"books5","instId":"A"}}', "missing_field"),
        (b"\xff\x00", "json"),
    ]:
        with pytest.raises(okx_feed.DecodeError) as raised:
            okx_feed.decode(frame)
        assert raised.value.kind == kind and raised.value.offset >= 0
    with pytest.raises(okx_feed.DecodeError):
        okx_feed.decode(b"\x07nonsense", "v3")
    with pytest.raises(TypeError):
        okx_feed.decode(7)  # type: ignore[arg-type]


def test_a_feed_without_sockets_keeps_books() -> None:
    feed = okx_feed.FeedHandler(["books:LTC-USDT", "books5:LTC-USDT", "trades:LTC-USDT"])
    (book,) = [e for e in feed.events(BOOK, 5) if isinstance(e, okx_feed.Book)]
    assert book.topic == "books5:LTC-USDT"
    feed.on_frame(SNAPSHOT)
    feed.on_frame(UPDATE % 11)
    deep = feed.depth("LTC-USDT")
    assert [str(level.px) for level in deep.bids] == ["81.4", "81.3"] and deep.is_live
    assert feed.book("LTC-USDT").seq == 12 and feed.book("books:LTC-USDT").seq == 15
    # A gap: the book is not live, and says so.
    changes = feed.events(UPDATE % 14)
    assert [c.sync for c in changes if isinstance(c, okx_feed.Book)] == ["broken"]
    assert [c.fault for c in changes if isinstance(c, okx_feed.Book)] == ["gap"]
    assert feed.depth("LTC-USDT").state == "resyncing"
    with pytest.raises(okx_feed.DecodeError):
        feed.on_frame(b"{")
    assert feed.stats()["errors"] == {"json": 1}
    feed.disconnected()
    assert feed.book("LTC-USDT").state == "connecting"


def test_a_capture_replays_the_same_each_time() -> None:
    path = ROOT / "tests/data/conn-sim-v5.tsv"

    def play() -> list[str]:
        return [repr(event) for event in okx_feed.Replay(path, dialect="v5")]

    events = play()
    assert len(events) > 20 and events == play()
    replay = okx_feed.Replay(path, dialect="v5")
    for batch in replay.batches(most=1):
        last = [e for e in batch if isinstance(e, okx_feed.Book) and e.channel == "books5"]
        if last:
            shown = replay.book(last[-1].topic or "")
            assert shown.best_bid == last[-1].best_bid
    report = replay.report()
    assert report["frames"] > 0 and report["gaps"] == 0 and replay.now == report["last"]
    with pytest.raises(okx_feed.ReplayError, match="is of v3, the others are not"):
        okx_feed.Replay([path, ROOT / "tests/data/conn-sim-v3.tsv"])
    with pytest.raises(okx_feed.ReplayError):
        okx_feed.Replay("no-such-file.tsv", dialect="v5")


def test_a_replay_at_a_pace_gives_what_is_due() -> None:
    path = ROOT / "tests/data/conn-sim-v5.tsv"
    all_events = [repr(event) for event in okx_feed.Replay(path, dialect="v5")]
    played = [repr(event) for event in okx_feed.Replay(path, dialect="v5", speed=1000.0)]
    assert played == all_events
    # The second time of the file is 330 µs after the first.
    replay = okx_feed.Replay(path, dialect="v5", speed=0.001)
    first = next(replay.batches())
    assert 0 < len(first) < 20 and [repr(event) for event in first] == all_events[: len(first)]
    # Nothing that comes later has been played.
    times = {event.ts_recv for event in first}
    assert times == {replay.now} and replay.report()["last"] == replay.now


def test_a_client_records_what_a_replay_plays(exchange, tmp_path) -> None:
    from conftest import until

    seen: list[str] = []
    feed = okx_feed.Client(
        ["books5:BTC-USDT", "trades:BTC-USDT"],
        url=exchange.v5,
        record=tmp_path,
        on_event=lambda event: seen.append(repr(event)),
    )
    with feed:
        until(lambda: len(seen) > 50)
    played = [repr(event) for event in okx_feed.Replay(sorted(tmp_path.iterdir()))]
    # The queue begins a moment after the client.
    assert len(played) >= len(seen) and played[-len(seen) :] == seen
