//! The layout of the messages: schema id 1, version 0, little-endian, packed in order.
//!
//! Source: the exchange's file `okx_sbe_1_0.xml`, package `com.okx.sbe`. No field is optional and
//! none has variable length.

/// The schema that this crate reads. A breaking change gets another id.
pub(super) const SCHEMA_ID: u16 = 1;

/// The header of a message: `blockLength`, `templateId`, `schemaId`, `version`, each a `uint16`.
pub(super) const HEADER_LEN: usize = 8;

/// The header of a group: `blockLength`, `numInGroup`, each a `uint16`.
pub(super) const GROUP_HEADER_LEN: usize = 4;

/// The template ids.
pub(super) mod template {
    /// `BboTbtChannelEvent`: channel `bbo-tbt`.
    pub(in crate::wire::sbe) const BBO: u16 = 1000;
    /// `BooksL2TbtChannelEvent`: channel `books-l2-tbt`.
    pub(in crate::wire::sbe) const BOOK_UPDATE: u16 = 1001;
    /// `BooksL2TbtExponentUpdateEvent`: channel `books-l2-tbt`.
    pub(in crate::wire::sbe) const EXPONENT_UPDATE: u16 = 1002;
    /// As `BOOK_UPDATE`, channel `books-l2-tbt-elp`, which the exchange has not enabled.
    pub(in crate::wire::sbe) const ELP_BOOK_UPDATE: u16 = 1003;
    /// As `EXPONENT_UPDATE`, channel `books-l2-tbt-elp`.
    pub(in crate::wire::sbe) const ELP_EXPONENT_UPDATE: u16 = 1004;
    /// `TradesChannelEvent`: channel `trades`.
    pub(in crate::wire::sbe) const TRADE: u16 = 1005;
    /// `SnapshotDepthResponseEvent`: the answer of `GET /api/v5/market/books-sbe`.
    pub(in crate::wire::sbe) const SNAPSHOT: u16 = 1006;
}

/// Every root block begins with the instrument's code and the exchange's time.
pub(super) mod root {
    pub(in crate::wire::sbe) const INST_ID_CODE: usize = 0;
    pub(in crate::wire::sbe) const TS_US: usize = 8;
}

/// The root block of [`template::BBO`].
pub(super) mod bbo {
    pub(in crate::wire::sbe) const LEN: usize = 74;
    pub(in crate::wire::sbe) const SEQ_ID: usize = 24;
    pub(in crate::wire::sbe) const ASK_PX: usize = 32;
    pub(in crate::wire::sbe) const ASK_SZ: usize = 40;
    pub(in crate::wire::sbe) const BID_PX: usize = 48;
    pub(in crate::wire::sbe) const BID_SZ: usize = 56;
    pub(in crate::wire::sbe) const ASK_ORDERS: usize = 64;
    pub(in crate::wire::sbe) const BID_ORDERS: usize = 68;
    pub(in crate::wire::sbe) const PX_EXPONENT: usize = 72;
    pub(in crate::wire::sbe) const SZ_EXPONENT: usize = 73;
}

/// The root block of [`template::BOOK_UPDATE`] and [`template::EXPONENT_UPDATE`]; the groups of
/// asks and of bids follow in the former.
pub(super) mod update {
    pub(in crate::wire::sbe) const LEN: usize = 42;
    pub(in crate::wire::sbe) const SEQ_ID: usize = 24;
    pub(in crate::wire::sbe) const PREV_SEQ_ID: usize = 32;
    pub(in crate::wire::sbe) const PX_EXPONENT: usize = 40;
    pub(in crate::wire::sbe) const SZ_EXPONENT: usize = 41;
}

/// The root block of [`template::TRADE`].
pub(super) mod trade {
    pub(in crate::wire::sbe) const LEN: usize = 62;
    pub(in crate::wire::sbe) const SEQ_ID: usize = 24;
    pub(in crate::wire::sbe) const PX: usize = 32;
    pub(in crate::wire::sbe) const SZ: usize = 40;
    pub(in crate::wire::sbe) const TRADE_ID: usize = 48;
    pub(in crate::wire::sbe) const COUNT: usize = 56;
    pub(in crate::wire::sbe) const SIDE: usize = 58;
    pub(in crate::wire::sbe) const PX_EXPONENT: usize = 59;
    pub(in crate::wire::sbe) const SZ_EXPONENT: usize = 60;
    pub(in crate::wire::sbe) const SOURCE: usize = 61;
    /// The values of `sideEnum`.
    pub(in crate::wire::sbe) const SELL: i8 = 0;
    pub(in crate::wire::sbe) const BUY: i8 = 1;
}

/// The root block of [`template::SNAPSHOT`], which has no `outTime` and no `prevSeqId`; the groups
/// of asks and of bids follow.
pub(super) mod snapshot {
    pub(in crate::wire::sbe) const LEN: usize = 26;
    pub(in crate::wire::sbe) const SEQ_ID: usize = 16;
    pub(in crate::wire::sbe) const PX_EXPONENT: usize = 24;
    pub(in crate::wire::sbe) const SZ_EXPONENT: usize = 25;
}

/// An entry of a group of levels.
pub(super) mod level {
    pub(in crate::wire::sbe) const LEN: usize = 20;
    pub(in crate::wire::sbe) const PX: usize = 0;
    pub(in crate::wire::sbe) const SZ: usize = 8;
    pub(in crate::wire::sbe) const ORDERS: usize = 16;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field's width in bytes, its name, and its offset if this crate reads it.
    type Field = (usize, &'static str, Option<usize>);

    /// The length of a block; each field must lie where those before it end.
    fn len_of(fields: &[Field]) -> usize {
        fields.iter().fold(0, |at, (width, name, offset)| {
            assert!(offset.is_none_or(|offset| offset == at), "{name}");
            at + width
        })
    }

    const CODE: Field = (8, "instIdCode", Some(root::INST_ID_CODE));
    const TS: Field = (8, "tsUs", Some(root::TS_US));
    const OUT: Field = (8, "outTime", None);

    /// The fields in the order of the schema's file, with the widths of their types.
    #[test]
    fn every_field_lies_where_the_schema_puts_it() {
        let header = [
            (2, "blockLength", None),
            (2, "templateId", None),
            (2, "schemaId", None),
            (2, "version", None),
        ];
        assert_eq!(len_of(&header), HEADER_LEN);
        assert_eq!(len_of(&[(2, "blockLength", None), (2, "numInGroup", None)]), GROUP_HEADER_LEN);
        let fields = [
            CODE,
            TS,
            OUT,
            (8, "seqId", Some(bbo::SEQ_ID)),
            (8, "askPxMantissa", Some(bbo::ASK_PX)),
            (8, "askSzMantissa", Some(bbo::ASK_SZ)),
            (8, "bidPxMantissa", Some(bbo::BID_PX)),
            (8, "bidSzMantissa", Some(bbo::BID_SZ)),
            (4, "askOrdCount", Some(bbo::ASK_ORDERS)),
            (4, "bidOrdCount", Some(bbo::BID_ORDERS)),
            (1, "pxExponent", Some(bbo::PX_EXPONENT)),
            (1, "szExponent", Some(bbo::SZ_EXPONENT)),
        ];
        assert_eq!((len_of(&fields), bbo::LEN), (74, 74));
        let fields = [
            CODE,
            TS,
            OUT,
            (8, "seqId", Some(update::SEQ_ID)),
            (8, "prevSeqId", Some(update::PREV_SEQ_ID)),
            (1, "pxExponent", Some(update::PX_EXPONENT)),
            (1, "szExponent", Some(update::SZ_EXPONENT)),
        ];
        assert_eq!((len_of(&fields), update::LEN), (42, 42));
        let fields = [
            CODE,
            TS,
            OUT,
            (8, "seqId", Some(trade::SEQ_ID)),
            (8, "pxMantissa", Some(trade::PX)),
            (8, "szMantissa", Some(trade::SZ)),
            (8, "tradeId", Some(trade::TRADE_ID)),
            (2, "count", Some(trade::COUNT)),
            (1, "side", Some(trade::SIDE)),
            (1, "pxExponent", Some(trade::PX_EXPONENT)),
            (1, "szExponent", Some(trade::SZ_EXPONENT)),
            (1, "source", Some(trade::SOURCE)),
        ];
        assert_eq!((len_of(&fields), trade::LEN), (62, 62));
        let fields = [
            CODE,
            TS,
            (8, "seqId", Some(snapshot::SEQ_ID)),
            (1, "pxExponent", Some(snapshot::PX_EXPONENT)),
            (1, "szExponent", Some(snapshot::SZ_EXPONENT)),
        ];
        assert_eq!((len_of(&fields), snapshot::LEN), (26, 26));
        let fields = [
            (8, "pxMantissa", Some(level::PX)),
            (8, "szMantissa", Some(level::SZ)),
            (4, "ordCount", Some(level::ORDERS)),
        ];
        assert_eq!((len_of(&fields), level::LEN), (20, 20));
        assert_eq!((trade::SELL, trade::BUY), (0, 1));
    }
}
