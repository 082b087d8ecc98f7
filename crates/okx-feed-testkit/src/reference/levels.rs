//! The levels of a side, and the flags of a book.

use crate::big::{self, Big};
use crate::json::Json;
use crate::observed::Flags;

/// The way in which the numbers of levels are read.
#[derive(Clone, Copy)]
pub(super) struct Numbers {
    /// Their text is needed for a checksum.
    pub(super) as_text: bool,
    /// A level of zero price and zero size is none.
    pub(super) drop_zeros: bool,
}

/// A number as its text if the text can be kept, else by its value.
pub(super) fn decimal(value: &Json, as_text: bool) -> Option<String> {
    let text = value.number()?;
    match Big::decimal(text) {
        Ok(_) => Some(text.to_owned()),
        Err(_) if as_text => None,
        Err(_) => Big::value(text).ok(),
    }
}

/// Price, size, orders and third element of the levels; the third is empty if it cannot be read.
pub(super) fn levels(side: &Json, numbers: Numbers, most: usize) -> Option<Vec<[String; 4]>> {
    if *side == Json::Null {
        return Some(vec![]);
    }
    let mut levels = Vec::new();
    for level in side.list()? {
        levels.extend(self::level(level.list()?, numbers)?);
    }
    (levels.len() <= most).then_some(levels)
}

/// A level; the inner `None` for a placeholder.
fn level(level: &[Json], numbers: Numbers) -> Option<Option<[String; 4]>> {
    let is_blank = |at: usize| {
        let blank = |element: &Json| *element == Json::Null || element.text() == Some("");
        level.get(at).is_none_or(blank)
    };
    let is_zero = |text: &str| Big::value(text).is_ok_and(|value| value == "0");
    let zero_sz = level.get(1).and_then(Json::number).is_some_and(is_zero);
    if is_blank(0) && (is_blank(1) || zero_sz) {
        return Some(None);
    }
    let px = decimal(level.first()?, numbers.as_text)?;
    let sz = decimal(level.get(1)?, numbers.as_text)?;
    if numbers.drop_zeros && is_zero(&px) && is_zero(&sz) {
        return Some(None);
    }
    let orders = if level.len() > 3 { level.get(3) } else { level.get(2) };
    let orders = orders.and_then(Json::number);
    let orders = orders.and_then(|text| big::integer(text, "0", "4294967295"));
    let third = level.get(2).filter(|_| level.len() > 3);
    let third = third.and_then(|third| decimal(third, false));
    let or_zero = |text: Option<String>| text.unwrap_or_else(|| "0".to_owned());
    // A deleted level has no size of any kind.
    let third = if is_zero(&sz) { or_zero(third) } else { third.unwrap_or_default() };
    Some(Some([px, sz, or_zero(orders), third]))
}

pub(super) fn strip(levels: &[[String; 4]]) -> Vec<[String; 3]> {
    let strip = |[px, sz, orders, _]: &[String; 4]| [px.clone(), sz.clone(), orders.clone()];
    levels.iter().map(strip).collect()
}

/// The five best levels of a side, and whether each is worse than the five best before it.
pub(super) fn five_best(levels: &[[String; 3]], up: bool) -> (Vec<[String; 3]>, bool) {
    let compare = |a: &[String; 3], b: &[String; 3]| {
        let order = Big::parse(&a[0]).unwrap().compare(&Big::parse(&b[0]).unwrap());
        if up { order } else { order.reverse() }
    };
    let best = |levels: &[[String; 3]]| {
        let mut best = levels.to_vec();
        best.sort_by(compare);
        best.truncate(5);
        best
    };
    let in_order = |at: usize| {
        best(&levels[..at]).last().is_none_or(|worst| compare(worst, &levels[at]).is_lt())
    };
    (best(levels), (0..levels.len()).all(in_order))
}

pub(super) fn flags(asks: &[[String; 3]], bids: &[[String; 3]]) -> Flags {
    let big = |text: &String| Big::parse(text).unwrap();
    let compare = |a: &[String; 3], b: &[String; 3]| big(&a[0]).compare(&big(&b[0]));
    let zero = Big::parse("0").unwrap();
    let crossed = match (bids.first(), asks.first()) {
        (Some(bid), Some(ask)) => compare(bid, ask).is_ge(),
        _ => false,
    };
    let unsorted = asks.windows(2).any(|pair| compare(&pair[0], &pair[1]).is_ge())
        || bids.windows(2).any(|pair| compare(&pair[0], &pair[1]).is_le());
    let empty = asks.iter().chain(bids).any(|level| big(&level[1]).compare(&zero).is_le());
    [crossed, unsorted, empty]
}
