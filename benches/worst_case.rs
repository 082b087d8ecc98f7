//! The worst cost of a byte: inputs that are slow by design, each compared with an ordinary
//! message.
//!
//! `cargo bench --no-default-features --bench worst_case` prints nanoseconds a byte (the best of
//! several rounds), its ratio to the ordinary cost, and its ratio to the scanner's cost. The
//! ordinary cost is that of an ordinary message in the general parser, since the scanner leaves all
//! of these inputs to the general parser. The bench fails if a ratio to the ordinary cost exceeds a
//! bound.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench reads a clock and prints"
)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use okx_feed::wire::DecodeLimits;
use okx_feed::{Decoder, Dialect, Event, Frame, UnixNanos};

/// How often the ordinary cost of a byte an input may cost.
const BOUND: f64 = 4.0;

/// A body of empty blocks is all tables and no text: its bytes cost more than any text's, but there
/// may be few of them. Its time may be this often the ordinary one of the longest text.
const BODY_BOUND: f64 = 4.0;

/// How long each input is decoded again and again; the best time counts.
const SPAN: Duration = Duration::from_millis(300);
const ROUNDS: u32 = 20;

fn main() {
    let ordinary = snapshot(400);
    let ordinary = Frame::Text(ordinary.as_bytes());
    let usual = per_byte(&mut general(Dialect::V5), ordinary);
    let scanned = per_byte(&mut Decoder::new(Dialect::V5), ordinary);
    println!("{:<44} {:>9} {:>9} {:>13}", "text", "ns/byte", "times", "of a scanned");
    let mut worst = 0.0_f64;
    for (what, text) in texts() {
        let cost = per_byte(&mut Decoder::new(Dialect::V3), Frame::Text(text.as_bytes()));
        worst = worst.max(cost / usual / BOUND);
        println!("{what:<44} {cost:>9.2} {:>9.2} {:>13.1}", cost / usual, cost / scanned);
    }
    let what = "a snapshot of 400 levels (ordinary)";
    println!("{what:<44} {usual:>9.2} {:>9.2} {:>13.1}", 1.0, usual / scanned);
    println!("{:<44} {scanned:>9.2} {:>9.2} {:>13.1}", "the same, scanned", scanned / usual, 1.0);
    let longest = usual * DecodeLimits::MAX_INFLATED_LEN as f64;
    println!("\n{:<44} {:>9} {:>9}", "body", "ns/byte", "of longest");
    for (what, body) in bodies() {
        let cost = per_byte(&mut Decoder::new(Dialect::V3), Frame::Binary(&body));
        let share = cost * body.len() as f64 / longest;
        worst = worst.max(share / BODY_BOUND);
        println!("{what:<44} {cost:>9.2} {share:>9.2}");
    }
    println!("the worst is at {:.0} % of its bound", worst * 100.0);
    assert!(worst <= 1.0, "a byte can cost more than its bound");
}

/// A decoder that leaves every text to the general parser.
fn general(dialect: Dialect) -> Decoder {
    let mut decoder = Decoder::new(dialect);
    decoder.set_scanner(None);
    decoder
}

/// Nanoseconds a byte of the frame.
fn per_byte(decoder: &mut Decoder, frame: Frame<'_>) -> f64 {
    let (mut best, start) = (Duration::MAX, Instant::now());
    for round in 0.. {
        if round >= ROUNDS && start.elapsed() >= SPAN {
            break;
        }
        let before = Instant::now();
        let decoded = decoder.decode(frame, UnixNanos(1), &mut |event: &Event<'_>| {
            std::hint::black_box(event);
        });
        best = best.min(before.elapsed());
        let _ = std::hint::black_box(decoded);
    }
    best.as_nanos() as f64 / frame.len() as f64
}

fn snapshot(levels: usize) -> String {
    let side = |from: usize, up: bool| {
        let level = |n: usize| {
            let px = if up { from + n } else { from - n };
            format!(r#"["{}.{}","0.{:05}","0","{}"]"#, px / 10, px % 10, n * 37 + 1, n % 9 + 1)
        };
        (0..levels).map(level).collect::<Vec<_>>().join(",")
    };
    let (asks, bids) = (side(400_001, true), side(400_000, false));
    format!(
        r#"{{"arg":{{"channel":"books","instId":"BTC-USDT"}},"action":"snapshot","data":[{{"asks":[{asks}],"bids":[{bids}],"ts":"1652671418483","checksum":-5,"seqId":5,"prevSeqId":-1}}]}}"#
    )
}

/// A message with an ignored member as long as a frame may be.
fn unread(part: &str) -> String {
    let (head, tail) = (r#"{"event":"x","unread":["#, "0]}");
    let room = DecodeLimits::MAX_FRAME_LEN - head.len() - tail.len();
    format!("{head}{}{tail}", part.repeat(room / part.len()))
}

fn texts() -> Vec<(&'static str, String)> {
    let deep = format!(
        "{}{},",
        "[".repeat(DecodeLimits::MAX_JSON_DEPTH - 2),
        "]".repeat(DecodeLimits::MAX_JSON_DEPTH - 2)
    );
    let objects = format!("{}1{},", "{\"a\":".repeat(100), "}".repeat(100));
    let digits = |count: usize| format!("{},", "7".repeat(count));
    let half = format!("1.{}1,", "0".repeat(700));
    vec![
        ("deepest nesting of arrays", unread(&deep)),
        ("deep nesting of objects", unread(&objects)),
        ("empty arrays", unread("[],")),
        ("numbers of one digit", unread("1,")),
        ("numbers of 19 digits", unread(&digits(19))),
        ("numbers of 300 digits", unread(&digits(300))),
        ("fractions of 700 digits", unread(&half)),
        ("numbers between two doubles", unread("9007199254740993.0000000000000001,")),
        ("small exponents", unread("2.2250738585072011e-308,")),
        ("one number of a million digits", unread(&"3".repeat(DecodeLimits::MAX_FRAME_LEN - 100))),
        ("escapes", unread("\"\\u0061\\ud83d\\ude00\",")),
        ("quotes", unread("\"\",")),
        ("white space", unread("   1,\n")),
        ("most items, members backwards", items("")),
        ("most items behind a long unread part", items(&unread_member())),
        ("most levels, in numbers", levels()),
        ("cut off at the end", unread("[1,2],").replace("0]}", "")),
    ]
}

fn unread_member() -> String {
    format!(r#""unread":[{}0],"#, "1,".repeat(400_000))
}

/// The most items, with numbers in an order that is not the one in which they are read.
fn items(before: &str) -> String {
    let mut items = String::new();
    for n in 0..DecodeLimits::MAX_ITEMS {
        let comma = if n == 0 { "" } else { "," };
        write!(
            items,
            r#"{comma}{{"trade_id":{n},"qty":{n},"price":1,"side":"buy","instrument_id":"X","timestamp":"2021-04-25T08:24:33.352Z"}}"#
        )
        .unwrap();
    }
    format!(r#"{{{before}"table":"futures/trade","data":[{items}]}}"#)
}

fn levels() -> String {
    let side = vec!["[1,2,3]"; 1024].join(",");
    format!(
        r#"{{"table":"spot/depth","action":"update","data":[{{"timestamp":"2021-04-25T08:24:33.352Z","checksum":5,"bids":[{side}],"asks":[{side}],"instrument_id":"X"}}]}}"#
    )
}

/// Bodies that are slow to inflate, each as long as a body may be or inflating to the longest text.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty dynamic blocks", filled(empty_dynamic)),
        ("empty fixed blocks", filled(empty_fixed)),
        ("empty stored blocks", filled(empty_stored)),
        // Each kind drives the other's tables out.
        (
            "empty dynamic and fixed blocks by turns",
            filled(|bits| {
                empty_dynamic(bits);
                empty_fixed(bits);
            }),
        ),
        ("short blocks with codes of 15 bits", filled(|bits| long_codes(bits, 1))),
        ("long blocks with codes of 15 bits", filled(|bits| long_codes(bits, 10_000))),
        ("the longest text, of numbers of one digit", deflated(&unread("1,"))),
        ("the longest text, of white space", deflated(&unread(" "))),
    ]
}

fn deflated(text: &str) -> Vec<u8> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::new(9).unwrap());
    let mut body = vec![0; compressor.deflate_compress_bound(text.len())];
    let len = compressor.deflate_compress(text.as_bytes(), &mut body).unwrap();
    body.truncate(len);
    body
}

/// As many blocks as fit. None is the last one, so that the body is refused, once all were read.
fn filled(block: impl Fn(&mut Bits)) -> Vec<u8> {
    let mut bits = Bits::default();
    let mut whole = 0;
    loop {
        block(&mut bits);
        if bits.bytes.len() > DecodeLimits::MAX_BODY_LEN - 2 {
            bits.bytes.truncate(whole);
            return bits.bytes;
        }
        whole = bits.bytes.len();
    }
}

/// A DEFLATE stream in the making: bits from the low end of each byte up.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    /// The low `count` bits of a number, the lowest first; codes are put bit by bit.
    fn put(&mut self, number: u32, count: u32) {
        for bit in 0..count {
            if self.used == 0 {
                self.bytes.push(0);
            }
            *self.bytes.last_mut().unwrap() |= u8::from(number >> bit & 1 == 1) << self.used;
            self.used = (self.used + 1) % 8;
        }
    }
}

fn empty_fixed(bits: &mut Bits) {
    bits.put(0b010, 3);
    bits.put(0, 7);
}

fn empty_stored(bits: &mut Bits) {
    bits.put(0, 3);
    bits.used = 0;
    bits.bytes.extend([0, 0, 255, 255]);
}

/// The head of a dynamic block of 257 literals and one distance, up to the lengths of the codes for
/// code lengths, which `length` gives.
fn dynamic_head(bits: &mut Bits, length: impl Fn(u8) -> u32) {
    const ORDER: [u8; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
    bits.put(0b100, 3);
    bits.put(0, 10);
    let announced = ORDER.iter().rposition(|symbol| length(*symbol) > 0).unwrap() + 1;
    bits.put(u32::try_from(announced).unwrap() - 4, 4);
    ORDER.iter().take(announced).for_each(|symbol| bits.put(length(*symbol), 3));
}

/// One code for the end of the block and one for a distance, in as few bits as there can be.
fn empty_dynamic(bits: &mut Bits) {
    dynamic_head(bits, |symbol| u32::from(symbol == 1 || symbol == 18));
    // The code of 1 is 0, that of 18, a run of 11 zeros and more, is 1.
    for zeros in [138, 118] {
        bits.put(1, 1);
        bits.put(zeros - 11, 7);
    }
    bits.put(0, 2);
    bits.put(0, 1);
}

/// Codes of 1 to 15 bits, and `count` literals of the longest.
fn long_codes(bits: &mut Bits, count: u32) {
    dynamic_head(bits, |symbol| match symbol {
        0 | 18 => 5,
        16 | 17 => 0,
        _ => 4,
    });
    let length = |bits: &mut Bits, length: u32| bits.put((length - 1).reverse_bits() >> 28, 4);
    (1..=15).for_each(|n| length(bits, n));
    for zeros in [138, 103] {
        bits.put(0b11111, 5);
        bits.put(zeros - 11, 7);
    }
    length(bits, 15);
    length(bits, 1);
    (0..count).for_each(|_| bits.put(0x3fff, 15));
    bits.put(0x7fff, 15);
}
