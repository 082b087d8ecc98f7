//! The levels of a side, by the general parser.

use super::error::{DecodeError, DecodeErrorKind as Kind};
use super::json::Value;
use super::unread::{OptionalField, UnreadCounts};
use crate::model::{Decimal, Level, Qty};

/// A value that the message can do without; one that can't be read is counted.
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

/// How the numbers of levels are to be read.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// Only as their text can be given back: a checksum is over it.
    pub(super) as_text: bool,
    /// Whether a level whose price and size are zero is none.
    pub(super) drop_zeros: bool,
    /// Whether the third element is the part of the size that is not of RPI orders.
    pub(super) has_non_rpi: bool,
}

impl Numbers {
    /// By value, in whichever way they are written.
    pub(super) const BY_VALUE: Self =
        Self { as_text: false, drop_zeros: false, has_non_rpi: false };

    fn read(self, value: Value<'_, '_, '_>) -> Result<Decimal, DecodeError> {
        if self.as_text { value.decimal_text() } else { value.decimal() }
    }
}

/// Reads the levels of a side in the order of the text. `null` is a side without levels.
///
/// # Errors
/// Where a level is malformed, or `push` says that the side is full.
pub(super) fn read_side(
    side: Value<'_, '_, '_>,
    numbers: Numbers,
    unread: &mut UnreadCounts,
    mut push: impl FnMut(Level, Qty) -> bool,
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

/// One level: `[px, sz, orders]` or `[px, sz, third, orders]`, each a string or a JSON number, and
/// whatever may follow. Gives its third element where that is wanted, else zero. `None` for what only
/// holds the place of a level: it has neither price nor size.
///
/// The third of four was a count of liquidation orders.
fn read_level(
    level: Value<'_, '_, '_>,
    numbers: Numbers,
    unread: &mut UnreadCounts,
) -> Result<Option<(Level, Qty)>, DecodeError> {
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
    Ok(Some((level, non_rpi.unwrap_or(Decimal::ZERO))))
}

/// Whether an element is not there, `null` or an empty string.
fn is_blank(element: Option<Value<'_, '_, '_>>) -> bool {
    element.is_none_or(|element| element.is_null() || element.str() == Ok(""))
}

fn is_zero(element: Option<Value<'_, '_, '_>>) -> bool {
    let number = element.and_then(|element| element.decimal().ok());
    number.is_some_and(Decimal::is_zero)
}
