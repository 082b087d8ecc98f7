//! The sides of a book and their levels, without SIMD.

use super::cursor::Cursor;
use super::digits;
use crate::model::{Decimal, Level, Qty};

/// Reads a side, `[[…],[…]]` or `[]`: the number of levels, of which there may be as many as
/// places.
#[inline(never)]
pub(super) fn side(cursor: &mut Cursor<'_>, places: &mut [Level]) -> Option<usize> {
    // A copy, so that the cursor lives in registers.
    let mut at = *cursor;
    let len = levels(&mut at, places, |mut cursor, place| {
        let last = level(&mut cursor, place)?;
        Some((cursor, last))
    })?;
    *cursor = at;
    Some(len)
}

/// Reads a side level by level: the number of levels. `level` reads one and the comma or bracket
/// behind it, and gives the cursor behind that and whether it was the last.
#[inline(always)]
pub(super) fn levels<'t>(
    cursor: &mut Cursor<'t>,
    places: &mut [Level],
    level: impl Fn(Cursor<'t>, &mut Level) -> Option<(Cursor<'t>, bool)>,
) -> Option<usize> {
    cursor.expect(b"[")?;
    if cursor.accept(b"]") {
        return Some(0);
    }
    for (len, place) in (1..).zip(places) {
        let (behind, last) = level(*cursor, place)?;
        *cursor = behind;
        if last {
            return Some(len);
        }
    }
    None
}

/// As [`side`], of levels of four elements, the third of which is the part of the size that is not
/// of RPI orders.
pub(super) fn side_with_non_rpi(
    cursor: &mut Cursor<'_>,
    places: &mut [Level],
    sizes: &mut [Qty],
) -> Option<usize> {
    cursor.expect(b"[")?;
    if cursor.accept(b"]") {
        return Some(0);
    }
    for (len, (place, non_rpi)) in (1..).zip(places.iter_mut().zip(sizes)) {
        cursor.expect(b"[")?;
        let (px, sz) = (element_and_comma(cursor)?, element_and_comma(cursor)?);
        *non_rpi = element_and_comma(cursor)?;
        let orders = element(cursor)?;
        *place = Level::new(px, sz, count(orders)?);
        cursor.expect(b"]")?;
        match cursor.byte()? {
            b',' => {}
            b']' => return Some(len),
            _ => return None,
        }
    }
    None
}

#[inline(always)]
fn element_and_comma(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    let element = element(cursor)?;
    cursor.expect(b",")?;
    Some(element)
}

/// Reads a level in any form, 3 or 4 elements, each a string or a number, and what follows: true
/// for the bracket that ends the side, false for a comma.
///
/// Source: v3 spot `["3779.2966","0.01006451",1]` (2018), `["80.25","8.814507","3"]` (2020), v3
/// swap `["3810.7","3",0,2]` (2018), v3 futures `[3690.06,1,0,1]` (2018), v5
/// `["8476.98","415","0","13"]`.
#[inline(always)]
pub(super) fn level(cursor: &mut Cursor<'_>, place: &mut Level) -> Option<bool> {
    cursor.expect(b"[")?;
    let px = element(cursor)?;
    cursor.expect(b",")?;
    let sz = element(cursor)?;
    cursor.expect(b",")?;
    // The retired count of liquidation orders, almost always this.
    let orders = if cursor.accept(b"\"0\",") {
        let orders = element(cursor)?;
        cursor.expect(b"]")?;
        orders
    } else {
        third_and_orders(cursor)?
    };
    *place = Level::new(px, sz, count(orders)?);
    match cursor.byte()? {
        b',' => Some(false),
        b']' => Some(true),
        _ => None,
    }
}

#[inline(always)]
fn third_and_orders(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    let third = element(cursor)?;
    match cursor.byte()? {
        b']' => Some(third),
        b',' => {
            let orders = element(cursor)?;
            cursor.expect(b"]")?;
            Some(orders)
        }
        _ => None,
    }
}

/// Reads a decimal with or without quotes. What is a decimal here is a number to JSON as well.
#[inline(always)]
fn element(cursor: &mut Cursor<'_>) -> Option<Decimal> {
    let quoted = cursor.accept(b"\"");
    let number = digits::decimal(cursor)?;
    if quoted {
        cursor.expect(b"\"")?;
    }
    Some(number)
}

#[inline(always)]
fn count(number: Decimal) -> Option<u32> {
    if number.scale() == 0 { u32::try_from(number.mantissa()).ok() } else { None }
}
