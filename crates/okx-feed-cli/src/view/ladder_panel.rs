//! The ladder of one book.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::columns::{Column, ColumnSpan, SPACING, draw_columns};
use super::fit::columns_of;
use super::frame::{Frame, draw_frame, draw_words};
use super::layout::LADDER_FRAME;
use super::theme::Theme;
use crate::format::{aligned, clock_text};
use crate::ladder::{Ladder, best};
use okx_feed::{Decimal, Level, Side};

/// The columns of a number if there is room, so that it keeps its place while digits come and go.
pub(super) const NUMBER_COLUMNS: u16 = 12;

/// The columns of the number of orders if there is room, and the least columns of a bar.
const ORDERS_COLUMNS: u16 = 6;
const MIN_BAR: u16 = 4;

/// The columns of a frame with its padding.
pub(super) const FRAME_COLUMNS: u16 = 4;

/// The columns that a ladder needs for its prices and sizes.
pub(super) fn ladder_needs(ladder: &Ladder) -> u16 {
    let numbers = columns_of_ladder(ladder, Theme { colored: false });
    let main = numbers.iter().skip(1).map(Column::needs).sum::<u16>();
    main.saturating_add(SPACING + FRAME_COLUMNS)
}

/// Draws a ladder with as many levels a side as have room, and at most so many.
pub(super) fn draw_ladder(
    buf: &mut Buffer,
    area: Rect,
    theme: Theme,
    name: &str,
    ladder: &Ladder,
    most: usize,
) {
    let (name, state) = (name.to_owned(), Some(ladder.state));
    let frame = Frame { name, state, foot: clock_text(ladder.ts_event) };
    let inner = draw_frame(buf, area, theme, &frame);
    // The row between the sides is in the middle, for every number of levels.
    let room = usize::from(area.height.saturating_sub(LADDER_FRAME) / 2);
    let levels = room.min(most);
    let shown = Ladder {
        asks: best(&ladder.asks, levels).to_vec(),
        bids: best(&ladder.bids, levels).to_vec(),
        ..ladder.clone()
    };
    let columns = columns_of_ladder(&shown, theme);
    let above = u16::try_from(levels - shown.asks.len()).unwrap_or_default();
    let table = Rect { height: inner.height.min(1), ..inner };
    // The head at the top, the levels around the middle.
    let body = Rect { y: table.bottom() + above, ..inner };
    let body = Rect { height: inner.bottom().saturating_sub(body.y), ..body };
    let places = draw_split(buf, (table, body), theme, &columns);
    let [orders, sizes, prices] = places.as_slice() else { return };
    let Some(prices) = prices else {
        return draw_words(buf, inner, theme, "too narrow for the prices");
    };
    let middle = body.y + u16::try_from(shown.asks.len()).unwrap_or_default();
    draw_middle(buf, inner, middle, theme, (*orders, *sizes, *prices), &shown);
    let bars = prices.x + prices.width + SPACING;
    if inner.right() >= bars + MIN_BAR {
        let area = Rect { x: bars, width: inner.right() - bars, ..body };
        draw_bars(buf, area, theme, &shown);
    }
}

/// Orders, sizes and prices from the worst ask to the worst bid, with a row between the sides.
fn columns_of_ladder(ladder: &Ladder, theme: Theme) -> [Column; 3] {
    let Ladder { asks, bids, state, .. } = ladder;
    let rows: Vec<Level> = asks.iter().rev().chain(bids).copied().collect();
    let px = aligned(&rows.iter().map(Level::px).collect::<Vec<_>>());
    let sz = aligned(&rows.iter().map(Level::sz).collect::<Vec<_>>());
    let orders: Vec<String> = rows.iter().map(|level| level.orders().to_string()).collect();
    let of_side = |at: usize| if at < asks.len() { Side::Sell } else { Side::Buy };
    let cells = |texts: Vec<String>, style: &dyn Fn(usize) -> Style, between: (String, Style)| {
        let texts = texts.into_iter().enumerate();
        let mut cells: Vec<_> =
            texts.map(|(at, text)| (text, theme.of_state(*state, style(at)))).collect();
        cells.insert(asks.len().min(cells.len()), between);
        cells
    };
    let mid = ladder.top().mid().map(|mid| mid.to_string()).unwrap_or_default();
    let mid = (mid, theme.of_state(*state, theme.title()));
    let none = (String::new(), Style::new());
    [
        Column::numbers(
            "orders",
            2,
            cells(orders, &|_| theme.quiet(), none.clone()),
            ORDERS_COLUMNS,
        ),
        Column::numbers("size", 1, cells(sz, &|_| Style::new(), none), NUMBER_COLUMNS),
        Column::numbers("price", 0, cells(px, &|at| theme.side(of_side(at)), mid), NUMBER_COLUMNS),
    ]
}

/// Draws heads and cells apart: there may be free rows between them.
fn draw_split(
    buf: &mut Buffer,
    (head, body): (Rect, Rect),
    theme: Theme,
    columns: &[Column],
) -> Vec<Option<ColumnSpan>> {
    let places = draw_columns(buf, head, theme.quiet(), columns);
    for (column, place) in columns.iter().zip(&places) {
        if let Some(place) = place {
            column.draw_cells(buf, body, *place);
        }
    }
    places
}

/// The row between the sides: the middle in the column of prices, the spread to its left if it
/// fits.
fn draw_middle(
    buf: &mut Buffer,
    inner: Rect,
    y: u16,
    theme: Theme,
    (orders, sizes, prices): (Option<ColumnSpan>, Option<ColumnSpan>, ColumnSpan),
    ladder: &Ladder,
) {
    let top = ladder.top();
    let (Some(spread), Some(_)) = (top.spread(), top.mid()) else { return };
    let style = theme.of_state(ladder.state, theme.quiet());
    let text = format!("spread {spread}");
    let end = sizes.or(orders).map_or(inner.x, |place| place.x + place.width);
    if let Some(x) = end.checked_sub(columns_of(&text)).filter(|x| *x >= inner.x) {
        buf.set_span(x, y, &Span::styled(text, style), u16::MAX);
    }
    let label = prices.x + prices.width + SPACING;
    if label + 3 <= inner.right() {
        buf.set_span(label, y, &Span::styled("mid", style), 3);
    }
}

fn draw_bars(buf: &mut Buffer, area: Rect, theme: Theme, ladder: &Ladder) {
    let all = || ladder.asks.iter().rev().map(|level| (level, Side::Sell));
    let bids = ladder.bids.iter().map(|level| (level, Side::Buy));
    let largest = ladder.asks.iter().chain(&ladder.bids).map(Level::sz).max().unwrap_or_default();
    let asks = u16::try_from(ladder.asks.len()).unwrap_or_default();
    let rows = (area.y..area.y + asks).chain(area.y + asks + 1..area.bottom());
    for ((level, side), y) in all().chain(bids).zip(rows) {
        let style = theme.of_state(ladder.state, theme.side(side));
        buf.set_span(
            area.x,
            y,
            &Span::styled(bar(level.sz(), largest, area.width), style),
            area.width,
        );
    }
}

/// A bar as long as a size is large, in eighths of a cell.
fn bar(sz: Decimal, largest: Decimal, cells: u16) -> String {
    share_bar(sz.to_f64() / largest.to_f64(), cells)
}

/// A bar as long as a share of so many cells, in eighths of one; the least is an eighth.
pub(super) fn share_bar(share: f64, cells: u16) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = share * f64::from(cells) * 8.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of few")]
    let eighths = if eighths.is_finite() { eighths.max(1.0) as usize } else { 0 };
    let last = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
    format!("{}{last}", "█".repeat(eighths / 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_sizes_are_large() {
        let bar = |sz: &str| bar(sz.parse().unwrap(), "8".parse().unwrap(), 14).chars().count();
        assert_eq!([bar("8"), bar("4"), bar("0.001")], [14, 7, 1]);
        assert_eq!(super::bar(Decimal::ZERO, Decimal::ZERO, 14), "");
    }
}
