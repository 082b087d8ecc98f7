//! What changes when the file is read again.

use okx_feed::Subscription;
use okx_feed::model::Selection;
use toml::Spanned;

use super::checked::{Channels, Checked};
use super::config::FeedConfig;

/// The difference of two files.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// By feed, as the running file has them.
    pub(super) feeds: Vec<ChannelChanges>,
    /// What can't be changed while it runs, in words.
    pub(super) need_restart: Vec<String>,
}

/// What a feed subscribes and ends.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ChannelChanges {
    pub(super) added: Vec<Subscription>,
    pub(super) gone: Vec<Subscription>,
    /// All selections, if they are others.
    pub(super) selections: Option<Vec<Selection>>,
}

impl Changes {
    /// What has to be done to get from what runs to a new file.
    pub(super) fn between(old: &Checked, new: &Checked) -> Self {
        let mut changes = Self::default();
        let (before, after) = (&old.config, &new.config);
        let sections = [
            ("[log]", before.log != after.log),
            ("[metrics]", before.metrics != after.metrics),
            ("[web]", before.web != after.web),
        ];
        for (name, _) in sections.iter().filter(|(_, differs)| *differs) {
            changes.need_restart.push((*name).to_owned());
        }
        let has = |all: &[Spanned<FeedConfig>], name: &Spanned<String>| {
            all.iter().any(|other| other.get_ref().name == *name)
        };
        for (feed, channels) in before.feeds.iter().map(Spanned::get_ref).zip(&old.channels) {
            let name = feed.name.get_ref();
            let found = new.reloadable(feed);
            match found {
                Some((other, _)) if !is_same_but_channels(feed, other) => {
                    changes.need_restart.push(format!("options of feed {name:?}"));
                }
                None if has(&after.feeds, &feed.name) => {
                    changes.need_restart.push(format!("the protocol of feed {name:?}"));
                }
                None => changes.need_restart.push(format!("feed {name:?}, which is gone")),
                Some(_) => {}
            }
            let wanted = found.map_or(channels, |(_, wanted)| wanted);
            changes.feeds.push(ChannelChanges::between(channels, wanted));
        }
        for feed in after.feeds.iter().filter(|of| !has(&before.feeds, &of.get_ref().name)) {
            let name = feed.get_ref().name.get_ref();
            changes.need_restart.push(format!("feed {name:?}, which is new"));
        }
        changes
    }
}

impl ChannelChanges {
    fn between(old: &Channels, new: &Channels) -> Self {
        let lacks = |of: &Channels, one: &Subscription| !of.subscriptions.contains(one);
        let added = new.subscriptions.iter().filter(|one| lacks(old, one)).copied().collect();
        let gone = old.subscriptions.iter().filter(|one| lacks(new, one)).copied().collect();
        let selections = (new.selections != old.selections).then(|| new.selections.clone());
        Self { added, gone, selections }
    }
}

fn is_same_but_channels(feed: &FeedConfig, other: &FeedConfig) -> bool {
    let mut same = other.clone();
    same.channels.clone_from(&feed.channels);
    same.shard.clone_from(&feed.shard);
    same == *feed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn checked(text: &str) -> Checked {
        Checked::parse(Path::new("f"), text).unwrap()
    }

    #[test]
    fn channels_change_and_everything_else_needs_a_restart() {
        let old = checked("[[feed]]\nname = \"a\"\nchannels = [\"books5:A\", \"books5:B\"]");
        // The same in other places of the file.
        let moved =
            checked("\n\n[[feed]]\nchannels = [\n\"books5:A\", \"books5:B\"]\nname = \"a\"");
        let none = Changes { feeds: vec![ChannelChanges::default()], need_restart: Vec::new() };
        assert_eq!(Changes::between(&old, &moved), none);
        let new = checked(
            "[log]\nlevel = \"debug\"\n[[feed]]\nname = \"b\"\nchannels = [\"trades:A\"]\n\
             [[feed]]\nname = \"a\"\nlines = 2\nchannels = [\"books5:B\", \"trades:B\", \
             \"books5:*-USDT\"]",
        );
        let changes = Changes::between(&old, &new);
        let one = |text: &str| vec![text.parse::<Subscription>().unwrap()];
        let selections = Some(vec!["books5:*-USDT".parse().unwrap()]);
        let expected = ChannelChanges { added: one("trades:B"), gone: one("books5:A"), selections };
        assert_eq!(changes.feeds, [expected]);
        let expected = ["[log]", "options of feed \"a\"", "feed \"b\", which is new"];
        assert_eq!(changes.need_restart, expected);
        let gone = Changes::between(&new, &old);
        assert!(gone.need_restart.contains(&"feed \"b\", which is gone".to_owned()));
        // What was applied is what runs from then on.
        let mut current = old;
        current.take_channels_of(&new);
        assert_eq!(Changes::between(&current, &new).feeds, [ChannelChanges::default()]);
    }

    #[test]
    fn channels_of_another_protocol_are_left_to_the_restart() {
        let old = checked("[[feed]]\nname = \"a\"\nchannels = [\"books5:A\"]");
        let new =
            checked("[[feed]]\nname = \"a\"\nprotocol = \"v3\"\nchannels = [\"spot/depth5:A\"]");
        let changes = Changes::between(&old, &new);
        assert_eq!(changes.feeds, [ChannelChanges::default()]);
        assert_eq!(changes.need_restart, ["the protocol of feed \"a\""]);
        let mut current = old.clone();
        current.take_channels_of(&new);
        assert_eq!(current.channels, old.channels);
    }
}
