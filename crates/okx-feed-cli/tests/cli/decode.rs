//! `okx-feed decode`, the real program: its output, its exit codes, its memory.
//!
//! The messages are written here, in the shapes that the exchange sends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The program with its arguments and all three streams piped.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
    command.args(args).env_remove("RUST_LOG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program on a short standard input.
fn run(args: &[&str], input: &[u8]) -> Output {
    let mut child = program(args).spawn().unwrap();
    // It may end before it reads all, or at all.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Runs `decode` and compares its exit code and its lines.
fn check(args: &[&str], input: &[u8], code: i32, expected: &[&str]) {
    let args = [&["decode"], args].concat();
    let output = run(&args, input);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines, expected);
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
}

fn check_v3(input: &[u8], code: i32, expected: &[&str]) {
    check(&["--dialect", "v3", "-"], input, code, expected);
}

fn check_v5(input: &[u8], code: i32, expected: &[&str]) {
    check(&["--dialect", "v5", "-"], input, code, expected);
}

const V5_BOOK: &str = r#"{"arg":{"channel":"books5","instId":"LTC-USDT"},"data":[{"asks":[["81.50","2.0","0","3"],["81.6","7","0","1"]],"bids":[["81.4","0.25","0","2"]],"instId":"LTC-USDT","ts":"1700000000123","seqId":12}]}"#;
const V5_BOOK_EVENT: &str = r#"{"line":1,"event":"book","channel":"books5","inst_id":"LTC-USDT","ts_ns":1700000000123000000,"seq":12,"asks":[["81.50","2.0",3],["81.6","7",1]],"bids":[["81.4","0.25",2]],"flags":[]}"#;
const V3_TRADE: &str = r#"{"table":"swap/trade","data":[{"side":"sell","trade_id":"77","price":"81.40","size":"5","instrument_id":"LTC-USD-SWAP","timestamp":"2020-02-29T12:00:00.007Z"}]}"#;
const V3_TRADE_EVENT: &str = r#""event":"trade","channel":"trade","inst_id":"LTC-USD-SWAP","ts_ns":1582977600007000000,"seq":null,"trade_id":"77","side":"sell","px":"81.40","sz":"5","count":1,"market":"swap","replayed":false,"missed":0}"#;
const PONG_EVENT: &str =
    r#""event":"control","kind":"pong","code":null,"message":null,"channel":null,"inst_id":null}"#;

#[test]
fn every_event_of_v5_is_one_exact_line() {
    let input = [
        V5_BOOK,
        r#"{"arg":{"channel":"bbo-tbt","instId":"LTC-USDT"},"data":[{"asks":[],"bids":[["81.4","1","0","1"]],"ts":"1700000000124"}]}"#,
        r#"{"arg":{"channel":"trades","instId":"LTC-USDT"},"data":[{"instId":"LTC-USDT","tradeId":"9","px":"81.5","sz":"1","side":"buy","ts":"1700000000125","count":"4","source":"0","seqId":13},{"instId":"LTC-USDT","tradeId":"10","px":"81.6","sz":"2","side":"buy","ts":"1700000000125"}]}"#,
        r#"{"id":"a1","event":"subscribe","arg":{"channel":"books5","instId":"LTC-USDT"},"connId":"0a1b2c3d"}"#,
        r#"{"event":"unsubscribe","arg":{"channel":"books5","instId":"LTC-USDT"}}"#,
        r#"{"event":"error","msg":"Wrong \"op\" in\n\\request₿","code":"60012","connId":"0a1b2c3d"}"#,
        r#"{"event":"login","code":"0","msg":"","connId":"0a1b2c3d"}"#,
        r#"{"event":"notice","code":"64008","msg":"Going down.","connId":"0a1b2c3d"}"#,
        "pong",
        r#"{"arg":{"channel":"greeks","instId":"LTC-USDT"},"data":[{}]}"#,
        "{}",
        r#"{"arg":{"channel":"books","instId":"LTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["81.4","0","0","0"]],"ts":"1700000000126","checksum":0,"seqId":15,"prevSeqId":14}]}"#,
        r#"{"arg":{"channel":"trades","instId":"LTC-USDT"},"data":[]}"#,
    ]
    .join("\n");
    let expected = [
        V5_BOOK_EVENT,
        r#"{"line":2,"event":"book","channel":"bbo-tbt","inst_id":"LTC-USDT","ts_ns":1700000000124000000,"seq":null,"asks":[],"bids":[["81.4","1",1]],"flags":[]}"#,
        r#"{"line":3,"event":"trade","channel":"trades","inst_id":"LTC-USDT","ts_ns":1700000000125000000,"seq":13,"trade_id":"9","side":"buy","px":"81.5","sz":"1","count":4,"source":0,"replayed":false,"missed":0}"#,
        r#"{"line":3,"event":"trade","channel":"trades","inst_id":"LTC-USDT","ts_ns":1700000000125000000,"seq":null,"trade_id":"10","side":"buy","px":"81.6","sz":"2","count":1,"source":0,"replayed":false,"missed":0}"#,
        r#"{"line":4,"event":"control","kind":"subscribe","code":null,"message":null,"channel":"books5","inst_id":"LTC-USDT"}"#,
        r#"{"line":5,"event":"control","kind":"unsubscribe","code":null,"message":null,"channel":"books5","inst_id":"LTC-USDT"}"#,
        r#"{"line":6,"event":"control","kind":"error","code":60012,"message":"Wrong \"op\" in\n\\request₿","channel":null,"inst_id":null}"#,
        r#"{"line":7,"event":"control","kind":"login","code":0,"message":"","channel":null,"inst_id":null}"#,
        r#"{"line":8,"event":"control","kind":"notice","code":64008,"message":"Going down.","channel":null,"inst_id":null}"#,
        &format!("{{\"line\":9,{PONG_EVENT}"),
        r#"{"line":10,"event":"skipped","channel":"greeks"}"#,
        r#"{"line":11,"event":"skipped","channel":null}"#,
        r#"{"line":12,"event":"depth","channel":"books","action":"update","inst_id":"LTC-USDT","ts_ns":1700000000126000000,"seq":15,"checksum":"none","sequence":"none","bid_levels":0,"ask_levels":0,"asks":[],"bids":[],"state":"no_snapshot","fault":"no_snapshot","flags":[]}"#,
    ];
    check_v5(input.as_bytes(), 0, &expected);
}

#[test]
fn every_event_of_v3_is_one_exact_line() {
    let input = [
        r#"{"table":"futures/depth5","data":[{"asks":[[4100.10,3,0,2]],"bids":[["4100.0","12","0","4"]],"instrument_id":"LTC-USD-200327","timestamp":"2020-02-29T12:00:00.007Z"}]}"#,
        V3_TRADE,
        r#"{"event":"subscribe","channel":"spot/depth5:LTC-USDT"}"#,
        r#"{"event":"error","message":"Channel spot/x:LTC-USDT doesn't exist","errorCode":30040}"#,
        r#"{"event":"login","success":true}"#,
        r#"{"table":"spot/all_summary","data":[{"instrument_id":"LTC-USDT"}]}"#,
        r#"{"table":"spot/depth_l2_tbt","action":"partial","data":[{"instrument_id":"LTC-USDT","asks":[],"bids":[],"timestamp":"2020-02-29T12:00:00.007Z","checksum":0}]}"#,
    ]
    .join("\n");
    let expected = [
        r#"{"line":1,"event":"book","channel":"depth5","inst_id":"LTC-USD-200327","ts_ns":1582977600007000000,"seq":null,"asks":[["4100.10","3",2]],"bids":[["4100.0","12",4]],"market":"futures","flags":[]}"#,
        &format!("{{\"line\":2,{V3_TRADE_EVENT}"),
        r#"{"line":3,"event":"control","kind":"subscribe","code":null,"message":null,"channel":"depth5","inst_id":"LTC-USDT","market":"spot"}"#,
        r#"{"line":4,"event":"control","kind":"error","code":30040,"message":"Channel spot/x:LTC-USDT doesn't exist","channel":null,"inst_id":null}"#,
        r#"{"line":5,"event":"control","kind":"login","code":null,"message":null,"channel":null,"inst_id":null}"#,
        r#"{"line":6,"event":"skipped","channel":"all_summary"}"#,
        r#"{"line":7,"event":"depth","channel":"depth_l2_tbt","action":"snapshot","inst_id":"LTC-USDT","ts_ns":1582977600007000000,"seq":null,"checksum":"ok","sequence":"none","bid_levels":0,"ask_levels":0,"asks":[],"bids":[],"state":"live","market":"spot","flags":[]}"#,
    ];
    check_v3(input.as_bytes(), 0, &expected);
}

/// The base64 of the raw DEFLATE of a text, as a v3 session file holds it.
fn packed(text: &str) -> String {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    BASE64.encode(encoder.finish().unwrap())
}

/// A line with the time of receipt that its input had, in hundredths of a second.
fn received(line: String, hundredths: u32) -> String {
    line.replace('}', &format!(",\"ts_recv_ns\":1582977600{hundredths}0000000}}"))
}

#[test]
fn session_files_hold_text_and_base64() {
    let trade = packed(V3_TRADE);
    let input = [
        format!("1582977600.25\t{trade}\n"),
        format!("1582977600.26\t{}\r\n", packed("pong")),
        "1582977600.27\tpong\n".to_owned(),
        format!("\t{V3_TRADE}\n"),
        "1582977600.28 no tab\n".to_owned(),
        "\n".to_owned(),
        format!("1582977600.29\t{}!{}\n", &trade[..8], &trade[9..]),
        format!("1582977600.30\t{}\n", &trade[..trade.len() / 8 * 4]),
        "1582977600.31\tAAA\n".to_owned(),
        format!("1582977600.32\t{trade}"),
    ]
    .concat();
    let expected = [
        &received(format!("{{\"line\":1,{V3_TRADE_EVENT}"), 25),
        &received(format!("{{\"line\":2,{PONG_EVENT}"), 26),
        &received(format!("{{\"line\":3,{PONG_EVENT}"), 27),
        &format!("{{\"line\":4,{V3_TRADE_EVENT}").replace("false", "true"),
        r#"{"line":5,"event":"malformed","kind":"tsv","offset":0}"#,
        r#"{"line":6,"event":"malformed","kind":"tsv","offset":0}"#,
        &received(r#"{"line":7,"event":"malformed","kind":"base64","offset":8}"#.to_owned(), 29),
        &received(r#"{"line":8,"event":"malformed","kind":"deflate","offset":0}"#.to_owned(), 30),
        &received(r#"{"line":9,"event":"malformed","kind":"base64","offset":0}"#.to_owned(), 31),
        &received(format!("{{\"line\":10,{V3_TRADE_EVENT}").replace("false", "true"), 32),
    ];
    check(&["--dialect", "v3", "--form", "tsv", "-"], input.as_bytes(), 1, &expected);

    let binary = r#"{"line":1,"event":"malformed","kind":"unexpected_binary","offset":0}"#;
    let input = format!("0\t{trade}\n");
    check(&["--dialect", "v5", "--form", "tsv", "-"], input.as_bytes(), 1, &[binary]);
}

#[test]
fn a_bad_frame_affects_no_other() {
    let mut input = V5_BOOK.as_bytes().to_vec();
    input.extend_from_slice(b"\n{\"event\":\"error\",\"msg\":\"\xff\xfe\",\"code\":\"1\"}\n");
    input.extend_from_slice(b"{\"arg\":{\"channel\":\"books5\",\"instId\":\"X\"}}\n\0\npong\n");
    let output = run(&["decode", "--dialect", "v5", "-"], &input);
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0], V5_BOOK_EVENT);
    assert!(lines[1].starts_with(r#"{"line":2,"event":"malformed","kind":"json","offset":"#));
    assert_eq!(
        lines[2],
        r#"{"line":3,"event":"malformed","kind":"missing_field","offset":0,"channel":"books5","inst_id":"X"}"#
    );
    assert!(lines[3].starts_with(r#"{"line":4,"event":"malformed","kind":"json","offset":"#));
    assert_eq!(lines[4], format!("{{\"line\":5,{PONG_EVENT}"));
    assert_eq!(output.status.code(), Some(1));
    let summary = "5 frames: 1 book, 0 trade, 0 depth, 1 control, 0 skipped, 3 malformed\n";
    assert_eq!(text(&output.stderr), summary);
}

#[test]
fn line_ends_and_empty_lines() {
    let pong = |line: u32| format!("{{\"line\":{line},{PONG_EVENT}");
    check_v5(b"", 0, &[]);
    check_v5(b"\n\r\n\n", 0, &[]);
    check_v5(b"pong\r\npong\npong", 0, &[&pong(1), &pong(2), &pong(3)]);
    check_v5(b"pong\n\n\r\n", 0, &[&pong(1)]);
    let empty =
        |line: u32| format!(r#"{{"line":{line},"event":"malformed","kind":"json","offset":0}}"#);
    check_v5(b"\npong\n\n\npong\n", 1, &[&empty(1), &pong(2), &empty(3), &empty(4), &pong(5)]);
}

/// Lines at the limits of a frame and of a compressed body, and past them.
#[test]
fn frames_over_the_limit_are_malformed_in_either_format() {
    let message = |len: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(len - 8));
    let skipped = r#"{"line":1,"event":"skipped","channel":null}"#;
    let too_large = r#"{"line":1,"event":"malformed","kind":"frame_too_large","offset":1048576}"#;
    check_v5(message(1 << 20).as_bytes(), 0, &[skipped]);
    check_v5(message((1 << 20) + 1).as_bytes(), 1, &[too_large]);
    check_v5(message(3 << 20).as_bytes(), 1, &[too_large]);
    let base64 = |len: usize| format!("1582977600.25\t{}\n", BASE64.encode(vec![0; len]));
    let deflate = r#"{"line":1,"event":"malformed","kind":"deflate","offset":0}"#;
    let deflate = received(deflate.to_owned(), 25);
    let tsv = ["--dialect", "v3", "--form", "tsv", "-"];
    let long_body = r#"{"line":1,"event":"malformed","kind":"frame_too_large","offset":32768}"#;
    let long_body = received(long_body.to_owned(), 25);
    check(&tsv, base64(32 << 10).as_bytes(), 1, &[&deflate]);
    check(&tsv, base64((32 << 10) + 1).as_bytes(), 1, &[&long_body]);
    check(&tsv, base64(1 << 20).as_bytes(), 1, &[&long_body]);
    check(&tsv, base64(2 << 20).as_bytes(), 1, &[&received(too_large.to_owned(), 25)]);
}

/// Starts `decode` and gives its input and its lines.
fn start(args: &[&str]) -> (Child, std::process::ChildStdin, BufReader<std::process::ChildStdout>) {
    let mut child = program(args).spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdin, stdout)
}

fn next_line(stdout: &mut impl BufRead) -> String {
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[test]
fn a_live_source_is_answered_at_once_and_memory_stays_flat() {
    let (mut child, mut stdin, mut stdout) = start(&["decode", "--dialect", "v5", "-"]);
    // The answer comes while the input is still open.
    writeln!(stdin, "{V5_BOOK}").unwrap();
    assert_eq!(next_line(&mut stdout), V5_BOOK_EVENT);

    let chunk = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        stdin.write_all(&chunk).unwrap();
    }
    stdin.write_all(b"\npong\n").unwrap();
    let too_large = r#"{"line":2,"event":"malformed","kind":"frame_too_large","offset":1048576}"#;
    assert_eq!(next_line(&mut stdout), too_large);
    assert_eq!(next_line(&mut stdout), format!("{{\"line\":3,{PONG_EVENT}"));

    match fs::read_to_string(format!("/proc/{}/status", child.id())) {
        Ok(status) => {
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            let peak_kb: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(peak_kb < 32 << 10, "{peak_kb} kB for a line of 64 MiB");
        }
        Err(_) => println!("skipped: no /proc to read the peak memory from"),
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let (mut child, mut stdin, mut stdout) = start(&["decode", "--dialect", "v5", "-"]);
    writeln!(stdin, "{V5_BOOK}").unwrap();
    assert_eq!(next_line(&mut stdout), V5_BOOK_EVENT);
    drop(stdout);
    // It ends by itself, long before this input does.
    while stdin.write_all(b"pong\nmalformed\n").is_ok() {}
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn files_are_read_by_the_format_of_their_name() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("decode");
    fs::create_dir_all(&folder).unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let jsonl = file("a.jsonl", V5_BOOK);
    let tsv = file("a.tsv", &format!("0\t{V5_BOOK}\n"));
    let other = file("a.txt", V5_BOOK);
    check(&["--dialect", "v5", &jsonl], b"", 0, &[V5_BOOK_EVENT]);
    check(&["--dialect", "v5", &tsv], b"", 0, &[V5_BOOK_EVENT]);
    // Others by their first line, or by what was asked for.
    check(&["--dialect", "v5", &other], b"", 0, &[V5_BOOK_EVENT]);
    check(&["--dialect", "v5", "--format", "jsonl", &other], b"", 0, &[V5_BOOK_EVENT]);

    let fails = |path: &str, says: &[&str]| {
        let output = run(&["decode", "--dialect", "v5", path], b"");
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(2), ""), "{said}");
        for part in says {
            assert!(said.contains(part), "{part:?} in {said:?}");
        }
    };
    fails(&file("b.txt", "no form\n"), &["b.txt", "add --form jsonl, tsv, tardis or collector"]);
    fails(folder.join("none.jsonl").to_str().unwrap(), &["none.jsonl", "check the path"]);
    fails(folder.to_str().unwrap(), &["is a directory", "give one file"]);
    #[cfg(target_os = "linux")]
    {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = program(&["decode", "--dialect", "v5", &jsonl]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains("can't write to standard output"));
    }
}

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_0() {
    for args in [
        &["no-such-command"][..],
        &["decode", "--dialect", "v5"],
        &["decode", "-"],
        &["decode", "--dialect", "v4", "-"],
        &["decode", "--dialect", "v5", "--format", "xml", "-"],
        &["decode", "--dialect", "v5", "a.jsonl", "b.jsonl"],
    ] {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    for (args, part) in [
        (&["--version"][..], env!("CARGO_PKG_VERSION")),
        (&["--help"], "decode"),
        (&["decode", "--help"], "Exit code"),
    ] {
        let output = run(args, b"");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        assert!(text(&output.stdout).contains(part), "{args:?}");
    }
    let output = run(&["-v", "decode", "--dialect", "v5", "-"], b"pong\n");
    assert!(text(&output.stderr).contains("decoding"));
}

/// Real traffic, if it is available: every frame of every file is decoded, and every checksum of
/// the exchange matches, except in files that were cut or rewritten.
#[test]
#[cfg_attr(not(okx_feed_captures), ignore = "no recorded traffic: set OKX_FEED_CAPTURES")]
fn captured_frames_decode_and_their_checksums_match() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("OKX_FEED_CAPTURES").map_or(beside, PathBuf::from);
    let [right, wrong_where_altered] = check_folder(&folder);
    println!("{right} checksums right; {wrong_where_altered} wrong in altered files");
    assert!(right > 0 && wrong_where_altered > 0);
}

#[test]
fn frames_of_the_embedded_exchange_decode_and_their_checksums_match() {
    let [right, wrong] =
        check_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data"));
    assert!(right > 150 && wrong == 0, "{right}");
}

/// Decodes every file of a folder; returns the number of checksums that match, and of those that
/// do not in altered files.
fn check_folder(folder: &Path) -> [usize; 2] {
    let (mut right, mut wrong_where_altered) = (0, 0);
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let dialect = ["v3", "v5"].into_iter().find(|dialect| name.contains(dialect));
        let Some(dialect) = dialect else { continue };
        let args = ["decode", "--dialect", dialect, path.to_str().unwrap()];
        let output = run(&args, b"");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
        let frames = format!("{} frames: ", text(&fs::read(&path).unwrap()).lines().count());
        assert!(said.starts_with(&frames), "{name}: {said}");
        let events = text(&output.stdout);
        let wrong = events.matches(r#""checksum":"mismatch""#).count();
        if name.contains("trimmed") || name.contains("reformatted") {
            wrong_where_altered += wrong;
        } else {
            right += events.matches(r#""checksum":"ok""#).count();
            let gaps = events.matches(r#""sequence":"gap""#).count();
            assert_eq!((wrong, gaps), (0, 0), "{name}");
        }
    }
    [right, wrong_where_altered]
}

#[test]
fn sbe_is_decoded_with_the_ids_of_a_file_of_instruments() {
    let folder = std::env::temp_dir();
    let instruments = folder.join(format!("okx-feed-instruments-{}.json", std::process::id()));
    let instruments = instruments.to_str().unwrap();
    let answer =
        r#"{"code":"0","msg":"","data":[{"instType":"SPOT","instId":"BTC-USDT","instIdCode":3}]}"#;
    fs::write(instruments, answer).unwrap();
    // The frame that the exchange sent on 2025-11-21.
    let captured = "KgDpAwEAAAADAAAAAAAAAAAsTI4TRAYA8zBMjhNEBgB34PQmDwAAAHHg9CYPAAAA//gUAAMANBgNAAAAAAC5VykDAAAAAAIAAABMGA0AAAAAAMJDgwEAAAAAAQAAACUaDQAAAAAAAAAAAAAAAAAAAAAAFAAAAAAAAAAAAAAAAAA=";
    let line = format!("1763700642.7\t{captured}\n");
    let args = ["--dialect", "sbe", "--instruments", instruments, "--form", "tsv", "-"];
    let event = r#"{"line":1,"event":"depth","channel":"books-l2-tbt","action":"update","inst_id":"BTC-USDT","ts_ns":1763700642688000000,"seq":65078091895,"checksum":"none","sequence":"none","bid_levels":0,"ask_levels":0,"asks":[],"bids":[],"state":"no_snapshot","fault":"no_snapshot","flags":[],"ts_recv_ns":1763700642700000000}"#;
    check(&args, line.as_bytes(), 0, &[event]);
    let cut = format!("1763700642.7\t{}\n", &captured[..120]);
    let malformed = r#"{"line":1,"event":"malformed","kind":"truncated","offset":50,"channel":"books-l2-tbt","inst_id":"BTC-USDT","ts_recv_ns":1763700642700000000}"#;
    check(&args, cut.as_bytes(), 1, &[malformed]);
    // Asked as JSON, the frames' encoding is named.
    let output = run(&["decode", "--dialect", "v5", "--form", "tsv", "-"], line.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("add --dialect sbe"), "{}", text(&output.stderr));
    fs::write(instruments, r#"{"data":[]}"#).unwrap();
    let output = run(&[&["decode"], &args[..]].concat(), line.as_bytes());
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("instIdCode"), "{}", text(&output.stderr));
    fs::remove_file(instruments).unwrap();
}
