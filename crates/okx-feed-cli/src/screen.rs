//! The terminal: taken over while the program draws, restored however it ends.

use std::io::{self, IsTerminal};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyEvent};
use ratatui::{DefaultTerminal, Frame};

use super::error::CliError;

/// A terminal with the alternate screen shown. Dropping it restores the terminal; a panic does too.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    /// Takes over the terminal, if standard output is one that can be drawn on.
    pub(crate) fn open_if_terminal() -> Option<Self> {
        if !is_drawable() {
            return None;
        }
        match ratatui::try_init() {
            Ok(terminal) => Some(Self { terminal }),
            Err(error) => {
                // Plain lines are as good: the terminal may have no keyboard.
                let _ = ratatui::try_restore();
                tracing::info!(%error, "the terminal can't be drawn on");
                None
            }
        }
    }

    /// The next key press that is waiting. Does not block.
    pub(crate) fn next_key() -> Option<KeyEvent> {
        // If the keyboard can't be read, signals still end the program.
        while event::poll(Duration::ZERO).unwrap_or(false) {
            if let Ok(Event::Key(key)) = event::read() {
                return Some(key);
            }
        }
        None
    }

    /// Draws one picture.
    ///
    /// # Errors
    /// If writing to the terminal failed.
    pub(crate) fn draw(&mut self, picture: impl FnOnce(&mut Frame<'_>)) -> Result<(), CliError> {
        self.terminal.draw(picture).map(|_| ()).map_err(CliError::write)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs no restoring.
        let _ = ratatui::try_restore();
    }
}

/// Whether standard output is a terminal on which the cursor can be moved.
pub(crate) fn is_drawable() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !dumb && io::stdout().is_terminal()
}
