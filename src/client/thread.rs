//! The threads of a client: their names, cores and scheduling.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::transport::RefusedOptions;

/// The threads of a client.
///
/// What the system refuses is logged as a warning and listed in
/// [`Health::refused`](super::Health::refused); the client runs without it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ThreadOptions {
    /// The name; `okx-feed`. That of a connection's own thread ends in `-GROUP.LINE`. Linux shows
    /// the first 15 bytes.
    pub name: String,
    /// The core that the thread is bound to, from 0 (Linux, feature `direct`); `None`, the default,
    /// for any.
    pub core: Option<usize>,
    /// The priority of real-time scheduling by `SCHED_FIFO`, 1 to 99 on Linux (Unix, feature
    /// `direct`); `None`, the default, for the system's own scheduling.
    ///
    /// It needs `CAP_SYS_NICE` or a limit `RLIMIT_RTPRIO`. A thread that busy-polls with it leaves
    /// its core to no other thread but for the share that the system keeps back (5 % by default on
    /// Linux).
    pub fifo_priority: Option<u8>,
    /// Whether each connection has a thread of its own; `false` by default, when one thread reads
    /// all connections of the client.
    ///
    /// A frame of one connection is then received, decrypted and decoded while another connection
    /// decodes its own. What is one for all connections is under a lock, which a connection takes
    /// at the first event of a frame: the merge of redundant lines, the recording, and the sink,
    /// which is called on the connections' threads, one call at a time. Receive times of different
    /// connections may be out of order by the time that a frame takes.
    ///
    /// With busy polling each of them needs a core.
    pub per_connection: bool,
    /// The cores that the threads of connections are bound to, in turn and again from the first
    /// (Linux, feature `direct`); none, the default, for any. `core` is that of the thread that
    /// supervises them.
    pub connection_cores: Vec<usize>,
}

/// The threads of one client, on which it can't wait for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientThreads(u64);

thread_local! {
    /// The client that the thread belongs to.
    static CLIENT: Cell<Option<ClientThreads>> = const { Cell::new(None) };
}

impl ClientThreads {
    /// Those of one more client.
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// The calling thread is one of them.
    pub(super) fn enter(self) {
        CLIENT.set(Some(self));
    }

    /// Whether the calling thread is one of them.
    pub(super) fn has_current(self) -> bool {
        CLIENT.get() == Some(self)
    }
}

impl Default for ThreadOptions {
    fn default() -> Self {
        Self {
            name: "okx-feed".to_owned(),
            core: None,
            fifo_priority: None,
            per_connection: false,
            connection_cores: Vec::new(),
        }
    }
}

impl ThreadOptions {
    /// Applies core and scheduling to the calling thread. What the system refuses is added to
    /// `refused`.
    pub(super) fn apply(&self, refused: &RefusedOptions) {
        if let Some(core) = self.core
            && let Err(reason) = bind(core)
        {
            refused.add("core affinity", format!("core {core}: {reason}"));
        }
        if let Some(priority) = self.fifo_priority
            && let Err(reason) = schedule_fifo(priority)
        {
            refused.add("SCHED_FIFO", format!("priority {priority}: {reason}"));
        }
    }
}

#[cfg(all(feature = "direct", target_os = "linux"))]
fn bind(core: usize) -> Result<(), String> {
    use nix::sched::{CpuSet, sched_setaffinity};
    use nix::unistd::Pid;

    let mut cores = CpuSet::new();
    let bound = cores.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &cores));
    bound.map_err(|error| error.desc().to_owned())
}

#[cfg(not(all(feature = "direct", target_os = "linux")))]
fn bind(_: usize) -> Result<(), String> {
    Err("only on Linux with the feature `direct`".to_owned())
}

#[cfg(all(feature = "direct", unix))]
fn schedule_fifo(priority: u8) -> Result<(), String> {
    use thread_priority::unix::{
        RealtimeThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    use thread_priority::{Error, ThreadPriority, ThreadPriorityValue};

    let value = ThreadPriorityValue::try_from(priority)?;
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let priority = ThreadPriority::Crossplatform(value);
    set_thread_priority_and_policy(thread_native_id(), priority, fifo).map_err(
        |error| match error {
            Error::OS(code) => std::io::Error::from_raw_os_error(code).to_string(),
            other => other.to_string(),
        },
    )
}

#[cfg(not(all(feature = "direct", unix)))]
fn schedule_fifo(_: u8) -> Result<(), String> {
    Err("only on Unix with the feature `direct`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a thread of its own is refused.
    fn refused(options: ThreadOptions) -> Vec<(&'static str, String)> {
        let refused = RefusedOptions::default();
        let of_thread = refused.clone();
        std::thread::spawn(move || options.apply(&of_thread)).join().unwrap();
        refused.list().into_iter().map(|refused| (refused.option, refused.reason)).collect()
    }

    #[test]
    fn a_core_and_a_priority_that_there_are_not_are_refused_with_a_reason() {
        assert_eq!(refused(ThreadOptions::default()), []);
        let options = ThreadOptions {
            core: Some(1_000_000),
            fifo_priority: Some(200),
            ..ThreadOptions::default()
        };
        let all = refused(options);
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].0 == "core affinity" && all[0].1.starts_with("core 1000000: "), "{all:?}");
        assert!(all[1].0 == "SCHED_FIFO" && all[1].1.starts_with("priority 200: "), "{all:?}");
    }

    #[test]
    #[cfg(all(feature = "direct", target_os = "linux"))]
    fn a_thread_is_bound_to_its_core() {
        use nix::sched::{CpuSet, sched_getaffinity};
        use nix::unistd::Pid;

        let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
        let core = (0..CpuSet::count()).rfind(|core| allowed.is_set(*core).unwrap()).unwrap();
        let bound = std::thread::spawn(move || {
            let options = ThreadOptions { core: Some(core), ..ThreadOptions::default() };
            let refused = RefusedOptions::default();
            options.apply(&refused);
            assert_eq!(refused.list(), []);
            sched_getaffinity(Pid::from_raw(0)).unwrap()
        });
        let bound = bound.join().unwrap();
        let cores: Vec<_> = (0..CpuSet::count()).filter(|n| bound.is_set(*n).unwrap()).collect();
        assert_eq!(cores, [core]);
    }
}
