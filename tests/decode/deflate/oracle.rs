//! The oracle: zlib (zlib-rs) defines the content of a frame, and both code paths must agree.

use flate2::{Decompress, FlushDecompress, Status};

use crate::deflate::{
    Inflated, MAX_INPUT, MAX_OUTPUT, OUTPUT_SPACE, Refusal, SmallInflate, Unsupported,
};

/// Bytes behind the output space that must not change.
const CANARY: usize = 64;

/// The results so far.
#[derive(Debug, Default)]
pub struct Tally {
    pub cases: u64,
    pub inflated: u64,
    pub invalid: u64,
    pub unsupported: u64,
    pub output_full: u64,
    /// Cases where libdeflate's result is not zlib's.
    pub libdeflate_differs: u64,
}

/// Both code paths, compared with zlib and libdeflate.
pub struct Oracle {
    decoders: [SmallInflate; 2],
    outputs: [Vec<u8>; 2],
    zlib: Decompress,
    /// `None` under Miri, which runs no C.
    libdeflate: Option<libdeflater::Decompressor>,
    truth: Vec<u8>,
    second: Vec<u8>,
    pub tally: Tally,
}

impl Oracle {
    pub fn new() -> Self {
        let space = vec![0xa5; OUTPUT_SPACE + CANARY];
        Self {
            decoders: [SmallInflate::new(), SmallInflate::portable()],
            outputs: [space.clone(), space],
            zlib: Decompress::new(false),
            libdeflate: (!cfg!(miri)).then(libdeflater::Decompressor::new),
            truth: vec![0; 1 << 17],
            second: vec![0; 1 << 17],
            tally: Tally::default(),
        }
    }

    /// Inflates `frame` by every path and compares; returns our result.
    pub fn check(&mut self, frame: &[u8]) -> Result<Inflated, Refusal> {
        self.zlib.reset(false);
        let status = self.zlib.decompress(frame, &mut self.truth, FlushDecompress::Finish);
        let truth = matches!(status, Ok(Status::StreamEnd)).then(|| {
            (&self.truth[..self.zlib.total_out() as usize], self.zlib.total_in() as usize)
        });
        if let Some(libdeflate) = &mut self.libdeflate {
            let second = libdeflate.deflate_decompress(frame, &mut self.second).ok();
            let second = second.map(|len| &self.second[..len]);
            self.tally.libdeflate_differs += u64::from(second != truth.map(|(bytes, _)| bytes));
        }

        let [wide, portable] = &mut self.decoders;
        let [output, other] = &mut self.outputs;
        let result = wide.inflate(frame, output);
        assert_eq!(result, portable.inflate(frame, other), "code paths differ: {frame:02x?}");
        self.tally.cases += 1;
        match result {
            Ok(inflated) => {
                let (bytes, consumed) = truth.unwrap_or_else(|| panic!("invalid: {frame:02x?}"));
                assert!(output[..inflated.written] == *bytes, "bytes of {frame:02x?}");
                assert!(other[..inflated.written] == *bytes, "portable bytes of {frame:02x?}");
                assert_eq!(inflated.written, bytes.len());
                assert_eq!(inflated.consumed, consumed, "consumed of {frame:02x?}");
                self.tally.inflated += 1;
            }
            Err(Refusal::Invalid(why)) => {
                assert!(truth.is_none(), "zlib accepts {frame:02x?}, we say {why:?}");
                self.tally.invalid += 1;
            }
            Err(Refusal::OutputFull) => {
                assert!(truth.is_none_or(|(bytes, _)| bytes.len() > MAX_OUTPUT), "{frame:02x?}");
                self.tally.output_full += 1;
            }
            Err(Refusal::Unsupported(why)) => {
                let sound = match why {
                    Unsupported::InputTooLong => frame.len() > MAX_INPUT,
                    Unsupported::SeveralBlocks => frame[0] & 1 == 0,
                    Unsupported::StoredBlock => frame[0] & 7 == 1,
                    Unsupported::OutputSpaceTooShort => false,
                };
                assert!(sound, "{why:?} for {frame:02x?}");
                self.tally.unsupported += 1;
            }
        }
        assert!(output[OUTPUT_SPACE..].iter().all(|&byte| byte == 0xa5), "canary");
        assert!(other[OUTPUT_SPACE..].iter().all(|&byte| byte == 0xa5), "canary");
        result
    }
}
