//! The readers in C and in Python see what was published. They are skipped, and say so, where there
//! is no C compiler or no Python.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

use okx_feed::publish::shm::{MonotonicNanos, ShmOptions, ShmReader, ShmSink, ShmWriter};
use okx_feed::{BookState, Dialect, FeedHandler, Frame, NoSink, UnixNanos};

use super::languages::{c, folder};
use super::{Name, small};

/// What a command prints; `None` if there is no such program.
pub(super) fn output(command: &mut Command) -> Option<String> {
    match command.output() {
        Ok(done) => {
            let errors = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(done.status.success(), "{command:?}: {errors}");
            Some(String::from_utf8(done.stdout).unwrap())
        }
        Err(error) => {
            println!("SKIPPED: {command:?}: {error}");
            None
        }
    }
}

/// What a program in Python prints, which gets the name of a segment; `None` without Python.
fn python(program: &str, name: &Name) -> Option<String> {
    let mut command = Command::new("python3");
    command.args(["-B", "-c", program]).arg(&name.0).env("PYTHONPATH", folder());
    output(&mut command)
}

/// A segment with a live book and 20 trades in a ring of 16.
fn publish(name: &Name) -> ShmSink<NoSink> {
    publish_to(name, small())
}

pub(super) fn publish_to(name: &Name, options: ShmOptions) -> ShmSink<NoSink> {
    let mut feed = FeedHandler::new(Dialect::V5);
    let mut sink = ShmSink::new(ShmWriter::create(&name.0, options).unwrap(), NoSink);
    ["books5", "trades"].iter().for_each(|channel| {
        feed.subscribe(format!("{channel}:BTC-USDT").parse().unwrap()).unwrap();
    });
    let mut send = |channel: &str, data: &str| {
        let text =
            format!(r#"{{"arg":{{"channel":"{channel}","instId":"BTC-USDT"}},"data":[{data}]}}"#);
        feed.on_frame(
            Frame::Text(text.as_bytes()),
            UnixNanos(1_700_000_000_123_456_789),
            &mut sink,
        )
        .unwrap();
    };
    send(
        "books5",
        r#"{"asks":[["84090.80","0.00022104","0","4294967295"],["84091","1","0","1"]],"bids":[["-0.5","7","0","2"]],"ts":"1700000000001","seqId":123456789012345}"#,
    );
    for id in 1..=20 {
        send(
            "trades",
            &format!(
                r#"{{"instId":"BTC-USDT","tradeId":"{id}","px":"84090.8","sz":"0.0{id}","side":"{}","ts":"1700000000002","count":"1"}}"#,
                if id % 2 == 0 { "buy" } else { "sell" }
            ),
        );
    }
    sink
}

#[test]
fn the_c_header_reads_books_and_trades() {
    let name = Name::new();
    let _sink = publish(&name);
    let program = name.0.with_extension("program");
    let source = folder().join("top_of_book.c");
    let Some(mut command) = c(&source, &program) else { return };
    command.arg(&name.0).args(["books5:BTC-USDT", "trades:BTC-USDT", "17"]);
    let printed = output(&mut command).unwrap();
    std::fs::remove_file(&program).unwrap();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 17, "{printed}");
    assert!(lines[0].ends_with("state=2 seq=123456789012345 bid=-0.5 ask=84090.80"), "{printed}");
    assert_eq!(lines[1], "trade number=4 id=5 side=1 px=84090.8 sz=0.05");
    assert_eq!(lines[16], "trade number=19 id=20 side=0 px=84090.8 sz=0.020");
}

/// The first word of a segment's slot of a kind.
fn first_word(file: &Path, kind: u64) -> u64 {
    let bytes = std::fs::read(file).unwrap();
    let words = bytes.as_chunks().0.iter().map(|word| u64::from_ne_bytes(*word));
    let words: Vec<u64> = words.skip(32).collect();
    let entry = words.as_chunks::<32>().0.iter().find(|[of, ..]| *of == kind);
    let [_, at, ..] = entry.unwrap();
    *at
}

#[test]
fn the_c_header_takes_no_strange_state_or_time_for_a_live_one() {
    let name = Name::new();
    let sink = publish(&name);
    let program = name.0.with_extension("states");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shm/states.c");
    if c(&source, &program).is_none() {
        return;
    }
    let states = |now: u64| {
        let mut command = Command::new(&program);
        command.arg(&name.0).args(["books5:BTC-USDT", "trades:BTC-USDT", &now.to_string()]);
        output(&mut command).unwrap().trim().to_owned()
    };
    let now = MonotonicNanos::now().0;
    assert_eq!(states(now), "1 2 2");
    // A time that was read just before the heartbeat, and one of another clock.
    assert_eq!(states(now - 500_000_000), "1 2 2");
    assert_eq!(states(now - 3_000_000_000), "4 7 7");
    assert_eq!(states(0), "4 7 7");
    // The lowest byte is that of a live stream.
    let at = 8 * (first_word(&name.0, 2) + 8);
    let file = std::fs::File::options().write(true).open(&name.0).unwrap();
    let ring = ShmReader::open(&name.0).unwrap().trades("trades:BTC-USDT").unwrap();
    for strange in [0x102_u64, 1 << 32 | 2, 8, u64::MAX] {
        file.write_all_at(&strange.to_ne_bytes(), at).unwrap();
        assert_eq!(states(MonotonicNanos::now().0), "1 2 0", "{strange:#x}");
        assert_eq!(ring.state(MonotonicNanos::now()), BookState::Connecting);
    }
    drop(sink);
    std::fs::remove_file(program).unwrap();
}

#[test]
fn the_header_compiles_as_cpp() {
    let name = Name::new();
    let source = name.0.with_extension("cpp");
    std::fs::write(&source, "#include \"okx_feed_shm.h\"\nint main() { return 0; }\n").unwrap();
    let flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only", "-I"];
    output(Command::new("c++").args(flags).arg(folder()).arg(&source));
    std::fs::remove_file(&source).unwrap();
}

#[test]
fn the_python_reader_reads_books_and_trades() {
    let name = Name::new();
    let sink = publish(&name);
    let program = r#"
import sys
from okx_feed_shm import Segment
segment = Segment(sys.argv[1])
book = segment.book("books5:BTC-USDT")
print(segment.writer(), book["state"], book["seq"], book["ts_event"], book["ts_recv"])
print(book["asks"], book["bids"])
last, trades = segment.trades("trades:BTC-USDT", 18)
print(last, *((t["number"], t["trade_id"], str(t["px"]), str(t["sz"]), t["side"]) for t in trades))
"#;
    let run = |program: &str| python(program, &name);
    let Some(printed) = run(program) else { return };
    let lines: Vec<_> = printed.lines().collect();
    let times = "1700000000001000000 1700000000123456789";
    assert_eq!(lines[0], format!("running live 123456789012345 {times}"));
    let levels = "[(Decimal('84090.80'), Decimal('0.00022104'), 4294967295), (Decimal('84091'), Decimal('1'), 1)] [(Decimal('-0.5'), Decimal('7'), 2)]";
    assert_eq!(lines[1], levels);
    assert_eq!(
        lines[2],
        "20 (18, 19, '84090.8', '0.019', 'sell') (19, 20, '84090.8', '0.020', 'buy')"
    );
    drop(sink);
    let ended = "import sys; from okx_feed_shm import Segment; s = Segment(sys.argv[1]); print(s.writer(), s.book('books5:BTC-USDT')['state'])";
    assert_eq!(run(ended).unwrap().trim(), "ended down_stopped");
    // A writer that was killed in the middle of a write leaves an odd version.
    let torn = r#"
import struct, sys
from okx_feed_shm import Segment
segment = Segment(sys.argv[1])
with open(sys.argv[1], "r+b") as file:
    file.seek(8 * segment._find("books5:BTC-USDT", 1, 31)[0])
    file.write(struct.pack("=Q", 5))
try:
    print(segment.book("books5:BTC-USDT"))
except TimeoutError as error:
    print(error)
"#;
    assert_eq!(run(torn).unwrap().trim(), "the writer ended in the middle of a write");
}

#[test]
fn the_python_reader_gives_the_bytes_of_its_types() {
    let name = Name::new();
    let _sink = publish(&name);
    let program = r#"
import struct, sys
from decimal import Decimal
from okx_feed_shm import LEVEL_DTYPE, TRADE_DTYPE, Segment
segment = Segment(sys.argv[1])
def rows(raw, dtype):
    sizes = {"=i8": "q", "=u8": "Q", "=u4": "I", "u1": "B", "V2": "xx"}
    layout = "=" + "".join(sizes[kind] for _, kind in dtype)
    names = [name for name, kind in dtype if kind != "V2"]
    return [dict(zip(names, row)) for row in struct.iter_unpack(layout, raw)]
def number(row, name):
    return Decimal(row[name]).scaleb(-row[name + "_scale"])
raw, book = segment.raw_book("books5:BTC-USDT"), segment.book("books5:BTC-USDT")
for side in ("asks", "bids"):
    levels = rows(raw.pop(side), LEVEL_DTYPE)
    assert [(number(r, "px"), number(r, "sz"), r["orders"]) for r in levels] == book.pop(side)
assert raw == book, (raw, book)
last, trades = segment.trades("trades:BTC-USDT", 5)
after, raw = segment.raw_trades("trades:BTC-USDT", 5)
assert last == after == 20 and len(trades) == 15
for row, trade in zip(rows(raw, TRADE_DTYPE), trades, strict=True):
    assert (number(row, "px"), number(row, "sz")) == (trade["px"], trade["sz"])
    assert (row["trade_id"], row["ts_recv"], row["seq"]) == tuple(
        trade[name] for name in ("trade_id", "ts_recv", "seq"))
    assert ("sell" if row["side"] & 1 else "buy") == trade["side"]
print(segment.trades_state("trades:BTC-USDT"), 0 <= segment.heartbeat_age() < 60e9)
"#;
    if let Some(printed) = python(program, &name) {
        assert_eq!(printed.trim(), "live True");
    }
}

#[test]
fn the_python_reader_refuses_a_shortened_file_and_a_heartbeat_of_the_future() {
    let name = Name::new();
    let _sink = publish(&name);
    let program = r#"
import os, shutil, struct, sys, time
from okx_feed_shm import Segment
path = sys.argv[1]
copy = path + ".copy"
def segment(words={}, length=None):
    """A copy, which no heartbeat is written to."""
    shutil.copy(path, copy)
    with open(copy, "r+b") as file:
        for at, word in words.items():
            file.seek(8 * at)
            file.write(struct.pack("=Q", word))
        if length is not None:
            file.truncate(length)
    return Segment(copy)
try:
    for change in (dict(length=4096), dict(length=8 * 40), dict(length=8 * 31), dict(length=0),
                   dict(words={2: 1 << 40}), dict(words={6: 1 << 40}), dict(words={1: 2})):
        try:
            print("opened", change, segment(**change))
        except ValueError:
            pass
    now = time.monotonic_ns()
    for ahead in (-60_000_000_000, -100_000_000, 500_000_000, 60_000_000_000, 1 << 62):
        opened = segment({8: now + ahead})
        print(opened.writer(), opened.book("books5:BTC-USDT")["state"])
finally:
    os.remove(copy)
"#;
    let Some(printed) = python(program, &name) else { return };
    let live = "running live";
    let silent = "silent down_stopped";
    assert_eq!(printed.lines().collect::<Vec<_>>(), [silent, live, live, silent, silent]);
}

#[test]
fn the_program_in_the_readme_runs() {
    let name = Name::new();
    let _sink = publish(&name);
    let readme = include_str!("../../README.md");
    let section = readme.split("## From another process").nth(1).unwrap();
    let program = section.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    if let Some(printed) = python(program, &name) {
        assert_eq!(printed.trim(), "bid -0.5 7 2 ask 84090.80 0.00022104 4294967295 version 2");
    }
}
