//! `okx-feed record` and `okx-feed replay`: what is recorded is replayed, also after a kill.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use okx_feed::capture::{CaptureReader, EntryKind, Mark};

use crate::program::{Program, text};

/// An exchange, and its URL for v5.
pub(crate) struct Exchange(pub(crate) Program, pub(crate) String);

impl Exchange {
    pub(crate) fn start(faults: &str) -> Self {
        let args = ["serve", "--listen", "127.0.0.1:0", "--every-change", "--rate", "2000"];
        let mut program = Program::start(&[&args[..], &["--faults", faults]].concat());
        let url = loop {
            let line = program.error_line();
            assert!(!line.is_empty(), "the exchange does not start");
            if let Some(at) = line.find("ws://")
                && line.contains("/ws/v5/public")
            {
                break line[at..].split(' ').next().unwrap().to_owned();
            }
        };
        Self(program, url)
    }
}

pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("record-{name}"));
    let _ = fs::remove_dir_all(&path);
    path
}

pub(crate) fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let path = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().path();
    let mut files: Vec<_> = entries.map(|entry| path(entry).to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

const CHANNELS: [&str; 3] = ["books5:BTC-USDT", "trades:BTC-USDT", "books:BTC-USDT"];

pub(crate) fn replay(args: &[&str], files: &[String]) -> (i32, String, String) {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let output = Program::start(&[&["replay"], args, &files[..]].concat()).finish();
    let code = output.status.code().unwrap();
    (code, text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

#[test]
fn a_recording_replays_twice_alike_and_cut_by_time() {
    let exchange = Exchange::start("drop:every=900ms");
    let folder = folder("twice");
    let out = folder.to_str().unwrap();
    let args = ["record", "--url", &exchange.1, "--lines", "2", "--out", out, "--duration", "2s"];
    let output = Program::start(&[&args[..], &CHANNELS].concat()).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains(" in 1 file in "), "{}", text(&output.stderr));

    let files = files(&folder);
    let (code, first, said) = replay(&["--json", "--schema"], &files);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("connections lost"), "{said}");
    let schema = first.lines().next().unwrap();
    assert!(schema.starts_with(r#"{"schema":"okx-feed/1","#) && schema.contains(r#""replay""#));
    assert_eq!(replay(&["--json", "--schema"], &files).1, first);
    let trades = first.lines().filter(|line| line.contains(r#""event":"trade""#)).count();
    assert!(trades > 50, "{trades}");
    let (_, one_channel, _) = replay(&["--json", "--channel", "trades:BTC-USDT"], &files);
    let is_of_others = |line: &&str| line.contains(r#""event":"depth""#);
    assert_eq!(one_channel.lines().find(is_of_others), None);
    assert_eq!(one_channel.lines().filter(|l| l.contains(r#""event":"trade""#)).count(), trades);

    // A second of it.
    let time = |line: &str| {
        let digits = line.strip_prefix(r#"{"ts_recv_ns":"#).unwrap();
        digits[..digits.find(',').unwrap()].parse::<u64>().unwrap()
    };
    // A state has the time of its change, a frame that of the read, which may be before it.
    let is_state = |line: &&str| line.contains(r#""event":"state""#);
    let times: Vec<u64> = first.lines().skip(1).filter(|l| !is_state(l)).map(time).collect();
    assert!(times.is_sorted());
    let from = times[0] + 500_000_000;
    let (from_arg, to_arg) = (format!("{from}ns"), format!("{}ns", from + 1_000_000_000));
    let (_, part, _) = replay(&["--json", "--from", &from_arg, "--to", &to_arg], &files);
    let data = |text: &str| {
        let is_trade = |line: &&str| line.contains(r#""event":"trade""#);
        text.lines().filter(is_trade).map(time).collect::<Vec<_>>()
    };
    let expected = data(&first).into_iter().filter(|at| (from..from + 1_000_000_000).contains(at));
    assert_eq!(data(&part), expected.collect::<Vec<_>>());

    let decoded = Program::start(&["decode", "--dialect", "v5", &files[0]]).finish();
    assert_eq!(decoded.status.code(), Some(0), "{}", text(&decoded.stderr));
    exchange.0.interrupt();
}

/// The numbers of the trades of a capture's first line, in order, and whether it is torn.
fn trades(file: &str) -> (Vec<u64>, bool) {
    let mut reader = CaptureReader::open(file).unwrap();
    let mut ids = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        match entry.kind {
            EntryKind::Frame(frame) => {
                let (okx_feed::Frame::Text(frame) | okx_feed::Frame::Binary(frame)) = frame;
                let frame = String::from_utf8_lossy(frame);
                let id = frame
                    .split_once(r#""tradeId":""#)
                    .map(|(_, rest)| rest[..rest.find('"').unwrap()].parse::<u64>().unwrap());
                ids.extend(id);
            }
            EntryKind::Mark(Mark::Gap, text) => panic!("{}", String::from_utf8_lossy(text)),
            _ => {}
        }
    }
    (ids, reader.is_torn())
}

#[test]
fn a_killed_recorder_leaves_a_file_with_all_that_was_committed() {
    let exchange = Exchange::start("");
    for round in 0..8_u64 {
        let folder = folder("killed");
        let out = folder.to_str().unwrap();
        let args = ["record", "--url", &exchange.1, "--out", out];
        let program = Program::start(&[&args[..], &CHANNELS].concat());
        // Until something is committed, and then at any moment.
        let mut waited = 0;
        while !folder.exists()
            || files(&folder).iter().all(|file| fs::metadata(file).unwrap().len() == 0)
        {
            std::thread::sleep(Duration::from_millis(10));
            waited += 1;
            assert!(waited < 3_000, "nothing was recorded");
        }
        std::thread::sleep(Duration::from_millis(170 * round % 1_300));
        program.signal("KILL");
        let files = files(&folder);
        let (ids, is_torn) = trades(&files[0]);
        // None is missing among those that are there.
        let is_whole = ids.windows(2).all(|pair| pair[1] > pair[0]);
        assert!(is_whole, "round {round}: {ids:?}");
        let (code, _, said) = replay(&["--quiet"], &files);
        // Nobody has ended it properly, wherever it ends.
        assert_eq!(code, 1, "round {round}: {said}");
        let part = if is_torn { "in the middle" } else { "without a closing mark" };
        assert!(said.contains(part), "round {round}: {said}");
        assert!(said.contains(" 0 malformed"), "{said}");
    }
    exchange.0.interrupt();
}

#[test]
fn what_can_not_be_recorded_or_replayed_is_said() {
    let fails = |args: &[&str], part: &str| {
        let output = Program::start(args).finish();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{part:?} in {said:?}");
    };
    fails(&["record", "--out", "/dev/null/x", "trades:A"], "can't record to");
    fails(&["record", "trades:A"], "--out");
    // It needs no file of a key to name one that is not there.
    fails(&["record", "--out", "x", "--login-file", "no-such-key", "trades:A"], "no-such-key");
    fails(&["record", "--out", "x", "--login", "--login-file", "k", "trades:A"], "cannot be used");
    fails(&["record", "--out", "x"], "CHANNEL");
    fails(&["replay"], "FILE");
    fails(&["replay", "no-such-file"], "no-such-file");
    let folder = folder("said");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.jsonl");
    fs::write(&file, "pong\n").unwrap();
    let file = file.to_str().unwrap();
    fails(&["record", "--out", file, "trades:A"], "is a file; give --out a directory");
    fails(
        &["export", "--format", "tardis", "--dialect", "v5", "--out", file, file],
        "is a file; give --out a directory",
    );
    fails(&["replay", file], "add --dialect v3 or --dialect v5");
    fails(&["replay", "--dialect", "v5", "--speed", "0", file], "the speed must be above 0");
    fails(&["replay", "--dialect", "v5", "--speed", "-1", file], "the speed must be above 0");
    fails(&["replay", "--from", "yesterday", file], "is not a time");
    let output = Program::start(&["replay", "--dialect", "v5", file]).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}

#[test]
fn refused_channels_are_named_and_cost_an_exit_code() {
    let exchange = Exchange::start("");
    for (name, channels, code, part) in [
        (
            "some",
            &["trades:NO-SUCH", "trades:BTC-USDT"][..],
            1,
            "is refused at the end: the files lack it",
        ),
        ("all", &["trades:NO-SUCH"][..], 2, "refused every channel"),
    ] {
        let folder = folder(name);
        let out = folder.to_str().unwrap();
        let args = ["record", "--url", &exchange.1, "--out", out, "--duration", "2s"];
        let output = Program::start(&[&args[..], channels].concat()).finish();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("trades:NO-SUCH is refused: 60018"), "{said}");
        assert!(said.contains(part), "{said}");
    }
    exchange.0.interrupt();
}

#[test]
fn a_time_without_a_line_is_said_with_the_times_of_the_file() {
    let exchange = Exchange::start("");
    let folder = folder("times");
    let out = folder.to_str().unwrap();
    let args = ["record", "--url", &exchange.1, "--out", out, "--duration", "1500ms"];
    let output = Program::start(&[&args[..], &CHANNELS].concat()).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    exchange.0.interrupt();
    for times in [["--from", "2100-01-01T00:00:00Z"], ["--to", "1971-01-01T00:00:00Z"]] {
        let (code, _, said) = replay(&times, &files(&folder));
        assert_eq!(code, 2, "{said}");
        assert!(said.contains("nothing was recorded in that time"), "{said}");
        assert!(said.contains(" has 20") && said.contains("Z to 20"), "{said}");
    }
}

#[test]
fn a_file_that_is_missing_between_two_others_is_said() {
    let exchange = Exchange::start("");
    let folder = folder("missing");
    let out = folder.to_str().unwrap();
    let times = ["--duration", "4s", "--file-time", "1s"];
    let args = [&["record", "--url", &exchange.1, "--out", out][..], &times].concat();
    let output = Program::start(&[&args[..], &CHANNELS].concat()).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    exchange.0.interrupt();
    let mut files = files(&folder);
    let (code, _, said) = replay(&["--quiet"], &files);
    assert_eq!(code, 0, "{said}");
    files.remove(1);
    let (code, _, said) = replay(&["--quiet"], &files);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("1 file of the same recording missing before"), "{said}");
    assert!(said.contains(&format!("before {:?}", files[1])), "{said}");
}
