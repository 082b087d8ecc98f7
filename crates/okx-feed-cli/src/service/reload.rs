//! What changes when the file is read again.

use okx_feed::Subscription;

use super::config::{Channels, Checked};

/// The difference of two files.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// By feed, as the running file has them: what is new, and what is gone.
    pub(super) feeds: Vec<(Vec<Subscription>, Vec<Subscription>)>,
    /// What can't be changed while it runs, in words.
    pub(super) need_restart: Vec<String>,
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
        for (feed, channels) in before.feeds.iter().zip(&old.channels) {
            let feed = feed.get_ref();
            let same = |at: &usize| {
                after.feeds.get(*at).is_some_and(|other| other.get_ref().name == feed.name)
            };
            let Some(at) = (0..after.feeds.len()).find(same) else {
                changes.need_restart.push(format!("feed {:?}, which is gone", feed.name));
                changes.feeds.push(Default::default());
                continue;
            };
            let (Some(other), Some(wanted)) = (after.feeds.get(at), new.channels.get(at)) else {
                continue;
            };
            let mut without_channels = other.get_ref().clone();
            without_channels.channels.clone_from(&feed.channels);
            if without_channels != *feed {
                changes.need_restart.push(format!("options of feed {:?}", feed.name));
            }
            if wanted.selections != channels.selections {
                changes.need_restart.push(format!("selections of feed {:?}", feed.name));
            }
            changes.feeds.push(difference(channels, wanted));
        }
        for feed in &after.feeds {
            let name = &feed.get_ref().name;
            if !before.feeds.iter().any(|other| other.get_ref().name == *name) {
                changes.need_restart.push(format!("feed {name:?}, which is new"));
            }
        }
        changes
    }
}

fn difference(old: &Channels, new: &Channels) -> (Vec<Subscription>, Vec<Subscription>) {
    let lacks = |of: &Channels, one: &Subscription| !of.subscriptions.contains(one);
    let added = new.subscriptions.iter().filter(|one| lacks(old, one)).copied().collect();
    let gone = old.subscriptions.iter().filter(|one| lacks(new, one)).copied().collect();
    (added, gone)
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
        assert_eq!(Changes::between(&old, &old).need_restart, Vec::<String>::new());
        let new = checked(
            "[log]\nlevel = \"debug\"\n[[feed]]\nname = \"b\"\nchannels = [\"trades:A\"]\n\
             [[feed]]\nname = \"a\"\nlines = 2\nchannels = [\"books5:B\", \"trades:B\", \
             \"books5:*-USDT\"]",
        );
        let changes = Changes::between(&old, &new);
        let one = |text: &str| vec![text.parse::<Subscription>().unwrap()];
        assert_eq!(changes.feeds, [(one("trades:B"), one("books5:A"))]);
        let expected = [
            "[log]",
            "options of feed \"a\"",
            "selections of feed \"a\"",
            "feed \"b\", which is new",
        ];
        assert_eq!(changes.need_restart, expected);
        let gone = Changes::between(&new, &old);
        assert!(gone.need_restart.contains(&"feed \"b\", which is gone".to_owned()));
    }
}
