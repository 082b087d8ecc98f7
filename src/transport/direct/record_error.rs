//! Why records of TLS are refused, and the alerts that answer them.

/// Why the records of the other side are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The record is not one of encrypted content.
    #[error("TLS: a record of type {0} is not encrypted")]
    NotEncrypted(u8),
    /// The version is not one of TLS.
    #[error("TLS: a record has another version")]
    Version,
    /// The record is longer than the protocol permits.
    #[error("TLS: a record is too long")]
    TooLong,
    /// The record was not sealed with the key of the connection, or was changed on its way.
    #[error("TLS: a record can't be decrypted")]
    Decrypt,
    /// The record has no content type, or an alert or a handshake message that is empty or invalid.
    #[error("TLS: a record has invalid content")]
    Invalid,
    /// Content, or a handshake message, that must not come.
    #[error("TLS: a record has unexpected content")]
    Unexpected,
    /// The other side ends the connection with an alert.
    #[error("TLS: the other side sends alert {0}")]
    Alert(u8),
    /// Too many key updates or warnings without data.
    #[error("TLS: the other side sends too many key updates or warnings")]
    Flood,
    /// As many records as there are numbers for.
    #[error("TLS: the sequence numbers are used up")]
    SequenceOverflow,
    /// The key schedule fails.
    #[error("TLS: the keys can't be updated")]
    Keys,
}

impl RecordError {
    /// The alert that answers it; `None` where none is due.
    #[must_use]
    pub const fn alert(self) -> Option<u8> {
        match self {
            Self::NotEncrypted(_) | Self::Unexpected | Self::Flood => Some(10),
            Self::Decrypt => Some(20),
            Self::TooLong => Some(22),
            Self::Version => Some(70),
            Self::Invalid => Some(50),
            Self::SequenceOverflow | Self::Keys => Some(80),
            Self::Alert(_) => None,
        }
    }
}
