//! The threads that connections run on.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::LocalSet;

use super::config::ClientConfig;
use super::connection_id::ConnectionId;
use super::ends::ConnectionEnd;
use super::heartbeat::Heartbeat;
use super::on_thread::OnThread;
use super::shared::HandleState;
use super::thread::{ClientThreads, ThreadOptions};
use crate::transport::RefusedOptions;

/// Where connections run.
pub(super) enum Threads {
    /// All on this thread.
    One(Rc<OnThread>),
    PerConnection(ConnectionThreads),
}

impl Threads {
    pub(super) fn of(config: &ClientConfig, client: &HandleState) -> Self {
        match config.thread.per_connection {
            true => Self::PerConnection(ConnectionThreads::new(&config.thread, client)),
            false => Self::One(Rc::new(OnThread::new(client.heartbeat.beats()))),
        }
    }
}

/// Starts a thread for each connection.
pub(super) struct ConnectionThreads {
    options: ThreadOptions,
    refused: RefusedOptions,
    heartbeat: Heartbeat,
    threads: ClientThreads,
    /// How many were started.
    started: usize,
}

/// A thread that waits for what it is to run, and where its result comes.
struct Started<F> {
    thread: JoinHandle<()>,
    job: mpsc::Sender<F>,
    ended: oneshot::Receiver<std::thread::Result<ConnectionEnd>>,
}

impl ConnectionThreads {
    fn new(options: &ThreadOptions, client: &HandleState) -> Self {
        Self {
            options: options.clone(),
            refused: client.health.refused().clone(),
            heartbeat: client.heartbeat.clone(),
            threads: client.threads,
            started: 0,
        }
    }

    /// Starts a thread that runs a connection; the future has its end. Where the system gives no
    /// thread, the future runs it itself.
    pub(super) fn run<F, R>(
        &mut self,
        id: ConnectionId,
        run: F,
    ) -> impl Future<Output = ConnectionEnd> + use<F, R>
    where
        F: FnOnce(Rc<OnThread>) -> R + Send + 'static,
        R: Future<Output = ConnectionEnd> + 'static,
    {
        let heartbeat = self.heartbeat.clone();
        let started = self.start(id);
        if let Err(error) = &started {
            self.refused.add("a thread for a connection", error.to_string());
        }
        async move {
            let Ok(Started { thread, job, ended }) = started else {
                return run(Rc::new(OnThread::new(heartbeat.beats()))).await;
            };
            // It waits for that, and for nothing else.
            let _ = job.send(run);
            let ended = ended.await.unwrap_or_else(|_| Err(Box::new("a thread has ended")));
            // It has nothing left to do.
            let _ = thread.join();
            ended.unwrap_or_else(|panic| resume_unwind(panic))
        }
    }

    fn start<F, R>(&mut self, id: ConnectionId) -> std::io::Result<Started<F>>
    where
        F: FnOnce(Rc<OnThread>) -> R + Send + 'static,
        R: Future<Output = ConnectionEnd> + 'static,
    {
        let mut options = self.options.clone();
        options.name = format!("{}-{}.{}", options.name, id.group, id.line);
        let cores = &self.options.connection_cores;
        options.core = cores.get(self.started % cores.len().max(1)).copied();
        self.started += 1;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (job, jobs) = mpsc::channel::<F>();
        let (sender, ended) = oneshot::channel();
        let (refused, threads) = (self.refused.clone(), self.threads);
        let beats = self.heartbeat.beats();
        let thread = std::thread::Builder::new().name(options.name.clone());
        let thread = thread.spawn(move || {
            threads.enter();
            options.apply(&refused);
            let Ok(run) = jobs.recv() else { return };
            let on_thread = || Rc::new(OnThread::new(beats));
            let ended = catch_unwind(AssertUnwindSafe(|| finish(runtime, || run(on_thread()))));
            // Nobody waits for it where the client has stopped without it.
            let _ = sender.send(ended);
        })?;
        Ok(Started { thread, job, ended })
    }
}

/// Runs one connection to its end.
fn finish<R: Future>(runtime: Runtime, run: impl FnOnce() -> R) -> R::Output {
    let local = LocalSet::new();
    let ended = local.block_on(&runtime, async { run().await });
    drop(local);
    runtime.shutdown_background();
    ended
}
