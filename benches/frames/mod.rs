//! The frames and the contenders of the inflate benches.

#[path = "captures.rs"]
mod captures;

use std::collections::BTreeMap;
use std::fmt::Write;

use flate2::{Decompress, FlushDecompress};
use okx_feed::internals::SmallInflate;

/// Frames end to end in memory, as a receive buffer has them, and their texts.
#[derive(Default)]
pub struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    texts: Vec<Vec<u8>>,
}

impl Frames {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.bytes[start..end])
    }

    fn push(&mut self, frame: &[u8], text: Vec<u8>) {
        self.bytes.extend_from_slice(frame);
        self.ends.push(self.bytes.len());
        self.texts.push(text);
    }

    /// Asserts that `inflate` gives the text of every frame.
    pub fn check(&self, inflate: &mut Inflate, output: &mut [u8]) {
        for (frame, text) in self.iter().zip(&self.texts) {
            let len = inflate(frame, output);
            assert_eq!(&output[..len], text);
        }
    }

    /// Returns the mean length of the frames and of their texts, in bytes.
    #[allow(dead_code, reason = "one of the two users prints it")]
    pub fn mean_lengths(&self) -> (usize, usize) {
        let text: usize = self.texts.iter().map(Vec::len).sum();
        (self.bytes.len() / self.len(), text / self.len())
    }
}

/// One way to inflate a frame.
pub struct Contender {
    pub name: &'static str,
    pub inflate: Box<Inflate>,
}

/// Inflates a frame to the start of a slice and returns the length of the text.
pub type Inflate = dyn FnMut(&[u8], &mut [u8]) -> usize;

/// Returns all ways to inflate a frame, libdeflate first.
pub fn contenders() -> Vec<Contender> {
    let mut libdeflate = libdeflater::Decompressor::new();
    let mut zlib = Decompress::new(false);
    let mut wide = SmallInflate::new();
    let mut portable = SmallInflate::portable();
    vec![
        Contender {
            name: "libdeflate",
            inflate: Box::new(move |frame, output| {
                libdeflate.deflate_decompress(frame, output).unwrap()
            }),
        },
        Contender {
            name: "zlib-rs",
            inflate: Box::new(move |frame, output| {
                zlib.reset(false);
                zlib.decompress(frame, output, FlushDecompress::Finish).unwrap();
                zlib.total_out() as usize
            }),
        },
        Contender {
            name: if wide.is_wide() { "ours-avx2" } else { "ours-no-avx2" },
            inflate: Box::new(move |frame, output| wide.inflate(frame, output).unwrap().written),
        },
        Contender {
            name: "ours-portable",
            inflate: Box::new(move |frame, output| {
                portable.inflate(frame, output).unwrap().written
            }),
        },
    ]
}

/// Returns the frames that the small decoder takes on, by kind of message.
pub fn frames_by_kind() -> BTreeMap<&'static str, Frames> {
    let mut small = SmallInflate::new();
    let mut libdeflate = libdeflater::Decompressor::new();
    let mut output = vec![0; 1 << 16];
    let mut kinds = BTreeMap::<_, Frames>::new();
    for frame in recorded().unwrap_or_else(generated) {
        if small.inflate(&frame, &mut output).is_ok() {
            let len = libdeflate.deflate_decompress(&frame, &mut output).unwrap();
            let text = output[..len].to_vec();
            kinds.entry(kind(&text)).or_default().push(&frame, text);
        }
    }
    kinds
}

/// Names the kind of a message.
fn kind(text: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(text);
    match () {
        () if !text.contains("\"table\"") => "reply",
        () if text.contains("/trade\"") => "trade",
        () if text.contains("/ticker\"") => "ticker",
        () if text.contains("\"partial\"") => "snapshot",
        () => "update",
    }
}

/// Returns the recorded v3 frames, if the machine has any.
fn recorded() -> Option<Vec<Vec<u8>>> {
    let frames: Vec<_> = captures::connections("v3").into_iter().map(|(bytes, _)| bytes).collect();
    (!frames.is_empty()).then_some(frames)
}

/// Returns generated depth updates.
fn generated() -> Vec<Vec<u8>> {
    let mut compressor = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
    let mut seed = 1u64;
    let mut random = |end: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % end
    };
    let mut frame = |_| {
        let mut text = String::from(
            "{\"table\":\"futures/depth_l2_tbt\",\"action\":\"update\",\"data\":[{\"asks\":[",
        );
        let (price, size, orders) = (random(20_000) + 50_000, random(5000), random(30));
        write!(text, "[\"{price}.{}\",\"{size}\",\"0\",\"{orders}\"]],\"bids\":[]", random(10))
            .unwrap();
        write!(
            text,
            ",\"instrument_id\":\"BTC-USD-210625\",\"timestamp\":\
             \"2021-04-17T16:{:02}:{:02}.{:03}Z\",\"checksum\":{}}}]}}",
            random(60),
            random(60),
            random(1000),
            random(1 << 31)
        )
        .unwrap();
        let mut frame = vec![0; 2048];
        let len = compressor.deflate_compress(text.as_bytes(), &mut frame).unwrap();
        frame.truncate(len);
        frame
    };
    (0..4000).map(&mut frame).collect()
}
