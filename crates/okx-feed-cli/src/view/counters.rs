//! The counters of the feed, and its latencies.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::columns::SPACING;
use super::fit::{columns_of, fitting};
use super::frame::{Frame, draw_frame};
use super::picture::Counters;
use super::theme::Theme;
use crate::format::{Bytes, Grouped};
use crate::report::percentiles;

/// A counter: its name, its value, how that looks, and how soon it is left out.
type Counter = (&'static str, String, Style, u8);

/// The latencies that were measured, from the receipt of a frame to the book.
pub(super) fn draw_latency(buf: &mut Buffer, area: Rect, theme: Theme, counters: &Counters) {
    let ranks = [0, 1, 3, 2];
    let shown = percentiles(&counters.latency).zip(ranks).map(|((name, value), rank)| {
        let text = value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        (name, text, theme.strong(), rank)
    });
    let long = "latency, frame receipt to book update";
    let name = if columns_of(long) + 4 <= area.width { long } else { "latency" };
    draw_counters(buf, area, theme, name, &shown.collect::<Vec<_>>());
}

/// The counters of data and of faults.
pub(super) fn draw_feed(buf: &mut Buffer, area: Rect, theme: Theme, counters: &Counters) {
    let alarm = |count: u64| if count > 0 { theme.alarm() } else { Style::new() };
    let Counters { frames, frames_per_sec, bytes, errors, losses, .. } = counters;
    let shown = [
        ("frames", Grouped(*frames).to_string(), Style::new(), 2),
        ("frames/s", Grouped(*frames_per_sec).to_string(), theme.strong(), 0),
        ("bytes", Bytes(*bytes).to_string(), Style::new(), 4),
        ("errors", Grouped(*errors).to_string(), alarm(*errors), 1),
        ("lost", Grouped(*losses).to_string(), alarm(*losses), 3),
    ];
    draw_counters(buf, area, theme, "feed", &shown);
}

/// Names above numbers, as many as fit.
fn draw_counters(buf: &mut Buffer, area: Rect, theme: Theme, name: &str, counters: &[Counter]) {
    if area.is_empty() {
        return;
    }
    let frame = Frame { name: name.to_owned(), ..Frame::default() };
    let inner = draw_frame(buf, area, theme, &frame);
    let width = |(name, value, ..): &Counter| columns_of(name).max(columns_of(value));
    let mut by_rank: Vec<(usize, &Counter)> = counters.iter().enumerate().collect();
    by_rank.sort_by_key(|(_, (.., rank))| *rank);
    let widths: Vec<u16> = by_rank.iter().map(|(_, counter)| width(counter)).collect();
    let shown = fitting(&widths, inner.width, SPACING);
    by_rank.truncate(shown);
    by_rank.sort_by_key(|(at, _)| *at);
    // What is left of the room is shared.
    let taken = widths.iter().take(shown).sum::<u16>();
    let count = u16::try_from(shown).unwrap_or(u16::MAX).max(1);
    let gap = inner.width.saturating_sub(taken) / count;
    let gap = if count > 1 { gap.max(SPACING) } else { gap };
    let mut right = inner.x;
    for (at, (_, counter)) in by_rank.iter().enumerate() {
        let (name, value, style, _) = counter;
        let first =
            if at == 0 { inner.width.saturating_sub(taken + gap * (count - 1)) } else { gap };
        right += width(counter) + first.min(inner.right().saturating_sub(right + width(counter)));
        for (text, style, y) in [(*name, theme.quiet(), inner.y), (value, *style, inner.y + 1)] {
            if y < inner.bottom() {
                let x = right.saturating_sub(columns_of(text));
                buf.set_span(x, y, &Span::styled(text, style), columns_of(text));
            }
        }
    }
}
