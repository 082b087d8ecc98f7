//! The signals that end the program: Ctrl-C, a closed terminal, a signal to terminate.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::error::say;
use super::progress::clear_progress;

/// Ends the program on a thread that nothing waits for.
#[expect(clippy::exit, reason = "nothing else ends a loop that waits for its input")]
fn end_at_once(code: i32) -> ! {
    std::process::exit(code)
}

/// The code of a program that Ctrl-C ends by itself.
const BY_SIGNAL: i32 = 130;

/// While it lives, a signal ends the program.
#[derive(Debug)]
#[must_use]
pub(crate) struct Ending {
    is_over: Arc<AtomicBool>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
    }
}

/// The signals that end the program. Installed before anything is started, so that no signal kills
/// the program halfway.
#[derive(Debug)]
pub(crate) struct Interrupt {
    #[cfg(unix)]
    signals: [tokio::signal::unix::Signal; 3],
}

impl Interrupt {
    /// Installs the handlers. Must be called inside a runtime.
    ///
    /// # Errors
    /// If the operating system refuses.
    #[cfg(unix)]
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let [interrupt, terminate, hangup] = kinds.map(signal);
        Ok(Self { signals: [interrupt?, terminate?, hangup?] })
    }

    /// Installs the handler of Ctrl-C.
    ///
    /// # Errors
    /// None here.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// A flag that is set once the program is to end, for a loop without a runtime. A second signal
    /// ends the program at once: the loop may wait for its input.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub(crate) fn flag() -> io::Result<Arc<AtomicBool>> {
        let flag = Arc::new(AtomicBool::new(false));
        let set = Arc::clone(&flag);
        Self::on_signals(move |number| match number {
            1 => set.store(true, Ordering::Relaxed),
            _ => end_at_once(BY_SIGNAL),
        })?;
        Ok(flag)
    }

    /// Ends the program by the first signal, with `text` on standard error and code 0, until what
    /// it gives is dropped. For a command that never waits itself.
    ///
    /// # Errors
    /// If the operating system refuses.
    pub(crate) fn end_program(text: &'static str) -> io::Result<Ending> {
        let is_over = Arc::new(AtomicBool::new(false));
        let ending = Ending { is_over: Arc::clone(&is_over) };
        Self::on_signals(move |number| {
            if number > 1 {
                end_at_once(BY_SIGNAL);
            }
            if !is_over.load(Ordering::Acquire) {
                clear_progress();
                say(format_args!("{text}"));
                end_at_once(0);
            }
        })?;
        Ok(ending)
    }

    /// Calls `act` with the number of each signal, from 1, on a thread that nothing waits for.
    fn on_signals(act: impl Fn(u32) + Send + 'static) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut interrupt = runtime.block_on(async { Self::listen() })?;
        let wait = move || {
            for number in 1.. {
                runtime.block_on(interrupt.wait());
                act(number);
            }
        };
        thread::Builder::new().name("okx-signals".to_owned()).spawn(wait)?;
        Ok(())
    }

    /// Waits until the program is to end.
    #[cfg(unix)]
    pub(crate) async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits until the program is to end.
    #[cfg(not(unix))]
    pub(crate) async fn wait(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // There will be no signal: wait for the other ends of a command.
            std::future::pending::<()>().await;
        }
    }
}
