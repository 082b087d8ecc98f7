//! What a message is before it is framed.

/// A message of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// JSON.
    Text(String),
    /// SBE.
    Sbe(Vec<u8>),
}
