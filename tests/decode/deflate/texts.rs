//! Texts to compress: OKX-like JSON, runs, small alphabets and noise, from a fixed seed.

use std::fmt::Write;

/// Splitmix64: small, and the same on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// Returns a depth update or a trade in the shape of the v3 dialect.
pub fn message(random: &mut Random) -> Vec<u8> {
    let mut text = String::new();
    if random.below(4) == 0 {
        write!(
            text,
            "{{\"table\":\"spot/trade\",\"data\":[{{\"side\":\"{}\",\"trade_id\":\"{}\",\"price\":\
             \"{}.{}\",\"size\":\"0.{:08}\",\"instrument_id\":\"BTC-USDT\",\"timestamp\":\
             \"2021-04-17T16:{:02}:{:02}.{:03}Z\"}}]}}",
            ["buy", "sell"][random.below(2)],
            random.below(1 << 30),
            50_000 + random.below(20_000),
            random.below(10),
            random.below(100_000_000),
            random.below(60),
            random.below(60),
            random.below(1000),
        )
        .unwrap();
        return text.into_bytes();
    }
    let levels = |random: &mut Random, text: &mut String| {
        for level in 0..random.below(9) {
            let comma = if level == 0 { "" } else { "," };
            let (price, size) = (50_000 + random.below(20_000), random.below(1 << 20));
            let orders = random.below(30);
            write!(text, "{comma}[\"{price}.{}\",\"{size}\",\"0\",\"{orders}\"]", random.below(10))
                .unwrap();
        }
    };
    text.push_str(
        "{\"table\":\"futures/depth_l2_tbt\",\"action\":\"update\",\"data\":[{\"asks\":[",
    );
    levels(random, &mut text);
    text.push_str("],\"bids\":[");
    levels(random, &mut text);
    write!(
        text,
        "],\"instrument_id\":\"BTC-USD-210625\",\"timestamp\":\"2021-04-17T16:{:02}:{:02}.{:03}Z\",\
         \"checksum\":{}}}]}}",
        random.below(60),
        random.below(60),
        random.below(1000),
        random.next() as u32 as i32,
    )
    .unwrap();
    text.into_bytes()
}

/// Returns `len` bytes of one of several characters.
pub fn text(random: &mut Random, len: usize) -> Vec<u8> {
    let kind = random.below(6);
    let alphabet = [2, 10, 40, 256][random.below(4)];
    let mut text = Vec::with_capacity(len + 2048);
    while text.len() < len {
        match kind {
            0 => text.extend(message(random)),
            1 => text.push(random.next() as u8),
            2 => text.push(b'0' + random.below(10) as u8),
            3 => {
                let byte = random.below(alphabet) as u8;
                let run = 1 + random.below(400);
                text.extend(std::iter::repeat_n(byte, run));
            }
            4 => text.push((random.below(alphabet) & random.below(alphabet)) as u8),
            _ if text.len() > 8 && random.below(3) == 0 => {
                let from = random.below(text.len() - 4);
                let until = (from + 3 + random.below(60)).min(text.len());
                text.extend_from_within(from..until);
            }
            _ => text.push(random.below(alphabet) as u8),
        }
    }
    text.truncate(len);
    text
}
