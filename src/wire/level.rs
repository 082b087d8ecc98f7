//! Reads the levels of a side with the general parser.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::json::Value;
use super::unread::{OptionalField, UnreadCounts};
use crate::model::{Decimal, Level, Qty};

/// Reads an optional value. A value that cannot be read is counted and treated as absent.
pub(super) fn optional<'v, 'd, 't, T>(
    value: Option<Value<'v, 'd, 't>>,
    field: OptionalField,
    unread: &mut UnreadCounts,
    read: impl FnOnce(Value<'v, 'd, 't>) -> Option<T>,
) -> Option<T> {
    let read = read(value?);
    if read.is_none() {
        unread.count(field);
    }
    read
}

/// How to read the numbers of levels.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// Accept only texts that can be reproduced, because a checksum covers them.
    pub(super) as_text: bool,
    /// Skip levels with zero price and zero size, which are placeholders.
    pub(super) drop_zeros: bool,
    /// Read the third element as the part of the size without RPI orders.
    pub(super) has_non_rpi: bool,
}

impl Numbers {
    /// By value, in any notation.
    pub(super) const BY_VALUE: Self =
        Self { as_text: false, drop_zeros: false, has_non_rpi: false };

    fn read(self, value: Value<'_, '_, '_>) -> Result<Decimal, DecodeError> {
        if self.as_text { value.decimal_text() } else { value.decimal() }
    }
}

/// Reads the levels of a side in the order of the text. `null` is a side without levels.
///
/// # Errors
/// If a level is malformed, or `push` returns false because the side is full.
pub(super) fn read_side(
    side: Value<'_, '_, '_>,
    numbers: Numbers,
    unread: &mut UnreadCounts,
    mut push: impl FnMut(Level, Option<Qty>) -> bool,
) -> Result<(), DecodeError> {
    if side.is_null() {
        return Ok(());
    }
    for level in side.array()?.1 {
        let Some((read, non_rpi)) = read_level(level, numbers, unread)? else { continue };
        if !push(read, non_rpi) {
            return Err(level.error(Kind::TooManyLevels));
        }
    }
    Ok(())
}

/// Reads one level: `[px, sz, orders]` or `[px, sz, third, orders]`, each a string or a JSON
/// number. Further elements are ignored. Also returns the third element if it is wanted and can be
/// read. `None` for a placeholder, which has neither price nor size.
///
/// The third of four elements was a count of liquidation orders.
fn read_level(
    level: Value<'_, '_, '_>,
    numbers: Numbers,
    unread: &mut UnreadCounts,
) -> Result<Option<(Level, Option<Qty>)>, DecodeError> {
    let (len, mut elements) = level.array()?;
    let [px, sz, third, fourth] = [(); 4].map(|()| elements.next());
    if is_blank(px) && (is_blank(sz) || is_zero(sz)) {
        return Ok(None);
    }
    let (Some(px), Some(sz)) = (px, sz) else { return Err(level.error(Kind::LevelShape)) };
    let (px, sz) = (numbers.read(px)?, numbers.read(sz)?);
    if numbers.drop_zeros && px.is_zero() && sz.is_zero() {
        return Ok(None);
    }
    let orders = if len > 3 { fourth } else { third };
    let orders = optional(
        orders.filter(|orders| !orders.is_null()),
        OptionalField::Orders,
        unread,
        |orders| orders.integer().ok(),
    );
    let non_rpi = third.filter(|third| numbers.has_non_rpi && len > 3 && !third.is_null());
    let non_rpi = optional(non_rpi, OptionalField::NonRpiSize, unread, |size| size.decimal().ok());
    let level = Level::new(px, sz, orders.unwrap_or(0));
    // A deleted level has no size of any kind.
    let deleted = sz.is_zero().then_some(Decimal::ZERO);
    Ok(Some((level, non_rpi.or(deleted))))
}

/// Whether an element is missing, `null` or an empty string.
fn is_blank(element: Option<Value<'_, '_, '_>>) -> bool {
    element.is_none_or(|element| element.is_null() || element.str() == Ok(""))
}

fn is_zero(element: Option<Value<'_, '_, '_>>) -> bool {
    let number = element.and_then(|element| element.decimal().ok());
    number.is_some_and(Decimal::is_zero)
}
