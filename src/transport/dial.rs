//! A TCP connection to one of several addresses: staggered attempts, after RFC 8305.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::clock::Clock;
use super::refused_options::RefusedOptions;
use super::socket_options::SocketOptions;
use crate::model::MonoNanos;

/// How many addresses are named in an error.
const MAX_ERRORS: usize = 4;

/// The addresses in the order in which they are tried: address families alternate, beginning with
/// that of the first, and the whole is rotated by `rotation` places, so that attempts and lines
/// that differ in it begin with different addresses.
pub(super) fn order(addrs: &[SocketAddr], rotation: usize) -> Vec<SocketAddr> {
    let first_is_v6 = addrs.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (VecDeque<_>, VecDeque<_>) =
        addrs.iter().copied().partition(|addr| addr.is_ipv6() == first_is_v6);
    let mut order = Vec::with_capacity(addrs.len());
    while !(first.is_empty() && second.is_empty()) {
        for addr in [first.pop_front(), second.pop_front()].into_iter().flatten() {
            if !order.contains(&addr) {
                order.push(addr);
            }
        }
    }
    let len = order.len().max(1);
    order.rotate_left(rotation % len);
    order
}

/// When to try which address: the next one after a pause, or at once where one has failed. Sans-IO.
#[derive(Debug)]
pub(super) struct Stagger {
    left: VecDeque<SocketAddr>,
    pause: Duration,
    next_at: MonoNanos,
    running: usize,
}

impl Stagger {
    pub(super) fn new(order: Vec<SocketAddr>, pause: Duration, now: MonoNanos) -> Self {
        Self { left: order.into(), pause, next_at: now, running: 0 }
    }

    /// The address that is to be tried now, beside those that are being tried.
    pub(super) fn next(&mut self, now: MonoNanos) -> Option<SocketAddr> {
        let addr = if self.next_at <= now { self.left.pop_front()? } else { return None };
        self.next_at = now + self.pause;
        self.running += 1;
        Some(addr)
    }

    /// When [`Stagger::next`] is to be called again; `None` where no address is left.
    pub(super) fn due(&self) -> Option<MonoNanos> {
        (!self.left.is_empty()).then_some(self.next_at)
    }

    /// An address could not be reached: the next one is tried at once.
    pub(super) const fn failed(&mut self, now: MonoNanos) {
        self.running -= 1;
        self.next_at = now;
    }

    /// Whether all addresses have failed.
    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty() && self.running == 0
    }
}

/// Opens a TCP connection to the first address that accepts one.
///
/// # Errors
/// The error of each address, where none accepted.
pub(super) async fn dial(
    order: Vec<SocketAddr>,
    pause: Duration,
    options: &SocketOptions,
    refused: &RefusedOptions,
) -> io::Result<TcpStream> {
    let clock = Clock::start();
    let mut stagger = Stagger::new(order, pause, clock.mono());
    let mut attempts = JoinSet::new();
    let mut errors = Vec::new();
    while !stagger.is_over() {
        while let Some(addr) = stagger.next(clock.mono()) {
            let (options, refused) = (options.clone(), refused.clone());
            attempts.spawn(async move {
                let connected = async { options.open(addr, &refused)?.connect(addr).await };
                (addr, connected.await)
            });
        }
        let pause = async {
            match stagger.due() {
                Some(due) => tokio::time::sleep_until(clock.deadline(due)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = attempts.join_next() => match ended {
                Ok((_, Ok(tcp))) => {
                    // Requests are small and must not wait for one another.
                    tcp.set_nodelay(true)?;
                    return Ok(tcp);
                }
                Ok((addr, Err(error))) => {
                    errors.push(format!("{addr}: {error}"));
                    stagger.failed(clock.mono());
                }
                Err(error) => {
                    errors.push(error.to_string());
                    stagger.failed(clock.mono());
                }
            },
            () = pause => {}
        }
    }
    if errors.is_empty() {
        return Err(io::Error::other("the host's name has no address"));
    }
    let more = errors.len().saturating_sub(MAX_ERRORS);
    errors.truncate(MAX_ERRORS);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    Err(io::Error::other(format!("{}{more}", errors.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 443)
    }

    fn addrs(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| addr(text)).collect()
    }

    fn at(ms: u64) -> MonoNanos {
        MonoNanos::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn address_families_alternate_and_each_turn_begins_with_another_address() {
        let known = addrs(&["::1", "::2", "::3", "10.0.0.1", "10.0.0.2", "::1"]);
        let all = ["::1", "10.0.0.1", "::2", "10.0.0.2", "::3"];
        assert_eq!(order(&known, 0), addrs(&all));
        assert_eq!(order(&known, 1), addrs(&[&all[1..], &all[..1]].concat()));
        let firsts: Vec<_> = (0..5).map(|rotation| order(&known, rotation)[0]).collect();
        assert_eq!(firsts, addrs(&all));
        assert_eq!(order(&known, 5), order(&known, 0));
        // The resolver's preference between the families is kept.
        assert_eq!(order(&addrs(&["10.0.0.1", "::1"]), 0), addrs(&["10.0.0.1", "::1"]));
        assert_eq!(order(&[], 3), []);
    }

    #[test]
    fn the_next_address_follows_a_silent_one_after_the_pause_and_a_refusal_at_once() {
        let pause = Duration::from_millis(250);
        let mut stagger = Stagger::new(addrs(&["::1", "::2", "::3", "::4"]), pause, at(0));
        assert_eq!(stagger.next(at(0)), Some(addr("::1")));
        assert_eq!((stagger.next(at(249)), stagger.due()), (None, Some(at(250))));
        assert_eq!(stagger.next(at(250)), Some(addr("::2")));
        stagger.failed(at(300));
        assert_eq!(stagger.due(), Some(at(300)));
        assert_eq!(stagger.next(at(300)), Some(addr("::3")));
        assert_eq!((stagger.next(at(301)), stagger.due()), (None, Some(at(550))));
        assert_eq!(stagger.next(at(550)), Some(addr("::4")));
        assert_eq!((stagger.next(at(900)), stagger.due()), (None, None));
        for _ in 0..3 {
            assert!(!stagger.is_over());
            stagger.failed(at(1_000));
        }
        assert!(stagger.is_over());
    }

    #[tokio::test]
    async fn the_error_of_every_address_is_reported() {
        let ports: Vec<u16> = (0..2)
            .map(|_| {
                std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
            })
            .collect();
        let known = ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect();
        let (options, refused) = (SocketOptions::default(), RefusedOptions::default());
        let pause = Duration::from_secs(60);
        let error = dial(known, pause, &options, &refused).await.unwrap_err().to_string();
        assert!(ports.iter().all(|port| error.contains(&format!("127.0.0.1:{port}: "))), "{error}");
        assert!(dial(Vec::new(), Duration::ZERO, &options, &refused).await.is_err());
    }
}
