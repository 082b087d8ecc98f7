//! v3's compression: raw DEFLATE, one complete stream a frame.

use flate2::{Compress, Compression, FlushCompress, Status};

/// The level that zlib takes by default, and the exchange with it.
const LEVEL: u32 = 6;

/// A compressor whose state is reused from frame to frame.
pub(crate) struct Deflate {
    stream: Compress,
}

impl Deflate {
    pub(crate) fn new() -> Self {
        // `false` leaves out the zlib header and trailer.
        Self { stream: Compress::new(Compression::new(LEVEL), false) }
    }

    /// Compresses one message into a stream of its own, with no window shared and no tail.
    pub(crate) fn frame(&mut self, text: &[u8]) -> Vec<u8> {
        self.stream.reset();
        // The worst case of DEFLATE is stored blocks: 5 bytes for every 16 KB or so.
        let mut out = Vec::with_capacity(text.len() + text.len() / 1_000 + 64);
        let end = self.stream.compress_vec(text, &mut out, FlushCompress::Finish);
        debug_assert!(matches!(end, Ok(Status::StreamEnd)));
        out
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    /// Inflates a frame that must be one complete raw stream with nothing behind it.
    fn inflate(frame: &[u8]) -> Vec<u8> {
        let mut stream = Decompress::new(false);
        let mut out = Vec::with_capacity(1 << 20);
        let status = stream.decompress_vec(frame, &mut out, FlushDecompress::Finish).unwrap();
        assert_eq!(status, Status::StreamEnd);
        assert_eq!(stream.total_in(), u64::try_from(frame.len()).unwrap());
        out
    }

    #[test]
    fn every_frame_stands_alone() {
        let mut deflate = Deflate::new();
        let long = "0123456789abcdef".repeat(4_000);
        let mut noise = 1u32;
        let random: Vec<u8> = (0..100_000)
            .map(|_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                noise.to_be_bytes()[0]
            })
            .collect();
        for text in [&b""[..], b"pong", b"pong", long.as_bytes(), &random] {
            assert_eq!(inflate(&deflate.frame(text)), text);
        }
    }

    #[test]
    fn pong_is_the_fixed_block_that_the_exchange_sent() {
        // The low three bits: last block, fixed Huffman codes.
        assert_eq!(Deflate::new().frame(b"pong").first().map(|byte| byte & 7), Some(0b011));
    }
}
