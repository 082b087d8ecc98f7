//! Decodes one frame by every path of the decoder and by the reference, and compares.

use okx_feed::internals::Scanner;
use okx_feed::wire::{DecodeLimits, Decoded, InflatePath, TextPath};
use okx_feed::{DecodeErrorKind, Decoder, Dialect, Frame};

use super::json::{self, NUMBER_KEY};
use super::observed::{self, Seen};
use super::reference;

/// The results of the frames so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub frames: u64,
    pub taken: u64,
    pub scanned: u64,
    /// Bodies that libdeflate accepts and zlib refuses.
    pub lenient: u64,
}

/// Decoders of one dialect. They are reused, so that state left by one frame would show in the
/// next.
pub struct Checker {
    dialect: Dialect,
    /// With the fast path, with the fast path without AVX-512, with that without SIMD, and without
    /// it.
    decoders: [Decoder; 4],
    libdeflate: libdeflater::Decompressor,
    pub tally: Tally,
}

impl Checker {
    pub fn new(dialect: Dialect) -> Self {
        let mut decoders = [(); 4].map(|()| Decoder::new(dialect));
        decoders[1].set_scanner(Some(Scanner::without_avx512()));
        decoders[2].set_portable();
        decoders[3].set_scanner(None);
        let libdeflate = libdeflater::Decompressor::new();
        Self { dialect, decoders, libdeflate, tally: Tally::default() }
    }

    /// The decoder as users have it.
    pub fn decoder(&mut self) -> &mut Decoder {
        &mut self.decoders[0]
    }

    /// Decodes `frame` by every path. Panics if the paths differ from each other or from the
    /// reference. Returns the events, `None` for a refusal.
    pub fn check(&mut self, frame: Frame<'_>) -> Option<Vec<Seen>> {
        let [fast, avx2, portable, general] =
            self.decoders.each_mut().map(|decoder| observed::decode(decoder, frame));
        let shown = || self.shown(frame);
        assert_eq!(fast, avx2, "AVX-512 and AVX2 differ over {}", shown());
        assert_eq!(fast, portable, "AVX2 and portable differ over {}", shown());
        let events = |result: &Result<(Vec<Seen>, Decoded), _>| match result {
            Ok((events, _)) => Ok(events.clone()),
            Err(error) => Err(*error),
        };
        assert_eq!(events(&fast), events(&general), "scanner and parser differ over {}", shown());
        if let Frame::Text(text) = frame {
            self.check_syntax(text, fast.as_ref().err().map(|error| error.kind));
        }
        let taken = events(&fast).ok();
        let expected = reference::read(self.dialect, frame).or_else(|| match &fast {
            Ok((_, decoded)) if decoded.inflated == Some(InflatePath::General) => {
                self.lenient(frame)
            }
            _ => None,
        });
        if !confuses_serde(frame) {
            assert_eq!(taken, expected, "decoder and reference differ over {}", self.shown(frame));
        }
        self.tally.frames += 1;
        self.tally.taken += u64::from(taken.is_some());
        self.tally.scanned +=
            u64::from(matches!(&fast, Ok((_, decoded)) if decoded.parsed == TextPath::Scanned));
        taken
    }

    /// A frame is refused as invalid JSON exactly if serde_json refuses it.
    fn check_syntax(&self, text: &[u8], refused: Option<DecodeErrorKind>) {
        if reference::word(text).is_some() || text.len() > DecodeLimits::MAX_FRAME_LEN {
            return;
        }
        let is_json = json::read(text, reference::MAX_DEPTH).is_some();
        let refused = refused == Some(DecodeErrorKind::Json);
        assert_ne!(is_json, refused, "whether this is JSON: {}", self.shown(Frame::Text(text)));
    }

    /// The meaning of a body that zlib refuses and libdeflate accepts.
    ///
    /// libdeflate accepts some codes that zlib does not: codes without an end of block, and symbols
    /// that do not exist but are not used. Its text is accepted as the frame's. The crate's own
    /// inflater, for small frames, is as strict as zlib.
    fn lenient(&mut self, frame: Frame<'_>) -> Option<Vec<Seen>> {
        let Frame::Binary(body) = frame else { return None };
        if self.dialect == Dialect::V5 || reference::inflate(body).is_some() {
            return None;
        }
        let mut text = vec![0; DecodeLimits::MAX_INFLATED_LEN];
        let len = self.libdeflate.deflate_decompress(body, &mut text).ok()?;
        self.tally.lenient += 1;
        reference::read(self.dialect, Frame::Text(&text[..len]))
    }

    fn shown(&self, frame: Frame<'_>) -> String {
        match frame {
            Frame::Text(text) => format!("{} text {}", self.dialect, text.escape_ascii()),
            Frame::Binary(body) => {
                let text = reference::inflate(body).unwrap_or_default();
                format!("{} body {body:02x?} {}", self.dialect, text.escape_ascii())
            }
        }
    }
}

/// Whether a text has serde_json's own word for a number as a key.
fn confuses_serde(frame: Frame<'_>) -> bool {
    let holds = |text: &[u8]| text.windows(NUMBER_KEY.len()).any(|w| w == NUMBER_KEY.as_bytes());
    match frame {
        Frame::Text(text) => holds(text),
        Frame::Binary(body) => reference::inflate(body).is_some_and(|text| holds(&text)),
    }
}

/// A text as v3's wire carries it. `level` is libdeflate's, 0 to 12.
pub fn deflated(text: &[u8], level: i32) -> Vec<u8> {
    let level = libdeflater::CompressionLvl::new(level).unwrap();
    let mut compressor = libdeflater::Compressor::new(level);
    let mut body = vec![0; compressor.deflate_compress_bound(text.len())];
    let len = compressor.deflate_compress(text, &mut body).unwrap();
    body.truncate(len);
    body
}
