//! What wakes a connection besides its transport: commands and its timer.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep};

use crate::client::messages::ConnectionCommand;

/// What has come of [`Signals`].
pub(super) enum Signal {
    /// A command; `None` where no more can come.
    Command(Option<ConnectionCommand>),
    Timer,
}

/// The commands of a connection, and its timer.
///
/// Each poll of a channel or of a timer registers the task's waker again. Between two frames both
/// have it already: then it is enough to look whether they are ready.
pub(super) struct Signals {
    commands: UnboundedReceiver<ConnectionCommand>,
    timer: Pin<Box<Sleep>>,
    /// The waker that both have; `None` where one of them may have none.
    registered: Option<Waker>,
}

impl Signals {
    /// It must be made inside of a runtime. The timer fires at once.
    pub(super) fn new(commands: UnboundedReceiver<ConnectionCommand>) -> Self {
        let timer = Box::pin(tokio::time::sleep(Duration::ZERO));
        Self { commands, timer, registered: None }
    }

    /// The next signal, commands first. The timer gives one at each poll until it is set again.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        let of_task = |waker: &Waker| waker.will_wake(cx.waker());
        if self.registered.as_ref().is_some_and(of_task) && self.is_idle() {
            return Poll::Pending;
        }
        self.poll_all(cx)
    }

    /// Whether neither is ready. What becomes so later wakes the task that is registered.
    #[inline]
    fn is_idle(&self) -> bool {
        !self.timer.is_elapsed() && self.commands.is_empty() && !self.commands.is_closed()
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        self.registered = None;
        // A task without budget is woken again, but is registered nowhere.
        let can_register = has_budget_remaining();
        if let Poll::Ready(command) = self.commands.poll_recv(cx) {
            return Poll::Ready(Signal::Command(command));
        }
        if self.timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Signal::Timer);
        }
        self.registered = can_register.then(|| cx.waker().clone());
        Poll::Pending
    }

    /// The next command that is there already.
    pub(super) fn try_command(&mut self) -> Option<ConnectionCommand> {
        // It may take the task's registration away.
        self.registered = None;
        self.commands.try_recv().ok()
    }

    /// Whether no command is there.
    pub(super) fn has_no_command(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether the timer has fired since it was set.
    #[inline]
    pub(super) fn is_timer_elapsed(&self) -> bool {
        self.timer.is_elapsed()
    }

    pub(super) fn set_timer(&mut self, at: Instant) {
        self.registered = None;
        self.timer.as_mut().reset(at);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
    use tokio::task::coop;

    use super::*;

    /// A task that counts how often it is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn woken(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn poll(signals: &mut Signals, task: &Arc<Task>) -> Poll<Signal> {
        signals.poll(&mut Context::from_waker(&Arc::clone(task).into()))
    }

    /// Signals whose timer fires in an hour.
    fn signals() -> (UnboundedSender<ConnectionCommand>, Signals) {
        let (sender, commands) = unbounded_channel();
        let mut signals = Signals::new(commands);
        signals.set_timer(Instant::now() + Duration::from_secs(3_600));
        (sender, signals)
    }

    #[tokio::test]
    async fn a_task_that_has_polled_before_is_woken_by_each_command_and_by_the_last_sender() {
        let ((sender, mut signals), task) = (signals(), Arc::new(Task::default()));
        for round in 1..=3 {
            (0..3).for_each(|_| assert!(poll(&mut signals, &task).is_pending()));
            assert!(signals.registered.is_some() && signals.has_no_command());
            assert!(sender.send(ConnectionCommand::Drain).is_ok());
            assert_eq!(task.woken(), round);
            let signal = poll(&mut signals, &task);
            let is_drain = |of: &_| matches!(of, Some(ConnectionCommand::Drain));
            assert!(matches!(signal, Poll::Ready(Signal::Command(of)) if is_drain(&of)));
        }
        assert!(poll(&mut signals, &task).is_pending());
        drop(sender);
        assert_eq!(task.woken(), 4);
        let signal = poll(&mut signals, &task);
        assert!(matches!(signal, Poll::Ready(Signal::Command(None))));
    }

    #[tokio::test]
    async fn the_task_that_has_polled_last_is_woken() {
        let ((sender, mut signals), first) = (signals(), Arc::new(Task::default()));
        let second = Arc::new(Task::default());
        assert!(poll(&mut signals, &first).is_pending());
        assert!(poll(&mut signals, &second).is_pending());
        assert!(sender.send(ConnectionCommand::Drain).is_ok());
        assert_eq!((first.woken(), second.woken()), (0, 1));
    }

    #[tokio::test]
    async fn a_look_for_commands_and_an_earlier_time_are_registered_again() {
        let ((sender, mut signals), task) = (signals(), Arc::new(Task::default()));
        assert!(poll(&mut signals, &task).is_pending());
        assert!(signals.try_command().is_none());
        assert!(signals.registered.is_none());
        assert!(poll(&mut signals, &task).is_pending());
        assert!(sender.send(ConnectionCommand::Drain).is_ok());
        assert_eq!(task.woken(), 1);
        assert!(signals.try_command().is_some());
        assert!(poll(&mut signals, &task).is_pending());
        // The runtime wakes this task then.
        let of_runtime = poll_fn(|cx| {
            assert!(signals.poll(cx).is_pending());
            Poll::Ready(())
        });
        of_runtime.await;
        signals.set_timer(Instant::now());
        assert!(matches!(poll_fn(|cx| signals.poll(cx)).await, Signal::Timer));
        assert!(signals.is_timer_elapsed());
    }

    #[tokio::test]
    async fn a_task_without_budget_registers_with_its_next_poll() {
        let (sender, mut signals) = signals();
        poll_fn(|cx| {
            while let Poll::Ready(step) = coop::poll_proceed(cx) {
                step.made_progress();
            }
            assert!(signals.poll(cx).is_pending());
            assert!(signals.registered.is_none());
            Poll::Ready(())
        })
        .await;
        let mut is_first = true;
        let signal = poll_fn(|cx| {
            let polled = signals.poll(cx);
            if std::mem::take(&mut is_first) {
                assert!(polled.is_pending() && sender.send(ConnectionCommand::Drain).is_ok());
            }
            polled
        });
        assert!(matches!(signal.await, Signal::Command(Some(ConnectionCommand::Drain))));
    }
}
