//! Counts optional values that cannot be read.

/// An optional field. A value that cannot be read is counted and treated as absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum OptionalField {
    /// The number of fills merged into a trade.
    Count = 0,
    /// The source of a trade.
    Source = 1,
    /// The sequence number of a trade or of a five-level book.
    Seq = 2,
    /// The checksum of an order book.
    Checksum = 3,
    /// The number of orders of a level.
    Orders = 4,
    /// The part of a level's size without RPI orders.
    NonRpiSize = 5,
    /// A number of a record, such as an open interest of more digits than a decimal holds.
    Value = 6,
}

impl OptionalField {
    /// All fields, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Count,
        Self::Source,
        Self::Seq,
        Self::Checksum,
        Self::Orders,
        Self::NonRpiSize,
        Self::Value,
    ];

    /// A short name, stable for scripts, such as `non_rpi_size`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Source => "source",
            Self::Seq => "seq",
            Self::Checksum => "checksum",
            Self::Orders => "orders",
            Self::NonRpiSize => "non_rpi_size",
            Self::Value => "value",
        }
    }
}

/// How often each [`OptionalField`] could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnreadCounts([u64; OptionalField::ALL.len()]);

impl UnreadCounts {
    pub(crate) fn count(&mut self, field: OptionalField) {
        if let Some(entry) = self.0.get_mut(field as usize) {
            *entry += 1;
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// Whether every field could be read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |bits, count| bits | count) == 0
    }

    /// How often a field could not be read.
    #[must_use]
    pub fn of(&self, field: OptionalField) -> u64 {
        self.0.get(field as usize).copied().unwrap_or_default()
    }

    /// The fields that could not be read, with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (OptionalField, u64)> {
        OptionalField::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// All values that could not be read.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_numbered_in_order_and_counts_add_up() {
        let (mut counts, mut twice) = (UnreadCounts::default(), UnreadCounts::default());
        for (number, field) in OptionalField::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, number);
            (0..number).for_each(|_| counts.count(field));
        }
        twice.add(&counts);
        twice.add(&counts);
        assert_eq!((counts.total(), twice.total()), (21, 42));
        assert_eq!((twice.of(OptionalField::Checksum), twice.iter().count()), (6, 6));
    }
}
