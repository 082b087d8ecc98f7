//! Metrics of subscriptions: by channel, and where it is asked for of each.

use std::collections::BTreeMap;
use std::fmt::Error;

use okx_feed::{BookState, Market};

use super::connections::float;
use super::families::Families;
use super::scrape::{FeedScrape, MetricsOptions, SubscriptionScrape};

/// The states that a subscription of a running client has.
const STATES: [BookState; 6] = [
    BookState::Connecting,
    BookState::AwaitingSnapshot,
    BookState::Live,
    BookState::Stale,
    BookState::Resyncing,
    BookState::Down(okx_feed::DownReason::Rejected),
];

pub(super) fn write(
    scrapes: &[FeedScrape],
    options: &MetricsOptions,
    families: &mut Families<'_>,
) -> Result<(), Error> {
    let help = "Subscriptions by channel and state";
    families.gauges("okx_feed_subscriptions", help, &|value| {
        for of in scrapes {
            for (channel, all) in by_channel(of) {
                for state in STATES {
                    let count = all.iter().filter(|one| one.status.state == state).count();
                    let labels =
                        [("feed", of.name.as_str()), ("channel", channel), ("state", state.name())];
                    value(&labels, float(count))?;
                }
            }
        }
        Ok(())
    })?;
    let help = "Age of the last message of the most silent live subscription of the channel";
    families.gauges("okx_feed_oldest_update_seconds", help, &|value| {
        for of in scrapes {
            for (channel, all) in by_channel(of) {
                let live = all.iter().filter(|one| one.status.state.is_live());
                if let Some(age) = live.filter_map(|one| one.age).max() {
                    value(&[("feed", &of.name), ("channel", channel)], age.as_secs_f64())?;
                }
            }
        }
        Ok(())
    })?;
    if options.by_instrument { write_each(scrapes, options, families) } else { Ok(()) }
}

fn write_each(
    scrapes: &[FeedScrape],
    options: &MetricsOptions,
    families: &mut Families<'_>,
) -> Result<(), Error> {
    type OfOne = fn(&SubscriptionScrape) -> Option<f64>;
    let all: [(&str, &str, OfOne); 2] = [
        ("okx_feed_subscription_live", "Whether the subscription is live", |of| {
            Some(f64::from(u8::from(of.status.state.is_live())))
        }),
        ("okx_feed_subscription_age_seconds", "Age of its last message", |of| {
            of.age.map(|age| age.as_secs_f64())
        }),
    ];
    for (name, help, of_one) in all {
        families.gauges(name, help, &|value| {
            for of in scrapes {
                for one in of.subscriptions.iter().take(options.max_instruments) {
                    let Some(now) = of_one(one) else { continue };
                    let topic = &one.status.subscription;
                    let labels = [
                        ("feed", of.name.as_str()),
                        ("channel", topic.channel().name()),
                        ("inst_id", topic.inst_id().as_str()),
                        ("market", topic.market().map_or("", Market::name)),
                    ];
                    value(&labels, now)?;
                }
            }
            Ok(())
        })?;
    }
    let help = "Subscriptions without metrics of their own, since there are too many";
    families.gauges("okx_feed_subscriptions_not_listed", help, &|value| {
        let left = |of: &FeedScrape| of.subscriptions.len().saturating_sub(options.max_instruments);
        scrapes.iter().try_for_each(|of| value(&[("feed", &of.name)], float(left(of))))
    })
}

fn by_channel(of: &FeedScrape) -> BTreeMap<&'static str, Vec<&SubscriptionScrape>> {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for one in &of.subscriptions {
        all.entry(one.status.subscription.channel().name()).or_default().push(one);
    }
    all
}
