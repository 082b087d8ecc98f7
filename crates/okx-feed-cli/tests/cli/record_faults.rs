//! `okx-feed record` under faults, of the exchange and of the disk: what is replayed is what the
//! live client had, and what is missing is said.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use okx_feed::capture::{CaptureReader, EntryKind, Mark};
use serde_json::Value;

use crate::program::{Program, text, wait_until};
use crate::record::{Exchange, files, folder, replay};

/// For how long the run under faults records, in seconds; the acceptance of a release is a minute:
/// `OKX_FEED_RECORD_SECONDS=60 cargo test -p okx-feed-cli --test cli -- record_faults`.
fn seconds() -> u64 {
    let chosen = std::env::var("OKX_FEED_RECORD_SECONDS");
    chosen.ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

/// The CRC-32 of the lines of each kind of event, and how many there are.
fn hashes(text: &str) -> BTreeMap<String, (usize, u32)> {
    let mut hashers = BTreeMap::<String, (usize, crc32fast::Hasher)>::new();
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let kind = event["event"].as_str().unwrap().to_owned();
        let (count, hasher) = hashers.entry(kind).or_default();
        *count += 1;
        hasher.update(line.as_bytes());
    }
    hashers.into_iter().map(|(kind, (count, of))| (kind, (count, of.finalize()))).collect()
}

/// How many of each mark a recording has.
fn marks(files: &[String]) -> BTreeMap<&'static str, usize> {
    let mut marks = BTreeMap::new();
    for file in files {
        let mut reader = CaptureReader::open(file).unwrap();
        while let Some(entry) = reader.next_entry().unwrap() {
            if let EntryKind::Mark(mark, _) = entry.kind {
                *marks.entry(mark.name()).or_default() += 1;
            }
        }
    }
    marks
}

const FAULTS: &str = "drop:every=1500ms;gap:p=0.01;corrupt:p=0.003;repeat:p=0.01;\
                      stall:at=1s,for=700ms;unsub:at=900ms,conn=2";

/// Records two lines of a dialect under faults, and compares the client's events with a replay.
fn events_are_the_same_again(dialect: &str, channels: &[&str]) {
    let exchange = Exchange::start(FAULTS);
    let url = exchange
        .1
        .replace("/ws/v5/public", if dialect == "v3" { "/ws/v3" } else { "/ws/v5/public" });
    let folder = folder(&format!("faults-{dialect}"));
    let (out, duration) = (folder.to_str().unwrap(), format!("{}s", seconds()));
    let args = ["record", "--json", "--dialect", dialect, "--url", &url, "--lines", "2"];
    let args = [&args[..], &["--out", out, "--duration", &duration], channels].concat();
    let live = Program::start(&args).finish_within(seconds());
    assert_eq!(live.status.code(), Some(0), "{}", text(&live.stderr));
    exchange.0.interrupt();

    let files = files(&folder);
    let (code, replayed, said) = replay(&["--json"], &files);
    // Frames were damaged, so there is a 1; nothing else is wrong.
    assert!(code == 1 && !said.contains("gap") && said.lines().count() == 1, "{said}");
    let (live_hashes, again) = (hashes(text(&live.stdout)), hashes(&replayed));
    assert_eq!(live_hashes, again);
    assert_eq!(text(&live.stdout), replayed);
    for kind in ["book", "depth", "trade", "state", "malformed"] {
        let least = if kind == "malformed" { 1 } else { 20 };
        assert!(live_hashes.get(kind).is_some_and(|of| of.0 >= least), "{kind}: {live_hashes:?}");
    }
    // Where a connection was lost, the recording has a mark, and a replay a state.
    let marks = marks(&files);
    assert!(marks["lost"] >= 2 && marks["open"] >= 3 && marks["finish"] == 1, "{marks:?}");
    assert!(replayed.contains(r#""from":"live","to":"connecting""#));
    // On two lines a message is missing only where both have lost it.
    assert_eq!(marks.get("gap"), None, "the recorder has kept up");
}

#[test]
fn a_replay_of_two_lines_of_v5_under_faults_has_the_clients_events() {
    let channels = ["books5:BTC-USDT", "bbo-tbt:BTC-USDT", "books:BTC-USDT", "trades:BTC-USDT"];
    events_are_the_same_again("v5", &channels);
}

#[test]
fn a_replay_of_two_lines_of_v3_under_faults_has_the_clients_events() {
    let channels = ["spot/depth5:BTC-USDT", "spot/depth_l2_tbt:BTC-USDT", "spot/trade:BTC-USDT"];
    events_are_the_same_again("v3", &channels);
}

/// A disk that takes no more: no file may grow over 16 KiB, and a write over it fails.
#[test]
fn a_full_disk_is_said_the_feed_goes_on_and_the_gaps_are_events() {
    let exchange = Exchange::start("");
    let folder = folder("full");
    let program = env!("CARGO_BIN_EXE_okx-feed");
    // The signal of the limit would end the program; a full disk has none.
    let script = "trap '' XFSZ; ulimit -f 32; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh", program, "record", "--url", &exchange.1, "--duration", "8s"]);
    command.args(["--json", "--out", folder.to_str().unwrap()]).args(["books:BTC-USDT"]);
    command.args(["books5:BTC-USDT", "trades:BTC-USDT"]).env("NO_PROXY", "*").stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("check the disk; trying again, the feed goes on"), "{said}");
    assert!(said.contains("the recording is written again"), "{said}");
    assert!(said.contains("lines missing"), "{said}");
    // The feed has missed nothing.
    let of = |text: &str, part: &str| text.lines().filter(|line| line.contains(part)).count();
    let live = text(&output.stdout);
    assert!(of(live, r#""event":"trade""#) > 20);
    assert_eq!(of(live, r#""missed":0"#), of(live, r#""event":"trade""#));
    exchange.0.interrupt();

    let files = files(&folder);
    let (code, replayed, said) = replay(&["--json"], &files);
    assert!(code == 1 && said.contains(" gap"), "{said}");
    let gaps = of(&replayed, r#""event":"gap","missing":"#);
    assert_eq!(gaps, marks(&files)["gap"]);
    // A file in which nothing could be written was deleted, and is not one that is missing.
    assert!(!said.contains("missing before"), "{said}");
    assert!(gaps > 0 && gaps <= files.len(), "{gaps} of {files:?}");
    let lost = live.lines().count() - replayed.lines().count();
    assert!(lost > 0, "{said}");
}

#[test]
fn a_recording_without_a_closing_mark_costs_an_exit_code_of_replay_and_export() {
    let exchange = Exchange::start("");
    let folder = folder("no-mark");
    let out = folder.to_str().unwrap();
    let args = ["record", "--url", &exchange.1, "--out", out, "--duration", "2500ms"];
    let output = Program::start(&[&args[..], &["trades:BTC-USDT"]].concat()).finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    exchange.0.interrupt();
    let files = files(&folder);
    assert_eq!(replay(&["--quiet"], &files).0, 0);
    // The last block has the mark, alone.
    let bytes = fs::read(&files[0]).unwrap();
    let len = okx_feed::capture::Trailer::LEN;
    let is_trailer =
        |end: &usize| okx_feed::capture::Trailer::parse(&bytes[end - len..*end]).is_some();
    let end = (len..bytes.len()).rev().find(is_trailer).unwrap();
    fs::write(&files[0], &bytes[..end]).unwrap();
    let (code, _, said) = replay(&["--quiet"], &files);
    assert!(code == 1 && said.contains("ends without a closing mark"), "{said}");
    let lake = folder.join("lake");
    let args = ["export", "--format", "parquet", "--out", lake.to_str().unwrap(), &files[0]];
    let output = Program::start(&args).finish();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("without a closing mark"), "{said}");
}

#[test]
fn a_reader_that_closes_standard_output_ends_the_recording_properly() {
    let exchange = Exchange::start("");
    let folder = folder("closed");
    let out = folder.to_str().unwrap();
    let args = ["record", "--json", "--url", &exchange.1, "--out", out, "trades:BTC-USDT"];
    let mut program = Program::start(&args);
    assert!(program.line().starts_with(r#"{"ts_recv_ns":"#));
    program.close_stdout();
    let output = program.finish();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    exchange.0.interrupt();
    assert_eq!(marks(&files(&folder))[Mark::Finish.name()], 1);
}

#[test]
fn live_channels_are_exported_until_the_end() {
    let exchange = Exchange::start("drop:at=1s");
    let folder = folder("live-export");
    let out = folder.to_str().unwrap();
    let args = ["export", "--format", "tardis", "--out", out, "--live", "--url", &exchange.1];
    let more = ["--lines", "2", "trades:BTC-USDT", "books:BTC-USDT"];
    let program = Program::start(&[&args[..], &more].concat());
    // Until there is a file of each table, and then for a while, in which lines are lost.
    let tables = || fs::read_dir(folder.join("okex")).map_or(0, Iterator::count);
    wait_until("three tables", || tables() == 3);
    std::thread::sleep(Duration::from_millis(2_500));
    let output = program.interrupt();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains(" in 3 files under "), "{said}");
    let rows = |table: &str| {
        let mut text = String::new();
        let found = Command::new("find").arg(folder.join("okex").join(table)).output().unwrap();
        let path = std::str::from_utf8(&found.stdout).unwrap().lines().find(|p| p.ends_with("gz"));
        let file = fs::File::open(path.unwrap()).unwrap();
        std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text)
            .unwrap();
        text
    };
    let trades = rows("trades");
    let id = |row: &str| row.split(',').nth(4).unwrap().parse::<u64>().unwrap();
    let ids: Vec<_> = trades.lines().skip(1).map(id).collect();
    // What only the slower line has comes behind what the other one had after it.
    assert!(ids.len() > 10 && ids.iter().collect::<BTreeSet<_>>().len() == ids.len(), "{ids:?}");
    assert!(rows("incremental_book_L2").contains(",true,ask,"));
    // What can't be written ends it.
    let args = [&args[..], &["trades:BTC-USDT", "--duration", "20s"]].concat();
    let output = Program::start(&args).finish();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("exists already"), "{said}");
    for wrong in [
        &["export", "--format", "tardis", "--out", "x", "--url", &exchange.1, "file"][..],
        &["export", "--format", "tardis", "--out", "x", "--lines", "2", "file"],
        &["export", "--format", "tardis", "--out", "x", "--live", "--from", "1s", "trades:A"],
    ] {
        let output = Program::start(wrong).finish();
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains("--live"), "{said}");
    }
    exchange.0.interrupt();
}

#[test]
fn a_capture_is_replayed_from_standard_input() {
    let file = format!("{}/../../tests/data/conn-sim-v5.tsv", env!("CARGO_MANIFEST_DIR"));
    let by_name = Program::start(&["replay", "--json", &file]).finish();
    let input = fs::File::open(&file).unwrap();
    let piped = Program::start_with(&["replay", "--json", "-"], input).finish();
    assert_eq!(piped.status.code(), Some(0), "{}", text(&piped.stderr));
    assert_eq!(text(&piped.stdout), text(&by_name.stdout));
    let empty = Program::start(&["replay", "--from", "1s", "-"]).finish();
    let said = text(&empty.stderr);
    assert!(empty.status.code() == Some(2) && said.contains("\"-\" is empty"), "{said}");
}

/// A capture in a pipe, whose last line comes again and again until nobody reads it.
fn endless(file: &str) -> std::io::PipeReader {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let all = fs::read(file).unwrap();
    std::thread::spawn(move || {
        let lines = all.split_inclusive(|byte| *byte == b'\n');
        let last = lines.clone().next_back().unwrap();
        for line in lines.chain(std::iter::repeat(last)) {
            if writer.write_all(line).is_err() {
                return;
            }
        }
    });
    reader
}

#[test]
fn an_export_that_is_interrupted_has_whole_files_and_says_so() {
    let file = format!("{}/../../tests/data/conn-sim-v5.tsv", env!("CARGO_MANIFEST_DIR"));
    let folder = folder("interrupted");
    let out = folder.to_str().unwrap();
    let args = ["export", "--format", "tardis", "--out", out, "-"];
    let program = Program::start_with(&args, endless(&file));
    wait_until("a file", || folder.join("okex").exists());
    let output = program.interrupt();
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(1) && said.contains("ended early"), "{said}");
    assert!(said.contains(" files under "), "{said}");
}

#[test]
fn a_replay_that_is_interrupted_prints_its_summary_and_says_so() {
    let file = format!("{}/../../tests/data/conn-sim-v5.tsv", env!("CARGO_MANIFEST_DIR"));
    let args = ["replay", "--json", "--speed", "1000", "-"];
    let mut program = Program::start_with(&args, endless(&file));
    assert!(program.line().starts_with(r#"{"ts_recv_ns":"#));
    let output = program.interrupt();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("s recorded: ") && said.contains("ended early"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_removed_while_it_is_recorded_costs_an_exit_code_and_a_gap() {
    let exchange = Exchange::start("");
    let folder = folder("removed");
    let out = folder.to_str().unwrap();
    let args = ["record", "--url", &exchange.1, "--out", out, "trades:BTC-USDT"];
    let program = Program::start(&args);
    let has_block = || {
        let all = fs::read_dir(&folder).into_iter().flatten().flatten();
        all.into_iter().any(|file| file.metadata().is_ok_and(|file| file.len() > 0))
    };
    wait_until("a block", has_block);
    files(&folder).iter().for_each(|file| fs::remove_file(file).unwrap());
    wait_until("a block of the next file", has_block);
    let output = program.interrupt();
    exchange.0.interrupt();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("removed while it was written"), "{said}");
    assert!(said.contains("missing"), "{said}");
    let (code, _, said) = replay(&["--quiet"], &files(&folder));
    assert!(code == 1 && said.contains("1 gap, "), "{said}");
}

#[test]
fn a_file_that_is_named_twice_is_refused() {
    let file = format!("{}/../../tests/data/conn-sim-v5.tsv", env!("CARGO_MANIFEST_DIR"));
    let (code, _, said) = replay(&["--quiet"], &[file.clone(), file]);
    assert!(code == 2 && said.contains("name one of the two"), "{said}");
}

#[test]
fn times_that_nothing_is_of_are_said_and_none_ends_a_replay() {
    let file = format!("{}/../../tests/data/conn-sim-v5.tsv", env!("CARGO_MANIFEST_DIR"));
    let files = [file];
    for times in [["--to", "1s"], ["--from", "18446744073709551614ns"]] {
        let (code, _, said) = replay(&[&["--quiet"], &times[..]].concat(), &files);
        assert!(code == 1 && said.contains("no frame is of that time"), "{said}");
    }
    let (code, _, said) = replay(&["--from", "2s", "--to", "1s"], &files);
    assert!(code == 2 && said.contains("swap them"), "{said}");
    // The latest time that there is ends nothing.
    let folder = folder("latest");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("a.tsv");
    let line = |id: u8| {
        format!(
            "18446744073709551615\ttext/0.0\t{{\"arg\":{{\"channel\":\"trades\",\"instId\":\"A\"}},\"data\":[{{\"instId\":\"A\",\"tradeId\":\"{id}\",\"px\":\"4\",\"sz\":\"2\",\"side\":\"buy\",\"ts\":\"1\",\"count\":\"1\"}}]}}\n"
        )
    };
    fs::write(&file, line(1) + &line(2)).unwrap();
    let (code, seen, said) = replay(&["--json"], &[file.to_str().unwrap().to_owned()]);
    let trades = seen.lines().filter(|line| line.contains(r#""event":"trade""#)).count();
    assert!(code == 0 && trades == 2, "{said}");
    let (code, _, said) = replay(&[], &[folder.to_str().unwrap().to_owned()]);
    assert!(code == 2 && said.contains("give the files in it"), "{said}");
}
