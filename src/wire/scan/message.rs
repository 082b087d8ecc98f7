//! A message of either dialect, read with one engine.

use super::engine::Engine;
use super::scanned::Target;
use super::text::PaddedText;
use super::{v3, v5};
use crate::model::{Dialect, UnixNanos};
use crate::wire::scratch::Scratch;

/// Scans with an engine's instruction set, in whose function this has to be inlined.
#[inline(always)]
pub(super) fn scan_with<'t, E: Engine>(
    engine: E,
    dialect: Dialect,
    text: PaddedText<'t>,
    ts_recv: UnixNanos,
    scratch: &mut Scratch,
    target: &mut impl Target<'t>,
) -> Option<()> {
    let mut cursor = text.cursor();
    match dialect {
        Dialect::V3 => {
            text.to_end(&mut cursor)?;
            let scanned = v3::scan(engine, &mut cursor, ts_recv, scratch)?;
            // Wherever a scan may have read padding as text, it did not stop here.
            if !text.is_read(cursor) {
                return None;
            }
            target.take(scanned, scratch);
            Some(())
        }
        Dialect::V5 => v5::scan(engine, text, cursor, ts_recv, scratch, target),
    }
}
