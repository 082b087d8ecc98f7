//! What the messages of order books have in common in both dialects.

use super::cursor::Cursor;
use super::engine::Engine;
use super::level;
use super::text::PaddedText;
use crate::wire::scratch::Scratch;

/// Reads both sides, `"asks":[…],"bids":[…]`, of a text that may be read in place.
#[inline(always)]
pub(super) fn sides<'t, E: Engine>(
    engine: E,
    text: Option<PaddedText<'t>>,
    cursor: &mut Cursor<'t>,
    scratch: &mut Scratch,
) -> Option<()> {
    cursor.expect(b"\"asks\":")?;
    scratch.asks.fill(|places| engine.depth_side(cursor, places))?;
    cursor.expect(b",\"bids\":")?;
    if let Some(text) = text {
        text.to_end_if_near(cursor);
    }
    scratch.bids.fill(|places| engine.depth_side(cursor, places))
}

/// Reads both sides of a channel whose levels say what of their size is not of RPI orders.
#[cold]
#[inline(never)]
pub(super) fn sides_with_non_rpi<'t>(
    mut cursor: Cursor<'t>,
    scratch: &mut Scratch,
) -> Option<Cursor<'t>> {
    cursor.expect(b"\"asks\":")?;
    let at = &mut cursor;
    scratch.asks.fill_with_non_rpi(|places, sizes| level::side_with_non_rpi(at, places, sizes))?;
    cursor.expect(b",\"bids\":")?;
    let at = &mut cursor;
    scratch.bids.fill_with_non_rpi(|places, sizes| level::side_with_non_rpi(at, places, sizes))?;
    Some(cursor)
}

/// Reads a checksum.
#[inline(always)]
pub(super) fn checksum<E: Engine>(engine: E, cursor: &mut Cursor<'_>) -> Option<i32> {
    signed(engine, cursor).and_then(|number| i32::try_from(number).ok())
}

/// Reads digits without a needless leading zero, and a sign where the number is negative. There is
/// no branch on the sign, since nothing predicts that of a checksum.
#[inline(always)]
pub(super) fn signed<E: Engine>(engine: E, cursor: &mut Cursor<'_>) -> Option<i64> {
    let negative = *cursor.rest().first()? == b'-';
    cursor.advance(usize::from(negative))?;
    let number = engine.integer(cursor)?.cast_signed();
    // The general parser refuses a negative zero.
    if negative & (number == 0) {
        return None;
    }
    let sign = i64::from(negative);
    Some((number ^ -sign) + sign)
}

/// Keeps the value of a field; `None` where the message has that field twice.
#[inline(always)]
pub(super) fn keep<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}
