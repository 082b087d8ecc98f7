//! `okx-feed export`, the real program: the files it makes, and what it refuses.
//!
//! Strangers' readers look at the same files in `tests/readers`.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use flate2::read::MultiGzDecoder;

/// Three trades and the books of two channels, around midnight in UTC.
const CAPTURE: &str = concat!(
    "1796083199.5\t",
    r#"{"arg":{"channel":"trades","instId":"LTC-USDT-SWAP"},"data":[{"instId":"LTC-USDT-SWAP","tradeId":"7","px":"81.50","sz":"2.0","side":"buy","ts":"1796083199123","count":"1"}]}"#,
    "\n1796083199.6\t",
    r#"{"arg":{"channel":"books","instId":"LTC-USDT-SWAP"},"action":"snapshot","data":[{"asks":[["81.6","5","0","1"]],"bids":[["81.4","3","0","2"]],"ts":"1796083199200","checksum":0,"seqId":10,"prevSeqId":-1}]}"#,
    "\n1796083199.7\t",
    r#"{"arg":{"channel":"books","instId":"LTC-USDT-SWAP"},"action":"update","data":[{"asks":[["81.6","0","0","0"],["81.7","4","0","1"]],"bids":[],"ts":"1796083199300","checksum":0,"seqId":12,"prevSeqId":10}]}"#,
    "\n1796083199.8\t",
    r#"{"arg":{"channel":"bbo-tbt","instId":"LTC-USDT-SWAP"},"data":[{"asks":[["81.7","4","0","1"]],"bids":[],"ts":"1796083199400","seqId":12}]}"#,
    "\n1796083200.1\t",
    r#"{"arg":{"channel":"trades","instId":"LTC-USDT-SWAP"},"data":[{"instId":"LTC-USDT-SWAP","tradeId":"8","px":"81.7","sz":"1","side":"sell","ts":"1796083199990","count":"1"}]}"#,
    "\n",
);

/// A folder of a test, with the capture in it.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("export-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("capture.tsv"), CAPTURE).unwrap();
    folder
}

fn export(folder: &Path, format: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
    command.args(["export", "--dialect", "v5", "--format", format, "--out", "out", "capture.tsv"]);
    command.args(more).current_dir(folder).env_remove("RUST_LOG").output().unwrap()
}

fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn csv_files_have_exact_columns_and_a_day_each() {
    let folder = folder("tardis");
    let output = export(&folder, "tardis", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |table: &str, day: &str| {
        gunzip(&folder.join(format!("out/okex-swap/{table}/{day}/LTC-USDT-SWAP.csv.gz")))
    };
    let head = "exchange,symbol,timestamp,local_timestamp";
    let row = "okex-swap,LTC-USDT-SWAP";
    assert_eq!(
        read("trades", "2026/11/30"),
        format!(
            "{head},id,side,price,amount\n\
             {row},1796083199123000,1796083199500000,7,buy,81.50,2.0\n"
        )
    );
    assert_eq!(
        read("trades", "2026/12/01"),
        format!(
            "{head},id,side,price,amount\n\
             {row},1796083199990000,1796083200100000,8,sell,81.7,1\n"
        )
    );
    assert_eq!(
        read("incremental_book_L2", "2026/11/30"),
        format!(
            "{head},is_snapshot,side,price,amount\n\
             {row},1796083199200000,1796083199600000,true,ask,81.6,5\n\
             {row},1796083199200000,1796083199600000,true,bid,81.4,3\n\
             {row},1796083199300000,1796083199700000,false,ask,81.6,0\n\
             {row},1796083199300000,1796083199700000,false,ask,81.7,4\n"
        )
    );
    assert_eq!(
        read("book_ticker", "2026/11/30"),
        format!(
            "{head},ask_amount,ask_price,bid_price,bid_amount\n\
             {row},1796083199400000,1796083199800000,4,81.7,,\n"
        )
    );
    let snapshots = read("book_snapshot_25", "2026/11/30");
    let rows: Vec<&str> = snapshots.lines().collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[0].ends_with("asks[24].price,asks[24].amount,bids[24].price,bids[24].amount"));
    assert!(
        rows[2].starts_with(&format!("{row},1796083199300000,1796083199700000,81.7,4,81.4,3,,"))
    );
    assert!(rows.iter().all(|row| row.split(',').count() == 104));
}

#[test]
fn an_event_array_has_both_clocks() {
    let folder = folder("hftbacktest");
    let output = export(&folder, "hftbacktest", &["--channel", "books:LTC-USDT-SWAP"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(folder.join("out/LTC-USDT-SWAP_20261130.npy")).unwrap();
    let rows: Vec<[u64; 5]> = bytes[bytes.len() % 64..]
        .rchunks(64)
        .rev()
        .skip_while(|row| row[..6] == *b"\x93NUMPY" || row.is_ascii())
        .map(|row| {
            std::array::from_fn(|at| {
                u64::from_le_bytes(row[8 * at..8 * at + 8].try_into().unwrap())
            })
        })
        .collect();
    let (exch, local) = (1_796_083_199_200_000_000, 1_796_083_199_600_000_000);
    let of = |ev: u64, after: u64, px: f64, qty: f64| {
        [ev, exch + after, local + after, px.to_bits(), qty.to_bits()]
    };
    let (bid, ask, later) = (0xE000_0000, 0xD000_0000, 100_000_000);
    assert_eq!(
        rows,
        [
            of(bid | 3, 0, 81.4, 0.0),
            of(bid | 4, 0, 81.4, 3.0),
            of(ask | 3, 0, 81.6, 0.0),
            of(ask | 4, 0, 81.6, 5.0),
            of(ask | 1, later, 81.6, 0.0),
            of(ask | 1, later, 81.7, 4.0),
        ]
    );
}

#[test]
fn parquet_files_are_partitioned_and_never_overwritten() {
    let folder = folder("parquet");
    for (numbers, code) in [("decimal", 0), ("text", 2)] {
        let output = export(&folder, "parquet", &["--numbers", numbers]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert_eq!(said.contains("exists already; choose another folder"), code == 2, "{said}");
    }
    let of = |channel: &str, date: &str| {
        let inst = format!("out/exchange=okx/channel={channel}/inst_id=LTC-USDT-SWAP");
        fs::read(folder.join(format!("{inst}/date={date}/part-0.parquet"))).unwrap()
    };
    for (channel, date) in [
        ("trades", "2026-11-30"),
        ("trades", "2026-12-01"),
        ("books", "2026-11-30"),
        ("bbo-tbt", "2026-11-30"),
    ] {
        let bytes = of(channel, date);
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"), "{channel} {date}");
    }
}

#[test]
fn a_damaged_line_costs_an_exit_code_and_nothing_else() {
    let folder = folder("damaged");
    fs::write(folder.join("capture.tsv"), format!("{CAPTURE}1796083200.2\t{{\"arg\":\n")).unwrap();
    let output = export(&folder, "tardis", &["--from", "2026-12-01T00:00:00Z"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!folder.join("out/okex-swap/incremental_book_L2").exists());
    assert!(folder.join("out/okex-swap/trades/2026/12/01/LTC-USDT-SWAP.csv.gz").exists());
}

#[test]
fn a_channel_that_is_not_in_the_files_is_named() {
    let folder = folder("channel");
    let channels = ["--channel", "trades:NOPE-USDT", "--channel", "trades:LTC-USDT-SWAP"];
    let output = export(&folder, "tardis", &channels);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("okx-feed export: nothing of trades:NOPE-USDT was found"), "{said}");
    assert!(!said.contains("nothing of trades:LTC-USDT-SWAP"), "{said}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_okx-feed"));
    command.args(["replay", "--dialect", "v5", "--quiet", "capture.tsv"]).args(channels);
    let output = command.current_dir(&folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("okx-feed replay: nothing of trades:NOPE-USDT was found"), "{said}");
}

#[test]
fn messages_before_a_snapshot_are_counted() {
    let folder = folder("snapshot");
    let lines: Vec<&str> = CAPTURE.lines().filter(|line| !line.contains("snapshot")).collect();
    fs::write(folder.join("capture.tsv"), lines.join("\n") + "\n").unwrap();
    for format in ["tardis", "parquet", "hftbacktest"] {
        let _ = fs::remove_dir_all(folder.join("out"));
        let output = export(&folder, format, &["--channel", "books:LTC-USDT-SWAP"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{said}");
        let part = "1 message of books:LTC-USDT-SWAP before a snapshot left out";
        assert!(said.contains(part), "{format}: {said}");
    }
}

/// An order book without a snapshot is none: the book of an event array comes from another channel.
#[test]
fn a_book_without_a_snapshot_does_not_hide_another_channel() {
    let folder = folder("no-snapshot");
    let lines: Vec<&str> = CAPTURE.lines().filter(|line| !line.contains("snapshot")).collect();
    fs::write(folder.join("capture.tsv"), lines.join("\n") + "\n").unwrap();
    let output = export(&folder, "hftbacktest", &["--channel", "bbo-tbt:LTC-USDT-SWAP"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let alone = fs::read(folder.join("out/LTC-USDT-SWAP_20261130.npy")).unwrap();
    fs::remove_dir_all(folder.join("out")).unwrap();
    let channels = ["--channel", "bbo-tbt:LTC-USDT-SWAP", "--channel", "books:LTC-USDT-SWAP"];
    let output = export(&folder, "hftbacktest", &channels);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read(folder.join("out/LTC-USDT-SWAP_20261130.npy")).unwrap(), alone);
}

/// Records of a swap and of its index, each a second after the one before; one repeats.
const RECORDS: [(&str, &str); 8] = [
    ("index-tickers", r#"{"instId":"LTC-USDT","idxPx":"81.45","ts":"1796083199000"}"#),
    (
        "tickers",
        r#"{"instType":"SWAP","instId":"LTC-USDT-SWAP","last":"81.50","ts":"1796083199100"}"#,
    ),
    (
        "mark-price",
        r#"{"instType":"SWAP","instId":"LTC-USDT-SWAP","markPx":"81.47","ts":"1796083199200"}"#,
    ),
    (
        "mark-price",
        r#"{"instType":"SWAP","instId":"LTC-USDT-SWAP","markPx":"81.47","ts":"1796083199300"}"#,
    ),
    (
        "open-interest",
        r#"{"instType":"SWAP","instId":"LTC-USDT-SWAP","oi":"1200","oiCcy":"120","ts":"1796083199400"}"#,
    ),
    (
        "funding-rate",
        r#"{"instType":"SWAP","instId":"LTC-USDT-SWAP","fundingRate":"0.00010","nextFundingRate":"","fundingTime":"1796112000000","ts":"1796083199500"}"#,
    ),
    ("index-tickers", r#"{"instId":"LTC-USDT","idxPx":"81.46","ts":"1796083199600"}"#),
    ("tickers", r#"{"instType":"SPOT","instId":"LTC-USDT","last":"81.50","ts":"1796083199700"}"#),
];

#[test]
fn the_ticker_of_a_derivative_has_the_last_of_five_channels() {
    let folder = folder("derivative");
    let mut capture = String::new();
    for (n, (channel, data)) in RECORDS.iter().enumerate() {
        let id = data.split('"').skip_while(|word| *word != "instId").nth(2).unwrap();
        capture.push_str(&format!(
            "179608320{n}\t{{\"arg\":{{\"channel\":\"{channel}\",\"instId\":\"{id}\"}},\"data\":[{data}]}}\n"
        ));
    }
    fs::write(folder.join("capture.tsv"), capture).unwrap();
    let output = export(&folder, "tardis", &[]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("1 message of tickers:LTC-USDT left out"), "{said}");
    let file = folder.join("out/okex-swap/derivative_ticker/2026/12/01/LTC-USDT-SWAP.csv.gz");
    let row = "okex-swap,LTC-USDT-SWAP";
    let at = |event: u32, recv: u32| format!("{row},179608319{event}000,179608320{recv}000000");
    assert_eq!(
        gunzip(&file),
        format!(
            "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,\
             predicted_funding_rate,open_interest,last_price,index_price,mark_price\n\
             {},,,,,81.50,81.45,\n\
             {},,,,,81.50,81.45,81.47\n\
             {},,,,1200,81.50,81.45,81.47\n\
             {},1796112000000000,0.00010,,1200,81.50,81.45,81.47\n\
             {},1796112000000000,0.00010,,1200,81.50,81.46,81.47\n",
            at(9_100, 1),
            at(9_200, 2),
            at(9_400, 4),
            at(9_500, 5),
            at(9_600, 6)
        )
    );
    // A format that has no place for them says so.
    let _ = fs::remove_dir_all(folder.join("out"));
    let said = export(&folder, "parquet", &[]);
    let said = String::from_utf8_lossy(&said.stderr);
    assert!(said.contains("2 messages of mark-price:LTC-USDT-SWAP left out"), "{said}");
}

#[test]
fn sizes_are_times_the_contract_value_where_that_is_asked_for() {
    let folder = folder("contracts");
    let row = r#"{"inst_id":"LTC-USDT-SWAP","contract_value":"0.1","contract_multiplier":"10"}"#;
    fs::write(folder.join("swaps.jsonl"), row.replace("10", "0.5")).unwrap();
    fs::write(folder.join("others.jsonl"), row.replace("LTC", "BTC")).unwrap();
    fs::write(folder.join("none.jsonl"), "{}").unwrap();
    let with = |file: &str| {
        let _ = fs::remove_dir_all(folder.join("out"));
        let output = export(&folder, "tardis", &["--contract-values", file]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(with("swaps.jsonl").0, Some(0));
    let read = |table: &str| {
        let file = format!("out/okex-swap/{table}/2026/11/30/LTC-USDT-SWAP.csv.gz");
        gunzip(&folder.join(file))
    };
    assert!(read("trades").contains(",7,buy,81.50,0.100\n"), "{}", read("trades"));
    let levels = read("incremental_book_L2");
    assert!(levels.contains(",true,ask,81.6,0.25\n") && levels.contains(",false,ask,81.7,0.20\n"));
    assert!(read("book_ticker").contains(",0.20,81.7,,\n"), "{}", read("book_ticker"));
    for (file, part) in [
        ("others.jsonl", "no contract value of LTC-USDT-SWAP is known"),
        ("none.jsonl", "it has no contract value; fetch it by okx-feed history instruments"),
        ("no-such-file", "no-such-file"),
    ] {
        let (code, said) = with(file);
        assert!(code == Some(2) && said.contains(part), "{said}");
    }
}
