//! The colours of the view, or none if `NO_COLOR` is set.

use ratatui::style::{Color, Modifier, Style};

use okx_feed::{BookState, Side};

/// The styles of the drawn parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) colored: bool,
}

impl Theme {
    /// The theme that the environment asks for: see <https://no-color.org>.
    pub(crate) fn of_environment() -> Self {
        Self { colored: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// Names and frames, which matter less than numbers.
    pub(crate) const fn quiet(self) -> Style {
        if self.colored { Style::new().fg(Color::DarkGray) } else { Style::new() }
    }

    /// What a panel is about.
    pub(crate) const fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The most important numbers.
    pub(crate) const fn strong(self) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        if self.colored { style.fg(Color::Cyan) } else { style }
    }

    /// The color of a side: buyers green, sellers red.
    pub(crate) const fn side(self, side: Side) -> Style {
        let color = match side {
            Side::Buy => Color::Green,
            Side::Sell => Color::Red,
        };
        if self.colored { Style::new().fg(color) } else { Style::new() }
    }

    /// The style of a state: live, on its way to live, or down.
    pub(crate) const fn state(self, state: BookState) -> Style {
        let color = match state {
            BookState::Live => Color::Green,
            BookState::Down(_) => Color::Red,
            _ => Color::Yellow,
        };
        if self.colored { Style::new().fg(color) } else { Style::new() }
    }

    /// The style unchanged if the state is live, dimmed otherwise.
    pub(crate) const fn of_state(self, state: BookState, style: Style) -> Style {
        if state.is_live() { style } else { style.add_modifier(Modifier::DIM) }
    }

    /// A failure.
    pub(crate) const fn alarm(self) -> Style {
        if self.colored {
            Style::new().fg(Color::Yellow)
        } else {
            Style::new().add_modifier(Modifier::BOLD)
        }
    }
}
