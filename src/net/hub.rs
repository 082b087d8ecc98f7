//! What all connections of a client share: the sink, and who wins between lines.

use std::cell::RefCell;
use std::rc::Rc;

use crate::feed::{Arbiter, Recovery};
use crate::model::{Event, Sink};

/// Shared by the tasks of the client's one thread. Nobody holds it while waiting for anything.
pub(super) type SharedHub<S> = Rc<RefCell<Hub<S>>>;

/// What all connections of a client share.
pub(super) struct Hub<S> {
    pub(super) sink: Noted<S>,
    /// By group: `None` where one connection alone brings what it has subscribed.
    pub(super) arbiters: Vec<Option<Arbiter>>,
    /// By group and line: whether everything that it wants is live.
    pub(super) well: Vec<Vec<bool>>,
}

/// The user's sink, with the times that books take to be live again.
pub(super) struct Noted<S> {
    pub(super) sink: S,
    pub(super) recovery: Recovery,
}

impl<S: Sink> Sink for Noted<S> {
    #[inline]
    fn on_event(&mut self, event: &Event<'_>) {
        if let Event::State(change) = event {
            self.recovery.note(change);
        }
        self.sink.on_event(event);
    }
}

/// Which connection: its group, and its number in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) group: usize,
    pub(super) line: usize,
}

impl<S: Sink> Hub<S> {
    pub(super) fn new(sink: S) -> Self {
        let sink = Noted { sink, recovery: Recovery::default() };
        Self { sink, arbiters: Vec::new(), well: Vec::new() }
    }

    /// Adds a group of lines.
    pub(super) fn add(&mut self, arbiter: Option<Arbiter>, lines: usize) {
        self.arbiters.push(arbiter);
        self.well.push(vec![false; lines]);
    }

    /// Passes an event of one connection on.
    #[inline]
    pub(super) fn on_event(&mut self, place: Place, event: &Event<'_>) {
        match self.arbiters.get_mut(place.group) {
            Some(Some(arbiter)) => arbiter.on_event(place.line, event, &mut self.sink),
            _ => self.sink.on_event(event),
        }
    }

    pub(super) fn set_well(&mut self, place: Place, well: bool) {
        let lines = self.well.get_mut(place.group);
        if let Some(line) = lines.and_then(|lines| lines.get_mut(place.line)) {
            *line = well;
        }
    }

    /// Whether another line of the group can do without this one.
    pub(super) fn others_are_well(&self, place: Place) -> bool {
        let lines = self.well.get(place.group).into_iter().flatten().enumerate();
        lines.into_iter().any(|(line, well)| line != place.line && *well)
    }
}
