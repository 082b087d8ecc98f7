//! Addresses of host names: one look-up of a host at a time, whose answer all its connections
//! share.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{fmt, io};

use tokio::sync::watch;

use super::clock::Clock;
use crate::model::MonoNanos;

/// How long an answer is used without a new look-up. The system's resolver gives no lifetime, and a
/// fleet moves its names within a minute or so.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The age from which an answer is looked up again where none of its addresses could be reached.
const KEPT_FOR: Duration = Duration::from_secs(5);

/// How long a new answer is waited for where an old one is known, which is then used in its place.
const OLD_ANSWER_AFTER: Duration = Duration::from_secs(1);

/// The time without an answer after which another look-up is started beside one that hangs, and how
/// many there may be.
const HANGS_AFTER: Duration = Duration::from_secs(60);
const MOST_RUNNING: usize = 4;

/// Turns a host's name into addresses.
pub trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of a name, the best first. Called on a thread of its own, where it may wait.
    ///
    /// # Errors
    /// Where the name is unknown, or no server could be reached.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// The resolver of the system: `/etc/hosts`, DNS, and whatever else is configured.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        Ok((host, 0).to_socket_addrs()?.map(|addr| addr.ip()).collect())
    }
}

/// The result of a look-up.
type Answer = Result<Arc<[IpAddr]>, Arc<str>>;

/// Answers by host, for as long as they are valid.
#[derive(Debug)]
pub(super) struct Lookups {
    resolver: Arc<dyn Resolve>,
    clock: Clock,
    hosts: Mutex<HashMap<String, Host>>,
}

/// What is known of a host. Sans-IO.
#[derive(Debug, Default)]
struct Host {
    /// The last addresses, and when they came.
    known: Option<(Arc<[IpAddr]>, MonoNanos)>,
    /// Whether they are to be looked up again though they are not old.
    is_doubtful: bool,
    /// The look-up that others may wait for, and since when it runs.
    running: Option<(watch::Receiver<Option<Answer>>, MonoNanos)>,
    /// How many look-ups run, those that hang included.
    threads: usize,
}

impl Host {
    /// The addresses that may be used without a look-up.
    fn fresh(&self, now: MonoNanos) -> Option<Arc<[IpAddr]>> {
        let (addrs, at) = self.known.as_ref()?;
        (!self.is_doubtful && now.since(*at) < FRESH_FOR).then(|| Arc::clone(addrs))
    }

    /// Whether a look-up is to be started: none runs, or the one that does seems to hang.
    fn is_lookup_due(&self, now: MonoNanos) -> bool {
        match &self.running {
            None => true,
            Some((_, since)) => now.since(*since) >= HANGS_AFTER && self.threads < MOST_RUNNING,
        }
    }

    fn answered(&mut self, answer: &Answer, now: MonoNanos) {
        self.threads = self.threads.saturating_sub(1);
        self.running = None;
        if let Ok(addrs) = answer {
            self.known = Some((Arc::clone(addrs), now));
            self.is_doubtful = false;
        }
    }

    fn unreachable(&mut self, now: MonoNanos) {
        self.is_doubtful |= self.known.as_ref().is_some_and(|(_, at)| now.since(*at) >= KEPT_FOR);
    }
}

impl Lookups {
    pub(super) fn new(resolver: Arc<dyn Resolve>) -> Arc<Self> {
        Arc::new(Self { resolver, clock: Clock::start(), hosts: Mutex::default() })
    }

    /// Those of the system's resolver, which all clients of the process share.
    pub(super) fn of_system() -> Arc<Self> {
        static SYSTEM: LazyLock<Arc<Lookups>> =
            LazyLock::new(|| Lookups::new(Arc::new(SystemResolver)));
        Arc::clone(&SYSTEM)
    }

    /// The addresses that are known without a look-up: those of an address, and a fresh answer.
    pub(super) fn known(&self, host: &str, port: u16) -> Option<Vec<SocketAddr>> {
        if let Ok(ip) = host.parse() {
            return Some(vec![SocketAddr::new(ip, port)]);
        }
        let now = self.clock.mono();
        self.hosts()
            .get(&host.to_ascii_lowercase())?
            .fresh(now)
            .map(|addrs| with_port(&addrs, port))
    }

    /// Looks the addresses of a host up, or joins the look-up that runs.
    ///
    /// # Errors
    /// The resolver's error, where no older answer is known.
    pub(super) async fn look_up(
        self: Arc<Self>,
        host: String,
        port: u16,
    ) -> io::Result<Vec<SocketAddr>> {
        let host = host.to_ascii_lowercase();
        let (mut running, old) = self.join(&host)?;
        let answer = async {
            match running.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(answer)) => answer.clone(),
                _ => Err("the look-up has ended without an answer".into()),
            }
        };
        let Some(old) = old else {
            let addrs = answer.await.map_err(|why| io::Error::other(why.to_string()))?;
            return Ok(with_port(&addrs, port));
        };
        let answer = tokio::time::timeout(OLD_ANSWER_AFTER, answer).await;
        let addrs = answer.ok().and_then(Result::ok).unwrap_or_else(|| {
            tracing::debug!(%host, "no new answer to the look-up: the last one is used");
            old
        });
        Ok(with_port(&addrs, port))
    }

    /// None of the addresses could be reached, so that a newer answer may be better.
    pub(super) fn unreachable(&self, host: &str) {
        let now = self.clock.mono();
        if let Some(known) = self.hosts().get_mut(&host.to_ascii_lowercase()) {
            known.unreachable(now);
        }
    }

    /// The look-up that runs, or that is started, and an old answer where there is one.
    #[expect(clippy::type_complexity, reason = "both parts are used up by the one caller")]
    fn join(
        self: &Arc<Self>,
        host: &str,
    ) -> io::Result<(watch::Receiver<Option<Answer>>, Option<Arc<[IpAddr]>>)> {
        let now = self.clock.mono();
        let mut hosts = self.hosts();
        let known = hosts.entry(host.to_owned()).or_default();
        let old = known.known.as_ref().map(|(addrs, _)| Arc::clone(addrs));
        match &known.running {
            Some((running, _)) if !known.is_lookup_due(now) => return Ok((running.clone(), old)),
            _ => {}
        }
        let (sender, receiver) = watch::channel(None);
        let (lookups, name) = (Arc::clone(self), host.to_owned());
        // A thread of its own, not of the client's runtime: all clients share the answer, and it
        // comes though the client that began the look-up has ended.
        let ask = move || {
            let call = std::panic::AssertUnwindSafe(|| lookups.resolver.resolve(&name));
            let answer = match std::panic::catch_unwind(call) {
                Ok(Ok(addrs)) => Ok(addrs.into()),
                Ok(Err(error)) => Err(error.to_string().into()),
                Err(_) => Err("the resolver has panicked".into()),
            };
            let now = lookups.clock.mono();
            if let Some(known) = lookups.hosts().get_mut(&name) {
                known.answered(&answer, now);
            }
            sender.send_replace(Some(answer));
        };
        std::thread::Builder::new().name("okx-feed-lookup".to_owned()).spawn(ask)?;
        known.running = Some((receiver.clone(), now));
        known.threads += 1;
        Ok((receiver, old))
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn with_port(addrs: &[IpAddr], port: u16) -> Vec<SocketAddr> {
    addrs.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    /// Gives prepared answers, and counts look-ups.
    #[derive(Debug)]
    struct Prepared {
        lookups: AtomicUsize,
        answers: Mutex<mpsc::Receiver<io::Result<Vec<IpAddr>>>>,
    }

    impl Resolve for Prepared {
        fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            self.lookups.fetch_add(1, Ordering::SeqCst);
            let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.recv().unwrap_or_else(|_| Err(io::Error::other("nobody answers")))
        }
    }

    fn prepared() -> (mpsc::Sender<io::Result<Vec<IpAddr>>>, Arc<Prepared>, Arc<Lookups>) {
        let (sender, answers) = mpsc::channel();
        let resolver =
            Arc::new(Prepared { lookups: AtomicUsize::new(0), answers: Mutex::new(answers) });
        let lookups = Lookups::new(Arc::clone(&resolver) as Arc<dyn Resolve>);
        (sender, resolver, lookups)
    }

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[tokio::test]
    async fn connections_of_a_host_share_one_look_up() {
        let (sender, resolver, lookups) = prepared();
        let asks: Vec<_> = (0..100u16)
            .map(|n| tokio::spawn(Arc::clone(&lookups).look_up("Ws.Example".to_owned(), n)))
            .collect();
        // The runtime polls some sixty tasks at a time.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
        assert_eq!(lookups.known("ws.example", 1), None);
        sender.send(Ok(vec![ip(1), ip(2)])).unwrap();
        for (n, ask) in asks.into_iter().enumerate() {
            let port = u16::try_from(n).unwrap();
            let addrs = ask.await.unwrap().unwrap();
            assert_eq!(addrs, [SocketAddr::new(ip(1), port), SocketAddr::new(ip(2), port)]);
        }
        assert_eq!(lookups.known("WS.EXAMPLE", 9).map(|addrs| addrs.len()), Some(2));
        assert_eq!(resolver.lookups.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_late_answer_is_kept_for_the_next_attempt() {
        let (sender, resolver, lookups) = prepared();
        let impatient = tokio::spawn(Arc::clone(&lookups).look_up("late.example".to_owned(), 1));
        tokio::task::yield_now().await;
        impatient.abort();
        assert!(impatient.await.is_err());
        let next = tokio::spawn(Arc::clone(&lookups).look_up("late.example".to_owned(), 2));
        sender.send(Ok(vec![ip(1)])).unwrap();
        assert_eq!(next.await.unwrap().unwrap(), [SocketAddr::new(ip(1), 2)]);
        assert_eq!(resolver.lookups.load(Ordering::SeqCst), 1);
        assert_eq!(lookups.known("late.example", 3), Some(vec![SocketAddr::new(ip(1), 3)]));
    }

    #[tokio::test]
    async fn an_old_answer_is_used_where_a_new_look_up_fails() {
        let (sender, _, lookups) = prepared();
        sender.send(Err(io::Error::other("no such name"))).unwrap();
        let failed = Arc::clone(&lookups).look_up("x.example".to_owned(), 1).await.unwrap_err();
        assert_eq!(failed.to_string(), "no such name");
        sender.send(Ok(vec![ip(1)])).unwrap();
        Arc::clone(&lookups).look_up("x.example".to_owned(), 1).await.unwrap();
        sender.send(Err(io::Error::other("nobody could be asked"))).unwrap();
        let old = Arc::clone(&lookups).look_up("x.example".to_owned(), 1).await.unwrap();
        assert_eq!(old, [SocketAddr::new(ip(1), 1)]);
    }

    #[test]
    fn an_answer_is_fresh_for_30_s_or_until_its_addresses_fail() {
        let at = |secs| MonoNanos::ZERO + Duration::from_secs(secs);
        let mut host = Host::default();
        let answer: Answer = Ok(vec![ip(1)].into());
        host.answered(&answer, at(100));
        assert!(host.fresh(at(129)).is_some() && host.fresh(at(130)).is_none());
        // All connections of a pool fail together: a new answer is not looked up again.
        host.unreachable(at(104));
        assert!(host.fresh(at(104)).is_some());
        host.unreachable(at(105));
        assert!(host.fresh(at(105)).is_none());
        host.answered(&answer, at(106));
        assert!(host.fresh(at(106)).is_some());
    }

    #[test]
    fn a_hanging_look_up_is_started_again() {
        let at = |secs| MonoNanos::ZERO + Duration::from_secs(secs);
        let (_sender, receiver) = watch::channel(None);
        let mut host = Host { running: Some((receiver, at(0))), threads: 1, ..Host::default() };
        assert!(!host.is_lookup_due(at(59)) && host.is_lookup_due(at(60)));
        host.threads = MOST_RUNNING;
        assert!(!host.is_lookup_due(at(600)));
    }

    #[test]
    fn an_address_needs_no_look_up() {
        let (_sender, resolver, lookups) = prepared();
        assert_eq!(lookups.known("127.0.0.1", 5), Some(vec![SocketAddr::new(ip(1), 5)]));
        assert!(lookups.known("::1", 5).is_some());
        assert_eq!(resolver.lookups.load(Ordering::SeqCst), 0);
    }
}
