//! The readers in C and in Python see what was published. They are skipped, and say so, where there
//! is no C compiler or no Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use okx_feed::publish::shm::{ShmSink, ShmWriter};
use okx_feed::{Dialect, FeedHandler, Frame, NoSink, UnixNanos};

use super::{Name, small};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shared-memory")
}

/// What a command prints; `None` if there is no such program.
fn output(command: &mut Command) -> Option<String> {
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

/// A segment with a live book and 20 trades in a ring of 16.
fn publish(name: &Name) -> ShmSink<NoSink> {
    let mut feed = FeedHandler::new(Dialect::V5);
    let mut sink = ShmSink::new(ShmWriter::create(&name.0, small()).unwrap(), NoSink);
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
    let flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"];
    if output(Command::new("cc").args(flags).arg(&program).arg(source)).is_none() {
        return;
    }
    let mut command = Command::new(&program);
    command.arg(&name.0).args(["books5:BTC-USDT", "trades:BTC-USDT", "17"]);
    let printed = output(&mut command).unwrap();
    std::fs::remove_file(&program).unwrap();
    let lines: Vec<_> = printed.lines().collect();
    assert_eq!(lines.len(), 17, "{printed}");
    assert!(lines[0].ends_with("state=2 seq=123456789012345 bid=-0.5 ask=84090.80"), "{printed}");
    assert_eq!(lines[1], "trade number=4 id=5 side=1 px=84090.8 sz=0.05");
    assert_eq!(lines[16], "trade number=19 id=20 side=0 px=84090.8 sz=0.020");
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
    let run = |program: &str| {
        let mut command = Command::new("python3");
        command.args(["-B", "-c", program]).arg(&name.0).env("PYTHONPATH", folder());
        output(&mut command)
    };
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
fn the_program_in_the_readme_runs() {
    let name = Name::new();
    let _sink = publish(&name);
    let readme = include_str!("../../README.md");
    let section = readme.split("## From another process").nth(1).unwrap();
    let program = section.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let mut command = Command::new("python3");
    command.args(["-B", "-c", program]).arg(&name.0).env("PYTHONPATH", folder());
    if let Some(printed) = output(&mut command) {
        assert_eq!(printed.trim(), "bid -0.5 7 2 ask 84090.80 0.00022104 4294967295 version 2");
    }
}
