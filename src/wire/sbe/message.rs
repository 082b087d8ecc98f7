//! The structure of a frame: headers, blocks and groups, before any value is read.

use super::schema::{self, GROUP_HEADER_LEN, HEADER_LEN, SCHEMA_ID, template};
use crate::wire::error::DecodeErrorKind as Kind;

/// The messages whose layout is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Template {
    Bbo,
    BookUpdate,
    ExponentUpdate,
    ElpBookUpdate,
    ElpExponentUpdate,
    Trade,
    Snapshot,
}

impl Template {
    #[inline]
    pub(super) const fn of(id: u16) -> Option<Self> {
        Some(match id {
            template::BBO => Self::Bbo,
            template::BOOK_UPDATE => Self::BookUpdate,
            template::EXPONENT_UPDATE => Self::ExponentUpdate,
            template::ELP_BOOK_UPDATE => Self::ElpBookUpdate,
            template::ELP_EXPONENT_UPDATE => Self::ElpExponentUpdate,
            template::TRADE => Self::Trade,
            template::SNAPSHOT => Self::Snapshot,
            _ => return None,
        })
    }

    /// The shortest root block. A compatible extension of the schema appends fields.
    #[inline]
    pub(super) const fn root_len(self) -> usize {
        match self {
            Self::Bbo => schema::bbo::LEN,
            Self::Trade => schema::trade::LEN,
            Self::Snapshot => schema::snapshot::LEN,
            Self::BookUpdate
            | Self::ExponentUpdate
            | Self::ElpBookUpdate
            | Self::ElpExponentUpdate => schema::update::LEN,
        }
    }

    /// Whether the groups of asks and of bids follow the root block.
    #[inline]
    const fn has_levels(self) -> bool {
        matches!(self, Self::BookUpdate | Self::ElpBookUpdate | Self::Snapshot)
    }
}

/// The header of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) block_len: usize,
    pub(super) template_id: u16,
    pub(super) schema_id: u16,
}

impl Header {
    /// Reads a header; `None` if there are too few bytes. The version is not needed: within a
    /// schema, a later version only makes blocks longer.
    #[inline]
    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let &[b0, b1, t0, t1, s0, s1, _, _] = bytes.first_chunk::<HEADER_LEN>()?;
        Some(Self {
            block_len: usize::from(u16::from_le_bytes([b0, b1])),
            template_id: u16::from_le_bytes([t0, t1]),
            schema_id: u16::from_le_bytes([s0, s1]),
        })
    }

    /// The template; `None` for another schema or an unknown template.
    #[inline]
    pub(super) const fn template(self) -> Option<Template> {
        if self.schema_id == SCHEMA_ID { Template::of(self.template_id) } else { None }
    }
}

/// A group of entries of one length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'f> {
    /// The entries, without the group's header.
    pub(super) entries: &'f [u8],
    /// The length of an entry as received, at least that of the schema if there is an entry.
    pub(super) entry_len: usize,
    pub(super) count: usize,
}

impl<'f> Group<'f> {
    const NONE: Self = Self { entries: &[], entry_len: schema::level::LEN, count: 0 };

    /// Reads the group at the start of `bytes`. Returns it and the bytes after it.
    ///
    /// # Errors
    /// The kind, and the offset in `bytes`.
    #[inline(always)]
    fn split(bytes: &'f [u8]) -> Result<(Self, &'f [u8]), Kind> {
        let (&[l0, l1, n0, n1], rest) =
            bytes.split_first_chunk::<GROUP_HEADER_LEN>().ok_or(Kind::Truncated)?;
        let entry_len = usize::from(u16::from_le_bytes([l0, l1]));
        let count = usize::from(u16::from_le_bytes([n0, n1]));
        if count > 0 && entry_len < schema::level::LEN {
            return Err(Kind::BlockLength);
        }
        let (entries, rest) = rest.split_at_checked(entry_len * count).ok_or(Kind::Truncated)?;
        Ok((Self { entries, entry_len, count }, rest))
    }
}

/// A message whose blocks and groups lie within the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'f> {
    pub(super) template: Template,
    /// The root block, at least as long as the schema's.
    pub(super) root: &'f [u8],
    pub(super) asks: Group<'f>,
    pub(super) bids: Group<'f>,
    /// The bytes after the message.
    pub(super) rest: &'f [u8],
}

impl<'f> Message<'f> {
    /// Reads the structure of the message at the start of `bytes`, whose header is given.
    ///
    /// # Errors
    /// The kind and the offset in `bytes`.
    #[inline(always)]
    pub(super) fn of(
        bytes: &'f [u8],
        template: Template,
        block_len: usize,
    ) -> Result<Self, (Kind, usize)> {
        if block_len < template.root_len() {
            return Err((Kind::BlockLength, 0));
        }
        let after = bytes.get(HEADER_LEN..).unwrap_or_default();
        let (root, mut rest) =
            after.split_at_checked(block_len).ok_or((Kind::Truncated, bytes.len()))?;
        let (mut asks, mut bids) = (Group::NONE, Group::NONE);
        if template.has_levels() {
            for side in [&mut asks, &mut bids] {
                let at = bytes.len() - rest.len();
                (*side, rest) = Group::split(rest).map_err(|kind| (kind, at))?;
            }
        }
        Ok(Self { template, root, asks, bids, rest })
    }
}
