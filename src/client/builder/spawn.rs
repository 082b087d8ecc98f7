//! What a builder starts.

use std::collections::HashMap;
use std::sync::Arc;

use super::ClientBuilder;
#[cfg(feature = "capture")]
use crate::capture::Recorder;
use crate::client::config::ClientConfig;
use crate::client::error::ClientError;
use crate::client::handle::Client;
use crate::client::health::SharedHealth;
use crate::client::heartbeat::Heartbeat;
use crate::client::new_group::NewGroup;
use crate::client::recorder::ClientRecorder;
use crate::client::routes::Routes;
use crate::client::shared::HandleState;
use crate::client::stats_board::StatsBoard;
use crate::client::supervisor::Supervisor;
use crate::client::thread::ClientThreads;
#[cfg(feature = "rest")]
use crate::client::{history, selected::Selected, selections::Selections};
use crate::event::EventSink;
use crate::feed::SubscriptionNumbers;
#[cfg(feature = "rest")]
use crate::model::{Selection, Subscription};
use crate::transport::{Clock, Connector, Target, Targets};

impl<S: EventSink + Send + 'static> ClientBuilder<S> {
    /// Starts the client on a thread of its own and returns its handle.
    ///
    /// Does not wait for the exchange: the client connects, and reconnects, for as long as it runs.
    /// It does wait until the thread runs, so that counters and health have every connection.
    ///
    /// # Errors
    /// [`ClientError`] where a channel, the URL, the region, the proxy, a header, the credentials
    /// or the CA file is wrong, nothing was subscribed, or the thread could not be started.
    pub fn spawn(self) -> Result<Client, ClientError> {
        let Self { mut config, subscriptions, mistake, sink, .. } = self;
        config.session.login = config.credentials.is_some();
        if let Some(mistake) = mistake {
            return Err(mistake);
        }
        #[cfg(feature = "rest")]
        let (selections, subscriptions) = select(&config, self.selections, subscriptions)?;
        if subscriptions.is_empty() {
            return Err(ClientError::NoSubscription);
        }
        check(&config)?;
        let clock = Clock::start();
        let connector = Arc::new(Connector::new(&config.connect_options(clock.clone()))?);
        let refused = connector.refused().clone();
        let routes = routes(&config, connector)?;
        let most = config.max_subscriptions_per_connection.max(1);
        let groups = routes.grouped(&subscriptions, most);
        let numbers = SubscriptionNumbers::default();
        let new = |(path, group): &(_, Vec<_>)| NewGroup::new(&config, &numbers, *path, group);
        let mut new_groups: Vec<_> = groups.iter().map(new).collect();
        let mut readers = HashMap::new();
        for group in &mut new_groups {
            for subscription in group.subscriptions().to_vec() {
                readers.insert(subscription, group.readers(&subscription));
            }
        }
        #[cfg(feature = "rest")]
        let missing_lists = selections.as_ref().map_or(0, Selections::missing_lists);
        #[cfg(feature = "rest")]
        let history = history::start(&config, &subscriptions, selections, &numbers)?;
        let (commands, receiver) = tokio::sync::mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let recorder = start_recorder(&config, &clock)?;
        let shared = HandleState {
            heartbeat: Heartbeat::new(clock.clone()),
            threads: ClientThreads::new(),
            health: SharedHealth::new(clock.now().1, refused.clone()),
            stats: StatsBoard::new(),
            numbers,
            clock,
            #[cfg(feature = "rest")]
            selected: Selected::new(missing_lists),
            #[cfg(feature = "capture")]
            recording: recorder.recorder.as_ref().map(Recorder::recording),
        };
        let of_handle = shared.clone();
        let (options, name) = (config.thread.clone(), config.thread.name.clone());
        let (started, has_started) = std::sync::mpsc::channel();
        let run = move || {
            shared.threads.enter();
            options.apply(&refused);
            let local = tokio::task::LocalSet::new();
            let supervisor = async move {
                let supervisor =
                    Supervisor::start(config, routes, new_groups, sink, recorder, receiver, shared);
                #[cfg(feature = "rest")]
                let supervisor = supervisor.with_history(history);
                // Who has started the client waits for it.
                let _ = started.send(());
                supervisor.run().await
            };
            let report = local.block_on(&runtime, supervisor);
            drop(local);
            runtime.shutdown_background();
            report
        };
        let thread = std::thread::Builder::new().name(name).spawn(run)?;
        // A thread that has ended already has sent nothing: its end is what `stop` reports.
        let _ = has_started.recv();
        Ok(Client::new(subscriptions, readers, commands, of_handle, thread))
    }
}

/// The selections, and the subscriptions with the channels that keep their catalogue up to date.
///
/// # Errors
/// Those of [`Selections::new`].
#[cfg(feature = "rest")]
fn select(
    config: &ClientConfig,
    selections: Option<Vec<Selection>>,
    mut subscriptions: Vec<Subscription>,
) -> Result<(Option<Selections>, Vec<Subscription>), ClientError> {
    let selections = Selections::new(config.session.dialect, selections, &subscriptions)?;
    for channel in selections.iter().flat_map(Selections::channels) {
        if !subscriptions.contains(&channel) {
            subscriptions.push(channel);
        }
    }
    Ok((selections, subscriptions))
}

/// Checks the options that need no other.
///
/// # Errors
/// Those of [`ClientBuilder::spawn`].
fn check(config: &ClientConfig) -> Result<(), ClientError> {
    if config.thread.name.contains('\0') {
        return Err(ClientError::ThreadName);
    }
    let is_sbe = config.session.sbe.is_some();
    if is_sbe && !cfg!(feature = "rest") {
        return Err(ClientError::Sbe("its order books need the feature `rest`"));
    }
    if let Some(credentials) = &config.credentials {
        credentials.check()?;
        if is_sbe {
            credentials.check_headers()?;
        }
    }
    Ok(())
}

/// How the exchange is reached.
///
/// # Errors
/// Those of [`ClientBuilder::spawn`].
fn routes(config: &ClientConfig, connector: Arc<Connector>) -> Result<Routes, ClientError> {
    let target = Target::parse(&config.address()?)?;
    let given = connector.route(target.clone())?;
    let targets = Targets::new(target).with_sbe(config.session.sbe.clone());
    if config.session.sbe.is_some() && !targets.has_paths() {
        return Err(ClientError::Sbe("the URL must end in a path of v5, such as /ws/v5/public"));
    }
    Ok(Routes::new(connector, targets, given))
}

/// Begins the recording, where the client has one.
#[cfg(feature = "capture")]
fn start_recorder(config: &ClientConfig, clock: &Clock) -> Result<ClientRecorder, ClientError> {
    let dialect = config.session.dialect;
    let start = |to| Recorder::start(to, dialect, clock.now().1);
    let recorder = config.record.clone().map(start).transpose()?;
    Ok(ClientRecorder { recorder })
}

/// Begins no recording.
#[cfg(not(feature = "capture"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature it may fail")]
fn start_recorder(_: &ClientConfig, _: &Clock) -> Result<ClientRecorder, ClientError> {
    Ok(ClientRecorder::default())
}
