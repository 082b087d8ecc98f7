//! The terminal: taken over while the program draws, restored however it ends.
//!
//! The terminal may be closed at any time. Writing to it then fails, and reading its keys may never
//! return.

use std::io::{self, IsTerminal, Stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event, KeyEvent};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::{Frame, Terminal};

/// The most keys that wait to be taken; further ones wait in the terminal.
const MAX_KEYS: usize = 64;

/// A terminal with the alternate screen shown. Dropping it restores the terminal; a panic does too.
pub(crate) struct Screen {
    /// Never dropped: its destructor prints to standard error, and panics if that is the terminal
    /// and closed. Nothing is kept in it that the system does not free.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
    keys: Receiver<KeyEvent>,
}

impl Screen {
    /// Takes over the terminal, if standard output is one that can be drawn on.
    pub(crate) fn open_if_terminal() -> Option<Self> {
        if !is_drawable() {
            return None;
        }
        match open() {
            Ok(terminal) => Some(Self { terminal: ManuallyDrop::new(terminal), keys: read_keys() }),
            Err(error) => {
                // Plain lines are as good: the terminal may have no keyboard.
                restore();
                tracing::info!(%error, "the terminal can't be drawn on");
                None
            }
        }
    }

    /// The next key press that is waiting. Does not block.
    pub(crate) fn next_key(&self) -> Option<KeyEvent> {
        self.keys.try_recv().ok()
    }

    /// Draws one picture. Gives whether the terminal took it: one that is closed does not.
    pub(crate) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> bool {
        self.terminal.draw(picture).is_ok()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn open() -> io::Result<Terminal<CrosstermBackend<Stdout>>> {
    static RESTORE_ON_PANIC: Once = Once::new();
    RESTORE_ON_PANIC.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            report(info);
        }));
    });
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen)?;
    Terminal::new(CrosstermBackend::new(io::stdout()))
}

/// Restores the terminal. One that is closed needs no restoring.
fn restore() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
}

/// Reads the keys on a thread of its own, for which nothing waits: reading from a terminal that is
/// closed may never return, and signals must still end the program.
fn read_keys() -> Receiver<KeyEvent> {
    let (sender, keys) = mpsc::sync_channel(MAX_KEYS);
    let read = move || {
        while let Ok(event) = event::read() {
            if let Event::Key(key) = event
                && sender.send(key).is_err()
            {
                return;
            }
        }
    };
    // Without a thread there are no keys. Signals still end the program.
    let _ = thread::Builder::new().name("okx-feed-keys".to_owned()).spawn(read);
    keys
}

/// Whether standard output is a terminal on which the cursor can be moved.
pub(crate) fn is_drawable() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !dumb && io::stdout().is_terminal()
}
