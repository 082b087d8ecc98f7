//! The bodies of the fuzz targets: each takes any bytes and panics over a finding.

mod alone;
mod capture;
mod decimal;
mod decode;
mod depth_book;
mod inflate;
mod sbe;
mod session;
#[cfg(all(unix, not(okx_feed_loom)))]
mod shm_reader;
#[cfg(feature = "direct")]
mod tls_records;
#[cfg(feature = "direct")]
mod ws_frames;

pub use alone::{book_alone, inflate_alone, v3_alone, v5_alone};
pub use capture::capture;
pub use decimal::decimal;
pub use decode::{decode_v3, decode_v3_text, decode_v5, scanner_vs_json};
pub use depth_book::depth_book;
pub use inflate::inflate;
pub use sbe::{codes as sbe_codes, sbe};
pub use session::session;
#[cfg(all(unix, not(okx_feed_loom)))]
pub use shm_reader::shm_reader;
#[cfg(feature = "direct")]
pub use tls_records::tls_records;
#[cfg(feature = "direct")]
pub use ws_frames::ws_frames;

/// A target: it panics on a finding.
pub type Target = fn(&[u8]);

/// The targets by their names.
pub const ALL: &[(&str, Target)] = &[
    ("decode_v3", decode_v3),
    ("decode_v3_text", decode_v3_text),
    ("decode_v5", decode_v5),
    ("inflate", inflate),
    ("decimal", decimal),
    ("scanner_vs_json", scanner_vs_json),
    ("depth_book", depth_book),
    ("sbe", sbe),
    ("session", session),
    ("v3_alone", v3_alone),
    ("v5_alone", v5_alone),
    ("inflate_alone", inflate_alone),
    ("book_alone", book_alone),
    ("capture", capture),
    #[cfg(all(unix, not(okx_feed_loom)))]
    ("shm_reader", shm_reader),
    #[cfg(feature = "direct")]
    ("ws_frames", ws_frames),
    #[cfg(feature = "direct")]
    ("tls_records", tls_records),
];
