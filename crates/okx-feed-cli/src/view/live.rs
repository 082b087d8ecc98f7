//! The view of a running client on a terminal: keys in, pictures out.

use std::time::Duration;

use super::controls::Controls;
use super::draw::{Header, draw};
use super::picture::Picture;
use super::theme::Theme;
use crate::monitor::Monitor;
use crate::screen::Screen;

/// How often the picture is drawn.
pub(crate) const DRAW_EVERY: Duration = Duration::from_millis(66);

/// A terminal with a client's state on it. Dropping it restores the terminal.
pub(crate) struct LiveView {
    screen: Screen,
    controls: Controls,
    theme: Theme,
    last: Option<Picture>,
}

impl LiveView {
    /// Takes the terminal over, if standard output is one that can be drawn on.
    pub(crate) fn open_if_terminal() -> Option<Self> {
        let screen = Screen::open_if_terminal()?;
        let theme = Theme::of_environment();
        Some(Self { screen, controls: Controls::default(), theme, last: None })
    }

    /// Processes the keys that were pressed and draws the client's state, with the latest notices
    /// below. Gives whether to go on: not after `q`, Escape or Ctrl-C, and not if the terminal was
    /// closed.
    pub(crate) fn refresh(
        &mut self,
        monitor: &mut Monitor,
        header: &Header<'_>,
        notices: &[String],
    ) -> bool {
        let instruments = self.last.as_ref().map_or(0, |picture| picture.instrument.1);
        while let Some(key) = self.screen.next_key() {
            self.controls.press(key, instruments);
        }
        if self.controls.quit {
            return false;
        }
        let Self { screen, controls, theme, last } = self;
        let frozen = last.take().filter(|_| controls.paused);
        let picture =
            frozen.unwrap_or_else(|| Picture::take(monitor, controls.selected, header.depth));
        let is_drawn = screen.draw(|frame| {
            let area = frame.area();
            draw(frame.buffer_mut(), area, *theme, &picture, header, controls.paused, notices);
        });
        *last = Some(picture);
        is_drawn
    }
}
