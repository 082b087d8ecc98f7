//! The frame of a panel, and words in the place of numbers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Padding, Widget};

use super::fit::{columns_of, shortened, wrapped};
use super::theme::Theme;
use okx_feed::BookState;

/// The texts in the frame of a panel.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) name: String,
    pub(super) state: Option<BookState>,
    /// Below, on the right, if it fits.
    pub(super) foot: String,
}

/// Draws a panel's frame; returns the area inside. The state precedes the name.
pub(super) fn draw_frame(buf: &mut Buffer, area: Rect, theme: Theme, frame: &Frame) -> Rect {
    let mut block = Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.quiet())
        .padding(Padding::horizontal(1));
    // Two corners, and two blanks around each text.
    let mut room = area.width.saturating_sub(4);
    if let Some(state) = frame.state
        && let Some(text) = shortened(state.name(), room)
    {
        room = room.saturating_sub(columns_of(&text) + 2);
        let text = Line::styled(format!(" {text} "), theme.state(state));
        block = block.title(text.right_aligned());
    }
    if let Some(name) = shortened(&frame.name, room) {
        block = block.title(Line::styled(format!(" {name} "), theme.title()));
    }
    if !frame.foot.is_empty() && columns_of(&frame.foot) + 4 <= area.width {
        let foot = Line::styled(format!(" {} ", frame.foot), theme.quiet());
        block = block.title_bottom(foot.right_aligned());
    }
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}

/// A word in the place of numbers.
pub(super) fn draw_words(buf: &mut Buffer, area: Rect, theme: Theme, text: &str) {
    let words = wrapped(text, area.width);
    for (word, y) in words.iter().zip(area.y..area.bottom()) {
        buf.set_span(area.x, y, &Span::styled(word.as_str(), theme.alarm()), area.width);
    }
}
