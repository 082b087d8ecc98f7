//! The declaration of a record: its type, the keys of its fields in both dialects, its words
//! and what
//! is printed of it.

use super::field::{FieldError, FieldValue, RawValue};
use crate::model::dialect::Dialect;

/// What a declaration makes besides the type itself.
pub(in crate::model) trait RecordBody: Copy {
    /// A record without any value.
    const EMPTY: Self;

    /// How many words it takes.
    const WORDS: usize;

    /// The bits of the fields that a message must have.
    const REQUIRED: u32;

    /// Reads the field of a key: the field's bit; 0 for a key that is not read.
    fn set(&mut self, key: &str, raw: RawValue<'_>, dialect: Dialect) -> Result<u32, FieldError>;

    fn put(&self, put: &mut impl FnMut(u64));

    fn take(words: &mut impl Iterator<Item = u64>) -> Self;

    /// Passes the name and the value of each field to `each`, in declaration order.
    fn fields(&self, each: &mut dyn FnMut(&'static str, FieldValue<'_>));

    /// Sets the field of a name to what [`RecordBody::fields`] passes. False for no such field, and
    /// for a value that is not of its type.
    fn set_field(&mut self, name: &str, value: FieldValue<'_>) -> bool;
}

/// Each field with its type and its keys on the wire: v5's, then v3's where they differ.
macro_rules! record {
    ($(#[$doc:meta])* $record:ident {
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $($key:literal)|+,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub struct $record {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        const _: () = {
        #[expect(non_camel_case_types, reason = "the names of the fields")]
        #[derive(Clone, Copy)]
        #[repr(u32)]
        enum Index { $($field,)* }

        impl RecordBody for $record {
            const EMPTY: Self = Self { $($field: <$type as RecordField>::EMPTY,)* };

            const WORDS: usize = 0 $(+ <$type as RecordField>::WORDS)*;

            const REQUIRED: u32 =
                0 $(| (<$type as RecordField>::REQUIRED as u32) << Index::$field as u32)*;

            fn set(
                &mut self,
                key: &str,
                raw: RawValue<'_>,
                dialect: Dialect,
            ) -> Result<u32, FieldError> {
                match key {
                    $($($key)|+ => {
                        self.$field = RecordField::read(raw, dialect)?;
                        Ok(1 << Index::$field as u32)
                    })*
                    _ => Ok(0),
                }
            }

            fn put(&self, put: &mut impl FnMut(u64)) {
                $(self.$field.put(put);)*
            }

            fn take(words: &mut impl Iterator<Item = u64>) -> Self {
                Self { $($field: RecordField::take(words),)* }
            }

            fn fields(&self, each: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
                $(each(stringify!($field), self.$field.show());)*
            }

            fn set_field(&mut self, name: &str, value: FieldValue<'_>) -> bool {
                $(if name == stringify!($field) {
                    let value = RecordField::of(value);
                    return value.map(|value| self.$field = value).is_some();
                })*
                false
            }
        }

        };
    };
}

pub(super) use record;
