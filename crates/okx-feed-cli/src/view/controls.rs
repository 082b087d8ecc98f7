//! The keys and their effects.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// The keys in words, the most important first.
pub(super) const HELP: [&str; 3] = ["q quit", "space pause", "←→ instrument"];

/// The state that the keys have chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Controls {
    pub(super) quit: bool,
    /// Whether the display is paused.
    pub(super) paused: bool,
    /// The chosen instrument, from 0; past the last it is the first again.
    pub(super) selected: usize,
}

impl Controls {
    /// Handles a key, for this number of instruments.
    pub(super) fn press(&mut self, key: KeyEvent, instruments: usize) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let count = instruments.max(1);
        let at = self.selected % count;
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => self.quit = true,
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => self.quit = true,
            KeyCode::Char(' ' | 'p' | 'P') => self.paused = !self.paused,
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => self.choose((at + 1) % count),
            KeyCode::Left | KeyCode::Up | KeyCode::BackTab => {
                self.choose((at + count - 1) % count);
            }
            _ => {}
        }
    }

    /// Another instrument is shown as it is now.
    const fn choose(&mut self, at: usize) {
        self.selected = at;
        self.paused = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_choose_pause_and_quit() {
        let mut controls = Controls::default();
        let mut press = |code| {
            controls.press(KeyEvent::new(code, KeyModifiers::NONE), 3);
            (controls.selected, controls.paused, controls.quit)
        };
        assert_eq!(press(KeyCode::Right), (1, false, false));
        assert_eq!(press(KeyCode::Tab), (2, false, false));
        assert_eq!(press(KeyCode::Down), (0, false, false));
        assert_eq!(press(KeyCode::Left), (2, false, false));
        assert_eq!(press(KeyCode::Char(' ')), (2, true, false));
        assert_eq!(press(KeyCode::Char('x')), (2, true, false));
        assert_eq!(press(KeyCode::Char(' ')), (2, false, false));
        press(KeyCode::Char(' '));
        assert_eq!(press(KeyCode::Up), (1, false, false));
        assert_eq!(press(KeyCode::Char('c')), (1, false, false));
        assert_eq!(press(KeyCode::Esc), (1, false, true));
        let mut controls = Controls::default();
        controls.press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), 0);
        assert!(controls.quit);
    }
}
