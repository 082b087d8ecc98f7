//! The whole picture, from its parts. It draws and decides nothing.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::Span;

use super::charts::{draw_latencies, draw_mids};
use super::controls::HELP;
use super::counters::{draw_feed, draw_latency};
use super::fit::{columns_of, fitting, wrapped};
use super::frame::draw_words;
use super::ladder_panel::{draw_ladder, ladder_needs};
use super::layout::{MIN_HEIGHT, MIN_WIDTH, Wants, divide};
use super::other_channels::draw_others;
use super::picture::{Content, Pane, Picture};
use super::record_panel::{draw_record, record_needs};
use super::tape_panel::{draw_tape, tape_needs};
use super::theme::Theme;
use okx_feed::Dialect;

/// The columns between two words of the first row.
const WORD_SPACING: u16 = 2;

/// What the picture says of the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header<'a> {
    pub(crate) command: &'static str,
    pub(crate) dialect: Dialect,
    pub(crate) url: &'a str,
    pub(crate) duration: Option<Duration>,
    /// The levels a side that were asked for; `None` for as many as the window has room for.
    pub(crate) depth: Option<usize>,
}

/// Draws a picture, with the latest notices below.
pub(super) fn draw(
    buf: &mut Buffer,
    window: Rect,
    theme: Theme,
    picture: &Picture,
    header: &Header<'_>,
    paused: bool,
    notices: &[String],
) {
    if window.width < MIN_WIDTH || window.height < MIN_HEIGHT {
        return draw_words(buf, window, theme, "this window is too small");
    }
    let notices: Vec<String> =
        notices.iter().rev().flat_map(|text| wrapped(text, window.width)).collect();
    let levels = picture.panels.iter().filter_map(|pane| match &pane.content {
        Content::Book(ladder) => Some(ladder.levels().min(header.depth.unwrap_or(usize::MAX))),
        Content::Trades(_) | Content::Record(_) => None,
    });
    let needs =
        |at: usize| picture.panels.get(at).map_or(0, |pane| panel_needs(pane, window.height));
    let wants = Wants {
        levels: levels.max(),
        panel_columns: [needs(0), needs(1)],
        panels: picture.panels.len(),
        others: picture.others.len() + picture.more,
        notice_rows: u16::try_from(notices.len()).unwrap_or(u16::MAX),
    };
    let parts = divide(window, &wants);
    draw_head(buf, parts.head, theme, picture, header, paused);
    for (pane, area) in picture.panels.iter().zip(parts.panels) {
        draw_panel(buf, area, theme, pane, header.depth);
    }
    draw_others(buf, parts.others, theme, picture);
    draw_mids(buf, parts.mid_chart, theme, &picture.mids);
    draw_latencies(buf, parts.latency_chart, theme, &picture.counters.latency);
    draw_latency(buf, parts.latency, theme, &picture.counters);
    draw_feed(buf, parts.feed, theme, &picture.counters);
    for (text, y) in notices.iter().zip(parts.notices.y..parts.notices.bottom()) {
        buf.set_span(0, y, &Span::styled(text.as_str(), theme.alarm()), window.width);
    }
    draw_help(buf, parts.help, theme, picture);
}

fn panel_needs(pane: &Pane, rows: u16) -> u16 {
    match &pane.content {
        Content::Book(ladder) => ladder_needs(ladder),
        Content::Trades(tape) => tape_needs(tape, rows),
        Content::Record(record) => record_needs(record),
    }
}

fn draw_panel(buf: &mut Buffer, area: Rect, theme: Theme, pane: &Pane, depth: Option<usize>) {
    match &pane.content {
        _ if area.is_empty() => {}
        Content::Book(ladder) => {
            draw_ladder(buf, area, theme, &pane.name, ladder, depth.unwrap_or(usize::MAX));
        }
        Content::Trades(tape) => draw_tape(buf, area, theme, &pane.name, tape),
        Content::Record(record) => draw_record(buf, area, theme, &pane.name, record),
    }
}

fn draw_head(
    buf: &mut Buffer,
    area: Rect,
    theme: Theme,
    picture: &Picture,
    header: &Header<'_>,
    paused: bool,
) {
    let Header { command, dialect, url, duration, .. } = header;
    let of = duration.map(|total| format!(" of {:.0}", total.as_secs_f64())).unwrap_or_default();
    let (open, all) = picture.counters.connections;
    let connections = match (open, all) {
        (1, 1) => "connected".to_owned(),
        (_, 1) => "not connected".to_owned(),
        _ => format!("{open} of {all} connections"),
    };
    let well = if open == all { theme.quiet() } else { theme.alarm() };
    // If there is no room they are left out from the end.
    let mut words = vec![
        (Alignment::Left, format!("okx-feed {command}"), theme.title()),
        (Alignment::Right, connections, well),
    ];
    if paused {
        words.insert(1, (Alignment::Right, "paused".to_owned(), theme.alarm()));
    }
    words.extend([
        (Alignment::Left, dialect.to_string(), theme.quiet()),
        (Alignment::Right, format!("{:.1}{of} s", picture.elapsed.as_secs_f64()), theme.quiet()),
        (Alignment::Left, (*url).to_owned(), theme.quiet()),
    ]);
    let inner = Rect { x: area.x + 1, width: area.width - 2, ..area };
    draw_edges(buf, inner, &words);
}

fn draw_help(buf: &mut Buffer, area: Rect, theme: Theme, picture: &Picture) {
    let (at, all) = picture.instrument;
    let mut words: Vec<_> =
        HELP.iter().map(|text| (Alignment::Left, (*text).to_owned(), theme.quiet())).collect();
    if all > 1 {
        words.push((Alignment::Right, format!("instrument {at} of {all}"), theme.quiet()));
    }
    let inner = Rect { x: area.x + 1, width: area.width - 2, ..area };
    draw_edges(buf, inner, &words);
}

/// Draws as many words as fit in one row, the first first: some from the left, some from the right.
fn draw_edges(buf: &mut Buffer, area: Rect, words: &[(Alignment, String, Style)]) {
    if area.is_empty() {
        return;
    }
    let widths: Vec<u16> = words.iter().map(|(_, text, _)| columns_of(text)).collect();
    let shown = fitting(&widths, area.width, WORD_SPACING);
    let (mut left, mut right) = (area.x, area.right());
    for ((side, text, style), width) in words.iter().zip(&widths).take(shown) {
        let x = match side {
            Alignment::Right => {
                right -= width;
                let x = right;
                right = right.saturating_sub(WORD_SPACING);
                x
            }
            _ => {
                let x = left;
                left += width + WORD_SPACING;
                x
            }
        };
        buf.set_span(x, area.y, &Span::styled(text.as_str(), *style), *width);
    }
}
