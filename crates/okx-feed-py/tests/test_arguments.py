"""Wrong arguments: of a wrong type `TypeError`, of a wrong value `ConfigError`, everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import okx_feed
import pytest
from conftest import ROOT
from test_decode import BOOK

#: No character of UTF-8.
HALF = "\ud800"
#: Too large for any integer of a processor.
HUGE = 1 << 70
#: Nothing listens there: a client is made, and waits for the exchange.
NOWHERE = "ws://127.0.0.1:9/ws/v5/public"
CAPTURE = ROOT / "tests/data/conn-sim-v5.tsv"
SWAP = (
    '{"code":"0","msg":"","data":[{"instType":"SWAP","instId":"A-USDT-SWAP","uly":"A-USDT",'
    '"instFamily":"A-USDT","settleCcy":"USDT","ctVal":"0.1","ctMult":"1","ctValCcy":"A",'
    '"tickSz":"0.1","lotSz":"1","minSz":"1","ctType":"linear","state":"live","listTime":"1"}]}'
)


class Things:
    """One object of each kind."""

    def __init__(self) -> None:
        self.client = okx_feed.Client("books5:A", url=NOWHERE)
        self.texts = okx_feed.Client("books5:A", url=NOWHERE, text_capacity=8).texts
        self.events = self.client.events()
        self.reader = self.client.book_reader("A")
        self.feed = okx_feed.FeedHandler("books5:LTC-USDT")
        self.feed.on_frame(BOOK)
        self.book = self.feed.book("LTC-USDT")
        self.level = self.book.asks[0]
        self.decoder = okx_feed.Decoder()
        self.history = okx_feed.History("http://127.0.0.1:9", give_up_after=0.0)
        self.instruments = okx_feed.Instruments.from_json(SWAP)
        self.replay = okx_feed.Replay(CAPTURE, dialect="v5")


@pytest.fixture(scope="module")
def things() -> Iterator[Things]:
    made = Things()
    yield made
    made.client.stop()


def client(**arguments: Any) -> okx_feed.Client:
    return okx_feed.Client(**{"subscriptions": "books5:A", "url": NOWHERE, **arguments})


TYPES: list[Callable[[Things], object]] = [
    lambda t: client(subscriptions=5),
    lambda t: client(subscriptions=[5]),
    lambda t: client(subscriptions=b"books5:A"),
    lambda t: client(dialect=None),
    lambda t: client(url=5),
    lambda t: client(region=None),
    lambda t: client(demo="yes"),
    lambda t: client(proxy=5),
    lambda t: client(headers="a: b"),
    lambda t: client(headers=[("a", "b")]),
    lambda t: client(headers={"a": 5}),
    lambda t: client(ca_file=5),
    lambda t: client(login=5),
    lambda t: client(login=("key", "secret", 5)),
    lambda t: client(redundancy="2"),
    lambda t: client(record=5),
    lambda t: client(trade_history_since="now"),
    lambda t: client(sbe="BTC-USDT"),
    lambda t: client(text_capacity=1.5),
    lambda t: client(options=5),
    lambda t: client(options=[("seed", 1)]),
    lambda t: client(options={5: 1}),
    lambda t: client(options={"session.ping_interval": "20"}),
    lambda t: client(options={"session.connect_attempts": 1.5}),
    lambda t: client(on_event=5),
    lambda t: client(on_batch="print"),
    lambda t: client(event_capacity="many"),
    lambda t: client(nonsense=1),
    lambda t: okx_feed.WSSubscription(None),  # type: ignore[arg-type]
    lambda t: okx_feed.WSSubscription("A", None),  # type: ignore[arg-type]
    lambda t: okx_feed.WSSubscription("A", on_message=5),  # type: ignore[arg-type]
    lambda t: okx_feed.WSSubscription("A", url=0),  # type: ignore[arg-type]
    lambda t: t.client.book(None),  # type: ignore[arg-type]
    lambda t: t.client.trades("A", None),  # type: ignore[arg-type]
    lambda t: t.client.events("many"),  # type: ignore[arg-type]
    lambda t: t.client.subscribe(None),  # type: ignore[arg-type]
    lambda t: t.client.wait(5),  # type: ignore[arg-type]
    lambda t: t.client.wait(state=None),  # type: ignore[arg-type]
    lambda t: t.client.wait(timeout="1"),  # type: ignore[arg-type]
    lambda t: t.events.drain("many"),  # type: ignore[arg-type]
    lambda t: t.events.drain(1, "1"),  # type: ignore[arg-type]
    lambda t: t.reader.wait(None),  # type: ignore[arg-type]
    lambda t: t.book.sweep("buy", 0.5),  # type: ignore[arg-type]
    lambda t: t.book.sweep("buy", None),  # type: ignore[arg-type]
    lambda t: t.book.sweep("buy", Fraction(1, 2)),  # type: ignore[arg-type]
    lambda t: t.book.sweep(1, 1),  # type: ignore[arg-type]
    lambda t: t.book.microprice(1.5),  # type: ignore[arg-type]
    lambda t: t.book.asks["0"],  # type: ignore[index]
    lambda t: t.level.ticks(0.1),  # type: ignore[arg-type]
    lambda t: t.decoder.decode(5),  # type: ignore[arg-type]
    lambda t: t.decoder.decode(BOOK, "now"),  # type: ignore[arg-type]
    lambda t: okx_feed.decode(BOOK, 5),  # type: ignore[arg-type]
    lambda t: okx_feed.Decoder(sbe=5),  # type: ignore[arg-type]
    lambda t: okx_feed.FeedHandler(None),  # type: ignore[arg-type]
    lambda t: t.feed.on_frame(None),  # type: ignore[arg-type]
    lambda t: t.feed.disconnected(None),  # type: ignore[arg-type]
    lambda t: okx_feed.Replay(5),  # type: ignore[arg-type]
    lambda t: okx_feed.Replay(CAPTURE, speed="1"),  # type: ignore[arg-type]
    lambda t: okx_feed.Replay(CAPTURE, subscribe=5),  # type: ignore[arg-type]
    lambda t: t.history.book(5),  # type: ignore[arg-type]
    lambda t: t.history.candles("A", since="now"),  # type: ignore[arg-type]
    lambda t: okx_feed.History(5),  # type: ignore[arg-type]
    lambda t: okx_feed.History(timeout="30"),  # type: ignore[arg-type]
    lambda t: okx_feed.History(headers=[("a", "b")]),  # type: ignore[arg-type]
    lambda t: t.instruments[5],  # type: ignore[index]
    lambda t: t.instruments.ticks("A-USDT-SWAP", 1.5),  # type: ignore[arg-type]
    lambda t: okx_feed.Instruments.from_json(5),  # type: ignore[arg-type]
]

VALUES: list[Callable[[Things], object]] = [
    lambda t: client(subscriptions=HALF),
    lambda t: client(subscriptions=[]),
    lambda t: client(select="books5:" + HALF),
    lambda t: client(dialect=HALF),
    lambda t: client(url="ftp://x"),
    lambda t: client(url=HALF),
    lambda t: client(region=HALF),
    lambda t: client(proxy="ftp://x:1"),
    lambda t: client(headers={"a": HALF}),
    lambda t: client(headers={"a b": "c"}),
    lambda t: client(headers={"a": "b\r\nc: d"}),
    lambda t: client(ca_file="no-such-file"),
    lambda t: client(login=("a", "b")),
    lambda t: client(login=("a", "b", HALF)),
    lambda t: client(login="no-such-file"),
    lambda t: client(redundancy=0),
    lambda t: client(redundancy=-1),
    lambda t: client(redundancy=HUGE),
    lambda t: client(trade_history_since=-1),
    lambda t: client(text_capacity=-1),
    lambda t: client(text_capacity=(1 << 20) + 1),
    lambda t: client(options={HALF: 1}),
    lambda t: client(options={"seed": -1}),
    lambda t: client(options={"seed": HUGE}),
    lambda t: client(options={"session.ping_interval": -1}),
    lambda t: client(options={"session.ping_interval": 1e10}),
    lambda t: client(options={"session.ping_interval": float("nan")}),
    lambda t: client(options={"session.ping_interval": 10**400}),
    lambda t: client(options={"thread.name": HALF}),
    lambda t: client(options={"socket.local_address": "here"}),
    lambda t: client(event_capacity=0),
    lambda t: okx_feed.WSSubscription(""),
    lambda t: okx_feed.WSSubscription(HALF),
    lambda t: okx_feed.WSSubscription("A", "margin"),
    lambda t: okx_feed.WSSubscription("A", url=""),
    lambda t: t.client.book(HALF),
    lambda t: t.client.trades("A", -1),
    lambda t: t.client.records("A", HUGE),
    lambda t: t.client.state(HALF),
    lambda t: t.client.subscribe(HALF),
    lambda t: t.client.subscribe("nothing:A"),
    lambda t: t.client.unsubscribe("A"),
    lambda t: t.client.events(0),
    lambda t: t.client.events(-1),
    lambda t: t.client.events(HUGE),
    lambda t: t.client.wait(state="liv"),  # type: ignore[arg-type]
    lambda t: t.client.wait(state=HALF),  # type: ignore[arg-type]
    lambda t: t.client.wait(timeout=-1),
    lambda t: t.client.wait(timeout=float("inf")),
    lambda t: t.events.drain(0),
    lambda t: t.events.drain(-1),
    lambda t: t.events.drain(1, -1.0),
    lambda t: t.events.drain(1, 10**400),
    lambda t: t.texts and t.texts.drain(0),
    lambda t: t.reader.wait(-1),
    lambda t: t.reader.wait(HUGE),
    lambda t: t.reader.wait(0, -1.0),
    lambda t: t.book.sweep("bye", 1),  # type: ignore[arg-type]
    lambda t: t.book.sweep(HALF, 1),  # type: ignore[arg-type]
    lambda t: t.book.microprice(19),
    lambda t: t.book.microprice(-1),
    lambda t: t.book.microprice(HUGE),
    lambda t: t.book.imbalance(0),
    lambda t: t.book.imbalance(-1),
    lambda t: t.decoder.decode(BOOK, -1),
    lambda t: t.decoder.decode(BOOK, HUGE),
    lambda t: okx_feed.decode(BOOK, "v4"),
    lambda t: okx_feed.Decoder(HALF),
    lambda t: okx_feed.Decoder("v3", sbe=t.instruments),
    lambda t: okx_feed.FeedHandler([]),
    lambda t: okx_feed.FeedHandler("books5"),
    lambda t: t.feed.on_frame(BOOK, -1),
    lambda t: t.feed.disconnected(-1),
    lambda t: okx_feed.Replay([]),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v4"),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v5", subscribe="nothing:A"),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v5", speed=0.0),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v5", speed=float("nan")),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v5", start=-1),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v5", start=2, end=1),
    lambda t: okx_feed.Replay(CAPTURE, dialect="v5", lines="both"),
    lambda t: next(t.replay.batches(0)),
    lambda t: t.history.book("A", 0),
    lambda t: t.history.book("A", 5001),
    lambda t: t.history.book("A", -1),
    lambda t: t.history.book(""),
    lambda t: t.history.candles("A", "7m", since=0),
    lambda t: t.history.candles("A", since=-1),
    lambda t: t.history.trade_pages("A", since=HUGE),
    lambda t: t.history.instruments("MARGINS"),
    lambda t: okx_feed.History("ftp://x"),
    lambda t: okx_feed.History(region="mars"),
    lambda t: okx_feed.History(timeout=-1),
    lambda t: okx_feed.Instruments.from_json("{"),
    lambda t: okx_feed.Instruments.from_json(HALF),
    lambda t: t.instruments[HALF],
]


def numbered(cases: list[Any]) -> list[Any]:
    return [pytest.param(case, id=str(nth)) for nth, case in enumerate(cases)]


@pytest.mark.parametrize("call", numbered(TYPES))
def test_a_wrong_type_is_a_type_error(things: Things, call: Callable[[Things], object]) -> None:
    with pytest.raises(TypeError):
        call(things)


@pytest.mark.parametrize("call", numbered(VALUES))
def test_a_wrong_value_is_a_config_error(things: Things, call: Callable[[Things], object]) -> None:
    with pytest.raises(okx_feed.ConfigError) as raised:
        call(things)
    assert str(raised.value) and isinstance(raised.value, ValueError)


def test_a_wrong_number_is_a_decimal_error(things: Things) -> None:
    wrong: list[Any] = ["", "x", HALF, "nan", Decimal("nan"), HUGE, 10**5000, "1e30", Decimal("1e-30")]
    for number in wrong:
        with pytest.raises(okx_feed.DecimalError):
            things.book.sweep("buy", number)
        with pytest.raises(okx_feed.DecimalError):
            things.level.ticks(number)
    sweep = things.book.sweep("buy", Decimal("1E+1"))
    assert sweep is not None and sweep.filled == Decimal("9.0")
    np = pytest.importorskip("numpy")
    assert things.book.sweep("buy", np.int64(2)) is not None
    with pytest.raises(TypeError, match="not exact"):
        things.book.sweep("buy", np.float32(2))


def test_an_unknown_instrument_is_an_error_of_this_package(things: Things) -> None:
    calls: list[Callable[[str], object]] = [
        things.instruments.__getitem__,
        things.instruments.is_open,
        lambda name: things.instruments.ticks(name, 1),
        lambda name: things.instruments.lots(name, 1),
        lambda name: things.instruments.contract_amount(name, 1),
        lambda name: things.instruments.notional(name, 1, 1),
    ]
    for call in calls:
        for name in ("B", "", "X" * 100):
            with pytest.raises(okx_feed.UnknownInstrumentError, match="no instrument") as raised:
                call(name)
            assert isinstance(raised.value, (okx_feed.OkxFeedError, KeyError))
    assert "B" not in things.instruments and things.instruments.renamed("B") is None


def test_a_text_that_is_no_utf8_is_a_malformed_frame(things: Things) -> None:
    with pytest.raises(okx_feed.DecodeError):
        okx_feed.decode(BOOK.replace("LTC-USDT", HALF))
    feed = okx_feed.FeedHandler("books5:LTC-USDT")
    (malformed,) = [e for e in feed.events(HALF) if isinstance(e, okx_feed.Malformed)]
    assert malformed.kind


def test_a_misfit_names_its_argument_and_shows_no_secret() -> None:
    with pytest.raises(okx_feed.ConfigError, match="redundancy"):
        client(redundancy=-1)
    with pytest.raises(TypeError, match="ca_file"):
        client(ca_file=5)
    for arguments in ({"login": ("key", "hush", HALF)}, {"headers": {"a": "hush" + HALF}}):
        with pytest.raises(okx_feed.ConfigError) as raised:
            client(**arguments)
        assert "hush" not in str(raised.value)


def test_waiting_for_none_or_for_all_is_no_mistake(things: Things) -> None:
    assert things.client.wait([], timeout=0.0)
    assert not things.client.wait(timeout=0.0)
    with pytest.raises(okx_feed.NotSubscribedError):
        things.client.wait("books5:B", timeout=0.0)
    with pytest.raises(okx_feed.NotSubscribedError):
        things.client.unsubscribe("books5:B")
