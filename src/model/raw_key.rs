//! The key of a channel that is passed on as text.

/// The key of [`Channel::Raw`](super::Channel::Raw): `CHANNEL`, `CHANNEL:INSTID` or
/// `CHANNEL:NAME=VALUE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawKey<'k> {
    /// The exchange's name of the channel.
    pub(crate) channel: &'k str,
    /// The member of `arg` besides it: its name and its value.
    pub(crate) member: Option<(&'k str, &'k str)>,
}

impl<'k> RawKey<'k> {
    /// Splits a key. What has no name is an `instId`.
    pub(crate) fn parse(text: &'k str) -> Self {
        let Some((channel, rest)) = text.split_once(':') else {
            return Self { channel: text, member: None };
        };
        Self { channel, member: Some(rest.split_once('=').unwrap_or(("instId", rest))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_up_to_two_parts() {
        let parts = |text| {
            let RawKey { channel, member } = RawKey::parse(text);
            (channel, member)
        };
        assert_eq!(parts("economic-calendar"), ("economic-calendar", None));
        assert_eq!(parts("books-elp-all:A-B"), ("books-elp-all", Some(("instId", "A-B"))));
        assert_eq!(parts("x:instType=SWAP"), ("x", Some(("instType", "SWAP"))));
    }
}
