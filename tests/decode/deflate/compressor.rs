//! zlib's compressor with every knob, through its C interface.

use core::mem::{MaybeUninit, size_of};

use libz_rs_sys::{
    Z_DEFLATED, Z_FINISH, Z_STREAM_END, deflate, deflateEnd, deflateInit2_, z_stream, zlibVersion,
};

/// Default, filtered, Huffman only, run length, fixed codes.
pub const STRATEGIES: [i32; 5] = [0, 1, 2, 3, 4];

/// How to compress.
#[derive(Clone, Copy, Debug)]
pub struct Knobs {
    pub level: i32,
    pub strategy: i32,
    /// Logarithm of the window, 9 to 15.
    pub window: i32,
    /// 1 to 9.
    pub memory: i32,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { level: 6, strategy: 0, window: 15, memory: 8 }
    }
}

/// Compresses `text` to one raw DEFLATE stream.
#[expect(unsafe_code, reason = "only the C interface of zlib has all the knobs")]
pub fn compress(text: &[u8], knobs: Knobs) -> Vec<u8> {
    let mut frame = vec![0; text.len() * 2 + 1024];
    let mut stream = MaybeUninit::<z_stream>::zeroed();
    // SAFETY: the stream is zeroed, as the interface asks, before `deflateInit2_` sets it up;
    // its pointers cover `text` and `frame`, which outlive it; its size is the real one.
    unsafe {
        let stream = stream.as_mut_ptr();
        let size = i32::try_from(size_of::<z_stream>()).unwrap();
        let Knobs { level, strategy, window, memory } = knobs;
        let code = deflateInit2_(
            stream,
            level,
            Z_DEFLATED,
            -window,
            memory,
            strategy,
            zlibVersion(),
            size,
        );
        assert_eq!(code, 0, "{knobs:?}");
        (*stream).next_in = text.as_ptr().cast_mut();
        (*stream).avail_in = u32::try_from(text.len()).unwrap();
        (*stream).next_out = frame.as_mut_ptr();
        (*stream).avail_out = u32::try_from(frame.len()).unwrap();
        assert_eq!(deflate(stream, Z_FINISH), Z_STREAM_END, "{knobs:?}");
        let len = frame.len() - (*stream).avail_out as usize;
        deflateEnd(stream);
        frame.truncate(len);
    }
    frame
}
