//! The small-frame inflater against zlib (zlib-rs) and libdeflate.

use flate2::{Decompress, FlushDecompress, Status};
use okx_feed::internals::{MAX_INPUT, MAX_OUTPUT, OUTPUT_SPACE, Refusal, SmallInflate};

/// The output size of the larger inflaters. A longer text is not compared.
const ROOM: usize = 1 << 16;

/// A raw DEFLATE stream: the same bytes from all three, or refused by all.
pub fn inflate(bytes: &[u8]) {
    let mut zlib = Decompress::new(false);
    let mut text = vec![0; ROOM];
    let status = zlib.decompress(bytes, &mut text, FlushDecompress::Finish);
    let count = |n: u64| usize::try_from(n).unwrap();
    let (len, read) = (count(zlib.total_out()), count(zlib.total_in()));
    let truth = matches!(status, Ok(Status::StreamEnd)).then(|| &text[..len]);
    let mut second = vec![0; ROOM];
    let libdeflate = libdeflater::Decompressor::new().deflate_decompress(bytes, &mut second);
    if let Some(truth) = truth {
        // The reverse does not hold: libdeflate accepts some codes that zlib refuses.
        assert_eq!(Ok(truth), libdeflate.as_ref().map(|len| &second[..*len]), "libdeflate");
    }
    let mut outputs = [(); 2].map(|()| vec![0xa5; OUTPUT_SPACE + 64]);
    let mut results = Vec::new();
    for (mut small, output) in
        [SmallInflate::new(), SmallInflate::portable()].into_iter().zip(&mut outputs)
    {
        results.push(small.inflate(bytes, output));
        assert!(output[OUTPUT_SPACE..].iter().all(|byte| *byte == 0xa5), "past the space");
    }
    assert_eq!(results[0], results[1], "wide and portable");
    match results[0] {
        Ok(inflated) => {
            assert_eq!(Some(&outputs[0][..inflated.written]), truth);
            assert_eq!(Some(&outputs[1][..inflated.written]), truth);
            assert_eq!(inflated.consumed, read);
        }
        Err(Refusal::Invalid(why)) => assert_eq!(truth, None, "{why:?}"),
        Err(Refusal::OutputFull) => assert!(truth.is_none_or(|text| text.len() > MAX_OUTPUT)),
        Err(Refusal::Unsupported(_)) => {
            let stored_or_several =
                bytes.first().is_some_and(|byte| byte & 1 == 0 || byte & 7 == 1);
            assert!(bytes.len() > MAX_INPUT || stored_or_several);
        }
    }
}
